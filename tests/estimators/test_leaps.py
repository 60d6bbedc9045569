"""Epochs that nobody looks at between run in one call of the machine, and nobody can tell afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

from backlit import MLPClassifier, MLPRegressor, Training
from backlit.estimators.member import Member

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = (IRIS - IRIS.mean(axis=0)) / IRIS.std(axis=0)
SMALL = {"hidden_layer_sizes": (7,), "max_iter": 80, "batch_size": 40, "learning_rate_init": 0.02}

SETTINGS = [
    {},
    {"tol": 0.01, "n_iter_no_change": 4},
    {"tol": 1.0, "n_iter_no_change": 1},
    {"n_iter_no_change": np.inf},
    {"solver": "sgd", "learning_rate_init": 0.3},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 2, "learning_rate_init": 0.5},
    {"solver": "sgd", "learning_rate": "invscaling"},
    {"learning_rate": "cosine"},
    {"learning_rate": "plateau"},
    {"shuffle": False},
    {"batch_size": 150},
    {"hidden_layer_sizes": (400,), "batch_size": 75, "max_iter": 20},
    {"hidden_layer_sizes": (400,), "batch_size": 75, "max_iter": 20, "normalization": "batch"},
    {"dropout": 0.2, "clip_norm": 0.3},
    {"n_members": 3, "tol": 0.01},
]


def fitted(settings, *, watched):
    random = np.random.RandomState(3)
    classifier = MLPClassifier(**SMALL | settings, random_state=random, verbose=watched).fit(IRIS, SPECIES)
    history = {name: values for name, values in classifier.history_.items() if name != "seconds"}
    return classifier, history, random.randint(2**31)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_fit_ends_where_it_would_with_somebody_looking_on(settings):
    one, one_history, one_draw = fitted(settings, watched=True)
    other, other_history, other_draw = fitted(settings, watched=False)
    assert one_history == other_history
    assert one_draw == other_draw
    for name in ("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "_no_improvement_count"):
        assert getattr(one, name) == getattr(other, name)
    for a, b in zip(one._members, other._members, strict=True):
        assert np.array_equal(a.network.parameters, b.network.parameters)
        assert np.array_equal(a.optimizer.slots, b.optimizer.slots)
        assert (a.n_iter, a.optimizer.step, a.exhausted) == (b.n_iter, b.optimizer.step, b.exhausted)
    assert other.history_["seconds"] == sorted(other.history_["seconds"])


def test_it_takes_few_calls(monkeypatch):
    calls = []
    call = Training._call
    monkeypatch.setattr(Training, "_call", lambda self, *given: calls.append(given) or call(self, *given))
    assert fitted({"n_iter_no_change": 30}, watched=False)[0].n_iter_ == 80
    assert len(calls) < 10
    calls.clear()
    assert fitted({"n_iter_no_change": 30}, watched=True)[0].n_iter_ == 80
    assert len(calls) == 80


@pytest.mark.parametrize("after", [1, 7, 20])
def test_an_interruption_between_two_epochs_loses_none(after, monkeypatch):
    judge, judged = Member.judge, []

    def interrupted(member, *given):
        judge(member, *given)
        judged.append(member)
        if len(judged) == after:
            raise KeyboardInterrupt

    monkeypatch.setattr(Member, "judge", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        classifier = MLPClassifier(**SMALL, random_state=0).fit(IRIS, SPECIES)
    assert classifier.n_iter_ == len(classifier.loss_curve_) == classifier._optimizer.step // 4 >= after


def test_epochs_before_a_divergence_are_told_of():
    settings = {
        "solver": "sgd",
        "hidden_layer_sizes": (),
        "learning_rate_init": 0.4,
        "momentum": 0.0,
        "random_state": 0,
    }
    found = []
    for verbose in (True, False):
        regressor = MLPRegressor(**settings, max_iter=500, n_iter_no_change=400, verbose=verbose)
        with pytest.raises(ValueError, match="diverged"):
            regressor.fit(10.0 * IRIS, SPECIES)
        found.append(
            (regressor.n_iter_, regressor.loss_curve_[:-1], regressor.coefs_[0].tolist(), regressor.history_["loss"])
        )
    assert found[0] == found[1]
    assert found[0][0] > 10
