"""One bias of all units of a layer: in formulas, in the drawing and its caption, in files, and trained once."""

from __future__ import annotations

from pathlib import Path

import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.examples import parse_network_file, run_example
from backlit.show.network.words import drawing_caption

FILE = """
[network]
inputs = 2
[[network.layers]]
units = 2
activation = "sigmoid"
weights = [[0.15, 0.25], [0.20, 0.30]]
weight_labels = [["w1", "w3"], ["w2", "w4"]]
bias = "shared"
biases = [0.35]
bias_labels = ["b1"]
[[network.layers]]
units = 2
activation = "sigmoid"
weights = [[0.40, 0.50], [0.45, 0.55]]
weight_labels = [["w5", "w7"], ["w6", "w8"]]
bias = "shared"
biases = [0.60]
bias_labels = ["b2"]
[data]
inputs = [[0.05, 0.10]]
targets = [[0.01, 0.99]]
[training]
optimizer = { op = "sgd", rate = 0.5 }
[[published]]
quantity = "dE/db1"
value = "0.018725609"
[[published]]
quantity = "b1"
value = "0.340637195"
after = 1
[[published]]
quantity = "w5"
value = "0.358916480"
after = 1
label = "w5+"
[[published]]
quantity = "-dE/dw5"
value = "-0.082167041"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "shared.toml"
    path.write_text(FILE, encoding="utf-8")
    return str(path)


def test_its_slope_is_the_sum_over_the_units_and_it_is_trained_once(file: str) -> None:
    step = bl.explain(file)
    names = [record.name for record in step]
    assert names.count("b1") == names.count("dE/db1") == names.count("b1+") == 1
    slope = step["dE/db1"]
    assert slope.plain_formula == "dE/dnet(h1) + dE/dnet(h2)"
    assert slope.value == pytest.approx(step["dE/dnet(h1)"].value + step["dE/dnet(h2)"].value, rel=1e-15)
    assert step["b1+"].value == pytest.approx(0.35 - 0.5 * slope.value, rel=1e-15)
    assert step["net(h2)"].plain_formula == "w3 · i1 + w4 · i2 + b1"


def test_the_drawing_says_that_it_is_one(file: str) -> None:
    (drawing,) = bl.explain(file).example.drawings
    backward = drawing_caption(drawing, backward=True)
    assert "b1, b2 are each one bias of several units, and dE/dw there the sum of their dE/dnet." in backward
    assert "one bias" not in drawing_caption(drawing, backward=False)
    for column in drawing.columns[1:]:
        biases = [edge for edge in column.edges if edge.source < 0]
        assert [edge.unit for edge in biases] == [0, 1]
        assert len({(edge.name, edge.weight, edge.slope, edge.new) for edge in biases}) == 1


def test_a_bias_of_each_unit_is_not_said_to_be_one() -> None:
    step = bl.explain("two-layer")  # its b1 and b2 stand at every unit, and are not trained
    assert "one bias" not in drawing_caption(step.example.drawings[0], backward=True)


def test_published_values_stand_under_own_names_at_the_start_and_after(file: str) -> None:
    (run,) = run_example(file, epochs=1, compiled=False).runs
    assert [figure.equal for figure in run.figures] == [True] * 4
    assert bl.explain(file)["b1+"].value == pytest.approx(0.340637195, abs=5e-10)


def test_a_new_weight_is_asked_for_by_its_epoch() -> None:
    with pytest.raises(BacklitError, match=r"'w5\+' is the value after a step; write quantity = \"w5\" and after = 1"):
        parse_network_file(FILE.replace('quantity = "w5"', 'quantity = "w5+"'))
    with pytest.raises(BacklitError, match="unknown quantity 'w55'"):
        parse_network_file(FILE.replace('quantity = "w5"', 'quantity = "w55+"'))
