"""How a sheet is rounded, read off its numbers; and what rounding can make of a number, and what it cannot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

import backlit as bl
from backlit.check.graph import StepGraph
from backlit.check.judging.habits import Habits
from backlit.check.judging.learner import Learner
from backlit.check.judging.precision import Rounding
from backlit.check.judging.verdicts import judge
from backlit.check.sheet import Claim, Sheet
from backlit.check.written import Written
from backlit.explain import explain_step


def graph_of(network: bl.Network, x: Sequence[float], y: Sequence[float], optimizer: bl.Optimizer, n: int = 1
             ) -> StepGraph:  # fmt: skip
    """Give the first steps of a training on one example."""
    settings = {"optimizer": optimizer, "batch_size": "full", "shuffle": False}
    return StepGraph([explain_step(network, [list(x)], [list(y)], steps=k + 1, **settings) for k in range(n)])


def value(graph: StepGraph, name: str, step: int = 0) -> float:
    key = graph.find(name, step)
    assert key is not None, name
    return key.quantity.value(key.place)


def sheet(graph: StepGraph, numbers: Mapping[str, str], step: int = 0) -> Sheet:
    claims = []
    for name, text in numbers.items():
        at = 1 if name.startswith("2:") else step
        key = graph.find(name.removeprefix("2:"), at)
        assert key is not None, name
        claims.append(Claim(name, key, Written.of(text)))
    return Sheet("", tuple(claims))


def verdicts(graph: StepGraph, numbers: Mapping[str, str]) -> dict[str, str]:
    return {number.name: number.verdict for number in judge(graph, sheet(graph, numbers)).numbers}


@pytest.fixture(scope="module")
def relu() -> StepGraph:
    """Two relu units, of which the second is off."""
    layers = [bl.Dense(2, "relu", weights=[[0.37, -0.41], [0.23, -0.59]], biases=[0.1, -0.2]),
              bl.Dense(1, "sigmoid", weights=[[0.61], [-0.47]], biases=[0.3])]  # fmt: skip
    network = bl.Network(layers, inputs=2, loss="half_squared_error")
    return graph_of(network, [0.7, 0.9], [0.2], bl.SGD(0.3))


@pytest.fixture(scope="module")
def adam() -> StepGraph:
    """Two steps of Adam, whose second moments are of 1e-7."""
    network = bl.Network([bl.Dense(1, weights=[[0.35], [-0.62]], biases=[0.13])], inputs=2, loss="half_squared_error")
    return graph_of(network, [0.11, 0.07], [0.08], bl.Adam(0.05), 2)


ZEROS = ("out(h2)", "dE/dnet(h2)", "dE/dw(i1,h2)", "dE/dw(i2,h2)", "dE/db(h2)", "dE/dw(h2,o1)")


def floats(graph: StepGraph, names: Sequence[str], digits: int = 7) -> dict[str, str]:
    """Write numbers as a program writes rounded floats: without zeros at the end, and 0.0 for 0."""
    return {name: repr(round(value(graph, name), digits) + 0.0) for name in names}


# ------------------------------------------------------------------------------------------- the digits of a sheet


@pytest.mark.parametrize(
    ("texts", "decimals", "figures"),
    [
        (["0.3775", "1.1059", "0.12"], 4, 4),
        (["0.1105", "0.3775", "0.377526", "0.110591"], 6, 6),  # of a tie, the finer
        (["0.12346", "0.0012346", "12.346"], None, 5),
        (["0.12345", "0.37752", "0.59327", "0.11059", "1.1059"], None, 5),
        ([], None, 17),
    ],
)
def test_the_usual_digits_are_those_of_the_sheet(texts: list[str], decimals: int | None, figures: int) -> None:
    found = Rounding.of(map(Written.of, texts))
    assert (found.decimals, found.figures) == (decimals, figures)


def test_numbers_that_end_by_themselves_do_not_tell_the_digits(relu: StepGraph) -> None:
    """Zeros, and 0.25 where that is all of it; zeros at the end tell them."""
    names = ("out(h1)", "net(o1)", "out(o1)", "dE/dnet(o1)")
    assert Learner(relu, sheet(relu, floats(relu, [*names, *ZEROS]))).rounding.decimals == 7
    padded = {"out(h2)": "0.0000", "w(i1,h2)+": "-0.4100", "net(h1)": "0.5660"}
    assert Learner(relu, sheet(relu, padded)).rounding.decimals == 4


def test_zeros_of_a_program_excuse_nothing(relu: StepGraph) -> None:
    """The half put in twice; 0.0 has one place behind the point, but the sheet has seven."""
    numbers = floats(relu, ["out(o1)", "dE/dout(o1)", "dE/dw(h1,o1)", "E", *ZEROS])
    assert set(verdicts(relu, numbers).values()) == {"right"}
    assert verdicts(relu, numbers | {"E": repr(round(value(relu, "E") / 2, 7))})["E"] == "wrong"


def test_a_wrong_zero_of_a_program_is_a_number_with_all_its_digits() -> None:
    layers = [
        bl.Dense(2, "leaky_relu", weights=[[0.37, -0.41]], biases=[0.1, -0.2]),
        bl.Dense(1, weights=[[0.6], [0.7]]),
    ]
    graph = graph_of(bl.Network(layers, inputs=1, loss="half_squared_error"), [0.71234], [0.2], bl.SGD(0.3))
    numbers = floats(graph, ["out(h1)", "dE/dnet(o1)", "dE/dw(h1,o1)", "dE/dnet(h1)", "w(i1,h1)+"])
    found = judge(graph, sheet(graph, numbers | {"out(h2)": "0.0"}))
    (number,) = found.wrong
    assert number.name == "out(h2)"
    assert "leaky-as-relu" in number.codes


def test_a_zero_on_a_sheet_of_few_numbers_stays_a_number_of_one_place(relu: StepGraph) -> None:
    assert verdicts(relu, {"E": "0.1", "dE/dw(i1,h1)": "0.0"})["dE/dw(i1,h1)"] in {"right", "not tested"}


# ------------------------------------------------------------------------------------- what rounding can and cannot do


def test_what_the_digits_of_a_sheet_would_lose_explains_no_new_weight(adam: StepGraph) -> None:
    """v is 0.0000 to four places, and 1/√v boundless: nobody goes on with that."""
    numbers = {name: f"{value(adam, name):.4f}" for name in ("net(o1)", "dE/db(o1)", "b(o1)+", "w(i2,o1)+")}
    assert set(verdicts(adam, numbers).values()) == {"right"}
    assert value(adam, "w(i1,o1)+") == pytest.approx(0.3, abs=1e-4)
    for text in ("0.0300", "0.3300", "0.3500"):
        assert verdicts(adam, numbers | {"w(i1,o1)+": text})["w(i1,o1)+"] == "wrong", text


@pytest.mark.parametrize("zero", ["0.0000", "0.0"])
def test_a_number_without_a_figure_left_is_not_what_the_next_follow_from(adam: StepGraph, zero: str) -> None:
    """The sheet gives 0.0000 for v, but the learner went on with all digits: m/√0 is no number to compare with."""
    slopes = {name: f"{value(adam, name):.4f}" for name in ("dE/db(o1)", "m(b(o1))+", "v(w(i1,o1))+")}
    later = {name: f"{value(adam, name.removeprefix('2:'), 1):.4f}" for name in ("2:net(o1)", "2:out(o1)", "2:E")}
    numbers = slopes | {"v(b(o1))+": zero} | later
    assert set(verdicts(adam, numbers).values()) == {"right"}
    assert verdicts(adam, numbers | {"b(o1)+": "0.3100"})["b(o1)+"] == "wrong"


def test_numbers_too_small_for_the_sheet_may_have_been_rounded_on_the_way() -> None:
    """dE/dnet(h1) = -0.0027 is -0.003 with three places, and dE/dw(i1,h1) then -9.00e-4."""
    layers = [bl.Dense(1, "sigmoid", weights=[[0.5]]), bl.Dense(1, weights=[[0.039]])]
    network = bl.Network(layers, inputs=1, loss="half_squared_error")
    graph = graph_of(network, [0.3], [0.3], bl.SGD(0.3))
    exact = value(graph, "dE/dnet(h1)")
    kept = round(exact, 3)
    assert abs(kept - exact) > 0.05 * abs(exact)
    numbers = {name: f"{value(graph, name):.3f}" for name in ("net(h1)", "out(h1)", "out(o1)", "w(h1,o1)+")}
    assert verdicts(graph, numbers | {"dE/dw(i1,h1)": f"{kept * 0.3:.2e}"})["dE/dw(i1,h1)"] == "rounded"


def test_operands_that_were_cut_off_are_a_whole_unit_off() -> None:
    """0.67 - 0.5 · 3.169617 is -0.9148085, in floats a little more; cut off, both end lower than they are."""
    network = bl.Network([bl.Dense(1, weights=[[-0.67], [0.67], [-0.4]], biases=[0.25])], inputs=3,
                         loss="half_squared_error")  # fmt: skip
    graph = graph_of(network, [1.3, -1.39, -0.28], [0.84], bl.SGD(0.5))
    numbers = {"net(o1)": "-1.4403000", "dE/dw(i2,o1)": "3.1696169", "w(i2,o1)+": "-0.91480849"}
    assert verdicts(graph, numbers) == {"net(o1)": "right", "dE/dw(i2,o1)": "truncated", "w(i2,o1)+": "truncated"}
    exact = {"net(o1)": "-1.4403000", "w(i1,o1)+": "0.81219500", "dE/dw(i1,o1)": "-2.9643900"}
    assert Habits.of(Learner(graph, sheet(graph, exact))).cuts  # numbers that end there do not speak against it


def cut(number: float, places: int = 5) -> float:
    scale = 10.0**places
    return math.trunc(number * scale) / scale


def test_a_joined_loss_may_be_taken_apart_with_roundings_of_its_own() -> None:
    """dE/dnet of a sigmoid with binary cross-entropy by dE/dout · dout/dnet, each cut off on the way."""
    network = bl.Network([bl.Dense(1, "sigmoid", weights=[[0.9]])], inputs=1, loss="binary_cross_entropy")
    graph = graph_of(network, [1.0132], [0.0], bl.SGD(0.5))
    out = cut(1.0 / (1.0 + math.exp(-cut(0.9 * 1.0132))))
    slope = cut(cut(1.0 / (1.0 - out)) * cut(out * (1.0 - out)))
    assert abs(slope - out) > 2e-5
    numbers = {"out(o1)": f"{out:.5f}", "dE/db(o1)": f"{slope:.5f}"}
    found = verdicts(graph, numbers)
    assert found["dE/db(o1)"] in {"rounded", "truncated"}
    assert verdicts(graph, numbers | {"dE/db(o1)": f"{slope - 0.001:.5f}"})["dE/db(o1)"] == "wrong"


def test_a_program_with_float32_is_known_by_its_digits(relu: StepGraph) -> None:
    """Its shortest digits are many for a small number: half a unit of them is less than float32's own rounding."""
    layers = [bl.Dense(1, "leaky_relu", weights=[[0.83]], biases=[-0.9]), bl.Dense(1, weights=[[0.71]], biases=[0.2])]
    graph = graph_of(bl.Network(layers, inputs=1, loss="half_squared_error"), [0.597], [0.4], bl.SGD(0.3))
    names = ("out(h1)", "net(o1)", "E", "dE/dw(h1,o1)", "dE/dnet(h1)", "dE/dw(i1,h1)", "w(i1,h1)+")
    numbers = {name: str(np.float32(value(graph, name))) for name in names}
    near = np.nextafter(np.float32(value(graph, "out(h1)")), np.float32(1))
    found = verdicts(graph, numbers | {"out(h1)": str(near)})
    assert found.pop("out(h1)") == "rounded"
    assert set(found.values()) <= {"right", "rounded", "truncated", "not tested"}
    double = Learner(relu, sheet(relu, floats(relu, ["out(o1)", "E", "dE/dnet(o1)", "dE/dw(h1,o1)"], 12)))
    assert not Habits.of(double).single


