"""Blocks, joins, ties, several inputs, embeddings, and layers on the last axis: held to PyTorch's numbers.

A case is a network with the same computation in PyTorch, of the network's parameters by their names.
"""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.engine.gradcheck import gradcheck
from backlit.engine.network import Network
from backlit.engine.wiring import labelled, nodes_of
from backlit.errors import BacklitError

torch = pytest.importorskip("torch")
F = torch.nn.functional

Dense, Residual, Parallel, Select = bl.Dense, bl.Residual, bl.Parallel, bl.Select
ROWS = 11
MODES = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])


def dense(P, label, x, activation=None):
    z = x @ P[f"{label}.W"] + P[f"{label}.b"]
    return z if activation is None else activation(z)


def layer_norm(P, label, x):
    return F.layer_norm(x, x.shape[-1:], P[f"{label}.gamma"], P[f"{label}.beta"], 1e-5)


def batch_norm(P, label, x):
    moved = torch.movedim(x, -1, 1)
    out = F.batch_norm(moved, None, None, P[f"{label}.gamma"], P[f"{label}.beta"], training=True, eps=1e-5)
    return torch.movedim(out, 1, -1)


def residual(P, x):
    h = dense(P, "1", x, torch.tanh)
    return dense(P, "3", dense(P, "2.2", dense(P, "2.1", h, torch.tanh)) + h)


def shortcut(P, x):
    h = dense(P, "1", x, torch.tanh)
    return dense(P, "4", torch.tanh(dense(P, "2a.1", h, torch.tanh) + dense(P, "2b.1", h)))


def joined(join):
    def run(P, x):
        h = dense(P, "1", x, torch.tanh)
        a, b = dense(P, "2a.2", dense(P, "2a.1", h, torch.tanh)), dense(P, "2b.1", h, torch.sigmoid)
        return dense(P, "3", {"add": a + b + h, "multiply": a * b * h, "concatenate": torch.cat([a, b, h], -1)}[join])

    return run


def branches(join):
    return [Dense(4, "tanh"), Parallel([[Dense(5, "tanh"), Dense(4)], [Dense(4, "sigmoid")], []], join), Dense(2)]


def nested(P, x):
    a = dense(P, "1a.1", x, torch.tanh)
    a = a * torch.tanh(torch.cat([dense(P, "1a.2.1a.1", a), dense(P, "1a.2.1b.1", a)], -1))
    b = x[:, [2, 0, 2]]
    return dense(P, "2", torch.cat([a, dense(P, "1b.2", b)], -1))


NESTED = [
    Parallel([
        [Dense(4, "tanh"), Parallel([[Parallel([[Dense(1)], [Dense(3)]]), "tanh"], []], "multiply")],
        [Select([2, 0, 2]), Dense(2)],
    ]),
    Dense(2),
]  # fmt: skip


def tied(P, x):
    h = dense(P, "1", dense(P, "1", x, torch.tanh), torch.sigmoid)
    return dense(P, "5", dense(P, "1", h) + h)


TIED = [Dense(3, "tanh", tie="one"), Dense(3, "sigmoid", tie="one"), Residual([Dense(3, tie="one")]), "identity",
        Dense(2, bias="shared")]  # fmt: skip


def tied_with_norms(P, x):
    h = F.batch_norm(dense(P, "1", x), None, None, P["2.gamma"], P["2.beta"], training=True)
    h = F.batch_norm(dense(P, "1", torch.tanh(h)), None, None, P["2.gamma"], P["2.beta"], training=True)
    return dense(P, "6", h)


TIED_WITH_NORMS = [Dense(3, tie="w"), bl.BatchNorm(tie="n"), "tanh", Dense(3, tie="w"), bl.BatchNorm(tie="n"), Dense(2)]


def norms(P, x):
    h = batch_norm(P, "2", dense(P, "1", x.reshape(-1, 3, 2, 2)))
    return torch.softmax(dense(P, "5", torch.tanh(layer_norm(P, "3", h))), -1).reshape(len(x), -1)


NORMS = [Dense(4), bl.BatchNorm(), bl.LayerNorm(), "tanh", Dense(3, "softmax")]

