"""Pictures and sequences as one column of a table: how a grid of numbers becomes the inputs of a network.

A column of grids has Arrow's type `fixed_shape_tensor`: each cell is a picture (height, width) or (height, width,
channels), or a sequence (moments, features), all of one shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from backlit.data.messages import in_full, quoted
from backlit.data.surprises import Surprise
from backlit.data.values import RowError, as_numbers
from backlit.errors import BacklitError, counted

FULL = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65_535.0}
"""The value of a full pixel, which becomes 1; numbers of other types are taken as they are."""

CHUNK = 4_096
"""Rows are converted so many at a time: float64 numbers of all of them would need eight times a picture's memory."""

FAR = 100.0
"""Numbers so many standard deviations from the mean were hardly measured in the training rows' unit."""

Shape = tuple[int, ...]


def is_grid(kind: Any) -> bool:
    """Tell whether a column of that Arrow type holds pictures or sequences of one shape."""
    return isinstance(kind, pa.FixedShapeTensorType)


def grid_column(arrays: NDArray[Any]) -> pa.ChunkedArray:
    """Give an array (n, height, width, ...) as a column of grids.

    >>> grid_column(np.zeros((2, 3, 3), np.uint8)).type.shape
    [3, 3]
    """
    flat = np.ascontiguousarray(arrays).reshape(-1)
    kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(arrays.dtype), arrays.shape[1:])
    cells = pa.FixedSizeListArray.from_arrays(pa.array(flat), math.prod(arrays.shape[1:]))
    return pa.chunked_array([pa.ExtensionArray.from_storage(kind, cells)], kind)


def grids_of(column: pa.ChunkedArray) -> NDArray[Any]:
    """Give a column of grids as an array (n, *shape)."""
    shape = tuple(column.type.shape)
    parts = [chunk.storage.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    kind = np.dtype(column.type.value_type.to_pandas_dtype())
    flat = parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, kind), *parts])
    return flat.reshape(-1, *shape)


def part_of(column: Any, start: int) -> NDArray[Any]:
    """Give CHUNK grids from `start` on, of a column of grids or of an array (n, numbers)."""
    if isinstance(column, np.ndarray):
        return column[start : start + CHUNK]
    return grids_of(column.slice(start, CHUNK))


def unit_scaled(values: NDArray[Any]) -> NDArray[np.float64]:
    """Give pixels as numbers from 0 to 1, other numbers as they are, in float64."""
    return np.asarray(values, np.float64) / FULL.get(values.dtype, 1.0)


