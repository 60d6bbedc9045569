"""Losses of one class among several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.kernels.functions import flat
from backlit.ops.activations.softmax import exponential, subtract_tops
from backlit.ops.base import Interval, Loss, any_order, tuned
from backlit.ops.losses.limits import PROBABILITY_LIMITS, SMALLEST_PROBABILITY, _limited
from backlit.ops.registry import register
from backlit.ops.value_checks import NotNegative, Share


def class_weights(T: Any, k: int, label_smoothing: float) -> Any:
    """Give each row's probabilities of the k classes, smoothed: (n, k) from (n, k), or from class numbers (n, 1)."""
    targets = T if T.shape[1] == k else (np.arange(k) == T).astype(T.dtype)
    return (1.0 - label_smoothing) * targets + label_smoothing / k


def _smoothing(A: Any, label_smoothing: Any) -> Any:
    """Give what the true class keeps and what every class gets, of the type of A."""
    return 1.0 - label_smoothing, label_smoothing / A.dtype.type(A.shape[1])


def _log(z: Any) -> Any:
    """Give log(z), of the smallest probability at least; for loops, as `softmax.exponential`."""
    return np.log(np.maximum(z, SMALLEST_PROBABILITY))


def _log1p(z: Any) -> Any:
    """Give log(1 + z); for loops, as `softmax.exponential`."""
    return np.log1p(z)


def _reciprocal(p: Any) -> Any:
    """Give 1 / p, of the smallest probability at least."""
    return 1.0 / np.maximum(p, SMALLEST_PROBABILITY)


def _minus_along_targets(X: Any, T: Any, l: Any, kept: Any, spread: Any) -> None:  # noqa: E741
    """Write every row's -Σ t x, with smoothed targets t."""
    n, k = X.shape
    if T.shape[1] != k:
        for i in range(n):
            l[i] = -kept * X[i, int(T[i, 0])]
        if spread != 0.0:
            for i in range(n):
                for j in range(k):
                    l[i] -= spread * X[i, j]
    else:
        for i in range(n):
            total = 0.0
            for j in range(k):
                weight = spread + kept * T[i, j]
                if weight != 0.0:  # which must not meet an x that overflowed to infinity
                    total -= weight * X[i, j]
            l[i] = total


def _cross_entropy_loops(A: Any, T: Any, l: Any, label_smoothing: Any, ceiling: Any, dA: Any) -> None:  # noqa: E741
    """Write the rows' losses; dA holds the logarithms until the backward pass."""
    n, k = A.shape
    kept, spread = _smoothing(A, label_smoothing)
    every, logs = flat(A), flat(dA)
    for i in range(n * k):
        logs[i] = _log(every[i])
    _minus_along_targets(dA, T, l, kept, spread)
    for i in range(n):
        l[i] = _limited(l[i], ceiling)


def _cross_entropy_slope_loops(A: Any, T: Any, g: Any, dA: Any, label_smoothing: Any) -> None:
    n, k = A.shape
    kept, spread = _smoothing(A, label_smoothing)
    for i in range(n):
        if T.shape[1] == k:
            for j in range(k):
                dA[i, j] = -g[i] * ((spread + kept * T[i, j]) * _reciprocal(A[i, j]))
        else:
            for j in range(k):
                dA[i, j] = -g[i] * (spread * _reciprocal(A[i, j]))
            true = int(T[i, 0])
            dA[i, true] = -g[i] * ((spread + kept) * _reciprocal(A[i, true]))


