"""The record of a decision boundary: what is predicted is what the model predicts, at the places that it names."""

import datetime
import functools

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import backlit as bl
from backlit.analysis.boundary.boundary import boundary
from backlit.analysis.boundary.records import Boundary, UnitLine
from backlit.data import Encoder, Table, read_table
from backlit.engine import Network, Training
from backlit.model import TabularModel, save
from backlit.ops.layers.dense import Dense

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2))
CODES = np.arange(60) % 3


def network(units=1, last="identity", loss="half_squared_error", inputs=2, **more):
    return Network([Dense(3, "tanh"), Dense(units, last)], inputs, loss, seed=1, **more)


def grid(found: Boundary) -> np.ndarray:
    across, down = np.meshgrid(found.x, found.y)
    return np.stack([across.ravel(), down.ravel()], axis=1)


def scores(found: Boundary, output: int = 0) -> np.ndarray:
    return np.asarray(found.outputs[output].scores).reshape(len(found.outputs[output].scores), -1).T


def test_the_plane_and_the_rows_are_predicted_by_the_network():
    net = network(last="sigmoid", loss="binary_cross_entropy")
    y = (X[:, 0] > 0).astype(float)
    found = boundary(net, (X, y), points=9, inputs=["a", "b"], units=["p", "q", "r"])
    output = found.outputs[0]
    assert (found.x_name, found.y_name, found.held, found.chosen) == ("a", "b", (), "")
    assert len(found.x) == len(found.y) == 9
    assert np.array_equal(scores(found)[:, 0], net.predict(grid(found))[:, 0])
    assert (np.asarray(output.predicted) == (net.predict(X)[:, 0] > 0.5)).all()
    assert output.targets == tuple(y)
    assert output.right == int(((net.predict(X)[:, 0] > 0.5) == y).sum()) != 60
    assert found.units == tuple(
        UnitLine(name, *net["1.W"][:, j].tolist(), float(net["1.b"][j])) for j, name in enumerate("pqr")
    )
    assert (found.x[0], found.x[-1]) == pytest.approx(
        (X[:, 0].min() - 0.25 * np.ptp(X[:, 0]), X[:, 0].max() + 0.25 * np.ptp(X[:, 0]))
    )
    assert np.allclose([found.row_x, found.row_y], X.T)


YES = (X[:, :1] > 0).astype(float)
KINDS = {
    # network, targets: classes of each output, level, probabilities, grids
    "softmax": (network(3, "softmax", "cross_entropy"), CODES, [("0", "1", "2")], None, True, 3),
    "softmax, 2": (network(2, "softmax", "cross_entropy"), CODES % 2, [("0", "1")], 0.5, True, 1),
    "softmax, one-hot": (network(3, "softmax", "cross_entropy"), np.eye(3)[CODES], [("0", "1", "2")], None, True, 3),
    "softmax, no targets": (network(3, "softmax", "cross_entropy"), None, [("0", "1", "2")], None, True, 3),
    "logits": (network(3, "identity", "softmax_cross_entropy"), CODES, [("0", "1", "2")], None, True, 3),
    "multiclass hinge": (network(3, "identity", "multiclass_hinge"), CODES, [("0", "1", "2")], None, False, 3),
    "multiclass hinge, 2": (network(2, "identity", "multiclass_hinge"), CODES % 2, [("0", "1")], 0.0, False, 1),
    "sigmoid": (network(1, "sigmoid", "binary_cross_entropy"), YES, [("0", "1")], 0.5, True, 1),
    "sigmoid, no targets": (network(1, "sigmoid", "binary_cross_entropy"), None, [("0", "1")], 0.5, True, 1),
    "logit": (network(1, "identity", "sigmoid_binary_cross_entropy"), YES, [("0", "1")], 0.5, True, 1),
    "labels": (network(2, "sigmoid", "binary_cross_entropy"), np.hstack([YES, 1 - YES]), [("0", "1")] * 2, 0.5, True,
               1),
    "sigmoid, squared error": (network(1, "sigmoid"), YES, [("0", "1")], 0.5, False, 1),
    "sigmoid, soft targets": (network(1, "sigmoid"), 0.1 + 0.8 * YES, [()], None, False, 1),
    "sigmoid, one-hot": (network(3, "sigmoid"), np.eye(3)[CODES], [("0", "1", "2")], None, False, 3),
    "tanh": (network(1, "tanh"), 2 * YES - 1, [("-1", "1")], 0.0, False, 1),
    "tanh, no targets": (network(1, "tanh"), None, [("-1", "1")], 0.0, False, 1),
    "tanh, 0 and 1": (network(1, "tanh"), YES, [("0", "1")], 0.5, False, 1),
    "hinge": (network(1, "identity", "hinge"), 2 * YES - 1, [("-1", "1")], 0.0, False, 1),
    "hinge, 0 and 1": (network(1, "identity", "hinge"), YES, [("0", "1")], 0.0, False, 1),
    "linear, 0 and 1": (network(1), YES, [("0", "1")], 0.5, False, 1),
    "linear": (network(1), X[:, :1], [()], None, False, 1),
    "linear, all 1": (network(1), np.ones((60, 1)), [()], None, False, 1),
    "linear, 2": (network(2), X, [(), ()], None, False, 1),
    "linear, no targets": (network(1), None, [()], None, False, 1),
    "counts": (network(1, "identity", "exp_poisson"), YES, [()], None, False, 1),
}  # fmt: skip


