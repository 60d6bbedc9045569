"""The table: named columns of equal length; every source is read into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from backlit.data.decimal_commas import MARK
from backlit.data.messages import did_you_mean, listed, quoted
from backlit.data.values import RowError
from backlit.errors import BacklitError, counted

INDEX = {b"index": b"pandas"}
"""The metadata of the field of a column that is the index of a pandas DataFrame."""

FILES = {b"index": b"files"}
"""The metadata of the field of a column that names the files that the rows come from."""


class Table:
    """Named columns, held by Apache Arrow; `target` is the column to predict where the source knows it, else None.

    `columns` are the names of the columns, in the order of the source.

    `rows` are the positions (n,) of the rows in the source, from 0, where the table holds some of them; None where it
    holds all, in order. Messages name rows by them.

    >>> table = Table.from_arrays([[1.0, 2.0], [3.0, 4.0]], ["no", "yes"], names=["width", "height"])
    >>> table.columns, table.n_rows, table.target
    (('width', 'height', 'target'), 2, 'target')
    >>> table.values("target").tolist()
    ['no', 'yes']
    """

    __slots__ = ("_places", "arrow", "columns", "name", "rows", "target")

    def __init__(
        self,
        arrow: pa.Table,
        *,
        name: str = "the table",
        target: str | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        self.columns = tuple(arrow.column_names)  # Arrow makes the list anew each time it is asked
        refuse_duplicates(self.columns, name)
        self._places = {column: place for place, column in enumerate(self.columns)}
        self.arrow = _plain_types(arrow)
        self.name = name
        self.target = target
        self.rows = rows

    @classmethod
    def from_arrays(
        cls, X: ArrayLike, y: ArrayLike | None = None, names: Sequence[str] | None = None, *, target: str = "target"
    ) -> Table:
        """The table of a matrix X (n, k) and, where given, a vector of targets y (n,).

        `names` are the k column names (default x1, x2, ...); `target` is the name for y. Raises `BacklitError`
        where the shapes do not fit.
        """
        matrix = np.asarray(X)
        if matrix.ndim != 2:
            raise BacklitError(f"X has shape {matrix.shape}: expected a matrix, one row per example (n, k).")
        names = [f"x{j + 1}" for j in range(matrix.shape[1])] if names is None else list(names)
        if len(names) != matrix.shape[1]:
            raise BacklitError(
                f"X has {counted(matrix.shape[1], 'column')} and {counted(len(names), 'name')}: "
                "give one name per column."
            )
        vectors = {name: matrix[:, j] for j, name in enumerate(names)}
        refuse_duplicates(names if y is None else [*names, target], "the arrays")
        if y is not None:
            vectors[target] = np.asarray(y)
            if vectors[target].shape != matrix.shape[:1]:
                raise BacklitError(
                    f"X has {counted(matrix.shape[0], 'row')}, y has shape {vectors[target].shape}: expected (n,)."
                )
        arrow = pa.table({name: pa.array(vector, from_pandas=True) for name, vector in vectors.items()})
        return cls(arrow, name="the arrays", target=None if y is None else target)

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.arrow.num_rows)

    @property
    def decimal_commas(self) -> tuple[str, ...]:
        """The columns whose numbers are written with decimal commas in the file they were read from."""
        return tuple(field.name for field in self.arrow.schema if (field.metadata or {}).items() >= MARK.items())

    @property
    def index_columns(self) -> tuple[str, ...]:
        """The columns that were the index of a pandas DataFrame: they count or name its rows."""
        return tuple(field.name for field in self.arrow.schema if (field.metadata or {}).items() >= INDEX.items())

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that name the files that the rows come from."""
        return tuple(field.name for field in self.arrow.schema if (field.metadata or {}).items() >= FILES.items())

    def column(self, name: str) -> Any:
        """The Arrow column of that name; `BacklitError` with the nearest name where there is none."""
        place = self._places.get(name) if isinstance(name, str) else None
        if place is None:
            near = did_you_mean(str(name), self.columns)
            given = quoted(name) if isinstance(name, str) else repr(name)  # 1 is not "1"
            raise BacklitError(f"No column {given} in {self.name}.{near} Its columns: {listed(self.columns)}.")
        return self.arrow.column(place)

    def values(self, name: str) -> NDArray[Any]:
        """The column as a NumPy vector (n,): numbers or booleans where nothing is missing, else objects with None."""
        column = self.column(name)
        if column.null_count or not _is_numeric_or_boolean(column.type):
            return np.array([*column.to_pylist(), None], dtype=object)[:-1]
        vector: NDArray[Any] = column.to_numpy()
        return vector

    def take(self, rows: ArrayLike) -> Table:
        """The rows of those indices, in that order."""
        indices = np.asarray(rows, dtype=np.int64)
        return self._of_rows(self.arrow.take(indices), indices)

    def slice(self, start: int, length: int) -> Table:
        """The `length` rows from index `start` on, without a copy of their values."""
        stop = min(start + length, self.n_rows)
        return self._of_rows(self.arrow.slice(start, length), np.arange(start, stop))

    def _of_rows(self, arrow: pa.Table, rows: NDArray[np.int64]) -> Table:
        places = rows if self.rows is None else self.rows[rows]
        return Table(arrow, name=self.name, target=self.target, rows=places)

    def without(self, name: str) -> Table:
        """The table without that column."""
        return Table(self.arrow.drop_columns([name]), name=self.name, rows=self.rows)

    @contextmanager
    def rows_as_in_source(self) -> Iterator[None]:
        """Renumber the row of a `RowError` raised inside: by its position in the source, not in this part of it."""
        try:
            yield
        except RowError as error:
            if self.rows is None:
                raise
            raise RowError(int(self.rows[error.row]), error.what) from error

    def present(self, name: str) -> NDArray[np.bool_]:
        """Which rows have a value in that column (n,): neither missing nor NaN nor infinite."""
        column = self.column(name)
        valid: NDArray[np.bool_] = column.is_valid().to_numpy()
        if pa.types.is_floating(column.type):
            valid &= pc.is_finite(column).fill_null(False).to_numpy()
        return valid

    def drop_missing(self, name: str) -> Table:
        """The rows that have a value in that column."""
        present = self.present(name)
        return self if present.all() else self.take(np.flatnonzero(present))

    def __repr__(self) -> str:
        return f"Table({quoted(self.name)}, {counted(self.n_rows, 'row')}, columns {listed(self.columns)})"


def refuse_duplicates(names: Iterable[str], source: str) -> None:
    """Raise `BacklitError` where two columns have the same name: a model could not tell them apart."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BacklitError(
                f"Two columns of {source} are named {quoted(name)}: give each column a name of its own"
                " (is the first line really the column names?)."
            )
        seen.add(name)


def _plain_types(arrow: pa.Table) -> pa.Table:
    """Convert Arrow's decimals and half floats to float64, its string views to string."""
    for index, field in enumerate(arrow.schema):
        if pa.types.is_decimal(field.type) or pa.types.is_float16(field.type):
            arrow = arrow.set_column(
                index, field.with_type(pa.float64()), arrow.column(index).cast(pa.float64(), safe=False)
            )
        elif pa.types.is_string_view(field.type):
            arrow = arrow.set_column(index, field.with_type(pa.string()), arrow.column(index).cast(pa.string()))
    return arrow


def _is_numeric_or_boolean(arrow_type: Any) -> bool:
    return bool(pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type) or pa.types.is_boolean(arrow_type))
