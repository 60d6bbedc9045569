"""Validation, best weights and patience: the machine does both after each epoch, however many run in one call."""

import itertools

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.engine.batch_loop import BatchLoop
from backlit.engine.parallel import auto_switch, thread_team
from backlit.engine.program import sharding
from backlit.ops.schedules import Schedule

OPTIONS = {
    "validated": {},
    "patient": {"patience": 6},
    "impatient": {"patience": 1},
    "tolerant": {"patience": 4, "tolerance": 0.01},
    "not kept": {"keep_best": False},
    "by the training loss": {"validation": None, "keep_best": True, "patience": 3, "tolerance": 1e-4},
    "with a target": {"target": 0.9},
    "plateau": {"schedule": "plateau", "patience": 30},
    "full batch": {"batch_size": "full"},
    "coupled": {"coupled": True, "patience": 9, "batch_size": 33},
    "l-bfgs": {"optimizer": "lbfgs", "patience": 5},
    "l-bfgs, coupled": {"optimizer": "lbfgs", "coupled": True},
}


def training_of(coupled=False, dtype="float64", **options):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(45, 5)), rng.integers(0, 3, 45)
    layers = [bl.Dense(16, "tanh"), bl.Dense(3, "softmax")]
    if coupled:
        layers[1:1] = [bl.BatchNorm()]
    network = bl.Network(layers, 5, "cross_entropy", dtype=dtype, seed=1)
    monitor = slice(0, 45, 4)
    rest = np.delete(np.arange(45), monitor)
    given = {"optimizer": bl.Adam(0.03), "batch_size": 12, "epochs": 60, "l2": 0.001, "seed": 2,
             "validation": (X[monitor], Y[monitor], 1.0 + np.arange(12) % 3)} | options  # fmt: skip
    return bl.Training(network, X[rest], Y[rest], **given)


class Explode(Schedule, frozen=True):
    """A rate that is too large by far from the sixth epoch on."""

    def scale(self, steps, steps_per_epoch, total_steps):
        return np.where(np.asarray(steps) // steps_per_epoch < 5, 1.0, 1e300)


def timeless(epochs):
    return [msgspec.structs.replace(epoch, seconds=0.0) for epoch in epochs]


def state_of(training):
    return np.concatenate([training.network.parameters, training.network.state])


def assert_same(one, other):
    assert timeless(one.history) == timeless(other.history)
    assert one.stopped == other.stopped
    assert timeless([one.best]) == timeless([other.best])
    assert np.array_equal(state_of(one), state_of(other))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_chunk_ends_where_single_epochs_do(options, compiled, dtype):
    single, run = (training_of(compiled=compiled, dtype=dtype, **options) for _ in range(2))
    assert list(single) == list(single.history)
    assert_same(single, run.run())


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_threads_change_nothing(options, shared_batches):
    one, other = (training_of(threads=threads, **options).run() for threads in (1, 3))
    lbfgs_takes_it_whole = options.get("optimizer") == "lbfgs" and options.get("coupled")
    assert (other.team is None) == bool(lbfgs_takes_it_whole)
    assert_same(one, other)


@pytest.mark.parametrize("batches_per_call", [1, 2, 3, 7, 1000])
def test_the_calls_of_the_machine_change_nothing(batches_per_call, monkeypatch):
    one = training_of(patience=6).run()
    calls = itertools.cycle([batches_per_call, 5])  # the rest of a chunk may take other calls than estimated
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: next(calls))
    assert_same(one, training_of(patience=6).run())


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("options", [{}, {"coupled": True}, {"optimizer": "lbfgs"}], ids=str)
def test_what_is_measured_and_kept(options, compiled):
    training = training_of(compiled=compiled, patience=8, l2=0.0, **options)
    X, Y, w = training.validation
    seen = []
    for epoch in training:
        p = training.network.predict(X, compiled=compiled)
        rows = -np.log(p[np.arange(len(X)), Y[:, 0].astype(int)])
        assert epoch.validation_loss == pytest.approx((w * rows).sum() / w.sum(), rel=1e-12)
        seen.append((epoch.validation_loss, epoch.number, state_of(training)))
    lowest = min(seen, key=lambda values: values[:2])
    assert lowest[1] == training.best.number < len(seen)
    assert np.array_equal(state_of(training), lowest[2])
    assert training.stopped == "no better validation loss in 8 epochs"
    assert training.best.number + 8 == len(training.history)