@pytest.mark.parametrize("case", KINDS)
def test_what_an_output_is(case):
    net, Y, classes, level, probabilities, grids = KINDS[case]
    found = boundary(net, X, Y, points=4)
    assert [output.classes for output in found.outputs] == classes
    assert found.of_outputs == len(classes)
    A = net.predict(X)
    for k, output in enumerate(found.outputs):
        assert (output.level, output.probabilities, len(output.scores)) == (level, probabilities, grids)
        wanted = A.argmax(axis=1) if len(output.classes) > 2 or case.endswith("hinge, 2") else A[:, k]
        if output.classes and A.shape[1] == 2 and len(found.outputs) == 1:
            wanted = A[:, 1] > A[:, 0]
        elif len(output.classes) == 2:
            wanted = A[:, k] > (0.0 if case == "logit" else level)
        elif case == "counts":
            wanted = np.exp(A[:, 0])
        assert np.allclose(output.predicted, wanted)
        assert output.drawn == output.predicted
        if probabilities:
            assert 0 <= scores(found, k).min() <= scores(found, k).max() <= 1
        if Y is None:
            assert set(output.targets) == {None}
        elif output.classes:
            own = Y if Y.ndim == 1 else Y.argmax(axis=1) if grids == 3 else Y[:, k] > 0.5 * (Y.min() + Y.max())
            assert np.array_equal(output.targets, np.asarray(own, float))


def test_the_kind_can_be_given():
    net = network(3, "softmax", "cross_entropy")
    found = boundary(net, (X, CODES), kind="numbers", points=4)
    assert [output.classes for output in found.outputs] == [(), (), ()]
    assert np.array_equal(found.outputs[1].targets, (CODES == 1).astype(float))
    with pytest.raises(bl.BacklitError, match="kind is 'classes', and the targets are neither"):
        boundary(network(), (X, X[:, 0]), kind="classes")


def test_other_inputs_are_held_at_their_median():
    four = rng.normal(size=(50, 4)) ** 3
    net = network(inputs=4)
    found = boundary(net, four, columns=(3, "i2"), points=5)
    rows = np.tile(np.median(four, axis=0), (25, 1))
    rows[:, [3, 1]] = grid(found)
    assert np.allclose(scores(found)[:, 0], net.predict(rows)[:, 0], rtol=1e-12)
    assert (found.x_name, found.y_name) == ("i4", "i2")
    assert [name for name, _ in found.held] == ["i1", "i3"]
    assert float(found.held[1][1].replace("−", "-")) == pytest.approx(np.median(four[:, 2]), rel=1e-5)
    output = found.outputs[0]
    assert np.allclose(output.predicted, net.predict(four)[:, 0])
    rows = np.tile(np.median(four, axis=0), (50, 1))
    rows[:, [3, 1]] = four[:, [3, 1]]
    assert np.allclose(output.drawn, net.predict(rows)[:, 0])
    unit, W = found.units[2], net["1.W"]
    assert (unit.a, unit.b) == (W[3, 2], W[1, 2])
    assert unit.c == pytest.approx(np.median(four, axis=0)[[0, 2]] @ W[[0, 2], 2] + net["1.b"][2])