CASES: dict[str, tuple[Any, Any, Any]] = {
    "residual": ([Dense(4, "tanh"), Residual([Dense(4, "tanh"), Dense(4)]), Dense(2)], 3, residual),
    "residual with a shortcut": ([Dense(4, "tanh"), Residual([Dense(5, "tanh")], [Dense(5)]), "tanh", Dense(2)], 3,
                                 shortcut),
    **{f"parallel, {join}": (branches(join), 3, joined(join)) for join in ("add", "multiply", "concatenate")},
    "nested": (NESTED, 3, nested),
    "tied": (TIED, 3, tied),
    "tied, with batch normalization": (TIED_WITH_NORMS, 3, tied_with_norms),
    "norms on pictures": (NORMS, (3, 2, 2), norms),
    "sequence": ([Dense(3, "tanh"), Dense(2)], (4, 2),
                 lambda P, x: dense(P, "2", dense(P, "1", x.reshape(-1, 4, 2), torch.tanh)).reshape(len(x), -1)),
    "embedding": ([bl.Embedding(5, 3), Dense(2, "tanh"), Dense(2)], (4,),
                  lambda P, x: dense(P, "3", dense(P, "2", P["1.W"][x.round().long()], torch.tanh))),
}  # fmt: skip


def problem(name: str, rows: int = ROWS) -> tuple[Network, Any, Any, Any]:
    layers, inputs, peer = CASES[name]
    network = Network(layers, inputs, seed=3)
    rng = np.random.default_rng(1)
    network.parameters += rng.normal(0.0, 0.2, network.parameters.size)
    X = rng.normal(size=(rows, network.inputs))
    for rule in network.whole_numbers:
        X[:, rule.columns] = rng.integers(rule.low, rule.high + 1, (rows, len(rule.columns)))
    return network, X, rng.uniform(0.1, 0.9, (rows, network.output_size)), peer


def peer_parameters(network: Network) -> Any:
    return {name: torch.tensor(network[name].copy(), requires_grad=True) for name in network.layout}


def peer_loss(outputs: Any, Y: Any) -> Any:
    return ((outputs.reshape(len(Y), -1) - torch.tensor(Y)) ** 2).sum(1).mean() / 2.0


@MODES
@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_torchs(name, compiled):
    network, X, Y, peer = problem(name)
    P = peer_parameters(network)
    loss = peer_loss(peer(P, torch.tensor(X)), Y)
    loss.backward()
    found = network.gradient(X, Y, compiled=compiled)
    assert found.keys() == P.keys()
    for array, gradient in found.items():
        np.testing.assert_allclose(gradient, P[array].grad, rtol=1e-10, atol=1e-12, err_msg=array)
    if "norm" not in name:  # these are torch's of a training
        outputs = network.predict(X, compiled=compiled).reshape(ROWS, -1)
        np.testing.assert_allclose(outputs, peer(P, torch.tensor(X)).detach().reshape(ROWS, -1), rtol=1e-10, atol=1e-12)


@MODES
@pytest.mark.parametrize("name", CASES)
def test_twenty_steps_are_torchs(name, compiled):
    network, X, Y, peer = problem(name)
    P = peer_parameters(network)
    rule = torch.optim.SGD(P.values(), lr=0.05, momentum=0.9)
    for _ in range(20):
        rule.zero_grad()
        peer_loss(peer(P, torch.tensor(X)), Y).backward()
        rule.step()
    rule = bl.Momentum(rate=0.05, momentum=0.9)
    bl.Training(network, X, Y, epochs=20, batch_size=ROWS, optimizer=rule, shuffle=False, compiled=compiled).run()
    for array, value in P.items():
        np.testing.assert_allclose(network[array], value.detach(), rtol=1e-10, atol=1e-10, err_msg=array)


@MODES
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_the_error(name, compiled):
    network, X, Y, _ = problem(name, rows=6)
    check = gradcheck(network, X, Y, compiled=compiled, l2=0.1)
    assert check.passed, str(check)


@pytest.mark.parametrize("name", CASES)
def test_plain_equals_compiled_and_threads_change_no_bit(name, shared_batches):
    found = []
    for compiled, threads in ((False, 1), (True, 1), (True, 2), (True, 3)):
        network, X, Y, _ = problem(name, rows=37)
        bl.Training(network, X, Y, epochs=4, batch_size=30, optimizer="sgd", compiled=compiled,
                    threads=threads).run()  # fmt: skip
        found.append(network.parameters.copy())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-12)
    for other in found[2:]:
        np.testing.assert_array_equal(other, found[1])


