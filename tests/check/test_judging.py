"""The verdicts: each number against what follows from the learner's own, with rounding as written carried through."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from any_network import draw
from bench.check import sheets
from bench.check.sheets import STYLES, chosen, workable

import backlit as bl
from backlit.check.graph import StepGraph
from backlit.check.judging.learner import Learner
from backlit.check.judging.verdicts import Judge, judge
from backlit.check.judging.working import Working
from backlit.check.records import CheckedNumber, CheckedWork
from backlit.check.sheet import Claim, Sheet
from backlit.check.written import Written
from backlit.explain import explain_step


@pytest.fixture(scope="module")
def two_layer() -> StepGraph:
    """Give the first step of the classic example."""
    return StepGraph([bl.explain("two-layer").step])


def checked(graph: StepGraph, numbers: Mapping[str, str]) -> CheckedWork:
    """Check numbers by their names; δ(h1) is read as -dE/dnet(h1)."""
    claims = []
    for name, text in numbers.items():
        sign = -1 if name.startswith("δ") else 1
        key = graph.find(name.replace("δ", "dE/dnet"))
        assert key is not None, name
        claims.append(Claim(name, key, Written.of(text), sign))
    return judge(graph, Sheet("", tuple(claims)))


def verdicts(graph: StepGraph, numbers: Mapping[str, str]) -> dict[str, str]:
    return {number.name: number.verdict for number in checked(graph, numbers).numbers}


def one(graph: StepGraph, name: str, numbers: Mapping[str, str]) -> CheckedNumber:
    return next(number for number in checked(graph, numbers).numbers if number.name == name)


def test_right_at_any_number_of_digits(two_layer: StepGraph) -> None:
    for digits in range(1, 15):
        names = ["net(h1)", "out(h1)", "net(o1)", "out(o1)", "E(o1)", "E", "dE/dnet(o1)", "dE/dw5", "w5+", "w1+"]
        numbers = {name: f"{_value(two_layer, name):.{digits}f}" for name in names}
        assert set(verdicts(two_layer, numbers).values()) == {"right"}, digits


def _value(graph: StepGraph, name: str) -> float:
    key = graph.find(name)
    assert key is not None
    return key.quantity.value(key.place)


def test_follows_from_the_learners_own_number(two_layer: StepGraph) -> None:
    numbers = {"net(h1)": "0.4275", "out(h1)": "0.6053", "w5+": "0.3589"}
    found = verdicts(two_layer, numbers)
    assert found["net(h1)"] == "wrong"
    assert found["out(h1)"] == "carried"
    assert verdicts(two_layer, {"net(h1)": "0.4275", "out(h1)": "0.5933"})["out(h1)"] == "right"


def test_a_right_number_beside_a_wrong_one_that_was_not_carried_on_says_so(two_layer: StepGraph) -> None:
    number = one(two_layer, "out(h1)", {"net(h1)": "0.3975", "out(h1)": "0.5933"})
    assert number.verdict == "right"
    assert "net(h1)" in number.remark


def test_what_cannot_tell_is_not_tested(two_layer: StepGraph) -> None:
    number = one(two_layer, "w1+", {"out(o1)": "0.7515", "w1+": "0.150"})
    assert number.verdict == "not tested"


def test_rounding_of_the_operands_as_written_is_allowed_for(two_layer: StepGraph) -> None:
    """Two digits on the way leave the next number two digits, and no more."""
    numbers = {"out(o1)": "0.75", "dE/dout(o1)": "0.741365"}
    assert verdicts(two_layer, numbers)["dE/dout(o1)"] == "right"
    assert verdicts(two_layer, numbers | {"dE/dout(o1)": "0.7523"})["dE/dout(o1)"] == "wrong"


def test_rounded_on_the_way_is_no_mistake(two_layer: StepGraph) -> None:
    """0.3775 → 0.5933 → 1.1060 with four places at each line, of which the sheet gives the last."""
    exact = 0.4 * 0.5933 + 0.45 * 0.5969 + 0.6
    out = 1 / (1 + np.exp(-round(exact, 4)))
    slope = round(float(round(out, 4) - 0.01), 4) * round(float(round(out, 4) * (1 - round(out, 4))), 4)
    found = checked(two_layer, {"dE/dnet(o1)": f"{slope:.4f}", "w5+": "0.3589"})
    assert found.numbers[0].verdict in {"right", "rounded"}
    assert found.all_right


def test_truncated_is_no_mistake(two_layer: StepGraph) -> None:
    found = checked(two_layer, {"out(h1)": "0.5932", "out(h2)": "0.5968", "dE/dnet(o1)": "0.1384"})
    assert [number.verdict for number in found.numbers] == ["truncated"] * 3
    assert found.all_right


def test_a_sign_of_ones_own(two_layer: StepGraph) -> None:
    assert verdicts(two_layer, {"δ(o1)": "-0.1385"}) == {"δ(o1)": "right"}
    number = one(two_layer, "δ(o1)", {"δ(o1)": "0.1385"})
    assert number.verdict == "wrong"
    assert number.follows.startswith("-0.138")


def test_a_given_number_copied_wrongly_is_found(two_layer: StepGraph) -> None:
    found = verdicts(two_layer, {"w5": "0.45", "w5+": "0.4089", "w6": "0.45"})
    assert found == {"w5": "wrong", "w6": "right", "w5+": "carried"}


def test_a_given_number_is_told_to_be_given(two_layer: StepGraph) -> None:
    given, weight = checked(two_layer, {"w1": "0.1498", "i1": "0.07"}).numbers
    assert weight.remark == "it is given, not worked out; after the step this weight is called w1+"
    assert given.remark == "it is given, not worked out"


def test_wide_intervals_are_compared_at_their_ends(two_layer: StepGraph) -> None:
    """-log of a small probability bends within half a unit of three digits."""
    network = bl.Network([bl.Dense(2, "softmax", weights=[[2.0, -2.4]])], inputs=1, loss="cross_entropy")
    graph = StepGraph([explain_step(network, [[1.0]], [1])])
    p = _value(graph, "out(o2)")
    assert p == pytest.approx(0.0121, abs=1e-4)
    for other in (0.01151, 0.01249):
        assert verdicts(graph, {"out(o2)": "0.012", "E": f"{-np.log(other):.3f}"})["E"] == "right"
    assert verdicts(graph, {"out(o2)": "0.012", "E": f"{-np.log(0.0133):.3f}"})["E"] == "wrong"


def test_both_ways_to_a_joined_slope_are_right() -> None:
    network = bl.Network([bl.Dense(2, "softmax", weights=[[0.4, -0.3]])], inputs=1, loss="cross_entropy")
    graph = StepGraph([explain_step(network, [[1.0]], [1])])
    slope = _value(graph, "dE/dnet(o1)")
    numbers = {"out(o1)": f"{_value(graph, 'out(o1)'):.4f}", "dE/dnet(o1)": f"{slope:.4f}"}
    assert set(verdicts(graph, numbers).values()) == {"right"}
    # by the chain rule, from a wrong dE/dout of one's own
    key = graph.find("dE/dout(o2)")
    assert key is not None
    wrong = key.quantity.value(key.place) * 1.1
    J = [_value(graph, name) for name in ("dout(o1)/dnet(o1)", "dout(o2)/dnet(o1)") if graph.find(name)]
    if len(J) == 2:
        own = _value(graph, "dE/dout(o1)") * J[0] + wrong * J[1]
        found = verdicts(graph, {"dE/dout(o2)": f"{wrong:.6f}", "dE/dnet(o1)": f"{own:.6f}"})
        assert found["dE/dnet(o1)"] == "carried"


def test_numbers_of_several_steps_follow_from_those_before() -> None:
    network = bl.Network([bl.Dense(1, "sigmoid", weights=[[0.5]], biases=[0.1])], inputs=1, loss="half_squared_error")
    given = {"optimizer": bl.SGD(1.0), "batch_size": 1, "shuffle": False}
    steps = [explain_step(network, [[1.0], [0.5]], [[1.0], [0.0]], steps=n, **given) for n in (1, 2)]
    graph = StepGraph(steps)
    claims = []
    for step, name, text in [(0, "w(i1,o1)+", "0.75"), (1, "net(o1)", "0.4831")]:
        key = graph.find(name, step)
        assert key is not None
        claims.append(Claim(name, key, Written.of(text)))
    key = graph.find("b(o1)+", 0)
    assert key is not None
    bias = key.quantity.value(key.place)
    claims[1] = Claim("net(o1)", claims[1].key, Written.of(f"{0.75 * 0.5 + bias:.6f}"))
    found = judge(graph, Sheet("", tuple(claims)))
    assert [number.verdict for number in found.numbers] == ["wrong", "carried"]
    assert [number.step for number in found.numbers] == [1, 2]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", [1, 8, 13, 16, 19, 24, 25, 28])
def test_right_sheets_of_any_network_are_not_accused(seed: int, style: str) -> None:
    drawn = draw(seed)
    graph = StepGraph([explain_step(drawn.network(), drawn.X, drawn.Y, optimizer="momentum")])
    rng = np.random.default_rng(seed)
    work = sheets.Working(graph, {}, style, int(rng.integers(3, 8)))  # type: ignore[arg-type]
    found = judge(graph, work.sheet(chosen(rng, workable(graph))))
    assert not found.wrong, [(number.name, number.given, number.follows) for number in found.wrong[:5]]


def test_two_mistakes_between_two_given_numbers_are_found_together(two_layer: StepGraph) -> None:
    """The slope of the output left out, and its error's sign turned, and only dE/dw5 given."""
    out_h1, out_o1 = _value(two_layer, "out(h1)"), _value(two_layer, "out(o1)")
    wrong = (0.01 - out_o1) * 1.0 * out_h1
    number = one(
        two_layer, "dE/dw5", {"out(h1)": f"{out_h1:.7f}", "out(o1)": f"{out_o1:.7f}", "dE/dw5": f"{wrong:.7f}"}
    )
    assert number.verdict == "wrong"
    assert {fit.code for fit in number.fits} == {"error-sign", "slope-left-out"}
    assert all(fit.together for fit in number.fits)