@register("cross_entropy")
class CrossEntropy(Loss, frozen=True):
    r"""Cross-entropy of class probabilities: a row costs -Σ t log a over the classes.

    The slope is -t / a. The targets are class numbers from 0, in one column, or a probability per class (n, k), one-hot
    for instance. After `softmax` the training goes through `softmax_cross_entropy`, which works on the softmax's input:
    its slope is p - t. Factor 1, mean over rows by default, as scikit-learn's `log_loss`.

    Probabilities below 1e-30 (so 0) count as 1e-30: the loss is large there, about 69, and finite.

    Args:
        label_smoothing: s, from 0 to below 1: the targets become (1 - s) t + s / k.
        ceiling: the most that a row may count, if above 0; the slope stays as it is. scikit-learn's has -log ε.

    Source: Good, "Rational decisions", Journal of the Royal Statistical Society B 14, 1952. Label smoothing: Szegedy et
    al., "Rethinking the Inception architecture for computer vision", CVPR 2016.

    >>> import numpy as np
    >>> from backlit.ops.losses.multiclass import CrossEntropy
    >>> l = np.zeros(2)
    >>> CrossEntropy.forward(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.0], [1.0]]), l, label_smoothing=0.0)
    >>> l
    array([0.69314718, 2.30258509])
    """

    label_smoothing: Share = 0.0
    ceiling: NotNegative = 0.0
    symbols: ClassVar[Mapping[str, str]] = {"label_smoothing": "s"}
    class_targets: ClassVar[bool] = True
    fused: ClassVar[Mapping[str, str]] = {"softmax": "softmax_cross_entropy"}
    outputs: ClassVar[Interval] = (0.0, 1.0)
    targets: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"-\sum_j t_j \log a_j"
    slope_formula: ClassVar[str] = r"-\frac{t_j}{a_j}"
    limited_formula: ClassVar[str] = r"-\sum_j t_j \log \max(a_j, 10^{-30})"
    limited_slope_formula: ClassVar[str] = r"-\frac{t_j}{\max(a_j, 10^{-30})}"
    limits: ClassVar[str] = PROBABILITY_LIMITS

    @staticmethod
    @tuned(_cross_entropy_loops)
    def forward(A: Any, T: Any, l: Any, label_smoothing: float, ceiling: float = 0.0) -> None:  # noqa: E741
        """l = -Σ t log a."""
        weights = class_weights(T, A.shape[1], label_smoothing)
        l[:] = _limited(-(weights * np.log(np.maximum(A, SMALLEST_PROBABILITY))).sum(axis=1), ceiling)

    @staticmethod
    @tuned(_cross_entropy_slope_loops)
    def backward(A: Any, T: Any, g: Any, dA: Any, label_smoothing: float) -> None:
        """dA = -g t / a."""
        weights = class_weights(T, A.shape[1], label_smoothing)
        dA[:] = -g[:, None] * (weights / np.maximum(A, SMALLEST_PROBABILITY))


def _other(e: Any) -> Any:
    """Give e, or 0 where it is 1."""
    return np.where(e == 1.0, 0.0, e)


def _one(e: Any) -> Any:
    """Give 1 where e is 1, else 0."""
    return np.where(e == 1.0, 1.0, 0.0)


@any_order
def _softmax_cross_entropy_loops(A: Any, T: Any, l: Any, label_smoothing: Any, ceiling: Any, dA: Any) -> None:  # noqa: E741
    """Write the rows' losses; dA holds first z - max z, then its exponentials, then their sums."""
    n, k = A.shape
    kept, spread = _smoothing(A, label_smoothing)
    subtract_tops(A, dA)
    _minus_along_targets(dA, T, l, kept, spread)
    every = flat(dA)
    for i in range(n * k):
        every[i] = exponential(every[i])
    for i in range(n):
        # Small numbers beside a 1 would lose their digits, so the ones are counted, and one of them left out.
        others = 0.0
        ones = -1.0
        for j in range(k):
            others += _other(dA[i, j])
            ones += _one(dA[i, j])
        every[i] = others + ones
    for i in range(n):
        every[i] = _log1p(every[i])
    for i in range(n):
        weights = kept
        if T.shape[1] == k:
            weights = 0.0
            for j in range(k):
                weights += kept * T[i, j]
        l[i] = _limited(l[i] + (weights + spread * A.dtype.type(k)) * every[i], ceiling)


