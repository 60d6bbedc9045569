"""Compiled kernels of `products`: tiles of the result summed in vector registers.

Loops written in Python are not compiled into code that keeps many sums in registers, so the innermost loop is spelled
out here in LLVM's language of vectors: a tile of a few rows by two vectors of columns of C is summed over the inner
dimension and stored once. LLVM fits the vectors to whatever the processor has. Around it stand plain loops: matrices
too large for the cache are taken in blocks, copied to where the tile reads them in order (the scheme of Goto and van
de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34, 2008), and what the next tiles need is fetched
meanwhile. The loops of a tile are not unrolled, which was slower: they wait for nothing but the multiply-adds.

BLAS is not called, for two reasons. A call spends longer on preparations than on the arithmetic of a small product.
And the sums of OpenBLAS come out in another order with another number of threads; here how a product is computed
depends on its shape alone: each element is summed in one order by whatever thread computes it. Nothing is allocated.
"""

# mypy: disable-error-code="no-untyped-call, call-arg, arg-type, unreachable, assignment"
# Numba's building blocks are partly untyped, and an intrinsic is called without the first parameter it is written with.

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from backlit.ops.kernels.linking import symbol
from backlit.ops.kernels.products import affine, product, product_nt, product_tn, sum_rows

Function = TypeVar("Function", bound=Callable[..., Any])

_TALL, _LOW = 6, 4  # rows of a tile; with two vectors of columns, twelve sums hide the latency of a multiply-add
_NARROW = 8  # rows of a tile of one vector of columns, likewise
_LINE = 8  # vectors of columns in a tile of a single row, for the same reason
_DOTS = 4  # dot products computed together
_CHAINS = 4  # parts of a sum of rows, likewise
_FEW = 8  # rows below which transposing the other matrix costs more than it gives
_MANY = 24  # rows from which copying the other matrix to where it is read in order costs less than it gives
_WIDE = 64  # columns from which the same holds
_LOOPS_TO = 16  # multiply-adds up to which plain loops beat the tiles
_NEAR, _FAR = 2**15, 2**20  # bytes of a matrix that stays in the fastest cache, and in those behind it
_ACROSS = 2**17  # bytes of a matrix read across its rows, above which copying it costs less than it gives
_BROAD = 2**10  # bytes of a row of C from which it is read so often that _NEAR is the bound
_WORTH_FETCHING = 64  # steps of a tile that give the memory time to bring its part of C near
_STEPS = 384  # of the inner dimension in one block
_STEPS_WIDE = 256  # up to which an odd number of vectors of columns ends with three in one tile, not with one
_PANEL = _STEPS * 64  # bytes: the block of two vectors of columns of B, or of three, for the fastest cache
_NARROW_STEPS = 2 * _STEPS  # of one vector of columns in a panel
_BLOCK = _STEPS * 1024  # bytes: the block of rows of A, for the next cache
_INLINE = {"forceinline": True}  # passing three arrays to a function costs more than the smallest products
_ONE = np.intp(1)  # a literal 1 would make Numba compile one more variant of the function it is given to


def _compiled(function: Function) -> Function:
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # none but compiled code calls it
    compiled: Function = numba.njit(error_model="numpy", nogil=True, **options)(function)
    return compiled


# ------------------------------------------------------------------------------ what is written in LLVM's words


