"""The cells of memory through which kernels call the one compiled matrix product of each type of number.

LLVM optimises and translates a function that Numba inlines or links again with each kernel that uses it; for the
matrix product that took longer than all else. A kernel therefore loads an address from a cell and calls it, and the
product is compiled once. Its part for large matrices has a cell of its own, so that two processes can share the work.

The engine compiles both functions and writes their addresses into the cells before it runs a kernel that multiplies.
Until then the cells hold the address of a function that prints an error and ends the process: compiled code cannot
pass on an exception.
"""

from __future__ import annotations

import ctypes
import os

SHARED = ("multiply", "multiply_blocks")
"""The functions of `driver` that have cells: the product, and its part for all but small matrices."""

DTYPES = ("float32", "float64")


def symbol(name: str, dtype: str) -> str:
    """Give the name by which LLVM's linker knows the cell of a function."""
    return f"backlit_{name}_{dtype}"


def _say_undefined() -> None:
    """Say what is missing and end the process."""
    os.write(2, b"Backlit's compiled matrix product was called before it was defined: call "
                b"backlit.engine.compiled.compile.define_products(dtype) first.\n")  # fmt: skip
    os.abort()


_undefined = ctypes.CFUNCTYPE(None)(_say_undefined)
_UNDEFINED = ctypes.cast(_undefined, ctypes.c_void_p).value
_CELLS = {(name, dtype): ctypes.c_void_p(_UNDEFINED) for name in SHARED for dtype in DTYPES}


def make_known() -> None:
    """Make the cells known to LLVM's linker, before anything that multiplies is linked; repeating it is harmless."""
    import llvmlite.binding as llvm  # noqa: PLC0415  (without Numba nothing multiplies through a cell)

    for (name, dtype), cell in _CELLS.items():
        llvm.add_symbol(symbol(name, dtype), ctypes.addressof(cell))


def define(name: str, dtype: str, address: int) -> None:
    """Write the address of a compiled function into its cell: kernels linked before and after find it there."""
    _CELLS[name, dtype].value = address
