"""A figure as SVG: a picture of its own, or a part of a page that brings the style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from html import escape
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from backlit.show.charts.contours import filled, generator, lines, path
from backlit.show.charts.figure import (
    Arrow,
    Bars,
    Cells,
    Field,
    Figure,
    Layer,
    Line,
    Note,
    Points,
    Regions,
    Rule,
)
from backlit.show.charts.frame import SMALL, Frame, text_part
from backlit.show.charts.line_ends import line_ends
from backlit.show.charts.palette import (
    CHART_STYLE,
    DEPTHS,
    FIELD,
    LIGHT,
    SERIES,
    colour,
    token,
)
from backlit.show.charts.symbols import DASHES, dots, fill, polyline, stroke
from backlit.show.notebook import svg_size
from backlit.show.text_width import shortened, text_width

FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif"

GAP = 14.0
"""Pixels between two figures of one picture."""

LABEL_ROOM = 24.0
LABEL_FAR = 34.0
"""A contour's label keeps so far from the plot's border, and from paths where it can, in pixels."""

BEYOND = 4.0
"""Lines and points are cut so many pixels beyond the plot: those at an end of an axis are seen whole."""

BETWEEN = 8
"""Between two points of a line so many places are looked at."""

PALE = 0.22
"""How strong the colour of a region is."""


def figure_svg(figure: Figure, *, standalone: bool = True, titled: bool | None = None) -> str:
    """Give a figure as SVG.

    Args:
        figure: what to draw.
        standalone: a picture of its own, with its background and the style that turns dark where the viewer's system
            is; without it the page brings `palette.CHART_STYLE`.
        titled: write the title into the picture; by default where it stands alone.
    """
    frame = Frame(figure, titled=standalone if titled is None else titled)
    width, height = round(frame.width), round(frame.height)
    said = escape(f"{figure.title}. {figure.summary}" if figure.summary else figure.title)
    size = f'width="{width}" height="{height}"'
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} viewBox="0 0 {width} {height}" role="img" '
            f'aria-label="{said}" font-family="{FONT}" font-size="13">')  # fmt: skip
    if standalone:
        head += f'<style>{CHART_STYLE}</style><rect class="paper" {size} fill="{LIGHT["paper"]}"/>'
    behind, inside, above = _sorted(frame)
    drawn = [*_in_plot(frame, behind), *frame.parts(), *_in_plot(frame, inside, beyond=BEYOND), *line_ends(frame),
             *above]  # fmt: skip
    return "\n".join([head, *drawn, "</svg>"])


def layers_svg(frame: Frame, layers: Sequence[Layer]) -> str:
    """Give layers alone, where a frame has its plot: for a picture of which some parts change."""
    over = copy(frame)
    over.figure = msgspec.structs.replace(frame.figure, layers=tuple(layers))
    behind, inside, above = _sorted(over)
    return "\n".join([*_in_plot(over, behind), *_in_plot(over, inside, beyond=BEYOND), *above])


def _in_plot(frame: Frame, parts: list[str], beyond: float = 0.0) -> Iterator[str]:
    """Give parts that the plot's border cuts off, or one so many pixels beyond it."""
    if parts:
        x, y, wide, high = (f"{end:.1f}" for end in (frame.left - beyond, frame.top - beyond, frame.wide + 2 * beyond,
                                                     frame.high + 2 * beyond))  # fmt: skip
        yield f'<svg x="{x}" y="{y}" width="{wide}" height="{high}" viewBox="{x} {y} {wide} {high}">'
        yield from parts
        yield "</svg>"


def _sorted(frame: Frame) -> tuple[list[str], list[str], list[str]]:
    """Draw the layers: surfaces go behind the grid, texts over everything."""
    behind: list[str] = []
    inside: list[str] = [*_halos(frame)]
    above: list[str] = []
    for layer in frame.figure.layers:
        if isinstance(layer, (Field, Regions)):
            behind += _field(frame, layer, above) if isinstance(layer, Field) else _regions(frame, layer)
        elif isinstance(layer, (Note, Cells)):
            above += _note(frame, layer) if isinstance(layer, Note) else _cells(frame, layer)
        elif isinstance(layer, Rule):
            inside += _rule(frame, layer)
            above += _rule_text(frame, layer)
        else:
            inside += _drawn(frame, layer)
    return behind, inside, above


def _drawn(frame: Frame, layer: Layer) -> Iterator[str]:
    if isinstance(layer, Line):
        yield from _line(frame, layer)
    elif isinstance(layer, Points):
        points = frame.points(layer.x, layer.y)
        yield dots(points[np.isfinite(points).all(axis=1)], layer)
    elif isinstance(layer, Bars):
        yield from _bars(frame, layer)
    elif isinstance(layer, Arrow):
        yield from _arrow(frame, layer)


