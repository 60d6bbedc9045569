"""Chunks of epochs: a fit that runs several epochs in one call leaves the same state as one epoch a call."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

from backlit import MLPClassifier, MLPRegressor
from backlit.engine.batch_loop import BatchLoop
from backlit.engine.parallel import thread_team
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
def test_a_fit_in_chunks_equals_one_epoch_by_epoch(settings):
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


def test_chunks_take_few_calls(monkeypatch):
    calls = []
    call = BatchLoop.call
    monkeypatch.setattr(BatchLoop, "call", lambda self, *given: calls.append(given) or call(self, *given))
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
    assert {len(values) for values in classifier.history_.values()} == {classifier.n_iter_}
    assert classifier.t_ == classifier.n_iter_ * 150


@pytest.mark.parametrize("name", ["loss", "gradient_norm_1", "gradient_norm_2"])
def test_an_interruption_while_an_epoch_is_recorded_loses_none(name, monkeypatch):
    class Interrupting(list):
        times = 0

        def append(self, value):
            super().append(value)
            Interrupting.times += 1
            if Interrupting.times == 5:
                raise KeyboardInterrupt

    classifier = MLPClassifier(**SMALL, random_state=0, warm_start=True)
    classifier.fit(IRIS, SPECIES)
    before = len(classifier.loss_curve_)
    classifier._members[0].history[name] = Interrupting(classifier.history_[name])
    with pytest.warns(UserWarning, match="interrupted by user"):
        classifier.fit(IRIS, SPECIES)
    assert classifier.n_iter_ >= 5
    assert classifier.n_iter_ == classifier._optimizer.step // 4
    for values in (classifier.loss_curve_, *classifier.history_.values()):
        assert len(values) == before + classifier.n_iter_


def test_an_interruption_in_compiled_code_loses_none_of_its_epochs(monkeypatch):
    """Python raises KeyboardInterrupt when the compiled call returns, before its result is read."""
    train_batches = thread_team.ThreadTeam.train_batches
    calls = []

    def interrupted(self, *given):
        train_batches(self, *given)
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    settings = SMALL | {"hidden_layer_sizes": (400,), "batch_size": 75}
    monkeypatch.setattr(thread_team, "processors", lambda: 2)
    monkeypatch.setattr(thread_team.ThreadTeam, "train_batches", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        classifier = MLPClassifier(**settings, random_state=0).fit(IRIS, SPECIES)
    assert len(calls) == 3
    monkeypatch.setattr(thread_team.ThreadTeam, "train_batches", train_batches)
    again = MLPClassifier(**settings | {"max_iter": classifier.n_iter_}, random_state=0).fit(IRIS, SPECIES)
    assert np.array_equal(classifier.to_network().parameters, again.to_network().parameters)
    assert classifier.loss_curve_ == again.loss_curve_
    assert classifier._optimizer.step == again._optimizer.step


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_warm_start_continues_after_a_fit_that_no_longer_improved(shuffle):
    settings = SMALL | {"max_iter": 500, "n_iter_no_change": 2, "tol": 1e-2, "shuffle": shuffle}
    found = []
    for verbose in (True, False):
        classifier = MLPClassifier(**settings, warm_start=True, random_state=0, verbose=verbose)
        classifier.fit(IRIS, SPECIES)
        ends = [classifier.n_iter_]
        for _ in range(3):
            ends.append(classifier.fit(IRIS, SPECIES).n_iter_)
        found.append((ends, classifier.to_network().parameters.tolist()))
    assert found[0] == found[1]
    assert found[0][0][1:] == [1, 1, 1]


def test_epochs_before_a_divergence_are_recorded():
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
