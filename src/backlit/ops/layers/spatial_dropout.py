"""Spatial dropout: random zeros for whole channels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from backlit.ops.base import Layer, Shape, Shapes, tuned
from backlit.ops.equations import Equations
from backlit.ops.layers.dropout import LOWER, SHIFT_32, TWO_TO_32, Dropping, draw, draw_factors, masked, stream
from backlit.ops.registry import register


def spatial_dropout_loops(
    X: Any, Z: Any, M: Any, p: float, training: int, seed: int, step: int, op_number: int, first_row: int
) -> None:
    """Draw a factor for each channel of a row, and apply it at all positions."""
    n, channels = M.shape
    positions = X.shape[1] // channels
    start = stream(seed, step, op_number)
    key, other_key = np.uint32(start & LOWER), np.uint32(start >> SHIFT_32)
    threshold = np.uint32(np.float64(p) * TWO_TO_32)
    scale = 1.0 / (1.0 - p)
    drops = training != 0 and p != 0.0
    first = first_row * channels
    for i in range(n):
        for j in range(channels):  # M (n, channels)
            kept = not drops or draw(np.uint32(first + i * channels + j), key, other_key) >= threshold
            M[i, j] = (scale if drops else 1.0) if kept else 0.0
        for at in range(positions):  # X, Z (n, positions channels)
            for j in range(channels):
                Z[i, at * channels + j] = X[i, at * channels + j] * M[i, j]


def spatial_dropout_backward_loops(dZ: Any, M: Any, dX: Any) -> None:
    """Multiply by the factors at all positions."""
    channels = M.shape[1]
    positions = dZ.shape[1] // channels
    for i in range(dX.shape[0]):
        for at in range(positions):  # dX, dZ (n, positions channels)
            for j in range(channels):
                dX[i, at * channels + j] = dZ[i, at * channels + j] * M[i, j]


@register("spatial_dropout")
class SpatialDropout(Dropping, frozen=True):
    r"""Sets whole channels of a row to 0 with probability p while training, and divides the others by 1 - p.

    Neighbouring numbers of a picture or a sequence are alike, so dropping single ones hides little; a channel, which is
    one filter's map or one feature at all times, is kept or dropped whole. Forward: Z = X M with one m for each row and
    channel, 0 with probability p, else 1 / (1 - p); outside training Z = X. Backward: dX = dZ M. Shapes: X, Z
    (n, positions, channels), M (n, channels); of rows of one axis it is dropout.

    The factors are counter-based as dropout's: m is a hash of row and channel, of the seed, the step and the op's
    number, so neither threads nor a resumed run change a draw, and plain and compiled ones are equal bit for bit.

    Args:
        p: the fraction of channels set to 0, from 0 to below 1.

    Errors: a BacklitError where p is negative, 1 or more, or not a number.

    Source: Tompson, Goroshin, Jain, LeCun, Bregler, "Efficient object localization using convolutional networks", CVPR
    2015. (Keras' SpatialDropout1D and 2D, PyTorch's Dropout1d and Dropout2d, channels last.)

    >>> X, Z, M = np.ones((2, 6)), np.empty((2, 6)), np.empty((2, 2))  # 2 rows, 3 positions, 2 channels
    >>> SpatialDropout.forward(X, Z, M, p=0.5, training=1, seed=1, step=0, op_number=0, first_row=0)
    >>> (Z.reshape(2, 3, 2) == M[:, None]).all()
    np.True_
    """

    formula: ClassVar[str] = r"z_{tj} = m_j x_{tj}, \quad m_j \in \left\{0, \frac{1}{1 - p}\right\}"

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X and Z, and M with a number for each channel."""
        (row,) = rows
        return Shapes({"X": row, "Z": row, "M": row[-1:]})

    def equations(self, *rows: Shape) -> Equations:
        """Give each channel's factor as what was drawn, and each output as the input times it."""
        return masked(self, rows[0], rows[0][-1:])

    @classmethod
    def sample(cls) -> tuple[Layer, Shape]:
        """Give one for a sequence of three moments and two channels."""
        return cls(), (3, 2)

    def summary(self) -> str:
        """Give the fraction dropped."""
        return f"spatial dropout {self.p:g}"

    @staticmethod
    @tuned(spatial_dropout_loops)
    def forward(
        X: Any, Z: Any, M: Any, p: float, training: int, seed: int, step: int, op_number: int, first_row: int
    ) -> None:
        """Z = X M, one m for each row and channel."""
        draw_factors(M, p, training, seed, step, op_number, first_row)
        _times_channels(X, M, Z)

    @staticmethod
    @tuned(spatial_dropout_backward_loops)
    def backward(dZ: Any, M: Any, dX: Any) -> None:
        """dX = dZ M."""
        if dX.size:
            _times_channels(dZ, M, dX)


def _times_channels(values: Any, M: Any, out: Any) -> None:
    """Write the values (n, positions channels) times M (n, channels), at all positions."""
    n, channels = M.shape
    np.multiply(values.reshape(n, -1, channels), M[:, None], out=out.reshape(n, -1, channels))
