"""The compiled forms that stand for functions of NumPy and of `kernels`: tables by function and by name.

A compiled form is looked up in its module only when something is compiled: a digest of what a kernel reaches, or a
start from the cache, imports no Numba.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from backlit.kernels import convolution, functions, matmul, pooling

DRIVER = "backlit.kernels.gemm.driver"
SWEEPS = "backlit.kernels.sweeps"
INTRINSICS = "backlit.engine.compiled.numba_intrinsics"
VECTOR_MATH = "backlit.kernels.vector_math"

FUNCTIONS: Mapping[Callable[..., Any], tuple[str, str]] = {
    **{product: (DRIVER, product.__name__) for product in matmul.PRODUCTS},
    functions.flat: (INTRINSICS, "flat"),
    **{function: (SWEEPS, function.__name__) for function in (*convolution.COMPILED, *pooling.COMPILED)},
    functions.positions: (INTRINSICS, "positions"),
    functions.part: (INTRINSICS, "part"),
    convolution.pictures: (INTRINSICS, "pictures"),
    convolution.windows: (INTRINSICS, "windows"),
}
"""By function: the module and the name of its compiled form."""

SCALAR_MATHS: Mapping[str, tuple[str, str]] = {
    "exp": (VECTOR_MATH, "exp"),
    "expm1": (VECTOR_MATH, "expm1"),
    "tanh": (VECTOR_MATH, "tanh"),
    "log": (VECTOR_MATH, "log"),
    "log1p": (VECTOR_MATH, "log1p"),
    "erf": (VECTOR_MATH, "erf"),
    "where": (INTRINSICS, "select"),
    "maximum": (INTRINSICS, "maximum"),
    "minimum": (INTRINSICS, "minimum"),
}
"""By the name of a function of NumPy, or of `kernels.functions`: the module and the name of the function that maths on
numbers calls instead. On arrays Numba has its own forms of NumPy's functions."""


def find(entry: tuple[str, str]) -> Any:
    """Give what an entry of the tables names."""
    module, name = entry
    return getattr(importlib.import_module(module), name)
