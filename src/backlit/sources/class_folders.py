"""The folder of a class: each student's sheet checked against its key, and what the class made of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from backlit.check.marking import ABSENT, Asked, ClassResult, class_result
from backlit.check.reading.files.file_text import bytes_of, text_of_bytes
from backlit.check.reading.files.table_sheets import whose_of_table
from backlit.check.reading.givens import EmptySheetError, GivenSheet
from backlit.check.records import CheckedWork
from backlit.errors import BacklitError, counted
from backlit.sources.checking import checked_work
from backlit.sources.class_keys import KEYS, ClassKey, OtherSheetError, is_plain, key_of, keys_of
from backlit.sources.sheet_files import SHEETS, TABLES, SheetText, read_sheet

PRINTED = "sheets"
"""The folder in that of a class which has what was printed."""
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
"""Files that a student may hand in, and that cannot be read."""


class HandedIn(msgspec.Struct, frozen=True):
    """A file that was handed in.

    Attributes:
        path: the file. name: as it is called; of a file in a folder of its own, the folder's name before it.
        sheet: its numbers; None where it gives none. says: what it says beside its numbers.
        problem: why it cannot be read; empty where it can, or gives no number.
    """

    path: Path
    name: str
    sheet: SheetText | None
    says: GivenSheet
    problem: str = ""

    @property
    def rank(self) -> tuple[int, float, str]:
        """What puts the file that counts last, of several of one student: with numbers, and written later."""
        return 2 if self.sheet is not None else 1 if self.problem else 0, self.path.stat().st_mtime, self.name


def check_folder(folder: str | os.PathLike[str], network: Any = None, **settings: Any) -> ClassResult:
    """Check the sheets of a class.

    Args:
        folder: it has a sheet for each student, `NAME.csv` as `backlit worksheet` writes it, or another that
            `check_work` reads, also in a folder of its own; and in `key/` the network file of each, `NAME.toml`.
        network: an example's name or a network file by which all sheets are checked alike, in place of keys.
        **settings: those of `check_work`, for all alike: steps, epoch, delta, run.

    A sheet that cannot be read is a problem of that student alone. A file is found a key by the sheet or the student
    in its head, else by its name; without a key it is left out, with a note. Of several files of a student the one
    that was written last counts, with a note.

    Errors: a BacklitError where the folder has no sheets, or none with a key.
    """
    place = Path(folder)
    if not place.is_dir():
        raise BacklitError(f"{folder} is no folder; expected one with a sheet for each student.")
    files = [_read(path, name) for path, name in _files(place)]
    if not files:
        raise BacklitError(f"{folder} has no sheets; expected a file for each student, such as ada.csv.")
    keys = () if network is not None else keys_of(place)
    table = _Table(settings)
    if network is None:
        table.add_by_keys(files, keys)
    else:
        for file in files:
            table.add(file, file.says.student or file.path.stem, network)
    if not table.works and not set(table.problems.values()) - {ABSENT}:
        raise BacklitError(
            f"{folder} has {counted(len(files), 'sheet')}, but no network file for them in {KEYS}/: give one for all, "
            "--network FILE."
        )
    return class_result(place.resolve().name, table.works, of=table.asked, problems=table.problems,
                        notes=tuple(table.notes))  # fmt: skip


class _Table:
    """What each student's work comes to, as it is checked."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.works: dict[str, CheckedWork] = {}
        self.problems: dict[str, str] = {}
        self.asked: dict[str, Asked] = {}
        self.notes: list[str] = []

    def add_by_keys(self, files: Sequence[HandedIn], keys: Sequence[ClassKey]) -> None:
        """Check the files of the students that there are keys of."""
        theirs: dict[ClassKey, list[HandedIn]] = {key: [] for key in keys}
        alone = []
        for file in files:
            try:
                key = key_of(file.name, file.says, keys)
            except OtherSheetError as error:
                theirs[error.key].append(msgspec.structs.replace(file, sheet=None, problem=str(error)))
                continue
            if key is not None:
                theirs[key].append(file)
            elif file.path.suffix.lower() == ".toml":
                alone.append(file)
            else:
                whose = f", of {file.says.student}," if file.says.student else ""
                why = f"; {file.problem}" if file.problem and keys else ""
                self.notes.append(f"{file.name}{whose} is left out: it is the sheet of no student on the list, whose "
                                  f"keys are in {KEYS}/{why}")  # fmt: skip
        for key, handed_in in theirs.items():
            student = _free(key.name, {*self.works, *self.problems})
            if not handed_in:
                self.problems[student], self.asked[student] = ABSENT, key.blanks
                continue
            *others, file = sorted(handed_in, key=lambda one: one.rank)
            self.notes += _notes(student, key, file, others)
            self.add(file, key.student or file.says.student or key.stem, key.path, key)
        for file in alone:
            self.add(file, file.says.student or file.path.stem, file.path)

    def add(self, file: HandedIn, name: str, network: Any, key: ClassKey | None = None) -> None:
        """Check a file."""
        student = _free(name, {*self.works, *self.problems})
        self.asked[student] = key.blanks if key and key.blanks else max(file.says.asked, len(file.says.numbers))
        if file.problem:
            self.problems[student] = file.problem
        elif file.sheet is None:
            self.works[student] = CheckedWork("", student, ())
        else:
            places = None if key is None else key.places
            sheet = msgspec.structs.replace(file.sheet, sheet=msgspec.structs.replace(file.sheet.sheet, places=places))
            try:
                self.works[student] = checked_work(network, None, None, sheet, **self.settings)
            except Exception as error:  # noqa: BLE001  (whatever one file does, it does not end the table)
                self.problems[student] = _problem(file.path, error)


