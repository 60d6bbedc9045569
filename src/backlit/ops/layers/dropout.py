"""Dropout: random zeros while training, so that no unit can count on another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
import numpy as np

from backlit.kernels.functions import flat
from backlit.ops.base import Interval, Layer, Shape, Shapes, check_settings, tuned
from backlit.ops.equations import (
    Constant,
    Count,
    Element,
    Equations,
    Index,
    Part,
    every,
    minus,
    of,
    product,
    quotient,
    total,
)
from backlit.ops.registry import register
from backlit.ops.value_checks import Share

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio, odd: the steps of the counter
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT_30, SHIFT_27, SHIFT_31, SHIFT_32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
LOWER = np.uint64(0xFFFFFFFF)

NARROW_GOLDEN, NARROW_FIRST, NARROW_SECOND = np.uint32(0x9E3779B9), np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
SHIFT_16, SHIFT_15 = np.uint32(16), np.uint32(15)
TWO_TO_32 = np.float64(2**32)


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


def draw(counter: Any, key: Any, other_key: Any) -> Any:
    """Give the 32 random bits of one element: its counter and a key scrambled, then again with a second key.

    In 32 bits, a vector unit draws for eight elements at once. With one key alone, two streams would be one stream
    begun at two places. Every operation's result is named 32 bits wide, since Numba would go on in 64.

    Source: Wellons, "Prospecting for hash functions", 2018: the shifts and factors of `lowbias32`.
    """
    h = np.uint32(np.uint32(counter * NARROW_GOLDEN) + key)
    h = np.uint32(np.uint32(h ^ (h >> SHIFT_16)) * NARROW_FIRST)
    h = np.uint32(h ^ other_key)
    h = np.uint32(np.uint32(h ^ (h >> SHIFT_15)) * NARROW_SECOND)
    return np.uint32(h ^ (h >> SHIFT_16))


def dropout_loops(
    X: Any, Z: Any, M: Any, p: float, training: int, seed: int, step: int, op_number: int, first_row: int
) -> None:
    """Draw the mask and apply it, element by element."""
    n, columns = X.shape
    x, z, m = flat(X), flat(Z), flat(M)
    if training == 0 or p == 0.0:
        for i in range(n * columns):
            m[i] = 1.0
            z[i] = x[i]
        return
    start = stream(seed, step, op_number)
    key, other_key = np.uint32(start & LOWER), np.uint32(start >> SHIFT_32)
    threshold = np.uint32(np.float64(p) * TWO_TO_32)
    scale = 1.0 / (1.0 - p)
    first = first_row * columns
    for i in range(n * columns):
        m[i] = scale if draw(np.uint32(first + i), key, other_key) >= threshold else 0.0
        z[i] = x[i] * m[i]


def dropout_backward_loops(dZ: Any, M: Any, dX: Any) -> None:
    """Multiply by the mask, element by element."""
    dz, m, dx = flat(dZ), flat(M), flat(dX)
    for i in range(dx.shape[0]):
        dx[i] = dz[i] * m[i]


def masked(op: Any, row: Shape, mask: Shape) -> Equations:
    """Give the equations of an op that multiplies each number by a drawn factor; `mask` is the shape of the factors."""
    scale = quotient(Constant("1"), total(Constant("1"), minus(Count("p", op.p))))

    def factor(index: Index) -> Element:
        return of("M", *index[len(index) - len(mask) :])

    return Equations(
        forward=(
            Part(
                array="M", kind="mask", places=every(mask),
                row_formula=lambda index, value: scale if value(of("M", *index)) else Constant("0"),
                note=lambda index, value: "drawn: kept" if value(of("M", *index)) else "drawn: dropped",
            ),
            Part(array="Z", kind="drop", places=every(row),
                 formula=lambda index: product(factor(index), of("X", *index))),
        ),
        backward=(Part(array="dX", kind="x", places=every(row),
                       formula=lambda index: product(of("dZ", *index), factor(index))),),
    )  # fmt: skip


def draw_factors(
    M: Any, p: float, training: int, seed: int, step: int, op_number: int, first_row: int
) -> None:  # fmt: skip
    """Write factors M (n, columns): 0 with probability p, else 1 / (1 - p); outside training 1."""
    if training == 0 or p == 0.0:
        M[:] = 1.0
        return
    p = M.dtype.type(p)  # rounded as a compiled kernel is given it
    first = first_row * M.shape[1]
    with np.errstate(over="ignore"):  # the arithmetic is that of whole numbers modulo 2⁶⁴
        start = stream(seed, step, op_number)
    places = np.arange(first, first + M.size).astype(np.uint32)
    draws = draw(places, np.uint32(start & LOWER), np.uint32(start >> SHIFT_32))
    kept = draws >= np.uint32(np.float64(p) * TWO_TO_32)
    M[:] = np.where(kept, 1.0 / (1.0 - p), 0.0).reshape(M.shape)


class Dropping(Layer, frozen=True):
    """What dropout of single inputs and of whole channels have in common: `p`, the fraction set to 0."""

    p: Share = 0.5
    symbols: ClassVar[Mapping[str, str]] = {"p": "p"}

    def __post_init__(self) -> None:
        check_settings(self)

    def reach(self, *inputs: Interval | None) -> Interval | None:
        """Give where the outputs lie: 0, or an input divided by 1 - p."""
        (of_x,) = inputs
        return of_x and (min(of_x[0] / (1.0 - self.p), 0.0), max(of_x[1] / (1.0 - self.p), 0.0))

    def without_draws(self) -> Layer:
        """Give the layer that keeps all."""
        return msgspec.structs.replace(self, p=0.0)


@register("dropout")
class Dropout(Dropping, frozen=True):
    r"""Sets each input to 0 with probability p while training, and divides the others by 1 - p: inverted dropout.

    Forward: Z = X M with m_ij = 0 with probability p, else 1 / (1 - p), so that the expected value is the input;
    outside training Z = X. Backward: dX = dZ M, with the same mask. Shapes: X, Z, M (n, columns).

    The mask is counter-based: m_ij is a hash of the place (row, column), with the row counted from the batch's first,
    and of two keys that seed, step and the op's number choose by SplitMix64. Neither shards nor threads nor a resumed
    run change a draw, and plain and compiled masks are equal bit for bit. p is met to 2⁻³².

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

    formula: ClassVar[str] = r"z_j = m_j x_j, \quad m_j \in \left\{0, \frac{1}{1 - p}\right\}"
    slope_formula: ClassVar[str] = r"m_j"

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X, Z and the mask M, all of the same shape."""
        (row,) = rows
        return Shapes({"X": row, "Z": row, "M": row})

    def equations(self, *rows: Shape) -> Equations:
        """Give each mask as what was drawn, and each output as the input times it."""
        return masked(self, rows[0], rows[0])

    def summary(self) -> str:
        """Give the fraction dropped."""
        return f"dropout {self.p:g}"

    @staticmethod
    @tuned(dropout_loops)
    def forward(
        X: Any, Z: Any, M: Any, p: float, training: int, seed: int, step: int, op_number: int, first_row: int
    ) -> None:
        """Z = X M."""
        draw_factors(M, p, training, seed, step, op_number, first_row)
        np.multiply(X, M, out=Z)

    @staticmethod
    @tuned(dropout_backward_loops)
    def backward(dZ: Any, M: Any, dX: Any) -> None:
        """dX = dZ M."""
        if dX.size:
            np.multiply(dZ, M, out=dX)
