"""Rules that follow the gradient's sign, not its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta

from backlit.errors import BacklitError
from backlit.ops.base import Optimizer
from backlit.ops.registry import register
from backlit.ops.value_checks import Factor, NotNegative, Positive, Share


@register("lion")
class Lion(Optimizer, frozen=True):
    r"""Lion: w ← w - η sign(β1 m + (1 - β1) g), then m ← β2 m + (1 - β2) g.

    Every weight moves by η, whatever the size of its gradient: choose a rate a few times below Adam's, and a
    `weight_decay` as many times above.

    Args:
        rate: η. beta1: how much of the mean goes into the step. beta2: how much of it is kept. Both from 0 to below 1.

    Source: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    >>> from backlit.ops.optimizers.signs import Lion
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
    iRprop⁻, without backtracking, PyTorch's too: after a change of sign the weight stands for one step. Only signs
    count, so it needs the gradient of all rows: train with `batch_size="full"`. The rate is the first step d, so a
    schedule has no effect, and there is no `weight_decay`.

    Args:
        rate: the first d, above 0. shrink: η⁻, between 0 and 1. grow: η⁺, above 1. smallest, largest: the bounds of d.

    Source: Riedmiller, Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", ICNN
    1993; this variant: Igel, Hüsken, "Improving the Rprop learning algorithm", NC 2000.

    >>> from backlit.ops.optimizers.signs import RProp
    >>> settings = dict(shrink=0.5, grow=1.25, smallest=1e-6, largest=50.0)
    >>> [float(x) for x in RProp.update(1.0, 0.3, previous=0.2, d=0.1, **settings)]
    [0.875, 0.3, 0.125]
    """

    rate: Positive = 0.01
    shrink: Factor = 0.5
    grow: Annotated[float, Meta(gt=1)] = 1.2
    smallest: Positive = 1e-6
    largest: Positive = 50.0
    slots: ClassVar[Mapping[str, float | str]] = {"previous": 0.0, "d": "rate"}
    symbols: ClassVar[Mapping[str, str]] = {
        "shrink": r"\eta^-", "grow": r"\eta^+", "smallest": r"d_{\min}", "largest": r"d_{\max}",
        "previous": r"g_{t-1}",
    }  # fmt: skip
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
