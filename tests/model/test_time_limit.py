"""What a time limit covers and how far it holds, by a clock that only the machine's batches move."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import numpy as np
import pytest

from backlit.data import Table
from backlit.engine import Network, Training
from backlit.engine.batch_loop import BatchLoop
from backlit.model import Settings, TableTraining
from backlit.model.run_limits import COMPARING_SHARE, LEAST_SHARE, RunLimits
from backlit.ops.layers.dense import Dense


class Clock:
    """Gives seconds: so many for each batch that the machine has done."""

    now = 0.0
    per_batch = 0.001

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, call = Clock(), BatchLoop.call

    def timed(self, *given):
        before = int(self.memory.reached[0])
        call(self, *given)
        done = int(self.memory.reached[0]) - before
        clock.now += clock.per_batch * done
        self.batch_seconds = clock.per_batch

    monkeypatch.setattr(BatchLoop, "call", timed)
    monkeypatch.setattr("backlit.engine.batch_loop._slow_seconds", lambda work: clock.per_batch)
    monkeypatch.setattr("backlit.engine.training.time", SimpleNamespace(perf_counter=clock))
    monkeypatch.setattr("backlit.model.fitting.RunLimits", functools.partial(RunLimits, clock=clock))
    return clock


def table(rows: int) -> Table:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, rows)
    return Table.from_arrays(rng.normal(size=(rows, 3)) + codes[:, None], np.array(["no", "yes"])[codes])


def phases(training: TableTraining, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, float], float]:
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
