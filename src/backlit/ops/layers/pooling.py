"""Pooling: each window of a picture or a sequence becomes one number, channel by channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from backlit.errors import BacklitError, counted
from backlit.kernels import pooling as kernels
from backlit.ops.base import Interval, Layer, Shape, Shapes, any_order, check_settings, tuned
from backlit.ops.equations import (
    Constant,
    Element,
    Equations,
    Formula,
    Index,
    Part,
    Value,
    every,
    function,
    of,
    quotient,
    total,
)
from backlit.ops.equations import Count as Counted
from backlit.ops.layers.windows import PADDED, UNCOVERED, Counts, Padding, Sliding, padding_number, pair, sides, slide
from backlit.ops.registry import register

AXES = {2: ("times",), 3: ("rows", "columns")}
"""What windows slide along, by the axes of a row: (times, channels) or (rows, columns, channels)."""


class Pooling(Layer, frozen=True):
    """What the pooling layers have in common: a window for each output, in each channel by itself."""

    shaped: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_settings(self)

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie: where the inputs do."""
        return inputs[0]

    def sliding(self, row: Shape) -> tuple[Sliding, ...]:
        """Give how the windows slide along each axis of rows of this shape. Errors: a BacklitError where none fits."""
        title, given = type(self).__name__, _settings(self)
        if len(row) not in AXES:
            raise BacklitError(
                f"{title} reads pictures (rows, columns, channels) or sequences (times, channels); it is given rows of "
                f"shape {row}. Give the network the shape of a row, such as inputs=(28, 28, 1); after Flatten or Dense "
                "it is lost."
            )
        axes = AXES[len(row)]
        stride = given.size if given.stride is None else given.stride
        settings = {"size": given.size, "stride": stride, "padding": given.padding}
        for name, value in settings.items():
            if len(axes) == 1 and isinstance(value, (tuple, list)):
                raise BacklitError(
                    f"{title}: {name} is {value!r}; sequences of shape {row} (times, channels) have one axis to slide "
                    "along: expected one number."
                )
        found = []
        for k, axis in enumerate(axes):
            size, stride, padding = (pair(value)[k] for value in settings.values())
            if padding_number(padding) >= size:
                raise BacklitError(
                    f"{title}: padding is {padding} on both sides of windows of {counted(size, axis[:-1])}, so that a "
                    f"window would lie outside altogether; expected at most {size - 1}."
                )
            found.append(slide(title, axis, row[k], size, stride, padding))
        return tuple(found)

    def out(self, row: Shape) -> Shape:
        """Give the shape of what is written for rows of this shape."""
        return (*(axis.out for axis in self.sliding(row)), row[-1])

    def numbers(self) -> dict[str, float]:
        """Give size, stride and padding along rows and columns; a padding of -1 is "same"."""
        given, found = _settings(self), {}
        for axis, name in enumerate(("rows", "columns")):
            found[f"size_{name}"] = pair(given.size)[axis]
            found[f"stride_{name}"] = pair(given.size if given.stride is None else given.stride)[axis]
            found[f"padding_{name}"] = padding_number(pair(given.padding)[axis])
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in super().to_dict().items()}

    def summary(self) -> str:
        """Give the kind, the size of a window, and how it slides where that is not by default."""
        given = _settings(self)
        told = [self.name, f"size {sides(given.size)}"]
        told += [f"stride {sides(given.stride)}"] if given.stride not in (None, given.size) else []
        return ", ".join(told + ([f"padding {sides(given.padding)}"] if given.padding != "valid" else []))

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give windows of 2 × 2 and a picture of 4 × 4 with two channels."""
        return cls(), (4, 4, 2)

    def window(self, row: Shape) -> Callable[[Index], list[Element]]:
        """Give the function from an output's place to the numbers of its window, in reading order."""
        along = self.sliding(row)

        def numbers(index: Index) -> list[Element]:
            *window, q = index
            covered = [[place for _, place in axis.covers(i)] for axis, i in zip(along, window, strict=True)]
            return [of("X", *place, q) for place in _combined(covered)]

        return numbers

    def padded_note(self, row: Shape) -> Callable[[Index], str]:
        """Give the function from an output's place to a remark where a part of its window lies in the padding."""
        along = self.sliding(row)
        return lambda index: PADDED if any(axis.is_padded(i) for axis, i in zip(along, index, strict=False)) else ""

    def windows_over(self, row: Shape) -> Callable[[Index], list[Index]]:
        """Give the function from a number's place to the places of all outputs whose windows cover it."""
        along = self.sliding(row)

        def windows(index: Index) -> list[Index]:
            *place, q = index
            over = [[i for i, _ in axis.windows_over(p)] for axis, p in zip(along, place, strict=True)]
            return [(*window, q) for window in _combined(over)]

        return windows


def _settings(layer: Pooling) -> Any:
    """Give a layer as a record whose settings are known by name: the classes declare them."""
    return layer


