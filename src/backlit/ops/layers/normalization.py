"""Normalization: batch normalization over the rows of each column, layer normalization over the columns of each row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.ops.base import Interval, Layer, Shape, Shapes, any_order, check_settings, tuned
from backlit.ops.registry import register
from backlit.ops.value_checks import Portion, Positive

SYMBOLS = {"momentum": r"\rho", "epsilon": r"\varepsilon"}


def gradients_loops(dZ: Any, N: Any, dgamma: Any, dbeta: Any) -> None:
    """dgamma = the sum of the rows of dZ N, dbeta = the sum of the rows of dZ, row after row."""
    for j in range(N.shape[1]):
        dgamma[j] = 0.0
        dbeta[j] = 0.0
    for i in range(N.shape[0]):
        for j in range(N.shape[1]):
            dgamma[j] += dZ[i, j] * N[i, j]
            dbeta[j] += dZ[i, j]


# -------------------------------------------------------------------------------------------------- batch normalization


def column_moments_loops(X: Any, mu: Any, r: Any) -> None:
    """Write the columns' means into mu and their variances, divided by n, into r."""
    n, columns = X.shape
    share = 1.0 / X.dtype.type(n)  # a whole number beside a float32 would make a float64
    for j in range(columns):
        mu[j] = 0.0
        r[j] = 0.0
    for i in range(n):
        for j in range(columns):
            mu[j] += X[i, j]
    for j in range(columns):
        mu[j] *= share
    for i in range(n):
        for j in range(columns):
            deviation = X[i, j] - mu[j]
            r[j] += deviation * deviation
    for j in range(columns):
        r[j] *= share


def batch_norm_loops(
    X: Any, gamma: Any, beta: Any, mean: Any, variance: Any, mu: Any, r: Any, N: Any, Z: Any,
    momentum: float, epsilon: float, training: int,
) -> None:  # fmt: skip
    """Normalize every column, row by row."""
    n, columns = X.shape
    if training == 1:
        column_moments_loops(X, mu, r)
        unbiased = X.dtype.type(n) / X.dtype.type(max(n - 1, 1))
        for j in range(columns):
            mean[j] += momentum * (mu[j] - mean[j])
            if n > 1:
                variance[j] += momentum * (r[j] * unbiased - variance[j])
    else:
        for j in range(columns):
            mu[j] = mean[j]
            r[j] = variance[j]
    for j in range(columns):
        r[j] = 1.0 / np.sqrt(r[j] + epsilon)
    for i in range(n):
        for j in range(columns):
            N[i, j] = (X[i, j] - mu[j]) * r[j]
            Z[i, j] = gamma[j] * N[i, j] + beta[j]


def batch_norm_backward_loops(
    N: Any, r: Any, gamma: Any, dZ: Any, dX: Any, dgamma: Any, dbeta: Any, training: int
) -> None:
    """Write dX from dZ through scale, shift and the columns' moments, row by row."""
    gradients_loops(dZ, N, dgamma, dbeta)
    share = 0.0 if training == 0 else 1.0 / N.dtype.type(N.shape[0])
    for i in range(dX.shape[0]):
        for j in range(dX.shape[1]):
            dX[i, j] = gamma[j] * r[j] * (dZ[i, j] - share * (dbeta[j] + N[i, j] * dgamma[j]))


