"""Compiled kernels of `products`: loops for small matrices, BLAS for large ones."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from backlit.engine.products import product, product_nt, product_tn

_OPTIONS = {"error_model": "numpy", "fastmath": {"contract", "nsz", "arcp", "reassoc"}}

# Multiply-adds from which a call of BLAS is faster than the loops.
_BLAS_FROM = 20_000


@numba.njit(**_OPTIONS)
def _product_loops(A: Any, B: Any, C: Any) -> None:
    for i in range(C.shape[0]):
        C[i, :] = 0
        for p in range(A.shape[1]):
            a = A[i, p]
            for j in range(C.shape[1]):
                C[i, j] += a * B[p, j]


@numba.njit(**_OPTIONS)
def _product_tn_loops(A: Any, B: Any, C: Any) -> None:
    C[:, :] = 0
    for r in range(A.shape[0]):
        for i in range(C.shape[0]):
            a = A[r, i]
            for j in range(C.shape[1]):
                C[i, j] += a * B[r, j]


@numba.njit(**_OPTIONS)
def _product_nt_loops(A: Any, B: Any, C: Any) -> None:
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            total = C.dtype.type(0)
            for p in range(A.shape[1]):
                total += A[i, p] * B[j, p]
            C[i, j] = total


@overload(product)
def _compiled_product(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        if C.size * A.shape[1] < _BLAS_FROM:
            _product_loops(A, B, C)
        else:
            np.dot(A, B, C)

    return kernel


@overload(product_tn)
def _compiled_product_tn(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        if C.size * A.shape[0] < _BLAS_FROM:
            _product_tn_loops(A, B, C)
        else:
            np.dot(A.T, B, C)

    return kernel


@overload(product_nt)
def _compiled_product_nt(A: Any, B: Any, C: Any) -> Callable[..., None]:
    def kernel(A: Any, B: Any, C: Any) -> None:
        if C.size * A.shape[1] < _BLAS_FROM:
            _product_nt_loops(A, B, C)
        else:
            np.dot(A, B.T, C)

    return kernel
