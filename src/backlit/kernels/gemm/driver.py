"""The matrix product C = A B, and the compiled forms of the functions of `matmul`: how C is divided into tiles.

A tile of a few rows by two vectors of columns of C is summed over the inner dimension in registers and stored once
(`microkernels`). This file has the loops around it: which tiles compute a product depends on its shape; matrices too
large for the cache are taken in blocks, which are packed, and cache lines that the next tile reads are prefetched
(Goto and van de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34, 2008).

BLAS is not called, for two reasons. Its preparations take longer than the arithmetic of a small product. And OpenBLAS
sums in another order with another number of threads; here the shape alone decides on the order in which an element is
summed, whatever thread computes it. Nothing is allocated.

Names: C is (n, m), the inner dimension has `steps`. Matrices are pointers to numbers in memory: A[i, p] is at
i a_row + p a_step, B[p, j] at p b_step + j b_column, C[i, j] at i m + j; transposing is exchanging strides. `start`
is a row (m,) that is added to each row of C, or null.
"""

import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backlit.kernels.gemm import symbols
from backlit.kernels.gemm.microkernels import (
    BROAD,
    DOTS,
    LINE,
    LOW,
    NARROW,
    TALL,
    broad_tile,
    dot_products,
    line_tile,
    low_tile,
    narrow_low_tile,
    narrow_tile,
    prefetch,
    sum_narrow,
    tall_tile,
    wide_tile,
)
from backlit.kernels.gemm.packing import pack, pack_rows, rows_in_tall_tiles
from backlit.kernels.gemm.simd import (
    Vectors,
    address_of,
    after,
    compiled,
    exists,
    inlined,
    instructions,
    lanes_of,
    make_buffer,
    never_inlined,
    number_at,
    part_from,
    widest_of,
)
from backlit.kernels.numba_private import cgutils

_TRANSPOSE_ROWS = 8  # rows of C below which transposing B costs more than it saves
_PACK_B_ROWS = 24  # rows of C from which packing B costs less than it saves
_PACK_A_COLUMNS = 64  # columns of C from which packing A costs less than it saves
_PLAIN_LOOPS_MOST = 16  # multiply-adds up to which plain loops are faster than tiles
_L1_BYTES, _L2_BYTES = 2**15, 2**20  # size of a matrix that stays in the first cache, and in the second
_STRIDED_BYTES = 2**17  # size of an A read along its columns, above which packing it costs less than it saves
_LONG_ROW_BYTES = 2**10  # size of a row of C from which A is read so often that _L1_BYTES is that bound
_BLOCK_STEPS = 384  # steps of the inner dimension in one block
_WIDE_TILE_STEPS = 256  # steps up to which an odd number of vectors of columns ends with a tile of three, not of one
_PANEL_BYTES = _BLOCK_STEPS * 64  # size of a panel of B, in the first cache: a block's steps by a tile's columns
_NARROW_STEPS = 2 * _BLOCK_STEPS  # steps of one vector of columns that fit into a panel
_BLOCK_BYTES = _BLOCK_STEPS * 1024  # size of a block of rows of A, in the second cache
_ONE: Any = np.intp(1)  # a literal 1 would make Numba compile one more variant of the function it is given to

_panel, _block, _last = make_buffer(_PANEL_BYTES), make_buffer(_BLOCK_BYTES), make_buffer(NARROW * 32)

symbols.make_known()


# ------------------------------------------------------------------------------------- one product for all kernels


def signature(dtype: Any) -> Any:
    """Give the types of the product's arguments for numbers of Numba's type `dtype`."""
    values, index = types.CPointer(dtype), types.intp
    return types.void(values, index, index, values, index, index, values, index, index, index, values)


def _emit_call(vectors: Vectors, name: str, arguments: Any) -> None:
    """Write a call of the function whose address is in the cell of that name."""
    builder = vectors.builder
    function = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments]).as_pointer()
    place = symbols.symbol(name, f"float{8 * vectors.align}")
    cell = builder.module.globals.get(place) or ir.GlobalVariable(builder.module, function, place)
    builder.call(builder.load(cell), arguments)


@instructions()
def _call_blocks(
    vectors: Vectors, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, b_column: Any, C: Any,
    n: Any, steps: Any, m: Any, start: Any,
) -> None:  # fmt: skip
    """Call `multiply_blocks` through its cell."""
    _emit_call(vectors, "multiply_blocks", (A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start))


