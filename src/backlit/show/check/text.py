"""Checked work as text for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from backlit.show.check.lines import breaks
from backlit.show.check.parts import Cause, Detail, Line, Parts, Row
from backlit.show.text_tables import INDENT, NAME, QUIET, broken, table_lines

WIDTH = 100
LEAST_WIDTH, LEAST_FORMULA, WIDE_FORMULA = 40, 20, 30
LONGEST_SHARE = 0.35
"""A name that takes more of the width than that stands above its formula, and one that leaves a long formula little."""
HEADING, DIFFERS = "bold cyan", "bold underline"

STYLES = {
    "right": "green", "carried": "green", "rounded": "green", "truncated": "green", "not-tested": "yellow",
    "wrong": "bold red",
}  # fmt: skip


def checked_text(parts: Parts, width: int = WIDTH) -> Text:
    """Give checked work as text with styles, in lines of about `width` at most; its `plain` is the bare text."""
    width = max(width, LEAST_WIDTH)
    lines = [*broken(parts.verdict, width, style="bold green" if parts.good else "bold red")]
    lines += broken(parts.beside, width)
    lines += [Text(""), *broken(parts.title, width, style=QUIET), *broken(parts.right, width)]
    for note in parts.notes:
        lines += broken(note, width, style=QUIET)
    for detail in parts.details:
        lines += _detail(detail, width, len(parts.details) > 1)
    if parts.rest:
        lines += [Text(""), *broken(parts.rest, width)]
    for listed in parts.listed:
        lines += [_heading(f"{listed.title}: {listed.names}", width), *broken(listed.said, width, INDENT)]
    if parts.rows:
        lines += [_heading("All numbers", width), *_table(parts, width)]
    if parts.hint:
        lines += [Text(""), *broken(parts.hint, width, style=QUIET)]
    return Text("\n").join(lines)


def _heading(text: str, width: int) -> Text:
    return Text.assemble("\n", ("\n".join(textwrap.wrap(text, width, break_on_hyphens=False)), HEADING))


def _detail(detail: Detail, width: int, several: bool) -> Iterator[Text]:
    """Give a wrong number: what is expected, which mistake, the wrong line above the right one."""
    yield _heading(f"{detail.place}. {detail.heading}" if several else detail.heading, width)
    for said in (detail.expected, detail.named):
        yield from broken(said, width, INDENT)
    for cause in detail.causes:
        yield from _cause(cause, width, len(detail.causes) > 1)
    yield from broken(detail.tell, width, INDENT)
    if detail.lines and (len(detail.causes) != 1 or detail.causes[0].line is None):
        yield Text("")
    for line in detail.lines:
        yield from _line(line, width, INDENT)
    if detail.lines and detail.also:
        yield Text("")
    for said in detail.also:
        yield from broken(said, width, INDENT)


def _cause(cause: Cause, width: int, several: bool) -> Iterator[Text]:
    """Give a mistake; where several give the number, each with its title."""
    indent = INDENT
    if several:
        first, *others = textwrap.wrap(cause.title, width - 4, break_on_hyphens=False) or [""]
        yield Text.assemble(f"{INDENT}- ", (first, NAME))
        yield from (Text.assemble(INDENT * 2, (other, NAME)) for other in others)
        indent = INDENT * 2
    for said in cause.sentences:
        yield from broken(said, width, indent)
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
        yield from broken(TABLE_NOTE, width, INDENT, QUIET)
