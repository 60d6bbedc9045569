"""The types that all packages name: an array, and a value that depends on the type of number."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

Array = npt.NDArray[Any]


class ByType(NamedTuple):
    """A constant, or a function, that has one form for each type of number; compiled code has that of its own type."""

    float32: Any
    float64: Any
