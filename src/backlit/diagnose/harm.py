"""Whether a training is worse than it need be: its held-out rows beside those of the reference, row by row."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.records import Compared
from backlit.diagnose.repeated import SPLITS, repeated
from backlit.kernels.types import Array

CLEAR = ((0.08, 3.0), (0.3, 2.0), (0.5, 1.5))
"""A training is worse than the reference where it loses more than the first number of the way to the baseline, and the
rows differ by more than the second, in standard errors: a small loss has to be surer than a large one."""

SMALLEST_GAP, FEWEST_ERRORS = CLEAR[0]

REPEATED = (0.06, 4.0)
"""The same on other splits of the rows, which see more of them, and other first weights."""

AGREEING = (0.08, 1.5), (0.06, 1.5)
"""Where both say so, each may say it less clearly: on the one split, and on the others."""

OPEN = (0.02, 0.3)
"""From so much on, one split leaves open whether a training is worse, and others are looked at ..."""

WORST = 9.0
"""A row's score, in units of the baseline's mean score, counts as at most this where differences are judged."""

MOST_ROWS, MOST_SECONDS = 5_000, 20.0
"""... of no more validation rows, which say enough, and where the training took no longer."""


def compared(case: Case) -> Compared:
    """Compare a training's held-out rows with those of the baseline, a linear model and the reference."""
    if case.constant:
        rows, held_out = len(case.held_out[0]), case.validation is not None
        return Compared(training=None, training_rows=None, reference=None, reference_what="", linear=None, gap=None,
                        errors=None, rows=rows, held_out=held_out, constant=True)  # fmt: skip
    reference = case.reference
    gap = errors = other = None
    if reference is not None and not case.diverged:
        gap = gap_of(case.unexplained, reference.unexplained)
        errors = errors_of(case.held_out_scores, *(one.scores for one in case.references))
        other = repeated(case) if gap is not None and _is_open(case, gap, errors) else None
    return Compared(
        training=finite(case.unexplained), training_rows=finite(case.unexplained_training),
        reference=None if reference is None else finite(reference.unexplained),
        reference_what="" if reference is None else reference.what,
        linear=finite(case.linear), gap=gap, errors=errors, rows=len(case.held_out[0]),
        held_out=case.validation is not None, splits=0 if other is None else SPLITS,
        splits_gap=None if other is None else other.gap, splits_errors=None if other is None else finite(other.errors),
    )  # fmt: skip


def _is_open(case: Case, gap: float, errors: float) -> bool:
    """Tell whether other splits are to be looked at: one split does not say clearly whether the training is worse."""
    few = len(case.held_out[0]) <= MOST_ROWS and case.training.summary().seconds <= MOST_SECONDS
    return few and gap > OPEN[0] and errors > OPEN[1] and not _clear(gap, errors)


def _clear(gap: float, errors: float) -> bool:
    return any(gap > least and errors > fewest for least, fewest in CLEAR)


def is_harmed(case: Case, found: Compared) -> bool:
    """Tell whether a training diverged, or is worse than the reference by more than chance."""
    if case.diverged:
        return True
    if found.gap is None or found.errors is None:
        return False
    if _clear(found.gap, found.errors):
        return True
    if found.splits_gap is None:
        return False
    other = found.splits_gap, math.inf if found.splits_errors is None else found.splits_errors
    (gap, errors), (other_gap, other_errors) = AGREEING
    both = found.gap > gap and found.errors > errors and other[0] > other_gap and other[1] > other_errors
    return both or (other[0] > REPEATED[0] and other[1] > REPEATED[1])


def gap_of(unexplained: float, reference: float) -> float | None:
    """Give how much of the way from the reference up to the baseline, 1, a training lost; None where there is no way.

    >>> round(gap_of(0.6, 0.2), 9), gap_of(1.2, 1.0)
    (0.5, None)
    """
    way = 1.0 - reference
    return (unexplained - reference) / way if way > 0.02 else None


def errors_of(mine: Array, *theirs: Array, weights: Array | float = 1.0) -> float:
    """Give the mean of the paired differences mine - theirs (n,) in standard errors; 0 for fewer than two rows.

    `weights` (n,) are of the rows. The error is that of the choice of rows, and that of the choice of first weights,
    which is seen where `theirs` are of several seeds: its variance is s² (1 + 1/k), s the standard deviation of the k
    means. Scores beyond WORST count as that: a single wild row would make the error so large that nothing could be
    told.

    >>> import numpy as np
    >>> round(errors_of(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.5, 2.0])), 3)
    5.0
    """
    mine, cut = np.minimum(mine, WORST), [np.minimum(one, WORST) for one in theirs]
    differences = (mine - np.mean(cut, axis=0)) * weights
    if len(differences) < 2 or np.isnan(differences).any():
        return 0.0
    of_rows = float(differences.var(ddof=1)) / len(differences)
    seeds = len(theirs)
    of_seeds = float(np.mean(np.array(cut) * weights, axis=1).var(ddof=1)) * (1 + 1 / seeds) if seeds > 1 else 0.0
    spread = math.sqrt(of_rows + of_seeds)
    mean = float(differences.mean())
    if spread == 0.0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / spread


def finite(value: float) -> float | None:
    """Give a number for a record: None where it is not finite."""
    return value if math.isfinite(value) else None
