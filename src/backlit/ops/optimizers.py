"""Optimizers: the new weight from the old one and its gradient, element by element.

In every formula w is one weight, g the derivative of the error with respect to it, η the rate (times what the schedule
gives for the step) and t the number of the step, from 1. Where literature and libraries differ, the docstring says
which form this is. What every optimizer has: `weight_decay` λ, decoupled, w ← w (1 - η λ) before the update.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from backlit.errors import BacklitError
from backlit.ops.base import Optimizer, register

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Portion = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]


@register("sgd")
class SGD(Optimizer, frozen=True):
    r"""Gradient descent: w ← w - η g.

    Args:
        rate: η.

    Source: Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées", 1847; on batches of
    rows: Robbins, Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22, 1951.

    >>> from backlit.ops.optimizers import SGD
    >>> SGD.update(1.0, 0.5, rate=0.1)
    (0.95,)
    """

    rate: NotNegative = 0.01
    formula: ClassVar[str] = r"w \leftarrow w - \eta g"

    @staticmethod
    def update(w: Any, g: Any, rate: float) -> Any:
        """Give w - η g."""
        return (w - rate * g,)


@register("momentum")
class Momentum(Optimizer, frozen=True):
    r"""Gradient descent with momentum (the heavy ball): v ← μ v - η g, w ← w + v.

    scikit-learn's form: the rate is inside the velocity v, so a changed rate acts on new gradients only. PyTorch's,
    with the rate outside, takes the same steps as long as the rate stays the same.

    Args:
        rate: η. momentum: μ, from 0 to 1.

    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Rumelhart, Hinton,
    Williams, "Learning representations by back-propagating errors", Nature 323, 1986.

    >>> from backlit.ops.optimizers import Momentum
    >>> Momentum.update(1.0, 0.5, v=-0.1, rate=0.1, momentum=0.5)
    (0.9, -0.1)
    """

    rate: NotNegative = 0.01
    momentum: Portion = 0.9
    slots: ClassVar[Mapping[str, float | str]] = {"v": 0.0}
    formula: ClassVar[str] = r"v \leftarrow \mu v - \eta g, \quad w \leftarrow w + v"

    @staticmethod
    def update(w: Any, g: Any, v: Any, rate: float, momentum: float) -> Any:
        """Give the new w and v."""
        v = momentum * v - rate * g
        return w + v, v


@register("nesterov")
class Nesterov(Optimizer, frozen=True):
    r"""Nesterov's momentum: v ← μ v - η g, w ← w + μ v - η g.

    scikit-learn's form (its default for `solver="sgd"`), in which w is the point that looks ahead, where the gradient
    is taken. PyTorch's form takes the same steps as long as the rate stays the same.

    Args:
        rate: η. momentum: μ, from 0 to 1.

    Source: Nesterov, "A method of solving a convex programming problem with convergence rate O(1/k²)", 1983; in this
    form Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.

    >>> from backlit.ops.optimizers import Nesterov
    >>> Nesterov.update(1.0, 0.5, v=-0.1, rate=0.1, momentum=0.5)
    (0.9, -0.1)
    """

    rate: NotNegative = 0.01
    momentum: Portion = 0.9
    slots: ClassVar[Mapping[str, float | str]] = {"v": 0.0}
    formula: ClassVar[str] = r"v \leftarrow \mu v - \eta g, \quad w \leftarrow w + \mu v - \eta g"

    @staticmethod
    def update(w: Any, g: Any, v: Any, rate: float, momentum: float) -> Any:
        """Give the new w and v."""
        v = momentum * v - rate * g
        return w + (momentum * v - rate * g), v


@register("rmsprop")
class RMSProp(Optimizer, frozen=True):
    r"""RMSProp: v ← ρ v + (1 - ρ) g², w ← w - η g / (√v + ε).

    PyTorch's and Keras's form, ε outside the root.

    Args:
        rate: η. rho: ρ, how much of the mean square is kept, from 0 to below 1. epsilon: ε, above 0.

    Source: Tieleman, Hinton, "Lecture 6.5: RMSProp", Coursera: Neural Networks for Machine Learning, 2012.

    >>> from backlit.ops.optimizers import RMSProp
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

    >>> from backlit.ops.optimizers import Adagrad
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

    >>> from backlit.ops.optimizers import Adadelta
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


