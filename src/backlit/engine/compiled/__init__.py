"""Compiles the machine and the functions of ops to machine code with Numba; `code_cache` keeps that.

Interface: `can_compile` tells whether Numba is there; `compiled_kernel` and `compiled_update` give the addresses of the
kernels that a program's tables name; `CompiledMachine` has the machine's entry points as functions, and `Call` is one
that is made again and again. A warm start imports neither Numba nor LLVM's language, only LLVM's linker.
"""

from backlit.engine.code_cache.object_code import CompilerWarning
from backlit.engine.compiled.compile import CompiledMachine, can_compile, compiled_kernel, compiled_update
from backlit.engine.compiled.entry_points import Call

__all__ = ["Call", "CompiledMachine", "CompilerWarning", "can_compile", "compiled_kernel", "compiled_update"]
