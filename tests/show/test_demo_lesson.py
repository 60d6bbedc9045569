"""The lesson on the valley: what is printed is true as written, and the pictures stay within their borders."""

from __future__ import annotations

import functools
import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import backlit as bl
from backlit.show.charts.figure import Figure, Line, Points
from backlit.show.demo.blocks import Chart
from backlit.show.demo.parts import demo_parts
from backlit.show.demo.text import demo_text

NUMBER = r"-?[\d.]+(?:e[+-]\d+)?"
STEP = re.compile(rf"(\w+) = ({NUMBER}) - ({NUMBER}) \* \(?({NUMBER})\)? = ({NUMBER})$", re.MULTILINE)
MEAN = re.compile(rf"= \(([-+.\de ]+)\) / (\d+) = ({NUMBER})$", re.MULTILINE)
TANGENT = re.compile(
    rf"At w = ({NUMBER}) the slope is ({NUMBER}), (\w+): w (\w+) by ({NUMBER}) \* ({NUMBER}), to ({NUMBER}), where"
)

HOSTILE = """
title = "<script>alert(1)</script>"
[network]
inputs = ["<b>x"]
loss = "binary_cross_entropy"
[[network.layers]]
units = 1
activation = "sigmoid"
labels = ["\\u202e'y\\""]
weights = [[-3.0]]
biases = [2.0]
[data]
inputs = [[1], [2], [3]]
targets = [0, 0, 1]
[training]
optimizer = { op = "sgd", rate = RATE }
batch_size = "full"
epochs = 6
[valley]
x_range = [-4, 4]
y_range = [-6, 4]
[[valley.parts]]
title = "<i>all</i>"
shows = ["neuron", "valley", "steps", "signs", "rows", "descents"]
"""


@functools.cache
def lesson(epochs: int | None = None) -> Any:
    return bl.demo("valley", epochs=epochs)


@functools.cache
def words() -> str:
    return " ".join(str(lesson()).split())


def test_every_step_that_is_written_is_true() -> None:
    steps = STEP.findall(str(lesson()))
    assert [name for name, *_ in steps] == ["w", "b"] * 3
    for _, *numbers in steps:
        old, rate, slope, new = map(float, numbers)
        assert new == pytest.approx(old - rate * slope, rel=1e-6)


def test_every_mean_that_is_written_is_true() -> None:
    means = MEAN.findall(str(lesson()))
    assert len(means) == 3
    for total, count, mean in means:
        assert float(mean) == pytest.approx(
            sum(map(float, total.replace("- ", "-").replace("+ ", "").split())) / int(count)
        )


def test_the_sign_rule_is_true() -> None:
    found = TANGENT.findall(words())
    assert [sign for _, _, sign, *_ in found] == ["negative", "positive"]
    for at, slope, sign, way, rate, size, after in found:
        assert (sign, way) == (("negative", "grows") if float(slope) < 0 else ("positive", "shrinks"))
        assert float(size) == abs(float(slope))
        assert float(after) == pytest.approx(float(at) - float(rate) * float(slope), rel=1e-6)
        assert (float(after) > float(at)) == (way == "grows")


def test_the_words_of_the_file_are_true_of_its_runs() -> None:
    runs = {descent.name: descent for descent in lesson().run.lesson.descents}
    small, good, large = (runs[name].errors for name in ("too small", "good", "too large"))
    assert all(after < before for before, after in pairwise(small))
    assert good[-1] < small[-1] < small[0] < large[-1]
    across = [step.new[0] - step.old[0] for step in runs["too large"].steps]
    lengths = [math.dist(step.new, step.old) for step in runs["too large"].steps]
    assert all(one * other < 0 for one, other in pairwise(across))
    assert lengths == sorted(lengths)
    rises = [sum(after > before for before, after in pairwise(runs[name].errors))
             for name in ("batch", "mini-batch", "stochastic")]  # fmt: skip
    assert rises[0] == 0 < rises[1] < rises[2]
    assert {len(runs[name].steps) for name in ("too small", "good", "too large")} == {20}


def test_the_lessons_come_in_their_order() -> None:
    titles = [part.title for part in lesson().run.parts]
    places = [str(lesson()).index(title) for title in titles]
    assert places == sorted(places)
    assert [part.shows[0] for part in lesson().run.parts] == [
        "neuron", "valley", "steps", "signs", "descents", "rows"
    ]  # fmt: skip