def test_right_float32_numbers_beside_one_that_is_off_are_no_sign_of_float64() -> None:
    """Sums of large terms that nearly cancel: three happen to be right to all digits shown, one is not."""
    weights = [[1.912345, -1.712345, 0.912345, 1.312345], [-2.312345, 2.0716123, -1.109585, -1.612345]]
    network = bl.Network([bl.Dense(4, weights=weights)], inputs=2, loss="half_squared_error")
    graph = graph_of(network, [1.2127391, 1.0026173], [0.1, 0.2, 0.3, 0.4], bl.SGD(0.3))
    numbers = {f"net(o{k})": str(np.float32(value(graph, f"net(o{k})"))) for k in (1, 2, 3)}
    off = str(np.float32(value(graph, "net(o4)") + 2e-8))
    found = verdicts(graph, numbers | {"net(o4)": off})
    assert found == {**dict.fromkeys(numbers, "right"), "net(o4)": "rounded"}


def test_a_number_on_the_way_is_rounded_by_no_more_than_itself(relu: StepGraph) -> None:
    """The slopes of a unit that is off are 0, whatever the sheet's digits are."""
    learner = Learner(relu, sheet(relu, {"out(o1)": f"{value(relu, 'out(o1)'):.2f}", "w(i1,h2)+": "-0.41"}))
    allowances = [learner.allowance(claim, learner.own.estimate(claim.key)) for claim in learner.claims]
    assert [allowance.on_the_way > 0.0 for allowance in allowances] == [True, False]


def test_who_rounds_at_the_end_is_right_whatever_the_others_show(relu: StepGraph) -> None:
    """Two places cut off for what enters, seven for the result: there were more than the sheet shows."""
    out, slope = value(relu, "out(o1)"), value(relu, "dE/dnet(o1)")
    numbers = {"out(o1)": f"{cut(out, 2):.2f}", "dE/dnet(o1)": f"{slope:.7f}"}
    assert out - cut(out, 2) > 0.0059
    assert verdicts(relu, numbers) == {"out(o1)": "truncated", "dE/dnet(o1)": "right"}
    assert verdicts(relu, numbers | {"dE/dnet(o1)": f"{slope * 1.2:.7f}"})["dE/dnet(o1)"] == "wrong"
