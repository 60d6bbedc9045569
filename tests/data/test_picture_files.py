"""Pictures of rows as PNG files: the pixels that the model reads, as another reader finds them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pyarrow as pa
import pytest

from backlit.data.grids import grid_column, measured_grid
from backlit.data.picture_files import MOST, row_pictures
from backlit.data.table import Table


def drawn(pictures: np.ndarray, shape: tuple[int, ...]) -> list[bytes]:
    """The pictures of all rows of a table of pictures, for a model whose rows have that shape."""
    column = grid_column(pictures)
    plan = measured_grid("picture", column, shape)[0]
    return row_pictures([plan], Table(pa.table({"picture": column})))


def pixels_of(png: bytes) -> np.ndarray:
    """Read a PNG file of eight bits whose lines are stored as they are; checks each part's sum."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(name + data),)
        parts[name], at = data, at + 12 + length
    width, height, bits, colour, *rest = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (bits, rest) == (8, [0, 0, 0])
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, {0: 1, 2: 3}[colour])


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_of_a_byte_are_shown_as_they_are(channels: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 5, 7, channels), np.uint8)
    for png, picture in zip(drawn(pictures, (5, 7, channels)), pictures, strict=True):
        np.testing.assert_array_equal(pixels_of(png), picture)


def test_numbers_lie_between_black_and_white() -> None:
    (png,) = drawn(np.array([[[0.0, 16.0], [4.0, 8.0]]]), (2, 2, 1))
    np.testing.assert_array_equal(pixels_of(png)[..., 0], [[0, 255], [64, 128]])
    (png,) = drawn(np.array([[[-1.0, 1.0], [0.0, 0.5]]]), (2, 2, 1))
    np.testing.assert_array_equal(pixels_of(png)[..., 0], [[0, 255], [128, 191]])


def test_of_a_large_picture_some_pixels_are_shown() -> None:
    large = np.random.default_rng(0).integers(0, 256, (1, 150, 200), np.uint8)
    (png,) = drawn(large, (150, 200, 1))
    np.testing.assert_array_equal(pixels_of(png)[..., 0], large[0, ::4, ::4])
    assert max(pixels_of(png).shape) <= MOST


def test_sequences_and_tables_of_columns_have_no_pictures() -> None:
    assert drawn(np.random.default_rng(0).normal(size=(2, 6, 3)), (6, 3)) == [b"", b""]
    assert row_pictures([], Table(pa.table({"a": [1.0, 2.0]}))) == [b"", b""]
