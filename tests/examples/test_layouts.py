"""Weights with a row for each unit: read, checked in the file's own terms, named, and written back."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.examples import parse_network_file, read_network_file, run_example
from backlit.examples.layers_alone import parse_layers
from backlit.page.design import Design
from backlit.page.file_sources import design_of

UNITS = """
[network]
inputs = 3
layout = "units"
[[network.layers]]
units = 2
activation = "tanh"
weights = [[1, 2, 3], [4, 5, 6]]
weight_labels = [["w1", "w2", "w3"], ["w4", "w5", "w6"]]
biases = [0.5, 0.25]
[[network.layers]]
op = "residual"
layers = [{ units = 2, weights = [[1, 2], [3, 4]] }]
[[network.layers]]
units = 1
layout = "inputs"
weights = [[7], [8]]
weight_labels = [["w7"], ["w8"]]
[data]
inputs = [[1, 0, -1]]
targets = [1]
"""
INPUTS = (
    UNITS.replace('layout = "units"\n', "")
    .replace('layout = "inputs"\n', "")
    .replace("[[1, 2, 3], [4, 5, 6]]", "[[1, 4], [2, 5], [3, 6]]")
    .replace('[["w1", "w2", "w3"], ["w4", "w5", "w6"]]', '[["w1", "w4"], ["w2", "w5"], ["w3", "w6"]]')
    .replace("[[1, 2], [3, 4]]", "[[1, 3], [2, 4]]")
)


def test_a_row_for_each_unit_and_one_for_each_input_are_the_same_network() -> None:
    one, other = (parse_network_file(text).setups[0] for text in (UNITS, INPUTS))
    assert (one.build().parameters == other.build().parameters).all()
    assert one.build()["1.W"].tolist() == [[1, 4], [2, 5], [3, 6]]
    for at in np.ndindex(3, 2):
        assert one.names.own_label("1.W", *at) == other.names.own_label("1.W", *at) == f"w{1 + at[0] + 3 * at[1]}"
    assert one.names.own_label("3.W", 1, 0) == "w8"


def test_recurrent_matrices_are_turned_too() -> None:
    text = (
        '[network]\ninputs = 1\n[[network.layers]]\nop = "recurrent"\nunits = 2\nlayout = "units"\n'
        'weights = [[1], [2]]\nrecurrent_weights = [[3, 4], [5, 6]]\nrecurrent_labels = [["a", "b"], ["c", "d"]]\n'
        "[data]\ninputs = [[1], [2]]\ntargets = [[0, 0]]\n"
    )
    setup = parse_network_file(text).setups[0]
    assert setup.build()["1.W"].tolist() == [[1, 2]]
    assert setup.build()["1.U"].tolist() == [[3, 5], [4, 6]]
    assert setup.names.own_label("1.U", 0, 1) == "c"


MISFITS = [
    ("[[1, 2, 3], [4, 5, 6]]", "[[1, 4], [2, 5], [3, 6]]",
     "weights has 3 rows of 2; expected 2 rows, one per unit, of 3, one per input of the layer. If its rows are of the "
     'inputs, write layout = "inputs".'),
    ("[[1, 2, 3], [4, 5, 6]]", "[[1, 2], [4, 5]]",
     "weights has 2 rows of 2; expected 2 rows, one per unit, of 3, one per input of the layer."),
    ("[[1, 2, 3], [4, 5, 6]]", "[[1, 2, 3], [4, 5]]", "weights has 2 rows of different lengths; expected 2 rows, one"),
    ("[[1, 2, 3], [4, 5, 6]]", '[[1, 2, 3], [4, "5", 6]]', "weights, row 2, column 2: text in quotes was given"),
    ('["w4", "w5", "w6"]', '["w4", "w5"]', "weight_labels has 2 rows of different lengths; expected 2 rows, one per u"),
    ("[[7], [8]]", "[[7, 8]]", "weights has 1 row of 2; expected 2 rows, one per input of the layer, of 1, one per unit"
     '. If its rows are of the units, write layout = "units".'),
    ('layout = "inputs"', 'layout = "columns"', "layout is 'columns'; expected \"inputs\", a row of weights for each"),
    ('layout = "units"', 'layout = "rows"', "network, layout: 'rows' is given; expected 'inputs' or 'units'."),
    ('layout = "inputs"', 'layuot = "inputs"', "unknown key 'layuot'; did you mean 'layout'?"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "message"), MISFITS, ids=[message[:40] for *_, message in MISFITS])
def test_what_does_not_fit_is_said_in_the_layout_of_the_file(good: str, bad: str, message: str) -> None:
    assert good in UNITS
    with pytest.raises(BacklitError) as caught:
        parse_network_file(UNITS.replace(good, bad, 1), "my.toml")
    words, line, mark = str(caught.value).split("\n")
    assert message in words
    key = bad.split(" =", maxsplit=1)[0] if " =" in bad else ""
    assert key in line
    assert line[mark.index("^")].strip()


def test_a_layer_whose_weights_are_no_matrix_has_no_layout() -> None:
    text = '[network]\ninputs = [4, 4, 1]\n[[network.layers]]\nop = "conv2d"\nfilters = 1\nsize = 2\nlayout = "units"\n'
    with pytest.raises(BacklitError, match="layout is given; the weights of 'conv2d' are no matrix: leave it out"):
        parse_network_file(text)
    given = text.replace('layout = "units"\n', "weights = [[[[1]], [[2]]], [[[3]], [[4]]]]\n")
    given = given.replace("inputs =", 'layout = "units"\ninputs =')  # of the file: of its matrices
    assert parse_network_file(given).build()["1.W"].ravel().tolist() == [1, 2, 3, 4]


def test_the_page_writes_the_layout_that_it_has_read() -> None:
    setup = parse_network_file(UNITS).setups[0]
    design = design_of(setup)
    assert design.network["layers"][0]["weights"] == [[1, 2, 3], [4, 5, 6]]
    again = Design(copy.deepcopy(design.network), design.training).setup()
    assert (again.build().parameters == setup.build().parameters).all()
    assert again.names.own_label("1.W", 2, 0) == "w3"


def test_the_layers_for_a_table_have_a_row_for_each_input() -> None:
    one, other = (parse_layers(text, "my.toml") for text in (UNITS, INPUTS))
    assert one.layers == other.layers
    assert one.given["layers"][0]["weight_labels"] == [["w1", "w4"], ["w2", "w5"], ["w3", "w6"]]


SQUARE = """
[network]
inputs = 2
[[network.layers]]
units = 2
bias = false
weights = [[0.1, 0.2], [0.3, 0.4]]
[data]
inputs = [[1, 0]]
targets = [[1, 2]]
[[published]]
quantity = "out(o1)"
value = "0.1"
[[published]]
quantity = "out(o2)"
value = "0.3"
"""


def test_figures_that_fit_the_other_reading_say_which_layout_to_write_and_it_is_right(tmp_path) -> None:
    path = tmp_path / "page.toml"
    path.write_text(SQUARE, encoding="utf-8")
    (run,) = run_example(str(path), epochs=1, compiled=False).runs
    assert run.warnings[0].endswith(': then write layout = "units" in layer 1, or in [network] for all layers.')
    path.write_text(SQUARE.replace("inputs = 2", 'inputs = 2\nlayout = "units"'), encoding="utf-8")
    (run,) = run_example(str(path), epochs=1, compiled=False).runs
    assert not run.warnings
    assert [figure.equal for figure in run.figures] == [True, True]
    turned = SQUARE.replace("inputs = 2", 'inputs = 2\nlayout = "units"').replace('"0.3"', '"0.2"')
    path.write_text(turned, encoding="utf-8")
    (run,) = run_example(str(path), epochs=1, compiled=False).runs
    assert 'then write layout = "inputs" in layer 1' in run.warnings[0]


def test_a_square_matrix_stands_with_its_heads_in_the_worked_example(tmp_path) -> None:
    path = tmp_path / "page.toml"
    path.write_text(SQUARE.replace("inputs = 2", 'inputs = 2\nlayout = "units"'), encoding="utf-8")
    step = bl.explain(str(path))
    (table,) = (table for section in step.example.sections for table in section.tables)
    assert table.heads == ("", "to o1", "to o2")
    assert table.lines == (("from i1", "0.1", "0.3"), ("from i2", "0.2", "0.4"))
    assert read_network_file(path).build()["1.W"].tolist() == [[0.1, 0.3], [0.2, 0.4]]
    lines = str(step).splitlines()
    place = lines.index("  weights of layer 1:")
    assert [line.split() for line in lines[place + 1 : place + 3]] == [["to", "o1", "to", "o2"],
                                                                      ["from", "i1", "0.1", "0.3"]]  # fmt: skip
    for form in (step.to_markdown(), step.to_latex(), step.to_html(), step._repr_html_()):
        assert "from i1" in form
        assert "to o2" in form
    assert "from i1" not in str(bl.explain(str(path), only="o1"))
