"""The compiled innermost loops of convolution and pooling: sums over windows, held in vector registers.

A convolution is a matrix product whose left matrix is never written down: its rows are the places of the windows in the
picture, its columns the places in a window, and the number at row r and column s lies at `rows_at[r] + steps_at[s]` of
the picture. `sweep` sums tiles of it as `gemm.microkernels` does those of a matrix; with both tables exchanged the same
tiles sum the slope of the weights over all windows.

Compiled code calls these in the place of the functions of `kernels.convolution` and `kernels.pooling` of these names.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backlit.kernels.gemm.simd import (
    address_of,
    after,
    compiled,
    inlined,
    instructions,
    never_inlined,
    widest,
    widest_of,
)
from backlit.kernels.numba_private import arrayobj, cgutils

WORK_BYTES, PLACES = 2**18, 8_192  # size of the array of numbers on the stack; how many places the others have
TALL, NARROW = 6, 8  # rows of a tile of two vectors of columns, and of one: as many sums as hide an addition's latency


def _make_tile(height: int, count: int) -> Any:
    """Make the kernel of a tile of `height` rows by `count` vectors, the last of which has `columns` numbers.

    C[r c_row + l] = start[r start_row + l] + Σ_s A[rows_at[r] + steps_at[s]] B[s b_step + l], without the first term
    where `start_row` is negative. Where there are fewer `rows`, the last one is computed repeatedly.
    """

    @instructions(widest)
    def tile(
        vectors: Any, A: Any, rows_at: Any, rows: Any, steps_at: Any, steps: Any, B: Any, b_step: Any,
        C: Any, c_row: Any, start: Any, start_row: Any, columns: Any,
    ) -> None:  # fmt: skip
        builder = vectors.builder
        sums = [vectors.sums(count) for _ in range(height)]
        some = builder.trunc(columns, ir.IntType(32))
        last = builder.sub(rows, rows.type(1))
        numbers = [rows.type(r) for r in range(height)]
        numbers = [builder.select(builder.icmp_signed("<", r, last), r, last) for r in numbers]
        rows_of_a = [builder.gep(A, [builder.load(builder.gep(rows_at, [r]))]) for r in numbers]

        def load(pointer: Any, v: int) -> Any:
            pointer = builder.gep(pointer, [rows.type(v * vectors.lanes)])
            return vectors.load_some(pointer, some) if v == count - 1 else vectors.load(pointer)

        with builder.if_then(builder.icmp_signed(">=", start_row, start_row.type(0))):
            for r, line in zip(numbers, sums, strict=True):
                row = builder.gep(start, [builder.mul(r, start_row)])
                for v, total in enumerate(line):
                    builder.store(load(row, v), total)
        with cgutils.for_range(builder, steps) as loop:
            row = builder.gep(B, [builder.mul(loop.index, b_step)])
            b = [load(row, v) for v in range(count)]
            step = builder.load(builder.gep(steps_at, [loop.index]))
            for of_a, line in zip(rows_of_a, sums, strict=True):
                a = vectors.broadcast(builder.gep(of_a, [step]))
                for total, vector in zip(line, b, strict=True):
                    vectors.add_product(total, a, vector)
        for r, line in zip(numbers, sums, strict=True):
            row = builder.gep(C, [builder.mul(r, c_row)])
            for v, total in enumerate(line):
                pointer = builder.gep(row, [rows.type(v * vectors.lanes)])
                if v == count - 1:
                    vectors.store_some(builder.load(total), pointer, some)
                else:
                    vectors.store(builder.load(total), pointer)

    return tile


_tall_tile, _narrow_tile = _make_tile(TALL, 2), _make_tile(NARROW, 1)


@compiled
def _sweep(
    A: Any, rows_at: Any, rows: int, steps_at: Any, steps: int, B: Any, b_step: int, C: Any, c_row: int, start: Any,
    start_row: int, columns: int,
) -> None:  # fmt: skip
    """Compute all tiles of `sweep`, all rows of a pair of vectors of columns before the next pair."""
    never_inlined()
    full = widest_of(A)
    next_start = max(start_row, 0)
    j = 0
    while j < columns:  # columns of C (rows, 2 vectors) from B (steps, 2 vectors)
        left = columns - j
        r = 0
        while r < rows:
            at, c, d = after(rows_at, r), after(C, r * c_row + j), after(start, r * next_start + j)
            if left > full:
                _tall_tile(A, at, rows - r, steps_at, steps, after(B, j), b_step, c, c_row, d, start_row,
                           min(left - full, full))  # fmt: skip
                r += TALL
            else:
                _narrow_tile(A, at, rows - r, steps_at, steps, after(B, j), b_step, c, c_row, d, start_row, left)
                r += NARROW
        j += 2 * full


@inlined
def sweep(
    A: Any, a: int, rows_at: Any, rows: int, steps_at: Any, steps: int, B: Any, b: int, b_step: int, C: Any, c: int,
    c_row: int, start: Any, d: int, start_row: int, columns: int,
) -> None:  # fmt: skip
    """The compiled form of `kernels.convolution.sweep`."""
    _sweep(after(address_of(A), a), address_of(rows_at), rows, address_of(steps_at), steps, after(address_of(B), b),
           b_step, after(address_of(C), c), c_row, after(address_of(start), d), start_row, columns)  # fmt: skip


@instructions()
def _add_run(vectors: Any, source: Any, target: Any, count: Any) -> None:
    """Add `count` numbers to others, a vector at a time."""
    builder = vectors.builder
    step = count.type(vectors.lanes)
    with cgutils.for_range_slice(builder, count.type(0), count, step, inc=True) as (i, _):
        some = builder.trunc(builder.sub(count, i), ir.IntType(32))
        at = builder.gep(target, [i])
        total = builder.fadd(vectors.load_some(at, some), vectors.load_some(builder.gep(source, [i]), some))
        vectors.store_some(total, at, some)


@inlined
def add_run(A: Any, a: int, B: Any, b: int, count: int) -> None:
    """The compiled form of `kernels.convolution.add_run`."""
    _add_run(after(address_of(B), b), after(address_of(A), a), count)


@instructions()
def _add_products(vectors: Any, one: Any, other: Any, target: Any, count: Any) -> None:
    """Add the products of two numbers each to others, a vector at a time."""
    builder = vectors.builder
    (total,) = vectors.sums(1)
    with cgutils.for_range_slice(builder, count.type(0), count, count.type(vectors.lanes), inc=True) as (i, _):
        some = builder.trunc(builder.sub(count, i), ir.IntType(32))
        a, b, at = (builder.gep(pointer, [i]) for pointer in (one, other, target))
        builder.store(vectors.load_some(at, some), total)
        vectors.add_product(total, vectors.load_some(a, some), vectors.load_some(b, some))
        vectors.store_some(builder.load(total), at, some)


@inlined
def add_products(A: Any, a: int, B: Any, b: int, C: Any, c: int, count: int) -> None:
    """The compiled form of `kernels.convolution.add_products`."""
    _add_products(after(address_of(B), b), after(address_of(C), c), after(address_of(A), a), count)


# --------------------------------------------------------------------------------------------------- windows of pooling


@instructions()
def _largest(
    vectors: Any, X: Any, rows: Any, row: Any, columns: Any, channels: Any, place: Any, w: Any, Z: Any, M: Any
) -> None:
    """Write the largest of a window of `rows` by `columns` places, and its place, for all channels.

    Rows of the picture have `row` numbers; the first place has the number `place`, those of the next row w more.
    """
    builder = vectors.builder
    zero = place.type(0)
    with cgutils.for_range_slice(builder, zero, channels, place.type(vectors.lanes), inc=True) as (q, _):
        some = builder.trunc(builder.sub(channels, q), ir.IntType(32))
        first = vectors.load_some(builder.gep(X, [q]), some)
        largest, where = vectors.sums(2)
        builder.store(first, largest)
        builder.store(_everywhere(vectors, place), where)
        with cgutils.for_range(builder, rows) as r:
            line = builder.gep(X, [builder.add(q, builder.mul(r.index, row))])
            number = builder.add(place, builder.mul(r.index, w))
            with cgutils.for_range(builder, columns) as c:
                x = vectors.load_some(builder.gep(line, [builder.mul(c.index, channels)]), some)
                z = builder.load(largest)
                larger = builder.and_(builder.fcmp_unordered(">", x, z), builder.fcmp_ordered("ord", z, z))
                builder.store(builder.select(larger, x, z), largest)
                here = _everywhere(vectors, builder.add(number, c.index))
                builder.store(builder.select(larger, here, builder.load(where)), where)
        vectors.store_some(builder.load(largest), builder.gep(Z, [q]), some)
        vectors.store_some(builder.load(where), builder.gep(M, [q]), some)


@instructions()
def _back_to_largest(
    vectors: Any, dX: Any, rows: Any, row: Any, columns: Any, channels: Any, place: Any, w: Any, dZ: Any, M: Any
) -> None:
    """Add dZ to the place of a window that M names, for all channels; arguments as of `_largest`."""
    builder = vectors.builder
    zero = place.type(0)
    nothing = ir.Constant(vectors.type, None)
    with cgutils.for_range_slice(builder, zero, channels, place.type(vectors.lanes), inc=True) as (q, _):
        some = builder.trunc(builder.sub(channels, q), ir.IntType(32))
        where = vectors.load_some(builder.gep(M, [q]), some)
        slope = vectors.load_some(builder.gep(dZ, [q]), some)
        with cgutils.for_range(builder, rows) as r:
            line = builder.gep(dX, [builder.add(q, builder.mul(r.index, row))])
            number = builder.add(place, builder.mul(r.index, w))
            with cgutils.for_range(builder, columns) as c:
                at = builder.gep(line, [builder.mul(c.index, channels)])
                here = builder.fcmp_ordered("==", where, _everywhere(vectors, builder.add(number, c.index)))
                added = builder.fadd(vectors.load_some(at, some), builder.select(here, slope, nothing))
                vectors.store_some(added, at, some)


def _everywhere(vectors: Any, whole: Any) -> Any:
    """Give a whole number as a vector of numbers."""
    return vectors._broadcast(vectors.builder.sitofp(whole, vectors.scalar), vectors.type)


@inlined
def largest(
    X: Any, x: int, rows: int, row: int, columns: int, channels: int, place: int, w: int, Z: Any, M: Any, z: int
) -> None:
    """The compiled form of `kernels.pooling.largest`."""
    _largest(after(address_of(X), x), rows, row, columns, channels, place, w, after(address_of(Z), z),
             after(address_of(M), z))  # fmt: skip


@inlined
def back_to_largest(
    dX: Any, x: int, rows: int, row: int, columns: int, channels: int, place: int, w: int, dZ: Any, M: Any, z: int
) -> None:
    """The compiled form of `kernels.pooling.back_to_largest`."""
    _back_to_largest(after(address_of(dX), x), rows, row, columns, channels, place, w, after(address_of(dZ), z),
                     after(address_of(M), z))  # fmt: skip


# ----------------------------------------------------------------------------------------------- arrays without memory


def _array(context: Any, builder: Any, array_type: Any, data: Any, shape: list[Any]) -> Any:
    """Build a C-contiguous array over an address, owning nothing."""
    array = context.make_array(array_type)(context, builder)
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(array_type.dtype)))
    strides = [itemsize]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    arrayobj.populate_array(
        array, data=data, shape=cgutils.pack_array(builder, shape), strides=cgutils.pack_array(builder, strides),
        itemsize=itemsize, meminfo=None,
    )  # fmt: skip
    return array._getvalue()


def _make_work(whole: bool) -> Any:
    """Make the function that gives an array on the stack: of places, or of numbers of the type of another array."""

    def work(typingctx: Any, A: Any) -> Any:
        array_type = types.Array(types.int64 if whole else A.dtype, 1, "C")

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = context.get_data_type(array_type.dtype)
            numbers = PLACES if whole else WORK_BYTES // context.get_abi_sizeof(kind)
            memory = cgutils.alloca_once(builder, kind, size=numbers)
            memory.align = 64
            return _array(context, builder, array_type, memory, [context.get_constant(types.intp, numbers)])

        return array_type(A), codegen

    return intrinsic(work)


work_numbers, work_places = _make_work(False), _make_work(True)


@intrinsic
def view(typingctx: Any, A: Any, start: Any, rows: Any, columns: Any) -> Any:
    """The compiled form of `kernels.convolution.view`."""
    array_type = types.Array(A.dtype, 2, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(A)(context, builder, args[0]).data
        return _array(context, builder, array_type, builder.gep(data, [args[1]]), [*args[2:]])

    return array_type(A, types.intp, types.intp, types.intp), codegen
