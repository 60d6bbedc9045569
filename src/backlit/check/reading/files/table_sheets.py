"""A sheet as a table of name and number: CSV by hand, by `backlit worksheet`, and by spreadsheets."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from backlit.check.reading.declarations import delta_of, velocity_of
from backlit.check.reading.givens import EmptySheetError, Given, GivenError, GivenSheet
from backlit.check.reading.name_forms import squashed
from backlit.check.reading.number_texts import number_of
from backlit.errors import BacklitError

NAMES = {"name", "names", "quantity", "what", "symbol", "term", "variable", "number'sname", "grösse", "nom", "nombre"}
NUMBERS = {
    "number", "numbers", "value", "values", "yourvalue", "yournumber", "youranswer", "result", "answer", "given",
    "claimed", "zahl", "wert", "valeur", "valor", "mine", "my",
}  # fmt: skip
STEPS, ROWS = {"step", "steps", "schritt"}, {"row", "rows", "example", "sample"}
DELTAS = {"δ", "delta"}
OF_STUDENT, OF_SHEET = {"student", "learner"}, {"sheet", "worksheet"}
BRACKETS = r"\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]"
LONGEST_LINE, LONGEST_COMMENT = 5_000, 200
"""Characters of a line, and of a comment that says something."""
HEAD_WITHIN = 30
"""The line with the columns' names is among the first so many."""


class Row(NamedTuple):
    """A line of the table: its number from 1, and its cells."""

    line: int
    cells: list[str]

    def cell(self, column: int) -> str:
        """Give a cell; an empty text where the line has none."""
        return self.cells[column] if 0 <= column < len(self.cells) else ""


class Columns(NamedTuple):
    """Which column holds what, -1 where none does; and how many there are, 0 where no line names them."""

    name: int = 0
    number: int = 1
    step: int = -1
    row: int = -1
    width: int = 0
    student: int = -1


class _Refused(NamedTuple):
    """The lines that cannot be read: each is an error, or, where the others are to count, is kept here."""

    lenient: bool
    errors: list[GivenError]
    lines: list[str]

    def add(self, error: GivenError, row: Row, columns: Columns) -> None:
        """Keep a line, as "net(h1) = abc", or raise its error."""
        if not self.lenient:
            raise error
        apart = (columns.name, columns.step, columns.row, columns.student)
        given = ",".join(cell for k, cell in enumerate(row.cells) if cell and k not in apart)
        self.errors.append(error)
        self.lines.append(f"{row.cell(columns.name) or '(no name)'} = {given}")


def sheet_of_table(text: str, name: str, notes: tuple[str, ...] = (), *, lenient: bool = False) -> GivenSheet:
    """Read a table of name and number.

    Cells are separated by commas, semicolons or tabs; a comma within brackets belongs to a name. A line at the top may
    name the columns (name, number, step, row); others do not count. A cell that is empty is not given. A line
    "delta,-dE/dnet", or a comment "# delta = -dE/dnet", says what δ is, "# velocity = μv + g" how v is worked out;
    "# student: Ada" whose the sheet is.

    Where it is to be read leniently, as of a class, a line that cannot be read is not given, and `unread` has it; if no
    other is left, that is an error all the same.

    Errors: a GivenError for a cell that is no number, a BacklitError where the text is no such table.
    """
    for k, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            raise GivenError(f"the line has {len(line):,} characters; expected at most {LONGEST_LINE:,}.", k)
    said = dict(_comments(text))
    lines = [(k, line) for k, line in enumerate(text.split("\n"), 1) if line.strip() and not _is_aside(line)]
    sign = separator([line for _, line in lines])
    rows = [Row(k, cells(line, sign)) for k, line in lines]
    rows, columns = _below_head([row for row in rows if any(row.cells)], said)
    found: list[tuple[Row, str]] = []
    asked, refused = 0, _Refused(lenient, [], [])
    for row in rows:
        label, value = row.cell(columns.name), row.cell(columns.number)
        if error := _wrong_cells(row, columns, sign):
            refused.add(error, row, columns)
            continue
        if _is_said(label, value, said):
            continue
        if row.cell(columns.student):
            said.setdefault("student", row.cell(columns.student))
        asked += bool(label)
        if not value:
            continue
        if label:
            found.append((row, value))
        else:
            says = f"{value} has no name; expected one beside it, such as net(h1)."
            refused.add(GivenError(says, row.line, value), row, columns)
    delta, student, whose = delta_of(said.get("delta", "")), said.get("student", ""), said.get("sheet", "")
    velocity = velocity_of(said.get("velocity", ""))
    if not found and not refused.errors:
        why = "the cells of its numbers are empty: fill some in." if asked else "expected lines such as net(h1),0.3775."
        empty = GivenSheet(name, (), delta, notes, student, asked=asked, sheet=whose, velocity=velocity)
        raise EmptySheetError(f"{name} gives no number; {why}", empty)
    points = sign != ";" and any(re.search(r"\d\.\d", value) for _, value in found)
    numbers = tuple(_numbers(found, columns, refused, points=points))
    if not numbers:
        raise refused.errors[0]
    unread = tuple(refused.lines) if lenient else None
    return GivenSheet(name, numbers, delta, notes, student, asked=asked, sheet=whose, velocity=velocity, unread=unread)


