"""BL104: rows to validate on are also rows to train on."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import leave_out_rows
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.samples import few_possible_rows
from backlit.kernels.types import Array

FEWEST, SHARE, ERRORS = 3, 0.02, 4.0
"""At least so many copies, and beyond what is natural so large a part of the validation rows and so many standard
errors."""

ALL_DIFFERENT = 5.0
"""A column in which a value stands in fewer than so many rows, on average, makes equal rows unnatural."""


@finding("BL104", "duplicate rows across the split", by_itself=True)
def duplicate_rows(case: Case) -> Finding | None:
    """Find validation rows that are training rows too, more than equal rows are natural in this table."""
    if case.validation is None or few_possible_rows(case.X):
        return None
    training, held_out = _keys(case.X, case.Y), _keys(case.validation[0], case.validation[1])
    values, counts = np.unique(training, return_counts=True)
    copied = np.isin(held_out, values)
    n, copies = len(held_out), int(copied.sum())
    natural = _natural(case.X, float(counts[counts > 1].sum()) / len(training))
    share = copies / n
    error = math.sqrt(max(natural, 1 / len(training)) * (1.0 - min(natural, 0.99)) / n)
    if copies < FEWEST or share - natural < max(SHARE, ERRORS * error):
        return None
    rows = np.flatnonzero(np.isin(training, held_out[copied]))
    first = int(np.flatnonzero(copied)[0])
    pair = (f"{case.rows_named([first], held_out=True)} is the same as "
            f"{case.rows_named(np.flatnonzero(training == held_out[first])[:1].tolist())}")  # fmt: skip
    remedies: tuple[Remedy, ...] = ()
    if len(rows) < len(training):
        why, of_table = "that are validation rows too", case.table is not None
        told = f"train without the {len(rows):,} training rows {why}"
        told += ": leave repeated rows out of the table, so that each stands there once" if of_table else ""
        remedies = (Remedy(told, (leave_out_rows(rows.tolist(), why, of_table=of_table),)),)
    return Finding(
        code="BL104", name="duplicate rows across the split",
        place=f"{copies:,} of {n:,} validation rows; {pair}",
        measure="part of the validation rows that are training rows too, inputs and targets alike", measured=share,
        threshold=natural + max(SHARE, ERRORS * error), healthy=f"about {natural:.2g} in this table",
        why="a network can learn the targets of its training rows by heart, so the loss of rows that it was trained on "
        "says nothing of new ones: validation and early stopping do not see overfitting",
        remedies=remedies,
    )  # fmt: skip


def _keys(X: Array, Y: Array) -> Array:
    """Give each row as a number of 64 bits (n,): equal for equal rows, where -0 is 0; of two others by chance, 2^-64.

    Numbers are sorted in a tenth of the time that rows take. Each value is mixed in as SplitMix64 does it.
    """
    rows = np.ascontiguousarray(np.concatenate([X, Y], axis=1) + 0.0)
    found = np.zeros(len(rows), np.uint64)
    for values in rows.view(np.uint32 if rows.itemsize == 4 else np.uint64).T:
        found = (found + np.uint64(0x9E3779B97F4A7C15)) ^ values
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found ^= found >> np.uint64(31)
    return found


def _natural(X: Array, inside: float) -> float:
    """Give the part of the rows that have an equal one by nature.

    It is the part of the training rows that have one among them; but none where a column's values are nearly all
    different, since there equal rows are copies.
    """
    different = any((np.unique(column, return_counts=True)[1] ** 2).sum() < ALL_DIFFERENT * len(X) for column in X.T)
    return 0.0 if different else inside
