"""BL502: the training rows are learned by heart, and the validation rows suffer."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_dropout, set_setting, set_units
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Change, Finding, Remedy
from backlit.ops.layers.dropout import Dropout

NAME = "overfitting"

APART = 0.1
"""Training and validation rows are apart where their unexplained shares differ by more than this."""

LEARNED = 0.15
"""The training rows are learned where at most this part of the way to the reference is lost on them."""

PATIENCE, DROPOUT, PENALTIES = 20, 0.3, (0.01, 0.1)
WIDE = 16


@finding("BL502", NAME)
def overfitting(case: Case) -> Finding | None:
    """Find a training far better on its own rows than on the validation rows."""
    if case.validation is None or case.diverged or case.unlearned > LEARNED:
        return None
    apart = case.unexplained - case.unexplained_training
    rose, best = _rise(case)
    kept = case.training.keep_best
    if apart < APART or (rose <= 0.0 and case.reference is None):
        return None
    return Finding(
        code="BL502", name=NAME, place=f"from epoch {best} on" if rose > 0.0 else "at the end",
        measure="unexplained share of the validation rows - of the training rows", measured=apart, threshold=APART,
        healthy="below 0.05",
        why=f"{case.network.parameters.size:,} weights can learn {len(case.X):,} rows by heart, noise and all: the "
        f"training rows leave {case.unexplained_training:.2g} unexplained, the validation rows {case.unexplained:.2g}",
        remedies=_remedies(case, kept=kept), epoch=best,
        details=(f"the validation loss is {rose:.0%} above its best, that of epoch {best} of "
                 f"{len(case.training.history)}",) if best and math.isfinite(rose) else (),
    )  # fmt: skip


def _rise(case: Case) -> tuple[float, int]:
    """Give by which part the last validation loss is above the lowest one, and the latter's epoch."""
    losses = case.history["validation_loss"]
    losses = np.where(np.isfinite(losses), losses, math.inf)
    if not len(losses) or not math.isfinite(losses.min()):
        return 0.0, 0
    best = int(losses.argmin())
    lowest = float(losses[best])
    return float((losses[-1] - lowest) / (abs(lowest) or 1.0)), best + 1


def _remedies(case: Case, *, kept: bool) -> tuple[Remedy, ...]:
    """Give early stopping, unless it is there, penalties, dropout and fewer units, each alone."""
    settings = case.settings
    stopping = (set_setting("patience", PATIENCE, f"patience {PATIENCE}"),
                set_setting("keep_best", True, "the weights of the best epoch"))  # fmt: skip
    penalties = [set_setting("l2", value, f"an L2 penalty of {value:g} instead of {settings.l2:g}", f"--l2 {value:g}")
                 for value in PENALTIES if value > settings.l2]  # fmt: skip
    found = [Remedy(penalty.words, (penalty,)) for penalty in penalties]
    early: list[Change] = [] if kept and settings.patience is not None else [*stopping]
    if early:
        both = [Remedy(f"early stopping and {penalties[0].words}", (*early, penalties[0]))] if penalties else []
        found = [*both, Remedy("early stopping: the weights of the best epoch", tuple(early)), *found]
    if case.network.layers and case.hidden:
        now = next((layer.p for layer in case.network.layers if isinstance(layer, Dropout)), 0.0)
        if now < DROPOUT:
            found.append(Remedy(f"dropout of {DROPOUT:g}", (set_dropout(DROPOUT, now),)))
        units = [hidden.units for hidden in case.hidden]
        if max(units) > WIDE:
            fewer = [max(WIDE, count // 4) if count > WIDE else count for count in units]
            found.append(Remedy("fewer units", (set_units(fewer, units),)))
    return tuple(found)
