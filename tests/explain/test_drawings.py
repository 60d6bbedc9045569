"""The drawing of a row has that row's numbers alone, and the rows' slopes add up to those of all rows together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.explain import Drawing
from backlit.explain.network_drawing import DRAWN_UNITS, LARGEST_COLUMN
from backlit.explain.step import DRAWN_ROWS
from backlit.ops.registry import losses
from backlit.show.network.words import drawing_caption

ROWS = {
    "half_squared_error": [[1.0, 0.0], [0.0, 1.0], [0.5, 0.25], [1.0, 1.0]],
    "mse": [[1.0, 0.0], [0.0, 1.0], [0.5, 0.25], [1.0, 1.0]],
    "binary_cross_entropy": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]],
    "cross_entropy": [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]],
}
XOR = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
WEIGHTS = [1.0, 0.25, 3.0, 0.5]


def drawings(loss: Any, X: Any = XOR, Y: Any = None, **settings: Any) -> tuple[Drawing, ...]:
    name = loss if isinstance(loss, str) else loss.name
    last = "softmax" if name == "cross_entropy" else "sigmoid"
    network = bl.Network([bl.Dense(3, "tanh"), bl.Dense(2, last)], inputs=2, loss=loss, seed=5)
    return bl.explain(network, X, ROWS[name] if Y is None else Y, **settings).example.drawings


def slopes(drawing: Drawing) -> np.ndarray:
    return np.array([edge.slope for column in drawing.columns for edge in column.edges])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("loss", ROWS)
def test_the_slopes_of_the_rows_add_up_to_those_of_all(loss: str, reduction: str, weights: Any) -> None:
    *rows, total = drawings(losses[loss](reduction=reduction), sample_weight=weights)
    assert [drawing.row for drawing in rows] == ["1", "2", "3", "4"]
    assert total.row is None
    np.testing.assert_allclose(sum(map(slopes, rows)), slopes(total), rtol=1e-13, atol=1e-16)
    assert np.abs(slopes(rows[1])).max() > 0


def test_a_row_has_the_slopes_of_its_own_step() -> None:
    loss = losses["half_squared_error"](reduction="sum")
    *rows, _ = drawings(loss)
    for row, drawing in enumerate(rows):
        (alone,) = drawings(loss, [XOR[row]], [ROWS[loss.name][row]])
        np.testing.assert_allclose(slopes(drawing), slopes(alone), rtol=1e-13)


@pytest.mark.parametrize("loss", ROWS)
def test_a_slope_on_an_edge_is_its_unit_s_times_the_output_that_it_comes_from(loss: str) -> None:
    for drawing in drawings(loss)[:-1]:
        for before, column in zip(drawing.columns, drawing.columns[1:], strict=False):
            for edge in column.edges:
                output = before.nodes[edge.source].value if edge.source >= 0 else 1.0
                unit = column.nodes[edge.unit].slope
                assert output is not None
                assert unit is not None
                np.testing.assert_allclose(edge.slope, unit * output, rtol=1e-13, atol=1e-18)


def test_an_input_of_zero_has_edges_without_slope() -> None:
    first = drawings("half_squared_error")[0]
    assert [edge.slope for edge in first.columns[1].edges if edge.source >= 0] == [0.0] * 6
    assert all(edge.slope != 0.0 for edge in first.columns[1].edges if edge.source < 0)


def test_softmax_with_cross_entropy_shows_the_slope_of_the_scores() -> None:
    network = bl.Network([bl.Dense(3, "softmax")], inputs=2, loss="cross_entropy", seed=1)
    (drawing,) = bl.explain(network, [[0.5, 2.0]], [2]).example.drawings
    outputs = drawing.columns[-1].nodes
    for node, target in zip(outputs, [0.0, 0.0, 1.0], strict=True):
        assert node.value is not None
        np.testing.assert_allclose(node.slope, node.value - target, rtol=1e-12)
    assert drawing.targets == (0.0, 0.0, 1.0)


def test_weights_that_are_not_trained_have_no_slope() -> None:
    layers = [bl.Dense(2, "tanh", freeze=("W", "b")), bl.Dense(1)]
    (drawing,) = bl.explain(bl.Network(layers, inputs=2, seed=1), [[1.0, 2.0]], [[1.0]]).example.drawings
    assert {edge.slope for edge in drawing.columns[1].edges} == {None}
    assert None not in {edge.slope for edge in drawing.columns[2].edges}
    assert {node.slope for node in drawing.columns[1].nodes} == {None}


def test_all_rows_together_have_no_outputs_and_no_targets() -> None:
    total = drawings("mse")[-1]
    assert {(node.value, node.slope) for column in total.columns for node in column.nodes} == {(None, None)}
    assert total.targets == ()


def test_of_a_large_layer_the_units_with_the_strongest_weights_are_drawn() -> None:
    rng = np.random.default_rng(3)
    weights = rng.uniform(-0.1, 0.1, (LARGEST_COLUMN + 8, 2))
    strong = [1, 4, 5, 9, 12, 13, 17, 19]
    weights[strong, 0] = np.linspace(0.5, -0.9, len(strong))
    weights[strong, 0] = np.where(np.abs(weights[strong, 0]) < 0.2, 0.4, weights[strong, 0])
    network = bl.Network([bl.Dense(2, weights=weights, biases=[0.0, 0.0])], inputs=len(weights))
    (drawing,) = bl.explain(network, rng.normal(size=(1, len(weights))), [[1.0, 0.0]]).example.drawings
    inputs = drawing.columns[0]
    assert [node.name for node in inputs.nodes] == [f"i{k + 1}" for k in strong]
    assert (inputs.size, len(inputs.nodes)) == (len(weights), DRAWN_UNITS)
    edges = [edge for edge in drawing.columns[1].edges if edge.source >= 0 and edge.unit == 0]
    assert [edge.weight for edge in edges] == list(weights[strong, 0])
    assert [edge.name for edge in edges] == [f"w(i{k + 1},o1)" for k in strong]


def test_the_class_of_a_row_is_drawn_among_many() -> None:
    weights = np.ones((2, 20))
    weights[:, 11] = 1e-3
    network = bl.Network([bl.Dense(20, "softmax", weights=weights, biases=[0.0] * 20)], 2, "cross_entropy")
    (drawing,) = bl.explain(network, [[0.5, 1.0]], [11]).example.drawings
    assert "o12" in [node.name for node in drawing.columns[-1].nodes]
    assert drawing.targets.count(1.0) == 1


@pytest.mark.parametrize(("count", "words"), [
    (DRAWN_ROWS, ""), (DRAWN_ROWS + 1, "Row 5 is not drawn"), (DRAWN_ROWS + 2, "Rows 5 and 6 are not drawn"),
    (DRAWN_ROWS + 6, "Rows 5 to 10 are not drawn"),
])  # fmt: skip
def test_rows_without_a_drawing_are_named(count: int, words: str) -> None:
    network = bl.Network([bl.Dense(1)], inputs=1, seed=1)
    example = bl.explain(network, [[float(k)] for k in range(count)], [[1.0]] * count)
    assert len(example.example.drawings) == min(count, DRAWN_ROWS) + 1
    assert words in example.to_html()
    assert words in str(example)
    assert ("not drawn" in str(example)) == ("not drawn" in example.to_html()) == bool(words)


def test_rows_in_another_order_are_not_said_to_follow_one_another() -> None:
    network = bl.Network([bl.Dense(1)], inputs=1, seed=1)
    X = [[float(k)] for k in range(DRAWN_ROWS + 3)]
    example = bl.explain(network, X, [[1.0]] * len(X), rows=["9", "8", "7", "6", "5", "2", "4"])
    assert "Rows 5, 2 and 4 are not drawn" in str(example)


def test_normalized_inputs_are_what_the_first_column_shows() -> None:
    network = bl.Network([bl.LayerNorm(), bl.Dense(1)], inputs=3, seed=1)
    inputs = bl.explain(network, [[1.0, 2.0, 6.0]], [[1.0]]).example.drawings[0].columns[0]
    assert inputs.title == "inputs after layer 1: layer norm"
    x = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose([node.value for node in inputs.nodes], (x - x.mean()) / x.std(), rtol=1e-4)


def test_a_slope_of_which_no_digit_is_right_is_zero() -> None:
    """The rows' parts cancel on paper; in float64 2.8e-17 is left."""
    network = bl.Network([bl.Dense(1, weights=[[0.1], [0.2]], biases=[0.0])], inputs=2)
    *_, total = bl.explain(network, [[1.0, 1.0], [1.0, 1.0]], [[0.2], [0.4]], optimizer="sgd").step.drawings()
    recorded = bl.explain(network, [[1.0, 1.0], [1.0, 1.0]], [[0.2], [0.4]]).step.recording.gradients.raw
    assert np.abs(recorded).max() > 0
    assert set(slopes(total)) == {0.0}


