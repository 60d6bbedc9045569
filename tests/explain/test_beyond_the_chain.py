"""Worked examples of convolutions, recurrent layers, embeddings and blocks: every number shown is worked out anew.

By definitions of their own in mpmath at 50 digits, `by_definition.py`; and every printed line is judged.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from by_definition import DIGITS, Definition, Numbers, dense, outputs, sigmoid, tanh
from line_judge import Judge, latex_differs
from mpmath import mp, mpf
from toy_layers import ToyConvolution, ToyPool, ToyRecurrent

import backlit as bl

RATE = 0.25
ROUNDING = 1e-13

# ------------------------------------------------------------------------------------------------------ the definitions


def convolution(n: Numbers, x: Any) -> list[mpf]:
    """Two filters of 2 × 2 over a picture of 3 × 3 with a channel, tanh, the largest of 2 × 2, a dense unit."""
    for r, c in np.ndindex(3, 3):
        n.put(f"i1@r{r + 1}c{c + 1}", x[r, c, 0])
    for f in (1, 2):
        for r, c in np.ndindex(2, 2):
            z = n.w(f"b(f{f})") + sum(
                n.w(f"w(i1,f{f}@r{a + 1}c{b + 1})") * n.of(f"i1@r{r + a + 1}c{c + b + 1}") for a, b in np.ndindex(2, 2)
            )
            n.put(f"out(f{f}@r{r + 1}c{c + 1})", tanh(n.put(f"net(f{f}@r{r + 1}c{c + 1})", z)))
        n.put(f"pool(f{f}@r1c1)", max(n.of(f"out(f{f}@r{r + 1}c{c + 1})") for r, c in np.ndindex(2, 2)))
    return outputs(n, dense(n, ["o1"], [(f"f{f}@r1c1", f"pool(f{f}@r1c1)") for f in (1, 2)]))


def sliding(n: Numbers, x: Any) -> list[mpf]:
    """A filter of size 2 with stride 2 and a zero on both sides over five moments of two numbers; the mean of all."""
    for t, k in np.ndindex(5, 2):
        n.put(f"i{k + 1}@t{t + 1}", x[t, k])
    moments = range(1, 4)
    for t in moments:
        met = [(place, 2 * (t - 1) - 1 + place) for place in (1, 2)]
        z = n.w("b(f1)") + sum(n.w(f"w(i{k},f1@t{place})") * n.of(f"i{k}@t{at}")
                               for place, at in met for k in (1, 2) if 1 <= at <= 5)  # fmt: skip
        n.put(f"out(f1@t{t})", tanh(n.put(f"net(f1@t{t})", z)))
    n.put("pool(f1)", sum(n.of(f"out(f1@t{t})") for t in moments) / 3)
    return outputs(n, dense(n, ["o1"], [("f1", "pool(f1)")]))


def elman(n: Numbers, x: Any) -> list[mpf]:
    """Two units, tanh, three moments; the last state."""
    for t in (1, 2, 3):
        n.put(f"i1@t{t}", x[t - 1, 0])
        for h in ("h1", "h2"):
            z = n.w(f"w(i1,{h})") * n.of(f"i1@t{t}") + n.w(f"b({h})")
            z += sum(n.w(f"u({g},{h})") * n.of(f"out({g}@t{t - 1})") for g in ("h1", "h2")) if t > 1 else 0
            n.put(f"out({h}@t{t})", tanh(n.put(f"net({h}@t{t})", z)))
    for h in ("h1", "h2"):
        n.put(f"y({h})", n.of(f"out({h}@t3)"))
    return outputs(n, dense(n, ["o1"], [(h, f"y({h})") for h in ("h1", "h2")]))


def gate(n: Numbers, name: str, h: str, t: int, act: Any = sigmoid) -> mpf:
    z = n.w(f"w_{name}(i1,{h})") * n.of(f"i1@t{t}") + n.w(f"b_{name}({h})")
    z += sum(n.w(f"u_{name}({g},{h})") * n.of(f"out({g}@t{t - 1})") for g in ("h1", "h2")) if t > 1 else 0
    return n.put(f"{name}({h}@t{t})", act(n.put(f"net_{name}({h}@t{t})", z)))


def lstm(n: Numbers, x: Any) -> list[mpf]:
    """c = f c + i g, h = o tanh(c); three moments, two units."""
    for t in (1, 2, 3):
        n.put(f"i1@t{t}", x[t - 1, 0])
        for h in ("h1", "h2"):
            i, f, g, o = (gate(n, name, h, t, tanh if name == "g" else sigmoid) for name in "ifgo")
            before = n.of(f"c({h}@t{t - 1})") if t > 1 else 0
            n.put(f"out({h}@t{t})", o * tanh(n.put(f"c({h}@t{t})", f * before + i * g)))
    for h in ("h1", "h2"):
        n.put(f"y({h})", n.of(f"out({h}@t3)"))
    return outputs(n, dense(n, ["o1"], [(h, f"y({h})") for h in ("h1", "h2")]))


def gru(n: Numbers, x: Any) -> list[mpf]:
    """h = (1 - z) n + z h, n = tanh(x w + b + r (h u + b_q)), every moment's state given on to a dense unit."""
    for t in (1, 2, 3):
        n.put(f"i1@t{t}", x[t - 1, 0])
        for h in ("h1", "h2"):
            r, z = (gate(n, name, h, t) for name in "rz")
            before = [(g, n.of(f"out({g}@t{t - 1})") if t > 1 else mpf(0)) for g in ("h1", "h2")]
            q = n.put(f"q({h}@t{t})", sum(n.w(f"u_n({g},{h})") * s for g, s in before) + n.w(f"b_q({h})"))
            net = n.put(f"net_n({h}@t{t})", n.w(f"w_n(i1,{h})") * n.of(f"i1@t{t}") + n.w(f"b_n({h})") + r * q)
            new = n.put(f"n({h}@t{t})", tanh(net))
            n.put(f"out({h}@t{t})", (1 - z) * new + z * dict(before)[h])
    for h in ("h1", "h2"):
        n.put(f"y({h})", n.of(f"out({h}@t3)"))
    return outputs(n, dense(n, ["o1"], [(h, f"y({h})") for h in ("h1", "h2")]))