class Grid(msgspec.Struct, frozen=True, tag="grid"):
    """A grid of numbers becomes (x - mean) / standard deviation, of each channel or feature, the last axis.

    Pixels of one or two bytes become numbers from 0 to 1 first. Mean and deviation are those of all places of the
    training rows together, so that neighbours keep their differences and pixels that are always the same stay in place.
    """

    name: str
    shape: Shape
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    columns: tuple[str, ...] = ()
    """The columns of the table that hold the grid's numbers, in order; none where the column `name` holds grids."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs: i1@r1c2 is channel 1 at row 1, column 2; i1@t2 feature 1 at moment 2."""
        return tuple(place_name(at) for at in np.ndindex(self.shape))

    def write(self, column: Any, out: NDArray[Any]) -> Iterator[Surprise]:
        """Fill `out` (rows, outputs); yield what the training rows did not have."""
        far = 0
        for start, values in self._chunks(column):
            scaled = (values - self.means) / self.deviations
            out[start : start + len(values)] = scaled.reshape(len(values), -1)
            far += int((np.abs(scaled) > FAR).any(axis=tuple(range(1, scaled.ndim))).sum())
        if far:
            what = f"numbers farther than {FAR:.0f} standard deviations from the training mean; is it another unit?"
            yield Surprise(self.name, what, far)

    def _chunks(self, column: Any) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Give the rows (k, *shape) in chunks, each with the number of its first."""
        for start in range(0, len(column), CHUNK):
            yield start, self._fitted(part_of(column, start), start)

    def _fitted(self, grids: NDArray[Any], start: int) -> NDArray[np.float64]:
        """Give grids in this shape, grey ones repeated where colours are expected."""
        values = unit_scaled(grids)
        refuse_not_finite(values, self.name, start)
        shape = values.shape[1:]
        if math.prod(shape) == math.prod(self.shape) and (self.columns or shape[:2] == self.shape[:2]):
            return values.reshape(-1, *self.shape)
        colours = len(self.shape) == 3 and shape[:2] == self.shape[:2]
        if colours and self.shape[2] == 3 and math.prod(shape[2:]) == 1:
            return np.repeat(values.reshape(-1, *shape[:2], 1), 3, axis=3)
        if colours and self.shape[2] == 1 and shape[2:] == (3,):
            if (values == values[..., :1]).all():
                return values[..., :1]
            raise BacklitError(
                f"the column {quoted(self.name)} holds colour pictures, and the model learned from grey ones: convert "
                "them to grey first."
            )
        raise BacklitError(
            f"the column {quoted(self.name)} holds grids of {sizes(shape)}, and the model learned from "
            f"{sizes(self.shape)}: give it grids of that shape."
        )


def plan_grid(name: str, column: pa.ChunkedArray, wanted: Sequence[int] | None = None) -> tuple[Grid, str, str]:
    """Give how a column of grids becomes inputs, from its training rows, its kind and what is said of it.

    `wanted` is the shape that the network reads, where it states one; by default a grid of two axes is a grey picture.

    Errors: a BacklitError where the grids do not have that shape, or hold numbers that are not finite.
    """
    given = tuple(column.type.shape)
    shape = tuple(wanted) if wanted else given if len(given) == 3 else (*given, 1)
    if math.prod(shape) != math.prod(given) or (len(shape) > 1 and shape[:2] != given[:2]):
        raise BacklitError(
            f"the network expects rows of shape {list(shape)}; the column {quoted(name)} holds grids of "
            f"{sizes(given)}: write inputs = {list(given)}."
        )
    plan, kind, done = measured_grid(name, column, shape)
    if not wanted and len(given) == 2 and given[0] != given[1]:
        done += (
            f"; taken for grey pictures: for sequences of {given[0]} times give a network whose first layer reads "
            "them, such as gru or conv1d"
        )
    return plan, kind, done


def grid_of_columns(table: Any, names: Sequence[str]) -> NDArray[np.float64]:
    """Give columns of numbers side by side (n, columns), missing ones NaN."""
    return np.column_stack([as_numbers(table.column(name), name) for name in names])


def measured_grid(name: str, column: Any, shape: Shape, columns: tuple[str, ...] = ()) -> tuple[Grid, str, str]:
    """Give the plan of grids, its kind and what is said of it; `column` holds them, or an array (n, numbers).

    Numbers that are all the same are not divided.
    """
    total, squares, count = np.zeros(shape[-1]), np.zeros(shape[-1]), 0
    for start in range(0, len(column), CHUNK):
        values = unit_scaled(part_of(column, start))
        refuse_not_finite(values, name, start)
        flat = values.reshape(-1, shape[-1])
        total, count = total + flat.sum(axis=0), count + len(flat)
    means = total / count
    for start in range(0, len(column), CHUNK):
        flat = unit_scaled(part_of(column, start)).reshape(-1, shape[-1])
        squares += ((flat - means) ** 2).sum(axis=0)
    deviations = np.sqrt(squares / count)
    if not deviations.any():
        raise BacklitError(f"all numbers of {quoted(name)} are the same: there is nothing to learn from.")
    of = "feature" if len(shape) == 2 else "channel"
    each = f"each {of} " if shape[-1] > 1 else ""
    said = [f"{in_full(float(mean), 3)} and {in_full(float(dev), 3)}"
            for mean, dev in zip(means[:3], deviations[:3], strict=True)]  # fmt: skip
    rest = "; ..." if shape[-1] > 3 else ""
    done = f"{sizes(shape)}, {each}standardized: mean and standard deviation {'; '.join(said)}{rest}"
    plan = Grid(
        name, shape, tuple(map(float, means)), tuple(float(dev) or 1.0 for dev in deviations), columns
    )  # fmt: skip
    return plan, "sequence" if len(shape) == 2 else "picture", done


def refuse_not_finite(values: NDArray[Any], name: str, start: int) -> None:
    """Refuse NaN and infinity in grids (k, ...), the first of which is row `start`."""
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if bad.size:
        raise RowError(
            start + int(bad[0]), f"the column {quoted(name)} holds NaN or infinity: expected finite numbers."
        )


def sizes(shape: Sequence[int]) -> str:
    """Give a shape in words.

    >>> sizes((28, 28, 1)), sizes((8, 8)), sizes((50, 3, 3, 2))
    ('28 × 28, 1 channel', '8 × 8', '50 × 3 × 3 × 2')
    """
    if len(shape) == 3:
        return f"{shape[0]} × {shape[1]}, {counted(shape[2], 'channel')}"
    return " × ".join(map(str, shape))


def place_name(at: Sequence[int]) -> str:
    """Name an input by its place.

    >>> place_name((0, 1, 0)), place_name((1, 0)), place_name((4,))
    ('i1@r1c2', 'i1@t2', 'i5')
    """
    *place, channel = (number + 1 for number in at)
    if not place:
        return f"i{channel}"
    return f"i{channel}@" + (f"t{place[0]}" if len(place) == 1 else "".join(
        f"{axis}{number}" for axis, number in zip("rcdefg", place, strict=False)
    ))  # fmt: skip
