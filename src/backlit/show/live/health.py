"""The panel health: what gradients, updates and units did, layer by layer, over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

import msgspec

from backlit.engine import TrainingSignals
from backlit.errors import counted
from backlit.show.charts.figure import Figure, Rule
from backlit.show.live.figures import figure_part, narrow
from backlit.show.signals.figures import signal_figures
from backlit.show.signals.table import signals_table

HEIGHT = 250

ALWAYS = ("gradient_norm", "update_ratio")
WHERE_DEFINED = ("saturated", "dead")


class Range(NamedTuple):
    """What is healthy of a signal, in words, and the numbers from which on it is not, with a word for each."""

    words: str
    limits: tuple[tuple[float, str], ...] = ()


def health_html(signals: TrainingSignals, ranges: Mapping[str, Range], replayed: int | None, none: str) -> str:
    """Give the panel.

    Args:
        signals: the record. ranges: what is healthy, by signal.
        replayed: the epoch that is looked at, or None. none: why there are no signals, where there are none.
    """
    if not signals.numbers:
        return f'<h2>Signals</h2><p class="note" role="status">{escape(none)}</p>'
    shown = [*ALWAYS, *(name for name in WHERE_DEFINED if _defined(signals, name))]
    parts = []
    for name in shown:
        (figure,) = signal_figures(signals, (name,))
        limits = _limits(figure, ranges[name], replayed)
        figure = narrow(msgspec.structs.replace(figure, layers=(*figure.layers, *limits)), HEIGHT)
        parts.append(figure_part(figure, f"health-{name.replace('_', '-')}", said=ranges[name].words))
    table = signals_table(signals)
    missing = [name for name in WHERE_DEFINED if name not in shown]
    told = "" if not missing else (
        '<p class="note">The activations here are nowhere flat, so no unit is saturated or dead.</p>'
    )  # fmt: skip
    rows = "".join(
        "<tr>" + "".join(f'<th scope="row">{escape(text)}</th>' if k == 0 else f'<td class="number">{escape(text)}</td>'
                         for k, text in enumerate(row)) + "</tr>"
        for row in table.rows
    )  # fmt: skip
    head = "".join(
        f'<th scope="col"{"" if k == 0 else " class=number"}>{escape(text)}</th>' for k, text in enumerate(table.head)
    )
    be = "is" if len(signals.numbers) == 1 else "are"
    return (
        '<h2>Signals</h2><p class="note">A line for each layer with weights, measured at the last batch of an epoch: '
        f"{len(signals.numbers):,} of {counted(signals.epochs, 'epoch')} {be} drawn.</p>"
        f'<div class="pair">{"".join(parts)}</div>{told}'
        f'<details id="health-all"><summary>All signals of epoch {signals.numbers[-1]:,}</summary>'
        f'<div class="wide" tabindex="0" role="group" aria-label="All signals"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _defined(signals: TrainingSignals, name: str) -> bool:
    return any(value is not None for layer in signals.layers.values() for value in layer[name])


def _limits(figure: Figure, healthy: Range, replayed: int | None) -> list[Rule]:
    """Give the lines across: where a limit lies near the numbers, and the epoch that is looked at."""
    found = [float(value) for layer in figure.layers for value in getattr(layer, "y", ()) or ()
             if math.isfinite(value)]  # fmt: skip
    top, bottom = max(found, default=0.0), min((value for value in found if value > 0.0), default=0.0)
    rules = [
        Rule(y=limit, text=text) for limit, text in healthy.limits
        if figure.y.high == 1.0 or (bottom <= limit <= top) or (figure.y.log and bottom / 30 <= limit <= 30 * top)
    ]  # fmt: skip
    return rules + ([Rule(x=float(replayed), text=f"epoch {replayed:,}")] if replayed else [])
