"""Smooth activations: exp, S-curves, rounded rectifiers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.kernels import functions
from backlit.ops.base import Activation, Interval, check_settings
from backlit.ops.registry import register
from backlit.ops.value_checks import NotNegative

LARGEST_MEAN = 1e38


@register("exp")
class Exp(Activation, frozen=True):
    r"""f(z) = exp(z), at most 1e38; f'(z) = a, and 0 where the limit holds: the output of a mean of counts.

    The limit, which float32 can hold too, keeps a finite input from becoming infinite. With the loss `poisson` the
    training goes through `exp_poisson`, which takes z. At its kink, where the limit begins, the slope given is 0.

    Source: McCullagh, Nelder, "Generalized Linear Models", second edition, 1989, chapter 6 (the log link).

    >>> Exp().value(np.array([-710.0, 0.0, 710.0])).tolist()
    [4.47628622567513e-309, 1.0, 1e+38]
    """

    kinks: ClassVar[tuple[float, ...]] = (math.log(LARGEST_MEAN),)
    outputs: ClassVar[Interval] = (0.0, LARGEST_MEAN)
    formula: ClassVar[str] = r"\min(e^z, 10^{38})"
    slope_formula: ClassVar[str] = r"\begin{cases} a & a < 10^{38} \\ 0 & a \ge 10^{38} \end{cases}"

    @staticmethod
    def value(z: Any) -> Any:
        """Give exp(z), at most 1e38."""
        return np.minimum(np.exp(np.minimum(z, 88.0)), LARGEST_MEAN)

    @staticmethod
    def slope(a: Any) -> Any:
        """Give a, and 0 where a is at its limit."""
        return np.where(a >= LARGEST_MEAN, 0.0, a)


# ----------------------------------------------------------------------------------------------------------- S-curves


@register("sigmoid")
class Sigmoid(Activation, frozen=True):
    r"""f(z) = 1 / (1 + exp(-z)), f'(z) = a (1 - a): the logistic curve, from 0 to 1.

    Written with exp(-|z|), which cannot overflow: 1 / (1 + e) on the right, e / (1 + e) on the left.

    Source: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323, 1986.

    >>> Sigmoid().value(np.array([-710.0, 0.0, 710.0])).round(9).tolist()
    [0.0, 0.5, 1.0]
    """

    outputs: ClassVar[Interval] = (0.0, 1.0)
    formula: ClassVar[str] = r"\frac{1}{1 + e^{-z}}"
    slope_formula: ClassVar[str] = r"a\,(1 - a)"

    @staticmethod
    def value(z: Any) -> Any:
        """Give 1 / (1 + exp(-z))."""
        e = np.exp(-np.abs(z))
        return np.where(z >= 0.0, 1.0, e) / (1.0 + e)

    @staticmethod
    def slope(a: Any) -> Any:
        """Give a (1 - a)."""
        return a * (1.0 - a)


@register("tanh")
class Tanh(Activation, frozen=True):
    r"""f(z) = tanh(z), f'(z) = 1 - a²: an S-curve from -1 to 1.

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", Neural Networks: Tricks of the Trade, 1998.

    >>> Tanh().value(np.array([-710.0, 0.0, 710.0])).tolist()
    [-1.0, 0.0, 1.0]
    """

    outputs: ClassVar[Interval] = (-1.0, 1.0)
    formula: ClassVar[str] = r"\tanh z"
    slope_formula: ClassVar[str] = r"1 - a^2"

    @staticmethod
    def value(z: Any) -> Any:
        """Give tanh(z)."""
        return np.tanh(z)

    @staticmethod
    def slope(a: Any) -> Any:
        """Give 1 - a², as a product that does not cancel."""
        return (1.0 - a) * (1.0 + a)


@register("softsign")
class Softsign(Activation, frozen=True):
    r"""f(z) = z / (1 + |z|), f'(z) = (1 - |a|)²: an S-curve from -1 to 1 that saturates slowly.

    Source: Bergstra, Desjardins, Lamblin, Bengio, "Quadratic polynomials learn better image features", 2009.

    >>> Softsign().value(np.array([-1.0, 0.0, 3.0])).tolist()
    [-0.5, 0.0, 0.75]
    """

    outputs: ClassVar[Interval] = (-1.0, 1.0)
    formula: ClassVar[str] = r"\frac{z}{1 + |z|}"
    slope_formula: ClassVar[str] = r"(1 - |a|)^2"

    @staticmethod
    def value(z: Any) -> Any:
        """Give z / (1 + |z|)."""
        return z / (1.0 + np.abs(z))

    @staticmethod
    def slope(a: Any) -> Any:
        """Give (1 - |a|)²."""
        rest = 1.0 - np.abs(a)
        return rest * rest


# ---------------------------------------------------------------------------------------------- rectifiers, rounded off


@register("elu")
class ELU(Activation, frozen=True):
    r"""f(z) = z where z > 0, else alpha (exp(z) - 1); f'(z) = 1 where z > 0, else a + alpha.

    At z = 0 it has a kink unless alpha is 1; the slope given there is alpha, the one from the left.

    Args:
        alpha: minus the limit far to the left, at least 0.

    Errors: a BacklitError where alpha is negative or not finite.

    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    ICLR 2016.

    >>> ELU().value(np.array([-710.0, 0.0, 2.0]), alpha=1.0).tolist()
    [-1.0, 0.0, 2.0]
    """

    alpha: NotNegative = 1.0
    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    initializer: ClassVar[str] = "he_uniform"
    symbols: ClassVar[Mapping[str, str]] = {"alpha": r"\alpha"}
    outputs: ClassVar[Interval] = (-math.inf, math.inf)
    """Of every alpha; `reach` knows the one at hand."""
    formula: ClassVar[str] = r"\max(z, 0) + \alpha\,(e^{\min(z, 0)} - 1)"
    slope_formula: ClassVar[str] = r"\begin{cases} 1 & a > 0 \\ a + \alpha & a \le 0 \end{cases}"

    def __post_init__(self) -> None:
        check_settings(self)

    def reach(self, *inputs: Interval | None) -> Interval:
        """Give where the outputs lie: above -alpha."""
        return (0.0 - self.alpha, math.inf)

    @staticmethod
    def value(z: Any, alpha: float) -> Any:
        """Give max(z, 0) + alpha (exp(min(z, 0)) - 1)."""
        return np.maximum(z, 0.0) + alpha * np.expm1(np.minimum(z, 0.0))

    @staticmethod
    def slope(a: Any, alpha: float) -> Any:
        """Give 1 where a > 0, else a + alpha."""
        return np.where(a > 0.0, 1.0, a + alpha)


SELU_SCALE = 1.0507009873554804934193349852946
SELU_LIMIT = 1.7580993408473768599402175208123
"""λ and λα: with them, mean 0 and variance 1 are a fixed point of the layers' statistics."""


