"""The estimate of the time left, by hand: rows, epochs and seconds that are given."""

from types import SimpleNamespace

import numpy as np
import pytest

from backlit.engine import Epoch, History
from backlit.model import Settings
from backlit.model.recipe import recipes
from backlit.model.run_limits import RunLimits
from backlit.model.time_left import KNOWN_SECONDS, TimeLeft


def training(rows, epochs, each, time_limit=None):
    """A training on so many rows that has had so many epochs of so many seconds."""
    history = History.of([Epoch(k, 0.5, 0.5, 0.1, k * each, best=False) for k in range(1, epochs + 1)])
    return SimpleNamespace(X=np.empty((rows, 3)), history=history, time_limit=time_limit)


def time_left(seconds=None, clock=lambda: 0.0):
    """Two penalties, each with 64 tanh and with 128 gelu units, on 3 inputs and 1 output: 256 and 512 weights."""
    compared = recipes(Settings(epochs=10), 100, 10)[:4]
    limits = RunLimits(seconds, clock)
    limits.start_clock()
    return TimeLeft(compared, 3, 1, 50, limits)


FOLDS = [training(40, 4, 0.1), training(40, 4, 0.1)]
"""320 rows in 0.8 s: 2.5 ms each."""


def test_all_recipes_to_come_and_the_slowest_training_are_counted():
    left = time_left()
    narrow, wide = 80 * 10 * 0.0025, 80 * 10 * 0.005
    assert left.while_choosing(0, FOLDS) == pytest.approx(480 * 0.0025 + wide + narrow + wide + 50 * 10 * 0.005)
    measured = [training(40, 5, 0.12), training(40, 5, 0.12)]  # 3 ms each: less than was feared
    expected = 400 * 0.003 + narrow + 80 * 10 * 0.003 + 50 * 10 * 0.003
    assert left.while_choosing(1, measured) == pytest.approx(expected)
    assert left.while_choosing(3, [training(40, 10, 0.12)] * 2) == pytest.approx(50 * 10 * 0.003)


def test_a_few_milliseconds_of_a_network_say_nothing_of_it():
    """The first epochs of the second network are slow: they are not taken for its pace before there are enough."""
    left = time_left()
    left.while_choosing(0, FOLDS)
    narrow, wide = 80 * 10 * 0.0025, 0.005
    slow = [training(40, 1, KNOWN_SECONDS / 3), training(40, 1, 0.0)]
    expected = 720 * wide + narrow + 80 * 10 * wide + 50 * 10 * wide
    assert left.while_choosing(1, slow) == pytest.approx(expected)


def test_a_time_limit_ends_it_earlier():
    assert time_left(seconds=4.0).while_choosing(0, FOLDS) == pytest.approx(0.95 * 4.0)
    assert time_left(seconds=1000.0).while_choosing(0, FOLDS) == time_left().while_choosing(0, FOLDS)


def test_the_final_training_goes_by_its_own_seconds_once_there_are_enough():
    left = time_left()
    assert left.while_training(0, training(50, 1, KNOWN_SECONDS / 2), 8) is None
    left.while_choosing(0, FOLDS)
    assert left.while_training(0, training(50, 1, KNOWN_SECONDS / 2), 8) == pytest.approx(7 * 50 * 0.0025)
    assert left.while_training(0, training(50, 3, KNOWN_SECONDS), 8) == pytest.approx(5 * KNOWN_SECONDS)
    assert left.while_training(0, training(50, 3, 0.2, time_limit=1.0), 8) == pytest.approx(0.4)
    assert left.while_training(0, training(50, 9, 0.2, time_limit=1.0), 8) == 0.0
