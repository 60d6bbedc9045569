"""The innermost loops of the compiled products: tiles of the result, summed in vector registers.

Loops written in Python are not compiled into code that keeps many sums in registers, so these are spelled out as
vectors. They are not unrolled, which was slower: they wait for nothing but the multiply-adds.
"""

# mypy: disable-error-code="no-untyped-call, call-arg, arg-type, unreachable, assignment"
# Numba's building blocks are partly untyped, and an intrinsic is called without the first parameter it is written with.

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backlit.kernels.gemm.simd import Vectors, full_width
from backlit.kernels.numba_private import cgutils

TALL, LOW = 6, 4  # rows of a tile; with two vectors of columns, twelve sums hide the latency of a multiply-add
NARROW = 8  # rows of a tile of one vector of columns, likewise
LINE = 8  # vectors of columns in a tile of a single row, for the same reason
DOTS = 4  # dot products computed together
_CHAINS = 4  # parts of a sum of rows, likewise
_WORTH_FETCHING = 64  # steps of a tile that give the memory time to bring its part of C near


def _make_tile(height: int, count: int) -> Any:
    """Make the kernel of a tile of C of some rows and `count` vectors of columns, the last begins `gap` columns on.

    C[r c_row + l] = sum over p < steps of A[r a_row + p a_step] B[p b_step + l], the matrices seen as flat memory, and
    D[r d_row + l] where there is a D; a vector has as many columns as fit in 32 bytes. Where fewer `rows` are left than
    a low tile is high, it computes the last one more than once; the other tiles are always full.
    """

    @intrinsic
    def tile(
        typingctx: Any, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, C: Any, c_row: Any, D: Any, d_row: Any,
        gap: Any, rows: Any, steps: Any,
    ) -> Any:  # fmt: skip
        index = types.intp
        signature = types.void(A, index, index, B, index, C, index, D, index, index, index, index)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            A, a_row, a_step, B, b_step, C, c_row, D, d_row, gap, rows, steps = arguments
            scalar = context.get_data_type(signature.args[0].dtype)
            vectors = Vectors(builder, scalar, full_width(scalar))
            totals = [vectors.totals(count) for _ in range(height)]
            rows = rows if height == LOW else None
            columns = [builder.sdiv(builder.mul(gap, gap.type(v)), gap.type(count - 1)) for v in range(count)]
            rows_of_a = _starts(builder, A, a_row, rows, height)
            with builder.if_then(builder.icmp_signed(">=", steps, steps.type(_WORTH_FETCHING))):
                for row in _starts(builder, C, c_row, rows, height):
                    vectors.fetch(builder.gep(row, [columns[-1]]))
            with cgutils.for_range(builder, steps) as loop:
                start = builder.gep(B, [builder.mul(loop.index, b_step)])
                b = [vectors.load(builder.gep(start, [column])) for column in columns]
                step = builder.mul(loop.index, a_step)
                for r in range(height):
                    a = vectors.spread(builder.gep(rows_of_a[r], [step]))
                    for v in range(count):
                        vectors.add_product(totals[r][v], a, b[v])
            with builder.if_then(cgutils.is_not_null(builder, D)):
                for row, line in zip(_starts(builder, D, d_row, rows, height), totals, strict=True):
                    for column, total in zip(columns, line, strict=True):
                        added = vectors.load(builder.gep(row, [column]))
                        builder.store(builder.fadd(builder.load(total), added), total)
            for row, line in zip(_starts(builder, C, c_row, rows, height), totals, strict=True):
                for column, total in zip(columns, line, strict=True):
                    vectors.store(builder.load(total), builder.gep(row, [column]))
            return context.get_dummy_value()

        return signature, generate

    return tile


