"""Intrinsics: arrays over raw addresses, calls to an address held in a table, and functions that vectorise.

Only the compiler's generated modules import this one, so that Backlit works without Numba.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backlit.kernels.gemm.simd import Vectors, bytes_of
from backlit.kernels.numba_private import arrayobj, cgutils

INT = types.int64
CACHE_LINE = 64  # bytes


def kernel_signature(dtype: Any) -> Any:
    """Give the signature of an op's kernel: (row, P, dP, A, dA, S, C, n, training, seed, step, first_row)."""
    values = types.CPointer(dtype)
    return types.void(types.CPointer(INT), *[values] * 5, types.CPointer(types.float64), *[INT] * 5)


def update_signature(dtype: Any) -> Any:
    """Give the signature of an optimizer's kernel.

    (row, P, dP, slots, C, start, stop, size, rate, step, l1, l2, decay)
    """
    values, number = types.CPointer(dtype), types.float64
    places = types.CPointer(INT), values, values, values, types.CPointer(number)
    return types.void(*places, INT, INT, INT, number, INT, number, number, number)


def _array_over(context: Any, builder: Any, array_type: Any, base: Any, offset: Any, shape: list[Any]) -> Any:
    """Build a C-contiguous array of the given shape over `base[offset:]`, owning nothing."""
    array = context.make_array(array_type)(context, builder)
    itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
    size = context.get_constant(types.intp, itemsize)
    strides = [size]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    arrayobj.populate_array(
        array, data=builder.gep(base, [offset]), shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides), itemsize=size, meminfo=None,
    )  # fmt: skip
    return array._getvalue()


@intrinsic
def matrix(typingctx: Any, base: Any, offset: Any, rows: Any, columns: Any) -> Any:
    """Give base[offset : offset + rows * columns] as a (rows, columns) array."""
    array_type = types.Array(base.dtype, 2, "C")
    return array_type(base, INT, INT, INT), lambda context, builder, signature, args: _array_over(
        context, builder, array_type, args[0], args[1], [*args[2:]]
    )


