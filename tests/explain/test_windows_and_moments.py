"""What worked examples of windows, sequences and branches say beside the numbers, and how parts of them are named."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from line_judge import Judge

import backlit as bl
from backlit.show.worked.notebook import worked_outputs

ZEROS: Any = {
    "left over, and another is taken": ([bl.MaxPool((1, 2)), bl.Flatten()], (1, 3, 1), 1),
    "left over behind the windows": ([bl.AveragePool(2), bl.Flatten()], (3, 1), 1),
    "between the windows": ([bl.Conv1D(1, 1, stride=2), bl.Flatten()], (3, 1), 1),
    "a window wider than the sequence": ([bl.Conv1D(1, 3, padding="same"), bl.Flatten()], (1, 1), 1),
    "a column that is left out": ([bl.Dense(2), bl.Select([1])], (1,), 1),
    "categories that the row lacks": ([bl.Embedding(4, 1), bl.Flatten()], (2,), 1),
    "a sequence of one step": ([bl.GRU(1, bias=False)], (1, 1), 1),
    "the first step's cell": ([bl.LSTM(1, truncate=1)], (3, 1), 1),
    "behind the end": (
        [bl.GRU(1, returns="sequence", lengths="length"), bl.LSTM(1, lengths="length")],
        {"x": (3, 1), "length": 1}, 2,
    ),
    "behind the end, reversed": (
        [bl.Recurrent(1, returns="sequence", lengths="length"), bl.GRU(1, lengths="length", reverse=True)],
        {"x": (3, 1), "length": 1}, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ZEROS)
def test_a_number_that_is_0_by_its_place_says_why(name: str) -> None:
    layers, inputs, length = ZEROS[name]
    first = [] if isinstance(inputs, dict) or "Embedding" in str(layers) else [bl.Dense(1)]
    network = bl.Network([*first, *layers, bl.Dense(1)], inputs=inputs)
    network.parameters[:] = 0.5
    x: Any = np.ones((1, *(inputs["x"] if isinstance(inputs, dict) else inputs)))
    step = bl.explain(network, {"x": x, "length": [length]} if isinstance(inputs, dict) else x, [[0.0]])
    zeros = [record for record in step if record.plain_formula == "0"]
    assert zeros
    assert not [record.name for record in zeros if not record.note]


def test_the_notes_of_zeros_are_those_of_their_place() -> None:
    network = bl.Network([bl.Dense(1), bl.MaxPool(2, 1), bl.Flatten(), bl.Dense(1)], inputs=(3, 1))
    network.parameters[:] = 0.5
    step = bl.explain(network, [[[1.0], [3.0], [2.0]]], [[0.0]])
    assert step["dE/dout(h1@t1)"].note == "another number of its window is taken: no slope comes here"
    assert not step["dE/dout(h1@t2)"].note
    step = bl.explain(network, [[[3.0], [1.0], [2.0]]], [[0.0]])
    assert step["dE/dout(h1@t2)"].note == "other numbers of its 2 windows are taken: no slope comes here"
    network = bl.Network([bl.Embedding(3, 1), bl.Flatten(), bl.Dense(1)], inputs=1)
    step = bl.explain(network, [[2], [0]], [[0.0], [1.0]])
    assert step["dE/dw(2,e1)[2]"].note == "the row does not have category 2"
    assert not step["dE/dw(2,e1)[1]"].note


def test_terms_that_padding_leaves_out_are_said_to() -> None:
    layers = [bl.Conv1D(1, 3, padding="same"), bl.AveragePool(2, padding=1), bl.MaxPool(2, 1, "same"), bl.Flatten()]
    step = bl.explain(bl.Network([*layers, bl.Dense(1)], inputs=(4, 1)), [[[1.0], [2.0], [4.0], [8.0]]], [[0.0]])
    said = {record.name for record in step if record.note == "the rest of its window is padding"}
    assert said == {"net(f1@t1)", "net(f1@t4)", "pool(f1@t1)", "pool(f1@t3)", "pool2(f1@t3)"}


def test_the_side_of_a_kink_is_that_of_what_the_activation_reads() -> None:
    network = bl.Network([bl.Conv1D(1, 1), bl.BatchNorm(), "relu", bl.Flatten(), bl.Dense(1)], inputs=(2, 1))
    step = bl.explain(network, [[[1.0], [3.0]]], [[0.0]])
    assert {step[f"out(f1@t{t})"].note.partition(" ")[0] for t in (1, 2)} == {"scaled"}


def test_the_way_back_begins_where_the_first_slope_comes() -> None:
    network = bl.Network([bl.GRU(1, returns="sequence", lengths="length"), bl.GlobalAveragePool(), bl.Dense(1)],
                         inputs={"x": (3, 1), "length": 1})  # fmt: skip
    step = bl.explain(network, {"x": np.ones((1, 3, 1)), "length": [2]}, [[1.0]])
    assert step["‖dE/dout(layer 1@t3)‖"].note == "no slope comes here"
    assert step["‖dE/dout(layer 1@t2)‖"].note == "time 2 is where the way back begins"
    assert step["‖dE/dout(layer 1@t1)‖"].note.endswith("times that of time 2")


# ------------------------------------------------------------------------------------------------------------- parts

CASES: Any = {
    "convolution": ([bl.Conv2D(2, 2, "tanh"), bl.MaxPool(2), bl.Flatten()], (3, 3, 1)),
    "lstm": ([bl.LSTM(1)], (3, 1)),
    "parallel": ([bl.Dense(2, "tanh"), bl.Parallel([[bl.Dense(1, "sigmoid")], [bl.Dense(1)]])], (2,)),
}


def case(name: str, rows: int) -> tuple[Any, Any, Any]:
    layers, shape = CASES[name]
    network = bl.Network([*layers, bl.Dense(1)], inputs=shape)
    rng = np.random.default_rng(0)
    return network, rng.normal(size=(rows, *shape)).round(2), np.ones((rows, 1))


def test_a_name_without_its_place_or_row_stands_for_all_of_that_name() -> None:
    network, X, T = case("convolution", 2)
    new = {record.name for record in bl.explain(network, X, T, only="w(i1,f2)") if record.name.endswith(")+")}
    assert new == {f"w(i1,f2@r{r}c{c})+" for r in (1, 2) for c in (1, 2)}
    for part, count in (("out(f1)", 8), ("out(f1@r1c2)", 2), ("out(f1)[2]", 4)):
        names = [record.name for record in bl.explain(network, X, T, only=part) if record.formula]
        assert sum(name.startswith("out(") for name in names) == count
        assert not any("f2" in name or "dE" in name for name in names)


def test_parts_are_branches_and_kinds_of_layers_too() -> None:
    network, X, T = case("parallel", 1)

    def layers(part: str) -> set[Any]:
        return {record.layer for record in bl.explain(network, X, T, only=part) if record.formula}

    assert layers("layer 2a") == layers("Layer 2a.1: dense") == {"2a.1"}
    assert layers("layer 2") == {"2a.1", "2b.1", 2}
    assert layers("dense") == {1, "2a.1", "2b.1", 3}


@pytest.mark.parametrize(
    ("name", "part", "near"),
    [
        ("convolution", "f3", "'f2' or 'f1'"),
        ("convolution", "w(i1,f1@r3c1)", "'w(i1,f1@r2c1)', 'w(i1,f1@r1c1)'"),
        ("lstm", "time 5", "'time 3', 'time 2' or 'time 1'"),
        ("lstm", "net_q(h1@t2)", "'net_o(h1@t2)'"),
        ("parallel", "layer 2c", "'layer 2a'"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_ones(name: str, part: str, near: str) -> None:
    network, X, T = case(name, 1)
    with pytest.raises(
        bl.BacklitError, match=f"the step has no {re.escape(repr(part))}; did you mean .*{re.escape(near)}"
    ):
        bl.explain(network, X, T, only=part)


def test_headings_say_whose_weights_a_layer_has() -> None:
    network = bl.Network([bl.Dense(2, "tanh", tie="one"), bl.Dense(2, "tanh", tie="one"), bl.Dense(1)], inputs=2)
    titles = [section.title for section in bl.explain(network, [[1.0, 2.0]], [[1.0]]).example.sections]
    assert [title for title in titles if title.startswith("Forward") and "dense" in title] == [
        "Forward: layer 1: dense",
        "Forward: layer 2: dense, with the weights of layer 1",
        "Forward: layer 3: dense",
    ]


TWICE: Any = {
    "a column": [bl.Select([0, 0, 1])],
    "a branch": [bl.Parallel([[], []])],
    "a column of a branch": [bl.Parallel([[bl.Select([1, 1])], []], join="multiply")],
}


@pytest.mark.parametrize("name", TWICE)
def test_numbers_that_are_read_twice_have_names_of_their_own(name: str) -> None:
    network = bl.Network([bl.Dense(2), *TWICE[name], bl.Dense(1)], inputs=2, seed=1)
    step = bl.explain(network, [[1.0, 2.0]], [[1.0]])
    records, judge = list(step), Judge(str(step), 9)
    assert len({record.name for record in records}) == len(records)
    assert not judge.wrong_lines()
    assert not judge.wrong_formulas({record.name: record.value for record in records})


# ---------------------------------------------------------------------------------------------------------- drawings


def test_maps_show_no_digits_that_rounding_leaves_of_a_difference() -> None:
    network = bl.Network([bl.Conv1D(1, 3), bl.Flatten(), bl.Dense(1)], inputs=(4, 1))
    network["1.W"] = np.array([0.1, 0.2, -0.3]).reshape(network["1.W"].shape)
    step = bl.explain(network, [[[1.0], [1.0], [1.0], [2.0]]], [[1.0]])
    assert 0.0 < abs(step["net(f1@t1)"].value) < 1e-15
    panels = step.example.drawings[0].panels
    values = [number for panel in panels for grid in panel.grids for line in grid.values for number in line]
    assert 0.0 in values
    assert not [number for number in values if 0.0 < abs(number) < 1e-9]


def test_a_number_beside_its_map_has_the_name_of_its_line() -> None:
    network = bl.Network([bl.Conv1D(1, 2), bl.Dropout(0.5), bl.MaxPool(2), bl.Flatten(), bl.Dense(1)], inputs=(4, 1))
    step = bl.explain(network, [[[1.0], [3.0], [2.0], [1.0]]], [[0.0]])
    made = {panel.made.name for panel in step.example.drawings[0].panels if getattr(panel, "made", None)}
    assert {name.partition("(")[0] for name in made} == {"net", "drop", "pool"}
    assert made <= {record.name for record in step}


def test_units_that_share_one_bias_are_drawn() -> None:
    network = bl.Network([bl.Dense(2, bias="shared")], inputs=1)
    step = bl.explain(network, [[1.0]], [[0.5, -0.25]])
    bias = [edge for edge in step.example.drawings[0].columns[1].edges if edge.name == "b(layer 1)"]
    assert [edge.slope for edge in bias] == [step["dE/db(layer 1)"].value] * 2


def test_positions_that_share_one_bias_are_drawn() -> None:
    network = bl.Network([bl.Dense(2, bias="shared"), bl.Conv1D(1, 2), bl.Flatten(), bl.Dense(1)], inputs=(3, 1))
    step = bl.explain(network, [[[1.0], [3.0], [2.0]]], [[0.5]])
    bias = next(panel.bias for panel in step.example.drawings[0].panels if "dense" in panel.title)
    assert (bias.name, bias.slope) == ("b(layer 1)", step["dE/db(layer 1)"].value)


def test_an_excerpt_of_a_long_sequence_says_that_it_shows_the_first_times() -> None:
    network = bl.Network([bl.LSTM(8), bl.Dense(1)], inputs=(60, 2))
    text = str(bl.explain(network, np.ones((4, 60, 2)), np.ones((4, 1))))
    assert "the first 3 units of each layer at the first 3 times are shown, of rows 1, 2, 3" in text


def test_long_sums_are_broken_into_lines_in_latex() -> None:
    network = bl.Network([bl.Conv2D(1, 2), bl.Flatten(), bl.Dense(1)], inputs=(4, 4, 1))
    latex = bl.explain(network, np.ones((1, 4, 4, 1)), [[0.0]], only="dE/dw(i1,f1@r1c1)").to_latex()
    formula = latex[latex.index(r"\frac{\partial E}{\partial w_{i_{1},f_{1}[1,1]}} &=") :].partition(r"\end{align*}")[0]
    assert formula.count("\\\\\n&\\quad +") >= 2
    assert max(line.count(r"\cdot") for line in formula.split("\n")) <= 5


def test_the_equals_signs_of_long_names_stand_in_line() -> None:
    layers = [bl.Parallel([[bl.Dense(2)], [bl.Dense(2)]], "multiply"), bl.Residual([bl.Dense(2)]), bl.Dense(1)]
    text = str(bl.explain(bl.Network(layers, inputs=1), [[1.0]], [[0.0]]))
    lines = text.splitlines()
    at = next(k for k, line in enumerate(lines) if "dE/dproduct(h1.1) via 2.1 =" in line)
    assert lines[at].index("=") == lines[at + 1].index("=")


def test_what_a_notebook_leaves_out_is_asked_for_by_names_of_the_network() -> None:
    network = bl.Network([bl.LSTM(4, returns="sequence"), bl.LSTM(2), bl.Dense(1)], inputs=(6, 2))
    X, T = np.ones((1, 6, 2)), [[1.0]]
    said = list(worked_outputs(bl.explain(network, X, T).example, most=3))[-1]["text/plain"]
    parts = re.findall('only="(.*?)"', said)
    assert parts == ["h1.1@t1", "w_i(i1,h1.1)"]
    assert all(len(bl.explain(network, X, T, only=part)) for part in parts)
