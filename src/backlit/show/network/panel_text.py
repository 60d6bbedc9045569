"""Panels as text: maps as rows of numbers with the window in brackets, a recurrent layer step by step, branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len

from backlit.explain.algebra.numerals import given_text, short_text
from backlit.explain.record.drawing_records import Branches, Grid, Maps, Numbers, Panel, Unrolled
from backlit.explain.record.node_record import Node
from backlit.show.network.grids import MOST_COLUMNS, MOST_ROWS, block_means, coloured, range_words, span_words
from backlit.show.network.sums import has_slopes, sum_text
from backlit.show.network.unrolled import NOT_RUN, STAYS
from backlit.show.text_width import hung

SHADES = " ░▒▓█"
"""From 0 to the largest number of a map, whatever its sign."""
GAP = 3


def panel_lines(panels: Sequence[Panel], digits: int, width: int, *, backward: bool = False) -> list[str]:
    """Give the lines of panels, one below the other."""
    lines: list[str] = []
    for panel in panels if not backward else filter(has_slopes, panels):
        lines += [*([""] if lines else []), panel.title, *_panel(panel, digits, width, backward=backward)]
    return lines


def _panel(panel: Panel, digits: int, width: int, *, backward: bool) -> Iterator[str]:
    if isinstance(panel, Maps):
        yield from _maps(panel, digits, width, backward=backward)
    elif isinstance(panel, Unrolled):
        for most in (4, 3, 2, 1):
            lines = list(_unrolled(panel, digits, most, backward=backward))
            if max(map(cell_len, lines)) <= width:
                break
        yield from (part for line in lines for part in ([line] if cell_len(line) <= width else hung(line, width)))
    else:
        yield from _branches(panel, digits, width, backward=backward)


# ----------------------------------------------------------------------------------------------------------------- maps


def _maps(panel: Maps, digits: int, width: int, *, backward: bool) -> Iterator[str]:
    blocks = []
    large = len(panel.grids) > 1 and coloured(panel.grids[0].values)
    maps = panel.grids[:1] if large else panel.grids
    left_out = panel.size - len(maps)
    for grids in (panel.weights, maps, () if backward else panel.targets):
        blocks += [_grid(grid, numbers, digits, width) for grid in grids
                   if (numbers := grid.slopes if backward else grid.values)]  # fmt: skip
        if grids is panel.weights and panel.bias is not None:
            number = panel.bias.slope if backward else panel.bias.value
            blocks.append([panel.bias.name, _written(number, digits)])
    yield from side_by_side(blocks, width)
    if left_out > 0:
        yield f"… {left_out:,} more"
    if panel.made is not None and not backward:
        yield from hung(sum_text(panel.made, digits), width)


def _written(number: float | None, digits: int) -> str:
    return "" if number is None else given_text(number, digits)


def _grid(grid: Grid, numbers: Numbers, digits: int, width: int) -> list[str]:
    name = [grid.name] if grid.name else []
    array = np.array([[np.nan if number is None else number for number in row] for row in numbers], float)
    if not coloured(numbers):
        for places in range(digits, 0, -1):
            lines = _rows(grid, array, places)
            if max(map(cell_len, lines)) <= width:
                return [*name, *lines]
    return [*name, *_shaded(grid, array, digits, width)]


def _rows(
    grid: Grid, array: npt.NDArray[Any], digits: int, rows: Sequence[int] = (), columns: Sequence[int] = ()
) -> list[str]:
    """Write numbers in columns; those of the window in brackets, a cell whose making is shown in angle brackets.

    Of a part of the grid, `rows` and `columns` say which ones it has.
    """
    rows, columns = rows or range(array.shape[0]), columns or range(array.shape[1])
    cells: list[list[str]] = []
    for row, line in zip(rows, array, strict=True):
        cells.append([])
        for column, number in zip(columns, line, strict=True):
            at = (row, column)
            text = "" if np.isnan(number) else short_text(float(number), digits)
            marks = "‹›" if at in (grid.made, grid.winner) else "[]" if at in grid.window else "  "
            cells[-1].append(f"{marks[0]}{text}{marks[1]}")
    heads = [[f" {grid.heads[column]} " for column in columns]] if grid.heads else []
    if grid.sides:
        cells = [[f"{grid.sides[row]} ", *line] for row, line in zip(rows, cells, strict=True)]
        heads = [["", *line] for line in heads]
    wide = [max(cell_len(line[column]) for line in [*heads, *cells]) for column in range(len(cells[0]))]
    return ["".join(_right(text, wide[k]) for k, text in enumerate(line)) for line in [*heads, *cells]]


def _right(text: str, wide: int) -> str:
    return " " * (wide - cell_len(text)) + text


def _shaded(grid: Grid, array: npt.NDArray[Any], digits: int, width: int) -> list[str]:
    """Draw a large map in shades of its sizes, with its range and its window's numbers below."""
    step, means = 1, array
    while means.shape[1] * 2 > width:
        step += 1
        means = block_means(array, step)
    sizes = np.nan_to_num(np.abs(means))
    largest = float(sizes.max(initial=0.0)) or 1.0
    levels = np.minimum((sizes / largest * len(SHADES)).astype(int), len(SHADES) - 1)
    lines = ["".join(SHADES[level] * 2 for level in row).rstrip() for row in levels]
    lines += range_words(array, step, digits)
    cells = grid.window or ((grid.made,) if grid.made else ())
    rows, columns = sorted({row for row, _ in cells}), sorted({column for _, column in cells})
    if cells and len(rows) <= MOST_ROWS and len(columns) <= MOST_COLUMNS:
        part = array[np.ix_(rows, columns)]
        lines += [span_words(rows, columns), *_rows(grid, part, digits, rows, columns)]
    return lines


