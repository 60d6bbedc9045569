"""Losses of yes-or-no targets, an output for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from backlit.ops.base import ElementwiseLoss, Interval
from backlit.ops.losses.limits import PROBABILITY_LIMITS, SMALLEST_PROBABILITY, _limited
from backlit.ops.registry import register
from backlit.ops.value_checks import NotNegative


@register("binary_cross_entropy")
class BinaryCrossEntropy(ElementwiseLoss, frozen=True):
    r"""Binary cross-entropy of probabilities: a row costs -Σ (t log a + (1 - t) log(1 - a)), t from 0 to 1.

    The slope is (1 - t) / (1 - a) - t / a. After a sigmoid the training goes through `sigmoid_binary_cross_entropy`,
    which works on the sigmoid's input: its slope is a - t, and nothing is lost where `a` rounds to 0 or 1. Several
    outputs are several independent labels, summed. Factor 1, mean over rows by default, as scikit-learn; with
    `reduction="mean_all"` this is PyTorch's `BCELoss` and Keras's `BinaryCrossentropy`.

    Probabilities below 1e-30 (so 0) count as 1e-30: the loss is large there, about 69, and finite. PyTorch's `BCELoss`
    cuts the logarithm off at -100, a probability of e^-100, so that its loss is 100 there.

    Args:
        ceiling: the most that a label may count, if above 0; the slope stays as it is. scikit-learn's log losses have
            -log ε, with ε the type's rounding.

    Source: Good, "Rational decisions", Journal of the Royal Statistical Society B 14, 1952.

    >>> import numpy as np
    >>> from backlit.ops.losses.binary import BinaryCrossEntropy
    >>> BinaryCrossEntropy.value(np.array([0.5, 1.0, 0.0]), np.array([1.0, 1.0, 1.0])).round(4)
    array([ 0.6931, -0.    , 69.0776])
    """

    ceiling: NotNegative = 0.0
    fused: ClassVar[Mapping[str, str]] = {"sigmoid": "sigmoid_binary_cross_entropy"}
    outputs: ClassVar[Interval] = (0.0, 1.0)
    targets: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"-\left(t \log a + (1 - t) \log(1 - a)\right)"
    slope_formula: ClassVar[str] = r"\frac{1 - t}{1 - a} - \frac{t}{a}"
    limited_formula: ClassVar[str] = r"-\left(t \log \max(a, 10^{-30}) + (1 - t) \log \max(1 - a, 10^{-30})\right)"
    limited_slope_formula: ClassVar[str] = r"\frac{1 - t}{\max(1 - a, 10^{-30})} - \frac{t}{\max(a, 10^{-30})}"
    limits: ClassVar[str] = PROBABILITY_LIMITS

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
    >>> from backlit.ops.losses.binary import SigmoidBinaryCrossEntropy
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
    >>> from backlit.ops.losses.binary import Hinge
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


@register("perceptron")
class Perceptron(ElementwiseLoss, frozen=True):
    r"""The perceptron criterion, whose slope is Rosenblatt's rule: a row costs Σ (o - t) a, o = 1 where a > 0, else 0.

    `a` is the net input of a step unit, the last activation `identity`: o is the unit's answer, and t is 0 or 1. A row
    that is answered right costs nothing, a wrong one |a|. The slope is o - t, so gradient descent without momentum is
    the perceptron rule: w ← w + η (t - o) x, b ← b + η (t - o). At the kink, a = 0, where the criterion has the slopes
    -t and 1 - t on its two sides, the slope is that of the unit's answer there. Several outputs are several units,
    summed. Factor 1, mean over rows by default.

    Args:
        at_zero: the answer o where the net input is 0: 0 of a unit that fires above 0, 1 of one that fires from 0 on.

    Source: Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain",
    Psychological Review 65, 1958; Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.1.7.

    >>> import numpy as np
    >>> from backlit.ops.losses.binary import Perceptron
    >>> Perceptron.value(np.array([0.5, -0.5, 2.0]), np.array([0.0, 0.0, 1.0])).tolist()
    [0.5, 0.0, 0.0]
    >>> Perceptron.slope(np.array([0.5, 0.0, 2.0]), np.array([0.0, 1.0, 1.0]), 0.0).tolist()
    [1.0, -1.0, 0.0]
    """

    at_zero: Literal[0, 1] = 0
    targets: ClassVar[Interval] = (0.0, 1.0)
    kinks: ClassVar[tuple[float, ...]] = (0.0, -1.0)
    """a - t where a = 0, for targets of 0 and of 1."""
    formula: ClassVar[str] = r"([a > 0] - t)\,a"
    slope_formula: ClassVar[str] = r"[a > 0] - t"
    limited_slope_formula: ClassVar[str] = r"[a \ge 0] - t"
    limits: ClassVar[str] = "a unit that fires from 0 on"

    @staticmethod
    def value(a: Any, t: Any) -> Any:
        """Give (o - t) a."""
        return np.where(a > 0.0, 1.0 - t, -t) * a

    @staticmethod
    def slope(a: Any, t: Any, at_zero: float) -> Any:
        """Give o - t."""
        return np.where(a > 0.0, 1.0, np.where(a < 0.0, 0.0, at_zero)) - t
