"""The bar of the live page: what runs the training, how far it is and how good, and the way back to earlier moments."""

from __future__ import annotations

import math
from html import escape
from typing import Any, NamedTuple

from backlit.analysis.live.score import LiveScore
from backlit.errors import counted
from backlit.show.live.numbers import printed


class Moment(NamedTuple):
    """A moment: epochs that have ended, batches of the epoch that was begun, updates in all."""

    epoch: int
    batch: int
    step: int


class Ending(NamedTuple):
    """How a training ended: `stopped` says why, `told` what it warned of, both "" if nothing.

    `limit` names the setting that ended it, `update` is the update at which it diverged, `best` the epoch whose weights
    the network has then; 0 where there is none.
    """

    stopped: str
    told: str
    limit: str
    update: int
    best: int


class RunState(NamedTuple):
    """What the bar shows.

    `now` is the moment looked at, `place` its number among the `moments` kept, from 0 on, `last` the last of them;
    `replayed` says that it is an earlier one. `ended_epochs` of `epochs` have ended, an epoch has `batches`. `speed` is
    the updates a second, infinite at full speed, one of `speeds`; `pace` is how many there are as measured. `steps`
    says whether the page has the view of one row.
    """

    now: Moment
    epochs: int
    batches: int
    ended_epochs: int
    score: LiveScore
    playing: bool
    speed: float
    speeds: tuple[int, ...]
    pace: float
    place: int
    moments: int
    replayed: bool
    last: Moment
    ending: Ending
    steps: bool = True


GO_ON = {"epochs": "more epochs", "target": "Go on without the target", "patience": "Go on without patience",
         "time_limit": "Go on without the time limit"}  # fmt: skip


def bar_html(state: RunState) -> str:
    """Give the bar whole."""
    texts = {key: escape(text) for key, text in _texts(state).items()}
    said = "Opens One row; there it goes to the next row of the batch. After the last row it makes the update"
    row = f'<button id="bar-row" data-do="step.next_row" title="{said}">Next row</button>' if state.steps else ""
    off = ' aria-disabled="true" aria-describedby="bar-ended"' if state.ending.limit == "epochs" else ""
    return (
        '<div class="bar-buttons" role="group" aria-label="Training">'
        f'<button id="bar-play" class="main" data-do="bar.{"pause" if state.playing else "play"}" '
        f'aria-keyshortcuts="Space" title="Space"{off}>{texts["bar-play"]}</button>'
        + _button("bar-epoch", "bar.advance", "One epoch", '{"epochs":1}', off)
        + _button("bar-batch", "bar.advance", "One batch", '{"updates":1}', off)
        + f"{row}"
        f"{_button('bar-reset', 'bar.reset', 'Reset')}</div>"
        f'<label class="bar-speed">Speed {_speeds(state)}</label>'
        f'<p class="bar-state"><span id="bar-place">{texts["bar-place"]}</span> '
        f'<span id="bar-pace" class="quiet">{texts["bar-pace"]}</span></p>'
        f'<p class="bar-scores" id="bar-scores"{_sampled(state)}>{_scores(state)}</p>'
        f"{_replay(state)}"
        f'<p data-errors role="alert"></p>{ending_html(state)}'
    )


def _button(key: str, does: str, words: str, given: str = "", off: str = "") -> str:
    more = (f" data-given='{given}'" if given else "") + off
    return f'<button id="{key}" data-do="{does}"{more}>{words}</button>'


def _speeds(state: RunState) -> str:
    options = [(speed, f"{counted(speed, 'update')} a second") for speed in state.speeds] + [(0, "full speed")]
    chosen = 0 if math.isinf(state.speed) else state.speed
    return '<select id="bar-speed">' + "".join(
        f'<option value="{speed}"{" selected" if speed == chosen else ""}>{words}' for speed, words in options
    ) + "</select>"  # fmt: skip


def _sampled(state: RunState) -> str:
    return f' title="{escape(state.score.sampled)}"' if state.score.sampled else ""


def _scores(state: RunState) -> str:
    """Give the places of the numbers: the loss and the metric, of training and validation rows."""
    score, texts = state.score, _texts(state)
    parts = []
    for name, key in (("Loss", "loss"), (_capital(score.metric), "metric")):
        if not name:
            continue
        own = f'<b id="bar-{key}">{escape(texts[f"bar-{key}"])}</b>'
        if score.validation_loss is not None:
            other = escape(texts[f"bar-validation-{key}"])
            own += f', validation <b id="bar-validation-{key}">{other}</b>'
        parts.append(f"<span>{name} {own}</span>")
    sample = f'<span class="quiet">({escape(score.sampled)})</span>' if score.sampled else ""
    return " ".join([*parts, sample]).strip()


def _replay(state: RunState) -> str:
    now = "" if state.replayed else " hidden"
    return (
        '<div class="bar-replay"><label for="bar-moment">Replay</label>'
        f'<input type="range" id="bar-moment" min="0" max="{max(state.moments - 1, 0)}" value="{state.place}" '
        f'aria-valuetext="{escape(moment_words(state))}"{" disabled" if state.moments < 2 else ""}>'
        f'<button id="bar-now" data-do="bar.now"{now}>Back to now</button></div>'
    )


