"""The lessons: their sessions are the output of their commands, and what they propose to change does what they say."""

from __future__ import annotations

import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import backlit as bl
from backlit.examples import example_file

ROOT = Path(__file__).parents[2]
LESSONS = ROOT / "docs" / "lessons"
NAMES = ("vanishing", "exploding", "overfitting", "rate", "dead-relu")


def masked(text: str) -> str:
    """The words, without numbers, line breaks, widths, and the lines of charts, whose points depend on the machine."""
    without = "\n".join(line for line in text.splitlines() if "▕" not in line)
    return re.sub(r"\s+", " ", re.sub(r"[-−]?\d[\d.,]*(e?[+-−]?\d+)?", "#", without))


@pytest.mark.parametrize("name", NAMES)
def test_the_session_of_a_lesson_is_real(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(ROOT)
    session = runpy.run_path("bench/session.py")
    document = (LESSONS / f"{name}.md").read_text(encoding="utf-8")
    assert len(session["BLOCK"].findall(document)) >= 3
    assert masked(session["rewritten"](document)) == masked(document)


def test_every_lesson_is_listed_with_its_command() -> None:
    text = (LESSONS / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\(([\w-]+)\.md\) \| `backlit demo ([\w-]+)`", text) == [(name, name) for name in NAMES]
    for name in NAMES:
        assert "<details><summary>Answers</summary>" in (LESSONS / f"{name}.md").read_text(encoding="utf-8")


def changed(folder: Path, name: str, *pairs: tuple[str, str]) -> Any:
    """Run an example with its text changed, which a lesson proposes."""
    text = example_file(name).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return bl.demo(folder / "mine.toml")


def runs(demo: Any) -> Mapping[str, Any]:
    return {run.name: run for run in demo.run.runs}


def codes(demo: Any) -> set[str]:
    """The codes that the file looks for and the diagnosis finds."""
    return {run.code for run in demo.run.trouble.runs if run.diagnosis
            and run.code in {finding.code for finding in run.diagnosis.findings}}  # fmt: skip


def last(demo: Any, run: str, signal: str) -> list[float]:
    """The signal of a run's layers at the last measured epoch."""
    found = next(each for each in demo.run.trouble.runs if each.name == run)
    return [signals[signal][-1] for signals in found.signals.layers.values() if signals[signal][-1] is not None]


def test_changes_of_vanishing(tmp_path: Path) -> None:
    tanh = changed(tmp_path, "vanishing", ('activation = "sigmoid" }', 'activation = "tanh" }'))
    assert not codes(tanh)
    assert runs(tanh)["sigmoid"].end.validation_accuracy > 0.9
    layer = '  { units = 10, activation = "sigmoid" },\n'
    short = changed(tmp_path, "vanishing", (layer * 10, layer * 3))
    norms = last(short, "sigmoid", "gradient_norm")
    assert len(norms) == 4
    assert norms[0] / norms[-1] > 0.01
    assert runs(short)["sigmoid"].end.error < 0.5 * short.run.trouble.baseline
    long = changed(tmp_path, "vanishing", ("epochs = 100", "epochs = 1000"))
    assert runs(long)["sigmoid"].end.error == pytest.approx(long.run.trouble.baseline, abs=0.005)
    adam = 'name = "sigmoid"\ntraining = { optimizer = { op = "adam", rate = 0.01 } }'
    other = runs(changed(tmp_path, "vanishing", ('name = "sigmoid"', adam)))
    assert other["sigmoid"].end.validation_error > 2.0 * max(
        other[name].end.validation_error for name in ("relu", "batch norm")
    )


def test_changes_of_exploding(tmp_path: Path) -> None:
    slow = changed(tmp_path, "exploding", ("rate = 0.0036", "rate = 0.00003"))
    assert not codes(slow)
    assert runs(slow)["clipped"].end.error > 100.0
    twice = runs(changed(tmp_path, "exploding", ("std = 1.79", "std = 0.89"), ("std = 1.41", "std = 0.71")))
    assert twice["weights x 4"].end.validation_error < 1.05 * twice["usual weights"].end.validation_error
    short = runs(changed(tmp_path, "exploding", ("clip_norm = 3.0", "clip_norm = 0.1")))
    assert 50.0 < short["clipped"].end.error < short["clipped"].errors[0].error


def test_changes_of_overfitting(tmp_path: Path) -> None:
    before = runs(changed(tmp_path, "overfitting"))
    few = runs(changed(tmp_path, "overfitting", ("units = 64", "units = 3")))
    assert len(few["plain"].parameters) < 30
    assert 0.17 < few["plain"].end.validation_error < 0.5 * before["plain"].end.validation_error
    strong = changed(tmp_path, "overfitting", ("l2 = 0.01", "l2 = 1.0"))
    assert runs(strong)["penalty"].end.error == pytest.approx(strong.run.trouble.baseline, rel=0.02)
    short = runs(changed(tmp_path, "overfitting", ("epochs = 2000", "epochs = 60")))
    assert short["plain"].end.validation_error < 1.1 * short["early stop"].end.validation_error


def test_changes_of_the_rate(tmp_path: Path) -> None:
    long = bl.demo("rate", epochs=3000)
    assert codes(long) == {"BL402"}
    assert runs(long)["too small"].end.validation_accuracy > 0.95
    half = runs(changed(tmp_path, "rate", ("rate = 1.0", "rate = 0.5")))
    assert half["too large"].end.validation_accuracy > 0.9
    small = runs(changed(tmp_path, "rate", ('op = "sgd", rate = 0.0003', 'op = "adam", rate = 0.0003')))
    assert small["too small"].end.error < 0.5 * runs(long)["too small"].errors[1].error
    assert small["too small"].end.error < 0.3


def test_changes_of_dead_relu(tmp_path: Path) -> None:
    one = changed(tmp_path, "dead-relu", ("biases = -5", "biases = -1"))
    assert not codes(one)
    assert max(last(one, "biases -5", "dead")) > 0.0
    assert runs(one)["biases -5"].end.validation_accuracy > 0.9
    three = changed(tmp_path, "dead-relu", ("biases = -5", "biases = -3"))
    assert last(three, "biases -5", "dead")[1] == 1.0
    leaking = changed(tmp_path, "dead-relu", ("alpha = 0.1", "alpha = 0.01"))
    assert runs(leaking)["leaky relu"].end.error == pytest.approx(leaking.run.trouble.baseline, abs=0.003)
