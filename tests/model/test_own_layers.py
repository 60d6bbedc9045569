"""Layers of one's own on tables, pictures and sequences: what they read, what is added, what is refused in words."""

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.data import Encoder, Table, read_table
from backlit.errors import BacklitError
from backlit.model import Settings, TableTraining, fit_table, load, save
from backlit.model.held_out import held_out_rows
from backlit.model.own_layers import embedded_columns, picture_layers, with_places
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import layer_from_dict

QUICK = {"epochs": 2, "validation": 0, "test": 0.2}


def prepared(source="iris", target=None, **settings):
    """Give the network that a training would begin with; it is not run."""
    training = TableTraining(source, target, Settings(**QUICK | settings))
    return training, training.recipes[0].network(training.task, training.X.shape[1], 0)


@pytest.mark.parametrize(
    ("source", "layers", "ends"),
    [
        ("iris", [Dense(4, "relu")], ("softmax", 3)),
        ("iris", [Dense(4, "relu"), Dense(3, "softmax")], ("softmax", 3)),
        ("iris", [Dense(3)], ("softmax", 3)),  # 3 units without softmax are a hidden layer
        ("iris", [{"op": "residual", "layers": ["tanh", Dense(4)]}], ("softmax", 3)),
        ("diabetes", [Dense(4, "relu")], ("dense", 1)),
        ("diabetes", [Dense(4, "relu"), Dense(1)], ("dense", 1)),
        ("diabetes", [Dense(1, "tanh")], ("dense", 1)),
    ],
)
def test_an_output_layer_is_added_where_there_is_none(source, layers, ends):
    _, network = prepared(source, network=layers)
    assert (network.ops[-1].name, network.output_size) == ends
    own = len(layers) > 1 and isinstance(layers[-1], Dense) and layers[-1].units in {1, 3}
    assert len(network.layers) == len(layers) + (not own)


def test_the_loss_of_the_file_is_kept_where_it_fits():
    assert prepared("diabetes", network=[Dense(4), Dense(1)], loss="huber")[1].loss.name == "huber"
    assert prepared("iris", network=[Dense(3, "softmax")], loss="cross_entropy")[1].loss.name == "cross_entropy"


@pytest.mark.parametrize(
    ("source", "settings", "says"),
    [
        ("iris", {"network": [Dense(4, "softmax")]}, "gives 4 probabilities; .* has 3 classes: write units = 3"),
        ("iris", {"network": [Dense(3)], "loss": "cross_entropy"}, 'expect units = 3, activation = "softmax"'),
        ("iris", {"network": [Dense(3, "softmax")], "loss": "mse"}, "'mse' does not fit .* which is a class"),
        ("diabetes", {"network": [Dense(1)], "loss": "poisson"}, "poisson"),
        ("diabetes", {"network": [Dense(2)], "loss": "mse"}, "expects units = 1 and no activation"),
        ("iris", {"network": [Dense(3)], "inputs": 5}, "has inputs = 5; the columns of the table become 4"),
        ("iris", {"network": [Dense(3)], "inputs": (2, 3)}, "6 numbers, from as many columns .* there are 4 columns"),
        ("iris", {"network": [Dense(3)], "inputs": (2, 2)}, r"write rows of shape \(2, 3\); .* op = \"flatten\""),
        ("iris", {"network": [bl.Select("petl width"), Dense(3)]}, r'Did you mean "petal width \(cm\)"'),
        ("iris", {"network": [Dense(3), bl.Select("petal width (cm)")]}, "reads what other layers write"),
        ("iris", {"network": [bl.Embedding(9, 2), bl.Flatten()]}, "must say of which columns"),
        ("iris", {"network": [Dense(3)], "layers": (3,)}, "layers and network are both given"),
        ("iris", {"network": [Dense(3)], "dropout": 0.1}, "dropout and network are both given"),
        ("iris", {"loss": "mse"}, "loss is given without network"),
        ("iris", {"network": 3}, "network is 3; expected a list of layers"),
        ("iris", {"network": [3]}, "a layer is 3; expected a layer"),
        ("iris", {"network": [{"op": "dense"}]}, "'units' is missing"),
    ],
)
def test_what_does_not_fit_is_said_before_training(source, settings, says):
    with pytest.raises(BacklitError, match=says):
        prepared(source, **settings)