def coupled() -> Any:
    layers = [bl.Dense(3, "tanh"), bl.BatchNorm(), bl.Dense(3, "tanh"), bl.Dropout(0.25), bl.Dense(2, "softmax")]
    network = bl.Network(layers, inputs=2, loss="cross_entropy", seed=3)
    return bl.explain(network, [[0.5, -1.0], [1.5, 0.25], [0.1, 0.7]], [0, 1, 1])


def test_the_number_in_a_unit_is_the_record_that_the_caption_names() -> None:
    worked = coupled()
    assert worked.step["out(h2.1)[3]"].value != worked.step["drop(h2.1)[3]"].value == 0.0  # the case tells them apart
    for drawing in worked.example.drawings[:-1]:
        caption = drawing_caption(drawing, backward=False)
        assert "scaled(…) in layer 1, drop(…) in layer 3, out(…) elsewhere" in caption
        for column in drawing.columns:
            for node in column.nodes:
                name = node.name if column.shows == "input" else f"{column.shows}({node.name})"
                assert node.record == f"{name}[{drawing.row}]"
                assert node.value == worked.step[node.record].value
    assert [column.title for column in drawing.columns] == [
        "inputs", "layer 1, after batch norm", "layer 3, after dropout", "outputs"]  # fmt: skip
    assert "drop(…) in layer 3" in str(worked)
    assert "drop(…) in layer 3" in worked.to_html()


