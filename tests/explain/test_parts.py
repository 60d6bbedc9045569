"""Parts of a step, and steps that are too long to be shown whole."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
import pytest
from visible import visible_text

import backlit as bl
from backlit.explain.contents import LARGEST_EXAMPLE
from backlit.ops.registry import losses


def wide(rows: int = 1, **given: Any) -> Any:
    """A step of more numbers than are shown at once."""
    network = bl.Network([bl.Dense(100, "tanh"), bl.Dense(40, "tanh"), bl.Dense(2)], 10, seed=0)
    X = np.random.default_rng(0).random((rows, 10))
    return bl.explain(network, X, X[:, :2], **{"optimizer": "adam", **given})


FORMS = {
    "text": str, "md": lambda e: e.to_markdown(), "latex": lambda e: e.to_latex(),
    "html": lambda e: visible_text(e.to_html()), "notebook": lambda e: "\n".join(o["text/plain"] for o in e._outputs()),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------- too long


def test_many_rows_are_counted_with_commas() -> None:
    X = np.linspace(-1.0, 1.0, 1_020)[:, None]
    network = bl.Network([bl.Dense(1)], 1, seed=0)
    step = bl.explain(network, X, X, optimizer="sgd", batch_size=1_000, steps=2, shuffle=False)
    assert "20 of 1,020: rows 1001, 1002" in str(step)


@pytest.mark.parametrize("form", FORMS)
def test_a_step_that_is_too_long_shows_its_first_numbers_and_says_so(form: str) -> None:
    step = wide()
    assert len(step) > LARGEST_EXAMPLE
    text = FORMS[form](step).replace("\\", "")
    shown = len(step.example.records)
    assert 50 < shown < 500
    assert f"{len(step) - shown:,} of {len(step):,} numbers" in text
    assert "the first 3 units of each layer" in text
    assert '--only h1.1, --only "w(i1,h1.1)"' in text.replace("“", '"')
    assert "--row" not in text, "rows of one's own are not chosen by a number"


def test_the_command_line_offers_rows_only_where_these_can_be_chosen(capsys: Any) -> None:
    fact = dict(bl.explain("descent").example.summary.facts)["left out"]
    assert "--row 1, --only h1," in fact
    assert "row=1" in fact
    assert "fewer rows of X" in dict(wide(2).example.summary.facts)["left out"]


def test_what_is_shown_of_a_long_step_has_the_error_whole_and_the_given_numbers() -> None:
    example = bl.explain("descent").example
    records = {record.name: record for record in example.records}
    assert {"E", "E[1]", "E[2]", "E[3]", "dE/dw(sepal length,h1)", "w(sepal length,h1)+", "w(h4,setosa)"} <= set(
        records
    )
    assert "w(h4,setosa)+" not in records
    assert "out(h4)[1]" not in records
    assert {record.row for record in records.values()} == {None, "1", "2", "3"}


def test_every_number_is_in_the_json_of_a_long_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("backlit.explain.step"), "LARGEST_EXAMPLE", 100)
    step = bl.explain(bl.Network([bl.Dense(9, "tanh"), bl.Dense(1)], 5, seed=0), [[0.5] * 5], [[1.0]])
    records = json.loads(step.to_json())["records"]
    assert len(records) == len(step) > len(step.example.records)
    assert "w(i5,h9)+" in {record["name"] for record in records}


def test_a_long_part_is_cut_too_and_a_short_one_is_whole() -> None:
    part = wide(12, only=["forward", "backward"])
    names = {record.name for record in part.example.records}
    assert len(part) > LARGEST_EXAMPLE
    assert {"net(h1.1)[3]", "w(i1,h1.1)", "i1[1]"} <= names
    assert "net(h1.1)[4]" not in names
    assert not any(name.endswith("+") for name in names)
    unit = wide(only="h1.7")
    assert "left out" not in dict(unit.example.summary.facts)
    assert "net(h1.7)" in {record.name for record in unit.example.records}


def test_an_epoch_of_long_steps_shows_the_first_numbers_of_each() -> None:
    epoch = wide(6, batch_size=2, shuffle=False, epoch=1)
    assert len(epoch) == 3
    assert str(epoch).count("left out") == 3
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], 2, seed=1)
    with pytest.raises(bl.BacklitError, match=r'--only "w\(i1,h1\)".*--steps 301'):
        bl.explain(network, np.zeros((300, 2)), np.zeros(300), batch_size=1, epoch=2)


def test_all_classic_examples_can_be_explained_without_options() -> None:
    for example in bl.demo():
        assert "One training step" in str(bl.explain(example.name))


# ---------------------------------------------------------------------------------------------------------- parts


@pytest.mark.parametrize("only", ["h1", "o2", "layer 1", "layer 2", "forward", "backward", "update", "w5", "error"])
def test_the_given_numbers_that_formulas_use_are_given(only: str) -> None:
    step = bl.explain("two-layer", only=only)
    names = {record.name for record in step}
    whole = {record.name: record for record in bl.explain("two-layer")}
    for record in step:
        needed = {name for name in record.depends_on if not whole[name].formula}
        assert needed <= names, record.name
    assert "Given: inputs and weights" in str(step)


def test_the_cells_of_a_table_stand_beside_the_inputs_of_a_unit() -> None:
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], 2, seed=0)
    step = bl.explain(network, [[1.5, 0.0]], [[1.0]], notes=[["61, standardized", "red", "7"]], only="h1")
    assert "i1 = 1.5 (61, standardized)" in str(step)


def test_the_error_of_a_part_is_what_can_be_worked_out_of_it() -> None:
    """E of two outputs needs both; one weight of the last layer has to do with one."""
    assert {"E(o1)"} == {record.name for record in bl.explain("two-layer", only="w5") if record.phase == "error"
                         and record.formula}  # fmt: skip
    assert {"E(o1)", "E(o2)", "E"} <= {record.name for record in bl.explain("two-layer", only="w1")}
    assert {"E(y5)", "E"} <= {record.name for record in bl.explain("one-output", only="w13")}
    rows = {record.name for record in bl.explain("gates", only="w(a,y)")}
    assert {"E[1]", "E[4]", "E"} <= rows


@pytest.mark.parametrize("only", ["w5", "h1", ["w1", "w5"]])
def test_a_part_is_compared_alone(only: Any) -> None:
    step = bl.explain("two-layer", only=only, compare=True)
    changed = {change.name for change in step.example.changes}
    assert changed == {"E", *{"w5": ["w5"], "h1": ["w1", "w2"]}.get(str(only), ["w1", "w5"])}
    assert {change["name"] for change in json.loads(step.to_json())["changes"]} == changed


@pytest.mark.parametrize("reduction", ["mean_all", "sum"])
@pytest.mark.parametrize("weight", [None, [2.0]])
def test_the_error_of_one_row_has_no_other_name(reduction: str, weight: Any) -> None:
    network = bl.Network([bl.Dense(2)], 1, losses["half_squared_error"](reduction=reduction), seed=0)
    step = bl.explain(network, [[0.5]], [[1.0, 0.0]], rows=["row"], sample_weight=weight)
    names = [record.name for record in step]
    assert not [name for name in names if "row" in name]
    formula = {(None, "sum"): "E(o1) + E(o2)", (None, "mean_all"): "(E(o1) + E(o2)) / k",
               (2.0, "sum"): "s · (E(o1) + E(o2))", (2.0, "mean_all"): "s · (E(o1) + E(o2)) / (S · k)"}  # fmt: skip
    assert step["E"].plain_formula == formula[weight and weight[0], reduction]


# ---------------------------------------------------------------------------------------------------------- names


def test_an_unknown_part_is_answered_with_the_networks_own_names() -> None:
    with pytest.raises(bl.BacklitError, match=r"a unit such as 'y3' or a weight such as 'w11'"):
        bl.explain("one-output", only="h1")
    with pytest.raises(bl.BacklitError, match="did you mean 'y3'"):
        bl.explain("one-output", only="yy3")


def test_what_the_file_calls_its_figures_is_understood() -> None:
    step = bl.explain("one-output")
    assert step["a1"] == step["net(y3)"]
    assert step["y5"] == step["out(y5)"]
    with pytest.raises(KeyError, match=r"'δ3' is what the file calls -dE/dnet\(y3\); 'dE/dnet\(y3\)'"):
        step["δ3"]
    part = bl.explain("one-output", only="δ3")
    assert ("δ3", "what the file calls -dE/dnet(y3)") in part.example.summary.facts
    assert [record.name for record in part] == [record.name for record in bl.explain("one-output", only="dE/dnet(y3)")]
    assert {record.unit for record in bl.explain("one-output", only="y3") if record.formula} == {"y3"}


# ----------------------------------------------------------------------------------------------------------- heads


@pytest.mark.parametrize("form", FORMS)
def test_a_penalty_is_said_to_be_in_the_errors_before_each_step(form: str) -> None:
    network = bl.Network([bl.Dense(1)], 1, seed=0)
    given = {"steps": 3, "only": "update"}
    plain, penalised = (FORMS[form](bl.explain(network, [[0.5]], [[1.0]], l2=l2, **given)) for l2 in (0.0, 0.1))
    if form != "notebook":
        assert "The error before each step" in plain
        assert "The E + penalty before each step" in penalised
    else:
        assert "error before step 1" in plain
        assert "E + penalty before step 1" in penalised
    epochs = (bl.explain(network, [[0.5]], [[1.0]], l2=l2, epoch=1) for l2 in (0.0, 0.1))
    plain, penalised = ("".join(o["text/html"] for o in list(e._outputs())[:1]) if form == "notebook"
                        else FORMS[form](e) for e in epochs)  # fmt: skip
    assert "error before it" in plain
    assert "E + penalty before it" in penalised


def test_the_head_has_the_digits_of_the_lines_and_no_settings_that_are_off() -> None:
    network = bl.Network([bl.Dense(1)], 1, seed=0)
    facts = dict(bl.explain(network, [[0.5]], [[1.0]], optimizer="adam", l2=1 / 120).example.summary.facts)
    assert facts["penalties and limits"] == "l2 0.008333333"
    assert facts["optimizer"] == "adam, rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-8"
    step = bl.explain(network, [[0.5]], [[1.0]], optimizer=bl.Adam(epsilon_hat=True), l2=1 / 120)
    assert dict(step.example.summary.facts)["optimizer"].endswith(", epsilon_hat")
    assert "0.008333333" in step["penalty"].plain_substituted


def test_a_network_that_is_not_drawn_as_text_is_said_so() -> None:
    network = bl.Network([bl.Dense(5, "tanh"), bl.Dense(1)], 1, seed=0)
    words = "The network is not drawn here (more than 4 units in a layer); --format html draws it"
    assert words in str(bl.explain(network, [[0.5]], [[1.0]]))
    assert words not in str(bl.explain(network, [[0.5]], [[1.0]], only="h1"))
    assert "not drawn" not in str(bl.explain("two-layer"))


def test_two_units_in_a_symbol_are_set_apart_by_a_comma() -> None:
    step = bl.explain("gates")
    assert step["w(a,y)"].symbol == "w_{a,y}"
    assert "w_{a,y}" in step.to_markdown()
