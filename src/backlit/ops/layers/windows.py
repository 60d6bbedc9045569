"""The windows that slide over pictures and sequences: their settings, the size of what they give, and what they cover.

Along one axis, with `size` places of a window, each `dilation` apart, moved on by `stride`, the window covers
span = dilation (size - 1) + 1 numbers. With `before` and `after` places of padding, an axis of `given` numbers has

    out = floor((given + before + after - span) / stride) + 1

windows; window i begins at i stride - before. Padding "valid" is none. A number p is p on both sides. "same" gives
out = ceil(given / stride): it pads (out - 1) stride + span - given in all (not less than 0), the half of it, rounded
down, before, as TensorFlow, Keras and PyTorch do.

Source: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta

from backlit.errors import BacklitError, counted
from backlit.kernels.convolution import padding_before
from backlit.ops.base import Shape
from backlit.ops.value_checks import Count, Whole

Two = Meta(min_length=2, max_length=2)  # msgspec ends the process over bounded numbers beside tuple[Count, Count]
Counts = Annotated[
    Count | Annotated[tuple[Count, ...], Two],
    Meta(extra={"expected": "a whole number of at least 1, or a pair of such numbers, of rows and of columns"}),
]
Padding = Annotated[
    Literal["valid", "same"] | Whole | Annotated[tuple[Whole, ...], Two],
    Meta(
        extra={
            "expected": "'valid', 'same', a whole number of at least 0, or a pair of such numbers, of rows and of "
            "columns"
        }
    ),
]
LinePadding = Literal["valid", "same"] | Whole

SAME = -1
"""What stands for "same" among the numbers that kernels are given."""
UNCOVERED = "no window covers it: no slope comes here"
"""Of a number that is left over behind the last window, or between two windows."""
PADDED = "the rest of its window is padding"


class Sliding(NamedTuple):
    """How windows slide along one axis: `before` is the padding before the first number, `out` how many there are."""

    size: int
    stride: int
    dilation: int
    before: int
    out: int
    given: int

    def covers(self, window: int) -> list[tuple[int, int]]:
        """Give the pairs (place in the window, place on the axis) of a window, without those in the padding."""
        first = window * self.stride - self.before
        places = ((k, first + k * self.dilation) for k in range(self.size))
        return [(k, place) for k, place in places if 0 <= place < self.given]

    def is_padded(self, window: int) -> bool:
        """Tell whether a part of a window lies in the padding."""
        return len(self.covers(window)) < self.size

    def windows_over(self, place: int) -> list[tuple[int, int]]:
        """Give the pairs (window, place in the window) of all windows that cover a place on the axis."""
        return [(i, k) for i in range(self.out) for k, covered in self.covers(i) if covered == place]


def pair(given: Any) -> tuple[Any, Any]:
    """Give a setting for rows and for columns: a pair as it is, anything else twice."""
    return (given[0], given[1]) if isinstance(given, (tuple, list)) else (given, given)


def sides(given: Any) -> str:
    """Write a setting of rows and of columns.

    >>> sides((2, 3)), sides(2), sides("same")
    ('2 × 3', '2', 'same')
    """
    return " × ".join(map(str, given)) if isinstance(given, (tuple, list)) else str(given)


def padding_number(given: str | int) -> int:
    """Give the padding of an axis as the number that kernels are given.

    >>> padding_number("valid"), padding_number("same"), padding_number(2)
    (0, -1, 2)
    """
    return {"valid": 0, "same": SAME}[given] if isinstance(given, str) else given


def slide(what: str, axis: str, given: int, size: int, stride: int, padding: str | int, dilation: int = 1) -> Sliding:
    """Give how windows slide along an axis of `given` numbers; `what` names the layer, `axis` the numbers: "rows".

    Errors: a BacklitError with the arithmetic of the output's size, where no window fits.
    """
    number = padding_number(padding)
    span = dilation * (size - 1) + 1
    out = -(-given // stride) if number == SAME else (given + 2 * number - span) // stride + 1
    if out < 1:
        padded = f"{given} + 2 · {number}" if number else f"{given}"
        spread = f" ({size} places, {dilation} apart)" if dilation > 1 else ""
        raise BacklitError(
            f"{what}: windows of {counted(span, axis[:-1])}{spread} do not fit into {counted(given, axis[:-1])}: "
            f"({padded} - {span}) / {stride} + 1 = {counted(out, axis[:-1])}. Take windows of at most "
            f"{given + 2 * number}, or padding='same'."
            f"{' In a shape the channels come last: inputs=(28, 28, 1).' if given == 1 and axis == 'rows' else ''}"
        )
    return Sliding(size, stride, dilation, padding_before(number, given, out, size, stride, dilation), out, given)


def refuse_shape(what: str, row: Shape, axes: int) -> None:
    """Refuse rows that have another number of axes than a layer's pictures (3) or sequences (2), and say what fits.

    Errors: a BacklitError with the shape given and a shape that fits.
    """
    if len(row) == axes:
        return
    wanted = "pictures (rows, columns, channels)" if axes == 3 else "sequences (times, numbers)"
    advice = ""
    if len(row) == axes - 1:
        fitting = (*row, 1)
        advice = f" Give the network inputs={fitting}: {'one channel' if axes == 3 else 'one number at each time'}."
    elif len(row) == 1:
        example = "(28, 28, 1)" if axes == 3 else "(50, 8)"
        advice = f" Give the network the shape of a row, such as inputs={example}; after Flatten or Dense it is lost."
    elif axes == 2 and len(row) == 3:
        advice = " For pictures take Conv2D."
    raise BacklitError(f"{what} reads {wanted}; it is given rows of shape {row}.{advice}")
