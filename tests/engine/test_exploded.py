"""Weights that a training leaves finite, but far too large, are said; those of healthy trainings are not."""

from __future__ import annotations

import contextlib
import itertools
import warnings

import numpy as np
import pytest

import backlit as bl

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 3))
Y = X @ np.array([1.0, 2.0, 3.0])
FAR = np.vstack([X[:-1], [1e23, 0.0, 0.0]])


def line(dtype: str = "float64") -> bl.Network:
    return bl.Network([bl.Dense(1)], 3, "mse", dtype=dtype, seed=0)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("more", [{}, {"validation": (X, Y)}, {"metrics": "mae"}, {"keep_best": True}],
                         ids=["alone", "validated", "measured", "best"])  # fmt: skip
def test_a_huge_row_in_the_last_batch_is_named(more, compiled):
    training = bl.Training(
        line(), FAR, Y, optimizer="sgd", epochs=1, shuffle=False, batch_size=8, compiled=compiled, **more
    )
    with pytest.warns(bl.DivergedWarning, match=r"ended with weights as large as .*X\[63, 0\] is 1e\+23") as told:
        training.run()
    assert [warning.filename for warning in told] == [__file__]
    assert training.stopped == "1 epoch done"


def test_it_is_an_error_where_that_is_asked_for():
    training = bl.Training(line(), FAR, Y, optimizer="sgd", epochs=1, shuffle=False, divergence="raise", compiled=False)
    with pytest.raises(bl.BacklitError, match="ended with weights"):
        training.run()


def test_leaving_the_loop_tells_too():
    epochs = iter(bl.Training(line(), FAR, Y, optimizer="sgd", shuffle=False, batch_size=8, compiled=False))
    next(epochs)
    with pytest.warns(bl.DivergedWarning, match="ended with weights"):
        del epochs


@pytest.mark.parametrize("rate", [1e3, 1e10, 1e38])
def test_a_rate_that_is_too_large_is_told_from_the_loss(rate):
    with pytest.warns(bl.DivergedWarning, match="with which the loss of the training rows is .*; with the first it is"):
        bl.Training(line(), X, Y, optimizer=bl.SGD(rate), epochs=1, batch_size="full", compiled=False).run()


def test_saturated_units_hide_it_from_the_loss_but_not_from_the_size():
    net = bl.Network([bl.Dense(4, "sigmoid"), bl.Dense(1, "sigmoid")], 3, "mse", seed=0)
    with pytest.warns(bl.DivergedWarning, match="far beyond what rows and targets of this size need"):
        bl.Training(net, X, Y > 0, optimizer=bl.SGD(1e30), epochs=1, batch_size="full", compiled=False).run()


def test_a_huge_target_is_named():
    far = np.append(Y[:-1], 1e200)
    with pytest.warns(bl.DivergedWarning, match=r"Y\[63, 0\] is 1e\+200, where .* correct or drop that row"):
        bl.Training(line(), X, far, epochs=2, compiled=False).run()


def test_after_a_divergence_it_is_said_in_the_same_warning():
    training = bl.Training(line(), X, Y, optimizer=bl.SGD(5.0), batch_size=8, epochs=1000, compiled=False)
    with pytest.warns(bl.DivergedWarning, match="are kept. They exploded, too: weights as large as") as told:
        training.run()
    assert len(told) == 1
    assert training.history


def classes(values: np.ndarray) -> np.ndarray:
    return np.digitize(values, [-1.0, 1.0])


HEALTHY = [
    *itertools.product(
        ["tanh", "relu", "sigmoid", "elu"], ["sgd", "adam", "lbfgs", "rmsprop", "rprop"], [1.0, 1e-3, 1e3]
    ),
]


@pytest.mark.parametrize(("hidden", "optimizer", "scale"), HEALTHY)
def test_healthy_trainings_are_warned_of_nothing(hidden, optimizer, scale):
    """Targets of other sizes than the rows need large weights, or small ones."""
    options = {"optimizer": optimizer, "epochs": 20, "compiled": False, "batch_size": 16, "clip_norm": None}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = bl.Network([bl.Dense(6, hidden), bl.Dense(1)], 3, "mse", seed=0)
        rate = {"sgd": bl.SGD(1e-3 / max(1.0, scale))}.get(optimizer, optimizer)
        bl.Training(net, X, Y * scale, **options | {"optimizer": rate}).run()
        net = bl.Network([bl.Dense(6, hidden), bl.Dense(3, "softmax")], 3, "cross_entropy", seed=0)
        bl.Training(net, X, classes(Y), **options).run()


def test_rows_of_small_numbers_may_have_large_weights():
    net = bl.Network([bl.Dense(1, bias=False)], 3, "mse", seed=0)
    training = bl.Training(net, X * 1e-9, Y, optimizer=bl.SGD(1e16), batch_size="full", epochs=200, compiled=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training.run()
    assert np.abs(training.network.parameters).max() > 1e8
    assert training.history[-1].loss < training.history[0].loss


def test_the_check_leaves_the_weights_as_they_were(monkeypatch):
    """It measures losses with the first weights, too."""
    found = []
    for told in (True, False):
        if not told:
            monkeypatch.setattr("backlit.engine.exploded.ExplosionCheck.found", lambda self: "")
        net = line()
        training = bl.Training(net, X, Y, optimizer=bl.SGD(1e3), epochs=1, batch_size="full", compiled=False)
        with pytest.warns(bl.DivergedWarning) if told else contextlib.nullcontext():
            training.run()
        found.append(net.parameters.copy())
    np.testing.assert_array_equal(*found)
