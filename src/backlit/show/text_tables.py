"""Tables as text for the terminal: a name, numbers, and words at the end that break into lines."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from backlit.show.names import without_middle

INDENT = "  "
LONGEST_NAME = 40
NAME, QUIET = "bold", "dim"


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], width: int, styles: Sequence[str]
) -> Iterator[Text]:
    """Give a table: the first column and the last hold words, the others numbers.

    The first column and the last break into lines; where the last has no room, the first is made narrower. Of a
    terminal that is too narrow for that, each row is a list.
    """
    lines = [list(head), *(list(row) for row in rows)]
    gaps = len(INDENT) + 3 * (len(head) - 1)
    widths = [max(cell_len(line[k]) for line in lines) for k in range(len(head) - 1)]
    widths[0] = min(widths[0], LONGEST_NAME)
    room = width - gaps - sum(widths)
    least = max(len(word) for line in lines for word in line[-1].split() or [""])
    if room < min(max(cell_len(line[-1]) for line in lines), max(least, 20)):
        spared = min(widths[0] - 14, max(least, 20) - room)
        if spared > 0:
            widths[0] -= spared
            room += spared
    if room < max(least, 10):
        yield from _list(head, rows, width, styles)
        return
    for number, line in enumerate(lines):
        style = styles[number - 1] if number else QUIET
        yield from _table_line(line, widths, room, (QUIET if not number else NAME, style))


def _table_line(line: Sequence[str], widths: Sequence[int], room: int, styles: tuple[str, str]) -> Iterator[Text]:
    cells = [_padded(without_middle(cell, width), width, right=k > 0)
             for k, (cell, width) in enumerate(zip(line, widths, strict=False))]  # fmt: skip
    name, *more = _in_width(line[0], widths[0])
    said, *others = textwrap.wrap(line[-1], room, break_on_hyphens=False) or [""]
    between = "".join(f"   {cell}" for cell in cells[1:])
    for begins, middle, ends in itertools.zip_longest([name, *more], [between], [said, *others], fillvalue=""):
        begun = (_padded(begins, widths[0], right=False), styles[0])
        made = Text.assemble(INDENT, begun, middle or " " * len(between), "   ", (ends, styles[1]))
        made.rstrip()
        yield made


def _in_width(text: str, width: int) -> list[str]:
    """Break a name between its words; a word that is longer loses its middle."""
    if cell_len(text) <= width:
        return [text]
    words = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [without_middle(word, width) for word in words] or [""]


def _padded(text: str, width: int, *, right: bool) -> str:
    space = " " * max(width - cell_len(text), 0)
    return space + text if right else text + space


def _list(head: Sequence[str], rows: Iterable[Sequence[str]], width: int, styles: Sequence[str]) -> Iterator[Text]:
    """Give each row as a list: its name, its verdict, and the numbers by their heads."""
    for row, style in zip(rows, styles, strict=True):
        for line in textwrap.wrap(row[0], width - len(INDENT), break_on_hyphens=False):
            yield Text.assemble(INDENT, (line, NAME))
        yield from broken(row[-1], width, INDENT * 2, style)
        for name, cell in zip(head[1:-1], row[1:-1], strict=True):
            if cell:
                yield Text.assemble(INDENT * 2, (f"{name} ", QUIET), cell)


def broken(text: str, width: int, indent: str = "", style: str = "") -> Iterator[Text]:
    """Break a sentence into lines."""
    for line in textwrap.wrap(text, width - len(indent), break_on_hyphens=False):
        yield Text.assemble(indent, (line, style))
