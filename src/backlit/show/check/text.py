"""Checked work as text for the terminal."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from backlit.show.check.lines import breaks
from backlit.show.check.parts import Cause, Detail, Line, Parts, Row
from backlit.show.names import without_middle

WIDTH = 100
INDENT = "  "
LONGEST_NAME = 40
LEAST_WIDTH, LEAST_FORMULA, WIDE_FORMULA = 40, 20, 30
LONGEST_SHARE = 0.35
"""A name that takes more of the width than that stands above its formula, and one that leaves a long formula little."""
HEADING, NAME, QUIET, DIFFERS = "bold cyan", "bold", "dim", "bold underline"

STYLES = {
    "right": "green", "carried": "green", "rounded": "green", "truncated": "green", "not-tested": "yellow",
    "wrong": "bold red",
}  # fmt: skip


def checked_text(parts: Parts, width: int = WIDTH) -> Text:
    """Give checked work as text with styles, in lines of about `width` at most; its `plain` is the bare text."""
    width = max(width, LEAST_WIDTH)
    lines = [*_words(parts.verdict, width, style="bold green" if parts.good else "bold red")]
    lines += _words(parts.beside, width)
    lines += [Text(""), *_words(parts.title, width, style=QUIET), *_words(parts.right, width)]
    for note in parts.notes:
        lines += _words(note, width, style=QUIET)
    for detail in parts.details:
        lines += _detail(detail, width, len(parts.details) > 1)
    if parts.rest:
        lines += [Text(""), *_words(parts.rest, width)]
    for listed in parts.listed:
        lines += [_heading(f"{listed.title}: {listed.names}", width), *_words(listed.said, width, INDENT)]
    if parts.rows:
        lines += [_heading("All numbers", width), *_table(parts, width)]
    if parts.hint:
        lines += [Text(""), *_words(parts.hint, width, style=QUIET)]
    return Text("\n").join(lines)


def _words(text: str, width: int, indent: str = "", style: str = "") -> Iterator[Text]:
    """Break a sentence into lines."""
    for line in textwrap.wrap(text, width - len(indent), break_on_hyphens=False):
        yield Text.assemble(indent, (line, style))


def _heading(text: str, width: int) -> Text:
    return Text.assemble("\n", ("\n".join(textwrap.wrap(text, width, break_on_hyphens=False)), HEADING))


def _detail(detail: Detail, width: int, several: bool) -> Iterator[Text]:
    """Give a wrong number: what is expected, which mistake, the wrong line above the right one."""
    yield _heading(f"{detail.place}. {detail.heading}" if several else detail.heading, width)
    for said in (detail.expected, detail.named):
        yield from _words(said, width, INDENT)
    for cause in detail.causes:
        yield from _cause(cause, width, len(detail.causes) > 1)
    yield from _words(detail.tell, width, INDENT)
    if detail.lines and (len(detail.causes) != 1 or detail.causes[0].line is None):
        yield Text("")
    for line in detail.lines:
        yield from _line(line, width, INDENT)
    if detail.lines and detail.also:
        yield Text("")
    for said in detail.also:
        yield from _words(said, width, INDENT)


def _cause(cause: Cause, width: int, several: bool) -> Iterator[Text]:
    """Give a mistake; where several give the number, each with its title."""
    indent = INDENT
    if several:
        first, *others = textwrap.wrap(cause.title, width - 4, break_on_hyphens=False) or [""]
        yield Text.assemble(f"{INDENT}- ", (first, NAME))
        yield from (Text.assemble(INDENT * 2, (other, NAME)) for other in others)
        indent = INDENT * 2
    for said in cause.sentences:
        yield from _words(said, width, indent)
    if cause.line is not None and not several:
        yield Text("")
    for line in filter(None, (cause.line, cause.right)):
        yield from _line(line, width, indent)


def _line(line: Line, width: int, indent: str) -> Iterator[Text]:
    """Give a line of a calculation below its label."""
    if line.label:
        yield Text.assemble(indent, (f"{line.label}:", QUIET))
    yield from (Text.assemble(indent, INDENT, text) for text in calculation(line, width - len(indent + INDENT)))


def calculation(line: Line, width: int) -> Iterator[Text]:
    """Give formula, numbers and result below each other, broken before their operators; a long name stands above."""
    room, longest = width - cell_len(line.name) - 3, max(map(cell_len, line.texts))
    above = cell_len(line.name) > LONGEST_SHARE * width or room < min(longest, WIDE_FORMULA)
    if line.name and above:
        yield Text(line.name, NAME)
    margin = 2 if above else cell_len(line.name)
    for number, part in enumerate(line.parts):
        start = Text(line.name, NAME) if not number and not above else Text(" " * margin)
        start.append(" = " if line.name else "")
        text = Text.assemble(*((piece.text, DIFFERS if piece.differs else "") for piece in part))
        for k, (hang, cut) in enumerate(breaks(text.plain, max(width - cell_len(start.plain), LEAST_FORMULA))):
            yield Text.assemble(Text(" " * cell_len(start.plain)) if k else start, " " * hang, text[cut])


def calculation_text(line: Line) -> str:
    """Give a line of a calculation as bare text, for what keeps its columns."""
    return "\n".join(text.plain for text in calculation(line, WIDTH))


# ---------------------------------------------------------------------------------------------------------------- table


def cells_of(row: Row, parts: Parts, *, places: bool = True) -> list[str]:
    """Give a row of the table as text: name, given, expected as far as it is shown, verdict with its remark."""
    said = f"{row.said}, see {row.detail}" if places and row.detail and len(parts.details) > 1 else row.said
    expected = [row.follows] if parts.expected else []
    keys = [row.key] if parts.keys else []
    return [row.name, row.given, *expected, *keys, f"{said}: {row.remark}" if row.remark else said]


def head_of(parts: Parts) -> list[str]:
    """Give the heads of the table's columns."""
    expected = ["expected"] if parts.expected else []
    return ["number", "yours", *expected, *(["worked example"] if parts.keys else []), "verdict"]