def _halos(frame: Frame) -> Iterator[str]:
    """Draw paper around the lines on a field, below all of them, so that none cuts another."""
    if any(isinstance(layer, Field) for layer in frame.figure.layers):
        for line in (layer for layer in frame.figure.layers if isinstance(layer, Line)):
            wide, d = (1.5 if line.quiet else 2.2) + 2.5, polyline(frame.points(line.x, line.y))
            if d:
                yield (f'<path class="halo" stroke="{LIGHT["paper"]}" stroke-width="{wide}" fill="none" '
                       f'stroke-linejoin="round" opacity="0.8" d="{d}"/>')  # fmt: skip


def _line(frame: Frame, layer: Line) -> Iterator[str]:
    points = frame.points(layer.x, layer.y)
    d = polyline(points)
    if not d:
        return
    wide = 1.5 if layer.quiet else 2.2
    caps = ' stroke-linecap="round"' if layer.dash == "solid" else ""  # round ends would close the gaps
    shape = f'stroke-width="{wide}" fill="none" stroke-linejoin="round"{caps}{DASHES[layer.dash]}'
    yield f'<path {stroke(layer.series, quiet=layer.quiet)} {shape} d="{d}"/>'
    if layer.dots:
        finite = points[np.isfinite(points).all(axis=1)]
        yield dots(finite, Points(x=(), y=(), series=layer.series, size=3.0))


def _bars(frame: Frame, layer: Bars) -> Iterator[str]:
    """Draw bars from 0, with whiskers where they have a spread."""
    along, other = (frame.down, frame.across) if layer.across else (frame.across, frame.down)
    lows, highs, zero = along(layer.low), along(layer.high), float(other(0.0))
    zero = zero if np.isfinite(zero) else frame.top + frame.high
    ends = other(layer.values)
    rects, whiskers = [], []
    for k, (one, two, end) in enumerate(zip(lows.tolist(), highs.tolist(), ends.tolist(), strict=True)):
        if not np.isfinite(end):
            continue
        at, size = min(one, two) + 0.5, max(abs(two - one) - 1.0, 0.5)
        first, length = min(zero, end), abs(end - zero)
        x, y, wide, high = (first, at, length, size) if layer.across else (at, first, size, length)
        rects.append(f"M{x:.1f} {y:.1f}h{wide:.1f}v{high:.1f}h{-wide:.1f}z")
        if layer.spread is not None:
            low, high_end = (float(other(side[k])) for side in layer.spread)
            middle = (one + two) / 2
            whiskers.append(f"M{low:.1f} {middle:.1f}H{high_end:.1f}" if layer.across
                            else f"M{middle:.1f} {low:.1f}V{high_end:.1f}")  # fmt: skip
    yield f'<path {fill(layer.series)} opacity="0.85" d="{"".join(rects)}"/>'
    if whiskers:
        yield f'<path class="si" stroke="{LIGHT["ink"]}" stroke-width="1.5" fill="none" d="{"".join(whiskers)}"/>'


def _arrow(frame: Frame, layer: Arrow) -> Iterator[str]:
    (x0, y0), (x1, y1) = frame.points([layer.x0, layer.x1], [layer.y0, layer.y1]).tolist()
    length = float(np.hypot(x1 - x0, y1 - y0))
    if not np.isfinite(length) or length < 1.0:
        return
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    head = min(8.0, 0.5 * length)
    bx, by = x1 - ux * head, y1 - uy * head
    yield f'<path {stroke(layer.series)} stroke-width="2.2" d="M{x0:.1f} {y0:.1f}L{bx:.1f} {by:.1f}"/>'
    sides = f"L{bx - uy * head / 2:.1f} {by + ux * head / 2:.1f}L{bx + uy * head / 2:.1f} {by - ux * head / 2:.1f}z"
    yield f'<path {fill(layer.series)} d="M{x1:.1f} {y1:.1f}{sides}"/>'


def _rule(frame: Frame, layer: Rule) -> Iterator[str]:
    look = f'{stroke(layer.series, quiet=layer.series is None)} stroke-width="1.5" stroke-dasharray="4 3"'
    if layer.x is not None:
        x = float(frame.across(layer.x))
        if np.isfinite(x):
            yield f'<path {look} d="M{x:.1f} {frame.top:.1f}v{frame.high:.1f}"/>'
    if layer.y is not None:
        y = float(frame.down(layer.y))
        if np.isfinite(y):
            yield f'<path {look} d="M{frame.left:.1f} {y:.1f}h{frame.wide:.1f}"/>'


