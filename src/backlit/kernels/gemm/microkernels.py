"""The innermost loops of the product: tiles of C, summed in vector registers.

Loops written in Python are not compiled into code that keeps many sums in registers, so these are written as vector
instructions. They are not unrolled, which was slower: nothing but the multiply-adds limits them.
"""

import functools
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from backlit.kernels.gemm.simd import Vectors, full_width, instructions, widest
from backlit.kernels.numba_private import cgutils

TALL, LOW = 6, 4  # rows of a tile; with two vectors of columns, twelve sums hide the latency of a multiply-add
NARROW = 8  # rows of a tile of one vector of columns, likewise
BROAD = 8  # rows of a tile of one vector of the widest registers, likewise
LINE = 8  # vectors of columns in a tile of a single row, for the same reason
DOTS = 4  # dot products computed together
_CHAINS = 4  # interleaved parts of a sum of rows, likewise
_PREFETCH_STEPS = 64  # steps of a tile from which there is time to prefetch its part of C


def _starts(builder: Any, matrix: Any, row: Any, rows: Any, height: int) -> list[Any]:
    """Give where `height` rows of a matrix start; where it has fewer `rows`, if given, the last one repeatedly."""
    offsets = [builder.mul(row, row.type(r)) for r in range(height)]
    if rows is None:
        return [builder.gep(matrix, [offset]) for offset in offsets]
    last = builder.mul(builder.sub(rows, rows.type(1)), row)
    exists = [builder.icmp_signed("<", rows.type(r), rows) for r in range(height)]
    return [builder.gep(matrix, [builder.select(exists[r], offsets[r], last)]) for r in range(height)]


# ------------------------------------------------------------------------------------------------------ tiles of C


def _make_tile(height: int, count: int) -> Any:
    """Make the kernel of a tile of C of `height` rows by `count` vectors of columns, the last `gap` after the first.

    C[r c_row + l] = sum over p < steps of A[r a_row + p a_step] B[p b_step + l], and D[r d_row + l] where D is not
    null; a vector has as many columns as fit in 32 bytes. A low tile may be given fewer `rows` than its height: it
    computes the last one repeatedly. The other tiles are always full.
    """

    @instructions()
    def tile(
        vectors: Vectors, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, C: Any, c_row: Any, D: Any, d_row: Any,
        gap: Any, rows: Any, steps: Any,
    ) -> None:  # fmt: skip
        # Where the tile's rows and columns lie: sums (height, count), columns (count,), rows of A (height,).
        builder = vectors.builder
        sums = [vectors.sums(count) for _ in range(height)]
        rows = rows if height == LOW else None
        columns = [builder.sdiv(builder.mul(gap, gap.type(v)), gap.type(count - 1)) for v in range(count)]
        rows_of_a = _starts(builder, A, a_row, rows, height)
        with builder.if_then(builder.icmp_signed(">=", steps, steps.type(_PREFETCH_STEPS))):
            for row in _starts(builder, C, c_row, rows, height):
                vectors.prefetch(builder.gep(row, [columns[-1]]))
        _accumulate(vectors, sums, rows_of_a, a_step, B, b_step, columns, steps)
        with builder.if_then(cgutils.is_not_null(builder, D)):
            for row, line in zip(_starts(builder, D, d_row, rows, height), sums, strict=True):
                for column, total in zip(columns, line, strict=True):
                    added = vectors.load(builder.gep(row, [column]))
                    builder.store(builder.fadd(builder.load(total), added), total)
        for row, line in zip(_starts(builder, C, c_row, rows, height), sums, strict=True):
            for column, total in zip(columns, line, strict=True):
                vectors.store(builder.load(total), builder.gep(row, [column]))

    return tile


