"""The rows of a network file as arrays: given inline, or split and scaled from a bundled data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit import data as tables_in  # not its names: read_table loads Arrow, which rows given inline do not need
from backlit.errors import BacklitError
from backlit.examples.file_tables import DataTable
from backlit.kernels.types import Array


def generator_of(name: str, seed: int) -> Any:
    """Give NumPy's `default_rng(seed)` for "default", else its legacy `RandomState(seed)`."""
    if name == "default":
        return np.random.default_rng(seed)
    return np.random.RandomState(seed)  # the published examples were drawn from it


def inline_rows(table: DataTable) -> tuple[Array, Array]:
    """Give the rows inline in the file, X (n, inputs) and the targets (n, outputs), divided and scaled."""
    X = np.array(table.inputs, np.float64)
    Y = np.array(table.targets, np.float64).reshape(len(X), -1)
    X = X / np.array(table.input_divisors) if table.input_divisors else X
    Y = Y / np.array(table.target_divisors) if table.target_divisors else Y
    return (_standard(X, X) if table.scale == "standard" else X), Y


def set_rows(table: DataTable) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Give the training rows and the test rows of a bundled data set, each as X (n, inputs) and targets (n, outputs).

    Classes become a column each, 1 in the rows of the class and 0 elsewhere.
    """
    source = tables_in.read_table(table.set)
    target = tables_in.BUNDLED[str(table.set)]
    X = np.column_stack([source.values(name) for name in source.columns if name != target]).astype(np.float64)
    labels = source.values(target)
    task = tables_in.choose_task(source)
    Y = labels[:, None] == np.array(task.classes) if task.classes else labels.reshape(-1, 1)
    Y = Y.astype(np.float64)
    train, test = np.arange(len(X)), np.arange(0)
    if table.split is not None:
        if table.split.test >= len(X):
            raise BacklitError(f"data.split: test is {table.split.test}; {table.set} has {len(X)} rows in all.")
        order = generator_of(table.split.generator, table.split.seed).permutation(len(X))
        train, test = order[table.split.test :], order[: table.split.test]
    if table.scale == "standard":
        X = _standard(X, X[train])
    return (X[train], Y[train]), (X[test], Y[test])


def _standard(X: Array, training: Array) -> Array:
    spread = training.std(axis=0)
    scaled: Array = (X - training.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return scaled
