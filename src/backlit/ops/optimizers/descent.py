"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backlit.ops.base import Optimizer
from backlit.ops.registry import register
from backlit.ops.value_checks import NotNegative, Portion


@register("sgd")
class SGD(Optimizer, frozen=True):
    r"""Gradient descent: w ← w - η g.

    Args:
        rate: η.

    Source: Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées", 1847; on batches of
    rows: Robbins, Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22, 1951.

    >>> from backlit.ops.optimizers.descent import SGD
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

    >>> from backlit.ops.optimizers.descent import Momentum
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

    >>> from backlit.ops.optimizers.descent import Nesterov
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
