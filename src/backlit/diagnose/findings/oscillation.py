"""BL404: the training loss goes up and down instead of falling."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.remedies import slower

NAME = "oscillation"

SWING = 0.3
"""Steps of the loss from epoch to epoch are large from this part of its level on, in the median over the last half."""

TURNS = 0.5
"""The loss goes up and down where it turns around after at least this share of the epochs; by chance it is 2/3."""

SLOWER = 10.0
FEWEST = 10


@finding("BL404", NAME)
def oscillation(case: Case) -> Finding | None:
    """Find a training loss that turns around after most epochs, by large steps, over the last half of the training."""
    loss = case.history["loss"]
    remedies = slower(case, SLOWER)
    if len(loss) < FEWEST or not remedies or case.settings.optimizer.full_batch or case.unlearned < 0.02:
        return None
    half = loss[len(loss) // 2 :]
    half = half[np.isfinite(half)]
    if len(half) < 3:
        return None
    steps = np.diff(half)
    turns = float((steps[1:] * steps[:-1] < 0.0).mean())
    swing = float(np.median(np.abs(steps)) / max(float(np.median(np.abs(half))), 1e-300))
    if swing < SWING or turns < TURNS:
        return None
    falling = set_setting(
        "schedule", "cosine", "a rate that falls to 0 by the end, along a cosine", "--schedule cosine"
    )
    return Finding(
        code="BL404", name=NAME, place=f"epochs {len(loss) // 2 + 1} to {len(loss)}",
        measure="step of the loss from epoch to epoch / the loss, median", measured=swing, threshold=SWING,
        healthy="below 0.1",
        why=f"the loss turned around after {turns:.0%} of these epochs: steps this long cross the valley to and fro, "
        "and the loss stays as high as they are long",
        remedies=(*remedies, Remedy("a rate that falls to 0 by the end", (falling,))),
        signal="update_ratio", layer=case.signals.layers[0] if len(case.signals) else None,
    )  # fmt: skip
