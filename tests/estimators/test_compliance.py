"""scikit-learn's own checks of estimators, and its own tests of its MLP, on ours."""

from __future__ import annotations

import inspect
import types

import pytest
from sklearn import neural_network
from sklearn.neural_network.tests import test_mlp
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from backlit.estimators import MLPClassifier, MLPRegressor
from backlit.ops.layers.dense import Dense

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1"),
]

ESTIMATORS = [
    MLPClassifier(max_iter=100),
    MLPRegressor(max_iter=100),
    MLPClassifier(5, max_iter=100, solver="lbfgs", n_members=2, normalization="layer"),
    MLPRegressor(hidden_layers=[Dense(5, "gelu")], max_iter=100, solver="lbfgs", scale_target=True, loss="huber"),
]


THEIRS = parametrize_with_checks(ESTIMATORS)


@pytest.mark.parametrize(THEIRS.args[0], list(THEIRS.args[1]), ids=THEIRS.kwargs["ids"])
def test_all_checks_of_estimators_pass(estimator, check):
    check(estimator)


NAMES = (
    "dataframe_column_names_consistency",
    "param_validation",
    "class_weight_classifiers",
    "all_zero_sample_weights_error",
)
LEFT_OUT = [check for name in NAMES if (check := getattr(estimator_checks, f"check_{name}", None))]
"""Checks that the generator does not call; older versions of scikit-learn lack the last."""


@pytest.mark.parametrize("check", LEFT_OUT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", [MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)], ids=type)
def test_checks_that_the_generator_leaves_out_pass(check, estimator):
    if "classifiers" in check.__name__ and isinstance(estimator, MLPRegressor):
        estimator = MLPClassifier(max_iter=100, hidden_layer_sizes=(20,))
    check(type(estimator).__name__, estimator)


INSIDES = {
    "test_fit": "sets private attributes before fitting",
    "test_gradient": "calls a private method that computes the gradient",
}
"""Tests of theirs that reach into private parts."""


def their_tests():
    """Their test functions, with every combination of their parameters, over our classes."""
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
    swap = {getattr(neural_network, name): ours[name] for name in ours}
    for name, test in vars(test_mlp).items():
        if not name.startswith("test_") or name in INSIDES:
            continue
        function = types.FunctionType(test.__code__, {**test.__globals__, **ours}, name, test.__defaults__)
        cases = [{}]
        for mark in getattr(test, "pytestmark", []):
            if mark.name == "parametrize":
                names = [n.strip() for n in mark.args[0].split(",")] if isinstance(mark.args[0], str) else mark.args[0]
                rows = [row if len(names) > 1 else (row,) for row in mark.args[1]]
                cases = [case | dict(zip(names, row, strict=True)) for case in cases for row in rows]
        for k, case in enumerate(cases):
            given = {key: swap.get(value, value) if isinstance(value, type) else value for key, value in case.items()}
            yield pytest.param(function, given, id=f"{name}-{k}")


@pytest.mark.parametrize(("test", "given"), list(their_tests()))
def test_their_own_tests_pass(test, given, request):
    fixtures = [
        name for name in inspect.signature(test).parameters if name not in given and name != "global_random_seed"
    ]
    values = {name: request.getfixturevalue(name) for name in fixtures}
    if "global_random_seed" in inspect.signature(test).parameters:
        values["global_random_seed"] = 42
    test(**given, **values)
