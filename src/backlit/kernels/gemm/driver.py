"""Compiled kernels of `products`: which tiles of the result are summed, and in which order.

A tile of a few rows by two vectors of columns of C is summed over the inner dimension and stored once (`tiles`). Here
stand the plain loops around it: matrices too large for the cache are taken in blocks, copied to where the tile reads
them in order (the scheme of Goto and van de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34,
2008), and what the next tiles need is fetched meanwhile.

BLAS is not called, for two reasons. A call spends longer on preparations than on the arithmetic of a small product.
And the sums of OpenBLAS come out in another order with another number of threads; here how a product is computed
depends on its shape alone: each element is summed in one order by whatever thread computes it. Nothing is allocated.
"""

# mypy: disable-error-code="no-untyped-call, call-arg, arg-type, unreachable, assignment"
# Numba's building blocks are partly untyped, and an intrinsic is called without the first parameter it is written with.

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from backlit.kernels.gemm.microkernels import (
    DOTS,
    LINE,
    LOW,
    NARROW,
    TALL,
    bring_near,
    copy_three,
    copy_two,
    copy_two_fours,
    dot_products,
    line_tile,
    low_tile,
    narrow_low_tile,
    narrow_tile,
    sum_narrow,
    tall_tile,
    transpose,
    transpose_fours,
    wide_tile,
)
from backlit.kernels.gemm.simd import (
    address_of,
    after,
    exists,
    lanes_of,
    make_buffer,
    no_array,
    number_at,
    part_from,
    stand_apart,
)
from backlit.kernels.gemm.symbols import symbol
from backlit.kernels.matmul import SHARED, affine, product, product_nt, product_tn, sum_rows

Function = TypeVar("Function", bound=Callable[..., Any])

_FEW = 8  # rows below which transposing the other matrix costs more than it gives
_MANY = 24  # rows from which copying the other matrix to where it is read in order costs less than it gives
_WIDE = 64  # columns from which the same holds
_LOOPS_TO = 16  # multiply-adds up to which plain loops beat the tiles
_NEAR, _FAR = 2**15, 2**20  # bytes of a matrix that stays in the fastest cache, and in those behind it
_ACROSS = 2**17  # bytes of a matrix read across its rows, above which copying it costs less than it gives
_BROAD = 2**10  # bytes of a row of C from which it is read so often that _NEAR is the bound
_STEPS = 384  # of the inner dimension in one block
_STEPS_WIDE = 256  # up to which an odd number of vectors of columns ends with three in one tile, not with one
_PANEL = _STEPS * 64  # bytes: the block of two vectors of columns of B, or of three, for the fastest cache
_NARROW_STEPS = 2 * _STEPS  # of one vector of columns in a panel
_BLOCK = _STEPS * 1024  # bytes: the block of rows of A, for the next cache
_INLINE = {"forceinline": True}  # passing three arrays to a function costs more than the smallest products
_ONE = np.intp(1)  # a literal 1 would make Numba compile one more variant of the function it is given to

_panel, _block, _last = make_buffer(_PANEL), make_buffer(_BLOCK), make_buffer(NARROW * 32)


def _compiled(function: Function) -> Function:
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # none but compiled code calls it
    compiled: Function = numba.njit(error_model="numpy", nogil=True, **options)(function)
    return compiled


# ------------------------------------------------------------------------------------- one product for all kernels


def signature(dtype: Any) -> Any:
    """Give the types of the product's arguments for numbers of Numba's type `dtype`."""
    values, index = types.CPointer(dtype), types.intp
    return types.void(values, index, index, values, index, index, values, index, index, index, values)


def compiled_product(name: str, dtype: str) -> Any:
    """Compile a function of `SHARED` for a type of number, to be called by its address."""
    return numba.cfunc(signature(getattr(types, dtype)), error_model="numpy")(globals()[name].py_func)


def _calling(name: str) -> Any:
    """Give what calls the function of that name whose address stands in its cell."""

    @intrinsic
    def call(
        typingctx: Any, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, b_column: Any, C: Any,
        n: Any, steps: Any, m: Any, start: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            function = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments]).as_pointer()
            place = symbol(name, signature.args[0].dtype.name)
            cell = builder.module.globals.get(place) or ir.GlobalVariable(builder.module, function, place)
            builder.call(builder.load(cell), arguments)
            return context.get_dummy_value()

        return signature(A.dtype), generate

    return call


