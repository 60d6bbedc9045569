"""BL107: a rare class is not learned, although it can be told from the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import balance, changed
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.plan import Plan, run
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.samples import class_numbers
from backlit.diagnose.score import answers, predicted
from backlit.errors import BacklitError

RARE = 0.15
"""Classes of at most this part of the rows are rare, if they are also less than half of what all classes alike have."""

LOW, GAINED, GOOD = 0.7, 0.25, 0.5
"""A rare class is not learned if its recall is below the first, and the same training with weighted rows has at least
the second more of recall - false alarms, and at least the third of it."""

FEWEST_TRAINED = 8
"""Of a class with fewer training rows nothing is said: whatever is done, its few rows decide."""

FEWEST = 3
"""Recall is of at least so many rows; where the validation rows have fewer, the training rows count too."""


class Told(NamedTuple):
    """How a class is told: the part of its rows that is found, and of the others that are taken for it."""

    recall: float
    false: float

    @property
    def worth(self) -> float:
        """Recall less false alarms: Youden's J, 0 for guesses."""
        return self.recall - self.false


@finding("BL107", "class imbalance that is not learned", by_itself=True)
def imbalance(case: Case) -> Finding | None:
    """Find a rare class that the network misses and the same training with weighted rows finds."""
    rare = _rare(case)
    if rare is None or case.classes is None or case.diverged or not case.ahead:
        return None
    now = _told(case, case.plan, case.network, rare)
    if now is None or now.recall >= LOW:
        return None
    try:
        plan = changed(case.plan, (balance(),))
        weighted = _told(case, plan, run(plan.training(divergence="warn")).network, rare)
    except BacklitError:
        return None
    if weighted is None or weighted.worth < max(GOOD, now.worth + GAINED):
        return None
    share = float((case.classes == rare).mean())
    return Finding(
        code="BL107", name="class imbalance that is not learned",
        place=f"{case.class_name(rare)}, {100 * share:.2g}\u00a0% of the training rows",
        measure="part of the rows of this class that are found", measured=now.recall, threshold=LOW,
        healthy=f"{weighted.recall:.2g}, with rows weighted so that all classes count alike",
        why=f"the loss is a mean over rows, and {1 - share:.1%} of them are of other classes: to say no always costs "
        "little. Weights let each class count alike; the probabilities are then of rows in which all classes are "
        "equally frequent",
        remedies=(Remedy("weigh the rows so that all classes count alike", (balance(),)),),
        details=(f"false alarms: {now.false:.1%} now, {weighted.false:.1%} with weights",),
    )  # fmt: skip


def _rare(case: Case) -> int | None:
    """Give the rarest class, weights counted, if it is rare."""
    if case.classes is None:
        return None
    counts = np.bincount(case.classes, case.weights if case.weights.size else None)
    there = np.flatnonzero(counts)
    if len(there) < 2:
        return None
    rarest = int(there[np.argmin(counts[there])])
    if int((case.classes == rarest).sum()) < FEWEST_TRAINED:
        return None
    share = counts[rarest] / counts.sum()
    return rarest if share <= min(RARE, 0.5 / len(there)) else None


def _told(case: Case, plan: Plan, network: object, rare: int) -> Told | None:
    """Measure how a network tells a class, on validation rows, or on all where it is too rare among them."""
    of, T = [plan.rows], [case.targets]
    if case.validation is not None and plan.validation is not None:
        classes = class_numbers(case.held_out_targets, case.of_classes)
        enough = classes is not None and int((classes == rare).sum()) >= FEWEST
        of, T = ([] if enough else of) + [plan.validation], ([] if enough else T) + [case.held_out_targets]
    wanted = np.concatenate(T)
    P = predicted(case.network.loss, np.concatenate([network.predict(rows[0]) for rows in of]), True)  # type: ignore[attr-defined]
    wanted_class = class_numbers(wanted, case.of_classes)
    if wanted_class is None or not (wanted_class == rare).any() or not (wanted_class != rare).any():
        return None
    said = answers(P)
    mine = wanted_class == rare
    return Told(float((said[mine] == rare).mean()), float((said[~mine] == rare).mean()))
