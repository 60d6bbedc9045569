"""A training that is driven in any steps ends with the bits of the same training in one go."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import threading
from contextlib import closing

import numpy as np
import pytest

import backlit as bl
from backlit.engine import DivergedError, DivergedWarning, SingleUpdates, SteppedTraining, can_compile
from backlit.engine.batch_loop import BatchLoop
from backlit.errors import BacklitError

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(23, 3)), RNG.integers(0, 3, 23)
HELD = X[:7] + 0.1, Y[:7]

CASES = {
    "shuffled": {},
    "as they are": {"shuffle": False, "batch_size": 7},
    "whole": {"batch_size": "full", "optimizer": bl.SGD(0.1)},
    "momentum": {"optimizer": bl.Momentum(0.05), "l2": 0.1},
    "best weights": {"validation": HELD, "epochs": 9},
    "patient": {"validation": HELD, "patience": 3, "tolerance": 0.05},
    "target": {"target": 0.9, "keep_best": True},
    "scheduled": {"schedule": "cosine"},
    "on a plateau": {"schedule": bl.ReduceOnPlateau(patience=0), "validation": HELD},
    "measured": {"metrics": "accuracy", "validation": HELD, "gradient_norms": True},
    "lbfgs": {"optimizer": "lbfgs"},
    "a callback's end": {"callbacks": lambda epoch: epoch.number == 9},
}
MACHINES = [True, False] if can_compile() else [False]


def training(kind=SteppedTraining, **given):
    layers = [bl.Dense(4, "tanh"), bl.BatchNorm(), bl.Dropout(0.2), bl.Dense(3, "softmax")]
    if given.get("optimizer") == "lbfgs":
        layers = [bl.Dense(4, "tanh"), bl.Dense(3, "softmax")]
    network = bl.Network(layers, 3, "cross_entropy", seed=2, dtype=given.pop("dtype", "float64"))
    return kind(network, X, Y, **{"batch_size": 6, "epochs": 12, "optimizer": bl.Adam(0.05), "seed": 4} | given)


def drive(stepped, seed, most=400):
    """Advance by steps of all kinds until the training ends, and give it; now and then a copy goes on in its place."""
    rng = np.random.default_rng(seed)
    whole = stepped.optimizer.full_batch
    for _ in range(most):
        if not whole:
            batch, before = stepped.coming(), stepped.state
        kind, count = rng.integers(5), int(rng.integers(1, 4))
        step, ended = stepped.step, len(stepped.history)
        if kind == 0:
            done = stepped.advance(updates=count, seconds=math.inf)
            assert done.updates <= count
            assert done.stopped or done.updates == count
        elif kind == 1:
            done = stepped.advance(epochs=count, seconds=math.inf)
            assert done.stopped or (done.epochs == count and stepped._position == 0)
        else:
            done = stepped.advance(updates=5, seconds=[1e-7, 1e-4, 0.01][kind - 2])
        assert (done.updates, done.epochs) == (stepped.step - step, len(stepped.history) - ended)
        assert done.updates >= 1 or done.stopped
        if not whole and done.updates:
            assert batch.number == step + 1
            assert batch.epoch == ended + 1
            assert before.step == step
        if done.stopped:
            return stepped
        if not whole and rng.integers(4) == 0:
            stepped.coming()
            stepped = pickle.loads(pickle.dumps(stepped)) if "lambda" not in str(stepped.hooks.callbacks) else stepped
    raise AssertionError("the training does not end")


def to_the_end(stepped, **by):
    while (done := stepped.advance(**by)).stopped is None:
        pass
    return done


@pytest.mark.parametrize("compiled", MACHINES)
@pytest.mark.parametrize("case", CASES)
def test_any_steps_end_with_the_bits_of_one_go(case, compiled):
    settings = CASES[case] | {"compiled": compiled}
    whole = training(bl.Training, **settings).run()
    for seed in range(3):
        stepped = drive(training(**settings), seed)
        assert stepped.state.differences(whole.state) == []
        assert stepped.network.parameters.tobytes() == whole.network.parameters.tobytes()
        assert stepped.stopped == whole.stopped
        assert stepped.best.number == whole.best.number
        assert stepped.history["best"].tolist() == whole.history["best"].tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_batches_are_those_that_come(dtype):
    single, stepped = training(SingleUpdates), training(compiled=False, dtype=dtype)
    for batch, number in zip(single.updates(), range(1, 30), strict=False):
        found = stepped.coming()
        assert found == stepped.coming()[:4] + found[4:]
        assert found.rows.tolist() == batch.rows.tolist()
        assert found[:4] + found[5:] == batch[:4] + batch[5:]
        assert (found.number, stepped.advance(updates=1, seconds=math.inf).updates) == (number, 1)


@pytest.mark.parametrize("number", [0, 4, 11, 12])
@pytest.mark.parametrize("compiled", MACHINES)
def test_a_state_of_an_epochs_end_is_gone_on_from(number, compiled):
    whole = training(bl.Training, compiled=compiled, keep_best=True).run()
    stepped = training(compiled=compiled, keep_best=True)
    if number:
        stepped.advance(epochs=number, seconds=math.inf)
    stepped.coming()
    saved = stepped.state
    drive(stepped, 1)
    stepped.state = saved
    stepped.coming()
    assert stepped.state == saved
    for other in (stepped, training(compiled=compiled, keep_best=True)):
        other.state = saved
        other.advance(updates=2, seconds=math.inf)
        other.state = saved  # from within an epoch
        assert drive(other, 2).state.differences(whole.state) == []


def test_a_copy_within_an_epoch_goes_on_in_it():
    whole, stepped = training(bl.Training).run(), training()
    stepped.advance(updates=6, seconds=math.inf)
    twin = copy.deepcopy(stepped)
    stepped.advance(updates=1, seconds=math.inf)
    assert twin.step == 6
    for each in (stepped, twin):
        assert drive(each, 3).state.differences(whole.state) == []


def test_single_updates_go_on_within_the_epoch():
    stepped = training(compiled=False)
    stepped.advance(updates=6, seconds=math.inf)
    before = stepped.state
    single = SingleUpdates.of(stepped)
    numbers = [(batch.number, batch.batch, batch.rows.tolist()) for batch in single.updates()]
    assert numbers[0] == (7, 3, stepped.coming().rows.tolist())
    assert stepped.state == before
    whole = drive(stepped, 3)
    single._finish()
    assert single.state.differences(whole.state) == []


@pytest.mark.skipif(not can_compile(), reason="the plain machine has no worker threads")
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_several_threads_give_the_same_bits_and_end(optimizer, monkeypatch):
    monkeypatch.setattr("backlit.engine.parallel.thread_team.processors", lambda: 2)
    rows = RNG.normal(size=(300, 20))
    found = []

    def made(kind, threads):
        network = bl.Network([bl.Dense(80, "tanh"), bl.Dense(2)], 20, seed=0)
        settings = {"epochs": 4, "batch_size": 150, "optimizer": optimizer}
        return kind(network, rows, rows[:, :2], threads=threads, **settings)

    def work():
        stepped = made(SteppedTraining, 2)
        stepped.advance(updates=1, seconds=math.inf)
        assert optimizer == "lbfgs" or stepped.team.threads is not None
        if optimizer == "adam":
            stepped.close()
            assert stepped.team.threads is None
        with closing(stepped):
            while stepped.advance(updates=1, seconds=math.inf).stopped is None:
                found.append(len(stepped.history))
        found.append(stepped)

    before = threading.active_count()
    drawing = threading.Thread(target=work)
    drawing.start()
    drawing.join()
    assert found[-1].team is not None
    assert threading.active_count() == before
    assert found[-1].state.differences(made(bl.Training, 1).run().state) == []


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_closing_ends_the_threads(optimizer):
    before = threading.active_count()
    stepped = training(optimizer=optimizer)
    stepped.advance(updates=2, seconds=math.inf)
    stepped.close()
    assert threading.active_count() == before
    assert drive(stepped, 0).stopped == training(bl.Training, optimizer=optimizer).run().stopped


def diverging(kind=SteppedTraining, **given):
    network = bl.Network([bl.Dense(1)], 3, "half_squared_error", seed=0)
    settings = {"optimizer": bl.SGD(0.5), "batch_size": 4, "epochs": 50, "seed": 1}
    return kind(network, 30 * X, Y.astype(float), **settings | given)


@pytest.mark.parametrize("compiled", MACHINES)
@pytest.mark.parametrize("by", [{"updates": 1}, {"epochs": 1}, {"seconds": 1.0}])
@pytest.mark.parametrize("rate", [0.011, 0.01122])  # within an epoch, and by its last update
def test_a_divergence_keeps_the_last_good_weights(rate, by, compiled):
    with pytest.warns(DivergedWarning) as said:
        whole = diverging(bl.Training, compiled=compiled, optimizer=bl.SGD(rate)).run()
    stepped = diverging(compiled=compiled, optimizer=bl.SGD(rate))
    with pytest.warns(DivergedWarning) as told:
        done = to_the_end(stepped, **by)
    assert done.stopped == whole.stopped == done.divergence.stopped
    assert done.divergence.epoch == len(stepped.history) + 1 > 1
    assert done.divergence.batch > 1
    assert str(told[0].message) == str(said[0].message)
    assert done.divergence.told in str(told[0].message)
    assert np.isfinite(stepped.network.parameters).all()
    assert stepped.state.differences(whole.state) == []


def test_a_divergence_is_raised_where_that_is_asked_for():
    with pytest.raises(DivergedError):
        diverging(divergence="raise").advance(seconds=9.0)


def test_an_interruption_ends_it_and_going_on_begins_the_next_epoch(monkeypatch):
    whole, stepped = training(bl.Training), training()
    calls, call = itertools.count(1), BatchLoop.call

    def interrupted(self, *given):
        call(self, *given)
        if next(calls) % 7 == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: 1)
    monkeypatch.setattr(BatchLoop, "call", interrupted)
    whole.run()
    done = to_the_end(stepped, updates=1)
    assert done.stopped == whole.stopped == "interrupted"
    assert stepped.step == whole.step == 7
    assert stepped.state.differences(whole.state) == []
    monkeypatch.undo()
    assert drive(stepped, 0).state.differences(whole.run().state) == []


def test_a_time_limit_ends_it():
    stepped = training(time_limit=1e-9)
    assert stepped.advance().stopped == "time limit of 1e-09 s reached"
    assert training(time_limit=1e-9, target=9.0, batch_size="full").advance().stopped == "error target 9 reached"


def test_run_and_iterating_begin_the_next_epoch():
    stepped = training(epochs=3)
    stepped.advance(updates=2, seconds=math.inf)
    assert [epoch.number for epoch in stepped] == [1, 2, 3]
    assert stepped.step == 2 + 12


def test_a_training_that_ended_goes_on_where_epochs_are_left():
    whole, stepped = training(bl.Training).run(), training(epochs=5, keep_best=False)
    stepped = drive(stepped, 0)
    assert stepped.coming() is None
    assert stepped.advance()[:3] == (0, 0, "all 5 epochs done")
    stepped.epochs = 12
    assert drive(stepped, 0).state.differences(whole.state) == []


def test_what_cannot_be_is_refused():
    with pytest.raises(BacklitError, match="updates is 0; expected a whole number of at least 1"):
        training().advance(updates=0, seconds=math.inf)
    with pytest.raises(BacklitError, match="comes from a line search over all rows"):
        training(optimizer="lbfgs").coming()
