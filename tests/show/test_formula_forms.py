"""Formulas for notebooks and Markdown: every renderer gets them whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import ACTIVATIONS, LOSSES, RULES
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from visible import visible_text

import backlit as bl
from backlit.show.worked.formula_forms import IN_MARKDOWN, broken, markdown_formula, notebook_formula
from backlit.show.worked.notebook import worked_outputs

NAMES = ["width (cm)", "a_b^c%", "$x_1$", "<b>&", "*a* _b_", r"c:\new {x}", "`#|~"]


def named() -> Any:
    network = bl.Network([bl.Dense(2, "relu"), bl.LayerNorm(), bl.Dense(1)], inputs=len(NAMES), seed=1)
    X = np.arange(float(len(NAMES)))[None] / 10
    return bl.explain(network, X, [[1.0]], optimizer="adam", inputs=NAMES, l1=0.1, clip_norm=0.5, check=True)


def examples() -> Iterator[Any]:
    """Give a worked example with every activation, every loss and every optimizer."""
    yield named()
    for activation in ACTIVATIONS:
        network = bl.Network([bl.Dense(2, activation), bl.Dense(1, "sigmoid")], inputs=1, seed=1)
        yield bl.explain(network, [[0.5], [-0.25]], [[0.5], [0.25]])
    for loss in LOSSES:
        network = bl.Network([bl.Dense(2, "softmax" if loss.name == "cross_entropy" else "sigmoid")], 1, loss, seed=1)
        yield bl.explain(network, [[0.5]], [[0.0, 1.0]])
    for name in RULES:
        yield bl.explain(bl.Network([bl.Dense(1)], 1, seed=1), [[0.5]], [[0.25]], optimizer=name, l2=0.1)


def formulas(markdown: str) -> list[str]:
    """Give the formulas of a text, as they stand between their dollars."""
    blocks = re.findall(r"^\$\$\n(.*?)\n\$\$$", markdown, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"(?<![\\$])\$([^$\n]+)\$(?!\$)", markdown)
    assert blocks
    return sorted([*blocks, *inline])


@pytest.fixture(scope="module")
def worked() -> list[Any]:
    return list(examples())


@pytest.fixture(scope="module")
def texts(worked: list[Any]) -> list[str]:
    return [example.to_markdown() for example in worked]


def test_a_markdown_parser_with_formulas_finds_each_as_it_is(texts: list[str]) -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False}).use(dollarmath_plugin)
    for text in texts:
        tokens = parser.parse(text)
        parts = [*tokens, *(child for token in tokens for child in token.children or ())]
        found = sorted(part.content.strip() for part in parts if part.type in {"math_block", "math_inline"})
        assert found == formulas(text)


def test_jupyter_s_converter_hands_each_on_as_it_is(texts: list[str]) -> None:
    for text in texts:
        visible = visible_text(markdown2html_mistune(text))
        for formula in formulas(text):
            assert formula in visible


def test_a_parser_that_knows_no_formulas_changes_none(texts: list[str]) -> None:
    """GitHub's documentation warns of signs within `$...$` that mean something in Markdown: there are none."""
    parser = MarkdownIt("gfm-like", {"linkify": False})
    for text in texts:
        visible = visible_text(parser.render(text))
        for formula in formulas(text):
            assert formula in visible


def test_an_underscore_after_a_brace_would_have_been_emphasis() -> None:
    """The test above can fail: the formula as LaTeX has it loses its underscores."""
    latex = r"\text{net}_{h_{1}} + \text{net}_{h_{2}}"
    parser = MarkdownIt("gfm-like", {"linkify": False})
    assert latex not in visible_text(parser.render(f"${latex}$"))
    assert markdown_formula(latex) in visible_text(parser.render(f"${markdown_formula(latex)}$"))


def test_no_bar_ends_the_cell_of_a_table(texts: list[str]) -> None:
    for text in texts:
        cells = [line for line in text.splitlines() if line.startswith("| $")]
        assert {line.count("|") for line in cells} <= {4}


def test_a_formula_in_a_notebook_has_its_signs_outside_of_texts() -> None:
    """MathJax shows the backslash of an escaped sign in a text; KaTeX and LaTeX refuse the sign itself."""
    for output in worked_outputs(named().example):
        for words in re.findall(r"\\text(?:bf)?\{([^{}]*)\}", output.get("text/latex", "")):
            assert not set(words) & set("_%&#${}\\^~<>")


def test_nothing_in_a_formula_reads_as_a_tag(worked: list[Any]) -> None:
    for example in worked:
        for output in worked_outputs(example.example):
            assert not re.search(r"<[A-Za-z/!?]|&[A-Za-z#]", output.get("text/latex", ""))


def test_a_long_sum_is_broken_where_no_bracket_is_open() -> None:
    for record in named().example.records:
        for formula in (record.formula, record.substituted):
            lines = broken(notebook_formula(formula), 20)
            assert " ".join(lines).split() == notebook_formula(formula).split()
            for line in lines:
                assert line.count("{") - line.count(r"\{") == line.count("}") - line.count(r"\}")
                assert line.count(r"\left") == line.count(r"\right")
                assert line.count(r"\begin") == line.count(r"\end")


def test_the_page_about_notebooks_lists_every_sign_that_is_replaced() -> None:
    page = (Path(__file__).parents[2] / "docs" / "notebooks.md").read_text(encoding="utf-8")
    table = page.partition("| in a name |")[2].partition("\n\n")[0].splitlines()[2:]
    found = {}
    for row in table:
        _, signs, written, _ = row.replace("\\|", "BAR").split("|")
        found |= {sign.strip("` ").replace("BAR", "|") or "`": written
                  for sign in re.findall(r"`` . ``|`[^` ]+`", signs)}  # fmt: skip
    assert set(found) == {*IN_MARKDOWN, "_"}
    for sign, replaced in IN_MARKDOWN.items():
        assert re.sub(r"\\text\{(.)\}", r"\1", replaced).strip() in found[sign]
