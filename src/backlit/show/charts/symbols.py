"""The looks of lines and points: dashes, symbols, and the samples of them in a legend."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.show.charts.contours import path
from backlit.show.charts.figure import Bars, Dash, Layer, Line, Points, Symbol
from backlit.show.charts.palette import LIGHT, colour, token

DASHES: dict[Dash, str] = {
    "solid": "", "dashed": ' stroke-dasharray="7 4"', "dotted": ' stroke-dasharray="2 3"',
    "dash-dotted": ' stroke-dasharray="8 3 2 3"',
}  # fmt: skip
"""Where lines lie on each other, the lower one is seen in the gaps of the upper one."""

SHAPES: dict[Symbol, tuple[tuple[tuple[float, float], ...], ...]] = {
    "square": (((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),),
    "diamond": (((0.0, -1.3), (1.1, 0.0), (0.0, 1.3), (-1.1, 0.0)),),
    "triangle": (((0.0, -1.2), (1.15, 0.85), (-1.15, 0.85)),),
    "star": (((0.0, -1.4), (0.35, -0.4), (1.3, -0.4), (0.55, 0.2), (0.85, 1.2), (0.0, 0.6), (-0.85, 1.2), (-0.55, 0.2),
              (-1.3, -0.4), (-0.35, -0.4)),),
    "cross": (((-1.0, -1.0), (1.0, 1.0)), ((1.0, -1.0), (-1.0, 1.0))),
    "plus": (((-1.2, 0.0), (1.2, 0.0)), ((0.0, -1.2), (0.0, 1.2))),
}  # fmt: skip
"""The outlines of symbols around their middle, for a size of 1; dots and rings are circles."""

OPEN = {"cross", "plus", "ring"}
"""Those that are drawn as lines."""


def stroke(series: int | None, *, quiet: bool = False) -> str:
    """Give the attributes of a line's colour."""
    if quiet:
        return f'class="axis" stroke="{LIGHT["quiet"]}"'
    return f'class="s{token(series)}" stroke="{colour(series)}"'


def fill(series: int | None) -> str:
    """Give the attributes of a filled part's colour."""
    return f'class="f{token(series)}" fill="{colour(series)}"'


def dots(points: Any, layer: Points) -> str:
    """Draw points in pixels (n, 2), all in one path."""
    opacity = ' opacity="0.45"' if layer.faint else ""
    if layer.symbol == "dot":
        steps = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points.tolist())
        look = f'{stroke(layer.series)} stroke-width="{2 * layer.size:g}" stroke-linecap="round"'
        return f'<path {look} fill="none"{opacity} d="{steps}"/>'
    steps = "".join(f"M{x:.1f} {y:.1f}{_outline(layer.symbol, layer.size)}" for x, y in points.tolist())
    if layer.symbol in OPEN:
        return f'<path {stroke(layer.series)} stroke-width="1.8" fill="none"{opacity} d="{steps}"/>'
    return f'<path {fill(layer.series)}{opacity} d="{steps}"/>'


def _outline(symbol: Symbol, size: float) -> str:
    """Give the outline of a symbol in steps from its middle."""
    if symbol == "ring":
        return f"m{-size:g} 0a{size:g} {size:g} 0 1 0 {2 * size:g} 0a{size:g} {size:g} 0 1 0 {-2 * size:g} 0"
    steps, before = "", (0.0, 0.0)
    for line in SHAPES[symbol]:
        for k, (x, y) in enumerate(line):
            steps += f"{'l' if k else 'm'}{(x - before[0]) * size:.3g} {(y - before[1]) * size:.3g}"
            before = x, y
        if symbol not in OPEN:
            steps, before = steps + "z", line[0]
    return steps


def line_sample(layer: Line, x: float, y: float) -> str:
    """Draw a piece of a line for the legend."""
    dash, wide = DASHES[layer.dash], 1.5 if layer.quiet else 2.2
    sample = f'<path {stroke(layer.series, quiet=layer.quiet)} stroke-width="{wide}"{dash} d="M{x} {y}h20"/>'
    if layer.dots:
        sample += f'<circle {fill(layer.series)} cx="{x + 10}" cy="{y}" r="3"/>'
    return sample


def symbol_sample(layer: Layer, x: float, y: float) -> str:
    """Draw a symbol, or a piece of a bar, for the legend."""
    if isinstance(layer, Points):
        return dots(np.array([[x + 12.0, y]]), layer)
    series = layer.series if isinstance(layer, Bars) else None
    return f'<rect {fill(series)} x="{x + 4}" y="{y - 5}" width="14" height="10"/>'


def polyline(points: Any) -> str:
    """Give the path of a line through points in pixels, broken where a point is not finite."""
    finite = np.isfinite(points).all(axis=1)
    runs = np.split(np.arange(len(points)), np.flatnonzero(np.diff(finite)) + 1)
    return "".join(path(points[run]) for run in runs if len(run) and finite[run[0]])
