"""The judge of printed lines finds planted faults: it can say no."""

from __future__ import annotations

import numpy as np
import pytest
from line_judge import Judge, latex_differs

import backlit as bl

NETWORK = bl.Network([bl.Dense(2, "tanh"), bl.LayerNorm(), bl.Dense(2, "softmax")], 2, "cross_entropy", seed=3)
STEP = bl.explain(NETWORK, np.array([[0.25, -1.0]]), [1], optimizer="adam", l2=0.125, digits=6)
TEXT = str(STEP)
VALUES = {record.name: record.value for record in STEP}


def line_of(name: str) -> str:
    """Give the printed lines of a number."""
    start = TEXT.index(f"\n  {name} ") + 1
    return TEXT[start : TEXT.index("\n", TEXT.index("\n", start) + 1)]


def test_the_printed_example_is_true() -> None:
    judge = Judge(TEXT, 6)
    assert [line.name for line in judge.lines] == [record.name for record in STEP if record.formula]
    assert not judge.wrong_lines()
    assert not judge.wrong_formulas(VALUES)


@pytest.mark.parametrize(("name", "old", "new"), [
    ("net(h1)", "= w(i1,h1)", "= w(i2,h1)"),
    ("out(h1)", "tanh(net", "log(net"),
    ("out(h1)", "= tanh(", "= -tanh("),
    ("dE/dnet(h1)", " · ", " + "),
    ("g(w(i1,h1))", "0.125", "0.25"),
    ("m(w(i1,h1))+", "(1 - 0.9)", "(1 - 0.99)"),
])  # fmt: skip
def test_a_wrong_line_is_found(name: str, old: str, new: str) -> None:
    line = line_of(name)
    assert old in line
    text = TEXT.replace(line, line.replace(old, new))
    assert any(name in complaint for complaint in Judge(text, 6).wrong_lines())


@pytest.mark.parametrize("name", ["net(h1)", "norm(h1)", "dE/dw(i1,h1)"])
def test_a_value_that_is_off_by_one_unit_is_found(name: str) -> None:
    line = line_of(name)
    shown = STEP[name].shown
    last = str((int(shown[-1]) + 5) % 10)
    assert any(
        name in found for found in Judge(TEXT.replace(line, line.replace(shown, shown[:-1] + last)), 6).wrong_lines()
    )


def test_a_formula_that_gives_another_number_is_found() -> None:
    wrong = VALUES | {"dE/dnet(o1)": VALUES["dE/dnet(o1)"] * (1.0 + 1e-11)}
    assert any("dE/dnet(o1)" in found for found in Judge(TEXT, 6).wrong_formulas(wrong))


def test_latex_that_says_something_else_is_found() -> None:
    assert not latex_differs(r"\frac{1}{2} \cdot \left(0.5 - 3.5 \times 10^{-5}\right)^{2}", "1/2 · (0.5 - 3.5e-5)²")
    assert latex_differs(r"\frac{1}{2} \cdot \left(0.5 + 3.5 \times 10^{-5}\right)^{2}", "1/2 · (0.5 - 3.5e-5)²")
    assert latex_differs(r"\frac{1}{2} \cdot 0.25", "1/2 · 0.5")
