"""Worksheets as pages, Markdown and LaTeX: what is blank stays blank, and the key has every number."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import html5lib
import pytest

import backlit as bl
from backlit.check.worksheets.levels import KINDS
from backlit.explain.algebra.numerals import latex_number
from backlit.show.worksheet.html import sheets_html
from backlit.show.worksheet.latex import sheets_latex
from backlit.show.worksheet.markdown import sheet_markdown

LEVELS = [(1, None), (2, None), (3, None), (4, None), (5, None), *((6, kind) for kind in KINDS)]
NAME = "O'Neil 李 <b> & 50% _x_ $"


@functools.cache
def made(level: int, kind: str | None, gaps: str = "lines") -> Any:
    return bl.worksheet(level=level, kind=kind, gaps=gaps, students=[NAME], seed=2)


@pytest.mark.parametrize("gaps", ["final", "lines", "all"])
@pytest.mark.parametrize(("level", "kind"), LEVELS)
def test_a_sheet_gives_no_result_away(level: int, kind: str | None, gaps: str) -> None:
    sheet = made(level, kind, gaps)[0]
    shown = {line.record.shown for line in sheet.lines if line.blank}
    allowed = {line.record.shown for line in sheet.lines if line.shows_result}
    given = {record.shown for _, records in sheet.given for record in records}
    for text in (sheets_html([sheet]), sheet_markdown(sheet), sheets_latex([sheet])):
        plain = text.replace("\N{MINUS SIGN}", "-").replace("−", "-")
        numbers = set(re.findall(r"-?\d+\.\d+(?![\dm])", plain))  # a drawing's unit, 0.2700mm, is none of the sheet
        secret = {number for number in shown - allowed - given if float(number) not in {0.0, 1.0}}
        assert not secret & numbers, secret & numbers
    assert sheets_html([sheet]).count('<span class="blank"></span>') == len(sheet.blanks)


@pytest.mark.parametrize(("level", "kind"), LEVELS)
def test_the_key_has_all_results(level: int, kind: str | None) -> None:
    sheet = made(level, kind)[0]
    markdown, latex = sheet_markdown(sheet, key=True), sheets_latex([sheet], key=True)
    page = sheets_html([sheet], key=True)
    assert '<span class="blank' not in page
    assert page.count('<span class="result">') == len(sheet.blanks)
    for line in sheet.lines:
        assert latex_number(line.record.shown) in markdown
        assert latex_number(line.record.shown) in latex


def test_the_page_is_valid_and_loads_nothing() -> None:
    page = made(2, None).to_html()
    html5lib.HTMLParser(strict=True).parse(page)
    assert "O&#39;Neil 李 &lt;b&gt; &amp; 50%" in page
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", page)
    assert ">w5 </tspan>" in page  # the drawing names the weights


def test_a_page_for_a_class_has_a_sheet_on_pages_of_its_own() -> None:
    page = bl.worksheet(level=1, count=3).to_html()
    assert page.count('<article class="sheet"') == 3
    assert ".sheet + .sheet { break-before: page" in page.replace("border-top: 1px solid #999; ", "")


@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize(("level", "kind"), LEVELS)
def test_the_document_is_latex(level: int, kind: str | None, key: bool, tmp_path: Path) -> None:
    """By structure everywhere; where there is a LaTeX with the packages, it compiles, to two pages at most."""
    text = made(level, kind).to_latex(key=key)
    for name in ("document", "tikzpicture", "worked", "center"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") > 0
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    if not shutil.which("pdflatex") or not _has("multicol.sty", "tikz.sty", "sfrm1000.pfb"):
        return
    (tmp_path / "sheet.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "sheet.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    pages = re.search(r"Output written on sheet\.pdf \((\d+) page", run.stdout)
    assert pages
    assert int(pages[1]) <= 2


def _has(*files: str) -> bool:
    return all(subprocess.run(["kpsewhich", file], capture_output=True, check=False).returncode == 0 for file in files)