def test_a_mistake_on_the_way_explains_every_number_that_follows_from_it(two_layer: StepGraph) -> None:
    """net(h1) without its bias, which the sheet does not give: out(h1) is wrong, and what follows is explained."""
    net = 0.15 * 0.05 + 0.2 * 0.1
    out = 1 / (1 + np.exp(-net))
    found = checked(two_layer, {"out(h1)": f"{out:.6f}", "dout/dnet(h1)": f"{out * (1 - out):.6f}"})
    assert [number.verdict for number in found.numbers] == ["wrong", "carried"]
    assert [(fit.code, fit.at) for fit in found.wrong[0].fits] == [("bias-left-out", "net(h1)")]


def test_a_second_number_settles_which_mistake_it_was(two_layer: StepGraph) -> None:
    rate = 0.5
    new = {name: _value(two_layer, name.removesuffix("+")) + rate * _value(two_layer, f"dE/d{name.removesuffix('+')}")
           for name in ("w5+", "w6+", "w7+")}  # fmt: skip
    slopes = {"dE/dw5": f"{_value(two_layer, 'dE/dw5'):.6f}"}
    found = checked(two_layer, slopes | {name: f"{value:.6f}" for name, value in new.items()})
    assert [number.verdict for number in found.numbers] == ["right", *["wrong"] * 3]
    for number in found.wrong:
        assert [(fit.code, fit.explains, fit.of) for fit in number.fits] == [("update-sign", 3, 3)], number.name


