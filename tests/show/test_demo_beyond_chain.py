"""The demos beyond the chain of dense layers: what their words say is true of what they measure, and it is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.errors import BacklitError
from backlit.examples import example_file, parse_network_file
from backlit.examples.drawn_rows import drawn_rows
from backlit.examples.file_tables import DrawnTable
from backlit.explain import Maps, Unrolled
from backlit.show.charts.figure import Figure
from backlit.show.demo.blocks import Chart, PanelPicture
from backlit.show.demo.parts import demo_parts
from backlit.show.demo.text import demo_text

ICON = '<link rel="icon" href="data:,">'


def shown(name: str) -> Any:
    """Run a demo, and hold its forms to what all demos promise. Each is run by one test: the tests run in parallel."""
    demonstration = bl.demo(name)
    for width in (40, 80):
        assert max(map(len, demo_text(demonstration.run, width).splitlines())) <= width
    page = demonstration.to_html()
    assert not re.search(r"""(src|href)\s*=|url\(|@import|<script|<link""", page.replace(ICON, ""))
    assert f'"name":"{name}"' in demonstration.to_json()
    return demonstration


def runs(demonstration: Any) -> dict[str, Any]:
    return {run.name: run for run in demonstration.run.runs}


def pictures(demonstration: Any) -> list[PanelPicture]:
    return [block for block in demo_parts(demonstration.run) if isinstance(block, PanelPicture)]


def figures(demonstration: Any) -> list[Figure]:
    return [figure for block in demo_parts(demonstration.run) if isinstance(block, Chart) for figure in block.figures]


# ---------------------------------------------------------------------------------------------------------- by hand


def test_the_convolution_is_that_of_plain_loops() -> None:
    """Forward, backward and the new weights, once more without Backlit."""
    picture = np.array([[0.0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]])
    filter_, bias, weights = np.array([[0.5, -0.5], [0.75, 0.25]]), -0.1, np.array([0.4, -0.2, 0.3, 0.5])
    places = [(r, c) for r in range(3) for c in range(3)]
    net = np.array([(picture[r : r + 2, c : c + 2] * filter_).sum() + bias for r, c in places]).reshape(3, 3)
    passed = np.maximum(net, 0.0)
    taken = []
    for r, c in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        window = [(r, c), (r, c + 1), (r + 1, c), (r + 1, c + 1)]
        taken.append(max(window, key=lambda at: passed[at]))  # the first of the largest
    pooled = np.array([passed[at] for at in taken])
    out = 1 / (1 + np.exp(-(pooled @ weights)))
    slope = (out - 1.0) * out * (1 - out)
    back = np.zeros((3, 3))
    for at, weight in zip(taken, weights, strict=True):
        back[at] += slope * weight * (net[at] > 0)
    gradient = np.array([[sum(back[p] * picture[p[0] + i, p[1] + j] for p in places) for j in (0, 1)] for i in (0, 1)])
    step = shown("convolution")
    parameters = {parameter.name: parameter for parameter in step.run.runs[0].parameters}
    for i in (0, 1):
        for j in (0, 1):
            after = parameters[f"w(i1,f1@r{i + 1}c{j + 1})"].after
            assert after == pytest.approx(filter_[i, j] - 0.5 * gradient[i, j], abs=1e-12)
    assert parameters["b(f1)"].after == pytest.approx(bias - 0.5 * back.sum(), abs=1e-12)
    assert parameters["w(f1@r1c2,o1)"].after == pytest.approx(-0.2 - 0.5 * slope * pooled[1], abs=1e-12)
    assert passed[0, 1] == passed[1, 0] == pooled[0]  # the two equal cells of the first window
    assert (taken[0], taken[1]) == ((0, 1), (1, 2))
    is_drawn_both_ways(step)


def test_the_recurrent_unit_is_that_of_plain_arithmetic() -> None:
    h1 = np.tanh(0.5)
    h2 = np.tanh(0.5 * 2 + 0.1 * h1)
    y1, y2 = 2 * h1, 2 * h2
    back2 = (y2 - 2) * 2 * (1 - h2**2)
    through = (y1 - 1) * 2 + back2 * 0.1
    back1 = through * (1 - h1**2)
    step = shown("recurrent")
    parameters = {parameter.name: parameter.after for parameter in step.run.runs[0].parameters}
    assert parameters["w(i1,h1)"] == pytest.approx(0.5 - 0.1 * (back1 * 1 + back2 * 2), abs=1e-12)
    assert parameters["u(h1,h1)"] == pytest.approx(0.1 - 0.1 * back2 * h1, abs=1e-12)
    assert parameters["w(h1,o1)"] == pytest.approx(2 - 0.1 * ((y1 - 1) * h1 + (y2 - 2) * h2), abs=1e-12)
    panel = step.run.runs[0].drawing.panels[0]
    assert isinstance(panel, Unrolled)
    assert panel.lengths == pytest.approx([abs(through), abs((y2 - 2) * 2)], rel=1e-12)
    is_drawn_both_ways(step)


def is_drawn_both_ways(step: Any) -> None:
    assert [picture.backward for picture in pictures(step)] == [False, True]
    text, page = str(step), step.to_html()
    assert "layer 1: " in text
    assert page.count("<figure>\n<div") == 2
    for panel in pictures(step)[0].drawing.panels:
        assert f"<title>Forward pass: what each layer gives, and its weights: {panel.title}</title>" in page
    assert "<title>Backward pass: the slopes of the error, layer by layer: layer 1: " in page
    assert step._repr_html_().count("background-image") >= 2


# --------------------------------------------------------------------------------------------------------- measured


def test_both_networks_for_digits_have_as_many_weights_and_the_convolution_errs_less() -> None:
    """The learned filters are drawn, and a row's maps."""
    digits = shown("digits-convolution")
    found = runs(digits)
    sizes = {len(run.parameters) for run in found.values()}
    assert sizes == {610}
    assert found["convolution"].end.validation_error < 0.7 * found["dense"].end.validation_error
    assert found["convolution"].end.validation_accuracy > found["dense"].end.validation_accuracy
    filters, maps = pictures(digits)
    panel = filters.drawing.panels[0]
    assert isinstance(panel, Maps)
    weights = {parameter.name: parameter.after for parameter in found["convolution"].parameters}
    assert len(panel.weights) == 6
    assert [panel.weights[0].values[0][k] for k in range(3)] == [weights[f"w(i1,f1@r1c{k + 1})"] for k in range(3)]
    assert np.array(maps.drawing.panels[0].grids[0].values).shape == (8, 8)


def fits_the_lesson(name: str, measured: list[float]) -> None:
    """Hold what was measured of a network against the lessons: a number to 30 %, or a bound."""
    text = (Path(__file__).parents[2] / "docs" / "lessons" / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {name} \|(.*)\|$", text, re.MULTILINE)
    for value, cell in zip(measured, row.split("|"), strict=True):
        *bound, said = cell.replace("%", "").split()
        assert {
            "": value == pytest.approx(float(said), rel=0.3),
            "under": value < float(said),
            "over": value > float(said),
        }["".join(bound)], (name, value, cell)


def test_the_plain_layer_fails_at_long_sequences_and_the_lstm_does_not() -> None:
    """The slope through time vanishes in the plain layer, and stays in the LSTM."""
    memory = shown("memory")
    found = {name: run.end.validation_error for name, run in runs(memory).items()}
    baseline = memory.run.trouble.baseline
    assert baseline == pytest.approx(1 / 6, abs=0.01)
    assert found["Elman, 10"] < 0.1 * baseline
    assert found["Elman, 10"] < found["Elman, 30"] < found["Elman, 60"]
    assert found["Elman, 60"] > 0.6 * baseline  # 0.7 to 1 times it, by the order in which a processor adds
    assert max(found["LSTM, 10"], found["LSTM, 30"], found["LSTM, 60"]) < 0.1 * baseline
    times = {run.name: run.time for run in memory.run.trouble.runs if run.time[0]}
    assert set(times) == {"Elman, 60", "LSTM, 60"}
    shares = {name: [lengths[0] / lengths[-1] for lengths in both] for name, both in times.items()}
    assert shares["Elman, 60"][0] < 1e-3
    assert shares["LSTM, 60"][0] < 1e-3  # at the first weights both vanish
    assert shares["Elman, 60"][1] < 0.05
    assert 0.2 < shares["LSTM, 60"][1] < 5.0
    for name in times:
        fits_the_lesson(name.split(",")[0], [*shares[name], found[name]])
    assert [figure.title for figure in figures(memory)][-2:] == [
        "The slope through time, at the first weights", "The slope through time, after training"]  # fmt: skip


def test_the_residual_network_differs_by_its_sums_alone() -> None:
    deep = shown("residual")
    plain, residual = runs(deep).values()
    assert [parameter.before for parameter in plain.parameters] == [
        parameter.before for parameter in residual.parameters
    ]
    ratios = {}
    for run in deep.run.trouble.runs:
        norms = [signals["gradient_norm"] for signals in run.signals.layers.values()]
        assert len(norms) == 22
        ratios[run.name] = norms[0][0] / norms[-1][0]
        accuracy = runs(deep)[run.name].end.validation_accuracy
        fits_the_lesson(run.name, [ratios[run.name], 100 * accuracy])
    assert ratios["plain"] < 1e-5
    assert ratios["residual"] > 0.05
    assert plain.end.error == pytest.approx(deep.run.trouble.baseline, rel=0.01)
    assert residual.end.validation_accuracy > 0.9
    finding = deep.run.trouble.runs[0].diagnosis
    assert "BL303" in {found.code for found in finding.findings}


# --------------------------------------------------------------------------------------------------- the file's keys


def test_the_adding_problem_has_two_marks_and_their_sum() -> None:
    (X, Y), (V, W) = drawn_rows(DrawnTable(task="adding", times=7, rows=50, validation=20, seed=3))
    assert (X.shape, Y.shape, V.shape, W.shape) == ((50, 14), (50, 1), (20, 14), (20, 1))
    numbers, marks = X[:, 0::2], X[:, 1::2]
    assert (marks[:, :3].sum(axis=1) == 1).all()
    assert (marks[:, 3:].sum(axis=1) == 1).all()
    np.testing.assert_allclose((numbers * marks).sum(axis=1), Y[:, 0])
    again = drawn_rows(DrawnTable(task="adding", times=7, rows=50, validation=20, seed=3))[0][0]
    np.testing.assert_array_equal(X, again)


DRAWN = 'drawn = { task = "adding", times = 60, rows = 600, validation = 300, seed = 0 }'


@pytest.mark.parametrize(("old", "new", "says"), [
    (DRAWN, DRAWN + '\nset = "iris"', "both drawn and set are given"),
    ('task = "adding"', 'task = "ading"', "adding"),
    ("[comparison]\n", '[comparison]\nsignal = "gradient_nrm"\n', "comparison, signal: unknown signal 'gradient_nrm'"),
    ('runs = ["Elman, 60", "LSTM, 60"]', 'runs = ["Elman, 6"]', "unknown run 'Elman, 6'"),
    ('shows = ["time"]', 'shows = ["signals"]', "comparison has no signal"),
])  # fmt: skip
def test_a_file_that_does_not_fit_is_refused(old: str, new: str, says: str) -> None:
    text = example_file("memory").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(BacklitError, match=re.escape(says)):
        parse_network_file(text.replace(old, new, 1))


@pytest.mark.parametrize("what", ["filters", "time"])
def test_what_the_network_does_not_have_is_not_shown(tmp_path: Any, what: str) -> None:
    text = example_file("residual").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace('shows = ["signals"]', f'shows = ["{what}"]'), encoding="utf-8")
    with pytest.raises(BacklitError, match=f"leave {what} out of shows"):
        bl.demo(tmp_path / "mine.toml", epochs=1)
