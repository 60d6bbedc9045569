"""The lesson on a trouble: its parts in a terminal, a notebook and a page; pictures within borders, hostile names."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import backlit as bl
from backlit.show.charts.figure import Figure, Line, Points, Rule
from backlit.show.demo.blocks import Chart, Heading
from backlit.show.demo.parts import demo_parts
from backlit.show.demo.tables import folded
from backlit.show.demo.text import demo_text

NAMES = ("vanishing", "exploding", "overfitting", "rate", "dead-relu")

HOSTILE = """
title = "<script>alert(1)</script>"
[network]
inputs = ["<b>x"]
loss = "mse"
[[network.layers]]
units = 3
activation = "relu"
[[network.layers]]
units = 1
labels = ["\\u202e'y\\""]
[data]
inputs = [[1], [2], [3], [4]]
targets = [1, 2, 2, 3]
validation_inputs = [[1.5], [2.5]]
validation_targets = [1.5, 2.5]
[training]
optimizer = { op = "sgd", rate = 0.01 }
batch_size = "full"
epochs = 12
[[runs]]
name = "<i>one</i>"
[[runs]]
name = "two & more"
training = { optimizer = { op = "sgd", rate = RATE } }
[trouble]
findings = { "two & more" = "BL402" }
signal = "update_ratio"
[[trouble.parts]]
title = "<u>all</u>"
shows = ["network", "losses", "accuracy", "answers", "signals", "finding", "beside", "warnings"]
[[trouble.parts]]
title = "one"
runs = ["<i>one</i>"]
shows = ["network", "losses", "accuracy", "answers", "signals", "warnings"]
"""


@functools.cache
def lesson(name: str, epochs: int | None = None) -> Any:
    return bl.demo(name, epochs=epochs)


def figures(demo: Any) -> list[Figure]:
    return [figure for block in demo_parts(demo.run) if isinstance(block, Chart) for figure in block.figures]


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_come_in_their_order(name: str) -> None:
    titles = [part.title for part in lesson(name).run.trouble.table.parts]
    assert [block.text for block in demo_parts(lesson(name).run) if isinstance(block, Heading)] == titles
    places = [str(lesson(name)).index(title) for title in titles]
    assert places == sorted(places)


@pytest.mark.parametrize("name", NAMES)
def test_a_demo_shows_the_trouble_its_signal_its_finding_and_the_cures(name: str) -> None:
    shown = [what for part in lesson(name).run.trouble.table.parts for what in part.shows]
    assert {"network", "losses", "finding", "beside"} <= set(shown)
    assert ("signals" in shown) == bool(lesson(name).run.trouble.table.signal)
    words = " ".join(str(lesson(name)).split())
    for run in lesson(name).run.trouble.runs:
        if run.code:
            finding = next(one for one in run.diagnosis.findings if one.code == run.code)
            assert f"finding {finding.code} {finding.name}" in words
            assert finding.why.split(",")[0] in words


@pytest.mark.parametrize("name", NAMES)
def test_lines_stay_within_their_picture_and_have_words_and_a_table(name: str) -> None:
    for figure in figures(lesson(name)):
        assert figure.summary
        assert figure.table.rows
        for layer in figure.layers:
            if isinstance(layer, (Line, Points)):
                for values, axis in ((layer.x, figure.x), (layer.y, figure.y)):
                    known = [value for value in values if not math.isnan(value)]
                    assert axis.low is None or min(known) >= axis.low - 1e-9
                    assert axis.high is None or max(known) <= axis.high * (1 + 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_has_one_colour_in_all_pictures_of_several_runs(name: str) -> None:
    names = [run.name for run in lesson(name).run.runs]
    colours: dict[str, set[int]] = {}
    for figure in figures(lesson(name)):
        for layer in figure.layers:
            if isinstance(layer, Line) and layer.name in names:
                colours.setdefault(layer.name, set()).add(layer.series)
    assert colours == {run: {place} for place, run in enumerate(names)}


def test_the_baseline_is_drawn_where_it_is() -> None:
    demo = lesson("vanishing")
    rules = [layer for figure in figures(demo) for layer in figure.layers if isinstance(layer, Rule)]
    assert {rule.y for rule in rules} == {demo.run.trouble.baseline}
    assert len(rules) == 2  # of the training rows alone


def test_the_table_beside_has_the_numbers_of_the_runs() -> None:
    text = str(lesson("vanishing"))
    for run in lesson("vanishing").run.runs:
        row = next(line.split() for line in text.splitlines() if re.match(rf" {run.name} +100", line))
        assert row[-5:-2] == [
            f"{run.end.error:.4g}",
            f"{run.end.validation_error:.4g}",
            f"{run.end.validation_accuracy:.0%}",
        ]


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert max(map(len, demo_text(lesson(name).run, width).splitlines())) <= width


@pytest.mark.parametrize("name", NAMES)
def test_a_page_loads_nothing_and_shows_what_the_notebook_does(name: str) -> None:
    page = lesson(name).to_html()
    without_icon = page.replace('<link rel="icon" href="data:,">', "")
    assert not re.search(r"""(src|href)\s*=|url\(|@import|<script|<link""", without_icon)
    drawn = len(figures(lesson(name)))
    assert page.count("<details>") == lesson(name)._repr_html_().count("background-image") == drawn


@pytest.mark.parametrize("epochs", [None, 0])
@pytest.mark.parametrize("rate", [0.05, 1e200])
def test_a_trouble_of_ones_own_with_hostile_names(tmp_path: Path, rate: float, epochs: int | None) -> None:
    (tmp_path / "mine.toml").write_text(HOSTILE.replace("RATE", str(rate)), encoding="utf-8")
    demo = bl.demo(tmp_path / "mine.toml", epochs=epochs)
    page = demo.to_html()
    # As a browser reads it: the tags of the head that have no end get one.
    closed = re.sub(r"<(meta|link)([^>]*)>", r"<\1\2/>", re.sub("(?i)<!doctype html>", "", page))
    ElementTree.fromstring(closed)
    for raw in ("<script", "<b>x", "<i>one", "<u>all"):
        assert raw not in page
        assert raw not in demo._repr_html_()
    assert "&lt;i&gt;one" in page
    assert str(demo)
    assert demo.to_json()


def test_a_finding_that_is_not_there_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HOSTILE.replace("RATE", "0.02").replace("BL402", "BL303"), encoding="utf-8")
    text = " ".join(str(bl.demo(tmp_path / "mine.toml")).split())
    assert "The diagnosis of 'two & more' does not find BL303 in 12 epochs." in text


def test_other_epochs_than_the_files_own_are_said() -> None:
    said = "The file's words are about its own number of epochs"
    assert f"These are runs of at most 1 epoch. {said}" in " ".join(str(lesson("rate", 1)).split())
    assert said not in " ".join(str(lesson("rate")).split())


def test_a_finding_is_shown_of_the_runs_that_have_a_code_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(HOSTILE.replace("RATE", "0.02"), encoding="utf-8")
    text = str(bl.demo(tmp_path / "mine.toml"))
    assert "no training, no diagnosis" not in text  # <i>one</i> was trained, and is not diagnosed
    assert text.count("BL402") >= 1
    assert "no training, no diagnosis" in str(bl.demo(tmp_path / "mine.toml", epochs=0))


def test_a_curve_of_few_epochs_has_dots_at_whole_epochs() -> None:
    alone = next(figure for figure in figures(lesson("exploding")) if figure.title == "The error of 'weights x 4'")
    assert alone.x.marks == ((0, "0"), (1, "1"))
    assert all(line.dots for line in alone.layers if isinstance(line, Line))
    long = next(figure for figure in figures(lesson("vanishing")) if figure.title == "The error of 'sigmoid'")
    assert long.x.marks == ()
    assert not any(line.dots for line in long.layers if isinstance(line, Line))


def test_the_pictures_of_several_runs_name_the_measured_epochs() -> None:
    said = {figure.title: figure.summary for figure in figures(lesson("exploding"))}
    last = said["Gradient norm of each layer, the last measured epoch"]
    assert "weights x 4 in epoch 1: " in last
    assert "; clipped in epoch 100: " in last
    every = lesson("vanishing").run.trouble.runs[0].signals.numbers
    said = {figure.title: figure.summary for figure in figures(lesson("vanishing"))}
    assert f". In epoch {every[-1]}, sigmoid: " in said["Gradient norm of each layer, the last measured epoch"]
    assert ". In epoch 1, sigmoid: " in said["Gradient norm of each layer, the first epoch"]


@pytest.mark.parametrize(
    ("name", "answer"), [("vanishing", "the shares of the classes"), ("overfitting", "the mean target")]
)
def test_the_baseline_is_said_in_the_words_of_its_targets(name: str, answer: str) -> None:
    words = " ".join(str(lesson(name)).split())
    assert f"Baseline, {answer} for every row: " in words
    assert f"where every training row is answered with {answer}." in words


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["8 relu", "8 relu"], ["8 relu", "8 relu"]),
        (["8 relu"] * 10 + ["3 softmax"], ["10 x (8 relu)", "3 softmax"]),
        (["8", "norm", "tanh"] * 4 + ["3"], ["4 x (8 -> norm -> tanh)", "3"]),
        (["4", *["8", "tanh"] * 3], ["4", "3 x (8 -> tanh)"]),
        ([], []),
    ],
)
def test_layers_that_repeat_are_written_once(layers: list[str], expected: list[str]) -> None:
    assert folded(layers) == expected
