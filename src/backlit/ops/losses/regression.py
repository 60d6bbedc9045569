"""Losses: the error of one row's outputs against its targets, and its derivative with respect to the outputs.

Every loss here is the error of one row. How the rows make one number is its `reduction`, a setting of every loss:
`"sum"` over the rows, `"mean"` over the rows (the default of most), or `"mean_all"`, over rows and outputs. Rows count
by their weights. Textbooks and libraries differ in factor and reduction, so each loss states both.

A loss with `value` and `slope` is a sum over the outputs, so it takes several outputs as they are: several numbers to
predict, or several labels that hold or not, each on its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from backlit.kernels.functions import flat
from backlit.ops.activations import exponential, subtract_tops
from backlit.ops.base import ElementwiseLoss, Interval, Loss, any_order, register, tuned

SMALLEST_PROBABILITY = 1e-30
"""Logarithms of probabilities below this are taken of this: a probability of 0 costs about 69, not infinity."""

SMALLEST_MEAN = 1e-8
"""Below this the Poisson loss goes on as its tangent at this point."""

LOG_2 = 0.6931471805599453

Share = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]

# ------------------------------------------------------------------------------------------------------------- numbers


@register("half_squared_error")
class HalfSquaredError(ElementwiseLoss, frozen=True):
    r"""Half the squared error: a row costs 1/2 Σ (t - a)², its slope is -(t - a).

    Factor 1/2, and by default the mean over rows; with one row, or with `reduction="sum"`, this is the error of the
    textbooks' worked examples. The factor makes the slope the plain difference.

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323, 1986.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import HalfSquaredError
    >>> HalfSquaredError.value(np.array([3.0]), 1.0), HalfSquaredError.slope(np.array([3.0]), 1.0)
    (array([2.]), array([2.]))
    """

    formula: ClassVar[str] = r"\frac{1}{2}(t - a)^2"
    slope_formula: ClassVar[str] = r"-(t - a)"

    @staticmethod
    def value(a: Any, t: Any) -> Any:
        """Give 1/2 (t - a)²."""
        return 0.5 * (a - t) * (a - t)

    @staticmethod
    def slope(a: Any, t: Any) -> Any:
        """Give -(t - a), written a - t."""
        return a - t


@register("mse")
class MSE(ElementwiseLoss, frozen=True, kw_only=True):
    r"""Mean squared error: a row costs Σ (t - a)², its slope is -2 (t - a).

    Factor 1, and by default the mean over rows and outputs (`"mean_all"`), as scikit-learn's `mean_squared_error`,
    Keras and PyTorch define it.

    Source: Legendre, "Nouvelles méthodes pour la détermination des orbites des comètes", 1805 (least squares).

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import MSE
    >>> MSE.value(np.array([3.0]), 1.0), MSE.slope(np.array([3.0]), 1.0), MSE().reduction
    (array([4.]), array([4.]), 'mean_all')
    """

    reduction: str = "mean_all"
    formula: ClassVar[str] = r"(t - a)^2"
    slope_formula: ClassVar[str] = r"-2\,(t - a)"

    @staticmethod
    def value(a: Any, t: Any) -> Any:
        """Give (t - a)²."""
        return (a - t) * (a - t)

    @staticmethod
    def slope(a: Any, t: Any) -> Any:
        """Give -2 (t - a), written 2 (a - t)."""
        return 2.0 * (a - t)


@register("mae")
class MAE(ElementwiseLoss, frozen=True, kw_only=True):
    r"""Mean absolute error: a row costs Σ |t - a|, its slope is sign(a - t).

    Factor 1, and by default the mean over rows and outputs (`"mean_all"`), as scikit-learn's `mean_absolute_error`,
    Keras and PyTorch define it. At the kink a = t the slope is 0, between the one-sided -1 and 1. The best constant
    prediction is the median, so single wild targets pull less than under squared errors.

    Source: Laplace, "Mémoire sur la probabilité des causes par les événements", 1774.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import MAE
    >>> MAE.value(np.array([3.0, 1.0]), 1.0), MAE.slope(np.array([3.0, 1.0]), 1.0)
    (array([2., 0.]), array([1., 0.]))
    """

    reduction: str = "mean_all"
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    formula: ClassVar[str] = r"\left|a - t\right|"
    slope_formula: ClassVar[str] = r"\operatorname{sign}(a - t)"

    @staticmethod
    def value(a: Any, t: Any) -> Any:
        """Give |a - t|."""
        return np.abs(a - t)

    @staticmethod
    def slope(a: Any, t: Any) -> Any:
        """Give -1, 0 or 1, the sign of a - t."""
        return np.sign(a - t)


@register("huber")
class Huber(ElementwiseLoss, frozen=True):
    r"""Huber's loss: 1/2 (a - t)² where |a - t| <= δ, beyond that the straight line δ (|a - t| - δ/2).

    Written as c (|a - t| - c/2) with c = min(|a - t|, δ), which cannot overflow before its result does. The slope is
    a - t, limited to ±δ. Factor 1/2 inside, mean over rows by default; with `reduction="mean_all"` this is PyTorch's
    `HuberLoss` and Keras's `Huber`.

    Args:
        delta: δ, the largest error that counts as squared, above 0.

    Source: Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import Huber
    >>> Huber.value(np.array([1.0, 5.0]), 0.0, delta=2.0), Huber.slope(np.array([1.0, 5.0]), 0.0, delta=2.0)
    (array([0.5, 8. ]), array([1., 2.]))
    """

    delta: Positive = 1.0
    formula: ClassVar[str] = (
        r"\min(\left|a - t\right|, \delta)"
        r" \left(\left|a - t\right| - \frac{1}{2} \min(\left|a - t\right|, \delta)\right)"
    )
    slope_formula: ClassVar[str] = r"\min(\max(a - t, -\delta), \delta)"

    @staticmethod
    def value(a: Any, t: Any, delta: float) -> Any:
        """Give c (|a - t| - c/2) with c = min(|a - t|, δ)."""
        c = np.minimum(np.abs(a - t), delta)
        return c * (np.abs(a - t) - 0.5 * c)

    @staticmethod
    def slope(a: Any, t: Any, delta: float) -> Any:
        """Give a - t, limited to ±δ."""
        return np.minimum(np.maximum(a - t, -delta), delta)


@register("log_cosh")
class LogCosh(ElementwiseLoss, frozen=True):
    r"""Log-cosh: a row costs Σ log cosh(a - t), its slope is tanh(a - t).

    Close to 1/2 (a - t)² for small errors and to |a - t| - log 2 for large ones, with all derivatives. Factor 1, mean
    over rows by default; with `reduction="mean_all"` this is Keras's `LogCosh`. Errors below 1 go through
    -1/2 log(1 - tanh²), larger ones through |a - t| + log(1 + exp(-2 |a - t|)) - log 2, so that neither small ones are
    rounded away nor large ones overflow.

    Source: Green, "Bayesian reconstructions from emission tomography data using a modified EM algorithm", IEEE
    Transactions on Medical Imaging 9, 1990.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import LogCosh
    >>> LogCosh.value(np.array([1e-6, 1e6]), 0.0)
    array([5.00000000e-13, 9.99999307e+05])
    """

    formula: ClassVar[str] = r"\log \cosh(a - t)"
    slope_formula: ClassVar[str] = r"\tanh(a - t)"

    @staticmethod
    def value(a: Any, t: Any) -> Any:
        """Give log cosh(a - t)."""
        y = np.abs(a - t)
        s = np.tanh(np.minimum(y, 1.0))
        return np.where(y < 1.0, -0.5 * np.log1p(-s * s), y + np.log1p(np.exp(-2.0 * y)) - LOG_2)

    @staticmethod
    def slope(a: Any, t: Any) -> Any:
        """Give tanh(a - t)."""
        return np.tanh(a - t)


# -------------------------------------------------------------------------------------------------------------- counts


@register("poisson")
class Poisson(ElementwiseLoss, frozen=True):
    r"""The Poisson loss of counts: a row costs Σ (a - t log a), its slope is 1 - t / a.

    `a` is the predicted mean, above 0: let the last activation be `exp` or `softplus`. With `exp` the training goes
    through `exp_poisson`, which needs no division. Factor 1, mean over rows by default; with `reduction="mean_all"`
    this is PyTorch's `PoissonNLLLoss(log_input=False)` and Keras's `Poisson`.

    A mean of 0 or below is no mean. From 1e-8 downwards the logarithm goes on as its tangent,
    log 1e-8 + (a - 1e-8) / 1e-8, so that value and slope stay finite, still are each other's integral and derivative,
    and push `a` back up.

    Args:
        deviance: add t log t - t, which no prediction changes: half the Poisson deviance, 0 where a = t. This is what
            scikit-learn's `MLPRegressor(loss="poisson")` reports.

    Source: Nelder, Wedderburn, "Generalized linear models", Journal of the Royal Statistical Society A 135, 1972.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import Poisson
    >>> Poisson.value(np.array([1.0, 2.0]), 2.0, deviance=True), Poisson.slope(np.array([1.0, 2.0]), 2.0)
    (array([0.38629436, 0.        ]), array([-1.,  0.]))
    """

    deviance: bool = False
    fused: ClassVar[Mapping[str, str]] = {"exp": "exp_poisson"}
    outputs: ClassVar[Interval] = (0.0, math.inf)
    targets: ClassVar[Interval] = (0.0, math.inf)
    formula: ClassVar[str] = r"a - t \log a"
    slope_formula: ClassVar[str] = r"1 - \frac{t}{a}"

    @staticmethod
    def value(a: Any, t: Any, deviance: float) -> Any:
        """Give a - t log a, and t log t - t on top if asked."""
        positive = np.maximum(a, SMALLEST_MEAN)
        # Limited, so that a target of 0 does not meet an infinity.
        tangent = np.maximum((a - positive) / positive, -1e37)
        return a - t * np.log(positive) - t * tangent + deviance * _least_poisson(t)

    @staticmethod
    def slope(a: Any, t: Any) -> Any:
        """Give 1 - t / a."""
        return 1.0 - t / np.maximum(a, SMALLEST_MEAN)


@register("exp_poisson")
class ExpPoisson(ElementwiseLoss, frozen=True):
    r"""The Poisson loss of the mean's logarithm z: a row costs Σ (exp(z) - t z), its slope is exp(z) - t.

    What `poisson` and the activation `exp` are together, in one. Factor 1, mean over rows by default; with
    `reduction="mean_all"` this is PyTorch's `PoissonNLLLoss()`.

    Args:
        deviance: add t log t - t, as in `poisson`.

    Source: McCullagh, Nelder, "Generalized Linear Models", second edition, 1989, chapter 6 (the log link).

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import ExpPoisson
    >>> ExpPoisson.value(np.array([0.0]), 2.0, deviance=True), ExpPoisson.slope(np.array([0.0]), 2.0)
    (array([0.38629436]), array([-1.]))
    """

    deviance: bool = False
    targets: ClassVar[Interval] = (0.0, math.inf)
    formula: ClassVar[str] = r"e^z - t z"
    slope_formula: ClassVar[str] = r"e^z - t"

    @staticmethod
    def value(z: Any, t: Any, deviance: float) -> Any:
        """Give exp(z) - t z, and t log t - t on top if asked."""
        # exp(z) is infinite long before z = 1e4, and must not meet another infinity.
        return np.exp(z) - t * np.minimum(z, 1e4) + deviance * _least_poisson(t)

    @staticmethod
    def slope(z: Any, t: Any) -> Any:
        """Give exp(z) - t."""
        return np.exp(z) - t


def _least_poisson(t: Any) -> Any:
    """Give t log t - t, 0 where t is 0: minus the least Poisson loss that any mean has on the count t."""
    return t * np.log(np.maximum(t, SMALLEST_PROBABILITY)) - t


# -------------------------------------------------------------------------------------------------------- yes or no


def _limited(value: Any, ceiling: Any) -> Any:
    """Give the value, at most `ceiling` where that is above 0."""
    return np.where(ceiling > 0.0, np.minimum(value, ceiling), value)


@register("binary_cross_entropy")
class BinaryCrossEntropy(ElementwiseLoss, frozen=True):
    r"""Binary cross-entropy of probabilities: a row costs -Σ (t log a + (1 - t) log(1 - a)), t from 0 to 1.

    The slope is (1 - t) / (1 - a) - t / a. After a sigmoid the training goes through `sigmoid_binary_cross_entropy`,
    which works on the sigmoid's input: its slope is a - t, and nothing is lost where `a` rounds to 0 or 1. Several
    outputs are several independent labels, summed. Factor 1, mean over rows by default, as scikit-learn; with
    `reduction="mean_all"` this is PyTorch's `BCELoss` and Keras's `BinaryCrossentropy`.

    Probabilities below 1e-30 (so 0) count as 1e-30: the loss is large there, about 69, and finite.

    Args:
        ceiling: the most that a label may count, if above 0; the slope stays as it is. scikit-learn's log losses have
            -log ε, with ε the type's rounding.

    Source: Good, "Rational decisions", Journal of the Royal Statistical Society B 14, 1952.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import BinaryCrossEntropy
    >>> BinaryCrossEntropy.value(np.array([0.5, 1.0, 0.0]), np.array([1.0, 1.0, 1.0])).round(4)
    array([ 0.6931, -0.    , 69.0776])
    """

    ceiling: NotNegative = 0.0
    fused: ClassVar[Mapping[str, str]] = {"sigmoid": "sigmoid_binary_cross_entropy"}
    outputs: ClassVar[Interval] = (0.0, 1.0)
    targets: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"-\left(t \log a + (1 - t) \log(1 - a)\right)"
    slope_formula: ClassVar[str] = r"\frac{1 - t}{1 - a} - \frac{t}{a}"

    @staticmethod
    def value(a: Any, t: Any, ceiling: float = 0.0) -> Any:
        """Give -(t log a + (1 - t) log(1 - a))."""
        # log1p keeps the digits of a small `a`, which 1 - a would round away.
        log_no = np.where(a < 0.5, np.log1p(-np.minimum(a, 0.5)), np.log(np.maximum(1.0 - a, SMALLEST_PROBABILITY)))
        return _limited(-(t * np.log(np.maximum(a, SMALLEST_PROBABILITY)) + (1.0 - t) * log_no), ceiling)

    @staticmethod
    def slope(a: Any, t: Any) -> Any:
        """Give (1 - t) / (1 - a) - t / a."""
        return (1.0 - t) / np.maximum(1.0 - a, SMALLEST_PROBABILITY) - t / np.maximum(a, SMALLEST_PROBABILITY)


@register("sigmoid_binary_cross_entropy")
class SigmoidBinaryCrossEntropy(ElementwiseLoss, frozen=True):
    r"""Binary cross-entropy of the sigmoid's input z: a row costs Σ (log(1 + exp(z)) - t z), t from 0 to 1.

    What `binary_cross_entropy` and the activation `sigmoid` are together, in one: the slope is σ(z) - t. Written with
    exp(-|z|), which cannot overflow, and the slope as (1 - t) σ(z) - t σ(-z), which keeps its digits where σ(z) rounds
    to 1. Factor 1, mean over rows by default; with `reduction="mean_all"` this is PyTorch's `BCEWithLogitsLoss`.

    Args:
        ceiling: as `binary_cross_entropy`'s.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.2.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import SigmoidBinaryCrossEntropy
    >>> SigmoidBinaryCrossEntropy.value(np.array([0.0, 1000.0]), np.array([1.0, 0.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """

    ceiling: NotNegative = 0.0
    targets: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"\log(1 + e^z) - t z"
    slope_formula: ClassVar[str] = r"\frac{1}{1 + e^{-z}} - t"

    @staticmethod
    def value(z: Any, t: Any, ceiling: float = 0.0) -> Any:
        """Give log(1 + exp(z)) - t z."""
        return _limited(np.maximum(z, 0.0) - t * z + np.log1p(np.exp(-np.abs(z))), ceiling)

    @staticmethod
    def slope(z: Any, t: Any) -> Any:
        """Give σ(z) - t."""
        e = np.exp(-np.abs(z))
        return ((1.0 - t) * np.where(z >= 0.0, 1.0, e) - t * np.where(z >= 0.0, e, 1.0)) / (1.0 + e)


@register("hinge")
class Hinge(ElementwiseLoss, frozen=True):
    r"""The hinge loss of yes or no: a row costs Σ max(0, 1 - s a), where s is 1 for yes and -1 for no.

    Targets above 0 are yes, others no: both {-1, 1} and {0, 1} will do. `a` is a score without limits, the last
    activation `identity`. The slope is -s where s a < 1, else 0; at the kink s a = 1 it is 0. Several outputs are
    several independent labels, summed. Factor 1, mean over rows by default, as scikit-learn's `hinge_loss`.

    Source: Cortes, Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    >>> import numpy as np
    >>> from backlit.ops.losses.regression import Hinge
    >>> Hinge.value(np.array([0.5, -0.5, 2.0]), 1.0), Hinge.slope(np.array([0.5, -0.5, 2.0]), 1.0)
    (array([0.5, 1.5, 0. ]), array([-1., -1., -0.]))
    """

    kinks: ClassVar[tuple[float, ...]] = (0.0, -1.0)
    """a - t where s a = 1: 0 for targets of -1 and 1, and -1 for a target of 0."""
    formula: ClassVar[str] = r"\max(0, 1 - (2\,[t > 0] - 1)\,a)"
    slope_formula: ClassVar[str] = r"-(2\,[t > 0] - 1)\,[(2\,[t > 0] - 1)\,a < 1]"

    @staticmethod
    def value(a: Any, t: Any) -> Any:
        """Give max(0, 1 - s a)."""
        return np.maximum(1.0 - np.where(t > 0.0, a, -a), 0.0)

    @staticmethod
    def slope(a: Any, t: Any) -> Any:
        """Give -s where s a < 1, else 0."""
        return np.where(t > 0.0, -1.0, 1.0) * (np.where(t > 0.0, a, -a) < 1.0)


# ----------------------------------------------------------------------------------------------- one of several classes


def class_weights(T: Any, k: int, label_smoothing: float) -> Any:
    """Give each row's probabilities of the k classes, smoothed: (n, k) from (n, k), or from class numbers (n, 1)."""
    targets = T if T.shape[1] == k else (np.arange(k) == T).astype(T.dtype)
    return (1.0 - label_smoothing) * targets + label_smoothing / k


def _smoothing(A: Any, label_smoothing: Any) -> Any:
    """Give what the true class keeps and what every class gets, of the type of A."""
    return 1.0 - label_smoothing, label_smoothing / A.dtype.type(A.shape[1])


def _log(z: Any) -> Any:
    """Give log(z), of the smallest probability at least: a name by which loops over arrays reach it."""
    return np.log(np.maximum(z, SMALLEST_PROBABILITY))


def _log1p(z: Any) -> Any:
    """Give log(1 + z): a name by which loops over arrays reach it."""
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
    """Write the rows' losses; the gradient's place holds the logarithms meanwhile."""
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
    >>> from backlit.ops.losses.regression import CrossEntropy
    >>> l = np.zeros(2)
    >>> CrossEntropy.forward(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.0], [1.0]]), l, label_smoothing=0.0)
    >>> l
    array([0.69314718, 2.30258509])
    """

    label_smoothing: Share = 0.0
    ceiling: NotNegative = 0.0
    class_targets: ClassVar[bool] = True
    fused: ClassVar[Mapping[str, str]] = {"softmax": "softmax_cross_entropy"}
    outputs: ClassVar[Interval] = (0.0, 1.0)
    targets: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"-\sum_j t_j \log a_j"
    slope_formula: ClassVar[str] = r"-\frac{t_j}{a_j}"

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
    """Write the rows' losses; the gradient's place holds first z - max z, then its exponentials, then their sums."""
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
    >>> from backlit.ops.losses.regression import SoftmaxCrossEntropy
    >>> l = np.zeros(2)
    >>> SoftmaxCrossEntropy.forward(np.array([[0.0, 0.0], [0.0, 1e4]]), np.zeros((2, 1)), l, label_smoothing=0.0)
    >>> l
    array([6.93147181e-01, 1.00000000e+04])
    """

    label_smoothing: Share = 0.0
    ceiling: NotNegative = 0.0
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
    >>> from backlit.ops.losses.regression import MulticlassHinge
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
