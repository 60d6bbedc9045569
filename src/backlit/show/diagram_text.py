"""A small network as text: for each unit its inputs, their weights, and its output."""

from __future__ import annotations

from backlit.explain.algebra.numerals import decimal_text, short_text
from backlit.explain.record.step_records import Column, Drawing, Node

LARGEST_COLUMN = 4
"""Networks with more units in a layer are too wide for a terminal."""
GAP = 4


def fits(drawing: Drawing) -> bool:
    """Tell whether a network is small enough to be drawn as text."""
    return all(column.size <= LARGEST_COLUMN for column in drawing.columns)


def network_lines(drawing: Drawing, digits: int, width: int) -> list[str]:
    """Give the lines of a drawing: inputs and weights on the left of each unit and its output.

    Layers stand beside each other, below each other where they are too wide for that.
    """
    blocks = [_layer(drawing, number, digits) for number in range(1, len(drawing.columns))]
    height = max(len(block) for block in blocks)
    widths = [max(len(line) for line in block) for block in blocks]
    if sum(widths) + GAP * (len(widths) - 1) > width:
        return [line for block in blocks for line in (*block, "")][:-1]
    rows = [[block[k] if k < len(block) else "" for block in blocks] for k in range(height)]
    return [
        (" " * GAP).join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _layer(drawing: Drawing, number: int, digits: int) -> list[str]:
    before, column = drawing.columns[number - 1], drawing.columns[number]
    targets = drawing.targets if number == len(drawing.columns) - 1 else ()
    lines = [column.title]
    for unit, node in enumerate(column.nodes):
        beside = f"  target {short_text(targets[unit], digits)}" if unit < len(targets) else ""
        lines += (
            ["", *_comb(before, column, unit, node, beside, digits)]
            if unit
            else _comb(before, column, unit, node, beside, digits)
        )
    return lines


def _comb(before: Column, column: Column, unit: int, node: Node, beside: str, digits: int) -> list[str]:
    """Draw the inputs of one unit with their weights, and its output."""
    edges = [edge for edge in column.edges if edge.unit == unit]
    names = [before.nodes[edge.source].name if edge.source >= 0 else "1" for edge in edges]
    weights = [short_text(edge.weight, digits) for edge in edges]
    wide, wider = max(map(len, names), default=0), max(map(len, weights), default=0)
    lines = []
    for k, (name, weight) in enumerate(zip(names, weights, strict=True)):
        middle = k == (len(edges) - 1) // 2
        bend = "─" if len(edges) == 1 else "┐" if k == 0 else "┘" if k == len(edges) - 1 else "┤"
        if middle and len(edges) > 1:
            bend = {"┐": "┬", "┘": "┴", "┤": "┼"}[bend]
        end = f"─▶ {node.name} {decimal_text(node.value, digits)}{beside}" if middle else ""
        lines.append(f"{name.rjust(wide)} ── {weight.rjust(wider)} ─{bend}{end}")
    return lines
