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

DECADES = 1.5
"""A scale is logarithmic where the largest number is more than so many powers of ten above the smallest one."""

ZEROS = 0.1
"""Of the numbers on a logarithmic scale that was not asked for, at most such a part is 0, and so not drawn."""

ROWS = 14
"""About so many epochs stand in a chart's table."""

FEW = 12
"""Of at most so many epochs each is marked by a point."""

LONGEST = 40
"""A longer name of a run or a metric is cut: it is a label here."""

SAID = 6
"""Of more lines the others stand in the table alone."""

VALIDATION = "validation_"

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
    dashed: bool = False
    said: str = ""

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
    by_run = {"": curves} if isinstance(curves, TrainingCurve) else _named(curves)
    reach = max((curve.numbers[-1] for curve in by_run.values() if curve.numbers), default=0)
    pairs: dict[str, Pair] = {run: (curve.loss, curve.validation_loss) for run, curve in by_run.items()}
    figures = [_chart(_lines(by_run, pairs, loss), loss, reach, log=log, told=_told(by_run))]
    for name in dict.fromkeys(name for curve in by_run.values() for name in _metric_names(curve)) if metrics else ():
        pairs = {run: (curve.metrics.get(name), curve.metrics.get(f"{VALIDATION}{name}"))
                 for run, curve in by_run.items()}  # fmt: skip
        words = shown_name(name.replace("_", " "))
        figures.append(_chart(_lines(by_run, pairs, words), words, reach, told=_told(by_run)))
    for run, curve in by_run.items() if gradient_norms else ():
        if curve.gradient_norms:
            lines = [Drawn("", f"layer {label}", curve.numbers, values, curve.best, series,
                           said=f"gradient norm of layer {label}")
                     for series, (label, values) in enumerate(curve.gradient_norms.items())]  # fmt: skip
            what = "gradient norm of each layer" + (f", {run}" if run else "")
            figures.append(_chart(lines, what, reach, told=_told({run: curve})))
    return figures


# ----------------------------------------------------------------------------------------------------- what is drawn


