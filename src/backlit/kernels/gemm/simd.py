"""Building blocks of the product that Python lacks: vector instructions, pointers that may be null, stack buffers.

Vectors have 32 bytes; LLVM splits or joins them to fit the processor's registers. Tiles that sum each number of their
own in the order of the steps, whatever the width, may have vectors of 64 where the processor has registers for them.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backlit.kernels.numba_private import cgutils

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Any]

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
compiled: Callable[[Function], Function] = numba.njit(**_OPTIONS)
"""Compiles a function that only compiled code calls: without wrappers for callers in Python and C."""
inlined: Callable[[Function], Function] = numba.njit(forceinline=True, **_OPTIONS)
"""The same for one that becomes part of each caller."""


def bytes_of(scalar: Any) -> int:
    """Give the size of a number in bytes."""
    return 4 if isinstance(scalar, ir.FloatType) else 8


def full_width(scalar: Any) -> int:
    """Give how many numbers a vector has, as many as fit in 32 bytes."""
    return 32 // bytes_of(scalar)


@functools.cache
def has_wide_registers() -> bool:
    """Tell whether the processor has vector registers of 64 bytes."""
    try:
        return bool(llvm.get_host_cpu_features().get("avx512f", False))
    except RuntimeError:  # where LLVM cannot tell
        return False


def widest(scalar: Any) -> int:
    """Give how many numbers fit into the widest registers: of 64 bytes where the processor has such, else of 32."""
    return full_width(scalar) * (2 if has_wide_registers() else 1)


class Vectors:
    """Writes instructions on vectors of `lanes` numbers."""

    def __init__(self, builder: Any, scalar: Any, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.align = bytes_of(scalar)
        self.scalar, self.type = scalar, ir.VectorType(scalar, lanes)
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
        return self.builder.icmp_signed("<", ir.Constant(every, list(range(self.lanes))), self._broadcast(count, every))

    def store(self, value: Any, pointer: Any) -> None:
        """Store a vector."""
        self.builder.store(value, self.builder.bitcast(pointer, self.type.as_pointer()), align=self.align)

    def broadcast(self, pointer: Any) -> Any:
        """Load the number at the pointer into every lane."""
        return self._broadcast(self.builder.load(pointer, align=self.align), self.type)

    def prefetch(self, pointer: Any) -> None:
        """Prefetch the cache line that holds the vector's last number."""
        byte, index = ir.IntType(8).as_pointer(), ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [byte, index, index, index])
        prefetch = cgutils.get_or_insert_function(self.builder.module, form, "llvm.prefetch.p0")
        pointer = self.builder.gep(pointer, [index(self.lanes - 1)])
        reading, nearest, data = index(0), index(3), index(1)
        self.builder.call(prefetch, [self.builder.bitcast(pointer, byte), reading, nearest, data])

    def _broadcast(self, number: Any, vector: Any) -> Any:
        index, undefined = ir.IntType(32), ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, number, index(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(index, self.lanes), None))

    def sums(self, count: int) -> list[Any]:
        """Make variables that start at zero; LLVM keeps them in registers."""
        return [cgutils.alloca_once_value(self.builder, ir.Constant(self.type, None)) for _ in range(count)]

    def transposed(self, square: list[Any]) -> list[Any]:
        """Transpose as many vectors as each has lanes: blocks swap across the diagonal, the largest first."""
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
        """Add a b to a variable, in one fused instruction where the processor has it."""
        form = ir.FunctionType(self.type, [self.type] * 3)
        fmuladd = cgutils.get_or_insert_function(self.builder.module, form, f"llvm.fmuladd.{self.suffix}")
        self.builder.store(self.builder.call(fmuladd, [a, b, self.builder.load(total)]), total)

    def sum_of_lanes(self, total: Any) -> Any:
        """Give the sum of a variable's numbers."""
        form = ir.FunctionType(self.scalar, [self.scalar, self.type])
        name = f"llvm.vector.reduce.fadd.{self.suffix}"
        add = cgutils.get_or_insert_function(self.builder.module, form, name)
        # With reassoc LLVM adds lanes in pairs; without, one after the other.
        return self.builder.call(add, [self.scalar(0.0), self.builder.load(total)], fastmath=("reassoc",))


