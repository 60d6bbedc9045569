"""A sheet's numbers from whatever gives them: a file of any kind, a mapping, pairs; before their names are read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from backlit.check.reading.declarations import delta_of, velocity_of
from backlit.check.reading.files.array_sheets import arrays_of, given_array, written_float
from backlit.check.reading.files.file_text import MOST_ARRAY_BYTES, bytes_of, text_of_bytes
from backlit.check.reading.files.json_sheets import sheet_of_json
from backlit.check.reading.files.table_sheets import sheet_of_table
from backlit.check.reading.givens import Given, GivenArray, GivenError, GivenSheet, with_lost_zeros
from backlit.check.reading.number_texts import number_of, with_digits
from backlit.check.written import Written
from backlit.errors import BacklitError
from backlit.examples import NetworkFile, parse_network_file
from backlit.examples.claimed import Claimed
from backlit.examples.file_errors import at_place
from backlit.examples.file_text import text_of

ARRAYS = (".npz", ".npy")
TABLES = (".csv", ".tsv", ".txt")
SHEETS = (".toml", ".json", *TABLES, *ARRAYS)
"""The endings of files that hold numbers to check."""


class SheetText(msgspec.Struct, frozen=True):
    """A sheet with the text and the path of its file, to show the line of an error."""

    sheet: GivenSheet
    text: str = ""
    path: str = ""
    file: NetworkFile | None = None


def read_sheet(path: str | os.PathLike[str], *, lenient: bool = False) -> SheetText:
    """Read the numbers of a file: a network file with [claimed], a table, JSON, arrays of NumPy.

    Of a table that is read leniently, a line that cannot be read is not given, and the others are.

    Errors: a BacklitError where the file cannot be read, or gives no numbers; its message shows the line.
    """
    place = Path(path)
    name, ending = str(path), place.suffix.lower()
    if ending == ".toml":
        return _of_network_file(place, name)
    if ending in ARRAYS:
        return SheetText(given_sheet(arrays_of(bytes_of(place, MOST_ARRAY_BYTES), name), place.stem), path=name)
    if ending and ending not in SHEETS:
        raise BacklitError(
            f"{name} ends in {ending}; expected a sheet of numbers: {', '.join(SHEETS[:3])}, or arrays in .npz. "
            f"{_advice(ending)}".rstrip()
        )
    raw = bytes_of(place)
    text, notes = text_of_bytes(raw, name)
    json = ending == ".json" or (not ending and text.lstrip()[:1] in "{[")
    try:
        sheet = sheet_of_json(text, name, notes) if json else sheet_of_table(text, name, notes, lenient=lenient)
    except GivenError as error:
        raise placed(error, name, text) from None
    return SheetText(_renamed(sheet, place), text, name)


def _advice(ending: str) -> str:
    if ending in {".xlsx", ".xls", ".ods", ".numbers"}:
        return "Save it as CSV from the spreadsheet."
    if ending in {".py", ".ipynb"}:
        return "A function that computes gradients is checked in Python: bl.check_gradients."
    if ending in {".safetensors", ".backlit"}:
        return "A model goes with --network."
    return ""


def _renamed(sheet: GivenSheet, path: Path) -> GivenSheet:
    return msgspec.structs.replace(sheet, name=sheet.student or path.stem)


def _of_network_file(path: Path, name: str) -> SheetText:
    text = text_of(path)
    file = parse_network_file(text, name)
    if not file.claimed.numbers:
        raise BacklitError(
            f"{name} has no table [claimed]; expected one with the numbers to check: [claimed], and below it lines "
            'such as "net(h1)" = 0.3775. A sheet of its own goes with it as: backlit check SHEET --network FILE.'
        )
    try:
        return SheetText(_of_claimed(file.claimed, path.stem), text, name, file)
    except GivenError as error:
        raise placed(error, name, text) from None


def _of_claimed(claimed: Claimed, name: str) -> GivenSheet:
    numbers = []
    for one in claimed.numbers:
        try:
            written = with_digits(number_of(one.digits), claimed.digits)
        except BacklitError as error:
            raise GivenError(f"claimed, {one.name}: {error}", one.line, one.name) from None
        numbers.append(Given(one.name, written, one.step, "", one.line, f"line {one.line}" if one.line else ""))
    return GivenSheet(name, tuple(numbers), delta_of(claimed.delta), velocity=velocity_of(claimed.velocity))


def placed(error: GivenError, name: str, text: str) -> BacklitError:
    """Give the error with the line of the file that it is about, and a mark below the place."""
    lines = text.split("\n")
    if not text or not 1 <= error.line <= len(lines):
        return BacklitError(f"{name}: {error}" if name else str(error))
    content = lines[error.line - 1]
    start = content.find(error.mark) if error.mark else -1
    bare = content.strip()
    column, width = (start + 1, len(error.mark)) if start >= 0 else (content.find(bare) + 1, len(bare))
    return at_place(name, text, error.line, column, str(error), min(width, 90))


def given_sheet(claimed: Any, name: str = "") -> GivenSheet:
    """Give the numbers of a mapping from names to numbers, of arrays by parameters' names, or of pairs.

    A number is a number or its digits as text: "0.3770" has four digits, 0.377 three.

    Errors: a BacklitError for what is neither.
    """
    if isinstance(claimed, GivenSheet):
        return claimed
    pairs = claimed.items() if isinstance(claimed, Mapping) else claimed
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise BacklitError(
            f"claimed is {type(claimed).__name__}; expected numbers by name, such as {{'net(h1)': \"0.3775\"}}, or the "
            "path of a sheet."
        )
    numbers: list[Given] = []
    arrays: list[GivenArray] = []
    for k, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise BacklitError(f"claimed, item {k + 1}: {pair!r} is no pair of a name and a number.")
        _add(numbers, arrays, pair[0], pair[1])
    return with_lost_zeros(GivenSheet(name, tuple(numbers), arrays=tuple(arrays)))


def _add(numbers: list[Given], arrays: list[GivenArray], label: str, value: Any) -> None:
    """Add a number, or an array, to those that are given; None is none."""
    if isinstance(value, np.ndarray):
        value = value[()]  # an array without axes is its number
    if value is None:
        return
    if isinstance(value, str):
        try:
            numbers.append(Given(label, number_of(value)))
        except BacklitError as error:
            raise BacklitError(f"{label}: {error}") from None
    elif isinstance(value, (bool, Mapping)):
        raise BacklitError(f"{label}: {value!r} was given; expected a number such as 0.3775.")
    elif _is_array(label, value):
        arrays.append(given_array(label, value))
    else:
        numbers.append(Given(label, _number(label, value), is_float=isinstance(value, float)))


def _is_array(label: str, value: Any) -> bool:
    try:
        return bool(np.ndim(value))
    except ValueError:
        raise BacklitError(f"{label}: its lists have different lengths; expected rows of equal length.") from None


def _number(label: str, value: Any) -> Written:
    """Give a number of Python or NumPy with the digits that Python prints; of float32, those that it has."""
    item = value.item() if hasattr(value, "item") else value
    if not isinstance(item, (int, float, Decimal, Fraction)):
        raise BacklitError(f"{label}: a {type(item).__name__} was given; expected a number such as 0.3775.")
    try:
        if isinstance(value, np.floating) and not isinstance(value, np.float64):
            return written_float(float(item), 6)
        return number_of(str(item))
    except BacklitError as error:
        raise BacklitError(f"{label}: {error}") from None
