"""One compiled matrix product for all kernels that multiply, reached through a cell of memory.

A function that Numba inlines or links is optimised and translated again with each kernel it is used in; for the matrix
product that took longer than all else. So kernels only hold a call to the address in a cell, and the product is
compiled once for each type of number. Until the engine, which keeps compiled code on disk, has defined it, the cell
leads to a function that compiles the product when it is first called.
"""

# mypy: disable-error-code="no-untyped-call, unreachable"
# Numba's building blocks are partly untyped.

import ctypes
from typing import Any

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

ARGUMENTS = "A, a_row, a_step, B, b_step, b_column, C, n, steps, m, itemsize"
DTYPES = ("float32", "float64")

_pointer, _index = ctypes.c_void_p, ctypes.c_ssize_t
_FUNCTION = ctypes.CFUNCTYPE(
    None, _pointer, _index, _index, _pointer, _index, _index, _pointer, _index, _index, _index, _index
)


def signature(dtype: Any) -> Any:
    """Give the types of the product's arguments for numbers of Numba's type `dtype`."""
    values, index = types.CPointer(dtype), types.intp
    return types.void(values, index, index, values, index, index, values, index, index, index, index)


def _symbol(dtype: str) -> str:
    return f"backlit_multiply_{dtype}"


class _Cell:
    """Where the address of one type's product stands."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.first = _FUNCTION(self._compile_and_call)
        self.content = ctypes.cast(self.first, ctypes.c_void_p)
        self.kept: Any = None
        llvm.add_symbol(_symbol(dtype), ctypes.addressof(self.content))

    def _compile_and_call(self, *arguments: Any) -> None:
        from backlit.ops.kernels import compiled_products  # noqa: PLC0415  (which imports this module)

        function: Any = compiled_products.multiply
        compiled = numba.cfunc(signature(getattr(types, self.dtype)), error_model="numpy")(function.py_func)
        self.kept = compiled  # which must live as long as the cell leads to it
        self.content.value = compiled.address
        _FUNCTION(self.content.value or 0)(*arguments)


_CELLS = {dtype: _Cell(dtype) for dtype in DTYPES}


def define(dtype: str, address: int) -> None:
    """Have all kernels, linked before or after, find the product of that type at an address."""
    _CELLS[dtype].content.value = address


@intrinsic
def call_multiply(
    typingctx: Any, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, b_column: Any, C: Any,
    n: Any, steps: Any, m: Any, itemsize: Any,
) -> Any:  # fmt: skip
    """Call the product whose address stands in the cell."""
    form = signature(A.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments]).as_pointer()
        name = _symbol(signature.args[0].dtype.name)
        cell = builder.module.globals.get(name) or ir.GlobalVariable(builder.module, function, name)
        builder.call(builder.load(cell), arguments)
        return context.get_dummy_value()

    return form, generate