def test_select_names_columns_of_the_table_and_what_they_became():
    table = Table.from_arrays(
        np.array([["red", 1.0], ["blue", 2.0], ["red", 4.0], ["blue", 3.0]], object), [1.0, 2.0, 3.5, 2.0],
        names=["colour", "size"],
    )  # fmt: skip
    encoder = Encoder.fit(table)
    assert len(encoder.feature_names) == 3
    for what, places in (("colour", [0, 1]), (["size", "colour=red"], [2, 1]), ([0, "size"], [0, 2])):
        assert with_places([{"op": "select", "what": what}], encoder)[0]["what"] == places
    inside = {"op": "parallel", "branches": [[{"op": "select", "what": "size"}], [{"op": "dense", "units": 1}]]}
    assert with_places([inside], encoder)[0]["branches"][0][0]["what"] == [2]


def shops(rows=60):
    """Give a table of which a network may read some columns: numbers, categories, and a column with gaps."""
    rng = np.random.default_rng(0)
    size, town = rng.random(rows), rng.choice(["Ås", "Bø"], rows)
    age = np.where(rng.random(rows) < 0.2, None, rng.random(rows))
    X = np.column_stack([size.astype(object), town, age, rng.random(rows)])
    return Table.from_arrays(X, size + (town == "Bø"), names=["size", "town", "age", "noise"])


def test_columns_that_no_layer_reads_are_left_out_and_need_not_be_there_to_predict():
    layers = [bl.Parallel([[bl.Select(["size", "town"]), Dense(2)], [bl.Select("town=Bø")]])]
    model, report = fit_table(shops(), settings=Settings(network=layers, **QUICK))
    done = {column.column: (column.done, column.outputs) for column in report.columns}
    assert done["age"] == done["noise"] == ("left out: no layer reads it", 0)
    assert model.network.graph.input_size == done["size"][1] + done["town"][1] == 3
    with pytest.raises(BacklitError, match=r'"sise", which is no input.* inputs: "size", .* "noise", "town"'):
        prepared(shops(), network=[bl.Select(["sise", "town"])])
    fewer = Table.from_arrays(np.array([[0.5, "Bø"]], object), names=["size", "town"])
    assert np.isfinite(model.predict(fewer)).all()


def test_columns_that_are_not_read_by_their_numbers_stay_and_are_named():
    training, network = prepared(shops(), network=[bl.Select([0, 2]), Dense(2)])
    done = {report.column: report.done for report in training.encoder.reports}
    assert [name for name, said in done.items() if said.endswith("; no layer reads it")] == ["age", "noise"]
    assert network.graph.input_size == len(training.encoder.feature_names) == 6
    everything, _ = prepared(shops(), network=[bl.Parallel([[bl.Select("size")], []])])
    assert not any("no layer reads it" in report.done for report in everything.encoder.reports)


def numbered(categories):
    rng = np.random.default_rng(0)
    city, size = rng.integers(0, categories, 60), rng.random(60)
    return Table.from_arrays(np.column_stack([city, size]).astype(object), city * 1.0 + size, names=["city", "size"])


EMBEDDED = [bl.Parallel([[bl.Select("city"), bl.Embedding(5, 2), bl.Flatten()], [bl.Select("size")]])]


def test_an_embedding_reads_the_numbers_of_a_column_as_they_are():
    assert embedded_columns([layer.to_dict() for layer in EMBEDDED]) == {"city": 5}
    training, network = prepared(numbered(5), network=EMBEDDED)
    assert set(training.X[:, 0]) == {0.0, 1.0, 2.0, 3.0, 4.0}
    assert training.encoder.reports[0].kind == "category number"
    assert network["1a.2.W"].shape == (5, 2)
    more = Table.from_arrays(np.array([[7, 0.5]], object), names=["city", "size"])
    with pytest.raises(BacklitError, match=r'Row 1 of .*|"city" holds 7; .* count = 8'):
        training.encoder.encode(more)


def test_categories_that_an_embedding_does_not_have_are_refused():
    with pytest.raises(BacklitError, match=r'"city" holds [56]; .* from 0 to 4\. An embedding .* count = 7'):
        prepared(numbered(7), network=EMBEDDED)
    names = Table.from_arrays(np.array([["a", 1.0], ["b", 2.0]] * 9, object), [1.0, 2.0] * 9, ["city", "size"])
    with pytest.raises(BacklitError, match="holds string; expected whole numbers from 0"):
        prepared(names, network=EMBEDDED)


