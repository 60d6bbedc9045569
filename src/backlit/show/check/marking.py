"""The marking of a class as it is shown: in a terminal, as a table for a spreadsheet, as a page, as records."""

from __future__ import annotations

import csv
import io
import os
import statistics
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.text import Text

from backlit.check.marking import ClassResult, Common, Marked
from backlit.engine import Shown
from backlit.errors import counted
from backlit.show.check.html import check_page, large
from backlit.show.check.markdown import pipes
from backlit.show.check.text import HEADING, LEAST_WIDTH, WIDTH
from backlit.show.check.words import finished
from backlit.show.notebook import heading_html, table_html, words_html
from backlit.show.pages import template
from backlit.show.report.texts import NAME as LONGEST_NAME
from backlit.show.report.texts import SENTENCE, listed, plain
from backlit.show.saving import saved
from backlit.show.text_tables import INDENT, NAME, QUIET, broken, table_lines
from backlit.show.worked.escapes import escaped

MISTAKES, FIRSTS, STUDENTS = "The most common mistakes", "Where the first mistake is", "Students"
HEAD = ("student", "points", "of", "carried", "first wrong", "mistakes")
COLUMNS = ("student", "points", "of", "missing", "too few digits", "carried", "first wrong", "mistakes", "problem")
MOST_NAMED, MOST_UNREAD = 12, 3
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


class Marking(Shown):
    """The marked work of a class: prints as text, shows itself in a notebook, and is saved as a table or a page.

    Args:
        result: the record of all of it.

    >>> from backlit.check.marking import class_result
    >>> print(Marking(class_result("sheet 1", {}, problems={"Ada": "an empty file"})).to_csv())
    student,points,of,missing,too few digits,carried,first wrong,mistakes,problem
    Ada,0,0,0,0,0,,,an empty file
    """

    def __init__(self, result: ClassResult) -> None:
        self.result = result

    @property
    def students(self) -> tuple[Marked, ...]:
        """What the work of each student comes to."""
        return self.result.students

    @property
    def mistakes(self) -> tuple[Common, ...]:
        """The mistakes that were made, the most common first."""
        return self.result.mistakes

    @property
    def all_right(self) -> bool:
        """Whether every work could be read and has no mistake."""
        return self.result.all_right

    def __str__(self) -> str:
        return self.text().plain

    def __repr__(self) -> str:
        return f"<marking: {verdict(self.result).rstrip('.')}; print it>"

    def text(self, width: int = WIDTH) -> Text:
        """Give the text with its styles, for a terminal of that width."""
        return Text("\n").join(_lines(self.result, max(width, LEAST_WIDTH)))

    def to_csv(self) -> str:
        """Give a table for a spreadsheet: a line for each student, mistakes by their codes."""
        written = io.StringIO()
        table = csv.writer(written, lineterminator="\n")
        table.writerow(COLUMNS)
        for one in self.students:
            codes = "; ".join(made.code or made.title for made in one.mistakes)
            counts = (one.points, one.of, one.missing, one.coarse, one.carried)
            table.writerow([_cell(one.student), *counts, *map(_cell, (one.first, codes, one.problem or _unread(one)))])
        return written.getvalue()

    def to_markdown(self) -> str:
        """Give Markdown, as GitHub and Jupyter render it."""
        blocks = [f"# {escaped(_title(self.result))}", f"**{escaped(verdict(self.result))}**", points(self.result)]
        blocks += [f"- {escaped(note)}" for note in _notes(self.result)]
        for title, what, found in _commons(self.result):
            blocks += [f"## {title}", pipes((what, "students", "who"), _common_rows(found, names=True), {1})]
        if self.students:
            blocks += [f"## {STUDENTS}", pipes(HEAD, [_row(one) for one in self.students], {1, 2, 3})]
        return "\n\n".join(filter(None, blocks)) + "\n"

    def to_html(self, *, names: bool = True) -> str:
        """Give a page that loads nothing; without `names` no student is named in it, so that a class may see it."""
        body: str = template("marking.html").render(
            title=_title(self.result), verdict=verdict(self.result), points=points(self.result), names=names,
            good=self.all_right, notes=_notes(self.result), head=HEAD, titles=(MISTAKES, FIRSTS, STUDENTS),
            common=[(title, what, _common_rows(found, names)) for title, what, found in _commons(self.result)],
            rows=[_row(one) for one in self.students], large=large,
        )  # fmt: skip
        return check_page(_title(self.result), body)

    def to_json(self) -> str:
        """Give the record."""
        return msgspec.json.format(msgspec.json.encode(self.result), indent=1).decode()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to a file and give its path; the ending says how: .csv, .html, .md, .txt or .json.

        A .csv begins with the mark by which Excel knows UTF-8.

        Errors: a BacklitError for another ending, or where the file cannot be written.
        """
        forms = {".csv": lambda: f"\ufeff{self.to_csv()}", ".html": self.to_html, ".md": self.to_markdown,
                 ".txt": self.__str__, ".json": self.to_json}  # fmt: skip
        return saved(path, forms, "a marking")

    def _repr_html_(self) -> str:
        parts = [heading_html(_title(self.result)), heading_html(verdict(self.result), size="1.2em")]
        parts += map(words_html, filter(None, (points(self.result), *_notes(self.result))))
        for title, what, found in _commons(self.result):
            parts += [heading_html(title), table_html((what, "students", "who"), _common_rows(found, names=True), 3)]
        if self.students:
            parts += [heading_html(STUDENTS), table_html(HEAD, [_row(one) for one in self.students], len(HEAD))]
        return f"<div>{''.join(parts)}</div>"


def _cell(text: str) -> str:
    """Give a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


