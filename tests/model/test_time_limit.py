"""What a time limit covers, how far it holds, and the time left, by a clock that only the machine's batches move."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from backlit.data import Table
from backlit.engine import Network, Training
from backlit.model import Settings, TableTraining
from backlit.model.run_limits import COMPARING_SHARE, LEAST_SHARE, RunLimits
from backlit.ops.layers.dense import Dense


def table(rows: int) -> Table:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, rows)
    return Table.from_arrays(rng.normal(size=(rows, 3)) + codes[:, None], np.array(["no", "yes"])[codes])


def phases(training: TableTraining, clock: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, float], float]:
    """Run a training; give the time at which each phase ended, and the seconds that the linear model was given."""
    given = []
    monkeypatch.setattr("backlit.model.fitting.linear", lambda *all: (given.append(all[-1]), (None, "left out"))[1])
    ended: dict[str, float] = {}
    clear = training._limits.clear

    def begin_training_or_comparing() -> None:
        ended.setdefault("training" if "choosing" in ended else "choosing", clock.now)
        clear()

    training._limits.clear = begin_training_or_comparing
    for _ in training:
        pass
    return ended, given[0]


@pytest.mark.parametrize("limit", [0.5, 2.0, 20.0])
@pytest.mark.parametrize(("rows", "per_batch"), [(300, 0.001), (3000, 0.001), (3000, 0.004)])
def test_choosing_takes_half_and_all_of_it_the_limit(clock, monkeypatch, rows, per_batch, limit):
    """The slowest batches make epochs of 0.13 s, which have to be cut."""
    clock.per_batch = per_batch
    training = TableTraining(table(rows), settings=Settings(time_limit=limit, layers=(8,), epochs=10_000_000))
    ended, left = phases(training, clock, monkeypatch)
    slack = 0.05 * len(training.folds) + per_batch
    assert ended["choosing"] <= 0.5 * limit + slack
    assert ended["training"] <= (1 - COMPARING_SHARE) * limit + slack
    assert left == pytest.approx(max(limit - clock.now, COMPARING_SHARE * limit))


def test_the_report_says_what_was_cut(clock, monkeypatch):
    training = TableTraining(table(3000), settings=Settings(time_limit=2.0, epochs=10_000_000))
    phases(training, clock, monkeypatch)
    choice = training.report.choice
    assert 1 <= len(choice.trials) < 6
    assert choice.how.endswith(f", time limit of 2 s reached: {len(choice.trials)} of 6 settings tried")
    assert all(trial.loss is not None for trial in choice.trials), "a setting cut in its first epoch has not diverged"


def test_an_epoch_longer_than_the_limit_is_cut_but_for_the_first(clock, monkeypatch):
    clock.per_batch = 0.1
    training = TableTraining(table(3000), settings=Settings(time_limit=5.0, layers=(8,)))
    batches = -(-len(training.folds[0][0]) // 64)
    ended, _ = phases(training, clock, monkeypatch)
    first = 0.1 * batches  # of the first setting, so that there is something to choose
    assert 2.5 < first < 5.0
    assert ended["choosing"] == pytest.approx(first)
    assert len(training.report.choice.trials) == 1
    assert training.report.stopped == "after 0 epochs: time limit of 5 s reached"
    assert clock.now <= max(0.95 * 5.0, first + LEAST_SHARE * 5.0) + 0.1 + 1e-9


def test_without_a_limit_nothing_is_cut(clock, monkeypatch):
    training = TableTraining(table(100), settings=Settings(epochs=3))
    _, left = phases(training, clock, monkeypatch)
    assert left is None
    assert len(training.report.choice.trials) == len(training.recipes)
    assert "limit" not in training.report.choice.how + training.report.stopped


@pytest.mark.parametrize("per_batch", [0.001, 0.2])
def test_a_training_ends_within_a_batch_or_a_call(clock, per_batch):
    clock.per_batch = per_batch
    rng = np.random.default_rng(0)
    network = Network([Dense(4, "tanh"), Dense(1)], 3, "mse", seed=0)
    X = rng.normal(size=(640, 3))
    training = Training(network, X, X[:, :1], batch_size=64, epochs=10_000_000, time_limit=1.0).run()
    assert training.stopped == "time limit of 1 s reached"
    assert 1.0 <= clock.now <= 1.0 + max(0.05, per_batch) + 1e-9


def test_compiling_does_not_count(clock):
    """The clock moves while the machine's entry points are made, as it does in a first run."""
    limits = RunLimits(1.0, clock)
    network = Network([Dense(4, "tanh"), Dense(1)], 3, "mse", seed=0)
    X = np.ones((64, 3))
    training = Training(network, X, X[:, :1], epochs=3, time_limit=1.0)
    prepare = training.loop.prepare

    def slow() -> None:
        prepare()
        clock.now += 10.0

    training.loop.prepare = slow
    assert training.run().stopped == "all 3 epochs done"
    assert clock.now > 10.0
    assert limits.seconds_to_train() == 0.95


def test_after_preparing_nothing_is_left_to_compile(monkeypatch):
    from backlit.engine.compiled import compile as compiler

    for optimizer in ("sgd", "lbfgs"):
        network = Network([Dense(4, "tanh"), Dense(1)], 3, "mse", seed=0)
        X = np.ones((64, 3))
        training = Training(network, X, X[:, :1], optimizer=optimizer, epochs=2, validation=(X, X[:, :1]))
        compiler.entry_point.cache_clear()
        training.loop.prepare()
        with monkeypatch.context() as patch:
            patch.setattr(compiler, "load", lambda title, *given: pytest.fail(f"asked for {title}"))
            training.run()


@pytest.mark.parametrize(
    ("rows", "settings"),
    [
        (300, {}),
        (300, {"layers": (8,), "l2": 0.01}),
        (3000, {"layers": (8,), "time_limit": 3.0, "epochs": 10_000_000}),
        (300, {"layers": (8,), "validation": 0.0, "epochs": 500}),
        (26_000, {"layers": (8,), "activation": "tanh", "l2": 0.01, "epochs": 30}),
    ],
)
def test_the_time_left_is_what_is_said_or_less(clock, monkeypatch, rows, settings):
    """The clock gives every batch the same time, so an estimate without "at most" is right, one with it no lower."""
    monkeypatch.setattr("backlit.model.fitting.linear", lambda *all: (None, "left out"))
    training = TableTraining(table(rows), settings=Settings(**settings))
    told = [(progress, clock.now) for progress in training if progress.phase in {"choosing", "training"}]
    end = clock.now
    known = [(progress.seconds_left, progress.at_most, end - now) for progress, now in told if progress.seconds_left]
    assert known
    slack = 0.1 + 0.1 * end
    for left, at_most, true in known:
        assert true - slack <= left <= (math.inf if at_most else true + slack)
    by_phase = {progress.phase: progress.at_most for progress, _ in told}
    assert by_phase["training"] == (rows == 26_000)  # its own validation may end it
    assert by_phase.get("choosing", True)
    lefts = [left for left, *_ in known]
    assert all(later < before * 1.3 + 0.1 for before, later in itertools.pairwise(lefts))
    if "time_limit" in settings:
        assert max(lefts) <= 0.95 * 3.0


def test_nothing_is_said_of_the_time_left_before_something_is_known(clock):
    clock.per_batch = 1e-6
    training = TableTraining(table(100), settings=Settings(epochs=5))
    assert {progress.seconds_left for progress in training} == {None}
