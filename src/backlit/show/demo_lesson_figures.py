"""The pictures of the lesson on the valley: paths on it, the error over one weight, the errors of descents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backlit.analysis.descent_records import Descent, DescentLesson, Pair, SlopeCurve
from backlit.show.charts.figure import Arrow, Axis, DataTable, Field, Figure, Layer, Line, Note, Points
from backlit.show.demo_curves import curves_figure

LEVELS = 10
FEW_POINTS = 45
"""A path of more points has no dots."""
TANGENT = 0.09
"""Half the length of a tangent, as a part of the picture's width."""
HIGHEST = 4.0
"""Errors beyond so many times the first one are above the picture."""


def valley_figure(lesson: DescentLesson, descents: Sequence[Descent]) -> Figure:
    """Draw the error over the two weights, and the paths of descents on it."""
    valley, lowest = lesson.valley, lesson.lowest
    paths = {path.name: path for path in valley.paths}
    layers: list[Layer] = [Field(x=valley.x, y=valley.y, z=_grid(lesson), levels=_levels(lesson))]
    for k, descent in enumerate(descents):
        points = _inside_path(lesson, [(point.x, point.y) for point in paths[descent.name].points])
        name = f"{descent.name} (rate {descent.rate:g})" if descent.name else f"rate {descent.rate:g}"
        layers.append(Line(x=[x for x, _ in points], y=[y for _, y in points], name=name, series=k + 1,
                           dots=len(points) <= FEW_POINTS))  # fmt: skip
    layers.append(Points(x=[lesson.start[0]], y=[lesson.start[1]], name="start", series=7, symbol="square", size=4.5))
    if _inside(valley.x, lowest.x) and _inside(valley.y, lowest.y):
        layers.append(Points(x=[lowest.x], y=[lowest.y], name="lowest E", series=0, symbol="star", size=7.0))
    rows = tuple(
        (descent.name, f"{point.step:,}", f"{point.x:.6g}", f"{point.y:.6g}", error_text(point.true))
        for descent in descents for point in paths[descent.name].points
    )  # fmt: skip
    return Figure(
        title=f"The error over {valley.x_name} and {valley.y_name}", summary=_said(lesson, descents),
        x=Axis(valley.x_name, low=valley.x[0], high=valley.x[-1]),
        y=Axis(valley.y_name, low=valley.y[0], high=valley.y[-1]),
        layers=tuple(layers), height=400,
        table=DataTable(("run", "update", valley.x_name, valley.y_name, "E"), rows, 1),
    )  # fmt: skip


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


def _grid(lesson: DescentLesson) -> list[list[float]]:
    return [[np.nan if error is None else error for error in row] for row in lesson.valley.error]


def _levels(lesson: DescentLesson) -> list[float]:
    """Choose levels that lie closer towards the bottom, where the valley is flat."""
    grid = np.array(_grid(lesson))
    low, high = float(np.nanmin(grid)), float(np.nanmax(grid))
    low = min(low, lesson.lowest.error)
    return [low + (high - low) * (k / (LEVELS + 1)) ** 2.5 for k in range(1, LEVELS + 1)]


def _inside(axis: Sequence[float], value: float) -> bool:
    return axis[0] <= value <= axis[-1]


def _said(lesson: DescentLesson, descents: Sequence[Descent]) -> str:
    """Say where each path goes."""
    valley = lesson.valley
    paths = {path.name: path for path in valley.paths}
    words = []
    for descent in descents:
        last = paths[descent.name].points[-1]
        here = _inside(valley.x, last.x) and _inside(valley.y, last.y)
        name = f"{descent.name}: " if descent.name else ""
        to = f"({last.x:.4g}, {last.y:.4g})" + ("" if here else ", outside the picture")
        words.append(f"{name}from ({lesson.start[0]:.4g}, {lesson.start[1]:.4g}) to {to}, E {error_text(last.true)}")
    return f"Deep colours are low errors. {'; '.join(words)}."


def error_text(error: float | None) -> str:
    """Write an error with four digits, a large one as a whole number.

    >>> error_text(0.08750001), error_text(6765217.8), error_text(None)
    ('0.0875', '6,765,218', 'not finite')
    """
    if error is None:
        return "not finite"
    return f"{error:,.0f}" if 1e4 <= error < 1e12 else f"{error:.4g}"


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
            layers.append(Note(x=tangent.at, y=tangent.error, text=says, side="left" if grows else "right", series=k))
    rows = tuple((f"{x:.6g}", f"{error:.6g}") for x, error in zip(curve.values, curve.errors, strict=True))
    steps = "; ".join(f"at {curve.name} = {t.at:.4g} the slope is {t.slope:.4g}, and a step leads to {t.after:.4g}"
                      for t in curve.tangents)  # fmt: skip
    return Figure(
        title=f"The error over {curve.name} alone, {curve.held} = {curve.held_at:.4g}",
        summary=f"{steps[0].upper()}{steps[1:]}.", x=Axis(curve.name, low=curve.values[0], high=curve.values[-1]),
        y=Axis("E", low=0.0, high=top), layers=tuple(layers), table=DataTable((curve.name, "E"), rows, 0),
    )  # fmt: skip


def _top(curve: SlopeCurve) -> float | None:
    """End the y axis so that the tangents are large in the picture."""
    highest = max(tangent.error for tangent in curve.tangents)
    lowest = min(curve.errors)
    return lowest + 2.5 * (highest - lowest) if highest > lowest else None


def errors_figure(lesson: DescentLesson, descents: Sequence[Descent]) -> Figure:
    """Draw the errors of descents over the epochs."""
    curves = {}
    for descent in descents:
        each = -(-descent.of_rows // descent.batch_size)
        points = [(step / each, error) for step, error in enumerate(descent.errors) if error is not None]
        curves[descent.name or "E"] = points
    top = HIGHEST * lesson.error
    beyond = [name for name, points in curves.items() if max(error for _, error in points) > top]
    said = f"The top of the picture is {top:.4g}; {' and '.join(beyond)} goes beyond it." if beyond else ""
    ends = ", ".join(f"{name} {error_text(points[-1][1])}" for name, points in curves.items())
    return curves_figure("E over all rows, after each update", "E", curves, "epoch",
                         f"E at the end: {ends}. {said}".strip(), top=top if beyond else None)  # fmt: skip
