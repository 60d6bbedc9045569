"""Weights by their place in the network's arrays, beside their names in worked examples."""

from __future__ import annotations

import numpy as np
import pytest

import backlit as bl


@pytest.fixture
def network() -> bl.Network:
    return bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], inputs=2, loss="half_squared_error", seed=3)


def test_every_weight_has_two_names(network):
    example = bl.explain(network, [[0.5, 1.0]], [0.25])
    check = bl.gradcheck(network, [[0.5, 1.0]], [0.25])
    for array in network:
        for index in np.ndindex(network[array].shape):
            found = example[f"{array}[{', '.join(map(str, index))}]"]
            assert found.value == network[array][index]
            assert example[found.name] == found
    assert example["1.W[0,1]"].name == "w(i1,h2)"
    assert {array.name for array in check.arrays} > {*network}
    for wrong in ("1.W[2, 0]", "1.W[0]", "3.W[0, 0]"):
        with pytest.raises(KeyError, match="has no number"):
            example[wrong]


def test_a_part_is_asked_for_by_an_array_or_an_element_of_it(network):
    rows = [[0.5, 1.0]], [0.25]
    assert str(bl.explain(network, *rows, only="1.W[0, 1]")) == str(bl.explain(network, *rows, only="w(i1,h2)"))
    names = [record.name for record in bl.explain(network, *rows, only="2.W")]
    assert names == [
        "w(h1,o1)", "w(h2,o1)", "dE/dw(h1,o1)", "dE/dw(h2,o1)", "w(h1,o1)+", "w(h2,o1)+",
    ]  # fmt: skip
    with pytest.raises(bl.BacklitError, match=r"the step has no '3\.W'"):
        bl.explain(network, *rows, only="3.W")
