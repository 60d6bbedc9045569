"""What the live page shows of a network: names and numbers are those of a worked example, what is folded says so."""

import numpy as np
import pytest

import backlit as bl
from backlit.analysis.live.network import chosen_rows, live_network
from backlit.analysis.live.outline import MOST_COLUMNS, MOST_EDGES, plan_of
from backlit.analysis.live.unit import live_unit
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.examples import example_file, read_network_file
from backlit.explain import explain_step
from backlit.explain.quantity_names import Names
from backlit.sources.network_files import own_labels

rng = np.random.default_rng(0)


def of_example(name, run=0):
    setup = read_network_file(example_file(name)).setups[run]
    network, names = setup.build(), {"inputs": setup.names.inputs, "units": setup.names.units}
    return network, *setup.rows(), names | {"labels": own_labels(setup)}


def plan(network, inputs=None, units=None, labels=None):
    return plan_of(network, Names(network, inputs, None, units, labels))


def drawn(*sizes, activation="tanh", **more):
    layers = [*(bl.Dense(size, activation) for size in sizes[1:-1]), bl.Dense(sizes[-1], "softmax")]
    return Network(layers, sizes[0], "cross_entropy", seed=0, **more)


def shared_bias():
    network = Network([bl.Dense(3, "tanh", bias="shared", biases=[0.3]), bl.Dense(1)], inputs=2, seed=0)
    return network, rng.normal(size=(4, 2)), rng.normal(size=4), {}


def tied():
    layers = [bl.Dense(2, "tanh", tie="same"), bl.Dense(2, "tanh", tie="same"), bl.Dense(1)]
    return Network(layers, inputs=2, seed=0), rng.normal(size=(4, 2)), rng.normal(size=4), {}


def through_others():
    layers = [bl.Dense(3), bl.BatchNorm(), "tanh", bl.Dropout(0.5), bl.Dense(1, freeze=("b",))]
    return Network(layers, inputs=2, seed=0), rng.normal(size=(6, 2)), rng.normal(size=6), {}


CASES = {
    "own labels, biases frozen": lambda: of_example("two-layer"),
    "own names, no biases": lambda: of_example("iris-from-scratch"),
    "all rows added up": lambda: of_example("xor"),
    "behind a convolution": lambda: of_example("convolution"),
    "a bias that all units share": shared_bias,
    "layers that share their weights": tied,
}


@pytest.mark.parametrize("case", CASES)
def test_names_weights_and_slopes_are_those_of_the_worked_example(case):
    network, X, Y, names = CASES[case]()
    live = live_network(network, plan(network, **names), chosen_rows(X, Y))
    step = explain_step(network, X, Y, optimizer="sgd", **names)
    assert len(live.outline.edges) > 3
    for edge, weight, slope in zip(live.outline.edges, live.weights, live.slopes, strict=True):
        assert step[edge.name].value == weight
        assert edge.frozen == (slope is None)
        if slope is not None:
            assert slope == pytest.approx(step[f"dE/d{edge.name}"].value, rel=1e-9, abs=1e-15)


def test_layers_that_keep_the_units_stand_at_their_column():
    network, X, Y, _ = through_others()
    live = live_network(network, plan(network), chosen_rows(X, Y))
    assert [column.title for column in live.outline.columns] == ["inputs", "layer 1", "outputs"]
    assert live.outline.columns[1].details == ("then batch_norm", "then tanh", "then dropout 0.5")
    assert [slope is None for slope in live.slopes] == [edge.frozen for edge in live.outline.edges]
    assert [edge.name for edge in live.outline.edges if edge.frozen] == ["b(o1)"]


def test_a_large_layer_is_folded_to_the_units_with_the_strongest_weights_and_these_stay():
    network = drawn(64, 32, 10)
    network["1.W"][:, 20] = 50.0
    made = plan(network)
    outline = made.outline
    assert [(len(column.units), column.size) for column in outline.columns] == [(8, 64), (8, 32), (10, 10)]
    assert "h21" in outline.columns[1].units
    strongest = set(np.argsort(-np.abs(np.concatenate([network["1.W"].T, network["2.W"]], axis=1)).max(axis=1))[:8])
    assert set(made.drawn[1]) == strongest
    assert len(outline.edges) == 8 * 8 + 8 + 8 * 10 + 10
    assert outline.weights == network.parameters.size
    network.parameters[:] = rng.normal(size=network.parameters.size)
    live = live_network(network, made)
    assert live.outline is outline
    at = next(k for k, edge in enumerate(outline.edges) if edge.name == f"w({outline.columns[0].units[0]},h21)")
    assert live.weights[at] == network["1.W"][made.drawn[0][0], 20]
    assert live.slopes is None


