"""A network as inline SVG: values on nodes and edges, forward and backward."""

from __future__ import annotations

from html import escape

from backlit.explain.algebra.numerals import short_text
from backlit.explain.record.step_records import Column, Drawing, Node

RADIUS = 34
COLUMN, ROW = 260, 120
MARGIN = 60
PLACES = (0.30, 0.44, 0.58, 0.70)
"""Where along their edges the labels of a unit's outgoing weights stand, in turn, so that they do not meet."""


def network_svg(drawing: Drawing, *, backward: bool, digits: int = 4) -> str:
    """Give a drawing with outputs and weights, or with the slopes of the error with respect to them."""
    rows = max(_rows(column, number < len(drawing.columns) - 1) for number, column in enumerate(drawing.columns))
    width, height = MARGIN * 2 + COLUMN * (len(drawing.columns) - 1) + 110, MARGIN + ROW * rows
    title = "Backward pass: slopes of the error" if backward else "Forward pass: outputs and weights"
    parts = [f'<svg class="network {"backward" if backward else "forward"}" viewBox="0 0 {width} {height}" role="img" '
             f'aria-label="{title}"><title>{title}</title>']  # fmt: skip
    for number in range(1, len(drawing.columns)):
        parts += _edges(drawing, number, height, backward, digits)
    for number, column in enumerate(drawing.columns):
        parts += _nodes(drawing, number, column, height, backward, digits)
    return "\n".join([*parts, "</svg>"])


def _rows(column: Column, biased: bool) -> int:
    return len(column.nodes) + int(column.size > len(column.nodes)) + int(biased)


def _spot(drawing: Drawing, number: int, unit: int, height: float) -> tuple[float, float]:
    """Give the middle of a node; unit -1 is the constant 1 that a bias is the weight of, below the column."""
    column = drawing.columns[number]
    rows = _rows(column, number < len(drawing.columns) - 1)
    place = unit if unit >= 0 else rows - 1
    top = (height - MARGIN / 2 - ROW * rows) / 2 + ROW / 2 + MARGIN / 2
    return MARGIN + COLUMN * number, top + ROW * place


def _edges(drawing: Drawing, number: int, height: float, backward: bool, digits: int) -> list[str]:
    parts, labels = [], []
    for edge in drawing.columns[number].edges:
        x1, y1 = _spot(drawing, number - 1, edge.source, height)
        x2, y2 = _spot(drawing, number, edge.unit, height)
        value = edge.slope if backward else edge.weight
        kind = "bias" if edge.source < 0 else "weight"
        start = x1 + (RADIUS if edge.source >= 0 else RADIUS * 0.6)
        parts.append(f'<line class="{kind}" x1="{start:.0f}" y1="{y1:.0f}" x2="{x2 - RADIUS:.0f}" y2="{y2:.0f}"/>')
        if value is not None:
            share = PLACES[(edge.unit + max(edge.source, -1) + 1) % len(PLACES)]
            x, y = x1 + RADIUS + share * (x2 - x1 - 2 * RADIUS), y1 + share * (y2 - y1)
            labels.append(f'<text class="label" x="{x:.0f}" y="{y - 4:.0f}">{short_text(value, digits)}</text>')
    return parts + labels


def _nodes(drawing: Drawing, number: int, column: Column, height: float, backward: bool, digits: int) -> list[str]:
    last = number == len(drawing.columns) - 1
    parts = []
    for unit, node in enumerate(column.nodes):
        x, y = _spot(drawing, number, unit, height)
        parts += _node(node, x, y, backward, digits)
        if last and unit < len(drawing.targets):
            label = f"target {short_text(drawing.targets[unit], digits)}"
            parts.append(f'<text class="target" x="{x + RADIUS + 8:.0f}" y="{y + 5:.0f}">{label}</text>')
    if column.size > len(column.nodes):
        x, y = _spot(drawing, number, len(column.nodes), height)
        parts.append(f'<text class="more" x="{x:.0f}" y="{y:.0f}">… {column.size - len(column.nodes):,} more</text>')
    if not last and any(edge.source < 0 for edge in drawing.columns[number + 1].edges):
        x, y = _spot(drawing, number, -1, height)
        parts += [f'<circle class="one" cx="{x:.0f}" cy="{y:.0f}" r="{RADIUS * 0.6:.0f}"/>',
                  f'<text class="name" x="{x:.0f}" y="{y + 5:.0f}">1</text>']  # fmt: skip
    return parts


def _node(node: Node, x: float, y: float, backward: bool, digits: int) -> list[str]:
    value = node.slope if backward else node.value
    shown = "" if value is None else short_text(value, digits)
    name = f"{escape(_short(node.name))}<title>{escape(node.name)}</title>"
    return [
        f'<circle class="node" cx="{x:.0f}" cy="{y:.0f}" r="{RADIUS}"/>',
        f'<text class="name" x="{x:.0f}" y="{y - 4:.0f}">{name}</text>',
        f'<text class="value" x="{x:.0f}" y="{y + 14:.0f}">{shown}</text>',
    ]


def _short(name: str) -> str:
    return name if len(name) <= 8 else name[:7] + "…"
