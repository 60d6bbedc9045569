"""Convolution: filters that look at a small window and slide over a picture or a sequence."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from backlit.errors import BacklitError, counted
from backlit.kernels.convolution import convolve, convolve_backward
from backlit.kernels.convolution_loops import convolve_backward_loops, convolve_loops
from backlit.ops.base import Activation, Interval, Layer, Op, Shape, Shapes, tuned
from backlit.ops.equations import Equations, Formula, Index, Part, Value, every, of, product, total
from backlit.ops.layers.windows import (
    PADDED,
    UNCOVERED,
    Counts,
    LinePadding,
    Padding,
    Sliding,
    padding_number,
    pair,
    refuse_shape,
    sides,
    slide,
)
from backlit.ops.registry import activations, register
from backlit.ops.value_checks import Count, checked, refuse_texts, types_of

PARAMETERS = ("W", "b")
SLIDING = ("filters", "size", "stride", "padding", "dilation", "groups")
NESTED = {"activation": "activation", "weights": "initializer", "biases": "initializer"}
LINE, PICTURE = ("times",), ("rows", "columns")
FORWARD, BACKWARD = tuned(convolve_loops)(convolve), tuned(convolve_backward_loops)(convolve_backward)


class Convolution(Layer, frozen=True):
    """What the convolutions over pictures and sequences have in common; `axes` names what their windows slide along."""

    shaped: ClassVar[bool] = True
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    """Of the linear map: an activation is an op of its own."""
    nested: ClassVar[Mapping[str, str]] = NESTED
    axes: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        title, types, settings = type(self).__name__, types_of(type(self)), self.__struct_fields__
        for name in SLIDING:
            value = checked(name, getattr(self, name), types[name], f"{title}: ")
            msgspec.structs.force_setattr(self, name, value)
        given: Any = self
        if given.filters % given.groups:
            raise BacklitError(
                f"{title}: {counted(given.filters, 'filter')} cannot be shared out to {given.groups} groups; expected "
                f"a multiple of {given.groups} filters, such as {-(-given.filters // given.groups) * given.groups}."
            )
        if not isinstance(given.bias, bool):
            raise BacklitError(
                f"{title}: bias is {given.bias!r}; expected True or False: its numbers are written as biases=[...]."
            )
        for name in ("weights", "biases"):
            if not isinstance(value := getattr(self, name), (str, Op)):
                refuse_texts(value, f"{title}: {name}", "an initializer's name, or numbers")
        if not isinstance(given.activation, (str, Activation)):
            raise BacklitError(
                f"{title}: activation is {given.activation!r}; expected a name such as 'relu': its settings are "
                f"{title}({', '.join(settings[:4])}, ...), and the channels are those of the layer before."
            )
        activations.make(given.activation)
        for name in given.freeze:
            if name not in PARAMETERS:
                raise BacklitError(f"{title}: freeze names {name!r}; a convolution has the parameters 'W' and 'b'.")

    @property
    def title(self) -> str:
        """The layer in messages: "Conv2D(6, size 5)"."""
        given: Any = self
        size = " × ".join(map(str, pair(given.size))) if self.axes == PICTURE else str(given.size)
        return f"{type(self).__name__} of {counted(given.filters, 'filter')}, size {size},"

    def sliding(self, row: Shape) -> tuple[Sliding, ...]:
        """Give how the windows slide along each axis of rows of this shape. Errors: a BacklitError where none fits."""
        refuse_shape(self.title[:-1], row, len(self.axes) + 1)
        given: Any = self
        return tuple(
            slide(self.title[:-1], axis, row[k], *(pair(setting)[k] for setting in
                  (given.size, given.stride, given.padding, given.dilation)))
            for k, axis in enumerate(self.axes)
        )  # fmt: skip

    def shapes(self, *rows: Shape) -> Shapes:
        """Give W (window, channels / groups, filters), b (filters,) and the buffers X and Z."""
        (row,) = rows
        along, given = self.sliding(row), _settings(self)
        if row[-1] % given.groups:
            raise BacklitError(
                f"{self.title[:-1]} has {given.groups} groups; they cannot share the {counted(row[-1], 'channel')} of "
                f"rows of shape {row} evenly. Expected a multiple of {given.groups} channels, or other groups."
            )
        window = tuple(axis.size for axis in along)
        return Shapes(
            {"X": row, "Z": (*(axis.out for axis in along), given.filters)},
            {"W": (*window, row[-1] // given.groups, given.filters), "b": (given.filters if given.bias else 0,)},
        )

    def multiply_adds(self, *rows: Shape) -> int:
        """Give how many multiply-adds a row takes: each weight is used once for each window."""
        shapes = self.shapes(*rows)
        return math.prod(shapes.parameters["W"]) * math.prod(shapes.buffers["Z"][:-1])

    def numbers(self) -> dict[str, float]:
        """Give stride, padding and dilation along rows and columns, and the groups; a padding of -1 is "same"."""
        given, found = _settings(self), {}
        for name in ("stride", "padding", "dilation"):
            setting = getattr(given, name)
            rest = 0 if name == "padding" else 1
            along = pair(setting) if self.axes == PICTURE else (rest, setting)
            for axis, value in zip(PICTURE, along, strict=True):
                found[f"{name}_{axis}"] = padding_number(value) if name == "padding" else value
        return found | {"groups": given.groups}

    def initial(self, name: str) -> Any:
        """Give the initializer or the values of W or b."""
        given = _settings(self)
        if name == "b":
            return 0.0 if given.biases is None else given.biases
        return activations.make(given.activation).initializer if given.weights is None else given.weights

    def ops(self) -> tuple[Layer, ...]:
        """Give the linear map and, but for the identity, its activation."""
        activation = activations.make(_settings(self).activation)
        return (self,) if activation.name == "identity" else (self, activation)

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data; initial values given outright are left out, the parameters hold them."""
        activation = activations.make(_settings(self).activation).to_dict()
        plain = super().to_dict() | {"activation": activation["op"] if len(activation) == 1 else activation}
        plain |= {name: list(value) for name, value in plain.items() if name in SLIDING and isinstance(value, tuple)}
        return plain | {
            name: value if isinstance(value := plain[name], str) else None for name in ("weights", "biases")
        }

    def summary(self) -> str:
        """Give the number of filters, their size, the activation, and how they slide where that is not by default."""
        given = _settings(self)
        kind = activations.make(given.activation).name
        size = sides(pair(given.size)) if self.axes == PICTURE else str(given.size)
        told = [self.name, f"{counted(given.filters, 'filter')} of {size}", *([kind] if kind != "identity" else [])]
        usual = {"stride": 1, "padding": "valid", "dilation": 1, "groups": 1}
        others = ((name, getattr(self, name)) for name, rest in usual.items() if getattr(self, name) != rest)
        return ", ".join([*told, *(f"{name} {sides(value)}" for name, value in others)])

    def equations(self, *rows: Shape) -> Equations:
        """Give each output as its window times the filter, and the slopes as sums over the windows."""
        (row,) = rows
        along, given, shapes = self.sliding(row), _settings(self), self.shapes(row)
        depth, share = row[-1] // given.groups, given.filters // given.groups
        out = shapes.buffers["Z"]

        def net(index: Index) -> Formula:
            *window, f = index
            first = f // share * depth
            terms = [
                product(of("W", *places, q, f), of("X", *met, first + q))
                for places, met in _pairs([axis.covers(i) for axis, i in zip(along, window, strict=True)])
                for q in range(depth)
            ]
            return total(total(*terms), of("b", f)) if given.bias else total(*terms)

        def back(index: Index) -> Formula:
            *place, channel = index
            first = channel // depth * share
            return total(*(
                product(of("W", *places, channel % depth, f), of("dZ", *windows, f))
                for windows, places in _pairs([axis.windows_over(p) for axis, p in zip(along, place, strict=True)])
                for f in range(first, first + share)
            ))  # fmt: skip

        def slope(index: Index) -> Formula:
            *place, q, f = index
            channel = f // share * depth + q
            met = [[(i, met) for i in range(axis.out) for k, met in axis.covers(i) if k == p]
                   for axis, p in zip(along, place, strict=True)]  # fmt: skip
            return total(*(
                product(of("dZ", *windows, f), of("X", *places, channel)) for windows, places in _pairs(met)
            ))  # fmt: skip

        def source(index: Index) -> int:
            return int(index[-1] // share * depth + index[-2])

        def bias_slope(index: Index) -> Formula:
            return total(*(of("dZ", *place, *index) for place in every(out[:-1])))

        def padded(index: Index, _: Value) -> str:
            return PADDED if any(axis.is_padded(i) for axis, i in zip(along, index, strict=False)) else ""

        def where_zero(formula: Callable[[Index], Formula], why: str) -> Callable[[Index, Value], str]:
            return lambda index, _: why if formula(index) == total() else ""

        weights = functools.partial(
            Part, kind="w", places=every(shapes.parameters["W"]), position=lambda index: index[:-2], source=source
        )
        biases = functools.partial(Part, kind="b", places=every(shapes.parameters["b"]))
        return Equations(
            letter="f",
            parameters=(weights(array="W"), *([biases(array="b")] if given.bias else [])),
            forward=(Part(array="Z", kind="net", places=every(out), formula=net, note=padded),),
            backward=(Part(array="dX", kind="out", places=every(row), formula=back, note=where_zero(back, UNCOVERED)),),
            gradients=(
                weights(array="dW", formula=slope, note=where_zero(slope, "it meets nothing but padding")),
                *([biases(array="db", formula=bias_slope)] if given.bias else []),
            ),
        )


def _settings(layer: Convolution) -> Any:
    """Give a layer as a record whose settings are known by name: the classes declare them, each with its own types."""
    return layer


def _pairs(along: list[list[tuple[int, int]]]) -> list[tuple[Index, Index]]:
    """Combine pairs of each axis to pairs of places: [(i, k)] and [(j, l)] give ((i, j), (k, l))."""
    found: list[tuple[Index, Index]] = [((), ())]
    for pairs in along:
        found = [((*one, a), (*other, b)) for one, other in found for a, b in pairs]
    return found


@register("conv2d")
class Conv2D(Convolution, frozen=True):
    """A convolution over pictures: `filters` windows of `size` rows by columns, each slid over the whole picture.

    Forward: Z[i, j, f] = b[f] + Σ_k Σ_l Σ_c W[k, l, c, f] X[i s + k d - p, j s + l d - p, c], with the stride s, the
    dilation d and the padding p of each axis; terms outside of the picture are left out, as if it were 0 there. (As in
    all such libraries the filter is not flipped: strictly it is a cross-correlation.)
    Backward: dW[k, l, c, f] = Σ_rows Σ_ij dZ[i, j, f] X[i s + k d - p, j s + l d - p, c], the sum over all windows;
    db[f] = Σ_rows Σ_ij dZ[i, j, f]; dX[r, q, c] = the sum of W[k, l, c, f] dZ[i, j, f] over all windows (i, j) whose
    place (k, l) is (r, q): the flipped filter slid over dZ.

    Shapes: X (n, rows, columns, channels), W (h, w, channels / groups, filters), b (filters,),
    Z (n, rows out, columns out, filters), rows out = floor((rows + padding - d (h - 1) - 1) / s) + 1. PyTorch puts the
    channels first: X (n, channels, rows, columns), of which X.transpose(0, 2, 3, 1) is ours, and W (filters,
    channels / groups, h, w): `set_torch_weights` takes a whole network's weights over.

    Args:
        filters: the number of filters, the channels of what it writes.
        size: rows and columns of a window: a number for both, or a pair.
        activation: a name or an activation; `"identity"` for none.
        stride: how far the window moves on: a number or a pair.
        padding: `"valid"` for none; `"same"` so that there are ceil(rows / stride) rows, the half of the padding,
            rounded down, before; a number p, or a pair, for p on both sides.
        dilation: how far apart the places of a window are: a number or a pair.
        groups: the channels and the filters are shared out to so many groups, and a filter reads the channels of its
            own; as many groups as channels make a depthwise convolution.
        bias: whether each filter has a bias.
        weights: initializer of W, or W outright; None takes the activation's own choice (He for relu, Glorot for
            sigmoid ...), with the fans h w channels / groups and h w filters.
        biases: initializer of b, or b outright, shape (filters,); None starts from zeros.
        freeze: names of the parameters that training leaves alone: `("W",)`, `("b",)` or both.
        tie: layers of one tie share W and b, whose gradients add up; their first values are those of the first.

    Errors: a BacklitError where a setting is out of its bounds; where rows are no pictures, no window fits into them,
    or the groups cannot share the channels evenly, when the network is built.

    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proceedings of
    the IEEE 86, 1998.

    >>> Conv2D(6, 5, "relu", padding=2).shapes((28, 28, 1)).buffers["Z"]
    (28, 28, 6)
    >>> Conv2D(6, 31).shapes((28, 28, 1))
    Traceback (most recent call last):
    backlit.errors.BacklitError: Conv2D of 6 filters, size 31 × 31: windows of 31 rows do not fit into 28 rows: \
(28 - 31) / 1 + 1 = -2 rows. Take windows of at most 28, or padding='same'.
    """

    filters: Count
    size: Counts
    activation: str | Activation = "identity"
    stride: Counts = 1
    padding: Padding = "valid"
    dilation: Counts = 1
    groups: Count = 1
    bias: bool = True
    weights: Any = None
    biases: Any = None
    freeze: tuple[str, ...] = ()
    tie: str = ""

    axes: ClassVar[tuple[str, ...]] = PICTURE
    formula: ClassVar[str] = (
        r"\mathrm{net}_{ijf} = \sum_k \sum_l \sum_c w_{klcf} x_{i s + k d - p,\, j s + l d - p,\, c} + b_f"
    )

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give two filters of 2 × 2 and a picture of 4 × 4 with two channels."""
        return cls(2, 2), (4, 4, 2)

    forward = staticmethod(FORWARD)
    backward = staticmethod(BACKWARD)


@register("conv1d")
class Conv1D(Convolution, frozen=True):
    r"""A convolution over sequences: `filters` windows of `size` times, each slid along the whole sequence.

    Forward: Z[i, f] = b[f] + Σ_k Σ_c W[k, c, f] X[i s + k d - p, c], with the stride s, the dilation d and the padding
    p; terms outside of the sequence are left out. Backward: dW[k, c, f] = Σ_rows Σ_i dZ[i, f] X[i s + k d - p, c],
    db[f] = Σ_rows Σ_i dZ[i, f], dX[t, c] = the sum of W[k, c, f] dZ[i, f] over all windows i whose place k is t.

    Shapes: X (n, times, channels), W (size, channels / groups, filters), b (filters,), Z (n, times out, filters) with
    times out = floor((times + padding - d (size - 1) - 1) / s) + 1. PyTorch puts the channels first: X (n, channels,
    times), of which X.transpose(0, 2, 1) is ours, and W (filters, channels / groups, size): `set_torch_weights` takes a
    whole network's weights over.

    Args: those of `Conv2D`, each a number, since there is one axis.

    Errors: a BacklitError where a setting is out of its bounds; where rows are no sequences, no window fits into them,
    or the groups cannot share the channels evenly, when the network is built.

    Source: Waibel, Hanazawa, Hinton, Shikano, Lang, "Phoneme recognition using time-delay neural networks", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 37, 1989.

    >>> Conv1D(16, 5, "relu").shapes((128, 8)).parameters
    {'W': (5, 8, 16), 'b': (16,)}
    """

    filters: Count
    size: Count
    activation: str | Activation = "identity"
    stride: Count = 1
    padding: LinePadding = "valid"
    dilation: Count = 1
    groups: Count = 1
    bias: bool = True
    weights: Any = None
    biases: Any = None
    freeze: tuple[str, ...] = ()
    tie: str = ""

    axes: ClassVar[tuple[str, ...]] = LINE
    formula: ClassVar[str] = r"\mathrm{net}_{if} = \sum_k \sum_c w_{kcf} x_{i s + k d - p,\, c} + b_f"

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give two filters of two times and a sequence of four times with two channels."""
        return cls(2, 2), (4, 2)

    forward = staticmethod(FORWARD)
    backward = staticmethod(BACKWARD)
