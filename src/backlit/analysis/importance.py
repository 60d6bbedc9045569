"""Permutation importance: how much the score falls when the cells of a column are shuffled among the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.inspection import permutation_importance

from backlit.analysis.intervals import spread_rows
from backlit.analysis.measured_rows import Measured
from backlit.analysis.report_records import Importance, Importances
from backlit.data import NumberTarget
from backlit.kernels.types import Array
from backlit.model import TabularModel
from backlit.model.scores import number_scores

MOST_ROWS = 5_000
REPEATS, FEWEST_REPEATS = 10, 3
FEWEST_ROWS = 500
"""Where that is too much work there are fewer repeats, then fewer rows, then fewer columns, down to these."""
WORK = 1_000_000_000
"""Multiplications by a weight in all predictions, at most."""
PREDICTIONS = 600
"""Predictions of all rows, at most: each takes some time of its own."""
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
            r2 = number_scores(y, self.model.decode(outputs)).r2
            assert r2 is not None
            return r2
        return float(np.mean(outputs.argmax(axis=1) == y))


def importances(model: TabularModel, measured: Measured) -> Importances | None:
    """The permutation importance of the table's columns for the network, by scikit-learn's `permutation_importance`.

    The score is the accuracy, or R². At most `MOST_ROWS` rows are measured, at equal distances. The work is bounded by
    counting it (`WORK`, `PREDICTIONS`), never by the clock. None where the score is not defined: for a single row, or
    for numbers that are all the same.
    """
    y = measured.targets
    numbers = isinstance(model.encoder.target, NumberTarget)
    if len(y) < 2 or (numbers and y.min() == y.max()):
        return None
    names = [plan.name for plan in model.encoder.features.columns]
    rows, repeats, most = _effort(len(y), model.network.parameters.size, len(names))
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


def _effort(n: int, weights: int, columns: int) -> tuple[int, int, int]:
    """How many rows, repeats and columns: fewer repeats first, then rows, then columns, until the work is bounded."""
    rows = min(n, MOST_ROWS)

    def fits(rows: int, repeats: int, columns: int) -> bool:
        predictions = repeats * columns
        return predictions <= PREDICTIONS and predictions * rows * weights <= WORK

    repeats = next((r for r in range(REPEATS, FEWEST_REPEATS, -1) if fits(rows, r, columns)), FEWEST_REPEATS)
    if not fits(rows, repeats, columns):
        rows = max(min(rows, FEWEST_ROWS), min(rows, WORK // (repeats * columns * weights)))
    if not fits(rows, repeats, columns):
        columns = max(1, min(PREDICTIONS // repeats, WORK // (repeats * rows * weights)))
    return rows, repeats, columns


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
