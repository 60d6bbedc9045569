"""BL301: the units of a hidden layer begin with the same weights, so they stay alike."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import usual_weights
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy

NAME = "zero or equal initial weights"


@finding("BL301", NAME)
def equal_weights(case: Case) -> Finding | None:
    """Find hidden layers whose units all begin with the same weights, or with weights of 0."""
    found = []
    for hidden in case.hidden:
        name = f"{hidden.label}.W"
        if name not in case.first_network.layout:
            continue
        W = case.first_network[name]
        if not W.any() or (hidden.units > 1 and len(np.unique(W, axis=1).T) == 1):
            found.append((hidden, bool(W.any())))
    if not found:
        return None
    labels = ", ".join(hidden.label for hidden, _ in found)
    what = "all the same" if found[0][1] else "all 0"
    return Finding(
        code="BL301", name=NAME, place=f"first weights of layer {labels}", measure="units with weights of their own",
        measured=1.0, threshold=2.0, healthy=f"all {found[0][0].units} units have weights of their own",
        why=f"the weights of layer {found[0][0].label} begin {what}: units with equal weights give equal outputs, get "
        "equal gradients and stay equal, so the layer is worth one unit; of weights 0 no gradient comes back at all",
        remedies=(Remedy("the usual random first weights", (usual_weights(),)),),
        signal="gradient_norm", layer=found[0][0].label, epoch=1,
    )  # fmt: skip
