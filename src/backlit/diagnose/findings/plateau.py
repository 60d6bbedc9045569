"""BL405: the loss stays about where outputs that say nothing have it."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_activation, usual_weights
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Change, Finding, Remedy

NAME = "plateau"

HIGH, FLAT = 0.9, 0.01
"""On a plateau the loss is at least HIGH times that of weights 0, and from one epoch to the next it changes by at most
FLAT of that."""

SHARE = 0.3
"""From this share of the epochs on it is long."""

RATE = 0.005


@finding("BL405", NAME)
def plateau(case: Case) -> Finding | None:
    """Find a training loss that stays for long about where weights of 0 have it."""
    loss = case.history["loss"]
    level = min(case.start.loss_of_zeros, float(loss[0]) if len(loss) else math.inf)
    if len(loss) < 3 or not math.isfinite(level) or level <= 0.0:
        return None
    still = (loss[1:] >= HIGH * level) & (np.abs(np.diff(loss)) <= FLAT * level)
    first, count = _longest(still)
    if count < SHARE * (len(loss) - 1):
        return None
    remedies = [Remedy(f"adam with a learning rate of {RATE:g}",
                       (Change("optimizer", {"op": "adam", "rate": RATE}, f"the optimizer adam with rate {RATE:g}",
                               f"--optimizer adam --rate {RATE:g}", f"optimizer=bl.Adam({RATE:g})"),)),
                Remedy("the usual first weights", (usual_weights(),))]  # fmt: skip
    if case.hidden and case.hidden[0].activation.name != "relu":
        relu = set_activation("relu", case.hidden[0].activation.name)
        remedies.insert(0, Remedy("relu with its usual first weights", (relu,)))
    return Finding(
        code="BL405", name=NAME, place=f"epochs {first + 1} to {first + count + 1}",
        measure="share of the epochs in which the loss stays where it is", measured=count / (len(loss) - 1),
        threshold=SHARE, healthy="0",
        why=f"the loss stays at about {loss[first]:.4g}; weights of 0, which give all rows the same output, have "
        f"{case.start.loss_of_zeros:.4g}: in these epochs the network learns nothing of the inputs, since the gradient "
        "is too small there for steps of this length, or steps are so long that they lead to and fro",
        remedies=tuple(remedies), signal="gradient_norm",
        layer=case.signals.layers[0] if len(case.signals) else None, epoch=first + 1,
    )  # fmt: skip


def _longest(still: np.ndarray) -> tuple[int, int]:
    """Give where the longest run of True begins, and its length."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(int)))
    if not edges.size:
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    return int(edges[2 * longest]), int(lengths[longest])
