"""What findings call the columns, the classes and the rows of a training on a table: as the table does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from backlit.kernels.types import Array

if TYPE_CHECKING:
    from backlit.model import TableTraining

MOST_ROWS = 10
"""So many rows are named."""


class TableNames(NamedTuple):
    """The names in a table that a training was made of.

    `made_of` names the column that each input is made of, `classes` are the labels, `rows` and `held_out` the numbers
    in the table, from 1 on, of the training rows and of those that are judged by.
    """

    made_of: Sequence[str]
    classes: Sequence[object]
    rows: Array
    held_out: Array

    @classmethod
    def of(cls, training: TableTraining, *, tested: bool = False) -> Self:
        """Give the names of a training on a table; with `tested` its test rows are those that are judged by."""
        table, kept = training.table, training.rows["train"]
        split = training.training.validation is not None
        trained, others = training.folds[0] if split else (np.arange(len(kept)),) * 2
        judged = training.rows["test"] if tested else kept[others]
        numbers = 1 + (np.arange(table.n_rows) if table.rows is None else table.rows)
        made_of = [report.column for report in training.encoder.reports for _ in range(report.outputs)]
        return cls(made_of, training.task.classes, numbers[kept[trained]], numbers[judged])


def told(rows: Sequence[int]) -> str:
    """Name rows: the first ones, and how many more there are.

    >>> told([3, 1]), told(range(12))
    ('3, 1', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    named = ", ".join(f"{row}" for row in rows[:MOST_ROWS])
    return named if len(rows) <= MOST_ROWS else f"{named} and {len(rows) - MOST_ROWS} more"
