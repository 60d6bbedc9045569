"""Activations of straight pieces: the identity, the rectifiers, the hard sigmoid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.ops.base import Activation, Interval, check_settings
from backlit.ops.registry import register
from backlit.ops.value_checks import NotNegative


@register("identity")
class Identity(Activation, frozen=True):
    r"""f(z) = z, f'(z) = 1: the activation of a linear output.

    >>> Identity().value(-2.0)
    -2.0
    """

    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    formula: ClassVar[str] = r"z"
    slope_formula: ClassVar[str] = r"1"

    @staticmethod
    def value(z: Any) -> Any:
        """Give z."""
        return z

    @staticmethod
    def slope(a: Any) -> Any:
        """Give 1."""
        return np.where(a == a, 1.0, a)  # noqa: PLR0124  (only NaN differs from itself)


@register("relu")
class ReLU(Activation, frozen=True):
    r"""f(z) = max(z, 0), f'(z) = 1 where z > 0, else 0: the rectified linear unit.

    At its kink, z = 0, the slope given is 0, the one from the left.

    Source: Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    >>> ReLU().value(np.array([-1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]
    """

    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    initializer: ClassVar[str] = "he_uniform"
    outputs: ClassVar[Interval] = (0.0, math.inf)
    formula: ClassVar[str] = r"\max(z, 0)"
    slope_formula: ClassVar[str] = r"\begin{cases} 1 & a > 0 \\ 0 & a \le 0 \end{cases}"

    @staticmethod
    def value(z: Any) -> Any:
        """Give max(z, 0)."""
        return np.maximum(z, 0.0)

    @staticmethod
    def slope(a: Any) -> Any:
        """Give 1 where a > 0, else 0: the sign of a, which is never negative."""
        return np.sign(a)


@register("leaky_relu")
class LeakyReLU(Activation, frozen=True):
    r"""f(z) = z where z > 0, else alpha z; f'(z) = 1 where z > 0, else alpha.

    At its kink, z = 0, the slope given is alpha, the one from the left.

    Args:
        alpha: the slope of the left half, at least 0, so that the output tells the sign of the input.

    Errors: a BacklitError where alpha is negative or not finite.

    Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    >>> LeakyReLU(0.5).slope(np.array([-1.0, 2.0]), alpha=0.5).tolist()
    [0.5, 1.0]
    """

    alpha: NotNegative = 0.01
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    initializer: ClassVar[str] = "he_uniform"
    symbols: ClassVar[Mapping[str, str]] = {"alpha": r"\alpha"}
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    formula: ClassVar[str] = r"\max(z, 0) + \alpha \min(z, 0)"
    slope_formula: ClassVar[str] = r"\begin{cases} 1 & a > 0 \\ \alpha & a \le 0 \end{cases}"

    def __post_init__(self) -> None:
        check_settings(self)

    def reach(self, *inputs: Interval | None) -> Interval:
        """Give where the outputs lie: anywhere, but not below 0 where alpha is 0."""
        return (-math.inf if self.alpha else 0.0, math.inf)

    @staticmethod
    def value(z: Any, alpha: float) -> Any:
        """Give max(z, 0) + alpha min(z, 0)."""
        return np.maximum(z, 0.0) + alpha * np.minimum(z, 0.0)

    @staticmethod
    def slope(a: Any, alpha: float) -> Any:
        """Give 1 where a > 0, else alpha."""
        return np.where(a > 0.0, 1.0, np.where(a <= 0.0, alpha, a))


@register("hard_sigmoid")
class HardSigmoid(Activation, frozen=True):
    r"""f(z) = z / 6 + 1/2 cut off at 0 and 1, f'(z) = 1/6 between -3 and 3, else 0: a sigmoid of straight lines.

    This is relu6(z + 3) / 6, the definition of PyTorch, of Keras from version 3 on, and of the paper; Keras 2 had
    0.2 z + 1/2. At its kinks, z = -3 and 3, the slope given is 0.

    Source: Howard et al., "Searching for MobileNetV3", ICCV 2019.

    >>> HardSigmoid().value(np.array([-4.0, 0.0, 1.5, 4.0])).tolist()
    [0.0, 0.5, 0.75, 1.0]
    """

    kinks: ClassVar[tuple[float, ...]] = (-3.0, 3.0)
    outputs: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"\min\left(\max\left(\frac{z}{6} + \frac{1}{2}, 0\right), 1\right)"
    slope_formula: ClassVar[str] = r"\begin{cases} \frac{1}{6} & 0 < a < 1 \\ 0 & \text{otherwise} \end{cases}"

    @staticmethod
    def value(z: Any) -> Any:
        """Give z / 6 + 1/2 cut off at 0 and 1."""
        return np.minimum(np.maximum(z / 6.0 + 0.5, 0.0), 1.0)

    @staticmethod
    def slope(a: Any) -> Any:
        """Give 1/6 where 0 < a < 1, else 0."""
        return np.where(np.abs(a - 0.5) < 0.5, 1.0 / 6.0, a * 0.0)
