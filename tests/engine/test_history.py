"""The history of a training, watched and unwatched."""

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.engine.history import Epoch, History
from backlit.ops.schedules import CosineAnnealing


def training(epochs: int = 12) -> bl.Training:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))
    network = bl.Network([bl.Dense(4, "tanh"), bl.Dense(1)], inputs=3, loss="mse", seed=0)
    return bl.Training(network, X, Y, batch_size=4, epochs=epochs, l2=0.1, schedule=CosineAnnealing(), compiled=False)


def timeless(epochs) -> list[Epoch]:
    return [msgspec.structs.replace(epoch, seconds=0.0) for epoch in epochs]


def test_epochs_nobody_watched_are_described_as_if_somebody_had():
    watched, unwatched = training(), training()
    assert timeless(watched) == timeless(watched.history) == timeless(unwatched.run().history)
    assert msgspec.structs.replace(unwatched.best, seconds=0.0) == msgspec.structs.replace(watched.best, seconds=0.0)


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