ADAM_FORMULA = (
    r"m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad"
    r" \hat m = \frac{m}{1 - \beta_1^t}, \quad \hat v = \frac{v}{1 - \beta_2^t}, \quad"
    r" w \leftarrow w - \frac{\eta \hat m}{\sqrt{\hat v} + \varepsilon}"
)


@register("adam")
class Adam(Optimizer, frozen=True):
    r"""Adam: m ← β1 m + (1 - β1) g, v ← β2 v + (1 - β2) g², w ← w - η m̂ / (√v̂ + ε).

    m̂ = m / (1 - β1ᵗ) and v̂ = v / (1 - β2ᵗ) correct that m and v start from 0. This is algorithm 1 of the paper, and
    PyTorch's and optax's form. `epsilon_hat` chooses the form at the end of the paper's section 2, scikit-learn's and
    Keras's: w ← w - η √(1 - β2ᵗ) / (1 - β1ᵗ) m / (√v + ε̂), in which ε does not shrink with the correction.

    Args:
        rate: η. beta1, beta2: how much of the mean and of the mean square is kept, from 0 to below 1. epsilon: ε, above
            0. epsilon_hat: whether epsilon is the paper's ε̂.

    Source: Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    >>> from backlit.ops.optimizers import Adam
    >>> round(Adam.scalars(1.0, 0.9, 0.999, 1e-8, False)[0], 12)  # the first step's 1 / (1 - β1)
    10.0
    """

    rate: NotNegative = 0.001
    beta1: Share = 0.9
    beta2: Share = 0.999
    epsilon: Positive = 1e-8
    epsilon_hat: bool = False
    slots: ClassVar[Mapping[str, float | str]] = {"m": 0.0, "v": 0.0}
    prepared: ClassVar[tuple[str, ...]] = ("correction1", "correction2", "gain1", "gain2", "floor")
    formula: ClassVar[str] = ADAM_FORMULA

    @staticmethod
    def scalars(step: float, beta1: float, beta2: float, epsilon: float, epsilon_hat: float) -> tuple[float, ...]:
        """Give 1 / (1 - β1ᵗ), 1 / (1 - β2ᵗ), 1 - β1, 1 - β2, and ε as it stands beside √v̂."""
        correction2 = 1.0 / (1.0 - beta2**step)
        floor = epsilon * (np.sqrt(correction2) if epsilon_hat else 1.0)
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

    >>> from backlit.ops.optimizers import AdamW
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

    >>> from backlit.ops.optimizers import AMSGrad
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

    optax's form, with a constant β1. (The workshop paper and PyTorch let β1 grow over the steps.)

    Args:
        rate, beta1, beta2, epsilon: as Adam's.

    Source: Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop, 2016.

    >>> from backlit.ops.optimizers import NAdam
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


@register("lion")
class Lion(Optimizer, frozen=True):
    r"""Lion: w ← w - η sign(β1 m + (1 - β1) g), then m ← β2 m + (1 - β2) g.

    Every weight moves by η, whatever the size of its gradient: choose a rate a few times below Adam's, and a
    `weight_decay` as many times above.

    Args:
        rate: η. beta1: how much of the mean goes into the step. beta2: how much of it is kept. Both from 0 to below 1.

    Source: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    >>> from backlit.ops.optimizers import Lion
    >>> w, m = Lion.update(1.0, 0.5, m=-1.0, rate=0.25, beta1=0.5, beta2=0.5, gain1=0.5, gain2=0.5)
    >>> float(w), m
    (1.25, -0.25)
    """

    rate: NotNegative = 0.0001
    beta1: Share = 0.9
    beta2: Share = 0.99
    slots: ClassVar[Mapping[str, float | str]] = {"m": 0.0}
    prepared: ClassVar[tuple[str, ...]] = ("gain1", "gain2")
    formula: ClassVar[str] = (
        r"w \leftarrow w - \eta \operatorname{sign}(\beta_1 m + (1 - \beta_1) g), \quad"
        r" m \leftarrow \beta_2 m + (1 - \beta_2) g"
    )

    @staticmethod
    def scalars(beta1: float, beta2: float) -> tuple[float, ...]:
        """Give 1 - β1 and 1 - β2."""
        return 1.0 - beta1, 1.0 - beta2

    @staticmethod
    def update(w: Any, g: Any, m: Any, rate: float, beta1: float, beta2: float, gain1: float, gain2: float) -> Any:
        """Give the new w and m."""
        return w - rate * np.sign(beta1 * m + gain1 * g), beta2 * m + gain2 * g


