"""A classifier measured: by hand, against scikit-learn, and where little is defined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from backlit.analysis.report.class_measures import CURVES, POINTS, calibration, measured_classes, thinned
from backlit.analysis.report.class_scores import class_values, classifier_scores, normalized
from backlit.analysis.report.intervals import Resamples
from backlit.analysis.report.ranking import RANKED_CLASSES, rankings


def random_classes(n: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    P = normalized(rng.random((n, k)) ** 2 + 1e-3)
    return np.where(rng.random(n) < 0.4, P.argmax(axis=1), rng.integers(0, k, n)), P


def all_scores(codes, P, labels, **beside):
    given = {"baseline": None, "linear": None} | beside
    return classifier_scores(
        codes, P, labels, Resamples.of_rows(len(codes)), found=rankings(codes, normalized(P)), **given
    )


def test_four_rows_by_hand():
    """Probabilities of "yes" 0.9, 0.8, 0.3, 0.6 for yes, no, no, yes: of four pairs, (0.6, 0.8) alone is wrong."""
    p = np.array([0.9, 0.8, 0.3, 0.6])
    codes = np.array([1, 0, 0, 1])
    scores = {s.name: s for s in all_scores(codes, np.c_[1 - p, p], ["no", "yes"], baseline=np.array([0.5, 0.5]))}
    assert scores["accuracy"].value == 0.75
    assert scores["balanced_accuracy"].value == 0.75
    assert scores["f1"].value == pytest.approx(2 * 2 / (2 + 3))
    assert scores["f1"].words == 'F1 of "yes"'
    assert scores["auc"].value == 0.75
    assert scores["average_precision"].value == pytest.approx((1 + 2 / 3) / 2)
    assert scores["brier"].value == pytest.approx((0.01 + 0.64 + 0.09 + 0.16) / 4)
    assert scores["log_loss"].value == pytest.approx(-np.log([0.9, 0.2, 0.7, 0.6]).mean())
    assert {name: s.baseline for name, s in scores.items()} == {
        "accuracy": 0.5, "balanced_accuracy": 0.5, "f1": 0.0, "auc": 0.5, "average_precision": 0.5,
        "log_loss": pytest.approx(np.log(2)), "brier": 0.25,
    }  # fmt: skip
    found = measured_classes(codes, np.c_[1 - p, p], ["no", "yes"])
    assert found.confusion == ((1, 1), (0, 2))
    assert [(c.rows, c.predicted, c.precision, c.recall) for c in found.classes] == [(2, 1, 1, 0.5), (2, 3, 2 / 3, 1)]
    assert found.classes[1].roc.x == (0, 0, 0.5, 0.5, 1)
    assert found.classes[1].roc.y == (0, 0.5, 0.5, 1, 1)
    assert found.classes[1].precision_recall.x == (0, 0.5, 0.5, 1, 1)
    assert found.positive == "yes"
    assert found.calibrated == 'the probability of "yes"'
    assert [(b.low, b.rows, b.observed) for b in found.calibration] == [
        (0.3, 1, 0),
        (0.6, 1, 1),
        (0.8, 1, 0),
        (0.9, 1, 1),
    ]


@pytest.mark.parametrize(("n", "k"), [(60, 2), (300, 3), (400, 12)])
def test_values_are_scikit_learns(n, k):
    codes, P = random_classes(n, k)
    predicted, labels = P.argmax(axis=1), np.arange(k)
    values = class_values(codes, P)
    several = k > 2
    ovr = {"multi_class": "ovr", "labels": labels} if several else {}
    expected = {
        "accuracy": metrics.accuracy_score(codes, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(codes, predicted),
        "f1": metrics.f1_score(codes, predicted, average="macro" if several else "binary"),
        "auc": metrics.roc_auc_score(codes, P if several else P[:, 1], **ovr),
        "average_precision": np.mean(
            [metrics.average_precision_score(codes == c, P[:, c]) for c in (labels if several else [1])]
        ),
        "log_loss": metrics.log_loss(codes, P),
        "brier": metrics.brier_score_loss(codes, P if several else P[:, 1]),
    }
    assert values == pytest.approx(expected)
    found = measured_classes(codes, P, list(map(str, labels)))
    report = metrics.classification_report(codes, predicted, output_dict=True, zero_division=np.nan)
    for c in range(k):
        own = found.classes[c]
        known = report[str(c)]
        assert own.rows == known["support"]
        assert own.recall == pytest.approx(known["recall"])
        assert own.f1 == pytest.approx(known["f1-score"])
        assert own.auc == pytest.approx(metrics.roc_auc_score(codes == c, P[:, c]))
        assert own.average_precision == pytest.approx(metrics.average_precision_score(codes == c, P[:, c]))
        assert metrics.auc(own.roc.x, own.roc.y) == pytest.approx(own.auc, abs=0.005)
        assert max(len(own.roc.x), len(own.precision_recall.x)) <= POINTS
        assert own.precision_recall.x[-1] == 1
    assert sum(map(sum, found.confusion)) == n


def test_calibration_is_scikit_learns():
    codes, P = random_classes(500, 2, seed=4)
    bins = calibration(codes == 1, P[:, 1])
    observed, predicted = calibration_curve(codes, P[:, 1], n_bins=10)
    assert [b.observed for b in bins] == pytest.approx(list(observed))
    assert [b.predicted for b in bins] == pytest.approx(list(predicted))
    assert sum(b.rows for b in bins) == 500
    assert all(b.low <= b.predicted <= b.high for b in bins)


def test_of_several_classes_calibration_is_of_the_predicted_one():
    P = np.array([[0.8, 0.1, 0.1], [0.85, 0.05, 0.1], [0.2, 0.3, 0.5]])
    found = measured_classes(np.array([0, 1, 2]), P, ["a", "b", "c"])
    assert found.calibrated == "the probability of the predicted class"
    assert [(b.low, b.rows, b.observed) for b in found.calibration] == [(0.5, 1, 1), (0.8, 2, 0.5)]


def test_probabilities_of_0_and_1_have_bins():
    bins = calibration(np.array([False, True]), np.array([0.0, 1.0]))
    assert [(b.low, b.high, b.rows) for b in bins] == [(0.0, 0.1, 1), (0.9, 1.0, 1)]


def test_a_long_curve_keeps_its_ends_and_its_shape():
    x = np.linspace(0, 1, 5_000)
    curve = thinned(x, x**2)
    assert len(curve.x) <= POINTS
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
    assert max(np.diff(curve.x)) < 0.02
    assert list(curve.y) == pytest.approx([value**2 for value in curve.x], abs=2e-4)


UNDEFINED = [
    ("one row", [1], [[0.3, 0.7]], {"auc", "average_precision"}),
    ("one class only, the second", [1, 1, 1], [[0.3, 0.7], [0.6, 0.4], [0.5, 0.5]], {"auc", "average_precision"}),
    ("one class only, the first", [0, 0], [[0.7, 0.3], [0.6, 0.4]], {"auc", "average_precision", "f1"}),
    ("one of three", [2, 2], [[0.2, 0.2, 0.6], [0.6, 0.2, 0.2]], {"auc", "average_precision"}),
    ("a class without rows", [0, 1, 0], [[0.6, 0.3, 0.1], [0.2, 0.1, 0.7], [0.5, 0.4, 0.1]], set()),
    ("a class that training did not have", [0, 1, 2], [[0.6, 0.4], [0.2, 0.8], [0.5, 0.5]], set()),
    ("two of these", [0, 4, 3], [[0.6, 0.3, 0.1], [0.2, 0.1, 0.7], [0.5, 0.4, 0.1]], set()),
    ("p of 0 and 1", [0, 1], [[1.0, 0.0], [1.0, 0.0]], set()),
]


@pytest.mark.parametrize(("codes", "P", "undefined"), [case[1:] for case in UNDEFINED], ids=[c[0] for c in UNDEFINED])
def test_what_is_not_defined_is_none_and_nothing_warns(codes, P, undefined):
    codes, P = np.array(codes), np.array(P, np.float32)
    labels = [f"class {c}" for c in range(max(P.shape[1], codes.max() + 1))]
    scores = all_scores(codes, P, labels, baseline=0, linear=P)
    assert {s.name for s in scores if s.value is None} == undefined
    assert all(s.value is None or np.isfinite(s.value) for s in scores)
    assert [s.linear for s in scores] == [s.value for s in scores]
    assert {s.name for s in scores if s.baseline is None} >= {"log_loss", "brier"}
    found = measured_classes(codes, P, labels)
    assert len(found.classes) == len(found.confusion) == len(labels)
    for c, own in enumerate(found.classes):
        assert (own.recall is None) == (own.rows == 0)
        assert (own.auc is None) == (own.rows in {0, len(codes)} or c >= P.shape[1])
        assert (own.roc is None) == (own.auc is None)


def test_a_hundred_classes_have_a_few_curves_those_of_the_lowest_auc():
    codes, P = random_classes(400, 100, seed=1)
    found = measured_classes(codes, P, list(map(str, range(100))))
    drawn = [own for own in found.classes if own.roc]
    assert len(drawn) == CURVES
    rest = [own.auc for own in found.classes if own.auc is not None and not own.roc]
    assert max(own.auc for own in drawn) <= min(rest)


def test_of_still_more_classes_there_is_no_ranking():
    codes, P = random_classes(50, RANKED_CLASSES + 1)
    assert rankings(codes, P) == {}
    assert class_values(codes, P)["auc"] is None
