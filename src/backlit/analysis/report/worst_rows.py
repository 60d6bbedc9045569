"""The rows that are most wrong, with their cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backlit.analysis.report.cell_text import cell_text, cut, number_text
from backlit.analysis.report.class_scores import normalized
from backlit.analysis.report.measured_rows import Measured
from backlit.analysis.report.records import Importances, WorstRow
from backlit.data.grids import Grid
from backlit.data.picture_files import row_pictures
from backlit.kernels.types import Array
from backlit.model import TabularModel

WORST = 10
CELLS = 20
"""Of more columns, so many stand in a row: the most important ones."""


def row_errors(measured: Measured) -> tuple[Array, Array | None]:
    """The loss -log p of the right class (n,) with p (n,), or the residuals true - predicted (n,) and None.

    p is cut at float64's epsilon, as in scikit-learn's log-loss. Both are NaN where training did not have the class.
    """
    if not measured.labels:
        return measured.targets - measured.answers, None
    P = normalized(measured.outputs)
    known = measured.targets < P.shape[1]
    p = np.where(known, P[np.arange(len(P)), np.where(known, measured.targets, 0)], np.nan)
    return -np.log(np.clip(p, np.finfo(np.float64).eps, 1.0)), p


def worst_rows(
    model: TabularModel, measured: Measured, importance: Importances | None, *, private: bool = False
) -> tuple[WorstRow, ...]:
    """The rows with the largest loss or residual, at most `WORST`; of classes, only rows that are predicted wrong.

    Rows of classes that training did not have are left out: nothing could predict them.
    """
    errors, p = row_errors(measured)
    wrong = np.isfinite(errors) & (measured.answers != measured.targets)
    order = np.argsort(np.where(wrong, -np.abs(errors), np.inf), kind="stable")[: min(WORST, int(wrong.sum()))]
    columns = [] if private else _columns(model, importance) or measured.table.file_columns
    taken = measured.table.take(order)
    cells = {name: taken.column(name).to_pylist() for name in columns}
    pictures = [] if private else row_pictures(model.encoder.features.columns, taken)
    found = []
    for place, i in enumerate(order):
        row = int(measured.numbers[i])
        if private:  # with the model and the row's other cells, its error would tell its target
            found.append(WorstRow(row, "", "", None, None, ()))
            continue
        true, predicted = told(measured, int(i))
        shown = tuple((name, cell_text(cells[name][place])) for name in columns)
        probability = None if p is None else float(p[i])
        found.append(WorstRow(row, true, predicted, float(errors[i]), probability, shown, pictures[place]))
    return tuple(found)


def told(measured: Measured, i: int) -> tuple[str, str]:
    """The target and the prediction of row i as text."""
    true, predicted = measured.targets[i], measured.answers[i]
    if measured.labels:
        return cut(measured.labels[true]), cut(measured.labels[predicted])
    return number_text(float(true)), number_text(float(predicted))


def _columns(model: TabularModel, importance: Importances | None) -> Sequence[str]:
    """The columns whose cells are shown, in the table's order."""
    names = [plan.name for plan in model.encoder.features.columns if not isinstance(plan, Grid)]
    if len(names) <= CELLS:
        return names
    ranked = [column.column for column in importance.columns] if importance else names
    kept = set(ranked[:CELLS])
    return [name for name in names if name in kept]
