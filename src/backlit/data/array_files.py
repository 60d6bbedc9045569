"""Arrays of NumPy in a file as a table: X of pictures, of sequences or of columns, and y.

Nothing in the file is executed: arrays of Python objects, which only pickle reads, are refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backlit.data.grids import grid_column
from backlit.data.messages import counted, listed, quoted
from backlit.data.table import Table
from backlit.errors import BacklitError

INPUTS, TARGET = "X", "y"
_WRITE = "np.savez(file, X=X, y=y) writes such a file"


def is_array_file(raw: bytes) -> bool:
    """Tell whether bytes are those of an .npz file: a zip archive of arrays."""
    if not raw.startswith(b"PK\x03\x04"):
        return False
    try:
        names = zipfile.ZipFile(io.BytesIO(raw)).namelist()
    except zipfile.BadZipFile:
        return b".npy" in raw[:300]
    return bool(names) and all(name.endswith(".npy") for name in names)


def read_arrays(raw: bytes, name: str) -> Table:
    """Read an .npz file with the arrays X and, where targets are known, y (n,).

    X with three or four axes becomes one column `X` of pictures or sequences; with two axes, a column for each.

    Errors: a BacklitError where the file is damaged, has other arrays, or these do not fit each other.
    """
    arrays = _arrays(raw, name)
    others = [key for key in arrays if key not in {INPUTS, TARGET}]
    if INPUTS not in arrays or others:
        shapes = listed([f"{key} {array.shape}" for key, array in arrays.items()], 6)
        raise BacklitError(
            f"{name} holds the arrays {shapes}; expected X (n, height, width), (n, height, width, channels) or (n, "
            f"time steps, features), and y (n,): {_WRITE}."
        )
    X = _checked_inputs(arrays[INPUTS], name)
    y = _checked_targets(arrays[TARGET], len(X), name) if TARGET in arrays else None
    if X.ndim == 2:
        table = Table.from_arrays(X, y, target=TARGET)
        return Table(table.arrow, name=name, target=None if y is None else TARGET)
    columns: dict[str, Any] = {INPUTS: grid_column(X)}
    if y is not None:
        columns[TARGET] = pa.array(y, from_pandas=True)
    return Table(pa.table(columns), name=name, target=None if y is None else TARGET)


def _arrays(raw: bytes, name: str) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            found = {}
            for key in file.files:
                found[key] = file[key]
            return found
    except ValueError as error:
        if "pickle" in str(error):
            raise BacklitError(
                f"{name} holds an array of Python objects ({quoted(key_of(error, raw))}), which could run code when it "
                "is read; expected arrays of numbers or texts. Rows of different lengths make such an array: pad them "
                "to one length."
            ) from None
        raise BacklitError(f"{name} is damaged ({error}): write it again.") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, SyntaxError) as error:
        raise BacklitError(f"{name} is damaged ({error}): write it again; {_WRITE}.") from None


def key_of(error: ValueError, raw: bytes) -> str:
    """Name the first array of an archive that holds objects."""
    del error
    for entry in zipfile.ZipFile(io.BytesIO(raw)).namelist():
        with zipfile.ZipFile(io.BytesIO(raw)).open(entry) as file:
            if b"'|O'" in file.read(200):
                return entry.removesuffix(".npy")
    return "?"


def _checked_inputs(X: NDArray[Any], name: str) -> NDArray[Any]:
    """Give X with at least one row, as numbers."""
    if X.ndim not in {2, 3, 4} or not X.size:
        raise BacklitError(
            f"{name}: X has shape {X.shape}; expected (n, height, width), (n, height, width, channels), or "
            "(n, columns), with at least one row."
        )
    if X.ndim == 2:
        return X
    if X.dtype == np.bool_:
        return X.astype(np.uint8) * np.uint8(255)
    if X.dtype.kind not in "iuf":
        raise BacklitError(f"{name}: X holds {X.dtype}; expected numbers.")
    X = X.astype(X.dtype.newbyteorder("="), copy=False)
    if X.ndim == 4 and X.shape[1] in {1, 3} and X.shape[3] not in {1, 2, 3, 4} and X.shape[2] == X.shape[3]:
        raise BacklitError(
            f"{name}: X has shape {X.shape}, with the channels first, as PyTorch has them; expected (n, height, width, "
            "channels): write X.transpose(0, 2, 3, 1)."
        )
    return X.astype(np.float32) if X.dtype == np.float16 else X


def _checked_targets(y: NDArray[Any], n: int, name: str) -> NDArray[Any]:
    """Give y (n,)."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or len(y) != n:
        one_hot = y.ndim == 2 and len(y) == n and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        more = ": classes as columns of 0 and 1 become y.argmax(axis=1)" if one_hot else ""
        raise BacklitError(
            f"{name}: y has shape {y.shape} beside {counted(n, 'row')} of X; expected one target for each row, "
            f"({n},){more}."
        )
    if y.dtype.kind == "S":
        return np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind not in "iufbU":
        raise BacklitError(f"{name}: y holds {y.dtype}; expected numbers or texts.")
    return y.astype(y.dtype.newbyteorder("="), copy=False)
