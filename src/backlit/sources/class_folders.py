"""The folder of a class: each student's sheet checked against its key, and what the class made of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backlit.check.marking import ClassResult, class_result
from backlit.check.reading.givens import EmptySheetError
from backlit.check.records import CheckedWork
from backlit.errors import BacklitError, counted
from backlit.sources.checking import checked_work
from backlit.sources.sheet_files import SHEETS, read_sheet

KEYS = "key"
"""The folder in that of a class which has the network of each student's sheet."""
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
"""Files that a student may hand in, and that cannot be read."""


def check_folder(folder: str | os.PathLike[str], network: Any = None, **settings: Any) -> ClassResult:
    """Check the sheets of a class.

    Args:
        folder: it has a sheet for each student, `NAME.csv` as `backlit worksheet` writes it, or another that
            `check_work` reads; and in `key/` the network file of each, `NAME.toml`.
        network: an example's name or a network file by which all sheets are checked alike, in place of keys.
        **settings: those of `check_work`, for all alike: steps, epoch, delta, run.

    A sheet that cannot be read is a problem of that student alone; a file without a key is left out, with a note.

    Errors: a BacklitError where the folder has no sheets, or none with a key.
    """
    place = Path(folder)
    if not place.is_dir():
        raise BacklitError(f"{folder} is no folder; expected one with a sheet for each student.")
    sheets = sorted(path for path in place.iterdir() if is_sheet(path))
    if not sheets:
        raise BacklitError(f"{folder} has no sheets; expected a file for each student, such as ada.csv.")
    keys = keys_of(place)
    works: dict[str, CheckedWork] = {}
    problems: dict[str, str] = {}
    asked: dict[str, int] = {}
    notes: list[str] = []
    for path in sheets:
        key = network if network is not None else path if path.suffix == ".toml" else key_for(path, keys, notes)
        if key is None:
            notes.append(f"{path.name} has no network file in {KEYS}/ and is left out")
            continue
        taken = {*works, *problems}
        student = _free(key.stem if isinstance(key, Path) else path.stem, taken)
        try:
            sheet = read_sheet(path)
            student = _free(sheet.sheet.student, taken) if sheet.sheet.student else student
            asked[student] = max(sheet.sheet.asked, len(sheet.sheet.numbers))
            works[student] = checked_work(key, None, None, sheet, **settings)
        except EmptySheetError as error:
            student = _free(error.sheet.student, taken) if error.sheet.student else student
            asked[student] = error.sheet.asked
            works[student] = CheckedWork("", student, ())
        except BacklitError as error:
            problems[student] = str(error).split("\n")[0].replace(str(path), path.name)
        except Exception as error:  # noqa: BLE001  (whatever one file does, it does not end the table)
            problems[student] = f"{path.name} could not be checked ({type(error).__name__}): look at it by hand."
    if not works and not problems:
        raise BacklitError(
            f"{folder} has {counted(len(sheets), 'sheet')}, but no network file for them in {KEYS}/: give one for all, "
            "--network FILE."
        )
    return class_result(place.resolve().name, works, of=asked, problems=problems, notes=tuple(notes))


def is_sheet(path: Path) -> bool:
    """Tell whether a file may be a student's sheet: those of editors that are open, "~$ada.xlsx", are none."""
    return path.is_file() and path.suffix.lower() in {*SHEETS, *SPREADSHEETS} and path.name[0] not in ".~"


def _free(name: str, taken: Iterable[str]) -> str:
    """Give a student's name, with a number behind it where it is taken."""
    known, number, found = set(taken), 1, name
    while found in known:
        number += 1
        found = f"{name} ({number})"
    return found


def keys_of(folder: Path) -> dict[str, Path]:
    """Give the network files of a class's folder by their names without the ending."""
    place = folder / KEYS
    return {path.stem: path for path in sorted(place.glob("*.toml"))} if place.is_dir() else {}


def key_for(path: Path, keys: dict[str, Path], notes: list[str] | None = None) -> Path | None:
    """Give the network file of a sheet: that of its name, or of the longest name that is part of it.

    A learning platform puts its own words around a file's name: "3071_ada-lovelace_submission.csv".

    >>> key_for(Path("3071_ada-lovelace_late.csv"), {"ada": Path("a"), "ada-lovelace": Path("b")})
    PosixPath('b')
    """
    stem = path.stem.casefold()
    if stem in keys:
        return keys[stem]
    parts = [name for name in keys if re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", stem.replace(" ", "-"))]
    longest = max(parts, key=len, default=None)
    if longest is not None and notes is not None:
        notes.append(f"{path.name} is checked as {longest}")
    return None if longest is None else keys[longest]


def network_beside(path: Path) -> Path | None:
    """Give the network file of a sheet that lies in a class's folder; None where there is none."""
    return key_for(path, keys_of(path.parent))
