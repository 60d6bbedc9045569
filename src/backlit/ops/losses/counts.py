"""Losses of counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.ops.base import ElementwiseLoss, Interval
from backlit.ops.losses.limits import _least_poisson
from backlit.ops.registry import register

SMALLEST_MEAN = 1e-8
"""Below this the Poisson loss goes on as its tangent at this point."""


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
    >>> from backlit.ops.losses.counts import Poisson
    >>> Poisson.value(np.array([1.0, 2.0]), 2.0, deviance=True), Poisson.slope(np.array([1.0, 2.0]), 2.0)
    (array([0.38629436, 0.        ]), array([-1.,  0.]))
    """

    deviance: bool = False
    fused: ClassVar[Mapping[str, str]] = {"exp": "exp_poisson"}
    outputs: ClassVar[Interval] = (0.0, math.inf)
    targets: ClassVar[Interval] = (0.0, math.inf)
    formula: ClassVar[str] = r"a - t \log a"
    slope_formula: ClassVar[str] = r"1 - \frac{t}{a}"
    limited_formula: ClassVar[str] = (
        r"a - t \left(\log \max(a, 10^{-8})"
        r" + \max\left(\frac{a - \max(a, 10^{-8})}{\max(a, 10^{-8})}, -10^{37}\right)\right)"
    )
    limited_slope_formula: ClassVar[str] = r"1 - \frac{t}{\max(a, 10^{-8})}"
    limits: ClassVar[str] = "below 1e-8 the logarithm goes on as its tangent at 1e-8"

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
    >>> from backlit.ops.losses.counts import ExpPoisson
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