# --------------------------------------------------------------------------------------------------------------- words


def verdict(result: ClassResult) -> str:
    """Say in a line how the sheets of a class are."""
    total = len(result.students)
    absent = sum(one.is_absent for one in result.students)
    unread = sum(bool(one.problem) for one in result.students) - absent
    wrong = sum(bool(one.first) for one in result.students)
    blank = sum(one.is_blank for one in result.students)
    good = total - absent - unread - wrong - blank
    if not total:
        return "There are no sheets."
    if good == total and not any(one.missing or one.coarse for one in result.students):
        return f"All {total:,} sheets are right." if total > 1 else "The sheet is right."
    others = [
        (wrong, "has mistakes", "have mistakes"),
        (blank, "is blank", "are blank"),
        (unread, "could not be read", "could not be read"),
        (absent, "was not handed in", "were not handed in"),
    ]
    if total == 1:
        return f"The sheet {next((one for count, one, _ in others if count), 'has no mistake')}."
    said = [f"{good:,} of {counted(total, 'sheet')} {'has' if good == 1 else 'have'} no mistake"]
    said += [f"{count:,} {one if count == 1 else several}" for count, one, several in others if count]
    return f"{listed(said)}."


def points(result: ClassResult) -> str:
    """Say what the points are, and their median."""
    read = [one for one in result.students if not one.problem and not one.is_blank]
    if not read:
        return ""
    middle, of = statistics.median(one.points for one in read), {one.of for one in read}
    most = f" of {min(of):,}" if len(of) == 1 else ""
    coarse = " One with fewer digits than the sheet asks for does not." if any(one.coarse for one in read) else ""
    median = f" The median is {middle:g}{most}." if len(read) > 1 else ""
    return (
        "Points are numbers without a mistake of their own: one that follows from an earlier mistake counts, and so "
        f"does one at which the same mistake is made again.{coarse}{median}"
    )


def _title(result: ClassResult) -> str:
    return plain(result.title, SENTENCE) if result.title else "The marking of a class"


def _notes(result: ClassResult) -> list[str]:
    return [finished(plain(note, SENTENCE)) for note in result.notes]


def _row(one: Marked) -> tuple[str, ...]:
    """Give what a student's work comes to: name, points, of, carried, the first wrong number, the mistakes."""
    if one.problem:
        return plain(one.student), "", f"{one.of:,}" if one.of else "", "", "", plain(one.problem, SENTENCE)
    said = "; ".join(plain(made.title, SENTENCE) for made in one.mistakes)
    missing = f"{counted(one.missing, 'number')} missing" if one.missing else ""
    coarse = f"{counted(one.coarse, 'number')} with too few digits" if one.coarse else ""
    carried, first = f"{one.carried:,}" if one.carried else "", plain(one.first) if one.first else ""
    return (plain(one.student), f"{one.points:,}", f"{one.of:,}", carried, first,
            "; ".join(filter(None, (said, coarse, missing, _unread(one)))))  # fmt: skip


def _unread(one: Marked) -> str:
    lines = [f'"{plain(line)}"' for line in one.unread]
    return f"not read: {listed(lines, MOST_UNREAD)}" if lines else ""


def _commons(result: ClassResult) -> Iterator[tuple[str, str, tuple[Common, ...]]]:
    """Give the tables of what many did: a title, what it is, and the lines."""
    if result.mistakes:
        yield MISTAKES, "mistake", result.mistakes
    if result.firsts:
        yield FIRSTS, "number", result.firsts


def _common_rows(found: tuple[Common, ...], names: bool) -> list[tuple[str, ...]]:
    return [(plain(one.what, SENTENCE), f"{len(one.students):,}", *([_who(one)] if names else [])) for one in found]


def _who(one: Common) -> str:
    return listed([plain(name, LONGEST_NAME) for name in one.students], MOST_NAMED)


# ---------------------------------------------------------------------------------------------------------------- text


def _lines(result: ClassResult, width: int) -> Iterator[Text]:
    yield from broken(verdict(result), width, style="bold green" if result.all_right else "bold")
    yield Text("")
    yield from broken(_title(result), width, style=QUIET)
    for said in (points(result), *_notes(result)):
        yield from broken(said, width)
    for title, _, found in _commons(result):
        yield Text.assemble("\n", (title, HEADING))
        for one in found:
            yield from _common(one, width)
    if result.students:
        yield Text.assemble("\n", (STUDENTS, HEADING))
        rows = [
            (name, f"{points} of {of}" if points else "", *rest)
            for name, points, of, *rest in map(_row, result.students)
        ]
        styles = ["bold red" if one.problem else "" for one in result.students]
        yield from table_lines(("student", "points", *HEAD[3:]), rows, width, styles)


def _common(one: Common, width: int) -> Iterator[Text]:
    """Give what several did: how many, what, and below it who."""
    count = f"{INDENT}{len(one.students):>3,}  "
    first, *others = textwrap.wrap(plain(one.what, SENTENCE), width - len(count), break_on_hyphens=False)
    yield Text.assemble(count, (first, NAME))
    indent = " " * len(count)
    yield from (Text.assemble(indent, (other, NAME)) for other in others)
    yield from broken(_who(one), width, indent, QUIET)
