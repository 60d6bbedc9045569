"""BL503: the network is too small for these rows, or learns no more than a linear model or the baseline."""

from __future__ import annotations

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_units
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.errors import counted

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
    return Finding(
        code="BL503", name=NAME, place=what, measure="unexplained share of the training rows",
        measured=case.unexplained_training, threshold=_reached(case),
        healthy=_healthy(case),
        why=_why(case, units),
        remedies=(Remedy(f"hidden layers of {', '.join(map(str, wider))} units", (set_units(wider, units),)),
                  Remedy("two hidden layers of 64 and 32 units", (set_units((64, 32), units),))),
    )  # fmt: skip


def _healthy(case: Case) -> str:
    return "near 0" if case.reference is None else f"{case.reference.unexplained_training:.3g}, that of the reference"


def _reached(case: Case) -> float:
    """Give the unexplained share from which on the training rows are learned badly."""
    if case.reference is None:
        return UNLEARNED
    best = min(0.9, case.reference.unexplained_training)
    return best + UNLEARNED * (1.0 - best)


def _why(case: Case, units: list[int]) -> str:
    """Say what the network lets through, or that simple models do as well."""
    beside = (
        f"{case.unexplained:.3g} of the held-out targets unexplained; a linear model {case.linear:.3g}, the baseline 1"
    )
    if not units:
        return f"without a hidden layer the network is a linear model behind its output, and leaves {beside}"
    if min(units) <= NARROW:
        narrowest = counted(min(units), "unit")
        return (
            f"a layer of k units lets through k numbers of each row; with {narrowest} at the least, it leaves {beside}"
        )
    return f"hidden layers pay where they do better than a linear model; this network leaves {beside}"
