"""The rows of a network file as arrays: given inline, or split and scaled from a bundled data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from backlit import data as tables_in  # not its names: read_table loads Arrow, which rows given inline do not need
from backlit.errors import BacklitError
from backlit.examples.drawn_rows import drawn_rows
from backlit.examples.file_shapes import flat_row
from backlit.examples.file_tables import DataTable
from backlit.kernels.types import Array
from backlit.ops.base import Shape


def generator_of(name: str, seed: int) -> Any:
    """Give NumPy's `default_rng(seed)` for "default", else its legacy `RandomState(seed)`."""
    if name == "default":
        return np.random.default_rng(seed)
    return np.random.RandomState(seed)  # the published examples were drawn from it


Rows = tuple[Array, Array]
"""X (n, inputs) and the targets (n, outputs)."""


class FileRows(NamedTuple):
    """The rows of a file by what they are for; there may be none for validation and none for testing."""

    training: Rows
    validation: Rows
    test: Rows


def file_rows(table: DataTable, shapes: Mapping[str, Shape]) -> FileRows:
    """Give the rows that a `[data]` table describes, divided and scaled; `shapes` are those of the network's inputs."""
    if table.drawn is not None:
        training, validation = drawn_rows(table.drawn)
        return _scaled(table, training, validation, (training[0][:0], training[1][:0]))
    return _inline_rows(table, shapes) if table.set is None else _set_rows(table)


def _inline_rows(table: DataTable, shapes: Mapping[str, Shape]) -> FileRows:
    """Give the rows inline in the file."""
    X, Y = _divided(table, table.inputs, table.targets, shapes)
    others = X[:0], Y[:0]
    if table.validation_inputs is not None:
        others = _divided(table, table.validation_inputs, table.validation_targets, shapes)
    return _scaled(table, (X, Y), others, (X[:0], Y[:0]))


def _divided(table: DataTable, inputs: Any, targets: Any, shapes: Mapping[str, Shape]) -> Rows:
    X = np.array([flat_row(row, shapes) for row in inputs], np.float64)
    Y = np.array(targets, np.float64).reshape(len(X), -1)
    X = X / np.array(table.input_divisors) if table.input_divisors else X
    Y = Y / np.array(table.target_divisors) if table.target_divisors else Y
    return X, Y


def _set_rows(table: DataTable) -> FileRows:
    """Give the rows of a bundled data set.

    Classes become a column each, 1 in the rows of the class and 0 elsewhere.
    """
    source = tables_in.read_table(table.set)
    target = tables_in.BUNDLED[str(table.set)]
    X = np.column_stack([source.values(name) for name in source.columns if name != target]).astype(np.float64)
    labels = source.values(target)
    task = tables_in.choose_task(source)
    Y = labels[:, None] == np.array(task.classes) if task.classes else labels.reshape(-1, 1)
    Y = Y.astype(np.float64)
    train, validation, test = np.arange(len(X)), np.arange(0), np.arange(0)
    if table.split is not None:
        for_test, held_out = table.split.test or 0, (table.split.test or 0) + (table.split.validation or 0)
        if held_out >= len(X):
            both = {"test": table.split.test, "validation": table.split.validation}
            given = " and ".join(f"{name} is {count}" for name, count in both.items() if count)
            raise BacklitError(f"data.split: {given}; {table.set} has {len(X)} rows in all.")
        order = generator_of(table.split.generator, table.split.seed).permutation(len(X))
        train, validation, test = order[held_out:], order[for_test:held_out], order[:for_test]
    return _scaled(table, *((X[rows], Y[rows]) for rows in (train, validation, test)))


def _scaled(table: DataTable, training: Rows, validation: Rows, test: Rows) -> FileRows:
    """Scale inputs and targets by means and standard deviations of the training rows, as the file states."""
    X, Y = training
    largest = float(np.abs(X).max(initial=0.0)) or 1.0

    def scaled(rows: Rows) -> Rows:
        x = _standard(rows[0], X) if table.scale == "standard" else rows[0]
        x = x / largest if table.scale == "largest" else x
        return x, _standard(rows[1], Y) if table.target_scale == "standard" else rows[1]

    return FileRows(scaled(training), scaled(validation), scaled(test))


def _standard(X: Array, training: Array) -> Array:
    spread = training.std(axis=0)
    scaled: Array = (X - training.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return scaled