def _notes(student: str, key: ClassKey, file: HandedIn, others: Sequence[HandedIn]) -> Iterator[str]:
    """Say which file counts, where its name does not say whose it is, or a student has several."""
    if not is_plain(file.name, key):
        yield f"{file.name} is checked as {student}"
    filled = [other for other in others if other.sheet is not None]
    if filled:
        names = ", ".join(other.name for other in filled)
        when = "was written last" if filled[-1].rank[:2] < file.rank[:2] else "comes last by its name"
        yield f"{student} has several files: {file.name} counts, which {when}, and not {names}"
    for other in others:
        if other.problem:
            yield f"{other.name} of {student} is left out: {other.problem}"


# ----------------------------------------------------------------------------------------------------------- the files


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Give the files that may be sheets, with their names; a learning platform has a folder for each student."""
    for path in sorted(folder.iterdir()):
        if is_sheet(path):
            yield path, path.name
        elif path.is_dir() and path.name not in {KEYS, PRINTED} and path.name[0] not in "._":
            yield from ((inside, f"{path.name}_{inside.name}") for inside in sorted(path.iterdir()) if is_sheet(inside))


def is_sheet(path: Path) -> bool:
    """Tell whether a file may be a student's sheet: those of editors that are open, "~$ada.xlsx", are none."""
    return path.is_file() and path.suffix.lower() in {*SHEETS, *SPREADSHEETS} and path.name[0] not in ".~"


def _read(path: Path, name: str) -> HandedIn:
    if not path.stat().st_size:
        return HandedIn(path, name, None, GivenSheet("", ()))
    try:
        sheet = read_sheet(path, lenient=True)
    except EmptySheetError as error:
        return HandedIn(path, name, None, error.sheet)
    except Exception as error:  # noqa: BLE001  (whatever one file does, it does not end the table)
        return HandedIn(path, name, None, _whose(path), _problem(path, error))
    return HandedIn(path, name, sheet, sheet.sheet)


def _whose(path: Path) -> GivenSheet:
    """Give what the head says of a table whose numbers cannot be read."""
    try:
        text, _ = text_of_bytes(bytes_of(path), path.name) if path.suffix.lower() in TABLES else ("", ())
        return whose_of_table(text)
    except BacklitError:
        return GivenSheet("", ())


def _problem(path: Path, error: Exception) -> str:
    """Say in a line why a file cannot be checked."""
    if isinstance(error, BacklitError):
        return str(error).split("\n")[0].replace(str(path), path.name)
    return f"{path.name} could not be checked ({type(error).__name__}): look at it by hand."


def _free(name: str, taken: Iterable[str]) -> str:
    """Give a student's name, with a number behind it where it is taken."""
    known, number, found = set(taken), 1, name
    while found in known:
        number += 1
        found = f"{name} ({number})"
    return found


def with_key(given: SheetText, path: Path) -> tuple[Path | None, SheetText]:
    """Give the network file of a sheet in a class's folder, None where there is none; and the sheet with its places."""
    key = key_of(path.name, given.sheet, keys_of(path.parent))
    if key is None:
        return None, given
    return key.path, msgspec.structs.replace(given, sheet=msgspec.structs.replace(given.sheet, places=key.places))
