"""The classic examples' numbers, found by name in the worked example."""

from __future__ import annotations

from typing import Any

import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.examples import example_file, read_network_file
from backlit.explain import explain_step

TWO_LAYER = {
    "net(h1)": ".377500000", "net(h2)": ".392500000", "out(h1)": ".593269992", "out(h2)": ".596884378",
    "out(o1)": ".751365070", "out(o2)": ".772928465", "E(o1)": ".274811083", "E(o2)": ".023560026", "E": ".298371109",
    "w(i1,h1)+": ".149780716", "w(i2,h1)+": ".199561432", "w(i1,h2)+": ".249751144", "w(i2,h2)+": ".299502287",
    "w(h1,o1)+": ".358916480", "w(h2,o1)+": ".408666186", "w(h1,o2)+": ".511301270", "w(h2,o2)+": ".561370121",
    "dE/dw(i1,h1)": ".000438568", "dE/dw(h1,o1)": ".082167041", "dE/dout(h1)": ".036350306",
    "dE/dnet(o1)": ".138498562",
}  # fmt: skip
ONE_OUTPUT = {
    "net(h1)": ".210000000", "net(h2)": ".315000000", "out(h1)": ".552307910", "out(h2)": ".578105233",
    "net(o1)": ".685987082", "out(o1)": ".665073640", "dE/dnet(o1)": ".036770268", "dE/dnet(h1)": ".002727588",
    "dE/dnet(h2)": ".008071427", "w(h2,o1)+": ".878742916", "w(h1,o1)+": ".279691490", "w(i1,h1)+": ".199045344",
    "w(i2,h1)+": ".198090689", "w(i1,h2)+": ".297175000", "w(i2,h2)+": ".294350001",
}  # fmt: skip
LINEAR = {
    "out(o1)": ".191000000", "E": ".327240500", "w(i1,h1)+": ".121326000", "w(i2,h1)+": ".226989000",
    "w(i1,h2)+": ".132135000", "w(i2,h2)+": ".098202500", "w(h1,o1)+": ".174382500", "w(h2,o1)+": ".169416000",
}  # fmt: skip
TABLES = {"two-layer": TWO_LAYER, "one-output": ONE_OUTPUT, "linear": LINEAR}
AFTER = {"two-layer": ".291027774", "linear": ".276957171"}


def classic(name: str, **settings: Any) -> Any:
    """Explain a classic example under the usual names."""
    setup = read_network_file(example_file(name)).setups[0]
    X, Y = setup.rows()
    return explain_step(setup.build(), X, Y, optimizer=setup.rules()["optimizer"], **settings)


@pytest.mark.parametrize(("name", "quantity"), [(name, quantity) for name in TABLES for quantity in TABLES[name]])
def test_published_numbers_to_nine_digits(name: str, quantity: str) -> None:
    assert f"{classic(name)[quantity].value:.9f}" == f"0{TABLES[name][quantity]}"


@pytest.mark.parametrize("name", AFTER)
def test_error_after_the_step(name: str) -> None:
    assert f"{next(classic(name).changes()).after:.9f}" == f"0{AFTER[name]}"


def test_error_of_every_step_and_of_the_ten_thousandth() -> None:
    step = classic("two-layer", steps=10_000)
    assert len(step.recording.errors) == 10_000
    assert f"{step.recording.errors[0]:.9f}" == "0.298371109"
    assert f"{step.recording.E:.5e}" == "3.51085e-05", "E after 9,999 steps, before the last update"
    assert f"{next(step.changes()).after:.8e}" == "3.51018778e-05"


def test_records_say_where_they_stand_and_what_they_need() -> None:
    record = classic("two-layer")["dE/dw(i1,h1)"]
    assert (record.phase, record.layer, record.source, record.unit, record.row) == ("backward", 1, "i1", "h1", None)
    assert record.depends_on == ("dE/dnet(h1)", "i1")
    assert record.substituted == r"0.008771355 \cdot 0.05"


def test_every_number_that_another_depends_on_is_a_number_of_the_step() -> None:
    step = classic("two-layer")
    names = {record.name for record in step.records()}
    assert {name for record in step.records() for name in record.depends_on} <= names


def test_several_rows_are_summed_as_a_step_of_their_own() -> None:
    setup = read_network_file(example_file("xor")).setups[0]
    X, Y = setup.rows()
    step = explain_step(setup.build(), X, Y, optimizer="sgd", rows=["a", "b", "c", "d"])
    parts = [step[f"dE/dw(h1,o1)[{row}]"].value for row in "abcd"]
    total = step["dE/dw(h1,o1)"]
    assert total.depends_on == tuple(f"dE/dw(h1,o1)[{row}]" for row in "abcd")
    assert sum(parts) == pytest.approx(total.value, rel=1e-14)
    assert step["E"].depends_on == ("E[a]", "E[b]", "E[c]", "E[d]")


def test_gradients_are_the_slopes_of_the_error() -> None:
    step = classic("two-layer", check=True, only="backward")
    checked = [record for record in step.records() if record.numeric is not None]
    assert len(checked) == 8
    for record in checked:
        assert record.numeric == pytest.approx(record.value, rel=1e-9)


@pytest.mark.parametrize(("only", "first", "count"), [
    ("forward", "i1", 22), ("update", "w(i1,h1)", 16), ("h1", "i1", 16), ("w(h1,o1)", "i1", 24),
])  # fmt: skip
def test_a_part_alone(only: str, first: str, count: int) -> None:
    records = list(classic("two-layer", only=only).records())
    assert records[0].name == first
    assert len(records) == count


