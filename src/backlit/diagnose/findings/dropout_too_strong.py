"""BL504: dropout takes out so many units that the rest learns too little."""

from __future__ import annotations

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_dropout
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.ops.layers.dropout import Dropout

NAME = "dropout too strong"

STRONG = 0.3
"""From this probability on dropout is strong for networks of few units."""

UNLEARNED = 0.03


@finding("BL504", NAME)
def dropout_too_strong(case: Case) -> Finding | None:
    """Find strong dropout in a training that has learned even its own rows badly."""
    now = max((float(layer.p) for layer in case.network.layers if isinstance(layer, Dropout)), default=0.0)
    if now < STRONG or case.unlearned < UNLEARNED:
        return None
    less = float(f"{min(0.2, now / 4.0):.1g}")
    units = min((hidden.units for hidden in case.hidden), default=0)
    left = f"of {units} units about {units * (1.0 - now):.2g} are left in each update" if units else ""
    return Finding(
        code="BL504", name=NAME, place=f"dropout {now:g}", measure="probability of dropout", measured=now,
        threshold=STRONG, healthy="0.1 to 0.3, and only where the network overfits",
        why=f"with probability {now:g} a unit is 0: {left}, and the others are multiplied by {1.0 / (1.0 - now):.3g} "
        f"or 0, which adds noise; the training rows leave {case.unexplained_training:.3g} unexplained, without dropout",
        remedies=(Remedy("no dropout", (set_dropout(0.0, now),)),
                  Remedy(f"dropout {less:g}", (set_dropout(less, now),))),
    )  # fmt: skip
