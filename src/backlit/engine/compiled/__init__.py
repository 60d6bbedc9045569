"""Compiles the machine and the functions of ops to machine code with Numba; `code_cache` keeps the machine code.

Interface: `can_compile` tells whether Numba can be imported; `compiled_kernel` and `compiled_update` give the addresses
of the kernels that a program's tables name; `CompiledMachine` has the machine's entry points as functions, and a `Call`
is a call of one that is made repeatedly. A warm start imports LLVM's linker, but not Numba.
"""

from backlit.engine.code_cache.object_code import CompilerWarning
from backlit.engine.compiled.compile import CompiledMachine, can_compile, compiled_kernel, compiled_update
from backlit.engine.compiled.entry_points import Call

__all__ = ["Call", "CompiledMachine", "CompilerWarning", "can_compile", "compiled_kernel", "compiled_update"]