_call_multiply, _call_blocks = map(_calling, SHARED)


# -------------------------------------------------------------------------------------------------------- its parts


@_compiled
def _rows_in_tall_tiles(rows: int) -> int:
    """Give how many rows to compute in tall tiles; low ones compute the rest.

    6 a + 4 b with b <= 2 makes every even number but 2. The last row of an odd number is left to a low tile, which may
    lack some, so no more than three rows are computed in vain.
    """
    pairs = (rows + 1) // 2
    low = -pairs % 3
    return max(2 * pairs - LOW * (low if low > 0 or rows % 2 == 0 else 3), 0)


@_compiled
def _pack(source: Any, step: int, column: int, target: Any, steps: int, span: int) -> None:
    """Copy to where it is read in order: target[p span + q] = source[p step + q column], p < steps and q < span.

    The span is three or two vectors of `full` or two of four numbers, which may overlap, or less than four numbers.
    """
    stand_apart()
    full = lanes_of(source)
    whole = 0
    if column == 1 and span >= 4:
        if span > 2 * full:
            copy_three(source, step, target, span - full, steps)
        elif span >= full:
            copy_two(source, step, target, span - full, steps)
        else:
            copy_two_fours(source, step, target, span - 4, steps)
        whole = steps
    elif step == 1 and span >= 4:
        width = full if span >= full else 4
        whole = steps // width * width
        for square in range(steps // width):
            p = square * width
            wide = 1 if span > 2 * width else 0
            for v in range(2 + wide):
                q = v * (span - width) >> wide
                start, end = after(source, p + q * column), after(target, p * span + q)
                if width == 4:
                    transpose_fours(start, column, end, span)
                else:
                    transpose(start, column, end, span)
    for p in range(whole, steps):
        for q in range(span):
            target[p * span + q] = source[p * step + q * column]


@_compiled
def _pack_rows(A: Any, a_row: int, a_step: int, block: Any, rows: int, steps: int) -> None:
    """Copy rows of A to where the tiles read them in order: all steps of a tile together, each with all its rows."""
    stand_apart()
    tall = _rows_in_tall_tiles(rows)
    i = 0
    while i < rows:
        height = min(TALL if i < tall else LOW, rows - i)
        _pack(after(A, i * a_row), a_step, a_row, after(block, i * steps), steps, height)
        i += height


@_compiled
def _down(
    A: Any, a_row: int, a_tile: int, a_step: int, B: Any, b_step: int, C: Any, c_row: int, D: Any, d_row: int,
    rows: int, steps: int, gap: int, ahead: Any, ahead_step: int, share: int,
) -> None:  # fmt: skip
    """Compute the columns of C that one tile spans, in all rows.

    The tiles of A lie a_tile apart times their rows; an a_step of 0 means as many as a tile has rows. With each row,
    a `share` of the columns that will be needed next is fetched.
    """
    stand_apart()
    wide = gap > lanes_of(A)
    tall = 0 if wide else _rows_in_tall_tiles(rows)
    step = a_step if a_step > 0 else TALL
    i = 0
    while i < tall:
        bring_near(after(ahead, i * share * ahead_step), ahead_step, min(TALL * share, steps - i * share))
        a, c, d = after(A, i * a_tile), after(C, i * c_row), after(D, i * d_row)
        tall_tile(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, TALL, steps)
        i += TALL
    while i < rows:
        left = rows - i
        bring_near(after(ahead, i * share * ahead_step), ahead_step, min(LOW * share, steps - i * share))
        a, c, d = after(A, i * a_tile), after(C, i * c_row), after(D, i * d_row)
        step = a_step if a_step > 0 else min(LOW, left)
        if wide:
            wide_tile(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, left, steps)
        else:
            low_tile(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, left, steps)
        i += LOW


@_compiled
def _multiply_few(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, C: Any, n: int, steps: int, m: int, start: Any
) -> None:
    """C = A B as `multiply_blocks` computes it, row by row."""
    stand_apart()
    full = lanes_of(A)
    line = full * LINE
    for i in range(n):
        for t in range(-(-m // line)):
            j = min(t * line, m - line)
            a, b, c, d = after(A, i * a_row), after(B, j), after(C, i * m + j), part_from(start, j)
            line_tile(a, 0, a_step, b, b_step, c, 0, d, 0, line - full, 1, steps)


@_compiled
def _share(number: int, of: int, total: int) -> tuple[int, int]:
    """Give where a share of a total begins that is divided evenly, and how large it is."""
    start = number * total // of
    return start, (number + 1) * total // of - start


@_compiled
def _columns(tile: int, tiles: int, m: int, wide: int) -> tuple[int, int]:
    """Give where a tile's columns begin, and how many they are: `wide` of the last one, where that is not 0.

    Shared out evenly, the columns of a tile are never fewer than one vector has; its vectors may overlap.
    """
    if wide > 0 and tile >= tiles - 1:
        return m - wide, wide
    return _share(tile, tiles - min(wide, 1), m - wide)


@_compiled
def multiply_blocks(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any,
    n: int, steps: int, m: int, start: Any,
) -> None:  # fmt: skip
    """C = A B as `multiply` computes it, where rows have at least a vector's numbers."""
    stand_apart()
    full = lanes_of(A)
    itemsize = 32 // full
    if n < LOW and m >= full * LINE and b_column == 1:
        _multiply_few(A, a_row, a_step, B, b_step, C, n, steps, m, start)
        return
    panel, block = _panel(A), _block(A)
    across = _NEAR if m * itemsize >= _BROAD else _ACROSS
    pack_a = m >= _WIDE and n * steps * itemsize > (across if a_row == 1 else _FAR)
    pack_b = pack_a or b_column > 1 or (n >= _MANY and steps * m * itemsize > _NEAR)
    blocks = -(-n * _STEPS * itemsize // _BLOCK) if pack_a else 1
    depths = -(-steps // _STEPS) if pack_b else 1
    odd = m > 2 * full and -(-m // full) % 2 == 1
    wide = min(m, 3 * full) if odd and steps <= _STEPS_WIDE else 0
    tiles = -(-(m - wide) // (2 * full)) + min(wide, 1)
    for block_number in range(blocks):
        first, rows = _share(block_number, blocks, n)
        for depth_number in range(depths):
            p, depth = _share(depth_number, depths, steps)
            of_a = after(A, first * a_row + p * a_step)
            if pack_a:
                _pack_rows(of_a, a_row, a_step, block, rows, depth)
            for t in range(tiles):
                a, a_next, a_tile, a_gap = of_a, a_row, a_row, a_step
                if pack_a and (wide == 0 or t < tiles - 1):  # its rows are packed for tiles of other heights
                    a, a_next, a_tile, a_gap = block, 1, depth, 0
                j, span = _columns(t, tiles, m, wide)
                b, b_next, fetch = after(B, p * b_step + j * b_column), b_step, 0
                # What is fetched for the next tile is the line of the cache that ends it: this one had the one before.
                ahead = after(b, span + _columns(t + 1, tiles, m, wide)[1] - 1)
                if pack_b:
                    _pack(b, b_step, b_column, panel, depth, span)
                    b, b_next = panel, span
                    fetch = -(-depth // rows) if b_column == 1 and t + 1 < tiles else 0
                c = after(C, first * m + j)
                d, d_row = (c, m) if p > 0 else (part_from(start, j), 0)
                _down(
                    a, a_next, a_tile, a_gap, b, b_next, c, m, d, d_row, rows, depth, span - full, ahead, b_step, fetch
                )


@_compiled
def _multiply_narrow(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any, n: int, steps: int, m: int,
    start: Any,
) -> None:  # fmt: skip
    """C = A B for rows of at most a vector, with B of at most `_NARROW_STEPS` steps if its rows are not contiguous."""
    stand_apart()
    full = lanes_of(A)
    if b_column > 1:
        panel = _panel(A)
        for p in range(steps):
            for q in range(m):
                panel[p * full + q] = B[p * b_step + q * b_column]
        B, b_step = panel, full
    last = _last(A)
    i = 0
    while i < n:
        a, left = after(A, i * a_row), n - i
        height = NARROW if left >= NARROW else LOW
        # A tile writes whole vectors, each over the end of the one before; what would end outside of C goes elsewhere.
        inside = (left - height) * m >= full - m
        c, c_row = (after(C, i * m), m) if inside else (last, full)
        if height == NARROW:
            narrow_tile(a, a_row, a_step, B, b_step, c, c_row, start, m, NARROW, steps)
        else:
            narrow_low_tile(a, a_row, a_step, B, b_step, c, c_row, start, m, left, steps)
        if not inside:
            for r in range(min(left, height)):
                for q in range(m):
                    C[(i + r) * m + q] = last[r * full + q]
        i += height


@_compiled
def _dot_rows(A: Any, B: Any, C: Any, steps: int, m: int) -> None:
    """C[q] = the dot product of the vector A with row q of B, for q < m."""
    stand_apart()
    b_next, c_next, height = (steps, 1, DOTS) if m >= DOTS else (0, 0, 1)
    start = 0
    while start < m:
        q = min(start, m - height)
        dot_products(A, after(B, q * steps), b_next, after(C, q), c_next, steps)
        start += height


@_compiled
def _multiply_least(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any, n: int, steps: int, m: int,
    start: Any,
) -> None:  # fmt: skip
    """C = A B by plain loops."""
    stand_apart()
    for i in range(n):
        for j in range(m):
            total = number_at(start, j)
            for p in range(steps):
                total += A[i * a_row + p * a_step] * B[p * b_step + j * b_column]
            C[i * m + j] = total


@_compiled
def multiply(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any,
    n: int, steps: int, m: int, start: Any,
) -> None:  # fmt: skip
    """C = A B, with A[i, p] at i a_row + p a_step, B[p, j] at p b_step + j b_column and C[i, j] at i m + j.

    To each row of C is added the row `start`, if there is one; with that, A and B are those of `product`.
    """
    if n * steps * m <= _LOOPS_TO:
        _multiply_least(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)
    elif m == 1 and a_step == 1:
        _dot_rows(B, A, C, steps, n)
        if exists(start):
            for i in range(n):
                C[i] += start[0]
    elif m == 1:  # C^T = B^T A^T
        if n > lanes_of(A):
            _call_blocks(B, _ONE, _ONE, A, a_step, _ONE, C, _ONE, steps, n, start)
        else:
            _multiply_narrow(B, _ONE, _ONE, A, a_step, _ONE, C, _ONE, steps, n, start)
    elif m <= lanes_of(A) and (b_column == 1 or steps <= _NARROW_STEPS):
        _multiply_narrow(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)
    elif b_column > 1 and (n < _FEW or m < lanes_of(A)):
        for i in range(n):
            _dot_rows(after(A, i * steps), B, after(C, i * m), steps, m)
    else:
        _call_blocks(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)


# -------------------------------------------------------------------------------------------------------- the products


@overload(product, jit_options=_INLINE)
def _compiled_product(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        n, steps = A.shape
        m = B.shape[1]
        _call_multiply(address_of(A), steps, _ONE, address_of(B), m, _ONE, address_of(C), n, steps, m, no_array(A))

    return kernel


@overload(affine, jit_options=_INLINE)
def _compiled_affine(A: Any, B: Any, b: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, b: Any, C: Any) -> None:
        n, steps = A.shape
        m = B.shape[1]
        start: Any = address_of(b) if b.size else no_array(b)
        _call_multiply(address_of(A), steps, _ONE, address_of(B), m, _ONE, address_of(C), n, steps, m, start)

    return kernel


@overload(product_tn, jit_options=_INLINE)
def _compiled_product_tn(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        steps, n = A.shape
        m = B.shape[1]
        _call_multiply(address_of(A), _ONE, n, address_of(B), m, _ONE, address_of(C), n, steps, m, no_array(A))

    return kernel


@overload(product_nt, jit_options=_INLINE)
def _compiled_product_nt(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        n, steps = A.shape
        m = B.shape[0]
        _call_multiply(address_of(A), steps, _ONE, address_of(B), _ONE, steps, address_of(C), n, steps, m, no_array(A))

    return kernel


@overload(sum_rows, jit_options=_INLINE)
def _compiled_sum_rows(A: Any, total: Any) -> Callable[..., None]:
    def kernel(A: Any, total: Any) -> None:
        n, m = A.shape
        if m <= lanes_of(address_of(A)):
            sum_narrow(address_of(A), n, m, address_of(total))
        else:
            for j in range(m):
                total[j] = 0.0
            for i in range(n):
                for j in range(m):
                    total[j] += A[i, j]

    return kernel