def _rule_text(frame: Frame, layer: Rule) -> Iterator[str]:
    """Write the text of a line across at its upper or its right end, on the side where there is more room."""
    if not layer.text:
        return
    text = shortened(layer.text, 0.7 * frame.wide, SMALL)
    ink = {"fill": "" if layer.series is None else colour(layer.series)}
    kind = "quiet" if layer.series is None else f"f{token(layer.series)}"
    if layer.x is not None:
        x = float(frame.across(layer.x))
        left = x - frame.left > frame.wide / 2
        yield text_part(x - 5.0 if left else x + 5.0, frame.top + 12.0, text, kind, "end" if left else "start", SMALL,
                        halo=True, fill=ink["fill"] or LIGHT["quiet"])  # fmt: skip
    elif layer.y is not None:
        y = float(frame.down(layer.y))
        at = y - 5.0 if y - frame.top > 18.0 else y + 14.0
        yield text_part(frame.left + frame.wide - 4.0, at, text, kind, "end", SMALL, halo=True,
                        fill=ink["fill"] or LIGHT["quiet"])  # fmt: skip


def _note(frame: Frame, layer: Note) -> Iterator[str]:
    ((x, y),) = frame.points([layer.x], [layer.y]).tolist()
    if not np.isfinite(x + y):
        return
    side = layer.side
    text = shortened(layer.text, frame.width - 16.0, SMALL)
    half = text_width(text, SMALL)
    if side == "right" and x + 8.0 + half > frame.width:
        side = "left"
    elif side == "left" and x - 8.0 - half < 0.0:
        side = "right"
    dx, dy, anchor = {"right": (8, 4, "start"), "left": (-8, 4, "end"), "above": (0, -9, "middle"),
                      "below": (0, 19, "middle")}[side]  # fmt: skip
    x, y = x + dx, min(max(y + dy, frame.top + 11.0), frame.top + frame.high - 3.0)
    if anchor == "middle":
        x = min(max(x, half / 2 + 2.0), frame.width - half / 2 - 2.0)
    kind = "ink" if layer.series is None else f"f{token(layer.series)}"
    yield text_part(x, y, text, kind, anchor, SMALL, halo=True, fill=colour(layer.series), full=layer.text)


def _cells(frame: Frame, layer: Cells) -> Iterator[str]:
    rows, columns = len(layer.shares), len(layer.shares[0])
    wide, high = frame.wide / columns, frame.high / rows
    letters = min(SMALL, 0.6 * high)
    steps = [f"M{frame.left + k * wide:.1f} {frame.top:.1f}v{frame.high:.1f}" for k in range(columns + 1)]
    steps += [f"M{frame.left:.1f} {frame.top + k * high:.1f}h{frame.wide:.1f}" for k in range(rows + 1)]
    yield f'<path class="grid" stroke="{LIGHT["grid"]}" fill="none" d="{"".join(steps)}"/>'
    for i, (shares, texts) in enumerate(zip(layer.shares, layer.texts, strict=True)):
        for k, (share, text) in enumerate(zip(shares, texts, strict=True)):
            x, y = float(frame.across(k)), float(frame.down(i))
            series = 1 if layer.diagonal and i != k else 0
            opacity = 0.0 if not np.isfinite(share) else 0.5 * min(max(float(share), 0.0), 1.0)
            if opacity:
                yield (f'<rect {fill(series)} opacity="{opacity:.2f}" x="{x - wide / 2 + 0.5:.1f}" '
                       f'y="{y - high / 2 + 0.5:.1f}" width="{wide - 1:.1f}" height="{high - 1:.1f}"/>')  # fmt: skip
            if text and text_width(text, letters) < wide + 2.0 and letters >= 7.0:
                yield text_part(x, y + 0.36 * letters, text, "ink", "middle", letters)