def test_the_two_inputs_that_matter_are_chosen():
    weights = np.array([[0.0], [3.0], [0.1], [-5.0], [100.0]])
    data = np.hstack([rng.normal(size=(40, 4)), np.full((40, 1), 2.0)])  # the last one is constant
    found = boundary(Network([Dense(1, weights=weights)], inputs=5), data, points=3)
    assert (found.x_name, found.y_name) == ("i2", "i4")
    assert found.chosen.startswith("of 5 inputs, these two change")


def test_many_rows_are_chosen_evenly():
    data = np.stack([np.arange(5000.0), np.arange(5000.0) ** 0.5], axis=1)
    found = boundary(network(), data, data[:, 0], points=3)
    assert found.outputs[0].targets == found.row_x
    assert len(found.rows) == len(found.row_x) == len(found.outputs[0].predicted) == 2000
    assert (found.rows[0], found.rows[-1], found.of_rows) == (1, 5000, 5000)
    assert max(np.diff(found.rows)) <= 3
    assert np.array_equal(np.array(found.rows) - 1.0, found.row_x)


def test_outputs_beyond_the_first_six_are_counted():
    found = boundary(network(9), X, points=3)
    assert (len(found.outputs), found.of_outputs, found.outputs[5].name) == (6, 9, "o6")


def test_a_training_has_its_own_rows():
    training = Training(network(), X, X[:, 0], epochs=1, compiled=False).run()
    assert boundary(training, points=3) == boundary(training, (X, X[:, 0]), points=3)
    assert boundary(training, (X[:9], X[:9, 1]), points=3).of_rows == 9


def test_a_record_comes_back_from_json():
    found = boundary(network(), (X, X[:, 0]), points=3)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Boundary) == found


# --------------------------------------------------------------------------------------------------------------- tables

FRAME = pd.DataFrame({
    "width": [1.0, 2.0, 3.0, 4.0, 5.0, 60.0],
    "height": [2, 4, 4, 6, 9, 12],
    "colour": ["red", "blue", "red", None, "red", "blue"],
    "flag": [True, False, True, True, False, True],
    "when": [datetime.datetime(2020, 1, day) for day in (9, 1, 2, 3, 8, 4)],
    "deep": [0.5, None, 1.5, 2.5, 9.0, 1.0],
    "same": 7,
    "kind": ["a", "b", "a", "b", "b", "a"],
})  # fmt: skip


def table_model(target="kind", units=3):
    table = read_table(FRAME)
    encoder = Encoder.fit(table, target)
    outputs, last, loss = (2, "softmax", "cross_entropy") if encoder.classes else (1, "identity", "mse")
    layers = [Dense(units, "tanh"), Dense(outputs, last)]
    return TabularModel(Network(layers, len(encoder.feature_names), loss, seed=3, dtype="float32"), encoder)


def at(frame: pd.DataFrame, found: Boundary, held: dict) -> pd.DataFrame:
    points = grid(found)
    return pd.DataFrame({name: held.get(name, frame[name][0]) for name in frame}, index=range(len(points))).assign(
        **{found.x_name: points[:, 0], found.y_name: points[:, 1]}
    )


HELD = {"colour": "red", "flag": True, "when": datetime.datetime(2020, 1, 3), "deep": 1.5, "width": 3.5, "height": 5.0}
TEXTS = {"colour": "red", "flag": "true", "when": "2020-01-03 00:00:00", "deep": "1.5", "width": "3.5", "height": "5"}