def _combined(along: list[list[int]]) -> list[Index]:
    found: list[Index] = [()]
    for places in along:
        found = [(*one, place) for one in found for place in places]
    return found


@register("max_pool")
class MaxPool(Pooling, frozen=True):
    r"""The largest number of each window, in each channel by itself.

    Forward: Z[i, j, q] = max of X[r, c, q] over the window (i, j), of the numbers within the picture; M holds
    where in the window the largest lies, counted in reading order from 0. Backward: dX[r, c, q] = the sum of
    dZ[i, j, q] over the windows in which (r, c) is the largest. Of equal numbers the first in reading order is taken,
    and takes the whole slope, as in PyTorch. A NaN is taken for the largest.

    Shapes: X (n, rows, columns, channels), Z and M (n, rows out, columns out, channels), rows out =
    floor((rows + padding - size) / stride) + 1; of sequences (n, times, channels) and (n, times out, channels).

    Args:
        size: rows and columns of a window: a number for both, or a pair; of sequences a number.
        stride: how far the window moves on; None is its size, so that windows lie side by side.
        padding: `"valid"`, `"same"`, or a number, below the window's size; see `Conv2D`.

    Errors: a BacklitError where a setting is out of its bounds; where rows are neither pictures nor sequences, or no
    window fits into them, when the network is built.

    Source: Ranzato, Huang, Boureau, LeCun, "Unsupervised learning of invariant feature hierarchies with applications
    to object recognition", CVPR 2007.

    >>> MaxPool(2).shapes((28, 28, 6)).buffers["Z"]
    (14, 14, 6)
    """

    size: Counts = 2
    stride: Counts | None = None
    padding: Padding = "valid"
    choices: ClassVar[tuple[str, ...]] = ("M",)
    formula: ClassVar[str] = r"\mathrm{out}_{ijq} = \max_{k, l} x_{i s + k - p,\, j s + l - p,\, q}"

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X, Z and M."""
        out = self.out(rows[0])
        return Shapes({"X": rows[0], "Z": out, "M": out})

    def equations(self, *rows: Shape) -> Equations:
        """Give each output as the largest of its window, and the slopes of those that were taken."""
        (row,) = rows
        window, windows, padded = self.window(row), self.windows_over(row), self.padded_note(row)

        def taken(index: Index, value: Value) -> Element:
            numbers = window(index)
            values = [value(number) for number in numbers]
            return numbers[next((k for k, v in enumerate(values) if math.isnan(v)), values.index(max(values)))]

        def note(index: Index, value: Value) -> str:
            largest = value(taken(index, value))
            if sum(value(number) == largest for number in window(index)) < 2:
                return padded(index)
            return "Several are the largest; the first of them in reading order is taken, and takes the slope."

        def winning(index: Index, value: Value) -> list[Index]:
            return [i for i in windows(index) if taken(i, value) == of("X", *index)]

        def back(index: Index, value: Value) -> Formula:
            return total(*(of("dZ", *i) for i in winning(index, value)))

        def lost(index: Index, value: Value) -> str:
            count = len(windows(index))
            if winning(index, value) or not count:
                return "" if count else UNCOVERED
            others = "another number of its window is" if count == 1 else f"other numbers of its {count} windows are"
            return f"{others} taken: no slope comes here"

        return Equations(
            forward=(Part(array="Z", kind="pool", places=every(self.out(row)), note=note,
                          formula=lambda index: function("max", *window(index))),),
            backward=(Part(array="dX", kind="out", places=every(row), row_formula=back, note=lost),),
        )  # fmt: skip

    forward = staticmethod(tuned(kernels.max_pool_loops)(kernels.max_pool))
    backward = staticmethod(tuned(kernels.max_pool_backward_loops)(kernels.max_pool_backward))


@register("average_pool")
class AveragePool(Pooling, frozen=True):
    r"""The mean of each window, in each channel by itself.

    Forward: Z[i, j, q] = (1 / m) Σ X[r, c, q] over the window (i, j), where m counts the numbers that lie within the
    picture: what lies in the padding is not counted, as in Keras, and in PyTorch with count_include_pad=False (by its
    default PyTorch counts it as zeros). Backward: dX[r, c, q] = Σ dZ[i, j, q] / m over the windows that cover (r, c).

    Shapes: X (n, rows, columns, channels), Z (n, rows out, columns out, channels), rows out =
    floor((rows + padding - size) / stride) + 1; of sequences (n, times, channels) and (n, times out, channels).

    Args:
        size: rows and columns of a window: a number for both, or a pair; of sequences a number.
        stride: how far the window moves on; None is its size, so that windows lie side by side.
        padding: `"valid"`, `"same"`, or a number, below the window's size; see `Conv2D`.

    Errors: a BacklitError where a setting is out of its bounds; where rows are neither pictures nor sequences, or no
    window fits into them, when the network is built.

    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proceedings of
    the IEEE 86, 1998 (there with a weight and a bias for each channel).

    >>> AveragePool(2, stride=1).shapes((50, 8)).buffers["Z"]
    (49, 8)
    """

    size: Counts = 2
    stride: Counts | None = None
    padding: Padding = "valid"
    formula: ClassVar[str] = r"\mathrm{out}_{ijq} = \frac{1}{m} \sum_{k, l} x_{i s + k - p,\, j s + l - p,\, q}"

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X and Z."""
        return Shapes({"X": rows[0], "Z": self.out(rows[0])})

    def equations(self, *rows: Shape) -> Equations:
        """Give each output as the mean of its window, and each slope as shares of those of its windows."""
        (row,) = rows
        window, windows, padded = self.window(row), self.windows_over(row), self.padded_note(row)

        def mean(index: Index) -> Formula:
            return quotient(total(*window(index)), _size(window(index)))

        def back(index: Index) -> Formula:
            return total(*(quotient(of("dZ", *i), _size(window(i))) for i in windows(index)))

        return Equations(
            forward=(Part(array="Z", kind="pool", places=every(self.out(row)), formula=mean,
                          note=lambda index, _: padded(index)),),
            backward=(Part(array="dX", kind="out", places=every(row), formula=back,
                           note=lambda index, _: "" if windows(index) else UNCOVERED),),
        )  # fmt: skip

    forward = staticmethod(tuned(kernels.average_pool_loops)(kernels.average_pool))
    backward = staticmethod(tuned(kernels.average_pool_backward_loops)(kernels.average_pool_backward))