def test_every_number_of_the_forward_pass_can_have_an_own_name() -> None:
    network = bl.Network([bl.Dense(1, "tanh"), bl.LayerNorm(), bl.Dropout(0.5), bl.Dense(1)], inputs=1)
    labels = {"i1": "x", "net(h1)": "z", "out(h1)": "y", "r(layer 2)": "r", "norm(h1)": "n", "gamma(h1)": "c",
              "mask(h1)": "m", "t(o1)": "t", "E(o1)": "e", "w(h1,o1)": "v"}  # fmt: skip
    step = explain_step(network, [[0.5], [0.75]], [[0.0], [1.0]], labels=labels)
    names = [record.name for record in step.records()]
    assert len(set(names)) == len(names)
    assert {"x[1]", "z[2]", "dE/dy[1]", "r[2]", "n[1]", "c+", "m[1]", "t[2]", "e[1]", "dE/dv", "E"} <= set(names)


def test_own_labels_and_usual_names_find_the_same_number() -> None:
    step = classic("two-layer", labels={"w(i1,h1)": "w1"})
    assert step["dE/dw1"] == step["dE/dw(i1,h1)"]
    assert step["w1+"].depends_on == ("w1", "dE/dw1")


@pytest.mark.parametrize(("given", "message"), [
    ({"only": "w(i1,h9)"}, "did you mean"), ({"only": "backwards"}, "backward"), ({"digits": -1}, "digits"),
    ({"steps": 0}, "steps"), ({"steps": 2, "rates": [0.1]}, "rates"), ({"rates": [float("nan")]}, "rates"),
    ({"l2": -1.0}, "l2"), ({"inputs": ["a"]}, "inputs"),
    ({"inputs": ["h1", "b"]}, "share a name"),
    ({"rows": ["a", "b"]}, "rows: 2 names given; X has 1"),
    ({"labels": {"zz": "b"}}, r"labels: the step has no 'zz' to name; expected usual names, such as 'w\(i1,h1\)'"),
    ({"labels": {"w(i1,h9)": "b"}}, r"no 'w\(i1,h9\)' to name; did you mean 'w\(i1,h"),
    ({"labels": {"dE/dw(i1,h1)": "b"}}, r"no 'dE/dw\(i1,h1\)' to name; did you mean 'w\(i1,h1\)'"),
    ({"labels": {"w(i1,h1)": "b(h1)"}}, r"labels: 'b\(h1\)' is the name of both 'w\(i1,h1\)' and 'b\(h1\)'"),
    ({"labels": {"w(i1,h1)": "w", "w(i2,h1)": "w"}}, r"'w' is the name of both 'w\(i2,h1\)' and 'w\(i1,h1\)'"),
    ({"labels": {"w(i1,h1)": "b(h1)", "b(h1)": "w(i1,h1)"}}, "is the name of both"),
    ({"labels": {"w(i1,h1)": "E"}}, "'E' is the name of both"),
    ({"labels": {"w(i1,h1)": "a", "net(o1)": "dE/da"}}, "'dE/da' is the name of both"),
])  # fmt: skip
def test_wrong_calls_say_what_is_wrong(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BacklitError, match=message):
        classic("two-layer", **given)


def test_an_unknown_number_names_the_nearest() -> None:
    with pytest.raises(KeyError, match="did you mean"):
        classic("two-layer")["net(h3)"]


def test_methods_without_a_formula_of_their_step_are_refused() -> None:
    setup = read_network_file(example_file("linear")).setups[0]
    with pytest.raises(BacklitError, match="lbfgs"):
        explain_step(setup.build(), *setup.rows(), optimizer="lbfgs")


def test_both_sides_of_a_kink_and_the_kink_itself_are_said() -> None:
    network = bl.Network(
        [bl.Dense(3, "relu", weights=[[1.0, -1.0, 0.0]], biases=[0.0, 0.0, 0.0]), bl.Dense(1)], inputs=1
    )
    step = explain_step(network, [[2.0]], [[1.0]])
    notes = [step[f"dout/dnet(h{unit})"].note for unit in (1, 2, 3)]
    assert [note.rpartition(" ")[0].rpartition(":")[2].strip() for note in notes[:2]] == ["right of the", "left of the"]
    assert "from the left" in notes[2]


def test_softmax_is_shown_by_its_jacobian_and_in_short() -> None:
    network = bl.Network([bl.Dense(3, "softmax")], inputs=2, loss="cross_entropy")
    step = explain_step(network, [[1.0, -1.0]], [1])
    long, short = step["chain dE/dnet(o2)"], step["dE/dnet(o2)"]
    assert long.depends_on[1] == "dout(o1)/dnet(o2)"
    assert short.plain_formula == "out(o2) - t(o2)"
    assert long.value == pytest.approx(short.value, rel=1e-14)
    assert "the same" in short.note


def test_one_weight_of_a_large_network() -> None:
    import time

    import numpy as np

    network = bl.Network([bl.Dense(256, "relu"), bl.Dense(128, "relu"), bl.Dense(10, "softmax")], 784, "cross_entropy")
    X = np.random.default_rng(0).random((1, 784))
    began = time.process_time()
    records = list(explain_step(network, X, [3], only="w(i1,h1.1)").records())
    assert time.process_time() - began < 20.0
    net = next(record for record in records if record.name == "net(h1.1)")
    assert "781 more terms" in net.plain_formula
    assert records[-1].name == "w(i1,h1.1)+"
    step = explain_step(network, X, [3])
    shown = [record.name for section in step.sections() for record in section.records]
    assert "w(i1,h1.1)+" in shown
    assert len(shown) < 500 < len(step)