@register("batch_norm")
class BatchNorm(Layer, frozen=True):
    r"""Normalizes each column over the rows of the batch, then scales by gamma and shifts by beta.

    Forward while training, with μ and σ² the mean and the variance (divided by n) of a column over the batch:
    N = (X - μ) r with r = 1 / √(σ² + ε), Z = γ N + β; and the running statistics move by a fraction `momentum` towards
    μ and σ² n / (n - 1), the unbiased estimate, as PyTorch's do (Keras takes σ² itself, and calls 1 - momentum the
    momentum). Forward otherwise: the running statistics take the place of μ and σ².

    Backward while training: dγ = Σ_rows dZ N, dβ = Σ_rows dZ, dX = γ r (dZ - (dβ + N dγ) / n). Otherwise dX = γ r dZ.

    Shapes: X, N, Z (n, columns); gamma, beta, the running mean and variance, mu and r (columns,). N, mu and r are kept
    for backward. Of pictures and sequences the columns are the channels, and n counts the positions of all rows.

    A batch of one row has no spread: N is 0, Z is β and dX is 0; the running variance stays as it is. (PyTorch refuses
    such a batch; a training whose batches all have one row warns.) A row's result
    depends on its whole batch, which is therefore normalized in one piece.

    Args:
        momentum: the weight of the newest batch in the running statistics, from 0 to 1.
        epsilon: added to the variance, above 0.
        tie: layers of one tie share gamma and beta; each has running statistics of its own.

    Errors: a BacklitError where a setting is out of its bounds.

    Source: Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", ICML 2015.

    >>> BatchNorm().shapes((3,)).parameters
    {'gamma': (3,), 'beta': (3,)}
    """

    momentum: Portion = 0.1
    epsilon: Positive = 1e-5
    tie: str = ""
    by_position: ClassVar[bool] = True
    batch_coupled: ClassVar[bool] = True
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    symbols: ClassVar[Mapping[str, str]] = SYMBOLS
    formula: ClassVar[str] = r"z_j = \gamma_j \frac{x_j - \mu_j}{\sqrt{\sigma_j^2 + \varepsilon}} + \beta_j"
    slope_formula: ClassVar[str] = (
        r"\frac{\partial E}{\partial x_j} = \frac{\gamma_j}{\sqrt{\sigma_j^2 + \varepsilon}} \left("
        r"\frac{\partial E}{\partial z_j} - \frac{1}{n} \left(\frac{\partial E}{\partial \beta_j} + "
        r"\hat{x}_j \frac{\partial E}{\partial \gamma_j}\right)\right)"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X, N and Z, the vectors gamma and beta, the running statistics, and mu and r."""
        (row,) = rows
        vector = row[-1:]
        return Shapes(
            {"X": row, "N": row, "Z": row},
            {"gamma": vector, "beta": vector}, {"mean": vector, "variance": vector}, {"mu": vector, "r": vector},
        )  # fmt: skip

    def initial(self, name: str) -> Any:
        """Give 1 for gamma and the running variance, 0 for beta and the running mean."""
        return 1.0 if name in {"gamma", "variance"} else 0.0

    @staticmethod
    @tuned(batch_norm_loops)
    def forward(
        X: Any, gamma: Any, beta: Any, mean: Any, variance: Any, mu: Any, r: Any, N: Any, Z: Any,
        momentum: float, epsilon: float, training: int,
    ) -> None:  # fmt: skip
        """N = (X - mu) r, Z = gamma N + beta, over the columns of a batch."""
        n = X.shape[0]
        if training == 1:
            mu[:] = X.mean(axis=0)
            r[:] = X.var(axis=0)
            mean += momentum * (mu - mean)
            if n > 1:
                variance += momentum * (r * n / (n - 1) - variance)
        else:
            mu[:] = mean
            r[:] = variance
        r[:] = 1.0 / np.sqrt(r + epsilon)
        N[:] = (X - mu) * r
        Z[:] = gamma * N + beta

    @staticmethod
    @tuned(batch_norm_backward_loops)
    def backward(N: Any, r: Any, gamma: Any, dZ: Any, dX: Any, dgamma: Any, dbeta: Any, training: int) -> None:
        """dX = gamma r (dZ - (dbeta + N dgamma) / n), with dgamma and dbeta the sums of the rows of dZ N and dZ."""
        dgamma[:] = (dZ * N).sum(axis=0)
        dbeta[:] = dZ.sum(axis=0)
        if dX.size and training == 1:
            dX[:] = gamma * r * (dZ - (dbeta + N * dgamma) / N.shape[0])
        elif dX.size:
            dX[:] = gamma * r * dZ


# -------------------------------------------------------------------------------------------------- layer normalization


@any_order
def layer_norm_loops(X: Any, gamma: Any, beta: Any, r: Any, N: Any, Z: Any, epsilon: float) -> None:
    """Normalize every row."""
    n, columns = X.shape
    share = 1.0 / X.dtype.type(columns)
    for i in range(n):
        total = squares = 0.0
        for j in range(columns):
            total += X[i, j]
        mu = share * total
        for j in range(columns):
            N[i, j] = X[i, j] - mu
            squares += N[i, j] * N[i, j]
        r[i] = 1.0 / np.sqrt(share * squares + epsilon)
        for j in range(columns):
            N[i, j] *= r[i]
            Z[i, j] = gamma[j] * N[i, j] + beta[j]


@any_order
def layer_norm_backward_loops(N: Any, r: Any, gamma: Any, dZ: Any, dX: Any, dgamma: Any, dbeta: Any) -> None:
    """Write dX from dZ through scale, shift and the rows' moments; dX holds dN until then."""
    gradients_loops(dZ, N, dgamma, dbeta)
    columns = N.shape[1]
    share = 1.0 / N.dtype.type(columns)
    for i in range(dX.shape[0]):
        mean = along = 0.0
        for j in range(columns):
            dX[i, j] = gamma[j] * dZ[i, j]
            mean += dX[i, j]
            along += dX[i, j] * N[i, j]
        mean, along = share * mean, share * along
        for j in range(columns):
            dX[i, j] = r[i] * (dX[i, j] - mean - N[i, j] * along)


@register("layer_norm")
class LayerNorm(Layer, frozen=True):
    r"""Normalizes each row over its columns, then scales by gamma and shifts by beta; the same in training and after.

    Forward, with μ and σ² the mean and the variance (divided by the columns k) of a row: N = (X - μ) r with
    r = 1 / √(σ² + ε), Z = γ N + β. Backward, with dN = γ dZ: dγ = Σ_rows dZ N, dβ = Σ_rows dZ,
    dX = r (dN - mean(dN) - N mean(dN N)), the means over the columns.

    Shapes: X, N, Z (n, columns); r (n,); gamma, beta (columns,). N and r are kept for backward. With a single
    column N is 0 and Z is β. Of pictures and sequences, the channels of each position are normalized by themselves, as
    Keras does by default; PyTorch does so with normalized_shape = the channels, which it expects last.

    Args:
        epsilon: added to the variance, above 0.
        tie: layers of one tie share gamma and beta.

    Errors: a BacklitError where epsilon is not above 0.

    Source: Ba, Kiros, Hinton, "Layer normalization", arXiv:1607.06450, 2016.

    >>> LayerNorm().shapes((3,)).buffers
    {'X': (3,), 'N': (3,), 'Z': (3,), 'r': (1,)}
    >>> LayerNorm().shapes((28, 28, 3)).parameters
    {'gamma': (3,), 'beta': (3,)}
    """

    epsilon: Positive = 1e-5
    tie: str = ""
    by_position: ClassVar[bool] = True
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    symbols: ClassVar[Mapping[str, str]] = SYMBOLS
    formula: ClassVar[str] = r"z_j = \gamma_j \frac{x_j - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta_j"
    slope_formula: ClassVar[str] = (
        r"\frac{\partial E}{\partial x_j} = \frac{1}{\sqrt{\sigma^2 + \varepsilon}} \left("
        r"\gamma_j \frac{\partial E}{\partial z_j} - \frac{1}{k} \sum_i \gamma_i \frac{\partial E}{\partial z_i} - "
        r"\hat{x}_j \frac{1}{k} \sum_i \gamma_i \frac{\partial E}{\partial z_i} \hat{x}_i\right)"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def shapes(self, *rows: Shape) -> Shapes:
        """Give the buffers X, N, Z and r, and the vectors gamma and beta."""
        (row,) = rows
        vector = row[-1:]
        return Shapes({"X": row, "N": row, "Z": row, "r": (*row[:-1], 1)}, {"gamma": vector, "beta": vector})

    def initial(self, name: str) -> Any:
        """Give 1 for gamma and 0 for beta."""
        return 1.0 if name == "gamma" else 0.0

    @staticmethod
    @tuned(layer_norm_loops)
    def forward(X: Any, gamma: Any, beta: Any, r: Any, N: Any, Z: Any, epsilon: float) -> None:
        """N = (X - mean) r, Z = gamma N + beta, over the columns of a row."""
        r[:] = 1.0 / np.sqrt(X.var(axis=1) + epsilon)
        N[:] = (X - X.mean(axis=1, keepdims=True)) * r[:, None]
        Z[:] = gamma * N + beta

    @staticmethod
    @tuned(layer_norm_backward_loops)
    def backward(N: Any, r: Any, gamma: Any, dZ: Any, dX: Any, dgamma: Any, dbeta: Any) -> None:
        """dX = r (dN - mean(dN) - N mean(dN N)) with dN = gamma dZ."""
        dgamma[:] = (dZ * N).sum(axis=0)
        dbeta[:] = dZ.sum(axis=0)
        if dX.size:
            dN = gamma * dZ
            inner = (dN * N).mean(axis=1, keepdims=True)
            dX[:] = r[:, None] * (dN - dN.mean(axis=1, keepdims=True) - N * inner)
