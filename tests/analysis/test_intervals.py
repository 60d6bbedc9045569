"""Bootstrap intervals: each vectorised score against a plain loop over scikit-learn's metrics on the same resamples."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import metrics

from backlit.analysis.report.class_scores import classifier_scores, normalized
from backlit.analysis.report.intervals import (
    DRAWS,
    FEWEST,
    FEWEST_ROWS,
    MOST_ROWS,
    RESAMPLES,
    Resamples,
    balanced_accuracies,
    class_counts,
    determinations,
    f1_scores,
    interval,
    medians,
    ranking_scores,
    spread_rows,
    told_apart,
)
from backlit.analysis.report.number_measures import regression_scores
from backlit.analysis.report.ranking import rankings
from backlit.analysis.report.records import Interval


def few(n: int, number: int = 25) -> Resamples:
    resamples = Resamples.of_rows(n)
    return resamples._replace(counts=resamples.counts[:number])


def drawn(resamples: Resamples) -> list[np.ndarray]:
    """The rows of each resample, as a plain bootstrap would list them."""
    return [np.repeat(resamples.rows, counts.astype(int)) for counts in resamples.counts]


def classes(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Class indices and probabilities in few steps, so that there are ties."""
    rng = np.random.default_rng(seed)
    P = rng.integers(1, 6, (n, k)).astype(np.float64)
    codes = np.where(rng.random(n) < 0.5, P.argmax(axis=1), rng.integers(0, k, n))
    return codes, P


def quiet(score, *arguments, **settings) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(score(*arguments, **settings))


@pytest.mark.parametrize(("n", "k"), [(12, 2), (15, 3), (40, 5), (200, 4)])
def test_scores_of_the_confusion_are_scikit_learns_on_every_resample(n, k):
    codes, P = classes(n, k, seed=k)
    predicted, resamples = P.argmax(axis=1), few(n)
    rows, as_class, hits = class_counts(resamples, codes, predicted, k)
    balanced, macro = balanced_accuracies(rows, hits), f1_scores(rows, as_class, hits, None)
    second = f1_scores(rows, as_class, hits, 1)
    for b, chosen in enumerate(drawn(resamples)):
        t, y = codes[chosen], predicted[chosen]
        assert balanced[b] == pytest.approx(quiet(metrics.balanced_accuracy_score, t, y))
        assert macro[b] == pytest.approx(quiet(metrics.f1_score, t, y, average="macro"))
        if (t == 1).any() or (y == 1).any():
            assert second[b] == pytest.approx(quiet(metrics.f1_score, t == 1, y == 1))
        else:
            assert np.isnan(second[b])


@pytest.mark.parametrize(("n", "seed"), [(10, 0), (11, 1), (60, 2), (200, 3)])
def test_rankings_are_scikit_learns_on_every_resample(n, seed):
    codes, P = classes(n, 2, seed)
    resamples, own = few(n), codes == 1
    auc, average = ranking_scores(resamples, P[:, 1], own)
    for b, chosen in enumerate(drawn(resamples)):
        if own[chosen].any() and not own[chosen].all():
            assert auc[b] == pytest.approx(metrics.roc_auc_score(own[chosen], P[chosen, 1]))
            assert average[b] == pytest.approx(metrics.average_precision_score(own[chosen], P[chosen, 1]))
        else:
            assert np.isnan(auc[b])


def test_a_resample_without_rows_of_the_class_has_no_ranking():
    resamples = Resamples(np.arange(2), np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), 2)
    auc, average = ranking_scores(resamples, np.array([0.2, 0.7]), np.array([False, True]))
    assert np.isnan(auc[:2]).all()
    assert auc[2] == average[2] == average[1] == 1
    assert np.isnan(average[0])


@pytest.mark.parametrize("n", [10, 11, 50])
def test_scores_of_numbers_are_scikit_learns_on_every_resample(n):
    rng = np.random.default_rng(n)
    targets = rng.normal(1e6, 1.0, n).round(2)
    errors = rng.normal(size=n).round(1)
    resamples = few(n)
    r2, middle = determinations(resamples, targets, errors), medians(resamples, np.abs(errors))
    for b, chosen in enumerate(drawn(resamples)):
        t, y = targets[chosen], (targets - errors)[chosen]
        assert r2[b] == pytest.approx(metrics.r2_score(t, y), rel=1e-6)
        assert middle[b] == pytest.approx(metrics.median_absolute_error(t, y), abs=1e-9)