def whose_of_table(text: str) -> GivenSheet:
    """Give what a table says of whose it is, and which sheet, without its numbers: of one that cannot be read, too."""
    said = dict(_comments(text[:LONGEST_LINE]))
    lines = [line for line in text[:LONGEST_LINE].split("\n") if line.strip() and not _is_aside(line)]
    sign = separator(lines)
    for k, line in enumerate(lines[:HEAD_WITHIN], 1):
        row = Row(k, cells(line, sign))
        _is_said(row.cell(0), row.cell(1), said)
    return GivenSheet("", (), student=said.get("student", ""), sheet=said.get("sheet", ""))


# --------------------------------------------------------------------------------------------------------------- cells


def separator(lines: Sequence[str]) -> str:
    """Give the sign between cells: a tab or a semicolon where most lines have one; "=" where none has a comma."""
    first = lines[:200]
    for sign in ("\t", ";"):
        if 2 * sum(sign in re.sub(r'"[^"]*"', "", line) for line in first) > len(first):
            return sign
    outside = [re.sub(BRACKETS, "", line) for line in first]
    equal = sum(bool(re.search(r"[=:]", line)) for line in outside)
    return "=" if 2 * equal > len(first) and not any(re.search(r",(?!\d)", line) for line in outside) else ","


def cells(line: str, sign: str) -> list[str]:
    """Give the cells of a line: quotes hold a cell together, brackets a name with commas.

    >>> cells("w(i1,h1),0.15", ","), cells('E;"0,5"', ";"), cells("net(h1) = 0.3775", "=")
    (['w(i1,h1)', '0.15'], ['E', '0,5'], ['net(h1)', '0.3775'])
    """
    if sign == "=":
        parts = re.split(r"\s*(?:=|:(?!.*[=:]))\s*", line.strip(), maxsplit=1)
        return [part.strip().strip('"') for part in parts]
    plain = rf"(?:{BRACKETS}|[^,])*" if sign == "," else f"[^{sign}]*"
    pattern = re.compile(rf'\s*"((?:[^"]|"")*)"\s*(?={sign}|$)|({plain})')
    found, place = [], 0
    while True:
        cell = pattern.match(line, place)
        assert cell is not None  # its second form may be empty
        found.append(cell[1].replace('""', '"').strip() if cell[1] is not None else cell[2].strip())
        if cell.end() >= len(line):
            return found
        place = cell.end() + 1


def _wrong_cells(row: Row, columns: Columns, sign: str) -> GivenError | None:
    """Say what is wrong with a line of more cells than columns, such as a decimal comma that has cut a number."""
    count = len([cell for k, cell in enumerate(row.cells) if cell or k < 2])
    if count <= (columns.width or 2):
        return None
    if sign == "," and any(
        re.fullmatch(r"[+-]?\d+", one) and re.fullmatch(r"\d+(e[+-]?\d+)?", other, re.IGNORECASE)
        for one, other in itertools.pairwise(row.cells)
    ):
        return GivenError(
            'a decimal comma cuts the number in two cells: put it in quotes, "0,3775", separate cells by ;, or write '
            "a point.", row.line,
        )  # fmt: skip
    if not columns.width:
        return GivenError(
            f"there are {count} cells; expected two, name and number, or a first line that names the columns: "
            "name,number,step.", row.line,
        )  # fmt: skip
    return None


# ----------------------------------------------------------------------------------------------------- head and asides


def _is_aside(line: str) -> bool:
    """Tell whether a line is a comment, or names the separator as Excel has it: sep=;."""
    return line.lstrip().startswith(("#", '"#')) or bool(re.fullmatch(r"sep=.", line.strip()))


def _comments(text: str) -> Iterator[tuple[str, str]]:
    """Give what comments say: "# delta = -dE/dnet", "# student: Ada"."""
    for line in text.split("\n"):
        comment = line.strip().lstrip('"').rstrip('";, \t')
        if not comment.startswith("#") or len(comment) > LONGEST_COMMENT:
            continue
        found = re.fullmatch(r"#\s*([\wδ ]+?)\s*[=:]\s*(.+)", comment)
        if found:
            key = squashed(found[1])
            words = {"delta": DELTAS, "student": OF_STUDENT, "sheet": OF_SHEET}
            yield next((word for word, known in words.items() if key in known), key), found[2]


