"""The error of a training as a picture: curves over the epochs, the error on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 74, 16, 16, 44
PAPER, INK, QUIET, GRID = "#ffffff", "#1c2430", "#566375", "#e3e8ee"
COLOURS = ("#1a62d6", "#b93a0a", "#16794b", "#7a3fc4")
MOST_MARKS = 5

Curve = Sequence[tuple[float, float]]


def curve_svg(curves: Mapping[str, Curve], across: str, right: float | None = None) -> tuple[str, tuple[float, float]]:
    """Give a picture of curves of positive values, with its own background, and its size.

    `across` says what the x axis is; `right` ends it, by default with the longest curve.
    """
    end = max(curve[-1][0] for curve in curves.values()) if right is None else right
    logs = [math.log10(y) for curve in curves.values() for x, y in curve if x <= end]
    low, high = _limits(min(logs), max(logs))

    def place(x: float, log: float) -> tuple[float, float]:
        return (LEFT + x / (end or 1.0) * (WIDTH - LEFT - RIGHT),
                TOP + (high - log) / (high - low) * (HEIGHT - TOP - BOTTOM))  # fmt: skip

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" font-size="12">'
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>']  # fmt: skip
    for value in _marks(low, high):
        x, y = place(0.0, math.log10(value))
        parts.append(f'<line x1="{x}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
                     f'<text x="{x - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{QUIET}">{value:g}</text>')  # fmt: skip
    floor = HEIGHT - BOTTOM
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, _ = place(end * share, low)
        anchor = "end" if share == 1.0 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{floor + 18}" text-anchor="{anchor}" fill="{QUIET}">{_label(end * share)}'
                     "</text>")  # fmt: skip
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle" fill="{QUIET}">'
                 f"{escape(across)}</text>")  # fmt: skip
    for k, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[k % len(COLOURS)]
        points = " ".join("{:.1f},{:.1f}".format(*place(x, math.log10(y))) for x, y in curve if x <= end)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(curves) > 1:
            parts.append(f'<text x="{WIDTH - RIGHT - 6}" y="{TOP + 14 + 16 * k}" text-anchor="end" fill="{colour}" '
                         f'font-weight="600">{escape(name)}</text>')  # fmt: skip
    return "".join([*parts, "</svg>"]), (WIDTH, HEIGHT)


def _limits(low: float, high: float) -> tuple[float, float]:
    """Give the ends of the y axis, in powers of ten, with some room at both ends."""
    room = max(0.05, 0.05 * (high - low))
    return low - room, high + room


def _marks(low: float, high: float) -> list[float]:
    """Give round values between the ends: powers of ten, or where these are few, their multiples."""
    for digits in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        found = [digit * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for digit in digits]
        inside = [value for value in found if low <= math.log10(value) <= high]
        if len(inside) >= 2:
            return inside[:: math.ceil(len(inside) / MOST_MARKS)]
    return [float(f"{10.0**low:.3g}"), float(f"{10.0**high:.3g}")]


def _label(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"
