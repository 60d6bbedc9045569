"""Pooling over pictures, forward and backward: NumPy's form, and loops that compiled code runs in its place.

Shapes: X (n, rows, columns, channels), Z and M (n, rows out, columns out, channels). A sequence is a picture of one row
with a window of one row: `pictures` gives its arrays a further axis of size 1. Windows are `size` apart from each other
by `stride`; what lies in the padding takes no part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.kernels.convolution import inside, padding_before, pictures
from backlit.kernels.functions import flat
from backlit.kernels.types import Array


def axes_of(
    X: Array, Z: Array, size_rows: float, size_columns: float, stride_rows: float, stride_columns: float,
    padding_rows: float, padding_columns: float,
) -> tuple[int, int, int, int, int, int]:  # fmt: skip
    """Give sizes, strides and paddings before the first number, of rows and of columns each; sequences have one row."""
    h, down, above = (int(size_rows), int(stride_rows), int(padding_rows)) if X.ndim == 4 else (1, 1, 0)
    w, right = int(size_columns), int(stride_columns)
    x, z = pictures(X), pictures(Z)
    above = padding_before(above, x.shape[1], z.shape[1], h, down, 1)
    left = padding_before(int(padding_columns), x.shape[2], z.shape[2], w, right, 1)
    return h, w, down, right, above, left


# --------------------------------------------------------------------------------------------------------- NumPy's form


def places(
    X: Array, Z: Array, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int, padding_rows: int,
    padding_columns: int,
) -> Any:  # fmt: skip
    """Give, for each place of the window in reading order, where its numbers lie in X, and its windows in Z."""
    size_rows, size_columns, stride_rows, stride_columns, above, left = axes_of(
        X, Z, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns
    )
    X, Z = pictures(X), pictures(Z)
    for k in range(size_rows):
        top, bottom = inside(k, X.shape[1], Z.shape[1], stride_rows, above)
        for l in range(size_columns):  # noqa: E741
            start, stop = inside(l, X.shape[2], Z.shape[2], stride_columns, left)
            if top == bottom or start == stop:
                continue
            r, c = top * stride_rows + k - above, start * stride_columns + l - left
            met = (slice(None), slice(r, r + (bottom - top - 1) * stride_rows + 1, stride_rows),
                   slice(c, c + (stop - start - 1) * stride_columns + 1, stride_columns))  # fmt: skip
            yield k * size_columns + l, met, (slice(None), slice(top, bottom), slice(start, stop))


def max_pool(
    X: Array, Z: Array, M: Array, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int,
    padding_rows: int, padding_columns: int,
) -> None:  # fmt: skip
    """Write the largest number of each window into Z, and into M its place in the window, the first of equal ones."""
    met_places = places(X, Z, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns)
    X, Z, M = pictures(X), pictures(Z), pictures(M)
    Z[:] = -np.inf
    M[:] = -1.0
    for place, met, out in met_places:
        larger = (X[met] > Z[out]) | (np.isnan(X[met]) & ~np.isnan(Z[out])) | (M[out] < 0.0)
        np.copyto(Z[out], X[met], where=larger)
        np.copyto(M[out], place, where=larger)


def max_pool_backward(
    M: Array, dZ: Array, dX: Array, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int,
    padding_rows: int, padding_columns: int,
) -> None:  # fmt: skip
    """Add each window's dZ to the number that was its largest."""
    if not dX.size:
        return
    met_places = places(dX, dZ, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns)
    M, dZ, dX = pictures(M), pictures(dZ), pictures(dX)
    dX[:] = 0.0
    for place, met, out in met_places:
        dX[met] += np.where(M[out] == place, dZ[out], 0.0)


def average_pool(
    X: Array, Z: Array, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int, padding_rows: int,
    padding_columns: int,
) -> None:  # fmt: skip
    """Write the mean of each window's numbers, divided by how many lie in the picture."""
    met_places = places(X, Z, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns)
    X, Z = pictures(X), pictures(Z)
    count = np.zeros((1, *Z.shape[1:3], 1), Z.dtype)
    Z[:] = 0.0
    for _, met, out in met_places:
        Z[out] += X[met]
        count[out] += 1.0
    Z /= count


def average_pool_backward(
    dZ: Array, dX: Array, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int, padding_rows: int,
    padding_columns: int,
) -> None:  # fmt: skip
    """Add an equal share of each window's dZ to all of its numbers."""
    if not dX.size:
        return
    found = [*places(dX, dZ, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns)]
    dZ, dX = pictures(dZ), pictures(dX)
    count = np.zeros((1, *dZ.shape[1:3], 1), dZ.dtype)
    for _, _, out in found:
        count[out] += 1.0
    dX[:] = 0.0
    for _, met, out in found:
        dX[met] += dZ[out] / count[out]


# ------------------------------------------------------------------------------------------ what compiled loops call


def largest(
    X: Array, x: int, rows: int, row: int, columns: int, channels: int, place: int, w: int, Z: Array, M: Array, z: int
) -> None:
    """Write, for all channels, the largest number of a window into Z from z on, and its place in the window into M.

    The window has `rows` by `columns` places and begins at X[x]; rows of the picture have `row` numbers. Its first
    place has the number `place`, those of the next row w more. The first of equal numbers is taken, and NaN before all.
    """
    at = x + np.arange(rows)[:, None] * row + np.arange(columns) * channels  # (rows, columns)
    met = X.reshape(-1)[at.reshape(-1, 1) + np.arange(channels)]
    first = np.argmax(met, axis=0)
    Z.reshape(-1)[z : z + channels] = met[first, np.arange(channels)]
    M.reshape(-1)[z : z + channels] = place + first // columns * w + first % columns


