"""The history of a training, watched and unwatched."""

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.engine.batch_loop import BatchLoop
from backlit.engine.history import Epoch, History
from backlit.ops.schedules import CosineAnnealing


def training(epochs: int = 12, **options) -> bl.Training:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))
    network = bl.Network([bl.Dense(4), "tanh", bl.Dense(1)], inputs=3, loss="mse", seed=0)
    return bl.Training(
        network, X, Y, **{"batch_size": 4, "l2": 0.1, "schedule": CosineAnnealing(), "compiled": False} | options,
        epochs=epochs,
    )  # fmt: skip


def timeless(epochs) -> list[Epoch]:
    return [msgspec.structs.replace(epoch, seconds=0.0) for epoch in epochs]


def test_epochs_nobody_watched_are_described_as_if_somebody_had():
    watched, unwatched = training(), training()
    assert timeless(watched) == timeless(watched.history) == timeless(unwatched.run().history)
    assert msgspec.structs.replace(unwatched.best, seconds=0.0) == msgspec.structs.replace(watched.best, seconds=0.0)


@pytest.mark.parametrize("compiled", [False, True])
def test_gradient_norms_are_those_of_each_layer_in_the_last_batch(compiled):
    watched, unwatched = (training(gradient_norms=True, compiled=compiled) for _ in range(2))
    for epoch in watched:
        norms = {
            label: np.hypot(*(np.linalg.norm(watched.executable.view(watched.memory, f"{label}.{name}"))
                              for name in ("dW", "db"))) for label in ("1", "3")
        }  # fmt: skip
        assert epoch.gradient_norms == pytest.approx(norms, rel=1e-12)
    assert [epoch.gradient_norms for epoch in unwatched.run().history] == [
        epoch.gradient_norms for epoch in watched.history
    ]
    assert len({epoch.gradient_norms["1"] for epoch in watched.history}) == 12


def test_gradient_norms_are_given_where_they_are_asked_for():
    assert all(epoch.gradient_norms == {} for epoch in training().run().history)
    assert (
        training(epochs=2, optimizer="lbfgs", schedule="constant", gradient_norms=True).run().history[-1].gradient_norms
        == {}
    )
    frozen = bl.Network(["tanh"], inputs=1, loss="mse")
    [epoch] = bl.Training(frozen, [[1.0]], [[1.0]], epochs=1, gradient_norms=True)
    assert epoch.gradient_norms == {}


@pytest.mark.parametrize("leap", [1, 2, 5, 100])
def test_a_leap_is_as_long_as_is_said(leap, monkeypatch):
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: 1000)
    run = training()
    for seen, epoch in enumerate(run.in_chunks(lambda: leap), 1):
        assert epoch.number == seen
        assert len(run.history) == min(12, -(-seen // leap) * leap)
        assert run.step == 3 * len(run.history)
    assert timeless(run.history) == timeless(training())


def test_a_leap_is_no_longer_than_a_call_of_the_machine(monkeypatch):
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: 13)
    run = training()
    lengths = [len(run.history) for _ in run.in_chunks(lambda: 100)]
    assert lengths == [4] * 4 + [8] * 4 + [12] * 4


def test_a_history_is_read_like_a_list():
    history = training().run().history
    epochs = list(history)
    assert history == epochs
    assert history != epochs[:-1]
    assert len(history) == 12
    assert [history[k] for k in range(-12, 12)] == [*epochs, *epochs]
    assert history[2:9:3] == epochs[2:9:3]
    assert history[::-1] == epochs[::-1] == list(reversed(history))
    assert epochs[3] in history
    assert history.index(epochs[5]) == 5
    assert repr(history) == repr(epochs)
    assert msgspec.json.decode(msgspec.json.encode(list(history)), type=list[Epoch]) == epochs
    for k in (12, -13):
        with pytest.raises(IndexError, match=f"there are 12 epochs; number {k}"):
            history[k]


def test_watched_and_unwatched_epochs_follow_each_other():
    run = training()
    for epoch in run:
        if epoch.number == 3:
            break
    run.run()
    assert [epoch.number for epoch in run.history] == [run.history[k].number for k in range(12)] == list(range(1, 13))
    run.epochs = 14
    assert [epoch.number for epoch in run] == [13, 14]
    assert [run.history[k].number for k in (2, 3, 11, 12, -1)] == [3, 4, 12, 13, 14]


def test_an_empty_history():
    assert History() == []
    assert not History()
    with pytest.raises(IndexError, match="there are 0 epochs"):
        History()[0]


def test_the_lowest_epoch_is_the_first_of_the_lowest():
    history = History()
    assert history.lowest() is None
    made = [Epoch(k, loss, None, 0.1, 0.0, best=False) for k, loss in enumerate([np.nan, 3.0, 2.0, np.nan, 2.0], 1)]
    assert History.of(made).lowest() == made[2]
    assert len({hash(epoch) for epoch in made}) == 5
    run = training()
    run.run()
    assert run.best == run.history.lowest() == min(run.history, key=lambda epoch: epoch.loss)