# ------------------------------------------------------------------------------------------------------ tiles of C


@compiled
def _down(
    A: Any, a_row: int, a_tile: int, a_step: int, B: Any, b_step: int, C: Any, c_row: int, D: Any, d_row: int,
    rows: int, steps: int, gap: int, ahead: Any, ahead_step: int, share: int,
) -> None:  # fmt: skip
    """Compute the columns of C that one tile spans, in all rows: C = A B, or C = D + A B where D is not null.

    A tile whose rows begin at i reads A from i a_tile on; an a_step of 0 means as many as the tile has rows, as in a
    packed block. The last of the tile's vectors of columns begins `gap` after the first. With each row, `share` of the
    steps (ahead_step apart) of the columns that the next tile reads are prefetched.
    """
    never_inlined()
    wide = gap > lanes_of(A)
    tall = 0 if wide else rows_in_tall_tiles(rows)
    step = a_step if a_step > 0 else TALL
    i = 0
    # Broad tiles of up to 8 rows, where both vectors fit into one register and rows of A are read in place.
    if a_step > 0 and not wide and widest_of(A) > lanes_of(A):
        while i < rows:
            prefetch(after(ahead, i * share * ahead_step), ahead_step, min(BROAD * share, steps - i * share))
            a, c, d = after(A, i * a_tile), after(C, i * c_row), after(D, i * d_row)
            broad_tile(a, a_row, a_step, B, b_step, c, c_row, d, d_row, gap + lanes_of(A), rows - i, steps)
            i += BROAD
    # Tall tiles of 6 rows by two vectors.
    while i < tall:
        prefetch(after(ahead, i * share * ahead_step), ahead_step, min(TALL * share, steps - i * share))
        a, c, d = after(A, i * a_tile), after(C, i * c_row), after(D, i * d_row)
        tall_tile(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, TALL, steps)
        i += TALL
    # The rest: low tiles of 4 rows by two or three vectors.
    while i < rows:
        left = rows - i
        prefetch(after(ahead, i * share * ahead_step), ahead_step, min(LOW * share, steps - i * share))
        a, c, d = after(A, i * a_tile), after(C, i * c_row), after(D, i * d_row)
        step = a_step if a_step > 0 else min(LOW, left)
        if wide:
            wide_tile(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, left, steps)
        else:
            low_tile(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, left, steps)
        i += LOW


