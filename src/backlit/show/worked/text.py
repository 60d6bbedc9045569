"""A worked example as text for the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from rich.text import Text

from backlit.explain.algebra.numerals import decimal_text
from backlit.explain.record.step_records import Change, Example, Record, Section, Summary
from backlit.show.network import text as diagram_text
from backlit.show.network.words import drawing_caption, passed_on, rows_left_out
from backlit.show.worked.equation_parts import says_the_same
from backlit.show.worked.tables import table_text

WIDTH = 100
INDENT = "  "
TOO_LARGE = (
    f"The network is not drawn here (more than {diagram_text.LARGEST_COLUMN} units in a layer); --format html draws it "
    "(in Python, to_html())."
)
LONGEST_NAME = 40
"""Behind longer names the equals signs are not in line."""
HEADING, NAME, VALUE, QUIET = "bold cyan", "bold", "green", "dim"


def worked_text(example: Example, width: int = WIDTH, *, names: bool | None = None) -> Text:
    """Give a worked example as text with styles; its `plain` is the bare text.

    `names` puts the weights' names before their values in the drawings; None does so for the user's own names alone.
    """
    lines: list[Text] = [*_summary(example.summary)]
    digits = example.summary.digits
    lines += _drawings(example, width, names)
    for section in example.sections:
        lines += [_heading(section.title), *_section(section, digits, width)]
    if example.changes:
        lines += [_heading("Before and after the step"), *_changes(example.changes)]
    return Text("\n").join(lines)


def _drawings(example: Example, width: int, names: bool | None) -> Iterator[Text]:
    """Draw the rows, forward, if the network is small enough, and say which rows have no drawing."""
    drawn = [drawing for drawing in example.drawings if drawing.row is not None and diagram_text.fits(drawing)]
    for drawing in drawn:
        yield _heading("The network, forward" + (f", row {drawing.row}" if drawing.row else ""))
        for line in diagram_text.drawing_lines(drawing, example.summary.digits, width - len(INDENT), names=names):
            yield Text(INDENT + line)
        if passed_on(drawing):
            words = drawing_caption(drawing, backward=False, in_text=True)
            yield Text("")
            yield from (Text(INDENT + line, style=QUIET) for line in textwrap.wrap(words, width - len(INDENT)))
    left_out = rows_left_out(example) if drawn else TOO_LARGE if example.drawings else ""
    if left_out:
        yield Text.assemble("\n", INDENT, (left_out, QUIET))


def _summary(summary: Summary) -> Iterator[Text]:
    yield Text(summary.title, style="bold")
    wide = max(len(name) for name, _ in summary.facts)
    for name, fact in summary.facts:
        yield Text.assemble(INDENT, (name.ljust(wide), QUIET), "  ", fact)
    if len(summary.errors) > 1:
        yield _heading(summary.errors_title)
        yield from _errors(summary)


def _errors(summary: Summary) -> Iterator[Text]:
    """List the errors of all steps; of many, the first and the last ones."""
    numbered = list(enumerate(summary.errors, 1))
    wide = len(str(len(numbered)))
    for number, error in numbered if len(numbered) <= 12 else numbered[:5]:
        yield Text.assemble(f"{INDENT}step {number:>{wide}}  ", (decimal_text(error, summary.digits), VALUE))
    if len(numbered) > 12:
        yield Text(f"{INDENT}… {len(numbered) - 10:,} more steps", style=QUIET)
        for number, error in numbered[-5:]:
            yield Text.assemble(f"{INDENT}step {number:>{wide}}  ", (decimal_text(error, summary.digits), VALUE))


def _heading(title: str) -> Text:
    return Text.assemble("\n", (title, HEADING))


def _section(section: Section, digits: int, width: int) -> Iterator[Text]:
    yield from _given(section.given, width)
    for table in section.tables:
        yield Text.assemble("\n", INDENT, (f"{table.title}:", QUIET))
        yield from (Text(INDENT + line) for line in table_text(table, width - len(INDENT)))
    worked = section.worked
    if not worked:
        return
    wide = min(max(len(record.name) for record in worked), LONGEST_NAME)
    values = {record.name: record.shown for record in worked}
    places = _aligned(values.values())
    for record in worked:
        yield from _record(record, wide, places[values[record.name]], digits, width)


def _given(records: list[Record], width: int) -> Iterator[Text]:
    """List given numbers, several to a line."""
    cells = [f"{record.name} = {record.shown}" + (f" ({record.note})" if record.note else "") for record in records]
    if not cells:
        return
    wide = max(map(len, cells)) + 3
    per_line = max(1, (width - len(INDENT)) // wide)
    for start in range(0, len(cells), per_line):
        yield Text(INDENT + "".join(cell.ljust(wide) for cell in cells[start : start + per_line]).rstrip())


def _aligned(values: Iterable[str]) -> dict[str, str]:
    """Pad numbers so that their points stand under each other; 2e-2 has its behind the 2."""
    whole = {value: len(re.split("[.e]", value)[0]) for value in values}
    left = max(whole.values())
    padded = {value: value.rjust(left + len(value) - whole[value]) for value in whole}
    wide = max(map(len, padded.values()))
    return {value: text.ljust(wide) for value, text in padded.items()}


def _record(record: Record, wide: int, value: str, digits: int, width: int) -> Iterator[Text]:
    """Give a number's lines: its formula, the numbers put in and the result at the right edge, a remark."""
    margin = INDENT + " " * wide
    yield Text.assemble(INDENT, (record.name.ljust(wide), NAME), f" = {record.plain_formula}")
    numbers = "" if says_the_same(record) else f" = {record.plain_substituted}"
    tail = f" = {value}"
    space = width - len(margin) - len(tail)
    if len(numbers) > space:
        yield Text(margin + numbers)
        numbers = ""
    beside = record.numeric is not None and record.checked.startswith("by differences")
    checked = f"   {record.checked}" if beside else ""
    yield Text.assemble(margin, numbers.ljust(space), " = ", (value, VALUE), (checked, QUIET))
    for remark in (record.note, "" if beside else record.checked):
        if remark:
            yield Text.assemble(margin, (f"   {remark}", QUIET))


def _changes(changes: Iterable[Change]) -> Iterator[Text]:
    rows = [(change.name, *change.shown) for change in changes]
    rows.insert(0, ("", "before", "after", "change"))
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    for number, (name, *values) in enumerate(rows):
        cells = "   ".join(value.rjust(width) for value, width in zip(values, widths[1:], strict=True))
        yield Text.assemble(INDENT, (name.ljust(widths[0]), NAME), "   ", (cells, QUIET if not number else ""))
