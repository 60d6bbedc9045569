"""Operations on flat vectors: rows and ranges of parameters are copied, added, measured and limited.

The plain machine runs these functions on NumPy arrays. The compiled machine runs the loops beside them on addresses.
"""

from __future__ import annotations

import numpy as np

from backlit.kernels.types import Array
from backlit.ops.base import any_order, tuned


def part(vector: Array, start: int) -> Array:
    """Give a vector from `start` on."""
    return vector[start:]


def fetch(source: Array, start: int, size: int) -> None:
    """Prefetch source[start : start + size] into the caches; plain, do nothing."""


def _gather_loops(
    source: Array, width: int, first: int, columns: int, order: Array, start: int, n: int, target: Array, offset: int,
    ahead: int,
) -> None:  # fmt: skip
    for i in range(min(ahead, n)):
        fetch(source, order[start + i] * width + first, columns)
    for i in range(n):
        if 0 < ahead < n - i:
            fetch(source, order[start + i + ahead] * width + first, columns)
        k = order[start + i] * width + first
        for j in range(columns):
            target[offset + i * columns + j] = source[k + j]


@tuned(_gather_loops)
def gather(
    source: Array, width: int, first: int, columns: int, order: Array, start: int, n: int, target: Array, offset: int,
    ahead: int,
) -> None:  # fmt: skip
    """Copy some columns, from `first` on, of the rows order[start : start + n] of `source` (rows, width) into `target`.

    They lie there as (n, columns) from `offset` on. While a row is copied, the row `ahead` places later in the order is
    prefetched; none where that is 0.
    """
    rows = source.reshape(-1, width)[order[start : start + n], first : first + columns]
    target[offset : offset + n * columns] = rows.reshape(-1)


def _copy_columns_loops(
    source: Array, width: int, first: int, columns: int, start: int, n: int, target: Array, offset: int
) -> None:
    if columns == width:
        for i in range(n * columns):
            target[offset + i] = source[start * width + i]
        return
    for i in range(n):
        k = (start + i) * width + first
        for j in range(columns):
            target[offset + i * columns + j] = source[k + j]


@tuned(_copy_columns_loops)
def copy_columns(
    source: Array, width: int, first: int, columns: int, start: int, n: int, target: Array, offset: int
) -> None:
    """Copy some columns of n rows of `source` (rows, width), from row `start` on, into `target` as (n, columns)."""
    rows = source.reshape(-1, width)[start : start + n, first : first + columns]
    target[offset : offset + n * columns] = rows.reshape(-1)


def _move_loops(source: Array, start: int, size: int, target: Array, offset: int) -> None:
    for i in range(size):
        target[offset + i] = source[start + i]


@tuned(_move_loops)
def move(source: Array, start: int, size: int, target: Array, offset: int) -> None:
    """Copy source[start : start + size] to target[offset : offset + size]."""
    target[offset : offset + size] = source[start : start + size]


@any_order
def _sum_losses_loops(A: Array, l: int, g: int, n: int, scale: float) -> float:  # noqa: E741
    for i in range(n):
        A[g + i] = scale
    total = 0.0
    for i in range(n):
        total += float(A[l + i])
    return total


@tuned(_sum_losses_loops)
def sum_losses(A: Array, l: int, g: int, n: int, scale: float) -> float:  # noqa: E741
    """Sum the losses of n rows, from `l` on in the arena, and write the factor of their gradients from `g` on."""
    A[g : g + n] = scale
    return float(sum(A[l : l + n].tolist()))


def _add_pair_loops(one: Array, other: Array, total: Array, start: int, stop: int) -> None:
    for i in range(start, stop):
        total[i] = one[i] + other[i]


@tuned(_add_pair_loops)
def add_pair(one: Array, other: Array, total: Array, start: int, stop: int) -> None:
    """Write the sum of a range of two flat vectors into a third, which may be one of them."""
    np.add(one[start:stop], other[start:stop], out=total[start:stop])


@any_order
def _penalty_loops(P: Array, start: int, stop: int, l1: float, l2: float) -> float:
    squares = 0.0
    sizes = 0.0
    for i in range(start, stop):
        w = float(P[i])
        squares += w * w
        sizes += abs(w)
    return 0.5 * l2 * squares + l1 * sizes


@tuned(_penalty_loops)
def penalty_of(P: Array, start: int, stop: int, l1: float, l2: float) -> float:
    """Give l2 / 2 Σ w² + l1 Σ |w| of a range of parameters, summed in float64."""
    w = P[start:stop].astype(np.float64)
    return float(0.5 * l2 * (w * w).sum() + l1 * np.abs(w).sum())


def _square_loops(dP: Array, start: int, stop: int) -> float:
    total = 0.0
    for i in range(start, stop):
        total += float(dP[i]) * float(dP[i])
    return total


@tuned(_square_loops)
def square_of(dP: Array, start: int, stop: int) -> float:
    """Give Σ g² of a range, in float64."""
    g = dP[start:stop].astype(np.float64)
    return float((g * g).sum())


def _scale_loops(dP: Array, start: int, stop: int, by: float) -> None:
    for i in range(start, stop):
        dP[i] *= by


@tuned(_scale_loops)
def scale_all(dP: Array, start: int, stop: int, by: float) -> None:
    """Multiply a range by a number."""
    dP[start:stop] *= by


def _limit_loops(dP: Array, P: Array, start: int, stop: int, l1: float, l2: float, limit: float) -> None:
    for i in range(start, stop):
        w = float(P[i])
        g = float(dP[i]) + l2 * w
        if w > 0.0:
            g += l1
        if w < 0.0:
            g -= l1
        g = min(g, limit)
        g = max(g, -limit)
        dP[i] = g


@tuned(_limit_loops)
def limit_values(dP: Array, P: Array, start: int, stop: int, l1: float, l2: float, limit: float) -> None:
    """Add the penalty's gradient l2 w + l1 sign(w) to a range of dP, then limit each element to ±limit."""
    w, g = P[start:stop], dP[start:stop]
    g += l2 * w + l1 * np.sign(w)
    np.clip(g, -limit, limit, out=g)


def _norms_loops(P: Array, start: int, stop: int, columns: int, limit: float) -> None:
    for j in range(columns):
        total = 0.0
        for i in range(start + j, stop, columns):
            total += float(P[i]) * float(P[i])
        if total > limit * limit:
            for i in range(start + j, stop, columns):
                P[i] *= limit / np.sqrt(total)


@tuned(_norms_loops)
def limit_norms(P: Array, start: int, stop: int, columns: int, limit: float) -> None:
    """Scale each unit's incoming weights, a column of W, down to the norm `limit` at most."""
    W = P[start:stop].reshape(-1, columns)
    norms = np.sqrt((W.astype(np.float64) ** 2).sum(axis=0))
    W *= np.where(norms > limit, limit / np.maximum(norms, limit), 1.0).astype(W.dtype)
