"""Layers that put the numbers of a picture or a sequence elsewhere: as one long row, or several times."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from backlit.errors import BacklitError
from backlit.kernels.convolution import pictures
from backlit.kernels.functions import flat
from backlit.ops.base import Interval, Layer, Shape, Shapes, check_settings, tuned
from backlit.ops.equations import Equations, Formula, Index, Part, every, of, total
from backlit.ops.layers.windows import Counts, pair, sides
from backlit.ops.registry import register


def copy_loops(X: Any, Z: Any) -> None:
    """Copy all numbers."""
    x, z = flat(X), flat(Z)
    for i in range(x.shape[0]):
        z[i] = x[i]


def copy_back_loops(dZ: Any, dX: Any) -> None:
    """Copy all numbers back."""
    dz, dx = flat(dZ), flat(dX)
    for i in range(dx.shape[0]):
        dx[i] = dz[i]


@register("flatten")
class Flatten(Layer, frozen=True):
    """The numbers of a picture or a sequence as one row, for dense layers.

    Forward: Z holds the numbers of X in their order: row after row, column after column, channel after channel.
    Backward: dX holds those of dZ. Shapes: X (n, rows, columns, channels) or any other, Z (n, numbers).

    PyTorch's order is another, since its channels come first; `set_torch_weights` arranges the weights behind it.

    >>> Flatten().shapes((5, 5, 16)).buffers["Z"]
    (400,)
    """

    formula: ClassVar[str] = r"\mathrm{out}_i = x_i"

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie: where the inputs do."""
        return inputs[0]

    def shapes(self, *rows: Shape) -> Shapes:
        """Give X of its shape, and Z with as many numbers."""
        return Shapes({"X": rows[0], "Z": (math.prod(rows[0]),)})

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give the layer and a picture of 2 × 2 with two channels."""
        return cls(), (2, 2, 2)

    def equations(self, *rows: Shape) -> Equations:
        """Say that the numbers are the same."""
        return Equations(same_numbers=True)

    @staticmethod
    @tuned(copy_loops)
    def forward(X: Any, Z: Any) -> None:
        """Z = X."""
        Z[:] = X

    @staticmethod
    @tuned(copy_back_loops)
    def backward(dZ: Any, dX: Any) -> None:
        """dX = dZ."""
        if dX.size:
            dX[:] = dZ


def upsample_loops(X: Any, Z: Any) -> None:
    """Write each number to all of its places."""
    X, Z = pictures(X), pictures(Z)
    n, rows, columns, channels = X.shape
    down, right = Z.shape[1] // rows, Z.shape[2] // columns
    for i in range(n):
        for r in range(rows * down):
            for c in range(columns):
                for at in range(c * right, (c + 1) * right):
                    for q in range(channels):
                        Z[i, r, at, q] = X[i, r // down, c, q]


def upsample_backward_loops(dZ: Any, dX: Any) -> None:
    """Sum the slopes of each number's places."""
    dZ, dX = pictures(dZ), pictures(dX)
    n, rows, columns, channels = dX.shape
    down, right = dZ.shape[1] // rows, dZ.shape[2] // columns
    dX[:] = 0.0
    for i in range(n):
        for r in range(rows * down):
            for c in range(columns):
                for at in range(c * right, (c + 1) * right):
                    for q in range(channels):
                        dX[i, r // down, c, q] += dZ[i, r, at, q]


@register("upsample")
class Upsample(Layer, frozen=True):
    """A picture or a sequence made larger: every number `factor` times beside itself and below (nearest neighbour).

    Forward: Z[i, j, q] = X[floor(i / factor), floor(j / factor), q]. Backward: dX[r, c, q] = the sum of dZ over the
    factor² places that show X[r, c, q]. Shapes: X (n, rows, columns, channels), Z (n, factor rows, factor columns,
    channels); of sequences (n, times, channels) and (n, factor times, channels).

    Args:
        factor: how many times: a number, or a pair for rows and columns; of sequences a number.

    Errors: a BacklitError where the factor is below 1; where rows are neither pictures nor sequences, when the network
    is built.

    Source: Odena, Dumoulin, Olah, "Deconvolution and checkerboard artifacts", Distill, 2016: before a convolution, in
    the place of a transposed one.

    >>> Upsample(2).shapes((4, 4, 3)).buffers["Z"]
    (8, 8, 3)
    """

    factor: Counts = 2
    shaped: ClassVar[bool] = True
    formula: ClassVar[str] = r"\mathrm{out}_{ijq} = x_{\lfloor i / s \rfloor, \lfloor j / s \rfloor, q}"

    def __post_init__(self) -> None:
        check_settings(self)

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie: where the inputs do."""
        return inputs[0]

    def factors(self, row: Shape) -> tuple[int, ...]:
        """Give the factor of each axis but the channels. Errors: a BacklitError where the row's shape is another's."""
        if len(row) == 2 and isinstance(self.factor, (tuple, list)):
            raise BacklitError(
                f"Upsample: factor is {self.factor!r}; sequences of shape {row} (times, channels) have one axis to "
                "grow along: expected one number."
            )
        if len(row) not in (2, 3):
            raise BacklitError(
                f"Upsample reads pictures (rows, columns, channels) or sequences (times, channels); it is given rows "
                f"of shape {row}. Give the network the shape of a row, such as inputs=(28, 28, 1)."
            )
        return pair(self.factor)[: len(row) - 1]

    def shapes(self, *rows: Shape) -> Shapes:
        """Give X of its shape and Z, larger by the factor."""
        (row,) = rows
        return Shapes({"X": row, "Z": (*(a * s for a, s in zip(row, self.factors(row), strict=False)), row[-1])})

    def numbers(self) -> dict[str, float]:
        """Give nothing: the loops see the factor from the shapes."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain data."""
        factor = self.factor
        return super().to_dict() | {"factor": list(factor) if isinstance(factor, tuple) else factor}

    def summary(self) -> str:
        """Give the factor."""
        return f"upsample, factor {sides(self.factor)}"

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give a factor of 2 and a picture of 2 × 2 with two channels."""
        return cls(), (2, 2, 2)

    def equations(self, *rows: Shape) -> Equations:
        """Give which number each output repeats, and each slope as the sum over its places."""
        (row,) = rows
        factors, out = self.factors(row), self.shapes(row).buffers["Z"]

        def repeated(index: Index) -> Formula:
            return of("X", *(place // s for place, s in zip(index, factors, strict=False)), index[-1])

        def back(index: Index) -> Formula:
            places = every(factors)
            first = [place * s for place, s in zip(index, factors, strict=False)]
            return total(*(of("dZ", *(a + b for a, b in zip(first, p, strict=True)), index[-1]) for p in places))

        return Equations(
            forward=(Part(array="Z", kind="out", places=every(out), formula=repeated),),
            backward=(Part(array="dX", kind="out", places=every(row), formula=back),),
        )

    @staticmethod
    @tuned(upsample_loops)
    def forward(X: Any, Z: Any) -> None:
        """Z[i, j] = X[i // factor, j // factor]."""
        X, Z = pictures(X), pictures(Z)
        Z[:] = X.repeat(Z.shape[1] // X.shape[1], axis=1).repeat(Z.shape[2] // X.shape[2], axis=2)

    @staticmethod
    @tuned(upsample_backward_loops)
    def backward(dZ: Any, dX: Any) -> None:
        """dX = the sum of dZ over the places of each number."""
        if dX.size:
            dZ, dX = pictures(dZ), pictures(dX)
            n, rows, columns, channels = dX.shape
            dX[:] = dZ.reshape(n, rows, dZ.shape[1] // rows, columns, -1, channels).sum(axis=(2, 4))