@register("selu")
class SELU(Activation, frozen=True):
    r"""f(z) = λ z where z > 0, else λ α (exp(z) - 1); f'(z) = λ where z > 0, else a + λ α.

    λ = 1.0507009873554805 and α = 1.6732632423543773, for which layers of LeCun-normal weights keep mean 0 and
    variance 1. At its kink, z = 0, the slope given is λ α, the one from the left.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.

    >>> SELU().value(np.array([-710.0, 0.0, 1.0])).round(9).tolist()
    [-1.758099341, 0.0, 1.050700987]
    """

    kinks: ClassVar[tuple[float, ...]] = (0.0,)
    initializer: ClassVar[str] = "lecun_normal"
    outputs: ClassVar[Interval] = (-SELU_LIMIT, math.inf)
    formula: ClassVar[str] = r"1.0507009873554805 \max(z, 0) + 1.7580993408473769\,(e^{\min(z, 0)} - 1)"
    slope_formula: ClassVar[str] = (
        r"\begin{cases} 1.0507009873554805 & a > 0 \\ a + 1.7580993408473769 & a \le 0 \end{cases}"
    )

    @staticmethod
    def value(z: Any) -> Any:
        """Give λ max(z, 0) + λ α (exp(min(z, 0)) - 1)."""
        return SELU_SCALE * np.maximum(z, 0.0) + SELU_LIMIT * np.expm1(np.minimum(z, 0.0))

    @staticmethod
    def slope(a: Any) -> Any:
        """Give λ where a > 0, else a + λ α."""
        return np.where(a > 0.0, SELU_SCALE, a + SELU_LIMIT)


