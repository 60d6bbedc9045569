"""A valley as figures: the error as contours and shading with the paths on it, and the true beside the drawn error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from backlit.analysis.valley.records import PathPoint, Valley, ValleyPath
from backlit.show.charts.figure import Axis, Dash, DataTable, Field, Figure, Layer, Line, Note, Points
from backlit.show.names import short
from backlit.show.valley.captions import caption, difference, is_exact, number, place

LEVELS = 11
LABELLED = 3
"""Of the contours every third one has its error written on it."""

DECADES = 20.0
"""From so many times the lowest one on, levels are spaced by factors, and errors drawn on a log scale."""

DOTTED = 40
"""The points of a path of at most so many are dots."""

NOTED = 0.25
"""Points that are named are at least so far from each other and from the ends, as a part of the picture's width."""

ROWS = 50
"""Of a long path so many points stand in the table."""


def valley_figures(valley: Valley, *, title: str = "") -> tuple[Figure, ...]:
    """Draw a valley; a second figure compares the true with the drawn error, where the two can differ."""
    surface = _surface(valley, title)
    return (surface,) if is_exact(valley) or not valley.paths else (surface, _comparison(valley))


def _surface(valley: Valley, title: str) -> Figure:
    x_name, y_name = short(valley.x_name), short(valley.y_name)
    over = "the main plane" if valley.kind == "plane" else f"{x_name} and {y_name}"
    z = np.array([[math.nan if value is None else value for value in row] for row in valley.error])
    levels = contour_levels(z)
    labels = tuple(f"{level:.4g}" if k % LABELLED == 1 else "" for k, level in enumerate(levels))
    layers: list[Layer] = [Field(x=valley.x, y=valley.y, z=z.tolist(), levels=levels, labels=labels)]
    for k, path in enumerate(valley.paths):
        layers += _path_layers(path, k, NOTED * (valley.x[-1] - valley.x[0]), alone=len(valley.paths) == 1)
    if valley.here is not None:
        layers.append(
            Points(x=valley.here[:1], y=valley.here[1:], name="the network", series=1, symbol="diamond", size=6.0)
        )
    wide, high = valley.x[-1] - valley.x[0], valley.y[-1] - valley.y[0]
    return Figure(
        title=title or f"Error over {over}", summary=caption(valley),
        x=Axis(x_name, low=valley.x[0], high=valley.x[-1]), y=Axis(y_name, low=valley.y[0], high=valley.y[-1]),
        layers=tuple(layers), table=_path_table(valley) if valley.paths else _surface_table(valley),
        square=abs(wide - high) <= 0.01 * wide,
    )  # fmt: skip


def contour_levels(z: np.ndarray, count: int = LEVELS) -> tuple[float, ...]:
    """Choose the errors (at most `count`) that contours are drawn at.

    Their distances from the lowest error grow by the same factor; where these span less than some twenty times, the
    errors are evenly apart.

    >>> contour_levels(np.array([[0.0, 1.0], [10.0, 1000.0]]), 4)
    (1.4, 12.0, 110.0, 940.0)
    """
    values = z[np.isfinite(z)]
    if not values.size or values.min() == values.max():
        return ()
    lowest = float(values.min())
    above = values[values > lowest] / 2.0 - lowest / 2.0  # halves: the whole may be beyond the largest number
    low, high = (2.0 * float(np.quantile(above, share)) for share in (0.02, 0.97))
    if not (0.0 < low < high < math.inf):
        return (lowest / 2.0 + float(values.max()) / 2.0,)
    steps = np.geomspace(low, high, count) if high > DECADES * low else np.linspace(low, high, count)
    for digits in range(2, 17):
        rounded = [float(f"{lowest + step:.{digits}g}") for step in steps]
        if len(set(rounded)) == count and rounded[0] > lowest:
            break
    return tuple(level for level in dict.fromkeys(rounded) if lowest < level < math.inf)


# ------------------------------------------------------------------------------------------------------------ the paths


def _path_layers(path: ValleyPath, k: int, apart: float, *, alone: bool) -> Iterator[Layer]:
    """Draw a path with its start, its end, and some points between that are named."""
    x, y = [point.x for point in path.points], [point.y for point in path.points]
    series = k + 1  # the first colour is that of the surface
    name = "path of descent" if alone else short(path.name)
    yield Line(x=x, y=y, name=name, series=series, dots=alone and 1 < len(x) <= DOTTED)
    yield Points(x=x[:1], y=y[:1], name="start" if k == 0 else "", series=series, symbol="ring", size=5.5)
    yield Points(x=x[-1:], y=y[-1:], name="end" if k == 0 else "", series=series, symbol="diamond", size=6.0)
    best = next((point for point in path.points if point.epoch == path.kept), None) if alone else None
    if best is not None:
        yield Points(
            x=(best.x,), y=(best.y,), name=f"best epoch {best.epoch:,}", series=series, symbol="star", size=7.0
        )
    for at, point in _marked(path, apart) if alone else ():
        if best is not None and math.hypot(point.x - best.x, point.y - best.y) < apart:
            continue
        before, after = path.points[at - 1], path.points[at + 1]
        steep = abs(after.y - before.y) > 0.7 * abs(after.x - before.x)
        yield Points(x=(point.x,), y=(point.y,), series=series, size=3.5)
        yield Note(x=point.x, y=point.y, text=place(path, point), side="right" if steep else "above")


