"""Models converted to scikit-learn and back continue training as they would have without."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.datasets import load_diabetes, load_iris

from backlit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
LABELS = np.stack([Y > 0, Y > 1], axis=1).astype(int)
SMALL = {"hidden_layer_sizes": (5, 4), "max_iter": 7, "random_state": 0, "batch_size": 40}
SOLVERS = [
    {},
    {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate_init": 0.01},
    {"solver": "sgd"},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.1},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1},
    {"solver": "sgd", "momentum": 0.0},
]
TARGETS = [("MLPClassifier", Y), ("MLPClassifier", LABELS), ("MLPRegressor", X[:, :2])]
CURVES = ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "n_iter_", "t_")


def assert_same(one, other, tolerance=1e-12):
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert a.dtype == b.dtype
            assert np.abs(a - b).max() < tolerance
    for name in CURVES:
        assert hasattr(one, name) == hasattr(other, name), name
        a, b = getattr(one, name, None), getattr(other, name, None)
        assert (a is None) == (b is None)
        assert a is None or np.allclose(a, b, rtol=tolerance, atol=0.0), name


@pytest.mark.parametrize("settings", SOLVERS, ids=str)
@pytest.mark.parametrize(("name", "y"), TARGETS, ids=["classes", "labels", "numbers"])
def test_partial_fit_continues_the_same_after_conversion_from_scikit_learn_and_back(name, y, settings):
    theirs = getattr(neural_network, name)(**SMALL, **settings).fit(X, y)
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[name].from_sklearn(theirs)
    back = ours.to_sklearn()
    for estimator in (theirs, ours, back):
        for _ in range(3):
            estimator.partial_fit(X, y)
    assert_same(back, theirs)
    assert_same(ours, theirs)


@pytest.mark.parametrize("settings", [*SOLVERS, {"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
def test_conversion_to_scikit_learn_and_back_keeps_the_model(settings):
    ours = MLPClassifier(**SMALL, **settings).fit(X, Y)
    again = MLPClassifier.from_sklearn(ours.to_sklearn())
    assert_same(again, ours)
    if settings.get("solver") == "lbfgs":
        return
    ours, again = (estimator.set_params(early_stopping=False).partial_fit(X, Y) for estimator in (ours, again))
    assert_same(again, ours)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_continues_in_scikit_learn(early_stopping):
    settings = SMALL | {"early_stopping": early_stopping, "warm_start": True, "n_iter_no_change": 1, "tol": 0.1}
    ours = MLPClassifier(**settings, learning_rate_init=0.05).fit(X, Y)
    theirs = ours.to_sklearn().fit(X, Y)
    assert_same(theirs, ours.fit(X, Y))
    assert_same(MLPClassifier.from_sklearn(theirs).fit(X, Y), ours.fit(X, Y))


def test_a_converted_model_is_a_copy():
    ours = MLPClassifier(**SMALL).fit(X, Y)
    theirs = ours.to_sklearn()
    before = copy.deepcopy(ours)
    theirs.partial_fit(X, Y)
    assert_same(ours, before, 1e-300)
    assert np.array_equal(ours._optimizer.slots, before._optimizer.slots)


@pytest.mark.parametrize("settings", [{"solver": "adamw"}, {"learning_rate": "cosine"}], ids=str)
def test_curves_are_converted_where_the_solver_is_not(settings):
    ours = MLPClassifier(**SMALL, **settings).fit(X, Y)
    assert MLPClassifier.from_sklearn(ours.to_sklearn()).loss_curve_ == ours.loss_curve_
    ours.to_sklearn().partial_fit(X, Y)


def test_scaled_targets_are_converted_to_their_own_unit_without_the_optimizer():
    ours = MLPRegressor(**SMALL | {"early_stopping": True}, warm_start=True, scale_target=True).fit(X, 100.0 * X[:, 0])
    theirs = ours.to_sklearn()
    assert not hasattr(theirs, "_optimizer")
    assert np.allclose(theirs.predict(X), ours.predict(X), rtol=1e-12)
    for W, best in zip(theirs.coefs_, theirs._best_coefs, strict=True):
        assert np.array_equal(W, best)
    theirs.fit(X, 100.0 * X[:, 0])


CONVERTIBLE = [
    (MLPClassifier, {}, Y), (MLPClassifier, {"solver": "sgd"}, Y > 0),
    (MLPClassifier, {"activation": "logistic", "solver": "lbfgs"}, np.stack([Y > 0, Y > 1], 1).astype(int)),
    (MLPRegressor, {"early_stopping": True, "activation": "tanh"}, Y * 1.0),
    (MLPRegressor, {"loss": "poisson", "hidden_layer_sizes": ()}, np.stack([Y, Y], 1)),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "settings", "y"), CONVERTIBLE)
def test_models_convert_both_ways_and_continue_training(cls, settings, y):
    settings = {"max_iter": 10, "random_state": 0} | settings
    theirs = getattr(neural_network, cls.__name__)(**settings).fit(X, y)
    ours = cls.from_sklearn(theirs)
    back = ours.to_sklearn()
    for name in ("predict", "predict_proba"):
        if hasattr(theirs, name):
            assert np.allclose(getattr(ours, name)(X), getattr(theirs, name)(X), rtol=1e-12, atol=0)
            assert np.allclose(getattr(back, name)(X), getattr(theirs, name)(X), rtol=1e-12, atol=0)
    if "solver" not in settings and "early_stopping" not in settings:
        ours.partial_fit(X, y)
        theirs.partial_fit(X, y)
        assert np.allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-12, atol=1e-15)
        assert ours.t_ == theirs.t_


def test_scaled_targets_are_folded_into_the_last_layer():
    diabetes, progress = load_diabetes(return_X_y=True)
    ours = MLPRegressor(**SMALL, scale_target=True).fit(diabetes, progress)
    assert np.allclose(ours.to_sklearn().predict(diabetes), ours.predict(diabetes), rtol=1e-12)


@pytest.mark.parametrize("settings", [{"dropout": 0.1}, {"activation": "gelu"}, {"n_members": 2}], ids=str)
def test_the_conversion_names_what_scikit_learn_does_not_support(settings):
    with pytest.raises(ValueError, match=r"does not support .*(dropout|gelu|2 members)"):
        MLPClassifier(max_iter=2, **settings).fit(X, Y).to_sklearn()
