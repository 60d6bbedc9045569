"""BL306: units whose activation is flat where they are, so that hardly any gradient passes."""

from __future__ import annotations

import math

from backlit.diagnose.case import Case, HiddenLayer
from backlit.diagnose.changes import set_activation, standardize, usual_weights
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.remedies import slower
from backlit.engine import flat_parts

NAME = "saturated units"

SHARE = 0.5
"""From this share of a layer's outputs on, flat ones are a finding."""

EXCESS = 2.0
"""Weights of so many times the usual size saturate units by themselves."""

SLOWER = 10.0


@finding("BL306", NAME)
def saturated_units(case: Case) -> Finding | None:
    """Find layers of tanh, sigmoid and their like most of whose outputs lie where the activation is flat."""
    layers = [(hidden, *_shares(case, hidden)) for hidden in case.hidden if _saturates(hidden)]
    if not layers:
        return None
    hidden, at_start, at_end = max(layers, key=lambda found: max(found[1:]))
    share, early = max(at_start, at_end), at_start >= SHARE
    if share < SHARE:
        return None
    return Finding(
        code="BL306", name=NAME, place=f"layer {hidden.label}, {'at the first weights' if early else 'at the end'}",
        measure="share of outputs where the slope is at most a fiftieth of the steepest", measured=share,
        threshold=SHARE, healthy="below 0.2",
        why=f"a gradient is multiplied by the slope of {hidden.activation.name} on its way back: at most 1/50 of it "
        f"passes {share:.0%} of the outputs of this layer",
        remedies=_remedies(case, hidden, early=early), signal="saturated", layer=hidden.label,
        epoch=1 if early else None,
        details=(f"flat at the first weights: {at_start:.0%}, at the end: {at_end:.0%}",),
    )  # fmt: skip


def _saturates(hidden: HiddenLayer) -> bool:
    """Tell whether an activation is flat on both sides."""
    parts = flat_parts(hidden.activation)
    return parts is not None and math.isfinite(parts.low) and math.isfinite(parts.high)


def _shares(case: Case, hidden: HiddenLayer) -> tuple[float, float]:
    """Give the shares of flat outputs: at the first weights and at the end."""
    found = []
    for first in (True, False):
        flat = case.flat_units(hidden, first=first)
        found.append(0.0 if flat is None else float(flat.mean()))
    return found[0], found[1]


def _remedies(case: Case, hidden: HiddenLayer, *, early: bool) -> tuple[Remedy, ...]:
    """Give remedies by what saturates the units: weights, inputs, or steps too large."""
    relu = Remedy("relu with its usual first weights", (set_activation("relu", hidden.activation.name),))
    if early:
        weights = Remedy("the usual first weights", (usual_weights(),))
        inputs = Remedy("standardized inputs", (standardize(),))
        large = case.start.excess.get(hidden.label, 1.0) > EXCESS
        return (weights, inputs, relu) if large else (inputs, weights, relu)
    return (*slower(case, SLOWER), relu)
