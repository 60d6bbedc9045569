"""Where something ends: limits inside losses, kinks, digits that float64 does not have, infinite numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from cases import RULES
from line_judge import Judge

import backlit as bl
from backlit.ops.losses.binary import BinaryCrossEntropy, Perceptron
from backlit.ops.losses.counts import Poisson
from backlit.ops.losses.multiclass import CrossEntropy


def one(activation: str, w: float, b: float, loss: Any = "half_squared_error", **given: Any) -> bl.Network:
    """A unit with one weight."""
    return bl.Network([bl.Dense(1, activation, weights=[[w]], biases=[b], **given)], 1, loss)


def explained(network: bl.Network, X: Any, Y: Any, **settings: Any) -> Any:
    return bl.explain(network, X, Y, **{"optimizer": "sgd", **settings})


# --------------------------------------------------------------------------------------------------- limits in losses


def test_the_poisson_loss_of_a_mean_of_0_is_written_with_its_tangent() -> None:
    record = explained(one("relu", 1.0, -1.0, "poisson"), [[1.0]], [[2.0]])["E(o1)"]
    assert "log(max(out(o1), 10^(-8)))" in record.plain_formula
    assert record.shown == "38.841361488"
    assert "1e-8" in record.note
    plain = explained(one("relu", 1.0, -0.5, "poisson"), [[1.0]], [[2.0]])["E(o1)"]
    assert plain.plain_formula == "out(o1) - t(o1) · log(out(o1))"
    assert not plain.note


def test_binary_cross_entropy_of_0_and_1_is_written_with_its_limit() -> None:
    step = explained(one("hard_sigmoid", 4.0, 0.0, "binary_cross_entropy"), [[1.0]], [[0.0]])
    assert step["E(o1)"].plain_substituted == ("-(0 · log(max(1, 10^(-30))) + (1 - 0) · log(max(1 - 1, 10^(-30))))")
    assert step["dE/dout(o1)"].shown == "1.00000000e30"
    assert "1e-30" in step["E(o1)"].note


def test_cross_entropy_of_a_class_of_probability_0_is_written_with_its_limit() -> None:
    network = bl.Network([bl.Dense(2, "hard_sigmoid", weights=[[4.0, -4.0]], biases=[0.0, 0.0])], 1, CrossEntropy())
    step = explained(network, [[1.0]], [1])
    assert step["E"].plain_formula == "-(t(o1) · log(max(out(o1), 10^(-30))) + t(o2) · log(max(out(o2), 10^(-30))))"
    assert step["dE/dout(o2)"].plain_formula == "-t(o2) / max(out(o2), 10^(-30))"


@pytest.mark.parametrize(
    ("loss", "target"), [(BinaryCrossEntropy(ceiling=0.25), [[0.0]]), (CrossEntropy(ceiling=0.25), [1])]
)
def test_a_ceiling_is_in_the_formula_and_said(loss: Any, target: Any) -> None:
    units = 2 if loss.class_targets else 1
    network = bl.Network(
        [bl.Dense(units, "softmax" if units == 2 else "sigmoid", weights=np.eye(1, units) * 2.0)], 1, loss
    )
    step = explained(network, [[1.0]], target, check=True)
    record = step["E" if units == 2 else "E(o1)"]
    assert record.plain_formula.startswith("min(")
    assert record.value == 0.25
    assert "ceiling" in record.note
    assert "by differences 0.000000000; E is at its ceiling" in step["dE/dw(i1,o1)"].checked


def test_the_sum_of_the_targets_is_the_one_that_is_said() -> None:
    network = bl.Network([bl.Dense(2, "softmax")], 1, "cross_entropy", seed=0)
    assert explained(network, [[1.0]], [[1.0, 1.0]])["dE/dnet(o1)"].note.endswith("the targets sum to 2")
    assert explained(network, [[1.0]], [[0.25, 0.75]])["dE/dnet(o1)"].note.endswith("the targets sum to 1")


def test_the_short_form_is_written_in_the_score_where_the_output_rounds_to_1() -> None:
    step = explained(one("sigmoid", 40.0, 0.0, "binary_cross_entropy"), [[1.0]], [[1.0]])
    assert step["dE/dnet(o1)"].plain_substituted == "1 / (1 + e^(-40)) - 1"
    assert step["dE/dnet(o1)"].shown == "-4.24835426e-18"
    assert step["E(o1)"].shown == "4.24835426e-18"
    usual = explained(one("sigmoid", 4.0, 0.0, "binary_cross_entropy"), [[1.0]], [[1.0]])
    assert usual["dE/dnet(o1)"].plain_formula == "out(o1) - t(o1)"


# --------------------------------------------------------------------------------------------------- right digits only


def test_a_saturated_slope_has_no_digit_that_float64_does_not_have() -> None:
    record = explained(one("tanh", 18.0, 0.0), [[1.0]], [[0.0]])["dout/dnet(o1)"]
    assert record.value == pytest.approx(8.8817842e-16, rel=1e-8)
    assert record.shown == "9e-16", "the true slope is 9.278e-16"
    assert record.plain_substituted == "1 - 1.000000000²"
    assert "float64" in record.note


def test_a_number_that_is_0_on_paper_is_shown_as_0_in_every_form() -> None:
    network = bl.Network([bl.Dense(1, weights=[[0.1], [0.2], [0.3]], biases=[0.0])], 3)
    step = explained(
        network, [[1.0, 1.0, -1.0]], [[0.0]], optimizer="adam", only=["forward", "error", "backward", "update"]
    )
    assert step["net(o1)"].value == 5.551115123125783e-17
    assert step["net(o1)"].shown == "0.000000000"
    for text in (str(step), step.to_markdown(), step.to_latex(), step.to_html()):
        assert "5.55" not in text
        assert "e-17" not in text
        assert "{-17}" not in text


def test_a_sum_that_cancels_is_shown_to_its_last_right_place() -> None:
    network = bl.Network([bl.Dense(1, weights=[[0.1], [1e10], [1e10]], biases=[0.0])], 3)
    assert explained(network, [[1.0, 1.0, -1.0]], [[0.0]])["net(o1)"].shown == "0.100000"


def test_a_slope_that_is_near_the_smallest_number_keeps_its_digits() -> None:
    record = explained(one("sigmoid", 600.0, 0.0, "binary_cross_entropy"), [[1.0]], [[1.0]])["dE/dnet(o1)"]
    assert record.shown == "-2.65039655e-261"


# ------------------------------------------------------------------------------------------------------------- checks


def checked(network: bl.Network, x: float, t: float) -> Any:
    return explained(network, [[x]], [[t]], check=True)["dE/dw(i1,o1)"]


@pytest.mark.parametrize("gap", [5e-4, -5e-4, 1e-5, -1e-5, 1e-7])
def test_the_check_stays_on_one_side_of_a_kink(gap: float) -> None:
    record = checked(one("relu", 0.5, -0.5 + gap), 1.0, 1.0)
    assert record.numeric == pytest.approx(record.value, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(("network", "left", "right", "taken"), [
    (one("relu", 0.5, -0.5), "0.000000000", "-1.000000000", "that from the left"),
    (one("leaky_relu", 0.5, -0.5), "-0.010000000", "-1.000000000", "that from the left"),
    (one("identity", 0.5, 0.5, "mae"), "-1.000000000", "1.000000000", "neither"),
    (one("hard_sigmoid", 4.0, -1.0), "-0.166666667", "0.000000000", "that from the right"),
    (one("identity", 0.5, 0.5, "hinge"), "-1.000000000", "0.000000000", "that from the right"),
    (one("identity", 0.5, -0.5, "perceptron"), "-1.000000000", "0.000000000", "that from the left"),
    (one("identity", 0.5, -0.5, Perceptron(at_zero=1)), "-1.000000000", "0.000000000",
     "that from the right"),
])  # fmt: skip
def test_the_check_at_a_kink_gives_both_sides(network: bl.Network, left: str, right: str, taken: str) -> None:
    record = checked(network, 1.0, 2.0 if "hard_sigmoid" in repr(network) else 1.0)
    assert record.numeric is None
    assert f"{left} from the left, {right} from the right" in record.checked
    assert record.checked.endswith(taken if taken == "neither" else f"the slope taken is {taken}")


def test_the_check_says_what_it_cannot_tell() -> None:
    assert "cannot resolve" in checked(one("tanh", 18.0, 0.0), 1.0, 0.0).checked
    assert "not finite" in checked(one("identity", 1e200, 0.0), 1.0, 0.0).checked


@pytest.mark.parametrize(("w", "x"), [(1e10, 1e-10), (1e-10, 1e10), (1e5, 1e-5), (0.5, 1.0)])
def test_the_check_finds_a_step_at_any_scale(w: float, x: float) -> None:
    record = checked(one("tanh", w, 0.0), x, 0.0)
    assert record.numeric == pytest.approx(record.value, rel=1e-8)


def test_a_wrong_slope_does_not_pass_the_check() -> None:
    from backlit.explain.record.numeric_slope import numeric_slope

    for wrong in (5.9, 6.1, 60.0, 0.0, -6.0):
        assert numeric_slope(lambda h: (3.0 + h) ** 2, 3.0, wrong).value == pytest.approx(6.0, rel=1e-9)


def test_all_forms_tell_the_same_of_a_check() -> None:
    step = explained(one("relu", 0.5, -0.5), [[1.0]], [[1.0]], check=True)
    told = step["dE/dw(i1,o1)"].checked
    assert told.startswith("a kink is too close: by differences")
    for text in (str(step), step.to_markdown(), step.to_latex(), step.to_html(), step.to_json()):
        assert told in text


# ------------------------------------------------------------------------------------------------ updates, names, JSON


@pytest.mark.parametrize("rule", RULES)
def test_the_update_of_a_weight_ends_in_its_new_value(rule: str) -> None:
    network = one("identity", 0.5, 0.0)
    only = explained(network, [[1.0]], [[0.0]], optimizer=rule, only="w(i1,o1)", compare=True)
    records = list(only)
    assert records[-1].name == "w(i1,o1)+"
    after = bl.Training(
        network.copy("float64"), [[1.0]], [[0.0]], optimizer=rule, batch_size=1, epochs=1, compiled=False
    )
    new = float(after.run().network["1.W"][0, 0])
    assert records[-1].value == new
    changes = {change.name: change for change in only.example.changes}
    assert (changes["w(i1,o1)"].before, changes["w(i1,o1)"].after) == (0.5, new)


def test_lion_changes_the_weight_by_its_rate() -> None:
    step = explained(one("identity", 0.5, 0.0), [[1.0]], [[0.0]], optimizer=bl.Lion(rate=0.1), compare=True)
    assert {c.name: c.after for c in step.example.changes}["w(i1,o1)"] == pytest.approx(0.4)


def test_epsilon_hat_has_its_own_formula_and_the_setting_s_epsilon() -> None:
    record = explained(one("identity", 0.5, 0.0), [[1.0]], [[0.0]], optimizer=bl.Adam(epsilon=0.01, epsilon_hat=True))[
        "w(i1,o1)+"
    ]
    assert "√(1 - β2^t) / (1 - β1^t) · m(w(i1,o1))+ / (√(v(w(i1,o1))+) + ε)" in record.plain_formula
    assert record.plain_substituted.endswith("+ 0.01)")


@pytest.mark.parametrize("rule", [bl.Adam, bl.AdamW])
def test_without_epsilon_the_step_is_explained_and_no_slope_is_no_step(rule: type[bl.Adam]) -> None:
    optimizer = rule(rate=0.1, epsilon=0.0)
    step = explained(one("identity", 0.5, 0.0), [[0.0]], [[1.0]], optimizer=optimizer)
    moved, kept = step["b(o1)+"], step["w(i1,o1)+"]
    assert moved.plain_substituted.endswith("+ 0)")
    assert moved.value == pytest.approx(0.1, rel=1e-12)
    assert moved.note == ""
    decay = rule is bl.AdamW
    assert kept.plain_formula == ("w(i1,o1) · (1 - η · λ)" if decay else "w(i1,o1)")
    assert kept.value == pytest.approx(0.5 * (0.999 if decay else 1.0), rel=1e-15)
    assert kept.note == "0 / 0 where ε is 0 and all slopes so far are 0: no step"


def test_a_unit_that_fires_from_0_on_says_so_where_that_counts() -> None:
    for at_zero, formula, note in ((0, "[out(o1) > 0] - t(o1)", ""),
                                   (1, "[out(o1) ≥ 0] - t(o1)", "a unit that fires from 0 on")):  # fmt: skip
        network = one("identity", 0.5, -0.5, Perceptron(at_zero=at_zero))
        record = explained(network, [[1.0]], [[0.0]], optimizer="sgd")["dE/dout(o1)"]
        assert (record.plain_formula, record.value, record.note) == (formula, at_zero, note)


def test_settings_are_written_in_full_at_any_number_of_digits() -> None:
    record = explained(one("identity", 0.5, 0.0), [[1.0]], [[0.0]], optimizer="adam", digits=1)["v(w(i1,o1))+"]
    assert record.plain_substituted.startswith("0.999 · 0 + (1 - 0.999)")


def test_all_weights_frozen_under_a_penalty() -> None:
    record = explained(one("identity", 0.5, 0.0, freeze=("W", "b")), [[1.0]], [[0.0]], l2=0.1, l1=0.1)["penalty"]
    assert (record.plain_formula, record.value, record.note) == ("0", 0.0, "no trained weight has one")


@pytest.mark.parametrize("between", [
    [bl.LayerNorm(), bl.LayerNorm()], [bl.BatchNorm(), bl.LayerNorm()],
    [bl.BatchNorm(), bl.Dropout(0.5), bl.BatchNorm()],
])  # fmt: skip
def test_layers_on_the_same_units_have_numbers_of_different_names(between: list[Any]) -> None:
    network = bl.Network([bl.Dense(2, "tanh"), *between, bl.Dense(1)], 2, seed=0)
    names = [record.name for record in explained(network, [[1.0, 2.0], [0.5, -1.0]], [[1.0], [0.0]])]
    assert len(set(names)) == len(names)
    assert "gamma2(h1)" in names


def test_json_says_of_numbers_that_are_not_finite_what_they_are() -> None:
    step = explained(one("identity", 1e200, 0.0), [[1e150]], [[0.0]])
    records = {record["name"]: record for record in json.loads(step.to_json())["records"]}
    assert (records["net(o1)"]["value"], records["net(o1)"]["shown"]) == (None, "∞")
    assert "beyond float64" in records["net(o1)"]["note"]
    assert records["w(i1,o1)+"]["shown"] == "-∞"
    nan = {
        record.name: record for record in explained(one("identity", 1e200, 0.0), [[1e150], [-1e150]], [[0.0], [0.0]])
    }
    assert nan["dE/db(o1)"].shown == "NaN"


def test_a_poisson_target_of_0_is_no_logarithm_of_0() -> None:
    record = explained(one("softplus", 0.5, 0.0, Poisson(deviance=True)), [[1.0]], [[0.0]])["E(o1)"]
    assert record.plain_formula == "out(o1) - t(o1) · log(out(o1))"


def test_rows_of_one_name_are_refused() -> None:
    with pytest.raises(bl.BacklitError, match="rows: a name is given twice"):
        explained(one("identity", 0.5, 0.0), [[1.0], [2.0]], [[0.0], [0.0]], rows=["1", "1"])


def test_a_norm_whose_squares_overflow_is_the_norm() -> None:
    step = explained(one("identity", 1e200, 0.0), [[1.0]], [[0.0]], clip_norm=1.0)
    assert step["‖g‖"].shown == "1.41421356e200"
    assert step["g scaled(b(o1))"].shown == "0.707106781"
    assert not Judge(str(step), 9).wrong_lines()


def test_a_result_that_overflows_on_the_way_is_said_to() -> None:
    step = explained(one("identity", 1.0, 0.0, "mae"), [[1.2e308], [1.2e308]], [[0.0], [0.0]], clip_norm=1.0)
    assert step["E"].shown == "∞"
    assert step["E"].note == "beyond float64, whose largest number is about 1.8e308, on the way to the result"
    assert not Judge(str(step), 9).wrong_lines()


def test_a_row_of_weight_0_times_what_is_beyond_all_decimals_is_said() -> None:
    network = one("identity", 1e150, 0.0, "exp_poisson")
    step = explained(network, [[1.0], [2.0]], [[3.0], [1.0]], sample_weight=[0.0, 1.0])
    record = step["dE/dout(o1)[1]"]
    assert record.shown == "NaN"
    assert record.note == "beyond float64, whose largest number is about 1.8e308, on the way to the result"
    assert not Judge(str(step), 9).wrong_lines()


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax", "selu"])
@pytest.mark.parametrize(
    "loss", ["exp_poisson", "log_cosh", "hinge", "softmax_cross_entropy", "sigmoid_binary_cross_entropy"]
)
def test_infinite_and_undefined_numbers_are_shown(activation: str, loss: str) -> None:
    network = bl.Network([bl.Dense(2, activation, weights=[[1e200, -1e200]]), bl.Dense(2)], 1, loss, seed=0)
    X, T = [[1e150], [-1e150]], [0, 1] if network.loss.class_targets else [[0.0, 1.0], [1.0, 0.0]]
    step = explained(network, X, T, optimizer="adam", check=True, compare=True, clip_norm=1.0, l1=0.1)
    assert not Judge(str(step), 9).wrong_lines()
    for text in (step.to_markdown(), step.to_latex(), step.to_html(), step.to_json()):
        assert text


def test_a_slope_that_the_rounding_of_a_very_large_error_hides_is_said_so() -> None:
    step = explained(one("exp", 1.0, 0.0, "mse"), [[800.0]], [[1.0]], check=True)
    told = "differences tell only that it is smaller than 1e66: the rounding of E hides the rest"
    assert step["dE/dw(i1,o1)"].checked == told
    assert told in str(step)
    assert "0e66" not in str(step)


@pytest.mark.parametrize("layer", [bl.BatchNorm(), bl.LayerNorm()])
def test_a_norm_over_one_number_is_said_to_be_0(layer: Any) -> None:
    """One row for batch normalization, one unit for layer normalization: nothing is left to learn from."""
    network = bl.Network([bl.Dense(1, weights=[[0.5]]), layer, bl.Dense(1, weights=[[2.0]])], 1)
    step = explained(network, [[1.0]], [[3.0]])
    record = step["norm(h1)"]
    assert record.value == 0.0
    assert f"one {'row' if layer.name == 'batch_norm' else 'unit'} is its own mean" in record.note
    assert record.note in str(step)
    assert "no slope passes" in step["dE/dnet(h1)"].note
    two = bl.Network([bl.Dense(2), layer, bl.Dense(1)], 1, seed=0)
    plain = explained(two, [[1.0], [2.0]], [[3.0], [1.0]])
    assert not plain["norm(h1)[1]"].note
    assert not plain["dE/dnet(h1)[1]"].note
