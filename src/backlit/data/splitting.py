"""Splitting rows into training, validation and test rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlit.errors import BacklitError

Rows = NDArray[np.int64]


def split_rows(
    labels: ArrayLike | None,
    n_rows: int,
    *,
    validation: float = 0.1,
    test: float = 0.2,
    rng: np.random.Generator,
) -> tuple[Rows, Rows, Rows]:
    """Indices of training, validation and test rows, each in ascending order; every row is in exactly one.

    `validation` and `test` are fractions of all rows, each part rounded to whole rows. With `labels` (n,) the split
    is stratified: a class of c rows gives each part c times its fraction, rounded up or down so that the parts have
    their sizes (largest remainders first, ties by chance). Every class keeps at least one training row, so that one
    with a single row lies in training, and the parts are smaller where there are many such. Without labels (None)
    the rows are one class. A fraction above zero gives at least one row where a class has rows to spare.

    The same generator state gives the same split. Raises `BacklitError` for fractions that leave nothing to train on.

    >>> rows = split_rows(["a"] * 6 + ["b"] * 4, 10, validation=0.0, test=0.5, rng=np.random.default_rng(1))
    >>> [part.tolist() for part in rows]
    [[0, 4, 5, 8, 9], [], [1, 2, 3, 6, 7]]
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise BacklitError(
            f"Fractions of {validation:g} for validation and {test:g} for test were given: expected neither below 0, "
            "and a sum below 1, so that rows are left for training."
        )
    codes = _class_codes(labels, n_rows)
    counts = np.bincount(codes)
    n_test = _apportion(counts, test, counts - 1, rng)
    n_validation = _apportion(counts, validation, counts - 1 - n_test, rng)
    shuffled = rng.permutation(n_rows)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    first = np.cumsum(counts) - counts
    rank = np.arange(n_rows) - np.repeat(first, counts)  # of a row within its class
    in_test = rank < np.repeat(n_test, counts)
    in_validation = ~in_test & (rank < np.repeat(n_test + n_validation, counts))
    train = np.sort(by_class[~in_test & ~in_validation])
    return train, np.sort(by_class[in_validation]), np.sort(by_class[in_test])


def _class_codes(labels: ArrayLike | None, n_rows: int) -> Rows:
    if labels is None:
        return np.zeros(n_rows, dtype=np.int64)
    vector = np.asarray(labels)
    if vector.shape != (n_rows,):
        raise BacklitError(f"The labels have shape {vector.shape}: expected one per row, ({n_rows},).")
    codes: Rows = np.unique(vector, return_inverse=True)[1].astype(np.int64)
    return codes


def _apportion(counts: Rows, fraction: float, most: Rows, rng: np.random.Generator) -> Rows:
    """How many rows each class gives: its share rounded down, plus one for the largest remainders, up to `most`."""
    share = counts * fraction
    given: Rows = np.minimum(np.floor(share).astype(np.int64), most)
    wanted = max(round(counts.sum() * fraction), 1 if fraction else 0) - given.sum()
    remainder = np.where(given < most, share - given, -1.0)
    order = np.lexsort((rng.random(len(counts)), -remainder))
    raised = order[remainder[order] > 0][: max(wanted, 0)]
    given[raised] += 1
    return given
