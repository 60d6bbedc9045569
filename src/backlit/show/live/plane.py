"""The plane of two inputs on the live page: a raster below, axes and rows above it, and over them what changes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec
import numpy as np

from backlit.analysis.boundary.records import Boundary, BoundaryOutput
from backlit.show.boundary.figures import (
    ABOVE,
    BELOW,
    GREY,
    boundary_table,
    class_rows,
    number_rows,
    unit_lines,
    wrong_rows,
)
from backlit.show.boundary.words import BoundaryWords
from backlit.show.charts.figure import Axis, DataTable, Figure, Layer, Line, Points, Regions, Symbol
from backlit.show.charts.frame import Frame
from backlit.show.charts.palette import (
    DARK,
    DARK_FIELD,
    DARK_SERIES,
    DEPTHS,
    FIELD,
    LIGHT,
    SERIES,
    mixed,
)
from backlit.show.charts.svg import FONT, layers_svg
from backlit.show.charts.symbols import stroke
from backlit.show.live.numbers import plain_digits, powers
from backlit.show.names import short
from backlit.show.pages import table_html

WIDTH = 372
"""Pixels of the picture, as wide as its column."""

MOST_SHADES, PALE, STRONG = 16, 0.1, 0.42
"""A class has so many shades, from pale, where it is hardly ahead, to strong."""

COLOURS = 256
"""Of a raster."""

RING = 7.0
"""The radius of the mark of a row that is wrong, in pixels."""


class PlaneNumbers(msgspec.Struct, frozen=True):
    """What changes from one moment to the next: `over` the rows as SVG, in words, as a table, and a legend's ends.

    `brief` always stands there, `words` are all there is to say. `raster` numbers the raster that goes with them.
    """

    raster: int
    over: str
    brief: str
    words: str
    table: str
    low: str = ""
    high: str = ""


# -------------------------------------------------------------------------------------------------------------- raster


def raster_bytes(output: BoundaryOutput, number: int) -> bytes:
    """Give the predictions of a plane as bytes: the length of a head, 4 bytes, the head, and a byte for each point.

    The head is JSON: `number`, `points` along a side, and the colours `light` and `dark`. Points come row by row from
    the top; a byte is the place of its colour. Of classes it is class · `shades` + shade, of numbers a depth.
    """
    scores = np.asarray(output.scores)
    if output.classes:
        shades = max(1, min(MOST_SHADES, COLOURS // len(output.classes)))
        classes, ahead = _classes(output, scores)
        places = classes * shades + np.minimum((ahead * shades).astype(np.int64), shades - 1)
        count = len(output.classes)
        light, dark = _shades(count, shades, LIGHT["paper"], SERIES), _shades(count, shades, DARK["paper"], DARK_SERIES)
    else:
        shades, (low, high) = 0, _ends(scores)
        share = (scores[0] - low) / (high - low) if high > low else np.full(scores[0].shape, 0.5)
        places = np.minimum((share * DEPTHS).astype(np.int64), DEPTHS - 1)
        light, dark = list(FIELD), list(DARK_FIELD)
    head = msgspec.json.encode(
        {"number": number, "points": len(scores[0]), "shades": shades, "light": light, "dark": dark}
    )
    points: Any = (places % COLOURS)[::-1].astype(np.uint8)
    raster: bytes = len(head).to_bytes(4, "little") + head + points.tobytes()
    return raster


def _classes(output: BoundaryOutput, scores: Any) -> tuple[Any, Any]:
    """Give the predicted class of each point, and how far it is ahead, from 0 to 1."""
    if output.level is not None:
        classes = (scores[0] > output.level).astype(np.int64)
        off, known = np.abs(scores[0] - output.level), output.level if output.level > 0.0 else 1.0
    else:
        classes, ordered = scores.argmax(axis=0), np.sort(scores, axis=0)
        off, known = ordered[-1] - ordered[-2], 1.0
    largest = float(off.max())
    return classes, np.clip(off / (known if largest <= known else largest), 0.0, 1.0)


def _shades(classes: int, shades: int, paper: str, series: Sequence[str]) -> list[str]:
    strengths = [PALE + (STRONG - PALE) * k / max(1, shades - 1) for k in range(shades)]
    return [mixed(paper, series[k % len(series)], strength) for k in range(classes) for strength in strengths][:COLOURS]


def _ends(scores: Any) -> tuple[float, float]:
    return float(scores.min()), float(scores.max())


# ------------------------------------------------------------------------------------------------------------- picture


def plane_html(boundary: Boundary, output: BoundaryOutput, numbers: PlaneNumbers) -> str:
    """Give the picture of a plane: what stays the same, and in it what changes."""
    frame = _frame(boundary, output)
    still = [layer for layer in frame.figure.layers if isinstance(layer, Points) and len(layer.x)]
    width, height = round(frame.width), round(frame.height)
    box = " ".join(f"{100 * part / whole:.3f}" for part, whole in (
        (frame.left, frame.width), (frame.top, frame.height), (frame.wide, frame.width), (frame.high, frame.height)
    ))  # fmt: skip
    border = (f'<rect class="axis" x="{frame.left:.1f}" y="{frame.top:.1f}" width="{frame.wide:.1f}" '
              f'height="{frame.high:.1f}" fill="none" stroke="{LIGHT["quiet"]}" stroke-width="0.8"/>')  # fmt: skip
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="boundary-words" font-family="{FONT}" '
           f'font-size="13">{border}{"".join(frame.parts())}<g id="boundary-under">{numbers.over}</g>'
           f"{layers_svg(frame, still)}</svg>")  # fmt: skip
    return (f'<div class="plane" id="boundary-plane" data-box="{box}">'
            f'<canvas width="600" height="600" aria-hidden="true"></canvas>{svg}</div>{_legend(output, numbers)}'
            f'<p id="boundary-brief" class="note">{escape(numbers.brief)}</p>'
            '<details id="boundary-about"><summary>What is drawn</summary>'
            f'<p id="boundary-words" class="note">{escape(numbers.words)}</p></details>'
            f'<details id="boundary-table"><summary>As a table</summary><div id="boundary-cells">{numbers.table}</div>'
            "</details>")  # fmt: skip


def plane_numbers(
    boundary: Boundary, output: BoundaryOutput, raster: int, chosen: tuple[float, float, str] | None, remark: str
) -> PlaneNumbers:
    """Give what changes; `chosen` is the place of a row that was chosen, with its name."""
    frame, words = _frame(boundary, output), BoundaryWords(boundary, output)
    table: DataTable = boundary_table(boundary, output)
    over = _wrong_marks(boundary, output, frame)
    over += layers_svg(frame, [*_marks(boundary, output, chosen), *unit_lines(boundary)])
    low, high = (plain_digits(end) for end in _ends(np.asarray(output.scores))) if not output.classes else ("", "")
    said = " ".join(filter(None, (words.summary(dashed=bool(boundary.units)), remark)))
    cells = table_html(table.head, table.rows, table.numbers, label="Predictions at some places")
    return PlaneNumbers(raster, over, powers(words.brief()), powers(said), cells, low, high)


def _frame(boundary: Boundary, output: BoundaryOutput) -> Frame:
    """Give the frame, whose legend names all that may be seen at some moment."""
    nowhere: tuple[float, ...] = ()
    layers: list[Layer] = [Regions(x=boundary.x, y=boundary.y, scores=(), series=())]  # as Frame asks: no grid lines
    if boundary.units:
        layers.append(Line(x=nowhere, y=nowhere, name="a hidden unit's net input is 0", dash="dashed", quiet=True))
    if output.classes:
        layers += [msgspec.structs.replace(points, faint=False) for points in class_rows(boundary, output)
                   if points.symbol != "ring"]  # fmt: skip
        if output.known:
            layers.append(Points(x=nowhere, y=nowhere, name="predicted wrong", series=GREY, symbol="ring", size=6.0))
    elif output.known:
        groups: tuple[tuple[str, int, Symbol], ...] = (
            ("near the prediction", GREY, "dot"), ("true number higher", ABOVE, "triangle"),
            ("true number lower", BELOW, "square"),
        )  # fmt: skip
        layers += [Points(x=nowhere, y=nowhere, name=name, series=series, symbol=symbol)
                   for name, series, symbol in groups]  # fmt: skip
    ends = {"x": (boundary.x[0], boundary.x[-1]), "y": (boundary.y[0], boundary.y[-1])}
    return Frame(Figure(
        title="", summary="", square=True, width=WIDTH, layers=tuple(layers), table=DataTable((), ()),
        x=Axis(short(boundary.x_name), low=ends["x"][0], high=ends["x"][1]),
        y=Axis(short(boundary.y_name), low=ends["y"][0], high=ends["y"][1]),
    ), titled=False)  # fmt: skip


def _wrong_marks(boundary: Boundary, output: BoundaryOutput, frame: Frame) -> str:
    """Draw a ring around each row that is wrong: a disc with one of paper in it, as two short paths of many rows."""
    if not output.classes or BoundaryWords(boundary, output).flat:
        return ""
    rows = wrong_rows(output)
    points = frame.points([boundary.row_x[i] for i in rows], [boundary.row_y[i] for i in rows])
    d = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points.tolist())
    shape = f'stroke-linecap="round" fill="none" d="{d}"'
    return (f'<path {stroke(GREY)} stroke-width="{2 * RING:g}" {shape}/>'
            f'<path class="halo" stroke="{LIGHT["paper"]}" stroke-width="{2 * RING - 4:g}" {shape}/>')  # fmt: skip


def _marks(boundary: Boundary, output: BoundaryOutput, chosen: tuple[float, float, str] | None) -> list[Layer]:
    """Give the rows that change, as those of numbers do, and a mark on the chosen one."""
    layers: list[Layer] = []
    if not output.classes:
        layers += number_rows(boundary, output)
    if chosen is not None:
        layers.append(Points(x=chosen[:1], y=chosen[1:2], series=GREY, symbol="ring", size=RING + 3.0))
    return layers


def _legend(output: BoundaryOutput, numbers: PlaneNumbers) -> str:
    """Say what the colours of the plane mean."""
    if output.classes:
        return '<p class="note">The stronger the colour, the further its class is ahead.</p>'
    wide = 14
    parts = "".join(
        f'<rect class="d{k}" fill="{FIELD[k]}" x="{k * wide}" width="{wide}" height="12"/>' for k in range(DEPTHS)
    )
    bar = f'<svg class="chart" width="{DEPTHS * wide}" height="12" aria-hidden="true">{parts}</svg>'
    return (f'<p class="scale note">predicted <span id="boundary-low">{escape(numbers.low)}</span>{bar}'
            f'<span id="boundary-high">{escape(numbers.high)}</span></p>')  # fmt: skip
