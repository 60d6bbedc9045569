"""Threads share out a batch's shards without changing a bit of the result."""

import threading

import numpy as np
import pytest

import backlit as bl
from backlit.engine import program, team


def train(threads, dtype, monkeypatch, **options):
    monkeypatch.setattr(program, "THREADED_WORK", 1)
    monkeypatch.setattr(program, "THREADED_ROWS", 4)
    monkeypatch.setattr(program, "SMALLEST_SHARD", 4)
    monkeypatch.setattr(program, "SHARD_ELEMENTS", 1)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(45, 5)), rng.integers(0, 3, 45)
    layers = [bl.Dense(16, "tanh"), bl.Dropout(0.3), bl.Dense(3, "softmax")]
    network = bl.Network(layers, 5, "cross_entropy", dtype=dtype, seed=1)
    weights = 1.0 + np.arange(45) % 3
    training = bl.Training(network, X, Y, batch_size=20, epochs=3, sample_weight=weights, threads=threads, **options)
    assert training.tables.rows == 4
    assert training.program.worth_threads
    training.run()
    return network.parameters.copy(), [epoch.loss for epoch in training.history]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("options", [{}, {"l2": 0.1, "clip_norm": 0.5}], ids=["plain", "clipped"])
def test_threads_do_not_change_a_bit(dtype, threads, options, monkeypatch):
    alone, losses = train(1, dtype, monkeypatch, **options)
    shared, same = train(threads, dtype, monkeypatch, **options)
    assert np.array_equal(alone, shared)
    assert losses == same


def test_a_team_really_shares(monkeypatch):
    names = set()
    gradient = team.Team.gradient

    def watched(self, *arguments):
        names.update(thread.name for thread in threading.enumerate())
        return gradient(self, *arguments)

    monkeypatch.setattr(team.Team, "gradient", watched)
    train(3, "float64", monkeypatch)
    assert sum(name.startswith("backlit") for name in names) == 2


def test_no_thread_stays_behind(monkeypatch):
    train(4, "float64", monkeypatch)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("backlit")]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"BACKLIT_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"BACKLIT_THREADS": "0", "OMP_NUM_THREADS": "5"}, 5),
    ],
)
def test_default_threads(environment, expected, monkeypatch):
    for name in ("BACKLIT_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert team.default_threads() == expected
