"""The same trajectory as scikit-learn's classes, run beside ours: weights, losses, scores and when to stop."""

from __future__ import annotations

import itertools
import os
import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from backlit import estimators

COMPLETE = bool(os.environ.get("BACKLIT_COMPLETE"))
"""Whether to run every row of the large table, rather than a sample of it."""

ROWS = 150
RANDOM = np.random.RandomState(3)
X = RANDOM.standard_normal((ROWS, 5))
LINEAR = X @ RANDOM.standard_normal((5, 3))
NOISY = LINEAR + 2.0 * RANDOM.standard_normal(LINEAR.shape)
WEIGHTS = RANDOM.uniform(0.5, 2.0, ROWS)

TARGETS = {
    "binary": NOISY[:, 0] > 0,
    "classes": NOISY.argmax(axis=1) + 3,
    "labels": (NOISY > 0).astype(int),
    "number": np.sin(LINEAR[:, 0]) + 0.3 * NOISY[:, 1],
    "numbers": np.tanh(NOISY[:, :2]),
    "count": RANDOM.poisson(np.exp(0.3 * LINEAR[:, 0])),
}
CLASSES = ("binary", "classes", "labels")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
POLICIES = (
    ("sgd", "constant"),
    ("sgd", "invscaling"),
    ("sgd", "adaptive"),
    ("adam", "constant"),
    ("lbfgs", "constant"),
)
TABLE = list(itertools.product(TARGETS, ACTIVATIONS, POLICIES, (False, True), (False, True)))
SAMPLE = [TABLE[k] for k in sorted(np.random.default_rng(4).permutation(len(TABLE))[:60])]


def pair(target, **settings):
    """The two classes with the same settings."""
    name = "MLPClassifier" if target in CLASSES else "MLPRegressor"
    if target == "count":
        settings["loss"] = "poisson"
    return getattr(neural_network, name)(**settings), getattr(estimators, name)(**settings)


def fitted(pair, *data, method="fit", **given):
    """Fit both, without their warnings that the epochs did not suffice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [getattr(estimator, method)(*data, **given) for estimator in pair]


def distance(ours, theirs):
    """The largest difference, beside the largest of their values."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max(initial=0.0) / max(np.abs(theirs).max(initial=0.0), 1e-300)


def assert_same(ours, theirs, tolerance=1e-9):
    for name in ("coefs_", "intercepts_"):
        for own, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert own.dtype == other.dtype
            assert distance(own, other) < tolerance, name
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_", "loss_"):
        other = getattr(theirs, name, None)
        assert (other is None) == (getattr(ours, name, None) is None), name
        if other is not None:
            assert distance(getattr(ours, name), other) < tolerance, name
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize(
    ("target", "activation", "policy", "early_stopping", "weighted"), TABLE if COMPLETE else SAMPLE
)
def test_twenty_epochs_are_the_same(target, activation, policy, early_stopping, weighted):
    solver, learning_rate = policy
    theirs, ours = fitted(
        pair(
            target, hidden_layer_sizes=(7, 4), activation=activation, solver=solver, learning_rate=learning_rate,
            early_stopping=early_stopping, max_iter=20, random_state=5, batch_size=16, learning_rate_init=0.01,
            n_iter_no_change=3, tol=1e-3, alpha=0.5,
        ), X, TARGETS[target], sample_weight=WEIGHTS if weighted else None,
    )  # fmt: skip
    assert_same(ours, theirs, 1e-6 if solver == "lbfgs" else 1e-9)
    assert distance(outputs(ours), outputs(theirs)) < (1e-6 if solver == "lbfgs" else 1e-9)
    assert np.array_equal(ours.predict(X), theirs.predict(X)) or not is_classifier(ours)


def outputs(estimator):
    return estimator.predict_proba(X) if is_classifier(estimator) else estimator.predict(X)


