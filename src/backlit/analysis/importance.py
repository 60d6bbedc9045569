"""Permutation importance: how much the score falls when the cells of a column are shuffled among the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.inspection import permutation_importance
from sklearn.metrics import r2_score

from backlit.analysis.intervals import spread_rows
from backlit.analysis.measured_rows import Measured
from backlit.analysis.number_measures import near_one
from backlit.analysis.report_records import Importance, Importances
from backlit.data import NumberTarget
from backlit.kernels.types import Array
from backlit.model import TabularModel

MOST_ROWS, FEWER_ROWS = 5_000, 500
REPEATS, FEW_REPEATS, FEWEST_REPEATS = 10, 5, 3
WORK = 500_000_000
"""Multiplications by a weight in all predictions, at most, or `SHARE` of those of the training where that is more."""
PREDICTIONS = 320
"""Predictions of all rows, at most, or in the same proportion more: each takes some time of its own."""
SHARE = 0.01
SEED = 0


class _Places:
    """An estimator whose inputs are places: entry (i, j) says from which row the cells of column j come.

    So scikit-learn shuffles columns of the table, and what they were encoded as goes with them: the rows are encoded
    once, since a column is encoded cell by cell.
    """

    def __init__(self, model: TabularModel, X: Array, groups: list[slice]) -> None:
        self.model, self.X, self.groups = model, X, groups

    def fit(self, places: Array, y: Array) -> _Places:
        """Do nothing: scikit-learn asks for the method."""
        return self

    def score(self, places: Array, y: Array) -> float:
        """The accuracy, or R², of the rows that the places make up."""
        X, own = self.X.copy(), np.arange(len(places))
        for j, group in enumerate(self.groups):
            if (places[:, j] != own).any():
                X[:, group] = self.X[places[:, j], group]
        outputs = self.model.network.predict(X)
        if isinstance(self.model.encoder.target, NumberTarget):
            targets, predictions, _ = near_one(y, self.model.decode(outputs))
            return float(r2_score(targets, predictions))
        return float(np.mean(outputs.argmax(axis=1) == y))


def importances(model: TabularModel, measured: Measured) -> Importances | None:
    """The permutation importance of the table's columns for the network, by scikit-learn's `permutation_importance`.

    The score is the accuracy, or R². At most `MOST_ROWS` rows are measured, at equal distances. The work is bounded by
    counting it, never by the clock: where it is too much there are fewer repeats, then fewer rows, then fewer columns.
    None where the score is not defined: for a single row, or for numbers that are all the same.
    """
    y = measured.targets
    numbers = isinstance(model.encoder.target, NumberTarget)
    if len(y) < 2 or (numbers and y.min() == y.max()):
        return None
    names = [plan.name for plan in model.encoder.features.columns]
    rows, repeats, most = effort(len(y), model.network.parameters.size, len(names), _training_work(model))
    chosen = _strongest(model, most)
    places = spread_rows(len(y), rows)
    if numbers and y[places].min() == y[places].max():
        return None
    X = model.encoder.encode(measured.table.take(places), model.network.dtype).X
    groups = _groups(model)
    estimator = _Places(model, X, [groups[j] for j in chosen])
    own = np.tile(np.arange(len(X))[:, None], (1, len(chosen)))
    found: Any = permutation_importance(
        estimator, own, y[places], scoring=_Places.score, n_repeats=repeats, random_state=SEED
    )
    columns = [
        Importance(names[j], float(mean), float(deviation))
        for j, mean, deviation in zip(chosen, found.importances_mean, found.importances_std, strict=True)
    ]
    columns.sort(key=lambda column: -column.mean)
    which = ""
    if len(chosen) < len(names):
        which = f"the {len(chosen)} columns with the largest first weights of {len(names):,}"
    before = estimator.score(own, y[places])
    score = "r2" if numbers else "accuracy"
    return Importances(score, before, len(X), len(y), repeats, tuple(columns), len(names), which)


def effort(n: int, weights: int, columns: int, training: float = 0.0) -> tuple[int, int, int]:
    """How many rows, repeats and columns are measured of n rows, for a network of so many weights.

    `training` counts the multiplications that trained it.

    >>> effort(30, 515, 4), effort(1_000, 3_000, 30), effort(5_000, 100_000, 1_000)
    ((30, 10, 4), (1000, 5, 30), (500, 3, 3))
    """
    more = max(1.0, SHARE * training / WORK)
    rows = min(n, MOST_ROWS)
    few = min(n, FEWER_ROWS)
    tried = [(rows, repeats) for repeats in range(REPEATS, FEW_REPEATS - 1, -1)]
    tried += [(few, repeats) for repeats in range(FEW_REPEATS, FEWEST_REPEATS - 1, -1)]
    for rows, repeats in tried:
        predictions = repeats * columns
        if predictions <= more * PREDICTIONS and predictions * rows * weights <= more * WORK:
            return rows, repeats, columns
    most = min(more * PREDICTIONS / repeats, more * WORK / (repeats * rows * weights))
    return rows, repeats, max(1, int(most))


def _training_work(model: TabularModel) -> float:
    """The multiplications of the training: each weight once forward and twice backward, for each row and epoch."""
    report = model.report
    return 3.0 * report.epochs * report.train_rows * report.parameters if report else 0.0


def _groups(model: TabularModel) -> list[slice]:
    """The columns of the encoded matrix that belong to each column of the table."""
    ends = np.cumsum([len(plan.outputs) for plan in model.encoder.features.columns])
    return [
        slice(int(end) - len(plan.outputs), int(end))
        for end, plan in zip(ends, model.encoder.features.columns, strict=True)
    ]


def _strongest(model: TabularModel, most: int) -> list[int]:
    """At most so many columns, in order: those whose encoded inputs have the largest sum of |first weights|."""
    groups = _groups(model)
    if len(groups) <= most:
        return list(range(len(groups)))
    first = next(name for name in model.network.layout if name.endswith(".W"))
    strength = np.abs(model.network[first]).sum(axis=1, dtype=np.float64)
    by_column = np.array([strength[group].sum() for group in groups])
    return sorted(int(j) for j in np.argsort(-by_column, kind="stable")[:most])