@register("softplus")
class Softplus(Activation, frozen=True):
    r"""f(z) = log(1 + exp(z)), f'(z) = 1 - exp(-a): a relu without the kink.

    Written as max(z, 0) + log(1 + exp(-|z|)), which cannot overflow.

    Source: Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for better option
    pricing", NeurIPS 2000.

    >>> Softplus().value(np.array([-710.0, 0.0, 710.0])).round(9).tolist()
    [0.0, 0.693147181, 710.0]
    """

    initializer: ClassVar[str] = "he_uniform"
    outputs: ClassVar[Interval] = (0.0, math.inf)
    formula: ClassVar[str] = r"\ln(1 + e^z)"
    slope_formula: ClassVar[str] = r"1 - e^{-a}"

    @staticmethod
    def value(z: Any) -> Any:
        """Give log(1 + exp(z))."""
        return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))

    @staticmethod
    def slope(a: Any) -> Any:
        """Give 1 - exp(-a)."""
        return -np.expm1(-a)


@register("silu")
class SiLU(Activation, frozen=True):
    r"""f(z) = z s with s = 1 / (1 + exp(-z)), f'(z) = s (1 + z (1 - s)): also called swish.

    Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning", Neural Networks 107, 2018.

    >>> SiLU().value(np.array([-710.0, 0.0, 710.0])).round(9).tolist()
    [-0.0, 0.0, 710.0]
    """

    initializer: ClassVar[str] = "he_uniform"
    outputs: ClassVar[Interval] = (-0.2785, math.inf)  # its least value is -0.27846
    formula: ClassVar[str] = r"\frac{z}{1 + e^{-z}}"
    slope_formula: ClassVar[str] = r"\frac{1}{1 + e^{-z}} \left(1 + \frac{z}{1 + e^z}\right)"

    @staticmethod
    def value(z: Any) -> Any:
        """Give z / (1 + exp(-z))."""
        e = np.exp(-np.abs(z))
        return z * (np.where(z >= 0.0, 1.0, e) / (1.0 + e))

    @staticmethod
    def slope(z: Any) -> Any:
        """Give s (1 + z (1 - s)), with s and 1 - s each free of cancellation."""
        e = np.exp(-np.abs(z))
        s = np.where(z >= 0.0, 1.0, e) / (1.0 + e)
        rest = np.where(z >= 0.0, e, 1.0) / (1.0 + e)
        return s * (1.0 + z * rest)


GELU_ZERO = 40.0
"""Beyond ±40 the normal density is 0 in both types; its square does not overflow."""
ROOT_HALF = math.sqrt(0.5)
NORMAL_PEAK = 1.0 / math.sqrt(2.0 * math.pi)


@register("gelu")
class GELU(Activation, frozen=True):
    r"""f(z) = z Φ(z), f'(z) = Φ(z) + z φ(z), with Φ and φ the standard normal distribution and its density.

    The exact form, by erf: Φ(z) = (1 + erf(z / √2)) / 2; not its approximation by tanh.

    Source: Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415, 2016.

    >>> GELU().value(np.array([-710.0, 0.0, 1.0, 710.0])).round(9).tolist()
    [-0.0, 0.0, 0.841344746, 710.0]
    """

    initializer: ClassVar[str] = "he_uniform"
    tails: ClassVar[Interval] = (-2.7392237161613475, math.inf)  # stated, since computing them would import SciPy
    outputs: ClassVar[Interval] = (-0.17, math.inf)  # its least value is -0.16997
    formula: ClassVar[str] = r"\frac{z}{2} \left(1 + \operatorname{erf}\left(\frac{z}{\sqrt{2}}\right)\right)"
    slope_formula: ClassVar[str] = (
        r"\frac{1}{2} \left(1 + \operatorname{erf}\left(\frac{z}{\sqrt{2}}\right)\right)"
        r" + \frac{z}{\sqrt{2 \pi}} e^{-\frac{z^2}{2}}"
    )

    @staticmethod
    def value(z: Any) -> Any:
        """Give z Φ(z)."""
        return 0.5 * z * (1.0 + functions.erf(ROOT_HALF * z))

    @staticmethod
    def slope(z: Any) -> Any:
        """Give Φ(z) + z φ(z)."""
        z = np.maximum(np.minimum(z, GELU_ZERO), -GELU_ZERO)
        return 0.5 * (1.0 + functions.erf(ROOT_HALF * z)) + NORMAL_PEAK * z * np.exp(-0.5 * z * z)
