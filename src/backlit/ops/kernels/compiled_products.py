"""Compiled kernels of `products`: tiles of the result summed in vector registers.

Loops written in Python are not compiled into code that keeps many sums in registers, so the innermost loop is spelled
out here in LLVM's language of vectors: a tile of a few rows by two vectors of columns of C is summed over the inner
dimension and stored once. LLVM fits the vectors to whatever the processor has. Around it stand plain loops: matrices
too large for the cache are taken in blocks, copied to where the tile reads them in order (the scheme of Goto and van
de Geijn, Anatomy of high-performance matrix multiplication, ACM TOMS 34, 2008).

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
from numba.core import cgutils
from numba.extending import intrinsic, overload

from backlit.ops.kernels.linking import symbol
from backlit.ops.kernels.products import product, product_nt, product_tn

Function = TypeVar("Function", bound=Callable[..., Any])

_ROWS = 4  # of a tile; with two vectors of columns that is eight sums, which hide the latency of a multiply-add
_LINE = 8  # vectors of columns in a tile of a single row, for the same reason
_FEW = 8  # rows below which transposing the other matrix costs more than it gives
_LOOPS_TO = 48  # multiply-adds up to which plain loops beat the tiles
_NEAR, _FAR = 2**15, 2**20  # bytes of a matrix that stays in the fastest cache, and in the next
_STEPS = 256  # of the inner dimension in one block
_PANEL = _STEPS * 64  # bytes: the block of two vectors of columns of B; half of the fastest cache
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
        every = ir.VectorType(index, self.lanes)
        mask = self.builder.icmp_signed("<", ir.Constant(every, list(range(self.lanes))), self._spread(count, every))
        form = ir.FunctionType(self.type, [self.type.as_pointer(), index, mask.type, self.type])
        load = cgutils.get_or_insert_function(self.builder.module, form, f"llvm.masked.load.{self.suffix}.p0")
        pointer = self.builder.bitcast(pointer, self.type.as_pointer())
        return self.builder.call(load, [pointer, index(self.align), mask, ir.Constant(self.type, None)])

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.type.as_pointer()), align=self.align)

    def spread(self, pointer: Any) -> Any:
        """Give the number at the pointer in every lane."""
        return self._spread(self.builder.load(pointer, align=self.align), self.type)

    def _spread(self, number: Any, vector: Any) -> Any:
        index, undefined = ir.IntType(32), ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, number, index(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(index, self.lanes), None))

    def totals(self, count: int) -> list[Any]:
        """Make variables that start at zero; LLVM keeps them in registers."""
        return [cgutils.alloca_once_value(self.builder, ir.Constant(self.type, None)) for _ in range(count)]

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
            return cgutils.alloca_once(builder, scalar, size=size // _itemsize(scalar))

        return like(like), generate

    return buffer


def _make_tile(rows: int, count: int, lanes: int | None) -> Any:
    """Make the kernel of a tile of C of some rows and `count` vectors of columns, which are `gap` columns apart.

    C[r c_row + l] = sum over p < steps of A[r a_row + p a_step] B[p b_step + l], the matrices seen as flat memory, or
    C plus this where `more` is true; a vector has `lanes` columns, or as many as fit in 32 bytes.
    """

    @intrinsic
    def tile(
        typingctx: Any,
        A: Any,
        a_row: Any,
        a_step: Any,
        B: Any,
        b_step: Any,
        C: Any,
        c_row: Any,
        gap: Any,
        steps: Any,
        more: Any,
    ) -> Any:
        index = types.intp
        signature = types.void(A, index, index, B, index, C, index, index, index, types.boolean)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            A, a_row, a_step, B, b_step, C, c_row, gap, steps, more = arguments
            scalar = context.get_data_type(signature.args[0].dtype)
            vectors = _Vectors(builder, scalar, lanes or _full_width(scalar))
            totals = [vectors.totals(count) for _ in range(rows)]
            columns = [builder.mul(gap, gap.type(v)) for v in range(count)]
            rows_of_c = [builder.gep(C, [builder.mul(c_row, c_row.type(r))]) for r in range(rows)]
            tile_of_c = [[builder.gep(row, [column]) for column in columns] for row in rows_of_c]
            with builder.if_then(more):
                for r in range(rows):
                    for v in range(count):
                        builder.store(vectors.load(tile_of_c[r][v]), totals[r][v])
            with cgutils.for_range(builder, steps) as loop:
                start = builder.gep(B, [builder.mul(loop.index, b_step)])
                b = [vectors.load(builder.gep(start, [column])) for column in columns]
                start = builder.gep(A, [builder.mul(loop.index, a_step)])
                for r in range(rows):
                    a = vectors.spread(builder.gep(start, [builder.mul(a_row, a_row.type(r))]))
                    for v in range(count):
                        vectors.add_product(totals[r][v], a, b[v])
            for r in range(rows):
                for v in range(count):
                    vectors.store(builder.load(totals[r][v]), tile_of_c[r][v])
            return context.get_dummy_value()

        return signature, generate

    return tile


def _make_copy(count: int, lanes: int | None) -> Any:
    """Make the kernel that copies `count` vectors, which are `gap` numbers apart."""

    @intrinsic
    def copy(typingctx: Any, source: Any, target: Any, gap: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source, target, gap = arguments
            scalar = context.get_data_type(signature.args[0].dtype)
            vectors = _Vectors(builder, scalar, lanes or _full_width(scalar))
            for v in range(count):
                offset = builder.mul(gap, gap.type(v))
                vectors.store(vectors.load(builder.gep(source, [offset])), builder.gep(target, [offset]))
            return context.get_dummy_value()

        return types.void(source, target, types.intp), generate

    return copy


@intrinsic
def _dots(typingctx: Any, A: Any, B: Any, b_row: Any, C: Any, c_row: Any, steps: Any) -> Any:
    """Compute `_ROWS` dot products: C[q c_row] = sum over p < steps of A[p] B[q b_row + p]."""
    index = types.intp
    signature = types.void(A, B, index, C, index, index)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        A, B, b_row, C, c_row, steps = arguments
        scalar = context.get_data_type(signature.args[0].dtype)
        vectors = _Vectors(builder, scalar, _full_width(scalar))
        totals = vectors.totals(_ROWS)
        stride = steps.type(vectors.lanes)
        with cgutils.for_range_slice(builder, steps.type(0), steps, stride, inc=True) as (p, _):
            count = builder.trunc(builder.sub(steps, p), ir.IntType(32))
            a = vectors.load_some(builder.gep(A, [p]), count)
            for q in range(_ROWS):
                start = builder.gep(B, [builder.mul(b_row, b_row.type(q))])
                vectors.add_product(totals[q], a, vectors.load_some(builder.gep(start, [p]), count))
        for q in range(_ROWS):
            builder.store(vectors.sum_of_lanes(totals[q]), builder.gep(C, [builder.mul(c_row, c_row.type(q))]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def _after(typingctx: Any, pointer: Any, count: Any) -> Any:
    """Give the pointer moved on by some numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


