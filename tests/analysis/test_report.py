"""The report's record: of models of every kind, of bad input, private, the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

import backlit as bl
from backlit.analysis.report.measured_rows import Compared
from backlit.analysis.report.private_measures import round_bins
from backlit.analysis.report.records import LONGEST_CELL, ModelReport
from backlit.analysis.report.reporting import model_report, report_without_rows
from backlit.analysis.report.worst_rows import CELLS, WORST
from backlit.data import Table
from backlit.errors import BacklitError
from backlit.model import Settings, TabularModel, fit_table, save

QUICK = {"layers": (4,), "epochs": 30, "validation": 0.0}


def fitted(source: Any, **settings: Any) -> TabularModel:
    return fit_table(source, settings=Settings(**QUICK | settings))[0]


@pytest.fixture(scope="module")
def iris() -> TabularModel:
    return fitted("iris")


@pytest.fixture(scope="module")
def diabetes() -> TabularModel:
    return fitted("diabetes")


def numbers(record: Any) -> Iterator[float]:
    """All floating-point numbers of a record; `msgspec` would write one that is not finite as null."""
    if isinstance(record, float):
        yield record
    elif isinstance(record, msgspec.Struct):
        for name in record.__struct_fields__:
            yield from numbers(getattr(record, name))
    elif isinstance(record, dict):
        for value in record.values():
            yield from numbers(value)
    elif isinstance(record, (list, tuple)):
        for value in record:
            yield from numbers(value)


def checked(report: ModelReport) -> ModelReport:
    """A report that turns into JSON and back, with finite numbers alone."""
    assert all(map(np.isfinite, numbers(report)))
    json = msgspec.json.encode(report)
    assert msgspec.json.encode(msgspec.json.decode(json, type=ModelReport)) == json
    assert "np." not in json.decode()
    return report


def table_of(target: Any, n: int = 60, **columns: Any) -> Table:
    rng = np.random.default_rng(1)
    given = columns or {"a": rng.normal(size=n), "b": rng.normal(size=n)}
    return Table(pa.table({**given, "target": pa.array(target)}), name="made.csv", target="target")


# --------------------------------------------------------------------------------------------------- what it is made of


def test_a_report_of_classes(iris):
    report = checked(
        model_report(iris, "iris", rows=range(0, 150, 3), rows_words="50 rows", model_file="m.safetensors")
    )
    evaluation = iris.evaluate(Table(bl_table("iris").take(np.arange(0, 150, 3)), target="species"))
    values = {score.name: score.value for score in report.scores}
    assert values["accuracy"] == evaluation.scores.accuracy
    assert values["log_loss"] == evaluation.scores.log_loss
    assert report.measured.confusion == evaluation.confusion
    assert report.counts == {"training": 120, "validation": 0, "test": 30, "measured": 50}
    assert report.verdict.sentence.startswith(
        f"On 50 rows the network is right on {round(50 * values['accuracy'])} of 50"
    )
    assert report.baseline == 'always "setosa"'
    assert report.linear == "left out: only a training fits one"
    assert [column.title for column in report.drawing.columns] == ["inputs", "layer 1", "outputs"]
    assert [node.name for node in report.drawing.columns[2].nodes] == ["setosa", "versicolor", "virginica"]
    edge = next(edge for edge in report.drawing.columns[1].edges if (edge.source, edge.unit) == (2, 1))
    assert edge.weight == edge.new == iris.network["1.W"][2, 1]
    assert report.worked.explained == f"backlit explain m.safetensors --data iris --row {report.worked.row}"
    assert report.repeat.seed == 0
    assert report.repeat.versions["python"] == ".".join(map(str, sys.version_info[:3]))


def bl_table(name: str) -> pa.Table:
    from backlit.data import read_table

    return read_table(name).arrow


def test_a_report_of_numbers(diabetes):
    report = checked(model_report(diabetes, "diabetes", rows=range(40)))
    evaluation = diabetes.evaluate(Table(bl_table("diabetes").slice(0, 40), target="progression"))
    values = {score.name: score.value for score in report.scores}
    assert (values["r2"], values["mae"], values["rmse"]) == (
        evaluation.scores.r2, evaluation.scores.mae, evaluation.scores.rmse,
    )  # fmt: skip
    assert report.rows == "40 rows of diabetes"
    points = report.measured.points
    assert [point.row for point in points] == list(range(1, 41))
    residuals = np.array([point.true - point.predicted for point in points])
    worst = np.argsort(-np.abs(residuals), kind="stable")[:WORST]
    assert [row.row for row in report.worst] == [int(i) + 1 for i in worst]
    assert [row.error for row in report.worst] == [residuals[i] for i in worst]
    first = bl_table("diabetes").slice(int(worst[0]), 1).to_pylist()[0]
    assert report.worst[0].cells[2] == ("bmi", str(first["bmi"]))


def test_the_worst_rows_are_those_of_the_largest_loss(iris):
    report = model_report(iris, "iris")
    P, codes = iris.predict_probabilities("iris"), np.repeat([0, 1, 2], 50)
    right = P[np.arange(150), codes]
    wrong = np.flatnonzero(P.argmax(axis=1) != codes)
    order = wrong[np.argsort(right[wrong], kind="stable")][:WORST]
    assert [row.row for row in report.worst] == [int(i) + 1 for i in order]
    assert [row.probability for row in report.worst] == pytest.approx(right[order], rel=1e-6)
    assert [row.error for row in report.worst] == pytest.approx(-np.log(right[order]), rel=1e-5)
    assert len(report.worst) < 50


@pytest.mark.parametrize("source", ["iris", "diabetes"])
@pytest.mark.parametrize("settings", [{}, {"layers": (20, 6), "activation": ("relu", "tanh")}, {"layers": ()},
                                      {"dropout": 0.3}])  # fmt: skip
def test_the_worked_row_adds_up_and_is_what_explain_shows(source, settings):
    model = fitted(source, epochs=5, **{k: v for k, v in settings.items() if k != "epochs"})
    worked = model_report(model, source, rows=range(20, 70)).worked
    for layer in worked.layers:
        for unit in layer:
            total = sum(weight * value for _, weight, value in unit.parts) + unit.rest + unit.bias
            assert total == pytest.approx(unit.net, rel=1e-12, abs=1e-12)
    table = Table(bl_table(source), target=model.target).take([worked.row - 1])
    P = next(model.outputs(table))[0][0]
    if source == "iris":
        outputs = {unit.name: unit.output for unit in worked.layers[-1]}
        assert list(outputs.values()) == pytest.approx(P, rel=1e-4)
        assert worked.error == pytest.approx(-np.log(outputs[worked.wanted]), rel=1e-9)
    else:
        output = worked.layers[-1][0].output
        assert worked.error == pytest.approx((worked.wanted - output) ** 2 / 2, rel=1e-9)
        assert float(worked.predicted) == pytest.approx(worked.mean + output * worked.deviation, rel=1e-4)
    if "dropout" not in settings:
        step = bl.explain(model, data=source, row=worked.row)
        assert step["E"].value == worked.error
        unit = worked.layers[0][0]
        assert step[f"net({unit.name})" if len(worked.layers) > 1 or source == "iris" else "net(o1)"].value == unit.net
    assert worked.sizes[-1] == (3 if source == "iris" else 1)
    assert worked.activations[-1] == ("softmax" if source == "iris" else "identity")


def test_the_worked_row_has_the_middle_error(diabetes):
    report = model_report(diabetes, "diabetes", rows=range(41))
    errors = sorted(abs(point.true - point.predicted) for point in report.measured.points)
    point = next(point for point in report.measured.points if point.row == report.worked.row)
    assert abs(point.true - point.predicted) == errors[20]


def test_rows_keep_their_numbers_in_the_file():
    target = [None if i % 5 == 0 else "ab"[i % 2] for i in range(60)]
    source = table_of(target)
    model = fitted(source)
    report = model_report(model, source, rows=[0, 7, 10, 58, 59])
    assert report.counts["measured"] == 3
    assert report.intervals == "no bootstrap intervals: 3 rows would say too little"
    assert {report.worked.row} | {row.row for row in report.worst} <= {8, 59, 60}
    linear = np.full((5, 2), 0.5)
    linear[[1, 3, 4]] = [[0.1, 0.9], [0.9, 0.1], [0.1, 0.9]]  # right for the three rows that have a target
    linear[[0, 2]] = np.nan
    beside = model_report(model, source, rows=[0, 7, 10, 58, 59], compared=Compared(0, 'always "a"', linear, "Ridge"))
    assert beside.scores[0].linear == 1.0
    known = source.drop_missing("target")
    assert model_report(model, known, rows=[0, 1]).worked.row in {2, 3}


def test_other_models_stand_beside_the_network(iris):
    codes = np.repeat([0, 1, 2], 50)
    source = Table(bl_table("iris"), target="species")
    linear = np.eye(3)[codes] * 0.97 + 0.01
    compared = Compared(np.array([0.2, 0.5, 0.3]), 'always "versicolor"', linear, "LogisticRegression")
    report = checked(model_report(iris, source, compared=compared))
    accuracy = report.scores[0]
    assert (accuracy.baseline, accuracy.linear) == (1 / 3, 1.0)
    assert report.intervals.endswith("(seed 0)")
    assert report.scores[5].baseline == pytest.approx(-np.log([0.2, 0.5, 0.3]).mean())
    assert "the linear model is better than the network" in report.verdict.sentence
    assert 'always answering "versicolor" is right on 50' in report.verdict.sentence


# ------------------------------------------------------------------------------------------------------ all that is odd


def test_rows_of_one_class_and_a_single_row(iris):
    for rows in (range(50), [77]):
        report = checked(model_report(iris, "iris", rows=rows))
        assert report.counts["measured"] == len(rows)
        assert {score.name for score in report.scores if score.value is None} == {"auc", "average_precision"}
    always = model_report(fitted("iris", epochs=60), "iris", rows=range(50))
    assert always.scores[0].value == 1
    assert always.intervals.endswith("cannot change it, and no more")
    assert "No row is wrong, so the interval" in always.verdict.remarks[-1]


def test_a_single_row_of_numbers(diabetes):
    report = checked(model_report(diabetes, "diabetes", rows=[3]))
    assert report.scores[0].value is None
    assert report.importance is None
    assert report.worked.row == 4


def test_classes_that_training_did_not_have(iris):
    cells = bl_table("iris").slice(0, 60).to_pydict()
    cells["species"][:20] = ["moon"] * 15 + ["<b>sun</b>"] * 5
    report = checked(model_report(iris, Table(pa.table(cells), name="other", target="species")))
    assert [own.label for own in report.measured.classes] == ["setosa", "versicolor", "virginica", "<b>sun</b>", "moon"]
    assert report.measured.classes[4].recall == 0
    assert report.surprises[0].rows == 20
    assert {row.true for row in report.worst} <= {"setosa", "versicolor"}


def test_a_hundred_classes():
    rng = np.random.default_rng(0)
    target = [f"class {c:03}" for c in np.tile(np.arange(100), 4)]
    report = checked(
        model_report(fitted(table_of(target, a=rng.normal(size=400))), table_of(target, a=rng.normal(size=400)))
    )
    assert len(report.measured.classes) == 100
    assert len(msgspec.json.encode(report)) < 200_000
    assert len(report.worked.layers[1]) <= 4


def test_a_thousand_columns():
    rng = np.random.default_rng(0)
    columns = {f"column {j}": rng.normal(size=50) for j in range(1_000)}
    source = table_of([1.5, 2.5] * 25, **columns)
    model = fitted(source, epochs=2, kind="numbers")
    report = checked(model_report(model, source))
    assert len(report.worst[0].cells) == CELLS
    assert len(report.drawing.columns[0].nodes) < 20
    assert len(report.worked.inputs) <= 12
    assert report.worked.of_inputs == 1_000


HOSTILE = ["<script>alert(1)</script>", 'quo"te', "line\nbreak", "x" * 10_000, "", "\u202ertl", "h1", "o1", "null"]


def test_hostile_names_and_cells_are_text():
    n = 80
    columns = {name: [HOSTILE[(i + j) % 4] for i in range(n)] for j, name in enumerate(HOSTILE)}
    source = table_of([[HOSTILE[3], HOSTILE[1], HOSTILE[0]][i % 3] for i in range(n)], **columns)
    report = checked(model_report(fitted(source, epochs=3), source))
    assert [column.column for column in report.columns] == HOSTILE
    assert {own.label for own in report.measured.classes} == {HOSTILE[0], HOSTILE[1], HOSTILE[3]}
    assert max(len(text) for row in report.worst for _, text in row.cells) <= LONGEST_CELL
    assert len(report.verdict.sentence) < 500
    assert max(len(node.name) for column in report.drawing.columns for node in column.nodes) <= LONGEST_CELL
    assert max(len(score.words) for score in report.scores) <= LONGEST_CELL + 100
    assert {column.column for column in report.importance.columns} == set(HOSTILE)


def test_targets_of_every_kind():
    for target in ([True, False] * 30, [1, 2, 3] * 20, [0.5, 1e200] * 30, [1e-200, 3e-200, 2e-200] * 20):
        source = table_of(target)
        kind = "numbers" if isinstance(target[0], float) else None
        checked(model_report(fitted(source, kind=kind), source))


def test_numbers_that_are_all_the_same_in_the_measured_rows(diabetes):
    same = Table(bl_table("diabetes").set_column(10, "progression", pa.array([90.0] * 442)), target="progression")
    report = checked(model_report(diabetes, same))
    assert report.scores[0].value is None
    assert report.importance is None
    assert "R²" not in report.verdict.sentence


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"a": [1.0]}, "has no column"),
        ({"a": [1.0], "b": [1.0], "target": [None]}, "is missing in every row"),
        ({"a": [1.0], "target": ["x"]}, "lacks 1 column"),
        ({"a": [1.0], "b": [1.0], "target": ["z"]}, "expected one of the 2 classes"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_a_line(cells, says):
    model = fitted(table_of(["x", "y"] * 30))
    with pytest.raises(BacklitError, match=says) as refused:
        model_report(model, Table(pa.table(cells), name="other.csv", target="target" if "target" in cells else None))
    assert "\n" not in str(refused.value)


# ----------------------------------------------------------------------------------------------------- without any rows


def test_a_model_file_alone_tells_its_own_test(iris, tmp_path):
    save(iris, tmp_path / "m.safetensors")
    report = checked(report_without_rows(bl.load(tmp_path / "m.safetensors"), command="backlit train iris"))
    comparison = iris.report.test
    assert report.verdict.sentence.startswith(
        f"On the 30 test rows of its training the network is right on {round(30 * comparison.model.accuracy)} of 30"
    )
    assert [score.value for score in report.scores] == [comparison.model.accuracy, comparison.model.log_loss]
    assert report.scores[0].linear == comparison.linear.accuracy
    assert report.measured is report.worked is report.importance is None
    assert report.drawing == model_report(iris, "iris", rows=[0]).drawing
    assert report.repeat.command == "backlit train iris"


def test_a_model_of_numbers_alone(diabetes):
    report = checked(report_without_rows(diabetes))
    assert "always answering the mean, " in report.verdict.sentence
    assert "the mean of the training rows" in report_without_rows(diabetes, private=True).verdict.sentence


def test_a_model_without_test_rows_and_without_a_report(iris):
    for model in (fitted("iris", test=0.0, epochs=2), TabularModel(iris.network, iris.encoder)):
        report = checked(report_without_rows(model))
        assert report.verdict.kind == "unmeasured"
        assert report.scores == ()
    report = checked(model_report(TabularModel(iris.network, iris.encoder), "iris"))
    assert report.baseline == 'always "setosa", the most common class of these rows'
    assert report.recipe is report.curve is report.repeat.seed is None


# -------------------------------------------------------------------------------------------------------------- private


def sentinels(kind: str, n: int = 60) -> tuple[Table, list[str]]:
    """A table with a mark in every cell that nothing else holds, and the marks as a record would spell them."""
    numbers_of = {
        "size": [87_650_000 + 37 * i for i in range(n)],
        "gap": [None if i % 3 else 76_540_000 + i for i in range(n)],
        "constant": [65_432_100] * n,
        "nearly": [None if i % 2 else 54_321_900 for i in range(n)],
        "row id": [43_210_000 + i for i in range(n)],
    }
    texts = {
        "colour": [f"zzcolour{i % 3}" for i in range(n)],
        "rare": [f"zzrare{i % 29}" for i in range(n)],
        "mostly": [f"{98_700 + i % 20}" if i % 20 else "zzodd" for i in range(n)],
        "same": ["zzsame"] * n,
        "name": [f"zzname{i}" for i in range(n)],
        "note": [f"zznote number {i} is long enough" for i in range(n)],
        "gone": [None if i % 4 else "zzgone" for i in range(n)],
    }
    days = pa.array([8_000 + 11 * i for i in range(n)], pa.int32()).cast(pa.date32())
    times = pa.array([3_601 + i for i in range(n)], pa.int32()).cast(pa.time32("s"))
    target = [f"label{i % 2}" for i in range(n)] if kind == "classes" else [321_000_000 + 1_001 * i for i in range(n)]
    table = Table(
        pa.table({**numbers_of, **texts, "day": days, "time": times, "target": target}),
        name="made.csv",
        target="target",
    )
    marks = (
        ["zz", "98700", "98701"] + [str(day) for day in days.to_pylist()] + [str(time) for time in times.to_pylist()]
    )
    every = [value for values in numbers_of.values() for value in values if value is not None]
    every += target if kind == "numbers" else []
    return table, marks + [text for value in every for text in (str(value), f"{value:,}", f"{value:g}", f"{value:.6g}")]


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_private_report_has_no_cell(kind):
    table, marks = sentinels(kind)
    model = fitted(table, epochs=3)
    other = Table(
        table.arrow.set_column(5, "colour", pa.array([f"zznew{i}" for i in range(60)])), name="new.csv", target="target"
    )
    for report in (
        model_report(model, table, private=True), model_report(model, other, private=True),
        report_without_rows(model, private=True),
    ):  # fmt: skip
        json = msgspec.json.encode(checked(report)).decode()
        assert [mark for mark in marks if mark in json] == []
        assert report.worked is None
        assert report.repeat.digest == ""
    report = model_report(model, other, private=True)
    assert {"colour"} <= {s.column for s in report.surprises} <= {"colour", "rare"}
    assert {s.what for s in report.surprises} == {"values not seen in training, encoded as zeros"}
    assert all(row.cells == () and row.true == row.predicted == "" and row.row for row in report.worst)
    assert (
        "colour=(value 1)" in {node.name for node in report.drawing.columns[0].nodes}
        or report.drawing.columns[0].size > 12
    )
    found = msgspec.json.encode(model_report(model, table)).decode()
    assert "zzcolour0" in found  # the marks are in a report that is not private
    assert (str(321_000_000) in found) == (kind == "numbers")


def test_a_private_report_keeps_labels_names_and_scores():
    table, _ = sentinels("classes")
    model = fitted(table, epochs=3)
    report, plain = (model_report(model, table, private=private) for private in (True, False))
    assert report.private
    assert not plain.private
    assert report.scores == plain.scores
    assert [own.label for own in report.measured.classes] == ["label0", "label1"]
    assert [column.column for column in report.columns] == [column.column for column in plain.columns]
    assert [column.outputs for column in report.columns] == [column.outputs for column in plain.columns]
    assert report.importance == plain.importance
    assert [row.row for row in report.worst] == [row.row for row in plain.worst]
    done = {column.column: column.done for column in report.columns}
    assert done["constant"] == done["same"] == "left out: every value is the same"
    assert done["colour"] == "one-hot: 3 values"
    assert done["gap"] == "standardized; missing filled with the median and marked in a column"


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_private_report_does_not_tell_a_row_that_is_known_but_for_its_target(kind):
    """The model and a row's other cells give its prediction; its error, or a bin of that row alone, its target."""
    table, _ = sentinels(kind)
    model = fitted(table, epochs=3)
    report = model_report(model, table, private=True)
    plain = model_report(model, table)
    assert {(row.error, row.probability) for row in report.worst} == {(None, None)}
    if kind == "classes":
        for own, exact in zip(report.measured.calibration, plain.measured.calibration, strict=True):
            assert (own.predicted, own.rows) == (round(exact.predicted, 2), exact.rows)
        return
    bins = report.measured.residuals
    assert report.measured.quantiles == ()
    assert sum(one.rows for one in bins) == 60
    width = float(f"{bins[0].high - bins[0].low:.6g}")
    assert f"{width:e}"[0] in "125"
    assert all((one.low / width).is_integer() for one in bins)
    errors = [point.true - point.predicted for point in plain.measured.points]
    assert [one.rows for one in bins] == [sum(one.low <= e < one.high for e in errors) for one in bins]


