"""A fit that continues an earlier one: what it keeps, what it replaces, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

from backlit import MLPClassifier, MLPRegressor
from backlit.errors import BacklitError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
VALIDATION = {"X_val": X[1::2], "y_val": Y[1::2]}
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, "warm_start": True}

CHANGES = [
    ({"early_stopping": True}, {}, {"early_stopping": False}, {}, "validation_score"),
    ({}, {}, {"early_stopping": True}, {}, "validation_score"),
    ({}, {}, {}, VALIDATION, "validation_loss"),
    ({}, VALIDATION, {}, {}, "validation_loss"),
    ({}, {}, {"solver": "lbfgs"}, {}, "gradient_norm_1"),
    ({"solver": "lbfgs"}, {}, {"solver": "adam"}, {}, "seconds"),
    ({"solver": "lbfgs"}, {}, {}, VALIDATION, "validation_loss"),
]


@pytest.mark.parametrize(("settings", "rows", "changed", "then", "partly"), CHANGES)
def test_every_column_of_the_history_has_a_value_per_epoch(settings, rows, changed, then, partly):
    pandas = pytest.importorskip("pandas")
    classifier = MLPClassifier(**SMALL | settings).fit(X, Y, **rows)
    first = classifier.n_iter_
    measured = partly in classifier.history_
    classifier.set_params(**changed).fit(X, Y, **then)
    table = pandas.DataFrame(classifier.history_)
    assert len(table) == first + classifier.n_iter_
    assert np.isfinite(table["loss"]).all()
    before = np.arange(len(table)) < first
    assert (table[partly].notna() == (before if measured else ~before)).all()


@pytest.mark.parametrize("changed", [{}, {"solver": "lbfgs"}], ids=str)
def test_no_curve_stays_from_an_earlier_fit(changed):
    classifier = MLPClassifier(**SMALL | {"warm_start": False}).fit(X, Y, **VALIDATION)
    assert len(classifier.validation_loss_curve_) == 3
    classifier.set_params(**changed).fit(X, Y)
    assert not hasattr(classifier, "validation_loss_curve_")
    assert hasattr(classifier, "loss_curve_") == (not changed)


def test_lbfgs_measures_the_rows_given_too():
    classifier = MLPClassifier(**SMALL | {"solver": "lbfgs", "max_iter": 20}).fit(X[::2], Y[::2], **VALIDATION)
    assert len(classifier.validation_loss_curve_) == classifier.n_iter_
    ends_with = log_loss(Y[1::2], classifier.predict_proba(X[1::2]))
    assert classifier.validation_loss_curve_[-1] == pytest.approx(ends_with, rel=1e-12)
    assert classifier.history_["validation_loss"] == classifier.validation_loss_curve_


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_loss_of_several_outputs_is_their_mean_in_the_history_as_well(solver):
    T = np.stack([X[:, 0], X[:, 1] * 5.0], axis=1)
    regressor = MLPRegressor(**SMALL | {"solver": solver}).fit(X, T, X_val=X[::2], y_val=T[::2])
    assert regressor.history_["validation_loss"] == regressor.validation_loss_curve_
    half_squares = 0.5 * np.mean((regressor.predict(X[::2]) - T[::2]) ** 2)
    assert regressor.validation_loss_curve_[-1] == pytest.approx(half_squares, rel=1e-12)


REFUSED = [
    (MLPClassifier, {}, {"n_members": 3}, r"n_members is 3, .* with 1"),
    (MLPClassifier, {"n_members": 3}, {"n_members": 1}, r"n_members is 1, .* with 3"),
    (MLPClassifier, {}, {"preprocess": "auto"}, "preprocess is 'auto', .* with None"),
    (MLPClassifier, {"preprocess": "auto"}, {"preprocess": None}, "preprocess is None, .* with 'auto'"),
    (MLPRegressor, {}, {"scale_target": True}, "scale_target is True, .* with False"),
    (MLPRegressor, {"scale_target": True}, {"scale_target": False}, "scale_target is False, .* with True"),
]


@pytest.mark.parametrize(("cls", "settings", "changed", "message"), REFUSED)
def test_a_warm_start_refuses_changes_that_the_fitted_networks_exclude(cls, settings, changed, message):
    estimator = cls(**SMALL | settings).fit(X, Y)
    estimator.set_params(**changed)
    for again in (estimator.fit, estimator.partial_fit):
        with pytest.raises(BacklitError, match=message):
            again(X, Y)
    fresh = cls(**SMALL | settings | changed).fit(X, Y)
    assert np.array_equal(estimator.set_params(warm_start=False).fit(X, Y).predict(X), fresh.predict(X))


def test_predicting_refuses_another_preprocessing_as_well():
    classifier = MLPClassifier(**SMALL, preprocess="auto").fit(X, Y).set_params(preprocess=None)
    with pytest.raises(BacklitError, match="preprocess is None"):
        classifier.predict(X)
