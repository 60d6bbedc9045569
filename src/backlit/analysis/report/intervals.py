"""Bootstrap intervals of scores: the measured rows are drawn anew, with replacement, and the scores taken again.

A resample of n rows is n draws; all that a score needs of it is how often each row was drawn. So the resamples are a
matrix of counts (resamples, rows), and the scores of all of them come from a few products with it. Interval: between
the 2.5 % and the 97.5 % percentile of the resampled scores (B. Efron, R. Tibshirani, "An Introduction to the
Bootstrap", 1993, chapter 13).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backlit.analysis.report.records import Interval
from backlit.errors import counted
from backlit.kernels.types import Array

RESAMPLES, FEWEST = 1_000, 200
"""Resamples, and the fewest of them where there are many rows."""
MOST_ROWS = 10_000
"""Of more rows, so many are resampled."""
DRAWS = 600_000
"""Rows times resamples, at most."""
DRAWN_AT_ONCE = 100_000
"""So many draws stay in a processor's cache."""
RANKED = 3_000_000
"""Rows times resamples times classes, at most, for scores that rank the rows."""
FEWEST_ROWS = 10
"""With fewer rows there are no intervals: the rows there are say too little about those there could be."""
FEWEST_RANKED = 100
"""With fewer resamples, such scores have no interval."""
SEED = 0


