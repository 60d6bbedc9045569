"""The curves of a demo: error and accuracy over the epochs, of one run and of runs side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from backlit.examples import ErrorAt, SetupRun
from backlit.show.charts.figure import Axis, Dash, DataTable, Figure, Line
from backlit.show.demo import tables as demo_tables
from backlit.show.demo.blocks import Chart
from backlit.show.text_charts import BARS, bars

POINTS = 60
"""Of a curve in a terminal, at the most."""
LOW = 200
"""The height in pixels of a curve of one run."""
FULL = 1.06
"""The end of an axis of shares: a curve at 1 is seen below the border."""
FEW = 5
"""Of so few epochs the axis has whole numbers, and curves of so few points have dots."""
MANY_DECADES = 10.0
"""An error that falls by so large a factor is drawn on a logarithmic scale."""

Curve = Sequence[tuple[float, float]]
DASHES: tuple[Dash, ...] = ("solid", "dashed", "dotted")
ACCURACIES = (
    ("accuracy", "accuracy"), ("validation_accuracy", "validation accuracy"), ("test_accuracy", "test accuracy")
)  # fmt: skip
"""The fields of a recorded epoch, and what they are called."""


def setup_curves(setup: SetupRun, series: int = 0) -> Chart | None:
    """Draw the error of a run, and its accuracy where it has one; None where there is but a point.

    `series` is the first colour: that of a run in a race is its own in each picture.
    """
    if setup.errors[-1].epoch <= 1:
        return None
    figures = list(_run_figures(setup, series))
    return Chart(tuple(figures), "\n".join(_lines(setup))) if figures else None


def accuracy_curves(setup: SetupRun) -> dict[str, Curve]:
    """Give the accuracies of a run over the epochs, by what they are called."""
    found = {said: curve_of(setup.errors, field) for field, said in ACCURACIES}
    return {said: curve for said, curve in found.items() if curve}


def curve_of(errors: Sequence[ErrorAt], field: str) -> Curve:
    """Give a number of the recorded epochs that have it, as a finite one."""
    points = [(float(at.epoch), getattr(at, field)) for at in errors]
    return [(epoch, value) for epoch, value in points if value is not None and math.isfinite(value)]


def _run_figures(setup: SetupRun, series: int) -> Iterator[Figure]:
    errors, accuracies = curve_of(setup.errors, "error"), accuracy_curves(setup)
    if errors:
        said = f"E is {errors[0][1]:.4g} before training and {errors[-1][1]:.4g} {demo_tables.after(setup.epochs)}."
        curves = {"E": errors}
        if setup.validation_rows:
            curves["E of the validation rows"] = curve_of(setup.errors, "validation_error")
            said += f" Of the validation rows it is {curves['E of the validation rows'][-1][1]:.4g} then."
        curves = {name: curve for name, curve in curves.items() if curve}
        yield curves_figure("The error E", "E", curves, "epoch", said, height=LOW, series=[series] * len(curves))
    if accuracies:
        each = (f"the {name} goes from {curve[0][1]:.4g} to {curve[-1][1]:.4g}" for name, curve in accuracies.items())
        said = f"The share of rows whose class is predicted: {', '.join(each)}."
        yield curves_figure("The accuracy", "accuracy", accuracies, "epoch", said, shares=True, height=LOW,
                            series=[series + k for k in range(len(accuracies))])  # fmt: skip


def curves_figure(
    title: str, what: str, curves: Mapping[str, Curve], across: str, said: str,
    *, shares: bool = False, right: float | None = None, top: float | None = None, height: int = 280,
    series: Sequence[int] = (),
) -> Figure:  # fmt: skip
    """Give curves by name as a figure: shares from 0 to 1, or positive numbers on a logarithmic scale if they span it.

    `right` and `top` end the axes, by default with the curves. `series` are the curves' colours.
    """
    seen = [value for curve in curves.values() for _, value in curve if top is None or value <= top]
    log = not shares and bool(seen) and min(seen) > 0 and max(seen) >= MANY_DECADES * min(seen)
    last = max((x for curve in curves.values() for x, _ in curve), default=0.0)
    marks = tuple((k, str(k)) for k in range(int(last) + 1)) if across == "epoch" and last <= FEW else ()
    y = Axis(what, low=0.0, high=FULL) if shares else Axis(f"{what}, logarithmic" if log else what, log=log, high=top)
    drawn = {name: cut(curve, right, top, log=log) for name, curve in curves.items()}
    layers = tuple(
        Line(x=[x for x, _ in curve], y=[value for _, value in curve], name=name if len(curves) > 1 else "",
             series=series[k] if series else k, dash=DASHES[k % len(DASHES)], dots=len(curve) <= FEW)
        for k, (name, curve) in enumerate(drawn.items())
    )  # fmt: skip
    return Figure(title=title, summary=said, x=Axis(across, low=0.0, high=right, marks=marks), y=y, layers=layers,
                  table=_table(curves, across), height=height)  # fmt: skip


def cut(curve: Curve, right: float | None, top: float | None, *, log: bool) -> Curve:
    """End a curve where it first leaves the picture, at the border.

    >>> cut([(0.0, 1.0), (1.0, 3.0), (2.0, 9.0)], None, 2.0, log=False)
    [(0.0, 1.0), (0.5, 2.0)]
    """
    kept: list[tuple[float, float]] = []
    for x, y in curve:
        shares = [1.0]
        if kept and right is not None and x > right:
            shares.append((right - kept[-1][0]) / (x - kept[-1][0]))
        if kept and top is not None and y > top:
            low, high, end = (math.log(value) if log else value for value in (kept[-1][1], y, top))
            shares.append((end - low) / (high - low))
        share = min(shares)
        if share < 1.0:
            before, low, high = kept[-1][0], *(math.log(value) if log else value for value in (kept[-1][1], y))
            at = low + share * (high - low)
            return [*kept, (before + share * (x - before), math.exp(at) if log else at)]
        kept.append((x, y))
    return kept


def _table(curves: Mapping[str, Curve], across: str) -> DataTable:
    """List the curves' values at each place where one has a point."""
    values = {name: dict(curve) for name, curve in curves.items()}
    places = sorted({x for curve in curves.values() for x, _ in curve})
    rows = tuple((f"{x:,.6g}", *(f"{of[x]:.6g}" if x in of else "" for of in values.values())) for x in places)
    return DataTable((across, *values), rows, 1)


