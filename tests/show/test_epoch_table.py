"""The table of an epoch: row by row what a classroom writes down, in every form."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.explain import NumberTable
from backlit.show.worked.tables import table_text

ROWS, TARGETS = [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [0.0, 1.0, 1.0]


def neuron(**settings: Any) -> bl.WorkedEpoch:
    network = bl.Network(
        [bl.Dense(1, "sigmoid", weights=[[0.5], [-0.3]], biases=[0.1])], 2, "half_squared_error"
    )  # fmt: skip
    given = {"batch_size": 1, "shuffle": False, "epoch": 2, "optimizer": bl.SGD(rate=0.5)}
    return bl.explain(network, ROWS, TARGETS, **given | settings)


def test_each_row_stands_with_its_numbers_and_the_weights_behind_it() -> None:
    """Against the same epoch in NumPy."""
    table, w = neuron().table, np.array([0.5, -0.3, 0.1])
    assert table is not None
    assert table.title == "Row by row, with the weights after each"
    assert table.heads == ("step", "row", "i1", "i2", "t(o1)", "net(o1)", "out(o1)", "E", "dE/dnet(o1)",
                           "w(i1,o1)", "w(i2,o1)", "b(o1)")  # fmt: skip
    lines = []
    for epoch in (1, 2):
        lines.append(["start", "", *[""] * 7, *w])
        for k, (x, t) in enumerate(zip(ROWS, TARGETS, strict=True)):
            net = w[:2] @ x + w[2]
            a = 1 / (1 + np.exp(-net))
            slope = (a - t) * a * (1 - a)
            w = w - 0.5 * slope * np.array([*x, 1.0])
            lines.append([3 * (epoch - 1) + k + 1, k + 1, *x, t, net, a, (t - a) ** 2 / 2, slope, *w])
    for shown, wanted in zip(table.lines, lines[4:], strict=True):
        for cell, number in zip(shown, wanted, strict=True):
            assert cell == number or float(cell) == pytest.approx(number, abs=6e-7)


def test_the_same_cells_stand_in_every_form() -> None:
    epoch = neuron()
    assert epoch.table is not None
    cells = [cell for line in epoch.table.lines for cell in line if "." in cell]
    forms = {"text": str(epoch), "md": epoch.to_markdown(), "tex": epoch.to_latex(), "html": epoch.to_html(),
             "notebook": epoch._repr_html_()}  # fmt: skip
    for form, text in forms.items():
        head = text[: text.index("Step 4")]
        assert epoch.table.title in head, form
        assert all(cell in head for cell in cells), form


def test_a_batch_of_several_rows_has_its_error_and_the_weights() -> None:
    table = neuron(batch_size=2, epoch=1).table
    assert table is not None
    assert table.title == "Step by step, with the weights after each"
    assert table.heads == ("step", "rows", "E", "w(i1,o1)", "w(i2,o1)", "b(o1)")
    assert [line[1] for line in table.lines] == ["", "1, 2", "3"]


def test_net_and_out_that_are_the_same_stand_once() -> None:
    network = bl.Network([bl.Dense(1, weights=[[0.0], [0.0]])], 2, "perceptron")
    epoch = bl.explain(network, ROWS, TARGETS, batch_size=1, shuffle=False, epoch=1, optimizer=bl.SGD(rate=1.0))
    table = epoch.table
    assert table is not None
    assert "out(o1)" not in table.heads
    after = [tuple(map(float, line[-3:])) for line in table.lines]
    assert after == [(0, 0, 0), (0, 0, 0), (1, 1, 1), (1, 1, 1)]


def test_parts_and_large_networks_have_no_table() -> None:
    assert neuron(only="out(o1)").table is None
    part = neuron(only="w(i2,o1)+").table
    assert part is not None
    assert part.heads[-2:] == ("dE/dnet(o1)", "w(i2,o1)")
    large = bl.Network([bl.Dense(7, "tanh"), bl.Dense(1)], 2, seed=0)
    epoch = bl.explain(large, ROWS, TARGETS, batch_size=1, epoch=1)
    assert epoch.table is None
    assert "Row by row" not in str(epoch) + epoch.to_markdown() + epoch.to_latex() + epoch.to_html()


def test_a_step_says_whose_weights_it_goes_on_with() -> None:
    text = str(neuron())
    assert re.search(r"Step 5: batch 2 of 3 of epoch 2\n.*\n  weights +those that step 4 left: w\(i1,o1\) here is "
                     r"w\(i1,o1\)\+ there", text)  # fmt: skip
    assert text.count("those that step") == 2


@pytest.mark.parametrize("width", [20, 30, 60, 200])
def test_a_narrow_table_is_broken_between_columns_and_loses_none(width: int) -> None:
    heads = ("step", *(f"c{k}" for k in range(9)))
    lines = tuple((f"s{r}", *(f"{10 * r + k}" for k in range(9))) for r in range(1, 4))
    text = table_text(NumberTable("t", heads, lines, group=5), width)
    assert all(len(line) <= width for line in text)
    assert sorted(re.findall(r"\b\d+\b", " ".join(text))) == sorted(cell for line in lines for cell in line[1:])
    heads_shown = [line for line in text if line.startswith("step")]
    assert len(heads_shown) == text.count("") + 1
    assert (len(heads_shown) > 1) == (len(max(text, key=len)) < 49)
    if width == 30:
        assert heads_shown[0].split() == ["step", "c0", "c1", "c2", "c3"]  # a block ends where the group does