@pytest.mark.parametrize("name", CASES)
def test_they_come_back_from_files_and_pickles(name, tmp_path):
    network, X, _, _ = problem(name)
    outputs = network.predict(X, compiled=False)
    bl.save(network, tmp_path / "net.safetensors")
    described = Network.from_dict(json.loads(json.dumps(network.to_dict())))
    described.parameters[:] = network.parameters
    twins = [described, bl.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(network)), network.copy(),
             copy.deepcopy(network)]  # fmt: skip
    for twin in twins:
        assert twin.layers == network.layers
        assert twin.graph.inputs == network.graph.inputs
        np.testing.assert_array_equal(twin.predict(X, compiled=False), outputs)


@pytest.mark.parametrize("name", CASES)
def test_a_training_is_measured_and_told(name):
    network, X, Y, _ = problem(name)
    training = bl.Training(network, X, Y, epochs=3, batch_size=5, validation=(X, Y), metrics=["r2"], compiled=False,
                           gradient_norms=True)  # fmt: skip
    training.run()
    assert set(training.signals.layers) == {array.rpartition(".")[0] for array in network.layout}
    assert str(network.summary())
    assert str(training.history)
    assert str(network.gradient(X, Y, compiled=False))
    assert network.evaluate(X, Y, compiled=False).loss > 0.0
    for label in dict.fromkeys(network.labels):
        assert len(network.outputs(X, label, compiled=False)) == ROWS
    assert pickle.loads(pickle.dumps(training)).history == training.history


# ------------------------------------------------------------------------------------------------------ several inputs


def several() -> tuple[Network, Any, Any]:
    layers = [
        Parallel([
            [Select("waves"), Dense(3, "tanh"), bl.Flatten(), Dense(2)],
            [Select("table"), Parallel([[Select(0), Dense(2)],
                                        [Select([1, 2]), bl.Embedding(4, 2), Dense(2, "tanh"), bl.Flatten()]])],
        ]),
        Dense(1),
    ]  # fmt: skip
    rng = np.random.default_rng(2)
    X = {"waves": rng.normal(size=(ROWS, 4, 2)), "table": np.c_[rng.normal(size=ROWS), rng.integers(0, 4, (ROWS, 2))]}
    return Network(layers, {"waves": (4, 2), "table": 3}, seed=1), X, rng.normal(size=(ROWS, 1))


