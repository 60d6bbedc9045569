"""Wrong settings, inputs and targets are refused with a message that names them."""

from __future__ import annotations

import contextlib
import re

import numpy as np
import pytest

import backlit as bl
from backlit.ops.registry import activations, losses

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=12)


def network(loss: str = "mse", output: str = "identity", **settings: object) -> bl.Network:
    return bl.Network([bl.Dense(4, "tanh"), bl.Dense(1, output)], 3, loss, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 2**63}, "seed is 9223372036854775808"),
        ({"validation": X}, "validation is not a pair"),
        ({"validation": (X,)}, "validation is not a pair"),
        ({"validation": (X[:0], Y[:0])}, "validation has no rows"),
        ({"time_limit": -1}, "time_limit is -1"),
        ({"time_limit": float("nan")}, "time_limit is nan"),
        ({"tolerance": -0.1}, "tolerance is -0.1"),
        ({"target": float("nan")}, "target is nan"),
        ({"l2": "much"}, "l2 is 'much'"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(bl.BacklitError, match=message):
        bl.Training(network(), X, Y, compiled=False, **settings)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_largest_seed(compiled):
    training = bl.Training(network(), X, Y, seed=2**63 - 1, epochs=1, compiled=compiled).run()
    assert np.isfinite(training.history[-1].loss)


@pytest.mark.parametrize(
    ("loss", "output", "targets"),
    [
        ("binary_cross_entropy", "sigmoid", [-1.0, 1.0] * 6),
        ("sigmoid_binary_cross_entropy", "identity", [0.0, 2.0] * 6),
        ("poisson", "exp", [-1.0, 3.0] * 6),
        ("exp_poisson", "identity", [-1.0, 3.0] * 6),
    ],
)
def test_targets_for_which_the_loss_is_not_defined(loss, output, targets):
    with pytest.raises(bl.BacklitError, match=f"Y holds values from .* the loss {loss!r} expects targets"):
        bl.Training(network(loss, output), X, targets, compiled=False)


@pytest.mark.parametrize(
    ("loss", "outputs"),
    [("poisson", (0.0, np.inf)), ("binary_cross_entropy", (0.0, 1.0)), ("cross_entropy", (0.0, 1.0))],
)
def test_losses_declare_where_their_logarithms_are(loss, outputs):
    assert losses[loss].outputs == outputs


@pytest.mark.parametrize("loss", losses)
@pytest.mark.parametrize("activation", activations)
def test_outputs_for_which_the_loss_is_not_defined(loss, activation):
    """Refused by the network where a measured output of the activation lies outside of the loss's domain."""
    layer = bl.Dense(2, activation, weights=[[1.0, -1.0]])
    measured = bl.Network([layer], 1, "mse").predict(np.linspace(-30.0, 30.0, 601)[:, None], compiled=False)
    low, high = losses[loss].outputs
    if low <= measured.min() and measured.max() <= high:
        assert bl.Network([layer], 1, loss).loss.name == loss
        return
    with pytest.raises(bl.BacklitError, match=rf"{loss!r} is defined for outputs .*\(2 {activation}\)") as refused:
        bl.Network([layer], 1, loss)
    advised = re.search(r"End the network in (\w+)", str(refused.value))
    assert bl.Network([bl.Dense(2, advised[1])], 1, loss)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("cross_entropy", "from 0 to 1; .* of any size. End .* in softmax .*take the loss 'softmax_cross_entropy'"),
        ("binary_cross_entropy", "in sigmoid .*take the loss 'sigmoid_binary_cross_entropy'"),
        ("poisson", "of at least 0; .* in exp .*take the loss 'exp_poisson'"),
    ],
)
def test_what_is_advised_for_a_linear_output(loss, message):
    with pytest.raises(bl.BacklitError, match=message):
        network(loss)


@pytest.mark.parametrize(
    ("last", "fits"),
    [
        ([bl.Dropout(0.5)], False),  # divides by 1 - p
        ([bl.Dropout(0.0)], True),
        ([bl.BatchNorm()], False),
        ([bl.LayerNorm(), "sigmoid"], True),
        ([bl.Dense(2)], False),
    ],
)
def test_outputs_behind_the_last_activation(last, fits):
    layers = [bl.Dense(2, "sigmoid"), *last]
    if fits:
        assert bl.Network(layers, 3, "binary_cross_entropy")
    else:
        with pytest.raises(bl.BacklitError, match="'binary_cross_entropy' is defined for outputs from 0 to 1"):
            bl.Network(layers, 3, "binary_cross_entropy")
    assert bl.Network(layers, 3, "mse")


def test_an_activation_that_declares_no_range_is_accepted(monkeypatch):
    monkeypatch.setattr(activations["tanh"], "outputs", None)
    assert bl.Network([bl.Dense(2, "tanh")], 3, "cross_entropy")


@pytest.mark.parametrize("loss", ["cross_entropy", "softmax_cross_entropy"])
def test_class_probabilities_out_of_range(loss):
    net = bl.Network([bl.Dense(3, "softmax")], 3, loss)
    with pytest.raises(bl.BacklitError, match="expects targets from 0 to 1"):
        bl.Training(net, X, RNG.normal(size=(12, 3)), compiled=False)


@pytest.mark.parametrize("given", [[["a", "b", "c"]], [[1, 2, 3], [1, 2]]])
def test_inputs_that_are_no_numbers(given):
    with pytest.raises(bl.BacklitError, match="X does not hold rows of numbers"):
        network().predict(given)


def test_numbers_too_large_for_the_type():
    with pytest.raises(bl.BacklitError, match=r"X\[0, 0\] is inf"):
        bl.Training(network(dtype="float32"), np.full((12, 3), 1e300), Y, compiled=False)


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_wrong_seeds_of_a_network(seed):
    with pytest.raises(bl.BacklitError, match="seed is"):
        network(seed=seed)


@pytest.mark.parametrize("dtype", ["float16", "foo"])
def test_unknown_types_of_numbers(dtype):
    with pytest.raises(bl.BacklitError, match=dtype):
        network(dtype=dtype)


def test_lbfgs_without_epochs_leaves_the_weights_alone():
    net = network()
    before = net.parameters.copy()
    assert bl.Training(net, X, Y, optimizer="lbfgs", epochs=0, compiled=False).run().history == []
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("layers", [["tanh"], [bl.Dense(3, freeze=("W", "b"))]])
def test_lbfgs_with_nothing_to_train(layers):
    net = bl.Network(layers, 3, "mse")
    before = net.parameters.copy()
    training = bl.Training(net, X, np.tanh(RNG.normal(size=(12, 3))), optimizer="lbfgs", epochs=3, compiled=False)
    warned = pytest.warns(bl.BacklitWarning, match="all weights of the network are frozen")
    with warned if before.size else contextlib.nullcontext():
        training.run()
    assert training.stopped
    np.testing.assert_array_equal(net.parameters, before)
