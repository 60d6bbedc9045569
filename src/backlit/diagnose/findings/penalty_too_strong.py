"""BL505: penalties hold the weights so small that the network cannot learn."""

from __future__ import annotations

import msgspec
import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Change, Finding, Remedy

NAME = "penalty too strong"

STRONG = 10.0
"""Penalties are strong from so many times 1 / rows on: that much is a prior as sure as one row."""

DECAY = 0.1
"""A decay apart from the gradient, as AdamW's, is strong from here on."""

HELD = 0.5
"""A limit of the norms is strong where so many of a layer's units are at it."""

WEAKER = 30.0
UNLEARNED = 0.02

_BALANCE = (
    "the minimum is where the slope of the penalty, {}, balances that of the loss: the stronger it is, the smaller the "
)
WHYS = {
    "l1": _BALANCE.format("l1 for each weight") + "weights there",
    "l2": _BALANCE.format("l2 w") + "weights there",
    "weight_decay": "each update takes the part rate x weight_decay from the weights, whatever the loss says",
    "max_norm": "a unit whose weights reach the limit can only turn them, so its sums stay as small as the limit",
}


@finding("BL505", NAME)
def penalty_too_strong(case: Case) -> Finding | None:
    """Find penalties, a decay or a limit of the weights in a training that has learned even its own rows badly."""
    changes = _weaker(case, WEAKER)
    if not changes or case.unlearned < UNLEARNED or case.diverged:
        return None
    measured, name = max((strength, name) for name, strength in _strengths(case).items())
    if measured < 1.0:
        return None
    shrunk = _size(case.network) / (_size(case.first_network) or 1.0)
    without = _weaker(case, 0.0)
    limits = {"l1": STRONG / len(case.X), "l2": STRONG / len(case.X), "weight_decay": DECAY}
    return Finding(
        code="BL505", name=NAME, place=", ".join(f"{name}={value:g}" for name, value in _given(case).items()),
        measure=name if name in limits else "share of the units whose weights are at max_norm",
        measured=_given(case)[name] if name in limits else measured * HELD, threshold=limits.get(name, HELD),
        healthy=f"about 1 / rows, {1.0 / len(case.X):.2g}" if name in {"l1", "l2"} else "a tenth of that at most",
        why=f"{WHYS[name]}; here they ended at {shrunk:.2g} times their first size",
        remedies=(Remedy(_words(changes), changes), Remedy(_words(without), without)),
        signal="weight_norm", layer=case.signals.layers[0] if len(case.signals) else None, details=_details(case),
    )  # fmt: skip


def _strengths(case: Case) -> dict[str, float]:
    """Give how strong each penalty is: 1 and above is strong."""
    given = _given(case)
    found: dict[str, float] = {}
    for name in ("l1", "l2"):
        if name in given:
            found[name] = given[name] * len(case.X) / STRONG
    if "weight_decay" in given:
        found["weight_decay"] = given["weight_decay"] / DECAY
    if "max_norm" in given:
        limit = given["max_norm"]
        names = [name for name in case.network.layout if name.endswith(".W")]
        shares = [float((np.sqrt(np.square(case.network[name].astype(np.float64)).sum(axis=0)) > 0.99 * limit).mean())
                  for name in names if case.network[name].size]  # fmt: skip
        found["max_norm"] = max(shares, default=0.0) / HELD
    return found


def _details(case: Case) -> tuple[str, ...]:
    """Say how large the penalties are at the end."""
    penalties, losses = case.history["penalty"], case.history["loss"]
    if not len(penalties) or not losses[-1]:
        return ()
    return (f"the penalties are {penalties[-1] / losses[-1]:.0%} of the last epoch's loss",)


def _given(case: Case) -> dict[str, float]:
    """Give what pulls the weights down, by its name."""
    settings = case.settings
    found = {"l1": settings.l1, "l2": settings.l2, "weight_decay": getattr(settings.optimizer, "weight_decay", 0.0),
             "max_norm": settings.max_norm}  # fmt: skip
    return {name: float(value) for name, value in found.items() if value}


def _weaker(case: Case, factor: float) -> tuple[Change, ...]:
    """Give changes to penalties weaker by a factor, at most 1 / rows; 0 takes them out."""
    given, changes = _given(case), []
    for name in ("l1", "l2"):
        if name in given:
            value = float(f"{min(given[name] / factor, 1.0 / len(case.X)):.1g}") if factor else 0.0
            option = f"--l2 {value:g}" if name == "l2" else ""  # `backlit train` has no l1
            changes.append(set_setting(name, value, f"{name} {value:g} instead of {given[name]:g}", option))
    if "weight_decay" in given:
        value = given["weight_decay"] / factor if factor else 0.0
        optimizer = msgspec.structs.replace(case.settings.optimizer, weight_decay=value)
        changes.append(Change("optimizer", optimizer.to_dict(),
                              f"weight decay {value:g} instead of {given['weight_decay']:g}", "",
                              f"weight_decay={value:g}"))  # fmt: skip
    if "max_norm" in given:
        changes.append(set_setting("max_norm", None, f"no max_norm (now {given['max_norm']:g})"))
    return tuple(changes)


def _words(changes: tuple[Change, ...]) -> str:
    return ", ".join(change.words for change in changes)


def _size(network: object) -> float:
    """Give the Euclidean norm of the weights, without biases."""
    layout = network.layout  # type: ignore[attr-defined]
    squares = [float(np.square(network[name].astype(np.float64)).sum())  # type: ignore[index]
               for name in layout if name.endswith(".W")]  # fmt: skip
    return float(np.sqrt(sum(squares)))