def _size(numbers: list[Element]) -> Constant:
    return Constant(str(len(numbers)))


@any_order
def global_average_loops(X: Any, Z: Any) -> None:
    """Sum place after place, channel beside channel."""
    n, columns = X.shape
    channels = Z.shape[1]
    share = 1.0 / X.dtype.type(columns // channels)
    for i in range(n):
        for q in range(channels):
            Z[i, q] = 0.0
        for place in range(columns // channels):  # not in steps of `channels`: a range with a step could raise
            for q in range(channels):
                Z[i, q] += X[i, place * channels + q]
        for q in range(channels):
            Z[i, q] *= share


def global_average_backward_loops(dZ: Any, dX: Any) -> None:
    """Write an equal share of dZ to every place."""
    channels = dZ.shape[1]
    share = 1.0 / dZ.dtype.type(dX.shape[1] // channels)
    for i in range(dX.shape[0]):
        for place in range(dX.shape[1] // channels):
            for q in range(channels):
                dX[i, place * channels + q] = share * dZ[i, q]


@register("global_average_pool")
class GlobalAveragePool(Layer, frozen=True):
    r"""The mean of each channel over the whole picture or sequence.

    Forward: Z[q] = (1 / m) Σ X[..., q] over all m places. Backward: dX[..., q] = dZ[q] / m.
    Shapes: X (n, rows, columns, channels) or (n, times, channels), Z (n, channels). All times count: behind a recurrent
    layer with `lengths`, the zeros that stand behind a row's end do too.

    Errors: a BacklitError where rows have a single axis, so that there is nothing to take the mean over.

    Source: Lin, Chen, Yan, "Network in network", ICLR 2014.

    >>> GlobalAveragePool().shapes((7, 7, 16)).buffers["Z"]
    (16,)
    """

    formula: ClassVar[str] = r"\mathrm{out}_q = \frac{1}{m} \sum_{r, c} x_{rcq}"

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie: where the inputs do."""
        return inputs[0]

    def shapes(self, *rows: Shape) -> Shapes:
        """Give X of its shape and Z (channels,)."""
        (row,) = rows
        if len(row) < 2:
            raise BacklitError(
                f"GlobalAveragePool reads pictures (rows, columns, channels) or sequences (times, channels); it is "
                f"given rows of shape {row}, which have no places to take the mean over."
            )
        return Shapes({"X": row, "Z": row[-1:]})

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give the layer and a picture of 2 × 3 with two channels."""
        return cls(), (2, 3, 2)

    def equations(self, *rows: Shape) -> Equations:
        """Give each output as a mean over all places."""
        (row,) = rows
        count = Counted("m", math.prod(row[:-1]))
        places = every(row[:-1])
        return Equations(
            forward=(Part(array="Z", kind="pool", places=every(row[-1:]),
                          formula=lambda index: quotient(total(*(of("X", *p, *index) for p in places)), count)),),
            backward=(Part(array="dX", kind="out", places=every(row),
                           formula=lambda index: quotient(of("dZ", index[-1]), count)),),
        )  # fmt: skip

    @staticmethod
    @tuned(global_average_loops)
    def forward(X: Any, Z: Any) -> None:
        """Z = the mean of X over all places."""
        np.mean(X.reshape(len(X), -1, Z.shape[1]), axis=1, out=Z)

    @staticmethod
    @tuned(global_average_backward_loops)
    def backward(dZ: Any, dX: Any) -> None:
        """dX = dZ / m at every place."""
        if dX.size:
            places = dX.reshape(len(dX), -1, dZ.shape[1])
            places[:] = dZ[:, None] / places.shape[1]