def named_at_net(weights: list[float], bias: float, inputs: list[float], net: str) -> set[str]:
    """Give the mistakes that are named at the weighted sum of one neuron."""
    layer = bl.Dense(1, "sigmoid", weights=[[weight] for weight in weights], biases=[bias])
    network = bl.Network([layer], inputs=len(inputs), loss="half_squared_error")
    number = one(StepGraph([explain_step(network, [inputs], [[1.0]])]), "net(o1)", {"net(o1)": net})
    assert number.verdict == "wrong"
    return {fit.code for fit in number.fits}


def test_of_entries_that_give_the_same_number_all_are_shown() -> None:
    """0.3 · 0.4 + 0.7 · 0.9 is 0.3 · 0.9 + 0.7 · 0.4 + 0.2; and 0.5 · 0.8 is 0.5 - 0.1, without the input."""
    assert named_at_net([0.3, 0.7], 0.2, [0.4, 0.9], "0.7500") == {"bias-left-out", "inputs-exchanged"}
    assert named_at_net([0.5], -0.1, [0.8], "0.4000") == {"bias-left-out", "factor-left-out"}


def test_entries_that_lead_to_the_same_formula_are_one_mistake() -> None:
    """A term is left out of net, which is its bias; its sign is turned."""
    assert named_at_net([0.3, 0.7], 0.2, [0.5, 0.6], "0.5700") == {"bias-left-out"}
    assert named_at_net([0.3, 0.7], 0.2, [0.5, 0.6], "0.3700") == {"bias-subtracted"}


