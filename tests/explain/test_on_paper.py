"""What a number is on paper: however large or small, however much cancels; and what the lines say where none is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from line_judge import Judge

import backlit as bl
from backlit.explain import explain_step
from backlit.explain.algebra.decimals import decimal_value, distance
from backlit.explain.algebra.numerals import right_text
from backlit.explain.algebra.parsing import parse
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.numeric_slope import numeric_slope
from backlit.explain.record.quantities import Key, Place
from backlit.explain.stages.by_equations import EquationStage
from backlit.ops.losses.binary import BinaryCrossEntropy
from backlit.ops.losses.regression import MSE


def unit(activation: str, w: float, b: float = 0.0, loss: Any = "half_squared_error") -> bl.Network:
    """A unit with one weight."""
    return bl.Network([bl.Dense(1, activation, weights=[[w]], biases=[b])], 1, loss)


# ------------------------------------------------------------------------------------------ beyond the usual exponents


@pytest.mark.parametrize("X", [[[1.0]], [[1.0], [0.9]]])
@pytest.mark.parametrize("w", [2302586.0, 1e15, -1e15])
def test_a_number_beyond_a_million_places_is_shown(w: float, X: Any) -> None:
    example = bl.explain(unit("identity", w, loss="exp_poisson"), X, np.ones((len(X), 1)), optimizer="adam")
    assert example["E"].shown == ("∞" if w > 0 else "1.00000000e15" if len(X) == 1 else "9.50000000e14")
    assert str(example)


@pytest.mark.parametrize("exponent", [401, 999_999, 10**7, 10**15])
def test_no_operation_on_exact_numbers_overflows(exponent: int) -> None:
    huge, tiny = Decimal(f"1e{exponent}"), Decimal(f"1e-{exponent}")
    assert distance(huge, huge.copy_negate()) == Decimal(f"2e{exponent}")
    assert right_text(1e300, huge) == "1.00000000e300"
    assert right_text(1e-300, tiny) == "0.000000000"
    assert decimal_value(parse(rf"\max(e^{{{exponent}}}, 1)")) > 1


# --------------------------------------------------------------------------------------------------------- cancellation


@pytest.mark.parametrize(("w", "shown"), [(-19.0, "-3.1e-78"), (-20.0, "-1.10e-86"), (-37.0, "-7.84e-297")])
def test_the_slope_of_gelu_far_to_the_left_has_right_digits_only(w: float, shown: str) -> None:
    assert bl.explain(unit("gelu", w), [[1.0]], [[1.0]])["dout/dnet(o1)"].shown == shown


@pytest.mark.parametrize("w", [1e-60, 1e-200])
def test_what_cancels_in_one_number_is_known_in_the_next(w: float) -> None:
    network = unit("hard_sigmoid", w, loss="mse")
    record = bl.explain(network, [[1.0]], [[0.5]], optimizer=bl.SGD(rate=0.1))["w(i1,o1)+"]
    assert Decimal(record.shown) == Decimal(repr(w)), "on paper it is 0.9944 w"
    assert len(record.shown.partition("e")[0]) <= len("1.0")
    assert "float64" in record.note


def test_a_sum_of_several_inexact_numbers_is_worked_out_whole() -> None:
    hidden = bl.Dense(4, weights=[[0.1] * 4, [0.2] * 4, [-0.3] * 4], biases=[0.0] * 4)
    network = bl.Network([hidden, bl.Dense(1, weights=[[1.0]] * 4, biases=[0.0])], 3)
    record = bl.explain(network, [[1.0, 1.0, 1.0]], [[0.0]])["net(o1)"]
    assert record.value > 1e-16
    assert record.shown == "0.000000000"


def test_a_sign_that_rounding_decides_is_said() -> None:
    network = bl.Network([bl.Dense(1, weights=[[0.1], [0.2], [-0.3]], biases=[0.0])], 3, "mae")
    record = bl.explain(network, [[1.0, 1.0, 1.0]], [[0.0]])["dE/dout(o1)"]
    assert record.value == 1.0
    assert record.note.endswith("decided by float64's rounding: 5.55e-17, on paper 0")


def test_a_negative_sign_that_rounding_decides_is_said() -> None:
    network = bl.Network([bl.Dense(1, weights=[[-0.1], [-0.2], [0.3]], biases=[0.0])], 3, "mae")
    record = bl.explain(network, [[1.0, 1.0, 1.0]], [[0.0]])["dE/dout(o1)"]
    assert record.value == -1.0
    assert record.note.endswith("decided by float64's rounding: -5.55e-17, on paper 0")


def test_a_0_of_rounding_alone_is_said_to_decide() -> None:
    weights = {"weights": [[-1.8087521600812708]], "biases": [-0.5426256480243812]}
    record = bl.explain(bl.Network([bl.Dense(1, "leaky_relu", **weights)], 1), [[-0.3]], [[1.0]])["dout/dnet(o1)"]
    assert record.value == 0.01
    assert record.note.endswith("at the kink: the slope taken is that from the left; "
                                "decided by float64's rounding: 0, on paper 4e-17")  # fmt: skip


def test_what_many_digits_leave_of_a_0_is_0_on_paper() -> None:
    """The bias before batch normalization has the slope 0, which the division of its formulas hides in any digits."""
    network = bl.Network([bl.Dense(1, "hard_sigmoid"), bl.BatchNorm(), bl.Dense(1)], 1, "mse", seed=0)
    record = bl.explain(network, [[0.1], [-0.1], [0.6]], [0, 0, 0], optimizer="rprop")["b(h1)+"]
    assert record.shown == "-0.010000000"
    assert record.note == "decided by float64's rounding: 7.91e-16, on paper 0"


@pytest.mark.parametrize(("digits", "weight", "seen"), [(6, 2.186149907, "2.1861"), (9, 0.1235499999, "0.1235"),
                                                        (9, 0.1234500001, "0.1235")])  # fmt: skip
def test_a_folded_part_s_numbers_are_rounded_once(digits: int, weight: float, seen: str) -> None:
    network = bl.Network([bl.Dense(1, weights=[[weight]], bias=False)], 1)
    page = bl.explain(network, [[1.0]], [[0.0]], digits=digits).to_html()
    assert f"net(o1) = {seen}<" in page


def test_the_drawing_in_text_has_the_digits_of_the_record() -> None:
    network = bl.Network([bl.Dense(1, weights=[[1.23456789e13], [-1.23456789e13]], biases=[0.0])], 2)
    for digits, shown in ((9, "1.2346"), (20, "1.2346")):
        step = bl.explain(network, [[0.1234567890123, 0.1234567890122]], [[0.0]], digits=digits)
        assert step["out(o1)"].shown == shown
        assert f"▶ o1 {shown}  target" in str(step)
    step = bl.explain("two-layer", digits=20)
    assert f"▶ h1 {step['out(h1)'].shown} " in str(step)


def test_long_sums_are_not_built_for_the_numbers_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    written_out = EquationStage.written_out
    counted = lambda self, *given: built.append(given) or written_out(self, *given)  # noqa: E731
    monkeypatch.setattr(EquationStage, "written_out", counted)
    network = bl.Network([bl.Dense(20, "tanh"), bl.Dense(1)], 100, seed=0)
    error = explain_step(network, np.ones((3, 100)), np.ones((3, 1))).contents.error
    built.clear()
    ExactNumbers().of(Key(error.E, Place(0, 0, 0)))
    assert len(built) == 3, "the outputs', of 20 terms; those of 100 are taken as the engine has them"


# --------------------------------------------------------------------------------------------- digits float64 resolves


@pytest.mark.parametrize(
    ("value", "exact", "digits", "shown"),
    [
        (-178.531822203629, "-178.53182220362900001", 15, "-178.53182220362900"),
        (911.9999999999999, "911.99999999999990001", 15, "911.9999999999999"),
        (5e-324, "4.97e-324", 9, "5e-324"),
        (5e-324, "5e-324", 9, "5.00000000e-324"),
        (0.5, "0.5", 30, "0.500000000000000000000000000000"),
    ],
)
def test_a_number_has_no_place_that_float64_does_not_resolve(value: float, exact: str, digits: int, shown: str) -> None:
    assert right_text(value, Decimal(exact), digits) == shown


@pytest.mark.parametrize("digits", [0, 1, 3, 6, 9])
def test_rounded_numbers_leave_a_formula_its_sense(digits: int) -> None:
    example = bl.explain(unit("sigmoid", 20.0, loss="binary_cross_entropy"), [[1.0]], [[0.0]], digits=digits)
    for name in ("dE/dout(o1)", "dout/dnet(o1)"):
        assert "1 - 0.999999998" in example[name].plain_substituted
    assert not Judge(str(example), digits).wrong_lines()
    closer = bl.explain(unit("sigmoid", 25.0, loss="binary_cross_entropy"), [[1.0]], [[0.0]], digits=digits)
    assert "1 - 0.99999999999" in closer["dE/dout(o1)"].plain_substituted
    usual = bl.explain(unit("sigmoid", 0.3, loss="mse"), [[1.0]], [[0.0]], digits=2)["dout/dnet(o1)"]
    assert usual.plain_substituted == "0.57 · (1 - 0.57)"


# ------------------------------------------------------------------------------------------------- weights of the rows


@pytest.mark.parametrize("reduction", ["mean", "mean_all", "sum"])
def test_a_batch_without_weight_is_said(reduction: str) -> None:
    example = bl.explain(
        unit("tanh", 0.5, 0.1, MSE(reduction=reduction)), [[1.0], [2.0], [3.0]], [[1.0], [2.0], [3.0]],
        sample_weight=[0, 0, 1], batch_size=2, shuffle=False, l2=0.1, penalty_per_batch=True,
    )  # fmt: skip
    assert example["E"].value == 0.0
    assert "/ 0" not in str(example)
    assert "0/0" not in str(example)
    facts = dict(example.step.summary.facts)
    assert facts["penalties and limits"] == "l2 0.1"
    assert facts["penalty per batch"] == "l2 0: the weight of the batch's rows is 0"
    assert ("all rows of the batch have weight 0" in example["E"].note) == (reduction != "sum")
    assert not Judge(str(example), 9).wrong_lines()


def test_an_infinite_error_without_weight_is_left_out() -> None:
    network = unit("identity", 1.0, loss="mse")
    example = bl.explain(network, [[1e200], [1.0]], [[1.0], [3.0]], sample_weight=[0, 1], batch_size=2, shuffle=False)
    assert example["E[1]"].shown == "∞"
    assert example["E"].shown == "4.000000000"
    assert example["E"].plain_formula == "s[2] · E[2] / S"
    assert example["E"].note == "left out, for its weight is 0: row 1"


def test_penalties_are_given_as_set_and_then_divided() -> None:
    example = bl.explain(
        unit("tanh", 0.5), np.ones((4, 1)), np.ones((4, 1)), l1=0.01, l2=0.02, penalty_per_batch=True, batch_size=4
    )
    facts = dict(example.step.summary.facts)
    assert facts["penalties and limits"] == "l1 0.01, l2 0.02"
    assert (
        facts["penalty per batch"] == "l1 0.01 / 4 = 0.0025 and l2 0.02 / 4 = 0.005; divided by the rows of the batch"
    )


# -------------------------------------------------------------------------------------------------------------- limits


def test_a_limit_below_the_ceiling_is_in_the_formula() -> None:
    record = bl.explain(unit("hard_sigmoid", 4.0, loss=BinaryCrossEntropy(ceiling=20.0)), [[1.0]], [[0.0]])["E(o1)"]
    assert record.shown == "20.000000000"
    assert "log(max(1 - 1, 10^(-30)))" in record.plain_substituted
    assert "1e-30" in record.note


def test_a_norm_that_is_no_number_scales_nothing() -> None:
    example = bl.explain(unit("identity", 1e200), [[1e200], [-1e200]], [[1.0], [1.0]], clip_norm=0.1)
    record = example["g scaled(w(i1,o1))"]
    assert example["‖g‖"].shown == "NaN"
    assert record.note == "‖g‖ is no number, so nothing is scaled: as it is"
    assert record.plain_formula == "dE/dw(i1,o1)"


# --------------------------------------------------------------------------------------------------------------- kinks


@pytest.mark.parametrize("gap", [1e-12, -1e-12])
def test_a_kink_too_close_for_a_step_is_said(gap: float) -> None:
    record = bl.explain(unit("identity", 0.5, -1.5 + gap, "hinge"), [[1.0]], [[-1.0]], check=True)["dE/db(o1)"]
    assert record.checked.startswith("a kink is too close: by differences ")
    assert record.checked.endswith(f"the slope taken is that from the {'right' if gap > 0 else 'left'}")


@pytest.mark.parametrize("loss", ["half_squared_error", "binary_cross_entropy"])
def test_differences_beside_the_end_of_a_line_tell_the_slope_or_the_kink(loss: str) -> None:
    record = bl.explain(unit("hard_sigmoid", 3 - 1e-12, 0.0, loss), [[1.0]], [[0.5]], check=True)["dE/db(o1)"]
    assert "E is not finite" not in record.checked
    assert "smaller than" not in record.checked
    if record.numeric is not None:
        assert record.numeric == pytest.approx(record.value, rel=0.2)


def test_a_small_kink_is_not_taken_for_a_slope() -> None:
    slope = numeric_slope(lambda h: 1.0 + h + 1e-8 * max(h, 0.0), 1.0, 1.0)
    assert slope.value is None
    assert slope.left == pytest.approx(1.0, abs=1e-9)
    assert slope.right == pytest.approx(1.0 + 1e-8, abs=1e-9)


@pytest.mark.parametrize("weight", [100.0, 800.0, 1e7, 1e20, 1e146])
def test_the_logarithm_of_powers_beyond_all_decimals_is_their_exponent(weight):
    softmax = bl.Network([bl.Dense(2, "softmax", weights=[[weight, -weight]])], inputs=1, loss="cross_entropy")
    sigmoid = bl.Network([bl.Dense(1, "sigmoid", weights=[[weight]])], inputs=1, loss="binary_cross_entropy")
    for network, target, error in ((softmax, [[0.0, 1.0]], 2.0 * weight), (sigmoid, [[0.0]], weight)):
        record = bl.explain(network, [[1.0]], target)["E" if network is softmax else "E(o1)"]
        assert float(record.shown) == record.value == error
        assert "max" not in record.plain_formula