def test_scores_of_few_rows_are_said_to_tell_them(iris):
    few, many = (model_report(iris, "iris", rows=range(n), private=True) for n in (9, 10))
    assert few.verdict.remarks[-1].startswith("Scores of so few rows tell these rows' own errors")
    assert not [remark for remark in many.verdict.remarks if "own errors" in remark]


@pytest.mark.parametrize(
    "values", [[0.0], [3e-300, 5e-300], [1e300, -1e300], [7.0] * 5, [-0.3, 0.1, 0.2], [1e16, 1e16 + 4]]
)
def test_bins_at_round_numbers_hold_every_value(values):
    bins = round_bins(np.array(values))
    assert sum(one.rows for one in bins) == len(values)
    assert len(bins) <= 60
    assert all(one.low < one.high for one in bins)
    assert bins[0].low <= min(values) * (1 + 1e-12) or bins[0].low <= min(values)
    assert bins[-1].high >= max(values)


def test_a_private_report_of_classes_that_training_did_not_have(iris):
    cells = bl_table("iris").slice(0, 60).to_pydict()
    cells["species"][:20] = ["zzmoon"] * 20
    report = checked(model_report(iris, Table(pa.table(cells), name="other", target="species"), private=True))
    assert report.measured.classes[3].label == "(not in training 1)"
    assert (
        "20 rows of classes that training did not have could not be found, and count as wrong."
        in report.verdict.remarks
    )
    assert "zzmoon" not in msgspec.json.encode(report).decode()


# ------------------------------------------------------------------------------------------------------- the same bytes


REPORTED = """
import sys
import backlit as bl, msgspec
from backlit.analysis.report.reporting import model_report
model = bl.load(sys.argv[1])
sys.stdout.buffer.write(msgspec.json.encode(model_report(model, "iris", rows=range(0, 150, 2))))
"""


def test_the_same_model_and_rows_give_the_same_bytes_in_every_process(iris, tmp_path: Path):
    path = tmp_path / "m.safetensors"
    save(iris, path)
    other = os.environ | {"PYTHONHASHSEED": "1"}  # that of the tests' own process is another one
    done = subprocess.run(
        [sys.executable, "-c", REPORTED, str(path)], capture_output=True, check=False, env=other
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == msgspec.json.encode(model_report(iris, "iris", rows=range(0, 150, 2)))
    assert str(tmp_path).encode() not in done.stdout
