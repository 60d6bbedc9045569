"""Sheets with planted mistakes: all follows from the learner's own numbers, as it is written down."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from registry_steps import STEPS, step

import backlit as bl
from backlit.check.catalogue import mistakes
from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import StepGraph, operands
from backlit.check.judging import judge
from backlit.check.planting import STYLES, Planted, Writing, forms, plant, sites, some_of, workable
from backlit.check.programs import Program
from backlit.check.update_examples import UPDATE_EXAMPLES, update_example
from backlit.errors import BacklitError
from backlit.explain import explain_step
from backlit.explain.algebra.parsing import parse
from backlit.explain.algebra.tree import Apply, Literal, call
from backlit.explain.record.quantities import Key

NETWORK = "batch-of-two"


def graph_of(name: str) -> StepGraph:
    graph = update_example(name)
    assert graph is not None
    return graph


def key_of(graph: StepGraph, name: str, step: int = 0) -> Key:
    key = graph.find(name, step)
    assert key is not None, name
    return key


# ------------------------------------------------------------------------------------------------- without a mistake


@pytest.mark.parametrize("name", STEPS)
def test_without_a_mistake_the_numbers_are_the_steps(name):
    graph = step(name)
    numbers = plant(graph)
    for key in list(graph.numbers()):
        assert numbers[key] == pytest.approx(recorded(key), rel=1e-9, abs=1e-12, nan_ok=True), graph.name(key)


@pytest.mark.parametrize("name", STEPS)
def test_a_program_gives_what_the_tree_gives(name):
    graph = step(name)
    index = {key: place for place, key in enumerate(list(graph.numbers()))}
    numbers = [recorded(key) * 1.01 for key in index]
    for key in index:
        node = graph.formula(key)
        if node is not None:
            own = value_of(node, lambda key: numbers[index[key]])
            assert Program(node, index).run(numbers) == pytest.approx(own, rel=1e-13, abs=1e-300, nan_ok=True)


@pytest.mark.parametrize("text", [r"\log(-1)", r"\frac{1}{0}", r"(-2)^{0.5}", r"10^{999}", r"\log(0)"])
def test_a_program_raises_nothing(text):
    assert not math.isnan(Program(parse(r"2 + 3"), {}).run([]))
    assert not math.isfinite(Program(parse(text), {}).run([]))


def test_a_case_that_is_not_taken_may_have_no_value():
    cases = Apply("cases", (parse(r"\log(-1)"), call(">", Literal("1"), Literal("2")), Literal("7"), call("otherwise")))
    assert Program(cases, {}).run([]) == 7.0


def test_depth_has_no_limit():
    node = Literal("1")
    for _ in range(20_000):
        node = Apply("neg", (node,))  # type: ignore[assignment]
    assert Program(node, {}).run([]) == 1.0
    network = bl.Network([bl.Dense(1, "tanh") for _ in range(150)], inputs=1)
    graph = StepGraph([explain_step(network, [[0.5]], [[0.25]])])
    assert plant(graph)[key_of(graph, "E")] == pytest.approx(recorded(key_of(graph, "E")))


def test_a_later_step_goes_on_from_the_one_before():
    """w of step 2 is the learner's own w+ of step 1, and so is all that comes of it."""
    graph = graph_of("two-steps")
    numbers = plant(graph, "update-sign", key_of(graph, "w(i1,o1)+"))
    assert numbers[key_of(graph, "w(i1,o1)", 1)] == numbers[key_of(graph, "w(i1,o1)+")]
    assert numbers[key_of(graph, "w(i1,o1)", 1)] != recorded(key_of(graph, "w(i1,o1)", 1))
    assert numbers[key_of(graph, "out(o1)", 1)] != recorded(key_of(graph, "out(o1)", 1))


# --------------------------------------------------------------------------------------------------- with a mistake


@pytest.mark.parametrize("name", UPDATE_EXAMPLES)
def test_every_mistake_can_be_planted_wherever_it_can_be_made(name):
    """Each changed number is what its formula gives on the learner's numbers, and all others what theirs give."""
    graph = graph_of(name)
    for code, entry in mistakes().items():
        places = sites(graph, code)
        if not places:
            with pytest.raises(BacklitError, match="nowhere in this step"):
                plant(graph, code)
            continue
        planted = plant(graph, code)
        assert set(planted.changed) == (set(places) if entry.scope == "everywhere" else {places[0]})
        if entry.scope != "slip":
            _follows(planted)
        elif not entry.harmless:
            right = [math.isclose(number, recorded(key), abs_tol=1e-12) for key, number in planted.items()]
            assert all(right)
            assert planted.slips


