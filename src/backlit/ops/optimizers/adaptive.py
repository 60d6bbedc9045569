"""Rules with a step size of each weight's own, from the mean of its squared gradients: RMSProp, Adam and their kin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from backlit.ops.base import Optimizer
from backlit.ops.registry import register
from backlit.ops.value_checks import NotNegative, Positive, Share


@register("rmsprop")
class RMSProp(Optimizer, frozen=True):
    r"""RMSProp: v ← ρ v + (1 - ρ) g², w ← w - η g / (√v + ε).

    PyTorch's form, ε outside the root. ρ is 0.9 as in the lecture and in Keras; PyTorch's `alpha` is 0.99, and its rate
    0.01.

    Args:
        rate: η. rho: ρ, how much of the mean square is kept, from 0 to below 1. epsilon: ε, above 0.

    Source: Tieleman, Hinton, "Lecture 6.5: RMSProp", Coursera: Neural Networks for Machine Learning, 2012.

    >>> from backlit.ops.optimizers.adaptive import RMSProp
    >>> w, v = RMSProp.update(1.0, 0.5, v=0.0, rate=0.1, rho=0.75, epsilon=0.0, gain=0.25)
    >>> float(w), v
    (0.8, 0.0625)
    """

    rate: NotNegative = 0.001
    rho: Share = 0.9
    epsilon: Positive = 1e-8
    slots: ClassVar[Mapping[str, float | str]] = {"v": 0.0}
    prepared: ClassVar[tuple[str, ...]] = ("gain",)
    formula: ClassVar[str] = (
        r"v \leftarrow \rho v + (1 - \rho) g^2, \quad w \leftarrow w - \frac{\eta g}{\sqrt{v} + \varepsilon}"
    )

    @staticmethod
    def scalars(rho: float) -> tuple[float, ...]:
        """Give 1 - ρ."""
        return (1.0 - rho,)

    @staticmethod
    def update(w: Any, g: Any, v: Any, rate: float, rho: float, epsilon: float, gain: float) -> Any:
        """Give the new w and v."""
        v = rho * v + gain * g * g
        return w - rate * g / (np.sqrt(v) + epsilon), v


@register("adagrad")
class Adagrad(Optimizer, frozen=True):
    r"""AdaGrad: s ← s + g², w ← w - η g / (√s + ε).

    PyTorch's form. (Keras starts the sum at 0.1.)

    Args:
        rate: η. epsilon: ε, above 0. initial: where the sum of squares s starts, at least 0.

    Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR
    12, 2011.

    >>> from backlit.ops.optimizers.adaptive import Adagrad
    >>> w, s = Adagrad.update(1.0, 3.0, s=16.0, rate=0.5, epsilon=0.0)
    >>> float(w), s
    (0.7, 25.0)
    """

    rate: NotNegative = 0.01
    epsilon: Positive = 1e-10
    initial: NotNegative = 0.0
    slots: ClassVar[Mapping[str, float | str]] = {"s": "initial"}
    formula: ClassVar[str] = r"s \leftarrow s + g^2, \quad w \leftarrow w - \frac{\eta g}{\sqrt{s} + \varepsilon}"

    @staticmethod
    def update(w: Any, g: Any, s: Any, rate: float, epsilon: float) -> Any:
        """Give the new w and s."""
        s = s + g * g
        return w - rate * g / (np.sqrt(s) + epsilon), s


@register("adadelta")
class Adadelta(Optimizer, frozen=True):
    r"""AdaDelta: v ← ρ v + (1 - ρ) g², d = g √(u + ε) / √(v + ε), u ← ρ u + (1 - ρ) d², w ← w - η d.

    The paper's form, which has η = 1; also PyTorch's.

    Args:
        rate: η. rho: ρ, how much of the mean squares is kept, from 0 to below 1. epsilon: ε, above 0.

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", arXiv 1212.5701, 2012.

    >>> from backlit.ops.optimizers.adaptive import Adadelta
    >>> w, v, u = Adadelta.update(1.0, 1.0, v=0.0, u=0.0, rate=1.0, rho=0.5, epsilon=0.5, gain=0.5)
    >>> v, round(float(u), 12)
    (0.5, 0.25)
    """

    rate: NotNegative = 1.0
    rho: Share = 0.9
    epsilon: Positive = 1e-6
    slots: ClassVar[Mapping[str, float | str]] = {"v": 0.0, "u": 0.0}
    prepared: ClassVar[tuple[str, ...]] = ("gain",)
    formula: ClassVar[str] = (
        r"v \leftarrow \rho v + (1 - \rho) g^2, \quad d = \frac{\sqrt{u + \varepsilon}}{\sqrt{v + \varepsilon}} g,"
        r" \quad u \leftarrow \rho u + (1 - \rho) d^2, \quad w \leftarrow w - \eta d"
    )

    @staticmethod
    def scalars(rho: float) -> tuple[float, ...]:
        """Give 1 - ρ."""
        return (1.0 - rho,)

    @staticmethod
    def update(w: Any, g: Any, v: Any, u: Any, rate: float, rho: float, epsilon: float, gain: float) -> Any:
        """Give the new w, v and u."""
        v = rho * v + gain * g * g
        d = g * np.sqrt(u + epsilon) / np.sqrt(v + epsilon)
        return w - rate * d, v, rho * u + gain * d * d


ADAM_MOMENTS = r"m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad"
ADAM_STEP = (
    r" \hat m = \frac{m}{1 - \beta_1^t}, \quad \hat v = \frac{v}{1 - \beta_2^t}, \quad"
    r" w \leftarrow w - \frac{\eta \hat m}{\sqrt{\hat v} + \varepsilon}"
)
EPSILON_HAT_STEP = r" w \leftarrow w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt{v} + \varepsilon}"
ADAM_FORMULA = ADAM_MOMENTS + ADAM_STEP


@register("adam")
class Adam(Optimizer, frozen=True):
    r"""Adam: m ← β1 m + (1 - β1) g, v ← β2 v + (1 - β2) g², w ← w - η m̂ / (√v̂ + ε).

    m̂ = m / (1 - β1ᵗ) and v̂ = v / (1 - β2ᵗ) correct that m and v start from 0. This is algorithm 1 of the paper, and
    PyTorch's and optax's form. `epsilon_hat` chooses the form at the end of the paper's section 2, scikit-learn's and
    Keras's: w ← w - η √(1 - β2ᵗ) / (1 - β1ᵗ) m / (√v + ε̂), in which ε does not shrink with the correction.

    Args:
        rate: η. beta1, beta2: how much of the mean and of the mean square is kept, from 0 to below 1. epsilon: ε, at
            least 0. epsilon_hat: whether epsilon is the paper's ε̂.

    With ε = 0, as books have it, the first step is η against the sign of g: m̂ / √v̂ = g / √(g²) = ±1. A weight whose
    slopes have all been 0 stays as it is, since 0 / 0 counts as 0: the denominator is √v̂ + 1e-19 then, which is √v̂ to
    ten digits for any |g| above 1e-9. (PyTorch gives NaN for such a weight.)

    Source: Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    >>> from backlit.ops.optimizers.adaptive import Adam
    >>> round(Adam.scalars(1.0, 0.9, 0.999, 1e-8, False)[0], 12)  # the first step's 1 / (1 - β1)
    10.0
    """

    rate: NotNegative = 0.001
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: NotNegative = 1e-8
    epsilon_hat: bool = False
    slots: ClassVar[Mapping[str, float | str]] = {"m": 0.0, "v": 0.0}
    prepared: ClassVar[tuple[str, ...]] = ("correction1", "correction2", "gain1", "gain2", "floor")
    formula: ClassVar[str] = ADAM_FORMULA

    def formula_used(self) -> str:
        """Give the formula with ε̂ where `epsilon_hat` is on."""
        return self.formula.replace(ADAM_STEP, EPSILON_HAT_STEP) if self.epsilon_hat else self.formula

    @staticmethod
    def scalars(step: float, beta1: float, beta2: float, epsilon: float, epsilon_hat: float) -> tuple[float, ...]:
        """Give 1 / (1 - β1ᵗ), 1 / (1 - β2ᵗ), 1 - β1, 1 - β2, and ε as it stands beside √v̂; 1e-19 for 0."""
        correction2 = 1.0 / (1.0 - beta2**step)
        beside = epsilon * (np.sqrt(correction2) if epsilon_hat else 1.0)
        floor = beside if beside > 0.0 else 1e-19  # 0 / 1e-19 is 0; √v̂ of what float32 can square is larger
        return 1.0 / (1.0 - beta1**step), correction2, 1.0 - beta1, 1.0 - beta2, floor

    @staticmethod
    def update(
        w: Any, g: Any, m: Any, v: Any, rate: float, beta1: float, beta2: float,
        correction1: float, correction2: float, gain1: float, gain2: float, floor: float,
    ) -> Any:  # fmt: skip
        """Give the new w, m and v."""
        m = beta1 * m + gain1 * g
        v = beta2 * v + gain2 * g * g
        return w - rate * (m * correction1) / (np.sqrt(v * correction2) + floor), m, v


@register("adamw")
class AdamW(Adam, frozen=True, kw_only=True):
    r"""AdamW: Adam with decoupled weight decay, w ← w (1 - η λ) before Adam's update.

    PyTorch's form and default, λ = 0.01.

    Args:
        weight_decay: λ. The others are Adam's.

    Source: Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019.

    >>> from backlit.ops.optimizers.adaptive import AdamW
    >>> AdamW(0.01).weight_decay
    0.01
    """

    weight_decay: NotNegative = 0.01
    formula: ClassVar[str] = r"w \leftarrow w (1 - \eta \lambda), \quad " + ADAM_FORMULA


@register("amsgrad")
class AMSGrad(Optimizer, frozen=True):
    r"""AMSGrad: Adam with the largest mean square so far, u ← max(u, v), w ← w - η m̂ / (√û + ε).

    PyTorch's form: the maximum is of the uncorrected v, and û = u / (1 - β2ᵗ). (The paper has no corrections; optax
    takes the maximum of the corrected ones.)

    Args:
        rate, beta1, beta2, epsilon: as Adam's.

    Source: Reddi, Kale, Kumar, "On the convergence of Adam and beyond", ICLR 2018.

    >>> from backlit.ops.optimizers.adaptive import AMSGrad
    >>> tuple(AMSGrad().slots)
    ('m', 'v', 'u')
    """

    rate: NotNegative = 0.001
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: Positive = 1e-8
    slots: ClassVar[Mapping[str, float | str]] = {"m": 0.0, "v": 0.0, "u": 0.0}
    prepared: ClassVar[tuple[str, ...]] = ("correction1", "correction2", "gain1", "gain2")
    formula: ClassVar[str] = (
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad"
        r" u \leftarrow \max(u, v), \quad"
        r" \hat m = \frac{m}{1 - \beta_1^t}, \quad \hat u = \frac{u}{1 - \beta_2^t}, \quad"
        r" w \leftarrow w - \frac{\eta \hat m}{\sqrt{\hat u} + \varepsilon}"
    )

    @staticmethod
    def scalars(step: float, beta1: float, beta2: float) -> tuple[float, ...]:
        """Give 1 / (1 - β1ᵗ), 1 / (1 - β2ᵗ), 1 - β1 and 1 - β2."""
        return 1.0 / (1.0 - beta1**step), 1.0 / (1.0 - beta2**step), 1.0 - beta1, 1.0 - beta2

    @staticmethod
    def update(
        w: Any, g: Any, m: Any, v: Any, u: Any, rate: float, beta1: float, beta2: float, epsilon: float,
        correction1: float, correction2: float, gain1: float, gain2: float,
    ) -> Any:  # fmt: skip
        """Give the new w, m, v and u."""
        m = beta1 * m + gain1 * g
        v = beta2 * v + gain2 * g * g
        u = np.maximum(u, v)
        return w - rate * (m * correction1) / (np.sqrt(u * correction2) + epsilon), m, v, u


@register("nadam")
class NAdam(Optimizer, frozen=True):
    r"""Nadam: Adam that looks one step ahead, m̂ = β1 m / (1 - β1ᵗ⁺¹) + (1 - β1) g / (1 - β1ᵗ).

    optax's form, with a constant β1. (The workshop paper and PyTorch let it grow over the steps: `momentum_decay`.)

    Args:
        rate, beta1, beta2, epsilon: as Adam's.

    Source: Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop, 2016.

    >>> from backlit.ops.optimizers.adaptive import NAdam
    >>> [round(number, 6) for number in NAdam.scalars(1.0, 0.5, 0.5)[:3]]
    [0.666667, 1.0, 2.0]
    """

    rate: NotNegative = 0.001
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: Positive = 1e-8
    slots: ClassVar[Mapping[str, float | str]] = {"m": 0.0, "v": 0.0}
    prepared: ClassVar[tuple[str, ...]] = ("ahead", "now", "correction2", "gain1", "gain2")
    formula: ClassVar[str] = (
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad"
        r" \hat m = \frac{\beta_1 m}{1 - \beta_1^{t + 1}} + \frac{(1 - \beta_1) g}{1 - \beta_1^t}, \quad"
        r" \hat v = \frac{v}{1 - \beta_2^t}, \quad w \leftarrow w - \frac{\eta \hat m}{\sqrt{\hat v} + \varepsilon}"
    )

    @staticmethod
    def scalars(step: float, beta1: float, beta2: float) -> tuple[float, ...]:
        """Give β1 / (1 - β1ᵗ⁺¹), (1 - β1) / (1 - β1ᵗ), 1 / (1 - β2ᵗ), 1 - β1 and 1 - β2."""
        ahead, now = beta1 / (1.0 - beta1 ** (step + 1.0)), (1.0 - beta1) / (1.0 - beta1**step)
        return ahead, now, 1.0 / (1.0 - beta2**step), 1.0 - beta1, 1.0 - beta2

    @staticmethod
    def update(
        w: Any, g: Any, m: Any, v: Any, rate: float, beta1: float, beta2: float, epsilon: float,
        ahead: float, now: float, correction2: float, gain1: float, gain2: float,
    ) -> Any:  # fmt: skip
        """Give the new w, m and v."""
        m = beta1 * m + gain1 * g
        v = beta2 * v + gain2 * g * g
        return w - rate * (ahead * m + now * g) / (np.sqrt(v * correction2) + epsilon), m, v