@pytest.mark.parametrize("given", [("width", "height"), ("height", "deep")])
@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas])
def test_a_table_is_drawn_in_its_own_units(given, library):
    model = table_model()
    found = boundary(model, library(FRAME), columns=given, points=4)
    assert (found.x_name, found.y_name) == given
    assert dict(found.held) == {name: text for name, text in TEXTS.items() if name not in given}
    wanted = model.predict_probabilities(at(FRAME.drop(columns="same"), found, HELD))[:, 1]
    assert np.allclose(scores(found)[:, 0], wanted, atol=1e-6)
    assert found.outputs[0].name == "kind"
    assert found.unplaced == (1 if "deep" in given else 0)
    assert found.of_rows == 6 - found.unplaced
    classes = np.array(found.outputs[0].classes)
    own = model.predict(FRAME)[np.array(found.rows) - 1]
    assert classes[np.array(found.outputs[0].predicted, int)].tolist() == own.tolist()
    assert classes[np.array(found.outputs[0].targets, int)].tolist() == FRAME.kind[np.array(found.rows) - 1].tolist()


def test_units_lines_of_a_table_are_in_its_own_units():
    model = table_model()
    found = boundary(model, FRAME, columns=("width", "deep"), points=3)
    assert len(found.units) == 3
    for j, unit in enumerate(found.units):
        x = np.array([-40.0, 0.0, 55.0])
        rows = pd.DataFrame([HELD] * 3).assign(width=x, deep=-(unit.a * x + unit.c) / unit.b)
        encoded = model.encoder.encode(read_table(rows), np.float64).X
        Z = model.network.copy("float64").outputs(encoded, 1, activated=False)
        assert np.abs(Z[:, j]).max() < 1e-5 * np.abs(Z).max()


def test_numbers_of_a_table_are_in_the_targets_unit():
    model = table_model("width")
    found = boundary(model, FRAME, columns=("deep", "height"), points=3)
    assert found.outputs[0].classes == ()
    assert np.allclose(found.outputs[0].predicted, model.predict(FRAME.dropna(subset="deep")), rtol=1e-6)
    assert found.outputs[0].targets == (1.0, 3.0, 4.0, 5.0, 60.0)


@pytest.mark.parametrize("frame", [FRAME.drop(columns="kind"), FRAME.assign(kind="z"), FRAME.assign(kind=None)])
def test_a_table_may_lack_targets(frame):
    assert set(boundary(table_model(), frame, columns=(0, 1), points=3).outputs[0].targets) == {None}


def test_more_units_have_no_lines():
    assert boundary(table_model(units=9), FRAME, columns=(0, 1), points=3).units == ()
    assert boundary(Network([Dense(1)], inputs=2), X, points=3).units == ()
    normalized = Network([Dense(3), bl.BatchNorm(), "relu", Dense(1)], inputs=2)
    assert boundary(normalized, X, points=3).units == ()


def test_a_model_file_is_read(tmp_path):
    model = table_model()
    path = save(model, tmp_path / "kind.safetensors")
    assert boundary(path, FRAME, points=3) == boundary(model, FRAME, points=3)


# ----------------------------------------------------------------------------------------------------------- estimators


