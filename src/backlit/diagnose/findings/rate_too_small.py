"""BL401: the learning rate is so small that the weights hardly move."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_rate
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy

SMALLEST = 1e-4
"""Updates of a smaller part of the weights, in the median over layers and the first half of the epochs, are small."""

USUAL = 1e-3
"""The part by which an update of a healthy training changes the weights, about."""


@finding("BL401", "learning rate too small")
def rate_too_small(case: Case) -> Finding | None:
    """Find a rate too small: the updates are a tiny part of the weights, and the loss still falls at the end."""
    rate = getattr(case.settings.optimizer, "rate", None)
    signals = case.signals
    if not rate or not len(signals):
        return None
    half = signals.numbers <= max(1, len(case.training.history) // 2)
    ratios = np.concatenate([signals.of("update_ratio", layer)[half] for layer in signals.layers])
    ratio = float(np.nanmedian(ratios))
    loss = case.history["loss"]
    if not 0.0 < ratio < SMALLEST or not loss[-1] < loss[0]:
        return None
    better = float(f"{rate * min(1e4, USUAL / ratio):.1g}")
    return Finding(
        code="BL401", name="learning rate too small", place="all layers, first half of the epochs",
        measure="size of an update / size of the weights, median", measured=ratio, threshold=SMALLEST,
        healthy=f"about {USUAL:g}",
        why=f"a step moves a weight by the rate times its slope: at this rate {1 / ratio:,.0f} steps move the weights "
        f"by their own size, and the training made {case.updates:,}",
        remedies=(Remedy(f"a learning rate of {better:g}", (set_rate(better, rate),)),
                  Remedy(f"a learning rate of {10 * better:g}", (set_rate(10 * better, rate),))),
        signal="update_ratio", layer=signals.layers[0],
    )  # fmt: skip
