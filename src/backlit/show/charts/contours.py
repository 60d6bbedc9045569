"""Contours of a surface on a grid, by contourpy, as paths of SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Place = Any
"""What turns points (n, 2) of the data into pixels (n, 2)."""


def generator(x: Sequence[float], y: Sequence[float], z: Any) -> Any:
    """Give contourpy's generator for a surface; places without a finite value are left out."""
    from contourpy import FillType, LineType, contour_generator  # noqa: PLC0415  (only where a field is drawn)

    values = np.ma.masked_invalid(np.asarray(z, np.float64))
    return contour_generator(np.asarray(x, np.float64), np.asarray(y, np.float64), values,
                             fill_type=FillType.OuterOffset, line_type=LineType.Separate)  # fmt: skip


def filled(made: Any, low: float, high: float, place: Place) -> str:
    """Give the part of a surface between two levels as a path; empty where there is none."""
    if not low < high:
        return ""
    parts = []
    for points, offsets in zip(*made.filled(low, high), strict=True):
        at = place(points)
        parts += [path(at[a:b][:-1]) + "Z" for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    return "".join(parts)


def lines(made: Any, level: float) -> Iterator[Any]:
    """Give the lines along a level, points (n, 2) each."""
    yield from made.lines(level)


def path(points: Any) -> str:
    """Give a path through points in pixels, to a tenth of one; steps are relative, which is short.

    >>> path(np.array([[0.0, 1.0], [10.0, 1.0], [10.0, 2.5]]))
    'M0 1h10v1.5'
    """
    tenths = np.rint(np.asarray(points) * 10).astype(np.int64)
    if not len(tenths):
        return ""
    parts = [f"M{_number(tenths[0, 0])} {_number(tenths[0, 1])}"]
    for dx, dy in np.diff(tenths, axis=0).tolist():
        if dx and dy:
            parts.append(f"l{_number(dx)} {_number(dy)}")
        elif dx or dy:
            parts.append(f"h{_number(dx)}" if dx else f"v{_number(dy)}")
    return "".join(parts) if len(parts) > 1 else parts[0] + "h0"


def _number(tenths: int) -> str:
    whole, tenth = divmod(abs(int(tenths)), 10)
    return ("-" if tenths < 0 else "") + (f"{whole}.{tenth}" if tenth else str(whole))
