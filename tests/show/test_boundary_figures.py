"""The picture of a decision boundary says what its record holds."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import backlit as bl
from backlit.analysis.boundary.boundary import boundary
from backlit.analysis.boundary.records import UnitLine
from backlit.engine import Network
from backlit.ops.layers.dense import Dense
from backlit.show.boundary.figures import boundary_figures, crossing
from backlit.show.charts.figure import Field, Line, Note, Points, Regions
from backlit.show.charts.frame import Frame
from backlit.show.charts.svg import figure_svg
from backlit.show.picture import Picture

rng = np.random.default_rng(0)
CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
NEURON = Network([Dense(1, "sigmoid", weights=[[4.0], [4.0]], biases=[-6.0])], 2, "binary_cross_entropy")
HIDDEN = Network(
    [Dense(2, "sigmoid", weights=[[20.0, 20.0], [20.0, 20.0]], biases=[-10.0, -30.0]),
     Dense(1, "sigmoid", weights=[[20.0], [-20.0]], biases=[-10.0])], 2, "binary_cross_entropy",
)  # fmt: skip
SUM = Network([Dense(1, weights=[[1.0], [10.0]])], 2)


def figure(*given, **settings):
    (made,) = boundary_figures(boundary(*given, **settings))
    return made


def layers(made, kind):
    return [layer for layer in made.layers if isinstance(layer, kind)]


def test_two_classes_are_level_where_the_net_input_is_0():
    found = boundary(NEURON, CORNERS, [0, 0, 0, 1], points=7)
    (regions,) = layers(boundary_figures(found)[0], Regions)
    ahead = np.subtract(regions.scores[1], regions.scores[0])
    across, down = np.meshgrid(found.x, found.y)
    assert np.allclose(ahead, 4 * across + 4 * down - 6, atol=1e-9)  # straight, so that its edge lies right


def test_every_edge_between_classes_is_drawn():
    bands = Network([Dense(4, "softmax", weights=[[0.0, 10.0, 20.0, 30.0], [0.0] * 4], biases=[6.0, 4.0, -2.0, -12.0])],
                    2, "cross_entropy")  # fmt: skip
    made = figure(bands, CORNERS)  # edges at 0.2, 0.6 and 1
    drawn = figure_svg(made)
    (edges,) = re.findall(r'class="si"[^>]* d="([^"]+)"', drawn)
    frame = Frame(made, titled=True)
    starts = {float(x) for x in re.findall(r"M([\d.]+) ", edges)}
    assert all(min(abs(start - frame.across(x)) for start in starts) < 1.0 for x in (0.2, 0.6, 1.0))
    assert drawn.count(' opacity="0.22"') == 4


def test_rows_are_told_apart_by_class_and_wrong_ones_are_ringed():
    made = figure(NEURON, CORNERS, [0, 1, 0, 1], classes=["no", "yes"])
    no, yes, ring = layers(made, Points)
    assert (no.name, no.x, no.y) == ("no", [0, 1], [0, 0])
    assert (yes.name, yes.x, yes.y) == ("yes", [0, 1], [1, 1])
    assert (no.series, yes.series) == (0, 1) != (no.symbol, yes.symbol)
    assert no.symbol != yes.symbol
    assert (ring.symbol, ring.x, ring.y) == ("ring", [0], [1])
    assert "Of 4 rows, 3 are predicted right; wrong, and marked: row 2." in made.summary


def test_hidden_units_have_dashed_lines_with_their_names():
    made = figure(HIDDEN, CORNERS, [0, 1, 1, 0], units=["or", "and"])
    lines = layers(made, Line)
    assert [line.dash for line in lines] == ["dashed"] * 2
    assert [sum(line.name != "" for line in lines), [note.text for note in layers(made, Note)]] == [1, ["or", "and"]]
    for line, total in zip(lines, (0.5, 1.5), strict=True):
        assert np.allclose(np.add(line.x, line.y), total)
    assert "A line with a hidden unit's name is where" in made.summary
    assert made.table.rows[-2:] == (
        ("or has net input 0 where i2 is", "0.75", "0.375", "0", "−0.375", "−0.75"),
        ("and has net input 0 where i2 is", "1.75", "1.375", "1", "0.625", "0.25"),
    )
    away = figure(HIDDEN, CORNERS + 9.0)
    assert layers(away, Line) == []
    assert "hidden unit" not in away.summary


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ((1.0, 0.0, -3.0), ((0.5, 0.0), (0.5, 1.0))),
        ((0.0, 2.0, -8.0), ((0.0, 0.75), (1.0, 0.75))),
        ((1e-200, 1e-200, 0.0), None),
        ((0.0, 0.0, 1.0), None),
        ((0.0, 0.0, 0.0), None),
        ((1.0, 1.0, -4.0), ((0.0, 0.5), (0.5, 0.0))),
        ((1.0, -1.0, -1.0), ((0.0, 0.0), (1.0, 1.0))),
        ((1.0, 1.0, -100.0), None),
        ((float("inf"), 1.0, 0.0), None),
    ],
)
def test_where_a_line_crosses_the_plane(line, ends):
    found = crossing(UnitLine("h", *line), (2.0, 4.0), (1.0, 5.0) if line[1] == 2.0 else (1.0, 3.0))
    assert found == ends or (found is not None and ends is not None and np.allclose(found, ends))


def test_names_of_lines_stand_apart():
    fan = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(1.2, 1.9, 8)]).T
    net = Network([Dense(8, "tanh", weights=fan, biases=-1.2 * fan[0]), Dense(1)], 2)  # they meet near the right end
    notes = layers(figure(net, CORNERS), Note)
    assert [note.text for note in notes] == [f"h{k}" for k in range(1, 9)]
    places = np.array([[note.x / 2, note.y] for note in notes])
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))[~np.eye(8, dtype=bool)]
    assert apart.min() > 0.07


def test_numbers_are_a_surface_with_the_rows_by_their_error():
    targets = CORNERS @ [1.0, 10.0] + [0.0, 0.1, 5.0, -6.0]
    made = figure(SUM, CORNERS, targets, outputs=["total"])
    (field,) = layers(made, Field)
    assert made.title == "Predicted total"
    assert min(field.levels) >= np.min(field.z)
    assert max(field.levels) <= np.max(field.z)
    assert len(field.levels) == len(field.labels) >= 5
    near, higher, lower = layers(made, Points)
    assert (near.x, higher.x, lower.x) == ([0, 0], [1], [1])
    assert (higher.name, lower.name) == ("true number higher", "true number lower")
    root = np.sqrt(np.mean(np.square([0.0, 0.1, 5.0, -6.0])))
    assert f"within {root:.4g} of the prediction" in near.name
    assert f"differ by {root:.4g}," in made.summary


@pytest.mark.parametrize(
    ("network", "right"),
    [
        (Network([Dense(1, "sigmoid", weights=[[1e-12], [-1e-12]], biases=[-1e-13])], 2, "binary_cross_entropy"), 3),
        (Network([Dense(3, "softmax", weights=np.zeros((2, 3)))], 2, "cross_entropy"), 2),
    ],
    ids=["of two", "of three"],
)
def test_rounding_errors_are_no_boundary(network, right):
    made = figure(network, CORNERS, [0, 1, 1, 0])
    assert made.title == "No decision boundary"
    assert not layers(made, Regions)
    assert "predicted wrong" not in {points.name for points in layers(made, Points)}
    assert "so there is no boundary" in made.summary
    assert f"Of 4 rows, {right} count as right." in made.summary


def test_a_class_without_a_region_is_named():
    network = Network([Dense(3, "softmax", weights=[[1.0, 0.0, -1.0], [0.0] * 3], biases=[-0.5, -9.0, 0.5])], 2,
                      "cross_entropy")  # fmt: skip
    made = figure(network, CORNERS, [2, 1, 0, 0], classes=["right", "never", "left"])
    assert "No point of the plane is predicted as never. Of 4 rows, 3 are predicted right" in made.summary
    assert "No point" not in figure(network, CORNERS, [2, 2, 0, 0]).summary


def test_a_small_slope_is_a_boundary():
    network = Network([Dense(1, "sigmoid", weights=[[1e-6], [0.0]], biases=[-5e-7])], 2, "binary_cross_entropy")
    made = figure(network, CORNERS, [0, 0, 1, 1])
    assert layers(made, Regions)
    assert "all are predicted right" in made.summary


def test_a_surface_that_is_level_is_drawn():
    made = figure(Network([Dense(1, weights=[[0.0], [0.0]], biases=[3.0])], 2), CORNERS, [3.0] * 4)
    assert layers(made, Field)[0].levels == (3.0,)
    assert bl.boundary(Network([Dense(1, weights=[[0.0], [0.0]])], 2), CORNERS).to_svg()


def test_the_table_has_predictions_from_high_to_low():
    made = figure(NEURON, CORNERS, [0, 0, 0, 1], inputs=["a", "b"], classes=["no", "yes"])
    head, *rows = made.table.head, *made.table.rows
    assert head == ("b (down), a (across)", "−0.25", "0.125", "0.5", "0.875", "1.25")
    assert [row[0] for row in rows] == ["1.25", "0.875", "0.5", "0.125", "−0.25"]
    chance = NEURON.predict([[1.25, 1.25]]).item()
    assert rows[0][5] == f"yes ({chance:.2f})"
    assert rows[4][1] == "no (0.00)"
    numbers = figure(SUM, CORNERS).table.rows
    assert (numbers[0][5], numbers[4][1]) == ("13.75", "−2.75")


def test_what_is_held_and_drawn_is_said():
    X = rng.normal(size=(3000, 7))
    net = Network([Dense(3, "tanh"), Dense(3, "softmax")], 7, "cross_entropy", seed=0)
    codes = rng.integers(0, 3, 3000)
    found = boundary(net, (X, codes), columns=(0, 1), points=9)
    said = boundary_figures(found)[0].summary
    output = found.outputs[0]
    assert "over i1 and i2, with i3 at " in said
    assert "and 1 more input held" in said
    assert "Of 3,000 rows, 2,000 evenly chosen ones are drawn." in said
    assert f"Of 2,000 rows, {output.right:,} are predicted right; wrong, and marked: rows " in said
    assert f"with all of its own inputs: {output.as_drawn:,} of 2,000 rows as the class that the plane shows" in said
    assert output.as_drawn == sum(a == b for a, b in zip(output.predicted, output.drawn, strict=True)) < 2000
    assert all(points.faint for points in layers(boundary_figures(found)[0], Points)[:3])
    assert "these two change the predictions most" not in said
    assert "Of 7 inputs, these two change the predictions most" in figure(net, X[:9], points=9).summary


def test_where_two_classes_are_level_is_said():
    level = Network([Dense(1, "sigmoid", weights=[[0.0], [0.0]])], 2, "binary_cross_entropy")
    said = "The output is 0.5 all over the plane: no class is ahead, so there is no boundary. That counts as 0."
    assert said in figure(level, CORNERS, [0, 1, 1, 0]).summary
    dead = Network([Dense(1, "relu", weights=[[1.0], [1.0]], biases=[-1.0]), Dense(1, "sigmoid", weights=[[1.0]])], 2)
    partly = figure(dead, CORNERS, [0, 0, 0, 1]).summary
    assert "of the plane's points the output is exactly 0.5, between the two classes; that counts as 0, and" in partly
    assert "no colour" not in figure(NEURON, CORNERS, [0, 1, 1, 0]).summary


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([0, 0, 0, 1], "Of 4 rows, all are predicted right."),
        ([1, 1, 1, 0], "Of 4 rows, none is predicted right; wrong, and marked: rows 1, 2, 3, 4."),
        ([1, 1, 1, 1], "Of 4 rows, 1 is predicted right; wrong, and marked: rows 1, 2, 3."),
        (None, "The target of no row is known."),
    ],
)
def test_how_many_are_right_is_said(targets, said):
    assert said in figure(NEURON, CORNERS, targets).summary


EVIL = '<script>alert("1")</script>&\n\u202e' + "x" * 10_000
PICTURES = {
    "names": lambda: bl.boundary(HIDDEN, CORNERS, [0, 1, 1, 0], inputs=[EVIL, ""], units=[EVIL, ""],
                                 classes=[EVIL, ""], outputs=[EVIL]),
    "100 classes": lambda: bl.boundary(Network([Dense(100, "softmax")], 2, "cross_entropy"), rng.normal(size=(300, 2)),
                                       rng.integers(0, 100, 300), points=30),
    "one row": lambda: bl.boundary(SUM, [[1.0, 2.0]], [3.0]),
    "huge": lambda: bl.boundary(SUM, [[1e200, 1.0], [-1e200, 2.0]], [1e240, -1e240]),
    "six outputs": lambda: bl.boundary(Network([Dense(7)], 2), CORNERS, points=9),
}  # fmt: skip


@pytest.mark.parametrize("case", PICTURES)
def test_any_boundary_is_a_sound_picture(case):
    made = PICTURES[case]()
    assert isinstance(made, Picture)
    ET.fromstring(made.to_svg())
    page = made.to_html()
    assert "<script" not in page
    assert "\u202e" not in page
    assert len(page) < 500_000
    assert "nan" not in made.to_svg()
    assert "inf" not in str(made)
    assert made.to_svg() == PICTURES[case]().to_svg() or case == "100 classes"