@pytest.mark.parametrize("frames", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_an_estimator_predicts_what_is_drawn(frames, classes, loss):
    data = pd.DataFrame(np.hstack([X, X**2]), columns=list("abcd")) if frames else np.hstack([X, X**2])
    labels = np.array(["no", "yes", "maybe"])[CODES % classes]
    fitted = bl.MLPClassifier(4, loss=loss, max_iter=9, tol=1, n_iter_no_change=2, random_state=0).fit(data, labels)
    found = boundary(fitted, (data, pd.Series(labels, name="answer")), columns=(0, 3), points=4)
    output = found.outputs[0]
    assert (output.name, output.classes, output.probabilities) == ("answer", tuple(fitted.classes_), loss == "log_loss")
    names = np.array(output.classes)
    assert names[np.array(output.predicted, int)].tolist() == fitted.predict(data).tolist()
    assert names[np.array(output.targets, int)].tolist() == labels.tolist()
    rows = np.tile(np.median(np.asarray(data), axis=0), (16, 1))
    rows[:, [0, 3]] = grid(found)
    rows = pd.DataFrame(rows, columns=list("abcd")) if frames else rows
    wanted = getattr(fitted, "predict_proba" if loss == "log_loss" else "decision_function")(rows)
    wanted = wanted.reshape(16, -1)[:, -1:] if classes == 2 else wanted
    assert np.allclose(scores(found), wanted)
    assert [unit.a for unit in found.units] == fitted.coefs_[0][0].tolist()


def test_a_pipeline_and_labels_and_numbers():
    labels = np.stack([X[:, 0] > 0, X[:, 1] > 0], axis=1).astype(int)
    settings = {"max_iter": 9, "tol": 1, "n_iter_no_change": 2, "random_state": 0}
    several = bl.MLPClassifier(3, **settings).fit(X, labels)
    found = boundary(several, (X, labels), points=3)
    assert np.array_equal([output.predicted for output in found.outputs], several.predict(X).T)
    assert found.outputs[1].targets == tuple(map(float, labels[:, 1]))
    pipe = make_pipeline(StandardScaler(), bl.MLPRegressor(hidden_layer_sizes=3, **settings)).fit(X, X)
    found = boundary(pipe, (X, X), points=3)
    assert np.allclose([output.predicted for output in found.outputs], pipe.predict(X).T)
    assert (found.model, found.units) == ("Pipeline", ())


@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas])
def test_an_estimator_that_takes_a_table(library):
    frame = library(FRAME.drop(columns="kind"))
    settings = {"max_iter": 9, "tol": 1, "n_iter_no_change": 2, "random_state": 0}
    fitted = bl.MLPClassifier(3, preprocess="auto", **settings).fit(frame, FRAME.kind)
    found = boundary(fitted, (frame, FRAME.kind), columns=("width", "height"), points=3)
    assert dict(found.held) == {name: text for name, text in TEXTS.items() if name not in ("width", "height")} | {
        "same": "7"
    }
    wanted = fitted.predict_proba(library(at(FRAME.drop(columns="kind"), found, HELD)))[:, 1]
    assert np.allclose(scores(found)[:, 0], wanted)


# -------------------------------------------------------------------------------------------------------------- refused

WORDS = FRAME.assign(width="wide")


@functools.cache
def classifier():
    return bl.MLPClassifier(3, max_iter=9, tol=1, n_iter_no_change=2, random_state=0).fit(X, CODES)


