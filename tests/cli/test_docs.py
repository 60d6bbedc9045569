"""The sessions in the documents are the output of their commands, except for the digits of measurements."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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


def test_the_mask_hides_numbers_and_nothing_else():
    assert masked("loss 0.12\n  64 tanh") == masked("loss 3 128 tanh")
    assert masked("loss 0.12 tanh") != masked("loss 0.12 gelu")
