"""Compiles functions and all that they reach for one type of number, without changing their text.

Three things change in a function: floating-point constants take the type of the network, so that `0.5 * z` does not
turn float32 into float64; functions of NumPy and of `kernels` give way to the compiled forms that `substitutes` lists;
a function marked `tuned` is replaced by its loops.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backlit.engine.code_cache.digest import _global_names
from backlit.engine.compiled import substitutes
from backlit.kernels import functions
from backlit.kernels.types import ByType
from backlit.ops.base import arguments
from backlit.ops.whole_arrays import is_matrix

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
    over arrays become part of the kernel that calls them, but for those marked `apart`. With `exact`, nothing is fused,
    so a function gives the same bits wherever it is inlined.
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
        inline = scalar or (self.inline and not hasattr(function, "apart"))
        return njit(twin, forceinline=inline, fastmath=liberties, **self.options)

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
        if isinstance(value, ByType):
            value = getattr(value, self.dtype)
        if isinstance(value, types.FunctionType):
            entry = substitutes.FUNCTIONS.get(value)
            return substitutes.find(entry) if entry else self(value, scalar)
        return self._typed(value)


def _takes_arrays(function: Any) -> bool:
    """Tell whether a function's first argument is an array by its name: upper case."""
    first = next(iter(arguments(function)), "")
    return is_matrix(first)


@functools.cache
def _numpy_for(dtype: str) -> Any:
    """Give NumPy as compiled maths on numbers sees it: with functions that vectorise in the place of library calls."""
    compiled = Retyper(dtype, {"np": np})  # what these functions take from NumPy is NumPy's
    seen = types.ModuleType("numpy")
    seen.__dict__.update({name: getattr(np, name) for name in np.__all__ if hasattr(np, name)})
    for name, entry in substitutes.SCALAR_MATHS.items():
        function = substitutes.find(entry)
        setattr(seen, name, compiled(function, True) if isinstance(function, types.FunctionType) else function)
    return seen
