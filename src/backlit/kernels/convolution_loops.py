"""Convolution over pictures: the loops that compiled code runs in the place of NumPy's form in `kernels.convolution`.

The outputs and the slope of the weights are sums over windows, which `sweep` finds as products whose left matrix is
never written down. So is the slope of the inputs where the windows lie one beside the other; else it is the product of
dZ and the filters, added window by window.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.kernels.convolution import (
    add_products,
    add_run,
    padding_before,
    pictures,
    sweep,
    view,
    windows,
    work_numbers,
    work_places,
)
from backlit.kernels.functions import apart, flat
from backlit.kernels.matmul import product_nt, sum_rows

# What is summed. Arguments of functions: each literal would make Numba compile one more variant of the function.
OUTPUTS: Any = np.int64(0)
WEIGHTS: Any = np.int64(1)
INPUTS: Any = np.int64(2)
ONE: Any = np.int64(1)

SWEPT_CHANNELS, SWEPT_STEPS, LINE = 16, 8_192, 16  # from how many channels, up to how many weights of one; a cache line


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


@apart
def lay_out(X: Any, work: Any, i: int, row: int, column: int, high: int, wide: int) -> None:
    """Copy `high` rows of `wide` places of picture i, from a row and a column on, with zeros where there is none."""
    _, rows, columns, channels = X.shape
    left, column = min(max(-column, 0), wide), max(column, 0)
    kept = max(min(columns - column, wide - left), 0)
    x = flat(X)
    for y in range(row, row + high):
        at = (y - row) * wide * channels
        if y < 0 or y >= rows:
            for t in range(wide * channels):
                work[at + t] = 0.0
            continue
        for t in range(left * channels):
            work[at + t] = 0.0
        at += left * channels
        source = ((i * rows + y) * columns + column) * channels
        for t in range(kept * channels):
            work[at + t] = x[source + t]
        at += kept * channels
        for t in range((wide - left - kept) * channels):
            work[at + t] = 0.0


@apart
def simply(
    Y: Any, U: Any, V: Any, order: int, X: Any, Z: Any, h: int, w: int, down: int, right: int, above: int, left: int,
    d_down: int, d_right: int, share: int,
) -> None:  # fmt: skip
    """Add to Y all products of what U and V have for a window's place, where `sweep` cannot or would be slow.

    They are flat arrays: of the order OUTPUTS those of Z, X and W; of WEIGHTS of W, X and Z; else of X, W and Z.
    """
    n, rows, columns, channels = X.shape
    _, rows_out, columns_out, filters = Z.shape
    depth = channels // (filters // share)
    for position in range(n * rows_out * columns_out):
        c, r, i = position % columns_out, position // columns_out % rows_out, position // (columns_out * rows_out)
        for k in range(h):
            row = r * down + k * d_down - above
            if row < 0 or row >= rows:
                continue
            for l in range(w):  # noqa: E741
                column = c * right + l * d_right - left
                if column < 0 or column >= columns:
                    continue
                x = ((i * rows + row) * columns + column) * channels
                of_w = (k * w + l) * depth * filters
                multiply_place(Y, U, V, order, x, position * filters, of_w, depth, filters, share)


def multiply_place(
    Y: Any, U: Any, V: Any, order: int, x: int, z: int, of_w: int, depth: int, filters: int, share: int
) -> None:  # fmt: skip
    """Add the products of one place of a window: of the numbers of X from x on, of Z from z on, of W from `of_w` on."""
    if depth == 1 and share == 1:  # a channel for each filter: all of them at once
        y, u, v = in_order(order, x, z, of_w)
        add_products(Y, y, U, u, V, v, filters)
        return
    for q in range(filters // share * depth):
        first = q // depth * share
        y, u, v = in_order(order, x + q, z + first, of_w + q % depth * filters + first)
        for f in range(share):
            if order == INPUTS:
                Y[y] += U[u + f] * V[v + f]
            else:
                Y[y + f] += U[u] * V[v + f]


def in_order(order: int, x: int, z: int, of_w: int) -> tuple[int, int, int]:
    """Give places in X, Z and W as those in what is summed, and in the first and the second factor."""
    if order == OUTPUTS:
        return z, x, of_w
    return (of_w, x, z) if order == WEIGHTS else (x, of_w, z)


@apart
def sweep_pictures(
    X: Any, W: Any, b: Any, Z: Any, work: Any, h: int, w: int, down: int, right: int, above: int, left: int,
    d_down: int, d_right: int, share: int, order: int,
) -> None:  # fmt: skip
    """Sweep over each picture, a band of rows at a time: as many as a padded copy and the tables have memory for.

    Where there is none for a whole row, a part of a row at a time.

    W has the weights of windows (h, w, channels / groups, filters) as a flat array. The sums go to Z, one for each
    window; or, with the order WEIGHTS, over all windows to W: then Z is dZ and W is dW.
    """
    n, rows, columns, channels = X.shape
    _, rows_out, columns_out, filters = Z.shape
    depth = channels // (filters // share)
    steps, high, span = h * w * depth, d_down * (h - 1) + 1, d_right * (w - 1) + 1
    wide = (columns_out - 1) * right + span
    padded = above > 0 or left > 0 or wide > columns or (rows_out - 1) * down + high > rows
    rows_at, steps_at = work_places(X), work_places(X)
    across = min(columns_out, rows_at.size)
    source = flat(X)
    if padded:
        source = work
        across = min(across, (work.size // (high * channels) - span) // right + 1)
        wide = (across - 1) * right + span
    else:
        wide = columns
    band = 1
    if across == columns_out:
        band = min(rows_out, rows_at.size // across)
        if padded:
            band = min(band, (work.size // (wide * channels) - high) // down + 1)
    if across < 1 or steps > steps_at.size or (depth == 1 and share == 1 and filters >= LINE):
        to_z = order == OUTPUTS
        Y, V = (flat(Z), W) if to_z else (W, flat(Z))
        fill(Y, b, b.size if to_z else 0)
        simply(Y, flat(X), V, order, X, Z, h, w, down, right, above, left, d_down, d_right, share)
        return
    fill_places(rows_at, steps_at, wide * channels, across, channels, down, right, h, w, depth, d_down, d_right,
                band * across)  # fmt: skip
    start = 0 if order == OUTPUTS and b.size > 0 else -1
    parts = -(-columns_out // across)
    for part in range(n * parts):
        i, column = part // parts, part % parts * across
        first = 0
        while first < rows_out:  # a band of Z (count, columns out, filters), or a part of a row (1, across, filters)
            count = min(band, rows_out - first)
            positions = count * min(across, columns_out - column)
            at = ((i * rows + first * down) * columns + column * right) * channels
            if padded:
                lay_out(X, work, i, first * down - above, column * right - left, (count - 1) * down + high, wide)
                at = 0
            to = ((i * rows_out + first) * columns_out + column) * filters
            for group in range(filters // share):  # a step of `range` that is not a constant could raise, being zero
                f, channel = group * share, at + group * depth
                if order == OUTPUTS:
                    sweep(source, channel, rows_at, positions, steps_at, steps, W, f, filters, Z, to + f, filters, b, f,
                          start, share)  # fmt: skip
                else:
                    sweep(source, channel, steps_at, steps, rows_at, positions, Z, to + f, filters, W, f, filters, W, f,
                          start, share)  # fmt: skip
            first += count
            if order == WEIGHTS:
                start = filters


def fill(A: Any, b: Any, size: int) -> None:
    """Write the `size` numbers of b to each row of the last axis of a flat array, or zeros where there are none."""
    for t in range(A.size):
        A[t] = b[t % size] if size > 0 else 0.0


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
    sweep_pictures(X, flat(W), b, Z, work_numbers(X), W.shape[0], W.shape[1], down, right, above, left, d_down,
                   d_right, share, OUTPUTS)  # fmt: skip


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
        sweep_pictures(X, flat(dW), db, dZ, work, W.shape[0], W.shape[1], down, right, above, left, d_down, d_right,
                       share, WEIGHTS)  # fmt: skip
    if dX.size > 0 and slope_is_swept(W, dZ, dX, work, down, right, above, left, d_down, d_right, share):
        sweep_back(W, dZ, dX, work, above, left, d_down, d_right, share)
    elif dX.size > 0:
        inputs_slope(W, dZ, dX, work, down, right, above, left, d_down, d_right, share)


def slope_is_swept(
    W: Any, dZ: Any, dX: Any, work: Any, down: int, right: int, above: int, left: int, d_down: int, d_right: int,
    share: int,
) -> bool:  # fmt: skip
    """Tell whether `sweep_back` can find dX, and faster than `inputs_slope`: where channels fill vectors."""
    h, w, _, filters = W.shape
    _, rows, columns, channels = dX.shape
    _, rows_out, columns_out, _ = dZ.shape
    high, wide = d_down * (h - 1) + 1, columns + d_right * (w - 1)
    return (
        down == 1 and right == 1 and (channels >= SWEPT_CHANNELS or share < filters)
        and rows * columns <= 2 * rows_out * columns_out and above < high and left <= d_right * (w - 1)
        and h * w * share <= SWEPT_STEPS and W.size + high * wide * filters + LINE <= work.size
    )  # fmt: skip


def sweep_back(
    W: Any, dZ: Any, dX: Any, work: Any, above: int, left: int, d_down: int, d_right: int, share: int
) -> None:  # fmt: skip
    """dX where windows lie one beside the other: the filters, turned by half a turn, sweep over dZ."""
    h, w, depth, filters = W.shape
    of_w = flat(W)
    room = (work.size - of_w.size) // LINE * LINE
    turned = flat(view(work, room, 1, of_w.size))
    t = 0
    for place in range(h * w - 1, -1, -1):
        for f in range(share):
            for q in range(dX.shape[3]):
                turned[t] = of_w[(place * depth + q % depth) * filters + q // depth * share + f]
                t += 1
    no_biases, rest = flat(view(work, 0, 0, 0)), flat(view(work, 0, 1, room))
    sweep_pictures(dZ, turned, no_biases, dX, rest, h, w, ONE, ONE, d_down * (h - 1) - above,
                   d_right * (w - 1) - left, d_down, d_right, depth, OUTPUTS)  # fmt: skip


@apart
def inputs_slope(
    W: Any, dZ: Any, dX: Any, work: Any, down: int, right: int, above: int, left: int, d_down: int, d_right: int,
    share: int,
) -> None:  # fmt: skip
    """dX: each dZ times its filter, dZ Wᵀ of a band of windows, added to the numbers that the windows met."""
    n = dX.shape[0]
    _, rows_out, columns_out, filters = dZ.shape
    h, w, depth, _ = W.shape
    dx, steps = flat(dX), h * w * depth
    for t in range(dx.shape[0]):
        dx[t] = 0.0
    room = work.size if share == filters else work.size - steps * share  # behind it lie the filters of a group
    across = min(columns_out, room // steps)
    if across < 1 or (depth == 1 and share < filters):
        simply(dx, flat(W), flat(dZ), INPUTS, dX, dZ, h, w, down, right, above, left, d_down, d_right, share)
        return
    band, parts = 1, -(-columns_out // across)
    if parts == 1:
        band = min(rows_out, room // (across * steps))
    for part in range(n * parts * (filters // share)):
        i, start, group = part // parts % n, part % parts * across, part // (parts * n)
        of_w = filters_of(W, work, room, group, share)
        first = 0
        while first < rows_out:  # a band of dZ (count, columns out, filters), or a part of a row (1, across, filters)
            count, beside = min(band, rows_out - first), min(across, columns_out - start)
            of_z = view(dZ, ((i * rows_out + first) * columns_out + start) * filters, count * beside, filters)
            of_z = of_z[:, group * share : (group + 1) * share]
            product_nt(of_z, of_w, view(work, 0, count * beside, steps))
            for p in range(count * beside):
                row, column = (first + p // beside) * down - above, (start + p % beside) * right - left
                add_window(dX, work, p * steps, i, row, column, h, w, d_down, d_right, group * depth, depth)
            first += count


def filters_of(W: Any, work: Any, room: int, group: int, share: int) -> Any:
    """Give the filters of a group as a matrix (steps, share): those of all, or a copy that lies behind `room`."""
    filters = W.shape[3]
    steps = W.size // filters
    if share == filters:
        return view(W, 0, steps, filters)
    of_w = flat(W)
    for s in range(steps):
        for f in range(share):
            work[room + s * share + f] = of_w[s * filters + group * share + f]
    return view(work, room, steps, share)


def add_window(
    dX: Any, work: Any, at: int, i: int, row: int, column: int, h: int, w: int, d_down: int, d_right: int, channel: int,
    depth: int,
) -> None:  # fmt: skip
    """Add the numbers of one window, from `at` on, to the places of picture i that it covers, in `depth` channels."""
    _, rows, columns, channels = dX.shape
    for k in range(h):
        r = row + k * d_down
        if r < 0 or r >= rows:
            continue
        to = (i * rows + r) * columns
        if d_right == 1 and depth == channels:
            l = max(-column, 0)  # noqa: E741
            count = min(columns - column, w) - l
            if count > 0:
                add_run(dX, (to + column + l) * channels, work, at + (k * w + l) * channels, count * channels)
        else:
            for l in range(w):  # noqa: E741
                c = column + l * d_right
                if 0 <= c < columns:
                    add_run(dX, (to + c) * channels + channel, work, at + (k * w + l) * depth, depth)
