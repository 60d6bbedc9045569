"""The texts at the ends of lines, to the right of the plot: apart from each other, each with a thin line to its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from backlit.show.charts.figure import Line
from backlit.show.charts.frame import END, SMALL, Frame, ended, text_part
from backlit.show.charts.palette import colour, token
from backlit.show.charts.symbols import stroke

APART = 13.0
"""Pixels from one text to the next."""


def line_ends(frame: Frame) -> Iterator[str]:
    """Write the text of each line that has one beside its last point, as near as the others leave room."""
    lines: list[Line] = []
    points: list[tuple[float, float]] = []
    for line in ended(frame.figure):
        placed = frame.points(line.x, line.y)
        placed = placed[np.isfinite(placed).all(axis=1)]
        if len(placed):
            lines.append(line)
            x, y = placed[-1].tolist()
            points.append((x, min(max(y, frame.top), frame.top + frame.high)))
    edge = frame.left + frame.wide
    heights = spread([y for _, y in points], frame.top, frame.top + frame.high, APART)
    for line, (x, y), at in zip(lines, points, heights, strict=True):
        yield (f'<path {stroke(line.series)} stroke-width="0.8" opacity="0.6" fill="none" '
               f'd="M{x + 2:.1f} {y:.1f}H{max(edge, x + 2):.1f}L{edge + END - 4:.1f} {at:.1f}"/>')  # fmt: skip
        yield text_part(edge + END, at + 4.0, line.end, f"f{token(line.series)}", size=SMALL, fill=colour(line.series))


def spread(wanted: Sequence[float], low: float, high: float, apart: float) -> list[float]:
    """Move places as little as needs be until they are so far apart, within the ends, in the order that they have.

    Places that meet are moved together around their mean. Where there is no room for all, they are evenly apart.

    >>> spread([10.0, 11.0, 40.0], 0.0, 100.0, 4.0), spread([5.0, 5.0, 5.0], 0.0, 10.0, 8.0)
    ([8.5, 12.5, 40.0], [0.0, 5.0, 10.0])
    """
    order = sorted(range(len(wanted)), key=lambda k: (wanted[k], k))
    if len(order) > 1 and apart * (len(order) - 1) > high - low:
        apart = (high - low) / (len(order) - 1)
    groups: list[list[int]] = []
    starts: list[float] = []
    for k in order:
        groups.append([k])
        starts.append(min(max(wanted[k], low), high))
        while len(groups) > 1 and starts[-2] + apart * len(groups[-2]) > starts[-1]:
            groups[-2:] = [groups[-2] + groups[-1]]
            middle = sum(wanted[one] for one in groups[-1]) / len(groups[-1])
            length = apart * (len(groups[-1]) - 1)
            starts[-2:] = [min(max(middle - length / 2, low), high - length)]
    found = [0.0] * len(wanted)
    for group, start in zip(groups, starts, strict=True):
        for place, k in enumerate(group):
            found[k] = start + apart * place
    return found
