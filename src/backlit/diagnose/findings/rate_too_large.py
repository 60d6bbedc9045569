"""BL402: the learning rate is so large that the steps overshoot."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.ahead import RateSearch, rounded
from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.harm import finite
from backlit.diagnose.records import Finding
from backlit.diagnose.remedies import rate_of

NAME = "learning rate too large"

FACTOR, WORSE = 0.3, 0.05
"""A rate is too large where those that leave less than the share WORSE more unexplained than the best are at most this
part of it."""

RATIO = 0.1
"""An update that changes the weights by more than this part of their size is large."""


@finding("BL402", NAME)
def rate_too_large(case: Case) -> Finding | None:
    """Find a rate with which the training rows are learned worse than with a smaller one."""
    if case.harmed is False:
        return None
    rates = case.rates
    if rates is None or not rates.learns:
        return None
    largest = rates.within(WORSE)[-1]
    if largest > FACTOR and not (case.diverged and largest <= 1.0):
        return None
    better = min(rates.advised, rounded(rates.rate * largest))
    smallest = rounded(rates.rate * rates.good[0])
    smaller = smallest if smallest < better else rounded(better / 3.0)
    return Finding(
        code="BL402", name=NAME, place=f"learning rate {rates.rate:g}",
        measure=f"unexplained share of the training rows after {rates.epochs} epochs", measured=finite(rates.now),
        threshold=rates.best + WORSE * (1.0 - rates.best),
        healthy=f"{rates.best:.3g}, with the best of {len(rates.found)} rates",
        why="a step goes down the slope where it starts; where it is longer than the valley is wide it ends higher up "
        "on the other side (on a parabola of curvature c, with a rate above 2 / c)",
        remedies=(rate_of(case, better), rate_of(case, smaller)),
        signal="update_ratio", layer=case.signals.layers[0] if len(case.signals) else None,
        details=(*_tried(rates), *_jumps(case)),
    )  # fmt: skip


def _tried(rates: RateSearch) -> list[str]:
    """Give what short trainings with other rates reached."""
    return [f"with a rate of {rates.rate * factor:.2g}: "
            + (f"{unexplained:.3g}" if math.isfinite(unexplained) else "diverged")
            for factor, unexplained in rates.found.items() if rates.good[0] <= factor <= 1.0]  # fmt: skip


def _jumps(case: Case) -> list[str]:
    """Give evidence from the losses and the updates on the way."""
    loss, said = case.history["loss"], []
    if len(loss) > 2:
        rises = float((np.diff(loss) > 0.0).mean())
        said.append(f"the training loss rose from one epoch to the next in {rises:.0%} of them")
    signals = case.signals
    if len(signals):
        ratios = np.array([signals.of("update_ratio", layer) for layer in signals.layers])
        ratios = ratios[np.isfinite(ratios)]
        if ratios.size:
            said.append(f"an update changed the weights of a layer by up to {ratios.max():.2g} of their size; more "
                        f"than {RATIO:g} is large")  # fmt: skip
    return said
