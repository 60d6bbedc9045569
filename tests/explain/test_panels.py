"""Panels have the numbers of the step: maps and the number that is followed back, chains through time, branches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.explain import Branches, Drawing, Grid, Maps, Unrolled, filters_of
from backlit.explain.chain_panels import FOLDED, MOST_TIMES

PICTURE = np.array([[0.0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]])
FILTER = np.array([[0.5, -0.5], [0.75, 0.25]])
RNG = np.random.default_rng(1)


def drawings(layers: list[Any], inputs: Any, X: Any, Y: Any, **settings: Any) -> tuple[Drawing, ...]:
    network = bl.Network(layers, inputs, seed=3)
    return bl.explain(network, X, Y, optimizer="sgd", **settings).example.drawings


def convolution(picture: Any = PICTURE, pool: int = 1) -> Drawing:
    layers = [
        bl.Conv2D(1, 2, "relu", weights=FILTER.reshape(2, 2, 1, 1), biases=[-0.1]),
        bl.MaxPool(2, pool), bl.Flatten(), bl.Dense(1, "sigmoid"),
    ]  # fmt: skip
    return drawings(layers, (4, 4, 1), [picture.reshape(-1)], [[1.0]])[0]


def by_hand(picture: Any) -> Any:
    net = [[(picture[r : r + 2, c : c + 2] * FILTER).sum() - 0.1 for c in range(3)] for r in range(3)]
    return np.maximum(net, 0.0)


def maps(panel: Any) -> Maps:
    assert isinstance(panel, Maps)
    return panel


def test_a_map_has_the_numbers_of_the_convolution() -> None:
    inputs, layer, pooled, flat = map(maps, convolution().panels)
    np.testing.assert_array_equal(np.array(inputs.grids[0].values, float), PICTURE)
    found = by_hand(PICTURE)
    np.testing.assert_allclose(np.array(layer.grids[0].values, float), found, rtol=1e-12)
    windows = [[found[r : r + 2, c : c + 2].max() for c in range(2)] for r in range(2)]
    np.testing.assert_allclose(np.array(pooled.grids[0].values, float), windows, rtol=1e-12)
    assert (flat.title, flat.grids) == ("layer 3: flatten, 4 numbers", ())
    assert layer.weights[0].name == "w(i1,f1)"
    assert [column.title for column in convolution().columns] == ["after layer 3: flatten", "outputs"]


def test_a_number_is_followed_back_to_its_window() -> None:
    inputs, layer, pooled, _ = map(maps, convolution().panels)
    grid = layer.grids[0]
    assert pooled.grids[0].made == (0, 1)  # the first of the largest
    assert grid.window == ((0, 1), (0, 2), (1, 1), (1, 2))
    assert grid.winner == grid.made == (1, 2)
    assert inputs.grids[0].window == ((1, 2), (1, 3), (2, 2), (2, 3))
    assert layer.made is not None
    assert layer.made.name == "net(f1@r2c3)"
    total = sum(number * weight for number, weight in layer.made.terms) + layer.made.bias
    assert total == pytest.approx(layer.made.result, rel=1e-12)
    assert layer.made.result == grid.values[1][2]


def test_of_equal_numbers_the_first_is_the_winner() -> None:
    layer = maps(convolution(np.ones((4, 4))).panels[1])
    assert len({number for row in layer.grids[0].values for number in row}) == 1
    assert layer.grids[0].winner == (0, 0)


def test_slopes_of_maps_are_those_of_the_records() -> None:
    layers = [bl.Conv2D(2, 2, "tanh"), bl.MaxPool(2, 1), bl.Flatten(), bl.Dense(1)]
    worked = bl.explain(bl.Network(layers, (4, 4, 1), seed=3), [RNG.normal(size=16)], [[1.0]], optimizer="sgd")
    panels = worked.example.drawings[0].panels
    for row in range(3):
        for column in range(3):
            assert panels[1].grids[1].slopes[row][column] == worked.step[f"dE/dnet(f2@r{row + 1}c{column + 1})"].value
    marked = panels[1].weights[0]
    unit = marked.name[-3:-1]
    for row in range(2):
        for column in range(2):
            assert marked.slopes[row][column] == worked.step[f"dE/dw(i1,{unit}@r{row + 1}c{column + 1})"].value


def test_a_window_at_the_edge_leaves_the_padding_out() -> None:
    picture = np.zeros((4, 4))
    picture[0, 0] = 9.0
    layers = [bl.Conv2D(1, 3, padding="same", weights=np.ones((3, 3, 1, 1))), bl.Flatten(), bl.Dense(1)]
    inputs, layer, _ = map(maps, drawings(layers, (4, 4, 1), [picture.reshape(-1)], [[1.0]])[0].panels)
    assert layer.grids[0].made == (0, 0)
    assert inputs.grids[0].window == ((0, 0), (0, 1), (1, 0), (1, 1))


def test_rows_together_show_the_sums_of_the_rows_slopes() -> None:
    layers = [bl.Conv2D(1, 2, "tanh"), bl.Flatten(), bl.Dense(1)]
    *rows, total = drawings(layers, (3, 3, 1), RNG.normal(size=(3, 9)), [[1.0], [0.0], [2.0]])
    parts = [np.array(maps(drawing.panels[1]).weights[0].slopes, float) for drawing in rows]
    (layer, _) = map(maps, total.panels)
    np.testing.assert_allclose(np.array(layer.weights[0].slopes, float), sum(parts), rtol=1e-12)
    assert layer.grids == ()


def test_of_many_channels_few_are_drawn_and_the_marked_one_is_among_them() -> None:
    layers = [bl.Conv2D(9, 3), bl.Flatten(), bl.Dense(1)]
    layer = maps(drawings(layers, (8, 8, 3), [RNG.normal(size=192)], [[1.0]])[0].panels[1])
    assert (len(layer.grids), layer.size, len(layer.weights)) == (4, 9, 3)
    assert sum(grid.made is not None for grid in layer.grids) == 1


# -------------------------------------------------------------------------------------------------------- through time


def chain(steps: int, reverse: bool = False, units: int = 1) -> tuple[Unrolled, Any]:
    layers = [bl.Recurrent(units, reverse=reverse), bl.Dense(1)]
    worked = bl.explain(bl.Network(layers, (steps, 1), seed=3), [RNG.normal(size=steps)], [[1.0]], optimizer="sgd")
    panel = worked.example.drawings[0].panels[0]
    assert isinstance(panel, Unrolled)
    return panel, worked.step


def test_a_chain_has_the_states_and_the_slope_through_time() -> None:
    panel, step = chain(3)
    assert [moment.name for moment in panel.moments] == ["t1", "t2", "t3"]
    for k, moment in enumerate(panel.moments):
        assert moment.states[0].value == step[f"out(h1@t{k + 1})"].value
        assert moment.states[0].slope == step[f"dE/dout(h1@t{k + 1})"].value
        assert panel.lengths[k] == pytest.approx(abs(moment.states[0].slope or 0.0))
    assert panel.inward.value == step["w(i1,h1)"].value
    assert panel.onward.slope == step["dE/du(h1,h1)"].value


def test_a_chain_that_runs_backward_begins_at_the_last_time() -> None:
    panel, _ = chain(3, reverse=True)
    assert [moment.name for moment in panel.moments] == ["t3", "t2", "t1"]
    assert panel.lengths[-1] > 0


def test_a_long_chain_is_folded_and_its_slope_is_whole() -> None:
    panel, _ = chain(MOST_TIMES + 4, units=5)
    assert len(panel.moments) == 2 * FOLDED
    assert panel.times == len(panel.lengths) == MOST_TIMES + 4
    assert (panel.onward.name, panel.onward.value) == ("U 5 × 5", None)


def test_a_sequence_of_answers_has_its_targets() -> None:
    layers = [bl.Recurrent(1, returns="sequence"), bl.Dense(1)]
    drawing = drawings(layers, (2, 1), [[1.0, 2.0]], [[1.0, 2.0]])[0]
    assert maps(drawing.panels[-1]).targets == (Grid("targets", ((1.0, 2.0),)),)
    assert drawing.columns == ()


# ------------------------------------------------------------------------------------------------------------- branches


def test_a_residual_block_is_a_branch_beside_an_empty_one() -> None:
    layers = [bl.Dense(2, "tanh"), bl.Residual([bl.Dense(2, "tanh"), bl.Dense(2)]), bl.Dense(1)]
    worked = bl.explain(bl.Network(layers, 3, seed=3), [[1.0, 0.5, -1.0]], [[1.0]], optimizer="sgd")
    drawing = worked.example.drawings[0]
    block = drawing.panels[2]
    assert isinstance(block, Branches)
    assert ([len(branch) for branch in block.branches], block.join) == ([2, 0], "add")
    before, inner = maps(drawing.panels[1]).grids[0].values[0], maps(block.branches[0][1]).grids[0].values[0]
    assert block.grids[0].values[0] == pytest.approx(np.add(before, inner))
    assert [node.value for node in drawing.columns[0].nodes] == pytest.approx(block.grids[0].values[0])


def test_dense_layers_behind_branches_read_what_these_give() -> None:
    layers = [bl.Parallel([[bl.Dense(2, "tanh")], [bl.Dense(1)]]), bl.Dense(1)]
    drawing = drawings(layers, 2, [[1.0, 0.5]], [[1.0]])[0]
    block = drawing.panels[1]
    assert isinstance(block, Branches)
    parts = [number for branch in block.branches for number in maps(branch[0]).grids[0].values[0]]
    assert list(block.grids[0].values[0]) == parts == [node.value for node in drawing.columns[0].nodes]


@pytest.mark.parametrize("layers", [
    [bl.Dense(3, "relu"), bl.Dense(2)], [bl.LayerNorm(), bl.Dense(3, "tanh"), bl.Dropout(0.2), bl.Dense(1)],
])  # fmt: skip
def test_a_chain_of_dense_layers_has_no_panels(layers: list[Any]) -> None:
    drawing = drawings(layers, 3, [[1.0, 2.0, 3.0]], [[1.0] * layers[-1].units])[0]
    assert drawing.panels == ()
    assert drawing.columns


def test_filters_are_those_of_the_first_convolution() -> None:
    network = bl.Network([bl.Conv2D(3, 2), bl.Conv2D(1, 2), bl.Flatten(), bl.Dense(1)], (4, 4, 1), seed=2)
    found = filters_of(network)
    assert [grid.name for grid in found] == ["w(i1,f1.1)", "w(i1,f1.2)", "w(i1,f1.3)"]
    np.testing.assert_array_equal(np.array(found[1].values, float), network["1.W"][:, :, 0, 1])
    assert filters_of(bl.Network([bl.Dense(1)], 2)) == ()


def test_an_embedding_names_the_weights_that_each_category_picks() -> None:
    layers = [bl.Embedding(10, 3), bl.Flatten(), bl.Dense(2)]
    network = bl.Network(layers, 4, "mse", seed=3)
    panel = maps(bl.explain(network, [[7, 3, 1, 9]], [[0.0, 1.0]]).example.drawings[0].panels[1])
    assert panel.grids[0].heads == ("w(7,…)", "w(3,…)", "w(1,…)", "w(9,…)")
    np.testing.assert_array_equal(np.array(panel.grids[0].values, float).T, network["1.W"][[7, 3, 1, 9]])
