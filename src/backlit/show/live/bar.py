"""The bar of the live page."""

from __future__ import annotations

from html import escape


def bar_html(epoch: int, step: int, loss: float | None, playing: bool, stopped: str, told: str) -> str:
    """Give the buttons that run the training, and how far it is."""
    play = ("bar.pause", "Pause") if playing else ("bar.play", "Play")
    said = " ".join(filter(None, (stopped, told)))
    known = "" if loss is None else f" · loss {loss:.4g}"
    return (
        f'<button id="bar-play" data-do="{play[0]}">{play[1]}</button>'
        '<button id="bar-epoch" data-do="bar.advance" data-given=\'{"epochs":1}\'>One epoch</button>'
        '<button id="bar-batch" data-do="bar.advance" data-given=\'{"updates":1}\'>One batch</button>'
        '<button id="bar-reset" data-do="bar.reset">Reset</button>'
        f'<p id="bar-state" role="status">epoch {epoch} · update {step}{known} {escape(said)}</p>'
    )
