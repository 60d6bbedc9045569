"""A small network as text: for each unit its inputs, their weights, and its output."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from backlit.errors import counted
from backlit.explain.algebra.numerals import given_text, short_text
from backlit.explain.record.node_record import Node
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.show.network.panel_text import panel_lines

LARGEST_COLUMN = 4
"""Networks with more units in a layer are too wide for a terminal."""
GAP = 4
PANEL_DIGITS = 4
"""Places behind the point in maps, so that they stay narrow; the records below have all digits."""


def fits(drawing: Drawing) -> bool:
    """Tell whether a network is small enough to be drawn as text, or has panels, which are."""
    return bool(drawing.panels) or all(column.size <= LARGEST_COLUMN for column in drawing.columns)


def drawing_lines(
    drawing: Drawing, digits: int, width: int, *, names: bool | None = None, backward: bool = False
) -> list[str]:
    """Give the lines of a row's drawing: its panels, and below them the dense layers, where these are small."""
    if not drawing.panels:
        return network_lines(drawing, digits, width, names=names)
    lines = panel_lines(drawing.panels, min(digits, PANEL_DIGITS), width, backward=backward)
    small = all(column.size <= LARGEST_COLUMN for column in drawing.columns)
    dense = network_lines(drawing, digits, width, names=names) if drawing.columns and small and not backward else []
    if dense and max(map(cell_len, dense)) <= width:
        lines += ["", *dense]
    elif drawing.columns and not backward:
        lines += [
            "",
            "dense layers",
            *(f"{column.title}: {counted(column.size, 'unit')}" for column in drawing.columns),
        ]
    return lines


def network_lines(drawing: Drawing, digits: int, width: int, *, names: bool | None = None) -> list[str]:
    """Give the lines of a row's drawing: inputs and weights on the left of each unit and its output.

    Layers stand beside each other, below each other where they are too wide for that. `names` puts the weights' names
    before their values; None does so for the user's own names alone.
    """
    blocks = [_layer(drawing, number, digits, names) for number in range(1, len(drawing.columns))]
    height = max(len(block) for block in blocks)
    widths = [max(map(cell_len, block)) for block in blocks]
    if sum(widths) + GAP * (len(widths) - 1) > width:
        return [line for block in blocks for line in (*block, "")][:-1]
    rows = [[block[k] if k < len(block) else "" for block in blocks] for k in range(height)]
    return [
        (" " * GAP)
        .join(text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        .rstrip()
        for row in rows
    ]


def _layer(drawing: Drawing, number: int, digits: int, names: bool | None) -> list[str]:
    before, column = drawing.columns[number - 1], drawing.columns[number]
    targets = drawing.targets if number == len(drawing.columns) - 1 else ()
    lines = [column.title]
    for unit, node in enumerate(column.nodes):
        beside = f"  target {given_text(targets[unit], digits)}" if unit < len(targets) else ""
        lines += (
            ["", *_comb(before, column, unit, node, beside, digits, names)]
            if unit
            else _comb(before, column, unit, node, beside, digits, names)
        )
    return lines


def _comb(
    before: Column, column: Column, unit: int, node: Node, beside: str, digits: int, names: bool | None
) -> list[str]:
    """Draw the inputs of one unit with their weights, and its output."""
    edges = [edge for edge in column.edges if edge.unit == unit]
    sources = [before.nodes[edge.source].name if edge.source >= 0 else "1" for edge in edges]
    weights = _weights(edges, digits, names)
    wide, wider = (max(map(cell_len, texts), default=0) for texts in (sources, weights))
    value = "" if node.value is None else f" {short_text(node.value, digits)}"
    lines = []
    for k, (source, weight) in enumerate(zip(sources, weights, strict=True)):
        middle = k == (len(edges) - 1) // 2
        bend = "─" if len(edges) == 1 else "┐" if k == 0 else "┘" if k == len(edges) - 1 else "┤"
        if middle and len(edges) > 1:
            bend = {"┐": "┬", "┘": "┴", "┤": "┼"}[bend]
        end = f"─▶ {node.name}{value}{beside}" if middle else ""
        left, right = " " * (wide - cell_len(source)), " " * (wider - cell_len(weight))
        lines.append(f"{left}{source} ── {right}{weight} ─{bend}{end}")
    return lines


def _weights(edges: Sequence[Edge], digits: int, names: bool | None) -> list[str]:
    """Give weights, each after its name if that is shown, with names and values below each other."""
    leads = [f"{edge.name} " if (edge.own if names is None else names) else "" for edge in edges]
    values = [given_text(edge.weight, digits) for edge in edges]
    wide, wider = max(map(cell_len, leads), default=0), max(map(len, values), default=0)
    return [
        lead + " " * (wide - cell_len(lead)) + value.rjust(wider) for lead, value in zip(leads, values, strict=True)
    ]
