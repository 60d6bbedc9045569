"""Rows of a training as the tests of its data read them: a sample, standardized, and what simple models make of it.

All is bounded: at most MOST_ROWS rows and MOST_COLUMNS columns, so a test costs less than a short training.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backlit.diagnose.plan import Rows
from backlit.diagnose.score import row_scores
from backlit.kernels.types import Array

MOST_ROWS, MOST_COLUMNS = 2_000, 500
NEIGHBOURS = 10
ROUNDS = 20
BLOCK = 256
"""Distances are computed for so many rows at a time."""


class Sample(NamedTuple):
    """Training rows X (n, inputs) with weights above 0, standardized, T (n, outputs) and the rows that are judged by.

    A column that is constant in the sample is 0. `numbers` are the rows' places among the training rows (n,).
    """

    X: Array
    T: Array
    X_held_out: Array
    T_held_out: Array
    numbers: Array


def sample_of(rows: Rows, T: Array, held_out: Rows, T_held_out: Array, most: int = MOST_ROWS) -> Sample:
    """Draw at most so many rows, the same ones each time, and standardize them by the training rows."""
    numbers, others = _drawn(rows, most), _drawn(held_out, most // 2)
    X, X_held_out = (np.asarray(part[0][places], np.float64) for part, places in ((rows, numbers), (held_out, others)))
    largest = np.abs(X).max(axis=0)
    largest[largest == 0.0] = 1.0
    X, X_held_out = X / largest, X_held_out / largest  # squares of huge numbers would overflow
    mean, spread = X.mean(axis=0), X.std(axis=0)
    usable = spread > 1e-12
    scale = np.where(usable, spread, np.inf)
    middle = np.where(usable, mean, 0.0)
    return Sample((X - middle) / scale, T[numbers], (X_held_out - middle) / scale, T_held_out[others], numbers)


def _drawn(rows: Rows, most: int) -> Array:
    """Give the places of at most so many rows that count, in their order."""
    places = np.flatnonzero(rows[2] > 0.0) if rows[2].size else np.arange(len(rows[0]))
    if len(places) > most:
        places = np.sort(np.random.default_rng(0).choice(places, most, replace=False))
    return places


def class_numbers(T: Array, of_classes: bool) -> Array | None:
    """Give each row's class (n,), of targets as outputs should be; None where they are not one class for each row.

    >>> class_numbers(np.array([[0.0, 1.0], [1.0, 0.0]]), True), class_numbers(np.array([[0.3]]), True)
    (array([1, 0]), None)
    """
    if not of_classes or not ((T == 0.0) | (T == 1.0)).all():
        return None
    if T.shape[1] == 1:
        return T[:, 0].astype(np.int64)
    return T.argmax(axis=1) if bool((T.sum(axis=1) == 1.0).all()) else None


# ------------------------------------------------------------------------------------------------------- simple models


def ridge(X: Array, T: Array, Q: Array) -> Array:
    """Predict rows Q (q, inputs) by least squares with a small ridge from X (n, inputs) and T (n, outputs)."""
    X, Q = X[:, :MOST_COLUMNS], Q[:, :MOST_COLUMNS]
    mean, middle = X.mean(axis=0), T.mean(axis=0)
    found: Array = ridge_at(X - mean, T - middle, Q - mean) + middle
    return found


def ridge_at(X: Array, T: Array, Q: Array) -> Array:
    """Predict by least squares with a small ridge, without a constant."""
    gram = X.T @ X + (1.0 + 1e-2 * len(X)) * np.eye(X.shape[1])
    found: Array = Q @ np.linalg.solve(gram, X.T @ T)
    return found


def robust(X: Array, T: Array, Q: Array) -> Array:
    """Predict as `ridge`, with squares and products of few inputs too, so that rows far off do not count.

    Each round weighs the rows by (1 - (r/c)²)², 0 beyond c = 4.685 robust standard deviations of the residuals r.

    Source: Beaton, Tukey, "The fitting of power series", Technometrics 16, 1974.
    """
    X, Q = _with_products(X, len(X)), _with_products(Q, len(X))
    found = np.empty((len(Q), T.shape[1]))
    for k in range(T.shape[1]):
        t, both = T[:, k : k + 1], np.concatenate([X, Q])
        weights = np.ones((len(X), 1))
        for _ in range(ROUNDS):
            root, mean = np.sqrt(weights), (weights * t).sum() / weights.sum()
            P = ridge_at(root * X, root * (t - mean), both) + mean
            apart = t - P[: len(X)]
            size = 4.685 * 1.4826 * max(float(np.median(np.abs(apart))), 1e-12)
            weights = np.maximum(1e-6, np.clip(1.0 - (apart / size) ** 2, 0.0, 1.0) ** 2)
        found[:, k] = P[len(X) :, 0]
    return found


def _with_products(X: Array, rows: int) -> Array:
    """Give columns with a constant, their squares and their products, where there are at least five rows for each."""
    k = X.shape[1]
    ones = np.ones((len(X), 1))
    if 1 + k + k * (k + 1) // 2 > rows / 5:
        return np.concatenate([ones, X[:, :MOST_COLUMNS]], axis=1)
    first, second = np.triu_indices(k)
    bounded = np.clip(X, -3.0, 3.0)  # the square of a single wild value would make the prediction of its row wild
    return np.concatenate([ones, X, bounded[:, first] * bounded[:, second]], axis=1)


def neighbours(X: Array, Q: Array, k: int, *, same: bool = False) -> Array:
    """Give the places (q, k) of the rows of X nearest to each of Q; `same` says that Q is X; a row is not its own."""
    X, Q = X[:, :MOST_COLUMNS], Q[:, :MOST_COLUMNS]
    lengths = (X**2).sum(axis=1)
    found = np.empty((len(Q), k), np.int64)
    for first in range(0, len(Q), BLOCK):
        D = lengths - 2.0 * Q[first : first + BLOCK] @ X.T  # (block, n): squared distances, but for a constant
        if same:
            D[np.arange(len(D)), first + np.arange(len(D))] = np.inf
        found[first : first + BLOCK] = np.argpartition(D, k - 1, axis=1)[:, :k]
    return found


def nearest(X: Array, T: Array, Q: Array, *, same: bool = False) -> Array:
    """Predict rows Q as the mean of the nearest rows of X."""
    k = min(NEIGHBOURS, len(X) - same)
    found: Array = T[neighbours(X, Q, k, same=same)].mean(axis=1)
    return found


# ----------------------------------------------------------------------------------------------- beyond what is chance


class Worth(NamedTuple):
    """What predictions are worth: the unexplained share, and its standard error over the rows."""

    unexplained: float
    error: float

    @property
    def errors(self) -> float:
        """By how many standard errors it is better than the baseline."""
        return (1.0 - self.unexplained) / self.error if self.error > 0.0 else 0.0


def worth(T: Array, P: Array, middle: Array) -> Worth:
    """Compare predictions P of T (q, outputs) with the baseline, which predicts `middle` (outputs,)."""
    base = row_scores(T, np.broadcast_to(middle, T.shape))
    mean = float(base.mean())
    if not mean > 0.0 or len(T) < 2:
        return Worth(1.0, math.inf)
    apart = (row_scores(T, P) - base) / mean
    error = float(apart.std(ddof=1)) / math.sqrt(len(T))
    return Worth(1.0 + float(apart.mean()), error) if math.isfinite(error) else Worth(math.inf, math.inf)


def beyond_chance(tests: int) -> float:
    """Give the size that the largest of so many standard normal numbers has in one of a hundred cases, about.

    √(2 ln(2 m / 0.01)) is an upper bound by Bonferroni's inequality.
    """
    return math.sqrt(2.0 * math.log(200.0 * max(1, tests)))


def related(X: Array, T: Array) -> float:
    """Give the largest |correlation| √n of a column of X, or of its square, with one of T, over what chance gives.

    Above 1 some column tells something of the targets.
    """
    if len(X) < 8:
        return 0.0
    bounded = np.clip(X, -3.0, 3.0)  # single wild rows make no correlation
    columns = np.concatenate([bounded, bounded**2], axis=1)
    A, B = _standardized(columns), _standardized(T)
    largest = float(np.abs(A.T @ B).max(initial=0.0)) / math.sqrt(len(X))
    return largest / beyond_chance(A.shape[1] * B.shape[1])


def _standardized(values: Array) -> Array:
    spread = values.std(axis=0)
    found: Array = (values - values.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf)
    return found


def few_possible_rows(X: Array) -> bool:
    """Tell whether the columns' values allow so few rows that equal ones are natural, as in a truth table."""
    possible = 1.0
    for column in X.T:
        possible *= len(np.unique(column))
        if possible > 4.0 * len(X):
            return False
    return True


def sizes(X: Array) -> Array:
    """Give the size of each column (inputs,): the root mean square of its values that are not 0; NaN where all are 0.

    >>> sizes(np.array([[0.0, 3.0, 0.0], [2.0, -3.0, 0.0]]))
    array([ 2.,  3., nan])
    """
    largest = np.abs(X).max(axis=0, initial=0.0).astype(np.float64)
    scaled = X / np.where(largest > 0.0, largest, 1.0)
    counts = np.count_nonzero(X, axis=0)
    found: Array = np.where(counts > 0, largest * np.sqrt((scaled**2).sum(axis=0) / np.maximum(counts, 1)), np.nan)
    return found


def named(columns: list[str], places: Array, most: int = 3) -> str:
    """Name columns: the first ones, and how many more there are.

    >>> named(["a", "b", "c", "d", "e"], np.array([0, 2, 3, 4]))
    'a, c, d and 1 more'
    """
    told = ", ".join(columns[place] for place in places[:most])
    return told if len(places) <= most else f"{told} and {len(places) - most} more"