@instructions(widest)
def broad_tile(
    vectors: Vectors, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, C: Any, c_row: Any, D: Any, d_row: Any,
    columns: Any, rows: Any, steps: Any,
) -> None:  # fmt: skip
    """The tile of `BROAD` rows, or fewer, by one vector as wide as the widest registers, of so many columns.

    Its numbers are those of tiles of two vectors: each is summed in the order of the steps.
    """
    builder = vectors.builder
    sums = vectors.sums(BROAD)
    some = builder.trunc(columns, ir.IntType(32))
    rows_of_a = _starts(builder, A, a_row, rows, BROAD)
    with cgutils.for_range(builder, steps) as loop:
        b = vectors.load_some(builder.gep(B, [builder.mul(loop.index, b_step)]), some)
        step = builder.mul(loop.index, a_step)
        for total, row in zip(sums, rows_of_a, strict=True):
            vectors.add_product(total, vectors.broadcast(builder.gep(row, [step])), b)
    with builder.if_then(cgutils.is_not_null(builder, D)):
        for row, total in zip(_starts(builder, D, d_row, rows, BROAD), sums, strict=True):
            builder.store(builder.fadd(builder.load(total), vectors.load_some(row, some)), total)
    for row, total in zip(_starts(builder, C, c_row, rows, BROAD), sums, strict=True):
        vectors.store_some(builder.load(total), row, some)


def _accumulate(
    vectors: Vectors, sums: Sequence[Sequence[Any]], rows_of_a: Sequence[Any], a_step: Any, B: Any, b_step: Any,
    columns: Sequence[Any], steps: Any,
) -> None:  # fmt: skip
    """Add A[r, p] B[p, columns[v]] to sums[r][v] over all steps p."""
    builder = vectors.builder
    with cgutils.for_range(builder, steps) as loop:
        start = builder.gep(B, [builder.mul(loop.index, b_step)])
        b = [vectors.load(builder.gep(start, [column])) for column in columns]
        step = builder.mul(loop.index, a_step)
        for row, line in zip(rows_of_a, sums, strict=True):
            a = vectors.broadcast(builder.gep(row, [step]))
            for total, vector in zip(line, b, strict=True):
                vectors.add_product(total, a, vector)


def _make_narrow_tile(height: int, chains: int) -> Any:
    """Make the kernel of a tile of C of `height` rows that are no longer than a vector.

    C[r c_row + l] = sum over p < steps of A[r a_row + p a_step] B[p b_step + l], and D[l] where D is not null, for
    l < `columns`; the rest of the vector, which is stored too, is undefined. The steps are summed in `chains`
    interleaved parts, which do not depend on each other. A low tile may have fewer `rows`, as above.
    """

    @instructions()
    def tile(
        vectors: Vectors, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, C: Any, c_row: Any, D: Any,
        columns: Any, rows: Any, steps: Any,
    ) -> None:  # fmt: skip
        builder = vectors.builder
        sums = [vectors.sums(height) for _ in range(chains)]
        rows = rows if height == LOW else None
        rows_of_a = _starts(builder, A, a_row, rows, height)
        count = builder.trunc(columns, ir.IntType(32))
        with builder.if_then(cgutils.is_not_null(builder, D)):
            for total in sums[0]:
                builder.store(vectors.load_some(D, count), total)

        def add_step(p: Any, chain: int) -> None:
            b = vectors.load_some(builder.gep(B, [builder.mul(p, b_step)]), count)
            step = builder.mul(p, a_step)
            for total, row in zip(sums[chain], rows_of_a, strict=True):
                vectors.add_product(total, vectors.broadcast(builder.gep(row, [step])), b)

        _interleave(builder, steps, builder.sub(steps, builder.srem(steps, steps.type(chains))), chains, add_step)
        for r, row in enumerate(_starts(builder, C, c_row, rows, height)):
            parts = [builder.load(chain[r]) for chain in sums]
            vectors.store(functools.reduce(builder.fadd, parts), row)

    return tile


def _interleave(builder: Any, count: Any, together: Any, chains: int, add: Any) -> None:
    """Add the terms i < count to `chains` sums in turn, add(i, chain): all up to `together`, then the rest to sum 0."""
    with cgutils.for_range_slice(builder, count.type(0), together, count.type(chains), inc=True) as (i, _):
        for chain in range(chains):
            add(builder.add(i, count.type(chain)), chain)
    if chains > 1:
        with cgutils.for_range_slice(builder, together, count, count.type(1), inc=True) as (i, _):
            add(i, 0)


tall_tile, low_tile, wide_tile = _make_tile(TALL, 2), _make_tile(LOW, 2), _make_tile(LOW, 3)
line_tile = _make_tile(1, LINE)
narrow_tile, narrow_low_tile = _make_narrow_tile(NARROW, 1), _make_narrow_tile(LOW, 2)


