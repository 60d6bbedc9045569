"""BL307: hidden layers that are linear, so that the network is a linear model."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case, HiddenLayer
from backlit.diagnose.changes import set_activation
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.kernels.types import Array

NAME = "no non-linearity"

CURVED = 0.01
"""Where no layer has an output more of whose variance than this is off a straight line, the network is linear."""


@finding("BL307", NAME)
def no_non_linearity(case: Case) -> Finding | None:
    """Find networks all of whose hidden layers are linear, over the training rows, from the start to the end."""
    if not case.hidden or (case.reference is not None and case.reference.unexplained > case.linear):
        return None
    curved = max(max(_curved(case, hidden, first=first) for first in (False, True)) for hidden in case.hidden)
    if curved > CURVED:
        return None
    names = sorted({hidden.activation.name for hidden in case.hidden})
    reached = "" if case.reference is None else f"; standard non-linear ones leave {case.reference.unexplained:.3g}"
    return Finding(
        code="BL307", name=NAME, place="all hidden layers", measure="share of an output's variance off a straight line",
        measured=curved, threshold=CURVED, healthy="0.05 and more",
        why=f"hidden layers of {', '.join(names)} are linear here: the product of their matrices is one matrix, so "
        f"{len(case.hidden) + 1} layers can do no more than one",
        remedies=(Remedy("relu in the hidden layers", (set_activation("relu", names[0]),)),
                  Remedy("tanh in the hidden layers", (set_activation("tanh", names[0]),))),
        details=(f"a linear model leaves {case.linear:.3g} of the targets unexplained{reached}",),
    )  # fmt: skip


def _curved(case: Case, hidden: HiddenLayer, *, first: bool) -> float:
    """Give the largest share, over the units, of an output's variance that no line through its input explains."""
    if hidden.activation.name == "identity":
        return 0.0
    before = case.hidden_outputs(hidden, first=first, activated=False).astype(np.float64)
    after = case.hidden_outputs(hidden, first=first).astype(np.float64)
    if before.shape != after.shape or not (np.isfinite(before).all() and np.isfinite(after).all()):
        return 1.0
    before, after = _centred(before), _centred(after)
    own, both = np.square(before).sum(axis=0), (before * after).sum(axis=0)
    whole = np.square(after).sum(axis=0)
    varies = (own > 0.0) & (whole > 0.0)
    if not varies.any():
        return 1.0
    return float((1.0 - both[varies] ** 2 / (own[varies] * whole[varies])).max())


def _centred(values: Array) -> Array:
    """Give the columns less their means, and as parts of their largest value, so that no square is too large."""
    scaled = values / np.maximum(np.abs(values).max(axis=0), np.finfo(np.float64).tiny)
    centred: Array = scaled - scaled.mean(axis=0)
    return centred
