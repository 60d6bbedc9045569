"""Training curves as figures: the losses, each metric, the gradient norms of the layers, over the epochs.

Curves of several runs lie over each other by name. A scale is logarithmic where the numbers span decades.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from backlit.engine import TrainingCurve
from backlit.errors import BacklitError, counted
from backlit.show.charts.figure import Axis, DataTable, Figure, Layer, Line, Note, Points, Rule
from backlit.show.picture import Picture

DECADES = 2.0
"""A scale is logarithmic where the largest number is more than so many powers of ten above the smallest one."""

ZEROS = 0.1
"""Of the numbers on a logarithmic scale that was not asked for, at most such a part is 0, and so not drawn."""

ROWS = 14
"""About so many epochs stand in a chart's table."""

FEW = 12
"""Of at most so many epochs each is marked by a point."""

LONGEST = 40
"""A longer name of a metric is cut: it is a label here."""

VALIDATION = "validation_"

Values = Sequence[float | None]


class Drawn(NamedTuple):
    """One line of a chart: of which run, what it is called there ("training"), and its number of each epoch."""

    run: str
    part: str
    numbers: tuple[int, ...]
    values: Values
    best: int | None
    series: int
    dashed: bool = False

    @property
    def name(self) -> str:
        """The name in the legend."""
        return ", ".join(filter(None, (self.run, self.part)))

    @property
    def known(self) -> list[tuple[int, float]]:
        """The epochs whose number is finite."""
        return [(number, value) for number, value in zip(self.numbers, self.values, strict=True) if value is not None]


def curve_picture(
    curves: Mapping[str, TrainingCurve], *, gradient_norms: bool = False, metrics: bool = True, log: bool | None = None,
) -> Picture:  # fmt: skip
    """Give the picture of curves by name, as `curve_figures` draws them; one alone may have the name ""."""
    record = next(iter(curves.values())) if len(curves) == 1 else dict(curves)
    figures = curve_figures(curves, gradient_norms=gradient_norms, metrics=metrics, log=log)
    return Picture(figures, record, title="Training curves" if len(figures) > 1 else "")


def curve_figures(
    curves: TrainingCurve | Mapping[str, TrainingCurve], *, gradient_norms: bool = False, metrics: bool = True,
    log: bool | None = None, loss: str = "loss",
) -> list[Figure]:  # fmt: skip
    """Give the charts of a training, or of several by name: the losses, then a chart for each metric, then the norms.

    Args:
        curves: a curve, or several by the names of their runs, whose lines lie over each other.
        gradient_norms: whether to draw a chart of the gradient norms for each run that has them.
        metrics: whether to draw the metrics.
        log: whether the losses are on a logarithmic scale; by default where they span decades.
        loss: what the loss is called.

    Errors: a BacklitError for `log=True` where no loss is above 0.

    >>> curve = TrainingCurve(epochs=3, numbers=(1, 2, 3), loss=(100.0, 1.0, 0.1), best=3)
    >>> [figure.y.log for figure in curve_figures(curve)]
    [True]
    """
    by_run = {"": curves} if isinstance(curves, TrainingCurve) else dict(curves)
    figures = [_chart(_losses(by_run), loss, _reach(by_run), log=log, told=_told(by_run))]
    if metrics:
        for name in dict.fromkeys(name for curve in by_run.values() for name in _metric_names(curve)):
            figures.append(_chart(_metric(by_run, name), _words(name), _reach(by_run), told=_told(by_run)))
    if gradient_norms:
        for run, curve in by_run.items():
            if curve.gradient_norms:
                lines = [Drawn("", f"layer {label}", curve.numbers, values, curve.best, series)
                         for series, (label, values) in enumerate(curve.gradient_norms.items())]  # fmt: skip
                what = "norm of the gradient of each layer" + (f", {run}" if run else "")
                figures.append(_chart(lines, what, curve.epochs, told=_told({run: curve}), monitored=False))
    return figures


# ----------------------------------------------------------------------------------------------------- what is drawn