def test_whole_numbers_are_exact() -> None:
    network = bl.Network([bl.Dense(1, weights=[[0.0], [0.0]])], inputs=2, loss="half_squared_error")
    graph = StepGraph([explain_step(network, [[1.0, 0.0]], [[1.0]], optimizer=bl.SGD(1.0))])
    assert verdicts(graph, {"net(o1)": "0", "w(i1,o1)+": "-1"})["w(i1,o1)+"] == "wrong"
    assert verdicts(graph, {"net(o1)": "0", "w(i1,o1)+": "1"})["w(i1,o1)+"] == "right"


def test_the_records_of_wrong_numbers_come_with_them(two_layer: StepGraph) -> None:
    found = checked(two_layer, {"net(h1)": "0.9", "out(h1)": "0.5"})
    assert [record.name for record in found.records] == [number.record for number in found.wrong]


def test_the_work_is_bounded_in_a_large_network_and_this_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backlit.check.judging.search.MOST_IN_ALL", 2_000)
    network = bl.Network([bl.Dense(20, "tanh"), bl.Dense(10, "tanh"), bl.Dense(4, "softmax")], inputs=12, seed=1,
                         loss="cross_entropy")  # fmt: skip
    X = np.random.default_rng(0).normal(size=(2, 12))
    graph = StepGraph([explain_step(network, X, [0, 3])])
    slope = _value(graph, "dE/dw(i1,h1.1)")
    found = checked(graph, {"E": f"{_value(graph, 'E'):.5f}", "dE/dw(i1,h1.1)": f"{1.3 * slope:.5g}"})
    assert [number.verdict for number in found.numbers] == ["right", "wrong"]
    assert any("only the nearest" in note for note in found.notes)


class Bent(bl.Activation):
    """f(z) = z / (1 + |z|), without a formula's text."""

    @staticmethod
    def value(z):
        return z / (1.0 + np.abs(z))

    @staticmethod
    def slope(z):
        return 1.0 / ((1.0 + np.abs(z)) * (1.0 + np.abs(z)))


def test_an_op_of_ones_own_without_a_formula_is_compared_with_the_worked_example() -> None:
    network = bl.Network([bl.Dense(2, "tanh"), Bent(), bl.Dense(1)], inputs=2, loss="mse", seed=1)
    graph = StepGraph([explain_step(network, [[0.3, 0.5]], [[0.2]])])
    right = {name: f"{_value(graph, name):.4f}" for name in ("out(h1)", "out2(h1)", "out(o1)", "w(i1,h1)+")}
    assert set(verdicts(graph, right).values()) == {"right"}
    number = one(graph, "out2(h1)", right | {"out2(h1)": "0.9"})
    assert number.verdict == "wrong"
    assert number.follows == number.key
    assert "compared with the worked example" in number.remark
    assert one(graph, "out2(h1)", {"out(h1)": "0.9", "out2(h1)": "0.47"}).verdict == "not tested"


