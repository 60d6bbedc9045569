"""The panel health: the signals of the training, layer by layer."""

from __future__ import annotations

from typing import ClassVar

from backlit.diagnose.findings import (
    dead_relu,
    exploding_gradient,
    rate_too_large,
    rate_too_small,
    saturated_units,
    vanishing_gradient,
)
from backlit.page.session import Panel, Part
from backlit.page.view import View
from backlit.show.live.health import Range, health_html

POINTS = 40
"""So many measured epochs are drawn."""

RANGES = {
    "gradient_norm": Range(
        "How steep the error is along a layer's weights. Healthy at the first weights: the layers lie within a factor "
        "of 10 of each other; later, where the error is small, they may differ more. "
        f"At the first weights, a first layer below {vanishing_gradient.SMALLEST:g} times the last one hardly learns "
        f"(BL303), and one above {exploding_gradient.LARGEST:g} times makes steps that are far too long (BL304)."
    ),
    "update_ratio": Range(
        "How far one update moves a layer's weights, as a part of their size. Healthy: about "
        f"{rate_too_small.USUAL:g}; more than {rate_too_large.RATIO:g} is large.",
        ((rate_too_small.USUAL, f"{rate_too_small.USUAL:g}: usual"),
         (rate_too_large.RATIO, f"{rate_too_large.RATIO:g}: large")),
    ),
    "saturated": Range(
        "The share of a layer's outputs where its activation is flat, so that hardly any gradient passes. Of tanh and "
        f"sigmoid, below 0.2 is healthy, and from {saturated_units.SHARE:g} on a layer is saturated (BL306); relu may "
        "be off for half of the rows.",
        ((saturated_units.SHARE, f"{saturated_units.SHARE:g}: saturated"),),
    ),
    "dead": Range(
        "The share of a layer's units that are flat for every row of the batch: they do not learn from it. Healthy: 0; "
        f"a tenth does no harm, from {dead_relu.SHARE:g} on it is a finding (BL305).",
        ((dead_relu.SHARE, f"{dead_relu.SHARE:g}: dead"),),
    ),
}  # fmt: skip
"""What is healthy, by the numbers of the findings' own tests."""


class HealthPanel(Panel):
    """The signals."""

    name: ClassVar[str] = "health"

    def draw(self, view: View) -> Part:
        """Draw the signals of the epochs so far."""
        signals = view.training.signals
        none = "The signals begin with the first epoch that has ended."
        if not signals.layers:
            none = "This training measures no signals: L-BFGS has none, and neither has one with signals = false."
        return Part(health_html(signals.record(POINTS), RANGES, None if view.replayed is None else view.epoch, none))
