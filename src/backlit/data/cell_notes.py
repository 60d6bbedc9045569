"""What stood in a table's cells, in words, beside the numbers that they became."""

from __future__ import annotations

import math
from typing import Any

from backlit.data.category_numbers import CategoryNumber
from backlit.data.columns import Boolean, Category, Number, Time
from backlit.data.encoding import Encoder
from backlit.data.grids import Grid
from backlit.data.table import Table
from backlit.data.target import NumberTarget
from backlit.data.values import label_text


def cell_notes(encoder: Encoder, table: Table) -> list[list[str]]:
    """Give for each row a note for each encoded input, and one for the target: the cell that the number comes from.

    A number has its value before it was standardized, each column of a one-hot group the category of the row.

    >>> from backlit.data.reading import read_table
    >>> table = read_table("iris").take([7])
    >>> cell_notes(Encoder.fit(read_table("iris")), table)[0][::4]
    ['5.0, standardized', 'species is setosa']
    """
    columns: list[list[list[str]]] = []
    for plan in encoder.features.columns:
        if isinstance(plan, Grid):
            columns.append([["standardized"] * len(plan.outputs)] * table.n_rows)
            continue
        cells = table.column(plan.name).to_pylist()
        columns.append([_notes(plan, cell) for cell in cells])
    target = encoder.target
    standard = isinstance(target, NumberTarget)
    last = [
        [f"{_shown(cell)}, standardized" if standard else f"{target.column} is {_shown(cell)}"]
        for cell in table.column(target.column).to_pylist()
    ]
    return [[note for notes in row for note in notes] for row in zip(*columns, last, strict=True)]


def _notes(plan: Number | Boolean | Category | CategoryNumber, cell: Any) -> list[str]:
    """Give a note for each output of a column."""
    missing = cell is None or (isinstance(cell, float) and not math.isfinite(cell))
    if isinstance(plan, CategoryNumber):
        return [f"{plan.name} is {_shown(cell)}"]
    if isinstance(plan, Category):
        return [f"{plan.name} is {'missing' if missing else _shown(cell)}"] * len(plan.outputs)
    if isinstance(plan, Boolean):
        first = f"missing, filled with {label_text(plan.fill)}" if missing else _shown(cell)
    elif missing:
        first = f"missing, filled with the median {plan.fill:.6g}{' s' if isinstance(plan, Time) else ''}, standardized"
    else:
        first = f"{_shown(cell)}{' as seconds' if isinstance(plan, Time) else ''}, standardized"
    return [first, *["missing" if missing else "not missing"] * (len(plan.outputs) - 1)]


def _shown(cell: Any) -> str:
    """Write a cell as its file would: numbers with their own digits, true and false in small letters."""
    return label_text(cell) if isinstance(cell, (bool, str)) else str(cell)