def embedding(n: Numbers, x: Any) -> list[mpf]:
    """Rows of two numbers for three categories, at two places; side by side to a dense unit."""
    for t in (1, 2):
        n.put(f"i{t}", int(x[t - 1]))
        for e in ("e1", "e2"):
            n.put(f"out({e}@t{t})", n.w(f"w({int(x[t - 1])},{e})"))
    return outputs(n, dense(n, ["o1"], [(f"{e}@t{t}", f"out({e}@t{t})") for t in (1, 2) for e in ("e1", "e2")]))


def residual(n: Numbers, x: Any) -> list[mpf]:
    """Two units, and what two more units make of them added to them."""
    for k in (1, 2):
        n.put(f"i{k}", x[k - 1])
    first = dense(n, ["h1.1", "h1.2"], [("i1", "i1"), ("i2", "i2")], tanh)
    dense(n, ["h2.1", "h2.2"], [(name[4:-1], name) for name in first], tanh, via="2.1")
    for k in (1, 2):
        n.put(f"sum(h2.{k})", n.of(f"out(h2.{k})") + n.of(f"out(h1.{k})", via="2"))
    return outputs(n, dense(n, ["o1"], [(f"h2.{k}", f"sum(h2.{k})") for k in (1, 2)]))


def parallel(n: Numbers, x: Any) -> list[mpf]:
    """Two units, and what another unit makes of them, side by side with them."""
    for k in (1, 2):
        n.put(f"i{k}", x[k - 1])
    first = dense(n, ["h1.1", "h1.2"], [("i1", "i1"), ("i2", "i2")], tanh)
    dense(n, ["h2.1"], [(name[4:-1], name) for name in first], sigmoid, via="2.1")
    n.put("joined(h2.1)", n.of("out(h2.1)"))
    for k in (1, 2):
        n.put(f"joined(h1.{k})", n.of(f"out(h1.{k})", via="2"))
    return outputs(n, dense(n, ["o1"], [(u, f"joined({u})") for u in ("h2.1", "h1.1", "h1.2")]))


