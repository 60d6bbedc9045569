"""BL105: the targets have nothing to do with the inputs: they were shuffled, or the inputs say nothing of them."""

from __future__ import annotations

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.harm import finite
from backlit.diagnose.records import Finding
from backlit.diagnose.samples import Worth, class_numbers, few_possible_rows, nearest, related, ridge, worth
from backlit.kernels.types import Array

ERRORS = 3.0
"""A model is better than the baseline from so many standard errors on."""

LOWEST = 0.7
"""The rows are enough to tell if the best model's unexplained share is above this, less two standard errors."""

FEWEST_TRAINED, FEWEST_HELD_OUT = 40, 20
"""Fewer rows, or of classes rows that are not of the most frequent one, tell too little."""


@finding("BL105", "labels shuffled", by_itself=True)
def labels_shuffled(case: Case) -> Finding | None:
    """Find that no model is better than the baseline, on rows that it was not trained on."""
    sample = case.rows_sampled
    X, T = sample.X, sample.T
    enough = _telling(case, T) >= FEWEST_TRAINED and _telling(case, sample.T_held_out) >= FEWEST_HELD_OUT
    if case.validation is None or not enough:
        return None
    if not np.ptp(T, axis=0).any() or not np.ptp(sample.T_held_out, axis=0).any() or few_possible_rows(X):
        return None
    if related(X, T) > 1.0 or (not case.of_classes and related(X, _without_ends(T)) > 1.0):
        return None
    found = _models(case)
    best = min(found, key=lambda name: found[name].unexplained)
    if any(one.errors > ERRORS for one in found.values()):
        return None
    if found[best].unexplained - 2.0 * found[best].error < LOWEST:
        return None
    return Finding(
        code="BL105", name="labels shuffled", place="the targets",
        measure=f"unexplained share of rows that the best model ({best}) was not trained on",
        measured=finite(found[best].unexplained),
        threshold=finite(1.0 - ERRORS * found[best].error), healthy="clearly below 1, the baseline",
        why=f"the network explains {100 * max(0.0, 1.0 - case.unexplained_training):.0f}\u00a0% of its own training "
        "rows, by heart if at all: that says nothing of other rows, as of targets that belong to other inputs. Or the "
        "inputs say nothing of the target: only you can tell",
        details=tuple(f"{name}: {one.unexplained:.3f} ± {one.error:.3f}" for name, one in found.items()),
    )  # fmt: skip


def _without_ends(T: Array) -> Array:
    """Cut numbers at their lowest and highest twentieth, so that a few far off do not hide what the others show."""
    cut: Array = np.clip(T, *np.quantile(T, (0.05, 0.95), axis=0))
    return cut


def _telling(case: Case, T: Array) -> int:
    """Count the rows; of classes, at most four for each that is not of the most frequent class."""
    classes = class_numbers(T, case.of_classes)
    if classes is None or not len(T):
        return len(T)
    return min(len(T), 4 * (len(T) - int(np.bincount(classes).max())))


def _models(case: Case) -> dict[str, Worth]:
    """Give what models are worth on rows that they were not trained on."""
    sample = case.rows_sampled
    X, T, Q, A = sample.X, sample.T, sample.X_held_out, sample.T_held_out
    middle = T.mean(axis=0)
    found = {
        "nearest rows": worth(A, _clipped(case, nearest(X, T, Q)), middle),
        "nearest training rows": worth(T, _clipped(case, nearest(X, T, X, same=True)), middle),
        "linear": worth(A, _clipped(case, ridge(X, T, Q)), middle),
    }
    base = case.targets.mean(axis=0)
    if case.references:
        P = np.mean([reference.predictions for reference in case.references], axis=0)
        found["references"] = worth(case.held_out_targets, P, base)
    if not case.diverged:
        scores = case.held_out_scores
        error = float(scores.std(ddof=1)) / len(scores) ** 0.5
        found["this network"] = Worth(case.unexplained, error)
    return found


def _clipped(case: Case, P: Array) -> Array:
    return np.clip(P, 0.0, 1.0) if case.of_classes else P