def test_a_model_of_own_layers_saves_loads_and_predicts(tmp_path):
    layers = [bl.Parallel([[bl.Select("petal length (cm)"), Dense(2, "tanh")], [Dense(3, "relu")]])]
    model, report = fit_table("iris", settings=Settings(network=layers, **QUICK))
    twin = load(save(model, tmp_path / "m.safetensors"))
    assert (twin.predict_probabilities("iris") == model.predict_probabilities("iris")).all()
    assert twin.report == report
    assert msgspec.json.encode(report)
    assert "parallel" in report.recipe.summary()


def test_first_weights_that_are_given_are_those_that_training_begins_with():
    weights = np.arange(8.0).reshape(4, 2).tolist()
    _, network = prepared(network=[Dense(2, "tanh", weights=weights)])
    assert network["1.W"].tolist() == weights


def test_a_picture_has_a_small_convolutional_network_by_default(tmp_path):
    digits = read_table("digits").arrow.to_pandas()
    X = digits.drop(columns="digit").to_numpy().reshape(-1, 8, 8)[:200]
    np.savez(tmp_path / "digits.npz", X=X, y=digits["digit"][:200])
    training, network = prepared(str(tmp_path / "digits.npz"))
    assert [layer.name for layer in network.layers] == [
        "conv2d", "max_pool", "conv2d", "max_pool", "flatten", "dense", "dense",
    ]  # fmt: skip
    assert network.graph.inputs == {"X": (8, 8, 1)}
    assert training.recipes[0].rate == 1e-3
    assert prepared(str(tmp_path / "digits.npz"), layers=(5,))[1].graph.inputs == {"X": (64,)}
    assert prepared(str(tmp_path / "digits.npz"), network=[bl.GRU(4)], inputs=(8, 8))[1].output_size == 10


def test_sequences_are_taken_for_what_the_first_layer_reads(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 9, 2)) * [1.0, 100.0]
    np.savez(tmp_path / "runs.npz", X=X, y=X[:, :, 0].sum(axis=1))
    for layers in ([bl.GRU(3)], [bl.Conv1D(4, 3), bl.Flatten()]):
        training, network = prepared(str(tmp_path / "runs.npz"), network=layers)
        assert network.graph.inputs == {"X": (9, 2)}
        assert training.encoder.features.columns[0].deviations == pytest.approx((1, 100), rel=0.2)
    for layers in (None, [bl.Conv2D(4, 2), bl.Flatten()]):
        training, network = prepared(str(tmp_path / "runs.npz"), network=layers)
        assert network.graph.inputs == {"X": (9, 2, 1)}
        said = "taken for grey pictures: for sequences of 9 times" in training.encoder.reports[0].done
        assert said == (layers is None)


def test_a_number_that_is_none_is_named_by_its_row_in_the_file(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 4, 4))
    X[31, 2, 1] = np.nan
    np.savez(tmp_path / "gap.npz", X=X, y=np.arange(40) % 2)
    with pytest.raises(BacklitError, match='Row 32 of the column "X" holds NaN'):
        prepared(str(tmp_path / "gap.npz"), test=0.5)


def test_the_test_rows_of_pictures_are_found_again_and_of_other_pictures_are_not(tmp_path):
    X, y = np.random.default_rng(0).integers(0, 255, (40, 4, 4)).astype(np.uint8), np.array([0, 1] * 20)
    np.savez(tmp_path / "some.npz", X=X, y=y)
    _, report = fit_table(str(tmp_path / "some.npz"), settings=Settings(layers=(2,), **QUICK))
    assert len(held_out_rows(report, read_table(tmp_path / "some.npz"))) == 8
    X[3, 2, 1] ^= 1
    np.savez(tmp_path / "some.npz", X=X, y=y)
    assert held_out_rows(report, read_table(tmp_path / "some.npz")) is None


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 3), (28, 28, 1), (32, 32, 3), (256, 100, 1)])
def test_the_default_for_pictures_fits_any_size(shape):
    network = bl.Network([layer_from_dict(layer) for layer in picture_layers(shape)], shape)
    flat = next(node.writes for node in network.graph.nodes if node.op.name == "flatten")
    assert network.graph.rows[flat][0] <= 8 * 64 * 32


def test_lengths_beside_a_table_are_refused(tmp_path):
    np.savez(tmp_path / "runs.npz", X=np.random.default_rng(0).normal(size=(20, 5, 2)), y=np.arange(20) % 2)
    with pytest.raises(BacklitError, match='reads the lengths "end"; on a table, and of arrays X and y'):
        prepared(str(tmp_path / "runs.npz"), network=[bl.Residual([bl.GRU(2, lengths="end", returns="sequence")])])