def ending_html(state: RunState) -> str:
    """Say what ended the training and what can be done, and what it warned of."""
    words, ending = ending_words(state), state.ending
    if not words:
        return ""
    offer = ""
    if ending.limit == "epochs":
        offer = _button("bar-on", "bar.go_on", f"{counted(state.epochs, 'more epoch')}")
    elif ending.limit:
        offer = _button("bar-on", "bar.go_on", GO_ON[ending.limit])
    poor = " poor" if ending.stopped and not ending.limit else ""
    return f'<div class="bar-ending{poor}"><p id="bar-ended">{escape(words)}</p>{offer}</div>'


def ending_words(state: RunState) -> str:
    """Give the words of an end and of warnings; nothing where there are none."""
    stopped, told, limit, update, best = state.ending
    said = []
    if update:
        said.append(f"Update {update:,}: {told or stopped}")
    elif limit == "epochs" and state.epochs > 1:
        said.append(f"All {state.epochs:,} epochs are done.")
    elif stopped:
        said.append(f"{_capital(stopped.rstrip('.'))}.")
    if best and not update:
        said.append(f"The network has the weights of its best epoch, {best:,}.")
    if told and not update:
        said.append(told)
    if stopped and not limit:
        said.append("Reset begins anew at the first weights.")
    return " ".join(said)


def bar_layout(state: RunState) -> str:
    """Name what stays: the buttons and the message, so that a button under the mouse is the same one all the time."""
    score, speed = state.score, state.speed
    return f"bar {ending_words(state)} {state.ending.limit} {speed} {score.metric} {score.sampled} {state.epochs}" + (
        " validated" if score.validation_loss is not None else ""
    )


def bar_numbers(state: RunState) -> dict[str, Any]:
    """Give what changes: the texts by the places where they stand, the moments, and what is read out."""
    return {
        "playing": state.playing, "texts": _texts(state), "place": state.place, "moments": state.moments,
        "replayed": state.replayed, "moment": moment_words(state), "said": said_words(state),
    }  # fmt: skip


def _texts(state: RunState) -> dict[str, str]:
    score = state.score
    texts = {
        "bar-play": "Pause" if state.playing else "Play", "bar-place": place_words(state),
        "bar-pace": pace_words(state), "bar-loss": number(score.loss), "bar-metric": metric(score.metric, score.value),
    }  # fmt: skip
    if score.validation_loss is not None and score.validation_value is not None:
        texts["bar-validation-loss"] = number(score.validation_loss)
        texts["bar-validation-metric"] = metric(score.metric, score.validation_value)
    return texts


def place_words(state: RunState) -> str:
    """Say how far the moment is.

    An epoch of one batch has no place within.
    """
    epoch, batch, step = state.now
    of = state.ended_epochs if state.replayed else state.epochs
    words = f"{epoch:,} of {counted(of, 'epoch')}"
    words += f" and {batch} of {state.batches:,} batches" if batch else ""
    return f"{'Replayed: ' if state.replayed else ''}{words}, {counted(step, 'update')}"


def pace_words(state: RunState) -> str:
    """Say how fast it trains, as measured."""
    if not state.playing or state.pace <= 0.0:
        return ""
    pace = f"{float(f'{state.pace:.3g}'):,.0f}" if state.pace >= 10.0 else f"{state.pace:.2g}"
    return (
        f"{'full speed: ' if math.isinf(state.speed) else ''}{pace} {'update' if pace == '1' else 'updates'} a second"
    )


def moment_words(state: RunState) -> str:
    """Say which moment the slider is at: the epoch, and the batch within it."""
    epoch, batch, _ = state.now
    within = f", batch {batch} of {state.batches:,}" if batch else ""
    return f"epoch {epoch:,} of {state.ended_epochs:,}{within}" + ("" if state.replayed else ", now")


def said_words(state: RunState) -> str:
    """Give the state in a sentence, to be read out."""
    doing = "Playing" if state.playing else "Replayed" if state.replayed else "Paused"
    if state.ending.stopped and not state.playing and not state.replayed:
        doing = ending_words(state).rstrip(".")
    score = state.score
    words = f"loss {number(score.loss)}{_metric_words(score.metric, score.value)}"
    if score.validation_loss is not None and score.validation_value is not None:
        words += f"; validation loss {number(score.validation_loss)}"
        words += _metric_words(score.metric, score.validation_value)
    return f"{doing}. {place_words(state).removeprefix('Replayed: ')}; {words}."


FAR = 1_000.0
"""An R² that is so far from 1 is written like a loss."""


def _metric_words(name: str, value: float) -> str:
    return f", {name} {metric(name, value)}" if name else ""


def number(value: float) -> str:
    """Give a loss to four digits."""
    return printed(f"{value:.4g}") if math.isfinite(value) else "not a finite number"


def metric(name: str, value: float) -> str:
    """Give a metric: an accuracy in percent, R² to three digits, or to four in all where it is far below 0.

    >>> metric("accuracy", 0.9558), metric("R²", -0.25), metric("R²", -1.35e59)
    ('95.6 %', '−0.250', '−1.35×10⁵⁹')
    """
    if not math.isfinite(value):
        return "none"
    if name == "accuracy":
        return f"{100.0 * value:.1f} %"
    return f"{value:.3f}".replace("-", "−") if abs(value) < FAR else number(value)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
