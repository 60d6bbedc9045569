"""A model of numbers measured, as pictures: predicted against true numbers, residuals."""

from __future__ import annotations

from collections.abc import Sequence

from backlit.analysis.report.records import HistogramBin, NumbersMeasured, Point
from backlit.errors import counted
from backlit.show.charts.figure import Axis, Bars, DataTable, Figure, Line, Points, Rule
from backlit.show.report.texts import number

TABLE_POINTS = 25
CROWD = 300
"""More points are drawn smaller."""
QUANTILES = ("smallest", "5 %", "25 %", "median", "75 %", "95 %", "largest")


def spread(points: Sequence[Point], most: int) -> list[Point]:
    """Give at most so many points, evenly from the lowest true number to the highest."""
    ordered = sorted(points, key=lambda point: (point.true, point.row))
    if len(ordered) <= most:
        return ordered
    return [ordered[round(k * (len(ordered) - 1) / (most - 1))] for k in range(most)]


def predicted_figure(measured: NumbersMeasured) -> Figure | None:
    """Give predicted against true numbers; None without points."""
    points = measured.points
    if not points:
        return None
    values = [value for point in points for value in (point.true, point.predicted)]
    low, high = min(values), max(values)
    drawn = f" {len(points):,} of {measured.of_rows:,} rows are drawn." if len(points) < measured.of_rows else ""
    return Figure(
        title="Predicted against true",
        summary=f"A row on the dashed line is predicted exactly; above it too high, below it too low.{drawn}",
        x=Axis("true", low=low, high=high), y=Axis("predicted", low=low, high=high), square=True,
        layers=(Points(x=[point.true for point in points], y=[point.predicted for point in points], size=_size(points),
                       faint=len(points) > 60),
                Line(x=(low, high), y=(low, high), name="exact", series=7, dash="dashed", quiet=True)),
        table=_points_table(points),
    )  # fmt: skip


def residual_figure(measured: NumbersMeasured) -> Figure | None:
    """Give the residuals over the predicted numbers; None without points."""
    points = measured.points
    if not points:
        return None
    return Figure(
        title="Residual over prediction",
        summary="A level band around 0 is good: a slope or a bend is something that the network has not learned, a "
        "widening band an error that grows with the prediction.",
        x=Axis("predicted"), y=Axis("true − predicted"), square=True,
        layers=(Points(x=[point.predicted for point in points], y=[point.true - point.predicted for point in points],
                       size=_size(points), faint=len(points) > 60), Rule(y=0.0)),
        table=_points_table(points),
    )  # fmt: skip


def _size(points: Sequence[Point]) -> float:
    """Give the radius of a point: many are small, so that they do not run into one."""
    return 2.5 if len(points) <= CROWD else 1.5


def _points_table(points: Sequence[Point]) -> DataTable:
    rows = tuple((f"{point.row:,}", number(point.true, 6), number(point.predicted, 6),
                  number(point.true - point.predicted, 4)) for point in spread(points, TABLE_POINTS))  # fmt: skip
    return DataTable(("row", "true", "predicted", "residual"), rows, 1)


def histogram_figure(measured: NumbersMeasured) -> Figure | None:
    """Give the residuals as a histogram; None without a bin."""
    bins = measured.residuals
    if not bins:
        return None
    rows = tuple((f"{number(one.low)} to {number(one.high)}", f"{one.rows:,}") for one in bins)
    low, high = _ends(bins)
    return Figure(
        title="Residuals", summary=_residual_words(measured),
        x=Axis("true − predicted"), y=Axis("rows", low=0.0),
        layers=(Bars(low=low, high=high, values=[float(one.rows) for one in bins]), Rule(x=0.0)),
        table=DataTable(("residual", "rows"), rows, 1),
    )  # fmt: skip


def _ends(bins: Sequence[HistogramBin]) -> tuple[list[float], list[float]]:
    """Give where bars begin and end; a bin without a width gets one that can be seen."""
    if len(bins) == 1 and not bins[0].high > bins[0].low:
        room = 0.5 * abs(bins[0].low) or 0.5
        return [bins[0].low - room], [bins[0].high + room]
    return [one.low for one in bins], [one.high for one in bins]


def _residual_words(measured: NumbersMeasured) -> str:
    if len(measured.quantiles) != len(QUANTILES):
        return f"The residuals of {counted(measured.of_rows, 'row')}."
    _, low, quarter, median, three, high, _ = measured.quantiles
    lean = "half of the rows are predicted too low, half too high"
    if median:
        lean = f"at least half of the rows are predicted {'too low' if median > 0 else 'too high'}"
    return (f"Half of the residuals lie between {number(quarter)} and {number(three)}, 90 % between {number(low)} and "
            f"{number(high)}. The median is {number(median)}: {lean}.")  # fmt: skip
