"""Beliefs held at several numbers: by the chain rule through a joined loss, in other steps; ties, and what tells."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import backlit as bl
from backlit.check.catalogue import mistakes
from backlit.check.examples import TINY
from backlit.check.graph import StepGraph
from backlit.check.judging.verdicts import judge
from backlit.check.records import CheckedNumber
from backlit.check.sheet import Claim, Sheet
from backlit.check.written import Written
from backlit.explain import explain_step


def checked(graph: StepGraph, numbers: Mapping[str, float]) -> dict[str, CheckedNumber]:
    """Check numbers by their names, with 9 digits."""
    claims = []
    for name, number in numbers.items():
        key = graph.find(name)
        assert key is not None, name
        claims.append(Claim(name, key, Written.of(f"{number:.9f}")))
    return {number.name: number for number in judge(graph, Sheet("", tuple(claims))).numbers}


def codes(number: CheckedNumber) -> set[str]:
    return {fit.code for fit in number.fits}


def right(graph: StepGraph, name: str) -> float:
    key = graph.find(name)
    assert key is not None, name
    return key.quantity.value(key.place)


@pytest.fixture(scope="module")
def yes_or_no() -> StepGraph:
    """Give sigmoid outputs with the binary cross-entropy, where dE/dnet is out - t."""
    return StepGraph([TINY["yes or no"]()])


@pytest.fixture(scope="module")
def classes() -> StepGraph:
    """Give a softmax with the cross-entropy; the class is that of o2."""
    return StepGraph([TINY["softmax"]()])


@pytest.fixture(scope="module")
def relu() -> StepGraph:
    """Give relus, of which net(h1) is positive and net(h2) negative."""
    return StepGraph([TINY["relu"]()])


def test_a_wrong_slope_of_an_output_reaches_its_net_by_the_chain_rule(yes_or_no: StepGraph) -> None:
    """dE/dnet(o1) = dE/dout(o1) out(o1), and what follows from that."""
    wrong = right(yes_or_no, "dE/dout(o1)") * right(yes_or_no, "out(o1)")
    found = checked(yes_or_no, {"dE/dnet(o1)": wrong, "dE/dw(h1,o1)": wrong * right(yes_or_no, "out(h1)")})
    assert codes(found["dE/dnet(o1)"]) == {"out-for-slope"}
    assert found["dE/dnet(o1)"].line.startswith("dE/dnet(o1) = dE/dout(o1) · dout/dnet(o1)")
    assert found["dE/dw(h1,o1)"].verdict == "carried"
    alone = checked(yes_or_no, {"dE/dw(h1,o1)": wrong * right(yes_or_no, "out(h1)")})["dE/dw(h1,o1)"]
    assert [(fit.code, fit.at) for fit in alone.fits] == [("out-for-slope", "dout/dnet(o1)")]


def test_of_a_softmax_the_slope_of_one_output_reaches_all_nets(classes: StepGraph) -> None:
    """-t / out² of the class gives out(o1) / out(o2) at o1, whose own t is 0."""
    wrong, at_o2 = (right(classes, f"dE/dnet({name})") / right(classes, "out(o2)") for name in ("o1", "o2"))
    numbers = {"dE/dnet(o1)": wrong, "dE/dnet(o2)": at_o2, "dE/dw(h1,o1)": wrong * right(classes, "out(h1)")}
    found = checked(classes, numbers)
    assert [(fit.code, fit.at) for fit in found["dE/dnet(o1)"].fits] == [("divided-twice", "dE/dout(o2)")]
    assert (found["dE/dnet(o2)"].verdict, found["dE/dnet(o2)"].explained_by) == ("carried", "divided-twice")
    assert found["dE/dw(h1,o1)"].verdict == "carried"


def test_who_goes_by_the_chain_rule_carries_a_wrong_slope_on(yes_or_no: StepGraph) -> None:
    """Where the sheet lacks dE/dnet, what follows from it tells which way was gone."""
    out, slope, h1 = (right(yes_or_no, name) for name in ("out(o1)", "dE/dout(o1)", "out(h1)"))
    by_chain = checked(yes_or_no, {"dout/dnet(o1)": out, "dE/dw(h1,o1)": slope * out * h1})
    assert (by_chain["dout/dnet(o1)"].verdict, by_chain["dE/dw(h1,o1)"].verdict) == ("wrong", "carried")
    short = checked(yes_or_no, {"dout/dnet(o1)": out, "dE/dw(h1,o1)": right(yes_or_no, "dE/dw(h1,o1)")})
    assert (short["dout/dnet(o1)"].verdict, short["dE/dw(h1,o1)"].verdict) == ("wrong", "right")


def test_a_belief_at_hidden_units_does_not_need_the_slopes_of_joined_outputs(yes_or_no: StepGraph) -> None:
    numbers = {f"dE/dnet(o{k})": right(yes_or_no, f"dE/dnet(o{k})") for k in (1, 2)}
    numbers |= {f"dE/dnet(h{k})": right(yes_or_no, f"dE/dout(h{k})") * right(yes_or_no, f"out(h{k})") for k in (1, 2)}
    found = checked(yes_or_no, numbers)
    assert [codes(found[name]) for name in numbers] == [set(), set(), {"out-for-slope"}, {"out-for-slope"}]


def test_the_slope_twice_of_a_joined_output_is_the_squared_errors_too(yes_or_no: StepGraph) -> None:
    """(out - t) dout/dnet; hidden units tell."""
    wrong = {name: right(yes_or_no, f"dE/dnet({name})") * right(yes_or_no, f"dout/dnet({name})") for name in ("o1",)}
    alone = checked(yes_or_no, {"dE/dnet(o1)": wrong["o1"]})["dE/dnet(o1)"]
    assert codes(alone) == {"slope-twice", "squared-error-taken"}
    hidden = right(yes_or_no, "dE/dout(h1)"), right(yes_or_no, "dout/dnet(h1)")
    numbers = {"dE/dnet(o1)": wrong["o1"], "dE/dout(h1)": hidden[0], "dE/dnet(h1)": hidden[0] * hidden[1] ** 2}
    assert codes(checked(yes_or_no, numbers)["dE/dnet(o1)"]) == {"slope-twice"}


def test_the_slope_of_a_relu_is_told_by_the_other_units(relu: StepGraph) -> None:
    """1 where net is negative is three beliefs, which differ where it is positive."""
    name, out = "dout/dnet(h1)", right(relu, "out(h1)")
    forward = {of: right(relu, of) for of in ("net(h1)", "net(h2)", "out(h1)", "out(h2)")}
    for at_h1, expected in (
        (None, {"relu-slope-one", "relu-slope-turned", "tanh-slope-for-other"}),
        (1.0, {"relu-slope-one"}),
        (0.0, {"relu-slope-turned"}),
        (1.0 - out * out, {"tanh-slope-for-other"}),
    ):
        numbers = forward | {"dout/dnet(h2)": 1.0} | ({} if at_h1 is None else {name: at_h1})
        found = codes(checked(relu, numbers)["dout/dnet(h2)"])
        assert {code for code in found if not mistakes()[code].general} == expected


def test_the_binary_cross_entropys_slope_has_a_name_where_the_error_is_squared() -> None:
    graph = StepGraph([bl.explain("two-layer").step])
    out, slope = right(graph, "out(o1)"), right(graph, "dE/dout(o1)")
    wrong = slope / (out * (1.0 - out))
    assert codes(checked(graph, {"dE/dout(o1)": wrong})["dE/dout(o1)"]) == {"binary-entropy-taken"}
    for sheet in ({"dE/dnet(o1)": slope}, {"dE/dout(o1)": slope, "dE/dnet(o1)": slope}):
        assert codes(checked(graph, sheet)["dE/dnet(o1)"]) == {"slope-left-out"}


def test_a_cross_entropy_divided_by_the_outputs(classes: StepGraph) -> None:
    numbers = {name: right(classes, name) / 3.0 for name in ("E", "dE/dnet(o1)", "dE/dnet(o2)")}
    assert [codes(number) for number in checked(classes, numbers).values()] == [{"mean-of-outputs-for-a-sum"}] * 3


def test_the_error_for_its_slope_may_have_the_means_division() -> None:
    graph = StepGraph([TINY["two rows"]()])
    numbers = {"dE/dout(o1)[1]": right(graph, "E(o1)[1]") / 4.0}  # two rows of two outputs
    assert codes(checked(graph, numbers)["dE/dout(o1)[1]"]) == {"error-for-slope"}


def test_weights_left_out_and_the_outputs_error_are_a_tie_with_one_identity_output() -> None:
    """dE/dout(o1) is dE/dnet(o1), which is what the weights leave; dE/dw tells no more, since it follows."""
    layers = [bl.Dense(2, "sigmoid", weights=[[0.6, -0.6], [0.3, 0.5]]), bl.Dense(1, weights=[[0.7], [0.4]])]
    graph = StepGraph([explain_step(bl.Network(layers, 2), [[0.5, -0.4]], [[0.9]], optimizer="sgd")])
    numbers = {f"dE/dout(h{k})": right(graph, "dE/dnet(o1)") for k in (1, 2)}
    numbers["dE/dnet(h1)"] = numbers["dE/dout(h1)"] * right(graph, "dout/dnet(h1)")
    numbers["dE/dw(i1,h1)"] = numbers["dE/dnet(h1)"] * 0.5
    found = checked(graph, numbers)
    assert codes(found["dE/dout(h1)"]) == codes(found["dE/dout(h2)"]) == {"weights-left-out", "output-error-for-hidden"}
    assert found["dE/dnet(h1)"].verdict == found["dE/dw(i1,h1)"].verdict == "carried"


def test_a_softmax_without_the_weights_gives_nothing_to_hidden_units(classes: StepGraph) -> None:
    """The δ of a softmax sum to 0; so are dE/dout of the outputs with t = 0."""
    found = checked(classes, {"dE/dout(h1)": 0.0})["dE/dout(h1)"]
    assert {"weights-left-out", "output-error-for-hidden"} <= codes(found)


def test_a_mistake_in_the_update_reaches_the_numbers_of_the_next_step() -> None:
    """The bias is not updated; the sheet gives the next step's net, not the new bias."""
    network = bl.Network([bl.Dense(1, "sigmoid", weights=[[0.5]], biases=[0.1])], inputs=1, loss="half_squared_error")
    given = {"optimizer": bl.SGD(1.0), "batch_size": 1, "shuffle": False}
    graph = StepGraph([explain_step(network, [[1.0], [0.5]], [[1.0], [0.0]], steps=n, **given) for n in (1, 2)])
    w, net = right(graph, "w(i1,o1)+"), graph.find("net(o1)", 1)
    new = graph.find("w(i1,o1)+")
    assert net is not None
    assert new is not None
    claims = (
        Claim("w(i1,o1)+", new, Written.of(f"{w:.9f}")),
        Claim("net(o1)", net, Written.of(f"{w * 0.5 + 0.1:.9f}")),
    )
    found = judge(graph, Sheet("", claims)).numbers[1]
    assert "bias-not-updated" in codes(found)
    assert {fit.at for fit in found.fits if fit.code == "bias-not-updated"} == {"b(o1)+"}
