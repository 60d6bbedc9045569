"""BL408: so few rows in a batch that its gradient is mostly noise."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.remedies import slower

NAME = "batch too small"

FEW, ROWS = 4, 32
"""At most so many rows are few; a usual batch has ROWS."""

SLOWER = 10.0


@finding("BL408", NAME)
def batch_too_small(case: Case) -> Finding | None:
    """Find batches of one or a few rows, whose gradients have little in common."""
    size = case.training.batch_size
    if size > FEW or len(case.X) < 2 * ROWS or case.settings.optimizer.full_batch:
        return None
    noise = case.signals.noise[np.isfinite(case.signals.noise)] if len(case.signals) else np.zeros(0)
    measured = float(np.median(noise)) if noise.size else None
    words = f"batches of {ROWS} rows"
    larger = Remedy(words, (set_setting("batch_size", ROWS, words, f"--batch-size {ROWS}"),))
    return Finding(
        code="BL408", name=NAME, place=f"batch_size={size}", measure="gradient noise, median", measured=measured,
        threshold=None, healthy=f"batches of {ROWS} rows or so",
        why=f"the mean of the gradients of {size} row{'s' * (size > 1)} is off the whole gradient by 1/√{size} of "
        f"their spread; of {ROWS} rows by 1/√{ROWS}: the loss stays as high as that noise shakes the weights",
        remedies=(larger, *slower(case, SLOWER)),
    )  # fmt: skip
