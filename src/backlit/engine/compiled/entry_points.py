"""Calls compiled entry points of the machine: arguments go into an int64 and a float64 vector.

The first float is the return value; a vector enters as its address. The annotations of the machine's functions tell
the types beforehand. Numba's dispatcher looks at the type of every field at every call, which takes longer than many
batches.
"""

from __future__ import annotations

import ctypes
import functools
from array import array
from collections.abc import Sequence
from typing import Any, get_type_hints

import numpy as np

from backlit.engine import machine
from backlit.engine.program import structs
from backlit.kernels.types import Array

STRUCTS = (
    structs.Tables, structs.Memory, structs.Rule, structs.Monitor, structs.Data, structs.Signals, structs.Clock,
)  # fmt: skip
LASTING = STRUCTS[:4]
"""Structs that are the same from call to call: the caller keeps their two lists of numbers."""
IN_PLACE = STRUCTS[:6]
"""Structs that the machine only reads, where they lie in the two vectors."""

REMEMBERED = 512
"""Structs of which a caller keeps the numbers at most."""

Packed = tuple[list[int], list[float]]
"""The integers and addresses of a struct, and its floats."""
Typed = tuple[str, bool, np.dtype[Any] | None]
"""A name, whether it is a float, and the type of its numbers where it is a vector; all else are integers."""


def type_of(name: str, dtype: str) -> str:
    """Give the type of the numbers in the machine's vector of that name."""
    if name in structs.INTEGERS:
        return "int64"
    return "float64" if name in structs.FLOATS else dtype


@functools.cache
def fields_of(struct: Any) -> tuple[tuple[str, Any], ...]:
    """Give the fields of a struct with their types: Array, int, float or bool."""
    return tuple(get_type_hints(struct).items())


@functools.cache
def arguments_of(name: str) -> tuple[tuple[str, Any], ...]:
    """Give the arguments of an entry point with their types, structs among them."""
    hints = get_type_hints(getattr(machine, name))
    return tuple((argument, hint) for argument, hint in hints.items() if argument != "return")


_BYTES = ctypes.c_char * 0


def address_of(vector: Array) -> int:
    """Give the address of a vector's numbers. NumPy's own answer takes four times as long, but knows any vector's."""
    if vector.flags.writeable:
        return ctypes.addressof(_BYTES.from_buffer(vector))  # type: ignore[arg-type]  # an array is a buffer
    address: int = vector.__array_interface__["data"][0]
    return address


class EntryPoint:
    """An entry point in machine code, for networks of one type of number."""

    def __init__(self, name: str, dtype: str, address: int) -> None:
        self.name, self.dtype = name, dtype
        self.arguments = self._typed(arguments_of(name))
        self.fields: dict[type, tuple[Typed, ...]] = {kind: self._typed(fields_of(kind)) for kind in STRUCTS}
        self.result = get_type_hints(getattr(machine, name))["return"]
        self.address = address
        self.enter = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)

    def __call__(self, remembered: dict[int, tuple[Any, Packed]], *given: Any) -> Any:
        """Run; `remembered` is the caller's, and holds the numbers of the lasting structs of earlier calls by `id`."""
        i, f = self.packed(remembered, *given)
        self.enter(i.buffer_info()[0], f.buffer_info()[0])
        return None if self.result is type(None) else self.result(f[0])

    def packed(self, remembered: dict[int, tuple[Any, Packed]], *given: Any) -> tuple[array[int], array[float]]:
        """Give the two vectors of a call; the result is returned in the first float."""
        integers: list[int] = []
        floats: list[float] = [0.0]
        for argument, value in zip(self.arguments, given, strict=True):
            if isinstance(value, LASTING):
                packed = self._remembered(remembered, value)
                integers += packed[0]
                floats += packed[1]
            elif isinstance(value, tuple):
                self._pack(self.fields[value.__class__], value, integers, floats)
            else:
                self._pack((argument,), (value,), integers, floats)
        return array("q", integers), array("d", floats)

    def ready(self, remembered: dict[int, tuple[Any, Packed]], *given: Any) -> Call:
        """Give a call that can be repeated, with single arguments changed in between."""
        return Call(self, *self.packed(remembered, *given))

    def _typed(self, names: tuple[tuple[str, Any], ...]) -> tuple[Typed, ...]:
        """Give each name with its kind and, where it is a vector, the type of its numbers."""
        return tuple(
            (name, kind is float, np.dtype(type_of(name, self.dtype)) if kind == Array else None)
            for name, kind in names
        )  # fmt: skip

    def _remembered(self, remembered: dict[int, tuple[Any, Packed]], struct: Any) -> Packed:
        known = remembered.get(id(struct))  # the struct is kept alive, so that no other has its id
        if known is None:
            if len(remembered) >= REMEMBERED:
                remembered.clear()
            packed: Packed = [], []
            self._pack(self.fields[struct.__class__], struct, *packed)
            known = remembered[id(struct)] = struct, packed
        return known[1]

    def _pack(self, types: Sequence[Typed], values: Sequence[Any], integers: list[int], floats: list[float]) -> None:
        for typed, value in zip(types, values, strict=True):
            if typed[2] is not None:
                integers.append(self.checked_address(typed, value))
            elif typed[1]:
                floats.append(value)
            else:
                integers.append(value)

    def checked_address(self, typed: Typed, vector: Array) -> int:
        """Give a vector's address; raise a TypeError for another dtype or strides, which machine code would not see."""
        name, _, dtype = typed
        if vector.dtype is not dtype and vector.dtype != dtype:
            raise TypeError(f"{self.name}: {name} is {vector.dtype}; expected {dtype}.")
        if not vector.flags.c_contiguous:
            raise TypeError(f"{self.name}: {name} has strides {vector.strides}; expected a contiguous vector.")
        return address_of(vector)


class Call:
    """A repeated call of an entry point: it keeps the two vectors, and arguments given by name replace earlier ones."""

    def __init__(self, entry_point: EntryPoint, integers: array[int], floats: array[float]) -> None:
        self.entry_point, self.integers, self.floats = entry_point, integers, floats
        self.vectors = integers.buffer_info()[0], floats.buffer_info()[0]
        self.places: dict[str, tuple[int, Typed]] = {}
        place = 0
        for typed, (name, kind) in zip(entry_point.arguments, arguments_of(entry_point.name), strict=True):
            fields = entry_point.fields.get(kind, (typed,))
            if kind not in entry_point.fields and kind is not float:
                self.places[name] = place, typed
            place += sum(not is_float for _, is_float, _ in fields)

    def __call__(self, **changed: Any) -> None:
        """Run with other integers or vectors of these names."""
        for name, value in changed.items():
            place, typed = self.places[name]
            self.integers[place] = value if typed[2] is None else self.entry_point.checked_address(typed, value)
        self.entry_point.enter(*self.vectors)
