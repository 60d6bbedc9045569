"""What the charts of training curves draw: lines by run and part, with names that are labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backlit.engine import TrainingCurve
from backlit.show.charts.figure import Dash
from backlit.show.names import short

"""A longer name of a run or a metric is cut: it is a label here."""

VALIDATION = "validation_"

DASHES: tuple[Dash, ...] = ("solid", "dashed", "dotted", "dash-dotted")
"""What tells lines of several runs, or layers, apart beside their colours."""

Values = Sequence[float | None]

Pair = tuple[Values | None, Values | None]
"""The numbers of the training rows and of the validation rows, as far as there are any."""


class Drawn(NamedTuple):
    """One line of a chart: of which run, what it is there ("training"), its number of each epoch; `said` names it."""

    run: str
    part: str
    numbers: tuple[int, ...]
    values: Values
    best: int | None
    series: int
    dash: Dash = "solid"
    said: str = ""

    @property
    def name(self) -> str:
        """The name in the legend."""
        return ", ".join(filter(None, (self.run, self.part)))

    @property
    def known(self) -> list[tuple[int, float]]:
        """The epochs whose number is finite."""
        return [(number, value) for number, value in zip(self.numbers, self.values, strict=True) if value is not None]


def named(curves: Mapping[str, TrainingCurve]) -> dict[str, TrainingCurve]:
    """Give the curves by names that are labels, and still differ."""
    named: dict[str, TrainingCurve] = {}
    for number, (name, curve) in enumerate(curves.items(), 1):
        label = short(name) if name or len(curves) > 1 else ""
        while label in named:
            label = f"{label} ({number})"
        named[label] = curve
    return named


def metric_names(curve: TrainingCurve) -> list[str]:
    """Give the metrics that have a chart of their own: "validation_accuracy" stands in that of "accuracy"."""
    return [name for name in curve.metrics if not name.startswith(VALIDATION) or
            name.removeprefix(VALIDATION) not in curve.metrics]  # fmt: skip


def lines_of(curves: Mapping[str, TrainingCurve], pairs: Mapping[str, Pair], what: str) -> list[Drawn]:
    """Give the lines of training and validation rows, which are dashed.

    Of several runs each has a colour, and dashes of its own where there are no validation rows.
    """
    lines = []
    alone = all(validated is None for _, validated in pairs.values())
    for place, (run, curve) in enumerate(curves.items()):
        trained, validated = pairs[run]
        both = trained is not None and validated is not None
        before = f"{run}, " if run else ""
        first = place if len(curves) > 1 else 0
        if trained is not None:
            part = "training" if both else ""
            said = f"{before}{part} {what}" if both else f"{before}{what}"
            lines.append(
                Drawn(run, part, curve.numbers, trained, curve.best, first, dash_of(place if alone else 0), said)
            )
        if validated is not None:
            other = first if len(curves) > 1 else 1
            said = f"{before}validation {what}"
            lines.append(Drawn(run, "validation", curve.numbers, validated, curve.best, other, "dashed", said))
    return lines


def dash_of(place: int) -> Dash:
    """Give the dashes of the line at a place."""
    return DASHES[place % len(DASHES)]
