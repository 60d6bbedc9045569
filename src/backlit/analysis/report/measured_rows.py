"""The rows that a report measures: their targets, and what the network answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backlit.data import NumberTarget, Surprise, Table
from backlit.data.messages import listed, quoted
from backlit.data.values import label_text
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model import TabularModel
from backlit.model.tabular import merged


class Compared(NamedTuple):
    """What the two models beside the network answer on the measured rows, and what they are called.

    Attributes:
        baseline: the probabilities (k,), or the number, that every row gets; an int: only the index of the class that
            every row gets. None where there is no baseline.
        baseline_what: such as 'always "setosa"'.
        linear: the linear model's probabilities (n, k) or numbers (n,) for the rows, in their order; None where it was
            left out.
        linear_what: its name, or "left out: " and why.
    """

    baseline: Array | float | int | None
    baseline_what: str
    linear: Array | None
    linear_what: str


class Measured(NamedTuple):
    """Rows with a target, and the network's answers.

    Attributes:
        table: the n rows. numbers: their numbers in the table that was given, from 1 on (n,).
        kept: which of the rows that were asked for these are, those with a target.
        targets: class indices (n,), or numbers (n,). Indices of classes that training did not have follow the others.
        outputs: the network's outputs (n, outputs). answers: predicted class indices (n,) or numbers (n,).
        labels: the classes as text, those that training did not have last; empty for numbers.
        surprises: what the rows have that the training rows did not.
    """

    table: Table
    numbers: Array
    kept: Array
    targets: Array
    outputs: Array
    answers: Array
    labels: tuple[str, ...]
    surprises: tuple[Surprise, ...]

    @property
    def n(self) -> int:
        """How many rows these are."""
        return len(self.targets)


def measure(model: TabularModel, source: Any, rows: Any = None) -> Measured:
    """Measure the rows of a source whose indices are given (by default all); rows without a target are left out.

    Errors: a BacklitError where the target column is missing or empty, a class is unknown in every row, or the table
    does not fit the model.
    """
    table = model.read(source)
    if model.target not in table.columns:
        raise BacklitError(
            f"{table.name} has no column {quoted(model.target)}, the target, to compare predictions with. "
            f"Its columns: {listed(table.columns)}."
        )
    if rows is not None:
        table = table.take(rows)
    kept = np.flatnonzero(table.present(model.target))
    if not len(kept):
        raise BacklitError(f"The target {quoted(model.target)} is missing in every row of {table.name}.")
    known = table.take(kept)
    chunks = list(model.outputs(known))
    outputs = np.concatenate([chunk for chunk, _ in chunks])
    surprises = merged([surprise for _, found in chunks for surprise in found])
    numbers = (np.arange(table.n_rows) if table.rows is None else table.rows)[kept] + 1
    target = model.encoder.target
    if isinstance(target, NumberTarget):
        return Measured(known, numbers, kept, model.targets(known), outputs, model.decode(outputs), (), surprises)
    codes, new = target.encode_any(known)
    if new:
        what = (
            f"classes not seen in training ({listed(new)}), counted as wrong and left out of log-loss and Brier score"
        )
        surprises += (Surprise(model.target, what, int((codes >= len(target.classes)).sum())),)
    labels = tuple(map(label_text, target.classes + new))
    return Measured(known, numbers, kept, codes, outputs, outputs.argmax(axis=1), labels, surprises)


def beside_of(model: TabularModel, measured: Measured) -> Compared:
    """The baseline that the model itself knows, and no linear model: that is fitted on training rows."""
    target = model.encoder.target
    if isinstance(target, NumberTarget):
        what = f"always the mean of the training rows, {target.mean:.6g}"
        return Compared(target.mean, what, None, "left out: only a training fits one")
    comparison = model.report.test if model.report else None
    for code, label in enumerate(target.classes):
        if comparison and comparison.baseline_what == f'always "{label}"':
            return Compared(code, comparison.baseline_what, None, "left out: only a training fits one")
    counts = np.bincount(measured.targets, minlength=len(target.classes))[: len(target.classes)]
    code = int(counts.argmax())
    what = f"always {quoted(measured.labels[code])}, the most common class of these rows"
    return Compared(code, what, None, "left out: only a training fits one")
