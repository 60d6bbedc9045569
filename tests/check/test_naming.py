"""Names as learners write them lead to the numbers they mean; others are refused with what may be meant."""

from __future__ import annotations

import functools

import pytest

import backlit as bl
from backlit.check.graph import StepGraph
from backlit.check.reading.name_finding import name_of
from backlit.check.reading.name_forms import form_of
from backlit.check.reading.naming import Namer
from backlit.errors import BacklitError


@functools.cache
def namer(source: str) -> Namer:
    step = bl.explain(source).step
    return Namer(step, step.figures)


def read(source, name, row=""):
    """What a name stands for: "-" where it is the negative, "Δ" where it is a change, "δ" where its sign is open."""
    found = namer(source).read(name, row)
    return {"change": "Δ", "delta": "δ", "": ""}[found.kind] + ("-" if found.sign < 0 else "") + name_of(found.key)


SPELLINGS = {
    "net(h1)": "net(h1)|net_h1|neth1|net h1|NET(H1)|z(h1)|z_h1|zh1|z_{h1}|$net_{h_1}$|net₍h1₎|net(h1)[1]|"
    "net(h1), row 1",
    "out(h1)": "out(h1)|out_h1|outh1|a(h1)|a_h1|h1|h_1|h₁|y(h1)|activation h1|output(h1)",
    "out(o1)": "o1|a(o1)|ŷ(o1)|yhat_o1|out_{o1}",
    "E": "E|e|E_total|Etotal|E_{total}|loss|Loss|L|cost|error|E[1]",
    "E(o1)": "E(o1)|E_o1|E_{o1}|E1|loss_o1",
    "t(o1)": "t(o1)|t1|target(o1)|target o1|t_o1",
    "w5": "w5|w_5|w₅|W5|$w_5$|old w5|w5 (old)|w(h1,o1)|w(h1→o1)|w(h1->o1)|w_h1_o1|w(o1,h1)|weight h1 to o1|2.W[0, 0]|"
    "2.W[0,0]|W2[0,0]|W2[0][0]",
    "w5+": "w5+|w₅⁺|w_5^+|w5'|w5′|w5 new|w5 (new)|new w5|new_w5|neww5|w5_new|w5new|updated w5|w5(t+1)|w(h1,o1)+|"
    "the new value of w5|new W2[0,0]",
    "dE/dw5": "dE/dw5|dE/dw_5|∂E/∂w₅|∂E_total/∂w5|dL/dw5|dLoss/dw5|dJ/dw5|dw5|dW5|grad w5|gradient of w5|w5.grad|"
    "w5 grad|∇w5|"
    r"\frac{\partial E_{total}}{\partial w_5}|$\dfrac{\partial L}{\partial w_{5}}$|dE/dw(h1,o1)|dW2[0,0]|g(w5)|"
    "dE/d2.W[0, 0]",
    "dE/dnet(h1)": "dE/dnet(h1)|∂E/∂net_h1|dE/dz(h1)|dL/dz_h1|dE/dnet h1",
    "dE/dout(h1)": "dE/dout(h1)|∂E/∂out_h1|dE/da(h1)|dE/dh1",
    "dout/dnet(h1)": "dout/dnet(h1)|∂out_h1/∂net_h1|dout(h1)/dnet(h1)|da_h1/dz_h1|f'(net_h1)|f'(h1)|σ'(z_h1)|out'(h1)|"
    "slope h1|slope(h1)|slope_h1|slope of h1",
    "δdE/dnet(o1)": r"δ(o1)|δ_o1|δo1|delta(o1)|delta_o1|Delta(o1)|\delta_{o1}|𝛿(o1)",
    "δ-dE/dnet(o1)": "-δ(o1)|−δ(o1)",
    "-dE/dnet(o1)": "-dE/dnet(o1)|−∂E/∂net_o1",
    "Δw5+": "Δw5|Δw_5|∆w5|delta w5|Delta w5|change of w5|change in w5|δw5",
}  # fmt: skip


@pytest.mark.parametrize(
    ("meant", "name"), [(meant, name) for meant, names in SPELLINGS.items() for name in names.split("|")]
)
def test_a_spelling_means_its_number(meant, name):
    assert read("two-layer", name) == meant


@pytest.mark.parametrize("source", ["two-layer", "one-output", "xor", "recurrent", "convolution", "gates", "linear"])
def test_every_name_of_the_worked_example_means_its_number(source):
    step = namer(source).step
    for _, key in step.contents.numbers():
        if not key.quantity.kind.startswith("chain "):
            assert namer(source).read(name_of(key)).key == key


@pytest.mark.parametrize("source", ["two-layer", "one-output", "linear", "gates"])
def test_names_without_signs_mean_the_same(source):
    """Case, spaces, underscores, brackets and commas do not matter."""
    for _, key in namer(source).step.contents.numbers():
        name = name_of(key)
        if not key.quantity.kind.startswith("chain "):
            for other in (name.replace("(", "_").replace(")", ""), name.replace(",", ", "), f"  {name} "):
                assert namer(source).read(other).key == key, other


