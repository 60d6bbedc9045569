"""A sheet as arrays of NumPy, .npz or .npy. Nothing in the file is executed: arrays of Python objects are refused."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from backlit.check.reading.givens import MOST_NUMBERS, GivenArray, too_many
from backlit.check.written import Written
from backlit.errors import BacklitError

FIGURES = {"float16": 3, "float32": 6}
MOST_FIGURES = 9
"""So many significant digits of an array's numbers count: those that a computation in float64 has for sure."""
FAINTEST = 1e-12
"""A number counts to this part of the array's largest one: sums cancel to it."""


def arrays_of(raw: bytes, name: str) -> dict[str, npt.NDArray[Any]]:
    """Give the arrays of an .npz file by their names, or the one of an .npy file, which has none.

    Errors: a BacklitError where the file is damaged, or too large.
    """
    return _unpacked(raw, name) if raw.startswith(b"PK") else {"": _array(raw, name)}


def given_array(label: str, values: npt.ArrayLike, step: int | None = None) -> GivenArray:
    """Give an array with the digits that count in its type of number; one that was rounded has so many places.

    Errors: a BacklitError where it holds what are no numbers, or one that is not finite.
    """
    array = np.asarray(values)
    called = label or "the array"
    if array.dtype.kind not in "fiu":
        raise BacklitError(f"{called} holds {array.dtype}; expected an array of numbers.")
    if array.size > MOST_NUMBERS:
        raise BacklitError(too_many(called, array.size))
    if not np.isfinite(array).all():
        index = [int(k) for k in np.argwhere(~np.isfinite(array))[0]]
        value = "NaN" if np.isnan(array[tuple(index)]) else "infinite"
        raise BacklitError(f"{called}{index} is {value}; expected finite numbers.")
    figures = FIGURES.get(array.dtype.name, MOST_FIGURES)
    least = FAINTEST * float(np.abs(array).max()) if array.size else 0.0
    places = _places(array)
    least = least if places is None else max(least, 10.0**-places)
    numbers = tuple(written_float(float(value), figures, least) for value in array.ravel())
    return GivenArray(label, array.shape, numbers, step)


def _places(array: npt.NDArray[Any]) -> int | None:
    """Give to how many places behind the point an array was rounded; None where it was not, or to fewer than two."""
    most = 0
    for value in array.ravel() if array.dtype.name in {"float64", "float32"} else ():
        text = str(value)
        most = max(most, MOST_FIGURES + 1 if "e" in text else len(text.partition(".")[2]))
        if most > MOST_FIGURES:
            return None
    return most if most > 1 else None


def written_float(value: float, figures: int = MOST_FIGURES, least: float = 0.0) -> Written:
    """Give a computed number as if it were written with so many significant digits, or to the unit `least`.

    >>> written_float(0.1234567891234), written_float(0.0).unit
    (Written(text='0.123456789', value=0.1234567891234, unit=1e-09, figures=9), 0.0)
    """
    text = f"{value:.{figures}g}"
    exponent = int(f"{value:e}".partition("e")[2]) - figures + 1 if value else 0
    unit = 10.0**exponent if value else 0.0
    return Written(text, value, max(unit, least), figures)


def _unpacked(raw: bytes, name: str) -> dict[str, npt.NDArray[Any]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            if not entries or not all(entry.filename.endswith(".npy") for entry in entries):
                raise BacklitError(
                    f"{name} is an archive of other files than arrays; expected one that np.savez wrote."
                )
            if sum(entry.file_size for entry in entries) > 8 * MOST_NUMBERS + 10_000 * len(entries):
                raise BacklitError(
                    f"{name} holds more than {MOST_NUMBERS:,} numbers; expected the arrays of a small network."
                )
            return {entry.filename.removesuffix(".npy"): _array(archive.read(entry), f"{name}, {entry.filename}")
                    for entry in entries}  # fmt: skip
    except BacklitError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BacklitError(f"{name} is damaged ({error}): write it again with np.savez.") from None


def _array(raw: bytes, name: str) -> npt.NDArray[Any]:
    """Read one array, whose head says no more numbers than there are."""
    file = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise BacklitError(f"{name} holds Python objects, which could run code; expected an array of numbers.")
        if int(np.prod(shape, dtype=object)) * dtype.itemsize != len(raw) - file.tell():
            raise BacklitError(f"{name} is damaged: its head says shape {shape}, its length another. Write it again.")
        array: npt.NDArray[Any] = np.load(io.BytesIO(raw), allow_pickle=False)
        return array
    except BacklitError:
        raise
    except (ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
        raise BacklitError(f"{name} is no array of NumPy ({str(error)[:60]}): write it with np.save.") from None