@intrinsic
def tensor(typingctx: Any, base: Any, offset: Any, shape: Any) -> Any:
    """Give the numbers from base[offset] on as an array of a shape of several axes, a tuple of integers."""
    array_type = types.Array(base.dtype, len(shape), "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, offset, shape = args
        return _array_over(context, builder, array_type, base, offset, cgutils.unpack_tuple(builder, shape))

    return array_type(base, INT, shape), codegen


@intrinsic
def vector(typingctx: Any, base: Any, offset: Any, size: Any) -> Any:
    """Give base[offset : offset + size] as an array."""
    array_type = types.Array(base.dtype, 1, "C")
    return array_type(base, INT, INT), lambda context, builder, signature, args: _array_over(
        context, builder, array_type, args[0], args[1], [args[2]]
    )


@intrinsic
def as_pointer(typingctx: Any, address: Any, dtype: Any) -> Any:
    """Give an address, an integer, as a pointer to numbers of NumPy's type `dtype`."""
    return types.CPointer(dtype.dtype)(INT, dtype), lambda context, builder, signature, args: builder.inttoptr(
        args[0], context.get_value_type(signature.return_type)
    )


@intrinsic
def advance(typingctx: Any, base: Any, offset: Any) -> Any:
    """Give the address `offset` elements further on."""
    return base(base, INT), lambda context, builder, signature, args: builder.gep(args[0], [args[1]])


@intrinsic
def fetch(typingctx: Any, base: Any, start: Any, size: Any) -> Any:
    """Prefetch base[start : start + size], one line of the cache after another."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, start, size = args
        scalar = context.get_data_type(signature.args[0].dtype)
        numbers = Vectors(builder, scalar, 1)

        first = builder.gep(base, [start])
        stride = size.type(CACHE_LINE // bytes_of(scalar))
        with cgutils.for_range_slice(builder, size.type(0), size, stride, inc=True) as (place, _):
            numbers.prefetch(builder.gep(first, [place]))
        numbers.prefetch(builder.gep(first, [builder.sub(size, size.type(1))]))  # the first need not begin a line
        return context.get_dummy_value()

    return types.void(base, INT, INT), codegen


@intrinsic
def flat(typingctx: Any, A: Any) -> Any:
    """Give the elements of a C-contiguous array as a vector in the same place."""
    vector_type = types.Array(A.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(A)(context, builder, args[0])
        start = context.get_constant(types.intp, 0)
        return _array_over(context, builder, vector_type, array.data, start, [array.nitems])

    return vector_type(A), codegen


def _of_four_axes(at: int) -> Any:
    """Make the function that gives an array of three axes as one of four, with an axis of size 1 in the place `at`."""

    def as_four(typingctx: Any, A: Any) -> Any:
        array_type = types.Array(A.dtype, 4, "C")

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            array = context.make_array(A)(context, builder, args[0])
            start = context.get_constant(types.intp, 0)
            sizes = list(cgutils.unpack_tuple(builder, array.shape))
            if len(sizes) == 3:
                sizes.insert(at, context.get_constant(types.intp, 1))
            return _array_over(context, builder, array_type, array.data, start, sizes)

        return array_type(A), codegen

    return intrinsic(as_four)


pictures, windows = _of_four_axes(1), _of_four_axes(0)
"""The compiled forms of the functions of `kernels.convolution` of these names."""


@intrinsic
def positions(typingctx: Any, A: Any) -> Any:
    """Give a C-contiguous array of several axes as a matrix in the same place, with the last axis as columns."""
    matrix_type = types.Array(A.dtype, 2, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(A)(context, builder, args[0])
        *outer, columns = cgutils.unpack_tuple(builder, array.shape)
        rows = functools.reduce(builder.mul, outer)
        start = context.get_constant(types.intp, 0)
        return _array_over(context, builder, matrix_type, array.data, start, [rows, columns])

    return matrix_type(A), codegen


@intrinsic
def part(typingctx: Any, A: Any, k: Any, size: Any) -> Any:
    """Give part k of a C-contiguous array that is cut into parts of `size` numbers, as a vector in the same place.

    Where it begins goes through an empty piece of assembly, which LLVM cannot look into. Else it would look for the
    cheapest way to count up the beginnings of all parts in all loops, for two thirds of its time.
    """
    vector_type = types.Array(A.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(A)(context, builder, args[0])
        start = builder.mul(args[1], args[2])
        start = builder.asm(ir.FunctionType(start.type, [start.type]), "", "=r,0", [start], side_effect=False)
        return _array_over(context, builder, vector_type, array.data, start, [args[2]])

    return vector_type(A, INT, INT), codegen


@intrinsic
def select(typingctx: Any, condition: Any, value: Any, otherwise: Any) -> Any:
    """Give `value` where the condition holds, else `otherwise`: `np.where` on scalars, without a branch."""
    result = typingctx.unify_types(value, otherwise)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held = context.cast(builder, args[0], condition, types.boolean)
        pair = [
            context.cast(builder, arg, kind, result) for arg, kind in zip(args[1:], (value, otherwise), strict=True)
        ]
        return builder.select(held, *pair)

    return result(condition, value, otherwise), codegen


def _extreme(name: str, typingctx: Any, one: Any, other: Any) -> Any:
    """Give LLVM's own maximum or minimum of two numbers, in which NaN prevails.

    A comparison and a selection would say the same, but where the result overwrites `one`, LLVM makes a store under a
    mask of them, ten times slower.
    """
    result = typingctx.unify_types(one, other)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pair = [context.cast(builder, arg, given, result) for arg, given in zip(args, (one, other), strict=True)]
        kind = context.get_value_type(result)
        function = builder.module.declare_intrinsic(f"llvm.{name}", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, pair, fastmath=("nsz",))

    return (result(one, other), codegen) if isinstance(result, types.Float) else None


@intrinsic
def maximum(typingctx: Any, one: Any, other: Any) -> Any:
    """Give the larger of two numbers, NaN if either is: `np.maximum` on scalars."""
    return _extreme("maximum", typingctx, one, other)


@intrinsic
def minimum(typingctx: Any, one: Any, other: Any) -> Any:
    """Give the smaller of two numbers, NaN if either is: `np.minimum` on scalars."""
    return _extreme("minimum", typingctx, one, other)


def call_address(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Emit a call to the address in args[0] with the other arguments."""
    function_type = ir.FunctionType(ir.VoidType(), [argument.type for argument in args[1:]])
    function = builder.inttoptr(args[0], function_type.as_pointer())
    builder.call(function, args[1:])
    return context.get_dummy_value()


@intrinsic
def call_kernel(
    typingctx: Any, address: Any, row: Any, P: Any, dP: Any, A: Any, dA: Any, S: Any, C: Any,
    n: Any, training: Any, seed: Any, step: Any, first_row: Any,
) -> Any:  # fmt: skip
    """Call an op's kernel by its address."""
    return types.void(INT, *kernel_signature(P.dtype).args), call_address


@intrinsic
def call_update(
    typingctx: Any, address: Any, row: Any, P: Any, dP: Any, slots: Any, C: Any,
    start: Any, stop: Any, size: Any, rate: Any, step: Any, l1: Any, l2: Any, decay: Any,
) -> Any:  # fmt: skip
    """Call an optimizer's kernel by its address."""
    return types.void(INT, *update_signature(P.dtype).args), call_address
