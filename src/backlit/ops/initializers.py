"""First values of the parameters.

The scaled initializers draw W (fan_in, fan_out) with a variance that keeps the size of the signals from layer to layer:
Var(w) = 1 / fan_in (LeCun), 2 / (fan_in + fan_out) (Glorot), 2 / fan_in (He). A normal one draws from N(0, Var(w)), a
uniform one from ±√(3 Var(w)), which has the same variance. Of a vector, both fans are its length. Of the weights of a
convolution (h, w, channels / groups, filters), fan_in = h w channels / groups counts what a filter reads, and
fan_out = h w filters; both as PyTorch and Keras count them.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Op, check_settings
from backlit.ops.registry import initializers, register
from backlit.ops.value_checks import NotNegative, refuse_texts


class Initializer(Op, frozen=True):
    """Draws the first values of a parameter: `draw(shape, rng)` gives a float64 array of that shape."""

    kind: ClassVar[str] = "initializer"
    formula: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_settings(self)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Give an array of the given shape."""
        raise NotImplementedError


# ------------------------------------------------------------------------------------------------- of a stated scale


@register("zeros")
class Zeros(Initializer, frozen=True):
    """w = 0: right for biases; units whose weights are all alike would stay alike.

    >>> Zeros().draw((2,), np.random.default_rng(0)).tolist()
    [0.0, 0.0]
    """

    formula: ClassVar[str] = r"w = 0"

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Give zeros."""
        return np.zeros(shape)


@register("constant")
class Constant(Initializer, frozen=True):
    """w = value.

    >>> Constant(0.5).draw((2,), np.random.default_rng(0)).tolist()
    [0.5, 0.5]
    """

    value: float = 0.0
    formula: ClassVar[str] = r"w = \mathrm{value}"

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Give the value everywhere."""
        return np.full(shape, self.value)


@register("normal")
class Normal(Initializer, frozen=True):
    """w from N(0, std²).

    Args:
        std: the standard deviation, at least 0.

    >>> Normal(0.1).draw((3, 2), np.random.default_rng(0)).shape
    (3, 2)
    """

    std: NotNegative = 0.05
    formula: ClassVar[str] = r"w \sim \mathcal{N}(0, \mathrm{std}^2)"

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw from N(0, std²)."""
        return rng.normal(0.0, self.std, shape)


@register("uniform")
class Uniform(Initializer, frozen=True):
    """w from U(low, high).

    Errors: a BacklitError where low is above high.

    >>> bool((Uniform(1.0, 2.0).draw((9,), np.random.default_rng(0)) >= 1.0).all())
    True
    """

    low: float = -0.05
    high: float = 0.05
    formula: ClassVar[str] = r"w \sim \mathcal{U}(\mathrm{low}, \mathrm{high})"

    def __post_init__(self) -> None:
        check_settings(self)
        if self.low > self.high or not np.isfinite(self.high - self.low):
            raise BacklitError(
                f"initializer 'uniform': low is {self.low:g} and high is {self.high:g}; expected low at most high."
            )

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw from U(low, high)."""
        return rng.uniform(self.low, self.high, shape)


# -------------------------------------------------------------------------------------------- of the scale of the fans


class Scaled(Initializer, frozen=True):
    """Draws with a variance that the fans give: `variance(fan_in, fan_out)`."""

    @staticmethod
    def variance(fan_in: int, fan_out: int) -> float:
        """Give the variance of a weight between so many inputs and outputs."""
        raise NotImplementedError

    def spread(self, shape: tuple[int, ...]) -> float:
        """Give the standard deviation of the weights of an array of this shape."""
        window = math.prod(shape[:-2])
        fan_in = window * shape[-2] if len(shape) > 1 else shape[0]
        return float(np.sqrt(self.variance(max(fan_in, 1), max(window * shape[-1], 1))))


class ScaledNormal(Scaled, frozen=True):
    """w from N(0, Var(w))."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw from N(0, Var(w))."""
        return rng.normal(0.0, self.spread(shape), shape)


class ScaledUniform(Scaled, frozen=True):
    """w from U(-limit, limit) with limit = √(3 Var(w))."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw from U(-limit, limit)."""
        limit = np.sqrt(3.0) * self.spread(shape)
        return rng.uniform(-limit, limit, shape)


class Glorot(Scaled, frozen=True):
    """Var(w) = 2 / (fan_in + fan_out): a compromise that keeps outputs and gradients of linear units alike.

    Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
    """

    @staticmethod
    def variance(fan_in: int, fan_out: int) -> float:
        """Give 2 / (fan_in + fan_out)."""
        return 2.0 / (fan_in + fan_out)


class He(Scaled, frozen=True):
    """Var(w) = 2 / fan_in: keeps the outputs' size through relu, which loses half of the variance.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.
    """

    @staticmethod
    def variance(fan_in: int, fan_out: int) -> float:
        """Give 2 / fan_in."""
        return 2.0 / fan_in


class LeCun(Scaled, frozen=True):
    """Var(w) = 1 / fan_in: keeps the outputs' size through units of slope 1; selu counts on it.

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", Neural Networks: Tricks of the Trade, 1998.
    """

    @staticmethod
    def variance(fan_in: int, fan_out: int) -> float:
        """Give 1 / fan_in."""
        return 1.0 / fan_in