def _losses(curves: Mapping[str, TrainingCurve]) -> list[Drawn]:
    lines = []
    for series, (run, curve) in enumerate(curves.items()):
        pair = curve.validation_loss is not None
        colours = (series, series) if len(curves) > 1 else (0, 1)
        part = "training" if pair or not run else ""
        lines.append(Drawn(run, part, curve.numbers, curve.loss, None if pair else curve.best, colours[0]))
        if curve.validation_loss is not None:
            lines.append(Drawn(run, "validation", curve.numbers, curve.validation_loss, curve.best, colours[1], True))
    return lines


def _metric_names(curve: TrainingCurve) -> list[str]:
    """Give the metrics that have a chart of their own: "validation_accuracy" stands in that of "accuracy"."""
    return [name for name in curve.metrics if name.removeprefix(VALIDATION) not in curve.metrics or
            not name.startswith(VALIDATION)]  # fmt: skip


def _metric(curves: Mapping[str, TrainingCurve], name: str) -> list[Drawn]:
    lines = []
    for series, (run, curve) in enumerate(curves.items()):
        colours = (series, series) if len(curves) > 1 else (0, 1)
        values, other = curve.metrics.get(name), curve.metrics.get(f"{VALIDATION}{name}")
        part = "training" if other is not None or not run else ""
        if values is not None:
            lines.append(Drawn(run, part, curve.numbers, values, curve.best, colours[0]))
        if other is not None:
            lines.append(Drawn(run, "validation", curve.numbers, other, curve.best, colours[1], True))
    return lines


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 4]}…{words[-3:]}"


def _reach(curves: Mapping[str, TrainingCurve]) -> int:
    return max((curve.numbers[-1] for curve in curves.values() if curve.numbers), default=0)


def _told(curves: Mapping[str, TrainingCurve]) -> str:
    """Say of what the numbers are, and how many of the epochs are drawn where these are not all."""
    whats = dict.fromkeys(curve.what for curve in curves.values() if curve.what)
    kept, count = (max(map(measure, curves.values()), default=0)
                   for measure in (lambda curve: len(curve.numbers), lambda curve: curve.epochs))  # fmt: skip
    thinned = (
        f"{kept:,} of {counted(count, 'epoch')} are drawn, with the highest and the lowest" if kept < count else ""
    )
    return "; ".join([*whats, *filter(None, [thinned])])


# ------------------------------------------------------------------------------------------------------------ a chart


def _chart(
    lines: Sequence[Drawn], what: str, reach: int, *, log: bool | None = None, told: str = "", monitored: bool = True,
) -> Figure:  # fmt: skip
    """Give the chart of lines over epochs up to the number `reach`.

    `told` goes below, `monitored` marks where the lines are at the best epoch.
    """
    found = [value for line in lines for _, value in line.known]
    logarithmic = bool(found) and (_spans_decades(found) if log is None else log)
    if logarithmic and max(found) <= 0.0:
        raise BacklitError(f"log=True asks for a logarithmic scale, but no {what} is above 0; give log=False.")
    layers: list[Layer] = [_line(line) for line in lines if line.known]
    layers += _breaks(lines)
    layers += _best(lines, points=monitored)
    title = f"{what[:1].upper()}{what[1:]}"
    left_out = sum(value <= 0.0 for value in found) if logarithmic else 0
    hidden = f"{counted(left_out, 'number')} of 0 or below {'is' if left_out == 1 else 'are'} not drawn" * bool(
        left_out
    )
    if not found:
        layers.append(
            Note(x=1.0, y=0.5, text=f"no {what} to draw yet" if not reach else f"no {what} is a finite number")
        )
    sentences = [*_sentences(lines), hidden, told]
    return Figure(
        title=f"{title} over the epochs", summary=" ".join(f"{said}." for said in sentences if said),
        x=_epochs(lines, reach), y=Axis(f"{what}, on a logarithmic scale" if logarithmic else what, log=logarithmic,
                                        low=None if found else 0.0, high=None if found else 1.0),
        layers=tuple(layers), table=_table(lines),
        legend=len(lines) > 1 or any(line.run for line in lines),
    )  # fmt: skip


def _spans_decades(found: Sequence[float]) -> bool:
    positive = [value for value in found if value > 0.0]
    if not positive or min(found) < 0.0 or len(found) - len(positive) > ZEROS * len(found):
        return False
    return math.log10(max(positive)) - math.log10(min(positive)) >= DECADES


