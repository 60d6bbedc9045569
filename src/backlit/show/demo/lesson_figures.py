"""The pictures of the lesson on the valley: paths on it, the error over one weight, the errors of descents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from backlit.analysis.valley.descent_records import Descent, DescentLesson, Pair, SlopeCurve
from backlit.show.charts.figure import Arrow, Axis, DataTable, Field, Figure, Layer, Line, Note, Points
from backlit.show.demo.curves import curves_figure
from backlit.show.demo.tables import error_text, plain
from backlit.show.valley.captions import SHADING
from backlit.show.valley.figures import contour_levels

FEW_POINTS = 45
"""A path of more points has no dots."""
TANGENT = 0.09
"""Half the length of a tangent, as a part of the picture's width."""
THE_RUN = "the run"
"""What a run is called that has no name."""
RUN_COLOURS = 6
"""After so many runs the colours begin anew: the first one is that of the surface, the last one of its marks."""
LABELLED = 3
"""Every third contour has its error written on it."""


def run_series(lesson: DescentLesson, descent: Descent) -> int:
    """Give the colour of a run, the same in each picture of the lesson."""
    return 1 + lesson.descents.index(descent) % RUN_COLOURS


def valley_figure(lesson: DescentLesson, descents: Sequence[Descent], *, lines: bool = True) -> Figure:
    """Draw the error over the two weights, and the paths of descents on it, without `lines` their points alone."""
    valley, lowest = lesson.valley, lesson.lowest
    z = np.array([[np.nan if error is None else error for error in row] for row in valley.error])
    levels = contour_levels(z)
    labels = tuple(f"{level:.4g}" if k % LABELLED == 1 else "" for k, level in enumerate(levels))
    layers: list[Layer] = [Field(x=valley.x, y=valley.y, z=z.tolist(), levels=levels, labels=labels)]
    paths: list[Layer] = []
    for descent in descents:
        places, series = weights_of(descent), run_series(lesson, descent)
        points = _inside_path(lesson, places)
        if not lines:
            points = [point for point in points if point in places]  # none where it crosses the border
        name = f"{descent.name} (rate {descent.rate:g})" if descent.name else f"rate {descent.rate:g}"
        x, y = [x for x, _ in points], [y for _, y in points]
        paths.append(Line(x=x, y=y, name=name, series=series, dots=len(points) <= FEW_POINTS) if lines else
                     Points(x=x, y=y, name=name, series=series))  # fmt: skip
    layers += paths
    layers.append(Points(x=[lesson.start[0]], y=[lesson.start[1]], name="start", series=7, symbol="square", size=5.0))
    if _inside(valley.x, lowest.x) and _inside(valley.y, lowest.y):
        layers.append(Points(x=[lowest.x], y=[lowest.y], name="lowest E", series=7, symbol="star", size=7.0))
    rows = tuple(
        (descent.name, f"{step:,}", f"{x:.6g}", f"{y:.6g}", error_text(error))
        for descent in descents
        for step, ((x, y), error) in enumerate(zip(weights_of(descent), descent.errors, strict=True))
    )  # fmt: skip
    return Figure(
        title=f"E over {valley.x_name} and {valley.y_name}{_of(descents)}", summary=_said(lesson, descents),
        x=Axis(valley.x_name, low=valley.x[0], high=valley.x[-1]),
        y=Axis(valley.y_name, low=valley.y[0], high=valley.y[-1]),
        layers=tuple(layers), height=400, square=_square(valley.x, valley.y), width=540,
        table=DataTable(("run", "update", valley.x_name, valley.y_name, "E"), rows, 1),
    )  # fmt: skip


def _square(x: Sequence[float], y: Sequence[float]) -> bool:
    """Whether both sides are equally long: steps along the slope then cross the contours at right angles."""
    wide, high = x[-1] - x[0], y[-1] - y[0]
    return abs(wide - high) <= 0.01 * wide


def _of(descents: Sequence[Descent]) -> str:
    """Say whose paths a picture has, where it has several."""
    return f": {', '.join(descent.name for descent in descents)}" if len(descents) > 1 else ""


def _inside_path(lesson: DescentLesson, points: Sequence[Pair]) -> list[Pair]:
    """End a path where it first leaves the picture, at the border."""
    (left, right), (low, high) = ((axis[0], axis[-1]) for axis in (lesson.valley.x, lesson.valley.y))
    kept: list[Pair] = []
    for x, y in points:
        if left <= x <= right and low <= y <= high:
            kept.append((x, y))
            continue
        if kept:
            (x0, y0), shares = kept[-1], [1.0]
            for at, before, first, last in ((x, x0, left, right), (y, y0, low, high)):
                border = min(max(at, first), last)
                shares += [(border - before) / (at - before)] if at != border else []
            share = min(shares)
            kept.append((x0 + share * (x - x0), y0 + share * (y - y0)))
        break
    return kept


def _inside(axis: Sequence[float], value: float) -> bool:
    return axis[0] <= value <= axis[-1]


