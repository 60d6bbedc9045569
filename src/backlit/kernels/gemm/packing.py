"""Copies blocks of A and B to where the tiles read them in order, one cache line after another.

A block is copied once and read by many tiles; read in place, its rows would lie far apart in memory.
"""

from typing import Any

from backlit.kernels.gemm.microkernels import (
    LOW,
    TALL,
    copy_three,
    copy_two,
    copy_two_fours,
    transpose,
    transpose_fours,
)
from backlit.kernels.gemm.simd import after, compiled, lanes_of, never_inlined


@compiled
def rows_in_tall_tiles(rows: int) -> int:
    """Give how many of the rows to compute in tall tiles of 6; low tiles of 4 compute the rest.

    Every even number but 2 is 6 a + 4 b with b <= 2. The last of an odd number of rows falls to a low tile, which may
    have fewer rows than it computes; so no more than three rows are computed in vain.
    """
    pairs = (rows + 1) // 2
    low = -pairs % 3
    return max(2 * pairs - LOW * (low if low > 0 or rows % 2 == 0 else 3), 0)


@compiled
def pack(source: Any, step: int, column: int, target: Any, steps: int, span: int) -> None:
    """Copy the columns (steps, span) of one tile: target[p span + q] = source[p step + q column].

    A span of at least a vector's numbers is copied as two or three whole vectors, which may overlap; of at least four,
    as two vectors of four.
    """
    never_inlined()
    full = lanes_of(source)
    whole = 0  # steps that are copied in vectors
    # Rows of the source are contiguous: each step is loaded and stored in vectors.
    if column == 1 and span >= 4:
        if span > 2 * full:
            copy_three(source, step, target, span - full, steps)
        elif span >= full:
            copy_two(source, step, target, span - full, steps)
        else:
            copy_two_fours(source, step, target, span - 4, steps)
        whole = steps
    # Columns of the source are contiguous: squares are loaded, transposed and stored.
    elif step == 1 and span >= 4:
        width = full if span >= full else 4
        whole = steps // width * width
        for square in range(steps // width):
            p = square * width
            wide = 1 if span > 2 * width else 0
            for v in range(2 + wide):
                q = v * (span - width) >> wide
                start, end = after(source, p + q * column), after(target, p * span + q)
                if width == 4:
                    transpose_fours(start, column, end, span)
                else:
                    transpose(start, column, end, span)
    # The remaining steps, and spans of less than four numbers, one number after another.
    for p in range(whole, steps):
        for q in range(span):
            target[p * span + q] = source[p * step + q * column]


@compiled
def pack_rows(A: Any, a_row: int, a_step: int, block: Any, rows: int, steps: int) -> None:
    """Copy rows of A (rows, steps), one tile after another; within a tile, step by step, all its rows together."""
    never_inlined()
    tall = rows_in_tall_tiles(rows)
    i = 0
    while i < rows:
        height = min(TALL if i < tall else LOW, rows - i)
        pack(after(A, i * a_row), a_step, a_row, after(block, i * steps), steps, height)
        i += height
