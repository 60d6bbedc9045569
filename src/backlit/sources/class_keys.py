"""The keys of a class's folder: which student each is of, and which of them a file that was handed in belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from backlit.check.reading.givens import GivenSheet
from backlit.check.worksheets.sheets import mark_of
from backlit.check.worksheets.students import file_stem
from backlit.errors import BacklitError
from backlit.examples.file_tables import WorksheetTable
from backlit.examples.file_text import parsed, text_of

KEYS = "key"
"""The folder in that of a class which has the network of each student's sheet."""
COPY = re.compile(r"\s*\(\d+\)$| - copy$| - kopie$", re.IGNORECASE)
"""What browsers and systems put behind the name of a second file."""


class ClassKey(msgspec.Struct, frozen=True):
    """The key of a sheet.

    Attributes:
        path: the network file. student: whose sheet it is; empty of a sheet without a name.
        mark: what the head of the sheet says of which one it is; empty of a network file that is not of a worksheet.
        places: how many places behind the point the sheet asks for, if that is known. blanks: the numbers it asks for.
    """

    path: Path
    student: str
    mark: str = ""
    places: int | None = None
    blanks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Whose sheet it is, else the name of its file."""
        return self.student or self.stem

    @property
    def stem(self) -> str:
        """The name of the sheet's file, without its ending."""
        return self.path.stem


class OtherSheetError(BacklitError):
    """A file is by its name the sheet of one student, and by its content not; `key` is that of the student."""

    def __init__(self, says: str, key: ClassKey) -> None:
        super().__init__(says)
        self.key = key


def keys_of(folder: Path) -> tuple[ClassKey, ...]:
    """Give the keys of a class's folder, in the order of their names."""
    place = folder / KEYS
    return (
        tuple(_key(path) for path in sorted(place.glob("*.toml"), key=lambda path: path.stem)) if place.is_dir() else ()
    )


def _key(path: Path) -> ClassKey:
    """Read a key; of one that cannot be read, its name alone: checking says what is wrong with it."""
    try:
        raw = parsed(text_of(path), path.name)
        table = msgspec.convert(raw.get("worksheet", {}), WorksheetTable)
    except (BacklitError, msgspec.ValidationError):
        return ClassKey(path, "")
    mark = mark_of(table.sheet, table.seed, str(raw.get("title", ""))) if table.sheet else ""
    return ClassKey(path, table.student, mark, table.digits, table.blanks)


def key_of(name: str, says: GivenSheet, keys: Sequence[ClassKey]) -> ClassKey | None:
    """Give the key of a file: by the sheet or the student in its head, else by its name; None where none is found.

    A learning platform puts its own words around a file's name, and students rename files:
    "3071_ada-lovelace_submission.csv", "Ada Lovelace final.csv", "ada (2).csv".

    Errors: an OtherSheetError where the head says that it is not the sheet that its name says.

    >>> ada, grace = ClassKey(Path("ada.toml"), "Ada"), ClassKey(Path("grace-hopper.toml"), "Grace Hopper")
    >>> key_of("17_Hopper, Grace.csv", GivenSheet("", ()), (ada, grace)).student
    'Grace Hopper'
    """
    named = named_in(name, keys)
    key = _of_head(says, keys) or (named[0] if len(named) == 1 else None)
    if len(named) == 1 and key is not named[0] and key is not None:
        raise OtherSheetError(f"{name} is by its head the sheet of {key.name}: look at it by hand.", named[0])
    if key is not None and says.sheet and key.mark and _plain(says.sheet) != _plain(key.mark):
        raise OtherSheetError(
            f"{name} is sheet {says.sheet!r}, and the key is of {key.mark!r}: put the key of its own seed and level "
            "in its place, or look at it by hand.", key,
        )  # fmt: skip
    return key


def _of_head(says: GivenSheet, keys: Sequence[ClassKey]) -> ClassKey | None:
    """Give the key of the sheet that a file's head names, else of the student, if there is one of that name."""
    marked = [key for key in keys if says.sheet and _plain(key.mark) == _plain(says.sheet)]
    stem = file_stem(says.student) if says.student else ""
    theirs = [key for key in keys if stem and stem in {key.stem, file_stem(key.name)}]
    found = marked or theirs
    return found[0] if len(found) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def named_in(name: str, keys: Sequence[ClassKey]) -> list[ClassKey]:
    """Give the keys of the students that a file's name may name, the one of the whole name alone where there is one.

    A name that is part of a longer one counts only beside it: of "ada" and "ada-lovelace" the second.
    """
    stem = name.removesuffix(Path(name).suffix).casefold()
    for whole in ({stem}, {file_stem(stem), file_stem(COPY.sub("", stem))}):
        if exact := [key for key in keys if key.stem.casefold() in whole]:
            return exact
    words = file_stem(COPY.sub("", stem)).split("-")
    for inside in (_in_a_row, _in_any_order):
        found = [(key, key.stem.casefold().split("-")) for key in keys if inside(key.stem.casefold().split("-"), words)]
        if found:
            return [key for key, part in found if not any(set(part) < set(other) for _, other in found)]
    return []


def is_plain(name: str, key: ClassKey) -> bool:
    """Tell whether a file's name says whose it is: it has the name of the key's own file in it.

    >>> is_plain("71_ada-lovelace_late.csv", ClassKey(Path("ada-lovelace.toml"), "Ada Lovelace"))
    True
    """
    return _in_a_row(key.stem.casefold().split("-"), file_stem(name.removesuffix(Path(name).suffix)).split("-"))


def _in_a_row(part: Sequence[str], words: Sequence[str]) -> bool:
    return any(list(words[k : k + len(part)]) == list(part) for k in range(len(words) - len(part) + 1))


def _in_any_order(part: Sequence[str], words: Sequence[str]) -> bool:
    return len(part) > 1 and set(part) <= set(words)