class _Vectors:
    """Writes instructions on vectors of `lanes` numbers."""

    def __init__(self, builder: Any, scalar: Any, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.align = _itemsize(scalar)
        self.type = ir.VectorType(scalar, lanes)
        self.suffix = f"v{lanes}f{8 * self.align}"

    def load(self, pointer: Any) -> Any:
        return self.builder.load(self.builder.bitcast(pointer, self.type.as_pointer()), align=self.align)

    def load_some(self, pointer: Any, count: Any) -> Any:
        """Load the first `count` numbers, with zeros in the lanes that remain."""
        index = ir.IntType(32)
        mask = self._first(count)
        form = ir.FunctionType(self.type, [self.type.as_pointer(), index, mask.type, self.type])
        load = cgutils.get_or_insert_function(self.builder.module, form, f"llvm.masked.load.{self.suffix}.p0")
        pointer = self.builder.bitcast(pointer, self.type.as_pointer())
        return self.builder.call(load, [pointer, index(self.align), mask, ir.Constant(self.type, None)])

    def store_some(self, value: Any, pointer: Any, count: Any) -> None:
        """Store the first `count` numbers."""
        index = ir.IntType(32)
        mask = self._first(count)
        form = ir.FunctionType(ir.VoidType(), [self.type, self.type.as_pointer(), index, mask.type])
        store = cgutils.get_or_insert_function(self.builder.module, form, f"llvm.masked.store.{self.suffix}.p0")
        pointer = self.builder.bitcast(pointer, self.type.as_pointer())
        self.builder.call(store, [value, pointer, index(self.align), mask])

    def _first(self, count: Any) -> Any:
        """Give the mask of the first `count` lanes."""
        every = ir.VectorType(ir.IntType(32), self.lanes)
        return self.builder.icmp_signed("<", ir.Constant(every, list(range(self.lanes))), self._spread(count, every))

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.type.as_pointer()), align=self.align)

    def spread(self, pointer: Any) -> Any:
        """Give the number at the pointer in every lane."""
        return self._spread(self.builder.load(pointer, align=self.align), self.type)

    def fetch(self, pointer: Any) -> None:
        """Have the line of the cache with the vector's last number brought near."""
        byte, index = ir.IntType(8).as_pointer(), ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [byte, index, index, index])
        prefetch = cgutils.get_or_insert_function(self.builder.module, form, "llvm.prefetch.p0")
        pointer = self.builder.gep(pointer, [index(self.lanes - 1)])
        reading, nearest, data = index(0), index(3), index(1)
        self.builder.call(prefetch, [self.builder.bitcast(pointer, byte), reading, nearest, data])

    def _spread(self, number: Any, vector: Any) -> Any:
        index, undefined = ir.IntType(32), ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, number, index(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(index, self.lanes), None))

    def totals(self, count: int) -> list[Any]:
        """Make variables that start at zero; LLVM keeps them in registers."""
        return [cgutils.alloca_once_value(self.builder, ir.Constant(self.type, None)) for _ in range(count)]

    def transposed(self, square: list[Any]) -> list[Any]:
        """Transpose as many vectors as each has lanes: squares are swapped over the diagonal, the largest first."""
        index, lanes, size = ir.IntType(32), range(self.lanes), self.lanes // 2
        while size:
            upper = [lane + self.lanes - size if lane & size else lane for lane in lanes]
            lower = [lane + self.lanes if lane & size else lane + size for lane in lanes]
            swapped = [ir.Constant(ir.VectorType(index, self.lanes), order) for order in (upper, lower)]
            pairs = [(square[row & ~size], square[row | size]) for row in lanes]
            square = [self.builder.shuffle_vector(*pairs[row], swapped[bool(row & size)]) for row in lanes]
            size //= 2
        return square

    def add_product(self, total: Any, a: Any, b: Any) -> None:
        form = ir.FunctionType(self.type, [self.type] * 3)
        fmuladd = cgutils.get_or_insert_function(self.builder.module, form, f"llvm.fmuladd.{self.suffix}")
        self.builder.store(self.builder.call(fmuladd, [a, b, self.builder.load(total)]), total)

    def sum_of_lanes(self, total: Any) -> Any:
        scalar = self.type.element
        form = ir.FunctionType(scalar, [scalar, self.type])
        name = f"llvm.vector.reduce.fadd.{self.suffix}"
        add = cgutils.get_or_insert_function(self.builder.module, form, name)
        # Lanes may be added in any order, else they are added one after the other.
        return self.builder.call(add, [scalar(0.0), self.builder.load(total)], fastmath=("reassoc",))


def _itemsize(scalar: Any) -> int:
    return 4 if isinstance(scalar, ir.FloatType) else 8


def _full_width(scalar: Any) -> int:
    return 32 // _itemsize(scalar)


