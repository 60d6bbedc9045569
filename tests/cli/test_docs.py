"""The sessions in the documents are the output of their commands, except for the digits of measurements."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def masked(text):
    """The words without their numbers, line breaks and widths, which depend on the machine."""
    return re.sub(r"\s+", " ", re.sub(r"-?\d[\d.,]*(e-?\d+)?", "#", text)).replace(" taken", "")


@pytest.mark.parametrize(("name", "blocks"), [("main-job", 4), ("report", 1)])
def test_the_session_in_the_documents_is_real(monkeypatch, name, blocks):
    monkeypatch.chdir(ROOT)
    session = runpy.run_path("bench/session.py")
    document = Path(f"docs/{name}.md").read_text(encoding="utf-8")
    assert len(session["BLOCK"].findall(document)) >= blocks
    assert masked(session["rewritten"](document)) == masked(document)


def test_the_page_beyond_the_chain_is_real(monkeypatch):
    """Its numbers are those of short trainings, whose last digits depend on the processor."""
    monkeypatch.chdir(ROOT)
    session = runpy.run_path("bench/session.py")
    page = Path("docs/beyond-the-chain.md").read_text(encoding="utf-8")
    assert page.count("```text\n") == page.count("```python\n") >= 7
    ran = session["with_printed"](session["rewritten"](page))
    assert NUMBER.sub("#", ran) == NUMBER.sub("#", page)
    given, shown = (np.array([float(number) for number in NUMBER.findall(text)]) for text in (ran, page))
    np.testing.assert_allclose(given, shown, rtol=0.03)


def test_the_mask_hides_numbers_and_nothing_else():
    assert masked("loss 0.12\n  64 tanh") == masked("loss 3 128 tanh")
    assert masked("loss 0.12 tanh") != masked("loss 0.12 gelu")