def test_a_row_is_not_said_to_be_alone_where_batch_norm_takes_all_together() -> None:
    layers = [bl.Dense(2, "tanh"), bl.BatchNorm(), bl.Dense(1)]
    network = bl.Network(layers, inputs=1, seed=3)

    def first(last: float) -> tuple[Drawing, float]:
        drawing = bl.explain(network, [[0.5], [1.5], [0.1]], [[0.0], [1.0], [last]]).example.drawings[0]
        return drawing, drawing.columns[1].nodes[0].slope or 0.0

    (drawing, slope), (_, other) = first(0.0), first(5.0)
    assert slope != other  # the target of another row has a part in it
    caption = drawing_caption(drawing, backward=True)
    assert "alone" not in caption
    assert "batch norm takes all rows together, the other rows' errors have a part" in caption
    before = bl.Network([bl.BatchNorm(), bl.Dense(2, "tanh"), bl.Dense(1)], inputs=1, seed=3)
    (drawing, *_) = bl.explain(before, [[0.5], [1.5]], [[0.0], [1.0]]).example.drawings
    assert "Backward, of this row alone" in drawing_caption(drawing, backward=True)
    assert "scaled(…) in the inputs" in drawing_caption(drawing, backward=False)


def test_on_the_way_back_the_units_with_the_largest_slopes_are_drawn() -> None:
    network = bl.Network([bl.Dense(1)], inputs=20, loss="half_squared_error", seed=3)
    x = np.linspace(-1.0, 1.0, 20)
    (drawing,) = bl.explain(network, [x], [[1.0]]).example.drawings
    back = drawing.way(backward=True)
    assert [node.name for node in back.columns[0].nodes] == ["i1", "i2", "i3", "i4", "i17", "i18", "i19", "i20"]
    assert [node.name for node in drawing.columns[0].nodes] != [node.name for node in back.columns[0].nodes]
    assert "largest slopes" in drawing_caption(drawing, backward=True)
    assert "strongest weights" in drawing_caption(drawing, backward=False)


def test_of_weights_that_are_not_trained_the_strongest_are_drawn_on_the_way_back_too() -> None:
    network = bl.Network([bl.Dense(1, freeze=("W",))], inputs=20, loss="half_squared_error", seed=3)
    (drawing,) = bl.explain(network, [np.ones(20)], [[1.0]]).example.drawings
    assert drawing.way(backward=True) is drawing


def test_of_784_inputs_few_are_drawn() -> None:
    network = bl.Network([bl.Dense(128, "relu"), bl.Dense(10, "softmax")], 784, "cross_entropy", seed=1)
    X = np.clip(np.random.default_rng(0).normal(size=(2, 784)), 0.0, None)
    *rows, total = bl.explain(network, X, [3, 7]).step.drawings()
    for drawing in (*rows, total):
        for way in (drawing, drawing.way(backward=True)):
            assert [(len(column.nodes), column.size) for column in way.columns] == [(8, 784), (8, 128), (10, 10)]
    assert all(edge.slope for edge in total.columns[1].edges[:8])
