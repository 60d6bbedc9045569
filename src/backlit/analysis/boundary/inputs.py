"""The inputs of a model as rows to predict: their own rows, and rows over a plane of two of them, the others held.

`MatrixInputs` holds a matrix, `TableInputs` the columns of a table, `FrameInputs` those of a DataFrame. A number is
held at its median, a date at its middle one, and any other column at its most frequent value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from backlit.data import Table
from backlit.data.values import as_numbers, is_number, label_counts, label_text, time_kind
from backlit.kernels.types import Array


class Inputs(Protocol):
    """The inputs of a model, by their places from 0; `others` says of other columns why they are none."""

    names: tuple[str, ...]
    others: Mapping[str, str]

    def refusal(self, place: int) -> str:
        """Say why an input cannot be an axis; nothing where it can."""

    def values(self, place: int) -> Array:
        """Give the numbers of an input that can be an axis (n,), missing ones NaN."""

    def held(self, place: int) -> str:
        """Say at which value an input is held."""

    def own(self, rows: Array, holding: int | None = None) -> Any:
        """Give these rows as the model takes them, one of the inputs held where `holding` names one."""

    def plane(self, places: tuple[int, int], x: Array, y: Array) -> Any:
        """Give a row for each point (x[i], y[i]) of the plane of two inputs, as the model takes them."""


def median(values: Array) -> float:
    """Give the median of finite numbers of any size; 0 where there are none."""
    known = values[np.isfinite(values)]
    return 2.0 * float(np.median(known / 2.0)) if known.size else 0.0  # the sum of the middle two might overflow


def number_text(value: float) -> str:
    """Write a number with up to six digits."""
    return f"{value:.6g}".replace("-", "−")


class MatrixInputs:
    """The columns of a matrix X (n, inputs)."""

    def __init__(self, X: Array, names: Sequence[str]) -> None:
        self.X, self.names = X, tuple(names)
        self.others: Mapping[str, str] = {}
        self.medians = np.array([median(X[:, k].astype(np.float64)) for k in range(X.shape[1])])

    def refusal(self, place: int) -> str:
        """Refuse none: all inputs are numbers."""
        return ""

    def values(self, place: int) -> Array:
        """Give a column (n,)."""
        values: Array = self.X[:, place].astype(np.float64)
        return values

    def held(self, place: int) -> str:
        """Write the median of a column."""
        return number_text(self.medians[place])

    def own(self, rows: Array, holding: int | None = None) -> Array:
        """Give rows of X."""
        taken: Array = self.X[rows].copy()
        if holding is not None:
            taken[:, holding] = self.medians[holding]
        return taken

    def plane(self, places: tuple[int, int], x: Array, y: Array) -> Array:
        """Give rows of medians with the two inputs at the points."""
        rows: Array = np.tile(self.medians, (len(x), 1))
        rows[:, places[0]], rows[:, places[1]] = x, y
        with np.errstate(over="ignore"):  # what is too large for the type becomes infinite, and is refused as such
            return rows.astype(self.X.dtype)


class TableInputs:
    """Columns of a table; `given` says of those that are no numbers what they hold."""

    def __init__(
        self, table: Table, names: Sequence[str], given: Mapping[str, str], others: Mapping[str, str]
    ) -> None:  # fmt: skip
        self.names, self.given, self.others = tuple(names), given, others
        self.table = Table(table.arrow.select(list(names)), name=table.name)
        self.cells = {name: self._middle(name) for name in names}

    def _middle(self, name: str) -> Any:
        """Give the value at which a column is held, as an Arrow scalar."""
        import pyarrow as pa  # noqa: PLC0415  (a network needs no table)

        column = self.table.column(name)
        if name not in self.given:
            return pa.scalar(median(as_numbers(column, name)))
        known = column.drop_null()
        if not len(known):
            return column[0]
        if time_kind(column.type):
            return known.sort()[(len(known) - 1) // 2]
        if pa.types.is_dictionary(column.type):
            known = known.cast(column.type.value_type)
        counts = label_counts(known)  # in the order of the values, so that of equals the first is taken
        return pa.scalar(max(counts, key=lambda value: counts[value]), known.type) if counts else column[0]

    def refusal(self, place: int) -> str:
        """Say what a column holds that is no number."""
        return self.given.get(self.names[place], "")

    def values(self, place: int) -> Array:
        """Give a column as numbers (n,), missing ones NaN."""
        return as_numbers(self.table.column(self.names[place]), self.names[place])

    def held(self, place: int) -> str:
        """Write the value of a column."""
        value = self.cells[self.names[place]].as_py()
        if isinstance(value, float):
            return number_text(value)
        return "missing" if value is None else label_text(value)

    def own(self, rows: Array, holding: int | None = None) -> Any:
        """Give rows of the table."""
        taken = self.table.take(rows)
        if holding is None:
            return taken
        return self._with(taken.arrow, {self.names[holding]: None}, taken.n_rows)

    def plane(self, places: tuple[int, int], x: Array, y: Array) -> Any:
        """Give a table of the held values, with the two columns at the points."""
        import pyarrow as pa  # noqa: PLC0415

        whole = pa.table({name: pa.repeat(self.cells[name], len(x)) for name in self.names})
        return self._with(whole, {self.names[places[0]]: x, self.names[places[1]]: y}, len(x))

    def _with(self, arrow: Any, values: Mapping[str, Array | None], rows: int) -> Any:
        """Give a table with other values in some columns; None holds one."""
        import pyarrow as pa  # noqa: PLC0415

        for name, given in values.items():
            column = pa.repeat(self.cells[name], rows) if given is None else pa.array(given)
            arrow = arrow.set_column(self.names.index(name), name, column)
        return Table(arrow, name=self.table.name)


class FrameInputs(TableInputs):
    """The columns of a DataFrame, whose rows are given to a model as a DataFrame of the same library."""

    def __init__(self, frame: Any, table: Table) -> None:
        kinds = {name: table.column(name).type for name in table.columns}
        given = {name: f"holds values of type {kind}" for name, kind in kinds.items() if not is_number(kind)}
        super().__init__(table, table.columns, given, {})
        import narwhals as nw  # noqa: PLC0415

        self.library = nw.from_native(frame).implementation

    def own(self, rows: Array, holding: int | None = None) -> Any:
        """Give rows of the frame."""
        return self._native(super().own(rows, holding))

    def plane(self, places: tuple[int, int], x: Array, y: Array) -> Any:
        """Give a frame of the held values, with the two columns at the points."""
        return self._native(super().plane(places, x, y))

    def _native(self, table: Table) -> Any:
        import narwhals as nw  # noqa: PLC0415

        return nw.from_arrow(table.arrow, backend=self.library).to_native()