def tied(n: Numbers, x: Any) -> list[mpf]:
    """Two layers of two units with the same weights."""
    for k in (1, 2):
        n.put(f"i{k}", x[k - 1])
    read = ["i1", "i2"]
    for layer in ("1", "2"):
        made = []
        for k in (1, 2):
            z = sum(n.w(f"w(i{s},h1.{k})", layer) * n.of(name) for s, name in zip((1, 2), read, strict=True))
            n.put(f"net(h{layer}.{k})", z + n.w(f"b(h1.{k})", layer))
            n.put(f"out(h{layer}.{k})", tanh(n.of(f"net(h{layer}.{k})")))
            made.append(f"out(h{layer}.{k})")
        read = made
    return outputs(n, dense(n, ["o1"], [(name[4:-1], name) for name in read]))


def _twice(tie: str) -> list[Any]:
    return [bl.Dense(2, "tanh", tie=tie), bl.Dense(2, "tanh", tie=tie)]


CASES: dict[str, Any] = {
    "convolution": (convolution, [bl.Conv2D(2, 2, "tanh"), bl.MaxPool(2), bl.Flatten()], (3, 3, 1)),
    "sliding": (sliding, [bl.Conv1D(1, 2, "tanh", stride=2, padding=1), bl.GlobalAveragePool()], (5, 2)),
    "recurrent": (elman, [bl.Recurrent(2)], (3, 1)),
    "lstm": (lstm, [bl.LSTM(2)], (3, 1)),
    "gru": (gru, [bl.GRU(2)], (3, 1)),
    "embedding": (embedding, [bl.Embedding(3, 2), bl.Flatten()], (2,)),
    "residual": (residual, [bl.Dense(2, "tanh"), bl.Residual([bl.Dense(2, "tanh")])], (2,)),
    "parallel": (parallel, [bl.Dense(2, "tanh"), bl.Parallel([[bl.Dense(1, "sigmoid")], []])], (2,)),
    "tied": (tied, _twice("one"), (2,)),
}


