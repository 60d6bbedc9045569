"""A drawing whole: its panels from top to bottom, and below them the dense layers that follow, from left to right.

A picture is as narrow as a telephone's page, or wider where maps that then stand beside one another make it shorter. A
page shows panel by panel, so that it may be printed on several sheets, in the width that its reader has.
"""

from __future__ import annotations

from typing import NamedTuple

from backlit.explain.record.step_records import Drawing
from backlit.show.network.layout import layout
from backlit.show.network.panels import WIDTH, joined, shown_panels, stacked, stem, titled_panel
from backlit.show.network.parts import LETTERS, MARGIN, Layout, Text

WIDE, WIDEST = 540.0, 860.0
"""Two pictures of the first width stand beside each other on a page of 1,200 pixels; none is wider than the second."""
SHORTER = 0.8
"""A wide picture is worth it if it has at most so much of the other's height."""


class Piece(NamedTuple):
    """A part of a drawing, one below the other: what it shows, its layout, and that for more width if there is one."""

    title: str
    narrow: Layout
    wide: Layout | None


def drawing_layout(drawing: Drawing, *, backward: bool, digits: int, names: bool | None = None) -> Layout:
    """Place a drawing with outputs and weights, or with the slopes of the error; see `layout` for the arguments."""
    pieces = drawing_pieces(drawing, backward=backward, digits=digits, names=names)
    return stacked([piece.wide or piece.narrow for piece in pieces], gap=0.0)


def drawing_pieces(drawing: Drawing, *, backward: bool, digits: int, names: bool | None = None) -> list[Piece]:
    """Place the panels of a drawing and its dense layers, each by itself; a drawing without panels is one piece."""
    drawing = drawing.way(backward=backward)
    panels = shown_panels(drawing.panels, backward=backward)
    dense = layout(drawing, backward=backward, digits=digits, names=names) if drawing.columns else None
    if not drawing.panels:
        return [Piece("", dense, None)] if dense else []
    most = min(max(WIDE, dense.width - 2 * MARGIN if dense else 0.0), WIDEST)
    places = {width: [titled_panel(panel, backward=backward, digits=digits, most=width, first=not number)
                      for number, panel in enumerate(panels)] for width in (WIDTH, most)}  # fmt: skip
    short, tall = (sum(piece.height for piece in places[width]) for width in (most, WIDTH))
    worth = short <= SHORTER * tall
    pieces = [
        Piece(panel.title, _framed(narrow), _framed(wide) if worth and wide.height < narrow.height else None)
        for panel, narrow, wide in zip(panels, places[WIDTH], places[most], strict=True)
    ]
    if dense:
        words = Text(20.0, 14.0, "dense layers", "heading", "start", LETTERS, bold=True)
        head = Layout(0.0, 0.0, (stem(backward=backward),), (), (words,)).moved(MARGIN, MARGIN / 2)
        tail = joined([head, dense.moved(0.0, 26.0)], dense.width, dense.height + 26)
        pieces.append(Piece("dense layers", tail, None))
    return pieces


def _framed(placed: Layout) -> Layout:
    """Give a panel with a margin around it."""
    moved = placed.moved(MARGIN, MARGIN / 2)
    return moved._replace(width=moved.width + MARGIN, height=moved.height + MARGIN / 2)
