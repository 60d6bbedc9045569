"""A drawing whole: its panels from top to bottom, and below them the dense layers that follow, from left to right."""

from __future__ import annotations

from backlit.explain.record.step_records import Drawing
from backlit.show.network.layout import layout
from backlit.show.network.panels import joined, panels_layout
from backlit.show.network.parts import LETTERS, MARGIN, Layout, Line, Text


def drawing_layout(drawing: Drawing, *, backward: bool, digits: int, names: bool | None = None) -> Layout:
    """Place a drawing with outputs and weights, or with the slopes of the error; see `layout` for the arguments."""
    drawing = drawing.way(backward=backward)
    if not drawing.panels:
        return layout(drawing, backward=backward, digits=digits, names=names)
    parts = [panels_layout(drawing.panels, backward=backward, digits=digits).moved(MARGIN, MARGIN)]
    width, height = parts[0].width + MARGIN, parts[0].height + MARGIN
    if drawing.columns:
        top, bottom = height - 4, height + 22
        ends = (bottom, top) if backward else (top, bottom)
        arrow = Line(MARGIN + 7, ends[0], MARGIN + 7, ends[1], "weight arrow")
        words = Text(MARGIN + 20, height + 14, "dense layers", "heading", "start", LETTERS, bold=True)
        parts.append(Layout(0.0, 0.0, (arrow,), (), (words,)))
        parts.append(layout(drawing, backward=backward, digits=digits, names=names).moved(0.0, height + 26))
        width, height = max(width, parts[-1].width), parts[-1].height
    return joined(parts, width, height)
