"""A table that grows at its end, and that several histories share."""

from __future__ import annotations

import numpy as np

from backlit.kernels.types import Array


class GrowingTable:
    """Rows that several histories share: each reads the first ones, and none changes a row that another one reads."""

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        self.used = len(rows)

    def append(self, length: int, rows: Array) -> GrowingTable:
        """Give a table with `rows` after the first `length` of this one: this one if it has no others there."""
        table = self if length == self.used else GrowingTable(self.rows[:length])
        table.used = length + len(rows)
        if table.used > len(table.rows):
            grown = np.empty((max(table.used, 2 * length, 16), rows.shape[1]))
            grown[:length] = table.rows[:length]
            table.rows = grown
        table.rows[length : table.used] = rows
        return table
