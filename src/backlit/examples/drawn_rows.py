"""Rows that a known task draws: sequences whose answer needs what was read long before."""

from __future__ import annotations

import numpy as np

from backlit.examples.file_tables import DrawnTable
from backlit.kernels.types import Array

Rows = tuple[Array, Array]


def drawn_rows(table: DrawnTable) -> tuple[Rows, Rows]:
    """Draw the training and the validation rows of a task, X (n, 2 times) and targets (n, 1).

    The adding problem: at each time stand a random number from 0 to 1 and a mark, which is 1 at two times, one in each
    half of the sequence, and 0 at the others. The target is the sum of the two marked numbers. A row has the two
    numbers of the first time first, then those of the second.

    Source: Hochreiter, Schmidhuber, "Long short-term memory", Neural Computation 9, 1997, experiment 4.

    >>> X, Y = drawn_rows(DrawnTable(task="adding", times=4, rows=2, seed=0))[0]
    >>> X.shape, [float((x[0::2] * x[1::2]).sum() - y[0]) for x, y in zip(X, Y)]
    ((2, 8), [0.0, 0.0])
    """
    rng = np.random.default_rng(table.seed)
    training = _adding(table.rows, table.times, rng)
    return training, _adding(table.validation, table.times, rng)


def _adding(rows: int, times: int, rng: np.random.Generator) -> Rows:
    numbers, marks = rng.random((rows, times)), np.zeros((rows, times))
    half, every = times // 2, np.arange(rows)
    marks[every, rng.integers(0, half, rows)] = 1.0
    marks[every, rng.integers(half, times, rows)] = 1.0
    X = np.stack([numbers, marks], axis=2).reshape(rows, 2 * times)
    return X, (numbers * marks).sum(axis=1, keepdims=True)
