"""What a chart is made of: axes and layers that lie over each other, the first one at the bottom.

Coordinates are those of the data. A `series` is a colour's number: equal numbers look the same in all charts of a page,
and colours are told apart by more than their hue (dashes, symbols) where two meet. Things in an order have a series of
`palette.ramp`, and a text at the end of their line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Numbers = Sequence[float]
"""A tuple, a list or an array (n,)."""

Grid = Sequence[Numbers]
"""Rows from low y to high y, each from low x to high x: an array (ny, nx)."""

Dash = Literal["solid", "dashed", "dotted", "dash-dotted"]
Symbol = Literal["dot", "ring", "square", "diamond", "triangle", "cross", "plus", "star"]


class Axis(msgspec.Struct, frozen=True):
    """An axis: what it says, and where it ends; None leaves an end to the data.

    `log` spaces decades evenly; values that are not positive are then not drawn. `marks` are the places and the texts
    along it, where these are not numbers; empty leaves them to the axis. `shown` False leaves the marks out.
    """

    label: str = ""
    log: bool = False
    low: float | None = None
    high: float | None = None
    marks: tuple[tuple[float, str], ...] = ()
    shown: bool = True


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line through points; a NaN breaks it. `name` stands in the legend, "" in none. `dots` marks the points.

    `end` is a text to the right of the plot, at the line's last point; where a line has one, none stands in the legend
    of a picture. `glyph` is the line's character in a text chart; by default the chart chooses one.
    """

    x: Numbers
    y: Numbers
    name: str = ""
    series: int = 0
    dash: Dash = "solid"
    quiet: bool = False
    dots: bool = False
    end: str = ""
    glyph: str = ""


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """Single points. `size` is a radius in pixels; `faint` lets many of them lie over each other."""

    x: Numbers
    y: Numbers
    name: str = ""
    series: int = 0
    symbol: Symbol = "dot"
    size: float = 3.5
    faint: bool = False


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """Bars from `low` to `high` along an axis (`across`: along x), from 0 to `values` along the other.

    `spread` are the ends of a whisker for each bar, or None.
    """

    low: Numbers
    high: Numbers
    values: Numbers
    name: str = ""
    series: int = 0
    across: bool = False
    spread: tuple[Numbers, Numbers] | None = None


class Cells(msgspec.Struct, frozen=True, kw_only=True):
    """A table of coloured cells, row 0 at the top: cell (i, k) lies around x = k, y = i of an axis that runs down.

    `shares` from 0 to 1 are the depth of the colour, `texts` stand in the cells; cells on the `diagonal` may have a
    colour of their own.
    """

    shares: Grid
    texts: Sequence[Sequence[str]]
    diagonal: bool = False


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A surface over the plane as filled contours between `levels` and lines along them, deep where it is low.

    `z` is (y, x); `labels` are the texts of levels, for some of them.
    """

    x: Numbers
    y: Numbers
    z: Grid
    levels: Numbers
    labels: tuple[str, ...] = ()


class Regions(msgspec.Struct, frozen=True, kw_only=True):
    """The plane in regions: at each place the one of `scores` (regions, y, x) that is the highest; a pale colour each.

    `series` are their colours.
    """

    x: Numbers
    y: Numbers
    scores: Sequence[Grid]
    series: tuple[int, ...]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A line across the whole chart, at `x` or at `y`, with a text at its end."""

    x: float | None = None
    y: float | None = None
    text: str = ""
    series: int | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A text at a place, to its right, left, above or below."""

    x: float
    y: float
    text: str
    side: Literal["right", "left", "above", "below"] = "right"
    series: int | None = None


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """An arrow from (x0, y0) to (x1, y1)."""

    x0: float
    y0: float
    x1: float
    y1: float
    series: int = 0


Layer = Line | Points | Bars | Cells | Field | Regions | Rule | Note | Arrow


class DataTable(msgspec.Struct, frozen=True):
    """The numbers of a chart as a table; the columns from `numbers` on stand to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 0


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One chart. `title` names it; `summary` says in a sentence what is seen, for those who do not see it.

    `square` gives x and y the same length on the page; `down` has y run down. `width` and `height` are pixels. `legend`
    False leaves it out: the names then stand in notes.
    """

    title: str
    summary: str
    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    table: DataTable
    square: bool = False
    down: bool = False
    width: int = 440
    height: int = 280
    legend: bool = True