@any_order
def _softmax_cross_entropy_slope_loops(A: Any, T: Any, g: Any, dA: Any, label_smoothing: Any) -> None:
    n, k = A.shape
    kept, spread = _smoothing(A, label_smoothing)
    subtract_tops(A, dA)
    every = flat(dA)
    for i in range(n * k):
        every[i] = exponential(every[i])
    for i in range(n):
        total, weights = 0.0, kept
        for j in range(k):
            total += dA[i, j]
        if T.shape[1] == k:
            weights = 0.0
            for j in range(k):
                weights += kept * T[i, j]
        scale, shift = g[i] * (weights + spread * A.dtype.type(k)) / total, g[i] * spread
        for j in range(k):
            dA[i, j] = scale * dA[i, j] - shift
        if T.shape[1] != k:
            dA[i, int(T[i, 0])] -= g[i] * kept
        else:
            for j in range(k):
                dA[i, j] -= g[i] * kept * T[i, j]


@register("softmax_cross_entropy")
class SoftmaxCrossEntropy(Loss, frozen=True):
    r"""Cross-entropy of the softmax's input z: a row costs Σ_j t_j (log Σ_k exp(z_k) - z_j).

    What `cross_entropy` and the activation `softmax` are together, in one: the slope is p Σ t - t with p = softmax(z),
    so p - t where the targets of a row sum to 1. Written with z - max z, which cannot overflow; the class on top, whose
    exp is 1, enters by log(1 + the others), so that small losses keep their digits. Factor 1, mean over rows by
    default, as PyTorch's `CrossEntropyLoss`, label smoothing included.

    Args:
        label_smoothing: s, from 0 to below 1: the targets become (1 - s) t + s / k.
        ceiling: the most that a row may count, if above 0; the slope stays as it is. scikit-learn's has -log ε.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs", Neurocomputing, 1990.

    >>> import numpy as np
    >>> from backlit.ops.losses.multiclass import SoftmaxCrossEntropy
    >>> l = np.zeros(2)
    >>> SoftmaxCrossEntropy.forward(np.array([[0.0, 0.0], [0.0, 1e4]]), np.zeros((2, 1)), l, label_smoothing=0.0)
    >>> l
    array([6.93147181e-01, 1.00000000e+04])
    """

    label_smoothing: Share = 0.0
    ceiling: NotNegative = 0.0
    symbols: ClassVar[Mapping[str, str]] = {"label_smoothing": "s"}
    class_targets: ClassVar[bool] = True
    targets: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"\sum_j t_j \left(\log \sum_k e^{z_k} - z_j\right)"
    slope_formula: ClassVar[str] = r"\frac{e^{z_j}}{\sum_k e^{z_k}} \sum_k t_k - t_j"

    @staticmethod
    @tuned(_softmax_cross_entropy_loops)
    def forward(A: Any, T: Any, l: Any, label_smoothing: float, ceiling: float = 0.0) -> None:  # noqa: E741
        """l = Σ t (log Σ exp(z) - z)."""
        weights = class_weights(T, A.shape[1], label_smoothing)
        gaps = A.max(axis=1, keepdims=True) - A
        others = np.exp(-gaps)
        others[np.arange(A.shape[0]), gaps.argmin(axis=1)] = 0.0
        # A weight of 0 must not meet a gap that overflowed to infinity.
        total = (weights * np.where(weights != 0.0, gaps, 0.0)).sum(axis=1)
        l[:] = _limited(total + weights.sum(axis=1) * np.log1p(others.sum(axis=1)), ceiling)

    @staticmethod
    @tuned(_softmax_cross_entropy_slope_loops)
    def backward(A: Any, T: Any, g: Any, dA: Any, label_smoothing: float) -> None:
        """dA = g (softmax(A) Σ t - t)."""
        weights = class_weights(T, A.shape[1], label_smoothing)
        e = np.exp(A - A.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        dA[:] = g[:, None] * (p * weights.sum(axis=1, keepdims=True) - weights)


def _true_class(T: Any, i: int) -> int:
    """Give the class of a row: its number, or the place of the largest target."""
    if T.shape[1] == 1:
        return int(T[i, 0])
    best = 0
    for j in range(1, T.shape[1]):
        if T[i, j] > T[i, best]:
            best = j
    return best


def _multiclass_hinge_loops(A: Any, T: Any, l: Any) -> None:  # noqa: E741
    for i in range(A.shape[0]):
        true = _true_class(T, i)
        rival = A[i, 0 if true != 0 else A.shape[1] - 1]
        for j in range(A.shape[1]):
            if j != true:
                rival = np.maximum(rival, A[i, j])
        l[i] = np.maximum(1.0 + (rival - A[i, true]), 0.0)


def _multiclass_hinge_slope_loops(A: Any, T: Any, g: Any, dA: Any) -> None:
    for i in range(A.shape[0]):
        true = _true_class(T, i)
        rival = 0 if true != 0 else A.shape[1] - 1
        for j in range(A.shape[1]):
            dA[i, j] = 0.0
            if j != true and A[i, j] > A[i, rival]:
                rival = j
        if 1.0 + (A[i, rival] - A[i, true]) > 0.0:
            dA[i, rival] = g[i]
            dA[i, true] = -g[i]


def _rivals(A: Any, T: Any) -> tuple[Any, Any, Any]:
    """Give the rows' numbers, their true classes, and the other classes of the highest score."""
    rows = np.arange(A.shape[0])
    true = T[:, 0].astype(np.int64) if T.shape[1] == 1 else T.argmax(axis=1)
    others = A.copy()
    others[rows, true] = -np.inf
    return rows, true, others.argmax(axis=1)


@register("multiclass_hinge")
class MulticlassHinge(Loss, frozen=True):
    r"""The hinge loss of several classes: a row costs max(0, 1 + max of a_j over j ≠ c - a_c), c its class.

    The targets are class numbers from 0, in one column, or one-hot rows (n, k). `a` holds scores without limits, the
    last activation `identity`. Where the margin is not met, the slope is 1 at the highest other class, the first of
    equals, and -1 at c; else 0. Where the margin is met exactly, or other classes tie, the loss has kinks. Factor 1,
    mean over rows by default, as scikit-learn's `hinge_loss`.

    Source: Crammer, Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", Journal of
    Machine Learning Research 2, 2001.

    >>> import numpy as np
    >>> from backlit.ops.losses.multiclass import MulticlassHinge
    >>> l = np.zeros(2)
    >>> MulticlassHinge.forward(np.array([[2.0, 1.5, 0.0], [2.0, 0.0, 0.5]]), np.array([[0.0], [0.0]]), l)
    >>> l
    array([0.5, 0. ])
    """

    class_targets: ClassVar[bool] = True
    formula: ClassVar[str] = r"\max(0, 1 + \max_{j \neq c} a_j - a_c)"
    slope_formula: ClassVar[str] = r"[1 + a_r - a_c > 0]\,([j = r] - [j = c])"
    """r is the rival, the highest class other than c."""

    @staticmethod
    @tuned(_multiclass_hinge_loops)
    def forward(A: Any, T: Any, l: Any) -> None:  # noqa: E741
        """l = max(0, 1 + max a_j - a_c)."""
        rows, true, rival = _rivals(A, T)
        l[:] = np.maximum(1.0 + (A[rows, rival] - A[rows, true]), 0.0)

    @staticmethod
    @tuned(_multiclass_hinge_slope_loops)
    def backward(A: Any, T: Any, g: Any, dA: Any) -> None:
        """dA is g at the rival, -g at the true class, where the margin is not met."""
        rows, true, rival = _rivals(A, T)
        active = np.where(1.0 + (A[rows, rival] - A[rows, true]) > 0.0, g, 0.0)
        dA[:] = 0.0
        dA[rows, rival] = active
        dA[rows, true] = -active