def case(name: str, rows: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    forward, layers, shape = CASES[name]
    rng = np.random.default_rng([seed, rows, *name.encode()])
    network = bl.Network([*layers, bl.Dense(1)], inputs=shape)
    network.parameters[:] = rng.normal(size=network.parameters.size).round(2)
    X = rng.integers(0, 3, (rows, *shape)) if name == "embedding" else rng.normal(size=(rows, *shape)).round(2)
    return forward, network, X, rng.normal(size=(rows, 1)).round(1)


def right_digits(text: str, exact: mpf) -> bool:
    """Tell whether every digit of a text is right, but for float64's rounding; a single one may be off by one."""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    unit = mpf(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    units = mpf("0.500001") if len(mantissa) > 1 or mantissa == "0" else 1
    return abs(mpf(text) - exact) <= unit * units + ROUNDING * max(1, abs(exact))


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_every_number_is_that_of_the_definition_at_50_digits(name: str, rows: int) -> None:
    forward, network, X, T = case(name, rows)
    example = bl.explain(network, X, T, optimizer=bl.SGD(rate=RATE))
    records = list(example)
    assert len({record.name for record in records}) == len(records), "every number has a name of its own"
    weights = {record.name: record.value for record in records if not record.formula and "(" in record.name}
    named = {key for key in weights if re.match(r"(w|u|b)(_\w)?\(", key)}
    assert len(named) == network.parameters.size, "every weight has a name"
    with mp.workdps(DIGITS):
        definition = Definition(forward, weights, X, T, RATE)
        worked = [record for record in records if record.formula]
        for record in worked:
            exact = definition.number(record.name)
            assert abs(record.value - exact) <= ROUNDING * max(1, abs(exact)), (record.name, record.value, exact)
            assert right_digits(record.shown, exact), (record.name, record.shown, exact)
    known = definition.run()[1]
    assert known.keys() <= {record.name for record in records}, "every number of the definition is shown"


@pytest.mark.parametrize("name", CASES)
def test_every_line_is_true(name: str) -> None:
    for rows, digits in ((1, 9), (2, 4)):
        _, network, X, T = case(name, rows, seed=1)
        example = bl.explain(network, X, T, digits=digits)
        records, judge = list(example), Judge(str(example), digits)
        worked = [record for record in records if record.formula]
        assert [(line.name, line.value) for line in judge.lines] == [(record.name, record.shown) for record in worked]
        assert not judge.wrong_lines()
        assert not judge.wrong_formulas({record.name: record.value for record in records})
        assert not [why for record in worked if (why := latex_differs(record.substituted, record.plain_substituted))]


TOYS: Any = {
    "pictures": ([ToyConvolution(2), "tanh", ToyPool(), bl.Flatten()], (3, 3, 2)),
    "sequences": ([ToyRecurrent(2)], (3, 1)),
}


@pytest.mark.parametrize("name", TOYS)
def test_a_layer_that_nothing_knows_is_explained_by_its_equations(name: str) -> None:
    layers, shape = TOYS[name]
    network = bl.Network([*layers, bl.Dense(1)], inputs=shape, seed=1)
    example = bl.explain(network, np.random.default_rng(0).normal(size=(2, *shape)).round(1), [[1.0], [0.5]])
    records, judge = list(example), Judge(str(example), 9)
    assert not judge.wrong_lines()
    assert not judge.wrong_formulas({record.name: record.value for record in records})
    assert not any("own backward" in record.note for record in records)


def test_of_equal_numbers_in_a_window_the_note_says_which_takes_the_slope() -> None:
    network = bl.Network([bl.Dense(1), bl.MaxPool(2), bl.Flatten(), bl.Dense(1)], inputs=(2, 1))
    network.parameters[:] = 0.5
    step = bl.explain(network, [[[1.0], [1.0]]], [[0.0]])
    assert "the first of them" in step["pool(h1@t1)"].note
    assert step["dE/dout(h1@t1)"].value
    assert not step["dE/dout(h1@t2)"].value


def test_a_slope_that_vanishes_through_time_is_said_to() -> None:
    network = bl.Network([bl.Recurrent(1), bl.Dense(1)], inputs=(6, 1))
    network.parameters[:] = 0.3
    step = bl.explain(network, np.ones((1, 6, 1)), [[0.0]])
    assert "it vanishes, by" in step["‖dE/dout(layer 1@t1)‖"].note
    assert "vanishes" not in step["‖dE/dout(layer 1@t5)‖"].note


def test_parts_are_a_filter_a_moment_a_block() -> None:
    _, network, X, T = case("convolution", 1)
    names = {record.name for record in bl.explain(network, X, T, only="f1") if record.formula}
    assert {"net(f1@r2c2)", "dE/dw(i1,f1@r1c2)", "pool(f1@r1c1)"} <= names
    assert not any("f2" in name for name in names)
    _, network, X, T = case("lstm", 1)
    for part in ("time 2", "h1@t2"):
        names = {record.name for record in bl.explain(network, X, T, only=part) if record.formula}
        assert {"net_f(h1@t2)", "c(h1@t2)", "dE/dout(h1@t2)"} <= names
        assert not any("@t3)" in name for name in names)
    _, network, X, T = case("parallel", 1)
    names = {record.name for record in bl.explain(network, X, T, only="layer 2")}
    assert {"net(h2.1)", "joined(h1.1)", "dE/dout(h1.1) via 2.1"} <= names
    assert "net(h1.1)" not in names


@pytest.mark.parametrize("name", CASES)
def test_the_step_that_is_explained_is_the_one_that_is_trained(name: str) -> None:
    _, network, X, T = case(name, 5)
    given: Any = {"optimizer": bl.Adam(rate=0.1), "batch_size": 2, "seed": 3}
    example = bl.explain(network, X, T, steps=3, **given)
    trained = bl.Training(network.copy(), X, T, epochs=1, compiled=False, **given)
    trained.run()
    assert np.array_equal(trained.network.parameters, example.step.recording.after)


@pytest.mark.parametrize("name", CASES)
def test_all_forms_show_it(name: str) -> None:
    _, network, X, T = case(name, 2)
    example = bl.explain(network, X, T, check=True)
    for form in (
        example.to_latex(),
        example.to_markdown(),
        example.to_html(),
        example.to_json(),
        example._repr_html_(),
    ):
        assert form
    numeric = [record for record in example if record.checked]
    assert len(numeric) == network.parameters.size
    assert all("by differences" in record.checked or "smaller than" in record.checked for record in numeric)


OTHERS: Any = {
    "batch norm in a picture": ([bl.Conv2D(2, 2), bl.BatchNorm(), "tanh", bl.Flatten()], (3, 2, 1)),
    "layer norm at each time": ([bl.Dense(2), bl.LayerNorm(), bl.GlobalAveragePool()], (3, 2)),
    "whole channels dropped": ([bl.Conv1D(2, 2, "tanh"), bl.SpatialDropout(0.5), bl.Flatten()], (3, 1)),
    "groups, wider than the picture": ([bl.Conv2D(2, (2, 3), "relu", 2, 2, (1, 2), groups=2), bl.Flatten()], (2, 2, 2)),
    "stride beyond the window": ([bl.AveragePool(2, 3, "same"), bl.Conv1D(1, 2, padding="same"), bl.Flatten()], (7, 1)),
    "grown": ([bl.Upsample((1, 2)), bl.MaxPool(2, 1), bl.Flatten()], (2, 2, 1)),
    "both directions": ([bl.Bidirectional(bl.GRU(1, returns="sequence"), "multiply"), bl.Flatten()], (2, 1)),
    "one step": ([bl.LSTM(1, bias=False, reverse=True)], (1, 2)),
    "cut": ([bl.LSTM(1, truncate=1, returns="sequence"), bl.GlobalAveragePool()], (3, 1)),
    "an activation inside": ([bl.Recurrent(1, "leaky_relu", reverse=True)], (3, 1)),
    "frozen": ([bl.GRU(1, freeze=("U", "b"))], (2, 1)),
}


@pytest.mark.parametrize("rule", [{}, {"max_norm": 0.5}, {"clip_norm": 0.1, "l2": 0.1}], ids=str)
@pytest.mark.parametrize("name", OTHERS)
def test_every_line_of_other_layers_is_true(name: str, rule: Any) -> None:
    layers, shape = OTHERS[name]
    network = bl.Network([*layers, bl.Dense(1)], inputs=shape, seed=1)
    rng = np.random.default_rng(5)
    network.parameters[:] = rng.normal(size=network.parameters.size).round(2)
    X, T = rng.normal(size=(2, *shape)).round(2), rng.normal(size=(2, 1)).round(1)
    example = bl.explain(network, X, T, digits=9, seed=2, **rule)
    records, judge = list(example), Judge(str(example), 9)
    assert not judge.wrong_lines()
    assert not judge.wrong_formulas({record.name: record.value for record in records})
    stepped = network.copy()
    settings = {"optimizer": "sgd", "batch_size": "full", "epochs": 1, "seed": 2, "compiled": False}
    bl.Training(stepped, X, T, **settings, **rule).run()
    after = [record.value for record in records if re.fullmatch(r"(w|u|b|gamma|beta|γ|β)(_\w)?\(.*\)\+", record.name)]
    assert sorted(after) == sorted(stepped.parameters[trained_places(stepped)].tolist())


def trained_places(network: Any) -> Any:
    """Give where the parameters lie that training moves."""
    moved = np.ones(network.parameters.size, bool)
    for name in network.frozen:
        offset, shape = network.layout[name]
        moved[offset : offset + int(np.prod(shape))] = False
    return moved


@pytest.mark.parametrize(("units", "loss"), [(1, "binary_cross_entropy"), (3, "cross_entropy")])
def test_outputs_are_those_of_the_network_where_branches_read_what_is_trained(units: int, loss: str) -> None:
    last = bl.Dense(units, "sigmoid" if units == 1 else "softmax")
    network = bl.Network([bl.Dense(4), bl.Residual([bl.Dense(4, "tanh")]), last], inputs=2, loss=loss)
    X = np.array([[0.5, -1.0], [2.0, 0.25]])
    example = bl.explain(network, X, np.eye(units)[[0, units - 1]])
    found = [[example[f"out(o{k + 1})[{row}]"].value for k in range(units)] for row in (1, 2)]
    np.testing.assert_allclose(found, network.predict(X), rtol=1e-14)
