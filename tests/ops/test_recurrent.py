"""Recurrent layers: their definitions against PyTorch's, lengths, cut slopes, running backward, and what is refused."""

from __future__ import annotations

import os
from unittest import mock

import numpy as np
import oracles
import pytest
from projection import Projection
from recurrent_runs import COLUMNS, KINDS, LENGTHS, STEPS, UNITS, WAYS, Ran, made

import backlit as bl
from backlit.engine.network import Network
from backlit.engine.objective import Objective
from backlit.engine.program import sharding
from backlit.errors import BacklitError
from backlit.ops.layers.recurrent import Recurrent


def peer_steps(torch, kind, W, U, b):
    """PyTorch's layer as a function of a sequence (1, T, F) and a state: its outputs, then the new state."""
    units = U.shape[0]
    weights = [W.T, U.T]
    if b.numel():
        plain = torch.zeros(weights[0].shape[0], dtype=W.dtype)
        if kind == "gru":
            weights += [b[: 3 * units], torch.cat([plain[: 2 * units], b[3 * units :]])]
        else:
            weights += [b, plain]
    given = weights, bool(b.numel()), 1, 0.0, False, False, True
    if kind == "lstm":
        return lambda x, state: torch.lstm(x, state, *given)
    function = torch.gru if kind == "gru" else torch.rnn_tanh
    return lambda x, state: function(x, state[0], *given)


def peer_outputs(torch, kind, way, X, lengths, W, U, b):
    """What PyTorch makes of each row by itself: turned round, cut into pieces, of its own length."""
    step = peer_steps(torch, kind, W, U, b)
    rows = []
    for row, length in zip(X, lengths, strict=True):
        x = row[:length].flip(0) if way.get("reverse") else row[:length]
        state = tuple(torch.zeros(1, 1, U.shape[0], dtype=W.dtype) for _ in range(1 + (kind == "lstm")))
        pieces = []
        for piece in x.split(way.get("truncate") or STEPS):
            y, *state = step(piece[None], tuple(each.detach() for each in state))
            pieces.append(y[0])
        y = torch.cat(pieces)
        if way.get("returns") != "sequence":
            rows.append(y[-1])
            continue
        y = y.flip(0) if way.get("reverse") else y
        rows.append(torch.cat([y, torch.zeros(STEPS - length, U.shape[0], dtype=W.dtype)]))
    return torch.stack(rows)


def tensors(torch, network):
    return [torch.tensor(network[f"1.{name}"].copy(), requires_grad=True) for name in "WUb"]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_torch_agrees(kind, way, mode):
    torch = oracles.torch()
    network, X, T = made(kind, way)
    ran = Ran(network, X, T, mode)
    lengths = LENGTHS if "lengths" in way else [STEPS] * len(T)
    x = torch.tensor(X["X"] if "lengths" in way else X, requires_grad=True)
    W, U, b = tensors(torch, network)
    outputs = peer_outputs(torch, kind, way, x, lengths, W, U, b)
    outputs.backward(torch.tensor(T.reshape(outputs.shape)))
    np.testing.assert_allclose(ran.outputs, outputs.detach(), rtol=0, atol=1e-12)
    for name, tensor in {"1.W": W, "1.U": U, "1.b": b, "X": x}.items():
        if tensor.numel():
            scale = float(tensor.grad.abs().max())
            np.testing.assert_allclose(ran.gradients[name], tensor.grad, rtol=0, atol=1e-12 * scale, err_msg=name)