def _make_narrow_tile(height: int, chains: int) -> Any:
    """Make the kernel of a tile of C of some rows that are no longer than a vector.

    C[r c_row + l] = sum over p < steps of A[r a_row + p a_step] B[p b_step + l], and D[l] where there is a D, for
    l < `columns`; what it writes behind these, up to the end of the vector, means nothing. The steps are summed in
    `chains` interleaved parts, which need not wait for each other. Rows may lack as in the other tiles.
    """

    @intrinsic
    def tile(
        typingctx: Any, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, C: Any, c_row: Any, D: Any,
        columns: Any, rows: Any, steps: Any,
    ) -> Any:  # fmt: skip
        index = types.intp
        signature = types.void(A, index, index, B, index, C, index, D, index, index, index)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            A, a_row, a_step, B, b_step, C, c_row, D, columns, rows, steps = arguments
            scalar = context.get_data_type(signature.args[0].dtype)
            vectors = Vectors(builder, scalar, full_width(scalar))
            totals = [vectors.totals(height) for _ in range(chains)]
            rows = rows if height == LOW else None
            rows_of_a = _starts(builder, A, a_row, rows, height)
            count = builder.trunc(columns, ir.IntType(32))
            with builder.if_then(cgutils.is_not_null(builder, D)):
                for total in totals[0]:
                    builder.store(vectors.load_some(D, count), total)

            def add_step(p: Any, chain: list[Any]) -> None:
                b = vectors.load_some(builder.gep(B, [builder.mul(p, b_step)]), count)
                step = builder.mul(p, a_step)
                for total, row in zip(chain, rows_of_a, strict=True):
                    vectors.add_product(total, vectors.spread(builder.gep(row, [step])), b)

            together = builder.sub(steps, builder.srem(steps, steps.type(chains)))
            with cgutils.for_range_slice(builder, steps.type(0), together, steps.type(chains), inc=True) as (p, _):
                for number, chain in enumerate(totals):
                    add_step(builder.add(p, steps.type(number)), chain)
            if chains > 1:
                with cgutils.for_range_slice(builder, together, steps, steps.type(1), inc=True) as (p, _):
                    add_step(p, totals[0])
            for r, row in enumerate(_starts(builder, C, c_row, rows, height)):
                parts = [builder.load(chain[r]) for chain in totals]
                vectors.store(functools.reduce(builder.fadd, parts), row)
            return context.get_dummy_value()

        return signature, generate

    return tile


def _starts(builder: Any, matrix: Any, row: Any, rows: Any, height: int) -> list[Any]:
    """Give where `height` rows of a matrix start; where it has fewer `rows`, if given, the last one again and again."""
    offsets = [builder.mul(row, row.type(r)) for r in range(height)]
    if rows is None:
        return [builder.gep(matrix, [offset]) for offset in offsets]
    last = builder.mul(builder.sub(rows, rows.type(1)), row)
    exists = [builder.icmp_signed("<", rows.type(r), rows) for r in range(height)]
    return [builder.gep(matrix, [builder.select(exists[r], offsets[r], last)]) for r in range(height)]