def _line(line: Drawn) -> Line:
    values = [math.nan if value is None else value for value in line.values]
    known = np.isfinite(np.array([math.nan, *values, math.nan]))
    alone = bool((known[1:-1] & ~known[:-2] & ~known[2:]).any())  # a line is not seen where it is one point
    return Line(x=line.numbers, y=values, name=line.name, series=line.series, dash="dashed" if line.dashed else "solid",
                dots=alone or len(values) <= FEW)  # fmt: skip


def _breaks(lines: Sequence[Drawn]) -> Iterator[Rule]:
    """Mark the first epoch of each line whose number is not finite."""
    for line in lines:
        broken = [number for number, value in zip(line.numbers, line.values, strict=True) if value is None]
        if broken and line.known:
            yield Rule(x=broken[0], text=f"{line.name or 'it'} not finite in epoch {broken[0]:,}", series=line.series)


def _best(lines: Sequence[Drawn], *, points: bool) -> Iterator[Layer]:
    """Mark the best epoch: by a line across in the chart of one run, by a ring on the curves that have one."""
    runs = {line.run: line.best for line in lines if line.best is not None}
    if len({line.run for line in lines}) == 1 and runs:
        (best,) = runs.values()
        yield Rule(x=best, text=f"best epoch {best:,}")
    for line in lines if points else ():
        at = dict(line.known).get(line.best or 0)
        if at is not None and line.best is not None:
            yield Points(x=(line.best,), y=(at,), series=line.series, symbol="ring", size=5.0)


def _epochs(lines: Sequence[Drawn], reach: int) -> Axis:
    """Give the axis of the epochs; the numbers of few of them are whole."""
    first = min((line.numbers[0] for line in lines if line.numbers), default=1)
    if reach - first < 6:
        places = range(first, max(reach, first) + 1)
        edge = 1.0 if reach <= first else 0.15
        return Axis("epoch", low=first - edge, high=max(reach, first) + edge,
                    marks=tuple((place, str(place)) for place in places))  # fmt: skip
    return Axis("epoch")


# ----------------------------------------------------------------------------------------------- in words and numbers


def _sentences(lines: Sequence[Drawn]) -> Iterator[str]:
    """Say where each line begins and ends, and where it is lowest or highest in between."""
    for line in lines:
        if not line.known:
            continue
        (first, begin), (last, end) = line.known[0], line.known[-1]
        low, high = min(line.known, key=lambda at: at[1]), max(line.known, key=lambda at: at[1])
        name = line.name or "it"
        if first == last:
            yield f"{name}: {begin:.4g} in epoch {first:,}"
            continue
        said = f"{name}: from {begin:.4g} in epoch {first:,} to {end:.4g} in epoch {last:,}"
        said += f", lowest {low[1]:.4g} in epoch {low[0]:,}" if low[1] < min(begin, end) else ""
        yield said + (f", highest {high[1]:.4g} in epoch {high[0]:,}" if high[1] > max(begin, end) else "")


def _table(lines: Sequence[Drawn]) -> DataTable:
    """Give the numbers of some epochs: the first, the best, the last, and others at even distances."""
    runs = dict.fromkeys(line.run for line in lines)
    parts = list(dict.fromkeys(line.part for line in lines))
    rows = []
    for run in runs:
        own = {line.part: line for line in lines if line.run == run}
        numbers = next(iter(own.values())).numbers
        best = next((line.best for line in own.values() if line.best is not None), None)
        places = {*np.linspace(0, len(numbers) - 1, min(ROWS, len(numbers))).round().astype(int).tolist()}
        places |= {numbers.index(best)} if best in numbers else set()
        for place in sorted(places):
            cells = (_cell(own[part].values[place]) if part in own else "" for part in parts)
            rows.append((*([run] if any(runs) else []), f"{numbers[place]:,}", *cells,
                         "best" if numbers[place] == best else ""))  # fmt: skip
    head = (*(["run"] if any(runs) else []), "epoch", *(part or "value" for part in parts), "")
    return DataTable(head, tuple(rows), numbers=int(any(runs)))


def _cell(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.6g}"
