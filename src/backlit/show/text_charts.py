"""Small drawings in text: a network, a row of bars. They take plain values and give lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