def _is_said(label: str, value: str, said: dict[str, str]) -> bool:
    """Tell whether a line says something else than a number: what δ is, whose sheet it is, the columns once more."""
    key = squashed(label)
    if key in DELTAS and re.search(r"/|net|minus|plus|negative", value):
        said["delta"] = value
    elif key in OF_STUDENT:
        said["student"] = value
    elif key in OF_SHEET and not _is_number(value):
        said["sheet"] = value
    elif key == "velocity" and re.search(r"[a-zμβ]", value, re.IGNORECASE):
        said["velocity"] = value
    else:
        return _is(label, NAMES) and _is(value, NUMBERS)
    return True


def _is(cell: str, words: Collection[str]) -> bool:
    word = squashed(cell)
    return word in words or any(len(known) > 4 and word.startswith(known) for known in words)


def _below_head(rows: list[Row], said: dict[str, str]) -> tuple[list[Row], Columns]:
    """Give the lines below the one that names the columns, and the columns; above it stands whose sheet it is."""
    for k, row in enumerate(rows[:HEAD_WITHIN]):
        name = _column(row, NAMES)
        number = next((c for c, cell in enumerate(row.cells) if c != name and _is(cell, NUMBERS)), -1)
        if name >= 0 and number < 0 and len(row.cells) == 2 and not k and not _is_number(row.cells[1 - name]):
            number = 1 - name
        if {name, number} == {0, 1} and len(row.cells) == 2:
            name, number = _by_content(rows[k + 1 :], name, number)
        if name >= 0 and number >= 0:
            for above in rows[:k]:
                _is_said(above.cell(0), above.cell(1), said)
            step, of_row, student = (_column(row, words) for words in (STEPS, ROWS, OF_STUDENT))
            return rows[k + 1 :], Columns(name, number, step, of_row, len(row.cells), student)
    if rows and _is_head(rows[0]):
        return rows[1:], Columns(*_by_content(rows[1:], 0, 1), width=2)
    return _upright(rows), Columns()


def _by_content(rows: Sequence[Row], name: int, number: int) -> tuple[int, int]:
    """Give the columns the other way round where the numbers stand there: "nombre" is a name, or a number."""
    count = [sum(_is_number(row.cell(column)) for row in rows) for column in (name, number)]
    return (number, name) if count[0] > count[1] else (name, number)


def _is_head(row: Row) -> bool:
    """Tell whether a line is of two words, in any language, which name its columns."""
    return (
        len(row.cells) == 2
        and squashed(row.cells[0]) not in OF_STUDENT
        and all(re.fullmatch(r"[^\W\d_]{3,}[^\d()/+]*", cell) for cell in row.cells)
    )


def _column(row: Row, words: Collection[str]) -> int:
    return next((c for c, cell in enumerate(row.cells) if _is(cell, words)), -1)


def _upright(rows: list[Row]) -> list[Row]:
    """Give names above their numbers as lines of name and number."""
    if len(rows) == 2 and len(rows[0].cells) > 1 and len(rows[1].cells) <= len(rows[0].cells):
        above, below = rows
        if not any(map(_is_number, above.cells)) and all(not cell or _is_number(cell) for cell in below.cells):
            return [Row(below.line, [label, below.cell(k)]) for k, label in enumerate(above.cells)]
    return rows


def _is_number(cell: str) -> bool:
    try:
        number_of(cell)
    except BacklitError:
        return False
    return True


# ------------------------------------------------------------------------------------------------------------- numbers


def _numbers(
    found: Iterable[tuple[Row, str]], columns: Columns, refused: _Refused, *, points: bool
) -> Iterator[Given]:  # fmt: skip
    """Give the numbers of the lines; a line without a step has that of the line before."""
    step: int | None = None
    for row, value in found:
        label, said = row.cell(columns.name), row.cell(columns.step)
        if said:
            if not re.fullmatch(r"0*[1-9]\d{0,8}(\.0*)?", said):
                says = f"the step of {label} is {said!r}; expected a whole number from 1 on."
                refused.add(GivenError(says, row.line, said), row, columns)
                continue
            step = int(said.partition(".")[0])
        try:
            yield Given(label, number_of(value, points=points), step, row.cell(columns.row), row.line,
                        f"line {row.line}")  # fmt: skip
        except GivenError as error:  # of a name that is too long
            refused.add(error, row, columns)
        except BacklitError as error:
            refused.add(GivenError(f"{label}: {error}", row.line, value), row, columns)