def test_a_resample_of_the_same_numbers_has_no_r2():
    resamples = Resamples(np.arange(3), np.array([[3.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), 3)
    r2 = determinations(resamples, np.array([0.1, 0.3, 7.0]), np.ones(3))
    assert np.isnan(r2[0])
    assert np.isfinite(r2[1])


@pytest.mark.parametrize("n", [1, 9, 30, 2_000, 9_000, 40_000])
def test_work_is_bounded_and_every_resample_has_as_many_rows(n):
    resamples = Resamples.of_rows(n)
    m = min(n, MOST_ROWS)
    assert resamples.counts.shape == (min(RESAMPLES, max(FEWEST, DRAWS // m)), m)
    assert (resamples.counts.sum(axis=1) == m).all()
    assert resamples.rows[0] == 0
    assert resamples.rows[-1] == n - 1
    assert len(set(resamples.rows.tolist())) == m
    assert np.array_equal(resamples.counts, Resamples.of_rows(n).counts)


@pytest.mark.parametrize(
    ("n", "classes", "said"),
    [
        (5, 3, "no bootstrap intervals: 5 rows would say too little"),
        (30, 3, "1,000 resamples of the 30 rows, drawn with replacement (seed 0)"),
        (1_000, 12, "those of AUC and average precision are of 250 resamples"),
        (10_000, 100, "AUC and average precision have none, for so many rows and classes"),
        (40_000, 0, "200 resamples of 10,000 of the 40,000 rows"),
    ],
)
def test_it_is_said_how_intervals_are_made(n, classes, said):
    assert said in Resamples.of_rows(n).words(classes)


def test_the_mean_of_a_known_sample():
    """Of ten rows, five right: the number of right rows in a resample is binomial, of which 2.5 % lie below 0.2."""
    right = np.arange(10) < 5
    assert interval(Resamples.of_rows(10).means(right), 10) == Interval(0.2, 0.8)


def test_intervals_hold_the_true_score_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    resamples, held = Resamples.of_rows(200), 0
    for _ in range(200):
        found = interval(resamples.means(rng.random(200) < 0.8), 200)
        held += found.low <= 0.8 <= found.high
    assert 0.9 <= held / 200 <= 0.99


def test_few_rows_and_undefined_scores_have_no_interval():
    values = np.linspace(0, 1, 100)
    assert interval(values, FEWEST_ROWS) is not None
    assert interval(values, FEWEST_ROWS - 1) is None
    values[:50] = np.nan
    assert interval(values, FEWEST_ROWS) is None
    values[0] = 0.0
    assert interval(values, FEWEST_ROWS) is not None


@pytest.mark.parametrize(
    ("differences", "apart"),
    [([0.0] * 30, False), ([1.0] * 30, True), ([-1.0] * 29 + [0.0], True), ([1.0] + [0.0] * 29, False),
     ([1.0] * 15 + [-1.0] * 15, False), ([1.0] * 12 + [0.0] * 18, True), ([1.0] * 5, False)],
)  # fmt: skip
def test_models_are_told_apart_where_the_difference_keeps_its_sign(differences, apart):
    assert told_apart(np.array(differences), Resamples.of_rows(len(differences))) is apart


@pytest.mark.parametrize("k", [2, 3])
def test_intervals_of_a_classifier_are_those_of_a_plain_bootstrap(k):
    codes, given = classes(50, k, seed=10 + k)
    P = normalized(given)
    resamples = few(50, 100)
    found = {
        score.name: score.interval
        for score in classifier_scores(
            codes, given, ["a", "b", "c"][:k], resamples, baseline=None, linear=None, found=rankings(codes, P)
        )
    }
    labels, looped = np.arange(k), {name: [] for name in ("accuracy", "auc", "log_loss", "brier")}
    for chosen in drawn(resamples):
        t, p = codes[chosen], P[chosen]
        looped["accuracy"].append(metrics.accuracy_score(t, p.argmax(axis=1)))
        looped["log_loss"].append(metrics.log_loss(t, p, labels=labels))
        brier = (
            metrics.brier_score_loss(t, p[:, 1], pos_label=1)
            if k == 2
            else metrics.brier_score_loss(t, p, labels=labels)
        )
        looped["brier"].append(brier)
        of = [1] if k == 2 else labels
        looped["auc"].append(np.mean([metrics.roc_auc_score(t == c, p[:, c]) for c in of]))
    for name, values in looped.items():
        low, high = np.percentile(values, [2.5, 97.5])
        assert (found[name].low, found[name].high) == pytest.approx((low, high)), name


def test_rows_of_classes_that_training_did_not_have_are_left_out_of_log_loss_and_brier_score():
    codes, given = classes(40, 3, seed=1)
    codes[:9] = 3
    P, resamples = normalized(given), few(40, 100)
    scores = classifier_scores(
        codes, given, list("abcd"), resamples, baseline=None, linear=None, found=rankings(codes, P)
    )
    looped: dict[str, list[float]] = {"accuracy": [], "balanced_accuracy": [], "log_loss": [], "brier": []}
    for chosen in drawn(resamples):
        t, p = codes[chosen], P[chosen]
        known = t < 3
        looped["accuracy"].append(metrics.accuracy_score(t, p.argmax(axis=1)))
        looped["balanced_accuracy"].append(quiet(metrics.balanced_accuracy_score, t, p.argmax(axis=1)))
        looped["log_loss"].append(metrics.log_loss(t[known], p[known], labels=[0, 1, 2]))
        looped["brier"].append(metrics.brier_score_loss(t[known], p[known], labels=[0, 1, 2]))
    found = {score.name: score.interval for score in scores}
    for name, values in looped.items():
        assert (found[name].low, found[name].high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5]))), name


def test_intervals_of_numbers_are_those_of_a_plain_bootstrap():
    rng = np.random.default_rng(3)
    targets = rng.normal(50, 10, 40)
    predictions = targets + rng.normal(0, 4, 40)
    resamples = few(40, 100)
    found = {s.name: s.interval for s in regression_scores(targets, predictions, resamples, baseline=None, linear=None)}
    scores = {
        "r2": metrics.r2_score, "mae": metrics.mean_absolute_error, "rmse": metrics.root_mean_squared_error,
        "median_absolute_error": metrics.median_absolute_error,
    }  # fmt: skip
    for name, score in scores.items():
        values = [score(targets[chosen], predictions[chosen]) for chosen in drawn(resamples)]
        low, high = np.percentile(values, [2.5, 97.5])
        assert (found[name].low, found[name].high) == pytest.approx((low, high)), name


@pytest.mark.parametrize(("n", "most", "rows"), [(5, 9, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8]), (1, 3, [0]), (7, 1, [0])])
def test_rows_are_spread(n, most, rows):
    assert spread_rows(n, most).tolist() == rows


def test_of_many_rows_some_are_resampled_and_the_interval_is_that_of_all():
    """Of 90,000 rows 10,000 are drawn; the interval stands around the score of all, as wide as the binomial one."""
    rng = np.random.default_rng(3)
    right = (rng.random(90_000) < 0.8668).astype(float)
    resamples = Resamples.of_rows(90_000)
    found = resamples.interval(resamples.means(right), right.mean(), 0.0, 1.0)
    spread = np.sqrt(right.mean() * (1 - right.mean()) / 90_000)
    assert (found.high - found.low) / (2 * 1.96 * spread) == pytest.approx(1, abs=0.15)
    assert (found.low + found.high) / 2 == pytest.approx(right.mean(), abs=0.3 * spread)
    assert "10,000 of the 90,000 rows" in resamples.words(2)
    assert "narrowed to all rows by the root of 10,000 / 90,000" in resamples.words(2)
    better = right - (rng.random(90_000) < 0.8668 - 0.006)
    assert told_apart(better, resamples)


def test_a_score_at_its_limit_has_no_interval_beyond():
    resamples = Resamples.of_rows(40_000)
    assert resamples.interval(np.linspace(0.9, 1.0, 101), 0.999, 0.0, 1.0).high == 1.0
    assert resamples.interval(np.linspace(0.0, 0.5, 101), 0.001, 0.0).low == 0.0
