"""Losses of numbers: squared, absolute, and between the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.ops.base import ElementwiseLoss
from backlit.ops.registry import register
from backlit.ops.value_checks import Positive

LOG_2 = 0.6931471805599453


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
    symbols: ClassVar[Mapping[str, str]] = {"delta": r"\delta"}
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
