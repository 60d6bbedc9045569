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
    units = _units(case, now)
    return Finding(
        code="BL504", name=NAME, place=f"dropout {now:g}", measure="probability of dropout", measured=now,
        threshold=STRONG, healthy="0.1 to 0.3, and only where the network overfits",
        why=f"with probability {now:g} a number is 0 in an update: of {units:,} about {units * (1.0 - now):.2g} are "
        f"left, multiplied by {1.0 / (1.0 - now):.3g}, which adds noise to all that follows; with dropout off, the "
        f"training rows are left {case.unexplained_training:.3g} unexplained",
        remedies=(Remedy("no dropout", (set_dropout(0.0, now),)),
                  Remedy(f"dropout {less:g}", (set_dropout(less, now),))),
    )  # fmt: skip


def _units(case: Case, p: float) -> int:
    """Give how many numbers of a row go into the dropout of that probability."""
    graph = case.network.graph
    return next(graph.rows[node.writes][-1] for node in graph.nodes if getattr(node.op, "p", None) == p)