# -------------------------------------------------------------------------------------------------------- in a terminal


def _lines(setup: SetupRun) -> Iterator[str]:
    """Draw the curves as rows of bars, with a line that says what their heights are."""
    errors, accuracies = curve_of(setup.errors, "error"), accuracy_curves(setup)
    positive = bool(errors) and min(value for _, value in errors) > 0
    wide = max(map(len, ["E", *accuracies]))
    if positive:
        yield f"{'E':{wide}}  {bars(demo_tables.evenly(errors, POINTS))}"
    for name, curve in accuracies.items():
        yield f"{name:{wide}}  {share_bars(demo_tables.evenly(curve, POINTS))}"
    scales = (["E on a logarithmic scale"] if positive else []) + (["accuracy from 0 to 1"] if accuracies else [])
    if scales:
        yield f"from epoch 0 to {setup.errors[-1].epoch:,}; {', '.join(scales)}"


def share_bars(values: Sequence[float]) -> str:
    """Draw a row of bars from 0 to 1.

    >>> share_bars([0.0, 0.5, 1.0])
    '▁▄█'
    """
    return "".join(BARS[min(max(int(value * (len(BARS) - 1)), 0), len(BARS) - 1)] for value in values)


# ------------------------------------------------------------------------------------------------------- runs in a race


def race_figures(runs: Sequence[SetupRun]) -> Iterator[Figure]:
    """Draw the errors of runs over the epochs and over the time, and their accuracies over the epochs."""
    errors = {run.name: curve_of(run.errors, "error") for run in runs}
    if not all(errors.values()):
        return
    ends = ", ".join(f"{name} {curve[-1][1]:.4g}" for name, curve in errors.items())
    said = f"E at the end: {ends}."
    yield curves_figure("E over the epochs", "E", errors, "epoch", said)
    seconds = {run.name: [(at.seconds, at.error) for at in run.errors if math.isfinite(at.error)] for run in runs}
    shortest = min(curve[-1][0] for curve in seconds.values())
    unit, size = ("milliseconds", 1e-3) if shortest < 1.0 else ("seconds", 1.0)
    scaled = {name: [(x / size, error) for x, error in curve] for name, curve in seconds.items()}
    within = f"Drawn up to {demo_tables.time_text(shortest)}, when the fastest run has ended."
    yield curves_figure("E over the time", "E", scaled, unit, within, right=shortest / size or None)
    accuracies = {run.name: curve_of(run.errors, "accuracy") for run in runs}
    if all(accuracies.values()):
        ends = ", ".join(f"{name} {curve[-1][1]:.4g}" for name, curve in accuracies.items())
        title = "The accuracy over the epochs"
        yield curves_figure(title, "accuracy", accuracies, "epoch", f"The accuracy at the end: {ends}.", shares=True)