def instructions(
    lanes: int | Callable[[Any], int] = full_width, returns: Callable[[Any], Any] = lambda pointer: types.void
) -> Decorator:
    """Make a function for compiled code of one that writes its instructions.

    The decorated function is called with `Vectors` of so many lanes, or of as many as a function of the type of number
    says, by default 32 bytes' worth, and with the values of the arguments: a pointer to numbers first, then such
    pointers or integers. `returns` gives the type of the result for the type of the first argument.
    """

    def decorate(write: Callable[..., Any]) -> Any:
        def call(typingctx: Any, *given: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                scalar = context.get_data_type(signature.args[0].dtype)
                count = lanes if isinstance(lanes, int) else lanes(scalar)
                result = write(Vectors(builder, scalar, count), *arguments)
                return context.get_dummy_value() if result is None else result

            kinds = [kind if isinstance(kind, types.CPointer) else types.intp for kind in given]
            return returns(given[0])(*kinds), generate

        vars(call)["__signature__"] = inspect.signature(write)  # Numba wants one parameter for each argument
        return intrinsic(call)

    return decorate


def _address_of(typingctx: Any, array: Any) -> Any:
    """Give the address of an array's first number; passing it costs less than passing an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


address_of: Any = intrinsic(_address_of)


@instructions(returns=lambda pointer: types.boolean)
def exists(vectors: Vectors, pointer: Any) -> Any:
    """Tell whether a pointer is not null."""
    return cgutils.is_not_null(vectors.builder, pointer)


@instructions(returns=lambda pointer: pointer)
def after(vectors: Vectors, pointer: Any, count: Any) -> Any:
    """Give the pointer moved on by `count` numbers."""
    return vectors.builder.gep(pointer, [count])


@instructions(returns=lambda pointer: pointer)
def part_from(vectors: Vectors, pointer: Any, start: Any) -> Any:
    """Give the pointer moved on by `start` numbers, or null if it is null."""
    builder = vectors.builder
    return builder.select(cgutils.is_not_null(builder, pointer), builder.gep(pointer, [start]), pointer)


@instructions(returns=lambda pointer: pointer.dtype)
def number_at(vectors: Vectors, pointer: Any, index: Any) -> Any:
    """Give the number at an index, or 0 if the pointer is null."""
    builder = vectors.builder
    zero = cgutils.alloca_once_value(builder, vectors.scalar(0.0))
    return builder.load(builder.select(cgutils.is_not_null(builder, pointer), builder.gep(pointer, [index]), zero))


@instructions(returns=lambda pointer: types.intp)
def lanes_of(vectors: Vectors, pointer: Any) -> Any:
    """Give how many numbers of the pointer's type a vector has."""
    return cgutils.intp_t(vectors.lanes)


@instructions(widest, returns=lambda pointer: types.intp)
def widest_of(vectors: Vectors, pointer: Any) -> Any:
    """Give how many numbers of the pointer's type the widest registers hold."""
    return cgutils.intp_t(vectors.lanes)


def _never_inlined(typingctx: Any) -> Any:
    """Keep LLVM from inlining the function that contains this: compiling the copies takes seconds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.discard("alwaysinline")  # an option that a caller may have passed on
        builder.function.attributes.add("noinline")
        builder.function.attributes.add("optsize")
        return context.get_dummy_value()

    return types.void(), generate


never_inlined: Any = intrinsic(_never_inlined)


def make_buffer(size: int) -> Any:
    """Make the function that gives `size` uninitialised bytes on the stack, as a pointer like the one given."""

    @instructions(returns=lambda pointer: pointer)
    def buffer(vectors: Vectors, like: Any) -> Any:
        memory = cgutils.alloca_once(vectors.builder, vectors.scalar, size=size // vectors.align)
        memory.align = 64  # a cache line's bytes: loading a vector that lies in two lines takes longer
        return memory

    return buffer
