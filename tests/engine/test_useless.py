"""A training warns where it ended useless, and nowhere else."""

import warnings

import numpy as np
import pytest

import backlit as bl

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(float)


def training(*, biases=None, batch_size=32, activation="relu", targets=Y, epochs=12, **given):
    hidden = bl.Dense(6, activation, biases=biases and [biases] * 6)
    network = bl.Network([hidden, bl.Dense(1, "sigmoid")], 3, "binary_cross_entropy", seed=0)
    return bl.Training(network, X, targets, batch_size=batch_size, epochs=epochs, **given)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_dead_layer_that_makes_all_outputs_the_same_is_warned_of(compiled):
    with pytest.warns(bl.BacklitWarning, match="same output for all 60 rows: all units of layer 1 are dead"):
        training(biases=-1e6, compiled=compiled).run()


def test_of_many_rows_a_part_is_looked_at():
    many, targets = np.tile(X, (50, 1)), np.tile(Y, 50)
    network = bl.Network([bl.Dense(6, "relu", biases=[-1e6] * 6), bl.Dense(1, "sigmoid")], 3, "binary_cross_entropy")
    with pytest.warns(bl.BacklitWarning, match="for each of 2,000 rows"):
        bl.Training(network, many, targets, epochs=10).run()


@pytest.mark.parametrize(
    "given",
    [
        {}, {"biases": -2.0}, {"batch_size": 1}, {"activation": "sigmoid"}, {"activation": "tanh"},
        {"biases": -1e6, "targets": np.ones(60)},  # nothing to tell apart
        {"biases": -1e6, "signals": False},  # nothing was measured
        {"biases": -3.0, "batch_size": 1, "epochs": 3},  # the last batch's row is dead, other rows are not
        {"optimizer": "lbfgs", "batch_size": "full"},
        {"activation": "sigmoid", "biases": 12.0},  # saturated, but the outputs differ
    ],
    ids=str,
)  # fmt: skip
def test_no_other_training_is_warned_of(given):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training(**given).run()


def test_estimators_are_quiet():
    dead = bl.MLPClassifier((4,), learning_rate_init=1e4, max_iter=30, random_state=0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        dead.fit(X, Y)
    assert not [one for one in said if "dead" in str(one.message)]
