"""`backlit.report`: what it takes, and that a training, its model and its file give the same report."""

import msgspec
import numpy as np
import pandas as pd
import pytest

import backlit as bl
from backlit.data import read_table
from backlit.errors import BacklitError
from backlit.model import Settings, TableTraining, fit_table, save

SETTINGS = Settings(layers=(4,), activation=("tanh",), l2=0.01, epochs=20, seed=2)
CALL = "Settings(layers=(4,), activation=('tanh',), epochs=20, l2=0.01, seed=2)"


def trained(source, target=None, settings=SETTINGS):
    training = TableTraining(source, target, settings)
    for _ in training:
        pass
    return training


@pytest.fixture(scope="module")
def iris():
    return trained("iris")


@pytest.fixture
def frame():
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"a": rng.normal(size=90), "b": rng.choice(["x", "y", None], 90)})
    frame["t"] = np.where(frame["b"] == "x", frame["a"], 2.0) + rng.normal(size=90) / 9
    frame.loc[[0, 5, 17], "t"] = np.nan
    return frame


def same(a, b):
    return msgspec.json.encode(a.record) == msgspec.json.encode(b.record) and a.to_html() == b.to_html()


def test_a_training_its_result_its_model_and_its_file_give_the_same_report(iris, tmp_path):
    of_training = bl.report(iris)
    call = f"model, _ = fit_table('iris', 'species', {CALL})"
    assert of_training.record.repeat.command == f"{call}\nbacklit.report(model, table)"
    assert of_training.record.counts == {"training": 120, "validation": 0, "test": 30, "measured": 30}
    assert same(bl.report(iris.model, "iris"), of_training)
    assert same(bl.report((iris.model, iris.report), read_table("iris")), of_training)
    file = save(iris.model, tmp_path / "iris.safetensors")
    found = bl.report(file, "iris")
    assert found.record.worked.explained.startswith("backlit explain iris.safetensors --data iris --row ")
    bare = msgspec.structs.replace(found.record.worked, explained=of_training.record.worked.explained)
    assert msgspec.structs.replace(found.record, worked=bare) == of_training.record
    assert not bl.report(str(file), "iris", private=True).record.worst[0].cells


def test_rows_are_numbered_as_in_the_table_that_was_given(frame):
    """Those without a target are left out, and still count."""
    training = trained(frame, "t", msgspec.structs.replace(SETTINGS, kind="numbers"))
    report = bl.report(training)
    assert same(bl.report(training.model, frame), report)
    call, then = report.record.repeat.command.split("\n")
    assert call == "model, _ = fit_table(table, 't', " + CALL.replace("(", "(kind='numbers', ", 1) + ")"
    assert then == "backlit.report(model, table)"
    points = report.record.measured.points
    assert len(points) == 17
    assert [point.true for point in points] == pytest.approx([frame["t"][point.row - 1] for point in points])
    for row in report.record.worst:
        cell = frame["b"][row.row - 1]
        assert dict(row.cells)["b"] == ("" if pd.isna(cell) else cell)


def test_the_scores_are_those_of_the_training(iris):
    record, test = bl.report(iris).record, iris.report.test
    found = {score.name: score for score in record.scores}
    for name in ("accuracy", "log_loss"):
        given = found[name].value, found[name].baseline, found[name].linear
        assert given == tuple(getattr(scores, name) for scores in (test.model, test.baseline, test.linear))
    assert record.curve == iris.report.curve
    assert record.choice == iris.report.choice


def test_a_training_without_test_rows_is_not_measured():
    training = trained("iris", None, msgspec.structs.replace(SETTINGS, test=0.0))
    report = bl.report(training)
    assert (report.record.verdict.kind, report.record.measured, report.record.scores) == ("unmeasured", None, ())
    assert same(bl.report(training.model, "iris"), report)


def test_a_linear_model_that_was_left_out_stays_out(iris):
    report = msgspec.structs.replace(
        iris.report,
        test=msgspec.structs.replace(iris.report.test, linear=None, linear_what="left out: ended by Ctrl-C"),
    )
    model = type(iris.model)(iris.model.network, iris.model.encoder, report)
    record = bl.report(model, "iris").record
    assert record.linear == "left out: ended by Ctrl-C"
    assert {score.linear for score in record.scores} == {None}
    assert record.scores[0].baseline == report.test.baseline.accuracy


def test_a_changed_cell_makes_another_table(iris):
    changed = read_table("iris").arrow.to_pandas()
    changed.iloc[7, 0] += 0.1
    record = bl.report(iris.model, changed).record
    assert record.counts["measured"] == 150
    assert record.rows == "150 rows of the pandas table (another table; rows of the training may be among them)"


def classifier():
    return bl.MLPClassifier(max_iter=1)


@pytest.mark.parametrize(
    ("source", "data", "words"),
    [
        (
            lambda: TableTraining("iris"),
            None,
            "report was given a TableTraining that has not run; expected one that has",
        ),
        (lambda: trained("iris"), "iris", "data does not go with a training, which has its table; leave it out"),
        (lambda: bl.Network([bl.Dense(1)], 2), None, "report was given Network; expected a TableTraining, the path"),
        (classifier, "iris", "given MLPClassifier; .* Of an estimator, .* fit_table trains on a table"),
        (lambda: None, None, "report was given NoneType; expected"),
        (lambda: "no.safetensors", None, "No model file"),
        (lambda: fit_table("iris", settings=SETTINGS), "wine", "wine has no column"),
    ],
)
def test_what_has_no_report_is_refused_in_words(source, data, words):
    with pytest.raises(BacklitError, match=words):
        bl.report(source(), data)


def test_a_network_alone_in_a_file_is_refused(tmp_path):
    file = bl.save(bl.Network([bl.Dense(1)], inputs=2), tmp_path / "net.safetensors")
    with pytest.raises(BacklitError, match=r"holds a network alone: .* its 2 inputs\. Give a model that"):
        bl.report(file)
