"""Many epochs in one call, given one after the other: leaving the loop leaves what single calls would have left."""

from __future__ import annotations

import numpy as np
import pytest

import backlit as bl
from backlit.engine import epochs_at_once, every_epoch

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(23, 3)), RNG.integers(0, 3, 23)
HELD = X[:7] + 0.1, Y[:7]

SETTINGS = {
    "shuffled": {},
    "whole": {"batch_size": "full", "optimizer": bl.SGD(0.1)},
    "momentum": {"optimizer": bl.Momentum(0.05)},
    "validated": {"validation": HELD},
    "patient": {"validation": HELD, "patience": 3},
    "scheduled": {"schedule": "cosine"},
    "on a plateau": {"schedule": "plateau", "validation": HELD},
    "measured": {"metrics": "accuracy", "validation": HELD},
    "timed": {"time_limit": 1000.0},
    "norms": {"gradient_norms": True},
    "lbfgs": {"optimizer": "lbfgs"},
}


def training(**given) -> bl.Training:
    layers = [bl.Dense(4, "tanh"), bl.BatchNorm(), bl.Dropout(0.2), bl.Dense(3, "softmax")]
    if given.get("optimizer") == "lbfgs":
        layers = [bl.Dense(4, "tanh"), bl.Dense(3, "softmax")]
    network = bl.Network(layers, 3, "cross_entropy", seed=2)
    return bl.Training(network, X, Y, **{"batch_size": 6, "epochs": 20, "optimizer": bl.Adam(0.05)} | given)


def left_at(epochs, number: int) -> list[int]:
    seen = []
    for epoch in epochs:
        seen.append(epoch.number)
        if epoch.number == number:
            break
    return seen


def timeless(made: bl.Training) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in made.history.columns().items() if name != "seconds"}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("number", [5, 7])
def test_a_loop_that_is_left_leaves_what_single_calls_do(name, number):
    one, other = training(**SETTINGS[name]), training(**SETTINGS[name])
    assert left_at(one, number) == left_at(every_epoch(other, 6), number) == [*range(1, number + 1)]
    for _ in range(2):  # at once, and at the end, where both have gone on
        assert timeless(one) == timeless(other)
        assert one.network.parameters.tobytes() == other.network.parameters.tobytes()
        assert one.stopped == other.stopped
        if name != "lbfgs":  # which begins its memory anew
            assert [line for line in one.state.differences(other.state) if "second" not in line] == []
        one.run()
        other.run()


def test_an_error_in_the_loop_leaves_the_epoch_in_hand():
    one, other = training(), training()
    left_at(one, 4)

    def fail() -> None:
        for epoch in every_epoch(other, 10):
            if epoch.number == 4:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert timeless(one) == timeless(other)


def test_weights_that_are_not_kept_are_not_warned_of():
    def exploding() -> bl.Training:
        network = bl.Network([bl.Dense(1, weights=[[1.0]])], 1, "mse")
        return bl.Training(network, [[1.0], [2.0]], [3.0, 1.0], optimizer=bl.SGD(0.5), batch_size="full", epochs=30)

    with pytest.warns(bl.DivergedWarning, match="ended with weights as large as"):
        exploding().run()
    made = exploding()
    left_at(every_epoch(made, 30), 2)
    assert len(made.history) == 2
    with pytest.warns(bl.DivergedWarning, match="ended with weights as large as"):
        left_at(every_epoch(exploding(), 30), 29)


def test_all_epochs_are_given_and_the_calls_are_few(monkeypatch):
    made, calls = training(epochs=50), []
    chunk = bl.Training._run_chunk
    monkeypatch.setattr(bl.Training, "_run_chunk", lambda *given: calls.append(1) or chunk(*given))
    assert [epoch.number for epoch in every_epoch(made, 10)] == [*range(1, 51)]
    assert len(calls) == 5
    assert made.stopped == "all 50 epochs done"


def test_only_the_epochs_of_the_last_call_are_repeated(monkeypatch):
    made, epochs = training(epochs=50), []
    chunk = bl.Training._run_chunk
    monkeypatch.setattr(
        bl.Training,
        "_run_chunk",
        lambda self, rates, sums, signals: epochs.append(len(sums)) or chunk(self, rates, sums, signals),
    )
    left_at(every_epoch(made, 10), 47)
    assert epochs == [10, 10, 10, 10, 10, 7]


@pytest.mark.parametrize("progress", [False, True])
def test_what_limits_and_displays_were_stays(progress):
    made = training(time_limit=1000.0, progress=progress)
    left_at(every_epoch(made, 10), 3)
    assert (made.time_limit, made.hooks.progress, len(made.history)) == (1000.0, progress, 3)


@pytest.mark.parametrize(("rows", "units", "expected"), [(4, 1, 1000), (1000, 1000, 16), (100_000, 300, 1)])
def test_so_many_epochs_run_at_once_as_take_milliseconds(rows, units, expected):
    network = bl.Network([bl.Dense(units), bl.Dense(1)], 1, "mse", seed=0)
    made = bl.Training(network, np.zeros((rows, 1)), np.zeros(rows), compiled=False)
    assert epochs_at_once(made) == expected
    own = bl.Training(network, np.zeros((4, 1)), np.zeros(4), compiled=False, order=lambda: np.arange(4))
    assert epochs_at_once(own) == 1