def back_to_largest(
    dX: Array, x: int, rows: int, row: int, columns: int, channels: int, place: int, w: int, dZ: Array, M: Array, z: int
) -> None:
    """Add the slopes dZ from z on to the places of a window that M names; arguments as of `largest`."""
    for r in range(rows):
        for c in range(columns):
            at = x + r * row + c * channels
            taken = M.reshape(-1)[z : z + channels] == place + r * w + c
            dX.reshape(-1)[at : at + channels] += np.where(taken, dZ.reshape(-1)[z : z + channels], 0.0)


COMPILED = (largest, back_to_largest)
"""Those of which compiled code has other forms, in `kernels.sweeps`."""


# ---------------------------------------------------------------------------------------------------------------- loops


def max_pool_loops(
    X: Any, Z: Any, M: Any, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int,
    padding_rows: int, padding_columns: int,
) -> None:  # fmt: skip
    """Find the largest number of each window, a vector of channels at a time."""
    h, w, down, right, above, left = axes_of(
        X, Z, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns
    )
    X, Z, M = pictures(X), pictures(Z), pictures(M)
    n, rows, columns, channels = X.shape
    _, rows_out, columns_out, _ = Z.shape
    for i in range(n):
        for r in range(rows_out):
            top, bottom = max(r * down - above, 0), min(r * down - above + h, rows)
            for c in range(columns_out):
                start, stop = max(c * right - left, 0), min(c * right - left + w, columns)
                place = (top - r * down + above) * w + start - c * right + left
                at = ((i * rows + top) * columns + start) * channels
                z = ((i * rows_out + r) * columns_out + c) * channels
                largest(X, at, bottom - top, columns * channels, stop - start, channels, place, w, Z, M, z)


def max_pool_backward_loops(
    M: Any, dZ: Any, dX: Any, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int,
    padding_rows: int, padding_columns: int,
) -> None:  # fmt: skip
    """Add each window's dZ to its largest number, a vector of channels at a time."""
    h, w, down, right, above, left = axes_of(
        dX, dZ, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns
    )
    M, dZ, dX = pictures(M), pictures(dZ), pictures(dX)
    n, rows, columns, channels = dX.shape
    _, rows_out, columns_out, _ = dZ.shape
    dx = flat(dX)
    for t in range(dx.shape[0]):
        dx[t] = 0.0
    for i in range(n):
        for r in range(rows_out):
            top, bottom = max(r * down - above, 0), min(r * down - above + h, rows)
            for c in range(columns_out):
                start, stop = max(c * right - left, 0), min(c * right - left + w, columns)
                place = (top - r * down + above) * w + start - c * right + left
                at = ((i * rows + top) * columns + start) * channels
                z = ((i * rows_out + r) * columns_out + c) * channels
                back_to_largest(dX, at, bottom - top, columns * channels, stop - start, channels, place, w, dZ, M, z)


def average_pool_loops(
    X: Any, Z: Any, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int, padding_rows: int,
    padding_columns: int,
) -> None:  # fmt: skip
    """Sum each window, channel beside channel."""
    h, w, down, right, above, left = axes_of(
        X, Z, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns
    )
    X, Z = pictures(X), pictures(Z)
    n, rows, columns, channels = X.shape
    _, rows_out, columns_out, _ = Z.shape
    for i in range(n):
        for r in range(rows_out):
            for c in range(columns_out):
                top, bottom = max(r * down - above, 0), min(r * down - above + h, rows)
                start, stop = max(c * right - left, 0), min(c * right - left + w, columns)
                share = 1.0 / X.dtype.type((bottom - top) * (stop - start))
                for q in range(channels):
                    Z[i, r, c, q] = 0.0
                for row in range(top, bottom):
                    for column in range(start, stop):
                        for q in range(channels):
                            Z[i, r, c, q] += X[i, row, column, q]
                for q in range(channels):
                    Z[i, r, c, q] *= share


def average_pool_backward_loops(
    dZ: Any, dX: Any, size_rows: int, size_columns: int, stride_rows: int, stride_columns: int, padding_rows: int,
    padding_columns: int,
) -> None:  # fmt: skip
    """Add a share of each window's dZ to its numbers."""
    h, w, down, right, above, left = axes_of(
        dX, dZ, size_rows, size_columns, stride_rows, stride_columns, padding_rows, padding_columns
    )
    dZ, dX = pictures(dZ), pictures(dX)
    n, rows, columns, channels = dX.shape
    _, rows_out, columns_out, _ = dZ.shape
    dX[:] = 0.0
    for i in range(n):
        for r in range(rows_out):
            for c in range(columns_out):
                top, bottom = max(r * down - above, 0), min(r * down - above + h, rows)
                start, stop = max(c * right - left, 0), min(c * right - left + w, columns)
                share = 1.0 / dX.dtype.type((bottom - top) * (stop - start))
                for row in range(top, bottom):
                    for column in range(start, stop):
                        for q in range(channels):
                            dX[i, row, column, q] += share * dZ[i, r, c, q]
