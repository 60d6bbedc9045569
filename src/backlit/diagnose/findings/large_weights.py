"""BL302: the first weights are too large, so that the training begins far off."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import usual_weights
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.start import told

NAME = "initial weights too large"

EXCESS = 3.0
"""Weights so many times the usual size are large; the usual ones keep the spread of outputs from layer to layer."""

WORSE, FLAT = 1.5, 0.5
"""They do harm where the loss begins at so many times that of the usual ones, or this share of a hidden layer's outputs
is flat."""


@finding("BL302", NAME)
def large_weights(case: Case) -> Finding | None:
    """Find weights far larger than usual where the loss begins too high or units begin flat."""
    excess = case.start.excess
    if not excess:
        return None
    label = max(excess, key=lambda name: excess[name])
    shares = [float(flat.mean()) for hidden in case.hidden
              if (flat := case.flat_units(hidden, first=True)) is not None]  # fmt: skip
    loss, usual = case.start.loss, case.start.usual_loss
    begins_high = not math.isfinite(loss) or loss > WORSE * usual
    if excess[label] < EXCESS or not (begins_high or max(shares, default=0.0) > FLAT):
        return None
    theory = case.start.loss_of_zeros
    details = [f"the loss of {len(case.sample):,} training rows begins at {told(loss)}; with the usual first weights "
               f"it is {told(usual)}, and with weights of 0 {told(theory)}{_theory(case)}"]  # fmt: skip
    if shares:
        details.append(f"{max(shares):.0%} of the outputs of a hidden layer begin where its activation is flat")
    spread = float(np.std(case.start.network.predict(case.sample).astype(np.float64)))
    details.append(f"the standard deviation of the outputs begins at {told(spread)}")
    return Finding(
        code="BL302", name=NAME, place=f"first weights of layer {label}",
        measure="size of the weights / usual size", measured=excess[label], threshold=EXCESS, healthy="about 1",
        why="the usual weights have a variance of 2 / fan-in (relu) or 2 / (fan-in + fan-out) (tanh, sigmoid), which "
        f"keeps the spread of outputs and gradients; {excess[label]:.3g} times the size multiplies them in each layer",
        remedies=(Remedy("the usual first weights", (usual_weights(),)),),
        signal="output_spread", layer=label, epoch=1, details=tuple(details),
    )  # fmt: skip


def _theory(case: Case) -> str:
    """Say what the loss of outputs 0 is by theory."""
    name = case.network.loss.name
    if name in {"cross_entropy", "softmax_cross_entropy"}:
        return f", which is ln {case.network.output_size}"
    return ", which is ln 2" if "binary" in name else ""