def _follows(planted: Planted) -> None:
    graph = planted.graph
    for key in workable(graph):
        node = planted.changed[key].node if key in planted.changed else graph.formula(key)
        assert node is not None
        own = value_of(node, planted.__getitem__)
        assert planted[key] == pytest.approx(own, rel=1e-12, abs=1e-15, nan_ok=True), graph.name(key)


def test_a_mistake_at_one_number_is_made_there_alone():
    graph = graph_of(NETWORK)
    key = key_of(graph, "w(i1,o1)+")
    planted = plant(graph, "update-sign", key)
    assert list(planted.changed) == [key]
    assert [other for other in workable(graph) if planted[other] != plant(graph)[other]] == [key]


def test_the_form_of_a_mistake_can_be_chosen():
    graph = graph_of(NETWORK)
    key = key_of(graph, "dE/dw(i1,o1)")
    rows = [plant(graph, "rows-not-added", key, detail=f"that of row {row}")[key] for row in (1, 2)]
    assert rows == [recorded(key_of(graph, f"dE/dw(i1,o1)[{row}]")) for row in (1, 2)]
    assert plant(graph, "rows-not-added", key, choice=1)[key] == rows[0]
    assert plant(graph, "rows-not-added", key, choice=9)[key] == plant(graph, "rows-not-added", key)[key] == rows[1]


@pytest.mark.parametrize(
    ("code", "number", "detail", "said"),
    [
        ("no-such", None, None, "no mistake 'no-such'"),
        ("past-sign", None, None, "nowhere in this step"),
        ("update-sign", "net(o1)[1]", None, "not at net"),
        ("rows-not-added", "dE/dw(i1,o1)", "that of row 9", "'that of row 9'"),
    ],
)
def test_what_cannot_be_planted_is_said(code, number, detail, said):
    graph = graph_of(NETWORK)
    with pytest.raises(BacklitError, match=said.replace("(", r"\(")):
        plant(graph, code, number and key_of(graph, number), detail=detail)


def test_what_a_mistake_needs_from_further_on_is_worked_out_before_it():
    """The hidden slope by weights that are updated already: dE/dout(h1) needs w(h1,o1)+."""
    code = next(code for code in mistakes() if "updated" in code and "not" not in code)
    graph = step("optimizer sgd")
    planted = plant(graph, code)
    later = [key for key, changed in planted.changed.items()
             if any(graph.order(need) > graph.order(key) for need in operands(changed.node))]  # fmt: skip
    assert later
    _follows(planted)


def test_a_slip_stands_on_the_sheet_alone_or_goes_on():
    graph = graph_of("sgd-step")
    net, out = key_of(graph, "net(o1)"), key_of(graph, "out(o1)")
    alone = plant(graph, "sign-slip", net, writing=Writing(4))
    assert (alone.text(net), alone[net], alone[out]) == ("-0.1500", pytest.approx(0.15), recorded(out))
    on = plant(graph, "sign-slip", net, writing=Writing(4), slip_carried=True)
    assert (on.text(net), on[net]) == ("-0.1500", -0.15)
    assert on[out] == pytest.approx(1.0 / (1.0 + math.exp(0.15)))


def test_forms_are_kept():
    graph = graph_of("sgd-step")
    key = key_of(graph, "w(i1,o1)+")
    assert forms(graph, "update-sign", key) is forms(graph, "update-sign", key)


# -------------------------------------------------------------------------------------------------------- writing down


