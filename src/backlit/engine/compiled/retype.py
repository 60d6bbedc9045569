"""Functions compiled for one type of number, with all they reach, and without touching their text.

Three things change in a function: floating-point constants take the type of the network, so that `0.5 * z` does not
turn float32 into float64; scalar maths gets the vectorising functions of `vector_math` for `np.exp` and others; a
function marked `tuned` is replaced by its loops.
"""

from __future__ import annotations

import functools
import importlib
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backlit.engine.compiled.digest import _global_names, _register_of
from backlit.engine.program.arguments import is_matrix
from backlit.kernels import functions
from backlit.kernels.functions import flat
from backlit.ops.base import arguments

FAST = {"contract"}
"""Allows the compiler to fuse a multiplication with an addition, and nothing that assumes finite numbers."""

ANY_ORDER = FAST | {"reassoc"}
"""The same where sums may be taken in interleaved parts, which lets them vectorise."""


INNER: dict[str, Any] = {
    "error_model": "numpy", "nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
}  # fmt: skip
"""How functions are compiled that only compiled code calls: without the wrappers for callers in Python and C, which
took a fifth of the compiler's time. Calling such a function from Python crashes."""


class Retyper:
    """Compiles functions for one type of number, reaching through their globals.

    `replace` maps global names to other values; `from_python` lets Python call what is compiled. With `inline`, loops
    over arrays become part of the kernel that calls them. With `exact`, nothing is fused, so a function gives the same
    bits wherever it is inlined.
    """

    def __init__(
        self, dtype: str, replace: Mapping[str, Any] | None = None, *,
        from_python: bool = False, inline: bool = False, exact: bool = False,
    ) -> None:  # fmt: skip
        self.dtype = dtype
        self.number = np.dtype(dtype).type
        self.replace = dict(replace or {})
        self.liberties: set[str] = set() if exact else FAST
        self.options = INNER | {"no_cpython_wrapper": not from_python}
        self.inline = inline
        self.done: dict[tuple[Any, bool], Any] = {}

    def __call__(self, function: Callable[..., Any], scalar: bool = False) -> Any:
        """Give the compiled twin of a function; `scalar` says that its arguments are numbers, not arrays."""
        function = getattr(function, "compiled", function)
        if (function, scalar) not in self.done:
            self.done[function, scalar] = None
            self.done[function, scalar] = self._compile(function, scalar or not _takes_arrays(function))
        return self.done[function, scalar]

    def _compile(self, function: Any, scalar: bool) -> Any:
        from numba import njit  # noqa: PLC0415

        code = function.__code__
        constants = tuple(self._typed(constant) for constant in code.co_consts)
        namespace = {name: self._resolve(name, function.__globals__[name], scalar)
                     for name in _global_names(code) if name in function.__globals__}  # fmt: skip
        namespace["__name__"] = function.__module__
        twin = types.FunctionType(
            code.replace(co_consts=constants), namespace, function.__name__, function.__defaults__, function.__closure__
        )
        liberties = self.liberties | ({"reassoc"} if hasattr(function, "any_order") else set())
        return njit(twin, forceinline=scalar or self.inline, fastmath=liberties, **self.options)

    def _typed(self, constant: Any) -> Any:
        if type(constant) is tuple:  # of `a, b = 0.0, 0.0`
            return tuple(map(self._typed, constant))
        if type(constant) is float and self.dtype != "float64":
            return self.number(constant)
        return constant

    def _resolve(self, name: str, value: Any, scalar: bool) -> Any:
        """Give what a global name of a compiled function stands for."""
        if name in self.replace:
            return self.replace[name]
        if value is np or value is functions:
            return _numpy_for(self.dtype) if scalar else value
        if value is flat:
            from backlit.engine.compiled import numba_intrinsics  # noqa: PLC0415

            return numba_intrinsics.flat
        if isinstance(value, types.FunctionType):
            register = _register_of(value)
            if register is None:
                return self(value, scalar)
            register()
            return value
        return self._typed(value)


def _takes_arrays(function: Any) -> bool:
    """Tell whether a function's first argument is an array by its name: upper case."""
    first = next(iter(arguments(function)), "")
    return is_matrix(first)


@functools.cache
def _library(module_name: str) -> dict[str, Any]:
    """Compile every function of a module of low-level maths, as it stands."""
    from numba import njit  # noqa: PLC0415

    module = importlib.import_module(module_name)
    namespace = dict(vars(module))
    for name, function in vars(module).items():
        if isinstance(function, types.FunctionType) and function.__module__ == module_name:
            twin = types.FunctionType(function.__code__, namespace, name, function.__defaults__)
            namespace[name] = njit(twin, forceinline=True, fastmath=FAST, **INNER)
    return namespace


@functools.cache
def _numpy_for(dtype: str) -> Any:
    """Give NumPy as compiled scalar maths sees it: with functions that vectorise in the place of library calls."""
    from backlit.engine.compiled.numba_intrinsics import maximum, minimum, select  # noqa: PLC0415
    from backlit.kernels import vector_math  # noqa: PLC0415

    library = _library("backlit.kernels.vector_math")
    seen = types.ModuleType("numpy")
    seen.__dict__.update({name: getattr(np, name) for name in np.__all__ if hasattr(np, name)})
    for name, function in vector_math.SUBSTITUTES[dtype].items():
        setattr(seen, name, library[function.__name__])
    seen.__dict__.update({"where": select, "maximum": maximum, "minimum": minimum})
    return seen
