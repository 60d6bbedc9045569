"""BL305: units of relu or its like that are flat for every row, so that no gradient reaches their weights."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case, HiddenLayer
from backlit.diagnose.changes import set_activation, usual_biases, usual_weights
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.remedies import slower
from backlit.engine import flat_parts

NAME = "dead ReLU"

SHARE = 0.4
"""From this share of a layer's units on, dead ones are a finding."""

SLOWER = 10.0


@finding("BL305", NAME)
def dead_relu(case: Case) -> Finding | None:
    """Find layers of rectifiers most of whose units are 0 for all training rows, at the start or at the end."""
    layers = [(hidden, *_shares(case, hidden)) for hidden in case.hidden if _is_rectifier(hidden)]
    if not layers:
        return None
    hidden, at_start, at_end = max(layers, key=lambda found: max(found[1:]))
    share = max(at_start, at_end)
    if share < SHARE:
        return None
    early, relu = at_start >= SHARE, hidden.activation.name == "relu"
    count, rows = round(share * hidden.units), f"{len(case.sample):,} training rows looked at"
    return Finding(
        code="BL305", name=NAME, place=f"layer {hidden.label}, {'at the first weights' if early else 'at the end'}",
        measure=f"share of units that are {'0' if relu else 'flat'} for all {rows}",
        measured=share, threshold=SHARE, healthy="0; a tenth does no harm",
        why=f"{count} of {hidden.units} units get a sum for every row at which {hidden.activation.name} is flat; its "
        f"slope there is {'0' if relu else 'a fiftieth of the steepest at most'}, so "
        f"{'no' if relu else 'hardly any'} gradient reaches their weights and they stay as they are",
        remedies=_remedies(case, hidden, early=early), signal="dead", layer=hidden.label, epoch=1 if early else None,
        details=(f"dead at the first weights: {at_start:.0%}, at the end: {at_end:.0%}",),
    )  # fmt: skip


def _is_rectifier(hidden: HiddenLayer) -> bool:
    """Tell whether an activation is flat on its lower side alone."""
    parts = flat_parts(hidden.activation)
    return parts is not None and math.isfinite(parts.low) != math.isfinite(parts.high)


def _shares(case: Case, hidden: HiddenLayer) -> tuple[float, float]:
    """Give the shares of units that are flat for all rows: at the first weights and at the end."""
    found = []
    for first in (True, False):
        flat = case.flat_units(hidden, first=first)
        found.append(0.0 if flat is None else float(flat.all(axis=0).mean()))
    return found[0], found[1]


def _remedies(case: Case, hidden: HiddenLayer, *, early: bool) -> tuple[Remedy, ...]:
    """Give remedies by when the units died: by their first biases or weights, else by steps too large."""
    leaky = Remedy("leaky_relu, whose slope is nowhere 0", (set_activation("leaky_relu", hidden.activation.name),))
    if early:
        name = f"{hidden.label}.b"
        biases = case.first_network[name] if name in case.first_network.layout else np.zeros(0)
        low = biases.size > 0 and float(np.median(biases)) < 0.0
        weights = Remedy("the usual first weights and biases", (usual_weights(),))
        return (Remedy("biases that begin at 0", (usual_biases(),)), weights, leaky) if low else (weights, leaky)
    return (*slower(case, SLOWER), leaky)
