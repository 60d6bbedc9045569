"""Permutation importance: that of scikit-learn on the table's own columns, its work counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score

from backlit.analysis.report.importance import PREDICTIONS, WORK, effort, importances
from backlit.analysis.report.measured_rows import measure
from backlit.data import Table
from backlit.model import Settings, TabularModel, fit_table


def table(kind: str, n: int = 120) -> Table:
    """Columns of every kind, some with missing values; the target hangs on colour, size and little else."""
    rng = np.random.default_rng(2)
    colour, size = rng.integers(0, 3, n), rng.normal(5, 2, n)
    amount = colour * 2 + size + rng.normal(0, 0.3, n)
    columns = {
        "colour": [["red", "green", "blue"][c] for c in colour],
        "size": [None if i % 17 == 0 else float(s) for i, s in enumerate(size)],
        "open": rng.random(n) < 0.5,
        "day": pa.array(rng.integers(0, 20_000, n), pa.int32()).cast(pa.date32()),
        "result": amount if kind == "numbers" else np.where(amount > np.median(amount), "high", "low").tolist(),
    }
    return Table(pa.table(columns), name="made.csv", target="result")


def trained(source: Table, **settings) -> TabularModel:
    return fit_table(source, settings=Settings(layers=(5,), epochs=60, validation=0.0, test=0.0, **settings))[0]


class Plain:
    """What scikit-learn would be given without a report: rows of cells, encoded anew for every prediction."""

    def __init__(self, model: TabularModel, columns: list[str], source: Table) -> None:
        self.model, self.columns, self.source = model, columns, source

    def fit(self, cells, y):
        return self

    def score(self, cells, y) -> float:
        arrays = {
            name: pa.array(cells[:, j].tolist(), self.source.column(name).type) for j, name in enumerate(self.columns)
        }
        predicted = self.model.predict(Table(pa.table(arrays)))
        if y.dtype.kind == "f":
            return 1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        return float(np.mean(predicted == y))


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_it_is_scikit_learns_on_the_tables_own_columns(kind):
    source = table(kind)
    model = trained(source)
    found = importances(model, measure(model, source))
    columns = ["colour", "size", "open", "day"]
    cells = np.array([source.column(name).to_pylist() for name in columns], dtype=object).T
    y = np.array(source.column("result").to_pylist())
    expected = permutation_importance(
        Plain(model, columns, source), cells, y, scoring=Plain.score, n_repeats=found.repeats, random_state=0
    )
    assert (found.score, found.rows, found.of_rows) == ("r2" if kind == "numbers" else "accuracy", 120, 120)
    assert found.before == pytest.approx(Plain(model, columns, source).score(cells, y))
    by_name = {column.column: (column.mean, column.deviation) for column in found.columns}
    for j, name in enumerate(columns):
        assert by_name[name] == pytest.approx((expected.importances_mean[j], expected.importances_std[j])), name
    assert {found.columns[0].column, found.columns[1].column} == {"colour", "size"}
    assert [column.mean for column in found.columns] == sorted([c.mean for c in found.columns], reverse=True)


def test_where_one_answer_is_as_accurate_the_auc_falls():
    """The network calls no row rare, so no shuffling lowers its accuracy; its probabilities rank the rows."""
    rng = np.random.default_rng(4)
    size, other = rng.normal(size=400), rng.normal(size=400)
    rare = rng.random(400) < 0.2 / (1 + np.exp(-2 * size))
    result = np.where(rare, "rare", "common").tolist()
    source = Table(pa.table({"size": size, "other": other, "result": result}), name="made.csv", target="result")
    model = trained(source)
    found = importances(model, measure(model, source))
    y = np.array(result) == "rare"

    class Ranks(Plain):
        def score(self, cells, y) -> float:
            table = Table(pa.table({"size": cells[:, 0].astype(float), "other": cells[:, 1].astype(float)}))
            return roc_auc_score(y, self.model.predict_probabilities(table)[:, 1])

    plain, cells = Ranks(model, ["size", "other"], source), np.column_stack([size, other])
    assert (model.predict(source) == "rare").mean() <= y.mean()
    assert (found.score, found.before) == ("auc", pytest.approx(plain.score(cells, y)))
    expected = permutation_importance(plain, cells, y, scoring=Ranks.score, n_repeats=found.repeats, random_state=0)
    by_name = {column.column: column.mean for column in found.columns}
    assert [by_name["size"], by_name["other"]] == pytest.approx(list(expected.importances_mean), abs=1e-6)
    assert by_name["size"] > 0.05


@pytest.mark.parametrize("n", [1, 30, 1_000, 50_000])
@pytest.mark.parametrize("weights", [10, 3_000, 1_000_000])
@pytest.mark.parametrize("columns", [1, 30, 1_000])
def test_the_work_is_bounded(n, weights, columns):
    rows, repeats, chosen = effort(n, weights, columns)
    assert 1 <= rows <= min(n, 5_000)
    assert 3 <= repeats <= 10
    assert 1 <= chosen <= columns
    assert repeats * chosen <= PREDICTIONS
    assert repeats * chosen * rows * weights <= WORK or chosen == 1


def test_a_long_training_affords_more():
    assert effort(5_000, 100_000, 1_000)[2] < effort(5_000, 100_000, 1_000, training=1e14)[2] == 1_000


def test_of_many_columns_those_with_the_largest_first_weights_are_measured():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 130))
    names = [f"c{j}" for j in range(130)]
    source = Table.from_arrays(X, np.where(X[:, 7] > 0, "a", "b"), names)
    model = trained(source)
    model.network["1.W"][:] = 0.01
    model.network["1.W"][[7, 99]] = 1.0
    found = importances(model, measure(model, source))
    assert len(found.columns) == PREDICTIONS // 3
    assert found.of_columns == 130
    assert found.which == f"the {PREDICTIONS // 3} columns with the largest first weights of 130"
    assert {"c7", "c99"} <= {column.column for column in found.columns}


@pytest.mark.parametrize("rows", [[0], []])
def test_where_the_score_is_not_defined_there_is_none(rows):
    source = table("numbers")
    model = trained(source)
    same = Table(source.arrow.set_column(4, "result", pa.array([3.0] * 120)), target="result")
    assert importances(model, measure(model, same, rows or None)) is None
    assert importances(model, measure(model, source, [3])) is None
