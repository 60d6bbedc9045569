"""Softmax, the one activation whose outputs depend on all inputs of a row."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from backlit.kernels.functions import flat
from backlit.ops.base import Activation, Interval, any_order, tuned
from backlit.ops.registry import register


def exponential(z: Any) -> Any:
    """Give exp(z). Loops over arrays call this function of one number: only there np.exp is compiled to vectorise."""
    return np.exp(z)


def larger(one: Any, other: Any) -> Any:
    """Give the larger of two numbers, NaN if either is; for loops, as `exponential`."""
    return np.maximum(one, other)


def subtract_tops(Z: Any, A: Any) -> None:
    """Write z - max z of every row, of which exp cannot overflow."""
    n, k = Z.shape
    for i in range(n):
        top = Z[i, 0]
        for j in range(1, k):
            top = larger(top, Z[i, j])
        for j in range(k):
            A[i, j] = Z[i, j] - top


@any_order
def softmax_loops(Z: Any, A: Any) -> None:
    """Write the softmax of every row. One loop over all elements takes the exponentials: rows may be short."""
    n, k = Z.shape
    subtract_tops(Z, A)
    every = flat(A)
    for i in range(n * k):
        every[i] = exponential(every[i])
    for i in range(n):
        total = 0.0
        for j in range(k):
            total += A[i, j]
        share = 1.0 / total
        for j in range(k):
            A[i, j] *= share


@any_order
def softmax_backward_loops(A: Any, dA: Any, dZ: Any) -> None:
    """Multiply every row of dA by the Jacobian."""
    for i in range(A.shape[0]):
        mean = 0.0
        for j in range(A.shape[1]):
            mean += dA[i, j] * A[i, j]
        for j in range(A.shape[1]):
            dZ[i, j] = A[i, j] * (dA[i, j] - mean)


@register("softmax")
class Softmax(Activation, frozen=True):
    r"""a_j = exp(z_j) / Σ_k exp(z_k): the outputs of a row are positive and sum to 1.

    Backward, the full Jacobian ∂a_k/∂z_j = a_k ([k = j] - a_j): dz_j = a_j (da_j - Σ_k da_k a_k). Written with
    exp(z - max z), which cannot overflow. Shapes: Z, A (n, k). Of a picture or a sequence, the k numbers of each
    position.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs", Neurocomputing, 1990.

    >>> A = np.empty((1, 2))
    >>> Softmax.forward(np.array([[1e308, -1e308]]), A)
    >>> A.tolist()
    [[1.0, 0.0]]
    """

    by_position: ClassVar[bool] = True
    outputs: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"a_j = \frac{e^{z_j}}{\sum_k e^{z_k}}"
    slope_formula: ClassVar[str] = r"\frac{\partial a_k}{\partial z_j} = a_k\,([k = j] - a_j)"

    @staticmethod
    @tuned(softmax_loops)
    def forward(Z: Any, A: Any) -> None:
        """A = exp(Z - max) / sum, row by row."""
        with np.errstate(over="ignore"):  # of two far ends of the range, the difference is -inf, and its exp 0
            np.subtract(Z, Z.max(axis=1, keepdims=True), out=A)
        np.exp(A, out=A)
        A /= A.sum(axis=1, keepdims=True)

    @staticmethod
    @tuned(softmax_backward_loops)
    def backward(A: Any, dA: Any, dZ: Any) -> None:
        """dZ = A (dA - the sum of dA A), row by row."""
        dZ[:] = A * (dA - (dA * A).sum(axis=1, keepdims=True))
