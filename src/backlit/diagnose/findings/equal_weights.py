"""BL301: the units of a hidden layer begin with the same weights, so they stay alike."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case, HiddenLayer
from backlit.diagnose.changes import usual_weights
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.kernels.types import Array

NAME = "zero or equal initial weights"


@finding("BL301", NAME)
def equal_weights(case: Case) -> Finding | None:
    """Find hidden layers whose units all begin with the same weights and get the same gradients, or none."""
    found = [(hidden, *own) for hidden in case.hidden if (own := _own(case, hidden)) is not None and own[0] < 2]
    if not found:
        return None
    hidden, _, moves = found[0]
    labels = ", ".join(one.label for one, *_ in found)
    alike = "units with equal weights give equal outputs, get equal gradients and stay equal: they are worth one unit"
    return Finding(
        code="BL301", name=NAME, place=f"first weights of layer {labels}", measure="units with weights of their own",
        measured=1.0 if moves else 0.0, threshold=2.0, healthy=f"all {hidden.units}",
        why=f"the weights of layer {hidden.label} begin {'all the same' if _weights(case, hidden).any() else 'all 0'}: "
        + (alike if moves else "no gradient comes back to them, so they stay as they are"),
        remedies=(Remedy("the usual random first weights", (usual_weights(),)),),
        signal="gradient_norm", layer=hidden.label, epoch=1,
    )  # fmt: skip


def _weights(case: Case, hidden: HiddenLayer) -> Array:
    W: Array = case.first_network[f"{hidden.label}.W"]
    return W


def _own(case: Case, hidden: HiddenLayer) -> tuple[int, bool] | None:
    """Give how many units begin with weights and gradients of their own, and whether any gradient is above 0.

    None for a single unit that has weights. Equal weights alone do no harm: where the next layer's differ, so do the
    gradients, and after one update the units are different.
    """
    W = _weights(case, hidden)
    gradient = case.start.gradients.get(f"{hidden.label}.W")
    if gradient is None or (hidden.units == 1 and W.any()):
        return None
    size = float(np.abs(gradient).max(initial=0.0))
    steps = np.round(gradient / size, 4) if size > 0.0 else gradient
    return len(np.unique(np.concatenate([W, steps]), axis=1).T), size > 0.0
