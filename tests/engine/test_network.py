"""Networks: their flat vector and its views, copies, pickles, descriptions, predictions."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from cases import SAMPLES, draw_rows, last_activation

from backlit.engine import prediction
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.ops.activations.piecewise import LeakyReLU
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.losses.regression import Huber
from backlit.ops.registry import activations, losses

both_modes = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])


def rich() -> Network:
    """Make a network of every kind of part, with other values than it began with."""
    chain = [
        Dense(4, LeakyReLU(0.2)),
        BatchNorm(momentum=0.3),
        Dropout(0.25),
        "softsign",
        Dense(2, bias=False, freeze=("W",)),
    ]
    network = Network(chain, 3, Huber(delta=0.5, reduction="sum"), dtype="float32", seed=3)
    rng = np.random.default_rng(0)
    network.parameters[:] = rng.normal(size=network.parameters.size)
    network.state[:] = rng.uniform(0.5, 2.0, network.state.size)
    return network


def assert_same(one: Network, other: Network) -> None:
    assert one.to_dict() == other.to_dict()
    assert list(one) == list(other)
    assert one.frozen == other.frozen
    np.testing.assert_array_equal(one.parameters, other.parameters)
    np.testing.assert_array_equal(one.state, other.state)
    X = draw_rows(one, 5, np.random.default_rng(1))
    np.testing.assert_array_equal(one.predict(X, compiled=False), other.predict(X, compiled=False))


def assert_views_write_through(network: Network) -> None:
    for name in network:
        network[name] = 7.0
        network[name][...] += 1.0
    assert (network.parameters == 8.0).all()
    for name in network.state_layout:
        network[name] = 3.0
    assert (network.state == 3.0).all()


def test_views_are_parts_of_one_vector_without_gaps():
    network = rich()
    assert_views_write_through(network)
    assert sum(network[name].size for name in network) == network.parameters.size
    assert network.parameters.flags.c_contiguous
    assert all(np.shares_memory(network[name], network.parameters) for name in network if network[name].size)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n)), Network.copy],
                         ids=["copy", "deepcopy", "pickle", "Network.copy"])  # fmt: skip
def test_duplicates_are_equal_and_on_their_own(duplicate):
    network = rich()
    network.predict(np.zeros((1, 3)), compiled=False)  # an open predictor must not be carried over
    twin = duplicate(network)
    assert_same(network, twin)
    before = network.parameters.copy()
    assert_views_write_through(twin)
    np.testing.assert_array_equal(network.parameters, before)
    assert (twin.predict(np.ones((1, 3)), compiled=False) == twin.copy().predict(np.ones((1, 3)), compiled=False)).all()


@both_modes
def test_a_pickled_network_trains_on(compiled):
    network = rich()
    X, Y = np.ones((6, 3)), np.zeros((6, 2))
    twin = pickle.loads(pickle.dumps(network))
    for each in (network, twin):
        Training(each, X, Y, epochs=2, compiled=compiled).run()
    np.testing.assert_array_equal(network.parameters, twin.parameters)


def test_a_description_is_plain_data_and_rebuilds_the_network():
    network = rich()
    twin = Network.from_dict(json.loads(json.dumps(network.to_dict())))
    twin.parameters[:], twin.state[:] = network.parameters, network.state
    assert_same(network, twin)


@pytest.mark.parametrize("name", activations)
def test_every_activation_is_described(name):
    network = Network([Dense(3), name, Dense(1)], 2, "mse")
    assert_same(network, pickle.loads(pickle.dumps(network)))
    assert name in repr(network)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_layer_is_described(name):
    layer, row = SAMPLES[name]
    network = Network([layer], row, "mse")
    assert_same(network, pickle.loads(pickle.dumps(network)))
    assert network.layers == (layer,)
    assert layer.summary() in repr(network)


@pytest.mark.parametrize("name", losses)
def test_every_loss_is_described(name):
    network = Network([Dense(2, last_activation(losses[name]()))], 2, name)
    assert network.to_dict()["loss"]["op"] == name
    assert_same(network, pickle.loads(pickle.dumps(network)))
    assert name in repr(network)


def test_a_copy_in_another_type_keeps_the_values():
    network = rich()
    twin = network.copy("float64")
    assert twin.dtype == np.float64
    np.testing.assert_array_equal(twin.parameters, network.parameters.astype(np.float64))


def test_weights_given_outright_are_taken_and_described_by_the_vector():
    network = Network([Dense(2, weights=[[1, 2], [3, 4]], biases=[5, 6])], 2)
    np.testing.assert_array_equal(network["1.W"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(network["1.b"], [5, 6])
    assert_same(network, pickle.loads(pickle.dumps(network)))


def test_the_same_seed_draws_the_same_weights():
    made = [Network([Dense(5, "relu"), Dense(2)], 3, seed=seed).parameters for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    given = np.random.default_rng(1)
    np.testing.assert_array_equal(Network([Dense(5, "relu"), Dense(2)], 3, seed=given).parameters, made[0])


# ---------------------------------------------------------------------------------------------------------- predicting


@both_modes
@pytest.mark.parametrize("rows", [0, 1, 16, 17, 700])
def test_predictions_do_not_depend_on_how_many_rows_come_at_once(rows, compiled):
    network = Network([Dense(9, "tanh"), BatchNorm(), Dense(5, "relu"), Dense(2, "softmax")], 3, "cross_entropy")
    X = np.random.default_rng(0).normal(size=(rows, 3))
    whole = network.predict(X, compiled=compiled)
    assert whole.shape == (rows, 2)
    for row in range(0, rows, 50):
        np.testing.assert_allclose(network.predict(X[row : row + 1], compiled=compiled)[0], whole[row], rtol=1e-13)


def test_a_prediction_follows_the_parameters():
    network = Network([Dense(1, weights=[[2.0]])], 1)
    assert network.predict([[3.0]], compiled=False).tolist() == [[6.0]]
    network["1.W"] = 5.0
    assert network.predict([[3.0]], compiled=False).tolist() == [[15.0]]


def test_the_predictor_is_made_once(monkeypatch):
    made = []
    original = prediction.Predictor
    monkeypatch.setattr(prediction, "Predictor", lambda *args: made.append(args) or original(*args))
    network = Network([Dense(1)], 1)
    for _ in range(3):
        network.predict([[3.0]], compiled=False)
        network.predict(np.zeros((prediction.FEW_ROWS + 1, 1)), compiled=False)
    assert len(made) == 2


# ---------------------------------------------------------------------------------------------------------- wrong calls


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Network([], 2), "at least one layer"),
        (lambda: Network([Dense(1)], 0), "inputs is 0"),
        (lambda: Network([Dense(1)], 2.5), "inputs is 2.5"),
        (lambda: Network([Dense(1)], 2, "mze"), "did you mean 'mse'"),
        (lambda: Network([Dense(1, "relo")], 2), "did you mean 'relu'"),
        (lambda: Network([3], 2), "a layer is 3"),
        (lambda: Network([Dense(1)], 2, dtype="int32"), "dtype is 'int32'"),
        (lambda: Network([Dense(1)], 2).predict([1.0, 2.0]), r"X has shape \(2,\)"),
        (lambda: Network([Dense(2, weights=[[1.0]])], 2), "layer 1, W"),
    ],
)  # fmt: skip
def test_a_wrong_network_says_what_is_wrong(call, message):
    with pytest.raises(BacklitError, match=message):
        call()


def test_an_unknown_parameter_is_named():
    with pytest.raises(KeyError, match=r"no parameter '2.W'; it has 1.W, 1.b"):
        Network([Dense(1)], 2)["2.W"]


@both_modes
def test_new_parameters_are_written_into_the_network(compiled):
    network = Network([Dense(5, "tanh"), BatchNorm(), Dense(1)], 3)
    X = np.ones((2, 3))
    network.predict(X, compiled=compiled)
    vector, other = network.parameters, Network([Dense(5, "tanh"), BatchNorm(), Dense(1)], 3, seed=1)
    network.parameters, network.state = other.parameters.astype("float32"), [*other.state + 0.5]
    assert network.parameters is vector
    other.parameters[:], other.state[:] = vector, network.state
    np.testing.assert_array_equal(network.predict(X, compiled=compiled), other.predict(X, compiled=compiled))


@pytest.mark.parametrize("name", ["parameters", "state"])
def test_parameters_of_another_size_are_refused(name):
    network = Network([Dense(5), BatchNorm()], 3)
    with pytest.raises(BacklitError, match=rf"{name} has shape \(2,\); the network expects"):
        setattr(network, name, np.zeros(2))


@pytest.mark.parametrize("layers", [Dense(2), 5, "relu"], ids=str)
def test_layers_that_are_no_list_are_refused(layers):
    with pytest.raises(BacklitError, match=r"expected a list of layers, such as \[Dense"):
        Network(layers, 3)


def test_complex_numbers_are_refused():
    network = Network([Dense(2)], 3)
    for X, Y in ((np.ones((4, 3)) + 1j, np.ones((4, 2))), (np.ones((4, 3)), np.ones((4, 2)) + 1j)):
        with pytest.raises(BacklitError, match="they are complex"):
            Training(network, X, Y)