def test_a_given_number_is_right_as_it_is_or_wrong(two_layer: StepGraph) -> None:
    for text in ("0.16", "0.1", "0.155"):
        assert verdicts(two_layer, {"w1": text})["w1"] == ("right" if text == "0.1" else "wrong"), text
    assert verdicts(two_layer, {"net(h1)": "0.378"})["net(h1)"] == "right"
    assert verdicts(two_layer, {"net(h1)": "0.3776"})["net(h1)"] == "wrong"


def test_a_number_of_few_digits_gets_no_name(two_layer: StepGraph) -> None:
    number = one(two_layer, "out(h1)", {"out(h1)": "0.8"})
    assert number.verdict == "wrong"
    assert number.fits == ()
    assert "too few digits" in number.remark


def test_a_number_without_digits_says_nothing(two_layer: StepGraph) -> None:
    assert verdicts(two_layer, {"out(h1)": "1", "dE/dw5": "0"}) == {"out(h1)": "not tested", "dE/dw5": "not tested"}
    assert verdicts(two_layer, {"dE/dw1": "0.0004", "net(o1)": "1.1"}) == {"dE/dw1": "right", "net(o1)": "right"}


# ------------------------------------------------------------------------------------------- what is said of a mistake


def test_a_mistake_on_the_way_has_the_right_line_of_where_it_was_made(two_layer: StepGraph) -> None:
    """net(h1) without its bias: the right line is net(h1)'s, with all digits that the sheet's own numbers have."""
    found = checked(two_layer, {"out(h1)": "0.506875", "w5+": "0.3587"})
    (fit,) = found.wrong[0].fits
    assert (fit.code, fit.at) == ("bias-left-out", "net(h1)")
    assert fit.right == "net(h1) = w1 · i1 + w2 · i2 + b(h1) = 0.15 · 0.05 + 0.2 · 0.1 + 0.35 = 0.3775000"
    assert fit.line == "net(h1) = w1 · i1 + w2 · i2 = 0.15 · 0.05 + 0.2 · 0.1 = 0.0275000"
    (fit,) = checked(two_layer, {"net(h1)": "0.0275"}).wrong[0].fits
    assert fit.right == ""


def test_the_right_line_is_of_the_formula_that_the_mistake_changed() -> None:
    """dE/dnet of softmax and cross-entropy is out - t, or a sum over the outputs by the chain rule."""
    network = bl.Network([bl.Dense(3, "softmax", weights=[[0.4, -0.3, 0.2]])], inputs=1, loss="cross_entropy")
    graph = StepGraph([explain_step(network, [[1.0]], [1])])
    key = graph.find("dE/dnet(o1)")
    assert key is not None
    working, ways = Working(Learner(graph, Sheet("", ()))), graph.formulas(key)
    assert len(ways) == 2
    assert ["dout" in working.line(key, like=way) for way in ways] == [False, True]
    assert ["dout" in working.right_line(key, like=way) for way in ways] == [False, True]


def test_of_a_tie_the_likeliest_comes_first_and_a_number_is_named_that_tells(two_layer: StepGraph) -> None:
    """The two hidden units' inputs are exchanged: at net(h2) alone, or in the whole matrix, as net(h1) would tell."""
    number = one(two_layer, "net(h2)", {"net(h2)": "0.3900"})
    assert [fit.code for fit in number.fits] == ["transposed-weights", "inputs-exchanged"]
    assert number.tells == "net(h1)"
    told = one(two_layer, "net(h2)", {"net(h2)": "0.3900", "net(h1)": "0.3825"})
    assert ([fit.code for fit in told.fits], told.tells) == (["transposed-weights"], "")