TABLE_NOTE = (
    "Expected is what follows from the numbers before it on the sheet. Where the worked example has another number, it "
    "stands beside."
)


def _table(parts: Parts, width: int) -> Iterator[Text]:
    head, rows = head_of(parts), [cells_of(row, parts) for row in parts.rows]
    styles = [STYLES[row.kind] for row in parts.rows]
    yield from table_lines(head, rows, width, styles)
    if parts.keys:
        yield from _words(TABLE_NOTE, width, INDENT, QUIET)


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], width: int, styles: Sequence[str], *, names: int = 1
) -> Iterator[Text]:
    """Give a table: the first `names` columns and the last hold words, the others numbers.

    The first column and the last break into lines; where the last has no room, the first is made narrower. Of a
    terminal that is too narrow for that, each row is a list.
    """
    lines = [list(head), *(list(row) for row in rows)]
    gaps = len(INDENT) + 3 * (len(head) - 1)
    widths = [max(cell_len(line[k]) for line in lines) for k in range(len(head) - 1)]
    widths[0] = min(widths[0], max(LONGEST_NAME, 12))
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
        yield from _table_line(line, widths, room, names, (QUIET if not number else NAME, style))


def _table_line(
    line: Sequence[str], widths: Sequence[int], room: int, names: int, styles: tuple[str, str]
) -> Iterator[Text]:
    cells = [_padded(without_middle(cell, width), width, right=k >= names)
             for k, (cell, width) in enumerate(zip(line, widths, strict=False))]  # fmt: skip
    name, *more = _in_width(line[0], widths[0])
    said, *others = textwrap.wrap(line[-1], room, break_on_hyphens=False) or [""]
    between = "".join(f"   {cell}" for cell in cells[1:])
    for begins, middle, ends in itertools.zip_longest([name, *more], [between], [said, *others], fillvalue=""):
        begun = (_padded(begins, widths[0], right=names < 1), styles[0])
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
        yield from _words(row[-1], width, INDENT * 2, style)
        for name, cell in zip(head[1:-1], row[1:-1], strict=True):
            if cell:
                yield Text.assemble(INDENT * 2, (f"{name} ", QUIET), cell)