def _make_copy(count: int, lanes: int | None) -> Any:
    """Make the kernel that copies `count` vectors of each of many steps, and puts steps together.

    The last of a step's vectors begins `gap` numbers after the first.
    """

    @intrinsic
    def copy(typingctx: Any, source: Any, step: Any, target: Any, gap: Any, steps: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source, step, target, gap, steps = arguments
            scalar = context.get_data_type(signature.args[0].dtype)
            vectors = Vectors(builder, scalar, lanes or full_width(scalar))
            span = builder.add(gap, gap.type(vectors.lanes))
            with cgutils.for_range(builder, steps) as loop:
                start = builder.gep(source, [builder.mul(loop.index, step)])
                end = builder.gep(target, [builder.mul(loop.index, span)])
                for v in range(count):
                    place = builder.sdiv(builder.mul(gap, gap.type(v)), gap.type(count - 1))
                    vectors.store(vectors.load(builder.gep(start, [place])), builder.gep(end, [place]))
            return context.get_dummy_value()

        return types.void(source, types.intp, target, types.intp, types.intp), generate

    return copy


def _make_transposition(lanes: int | None) -> Any:
    """Make the kernel that transposes a square: target[p span + q] = source[q column + p] for p and q < lanes."""

    @intrinsic
    def transpose(typingctx: Any, source: Any, column: Any, target: Any, span: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source, column, target, span = arguments
            scalar = context.get_data_type(signature.args[0].dtype)
            vectors = Vectors(builder, scalar, lanes or full_width(scalar))
            every = range(vectors.lanes)
            square = [vectors.load(builder.gep(source, [builder.mul(column, column.type(q))])) for q in every]
            for p, vector in enumerate(vectors.transposed(square)):
                vectors.store(vector, builder.gep(target, [builder.mul(span, span.type(p))]))
            return context.get_dummy_value()

        return types.void(source, types.intp, target, types.intp), generate

    return transpose


@intrinsic
def bring_near(typingctx: Any, pointer: Any, step: Any, count: Any) -> Any:
    """Have `count` numbers, which are `step` numbers apart, brought near; none where the count is not positive."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, step, count = arguments
        numbers = Vectors(builder, context.get_data_type(signature.args[0].dtype), 1)
        with cgutils.for_range(builder, count) as loop:
            numbers.fetch(builder.gep(pointer, [builder.mul(loop.index, step)]))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, types.intp), generate


@intrinsic
def dot_products(typingctx: Any, A: Any, B: Any, b_row: Any, C: Any, c_row: Any, steps: Any) -> Any:
    """Compute `DOTS` dot products: C[q c_row] = sum over p < steps of A[p] B[q b_row + p]."""
    index = types.intp
    signature = types.void(A, B, index, C, index, index)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, B, b_row, C, c_row, steps = arguments
        scalar = context.get_data_type(signature.args[0].dtype)
        vectors = Vectors(builder, scalar, full_width(scalar))
        totals = vectors.totals(DOTS)
        stride = steps.type(vectors.lanes)
        with cgutils.for_range_slice(builder, steps.type(0), steps, stride, inc=True) as (p, _):
            count = builder.trunc(builder.sub(steps, p), ir.IntType(32))
            a = vectors.load_some(builder.gep(A, [p]), count)
            for q in range(DOTS):
                start = builder.gep(B, [builder.mul(b_row, b_row.type(q))])
                vectors.add_product(totals[q], a, vectors.load_some(builder.gep(start, [p]), count))
        for q in range(DOTS):
            builder.store(vectors.sum_of_lanes(totals[q]), builder.gep(C, [builder.mul(c_row, c_row.type(q))]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def sum_narrow(typingctx: Any, A: Any, n: Any, m: Any, total: Any) -> Any:
    """Sum `n` rows of `m` numbers, at most a vector's, in interleaved parts: total[j] = sum over i of A[i m + j]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, n, m, total = arguments
        scalar = context.get_data_type(signature.args[0].dtype)
        vectors = Vectors(builder, scalar, full_width(scalar))
        totals = vectors.totals(_CHAINS)
        count = builder.trunc(m, ir.IntType(32))

        def add_row(i: Any, total: Any) -> None:
            row = vectors.load_some(builder.gep(A, [builder.mul(i, m)]), count)
            builder.store(builder.fadd(builder.load(total), row), total)

        together = builder.and_(n, n.type(-_CHAINS))
        with cgutils.for_range_slice(builder, n.type(0), together, n.type(_CHAINS), inc=True) as (i, _):
            for number, part in enumerate(totals):
                add_row(builder.add(i, n.type(number)), part)
        with cgutils.for_range_slice(builder, together, n, n.type(1), inc=True) as (i, _):
            add_row(i, totals[0])
        vectors.store_some(functools.reduce(builder.fadd, map(builder.load, totals)), total, count)
        return context.get_dummy_value()

    return types.void(A, types.intp, types.intp, total), generate


tall_tile, low_tile, wide_tile = _make_tile(TALL, 2), _make_tile(LOW, 2), _make_tile(LOW, 3)
narrow_tile, narrow_low_tile = _make_narrow_tile(NARROW, 1), _make_narrow_tile(LOW, 2)
line_tile = _make_tile(1, LINE)
copy_two, copy_two_fours, copy_three = _make_copy(2, None), _make_copy(2, 4), _make_copy(3, None)
transpose, transpose_fours = _make_transposition(None), _make_transposition(4)
