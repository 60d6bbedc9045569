"""Atomic reads and writes of the barrier's state, calls of Python's locks, and calls of entry points.

Only the compiler's generated modules import this one, so that Backlit works without Numba.
"""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from backlit.engine.compiled.numba_intrinsics import call_address

INT = types.int64
ORDER = "seq_cst"  # all threads see all changes in one order
ALIGNMENT = 8


@intrinsic
def atomic_read(typingctx: Any, state: Any, field: Any) -> Any:
    """Read a number that another thread may be writing."""
    return INT(state, INT), lambda context, builder, signature, args: builder.load_atomic(
        builder.gep(args[0], [args[1]]), ORDER, ALIGNMENT
    )


@intrinsic
def atomic_swap(typingctx: Any, state: Any, field: Any, value: Any) -> Any:
    """Write a number and give the one that was there."""
    return INT(state, INT, INT), lambda context, builder, signature, args: builder.atomic_rmw(
        "xchg", builder.gep(args[0], [args[1]]), args[2], ORDER
    )


@intrinsic
def atomic_increment(typingctx: Any, state: Any, field: Any) -> Any:
    """Add one to a number and give the one that was there."""
    return INT(state, INT), lambda context, builder, signature, args: builder.atomic_rmw(
        "add", builder.gep(args[0], [args[1]]), args[1].type(1), ORDER
    )


@intrinsic
def pause(typingctx: Any) -> Any:
    """Hint to the processor that this thread spins, where it has an instruction for that."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if platform.machine().lower() in {"x86_64", "amd64"}:
            function = builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), ir.FunctionType(ir.VoidType(), []))
            builder.call(function, [])
        elif platform.machine().lower() in {"aarch64", "arm64"}:
            builder.asm(ir.FunctionType(ir.VoidType(), []), "isb", "", [], side_effect=True)
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def call_lock(typingctx: Any, address: Any, lock: Any, flag: Any) -> Any:
    """Call Python's function at `address` on a lock; `flag` tells acquiring to wait, and releasing ignores it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = ir.IntType(32)
        function_type = ir.FunctionType(number, [args[1].type, number])
        function = builder.inttoptr(args[0], function_type.as_pointer())
        builder.call(function, [args[1], builder.trunc(args[2], number)])
        return context.get_dummy_value()

    return types.void(INT, INT, INT), codegen


@intrinsic
def call_entry_point(typingctx: Any, address: Any, integers: Any, floats: Any) -> Any:
    """Call an entry point by its address, with the addresses of its two vectors."""
    return types.void(INT, INT, INT), call_address
