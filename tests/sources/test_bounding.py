"""`backlit.boundary` draws what `analysis` computes, and keeps the record."""

import json

import numpy as np

import backlit as bl
from backlit.analysis.boundary.boundary import boundary

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def test_every_argument_reaches_the_record():
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1, "sigmoid")], 3, "binary_cross_entropy", seed=0)
    data = np.hstack([X, X[:, :1]])
    given = {"columns": ("c", "a"), "points": 7, "inputs": ["a", "b", "c"], "outputs": ["out"],
             "classes": ["no", "yes"], "units": ["p", "q"]}  # fmt: skip
    made = bl.boundary(network, data, [0, 1, 1, 0], **given)
    found = made.record
    assert found == boundary(network, (data, [0, 1, 1, 0]), **given)
    assert (found.x_name, found.y_name, len(found.x), found.held[0][0]) == ("c", "a", 7, "b")
    assert (found.outputs[0].name, found.outputs[0].classes) == ("out", ("no", "yes"))
    assert [unit.unit for unit in found.units] == ["p", "q"]
    assert bl.boundary(network, data, [0, 1, 1, 0], kind="numbers").record.outputs[0].classes == ()


def test_a_picture_is_saved(tmp_path):
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=0)
    made = bl.boundary(network, X, [0, 1, 1, 0])
    assert json.loads(made.save(tmp_path / "b.json").read_text())["of_rows"] == 4
    assert made.save(tmp_path / "b.svg").read_text().startswith("<svg")
    assert str(made).splitlines()[0] == "Decision boundary"
