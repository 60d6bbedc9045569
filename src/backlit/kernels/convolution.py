"""Convolution over pictures, forward and backward: NumPy's form, and loops that compiled code runs in its place.

Shapes: X (n, rows, columns, channels), W (h, w, channels / groups, filters), Z (n, rows out, columns out, filters). A
sequence is a picture of one row: `pictures` and `windows` give such arrays a further axis of size 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.kernels.functions import flat
from backlit.kernels.matmul import product_nt, sum_rows
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


COMPILED = (work_numbers, work_places, view, sweep, add_run)
"""Those of which compiled code has other forms, in `kernels.sweeps`."""


# ---------------------------------------------------------------------------------------------------------------- loops

# What is summed. Arguments of functions: each literal would make Numba compile one more variant of the function.
OUTPUTS: Any = np.int64(0)
WEIGHTS: Any = np.int64(1)
INPUTS: Any = np.int64(2)


def fill_places(rows_at: Any, steps_at: Any, row: int, columns_out: int, channels: int, down: int, right: int, h: int,
                w: int, depth: int, d_down: int, d_right: int, positions: int) -> None:  # fmt: skip
    """Write where the windows begin in a picture whose rows have `row` numbers, and where in one its places lie."""
    for p in range(positions):
        rows_at[p] = p // columns_out * down * row + p % columns_out * right * channels
    s = 0
    for k in range(h):
        for l in range(w):  # noqa: E741
            for q in range(depth):
                steps_at[s] = k * d_down * row + l * d_right * channels + q
                s += 1


def lay_out(X: Any, work: Any, i: int, first: int, count: int, left: int, wide: int) -> None:
    """Copy `count` rows of picture i, from `first` on, into rows of `wide` places, with zeros where there is none."""
    _, rows, columns, channels = X.shape
    left = min(left, wide)
    kept = min(columns, wide - left)
    x = flat(X)
    for y in range(count):
        at = y * wide * channels
        row = first + y
        if row < 0 or row >= rows:
            for t in range(wide * channels):
                work[at + t] = 0.0
            continue
        for t in range(min(left, wide) * channels):
            work[at + t] = 0.0
        at += left * channels
        source = (i * rows + row) * columns * channels
        for t in range(kept * channels):
            work[at + t] = x[source + t]
        at += kept * channels
        for t in range((wide - left - kept) * channels):
            work[at + t] = 0.0


def simply(
    Y: Any, U: Any, V: Any, order: int, X: Any, W: Any, Z: Any, down: int, right: int, above: int, left: int,
    d_down: int, d_right: int, share: int,
) -> None:  # fmt: skip
    """Add to Y all products of what U and V have for a window's place, where that is too large for `sweep`.

    Of the order OUTPUTS, Y, U and V have the shapes of Z, X and W; of WEIGHTS those of W, X and Z; else of X, W and Z.
    """
    n, rows, columns, channels = X.shape
    _, rows_out, columns_out, filters = Z.shape
    h, w, depth, _ = W.shape
    y, u, v = flat(Y), flat(U), flat(V)
    for z in range(n * rows_out * columns_out * filters):
        f, c = z % filters, z // filters % columns_out
        r, i = z // (filters * columns_out) % rows_out, z // (filters * columns_out * rows_out)
        for place in range(h * w):
            row, column = r * down + place // w * d_down - above, c * right + place % w * d_right - left
            if row < 0 or row >= rows or column < 0 or column >= columns:
                continue
            at = ((i * rows + row) * columns + column) * channels + f // share * depth
            for q in range(depth):
                weight = (place * depth + q) * filters + f
                if order == OUTPUTS:
                    y[z] += u[at + q] * v[weight]
                elif order == WEIGHTS:
                    y[weight] += u[at + q] * v[z]
                else:
                    y[at + q] += u[weight] * v[z]


def sweep_pictures(
    X: Any, W: Any, b: Any, Z: Any, work: Any, down: int, right: int, above: int, left: int, d_down: int,
    d_right: int, share: int, order: int,
) -> None:  # fmt: skip
    """Sweep over each picture, a band of rows at a time: as many as a padded copy and the tables have memory for.

    The sums go to Z, one for each window; or, with the order WEIGHTS, over all windows to W: then Z is dZ and W is dW.
    """
    n, rows, columns, channels = X.shape
    _, rows_out, columns_out, filters = Z.shape
    h, w, depth, _ = W.shape
    steps, high, wide = h * w * depth, d_down * (h - 1) + 1, (columns_out - 1) * right + d_right * (w - 1) + 1
    padded = above > 0 or left > 0 or wide > columns or (rows_out - 1) * down + high > rows
    rows_at, steps_at = work_places(X), work_places(X)
    band = min(rows_out, rows_at.size // columns_out)
    source = flat(X)
    if padded:
        source = work
        band = min(band, (work.size // (wide * channels) - high) // down + 1)
    else:
        wide = columns
    if band < 1 or steps > steps_at.size:
        to_z = order == OUTPUTS
        Y, V = (Z, W) if to_z else (W, Z)
        fill(Y, b, b.size if to_z else 0)
        simply(Y, X, V, order, X, W, Z, down, right, above, left, d_down, d_right, share)
        return
    fill_places(rows_at, steps_at, wide * channels, columns_out, channels, down, right, h, w, depth, d_down, d_right,
                band * columns_out)  # fmt: skip
    start = 0 if order == OUTPUTS and b.size > 0 else -1
    for i in range(n):
        first = 0
        while first < rows_out:  # a band of Z (count, columns out, filters)
            count = min(band, rows_out - first)
            at = (i * rows + first * down) * columns * channels
            if padded:
                lay_out(X, work, i, first * down - above, (count - 1) * down + high, left, wide)
                at = 0
            to = (i * rows_out + first) * columns_out * filters
            for group in range(filters // share):  # a step of `range` that is not a constant could raise, being zero
                f, channel = group * share, at + group * depth
                if order == OUTPUTS:
                    sweep(source, channel, rows_at, count * columns_out, steps_at, steps, W, f, filters, Z, to + f,
                          filters, b, f, start, share)  # fmt: skip
                else:
                    sweep(source, channel, steps_at, steps, rows_at, count * columns_out, Z, to + f, filters, W, f,
                          filters, W, f, start, share)  # fmt: skip
            first += count
            if order == WEIGHTS:
                start = filters


def fill(A: Any, b: Any, size: int) -> None:
    """Write the `size` numbers of b to each row of the last axis, or zeros where there are none."""
    a = flat(A)
    for t in range(a.size):
        a[t] = b[t % size] if size > 0 else 0.0


def convolve_loops(
    X: Any, W: Any, b: Any, Z: Any, stride_rows: int, stride_columns: int, padding_rows: int,
    padding_columns: int, dilation_rows: int, dilation_columns: int, groups: int,
) -> None:  # fmt: skip
    """Write Z, a tile of windows by filters at a time."""
    X, W, Z = pictures(X), windows(W), pictures(Z)
    down, right, d_down, d_right = int(stride_rows), int(stride_columns), int(dilation_rows), int(dilation_columns)
    above = padding_before(int(padding_rows), X.shape[1], Z.shape[1], W.shape[0], down, d_down)
    left = padding_before(int(padding_columns), X.shape[2], Z.shape[2], W.shape[1], right, d_right)
    share = Z.shape[3] // int(groups)
    sweep_pictures(X, W, b, Z, work_numbers(X), down, right, above, left, d_down, d_right, share, OUTPUTS)


def convolve_backward_loops(
    X: Any, W: Any, dZ: Any, dX: Any, dW: Any, db: Any, stride_rows: int, stride_columns: int,
    padding_rows: int, padding_columns: int, dilation_rows: int, dilation_columns: int, groups: int,
) -> None:  # fmt: skip
    """Write db, the sum over all places; dW, swept as Z is; and dX."""
    X, W, dZ, dX, dW = pictures(X), windows(W), pictures(dZ), pictures(dX), windows(dW)
    n, rows_out, columns_out, filters = dZ.shape
    down, right, d_down, d_right = int(stride_rows), int(stride_columns), int(dilation_rows), int(dilation_columns)
    above = padding_before(int(padding_rows), X.shape[1], rows_out, W.shape[0], down, d_down)
    left = padding_before(int(padding_columns), X.shape[2], columns_out, W.shape[1], right, d_right)
    share = filters // int(groups)
    work = work_numbers(X)
    if db.size > 0:
        sum_rows(view(dZ, 0, n * rows_out * columns_out, filters), db)
    if dW.size > 0:
        sweep_pictures(X, dW, db, dZ, work, down, right, above, left, d_down, d_right, share, WEIGHTS)
    if dX.size > 0:
        inputs_slope(W, dZ, dX, work, down, right, above, left, d_down, d_right, share)


def inputs_slope(
    W: Any, dZ: Any, dX: Any, work: Any, down: int, right: int, above: int, left: int, d_down: int, d_right: int,
    share: int,
) -> None:  # fmt: skip
    """dX: each dZ times its filter, dZ Wᵀ of a band of windows, added to the numbers that the windows met."""
    n = dX.shape[0]
    _, rows_out, columns_out, filters = dZ.shape
    h, w, depth, _ = W.shape
    dx = flat(dX)
    for t in range(dx.shape[0]):
        dx[t] = 0.0
    steps = h * w * depth
    band = min(rows_out, work.size // (columns_out * steps))
    if band < 1 or share < filters:
        simply(dX, W, dZ, INPUTS, dX, W, dZ, down, right, above, left, d_down, d_right, share)
        return
    of_w = view(W, 0, steps, filters)
    for i in range(n):
        first = 0
        while first < rows_out:
            count = min(band, rows_out - first)
            positions = count * columns_out
            of_z = view(dZ, (i * rows_out + first) * columns_out * filters, positions, filters)
            product_nt(of_z, of_w, view(work, 0, positions, steps))
            for p in range(positions):
                row, column = (first + p // columns_out) * down - above, p % columns_out * right - left
                add_window(dX, work, p * steps, i, row, column, h, w, d_down, d_right)
            first += count


def add_window(
    dX: Any, work: Any, at: int, i: int, row: int, column: int, h: int, w: int, d_down: int, d_right: int
) -> None:
    """Add the numbers of one window, from `at` on, to the places of picture i that it covers."""
    _, rows, columns, channels = dX.shape
    for k in range(h):
        r = row + k * d_down
        if r < 0 or r >= rows:
            continue
        to = (i * rows + r) * columns
        if d_right == 1:
            l = max(-column, 0)  # noqa: E741
            count = min(columns - column, w) - l
            if count > 0:
                add_run(dX, (to + column + l) * channels, work, at + (k * w + l) * channels, count * channels)
        else:
            for l in range(w):  # noqa: E741
                c = column + l * d_right
                if 0 <= c < columns:
                    add_run(dX, (to + c) * channels, work, at + (k * w + l) * channels, channels)