@intrinsic
def _memory(typingctx: Any, array: Any) -> Any:
    """Give the address of an array's first number: a pointer costs less to pass than an array."""
    signature = types.CPointer(array.dtype)(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return signature, generate


@intrinsic
def _nothing(typingctx: Any, array: Any) -> Any:
    """Give the address that says that there is no array, as a pointer to numbers like an array's."""
    signature = types.CPointer(array.dtype)(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant_null(signature.return_type)

    return signature, generate


@intrinsic
def _exists(typingctx: Any, pointer: Any) -> Any:
    """Tell whether there is an array at a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return cgutils.is_not_null(builder, arguments[0])

    return types.boolean(pointer), generate


@intrinsic
def _part(typingctx: Any, pointer: Any, start: Any) -> Any:
    """Give the array that begins at a number of another, or none of none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, start = arguments
        return builder.select(cgutils.is_not_null(builder, pointer), builder.gep(pointer, [start]), pointer)

    return pointer(pointer, types.intp), generate


@intrinsic
def _number(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Give a number of an array, or 0 if there is no array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, index = arguments
        scalar = context.get_data_type(signature.return_type)
        zero = cgutils.alloca_once_value(builder, scalar(0.0))
        there = builder.select(cgutils.is_not_null(builder, pointer), builder.gep(pointer, [index]), zero)
        return builder.load(there)

    return pointer.dtype(pointer, types.intp), generate


@intrinsic
def _lanes(typingctx: Any, pointer: Any) -> Any:
    """Give how many of the pointer's numbers a vector has."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.intp, _full_width(context.get_data_type(signature.args[0].dtype)))

    return types.intp(pointer), generate


@intrinsic
def _apart(typingctx: Any) -> Any:
    """Keep the function this stands in from being copied into its callers: compiling the copies takes seconds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.discard("alwaysinline")  # which a caller's options may have handed down
        builder.function.attributes.add("noinline")
        builder.function.attributes.add("optsize")
        return context.get_dummy_value()

    return types.void(), generate


def _make_buffer(size: int) -> Any:
    """Make the function that gives `size` uninitialised bytes on the stack, as a pointer like the one given."""

    @intrinsic
    def buffer(typingctx: Any, like: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            scalar = context.get_data_type(like.dtype)
            memory = cgutils.alloca_once(builder, scalar, size=size // _itemsize(scalar))
            memory.align = 64  # as lines of the cache are: reading a vector that lies in two takes longer
            return memory

        return like(like), generate

    return buffer


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
            vectors = _Vectors(builder, scalar, _full_width(scalar))
            totals = [vectors.totals(count) for _ in range(height)]
            rows = rows if height == _LOW else None
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
            vectors = _Vectors(builder, scalar, _full_width(scalar))
            totals = [vectors.totals(height) for _ in range(chains)]
            rows = rows if height == _LOW else None
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
            vectors = _Vectors(builder, scalar, lanes or _full_width(scalar))
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
            vectors = _Vectors(builder, scalar, lanes or _full_width(scalar))
            every = range(vectors.lanes)
            square = [vectors.load(builder.gep(source, [builder.mul(column, column.type(q))])) for q in every]
            for p, vector in enumerate(vectors.transposed(square)):
                vectors.store(vector, builder.gep(target, [builder.mul(span, span.type(p))]))
            return context.get_dummy_value()

        return types.void(source, types.intp, target, types.intp), generate

    return transpose


@intrinsic
def _fetch(typingctx: Any, pointer: Any, step: Any, count: Any) -> Any:
    """Have `count` numbers, which are `step` numbers apart, brought near; none where the count is not positive."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, step, count = arguments
        numbers = _Vectors(builder, context.get_data_type(signature.args[0].dtype), 1)
        with cgutils.for_range(builder, count) as loop:
            numbers.fetch(builder.gep(pointer, [builder.mul(loop.index, step)]))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, types.intp), generate


@intrinsic
def _dots(typingctx: Any, A: Any, B: Any, b_row: Any, C: Any, c_row: Any, steps: Any) -> Any:
    """Compute `_DOTS` dot products: C[q c_row] = sum over p < steps of A[p] B[q b_row + p]."""
    index = types.intp
    signature = types.void(A, B, index, C, index, index)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, B, b_row, C, c_row, steps = arguments
        scalar = context.get_data_type(signature.args[0].dtype)
        vectors = _Vectors(builder, scalar, _full_width(scalar))
        totals = vectors.totals(_DOTS)
        stride = steps.type(vectors.lanes)
        with cgutils.for_range_slice(builder, steps.type(0), steps, stride, inc=True) as (p, _):
            count = builder.trunc(builder.sub(steps, p), ir.IntType(32))
            a = vectors.load_some(builder.gep(A, [p]), count)
            for q in range(_DOTS):
                start = builder.gep(B, [builder.mul(b_row, b_row.type(q))])
                vectors.add_product(totals[q], a, vectors.load_some(builder.gep(start, [p]), count))
        for q in range(_DOTS):
            builder.store(vectors.sum_of_lanes(totals[q]), builder.gep(C, [builder.mul(c_row, c_row.type(q))]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _sum_narrow(typingctx: Any, A: Any, n: Any, m: Any, total: Any) -> Any:
    """Sum `n` rows of `m` numbers, at most a vector's, in interleaved parts: total[j] = sum over i of A[i m + j]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, n, m, total = arguments
        scalar = context.get_data_type(signature.args[0].dtype)
        vectors = _Vectors(builder, scalar, _full_width(scalar))
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


@intrinsic
def _after(typingctx: Any, pointer: Any, count: Any) -> Any:
    """Give the pointer moved on by some numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


# -------------------------------------------------------------------------------------------- walking over the tiles

_tall, _low, _wide = _make_tile(_TALL, 2), _make_tile(_LOW, 2), _make_tile(_LOW, 3)
_narrow, _narrow_low = _make_narrow_tile(_NARROW, 1), _make_narrow_tile(_LOW, 2)
_line = _make_tile(1, _LINE)
_copy, _copy_4, _copy_wide = _make_copy(2, None), _make_copy(2, 4), _make_copy(3, None)
_transpose, _transpose_4 = _make_transposition(None), _make_transposition(4)
_panel, _block, _last = _make_buffer(_PANEL), _make_buffer(_BLOCK), _make_buffer(_NARROW * 32)


@_compiled
def _rows_in_tall_tiles(rows: int) -> int:
    """Give how many rows to compute in tall tiles; low ones compute the rest.

    6 a + 4 b with b <= 2 makes every even number but 2. The last row of an odd number is left to a low tile, which may
    lack some, so no more than three rows are computed in vain.
    """
    pairs = (rows + 1) // 2
    low = -pairs % 3
    return max(2 * pairs - _LOW * (low if low > 0 or rows % 2 == 0 else 3), 0)


@_compiled
def _pack(source: Any, step: int, column: int, target: Any, steps: int, span: int) -> None:
    """Copy to where it is read in order: target[p span + q] = source[p step + q column], p < steps and q < span.

    The span is three or two vectors of `full` or two of four numbers, which may overlap, or less than four numbers.
    """
    _apart()
    full = _lanes(source)
    whole = 0
    if column == 1 and span >= 4:
        if span > 2 * full:
            _copy_wide(source, step, target, span - full, steps)
        elif span >= full:
            _copy(source, step, target, span - full, steps)
        else:
            _copy_4(source, step, target, span - 4, steps)
        whole = steps
    elif step == 1 and span >= 4:
        width = full if span >= full else 4
        whole = steps // width * width
        for square in range(steps // width):
            p = square * width
            wide = 1 if span > 2 * width else 0
            for v in range(2 + wide):
                q = v * (span - width) >> wide
                start, end = _after(source, p + q * column), _after(target, p * span + q)
                if width == 4:
                    _transpose_4(start, column, end, span)
                else:
                    _transpose(start, column, end, span)
    for p in range(whole, steps):
        for q in range(span):
            target[p * span + q] = source[p * step + q * column]


@_compiled
def _pack_rows(A: Any, a_row: int, a_step: int, block: Any, rows: int, steps: int) -> None:
    """Copy rows of A to where the tiles read them in order: all steps of a tile together, each with all its rows."""
    _apart()
    tall = _rows_in_tall_tiles(rows)
    i = 0
    while i < rows:
        height = min(_TALL if i < tall else _LOW, rows - i)
        _pack(_after(A, i * a_row), a_step, a_row, _after(block, i * steps), steps, height)
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
    _apart()
    wide = gap > _lanes(A)
    tall = 0 if wide else _rows_in_tall_tiles(rows)
    step = a_step if a_step > 0 else _TALL
    i = 0
    while i < tall:
        _fetch(_after(ahead, i * share * ahead_step), ahead_step, min(_TALL * share, steps - i * share))
        a, c, d = _after(A, i * a_tile), _after(C, i * c_row), _after(D, i * d_row)
        _tall(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, _TALL, steps)
        i += _TALL
    while i < rows:
        left = rows - i
        _fetch(_after(ahead, i * share * ahead_step), ahead_step, min(_LOW * share, steps - i * share))
        a, c, d = _after(A, i * a_tile), _after(C, i * c_row), _after(D, i * d_row)
        step = a_step if a_step > 0 else min(_LOW, left)
        if wide:
            _wide(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, left, steps)
        else:
            _low(a, a_row, step, B, b_step, c, c_row, d, d_row, gap, left, steps)
        i += _LOW


@_compiled
def _multiply_few(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, C: Any, n: int, steps: int, m: int, start: Any
) -> None:
    """C = A B as `_multiply` computes it, row by row."""
    _apart()
    full = _lanes(A)
    line = full * _LINE
    for i in range(n):
        for t in range(-(-m // line)):
            j = min(t * line, m - line)
            a, b, c, d = _after(A, i * a_row), _after(B, j), _after(C, i * m + j), _part(start, j)
            _line(a, 0, a_step, b, b_step, c, 0, d, 0, line - full, 1, steps)


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
def _multiply(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any,
    n: int, steps: int, m: int, start: Any,
) -> None:  # fmt: skip
    """C = A B as `multiply` computes it, where rows have at least a vector's numbers."""
    _apart()
    full = _lanes(A)
    itemsize = 32 // full
    if n < _LOW and m >= full * _LINE and b_column == 1:
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
            of_a = _after(A, first * a_row + p * a_step)
            if pack_a:
                _pack_rows(of_a, a_row, a_step, block, rows, depth)
            for t in range(tiles):
                a, a_next, a_tile, a_gap = of_a, a_row, a_row, a_step
                if pack_a and (wide == 0 or t < tiles - 1):  # its rows are packed for tiles of other heights
                    a, a_next, a_tile, a_gap = block, 1, depth, 0
                j, span = _columns(t, tiles, m, wide)
                b, b_next, fetch = _after(B, p * b_step + j * b_column), b_step, 0
                # What is fetched for the next tile is the line of the cache that ends it: this one had the one before.
                ahead = _after(b, span + _columns(t + 1, tiles, m, wide)[1] - 1)
                if pack_b:
                    _pack(b, b_step, b_column, panel, depth, span)
                    b, b_next = panel, span
                    fetch = -(-depth // rows) if b_column == 1 and t + 1 < tiles else 0
                c = _after(C, first * m + j)
                d, d_row = (c, m) if p > 0 else (_part(start, j), 0)
                _down(
                    a, a_next, a_tile, a_gap, b, b_next, c, m, d, d_row, rows, depth, span - full, ahead, b_step, fetch
                )


@_compiled
def _multiply_narrow(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any, n: int, steps: int, m: int,
    start: Any,
) -> None:  # fmt: skip
    """C = A B for rows of at most a vector, with B of at most `_NARROW_STEPS` steps if its rows are not contiguous."""
    _apart()
    full = _lanes(A)
    if b_column > 1:
        panel = _panel(A)
        for p in range(steps):
            for q in range(m):
                panel[p * full + q] = B[p * b_step + q * b_column]
        B, b_step = panel, full
    last = _last(A)
    i = 0
    while i < n:
        a, left = _after(A, i * a_row), n - i
        height = _NARROW if left >= _NARROW else _LOW
        # A tile writes whole vectors, each over the end of the one before; what would end outside of C goes elsewhere.
        inside = (left - height) * m >= full - m
        c, c_row = (_after(C, i * m), m) if inside else (last, full)
        if height == _NARROW:
            _narrow(a, a_row, a_step, B, b_step, c, c_row, start, m, _NARROW, steps)
        else:
            _narrow_low(a, a_row, a_step, B, b_step, c, c_row, start, m, left, steps)
        if not inside:
            for r in range(min(left, height)):
                for q in range(m):
                    C[(i + r) * m + q] = last[r * full + q]
        i += height


@_compiled
def _dot_rows(A: Any, B: Any, C: Any, steps: int, m: int) -> None:
    """C[q] = the dot product of the vector A with row q of B, for q < m."""
    _apart()
    b_next, c_next, height = (steps, 1, _DOTS) if m >= _DOTS else (0, 0, 1)
    start = 0
    while start < m:
        q = min(start, m - height)
        _dots(A, _after(B, q * steps), b_next, _after(C, q), c_next, steps)
        start += height


@_compiled
def _multiply_least(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any, n: int, steps: int, m: int,
    start: Any,
) -> None:  # fmt: skip
    """C = A B by plain loops."""
    _apart()
    for i in range(n):
        for j in range(m):
            total = _number(start, j)
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
        if _exists(start):
            for i in range(n):
                C[i] += start[0]
    elif m == 1:  # C^T = B^T A^T
        if n > _lanes(A):
            _multiply(B, _ONE, _ONE, A, a_step, _ONE, C, _ONE, steps, n, start)
        else:
            _multiply_narrow(B, _ONE, _ONE, A, a_step, _ONE, C, _ONE, steps, n, start)
    elif m <= _lanes(A) and (b_column == 1 or steps <= _NARROW_STEPS):
        _multiply_narrow(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)
    elif b_column > 1 and (n < _FEW or m < _lanes(A)):
        for i in range(n):
            _dot_rows(_after(A, i * steps), B, _after(C, i * m), steps, m)
    else:
        _multiply(A, a_row, a_step, B, b_step, b_column, C, n, steps, m, start)


# ------------------------------------------------------------------------------------- one product for all kernels


def signature(dtype: Any) -> Any:
    """Give the types of the product's arguments for numbers of Numba's type `dtype`."""
    values, index = types.CPointer(dtype), types.intp
    return types.void(values, index, index, values, index, index, values, index, index, index, values)


def compiled_multiply(dtype: str) -> Any:
    """Compile the product for a type of number, as a function to be called by its address."""
    function: Any = multiply
    return numba.cfunc(signature(getattr(types, dtype)), error_model="numpy")(function.py_func)


@intrinsic
def _call_multiply(
    typingctx: Any, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, b_column: Any, C: Any,
    n: Any, steps: Any, m: Any, start: Any,
) -> Any:  # fmt: skip
    """Call the product whose address stands in the cell."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments]).as_pointer()
        name = symbol(signature.args[0].dtype.name)
        cell = builder.module.globals.get(name) or ir.GlobalVariable(builder.module, function, name)
        builder.call(builder.load(cell), arguments)
        return context.get_dummy_value()

    return signature(A.dtype), generate


# -------------------------------------------------------------------------------------------------------- the products


@overload(product, jit_options=_INLINE)
def _compiled_product(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        n, steps = A.shape
        m = B.shape[1]
        _call_multiply(_memory(A), steps, _ONE, _memory(B), m, _ONE, _memory(C), n, steps, m, _nothing(A))

    return kernel


@overload(affine, jit_options=_INLINE)
def _compiled_affine(A: Any, B: Any, b: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, b: Any, C: Any) -> None:
        n, steps = A.shape
        m = B.shape[1]
        start: Any = _memory(b) if b.size else _nothing(b)
        _call_multiply(_memory(A), steps, _ONE, _memory(B), m, _ONE, _memory(C), n, steps, m, start)

    return kernel


@overload(product_tn, jit_options=_INLINE)
def _compiled_product_tn(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        steps, n = A.shape
        m = B.shape[1]
        _call_multiply(_memory(A), _ONE, n, _memory(B), m, _ONE, _memory(C), n, steps, m, _nothing(A))

    return kernel


@overload(product_nt, jit_options=_INLINE)
def _compiled_product_nt(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        n, steps = A.shape
        m = B.shape[0]
        _call_multiply(_memory(A), steps, _ONE, _memory(B), _ONE, steps, _memory(C), n, steps, m, _nothing(A))

    return kernel


@overload(sum_rows, jit_options=_INLINE)
def _compiled_sum_rows(A: Any, total: Any) -> Callable[..., None]:
    def kernel(A: Any, total: Any) -> None:
        n, m = A.shape
        if m <= _lanes(_memory(A)):
            _sum_narrow(_memory(A), n, m, _memory(total))
        else:
            for j in range(m):
                total[j] = 0.0
            for i in range(n):
                for j in range(m):
                    total[j] += A[i, j]

    return kernel
