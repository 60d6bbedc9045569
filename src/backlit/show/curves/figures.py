"""Training curves as figures: the losses, each metric, the gradient norms of the layers, over the epochs.

Curves of several runs lie over each other by name. A scale is logarithmic where the numbers span decades.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from backlit.engine import TrainingCurve
from backlit.errors import BacklitError, counted
from backlit.show.charts.figure import Axis, Figure, Layer, Line, Note, Points, Rule, Symbol
from backlit.show.curves.lines import VALIDATION, Drawn, Pair, dash_of, lines_of, metric_names, named
from backlit.show.curves.words import left_out, numbers_table, sentences, what_is_best
from backlit.show.names import short
from backlit.show.picture import Picture

DECADES = 1.5
"""A scale is logarithmic where the largest number is more than so many powers of ten above the smallest one."""

ZEROS = 0.1
"""Of the numbers on a logarithmic scale that was not asked for, at most such a part is 0, and so not drawn."""

FEW = 12
"""Of at most so many epochs each is marked by a point."""

BEST: tuple[Symbol, ...] = ("ring", "square", "diamond", "triangle", "star")
"""What marks the best epoch of each of several runs."""

HUGE = 1e200
"""Axes of larger numbers are left to the charts."""


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

    Errors: a BacklitError for `log=True` where no loss is above 0, and for another `log`.

    >>> curve = TrainingCurve(epochs=3, numbers=(1, 2, 3), loss=(100.0, 1.0, 0.1), best=3)
    >>> [figure.y.log for figure in curve_figures(curve)]
    [True]
    """
    if log not in {None, True, False}:
        raise BacklitError(f"log is {log!r}; expected True, False, or None to choose by the numbers.")
    by_run = {"": curves} if isinstance(curves, TrainingCurve) else named(curves)
    reach = max((curve.numbers[-1] for curve in by_run.values() if curve.numbers), default=0)
    pairs: dict[str, Pair] = {run: (curve.loss, curve.validation_loss) for run, curve in by_run.items()}
    figures = [_chart(lines_of(by_run, pairs, loss), loss, reach, log=log, told=[left_out(by_run)])]
    told = [left_out(by_run), what_is_best(by_run)]
    for name in dict.fromkeys(name for curve in by_run.values() for name in metric_names(curve)) if metrics else ():
        pairs = {run: (curve.metrics.get(name), curve.metrics.get(f"{VALIDATION}{name}"))
                 for run, curve in by_run.items()}  # fmt: skip
        words = short(name.replace("_", " "))
        figures.append(_chart(lines_of(by_run, pairs, words), words, reach, told=told))
    for run, curve in by_run.items() if gradient_norms else ():
        if curve.gradient_norms:
            lines = [Drawn("", f"layer {label}", curve.numbers, values, curve.best, series, dash_of(series),
                           said=f"gradient norm of layer {label}")
                     for series, (label, values) in enumerate(curve.gradient_norms.items())]  # fmt: skip
            what = "gradient norm of each layer" + (f", {run}" if run else "")
            figures.append(_chart(lines, what, reach, told=[left_out({run: curve}), what_is_best({run: curve})]))
    return figures


# ------------------------------------------------------------------------------------------------------------ a chart