@compiled
def _multiply_few(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, C: Any, n: int, steps: int, m: int, start: Any
) -> None:
    """C = A B in tiles of a single row by `LINE` vectors, for a contiguous row of at least so many in B."""
    never_inlined()
    full = lanes_of(A)
    line = full * LINE
    for i in range(n):  # a row of C (n, m)
        for t in range(-(-m // line)):  # a tile of C (1, line) from A (1, steps) and B (steps, line)
            j = min(t * line, m - line)
            a, b, c, d = after(A, i * a_row), after(B, j), after(C, i * m + j), part_from(start, j)
            line_tile(a, 0, a_step, b, b_step, c, 0, d, 0, line - full, 1, steps)


@compiled
def _share(number: int, of: int, total: int) -> tuple[int, int]:
    """Give where a share of an evenly divided total begins, and its size."""
    start = number * total // of
    return start, (number + 1) * total // of - start


@compiled
def _columns(tile: int, tiles: int, m: int, wide: int) -> tuple[int, int]:
    """Give where a tile's columns begin, and how many it spans; the last tile spans `wide`, unless that is 0.

    The columns are divided evenly, so that none spans less than a vector; the vectors of a tile may overlap.
    """
    if wide > 0 and tile >= tiles - 1:
        return m - wide, wide
    return _share(tile, tiles - min(wide, 1), m - wide)


@compiled
def _plan(n: int, steps: int, m: int, full: int, a_row: int, b_column: int) -> tuple[bool, bool, int, int, int, int]:
    """Decide how to compute a product: (pack A?, pack B?, blocks of rows, blocks of steps, tiles, columns of the last).

    The columns of the last tile are 0 unless it is wider than the others.
    """
    itemsize = 32 // full
    strided = _L1_BYTES if m * itemsize >= _LONG_ROW_BYTES else _STRIDED_BYTES
    pack_a = m >= _PACK_A_COLUMNS and n * steps * itemsize > (strided if a_row == 1 else _L2_BYTES)
    pack_b = pack_a or b_column > 1 or (n >= _PACK_B_ROWS and steps * m * itemsize > _L1_BYTES)
    blocks = -(-n * _BLOCK_STEPS * itemsize // _BLOCK_BYTES) if pack_a else 1
    depths = -(-steps // _BLOCK_STEPS) if pack_b else 1
    odd = m > 2 * full and -(-m // full) % 2 == 1
    wide = min(m, 3 * full) if odd and steps <= _WIDE_TILE_STEPS else 0
    tiles = -(-(m - wide) // (2 * full)) + min(wide, 1)
    return pack_a, pack_b, blocks, depths, tiles, wide


@compiled
def multiply_blocks(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any,
    n: int, steps: int, m: int, start: Any,
) -> None:  # fmt: skip
    """C = A B as `multiply` computes it, where rows of C have at least a vector's numbers."""
    never_inlined()
    full = lanes_of(A)
    if n < LOW and m >= full * LINE and b_column == 1:
        _multiply_few(A, a_row, a_step, B, b_step, C, n, steps, m, start)
        return
    panel, block = _panel(A), _block(A)
    pack_a, pack_b, blocks, depths, tiles, wide = _plan(n, steps, m, full, a_row, b_column)
    for block_number in range(blocks):
        first, rows = _share(block_number, blocks, n)
        for depth_number in range(depths):
            # One block of A (rows, depth), packed if that pays.
            p, depth = _share(depth_number, depths, steps)
            of_a = after(A, first * a_row + p * a_step)
            if pack_a:
                pack_rows(of_a, a_row, a_step, block, rows, depth)
            for t in range(tiles):
                # A wide tile reads the block of A in place, since rows are packed for tiles of other heights.
                a, a_next, a_tile, a_gap = of_a, a_row, a_row, a_step
                if pack_a and (wide == 0 or t < tiles - 1):
                    a, a_next, a_tile, a_gap = block, 1, depth, 0
                # A panel of B (depth, span), packed if that pays. Then the next panel is prefetched, of each row the
                # last cache line: packing this panel has loaded the line before.
                j, span = _columns(t, tiles, m, wide)
                b, b_next, fetch = after(B, p * b_step + j * b_column), b_step, 0
                ahead = after(b, span + _columns(t + 1, tiles, m, wide)[1] - 1)
                if pack_b:
                    pack(b, b_step, b_column, panel, depth, span)
                    b, b_next = panel, span
                    fetch = -(-depth // rows) if b_column == 1 and t + 1 < tiles else 0
                # Columns of C (rows, span): the first block of steps adds `start`, later ones what C already has.
                c = after(C, first * m + j)
                d, d_row = (c, m) if p > 0 else (part_from(start, j), 0)
                _down(
                    a, a_next, a_tile, a_gap, b, b_next, c, m, d, d_row, rows, depth, span - full, ahead, b_step, fetch
                )


@compiled
def _multiply_narrow(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any, n: int, steps: int, m: int,
    start: Any,
) -> None:  # fmt: skip
    """C = A B where rows of C are at most a vector; B with strided rows has at most `_NARROW_STEPS` steps."""
    never_inlined()
    full = lanes_of(A)
    # A B (steps, m) with strided rows is copied, each row to a vector of the panel.
    if b_column > 1:
        panel = _panel(A)
        for p in range(steps):
            for q in range(m):
                panel[p * full + q] = B[p * b_step + q * b_column]
        B, b_step = panel, full
    last = _last(A)
    i = 0
    while i < n:  # a tile of C (height, m) from A (height, steps) and B (steps, m)
        a, left = after(A, i * a_row), n - i
        height = NARROW if left >= NARROW else LOW
        # A tile stores whole vectors, each over the end of the one before. Where they would end outside of C, the tile
        # stores them in a buffer, and the numbers are copied from there.
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


@compiled
def _dot_rows(A: Any, B: Any, C: Any, steps: int, m: int) -> None:
    """C (m,) = the dot products of the vector A (steps,) with the rows of B (m, steps), `DOTS` at a time."""
    never_inlined()
    b_next, c_next, height = (steps, 1, DOTS) if m >= DOTS else (0, 0, 1)
    start = 0
    while start < m:  # C (height,) from B (height, steps); the last ones overlap those before
        q = min(start, m - height)
        dot_products(A, after(B, q * steps), b_next, after(C, q), c_next, steps)
        start += height


@compiled
def _multiply_least(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any, n: int, steps: int, m: int,
    start: Any,
) -> None:  # fmt: skip
    """C = A B by plain loops."""
    never_inlined()
    for i in range(n):
        for j in range(m):
            total = number_at(start, j)
            for p in range(steps):
                total += A[i * a_row + p * a_step] * B[p * b_step + j * b_column]
            C[i * m + j] = total


# ----------------------------------------------------------------------------------------------------- the dispatch


@compiled
def multiply(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any,
    n: int, steps: int, m: int, start: Any,
) -> None:  # fmt: skip
    """C = A B + start for matrices of any shape and strides; `start` is not null only for the strides of `affine`."""
    if n * steps * m <= _PLAIN_LOOPS_MOST or (m == 1 and n > 1 and a_step == 1 and a_row != steps):
        _multiply_least(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)
    elif m == 1 and a_step == 1:  # C (n, 1): the dot products of B (steps,) with the rows of A
        _dot_rows(B, A, C, steps, n)
        if exists(start):
            for i in range(n):
                C[i] += start[0]
    elif m == 1:  # C^T = B^T A^T, of shape (1, n)
        if n > lanes_of(A):
            _call_blocks(B, _ONE, _ONE, A, a_step, _ONE, C, _ONE, steps, n, start)
        else:
            _multiply_narrow(B, _ONE, _ONE, A, a_step, _ONE, C, _ONE, steps, n, start)
    elif m <= lanes_of(A) and (b_column == 1 or steps <= _NARROW_STEPS):
        _multiply_narrow(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)
    elif b_column > 1 and (n < _TRANSPOSE_ROWS or m < lanes_of(A)):
        for i in range(n):  # a row of C (n, m): the dot products of a row of A with the columns of B
            _dot_rows(after(A, i * a_row), B, after(C, i * m), steps, m)
    else:
        _call_blocks(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)


# ------------------------------------------------------------------------------- the compiled forms of the products


def _emit_product(transpose_a: bool, transpose_b: bool, context: Any, builder: Any, signature: Any, given: Any) -> Any:
    """Write a call of `multiply` through its cell, for (A, B, C) or (A, B, b, C); rows of A may lie apart."""
    arrays = zip(signature.args, given, strict=True)
    A, B, *b, C = (context.make_array(kind)(context, builder, value) for kind, value in arrays)
    n, m = cgutils.unpack_tuple(builder, C.shape)
    steps = cgutils.unpack_tuple(builder, A.shape)[0 if transpose_a else 1]
    one, null = steps.type(1), A.data.type(None)
    row = steps if signature.args[0].layout == "C" else builder.sdiv(builder.extract_value(A.strides, 0), A.itemsize)
    a_strides = (one, n) if transpose_a else (row, one)
    b_strides = (one, steps) if transpose_b else (m, one)
    start = builder.select(cgutils.is_not_null(builder, b[0].nitems), b[0].data, null) if b else null
    vectors = Vectors(builder, context.get_data_type(signature.args[0].dtype), 1)
    _emit_call(vectors, "multiply", (A.data, *a_strides, B.data, *b_strides, C.data, n, steps, m, start))
    return context.get_dummy_value()


def _make_product(transpose_a: bool, transpose_b: bool) -> Any:
    @intrinsic
    def product(typingctx: Any, A: Any, B: Any, C: Any) -> Any:
        return types.void(A, B, C), functools.partial(_emit_product, transpose_a, transpose_b)

    return product


@intrinsic
def affine(typingctx: Any, A: Any, B: Any, b: Any, C: Any) -> Any:
    """C = A B + b, as `matmul.affine` computes it."""
    return types.void(A, B, b, C), functools.partial(_emit_product, False, False)


product, product_tn, product_nt = _make_product(False, False), _make_product(True, False), _make_product(False, True)


@inlined
def sum_rows(A: Any, total: Any) -> None:
    """Sum the rows of A (n, m) into `total` (m,), as `matmul.sum_rows` does."""
    n, m = A.shape
    if m <= lanes_of(address_of(A)):
        sum_narrow(address_of(A), n, m, address_of(total))
    else:
        for j in range(m):
            total[j] = 0.0
        for i in range(n):
            for j in range(m):
                total[j] += A[i, j]
