"""A decision boundary as figures: one for each output, its regions or its surface, with the rows on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from backlit.analysis.boundary.records import Boundary, BoundaryOutput, UnitLine
from backlit.show.boundary.words import BoundaryWords
from backlit.show.charts.figure import (
    Axis,
    DataTable,
    Field,
    Figure,
    Layer,
    Line,
    Note,
    Points,
    Regions,
    Symbol,
)
from backlit.show.charts.numbers import four_digits
from backlit.show.charts.scales import STEPS, texts
from backlit.show.names import short

Ends = tuple[tuple[float, float], tuple[float, float]]
"""Where a line ends, each in shares of the plane's sides, from 0 to 1."""

APART = 0.07
"""The names of two lines are farther apart, in shares."""

SYMBOLS: tuple[Symbol, ...] = ("dot", "square", "triangle", "diamond", "star", "plus", "cross")
"""Of the classes, one after the other; a ring is around a row that is wrong."""

MANY_ROWS = 600
"""More rows are drawn smaller and fainter."""

MOST_NAMED = 12
"""So many classes have their names in the legend."""

GREY, ABOVE, BELOW = 7, 1, 3
"""The colours of rows without a known target, and of numbers that are above and below the prediction."""

LEAST = 1e-16
"""Probabilities as small as this one are not told apart."""

COARSE = 5
"""The table has so many predictions along each side."""

LEVELS = 9
"""About so many contours lie on a surface of numbers."""


def boundary_figures(boundary: Boundary) -> tuple[Figure, ...]:
    """Give a figure for each output of a boundary."""
    return tuple(_figure(boundary, output) for output in boundary.outputs)