def _chart(
    lines: Sequence[Drawn], what: str, reach: int, *, log: bool | None = None, told: Sequence[str] = ()
) -> Figure:
    """Give the chart of lines over epochs up to the number `reach`; the sentences `told` are said below it."""
    found = [value for line in lines for _, value in line.known]
    logarithmic = bool(found) and (spans_decades(found) if log is None else log)
    if logarithmic and max(found) <= 0.0:
        raise BacklitError(f"log=True asks for a logarithmic scale, but no {what} is above 0; give log=False.")
    layers: list[Layer] = [_line(line) for line in lines if line.known]
    layers += _breaks(lines, max(found)) if found else ()
    layers += _best(lines)
    title = f"{what[:1].upper()}{what[1:]}"
    hidden = ""
    if logarithmic and (below := sum(value <= 0.0 for value in found)):
        hidden = f"{counted(below, 'number')} of 0 or below not drawn"
    if not found:
        layers.append(Note(x=1.0, y=0.5, text=f"no {what} is a finite number" if reach else "no epochs yet"))
    high = _room(found) if found and not logarithmic and any(isinstance(layer, Rule) for layer in layers) else None
    runs = len({line.run for line in lines})
    said = [*sentences(lines), hidden, *told]
    return Figure(
        title=f"{title} over the epochs", summary=" ".join(f"{sentence}." for sentence in said if sentence),
        x=_epochs(lines, reach), y=Axis(f"{what}, on a logarithmic scale" if logarithmic else what, log=logarithmic,
                                        low=None if found else 0.0, high=high if found else 1.0),
        layers=tuple(layers), table=numbers_table(lines, what), height=300 + (12 * len(lines) if runs > 1 else 0),
    )  # fmt: skip


def spans_decades(found: Sequence[float]) -> bool:
    """Whether numbers are for a logarithmic scale: far apart, none below 0 and hardly any of 0.

    >>> spans_decades([1.0, 0.1]), spans_decades([1.0, 0.001]), spans_decades([1.0, 0.001, 0.0])
    (False, True, False)
    """
    positive = [value for value in found if value > 0.0]
    if not positive or min(found) < 0.0 or len(found) - len(positive) > ZEROS * len(found):
        return False
    return math.log10(max(positive)) - math.log10(min(positive)) >= DECADES


def _room(found: Sequence[float]) -> float | None:
    """Give an upper end that leaves room for the text of a line across; None where the numbers are all the same."""
    low, high = min(found), max(found)
    return high + 0.12 * (high - low) if low < high < HUGE else None


def _line(line: Drawn) -> Line:
    values = [math.nan if value is None else value for value in line.values]
    known = np.isfinite(np.array([math.nan, *values, math.nan]))
    alone = bool((known[1:-1] & ~known[:-2] & ~known[2:]).any())  # a line is not seen where it is one point
    return Line(x=line.numbers, y=values, name=line.name, series=line.series, dash=line.dash,
                dots=alone or len(values) <= FEW)  # fmt: skip


def _breaks(lines: Sequence[Drawn], top: float) -> Iterator[Points]:
    """Mark at the top the epochs whose number is not finite, in the colour of their line."""
    named = False
    for line in lines:
        broken = [number for number, value in zip(line.numbers, line.values, strict=True) if value is None]
        if broken:
            yield Points(x=broken, y=[top] * len(broken), name="" if named else "not finite", series=line.series,
                         symbol="cross", size=4.0)  # fmt: skip
            named = True


def _best(lines: Sequence[Drawn]) -> Iterator[Layer]:
    """Mark the best epoch: by a line across in the chart of one run, by symbols on the lines of several."""
    bests = {line.run: line.best for line in lines if line.best is not None}
    if len(bests) == 1:
        (best,) = bests.values()
        yield Rule(x=best, text=f"best epoch {best:,}")
        return
    last = {line.run: line for line in lines}  # that of the validation rows, where there is one
    named = False
    for line in last.values():
        at = dict(line.known).get(line.best or 0)
        if at is not None and line.best is not None:
            name = "" if named else "best epoch of each"
            yield Points(x=(line.best,), y=(at,), name=name, series=line.series, size=5.0,
                         symbol=BEST[line.series % len(BEST)])  # fmt: skip
            named = True


def _epochs(lines: Sequence[Drawn], reach: int) -> Axis:
    """Give the axis of the epochs; the numbers of few of them are whole."""
    first = min((line.numbers[0] for line in lines if line.numbers), default=1)
    if reach - first < 6:
        places = range(first, max(reach, first) + 1)
        edge = 1.0 if reach <= first else 0.15
        return Axis("epoch", low=first - edge, high=max(reach, first) + edge,
                    marks=tuple((place, str(place)) for place in places))  # fmt: skip
    return Axis("epoch")