def _marked(path: ValleyPath, apart: float) -> list[tuple[int, PathPoint]]:
    """Give the points at a quarter, a half and three quarters of the way that are so far apart, and from its ends."""
    places = np.array([(point.x, point.y) for point in path.points])
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(places, axis=0).T))])
    if len(places) < 5 or way[-1] == 0.0:
        return []
    marked = [0]
    for share in (0.25, 0.5, 0.75):
        k = int(np.abs(way - share * way[-1]).argmin())
        if all(np.hypot(*(places[k] - places[other])) >= apart for other in (*marked, len(places) - 1)):
            marked.append(k)
    return [(k, path.points[k]) for k in marked[1:]]


def _comparison(valley: Valley) -> Figure:
    """Draw the true error and the one on the surface along each path."""
    layers: list[Layer] = []
    stepwise = any(path.each == "step" for path in valley.paths)
    for k, path in enumerate(valley.paths):
        x = [point.step if stepwise else point.epoch for point in path.points]
        name = "" if len(valley.paths) == 1 else f"{short(path.name)}: "
        lines: tuple[tuple[list[float | None], str, Dash], ...] = (
            ([point.true for point in path.points], "true error", "solid"),
            ([point.drawn for point in path.points], "error drawn on the surface", "dashed"),
        )
        for values, said, dash in lines:
            y = [math.nan if value is None else value for value in values]
            series = 0 if dash == "solid" and not name else k + 1
            layers.append(Line(x=x, y=y, name=name + said, series=series, dash=dash))
    errors = [value for point in _points(valley) for value in (point.true, point.drawn) if value is not None]
    log = bool(errors) and min(errors) > 0.0 and max(errors) > DECADES * min(errors)
    return Figure(
        title="Along the path: true and drawn error",
        summary=difference(valley), x=Axis("updates" if stepwise else "epoch"), y=Axis("E", log=log),
        layers=tuple(layers), table=_comparison_table(valley), height=240,
    )  # fmt: skip


def _points(valley: Valley) -> list[PathPoint]:
    return [point for path in valley.paths for point in path.points]


# ----------------------------------------------------------------------------------------------------------- the tables


def _table_points(valley: Valley) -> Iterator[tuple[ValleyPath, PathPoint]]:
    """Give the points that stand in a table: of a long path evenly spaced ones."""
    for path in valley.paths:
        for k in dict.fromkeys(np.linspace(0, len(path.points) - 1, min(ROWS, len(path.points))).round().tolist()):
            yield path, path.points[int(k)]


def _path_table(valley: Valley) -> DataTable:
    named = len(valley.paths) > 1
    rows = [
        (*([path.name] if named else []), f"{point.epoch}", f"{point.step}", number(point.x), number(point.y),
         number(point.true))
        for path, point in _table_points(valley)
    ]  # fmt: skip
    head = ("epoch", "updates", valley.x_name, valley.y_name, "true E")
    return DataTable((("path", *head) if named else head), tuple(rows), int(named))


def _comparison_table(valley: Valley) -> DataTable:
    named = len(valley.paths) > 1
    rows = []
    for path, point in _table_points(valley):
        apart = None if point.true is None or point.drawn is None else point.drawn - point.true
        numbers = (number(point.true), number(point.drawn), number(apart))
        rows.append((*([path.name] if named else []), f"{point.epoch}", f"{point.step}", *numbers))
    head = ("epoch", "updates", "true E", "drawn E", "drawn - true")
    return DataTable((("path", *head) if named else head), tuple(rows), int(named))


def _surface_table(valley: Valley, count: int = 9) -> DataTable:
    """Give the error at some of the grid's places, rows from high to low y."""
    columns, rows = (_spaced(len(side), count) for side in (valley.x, valley.y))
    head = (f"{valley.y_name} \\ {valley.x_name}", *(number(valley.x[k]) for k in columns))
    body = [(number(valley.y[i]), *(number(valley.error[i][k]) for k in columns)) for i in reversed(rows)]
    return DataTable(head, tuple(body), 0)


def _spaced(length: int, count: int) -> Sequence[int]:
    return [int(k) for k in dict.fromkeys(np.linspace(0, length - 1, min(count, length)).round().tolist())]
