"""The pictures of rows as PNG files: what a person sees of the numbers that a network reads."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from backlit.data.grids import Grid, grid_of_columns
from backlit.data.table import Table

MOST = 64
"""Pixels of a side, at most: of a larger picture every second, third, ... pixel is shown."""
GREY, COLOURS = 1, 3


def row_pictures(plans: Iterable[object], table: Table) -> list[bytes]:
    """Give the picture of each row of a table as a PNG file, by the plans of its columns; empty bytes without pictures.

    Pixels lie between 0, or the smallest number, and 1, or the largest: black and white.
    """
    plan = next((plan for plan in plans if isinstance(plan, Grid)), None)
    if not table.arrow.num_rows or plan is None or len(plan.shape) != 3 or plan.shape[2] not in {GREY, COLOURS}:
        return [b""] * table.arrow.num_rows
    standardized = np.empty((table.arrow.num_rows, math.prod(plan.shape)))
    column = grid_of_columns(table, plan.columns) if plan.columns else table.column(plan.name)
    for _ in plan.write(column, standardized):
        pass
    values = standardized.reshape(-1, *plan.shape) * plan.deviations + plan.means
    low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
    step = math.ceil(max(plan.shape[:2]) / MOST)
    pixels = np.rint(255 * (values[:, ::step, ::step] - low) / (high - low)).astype(np.uint8)
    return [png(picture) for picture in pixels]


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Give a picture (height, width, channels) of bytes as a PNG file: one channel grey, three red, green and blue.

    Format: https://www.w3.org/TR/png-3/

    >>> png(np.zeros((2, 2, 1), np.uint8))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == GREY else 2, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)  # the 0 says that a line is stored as it is
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
