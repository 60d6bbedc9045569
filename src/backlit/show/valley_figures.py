"""A valley as figures: the error as contours and shading with the paths on it, and the true beside the drawn error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from backlit.analysis.valley_records import PathPoint, Valley, ValleyPath
from backlit.errors import counted
from backlit.show.charts.figure import Axis, DataTable, Field, Figure, Layer, Line, Note, Points

LEVELS = 11
LABELLED = 3
"""Of the contours every third one has its error written on it."""

DECADES = 20.0
"""From so many times the lowest one on, levels are spaced by factors, and errors drawn on a log scale."""

DOTTED = 40
"""The points of a path of at most so many are dots."""

ROWS = 50
"""Of a long path so many points stand in the table."""

LONGEST_NAME = 40


def valley_figures(valley: Valley, *, title: str = "") -> tuple[Figure, ...]:
    """Draw a valley; a second figure compares the true with the drawn error, where the two can differ."""
    surface = _surface(valley, title)
    return (surface,) if _exact(valley) or not valley.paths else (surface, _comparison(valley))


def _exact(valley: Valley) -> bool:
    """Tell whether the surface is the whole error: the path then lies on it."""
    return valley.kind == "weights" and valley.weights == 2


def _surface(valley: Valley, title: str) -> Figure:
    x_name, y_name = _short(valley.x_name), _short(valley.y_name)
    over = "the main plane of the path" if valley.kind == "plane" else f"{x_name} and {y_name}"
    z = np.array([[math.nan if value is None else value for value in row] for row in valley.error])
    levels = contour_levels(z)
    labels = tuple(f"{level:.4g}" if k % LABELLED == 1 else "" for k, level in enumerate(levels))
    layers: list[Layer] = [Field(x=valley.x, y=valley.y, z=z, levels=levels, labels=labels)]
    for number, path in enumerate(valley.paths):
        layers += _path_layers(path, number, alone=len(valley.paths) == 1)
    wide, high = valley.x[-1] - valley.x[0], valley.y[-1] - valley.y[0]
    return Figure(
        title=title or f"The error over {over}", summary=" ".join(_said(valley, z)),
        x=Axis(x_name, low=valley.x[0], high=valley.x[-1]), y=Axis(y_name, low=valley.y[0], high=valley.y[-1]),
        layers=tuple(layers), table=_path_table(valley) if valley.paths else _surface_table(valley),
        square=abs(wide - high) <= 0.01 * wide,
    )  # fmt: skip


def contour_levels(z: np.ndarray, count: int = LEVELS) -> tuple[float, ...]:
    """Choose the errors (at most `count`) that contours are drawn at: spaced by factors above the lowest error.

    Where the highest is no more than some times the lowest, they are evenly apart.

    >>> contour_levels(np.array([[0.0, 1.0], [2.0, 10.0]]), 4)
    (1.3, 2.6, 4.9, 9.5)
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


def _path_layers(path: ValleyPath, number: int, *, alone: bool) -> Iterator[Layer]:
    """Draw a path with its start, its end, and some points between that are named."""
    x, y = [point.x for point in path.points], [point.y for point in path.points]
    series = number + 1  # the first colour is that of the surface
    name = "path of descent" if alone else _short(path.name)
    yield Line(x=x, y=y, name=name, series=series, dots=1 < len(x) <= DOTTED)
    yield Points(x=x[:1], y=y[:1], name="start" if number == 0 else "", series=series, symbol="ring", size=5.5)
    yield Points(x=x[-1:], y=y[-1:], name="end" if number == 0 else "", series=series, symbol="diamond", size=6.0)
    for point in _marked(path) if alone else ():
        yield Points(x=(point.x,), y=(point.y,), series=series, size=3.5)
        yield Note(x=point.x, y=point.y, text=_place(path, point), side="above")


def _marked(path: ValleyPath) -> list[PathPoint]:
    """Give the points that are nearest to a quarter, a half and three quarters of the way, but for the ends."""
    places = np.array([(point.x, point.y) for point in path.points])
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(places, axis=0).T))])
    if len(places) < 5 or way[-1] == 0.0:
        return []
    found = {int(np.abs(way - share * way[-1]).argmin()) for share in (0.25, 0.5, 0.75)}
    return [path.points[k] for k in sorted(found - {0, len(places) - 1})]


def _place(path: ValleyPath, point: PathPoint) -> str:
    """Name a point: epoch 3, or update 7."""
    return f"update {point.step:,}" if path.each == "step" else f"epoch {point.epoch:,}"


def _comparison(valley: Valley) -> Figure:
    """Draw the true error and the one on the surface along each path."""
    layers: list[Layer] = []
    stepwise = any(path.each == "step" for path in valley.paths)
    for number, path in enumerate(valley.paths):
        x = [point.step if stepwise else point.epoch for point in path.points]
        name = "" if len(valley.paths) == 1 else f"{_short(path.name)}: "
        for values, said, dash in (
            ([point.true for point in path.points], "true error", "solid"),
            ([point.drawn for point in path.points], "error drawn on the surface", "dashed"),
        ):
            y = [math.nan if value is None else value for value in values]
            layers.append(
                Line(x=x, y=y, name=name + said, series=number + 1 - (dash == "solid" and not name), dash=dash)
            )  # type: ignore[arg-type]
    errors = [value for point in _points(valley) for value in (point.true, point.drawn) if value is not None]
    log = bool(errors) and min(errors) > 0.0 and max(errors) > DECADES * min(errors)
    return Figure(
        title="Along the path: the true error, and the one drawn on the surface",
        summary=" ".join(_difference(valley)), x=Axis("updates" if stepwise else "epoch"), y=Axis("E", log=log),
        layers=tuple(layers), table=_comparison_table(valley), height=240,
    )  # fmt: skip