OF_FILES = [
    ("one-output", "δ3", "-dE/dnet(y3)"), ("one-output", "δ_3", "-dE/dnet(y3)"), ("one-output", "a1", "net(y3)"),
    ("one-output", "y3", "out(y3)"), ("one-output", "z3", "net(y3)"), ("one-output", "net3", "net(y3)"),
    ("one-output", "δ(y4)", "δdE/dnet(y4)"), ("one-output", "delta_y4", "δdE/dnet(y4)"),
    ("one-output", "δ_o", "δdE/dnet(y5)"), ("one-output", "Δw13", "Δw13+"), ("one-output", "error", "-dE/dout(y5)"),
    ("xor", "net(h1)[2]", "net(h1)[2]"), ("xor", "net(h1), row 2", "net(h1)[2]"), ("xor", "net_h1 [2]", "net(h1)[2]"),
    ("xor", "row 3: out(o1)", "out(o1)[3]"), ("xor", "z_h2 (row 3)", "net(h2)[3]"),
    ("xor", "net(h1)⁽²⁾", "net(h1)[2]"),
    ("xor", "δ(o1)[4]", "δdE/dnet(o1)[4]"), ("xor", "E2", "E[2]"), ("xor", "loss", "E"),
    ("xor", "E(o1)[1]", "E(o1)[1]"),
    ("xor", "dE/dw(i1,h1)[2]", "dE/dw(i1,h1)[2]"), ("xor", "dw(i1,h1)", "dE/dw(i1,h1)"),
    ("xor", "db(h1)", "dE/db(h1)"),
    ("xor", "f'(h2)[3]", "dout/dnet(h2)[3]"), ("xor", "db1[0]", "dE/db(h1)"), ("xor", "bias h1", "b(h1)"),
    ("convolution", "f1@r1c1", "out(f1@r1c1)"), ("convolution", "b(f1)+", "b(f1)+"),
    ("convolution", "4.W[0, 0]", "w(f1@r1c1,o1)"), ("recurrent", "δ(h1@t2)", "δdE/dnet(h1@t2)"),
    ("recurrent", "new u(h1,h1)", "u(h1,h1)+"), ("gates", "δ(y)[2]", "δdE/dnet(y)[2]"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "name", "meant"), OF_FILES)
def test_names_of_files_rows_and_other_layers(source, name, meant):
    assert read(source, name) == meant


def test_a_row_may_stand_in_a_column_of_its_own():
    assert read("xor", "net(h1)", "3") == "net(h1)[3]"
    assert read("xor", "δ(o1)", "2") == "δdE/dnet(o1)[2]"


REFUSED = [
    ("two-layer", "net(h9)", "the step has no number 'net(h9)'; did you mean 'net("),
    ("two-layer", "nett(h1)", "did you mean 'net(h1)'"),
    ("two-layer", "w9", "the step has no number 'w9'; its names look like 'w1', 'net(h1)', 'dE/dw5'."),
    ("two-layer", "", "the step has no number ''"),
    ("two-layer", "δ1", "'δ1' may be 'dE/dnet(o1)' or 'dE/dnet(h1)': write one of these."),
    ("two-layer", "b1", "'b1' may be 'b(h1)' or 'b(o1)'"),
    ("two-layer", "net(h1)[2]", "'net(h1)[2]' is of row 2; the step has row 1."),
    ("two-layer", "dE/db(h1)", "b(h1) is not trained in this step, so it has no slope and no new value here."),
    ("two-layer", "b(h1)+", "b(h1) is not trained"),
    ("two-layer", "∂net_o1/∂w5", "is no number of the step, whose slopes are dE/d... and dout/dnet"),
    ("xor", "net(h1)", "'net(h1)' has a number for each of 4 rows: say which, as in 'net(h1)[1]', or in a column row."),
    ("xor", "δ(h1)", "has a number for each of 4 rows"),
    ("xor", "net(h1)[7]", "is of row 7; the step has rows 1, 2, 3, 4."),
]  # fmt: skip


@pytest.mark.parametrize(("source", "name", "says"), REFUSED)
def test_a_name_of_no_number_is_refused_with_what_may_be_meant(source, name, says):
    with pytest.raises(BacklitError) as refused:
        namer(source).read(name)
    assert says in str(refused.value)


def test_readings_that_are_not_plain_are_said():
    assert namer("two-layer").read("h1").says == "h1 is read as out(h1)"
    assert namer("two-layer").read("dw5").says == "dw5 is read as dE/dw5"
    assert namer("two-layer").read("w(h1,i2)").says == "w(h1,i2) is read as w2, from i2 to h1"
    assert not namer("two-layer").read("net_h1").says


def test_a_network_of_one_unit_a_layer_has_its_layers_numbers():
    network = bl.Network([bl.Dense(1, "tanh"), bl.Dense(1, "sigmoid")], inputs=1, seed=1)
    step = bl.explain(network, [[0.5]], [[1.0]]).step
    found = Namer(step)
    names = {name: name_of(found.read(name).key) for name in ("δ1", "δ2", "z1", "a2", "a1", "b1", "b2")}
    assert names == {"δ1": "dE/dnet(h1)", "δ2": "dE/dnet(o1)", "z1": "net(h1)", "a2": "out(o1)", "a1": "out(h1)",
                     "b1": "b(h1)", "b2": "b(o1)"}  # fmt: skip


STEPS = [
    "step 2: w5+",
    "Step 2 - w5+",
    "2. step: w5+",
    "w5+ after step 2",
    "w5+ (step 2)",
    "w5+ @ step 2",
    "w5+, step 2",
]


@pytest.mark.parametrize("name", STEPS)
def test_a_name_may_carry_its_step(name):
    form = form_of(name)
    assert (form.body, form.step, form.new) == ("w5", 2, True)


def test_the_graph_of_two_steps_is_read_in_each():
    steps = [bl.explain("two-layer", steps=k).step for k in (1, 2)]
    graph = StepGraph(steps)
    first, second = (Namer(step).read("w5").key for step in steps)
    assert graph.earlier(second) == Namer(steps[0]).read("w5+").key
    assert graph.earlier(first) is None