@register("glorot_uniform")
class GlorotUniform(Glorot, ScaledUniform, frozen=True):
    """w from ±√(6 / (fan_in + fan_out)), after Glorot and Bengio 2010: see `Glorot`.

    >>> bool((abs(GlorotUniform().draw((4, 2), np.random.default_rng(0))) <= 1.0).all())
    True
    """

    formula: ClassVar[str] = (
        r"w \sim \mathcal{U}\left(-\sqrt{\frac{6}{\mathrm{fan\_in} + \mathrm{fan\_out}}}, "
        r"\sqrt{\frac{6}{\mathrm{fan\_in} + \mathrm{fan\_out}}}\right)"
    )


@register("glorot_normal")
class GlorotNormal(Glorot, ScaledNormal, frozen=True):
    """w from N(0, 2 / (fan_in + fan_out)), after Glorot and Bengio 2010: see `Glorot`.

    >>> GlorotNormal().spread((4, 4))
    0.5
    """

    formula: ClassVar[str] = r"w \sim \mathcal{N}\left(0, \frac{2}{\mathrm{fan\_in} + \mathrm{fan\_out}}\right)"


@register("he_uniform")
class HeUniform(He, ScaledUniform, frozen=True):
    """w from ±√(6 / fan_in), after He et al. 2015: see `He`.

    >>> bool((abs(HeUniform().draw((6, 2), np.random.default_rng(0))) <= 1.0).all())
    True
    """

    formula: ClassVar[str] = (
        r"w \sim \mathcal{U}\left(-\sqrt{\frac{6}{\mathrm{fan\_in}}}, \sqrt{\frac{6}{\mathrm{fan\_in}}}\right)"
    )


@register("he_normal")
class HeNormal(He, ScaledNormal, frozen=True):
    """w from N(0, 2 / fan_in), after He et al. 2015: see `He`.

    >>> HeNormal().spread((8, 1))
    0.5
    """

    formula: ClassVar[str] = r"w \sim \mathcal{N}\left(0, \frac{2}{\mathrm{fan\_in}}\right)"


@register("lecun_uniform")
class LeCunUniform(LeCun, ScaledUniform, frozen=True):
    """w from ±√(3 / fan_in), after LeCun et al. 1998: see `LeCun`.

    >>> bool((abs(LeCunUniform().draw((3, 2), np.random.default_rng(0))) <= 1.0).all())
    True
    """

    formula: ClassVar[str] = (
        r"w \sim \mathcal{U}\left(-\sqrt{\frac{3}{\mathrm{fan\_in}}}, \sqrt{\frac{3}{\mathrm{fan\_in}}}\right)"
    )


@register("lecun_normal")
class LeCunNormal(LeCun, ScaledNormal, frozen=True):
    """w from N(0, 1 / fan_in), after LeCun et al. 1998: see `LeCun`.

    >>> LeCunNormal().spread((4, 1))
    0.5
    """

    formula: ClassVar[str] = r"w \sim \mathcal{N}\left(0, \frac{1}{\mathrm{fan\_in}}\right)"


@register("orthogonal")
class Orthogonal(Initializer, frozen=True):
    """W with orthonormal rows or columns, whichever are fewer, times `gain`: all distances are kept, or all gradients.

    W = gain Q of the QR decomposition of a normal matrix, with the signs that make Q uniform over all such matrices
    (Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the AMS 54, 2007). A
    vector counts as a matrix of one row.

    Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", ICLR 2014.

    >>> W = Orthogonal().draw((3, 2), np.random.default_rng(0))
    >>> bool(abs(W.T @ W - np.eye(2)).max() < 1e-15)
    True
    """

    gain: float = 1.0
    formula: ClassVar[str] = r"W^{\mathsf{T}} W = \mathrm{gain}^2 I"

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw from the uniform distribution over orthonormal matrices, times the gain."""
        columns = shape[-1]
        rows = int(np.prod(shape[:-1]))
        tall = rng.normal(size=(max(rows, columns), min(rows, columns)))
        Q, R = np.linalg.qr(tall)
        Q *= np.where(np.diagonal(R) < 0.0, -1.0, 1.0)
        return self.gain * (Q if rows >= columns else Q.T).reshape(shape)


# ----------------------------------------------------------------------------------------------------- values outright


def fill(given: Any, shape: tuple[int, ...], rng: np.random.Generator, where: str) -> Array:
    """Give the first values of a parameter from an initializer, its name, a number, or the values outright.

    Errors: a BacklitError that names `where` if values are given in another shape, are not numbers or not finite.

    >>> fill("zeros", (2,), np.random.default_rng(0), "layer 1, b").tolist()
    [0.0, 0.0]
    >>> fill([1, 2], (2,), np.random.default_rng(0), "layer 1, b").tolist()
    [1.0, 2.0]
    >>> fill(["1", "2"], (2,), np.random.default_rng(0), "layer 1, b")
    Traceback (most recent call last):
    backlit.errors.BacklitError: layer 1, b: the values hold '1'; expected an initializer's name, or numbers of shape \
(2,): write 1 without quotes.
    """
    if isinstance(given, (str, Op)):
        drawn: Array = initializers.make(given).draw(shape, rng)
        return drawn
    refuse_texts(given, where, f"an initializer's name, or numbers of shape {shape}")
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise BacklitError(
            f"{where}: {given!r} was given; expected an initializer's name, or numbers of shape {shape}."
        ) from None
    if values.shape not in ((), shape):
        raise BacklitError(f"{where}: values of shape {values.shape} were given; expected {shape}.")
    if not np.isfinite(values).all():
        raise BacklitError(f"{where}: the values given are not all finite numbers.")
    return np.broadcast_to(values, shape)