def test_what_no_other_number_tells_more_digits_may(two_layer: StepGraph) -> None:
    number = one(two_layer, "dE/dout(o2)", {"dE/dout(o2)": "-0.1085"})
    assert {fit.code for fit in number.fits} == {"mean-of-outputs-for-a-sum", "half-kept-in-slope"}
    assert number.tells == ""  # both halve it, wherever they are made


def test_numbers_that_one_mistake_on_the_way_made_wrong_are_counted_once(two_layer: StepGraph) -> None:
    net = 0.15 * 0.05 + 0.2 * 0.1
    out = 1 / (1 + np.exp(-net))
    numbers = {"out(h1)": f"{out:.6f}", "dout/dnet(h1)": f"{out * (1 - out):.6f}"}
    count = checked(two_layer, numbers).count
    assert (count.numbers, count.right, count.carried, count.untested, count.wrong) == (2, 1, 1, 0, 1)


def test_a_mistake_on_the_way_that_is_found_twice_is_counted_once(two_layer: StepGraph) -> None:
    """Of two numbers with ties it may be known only at the end that one mistake, made once, gives both."""
    keys = [two_layer.find(name) for name in ("out(h1)", "out(o1)")]
    claims = [Claim("", key, Written.of(text)) for key, text in zip(keys, ("0.506875", "0.9"), strict=True) if key]
    judged = Judge(Learner(two_layer, Sheet("", tuple(claims))))
    first, other = judged.findings
    other.explained = first.explained
    judged.count_once()
    assert [(one.verdict, len(one.explained)) for one in judged.findings] == [("wrong", 1), ("carried", 0)]
    assert other.by is first.explained[0]


def test_what_a_claim_stands_for_is_named_where_it_is_no_name_alone() -> None:
    claimed = {"Δw5": "-0.0411", "δ(o1)": "-0.1385", "net(h1)": "0.3775"}
    found = bl.check_work("two-layer", claimed=claimed, delta="-dE/dnet")
    meant = {number.name: number.stands_for for number in found.numbers}
    assert meant == {"Δw5": "w5+ - w5", "δ(o1)": "-dE/dnet(o1)", "net(h1)": ""}


def test_one_number_with_a_power_of_ten_does_not_lengthen_the_others(two_layer: StepGraph) -> None:
    found = checked(two_layer, {"net(h1)": "0.0275", "dE/dw1": "4.38568e-4", "out(h1)": "0.5069"})
    assert found.wrong[0].line.endswith("= 0.37750")
    number = one(two_layer, "dE/dw1", {"dE/dw1": "4.4e-5"})
    assert (number.follows, number.key) == ("4.39e-4", "4.39e-4")
    assert one(two_layer, "E", {"E": "0"}).follows == "0.298"


def test_a_belief_about_a_hidden_layer_is_found_from_the_gradients_of_several_rows_alone() -> None:
    """dE/dout is taken for dE/dnet of the hidden unit in each of three rows, of which the sheet gives none."""
    network = bl.Network([bl.Dense(1, "sigmoid"), bl.Dense(2, "tanh")], inputs=2, loss="mse", seed=3)
    X, Y = np.array([[0.3, 0.9], [-0.7, 0.4], [0.5, -0.2]]), np.full((3, 2), 0.4)
    graph = StepGraph([explain_step(network, X, Y)])
    rows = [_value(graph, f"dE/dout(h1)[{row}]") for row in (1, 2, 3)]
    wrong = {f"dE/dw(i{k + 1},h1)": f"{float(np.dot(rows, X[:, k])):.7f}" for k in (0, 1)} | {
        "dE/db(h1)": f"{sum(rows):.7f}"
    }
    found = checked(graph, wrong)
    assert [number.verdict for number in found.numbers] == ["wrong", "carried", "carried"]
    (fit,) = found.wrong[0].fits
    assert (fit.code, fit.at, fit.more, fit.explains) == ("slope-left-out", "dE/dnet(h1)[1]", 2, 3)