def _points(valley: Valley) -> list[PathPoint]:
    return [point for path in valley.paths for point in path.points]


# ------------------------------------------------------------------------------------------------------------ the words


def _said(valley: Valley, z: np.ndarray) -> Iterator[str]:
    """Say what is drawn, how far it is true, and where the path goes."""
    yield f"E is {valley.what}. The darker, the lower."
    if valley.chosen:
        yield valley.chosen
    yield valley.base
    if not np.isfinite(z).all():
        yield f"At {counted(int((~np.isfinite(z)).sum()), 'place')} of {z.size:,} E is not a finite number; nothing is drawn there."
    for path in valley.paths:
        yield from _way(path, alone=len(valley.paths) == 1)
    if valley.share is not None:
        yield (
            f"{_percent(valley.share)} of the path's variance about its last weights lies in this plane. The path runs "
            "beside the plane where it leaves it: what is drawn is its shadow on it."
        )
    if valley.paths:
        yield from ("So the path lies on the surface.",) if _exact(valley) else _difference(valley)


def _way(path: ValleyPath, *, alone: bool) -> Iterator[str]:
    """Say where a path begins and ends."""
    first, last = path.points[0], path.points[-1]
    who = "The path" if alone else f"The path {_short(path.name)!r}"
    yield f"{who} goes from E = {_number(first.true)} at the start to {_number(last.true)} after {_when(path, last)}."
    if path.far:
        yield (
            f"From there on it leaves for weights far beyond these ({counted(path.far, 'point')} not drawn); the "
            f"training ended: {path.ended}."
        )
    if path.left_out:
        yield f"{counted(len(path.points), 'point')} of it {'are' if len(path.points) > 1 else 'is'} drawn, evenly spaced; {path.left_out:,} between them are left out."
    if path.kept is not None:
        yield f"The network was given the weights of epoch {path.kept:,}, the best one."


def _when(path: ValleyPath, point: PathPoint) -> str:
    return counted(point.step, "update") if path.each == "step" else counted(point.epoch, "epoch")


def _difference(valley: Valley) -> Iterator[str]:
    """Say where the true and the drawn error differ the most."""
    found = [
        (abs(point.true - point.drawn), path, point)
        for path in valley.paths for point in path.points if point.true is not None and point.drawn is not None
    ]  # fmt: skip
    if not found:
        return
    most, path, point = max(found, key=lambda each: each[0])
    if most == 0.0:
        yield "At every point of the path the error of the surface is the true error."
        return
    of = "" if len(valley.paths) == 1 else f" of {_short(path.name)!r}"
    yield (
        f"The largest difference is at {_place(path, point)}{of}: the network's true error there is "
        f"{_number(point.true)}, the surface below it shows {_number(point.drawn)}."
    )


def _percent(share: float) -> str:
    """Give a share in percent, 100 only where it is the whole.

    >>> _percent(0.99996), _percent(0.5), _percent(1.0)
    ('More than 99.9 %', '50.0 %', '100 %')
    """
    if share >= 1.0 - 1e-12:
        return "100 %"
    return "More than 99.9 %" if share >= 0.9995 else f"{100.0 * share:.1f} %"


def _number(value: float | None) -> str:
    return "no finite number" if value is None else f"{value:.4g}"


def _short(name: str) -> str:
    """Give a name in one line, as far as there is room in a sentence."""
    flat = " ".join(name.split())
    return flat if len(flat) <= LONGEST_NAME else flat[: LONGEST_NAME - 1] + "…"


# ----------------------------------------------------------------------------------------------------------- the tables


def _table_points(valley: Valley) -> Iterator[tuple[ValleyPath, PathPoint]]:
    """Give the points that stand in a table: of a long path evenly spaced ones."""
    for path in valley.paths:
        for k in dict.fromkeys(np.linspace(0, len(path.points) - 1, min(ROWS, len(path.points))).round().tolist()):
            yield path, path.points[int(k)]


def _path_table(valley: Valley) -> DataTable:
    named = len(valley.paths) > 1
    rows = [
        (*([path.name] if named else []), f"{point.epoch}", f"{point.step}", _number(point.x), _number(point.y),
         _number(point.true))
        for path, point in _table_points(valley)
    ]  # fmt: skip
    head = ("epoch", "updates", valley.x_name, valley.y_name, "true E")
    return DataTable((("path", *head) if named else head), tuple(rows), int(named))


def _comparison_table(valley: Valley) -> DataTable:
    named = len(valley.paths) > 1
    rows = []
    for path, point in _table_points(valley):
        apart = None if point.true is None or point.drawn is None else point.drawn - point.true
        numbers = (_number(point.true), _number(point.drawn), _number(apart))
        rows.append((*([path.name] if named else []), f"{point.epoch}", f"{point.step}", *numbers))
    head = ("epoch", "updates", "true E", "drawn E", "drawn - true")
    return DataTable((("path", *head) if named else head), tuple(rows), int(named))


def _surface_table(valley: Valley, count: int = 9) -> DataTable:
    """Give the error at some of the grid's places, rows from high to low y."""
    columns, rows = (_spaced(len(side), count) for side in (valley.x, valley.y))
    head = (f"{valley.y_name} \\ {valley.x_name}", *(_number(valley.x[k]) for k in columns))
    body = [(_number(valley.y[i]), *(_number(valley.error[i][k]) for k in columns)) for i in reversed(rows)]
    return DataTable(head, tuple(body), 0)


def _spaced(length: int, count: int) -> Sequence[int]:
    return [int(k) for k in dict.fromkeys(np.linspace(0, length - 1, min(count, length)).round().tolist())]
