"""BL505: penalties hold the weights so small that the network cannot learn."""

from __future__ import annotations

import msgspec
import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Change, Finding, Remedy

NAME = "penalty too strong"

SHARE = 0.1
"""Penalties are strong from this part of the loss of weights 0 on: that is what they cost where the training ended."""

SHRUNK = 0.5
"""Weights below this part of their first size have been pulled down."""

WEAKER, SCALE = 30.0, 1e-4
UNLEARNED = 0.02


@finding("BL505", NAME)
def penalty_too_strong(case: Case) -> Finding | None:
    """Find penalties, a decay or a limit of the weights in a training that has learned even its own rows badly."""
    changes = _weaker(case, WEAKER)
    if not changes or case.unlearned < UNLEARNED or case.diverged:
        return None
    penalty, whole = float(case.history["penalty"][-1]) if len(case.history["penalty"]) else 0.0, case.start.loss_of_zeros
    share = penalty / whole if whole > 0.0 else 0.0
    shrunk = _size(case.network) / (_size(case.first_network) or 1.0)
    if not (share > SHARE or shrunk < SHRUNK):
        return None
    without = _weaker(case, 0.0)
    by_share = share > SHARE
    return Finding(
        code="BL505", name=NAME, place=", ".join(f"{name}={value:g}" for name, value in _given(case).items()),
        measure="penalties at the end / the loss of weights 0" if by_share else "size of the weights / their first size",
        measured=share if by_share else shrunk, threshold=SHARE if by_share else SHRUNK,
        healthy="below 0.05" if by_share else "1 to 5",
        why="the minimum is where the slope of the penalties, l2 w, balances that of the loss: the weights ended at "
        f"{shrunk:.2g} of their first size, and the penalties at {share:.0%} of the loss of weights 0",
        remedies=(Remedy(_words(changes), changes), Remedy(_words(without), without)),
        signal="weight_norm", layer=case.signals.layers[0] if len(case.signals) else None,
    )  # fmt: skip


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
            changes.append(set_setting(name, value, f"{name} {value:g} instead of {given[name]:g}", f"--{name} {value:g}"))
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
