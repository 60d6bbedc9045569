"""What a worksheet says beside its numbers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from backlit.check.worksheets.sheets import Line, Part, Worksheet
from backlit.errors import counted
from backlit.explain import Record
from backlit.explain.algebra.numerals import given_text
from backlit.show.worked.equation_parts import says_the_same

ASKED = {
    "final": "The working is given; work out the results that are left blank.",
    "lines": "Work out one training step, line by line: each blank is the result of the formula before it.",
    "all": "Work out one training step: write each formula, then its result.",
}

ONE_PAGE = 20
"""A sheet of so many lines is on one page."""


def intro(sheet: Worksheet, *, key: bool = False) -> Iterator[str]:
    """Give the sentences at the head of a sheet, or of a key."""
    facts = dict(sheet.facts)
    places = counted(sheet.digits, "place")
    if key:
        yield f"All lines with {places} behind the point. Results that the sheet asks for are underlined."
    else:
        yield f"{ASKED[sheet.gaps]} Write {places} behind the point; calculate with more if you can."
    shown = [f"{name.capitalize()}: {facts[name]}" for name in ("network", "error", "optimizer") if name in facts]
    settings = f" ({facts['settings']})" if "settings" in facts else ""
    yield ". ".join(shown).replace("_", " ") + f"{settings}."


def footer(sheet: Worksheet, *, key: bool = False) -> str:
    """Give the line at the foot of a sheet: where its numbers go, and what it was made by."""
    made = f"Backlit, sheet {sheet.stem}, seed {sheet.seed}"
    if key:
        return made
    return f"{made}. Numbers may be typed into {sheet.stem}.csv and checked."


def formulas(line: Line, *, key: bool) -> list[str]:
    """Give the sides of a line before its result, in LaTeX: formula, and numbers where these are shown."""
    record = line.record
    if not key and line.formula_blank:
        return []
    if not key:  # no numbers put in: they are the results of other lines
        return [record.formula]
    return [record.formula] if says_the_same(record) else [record.formula, record.substituted]


def blocks(sheet: Worksheet) -> list[tuple[list[Part], bool]]:
    """Give the parts that stand together, and whether they begin a page: a step, or the way back."""
    several = sheet.parts[0].title.startswith("Step ")
    whose = (lambda part: part.title.split(".")[0]) if several else (lambda part: part.phase in {"forward", "error"})
    found = [list(parts) for _, parts in itertools.groupby(sheet.parts, whose)]
    long = len(list(sheet.lines)) > ONE_PAGE
    if not long:
        return [(list(sheet.parts), False)]
    return [(parts, number > 0) for number, parts in enumerate(found)]


def short(record: Record) -> str:
    """Give a given number as it was drawn, without zeros behind it."""
    return given_text(record.value)


def blank_csv(sheet: Worksheet) -> str:
    """Give the CSV file to fill in: whose it is, and which sheet, then names, and no numbers."""
    whose = [f"student,{_cell(sheet.student)}\n"] if sheet.student else []
    whose.append(f"sheet,{_cell(sheet.mark)}\n")
    return "".join(["name,number\n", *whose, *(f"{_cell(name)},\n" for name in sheet.blanks)])


def _cell(text: str) -> str:
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(sign in text for sign in ',"\n;') else text
