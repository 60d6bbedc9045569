"""BL401: the learning rate is so small that the weights hardly move."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.ahead import AS_GOOD, rounded
from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.remedies import rate_of

NAME = "learning rate too small"

FACTOR = 10.0
"""A rate is too small where all those that learn about as well as the best are at least so many times as large."""

UPDATES = 50
"""Of fewer updates nothing is said: that they are few comes first, BL501."""

FALLEN = 0.01
"""A schedule that brings the rate below this part of the first one by the middle of the training brings it down too
fast."""

MOST_RATES = 3
"""So many of the rates that were tried are told, from the one there was to the largest that learns as well."""

USUAL = 1e-3
"""The part by which an update of a healthy training changes the weights, about."""


@finding("BL401", NAME)
def rate_too_small(case: Case) -> Finding | None:
    """Find a rate with which the training rows are learned far slower than with a larger one."""
    if case.unlearned <= 0.02 or case.harmed is False or case.diverged:
        return None
    return _by_schedule(case) or _by_search(case)


def _by_search(case: Case) -> Finding | None:
    """Find it by short trainings with other rates."""
    rates = case.rates if case.updates >= UPDATES else None
    if rates is None or not rates.learns or rates.good[0] < FACTOR:
        return None
    better, ratio = rates.advised, _update_ratio(case)
    least = rounded(rates.rate * rates.good[0])
    larger = [(factor, left) for factor, left in rates.found.items() if 1.0 <= factor <= rates.good[-1]]
    few = np.unique(np.linspace(0, len(larger) - 1, MOST_RATES).astype(int))
    details = [f"with a rate of {rates.rate * larger[k][0]:.2g}: {larger[k][1]:.3g}" for k in few]
    if ratio is not None:
        details.append(f"an update changes the weights by {ratio:.2g} of their size, median over the first half of the "
                       f"epochs; healthy is about {USUAL:g}")  # fmt: skip
    return Finding(
        code="BL401", name=NAME, place=f"learning rate {rates.rate:g}",
        measure=f"unexplained share of the training rows after {rates.epochs} epochs", measured=rates.now,
        threshold=rates.best + AS_GOOD * (1.0 - rates.best),
        healthy=f"{rates.best:.3g}, with the best of {len(rates.found)} rates",
        why=f"a step moves a weight by the rate times its slope, so with a rate {rates.good[0]:,g} times as large the "
        f"{case.updates:,} updates go that much farther",
        remedies=(rate_of(case, better), rate_of(case, least)),
        signal="update_ratio", layer=case.signals.layers[0] if len(case.signals) else None, details=tuple(details),
    )  # fmt: skip


def _by_schedule(case: Case) -> Finding | None:
    """Find it by a schedule under which the rate has fallen almost to 0 before the middle."""
    rates = case.history["rate"]
    if len(rates) < 4 or not rates[0] > 0.0:
        return None
    part = float(rates[(len(rates) - 1) // 2] / rates[0])
    if part > FALLEN:
        return None
    last = int(np.flatnonzero(rates > FALLEN * rates[0])[-1]) + 1
    constant = Remedy("a constant learning rate", (set_setting("schedule", "constant", "a constant learning rate",
                                                               "--schedule constant"),))  # fmt: skip
    return Finding(
        code="BL401", name=NAME, place=f"from epoch {last + 1} on",
        measure="learning rate in the middle of the training / in the first epoch", measured=part, threshold=FALLEN,
        healthy="0.1 to 1",
        why=f"the schedule {case.settings.schedule.name} brings the rate from {rates[0]:.3g} to "
        f"{rates[(len(rates) - 1) // 2]:.1g} by the middle: the weights learn in the first {last} of {len(rates)} "
        "epochs and stand still from then on",
        remedies=(constant,), signal="update_ratio", layer=case.signals.layers[0] if len(case.signals) else None,
        epoch=last,
    )  # fmt: skip


def _update_ratio(case: Case) -> float | None:
    """Give the median, over layers and the first half of the epochs, of an update's size over that of the weights."""
    signals = case.signals
    if not len(signals):
        return None
    half = signals.numbers <= max(1, len(case.training.history) // 2)
    ratios = np.concatenate([signals.of("update_ratio", layer)[half] for layer in signals.layers])
    ratios = ratios[np.isfinite(ratios)]
    return float(np.median(ratios)) if ratios.size else None