def figures(demo: Any) -> list[Figure]:
    return [figure for block in demo_parts(demo.run) if isinstance(block, Chart)
            for figure in (*block.figures, *block.coarse)]  # fmt: skip


@pytest.mark.parametrize("epochs", [0, 1, 20])
def test_lines_and_points_stay_within_their_picture(epochs: int) -> None:
    drawn = figures(lesson(epochs))
    assert len(drawn) == (8 if epochs else 6)
    for figure in drawn:
        for layer in figure.layers:
            if isinstance(layer, (Line, Points)) and not layer.name.startswith("slope"):
                for values, axis in ((layer.x, figure.x), (layer.y, figure.y)):
                    assert axis.low is None or min(values) >= axis.low - 1e-9
                    assert axis.high is None or max(values) <= axis.high + 1e-9


def test_a_run_has_one_colour_in_all_pictures() -> None:
    colours: dict[str, set[int]] = {}
    for figure in figures(lesson()):
        for layer in figure.layers:
            name = getattr(layer, "name", "").partition(" (")[0]
            if name in {"good", "too small", "too large", "batch", "mini-batch", "stochastic"}:
                colours.setdefault(name, set()).add(layer.series)
    assert [len(found) for found in colours.values()] == [1] * 6
    assert len(set.union(*colours.values())) == 6


def test_a_map_with_sides_of_the_same_length_is_square() -> None:
    assert [figure.square for figure in figures(lesson()) if figure.y.label == "b"] == [True] * 5


def test_points_alone_are_those_of_updates() -> None:
    run = next(descent for descent in lesson().run.lesson.descents if descent.name == "too large")
    coarse = next(figure for figure in figures(lesson()) if any(
        isinstance(layer, Points) and layer.name.startswith("too large") for layer in figure.layers))  # fmt: skip
    points = next(layer for layer in coarse.layers if getattr(layer, "name", "").startswith("too large"))
    assert set(zip(points.x, points.y, strict=True)) <= {(-1.0, 4.0), *(step.new for step in run.steps)}


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, demo_text(lesson().run, width).splitlines())) <= width


@pytest.mark.parametrize("width", [40, 50])
def test_a_narrow_terminal_loses_no_number(width: int) -> None:
    wide, narrow = (demo_text(lesson().run, columns) for columns in (100, width))
    assert "…" not in narrow
    for number in ("1.873", "6,765,218", "0.1113", "mini-batch"):
        assert narrow.count(number) >= wide.count(number) - 1  # of those in sentences, one may be cut by a hyphen


@pytest.mark.parametrize("rate", [0.5, 1e200])
def test_a_neuron_of_ones_own_with_hostile_names(tmp_path: Path, rate: float) -> None:
    (tmp_path / "mine.toml").write_text(HOSTILE.replace("RATE", str(rate)), encoding="utf-8")
    demo = bl.demo(tmp_path / "mine.toml")
    page = demo.to_html()
    ElementTree.fromstring(re.sub(r"<(meta|link)([^>]*)>", r"<\1\2/>", page.replace("<!DOCTYPE html>", "")))
    for raw in ("<script", "<b>x", "<i>all"):
        assert raw not in page
        assert raw not in demo._repr_html_()
    assert "&lt;b&gt;x" in page


def test_a_page_loads_nothing_and_shows_what_the_notebook_does() -> None:
    page = lesson().to_html()
    assert not re.search(
        r"""(src|href)\s*=|url\(|@import|<script|<link""", page.replace('<link rel="icon" href="data:,">', "")
    )
    assert page.count("<svg") - page.count('<svg x="') == lesson()._repr_html_().count("background-image") == 6
    assert page.count("<details>") == 6
    for title in (part.title for part in lesson().run.parts):
        assert f"<h2>{title}</h2>" in page


def test_the_same_run_gives_the_same_page() -> None:
    assert bl.demo("valley", epochs=3).to_html() == bl.demo("valley", epochs=3).to_html()


def test_every_figure_has_words_and_a_table() -> None:
    assert all(figure.summary and figure.table.rows for figure in figures(lesson()))