def shown_name(name: str) -> str:
    """Give a name as a label: in a line, without characters that turn or hide others, and not too long.

    >>> shown_name("loss\\n of \\u202e it"), shown_name(" ")
    ('loss of it', '(no name)')
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in name).split()) or "(no name)"
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 4]}…{line[-3:]}"


def _named(curves: Mapping[str, TrainingCurve]) -> dict[str, TrainingCurve]:
    """Give the curves by names that are labels, and still differ."""
    named: dict[str, TrainingCurve] = {}
    for number, (name, curve) in enumerate(curves.items(), 1):
        label = shown_name(name) if name or len(curves) > 1 else ""
        named[f"{label} ({number})" if label in named else label] = curve
    return named


def _metric_names(curve: TrainingCurve) -> list[str]:
    """Give the metrics that have a chart of their own: "validation_accuracy" stands in that of "accuracy"."""
    return [name for name in curve.metrics if not name.startswith(VALIDATION) or
            name.removeprefix(VALIDATION) not in curve.metrics]  # fmt: skip


def _lines(curves: Mapping[str, TrainingCurve], pairs: Mapping[str, Pair], what: str) -> list[Drawn]:
    """Give the lines of training and validation rows; those of a run have one colour where there are several runs."""
    lines = []
    for place, (run, curve) in enumerate(curves.items()):
        trained, validated = pairs[run]
        both = trained is not None and validated is not None
        before = f"{run}, " if run else ""
        first = place if len(curves) > 1 else 0
        if trained is not None:
            part = "training" if both else ""
            said = f"{before}{part} {what}" if both else f"{before}{what}"
            lines.append(Drawn(run, part, curve.numbers, trained, curve.best, first, said=said))
        if validated is not None:
            other = first if len(curves) > 1 else 1
            said = f"{before}validation {what}"
            lines.append(Drawn(run, "validation", curve.numbers, validated, curve.best, other, True, said))
    return lines


def _told(curves: Mapping[str, TrainingCurve]) -> str:
    """Say of what the numbers are, and how many of the epochs are drawn where these are not all."""
    whats = dict.fromkeys(curve.what for curve in curves.values() if curve.what)
    kept = max((len(curve.numbers) for curve in curves.values()), default=0)
    count = max((curve.epochs for curve in curves.values()), default=0)
    thinned = (
        [f"{kept:,} of {counted(count, 'epoch')} are drawn, with the highest and the lowest"] if kept < count else []
    )
    return "; ".join([*whats, *thinned])


# ------------------------------------------------------------------------------------------------------------ a chart


def _chart(lines: Sequence[Drawn], what: str, reach: int, *, log: bool | None = None, told: str = "") -> Figure:
    """Give the chart of lines over epochs up to the number `reach`; `told` is said below it."""
    found = [value for line in lines for _, value in line.known]
    logarithmic = bool(found) and (spans_decades(found) if log is None else log)
    if logarithmic and max(found) <= 0.0:
        raise BacklitError(f"log=True asks for a logarithmic scale, but no {what} is above 0; give log=False.")
    layers: list[Layer] = [_line(line) for line in lines if line.known]
    layers += _breaks(lines, max(found)) if found else ()
    layers += _best(lines)
    title = f"{what[:1].upper()}{what[1:]}"
    hidden = ""
    if logarithmic and (left_out := sum(value <= 0.0 for value in found)):
        hidden = f"{counted(left_out, 'number')} of 0 or below not drawn"
    if not found:
        layers.append(Note(x=1.0, y=0.5, text=f"no {what} is a finite number" if reach else "no epochs yet"))
    high = _room(found) if found and not logarithmic and any(isinstance(layer, Rule) for layer in layers) else None
    runs = len({line.run for line in lines})
    sentences = [*_sentences(lines), hidden, told]
    return Figure(
        title=f"{title} over the epochs", summary=" ".join(f"{said}." for said in sentences if said),
        x=_epochs(lines, reach), y=Axis(f"{what}, on a logarithmic scale" if logarithmic else what, log=logarithmic,
                                        low=None if found else 0.0, high=high if found else 1.0),
        layers=tuple(layers), table=_table(lines), height=300 + (12 * len(lines) if runs > 1 else 0),
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
    return max(found) + 0.12 * (max(found) - min(found)) if max(found) > min(found) else None


def _line(line: Drawn) -> Line:
    values = [math.nan if value is None else value for value in line.values]
    known = np.isfinite(np.array([math.nan, *values, math.nan]))
    alone = bool((known[1:-1] & ~known[:-2] & ~known[2:]).any())  # a line is not seen where it is one point
    return Line(x=line.numbers, y=values, name=line.name, series=line.series, dash="dashed" if line.dashed else "solid",
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
    """Mark the best epoch: by a line across in the chart of one run, by rings on the lines of several."""
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
            yield Points(x=(line.best,), y=(at,), name=name, series=line.series, symbol="ring", size=5.0)
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


# ----------------------------------------------------------------------------------------------- in words and numbers


def _sentences(lines: Sequence[Drawn]) -> Iterator[str]:
    """Say where each line begins and ends, and where it is lowest or highest in between."""
    drawn = [line for line in lines if line.known]
    if any(line.run for line in drawn):
        drawn = [*{line.run: line for line in drawn}.values()]  # of each run the validation rows, where it has some
    yield from map(_sentence, drawn[:SAID])
    if len(drawn) > SAID:
        yield f"{counted(len(drawn) - SAID, 'more line')} in the table"


def _sentence(line: Drawn) -> str:
    """Say where a line begins and ends; "the best one" is the best epoch."""
    (first, begin), (last, end) = line.known[0], line.known[-1]
    low, high = min(line.known, key=lambda at: at[1]), max(line.known, key=lambda at: at[1])
    said = f"{line.said[:1].upper()}{line.said[1:]}"
    if first == last:
        return f"{said}: {begin:.4g} in epoch {first:,}"

    def at(number: int, value: float) -> str:
        return f"{value:.4g} in epoch {number:,}" + (", the best one" if number == line.best else "")

    said += f" goes from {at(first, begin)} to {at(last, end)}"
    said += f", lowest {at(*low)}" if low[1] < min(begin, end) else ""
    said += f", highest {at(*high)}" if high[1] > max(begin, end) else ""
    if broken := len(line.values) - len(line.known):
        said += f"; {broken:,} not finite"
    best = dict(line.known).get(line.best or 0)
    return said + ("" if best is None or "the best one" in said else f"; {best:.4g} in the best epoch, {line.best:,}")


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