def _said(lesson: DescentLesson, descents: Sequence[Descent]) -> str:
    """Say where each path ends."""
    ends = []
    for descent in descents:
        x, y = weights_of(descent)[-1]
        here = _inside(lesson.valley.x, x) and _inside(lesson.valley.y, y)
        where = f"({x:.4g}, {y:.4g})" + ("" if here else ", outside the picture,")
        name = f"{descent.name or THE_RUN} "
        ends.append(f"{name}ends at {where} with E = {error_text(descent.errors[-1])}")
    x, y = lesson.start
    return f"{SHADING} E. From ({x:.4g}, {y:.4g}): {'; '.join(ends)}."


def weights_of(descent: Descent) -> list[Pair]:
    """Give the weights before the first update of a descent and after each."""
    return [descent.start, *(step.new for step in descent.steps)]


def curve_figure(lesson: DescentLesson) -> Figure:
    """Draw the error over the first weight, tangents on both sides of the lowest place, and the steps from there."""
    curve = lesson.curve
    top = _top(curve)
    seen = [(x, error) for x, error in zip(curve.values, curve.errors, strict=True) if top is None or error <= top]
    layers: list[Layer] = [Line(x=[x for x, _ in seen], y=[error for _, error in seen])]
    half = TANGENT * (curve.values[-1] - curve.values[0])
    for k, tangent in enumerate(curve.tangents, 1):
        x = [tangent.at - half, tangent.at + half]
        layers.append(Line(x=x, y=[tangent.error + tangent.slope * (at - tangent.at) for at in x], series=k,
                           name=f"slope {tangent.slope:.4g}"))  # fmt: skip
        layers.append(Points(x=[tangent.at], y=[tangent.error], series=k, size=4.5))
        layers.append(Arrow(x0=tangent.at, y0=tangent.error, x1=tangent.after, y1=tangent.error, series=k))
        if tangent.slope:
            grows = tangent.slope < 0
            says = f"{curve.name} {'grows' if grows else 'shrinks'}"
            middle = tangent.at / 2.0 + tangent.after / 2.0
            seen_middle = min(max(middle, curve.values[0]), curve.values[-1])  # of a step that leaves the picture
            layers.append(Note(x=seen_middle, y=tangent.error, text=says, side="above", series=k))
    rows = tuple((f"{x:.6g}", f"{error:.6g}") for x, error in zip(curve.values, curve.errors, strict=True))
    margin = TANGENT * (curve.values[-1] - curve.values[0])
    ends = [min(seen[0][0] - margin, curve.tangents[0].at), seen[-1][0] + margin]
    return Figure(
        title=f"E over {curve.name} alone, {curve.held} = {curve.held_at:.4g}",
        summary=" ".join(_moves(curve)), x=Axis(curve.name, low=ends[0], high=ends[1]), y=Axis("E", high=top),
        layers=tuple(layers), table=DataTable((curve.name, "E"), rows, 0),
    )  # fmt: skip


def _moves(curve: SlopeCurve) -> Iterator[str]:
    """Say which way the weight goes at each tangent."""
    for tangent in curve.tangents:
        at = f"At {curve.name} = {plain(tangent.at)} the slope is {plain(tangent.slope)}"
        if not tangent.slope:
            yield f"{at}: {curve.name} stays."
            continue
        sign, way = ("positive", "shrinks") if tangent.slope > 0 else ("negative", "grows")
        by = f"{plain(tangent.rate)} * {plain(abs(tangent.slope))}"
        to = f"{plain(tangent.after)}, where E = {error_text(tangent.error_after)}"
        yield f"{at}, {sign}: {curve.name} {way} by {by}, to {to}."


def _top(curve: SlopeCurve) -> float | None:
    """End the y axis so that the tangents are large in the picture."""
    highest = max(tangent.error for tangent in curve.tangents)
    lowest = min(curve.errors)
    return lowest + 2.5 * (highest - lowest) if highest > lowest else None


def errors_figure(lesson: DescentLesson, descents: Sequence[Descent], top: float) -> Figure:
    """Draw the errors of descents over the epochs; those beyond `top` are above the picture."""
    curves = {}
    for descent in descents:
        each = -(-descent.of_rows // descent.batch_size)
        points = [(step / each, error) for step, error in enumerate(descent.errors) if error is not None]
        curves[descent.name or THE_RUN] = points
    beyond = [name for name, points in curves.items() if max(error for _, error in points) > top]
    said = f" The top of the picture is {top:.4g}; beyond it: {', '.join(beyond)}." if beyond else ""
    ends = ", ".join(f"{name} {error_text(points[-1][1])}" for name, points in curves.items())
    return curves_figure(f"E by epoch{_of(descents)}", "E of all rows", curves, "epoch",
                         f"The last E: {ends}.{said}", top=top if beyond else None,
                         series=[run_series(lesson, descent) for descent in descents])  # fmt: skip
