"""A model of numbers measured: by hand, against scikit-learn, and numbers of all sizes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from backlit.analysis.report.intervals import Resamples
from backlit.analysis.report.number_measures import (
    MOST_BINS,
    POINTS,
    histogram,
    measured_numbers,
    number_values,
    regression_scores,
)


def test_four_rows_by_hand():
    """Targets 1, 2, 3, 6 and predictions 1, 3, 3, 4: errors 0, -1, 0, 2."""
    targets, predictions = np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 3.0, 3.0, 4.0])
    scores = regression_scores(targets, predictions, Resamples.of_rows(4), baseline=3.0, linear=targets)
    values = {s.name: (s.value, s.baseline, s.linear) for s in scores}
    assert values["r2"] == (pytest.approx(1 - 5 / 14), 0.0, 1.0)
    assert values["mae"] == (0.75, 1.5, 0.0)
    assert values["rmse"] == (pytest.approx(np.sqrt(5 / 4)), pytest.approx(np.sqrt(14 / 4)), 0.0)
    assert values["median_absolute_error"] == (0.5, 1.5, 0.0)
    assert all(s.interval is None for s in scores)  # of four rows
    found = measured_numbers(np.array([3, 5, 8, 9]), targets, predictions)
    assert found.points[3].row == 9
    assert (found.points[3].true, found.points[3].predicted) == (6, 4)
    assert found.quantiles == pytest.approx((-1, -0.85, -0.25, 0, 0.5, 1.7, 2))
    assert sum(b.rows for b in found.residuals) == 4


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_values_are_scikit_learns_at_every_scale(scale):
    rng = np.random.default_rng(0)
    targets = rng.normal(size=100)
    predictions = targets + rng.normal(size=100) / 2
    expected = {
        "r2": metrics.r2_score(targets, predictions),
        "mae": scale * metrics.mean_absolute_error(targets, predictions),
        "rmse": scale * metrics.root_mean_squared_error(targets, predictions),
        "median_absolute_error": scale * metrics.median_absolute_error(targets, predictions),
    }
    assert number_values(scale * targets, scale * predictions) == pytest.approx(expected)
    scores = regression_scores(scale * targets, scale * predictions, Resamples.of_rows(100), baseline=0.0, linear=None)
    assert all(s.interval.low < s.value < s.interval.high for s in scores)


@pytest.mark.parametrize(
    ("targets", "predictions"),
    [([2.0], [3.0]), ([5.0] * 12, [5.0] * 12), ([5.0] * 12, list(range(12))), ([0.0] * 12, [0.0] * 12)],
)
def test_targets_that_are_all_the_same_have_no_r2(targets, predictions):
    targets, predictions = np.array(targets), np.array(predictions, np.float64)
    scores = {s.name: s for s in regression_scores(targets, predictions, Resamples.of_rows(len(targets)),
                                                   baseline=5.0, linear=None)}  # fmt: skip
    assert scores["r2"].value is scores["r2"].interval is scores["r2"].baseline is None
    assert scores["mae"].value == np.abs(targets - predictions).mean()
    found = measured_numbers(np.arange(len(targets)), targets, predictions)
    assert sum(b.rows for b in found.residuals) == len(targets)


@pytest.mark.parametrize(
    "values",
    [[1.0], [3.0, 3.0], [0.0, 1e-320], [-1e250, 1e250], [1.0, 1.0 + 1e-15], [0.0] * 99 + [1e9], list(range(1000))],
)
def test_every_residual_is_in_a_bin(values):
    bins = histogram(np.array(values, np.float64))
    assert sum(b.rows for b in bins) == len(values)
    assert len(bins) <= MOST_BINS
    assert bins[0].low == pytest.approx(min(values))
    assert bins[-1].high == pytest.approx(max(values))
    assert all(np.isfinite([b.low, b.high]).all() and b.low <= b.high for b in bins)


def test_of_many_rows_points_are_spread_over_the_table():
    rows = np.arange(10_000)
    found = measured_numbers(rows, rows.astype(float), rows + 1.0)
    assert len(found.points) == POINTS
    assert (found.points[0].row, found.points[-1].row, found.of_rows) == (0, 9_999, 10_000)