def _field(frame: Frame, layer: Field, above: list[str]) -> Iterator[str]:
    """Fill between the levels, deep where the surface is low, and draw a line along each."""
    surface = generator(layer.x, layer.y, layer.z)
    levels = [float(level) for level in layer.levels]
    finite = np.asarray(layer.z, np.float64)
    finite = finite[np.isfinite(finite)]
    if not finite.size or not levels:
        return
    edges = [min(float(finite.min()), levels[0]), *levels, max(float(finite.max()), levels[-1])]
    bands = len(edges) - 1
    for k, (low, high) in enumerate(pairwise(edges)):
        depth = round(k * (DEPTHS - 1) / max(bands - 1, 1))
        d = filled(surface, low, high, frame.place)
        if d:
            yield f'<path class="d{depth}" fill="{FIELD[depth]}" fill-rule="evenodd" d="{d}"/>'
    taken = [points for other in frame.figure.layers for points in _occupied(frame, other)]
    for k, level in enumerate(levels):
        found = [frame.place(points) for points in lines(surface, level)]
        d = "".join(map(path, found))
        if d:
            yield f'<path class="axis" stroke="{LIGHT["quiet"]}" stroke-width="0.8" opacity="0.6" fill="none" d="{d}"/>'
        if found and k < len(layer.labels) and layer.labels[k]:
            for x, y in _free_place(frame, np.concatenate(found), taken):
                taken.append(np.array([[x, y]]))
                above.append(text_part(x, y + 3.5, layer.labels[k], "quiet", "middle", SMALL, halo=True))


def _occupied(frame: Frame, layer: Layer) -> Iterator[Any]:
    """Give points (n, 2) that a label keeps away from: along lines, on points and on notes."""
    if isinstance(layer, (Line, Points)):
        points = frame.points(layer.x, layer.y)
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            yield points
        if len(points) > 1 and isinstance(layer, Line):
            shares = np.linspace(0.0, 1.0, BETWEEN, endpoint=False)[:, None, None]
            yield (points[:-1] + shares * np.diff(points, axis=0)).reshape(-1, 2)
    elif isinstance(layer, Note):
        at = frame.points([layer.x], [layer.y])
        if np.isfinite(at).all():
            yield at + np.array([[-20.0, -10.0], [0.0, -10.0], [20.0, -10.0]])


def _free_place(frame: Frame, points: Any, taken: list[Any]) -> list[list[float]]:
    """Give the point of a contour (n, 2) for its label, within the plot and far from paths; none at its border."""
    low = np.array([frame.left + LABEL_ROOM, frame.top + LABEL_ROOM / 2])
    high = np.array([frame.left + frame.wide - LABEL_ROOM, frame.top + frame.high - LABEL_ROOM / 2])
    points = points[((points >= low) & (points <= high)).all(axis=1)]
    far = np.full(len(points), LABEL_FAR)
    for others in taken:
        far = np.fmin(far, np.hypot(*(points[:, None] - others[None]).transpose(2, 0, 1)).min(axis=1))
    found: list[list[float]] = points[[int(far.argmax())]].tolist() if len(points) else []
    return found


def _regions(frame: Frame, layer: Regions) -> Iterator[str]:
    """Fill the part of the plane where each of the scores is the highest, then draw the edges between the parts."""
    scores = np.asarray(layer.scores, np.float64)
    edges = []
    for k, series in enumerate(layer.series):
        others = np.delete(scores, k, axis=0)
        ahead = scores[k] - others.max(axis=0)
        top = float(np.nanmax(ahead)) if np.isfinite(ahead).any() else -1.0
        surface = generator(layer.x, layer.y, ahead)
        d = filled(surface, 0.0, max(top, 0.0) + 1.0, frame.place) if top >= 0 else ""
        if d:
            yield f'<path class="f{series % len(SERIES)}" fill="{colour(series)}" opacity="{PALE}" d="{d}"/>'
        if d and k < len(layer.series) - 1:  # each edge is one of two regions
            edges += [path(frame.place(points)) for points in lines(surface, 0.0)]
    if edges:
        yield f'<path {stroke(None)} stroke-width="1.6" fill="none" opacity="0.8" d="{"".join(edges)}"/>'


def stacked_svg(figures: Sequence[Figure]) -> str:
    """Give several figures as one picture of its own, one below the other."""
    drawn = [figure_svg(figure, standalone=False, titled=True) for figure in figures]
    sizes = [svg_size(svg) for svg in drawn]
    width, height = max(wide for wide, _ in sizes), sum(high for _, high in sizes) + GAP * (len(sizes) - 1)
    parts, top = [], 0.0
    for svg, (_, high) in zip(drawn, sizes, strict=True):
        parts.append(svg.replace("<svg ", f'<svg y="{top:g}" ', 1))
        top += high + GAP
    size = f'width="{width:g}" height="{height:g}"'
    said = escape("; ".join(figure.title for figure in figures))
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} viewBox="0 0 {width:g} {height:g}" '
            f'role="img" aria-label="{said}"><style>{CHART_STYLE}</style>'
            f'<rect class="paper" {size} fill="{LIGHT["paper"]}"/>')  # fmt: skip
    return "\n".join([head, *parts, "</svg>"])
