"""Whether a training is worse than it need be: its held-out rows beside those of the reference, row by row."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.records import Compared
from backlit.kernels.types import Array

SMALLEST_GAP = 0.08
"""A training counts as worse than the reference from this part of the way to the baseline on ..."""

FEWEST_ERRORS = 3.0
"""... if the rows' mean difference is at least so many standard errors."""


def compared(case: Case) -> Compared:
    """Compare a training's held-out rows with those of the baseline, a linear model and the reference."""
    reference = case.reference
    gap = errors = None
    if reference is not None and not case.diverged:
        gap = gap_of(case.unexplained, reference.unexplained)
        errors = errors_of(case.held_out_scores, *(one.scores for one in case.references))
    return Compared(
        training=finite(case.unexplained), training_rows=finite(case.unexplained_training),
        reference=None if reference is None else finite(reference.unexplained),
        reference_what="" if reference is None else reference.what,
        linear=finite(case.linear), gap=gap, errors=errors, rows=len(case.held_out[0]),
        held_out=case.validation is not None,
    )  # fmt: skip


def is_harmed(case: Case, found: Compared) -> bool:
    """Tell whether a training diverged, or is worse than the reference by more than chance."""
    if case.diverged:
        return True
    if found.gap is None or found.errors is None:
        return False
    return found.gap > SMALLEST_GAP and found.errors > FEWEST_ERRORS


def gap_of(unexplained: float, reference: float) -> float | None:
    """Give how much of the way from the reference up to the baseline, 1, a training lost; None where there is no way.

    >>> round(gap_of(0.6, 0.2), 9), gap_of(1.2, 1.0)
    (0.5, None)
    """
    way = 1.0 - reference
    return (unexplained - reference) / way if way > 0.02 else None


def errors_of(mine: Array, *theirs: Array) -> float:
    """Give the mean of the paired differences mine - theirs (n,) in standard errors; 0 for fewer than two rows.

    The error is that of the choice of rows, and that of the choice of first weights, which is seen where `theirs` are of
    several seeds: its variance is s² (1 + 1/k), with s the standard deviation of the k means.

    >>> import numpy as np
    >>> round(errors_of(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.5, 2.0])), 3)
    5.0
    """
    middle = np.mean(theirs, axis=0)
    differences = mine - middle
    if len(differences) < 2 or not np.isfinite(differences).all():
        return 0.0
    of_rows = float(differences.var(ddof=1)) / len(differences)
    seeds = len(theirs)
    of_seeds = float(np.mean(theirs, axis=1).var(ddof=1)) * (1 + 1 / seeds) if seeds > 1 else 0.0
    spread = math.sqrt(of_rows + of_seeds)
    mean = float(differences.mean())
    if spread == 0.0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / spread


def finite(value: float) -> float | None:
    """Give a number for a record: None where it is not finite."""
    return value if math.isfinite(value) else None
