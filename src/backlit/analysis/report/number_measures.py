"""A model of numbers measured on rows: scores with intervals, predicted against true numbers, residuals."""

from __future__ import annotations

import math

import numpy as np
from sklearn import metrics

from backlit.analysis.report.intervals import Resamples, determinations, interval, medians, spread_rows
from backlit.analysis.report.records import HistogramBin, Interval, NumbersMeasured, Point, Score
from backlit.kernels.types import Array
from backlit.model.scores import number_scores

POINTS = 2_000
"""Points of predicted against true numbers, at most."""
FEWEST_BINS, MOST_BINS = 5, 30
"""Bins of the residuals."""
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

WORDS = {
    "r2": ("R²", "1 − Σ (t − y)² / Σ (t − mean)²; 1 is best, 0 is no better than the mean of these rows"),
    "mae": ("mean |error|", "mean of |t − y|, in the target's own unit; 0 is best"),
    "rmse": ("RMSE", "root of the mean of (t − y)², in the target's own unit; 0 is best"),
    "median_absolute_error": ("median |error|", "median of |t − y|, in the target's own unit; 0 is best"),
}


def regression_scores(
    targets: Array, predictions: Array, resamples: Resamples, *, baseline: float | None, linear: Array | None
) -> tuple[Score, ...]:
    """The scores of predicted numbers (n,) against targets (n,), beside those of one number for all rows and of others.

    >>> targets = np.array([1.0, 3.0])
    >>> scores = regression_scores(targets, np.array([1.0, 2.0]), Resamples.of_rows(2), baseline=2.0, linear=None)
    >>> [(score.name, score.value, score.baseline) for score in scores][:2]
    [('r2', 0.5, 0.0), ('mae', 0.5, 1.0)]
    """
    values = number_values(targets, predictions)
    beside = {} if baseline is None else number_values(targets, np.full(targets.shape, baseline))
    straight = {} if linear is None else number_values(targets, linear)
    spans = _intervals(targets, predictions, resamples)
    return tuple(
        Score(
            name, words, meaning, name == "r2", values[name], None if values[name] is None else spans[name],
            beside.get(name), straight.get(name),
        )
        for name, (words, meaning) in WORDS.items()
    )  # fmt: skip


def number_values(targets: Array, predictions: Array) -> dict[str, float | None]:
    """The values of the scores by scikit-learn's metrics; R² is None where the targets are all the same."""
    plain = number_scores(targets, predictions)
    t, y, exponent = near_one(targets, predictions)
    median = math.ldexp(float(metrics.median_absolute_error(t, y)), exponent)
    return {"r2": plain.r2, "mae": plain.mae, "rmse": plain.rmse, "median_absolute_error": median}


def near_one(targets: Array, predictions: Array) -> tuple[Array, Array, int]:
    """Both divided by 2 to a power, which is given too, so that squares neither overflow nor vanish: that is exact."""
    exponent = int(np.frexp(max(np.abs(targets).max(), np.abs(predictions).max()))[1])
    return np.ldexp(targets, -exponent), np.ldexp(predictions, -exponent), exponent


def _intervals(targets: Array, predictions: Array, resamples: Resamples) -> dict[str, Interval | None]:
    t, y, exponent = near_one(targets, predictions)
    errors = t - y
    in_unit = {
        "mae": resamples.means(np.abs(errors)),
        "rmse": np.sqrt(resamples.means(errors**2)),
        "median_absolute_error": medians(resamples, np.abs(errors)),
    }
    found = {name: interval(np.ldexp(values, exponent), resamples.of) for name, values in in_unit.items()}
    return {"r2": interval(determinations(resamples, t, errors), resamples.of), **found}


def measured_numbers(rows: Array, targets: Array, predictions: Array) -> NumbersMeasured:
    """Measure predicted numbers (n,) against targets (n,) of rows with these numbers in their table (n,).

    >>> found = measured_numbers(np.array([4, 5]), np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    >>> found.points[1], found.quantiles[3]
    (Point(row=5, true=3.0, predicted=2.0), 0.5)
    """
    residuals = targets - predictions
    points = tuple(
        Point(int(rows[i]), float(targets[i]), float(predictions[i])) for i in spread_rows(len(rows), POINTS)
    )
    quantiles = tuple(float(value) for value in np.quantile(residuals, QUANTILES))
    return NumbersMeasured(points, len(rows), histogram(residuals), quantiles)


def histogram(values: Array) -> tuple[HistogramBin, ...]:
    """Bins of equal width, as wide as Freedman and Diaconis have it, within limits; one bin where all are the same."""
    low, high = float(values.min()), float(values.max())
    scale = int(np.frexp(max(abs(low), abs(high)))[1])
    scaled = np.ldexp(values, -scale)  # a bin's width of 1e-320 would be 0
    span = float(scaled.max() - scaled.min())
    if not span > 1e-12 * float(np.abs(scaled).max()):
        return (HistogramBin(low, high, len(values)),)
    quarter, three = np.quantile(scaled, [0.25, 0.75])
    width = 2 * float(three - quarter) / len(values) ** (1 / 3)
    number = int(np.clip(math.ceil(span / width) if width > span / MOST_BINS else MOST_BINS, FEWEST_BINS, MOST_BINS))
    counts, edges = np.histogram(scaled, bins=number)
    edges = np.ldexp(edges, scale)
    return tuple(HistogramBin(float(edges[b]), float(edges[b + 1]), int(counts[b])) for b in range(number))
