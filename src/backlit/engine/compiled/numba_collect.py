"""Collects the functions of a kernel from Numba, so that LLVM optimises and translates them once, into one object file.

Numba's ordinary way optimises each function alone, again within each function that calls it, and translates each so
that Python can call it. Only the kernel calls a kernel's functions. So while a kernel is compiled, Numba gets a code
generator that only collects functions; LLVM then sees all of them, with one entry. A first start takes two thirds of
the work, and the code is no slower.

This relies on private parts of Numba, so it is guarded: after a failure Numba compiles in its ordinary way, with one
warning.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

from backlit.engine.code_cache.object_code import Code, CompilerWarning, code_of
from backlit.errors import warn
from backlit.kernels.numba_private import compiler_lock, linear_algebra, target_context

REPLACED = ("_optimize_functions", "_optimize_final_module", "_finalize_final_module", "get_pointer_to_function")
"""The methods of Numba's libraries that collecting replaces."""

_failures: list[Exception] = []
"""Why Numba's ordinary way is taken in this process; empty while collecting works."""


def compiled(build: Callable[[], Any]) -> Code:
    """Give the machine code of the function that `build` has Numba compile.

    Where the ordinary way fails too, the function itself cannot be compiled: that error is raised, without a warning.
    """
    failure = None
    if not _failures:
        try:
            with collecting():
                kernel = build()
            return code_of(kernel.inspect_llvm(), kernel.native_name)
        except Exception as error:  # noqa: BLE001  (the ordinary way needs none of this code)
            failure = error
    kernel = build()
    code = code_of(kernel.inspect_llvm(), kernel.native_name, optimized=True)
    if failure is not None and not _failures:
        _failures.append(failure)
        warn(
            "Backlit's way to compile failed with the Numba or LLVM that is installed "
            f"({type(failure).__name__}: {failure}). Numba's ordinary way is taken: the results are the same, but the "
            "first start takes longer. Install a version of Numba that Backlit's dependencies name.",
            CompilerWarning,
        )
    return code


@contextlib.contextmanager
def collecting() -> Iterator[None]:
    """Have Numba compile functions to LLVM's language and no further, in this thread, while other threads wait."""
    with compiler_lock():
        context = target_context()
        ordinary, context._internal_codegen = context._internal_codegen, _collector()
        try:
            yield
        finally:
            context._internal_codegen = ordinary


@functools.cache
def _collector() -> Any:
    """Make the code generator that only collects."""
    context = target_context()
    with _no_search_for_blas():
        context.refresh()  # which loads Numba's own functions and compiles some of them, as is usual
    ordinary: Any = context._internal_codegen
    usual: Any = ordinary._library_class
    for owner, name in [(ordinary, "set_env"), *((usual, name) for name in REPLACED)]:
        getattr(owner, name)  # fail if Numba has renamed it: replacing it would have no effect

    class Library(usual):  # type: ignore[misc]
        """The functions that Numba compiles together, as it wrote them."""

        def _optimize_functions(self, module: Any) -> None:
            pass

        def _optimize_final_module(self) -> None:
            pass

        def _finalize_final_module(self) -> None:
            self._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            """Give no address of a kernel; another function, which Python is about to call, is compiled as usual."""
            self._ensure_finalized()
            if name.startswith("cfunc.") or name not in {function.name for function in self.get_defined_functions()}:
                return 0
            self.__class__, self._codegen = usual, ordinary
            self._optimize_final_module()
            self._finalize_final_module()
            return int(self.get_pointer_to_function(name))

    class Collector(type(ordinary)):  # type: ignore[misc]
        """A code generator whose functions Python cannot call."""

        _library_class = Library

        def set_env(self, name: str, environment: Any) -> None:
            pass

    return Collector("backlit")


@contextlib.contextmanager
def _no_search_for_blas() -> Iterator[None]:
    """Keep Numba from loading SciPy's BLAS now, which is slow; it loads BLAS before a call that needs it."""
    linalg = linear_algebra()
    usual = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        yield
    finally:
        linalg.ensure_blas = usual
