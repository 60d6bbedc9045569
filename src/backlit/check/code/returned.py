"""What a learner's function gave, as NumPy arrays with the names under which it gave them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.types import Array

Path = tuple[Any, ...]
"""The keys and places under which an array lies in what was given."""

NUMBERS = "biuf"


class Given(NamedTuple):
    """An array as it was given: under which path, and its numbers; None where it is None or no array."""

    path: Path
    array: Array | None
    problem: str = ""

    @property
    def name(self) -> str:
        """The path as text: "W1" of a dictionary, "[0]" of a list."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")


def as_array(value: Any) -> Array | None:
    """Give numbers as a NumPy array: of NumPy, PyTorch, JAX, nested lists; None where they are none.

    >>> as_array([[1, 2], [3, 4]]).shape, as_array("no"), as_array([[1], [2, 3]])
    ((2, 2), None, None)
    """
    for method in ("detach", "cpu"):
        if callable(getattr(value, method, None)):
            value = getattr(value, method)()
    if callable(getattr(value, "numpy", None)) and not isinstance(value, np.ndarray):
        value = value.numpy()
    if value is None or isinstance(value, (str, bytes, Mapping)):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in NUMBERS else None


def given_arrays(given: Any, sizes: Sequence[tuple[int, ...]]) -> tuple[list[Given], float | None]:
    """Give all arrays of what a function gave, and the loss where it gave (loss, gradients).

    `sizes` are the shapes of the gradients that are expected.

    Errors: a BacklitError for None and for what holds no arrays.
    """
    if given is None:
        raise BacklitError("my_backward gave None; expected gradients. Does it end with a return?")
    loss = None
    for k in (0, 1) if isinstance(given, tuple) and len(given) == 2 else ():
        scalar, other = None if _holds_arrays(given[k], sizes) else as_array(given[k]), given[1 - k]
        if scalar is not None and scalar.ndim == 0 and (_holds_arrays(other, sizes) or is_flat(as_array(other), sizes)):
            loss, given = float(scalar), other
            break
    found = [*_leaves(given, (), sizes)]
    if not any(one.array is not None for one in found):
        raise BacklitError(
            f"my_backward gave {_shortly(given)}; expected gradients: a dictionary of arrays by their names, a list of "
            "arrays in the network's order, or one vector of all."
        )
    return found, loss


def _shortly(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else f"a {type(given).__name__}"


def is_flat(array: Array | None, sizes: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether an array has as many numbers as all gradients together."""
    return array is not None and len(sizes) > 1 and array.size == sum(map(math.prod, sizes))


def _holds_arrays(value: Any, sizes: Sequence[tuple[int, ...]]) -> bool:
    """Tell whether something holds arrays, and is not one itself."""
    if isinstance(value, Mapping) or hasattr(value, "_asdict"):
        return True
    if not isinstance(value, (list, tuple)):
        return isinstance(value, np.ndarray) and value.dtype == object
    if any(part is None or isinstance(part, (Mapping, tuple)) or getattr(part, "shape", ()) for part in value):
        return True
    array = as_array(value)
    if array is None:  # lists of several lengths
        return True
    fits = {*sizes, *(shape[::-1] for shape in sizes)}
    return array.shape not in fits and len(value) == len(sizes) and any(isinstance(part, list) for part in value)


def _leaves(value: Any, path: Path, sizes: Sequence[tuple[int, ...]]) -> Iterator[Given]:
    """Give the arrays that a container holds, from first to last."""
    if not _holds_arrays(value, sizes):
        array = as_array(value)
        said = "None" if value is None else f"a {type(value).__name__}"
        yield Given(path, array, "" if array is not None else f"{said} in the place of an array")
        return
    parts = value._asdict() if hasattr(value, "_asdict") else value
    for key, part in parts.items() if isinstance(parts, Mapping) else enumerate(parts):
        yield from _leaves(part, (*path, key), sizes)
