"""Convolution over pictures, forward and backward: NumPy's form, and what the loops in its place are made of.

The loops themselves are in `kernels.convolution_loops`.

Shapes: X (n, rows, columns, channels), W (h, w, channels / groups, filters), Z (n, rows out, columns out, filters). A
sequence is a picture of one row: `pictures` and `windows` give such arrays a further axis of size 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.kernels.types import Array


def pictures(A: Array) -> Array:
    """Give sequences (n, times, channels) as pictures of one row (n, 1, times, channels), and pictures as they are."""
    return A if A.ndim == 4 else A[:, None]


def windows(A: Array) -> Array:
    """Give the weights (size, channels, filters) of windows on sequences as (1, size, channels, filters)."""
    return A if A.ndim == 4 else A[None]


def padding_before(padding: int, given: int, out: int, size: int, stride: int, dilation: int) -> int:
    """Give the padding before the first of `given` numbers; a negative `padding` stands for "same".

    >>> padding_before(-1, 4, 4, 2, 1, 1), padding_before(-1, 4, 4, 3, 1, 1), padding_before(2, 4, 7, 2, 1, 1)
    (0, 1, 2)
    """
    if padding >= 0:
        return padding
    return max((out - 1) * stride + dilation * (size - 1) + 1 - given, 0) // 2


def inside(place: int, given: int, out: int, stride: int, before: int) -> tuple[int, int]:
    """Give the first window whose place lies on an axis of `given` numbers, and the one behind the last.

    Window i has the place i stride + place - before on the axis.

    >>> inside(0, 4, 4, 1, 1), inside(2, 4, 4, 1, 1)
    ((1, 4), (0, 3))
    """
    first = max(-((place - before) // stride), 0)
    behind = min((given - 1 - place + before) // stride + 1, out)
    return min(first, out), max(behind, min(first, out))


# --------------------------------------------------------------------------------------------------------- NumPy's form


def pieces(
    X: Array, Z: Array, W: Array, stride_rows: int, stride_columns: int, padding_rows: int, padding_columns: int,
    dilation_rows: int, dilation_columns: int,
) -> Any:  # fmt: skip
    """Give, for each place (k, l) of the window, the numbers of X that it meets, and the numbers of Z whose windows do.

    Both are views of one shape but for the last axis.
    """
    _, rows, columns, _ = X.shape
    _, rows_out, columns_out, _ = Z.shape
    h, w = W.shape[:2]
    above = padding_before(padding_rows, rows, rows_out, h, stride_rows, dilation_rows)
    left = padding_before(padding_columns, columns, columns_out, w, stride_columns, dilation_columns)
    for k in range(h):
        top, bottom = inside(k * dilation_rows, rows, rows_out, stride_rows, above)
        for l in range(w):  # noqa: E741
            start, stop = inside(l * dilation_columns, columns, columns_out, stride_columns, left)
            if top == bottom or start == stop:
                continue
            r, c = top * stride_rows + k * dilation_rows - above, start * stride_columns + l * dilation_columns - left
            met = X[:, r : r + (bottom - top - 1) * stride_rows + 1 : stride_rows,
                    c : c + (stop - start - 1) * stride_columns + 1 : stride_columns]  # fmt: skip
            yield k, l, met, Z[:, top:bottom, start:stop]


def groups_of(channels: int, filters: int, groups: int) -> list[tuple[slice, slice]]:
    """Give the channels and the filters of each group.

    >>> groups_of(4, 2, 2)
    [(slice(0, 2, None), slice(0, 1, None)), (slice(2, 4, None), slice(1, 2, None))]
    """
    c, f = channels // groups, filters // groups
    return [(slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)) for g in range(groups)]


def convolve(
    X: Array, W: Array, b: Array, Z: Array, stride_rows: int, stride_columns: int, padding_rows: int,
    padding_columns: int, dilation_rows: int, dilation_columns: int, groups: int,
) -> None:  # fmt: skip
    """Write Z[i, j] = b + Σ_kl X[i stride + k dilation - before, ...] W[k, l]."""
    X, W, Z = pictures(X), windows(W), pictures(Z)
    Z[:] = b if b.size else 0.0
    shifts = (stride_rows, stride_columns, padding_rows, padding_columns, dilation_rows, dilation_columns)
    for k, l, met, given in pieces(X, Z, W, *shifts):  # noqa: E741
        for channels, filters in groups_of(X.shape[3], Z.shape[3], groups):
            given[..., filters] += met[..., channels] @ W[k, l, :, filters]


def convolve_backward(
    X: Array, W: Array, dZ: Array, dX: Array, dW: Array, db: Array, stride_rows: int, stride_columns: int,
    padding_rows: int, padding_columns: int, dilation_rows: int, dilation_columns: int, groups: int,
) -> None:  # fmt: skip
    """Write dW[k, l] = Σ windows of what place (k, l) met, times dZ; db = Σ dZ; dX = each dZ W[k, l]ᵀ where it met."""
    X, W, dZ, dX, dW = pictures(X), windows(W), pictures(dZ), pictures(dX), windows(dW)
    shifts = (stride_rows, stride_columns, padding_rows, padding_columns, dilation_rows, dilation_columns)
    parts = groups_of(X.shape[3], dZ.shape[3], groups)
    if db.size:
        db[:] = dZ.sum(axis=(0, 1, 2))
    if dW.size:
        dW[:] = 0.0
        for k, l, met, given in pieces(X, dZ, W, *shifts):  # noqa: E741
            for channels, filters in parts:
                dW[k, l, :, filters] = np.tensordot(met[..., channels], given[..., filters], ((0, 1, 2), (0, 1, 2)))
    if dX.size:
        dX[:] = 0.0
        for k, l, met, given in pieces(dX, dZ, W, *shifts):  # noqa: E741
            for channels, filters in parts:
                met[..., channels] += given[..., filters] @ W[k, l, :, filters].T


# ------------------------------------------------------------------------------------------ what compiled loops call


def work_numbers(A: Array) -> Array:
    """Give an array to work in, of A's type; compiled, it lies on the stack."""
    return np.empty(2**18 // A.itemsize, A.dtype)


def work_places(A: Array) -> Array:
    """Give an array for places in other arrays; compiled, it lies on the stack."""
    return np.empty(8_192, np.int64)


def view(A: Array, start: int, rows: int, columns: int) -> Array:
    """Give rows x columns numbers of a contiguous array, from `start` on, as a matrix in the same place."""
    return A.reshape(-1)[start : start + rows * columns].reshape(rows, columns)


def sweep(
    A: Array, a: int, rows_at: Array, rows: int, steps_at: Array, steps: int, B: Array, b: int, b_step: int, C: Array,
    c: int, c_row: int, start: Array, d: int, start_row: int, columns: int,
) -> None:  # fmt: skip
    """Write C[c + r c_row + l] = start[d + r start_row + l] + Σ_s A[a + rows_at[r] + steps_at[s]] B[b + s b_step + l].

    It holds for r < rows, s < steps and l < columns, places in flat arrays; nothing is added where `start_row` is
    negative. It is a product whose left matrix need not be written down: the numbers that windows meet.
    """
    met = A.reshape(-1)[a + rows_at[:rows, None] + steps_at[:steps]]
    line = np.arange(columns)
    found = met @ B.reshape(-1)[b + b_step * np.arange(steps)[:, None] + line]
    if start_row >= 0:
        found += start.reshape(-1)[d + start_row * np.arange(rows)[:, None] + line]
    C.reshape(-1)[c + c_row * np.arange(rows)[:, None] + line] = found


def add_run(A: Array, a: int, B: Array, b: int, count: int) -> None:
    """Add `count` numbers of B, from b on, to those of A from a on."""
    A.reshape(-1)[a : a + count] += B.reshape(-1)[b : b + count]


def add_products(A: Array, a: int, B: Array, b: int, C: Array, c: int, count: int) -> None:
    """Add the products of `count` numbers of B and C, from b and c on, to those of A from a on."""
    A.reshape(-1)[a : a + count] += B.reshape(-1)[b : b + count] * C.reshape(-1)[c : c + count]


COMPILED = (work_numbers, work_places, view, sweep, add_run, add_products)
"""Those of which compiled code has other forms, in `kernels.sweeps`."""
