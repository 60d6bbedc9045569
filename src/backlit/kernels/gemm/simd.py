"""What the compiled products say in LLVM's own language: vectors, and pointers that may be none.

LLVM fits the vectors to whatever the processor has.
"""

# mypy: disable-error-code="no-untyped-call, call-arg, arg-type, unreachable, assignment"
# Numba's building blocks are partly untyped, and an intrinsic is called without the first parameter it is written with.

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backlit.kernels.numba_private import cgutils


class Vectors:
    """Writes instructions on vectors of `lanes` numbers."""

    def __init__(self, builder: Any, scalar: Any, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.align = bytes_of(scalar)
        self.type = ir.VectorType(scalar, lanes)
        self.suffix = f"v{lanes}f{8 * self.align}"

    def load(self, pointer: Any) -> Any:
        """Load a vector."""
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
        """Store a vector."""
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
        """Add a b to a variable."""
        form = ir.FunctionType(self.type, [self.type] * 3)
        fmuladd = cgutils.get_or_insert_function(self.builder.module, form, f"llvm.fmuladd.{self.suffix}")
        self.builder.store(self.builder.call(fmuladd, [a, b, self.builder.load(total)]), total)

    def sum_of_lanes(self, total: Any) -> Any:
        """Give the sum of a variable's numbers."""
        scalar = self.type.element
        form = ir.FunctionType(scalar, [scalar, self.type])
        name = f"llvm.vector.reduce.fadd.{self.suffix}"
        add = cgutils.get_or_insert_function(self.builder.module, form, name)
        # Lanes may be added in any order, else they are added one after the other.
        return self.builder.call(add, [scalar(0.0), self.builder.load(total)], fastmath=("reassoc",))


def bytes_of(scalar: Any) -> int:
    """Give the size of a number in bytes."""
    return 4 if isinstance(scalar, ir.FloatType) else 8


def full_width(scalar: Any) -> int:
    """Give how many numbers a vector has, as many as fit in 32 bytes."""
    return 32 // bytes_of(scalar)


@intrinsic
def address_of(typingctx: Any, array: Any) -> Any:
    """Give the address of an array's first number: a pointer costs less to pass than an array."""
    signature = types.CPointer(array.dtype)(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return signature, generate


@intrinsic
def no_array(typingctx: Any, array: Any) -> Any:
    """Give the address that says that there is no array, as a pointer to numbers like an array's."""
    signature = types.CPointer(array.dtype)(array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant_null(signature.return_type)

    return signature, generate


@intrinsic
def exists(typingctx: Any, pointer: Any) -> Any:
    """Tell whether there is an array at a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return cgutils.is_not_null(builder, arguments[0])

    return types.boolean(pointer), generate


@intrinsic
def part_from(typingctx: Any, pointer: Any, start: Any) -> Any:
    """Give the array that begins at a number of another, or none of none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, start = arguments
        return builder.select(cgutils.is_not_null(builder, pointer), builder.gep(pointer, [start]), pointer)

    return pointer(pointer, types.intp), generate


@intrinsic
def number_at(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Give a number of an array, or 0 if there is no array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, index = arguments
        scalar = context.get_data_type(signature.return_type)
        zero = cgutils.alloca_once_value(builder, scalar(0.0))
        there = builder.select(cgutils.is_not_null(builder, pointer), builder.gep(pointer, [index]), zero)
        return builder.load(there)

    return pointer.dtype(pointer, types.intp), generate


@intrinsic
def after(typingctx: Any, pointer: Any, count: Any) -> Any:
    """Give the pointer moved on by some numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


@intrinsic
def lanes_of(typingctx: Any, pointer: Any) -> Any:
    """Give how many of the pointer's numbers a vector has."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.intp, full_width(context.get_data_type(signature.args[0].dtype)))

    return types.intp(pointer), generate


@intrinsic
def stand_apart(typingctx: Any) -> Any:
    """Keep the function this stands in from being copied into its callers: compiling the copies takes seconds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.discard("alwaysinline")  # which a caller's options may have handed down
        builder.function.attributes.add("noinline")
        builder.function.attributes.add("optsize")
        return context.get_dummy_value()

    return types.void(), generate


def make_buffer(size: int) -> Any:
    """Make the function that gives `size` uninitialised bytes on the stack, as a pointer like the one given."""

    @intrinsic
    def buffer(typingctx: Any, like: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            scalar = context.get_data_type(like.dtype)
            memory = cgutils.alloca_once(builder, scalar, size=size // bytes_of(scalar))
            memory.align = 64  # as lines of the cache are: reading a vector that lies in two takes longer
            return memory

        return like(like), generate

    return buffer