@pytest.mark.parametrize(
    ("writing", "value", "text"),
    [
        (Writing(4), 0.37754067, "0.3775"),
        (Writing(4), -12.34567, "-12.3457"),
        (Writing(4), 0.00012345678, "1.235e-4"),
        (Writing(4), 0.0009999999, "1.000e-3"),
        (Writing(4), 0.0, "0.0000"),
        (Writing(4, style="truncated"), 0.37759, "0.3775"),
        (Writing(4, style="truncated"), -0.37759, "-0.3775"),
        (Writing(4, figures=True), 0.012345678, "0.01235"),
        (Writing(4, figures=True), 12.345678, "12.35"),
        (Writing(4, figures=True), 123456.0, "1.235e+5"),
        (Writing(4, figures=True), 0.00012345678, "1.235e-4"),
        (Writing(4, figures=True, style="truncated"), 0.0123499, "0.01234"),
        (Writing(1, figures=True), 0.55, "0.6"),
        (Writing(4), math.inf, "inf"),
    ],
)
def test_how_a_number_is_written(writing, value, text):
    assert writing.text(value) == text


@pytest.mark.parametrize("style", STYLES)
def test_a_learner_who_rounds_at_each_line_goes_on_with_that(style):
    graph = graph_of(NETWORK)
    writing = Writing(3, style=style)
    numbers = plant(graph, writing=writing)
    for key in workable(graph):
        node = graph.formula(key)
        assert node is not None
        own = value_of(node, numbers.__getitem__)
        assert numbers[key] == writing.kept(own)
        if style in {"each line", "truncated"}:
            assert Decimal(numbers.text(key)) == Decimal(repr(numbers[key]))
        if style == "float32":
            assert numbers[key] == float(np.float32(own))


@pytest.mark.parametrize("digits", [4, 6, 9])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("delta", [False, True])
def test_a_right_sheet_is_right(style, digits, delta):
    graph = graph_of(NETWORK)
    sheet = plant(graph, writing=Writing(digits, style=style)).sheet(delta=delta)
    work = judge(graph, sheet)
    assert work.all_right, [(number.name, number.given, number.follows) for number in work.wrong]


def test_delta_is_minus_the_slope():
    graph = graph_of("sgd-step")
    plain, delta = (plant(graph, writing=Writing(4)).sheet(delta=turned) for turned in (False, True))
    net = key_of(graph, "dE/dnet(o1)")
    texts = {(claim.sign, claim.written.text) for sheet in (plain, delta) for claim in sheet.claims if claim.key == net}
    assert texts == {(1, "-0.1150"), (-1, "0.1150")}
    assert [claim for claim in plain.claims if claim.key != net] == [c for c in delta.claims if c.key != net]


def test_the_same_seed_leaves_the_same_numbers_out():
    keys = workable(graph_of(NETWORK))
    half = some_of(keys, 0.5, seed=3)
    assert half == some_of(keys, 0.5, seed=3) != some_of(keys, 0.5, seed=4)
    assert 0 < len(half) < len(keys)
    assert half == [key for key in keys if key in half]
    assert some_of(keys, 0.0, seed=1, keep=[keys[4], keys[2]]) == [keys[2], keys[4]]
    assert some_of(keys, 0.0, seed=1) == [keys[-1]]
    assert some_of(keys, 1.0, seed=1) == keys


def test_a_number_without_a_value_is_not_on_the_sheet():
    graph = graph_of("sgd-step")
    planted = plant(graph)
    planted[key_of(graph, "net(o1)")] = math.nan
    assert key_of(graph, "net(o1)") not in {claim.key for claim in planted.sheet().claims}


def test_a_planted_mistake_is_found_and_named():
    graph = graph_of("sgd-step")
    work = judge(graph, plant(graph, "update-sign", writing=Writing(5)).sheet())
    assert {number.record for number in work.wrong} == {"w(i1,o1)+", "w(i2,o1)+", "b(o1)+"}
    assert {fit.code for number in work.wrong for fit in number.fits} == {"update-sign"}


@pytest.mark.parametrize(("code", "decimals"), [("digits-swapped", 4), ("digit-left-out", 3), ("digit-doubled", 5)])
def test_a_slip_of_a_digit_is_written_with_as_many_digits_as_it_leaves(code, decimals):
    graph = graph_of("sgd-step")
    out = key_of(graph, "out(o1)")
    planted = plant(graph, code, out, writing=Writing(4))
    assert len(planted.text(out).partition(".")[2]) == decimals
    work = judge(graph, planted.sheet())
    (wrong,) = work.wrong
    assert wrong.record == "out(o1)"
    assert code in {fit.code for fit in wrong.fits}
