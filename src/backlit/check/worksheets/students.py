"""The students of a class: names from a list as spreadsheets write it, and file names that every system takes."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from backlit.errors import BacklitError

HEADINGS = frozenset({
    "name", "names", "student", "students", "full name", "pupil", "pupils", "nom", "nombre", "schüler", "schülerin",
    "schüler/in", "naam", "nome",
})  # fmt: skip
FIRST = ("first name", "firstname", "given name", "vorname", "prénom")
LAST = ("last name", "lastname", "surname", "family name", "nachname")
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$")
"""Names that Windows keeps for devices."""
LONGEST = 60


class Student(msgspec.Struct, frozen=True):
    """A student: the name, and the name of the files without its ending."""

    name: str
    stem: str


def students_of(names: Iterable[str]) -> tuple[Student, ...]:
    """Give the students of these names; equal ones are told apart by numbers.

    >>> [student.stem for student in students_of(["Ada Lovelace", "José Núñez", "ada lovelace", "con"])]
    ['ada-lovelace', 'jose-nunez', 'ada-lovelace-2', 'con-1']
    """
    found: list[Student] = []
    taken: set[str] = set()
    for name in names:
        shown = " ".join(name.split())
        stem, number = file_stem(shown), 1
        while (own := stem if number == 1 else f"{stem}-{number}") in taken:
            number += 1
        taken.add(own)
        found.append(Student(shown if number == 1 else f"{shown} ({number})", own))
    return tuple(found)


def file_stem(name: str) -> str:
    """Give a file's name that every system takes: small letters, digits and hyphens.

    >>> file_stem("Straßer, Zoë: A/B"), file_stem("李雷"), file_stem("...")
    ('strasser-zoe-a-b', '李雷', 'student')
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    kept = "".join(c if c.isalnum() else "-" for c in unicodedata.normalize("NFC", bare).casefold())
    stem = re.sub("-+", "-", kept).strip("-")[:LONGEST].strip("-") or "student"
    return f"{stem}-1" if RESERVED.fullmatch(stem) else stem


def names_of(raw: bytes, name: str) -> list[str]:
    """Read the names of a list: a column of a CSV file in UTF-8, UTF-16 or Windows' encoding, or a name per line.

    The column is the one that is headed "name" or the like, or "first name" and "last name" together; else the first.

    Errors: a BacklitError where there is no name.
    """
    text = _decoded(raw)
    first = next(iter(text.splitlines()), "")
    separator = max(";\t,", key=first.count)
    rows = [[" ".join(cell.split()) for cell in row] for row in csv.reader(io.StringIO(text), delimiter=separator)]
    if rows and rows[0] and rows[0][0].casefold().startswith("sep="):
        rows = rows[1:]
    rows = [row for row in rows if any(row)]
    columns, headed = _columns(rows[0]) if rows else ([0], False)
    names = [" ".join(row[k] for k in columns if k < len(row)).strip() for row in rows[headed:]]
    names = [one for one in names if one]
    if not names:
        raise BacklitError(f"{name} has no names; expected a column of names, one student in a line.")
    return names


def _columns(head: Sequence[str]) -> tuple[list[int], bool]:
    """Give the columns that make a name, and whether the first row is a heading."""
    words = [cell.casefold() for cell in head]
    parts = [next((k for k, word in enumerate(words) if word in known), None) for known in (FIRST, LAST)]
    given = [k for k in parts if k is not None]
    if given:
        return given, True
    for k, word in enumerate(words):
        if word in HEADINGS:
            return [k], True
    return [0], False


def _decoded(raw: bytes) -> str:
    """Give the text of a file: by its mark, else UTF-8, else Windows' encoding of western languages."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