# --------------------------------------------------------------------------------------------------- sums of others


@instructions()
def dot_products(vectors: Vectors, A: Any, B: Any, b_row: Any, C: Any, c_row: Any, steps: Any) -> None:
    """Compute `DOTS` dot products: C[q c_row] = sum over p < steps of A[p] B[q b_row + p]."""
    builder = vectors.builder
    sums = vectors.sums(DOTS)
    with cgutils.for_range_slice(builder, steps.type(0), steps, steps.type(vectors.lanes), inc=True) as (p, _):
        count = builder.trunc(builder.sub(steps, p), ir.IntType(32))
        a = vectors.load_some(builder.gep(A, [p]), count)
        for q in range(DOTS):
            start = builder.gep(B, [builder.mul(b_row, b_row.type(q))])
            vectors.add_product(sums[q], a, vectors.load_some(builder.gep(start, [p]), count))
    for q in range(DOTS):
        builder.store(vectors.sum_of_lanes(sums[q]), builder.gep(C, [builder.mul(c_row, c_row.type(q))]))


@instructions()
def sum_narrow(vectors: Vectors, A: Any, n: Any, m: Any, total: Any) -> None:
    """Sum `n` rows of `m` numbers, at most a vector's, in interleaved parts: total[j] = sum over i of A[i m + j]."""
    builder = vectors.builder
    sums = vectors.sums(_CHAINS)
    count = builder.trunc(m, ir.IntType(32))

    def add_row(i: Any, chain: int) -> None:
        row = vectors.load_some(builder.gep(A, [builder.mul(i, m)]), count)
        builder.store(builder.fadd(builder.load(sums[chain]), row), sums[chain])

    _interleave(builder, n, builder.and_(n, n.type(-_CHAINS)), _CHAINS, add_row)
    vectors.store_some(functools.reduce(builder.fadd, map(builder.load, sums)), total, count)


# ----------------------------------------------------------------------------------------------- copies, prefetching


def _make_copy(count: int, lanes: Any = full_width) -> Any:
    """Make the kernel that copies `count` vectors of each step to where the steps follow each other.

    The last of a step's vectors begins `gap` numbers after the first.
    """

    @instructions(lanes)
    def copy(vectors: Vectors, source: Any, step: Any, target: Any, gap: Any, steps: Any) -> None:
        builder = vectors.builder
        span = builder.add(gap, gap.type(vectors.lanes))
        with cgutils.for_range(builder, steps) as loop:
            start = builder.gep(source, [builder.mul(loop.index, step)])
            end = builder.gep(target, [builder.mul(loop.index, span)])
            for v in range(count):
                place = builder.sdiv(builder.mul(gap, gap.type(v)), gap.type(count - 1))
                vectors.store(vectors.load(builder.gep(start, [place])), builder.gep(end, [place]))

    return copy


def _make_transposition(lanes: Any = full_width) -> Any:
    """Make the kernel that transposes a square: target[p span + q] = source[q column + p] for p and q < lanes."""

    @instructions(lanes)
    def transpose(vectors: Vectors, source: Any, column: Any, target: Any, span: Any) -> None:
        builder, every = vectors.builder, range(vectors.lanes)
        square = [vectors.load(builder.gep(source, [builder.mul(column, column.type(q))])) for q in every]
        for p, vector in enumerate(vectors.transposed(square)):
            vectors.store(vector, builder.gep(target, [builder.mul(span, span.type(p))]))

    return transpose


copy_two, copy_two_fours, copy_three = _make_copy(2), _make_copy(2, 4), _make_copy(3)
transpose, transpose_fours = _make_transposition(), _make_transposition(4)


@instructions(lanes=1)
def prefetch(vectors: Vectors, pointer: Any, step: Any, count: Any) -> None:
    """Prefetch the cache lines of `count` numbers, which are `step` numbers apart; none if `count` is not positive."""
    builder = vectors.builder
    with cgutils.for_range(builder, count) as loop:
        vectors.prefetch(builder.gep(pointer, [builder.mul(loop.index, step)]))
