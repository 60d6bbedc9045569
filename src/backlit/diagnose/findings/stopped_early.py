"""BL501: the training ended while its loss was still falling."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Change, Finding, Remedy
from backlit.errors import counted

NAME = "stopped too early"

UPDATES, MOST = 2_000, 50_000
"""A training of fewer updates may not have come far; the remedy makes at least UPDATES, and at most MOST."""

LONGER = 4
"""The remedy runs at least so many times as long."""

FALLING = 0.01
"""The loss is falling where the last fifth of the epochs has a mean lower than the fifth before by this part of it."""

PATIENCE = 30
UNLEARNED = 0.02


@finding("BL501", NAME)
def stopped_early(case: Case) -> Finding | None:
    """Find a training that ended, by its limits, while the loss was falling, or after few updates."""
    if case.diverged or case.settings.optimizer.full_batch or case.unlearned < UNLEARNED:
        return None
    falling, stopped = _fall(case), case.training.stopped or ""
    ended = stopped.startswith("no better")
    impatient = ended and ((case.settings.patience or PATIENCE) < PATIENCE or case.settings.tolerance > 0.0)
    if not (case.updates < UPDATES or falling is None or falling > FALLING) or (ended and not impatient):
        return None
    changes, epochs = _changes(case)
    words = ", ".join(change.words for change in changes)
    measure, measured, threshold, healthy = _measured(case, falling)
    return Finding(
        code="BL501", name=NAME, place=f"epoch {len(case.training.history)}: {stopped}",
        measure=measure, measured=measured, threshold=threshold,
        healthy=healthy, why=_why(case),
        remedies=(Remedy(words, changes),
                  Remedy(f"{4 * epochs:,} epochs", (*changes[:-1], _epochs(4 * epochs))))
        if changes else (), details=_details(case),
    )  # fmt: skip


def _measured(case: Case, falling: float | None) -> tuple[str, float, float, str]:
    """Give the number that says so: its name, it, its threshold, and what is healthy."""
    if falling is not None and falling > FALLING:
        measure = "fall of the monitored loss, last fifth of the epochs against the fifth before"
        return measure, falling, FALLING, "about 0: the loss no longer falls"
    return "updates", float(case.updates), float(UPDATES), f"{UPDATES:,} and more, over several epochs"


def _why(case: Case) -> str:
    epochs = counted(len(case.training.history), "epoch")
    made = f"{counted(case.updates, 'update')} in {epochs} were made, and each moves the weights by one step"
    left = f"the training rows leave {case.unexplained_training:.3g} unexplained"
    if case.reference is None:
        return f"{made}: {left}"
    return f"{made}: {left}, and in a reference {case.reference.unexplained_training:.3g}"


def _fall(case: Case) -> float | None:
    """Give by which part of it the monitored loss fell from the last fifth but one of the epochs to the last one.

    It is None of a single epoch.
    """
    loss = case.history.get("validation_loss", case.history["loss"])
    loss = loss[np.isfinite(loss)]
    if len(loss) < 2:
        return None
    fifth = max(1, len(loss) // 5)
    before, last = float(loss[-2 * fifth : -fifth].mean()), float(loss[-fifth:].mean())
    return (before - last) / abs(before) if before else 0.0


def _epochs(count: int) -> Change:
    return set_setting("epochs", count, f"{count:,} epochs", f"--epochs {count}")


def _changes(case: Case) -> tuple[tuple[Change, ...], int]:
    """Give what lets the training run on: the limits that ended it, and more epochs."""
    settings, batches = case.settings, -(-len(case.X) // case.training.batch_size)
    changes = []
    if settings.patience is not None and (settings.patience < PATIENCE or settings.tolerance > 0.0):
        changes.append(set_setting("patience", PATIENCE, f"patience {PATIENCE} instead of {settings.patience}"))
        if settings.tolerance > 0.0:
            changes.append(set_setting("tolerance", 0.0, f"tolerance 0 instead of {settings.tolerance:g}"))
    for name in ("target", "time_limit"):
        if getattr(settings, name) is not None:
            changes.append(set_setting(name, None, f"no {name.replace('_', ' ')}"))
    enough = max(LONGER * len(case.training.history), -(-UPDATES // batches))
    epochs = max(settings.epochs, min(enough, max(settings.epochs, MOST // batches)))
    return (*changes, _epochs(epochs)), epochs


def _details(case: Case) -> tuple[str, ...]:
    """Say which epoch was the best."""
    best = case.training.best
    return () if best is None else (f"the best epoch was number {best.number} of {len(case.training.history)}",)