@pytest.mark.parametrize("name", ["vanishing", "residual"])
def test_of_a_deep_network_few_weights_are_drawn_and_the_middle_of_a_very_deep_one_is_a_block(name):
    network, _, _, names = of_example(name)
    outline = plan(network, **names).outline
    assert len(outline.edges) <= MOST_EDGES
    assert len(outline.columns) <= MOST_COLUMNS
    left_out = [column for column in outline.columns if column.block]
    layers = 1 + len(network.layers)
    assert len(left_out) == (layers > MOST_COLUMNS)
    if left_out:
        shown = sum(column.weighted for column in outline.columns) + 1
        said = int(left_out[0].details[0].split()[0])
        assert said == layers - shown - 1  # the one behind the block is drawn, without its own weights
    for edge in outline.edges:
        assert outline.columns[edge.column].weighted
        assert edge.unit < len(outline.columns[edge.column].units)


BLOCKS = {
    "convolution": (lambda: of_example("digits-convolution")[0], ["inputs", "layer 1", "layer 2", "layer 3"], 54),
    "lstm": (lambda: of_example("memory", 3)[0], ["inputs", "layer 1"], 8),
    "parallel": (
        lambda: Network([bl.Parallel([[bl.Dense(3)], [bl.Dense(2, "relu")]]), bl.Dense(1)], inputs=4), ["layer 1"], 5,
    ),
    "residual": (lambda: Network([bl.Residual([bl.Dense(4)]), bl.Dense(1)], inputs=4), ["layer 1"], 4),
    "embedding": (
        lambda: Network([bl.Embedding(5, 3), bl.Flatten(), bl.Dense(1)], inputs=2), ["layer 1", "layer 2"], 6,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_what_is_no_dense_layer_is_a_block_and_its_numbers_a_column(name):
    make, blocks, size = BLOCKS[name]
    network = make()
    columns = plan(network).outline.columns
    assert [column.title for column in columns if column.block] == blocks
    *_, given, outputs = columns
    assert given.title == f"from {blocks[-1]}"
    assert (given.size, given.weighted, outputs.title, outputs.weighted) == (size, False, "outputs", True)
    block = next(column for column in columns if column.title == "layer 1")
    assert any(line.startswith("gives ") for line in block.details)


def test_dense_layers_on_a_sequence_are_blocks_and_nothing_is_drawn_twice():
    network = Network([bl.Recurrent(3, returns="sequence"), bl.Dense(2)], inputs=(4, 2))
    columns = plan(network).outline.columns
    assert [(column.title, column.block) for column in columns] == [
        ("inputs", True), ("layer 1", True), ("layer 2", True),
    ]  # fmt: skip
    assert columns[2].details[-1] == "8 parameters"


def test_no_slopes_where_the_error_is_not_finite():
    network = drawn(2, 3, 2)
    network["1.W"][0, 0] = np.nan
    live = live_network(network, plan(network), chosen_rows(np.ones((3, 2)), np.zeros(3)))
    assert live.slopes is None
    assert "not" in live.problem or "nan" in live.problem


def test_at_most_so_many_rows_evenly():
    X = np.arange(10_000.0).reshape(-1, 1)
    rows = chosen_rows(X, X[:, 0])
    assert (len(rows.X), rows.all_rows) == (2_000, 10_000)
    assert (rows.X[0, 0], rows.X[-1, 0]) == (0.0, 9_999.0)
    assert set(np.diff(rows.X[:, 0])) <= {4.0, 5.0, 6.0}


# ---------------------------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "gelu", "leaky_relu"])
def test_a_unit_has_the_outputs_of_the_rows_and_the_share_that_is_flat(activation):
    network = drawn(3, 5, 3, activation=activation)
    network["1.W"][:] *= 4.0
    X, Y = rng.normal(size=(300, 3)), rng.integers(0, 3, 300)
    made = plan(network)
    unit = live_unit(network, made, "h2", chosen_rows(X, Y), ("a", "b", "c"))
    out = network.outputs(X, 1)[:, 1]
    assert (unit.rows, unit.all_rows, sum(unit.histogram.counts), unit.histogram.outside) == (300, 300, 300, 0)
    assert unit.mean == pytest.approx(out.mean())
    assert unit.spread == pytest.approx(out.std())
    low, high = unit.histogram.edges[0], unit.histogram.edges[-1]
    assert low <= out.min()
    assert high >= out.max()
    for one in unit.classes:
        assert one.mean == pytest.approx(out["abc".index(one.name) == Y].mean())
        assert one.rows == ("abc".index(one.name) == Y).sum()
    if activation == "leaky_relu":
        assert unit.flat is None
        return
    net = network.outputs(X, 1, activated=False)[:, 1]
    if activation == "relu":
        assert unit.flat == (out == 0.0).mean()
        assert not unit.both_ends
    elif activation == "tanh":
        assert unit.flat == ((1.0 - out**2) <= 1.0 / 50.0).mean()
        assert unit.both_ends
    elif activation == "sigmoid":
        assert unit.flat == pytest.approx((out * (1.0 - out) <= 0.25 / 50.0).mean())
    else:
        assert unit.flat == pytest.approx((net < -3.0).mean(), abs=0.1)
    assert 0.0 < unit.flat < 1.0


def test_a_dead_unit_is_told():
    network = drawn(2, 3, 2, activation="relu")
    network["1.b"][:] = [-100.0, 0.0, 100.0]
    rows = chosen_rows(rng.normal(size=(50, 2)), rng.integers(0, 2, 50))
    dead, _, alive = (live_unit(network, plan(network), f"h{k}", rows) for k in (1, 2, 3))
    assert (dead.dead, dead.flat, dead.mean) == (True, 1.0, 0.0)
    assert (alive.dead, alive.flat) == (False, 0.0)


def test_a_saturated_unit_is_not_dead():
    network = drawn(2, 3, 2)
    network["1.b"][:] = 100.0
    unit = live_unit(network, plan(network), "h1", chosen_rows(rng.normal(size=(50, 2)), np.zeros(50)))
    assert (unit.flat, unit.dead, unit.both_ends) == (1.0, False, True)


def test_the_weights_of_a_unit_are_sorted_named_and_counted():
    network = drawn(64, 32, 10)
    network["1.b"][4] = 0.25
    unit = live_unit(network, plan(network), "h5", chosen_rows(rng.normal(size=(9, 64)), np.zeros(9)))
    assert (len(unit.weights), unit.weight_count) == (40, 64)
    sizes = [abs(one.value) for one in unit.weights]
    assert sizes == sorted(np.abs(network["1.W"][:, 4]), reverse=True)[:40]
    largest = int(np.abs(network["1.W"][:, 4]).argmax())
    assert (unit.weights[0].name, unit.weights[0].source) == (f"w(i{largest + 1},h5)", f"i{largest + 1}")
    assert (unit.bias.name, unit.bias.value) == ("b(h5)", 0.25)


def test_inputs_and_what_a_block_gives_are_units_too():
    network, X, Y, names = of_example("digits-convolution")
    made = plan(network, **names)
    name = made.outline.columns[-2].units[0]
    unit = live_unit(network, made, name, chosen_rows(X, Y))
    place = made.columns[-2].names.index(name)
    assert unit.mean == pytest.approx(network.outputs(X, 3).reshape(len(X), -1)[:, place].mean())
    assert (unit.weight_count, unit.bias, unit.activation) == (0, None, "")
    small = drawn(2, 3, 2)
    plain = live_unit(small, plan(small), "i2", chosen_rows(X[:, 20:22], Y))
    assert plain.mean == pytest.approx(X[:, 21].mean())


def test_a_unit_behind_its_normalization_is_that_of_the_activation():
    network, X, Y, _ = through_others()
    unit = live_unit(network, plan(network), "h1", chosen_rows(X, Y))
    assert unit.activation == "tanh"
    assert unit.mean == pytest.approx(network.outputs(X, 3)[:, 0].mean())
    assert unit.weight_count == 2


def test_an_unknown_unit_is_refused():
    network = drawn(2, 3, 2)
    with pytest.raises(BacklitError, match=r"no unit 'h9'.*'i1'"):
        live_unit(network, plan(network), "h9", chosen_rows(np.ones((3, 2)), np.zeros(3)))


def test_outputs_that_are_not_finite_are_counted_apart():
    network = Network([bl.Dense(1, weights=[[1.0]])], inputs=1)
    with np.errstate(all="ignore"):
        network["1.W"][:] = np.inf
        unit = live_unit(network, plan(network), "o1", chosen_rows(np.array([[0.0], [1.0]]), np.zeros(2)))
    assert (sum(unit.histogram.counts), unit.histogram.outside) == (0, 2)
    assert unit.mean is None
