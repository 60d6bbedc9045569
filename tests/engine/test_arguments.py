"""Arguments and names that do not exist are answered with what is meant, wherever they are given."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import backlit as bl
from backlit.engine.arguments import known_arguments
from backlit.ops.call_table import ARGUMENTS, NAMES

X, Y = np.eye(3), np.array([0, 1, 2])


def network() -> bl.Network:
    return bl.Network([bl.Dense(2, "tanh"), bl.Dense(3, "softmax")], 3, "cross_entropy", seed=0)


CALLS = {
    "Network": lambda **given: bl.Network([bl.Dense(1)], 2, "mse", **given),
    "Training": lambda **given: bl.Training(network(), X, Y, **given),
    "network.predict": lambda **given: network().predict(X, **given),
    "network.evaluate": lambda **given: network().evaluate(X, Y, **given),
    "network.gradient": lambda **given: network().gradient(X, Y, **given),
    "network.outputs": lambda **given: network().outputs(X, 1, **given),
    "gradcheck": lambda **given: bl.gradcheck(network(), X, Y, **given),
}
MEANT = [
    ("Network", "random_state", "did you mean 'seed'"),
    ("Network", "device", "processor"),
    ("Network", "input_dim", "did you mean 'inputs'"),
    ("Network", "optimizer", r"bl\.Training\(network, X, Y, optimizer="),
    ("Network", "lr", r"bl\.Training\(network, X, Y, optimizer="),
    ("network.predict", "verbose", "leave it out"),
    ("network.predict", "batch_size", "leave it out"),
    ("network.evaluate", "verbose", "print its result"),
    ("network.evaluate", "metric", "did you mean 'metrics'"),
    ("network.evaluate", "weights", "sample_weight="),
    ("network.gradient", "class_weight", "sample_weight="),
    ("network.outputs", "layers", "layer"),
    ("gradcheck", "eps", "leave it out"),
    ("gradcheck", "atol", "tolerance"),
    ("gradcheck", "lr", "bl.Training takes it: write optimizer="),
    ("Training", "learning_rate", "optimizer=bl.SGD"),
    ("Training", "verbose", "progress=True"),
]


@pytest.mark.parametrize(("called", "name", "meant"), MEANT)
def test_an_unknown_argument_is_answered_with_what_is_meant(called, name, meant):
    with pytest.raises(bl.BacklitError, match=f"^{called} has no argument '{name}'; .*{meant}") as told:
        CALLS[called](**{name: 1})
    assert isinstance(told.value, TypeError)


@pytest.mark.parametrize("called", CALLS)
def test_every_function_knows_its_arguments(called):
    with pytest.raises(bl.BacklitError, match=f"^{called} has no argument 'nonsense_'; known: "):
        CALLS[called](nonsense_=1)


def test_the_signature_stays_and_other_errors_come_out():
    assert [*inspect.signature(bl.Network.predict).parameters] == ["self", "X", "compiled", "threads"]
    assert "optimizer" in inspect.signature(bl.Training).parameters

    @known_arguments("f")
    def f(*, side):
        raise TypeError("mine")

    with pytest.raises(TypeError, match=r"^mine$"):
        f(side=1)
    with pytest.raises(TypeError, match="missing 1 required"):
        f()


def test_the_table_of_arguments_is_of_functions_that_lack_them():
    for called, words in ARGUMENTS.items():
        for name in words:
            with pytest.raises(bl.BacklitError, match=f"has no argument '{name}'"):
                CALLS[called or "network.predict"](**{name: 1})


def test_rows_in_the_place_of_a_network_are_seen():
    with pytest.raises(bl.BacklitError, match=r"Training is given a ndarray first; .* Training\(network, X, Y\)"):
        bl.Training(X, Y, network())
    with pytest.raises(bl.BacklitError, match="gradcheck is given a list first"):
        bl.gradcheck([[1.0]], X, Y)


def test_pytorchs_order_of_a_layers_sizes_is_seen():
    with pytest.raises(bl.BacklitError, match=r"inputs=4 of the network: PyTorch's Linear\(4, 16\) is Dense\(16\)"):
        bl.Dense(4, 16)


HOLDERS = {"network": network, "training": lambda: bl.Training(network(), X, Y, epochs=1), "backlit": lambda: bl}


@pytest.mark.parametrize("asked", NAMES)
def test_a_name_of_other_libraries_leads_to_ours(asked):
    holder = HOLDERS[asked]()
    for words, written in NAMES[asked].items():
        for name in words.split():
            with pytest.raises(AttributeError) as told:
                getattr(holder, name)
            assert f"{name!r}; write {written}." in str(told.value)


@pytest.mark.parametrize(("asked", "name", "meant"), [
    ("network", "evalute", "; did you mean 'evaluate'?"), ("network", "parameter", "; did you mean 'parameters'?"),
    ("training", "hstory", "; did you mean 'history'?"), ("training", "validaton", "; did you mean 'validation'?"),
    ("network", "xyzzy", "a network has no 'xyzzy'."), ("training", "xyzzy", "a training has no 'xyzzy'."),
])  # fmt: skip
def test_a_misspelt_name_leads_to_the_right_one(asked, name, meant):
    with pytest.raises(AttributeError) as told:
        getattr(HOLDERS[asked](), name)
    assert str(told.value).endswith(meant)
    assert not hasattr(HOLDERS[asked](), "__array__")


def test_values_of_another_shape_are_refused_in_words():
    net = network()
    with pytest.raises(bl.BacklitError, match=r"1.W is given values of shape \(3, 3\); the network expects \(3, 2\)"):
        net["1.W"] = np.zeros((3, 3))
    net["1.W"], net["1.b"] = [[1, 2]] * 3, 0.5
    assert net["1.W"][2, 1] == 2.0
    assert net["1.b"].tolist() == [0.5, 0.5]