REFUSED = {
    "one input": (lambda: boundary(network(inputs=1), X[:, :1]), 'plane of two inputs .* 1 such input: "i1"'),
    "no rows": (lambda: boundary(network(), X[:0]), "no rows"),
    "not finite": (lambda: boundary(network(), [[np.nan, 1.0]]), r"X\[0, 0\] is nan"),
    "too large": (lambda: boundary(network(), [[1e300, 1.0]]), "as large as 1e.300"),
    "wrong width": (lambda: boundary(network(), X[:, :1]), "network expects rows of 2 inputs"),
    "without rows": (lambda: boundary(network()), "without rows"),
    "overflow": (lambda: boundary(Network([Dense(1, weights=[[1e30], [1.0]])], 2, dtype="float32"), 1e20 * X),
                 "predictions for .* are not finite"),
    "many inputs": (lambda: boundary(network(inputs=101), np.ones((3, 101))), r"columns=\('i1', 'i2'\)"),
    "one column": (lambda: boundary(network(), X, columns=("i1",)), "expected two inputs"),
    "a text": (lambda: boundary(network(), X, columns="i1"), "expected two inputs"),
    "twice": (lambda: boundary(network(), X, columns=("i1", 0)), "twice"),
    "unknown": (lambda: boundary(network(), X, columns=("i1", "i3")), 'no input "i3"'),
    "a place": (lambda: boundary(network(), X, columns=(0, 2)), "no input 2; expected names, or places from 0 to 1"),
    "negative": (lambda: boundary(network(), X, columns=(0, -1)), "no input -1"),
    "near": (lambda: boundary(table_model(), FRAME, columns=("width", "hight")), 'Did you mean "height"'),
    "category": (lambda: boundary(table_model(), FRAME, columns=("width", "colour")), '"colour" holds categories'),
    "flag": (lambda: boundary(table_model(), FRAME, columns=("flag", "width")), '"flag" holds true and false'),
    "time": (lambda: boundary(table_model(), FRAME, columns=("when", "width")), '"when" holds times'),
    "constant": (lambda: boundary(table_model(), FRAME, columns=("same", "width")), "left out: every value is 7"),
    "target": (lambda: boundary(table_model(), FRAME, columns=("kind", "width")), "is the target"),
    "no value": (lambda: boundary(table_model(), FRAME.assign(deep=np.nan), columns=("deep", 0)), "no row has values"),
    "words": (lambda: boundary(table_model(), WORDS, columns=("width", 1)), 'column "width" holds "wide"'),
    "lacking": (lambda: boundary(table_model(), FRAME.drop(columns="deep")), "lacks 1 column"),
    "table's Y": (lambda: boundary(table_model(), FRAME, FRAME.kind), "Y does not go with a table's model"),
    "no table": (lambda: boundary(table_model()), "without rows"),
    "pair and Y": (lambda: boundary(network(), (X, CODES), CODES), "leave one of the two out"),
    "names": (lambda: boundary(network(), X, inputs=["a"]), "inputs holds 1 names; expected 2"),
    "units": (lambda: boundary(network(), X, units=["a"]), "units holds 1 names; expected 3"),
    "classes": (lambda: boundary(network(1, "sigmoid"), X, classes=["a"]), "classes holds 1 names; expected 2"),
    "points": (lambda: boundary(network(), X, points=1), "points is 1"),
    "kind": (lambda: boundary(network(), X, kind="class"), "kind is 'class'"),
    "nothing": (lambda: boundary(5), "given int"),
    "not fitted": (lambda: boundary(bl.MLPClassifier(), (X, CODES)), "not fitted yet"),
    "a scaler": (lambda: boundary(StandardScaler().fit(X), (X, CODES)), "given StandardScaler"),
    "few targets": (lambda: boundary(classifier(), (X, CODES[:5])), "y has 5 rows beside 60"),
    "other width": (lambda: boundary(classifier(), (X[:, :1], CODES)), "does not take these rows"),
    "estimator's kind": (lambda: boundary(classifier(), (X, CODES), kind="classes"), "kind does not go with"),
    "estimator's texts": (lambda: boundary(classifier(), ([["a", "b"]], [1])), "does not hold rows of numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_line(case):
    call, words = REFUSED[case]
    with pytest.raises(bl.BacklitError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


DRAWN = {
    "one row": [[0.0, 1.0]],
    "constant": [[2000.0, 1.0], [2000.0, 3.0]],
    "huge": [[1e200, 1.0], [-1e200, 3.0]],
    "tiny": [[1e-200, 1.0], [-1e-200, 3.0]],
    "nearly the same": [[1e9, 1.0], [1e9 + 1e-6, 3.0]],
}


@pytest.mark.parametrize("case", DRAWN)
def test_the_plane_reaches_beyond_the_rows(case):
    data = np.array(DRAWN[case])
    found = boundary(network(), data, points=5)
    for k, side in enumerate((found.x, found.y)):
        assert side[0] < data[:, k].min() <= data[:, k].max() < side[-1]
        assert (np.diff(side) > 0).all()


def test_a_matrix_table_has_the_same_boundary_as_its_frame():
    """A table of plain numbers, made from arrays, is read as any other."""
    table = Table.from_arrays(X, np.where(CODES > 0, "b", "a"))
    encoder = Encoder.fit(table)
    model = TabularModel(Network([Dense(2, "softmax")], 2, "cross_entropy", seed=0), encoder)
    found = boundary(model, table, points=3)
    assert (found.x_name, found.y_name) == ("x1", "x2")
    assert found == boundary(model, pd.DataFrame(X, columns=["x1", "x2"]).assign(target=np.where(CODES > 0, "b", "a")),
                             points=3)  # fmt: skip