def _figure(boundary: Boundary, output: BoundaryOutput) -> Figure:
    words = BoundaryWords(boundary, output)
    surface = _regions(boundary, output) if output.classes else _field(boundary, output)
    rows = class_rows if output.classes else number_rows
    lines = tuple(unit_lines(boundary))
    layers = (*([] if words.flat else [surface]), *lines, *rows(boundary, output))
    ends = {"x": (boundary.x[0], boundary.x[-1]), "y": (boundary.y[0], boundary.y[-1])}
    return Figure(
        title=words.title(), summary=words.summary(dashed=bool(lines)), square=True, layers=layers,
        table=boundary_table(boundary, output),
        x=Axis(short(boundary.x_name), low=ends["x"][0], high=ends["x"][1]),
        y=Axis(short(boundary.y_name), low=ends["y"][0], high=ends["y"][1]),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------- surfaces


def _regions(boundary: Boundary, output: BoundaryOutput) -> Regions:
    """Give the regions by scores that are nearly straight across an edge, as probabilities are not: its place between
    two points of the grid is then the right one.
    """
    scores: Any = np.asarray(output.scores)
    if output.level is not None:
        scores = np.concatenate([2.0 * output.level - scores, scores])
    if output.probabilities:
        scores = np.log(np.maximum(scores, LEAST))
    return Regions(x=boundary.x, y=boundary.y, scores=scores, series=tuple(range(len(scores))))


def _field(boundary: Boundary, output: BoundaryOutput) -> Field:
    grid: Any = np.asarray(output.scores[0])
    levels = _levels(float(grid.min()), float(grid.max()))
    named = tuple(texts(levels, levels[1] - levels[0])) if len(levels) > 1 else tuple(map(four_digits, levels))
    labels = tuple(text if k % 2 == 0 else "" for k, text in enumerate(named))
    return Field(x=boundary.x, y=boundary.y, z=grid, levels=tuple(levels), labels=labels)


def _levels(low: float, high: float) -> list[float]:
    """Give round numbers between the ends, evenly apart; the number itself where both are the same.

    >>> _levels(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    """
    width = (high - low) / LEVELS
    if not width > 1e-12 * max(abs(low), abs(high)):
        return [low]
    power = 10.0 ** math.floor(math.log10(width))
    step = next(power * step for step in STEPS if power * step >= width * 0.999)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


# ---------------------------------------------------------------------------------------------------- rows on the plane


def class_rows(boundary: Boundary, output: BoundaryOutput) -> Iterator[Points]:
    """Give the rows by their classes, a colour and a symbol each, and a ring around each row that is wrong."""
    targets = [-1 if target is None else int(target) for target in output.targets]
    for k, label in enumerate(output.classes):
        rows = [i for i, target in enumerate(targets) if target == k]
        if rows:
            symbol = SYMBOLS[k % len(SYMBOLS)]
            yield _points(boundary, rows, short(label) if k < MOST_NAMED else "", k, symbol)
    unknown = [i for i, target in enumerate(targets) if target < 0]
    if unknown:
        name = "rows" if len(unknown) == len(targets) else "rows of no known class"
        yield _points(boundary, unknown, name, GREY, "dot")
    wrong = [] if BoundaryWords(boundary, output).flat else wrong_rows(output)
    if wrong:
        x, y = _at(boundary, wrong)
        yield Points(x=x, y=y, name="predicted wrong", series=GREY, symbol="ring", size=6.0)


def wrong_rows(output: BoundaryOutput) -> list[int]:
    """Give the places of the rows that are predicted as another class than theirs."""
    pairs = enumerate(zip(output.targets, output.predicted, strict=True))
    return [i for i, (target, found) in pairs if target is not None and target != found]


def number_rows(boundary: Boundary, output: BoundaryOutput) -> Iterator[Points]:
    """Give the rows by how their numbers differ from the predictions: about as much as most do, or more."""
    targets = np.array([np.nan if target is None else target for target in output.targets], np.float64)
    off = targets - np.asarray(output.predicted)
    known = np.isfinite(off)
    usual = BoundaryWords(boundary, output).root_mean_square()
    if not known.any():
        yield _points(boundary, range(len(off)), "rows", GREY, "dot")
        return
    groups: tuple[tuple[object, str, int, Symbol], ...] = (
        (known & (np.abs(off) <= usual), f"within {four_digits(usual)} of the prediction", GREY, "dot"),
        (known & (off > usual), "true number higher", ABOVE, "triangle"),
        (known & (off < -usual), "true number lower", BELOW, "square"),
        (~known, "no known number", GREY, "ring"),
    )
    for chosen, name, series, symbol in groups:
        rows = np.flatnonzero(chosen).tolist()  # type: ignore[arg-type]
        if rows:
            yield _points(boundary, rows, name, series, symbol, quiet=series == GREY)


def _points(
    boundary: Boundary, rows: Sequence[int], name: str, series: int, symbol: Symbol, *, quiet: bool = False
) -> Points:  # fmt: skip
    many = len(boundary.rows) > MANY_ROWS
    x, y = _at(boundary, rows)
    return Points(x=x, y=y, name=name, series=series, symbol=symbol, size=2.5 if many else 3.5, faint=many or quiet)


def _at(boundary: Boundary, rows: Sequence[int]) -> tuple[list[float], list[float]]:
    return [boundary.row_x[i] for i in rows], [boundary.row_y[i] for i in rows]


# -------------------------------------------------------------------------------------------------- hidden units' lines


def unit_lines(boundary: Boundary) -> Iterator[Layer]:
    """Give the line of each hidden unit that crosses the plane, dashed, with its name beside it."""
    (left, right), (low, high) = (boundary.x[0], boundary.x[-1]), (boundary.y[0], boundary.y[-1])
    named: list[tuple[float, float]] = []
    for unit in boundary.units:
        ends = crossing(unit, (left, right), (low, high))
        if ends is None:
            continue
        (u0, v0), (u1, v1) = ends
        x, y = ([start + share * (end - start) for share in shares]
                for start, end, shares in ((left, right, (u0, u1)), (low, high, (v0, v1))))  # fmt: skip
        yield Line(x=x, y=y, name="" if named else "a hidden unit's net input is 0", dash="dashed", quiet=True)
        u, v = _free_place(ends, named)
        named.append((u, v))
        yield Note(x=left + u * (right - left), y=low + v * (high - low), text=short(unit.unit),
                   side="left" if u > 0.8 else "right")  # fmt: skip


def _free_place(ends: Ends, taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Give the place on a line, near an end, that is farthest from the names of other lines; all in shares."""
    (u0, v0), (u1, v1) = ends
    places = [(u0 + t * (u1 - u0), v0 + t * (v1 - v0)) for t in (0.96, 0.04, 0.84, 0.16, 0.72, 0.28)]
    far = [min((math.hypot((u - s) / 2, v - t) for s, t in taken), default=1.0) for u, v in places]
    return next((place for place, free in zip(places, far, strict=True) if free > APART),
                places[max(range(len(places)), key=far.__getitem__)])  # fmt: skip


def crossing(unit: UnitLine, x_ends: tuple[float, float], y_ends: tuple[float, float]) -> Ends | None:
    """Give where a line enters and leaves the plane, from left to right, in shares; None where it does not cross it.

    >>> crossing(UnitLine("h1", 1.0, 1.0, -1.0), (0.0, 2.0), (0.0, 2.0))
    ((0.0, 0.5), (0.5, 0.0))
    """
    (left, right), (low, high) = x_ends, y_ends
    # In shares of the sides, u and v from 0 to 1, the line is A u + B v + C = 0.
    A, B = unit.a * (right - left), unit.b * (high - low)
    C = unit.a * left + unit.b * low + unit.c
    if not np.isfinite([A, B, C]).all():
        return None
    found = [(u, -(A * u + C) / B) for u in (0.0, 1.0) if B] + [(-(B * v + C) / A, v) for v in (0.0, 1.0) if A]
    inside = sorted({(u, v) for u, v in found if -1e-9 <= u <= 1.0 + 1e-9 and -1e-9 <= v <= 1.0 + 1e-9})
    if len(inside) < 2:
        return None
    return inside[0], inside[-1]


# ---------------------------------------------------------------------------------------------------------------- table


def boundary_table(boundary: Boundary, output: BoundaryOutput) -> DataTable:
    """Give predictions at a few places, from high y to low y, and where the units' lines lie among them."""
    words = BoundaryWords(boundary, output)
    columns, rows = _coarse(len(boundary.x)), _coarse(len(boundary.y))
    head = (f"{short(boundary.y_name)} (down), {short(boundary.x_name)} (across)",
            *(four_digits(boundary.x[k]) for k in columns))  # fmt: skip
    lines = [(four_digits(boundary.y[i]), *(words.cell(i, k) for k in columns)) for i in reversed(rows)]
    for unit in boundary.units:
        at = [-(unit.a * boundary.x[k] + unit.c) / unit.b if unit.b else math.nan for k in columns]
        name = f"{short(unit.unit)} has net input 0 where {short(boundary.y_name)} is"
        lines.append((name, *(four_digits(y) if math.isfinite(y) else "–" for y in at)))
    return DataTable(head, tuple(lines), numbers=1)


def _coarse(count: int) -> list[int]:
    return sorted({round(k * (count - 1) / (COARSE - 1)) for k in range(COARSE)})
