"""The panel around a network that is drawn live: what it may show instead, and how it is used by keyboard."""

from __future__ import annotations

from backlit.analysis.live.records import LiveOutline

HINT = "Point at a unit; click a line for its chain rule."
"""How the drawing is used."""


def network_panel_html(drawing: str, outline: LiveOutline, *, slopes: bool) -> str:
    """Give the drawing with its controls."""
    modes = "".join(
        f'<button id="network-{name}" data-do="network.mode" data-given=\'{{"slopes":{given}}}\' '
        f'aria-pressed="{"true" if on else "false"}">{label}</button>'
        for name, given, on, label in (
            ("weights", "false", not slopes, "Weights"), ("slopes", "true", slopes, "Slopes ∂E/∂w"),
        )
    ) if outline.edges else ""  # fmt: skip
    folded = any(not column.block and column.size > len(column.units) for column in outline.columns)
    again = (
        '<button id="network-choose" data-do="network.choose" title="Draw the units with the strongest weights now">'
        "Choose units anew</button>" if folded else ""
    )  # fmt: skip
    hint = f'<span class="note">{HINT}</span>' if outline.edges else ""
    return (f'<h2 class="unseen">Network</h2><div class="net-modes" role="group" aria-label="Edges show">{modes}{again}'
            f'{hint}</div><p data-errors role="alert"></p>{drawing}'
            f'<p class="net-told" aria-hidden="true"></p>')  # fmt: skip