@pytest.mark.parametrize("returns", ["last", "sequence"])
@pytest.mark.parametrize("kind", KINDS)
def test_lengths_mean_what_packed_sequences_mean_in_torch(kind, returns, mode):
    torch = oracles.torch()
    network, X, T = made(kind, {"lengths": "long", "returns": returns})
    peer = {"recurrent": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[kind]
    peer = peer(COLUMNS, UNITS, batch_first=True, dtype=torch.float64)
    W, U, b = (torch.tensor(network[f"1.{name}"]) for name in "WUb")
    with torch.no_grad():
        peer.weight_ih_l0[:], peer.weight_hh_l0[:], peer.bias_hh_l0[:] = W.T, U.T, 0.0
        peer.bias_ih_l0[:] = b[: W.shape[1]]
        if kind == "gru":
            peer.bias_hh_l0[2 * UNITS :] = b[3 * UNITS :]
    x = torch.tensor(X["X"], requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(LENGTHS), True, enforce_sorted=False)
    y, state = peer(packed)
    padded, _ = torch.nn.utils.rnn.pad_packed_sequence(y, True, total_length=STEPS)
    wanted = padded if returns == "sequence" else (state[0] if kind == "lstm" else state)[0]
    wanted.backward(torch.tensor(T.reshape(wanted.shape)))
    ran = Ran(network, X, T, mode)
    np.testing.assert_allclose(ran.outputs, wanted.detach(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(ran.gradients["X"], x.grad, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ran.gradients["1.U"], peer.weight_hh_l0.grad.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [{}, {"lengths": "long", "truncate": 3}], ids=str)
def test_twenty_steps_of_a_training_are_torchs(kind, way, mode):
    torch = oracles.torch()
    rng = np.random.default_rng(5)
    inputs = {"X": (STEPS, COLUMNS)} | ({"long": 1} if "lengths" in way else {})
    network = Network([KINDS[kind](UNITS, **way), bl.Dense(2)], inputs, "mse", seed=2)
    X, Y = rng.normal(size=(len(LENGTHS), STEPS, COLUMNS)), rng.normal(size=(len(LENGTHS), 2))
    given = {"X": X, "long": LENGTHS[:, None]} if "lengths" in way else X
    W, U, b = tensors(torch, network)
    V, c = (torch.tensor(network[f"2.{name}"].copy(), requires_grad=True) for name in "Wb")
    adam = torch.optim.Adam([W, U, b, V, c], lr=0.01, eps=1e-8)
    lengths = LENGTHS if "lengths" in way else [STEPS] * len(LENGTHS)
    for _ in range(20):
        adam.zero_grad()
        outputs = peer_outputs(torch, kind, way, torch.tensor(X), lengths, W, U, b) @ V + c
        torch.nn.functional.mse_loss(outputs, torch.tensor(Y)).backward()
        adam.step()
    bl.Training(
        network, given, Y, optimizer=bl.Adam(0.01), epochs=20, batch_size=len(Y), shuffle=False,
        compiled=mode == "compiled",
    ).run()  # fmt: skip
    for name, tensor in {"1.W": W, "1.U": U, "1.b": b, "2.W": V, "2.b": c}.items():
        np.testing.assert_allclose(network[name], tensor.detach(), rtol=0, atol=1e-10, err_msg=name)


BUFFERS = {"recurrent": "NHZ", "lstm": "NGCKHZ", "gru": "NQGHZ"}
SLOPES = {"recurrent": "NHZ", "lstm": "NCHZ", "gru": "NQHZ"}


THOROUGH = bool(os.environ.get("BACKLIT_THOROUGH"))
"""Each kernel takes seconds to compile: `BACKLIT_THOROUGH=1 pytest tests/ops` is the large setting, for a release.
Otherwise float32 has one way, that of most branches."""


@pytest.mark.parametrize(
    ("dtype", "way"),
    [("float64", way) for way in WAYS] + [("float32", way) for way in (WAYS if THOROUGH else WAYS[-1:])],
    ids=str,
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_buffer_holds_the_same_in_both_modes(kind, way, dtype, close):
    network, X, T = made(kind, way, dtype)
    plain, compiled = (Ran(network, X, T, mode) for mode in ("plain", "compiled"))
    for name in [f"1.{array}" for array in BUFFERS[kind]] + [f"1.d{array}" for array in SLOPES[kind]]:
        close(compiled[name], plain[name], dtype, np.abs(plain[name]).max(initial=1.0))
    for name, gradient in plain.gradients.items():
        close(compiled.gradients[name], gradient, dtype, np.abs(gradient).max(initial=1.0))


ACTIVATIONS = ["relu", "softplus", "sigmoid", bl.LeakyReLU(0.3), "identity", "gelu"]
COMPILED = ACTIVATIONS if THOROUGH else ["sigmoid", bl.LeakyReLU(0.3), "gelu"]
"""One with a slope of its output, one with a setting, one with a slope of its input."""


@pytest.mark.parametrize(
    ("mode", "activation"), [("plain", one) for one in ACTIVATIONS] + [("compiled", one) for one in COMPILED]
)
def test_any_element_wise_activation_serves(activation, mode):
    rng = np.random.default_rng(0)
    network = Network([Recurrent(4, activation, returns="sequence"), Recurrent(2)], (5, 3), Projection(), seed=4)
    T = rng.normal(size=(6, 2))
    check = bl.gradcheck(network, rng.normal(size=(6, 5, 3)), T, compiled=mode == "compiled")
    assert check.passed, check


def test_an_activation_may_be_ones_own(mode):
    """Functions, constants and cache: an activation that no registry's digest has seen before."""
    from backlit.ops.base import Activation

    class Bent(Activation, frozen=True):
        name = "bent"
        by: float = 0.25
        below: float = 0.5

        @staticmethod
        def value(z, by):
            return z + by * np.sqrt(z * z + 1.0)

        @staticmethod
        def slope(z, by, below):
            return 1.0 + 2.0 * below * by * z / np.sqrt(z * z + 1.0)

    rng = np.random.default_rng(0)
    network = Network([Recurrent(4, Bent(0.3))], (5, 3), Projection(), seed=4)
    check = bl.gradcheck(network, rng.normal(size=(6, 5, 3)), rng.normal(size=(6, 4)), compiled=mode == "compiled")
    assert check.passed, check


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [{"returns": "sequence"}, {"lengths": "long", "reverse": True}], ids=str)
def test_threads_and_shards_change_no_bits_of_a_row(kind, way):
    """A row's outputs are the same in any shard, and a training's weights for any number of threads."""
    network, X, T = made(kind, way)
    with mock.patch.multiple(sharding, THREADED_WORK=0, THREADED_ROWS=2, SEVERAL_ROWS=2):
        weights = []
        for threads in (1, 2, 3):
            twin = network.copy()
            bl.Training(twin, X, np.tanh(T), optimizer="adam", epochs=4, batch_size=6, threads=threads).run()
            weights.append(twin.parameters.tobytes())
        assert len(set(weights)) == 1
    whole = network.predict(X)
    for k in range(len(T)):
        row = {name: each[k : k + 1] for name, each in X.items()} if isinstance(X, dict) else X[k : k + 1]
        np.testing.assert_allclose(network.predict(row)[0], whole[k], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("steps", [1, 2])
def test_short_sequences(kind, way, steps):
    """One step has no state before; two have one. Both modes agree, and PyTorch where it is installed."""
    rng = np.random.default_rng(0)
    inputs = {"X": (steps, 2)} | ({"long": 1} if "lengths" in way else {})
    network = Network([KINDS[kind](3, **way)], inputs, Projection(), seed=4)
    X = rng.normal(size=(3, steps, 2))
    given = {"X": X, "long": np.array([[1], [steps], [1]])} if "lengths" in way else X
    T = rng.normal(size=(3, network.output_size))
    ran, compiled = (Ran(network, given, T, mode) for mode in ("plain", "compiled"))
    np.testing.assert_allclose(compiled.outputs, ran.outputs, rtol=0, atol=1e-14)
    np.testing.assert_allclose(compiled.gradients["1.U"], ran.gradients["1.U"], rtol=0, atol=1e-14)
    torch = oracles.torch()
    W, U, b = tensors(torch, network)
    with mock.patch.dict(globals(), STEPS=steps):
        lengths = [1, steps, 1] if "lengths" in way else [steps] * 3
        outputs = peer_outputs(torch, kind, way, torch.tensor(X), lengths, W, U, b)
    outputs.backward(torch.tensor(T.reshape(outputs.shape)))
    np.testing.assert_allclose(ran.outputs, outputs.detach(), rtol=0, atol=1e-12)
    got = U.grad if U.grad is not None else np.zeros(U.shape)
    np.testing.assert_allclose(ran.gradients["1.U"], got, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_that_are_none_touch_no_other_memory(kind, mode):
    """Whatever the numbers are, the kernels clamp them."""
    network, X, T = made(kind, {"lengths": "long", "returns": "sequence"})
    matrix = np.concatenate([X["X"].reshape(len(T), -1), X["long"]], axis=1)
    matrix[:, -1] = [np.nan, -5.0, 1e30, np.inf, 0.0, -np.inf]
    objective = Objective.of(network, matrix, T, np.zeros(0), compiled=mode == "compiled")
    objective.loss()
    Z = objective.view("1.Z")
    whole = Z.reshape(len(T), STEPS, UNITS)
    assert np.isfinite(Z).all()
    assert (whole[[0, 1, 4, 5]] == 0.0).all()
    assert (whole[[2, 3], -1] != 0.0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_of_the_first_weights(kind):
    network = Network([KINDS[kind](8)], (5, 4), seed=0)
    U, b = network["1.U"], network["1.b"]
    np.testing.assert_allclose(U @ U.T, np.eye(8), atol=1e-12)
    limit = np.sqrt(6.0 / sum(network["1.W"].shape))
    assert 0.8 * limit < np.abs(network["1.W"]).max() <= limit
    assert b.tolist() == ([0.0] * 8 + [1.0] * 8 + [0.0] * 16 if kind == "lstm" else [0.0] * b.size)


@pytest.mark.parametrize("kind", KINDS)
def test_settings_come_back_from_plain_data(kind):
    layer = KINDS[kind](3, returns="sequence", reverse=True, truncate=4, weights="he_normal", freeze=("U",))
    network = Network([layer, KINDS[kind](2, biases=np.ones(KINDS[kind].biases_of_unit * 2))], (5, 2), seed=0)
    twin = Network.from_dict(network.to_dict())
    assert twin.layers[0] == layer
    assert twin.layers[1].biases is None
    assert network["2.b"].tolist() == [1.0] * (KINDS[kind].biases_of_unit * 2)


REFUSED = [
    ({"units": 0}, "units is 0; expected a whole number of at least 1"),
    ({"returns": "all"}, "returns is 'all'; expected 'last' or 'sequence'"),
    ({"truncate": -1}, "truncate is -1; expected a whole number of at least 0"),
    ({"reverse": "yes"}, "reverse is 'yes'; expected true or false"),
    ({"freeze": ("c",)}, "freeze names 'c'; the layer has the parameters 'W', 'U' and 'b'"),
    ({"weights": [["1"]]}, "write 1 without quotes"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
@pytest.mark.parametrize("kind", KINDS)
def test_settings_out_of_bounds_are_refused(kind, given, words):
    with pytest.raises(BacklitError) as error:
        KINDS[kind](**{"units": 2, **given})
    assert words in str(error.value)


def test_softmax_is_no_activation_of_units():
    with pytest.raises(BacklitError, match="'softmax', which is not element-wise"):
        Recurrent(2, "softmax")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (
            4,
            "reads sequences, rows of shape (steps, numbers of a step) such as (50, 8); it is given rows of shape (4,)",
        ),
        ((8, 8, 1), "it is given rows of shape (8, 8, 1)"),
        ({"X": (5, 2), "long": (2,)}, "lengths='long' is an input of shape (2,); expected one number for each row"),
        ({"X": (5, 2)}, "reads 'long', which is no input of the network"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_no_sequences_are_refused(kind, inputs, words):
    with pytest.raises(BacklitError) as error:
        Network([KINDS[kind](2, lengths="long" if isinstance(inputs, dict) else "")], inputs)
    assert words in str(error.value)


def test_lengths_are_whole_numbers_within_the_steps():
    network, X, _ = made("gru", {"lengths": "long"})
    for wrong, words in ((0, "from 1 to 7"), (8, "from 1 to 7"), (2.5, "whole numbers")):
        X["long"] = np.array([[7], [1], [wrong], [6], [7], [3]])
        with pytest.raises(BacklitError, match=words) as error:
            network.predict(X)
        assert "long" in str(error.value)