@MODES
def test_several_inputs_are_torchs(compiled):
    network, X, Y = several()
    P = peer_parameters(network)
    waves, table = torch.tensor(X["waves"]), torch.tensor(X["table"])
    a = dense(P, "1a.4", dense(P, "1a.2", waves, torch.tanh).reshape(ROWS, -1))
    e = dense(P, "1b.2b.3", P["1b.2b.2.W"][table[:, 1:].long()], torch.tanh).reshape(ROWS, -1)
    outputs = dense(P, "2", torch.cat([a, dense(P, "1b.2a.2", table[:, :1]), e], -1))
    peer_loss(outputs, Y).backward()
    for array, gradient in network.gradient(X, Y, compiled=compiled).items():
        np.testing.assert_allclose(gradient, P[array].grad, rtol=1e-10, atol=1e-13, err_msg=array)
    np.testing.assert_allclose(network.predict(X, compiled=compiled), outputs.detach(), rtol=1e-10)
    matrix = np.concatenate([X["waves"].reshape(ROWS, -1), X["table"]], axis=1)
    np.testing.assert_array_equal(network.predict(matrix, compiled=compiled), network.predict(X, compiled=compiled))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda X: {"waves": X["waves"]}, "X has the inputs 'waves'; the network expects 'waves', 'table'"),
        (lambda X: X | {"waves": X["waves"][:3]}, "the input 'table' has 11 rows, 'waves' has 3"),
        (lambda X: X | {"waves": X["waves"][:, :3]}, r"waves has shape \(11, 3, 2\); the network expects rows of shape "
                                                     r"\(4, 2\): \(n, 4, 2\) or \(n, 8\)"),
        (lambda X: X["table"], r"X has shape \(11, 3\); the network expects rows of 11 inputs"),
        (lambda X: X | {"table": np.where(X["table"] >= 0, 1.5, 0)},
         r"table\[0, 1\] is 1\.5; layer 1b.2b.2 \(embedding 4 × 2\) takes whole numbers from 0 to 3 there\. "
         r".* not to be scaled"),
        (lambda X: X | {"table": X["table"] * [1, 1, np.nan]}, r"table\[0, 2\] is nan; layer 1b.2b.2 .* there\.$"),
        (lambda X: X | {"table": X["table"] + [0, 0, 4]}, r"table\[0, 2\] is"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_named(given, words):
    network, X, _ = several()
    with pytest.raises(BacklitError, match=words):
        network.predict(given(X), compiled=False)


# ------------------------------------------------------------------------------------------------------------- shapes


def test_rows_come_in_their_shape_and_outputs_too():
    network = Network([Dense(2, "tanh"), Dense(1)], (4, 3, 1), seed=1)
    X = np.random.default_rng(0).normal(size=(5, 4, 3, 1))
    outputs = network.predict(X, compiled=False)
    assert outputs.shape == (5, 4, 3, 1)
    for same in (X[..., 0], X.reshape(5, 12)):
        np.testing.assert_array_equal(network.predict(same, compiled=False), outputs)
    for Y in (outputs, outputs[..., 0], outputs.reshape(5, 12)):
        assert network.evaluate(X, Y, compiled=False).loss == 0.0
    with pytest.raises(BacklitError, match=r"X has shape \(5, 4, 2\); the network expects rows of shape \(4, 3, 1\): "
                                           r"\(n, 4, 3, 1\) or \(n, 4, 3\) or \(n, 12\)"):  # fmt: skip
        network.predict(X[:, :, :2, 0])
    with pytest.raises(BacklitError, match=r"A single row is given as X\[None\]"):
        network.predict(X[0])
    with pytest.raises(BacklitError, match=r"Y has shape \(5, 3\) .* expects \(5, 4, 3, 1\), or \(5, 12\)"):
        network.evaluate(X, np.zeros((5, 3)))
    X[2, 1, 0, 0] = np.inf
    with pytest.raises(BacklitError, match=r"X\[2, 1, 0, 0\] is inf"):
        network.evaluate(X, outputs)


def nested(times):
    """Give a residual block in a residual block, so many times."""
    block = Residual([Dense(4)])
    for _ in range(times - 1):
        block = Residual([block])
    return block


REFUSED = {
    "shapes that cannot be added": (lambda: Network([Dense(4), Residual([Dense(3)])], 2),
        r"residual 2 joins rows of shape \(3,\) and \(4,\) by 'add': let them write \(4,\), or give a shortcut that "
        r"writes \(3,\): shortcut=\[Dense\(3\)\]"),
    "nested": (lambda: Network([Residual([Dense(4), Parallel([[Dense(1)], [Dense(2)]], "add")])], 4),
        r"parallel 1.2 joins rows of shape \(1,\) and \(2,\)"),
    "positions that differ": (lambda: Network([Parallel([[], [bl.Flatten()]]), Dense(1)], (2, 3)),
        "let the branches write shapes that differ in the last axis alone"),
    "one branch": (lambda: Parallel([[Dense(1)]]), "Parallel has 1 branch; expected at least two"),
    "no list": (lambda: Parallel(Dense(1)), "expected a list of lists of layers"),
    "no layers": (lambda: Residual([]), "Residual has no layers"),
    "unknown join": (lambda: Parallel([[], []], "sum"), "join is 'sum'; expected one of 'add', 'multiply'"),
    "no recurrent layer": (lambda: bl.Bidirectional(Dense(2)), "a dense layer; expected a recurrent one"),
    "both ways": (lambda: bl.Bidirectional(bl.GRU(2, reverse=True)), "it makes the other itself"),
    "unknown input": (lambda: Network([Select("table"), Dense(1)], 3), "layer 1 selects 'table', .* it has X"),
    "late input": (lambda: Network([Dense(1), Select("X"), Dense(1)], 3), "layer 2 selects the input 'X' behind other"),
    "only an input": (lambda: Network([Select("X")], 3), "the network only selects an input"),
    "column beyond": (lambda: Network([Select([0, 3]), Dense(1)], 3),
        r"layer 1: Select names column 3; .* columns are 0 to 2"),
    "a column by name": (lambda: Network([Select(["age", "size"]), Dense(1)], 3),
        "layer 1: Select names the column 'age'; a network knows columns by their numbers"),
    "nested too deep": (lambda: Network([nested(400), Dense(1)], 4), "blocks stand in blocks more than 50 times"),
    "a list of inputs": (lambda: Network([Parallel([[Select("a")], [Select("b")]])], {"a": 2, "b": 3}).predict(
        [np.ones((4, 2)), np.ones((4, 3))]), "X is a list of 2 arrays; .* {'a': ..., 'b': ...}"),
    "half a column": (lambda: Select(0.5), "expected numbers of columns from 0"),
    "negative column": (lambda: Select([-1]), "expected numbers of columns from 0"),
    "unread input": (lambda: Network([Dense(1)], {"a": 2, "b": 2}), "nothing reads the input 'b'; begin a branch"),
    "a tie of other shapes": (lambda: Network([Dense(3, tie="a"), Dense(2, tie="a")], 3),
        r"the tie 'a' is of layers that differ: layer 1 has the parameters .* layer 2"),
    "a tie half frozen": (lambda: Network([Dense(3, tie="a"), Dense(3, tie="a", freeze=("W",))], 3), "has freeze = "),
    "an embedding of outputs": (lambda: Network([Dense(3), bl.Embedding(3, 2)], 3),
        r"layer 2 \(embedding 3 × 2\) takes whole numbers from 0 to 2; it reads what layer 1 writes"),
    "an embedding too large": (lambda: bl.Embedding(2**24 + 1, 1), "expected at most 16,777,216"),
    "an embedding of none": (lambda: bl.Embedding(0, 1), "count is 0; expected a whole number of at least 1"),
    "a class for each position": (lambda: Network([Dense(3, "softmax")], (4, 2), "cross_entropy"),
        r"'cross_entropy' is of one class for each row, and the network's outputs have the shape \(4, 3\) per row"),
    "other biases": (lambda: Dense(2, bias="one"), "expected True, False, or 'shared'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_words(name):
    make, words = REFUSED[name]
    with pytest.raises(BacklitError, match=words):
        make()


# --------------------------------------------------------------------------------------------------- labels and summary


def test_labels_of_nested_layers():
    labels = [node.label for node in nodes_of(NESTED, {"X": (3,)})]
    assert list(dict.fromkeys(labels)) == ["1a.1", "1a.2.1a.1", "1a.2.1b.1", "1a.2.1", "1a.2.2", "1a.2", "1b.1", "1b.2",
                                           "1", "2"]  # fmt: skip
    assert set(labelled(NESTED)) >= {"1", "1a.1", "1a.2", "1b.2", "2"}
    network = Network(NESTED, 3)
    assert repr(network).startswith("Network(3 -> parallel")
    lines = {line.label: line.layer for line in network.summary().layers}
    assert lines["1"] == "parallel: concatenate"
    assert lines["1b.1"] == "columns 2, 0, 2"


def test_tied_layers_are_counted_once():
    network = Network(TIED, 3)
    lines = {line.label: line for line in network.summary().layers}
    assert lines["2"].layer == "3 sigmoid, tied to 1"
    assert sum(line.parameters for line in lines.values()) == network.parameters.size == 12 + 7
    np.testing.assert_array_equal(network["3.1.W"], network["1.W"])
    with pytest.raises(KeyError):
        network["4.W"]


def test_frozen_ties_stay():
    layers = [Dense(3, "tanh", tie="a", freeze=("W",)), Dense(3, tie="a", freeze=("W",)), Dense(1)]
    network = Network(layers, 3, seed=1)
    before = network["1.W"].copy()
    assert set(network.gradient(np.ones((2, 3)), np.ones(2))) == {"1.b", "3.W", "3.b"}
    bl.Training(network, np.ones((4, 3)), np.ones(4), epochs=3).run()
    np.testing.assert_array_equal(network["1.W"], before)


# ------------------------------------------------------------------------------------------------- dropout of channels


@MODES
def test_spatial_dropout_keeps_or_drops_channels_whole(compiled):
    network = Network([bl.SpatialDropout(0.5), Dense(1)], (5, 4), seed=1)
    X, Y = np.ones((200, 5, 4)), np.zeros((200, 5, 1))
    check = gradcheck(network, X[:7], Y[:7], compiled=compiled, seed=3)
    assert check.passed, str(check)
    network["2.W"][:, 0] = [1.0, 10.0, 100.0, 1000.0]
    found = network.gradient(X, Y, compiled=compiled, seed=4)["2.W"]
    plain = network.gradient(X, Y, compiled=False, seed=4)["2.W"]
    np.testing.assert_allclose(found, plain, rtol=1e-12)
    np.testing.assert_allclose(network.predict(X, compiled=compiled), 1111.0)
    assert np.abs(network.gradient(X, Y, compiled=compiled)["2.W"] / found - 1.0).max() > 0.01
