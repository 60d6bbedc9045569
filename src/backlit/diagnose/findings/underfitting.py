"""BL503: the network is too small for these rows, or learns no more than a linear model or the baseline."""

from __future__ import annotations

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_units
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy

NAME = "underfitting"

NARROW = 4
"""A hidden layer of at most so many units is narrow."""

UNLEARNED = 0.05
"""The training rows are learned badly where more than this part of the way to the reference is lost on them."""

BASELINE = 0.95
"""A network that leaves more than this unexplained is no better than the baseline."""

UNITS, WIDER, DEEPEST = 64, 4, 2


@finding("BL503", NAME)
def underfitting(case: Case) -> Finding | None:
    """Find a network that learns its own rows badly and is narrow, or no better than a linear model or the baseline."""
    if not case.network.layers or case.diverged or case.unlearned < UNLEARNED:
        return None
    units = [hidden.units for hidden in case.hidden]
    narrow = not units or min(units) <= NARROW
    simple = case.unexplained > BASELINE or case.unexplained >= case.linear
    if not narrow and not simple:
        return None
    wider = [max(UNITS, WIDER * count) for count in units[:DEEPEST]] or [UNITS]
    what = f"hidden layers of {', '.join(map(str, units))} units" if units else "no hidden layer"
    linear = "no better than" if case.unexplained >= case.linear else "against"
    return Finding(
        code="BL503", name=NAME, place=what, measure="unexplained share of the training rows",
        measured=case.unexplained_training, threshold=_reached(case),
        healthy="that of the reference" if case.reference is not None else "near 0",
        why=f"a layer of k units lets through k numbers of each row, and {what} leave {case.unexplained:.3g} of the "
        f"held-out targets unexplained, {linear} {case.linear:.3g} by a linear model and 1 by the baseline",
        remedies=(Remedy(f"hidden layers of {', '.join(map(str, wider))} units", (set_units(wider, units),)),
                  Remedy("two hidden layers of 64 and 32 units", (set_units((64, 32), units),))),
    )  # fmt: skip


def _reached(case: Case) -> float | None:
    return None if case.reference is None else case.reference.unexplained_training
