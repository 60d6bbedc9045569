"""Estimators inside scikit-learn's own machinery: searches on processes and threads, pipelines, ensembles."""

import joblib
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (makes the import below possible)
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from backlit import MLPClassifier

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
SMALL = {"hidden_layer_sizes": (6,), "solver": "lbfgs", "alpha": 1.0, "max_iter": 300, "random_state": 0}


@pytest.fixture(scope="module")
def alone():
    return GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.1, 1.0]}, cv=3).fit(X, Y)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_grid_search_on_two_workers_scores_the_same(alone, backend):
    with joblib.parallel_backend(backend):
        shared = GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.1, 1.0]}, cv=3, n_jobs=2).fit(X, Y)
    assert np.array_equal(shared.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert np.array_equal(shared.predict(X), alone.predict(X))


def test_a_halving_search_chooses():
    search = HalvingGridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.1, 1.0, 100.0]}, cv=3, random_state=0).fit(X, Y)
    assert search.score(X, Y) > 0.9


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), MLPClassifier(**SMALL)),
        CalibratedClassifierCV(MLPClassifier(**SMALL), cv=3),
        StackingClassifier([("mlp", MLPClassifier(**SMALL))], LogisticRegression(), cv=3),
    ],
    ids=lambda model: type(model).__name__,
)
def test_wrapped_it_learns_and_gives_probabilities(model):
    model.fit(X, Y)
    assert model.score(X, Y) > 0.9
    assert np.allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_permutation_importance_on_threads_is_that_of_one():
    fitted = MLPClassifier(**SMALL).fit(X, Y)
    with joblib.parallel_backend("threading"):
        shared = permutation_importance(fitted, X, Y, n_repeats=3, random_state=0, n_jobs=2)
    single = permutation_importance(fitted, X, Y, n_repeats=3, random_state=0)
    assert np.array_equal(shared.importances, single.importances)