def spread_rows(n: int, most: int) -> Array:
    """Indices of at most so many of n rows, at equal distances.

    >>> spread_rows(10, 4).tolist(), spread_rows(3, 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)


class Resamples(NamedTuple):
    """Resamples of rows: `counts[b, i]` says how often resample b drew row `rows[i]`; `of` counts all rows."""

    rows: Array  # (m,)
    counts: Array  # (resamples, m), whole numbers as float64
    of: int

    @classmethod
    def of_rows(cls, n: int) -> Resamples:
        """Resample n rows."""
        rows = spread_rows(n, MOST_ROWS)
        m = len(rows)
        number = int(np.clip(DRAWS // m, FEWEST, RESAMPLES))
        rng, counts = np.random.default_rng(SEED), np.empty((number, m))
        some = max(1, DRAWN_AT_ONCE // m)
        for first in range(0, number, some):
            part = counts[first : first + some]
            drawn = rng.integers(0, m, part.shape)
            drawn += m * np.arange(len(part))[:, None]
            part[:] = np.bincount(drawn.reshape(-1), minlength=part.size).reshape(part.shape)
        return cls(rows, counts, n)

    def sums(self, terms: Array) -> Array:
        """The sum of the terms (n,) over each resample's rows."""
        terms = np.asarray(terms, np.float64)[self.rows]
        sums: Array = np.einsum("bm,m->b", self.counts, terms)  # not BLAS, which adds in an order of its own
        return sums

    def means(self, terms: Array) -> Array:
        """The mean of the terms (n,) over each resample's rows."""
        return self.sums(terms) / len(self.rows)

    def interval(
        self, values: Array, score: float | None, least: float = -math.inf, most: float = math.inf
    ) -> Interval | None:
        """The middle 95 % of a score on these resamples, whose value on all rows is `score`, between its limits.

        Where m of n rows are resampled, the values lie around the score of those m, and sqrt(n / m) times too far from
        it, so they are moved and narrowed (P. Bickel, F. Götze, W. van Zwet, "Resampling fewer than n observations",
        1997).

        >>> few = Resamples.of_rows(40_000)
        >>> few.interval(np.arange(101.0), 40.0)
        Interval(low=16.25, high=63.75)
        """
        found, m = interval(values, self.of), len(self.rows)
        if found is None or score is None or m == self.of:
            return found
        middle, by = float(np.mean(values[np.isfinite(values)])), math.sqrt(m / self.of)
        return Interval(*(min(max(score + by * (end - middle), least), most) for end in (found.low, found.high)))

    def ranked(self, classes: int) -> Resamples | None:
        """The first of the resamples, so many that scores of so many classes can rank the rows of each; or None."""
        number = min(len(self.counts), RANKED // (len(self.rows) * classes))
        return self._replace(counts=self.counts[:number]) if number >= FEWEST_RANKED else None

    def words(self, classes: int) -> str:
        """Say how the intervals of scores over so many classes are made; of numbers, over 0."""
        if self.of < FEWEST_ROWS:
            return f"no bootstrap intervals: {counted(self.of, 'row')} would say too little"
        drawn, narrowed = f"{counted(len(self.counts), 'resample')} of the {counted(self.of, 'row')}", ""
        if self.of > len(self.rows):
            drawn = f"{counted(len(self.counts), 'resample')} of {len(self.rows):,} of the {self.of:,} rows"
            narrowed = f", narrowed to all rows by the root of {len(self.rows):,} / {self.of:,}"
        said = (
            f"95 % bootstrap intervals: the middle 95 % of the scores of {drawn}, drawn with replacement (seed {SEED})"
            f"{narrowed}"
        )
        ranked = self.ranked(classes) if classes else self
        if ranked is None:
            return f"{said}; AUC and average precision have none, for so many rows and classes"
        if len(ranked.counts) < len(self.counts):
            return f"{said}; those of AUC and average precision are of {len(ranked.counts)} resamples"
        return said


def interval(values: Array, rows: int) -> Interval | None:
    """The middle 95 % of a score on resamples of so many rows; None where it is undefined (NaN) in half of them.

    >>> interval(np.arange(101.0), rows=50)
    Interval(low=2.5, high=97.5)
    """
    defined = values[np.isfinite(values)]
    if rows < FEWEST_ROWS or 2 * len(defined) <= len(values):
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(float(low), float(high))


def told_apart(differences: Array, resamples: Resamples) -> bool:
    """Whether the middle 95 % of the mean difference (n,) of two scores over resampled rows lie on one side of 0."""
    found = resamples.interval(resamples.means(differences), float(differences.mean()))
    return found is not None and (found.low > 0 or found.high < 0)


def class_counts(resamples: Resamples, codes: Array, predicted: Array, k: int) -> tuple[Array, Array, Array]:
    """For each resample and class (resamples, k): its rows, the rows predicted as it, and the rows that are both."""
    codes, predicted, classes = codes[resamples.rows], predicted[resamples.rows], np.arange(k)
    is_class, is_predicted = codes[:, None] == classes, predicted[:, None] == classes  # (m, k)
    found = resamples.counts @ np.hstack([is_class, is_predicted, is_class & is_predicted])  # whole numbers: exact
    return found[:, :k], found[:, k : 2 * k], found[:, 2 * k :]


def balanced_accuracies(rows: Array, hits: Array) -> Array:
    """The mean recall over the classes that occur, for each resample."""
    there = rows > 0
    recall = np.divide(hits, rows, out=np.zeros_like(hits), where=there)
    means: Array = recall.sum(axis=1) / there.sum(axis=1)
    return means


def f1_scores(rows: Array, predicted: Array, hits: Array, positive: int | None) -> Array:
    """F1 = 2 hits / (rows + predicted) for each resample: of a class, or the mean over those that occur."""
    both = rows + predicted
    f1 = np.divide(2 * hits, both, out=np.full_like(hits, np.nan), where=both > 0)
    there = both > 0
    means: Array = np.where(there, f1, 0.0).sum(axis=1) / there.sum(axis=1) if positive is None else f1[:, positive]
    return means


def ranking_scores(resamples: Resamples, scores: Array, positive: Array) -> tuple[Array, Array]:
    """AUC and average precision of scores (n,) for rows that are positive or not, for each resample.

    With c_i the count of row i, P and N the counts of all positive and of all other rows: AUC is the sum over the
    positive rows of c_i times the other rows with a lower score, those with the same score half, over P N; average
    precision is the sum of c_i / P times the share of positive rows among all those with at least the score of row i.
    NaN where a resample has no positive row, or, for the AUC, no other one.
    """
    scores, positive, counts = scores[resamples.rows], positive[resamples.rows], resamples.counts
    yes, no = (np.flatnonzero(part) for part in (positive, ~positive))
    yes, no = yes[np.argsort(scores[yes], kind="stable")], no[np.argsort(scores[no], kind="stable")]
    c, above = counts[:, yes], _below(counts[:, yes])
    below = _below(counts[:, no])
    P, N = above[:, -1:], below[:, -1:]
    lower = below[:, np.searchsorted(scores[no], scores[yes], "left")]
    equal = below[:, np.searchsorted(scores[no], scores[yes], "right")] - lower
    at_least = P - above[:, np.searchsorted(scores[yes], scores[yes], "left")]
    with np.errstate(invalid="ignore", divide="ignore"):
        auc = (c * (lower + equal / 2)).sum(axis=1) / (P * N)[:, 0]
        precision = at_least / (at_least + N - lower)
        average = np.where(c > 0, c * precision, 0.0).sum(axis=1) / P[:, 0]
    return auc, average


def _below(counts: Array) -> Array:
    """The sum of the counts before each column, and of all of them: (resamples, columns + 1)."""
    return np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1)


def medians(resamples: Resamples, values: Array) -> Array:
    """The median of the values (n,) of each resample's rows."""
    values = values[resamples.rows]
    order = np.argsort(values, kind="stable")
    so_far, m = np.cumsum(resamples.counts[:, order], axis=1), len(values)
    middle = [(so_far <= place).sum(axis=1) for place in ((m - 1) // 2, m // 2)]
    found: Array = (values[order][middle[0]] + values[order][middle[1]]) / 2
    return found


def determinations(resamples: Resamples, targets: Array, errors: Array) -> Array:
    """R² = 1 - Σ e² / Σ (t - mean)² of targets and errors (n,) for each resample; NaN where all targets are the same.

    Σ (t - mean)² is computed from targets less their mean over all rows, which takes no digits from it.
    """
    centred = targets - targets.mean()
    first, second = resamples.means(centred), resamples.means(centred**2)
    spread = second - first**2
    varied = spread > 1e-12 * second  # below that, the difference is rounding
    squares = resamples.means(errors**2)
    r2: Array = 1 - np.divide(squares, spread, out=np.full_like(squares, np.nan), where=varied)
    return r2
