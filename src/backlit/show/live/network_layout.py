"""Where the parts of a network that is drawn live stand: columns from left to right, in whole pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from backlit.analysis.live.records import LiveColumn, LiveOutline
from backlit.show.network.edge_labels import told_apart, without_ending
from backlit.show.text_width import shortened, text_width, wrapped

LETTERS, LINE = 13.0, 16
PILL, APART = 26, 10
"""The height of a unit; the space between two."""
MARGIN, NEAR = 10, 8
LONGEST_INPUT, LONGEST_NAME, LONGEST_HEAD, BLOCK_TEXT = 170.0, 104.0, 118.0, 126.0
GAPS = ((4, 84), (6, 72))
"""The width of the edges between columns: of up to so many columns, and else CLOSE."""
CLOSE = 58
ONE = 9
"""The radius of the constant 1 that biases come from."""


class Unit(NamedTuple):
    """A unit: the middle of its pill, and its name, which may be shortened."""

    y: int
    text: str


class Placed(NamedTuple):
    """A column: the middle and half the width of its units, or of its block with its top and height.

    `lines` are the texts of a block; of units, those at the head. `one` is where the constant 1 stands, 0 for none.
    `more` says how many units are not drawn, at `more_y`.
    """

    x: int
    half: int
    units: tuple[Unit, ...]
    head: tuple[str, ...]
    lines: tuple[str, ...]
    top: int
    height: int
    one: int
    more: str
    more_y: int


class Geometry(NamedTuple):
    """Where all stands: of each edge the ends x1, y1, x2, y2, in their order; `ways` are lines that have no weight."""

    width: int
    height: int
    columns: tuple[Placed, ...]
    edges: tuple[tuple[int, int, int, int], ...]
    ways: tuple[tuple[int, int, int, int], ...]


@lru_cache(maxsize=8)
def geometry(outline: LiveOutline) -> Geometry:
    """Place the parts of an outline."""
    columns = outline.columns
    gap = next((gap for most, gap in GAPS if len(columns) <= most), CLOSE)
    heads = [_head(column) for column in columns]
    lines = [_block_lines(column) if column.block else () for column in columns]
    names = [_names(column, LONGEST_NAME if number else LONGEST_INPUT) for number, column in enumerate(columns)]
    halves = [_half(column, own, shown) for column, own, shown in zip(columns, lines, names, strict=True)]
    wide = [max(half, int(max((text_width(text, LETTERS) for text in (*head, _more(column))), default=0.0) / 2) + 1)
            for half, head, column in zip(halves, heads, columns, strict=True)]  # fmt: skip
    top = MARGIN + LINE * max(map(len, heads)) + 8
    tall = max(_column_height(column, own) for column, own in zip(columns, lines, strict=True))
    middle = top + tall // 2
    with_one = {number - 1 for number in {edge.column for edge in outline.edges if edge.source < 0}}
    placed: list[Placed] = []
    x = MARGIN + wide[0]
    for number, column in enumerate(columns):
        if number:
            own_gap = gap if column.weighted else min(gap, 34)
            x += max(halves[number - 1] + own_gap + halves[number], wide[number - 1] + NEAR + wide[number])
        own = heads[number], lines[number], names[number]
        placed.append(_placed(column, x, halves[number], *own, middle, number in with_one))
    width = placed[-1].x + wide[-1] + MARGIN
    low = max(max(one.one + ONE, one.more_y + 4, one.top + one.height, *(unit.y + PILL // 2 for unit in one.units))
              for one in placed)  # fmt: skip
    edges = tuple(
        (placed[edge.column - 1].x + (ONE if edge.source < 0 else placed[edge.column - 1].half),
         placed[edge.column - 1].one if edge.source < 0 else placed[edge.column - 1].units[edge.source].y,
         placed[edge.column].x - placed[edge.column].half, placed[edge.column].units[edge.unit].y)
        for edge in outline.edges
    )  # fmt: skip
    ways = tuple(way for number in range(1, len(columns)) if not columns[number].weighted
                 for way in _ways(placed[number - 1], placed[number]))  # fmt: skip
    return Geometry(width, low + MARGIN, tuple(placed), edges, ways)


def _more(column: LiveColumn) -> str:
    left_out = 0 if column.block else column.size - len(column.units)
    return f"+ {left_out:,} more" if left_out else ""


def _head(column: LiveColumn) -> tuple[str, ...]:
    if column.block:
        return (column.title,)
    lines = [line for text in column.details for line in wrapped(text, LONGEST_HEAD, LETTERS)]
    return tuple(shortened(text, LONGEST_HEAD, LETTERS) for text in (column.title, *lines))


def _block_lines(column: LiveColumn) -> tuple[str, ...]:
    whole = [text.replace(" × ", "|×|") for text in column.details]  # a shape is not broken
    lines = [line.replace("|×|", " × ") for text in whole for line in wrapped(text, BLOCK_TEXT, LETTERS)]
    return tuple(shortened(line, BLOCK_TEXT + 8, LETTERS) for line in lines)


def _names(column: LiveColumn, most: float) -> list[str]:
    """Give the names of units, as long as there is room for; those that would be alike are cut as little as need be."""
    whole = without_ending(column.units)
    short = [shortened(name, most, LETTERS) for name in whole]
    return (
        short if len(set(short)) == len(set(whole)) else [shortened(name, most, LETTERS) for name in told_apart(whole)]
    )


def _half(column: LiveColumn, lines: tuple[str, ...], names: list[str]) -> int:
    """Give half the width of a column's units or of its block."""
    if column.block:
        return int(max(text_width(line, LETTERS) for line in lines) / 2) + 8
    return max(17, int(max(text_width(name, LETTERS) for name in names) / 2) + 8)


def _column_height(column: LiveColumn, lines: tuple[str, ...]) -> int:
    if column.block:
        return LINE * len(lines) + 16
    return (PILL + APART) * len(column.units) - APART


def _placed(
    column: LiveColumn, x: int, half: int, head: tuple[str, ...], lines: tuple[str, ...], names: list[str],
    middle: int, with_one: bool,
) -> Placed:  # fmt: skip
    height = _column_height(column, lines)
    top = middle - height // 2
    units = tuple(Unit(top + PILL // 2 + (PILL + APART) * k, name) for k, name in enumerate(names))
    low = top + height
    more = _more(column)
    more_y = low + 6 + LINE - 4 if more else 0
    one = max(low, more_y) + 12 + ONE if with_one else 0
    return Placed(x, half, units, head, lines, top, height, one, more, more_y)


def _ways(before: Placed, after: Placed) -> list[tuple[int, int, int, int]]:
    """Give lines from a block or its units to the next: what is read, without weights of its own."""
    middles = [[unit.y for unit in column.units] or [column.top + column.height // 2] for column in (before, after)]
    x1, x2 = before.x + before.half, after.x - after.half
    if len(middles[0]) == len(middles[1]) > 1:
        return [(x1, y1, x2, y2) for y1, y2 in zip(*middles, strict=True)]
    return [(x1, y1, x2, y2) for y1 in middles[0] for y2 in middles[1]]
