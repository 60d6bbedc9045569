"""Permutation importance: how much the score falls when the cells of a column are shuffled among the rows."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import r2_score

from backlit.analysis.report.class_scores import normalized
from backlit.analysis.report.intervals import FEWEST_ROWS, Resamples, spread_rows, told_apart
from backlit.analysis.report.measured_rows import Measured
from backlit.analysis.report.number_measures import near_one
from backlit.analysis.report.ranking import is_split
from backlit.analysis.report.records import Importance, Importances
from backlit.data import NumberTarget
from backlit.data.grids import Grid
from backlit.kernels.types import Array
from backlit.model import TabularModel

MOST_ROWS, FEWER_ROWS = 5_000, 500
REPEATS, FEW_REPEATS, FEWEST_REPEATS = 10, 5, 3
WORK = 500_000_000
"""Multiplications by a weight in all predictions, at most, or `SHARE` of those of the training where that is more."""
PREDICTIONS = 320
"""Predictions of all rows, at most, or in the same proportion more: each takes some time of its own."""
SHARE = 0.01
RANKED = 3_000_000
"""Rows of all predictions times classes, at most, for the AUC, which ranks them."""
SEED = 0


def importances(model: TabularModel, measured: Measured) -> Importances | None:
    """The permutation importance of the table's columns for the network (L. Breiman, "Random Forests", 2001).

    The numbers are those of scikit-learn's `permutation_importance` with `random_state=0` on the table's own columns,
    which a test compares; here all repeats are predicted together, and rows are encoded once: a column is encoded cell
    by cell, so its part of the encoded matrix is shuffled instead. The score is R², the accuracy, or the AUC where the
    accuracy is not told apart from that of one answer for all rows: shuffling hardly lowers such an accuracy.

    At most `MOST_ROWS` rows are measured, at equal distances. The work is bounded by counting it, never by the clock:
    where it is too much there are fewer repeats, then fewer rows, then fewer columns. None where the score is not
    defined: for a single row, or for numbers that are all the same; and for pictures and sequences, where one place
    alone says little and its neighbours the same.
    """
    if any(isinstance(plan, Grid) for plan in model.encoder.features.columns):
        return None
    numbers = isinstance(model.encoder.target, NumberTarget)
    names = [plan.name for plan in model.encoder.features.columns]
    rows, repeats, most = effort(measured.n, model.network.parameters.size, len(names), _training_work(model))
    chosen, places = _strongest(model, most), spread_rows(measured.n, rows)
    y = measured.targets[places]
    if len(y) < 2 or (numbers and y.min() == y.max()):
        return None
    X = model.encoder.encode(measured.table.take(places), model.network.dtype).X
    whole = model.network.predict(X)
    score = _judged_by(model, whole, y, len(X) * repeats * len(chosen))
    before = _score(model, score, whole, y)
    shuffled, groups = _shuffles(len(X), repeats), _groups(model)
    columns = []
    for j in chosen:
        many = np.tile(X, (repeats, 1))
        many[:, groups[j]] = X[shuffled.reshape(-1), groups[j]]
        outputs = model.network.predict(many).reshape(repeats, len(X), -1)
        falls = before - np.array([_score(model, score, part, y) for part in outputs])
        columns.append(Importance(names[j], float(np.mean(falls)), float(np.std(falls))))
    columns.sort(key=lambda column: -column.mean)
    which = ""
    if len(chosen) < len(names):
        which = f"the {len(chosen)} columns with the largest first weights of {len(names):,}"
    return Importances(score, before, len(X), measured.n, repeats, tuple(columns), len(names), which)


def _shuffles(n: int, repeats: int) -> Array:
    """From which row each row's cell comes (repeats, n), the same for every column, as scikit-learn shuffles them."""
    seed = np.random.RandomState(SEED).randint(np.iinfo(np.int32).max + 1)
    state, order, places = np.random.RandomState(seed), np.arange(n), np.arange(n)
    found = np.empty((repeats, n), np.int64)
    for repeat in range(repeats):
        state.shuffle(order)
        found[repeat] = places = places[order]  # each repeat shuffles what the one before left
    return found


def _judged_by(model: TabularModel, outputs: Array, y: Array, predictions: int) -> str:
    """The key of the score that shuffling should lower; `predictions` counts the rows of all that are predicted."""
    if isinstance(model.encoder.target, NumberTarget):
        return "r2"
    k = outputs.shape[1]
    split = [c for c in range(k) if is_split(y, c)]
    right, common = outputs.argmax(axis=1) == y, y == np.bincount(y).argmax()
    few = len(y) < FEWEST_ROWS  # no rows that tell anything apart
    better = right.mean() > common.mean() and (
        few or told_apart(right.astype(np.float64) - common, Resamples.of_rows(len(y)))
    )
    ranked = 1 if k == 2 else k
    return "accuracy" if better or not split or predictions * ranked > RANKED else "auc"


def _score(model: TabularModel, score: str, outputs: Array, y: Array) -> float:
    """The accuracy, AUC or R² of outputs (n, outputs) for targets y (n,)."""
    if score == "r2":
        targets, predictions, _ = near_one(y, model.decode(outputs))
        return float(r2_score(targets, predictions))
    if score == "accuracy":
        return float(np.mean(outputs.argmax(axis=1) == y))
    P, k = normalized(outputs), outputs.shape[1]
    return float(np.mean([_auc(P[:, c], y == c) for c in ([1] if k == 2 else range(k)) if is_split(y, c)]))


def _auc(p: Array, own: Array) -> float:
    """The AUC of p (n,) for rows that are of a class or not: scikit-learn's, without its checks of each call."""
    others = np.sort(p[~own])
    lower = np.searchsorted(others, p[own], "left") + np.searchsorted(others, p[own], "right")
    return float(lower.mean() / 2 / len(others))


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
    if len(model.network[first]) != len(model.encoder.feature_names):  # they do not read the columns themselves
        return list(range(most))
    strength = np.abs(model.network[first]).sum(axis=1, dtype=np.float64)
    by_column = np.array([strength[group].sum() for group in groups])
    return sorted(int(j) for j in np.argsort(-by_column, kind="stable")[:most])