def side_by_side(blocks: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Give blocks of lines beside one another, as many as fit; the others follow below."""
    line: list[Sequence[str]] = []
    for block in blocks:
        if line and sum(map(_wide, [*line, block])) + GAP * len(line) > width:
            yield from _beside(line)
            line = []
        line.append(block)
    yield from _beside(line)


def _wide(block: Sequence[str]) -> int:
    return max(map(cell_len, block), default=0)


def _beside(blocks: Sequence[Sequence[str]]) -> Iterator[str]:
    wide = [_wide(block) for block in blocks]
    for k in range(max(map(len, blocks), default=0)):
        cells = [block[k] if k < len(block) else "" for block in blocks]
        yield (" " * GAP).join(cell + " " * (w - cell_len(cell)) for cell, w in zip(cells, wide, strict=True)).rstrip()


# ----------------------------------------------------------------------------------------------- recurrent and branches


def _unrolled(panel: Unrolled, digits: int, most: int, *, backward: bool) -> Iterator[str]:
    """Write a time to a line: its inputs, the weight, its states; between two times the weight from state to state."""

    def said(nodes: Sequence[Node], count: int) -> str:
        nodes = nodes[:most]
        numbers = [node.slope if backward else node.value for node in nodes]
        parts = [node.name if number is None else f"{node.name} {short_text(number, digits)}"
                 for node, number in zip(nodes, numbers, strict=True)]  # fmt: skip
        return ", ".join([*parts, *([f"… {count - len(nodes):,} more"] if count > len(nodes) else [])])

    def weight(node: Node) -> str:
        number = node.slope if backward else node.value
        return node.name if number is None else f"{node.name} {given_text(number, digits)}"

    moments = panel.moments
    times = max(len(moment.name) for moment in moments)
    reads = [said(moment.inputs, panel.inputs) for moment in moments]
    wide = max(map(cell_len, reads))
    arrow = f"◀── {weight(panel.inward)} ──" if backward else f"── {weight(panel.inward)} ─▶"
    left_out = panel.times - len(moments)
    for k, (moment, read) in enumerate(zip(moments, reads, strict=True)):
        if k:
            folded = left_out and k == (len(moments) + 1) // 2
            onward = weight(panel.onward) if moment.run and moments[k - 1].run else STAYS
            words = f"… {left_out:,} times more" if folded else onward
            yield f"{' ' * (times + 2 + wide + 1 + cell_len(arrow) + 1)}{'▲' if backward else '▼'} {words}"
        states = said(moment.states, panel.units)
        cells = f" (cells {said(moment.cells, panel.units)})" if moment.cells and not backward else ""
        way = arrow if moment.run else f"{NOT_RUN:^{cell_len(arrow)}}"
        yield f"{moment.name:{times}}  {read}{' ' * (wide - cell_len(read))} {way} {states}{cells}"


def _branches(panel: Branches, digits: int, width: int, *, backward: bool) -> Iterator[str]:
    """Write branch after branch, set off by a line on the left."""
    for k, branch in enumerate(panel.branches):
        lines = panel_lines(branch, digits, width - 2, backward=backward) if branch else ["passes on what it reads"]
        yield from (f"│ {line}".rstrip() for line in lines)
        yield f"└─ {panel.join}" if k == len(panel.branches) - 1 else "│"
    yield from _maps(Maps("", panel.grids, panel.size), digits, width, backward=backward)
