"""Dropout: random zeros while training, so that no unit can count on another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from backlit.ops.op import Interval, Layer, Shapes, check_settings, register, tuned

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio, odd: the steps of the counter
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_30, SHIFT_27, SHIFT_31, SHIFT_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
TWO_TO_53 = np.float64(2**53)


def mix(h: Any) -> Any:
    """Scramble 64 bits, one to one: the output function of SplitMix64.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    h = (h ^ (h >> SHIFT_30)) * FIRST
    h = (h ^ (h >> SHIFT_27)) * SECOND
    return h ^ (h >> SHIFT_31)


def stream(seed: int, step: int, op_number: int) -> Any:
    """Give the state at which the random numbers of one op at one step begin."""
    h = mix(np.uint64(seed) + GOLDEN)
    h = mix(h ^ (np.uint64(step) * GOLDEN))
    return mix(h ^ (np.uint64(op_number) * GOLDEN))


def dropout_loops(
    X: Any, Z: Any, M: Any, p: float, training: int, seed: int, step: int, op_number: int, first_row: int
) -> None:
    """Draw the mask and apply it, element by element."""
    n, columns = X.shape
    if training == 0 or p == 0.0:
        for i in range(n):
            for j in range(columns):
                M[i, j] = 1.0
                Z[i, j] = X[i, j]
        return
    start = stream(seed, step, op_number)
    threshold = np.uint64(np.float64(p) * TWO_TO_53)
    scale = 1.0 / (1.0 - p)
    for i in range(n):
        row = start + np.uint64((first_row + i) * columns) * GOLDEN
        for j in range(columns):
            draw = mix(row + np.uint64(j) * GOLDEN) >> SHIFT_11
            M[i, j] = scale if draw >= threshold else 0.0
        for j in range(columns):
            Z[i, j] = X[i, j] * M[i, j]


def dropout_backward_loops(dZ: Any, M: Any, dX: Any) -> None:
    """Multiply by the mask, element by element."""
    for i in range(dX.shape[0]):
        for j in range(dX.shape[1]):
            dX[i, j] = dZ[i, j] * M[i, j]


@register("dropout")
class Dropout(Layer, frozen=True):
    r"""Sets each input to 0 with probability p while training, and divides the others by 1 - p: inverted dropout.

    Forward: Z = X M with m_ij = 0 with probability p, else 1 / (1 - p), so that the expected value is the input;
    outside training Z = X. Backward: dX = dZ M, with the same mask. Shapes: X, Z, M (n, columns).

    The mask is counter-based: m_ij is drawn as element (row, column) of the SplitMix64 stream that seed, step and the
    op's number choose, with the row counted from the batch's first. Neither shards nor threads nor a resumed run change
    a draw, and plain and compiled masks are equal bit for bit.

    Args:
        p: the fraction set to 0, from 0 to below 1.

    Errors: a BacklitError where p is negative, 1 or more, or not a number.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent neural networks
    from overfitting", JMLR 15, 2014.

    >>> X, Z, M = np.ones((2, 4)), np.empty((2, 4)), np.empty((2, 4))
    >>> Dropout.forward(X, Z, M, p=0.5, training=1, seed=0, step=0, op_number=0, first_row=0)
    >>> sorted(set(Z.ravel().tolist()))
    [0.0, 2.0]
    """

    p: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    symbols: ClassVar[Mapping[str, str]] = {"p": "p"}
    formula: ClassVar[str] = r"z_j = m_j x_j, \quad m_j \in \left\{0, \frac{1}{1 - p}\right\}"
    slope_formula: ClassVar[str] = r"m_j"

    def __post_init__(self) -> None:
        check_settings(self)

    def shapes(self, columns: int) -> Shapes:
        """Give the buffers X, Z and the mask M, all of the same columns."""
        return Shapes({"X": columns, "Z": columns, "M": columns})

    def reach(self, inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie: 0, or an input divided by 1 - p."""
        return inputs and (min(inputs[0] / (1.0 - self.p), 0.0), max(inputs[1] / (1.0 - self.p), 0.0))

    def summary(self) -> str:
        """Give the fraction dropped."""
        return f"dropout {self.p:g}"

    @staticmethod
    @tuned(dropout_loops)
    def forward(
        X: Any, Z: Any, M: Any, p: float, training: int, seed: int, step: int, op_number: int, first_row: int
    ) -> None:
        """Z = X M."""
        if training == 0 or p == 0.0:
            M[:] = 1.0
        else:
            p = M.dtype.type(p)  # rounded as a compiled kernel is given it
            with np.errstate(over="ignore"):  # the arithmetic is that of whole numbers modulo 2⁶⁴
                counter = np.uint64(first_row * X.shape[1]) + np.arange(X.size, dtype=np.uint64)
                draws = mix(stream(seed, step, op_number) + counter * GOLDEN) >> SHIFT_11
            kept = draws >= np.uint64(np.float64(p) * TWO_TO_53)
            M[:] = np.where(kept, 1.0 / (1.0 - p), 0.0).reshape(X.shape)
        np.multiply(X, M, out=Z)

    @staticmethod
    @tuned(dropout_backward_loops)
    def backward(dZ: Any, M: Any, dX: Any) -> None:
        """dX = dZ M."""
        if dX.size:
            np.multiply(dZ, M, out=dX)