def test_threads_wait_until_rows_are_measured_in_the_arena_they_share(monkeypatch):
    monkeypatch.setattr(sharding, "THREADED_WORK", 1)
    monkeypatch.setattr(thread_team, "processors", lambda: 64)
    monkeypatch.setattr(auto_switch.AutoSwitch, "note", lambda self, batches, seconds: None)
    rng = np.random.default_rng(3)
    validation = rng.normal(size=(4000, 5)), rng.integers(0, 3, 4000)
    options = {"coupled": True, "batch_size": 33, "validation": validation, "epochs": 30}
    one, other = (training_of(threads=threads, **options).run() for threads in (1, 3))
    assert len(other.team.memories) == 2
    assert_same(one, other)


def test_a_chunk_is_no_longer_than_patience_lasts_at_least(monkeypatch):
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: 10_000)
    training = training_of(patience=6)
    chunks = {len(training.history) for _ in training.in_chunks(lambda: 10_000)}
    improved, before = 0, 0
    for end in sorted(chunks):
        assert end - before == 6 - (before - improved)
        for epoch in training.history[before:end]:
            improved = epoch.number if epoch.best else improved
        before = end
    assert len(chunks) < len(training.history) / 2


def test_it_goes_on_from_the_best():
    training = training_of(patience=4).run()
    done = len(training.history)
    assert training.stopped == "no better validation loss in 4 epochs"
    training.patience = 20
    training.run()
    assert len(training.history) > done
    best = min(training.history, key=lambda epoch: (epoch.validation_loss, epoch.number))
    assert training.best == best


def test_where_no_epoch_has_a_finite_loss_the_last_weights_stay():
    network, last = bl.Network([bl.Dense(1)], 1, "mse", seed=0), []
    huge = np.array([[1e200]])  # its square is not finite
    training = bl.Training(network, [[1.0]], [[1.0]], validation=(huge, [[0.0]]), epochs=3, optimizer=bl.SGD(0.1),
                           callbacks=[lambda epoch: last.append(network.parameters.copy())])  # fmt: skip
    with pytest.warns(
        bl.DivergedWarning, match="no validation loss was a finite number; that of the last epoch is inf"
    ):
        training.run()
    assert np.array_equal(network.parameters, last[-1])
    assert training.best is training.summary().best is None
    assert training.summary().loss == training.history[-1].loss
    assert not any(epoch.best for epoch in training.history)
    assert "best" not in str(training.history)


def test_the_best_weights_come_back_after_a_divergence():
    training = training_of(optimizer=bl.SGD(0.1), batch_size="full", epochs=9, patience=9, schedule=Explode())
    with pytest.warns(bl.DivergedWarning, match="epoch 7, batch 1"):
        training.run()
    calm = training_of(optimizer=bl.SGD(0.1), batch_size="full", epochs=5).run()
    assert len(training.history) == 6
    assert timeless(training.history)[:5] == timeless(calm.history)
    assert np.array_equal(state_of(training), state_of(calm))


def test_seconds_and_time_limits_count_with_lbfgs_too():
    training = training_of(optimizer="lbfgs", epochs=30)
    seconds = [epoch.seconds for epoch in training]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0.0
    limited = training_of(optimizer="lbfgs", epochs=30, time_limit=seconds[-1] / 1e6)
    assert len(limited.run().history) == 1
    assert limited.stopped.startswith("time limit of")