# -------------------------------------------------------------------------------------------- walking over the tiles

_tile, _tile_4, _tile_2 = _make_tile(_ROWS, 2, None), _make_tile(_ROWS, 2, 4), _make_tile(_ROWS, 2, 2)
_line = _make_tile(1, _LINE, None)
_copy_columns, _copy_rows = _make_copy(2, None), _make_copy(1, _ROWS)
_panel, _block = _make_buffer(_PANEL), _make_buffer(_BLOCK)


@_compiled
def _width(m: int, itemsize: int) -> int:
    """Give the number of lanes of the vectors for m >= 2 columns."""
    full = 32 // itemsize
    return full if m >= full else (4 if m >= 4 else 2)


@_compiled
def _down(
    A: Any, a_row: int, a_tile: int, a_step: int, B: Any, b_step: int, C: Any, c_row: int, n: int, steps: int,
    width: int, gap: int, more: bool,
) -> None:  # fmt: skip
    """Compute the columns of C that one tile spans, in all n rows; the rows of A lie a_row apart, its tiles a_tile."""
    _apart()
    i = 0
    while i < n:
        # Where fewer rows are left than a tile has, a tile computes one of them as often as it has rows.
        a_next, c_next, height = (a_row, c_row, _ROWS) if n - i >= _ROWS else (0, 0, 1)
        a, c = _after(A, i // _ROWS * a_tile + i % _ROWS * a_row), _after(C, i * c_row)
        if width == 2:
            _tile_2(a, a_next, a_step, B, b_step, c, c_next, gap, steps, more)
        elif width == 4:
            _tile_4(a, a_next, a_step, B, b_step, c, c_next, gap, steps, more)
        else:
            _tile(a, a_next, a_step, B, b_step, c, c_next, gap, steps, more)
        i += height


@_compiled
def _copy_panel(B: Any, b_step: int, b_column: int, panel: Any, steps: int, span: int, width: int, full: int) -> None:
    """Copy `span` columns of B to where they lie in the order in which a tile reads them."""
    _apart()
    if b_column == 1 and width == full:
        for p in range(steps):
            _copy_columns(_after(B, p * b_step), _after(panel, p * span), span - width)
    else:
        for p in range(steps):
            for q in range(span):
                panel[p * span + q] = B[p * b_step + q * b_column]


@_compiled
def _copy_block(A: Any, a_row: int, a_step: int, block: Any, n: int, steps: int) -> None:
    """Copy n rows of A to where they lie in the order in which tiles read them, all steps of a tile together."""
    _apart()
    whole = n // _ROWS * _ROWS
    together = 4 * _ROWS  # rows, which are neighbours in a line of the cache where A is transposed
    for first in range(0, whole, together):
        last = min(first + together, whole)
        for p in range(steps):
            for i in range(first, last, _ROWS):
                if a_row == 1:
                    _copy_rows(_after(A, i + p * a_step), _after(block, i * steps + p * _ROWS), 0)
                else:
                    for r in range(_ROWS):
                        block[i * steps + p * _ROWS + r] = A[(i + r) * a_row + p * a_step]
    for i in range(whole, n):
        for p in range(steps):
            block[whole * steps + p * _ROWS + i - whole] = A[i * a_row + p * a_step]


@_compiled
def _across(
    A: Any, a_row: int, a_tile: int, a_step: int, B: Any, b_step: int, b_column: int, C: Any, n: int, steps: int,
    m: int, copy: bool, more: bool, itemsize: int,
) -> None:  # fmt: skip
    """C = A B, or C + A B where there is more, for m >= 2; `copy` the columns a tile spans (at most _STEPS steps)."""
    _apart()
    width = _width(m, itemsize)
    tiles = (m + 2 * width - 1) // (2 * width)
    panel = _panel(C)
    for t in range(tiles):
        # Shared out evenly, the columns of a tile are never fewer than one vector has; its two vectors may overlap.
        j = t * m // tiles
        span = (t + 1) * m // tiles - j
        b, c, gap = _after(B, j * b_column), _after(C, j), span - width
        if copy:
            _copy_panel(b, b_step, b_column, panel, steps, span, width, 32 // itemsize)
            _down(A, a_row, a_tile, a_step, panel, span, c, m, n, steps, width, gap, more)
        else:
            _down(A, a_row, a_tile, a_step, b, b_step, c, m, n, steps, width, gap, more)


@_compiled
def _multiply(
    A: Any,
    a_row: int,
    a_step: int,
    B: Any,
    b_step: int,
    b_column: int,
    C: Any,
    n: int,
    steps: int,
    m: int,
    itemsize: int,
) -> None:
    """C = A B for m >= 2, with A[i, p] at i a_row + p a_step and B[p, j] at p b_step + j b_column of their memory."""
    _apart()
    width = _width(m, itemsize)
    size = n * steps * itemsize
    if n < _ROWS and m >= width * _LINE and b_column == 1:
        for i in range(n):
            for start in range(0, m, width * _LINE):
                j = min(start, m - width * _LINE)
                c = _after(C, i * m + j)
                _line(_after(A, i * a_row), 0, a_step, _after(B, j), b_step, c, 0, width, steps, False)
    elif m >= 64 and b_column == 1 and size > (_NEAR if a_row == 1 else _FAR):
        _multiply_blocks(A, a_row, a_step, B, b_step, C, n, steps, m, itemsize)
    else:
        copy = b_column > 1 or (n >= 64 and steps * m * itemsize > _NEAR)
        depth = _STEPS if copy else steps
        for p in range(0, steps, depth):
            a, b, count = _after(A, p * a_step), _after(B, p * b_step), min(depth, steps - p)
            _across(a, a_row, _ROWS * a_row, a_step, b, b_step, b_column, C, n, count, m, copy, p > 0, itemsize)


@_compiled
def _multiply_blocks(
    A: Any, a_row: int, a_step: int, B: Any, b_step: int, C: Any, n: int, steps: int, m: int, itemsize: int
) -> None:
    """C = A B as `_multiply` computes it, where A is too large, or its rows too scattered, to stay in the cache."""
    _apart()
    block = _block(A)
    height = _BLOCK // (_STEPS * itemsize)
    for i in range(0, n, height):
        rows = min(height, n - i)
        for p in range(0, steps, _STEPS):
            depth = min(_STEPS, steps - p)
            _copy_block(_after(A, i * a_row + p * a_step), a_row, a_step, block, rows, depth)
            b, c = _after(B, p * b_step), _after(C, i * m)
            _across(
                block, _ONE, _ROWS * depth, np.intp(_ROWS), b, b_step, _ONE, c, rows, depth, m, True, p > 0, itemsize
            )


@_compiled
def _dot_rows(A: Any, B: Any, C: Any, steps: int, m: int) -> None:
    """C[q] = the dot product of the vector A with row q of B, for q < m."""
    _apart()
    b_next, c_next, height = (steps, 1, _ROWS) if m >= _ROWS else (0, 0, 1)
    for start in range(0, m, height):
        q = min(start, m - height)
        _dots(A, _after(B, q * steps), b_next, _after(C, q), c_next, steps)


# ------------------------------------------------------------------------------------- one product for all kernels


def signature(dtype: Any) -> Any:
    """Give the types of the product's arguments for numbers of Numba's type `dtype`."""
    values, index = types.CPointer(dtype), types.intp
    return types.void(values, index, index, values, index, index, values, index, index, index, index)


multiply: Any = _multiply


def compiled_multiply(dtype: str) -> Any:
    """Compile the product for a type of number, as a function to be called by its address."""
    return numba.cfunc(signature(getattr(types, dtype)), error_model="numpy")(multiply.py_func)


@intrinsic
def _call_multiply(
    typingctx: Any, A: Any, a_row: Any, a_step: Any, B: Any, b_step: Any, b_column: Any, C: Any,
    n: Any, steps: Any, m: Any, itemsize: Any,
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
        if n * steps * m <= _LOOPS_TO:
            for i in range(n):
                for j in range(m):
                    total = C.dtype.type(0)
                    for p in range(steps):
                        total += A[i, p] * B[p, j]
                    C[i, j] = total
        elif m == 1:
            _dot_rows(_memory(B), _memory(A), _memory(C), steps, n)
        else:
            _call_multiply(_memory(A), steps, _ONE, _memory(B), m, _ONE, _memory(C), n, steps, m, C.itemsize)

    return kernel


@overload(product_tn, jit_options=_INLINE)
def _compiled_product_tn(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        steps, n = A.shape
        m = B.shape[1]
        if n * steps * m <= _LOOPS_TO:
            for i in range(n):
                for j in range(m):
                    total = C.dtype.type(0)
                    for p in range(steps):
                        total += A[p, i] * B[p, j]
                    C[i, j] = total
        elif n == 1 and m == 1:
            _dot_rows(_memory(A), _memory(B), _memory(C), steps, _ONE)
        elif m == 1:
            _call_multiply(_memory(B), _ONE, _ONE, _memory(A), n, _ONE, _memory(C), _ONE, steps, n, C.itemsize)
        else:
            _call_multiply(_memory(A), _ONE, n, _memory(B), m, _ONE, _memory(C), n, steps, m, C.itemsize)

    return kernel


@overload(product_nt, jit_options=_INLINE)
def _compiled_product_nt(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        n, steps = A.shape
        m = B.shape[0]
        if n * steps * m <= _LOOPS_TO:
            for i in range(n):
                for j in range(m):
                    total = C.dtype.type(0)
                    for p in range(steps):
                        total += A[i, p] * B[j, p]
                    C[i, j] = total
        elif m == 1:
            _dot_rows(_memory(B), _memory(A), _memory(C), steps, n)
        elif n < _FEW and steps > 1:
            for i in range(n):
                _dot_rows(_after(_memory(A), i * steps), _memory(B), _after(_memory(C), i * m), steps, m)
        else:
            _call_multiply(_memory(A), steps, _ONE, _memory(B), _ONE, steps, _memory(C), n, steps, m, C.itemsize)

    return kernel
