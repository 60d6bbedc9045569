"""BL407: so many rows in a batch that there are too few updates."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy

NAME = "batch too large"

FEW, UPDATES = 4, 1_000
"""At most so many batches in an epoch, and at most so many updates in all, are few."""

ROWS, SMALL = 32, 8
"""A usual batch has so many rows; of fewer rows in all, a batch has an eighth of them, but at least SMALL."""

EPOCHS = 10
"""Fewer epochs are few whatever the batch: that is BL501."""

SLOW = 30.0
"""Where only rates of more than so many times the rate learn, it is the rate: BL401."""

UNLEARNED = 0.03


@finding("BL407", NAME)
def batch_too_large(case: Case) -> Finding | None:
    """Find batches of so many rows that there were few updates, in a training that has learned its rows badly."""
    rows, size = len(case.X), case.training.batch_size
    batches = -(-rows // size)
    usual = min(ROWS, max(SMALL, rows // 8))
    few = batches <= FEW and case.updates < UPDATES and size >= 2 * usual
    long = len(case.training.history) >= EPOCHS
    if case.settings.optimizer.full_batch or not (few and long) or case.unlearned < UNLEARNED or case.diverged:
        return None
    if case.rates is not None and case.rates.learns and case.rates.good[0] > SLOW:
        return None
    smaller = min(usual, max(SMALL, size // 4))
    details: tuple[str, ...] = ()
    if len(case.signals) and (noise := case.signals.noise[np.isfinite(case.signals.noise)]).size:
        details = (f"gradient noise {float(noise.mean()):.2g}: 0 where two batches agree",)
    return Finding(
        code="BL407", name=NAME, place=f"batch_size={case.settings.batch_size}", measure="updates",
        measured=float(case.updates), threshold=float(UPDATES), healthy=f"{UPDATES:,} and more",
        why=f"an epoch of {rows:,} rows in batches of {size:,} makes {batches} update{'s' * (batches > 1)}, and each "
        f"moves the weights by one step; batches of {usual} rows make {-(-rows // usual)}, whose gradients are nearly "
        "as good",
        remedies=tuple(Remedy(f"batches of {count} rows", (set_setting("batch_size", count, f"batches of {count} rows",
                                                                      f"--batch-size {count}"),))
                       for count in dict.fromkeys((usual, smaller, max(SMALL, usual // 4)))),
        details=details,
    )  # fmt: skip