SETTINGS = [
    {"shuffle": False},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": 3, "batch_size": 1, "max_iter": 3},
    {"hidden_layer_sizes": [4, 3, 2]},
    {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False},
    {"solver": "sgd", "momentum": 1.0, "max_iter": 5},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling", "power_t": 0.2},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1, "max_iter": 60},
    {"solver": "adam", "beta_1": 0.0, "beta_2": 0.5, "epsilon": 1e-3},
    {"random_state": np.random.RandomState(7)},
    {"alpha": 0.0},
    {"validation_fraction": 0.3, "early_stopping": True, "n_iter_no_change": 1},
    {"n_iter_no_change": np.inf, "tol": 1e9},
    {"tol": 0.05, "n_iter_no_change": 1},
]


@pytest.mark.parametrize("settings", SETTINGS, ids="-".join)
@pytest.mark.parametrize("target", ["binary", "classes", "numbers"])
def test_every_parameter_means_the_same(target, settings):
    settings = {"random_state": 2, "max_iter": 10, "hidden_layer_sizes": (5,)} | settings
    both = [pickle.loads(pickle.dumps(estimator)) for estimator in pair(target, **settings)]  # no shared random state
    theirs, ours = fitted(both, X, TARGETS[target])
    assert_same(ours, theirs)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("target", ["binary", "classes", "labels", "numbers", "count"])
def test_partial_fit_goes_on_the_same(target, solver):
    both = pair(target, hidden_layer_sizes=6, solver=solver, random_state=1, batch_size=20, learning_rate="invscaling")
    y = TARGETS[target]
    classes = {"classes": np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])} if target in CLASSES else {}
    for start in range(0, ROWS, 50):
        for _ in range(2):
            theirs, ours = fitted(both, X[start : start + 50], y[start : start + 50], method="partial_fit", **classes)
    assert_same(ours, theirs)
    again = pickle.loads(pickle.dumps(ours)).partial_fit(X, y)
    assert_same(again, theirs.partial_fit(X, y))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_warm_starts_go_on_the_same(solver):
    both = pair("classes", hidden_layer_sizes=6, solver=solver, random_state=1, warm_start=True, max_iter=4, alpha=0.5)
    for _ in range(3):
        theirs, ours = fitted(both, X, TARGETS["classes"])
    assert_same(ours, theirs, 1e-6 if solver == "lbfgs" else 1e-9)


def test_the_canonical_example_is_the_same_to_the_last_epoch():
    digits, y = load_digits(return_X_y=True)
    theirs, ours = fitted(pair("classes", random_state=0, max_iter=60), digits, y)
    assert_same(ours, theirs)


@pytest.mark.parametrize("target", ["classes", "number"])
def test_float32_stays_float32_and_close(target):
    theirs, ours = fitted(pair(target, random_state=0, max_iter=20), X.astype("float32"), TARGETS[target])
    assert ours.predict(X.astype("float32")).dtype == theirs.predict(X.astype("float32")).dtype
    assert_same(ours, theirs, 1e-4)


def test_sparse_inputs_are_the_same():
    S = sparse.csr_array(np.where(np.abs(X) > 1, X, 0.0))
    theirs, ours = fitted(pair("classes", random_state=0, max_iter=10), S, TARGETS["classes"])
    assert_same(ours, theirs)
    assert distance(ours.predict_proba(S), theirs.predict_proba(S)) < 1e-9


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, np.asarray])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels_come_back_as_they_were_given(kind, early_stopping):
    labels = kind(TARGETS["labels"].astype(int))
    settings = {"random_state": 0, "max_iter": 20, "early_stopping": early_stopping}
    theirs, ours = fitted(pair("labels", **settings), X, labels)
    found, expected = ours.predict(X), theirs.predict(X)
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert abs(found - expected).max() == 0
    assert ours.score(X, labels) == theirs.score(X, labels)


def test_the_parameters_begin_with_theirs():
    for name in ("MLPClassifier", "MLPRegressor"):
        theirs, ours = getattr(neural_network, name)(), getattr(estimators, name)()
        assert theirs.get_params().items() <= ours.get_params().items()


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_public_methods_are_theirs_and_more(name):
    theirs, ours = getattr(neural_network, name), getattr(estimators, name)
    assert {method for method in dir(theirs) if method[0] != "_"} <= set(dir(ours))
