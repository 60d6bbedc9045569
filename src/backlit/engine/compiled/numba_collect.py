"""From Numba's functions to an object file: optimised once, translated once.

Left to itself, Numba optimises each function alone, once more within each function that calls it, and translates what
it has every time, so that Python could call it. Nobody calls a kernel's functions but the kernel. So while one is
compiled, Numba is given a code generator that only collects them; LLVM then sees all together, knows that but one is
called from outside, and works on them once. A first start takes two thirds of the work, and the code is no slower.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

REPLACED = ("_optimize_functions", "_optimize_final_module", "_finalize_final_module", "get_pointer_to_function")
"""The methods of Numba's libraries that collecting replaces; where one is missing, Numba goes its own way."""


@contextlib.contextmanager
def collecting() -> Iterator[None]:
    """Have Numba compile functions down to LLVM's language and no further, in this thread, while others wait."""
    from numba.core.compiler_lock import global_compiler_lock  # noqa: PLC0415
    from numba.core.registry import cpu_target  # noqa: PLC0415

    with global_compiler_lock:
        collector = _collector()
        if collector is None:
            yield
            return
        context = cpu_target.target_context
        ordinary, context._internal_codegen = context._internal_codegen, collector
        try:
            yield
        finally:
            context._internal_codegen = ordinary


@functools.cache
def _collector() -> Any:
    """Make the code generator that only collects; None where this Numba is not built as expected."""
    from numba.core.registry import cpu_target  # noqa: PLC0415

    context = cpu_target.target_context
    with _no_search_for_blas():
        context.refresh()  # which loads Numba's own functions and compiles some of them, as is usual
    ordinary: Any = getattr(context, "_internal_codegen", None)
    usual: Any = getattr(ordinary, "_library_class", None)
    if not hasattr(ordinary, "set_env") or not all(hasattr(usual, name) for name in REPLACED):
        return None

    class Library(usual):  # type: ignore[misc]
        """The functions that Numba compiles together, as it wrote them."""

        def _optimize_functions(self, module: Any) -> None:
            pass

        def _optimize_final_module(self) -> None:
            pass

        def _finalize_final_module(self) -> None:
            self._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            """Give no pointer to a kernel; one who asks for another function is Python, and it is no longer ours."""
            self._ensure_finalized()
            if name.startswith("cfunc.") or name not in {function.name for function in self.get_defined_functions()}:
                return 0
            self.__class__, self._codegen = usual, ordinary
            self._optimize_final_module()
            self._finalize_final_module()
            return int(self.get_pointer_to_function(name))

    class Collector(type(ordinary)):  # type: ignore[misc]
        """A code generator whose functions nobody can call."""

        _library_class = Library

        def set_env(self, name: str, environment: Any) -> None:
            pass

    return Collector("backlit")


@contextlib.contextmanager
def _no_search_for_blas() -> Iterator[None]:
    """Have Numba not make sure of SciPy's BLAS, which takes longer than all else it loads; it will before a call."""
    from numba.np import linalg  # noqa: PLC0415

    usual: Any = getattr(linalg, "ensure_blas", None)
    linalg.ensure_blas = lambda: None
    try:
        yield
    finally:
        linalg.ensure_blas = usual
