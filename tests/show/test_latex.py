"""The LaTeX of every op is valid on several rows, where each symbol has a superscript of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.ops.registry import activations, losses, optimizers
from backlit.show.worked.latex import PREAMBLE, worked_body

SCRIPTS = {"^": "^", "'": "^", "_": "_"}
X = [[0.5, -1.0], [0.75, 0.25]]
NAMES: Any = {"inputs": ["x'", "h^2"], "units": [["h1", "h1'"], ["o1", "a_b_c"]], "rows": ["1", "x^2'^_"]}
OPS = [
    *(("activation", name) for name in activations),
    *(("loss", name) for name in losses),
    *(("optimizer", name) for name in optimizers if not optimizers[name].full_batch),
]


def worked(kind: str, name: str) -> Any:
    """Explain a step in which an op takes part, on two rows."""
    activation = name if kind == "activation" else "sigmoid"
    loss = name if kind == "loss" else "half_squared_error"
    optimizer = name if kind == "optimizer" else "sgd"
    Y: Any = [0, 1] if losses[loss].class_targets else [[1.0, 1.0], [1.0, 1.0]]
    network = defined(loss, activation)
    return bl.explain(network, X, Y, optimizer=optimizer, **NAMES)


def defined(loss: str, activation: str) -> bl.Network:
    """Give a network whose last activation is the first that the loss is defined for."""
    for last in activations:
        try:
            return bl.Network([bl.Dense(2, activation), bl.Dense(2, last)], inputs=2, loss=loss, seed=1)
        except BacklitError:
            continue
    raise AssertionError(f"no activation goes with {loss}")


def doubled(latex: str) -> bool:
    """Tell whether a symbol has two superscripts or two subscripts; texts are one symbol."""
    latex = re.sub(r"\\text\{(?:[^{}\\]|\\.|\{\})*\}", "x", latex)
    outer: list[set[str]] = []
    scripts: set[str] = set()
    is_argument = False
    for token in re.findall(r"\\[A-Za-z]+|\\.|\S", latex):
        if token in SCRIPTS:
            if SCRIPTS[token] in scripts:
                return True
            scripts.add(SCRIPTS[token])
            is_argument = token != "'"
            continue
        kept = scripts if is_argument else set()
        is_argument = False
        if token == "{":
            outer.append(kept)
            scripts = set()
        else:
            scripts = outer.pop() if token == "}" else kept
    return False


@pytest.mark.parametrize("wrong", ["{x}^{(1)}^{2}", "x^2^3", "x_1_{2}", "x_1^2_3", "{a + x^{2}^{3}}", "x^2'",
                                   r"\text{out}_{h_{1}}_{2}", r"\left(x\right)^{2} {}^{2}^3"])  # fmt: skip
def test_the_checker_finds_double_scripts(wrong: str) -> None:
    assert doubled(wrong)


@pytest.mark.parametrize("right", ["{{x}^{(1)}}^{2}", r"\left({x}^{(1)}\right)^{2}", "x_{1}^{2}",
                                   "x_{1_2}^{a^b} y^2", r"\text{a'_^b}_{1}", r"\eta^+ x^2",
                                   r"e^{-x^{2}} \cdot \frac{a^2}{b^2}"])  # fmt: skip
def test_the_checker_lets_single_scripts_pass(right: str) -> None:
    assert not doubled(right)


@pytest.mark.parametrize(("kind", "name"), OPS)
def test_no_symbol_has_two_superscripts(kind: str, name: str) -> None:
    example = worked(kind, name)
    for record in example:
        for text in (record.symbol, record.formula, record.substituted):
            assert not doubled(text), text
    for text in re.findall(r"(?:\$|&=)(.*?)(?:\$|\\\\|$)", example.to_latex(), flags=re.MULTILINE):
        assert not doubled(text), text
    for formula in re.findall(r"<math.*?</math>", example.to_html() + example._repr_html_(), flags=re.DOTALL):
        ElementTree.fromstring(formula)


def test_a_power_of_a_fraction_or_of_a_row_has_brackets() -> None:
    example = worked("activation", "tanh")
    assert r"\left({\text{out}_{h_{1}}}^{(1)}\right)^{2}" in example["dout/dnet(h1)[1]"].formula
    example = worked("optimizer", "adam")
    slope = example["dE/db(h1)"].symbol
    assert rf"\left({slope}\right)^{{2}}" in example["v(b(h1))+"].formula


def test_latex_of_every_op_compiles(tmp_path: Path) -> None:
    compiler = shutil.which("pdflatex") or shutil.which("tectonic")
    if compiler is None:
        pytest.skip("no TeX is installed")
    bodies = [worked_body(worked(kind, name).example) for kind, name in OPS]
    document = "\n".join([PREAMBLE, *bodies, r"\end{document}"])
    (tmp_path / "steps.tex").write_text(document, encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in compiler else []
    run = subprocess.run([compiler, *options, "steps.tex"], cwd=tmp_path, check=False, capture_output=True)
    assert not run.returncode, run.stdout.decode(errors="replace")[-2000:]
