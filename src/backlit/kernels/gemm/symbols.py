"""The one compiled matrix product of each type of number, which all kernels reach through a cell of memory.

A function that Numba inlines or links is optimised and translated again with each kernel it is used in; for the matrix
product that took longer than all else. So kernels only hold a call to the address in a cell, and the product is
compiled once; its part for large matrices has a cell of its own, so that two processes can share the work. Until the
engine, which keeps compiled code on disk, has defined a function, its cell leads to one that compiles it when it is
first called.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm

from backlit.kernels.matmul import SHARED

DTYPES = ("float32", "float64")

_pointer, _index = ctypes.c_void_p, ctypes.c_ssize_t
_FUNCTION = ctypes.CFUNCTYPE(
    None, _pointer, _index, _index, _pointer, _index, _index, _pointer, _index, _index, _index, _pointer
)


def symbol(name: str, dtype: str) -> str:
    """Give the name by which LLVM's linker knows the cell of a function."""
    return f"backlit_{name}_{dtype}"


class _Cell:
    """Where the address of a function for one type of number stands."""

    def __init__(self, name: str, dtype: str) -> None:
        self.name, self.dtype = name, dtype
        self.first = _FUNCTION(self._compile_and_call)
        self.content = ctypes.cast(self.first, ctypes.c_void_p)
        self.kept: Any = None
        llvm.add_symbol(symbol(name, dtype), ctypes.addressof(self.content))

    def _compile_and_call(self, *arguments: Any) -> None:
        from backlit.kernels.gemm.driver import compiled_product  # noqa: PLC0415  (which needs Numba)

        self.kept = compiled_product(self.name, self.dtype)  # which must live as long as the cell leads to it
        self.content.value = self.kept.address
        _FUNCTION(self.content.value or 0)(*arguments)


_CELLS = {(name, dtype): _Cell(name, dtype) for name in SHARED for dtype in DTYPES}


def define(name: str, dtype: str, address: int) -> None:
    """Have all kernels, linked before or after, find a function for that type at an address."""
    _CELLS[name, dtype].content.value = address