@register("rprop")
class RProp(Optimizer, frozen=True):
    r"""Rprop: each weight has a step d of its own, which grows while its gradient keeps its sign and shrinks when not.

    d ← min(η⁺ d, d_max) where the sign stays, max(η⁻ d, d_min) where it changes; then w ← w - sign(g) d. This is
    iRprop⁻, without backtracking, PyTorch's too: after a change of sign the weight rests for one step. Only signs
    count, so it needs the gradient of all rows: train with `batch_size="full"`. The rate is the first step d, so a
    schedule has no effect, and there is no `weight_decay`.

    Args:
        rate: the first d, above 0. shrink: η⁻, between 0 and 1. grow: η⁺, above 1. smallest, largest: the bounds of d.

    Source: Riedmiller, Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", ICNN
    1993; this variant: Igel, Hüsken, "Improving the Rprop learning algorithm", NC 2000.

    >>> from backlit.ops.optimizers import RProp
    >>> settings = dict(shrink=0.5, grow=1.25, smallest=1e-6, largest=50.0)
    >>> [float(x) for x in RProp.update(1.0, 0.3, previous=0.2, d=0.1, **settings)]
    [0.875, 0.3, 0.125]
    """

    rate: Positive = 0.01
    shrink: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    grow: Annotated[float, Meta(gt=1)] = 1.2
    smallest: Positive = 1e-6
    largest: Positive = 50.0
    slots: ClassVar[Mapping[str, float | str]] = {"previous": 0.0, "d": "rate"}
    formula: ClassVar[str] = (
        r"d \leftarrow \min\left(\max\left(d \begin{cases} \eta^+ & g\,g_{t-1} > 0 \\ \eta^- & g\,g_{t-1} < 0 \\"
        r" 1 & g\,g_{t-1} = 0 \end{cases}, d_{\min}\right), d_{\max}\right), \quad"
        r" g \leftarrow \begin{cases} 0 & g\,g_{t-1} < 0 \\ g & g\,g_{t-1} \geq 0 \end{cases}, \quad"
        r" w \leftarrow w - \operatorname{sign}(g)\,d"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_decay:
            raise BacklitError(f"optimizer 'rprop': weight_decay is {self.weight_decay!r}; Rprop takes none, use l2=.")
        if self.smallest > self.largest:
            raise BacklitError(
                f"optimizer 'rprop': smallest is {self.smallest!r}, above largest, {self.largest!r}; swap them."
            )

    @staticmethod
    def update(
        w: Any, g: Any, previous: Any, d: Any, shrink: float, grow: float, smallest: float, largest: float
    ) -> Any:
        """Give the new w, the gradient to compare the next one with, and the new d."""
        agreement = np.sign(g) * np.sign(previous)
        factor = np.where(agreement > 0.0, grow, np.where(agreement < 0.0, shrink, 1.0))
        d = np.minimum(np.maximum(d * factor, smallest), largest)
        g = np.where(agreement < 0.0, 0.0, g)
        return w - np.sign(g) * d, g, d


@register("lbfgs")
class LBFGS(Optimizer, frozen=True):
    r"""L-BFGS: a quasi-Newton method on all rows at once, SciPy's `L-BFGS-B`.

    It approximates curvature from the last `history` steps and searches along each direction, so it has no rate and no
    schedule, and there is no `weight_decay`; an epoch is one iteration. Best on small data, where it needs far fewer
    passes than any method above.

    Args:
        max_evaluations: how often the loss may be computed at the most.
        history: how many past steps the curvature is approximated from.
        tolerance: stop where no element of the gradient is larger than this.
        relative_tolerance: stop where an iteration lowers the loss by less than this part of it.

    Source: Liu, Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 45,
    1989; Byrd, Lu, Nocedal, Zhu, "A limited memory algorithm for bound constrained optimization", SIAM Journal on
    Scientific Computing 16, 1995.

    >>> from backlit.ops.optimizers import LBFGS
    >>> LBFGS(history=20).full_batch
    True
    """

    max_evaluations: Count = 15_000
    history: Count = 10
    tolerance: NotNegative = 1e-5
    relative_tolerance: NotNegative = 2.220446049250313e-09
    full_batch: ClassVar[bool] = True
    formula: ClassVar[str] = r"w \leftarrow w - \alpha H_t \nabla E"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weight_decay:
            raise BacklitError(f"optimizer 'lbfgs': weight_decay is {self.weight_decay!r}; L-BFGS takes none, use l2=.")
