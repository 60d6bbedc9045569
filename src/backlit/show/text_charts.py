"""Small drawings in text: a network, a row of bars, curves. They take plain values and give lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"
JOINTS = {
    (True, True, True, True): "┼", (True, True, True, False): "┴", (True, True, False, True): "┬",
    (True, True, False, False): "─", (True, False, True, True): "┤", (True, False, True, False): "┘",
    (True, False, False, True): "┐", (False, True, True, True): "├", (False, True, True, False): "└",
    (False, True, False, True): "┌", (False, False, True, True): "│", (True, False, False, False): "─",
    (False, True, False, False): "─",
}  # fmt: skip
"""The character that joins lines to the left, right, up and down, by which of the four there are."""


def network_drawing(columns: Sequence[Sequence[str]]) -> list[str]:
    """Draw the units of each layer below each other, and between two layers a bar that joins all with all.

    >>> print("\\n".join(network_drawing([["i1", "i2"], ["h1", "h2"], ["o1"]])))
    i1 ─┐ ┌─ h1 ─┐
        ├─┤      ├─── o1
    i2 ─┘ └─ h2 ─┘
    """
    height = max(2 * len(column) - 1 for column in columns)
    lines = [""] * height
    for k, column in enumerate(columns):
        width = max(map(len, column))
        at = _rows_of(column, height)
        if k:
            bars = zip(
                _bar(_rows_of(columns[k - 1], height), height, left=True), _bar(at, height, left=False), strict=True
            )
            middle = (height - 1) // 2
            for row, (left, right) in enumerate(bars):
                lines[row] += left + ("─" if row == middle else " ") + right
        for row in range(height):
            lines[row] += f" {at[row]:{width}} " if row in at else " " * (width + 2)
    return [line.rstrip()[1:] for line in lines]


def _rows_of(column: Sequence[str], height: int) -> dict[int, str]:
    """Place the units on every other line, around the middle one; give their names by the numbers of their lines."""
    first = (height - 1) // 2 - (len(column) - 1)
    return {first + 2 * k: name for k, name in enumerate(column)}


def _bar(at: Mapping[int, str], height: int, *, left: bool) -> list[str]:
    """Draw the bar at the left or right of the middle: a stub to each unit, and one to the other bar."""
    middle = (height - 1) // 2
    low, high = min([*at, middle]), max([*at, middle])
    bar = []
    for row in range(height):
        if not low <= row <= high:
            bar.append("  ")
            continue
        unit, other = row in at, row == middle
        sides = (unit, other) if left else (other, unit)
        joint = JOINTS[(*sides, row > low, row < high)]
        stub = "─" if unit else " "
        bar.append(stub + joint if left else joint + stub)
    return bar


def bars(values: Sequence[float]) -> str:
    """Draw a row of bars, each value's height on a logarithmic scale where all are positive.

    >>> bars([1.0, 0.1, 0.01])
    '█▄▁'
    """
    heights = [math.log(value) for value in values] if min(values) > 0 else list(values)
    low, high = min(heights), max(heights)
    steps = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[int((height - low) * steps)] for height in heights)


def plot(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    *,
    width: int = 64,
    height: int = 12,
    right: float | None = None,
) -> list[str]:
    """Draw curves of positive values by the first letters of their names, the y axis logarithmic.

    Where two curves meet, the one named first is seen. `right` ends the x axis, by default with the longest curve.

    >>> print("\\n".join(plot({"a": [(0.0, 1.0), (2.0, 0.01)]}, width=5, height=3)))
     1.00 │aa
    0.100 │  a
    0.010 │   aa
          └─────
    """
    end = max(curve[-1][0] for curve in curves.values()) if right is None else right
    sampled = {name: [_at(curve, end * k / (width - 1)) for k in range(width)] for name, curve in curves.items()}
    seen = [math.log(y) for values in sampled.values() for y in values if y is not None]
    low, high = min(seen), max(seen)
    grid = [[" "] * width for _ in range(height)]
    for name, values in reversed(list(sampled.items())):
        for column, y in enumerate(values):
            if y is not None:
                grid[round((high - math.log(y)) / ((high - low) or 1.0) * (height - 1))][column] = name[0]
    labels = [math.exp(high - (high - low) * row / (height - 1)) for row in range(height)]
    lines = [
        f"{label:#5.3g}"[:5].rjust(5) + " │" + "".join(row).rstrip() for label, row in zip(labels, grid, strict=True)
    ]
    return [*lines, " " * 6 + "└" + "─" * width]


def _at(curve: Sequence[tuple[float, float]], x: float) -> float | None:
    """Give a curve's value between its points, along straight lines in the logarithm; None beyond its end."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 <= x <= x1:
            share = (x - x0) / ((x1 - x0) or 1.0)
            return math.exp((1 - share) * math.log(y0) + share * math.log(y1))
    return None
