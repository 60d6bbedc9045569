"""The encoder of a table: learned from training rows, it turns any rows into a matrix and encodes as JSON."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from backlit.data.columns import MAX_CATEGORIES, Category, ColumnPlan, ColumnReport, plan_column
from backlit.data.grids import Grid, grid_of_columns, is_grid, measured_grid
from backlit.data.messages import counted, did_you_mean, listed, quoted
from backlit.data.surprises import Surprise
from backlit.data.table import Table
from backlit.data.target import ClassTarget, NumberTarget, Task, TaskKind, choose_task, fit_target
from backlit.data.values import Label, is_number
from backlit.errors import BacklitError


class Encoded(msgspec.Struct, frozen=True, eq=False):
    """An encoded table: the matrix X (n, k), and its surprises: what the training rows did not have."""

    X: NDArray[Any]
    surprises: tuple[Surprise, ...]


class FeatureEncoder(msgspec.Struct, frozen=True):
    """The input columns as a matrix; `reports` tells how each column is used, also those that are left out.

    >>> table = Table.from_arrays([[1.0, 5.0], [3.0, 5.0]], names=["width", "depth"])
    >>> encoder = FeatureEncoder.fit(table)
    >>> encoder.encode(table).X.tolist()
    [[-1.0], [1.0]]
    >>> encoder.reports[1].done
    'left out: every value is 5'
    """

    columns: tuple[ColumnPlan, ...]
    reports: tuple[ColumnReport, ...]

    @classmethod
    def fit(
        cls, table: Table, *, ignore: Collection[str] = (), max_categories: int = MAX_CATEGORIES,
        shape: Sequence[int] | None = None, embedded: Mapping[str, int] | None = None,
    ) -> FeatureEncoder:  # fmt: skip
        """Learn from (training) rows how each column becomes numbers.

        `ignore` names columns to leave out; a column of text keeps its `max_categories` most common values. `shape` is
        that of the rows that the network reads, where it states one: with several axes, columns of numbers become one
        grid, in their order, of which none is left out. `embedded` are the columns that embeddings read, with the
        number of categories of each. Raises `BacklitError` for an unknown name in `ignore`, and where no column is left
        to learn from.
        """
        embedded = embedded or {}
        for name in (*ignore, *embedded):
            table.column(name)
        grids = [name for name in table.columns if name not in ignore and is_grid(table.column(name).type)]
        if shape is not None and len(shape) > 1 and not grids:
            return cls._of_grid(table, tuple(shape), ignore)
        _refuse_beside_grids(table, grids, ignore)
        index, files, commas = set(table.index_columns), set(table.file_columns), set(table.decimal_commas)
        columns: list[ColumnPlan] = []
        reports: list[ColumnReport] = []
        for name in table.columns:
            if name in ignore:
                reports.append(ColumnReport(name, "ignored", "left out as asked", 0))
                continue
            if name in index:
                done = "left out: the index of a pandas DataFrame; its reset_index makes it a column"
                reports.append(ColumnReport(name, "index", done, 0))
                continue
            if name in files:
                reports.append(ColumnReport(name, "file", "left out: the names of the files", 0))
                continue
            with table.rows_as_in_source():
                plan, report = plan_column(name, table.column(name), max_categories, shape, embedded.get(name, 0))
            if name in commas:
                report = msgspec.structs.replace(report, done=f"{report.done}; written with decimal commas")
            reports.append(report)
            if plan is not None:
                columns.append(plan)
        if not columns:
            why = "; ".join(f"{quoted(report.column)} {report.done}" for report in reports[:4]) or "there is no other"
            raise BacklitError(f"No column of {table.name} can be learned from: {why}.")
        return cls(tuple(columns), tuple(reports))

    def reading(self, read: Collection[str | int]) -> FeatureEncoder:
        """Give the encoder for a network that reads these columns, or inputs by name or number, and no others.

        Columns that it does not read are left out, and the rows to predict need not have them. Where inputs are read by
        their numbers, all columns stay, for the numbers count them; the reports say which are not read.
        """
        names = {self.names[one] if isinstance(one, int) and one < len(self.names) else one for one in read}
        known = {plan.name: {*columns_of(plan), *plan.outputs} for plan in self.columns}
        if names - set().union(*known.values()):  # a name is wrong, which is said where the layers get their places
            return self
        unread = {name for name, own in known.items() if not names & own}
        counting = any(isinstance(one, int) for one in read)
        reports = [
            report if report.column not in unread
            else msgspec.structs.replace(report, done=f"{report.done}; no layer reads it") if counting
            else msgspec.structs.replace(report, done="left out: no layer reads it", outputs=0)
            for report in self.reports
        ]  # fmt: skip
        kept = [plan for plan in self.columns if counting or plan.name not in unread]
        return FeatureEncoder(tuple(kept), tuple(reports))

    @classmethod
    def _of_grid(cls, table: Table, shape: tuple[int, ...], ignore: Collection[str]) -> FeatureEncoder:
        """Learn from columns of numbers that are the places of one grid, in their order."""
        left_out = {*ignore, *table.index_columns}
        names = tuple(name for name in table.columns if name not in left_out)
        others = [name for name in names if not is_number(table.column(name).type)]
        if others or len(names) != math.prod(shape):
            found = counted(len(names), "column")
            why = f"{quoted(others[0])} holds {table.column(others[0]).type}" if others else f"there are {found}"
            raise BacklitError(
                f"the network expects rows of shape {list(shape)}, {math.prod(shape):,} numbers, from as many columns "
                f"of numbers of {table.name}; {why}. Leave columns out with ignore, or write the shape that fits."
            )
        values = grid_of_columns(table, names)
        with table.rows_as_in_source():
            plan, _, done = measured_grid(f"{names[0]} to {names[-1]}", values, shape, names)
        places = dict(zip(names, plan.outputs, strict=True))
        reports = [
            ColumnReport(name, "number", f"{places[name]} of a grid of {done}", 1) if name in places
            else ColumnReport(name, "ignored", "left out as asked", 0)
            for name in table.columns
        ]  # fmt: skip
        return cls((plan,), tuple(reports))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the k encoded inputs, in order: "width", "colour=red", "width is missing"."""
        return tuple(output for plan in self.columns for output in plan.outputs)

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns learned as text: `read_table(..., text_columns=...)` must not read them as numbers."""
        return tuple(
            plan.name for plan in self.columns if isinstance(plan, Category) and isinstance(plan.values[0], str)
        )

    def encode(self, table: Table, dtype: DTypeLike = np.float32) -> Encoded:
        """The matrix X (n, k) of the table's rows, C-contiguous; columns that were not learned are ignored.

        Raises `BacklitError` for a missing column, and for a value that is not of its column's kind, with its row.
        """
        self._check_columns(table)
        X = np.empty((table.n_rows, len(self.names)), dtype=dtype)
        surprises: list[Surprise] = []
        start = 0
        with table.rows_as_in_source():
            for plan in self.columns:
                stop = start + len(plan.outputs)
                surprises += plan.write(_cells(plan, table), X[:, start:stop])
                start = stop
        return Encoded(X, tuple(surprises))

    def _check_columns(self, table: Table) -> None:
        known = [name for plan in self.columns for name in columns_of(plan)]
        there = {*table.columns}
        missing = [name for name in known if name not in there]
        if missing:
            free = [name for name in table.columns if name not in known]
            near = did_you_mean(missing[0], free)
            raise BacklitError(
                f"{table.name} lacks {counted(len(missing), 'column')} that the model needs: {listed(missing)}.{near} "
                f"Its columns: {listed(table.columns)}."
            )


def columns_of(plan: ColumnPlan) -> tuple[str, ...]:
    """The columns of the table that a plan reads."""
    return (isinstance(plan, Grid) and plan.columns) or (plan.name,)


def _cells(plan: ColumnPlan, table: Table) -> Any:
    """What a plan writes from: its column, or the numbers of all its columns (n, k)."""
    if isinstance(plan, Grid) and plan.columns:
        return grid_of_columns(table, plan.columns)
    return table.column(plan.name)


def _refuse_beside_grids(table: Table, grids: Sequence[str], ignore: Collection[str]) -> None:
    """Refuse other columns beside pictures or sequences: a network reads one or the other."""
    left_out = {*ignore, *grids, *table.index_columns, *table.file_columns}
    others = [name for name in table.columns if name not in left_out]
    if len(grids) > 1 or (grids and others):
        raise BacklitError(
            f"{table.name} has {listed([*grids, *others])} as inputs; expected one column of pictures or sequences, "
            "and no others beside it: leave the others out with ignore."
        )


class Encoder(msgspec.Struct, frozen=True):
    """Everything between a table and a network, both ways: task, inputs, target. Turns into JSON and back exactly.

    >>> from backlit.data.reading import read_table
    >>> table = read_table("wine")
    >>> encoder = Encoder.fit(table)
    >>> encoder.encode_features(table).shape, encoder.encode_target(table).shape
    ((178, 13), (178,))
    >>> encoder.decode_target([2, 0]).tolist()
    ['class_2', 'class_0']
    >>> Encoder.from_json(encoder.to_json()) == encoder
    True
    """

    task: Task
    features: FeatureEncoder
    target: ClassTarget | NumberTarget
    decimal_commas: tuple[str, ...] = ()
    """The columns, the target among them, that `read_table(..., comma_columns=...)` must read with decimal commas."""

    @classmethod
    def fit(
        cls,
        table: Table,
        target: str | Task | None = None,
        *,
        kind: TaskKind | None = None,
        rows: ArrayLike | None = None,
        ignore: Collection[str] = (),
        max_categories: int = MAX_CATEGORIES,
        shape: Sequence[int] | None = None,
        embedded: Mapping[str, int] | None = None,
        read: Collection[str | int] | None = None,
    ) -> Encoder:
        """Learn the encoding of a table.

        `target` is the target column (default: the table's own) or the `Task` that `choose_task` gave; `kind`
        overrides classes or numbers. The task and the names of the classes come from the whole table; every
        statistic (means, categories, fills) comes from `rows` alone, the indices of the training rows (default: all).
        Rows without a target do not count. `shape` and `embedded` are what `FeatureEncoder.fit` says, `read` what
        `FeatureEncoder.reading` does. Raises `BacklitError` as `choose_task` and `FeatureEncoder.fit` do.
        """
        task = target if isinstance(target, Task) else choose_task(table, target, kind)
        if task.column in ignore:
            raise BacklitError(f"The column {quoted(task.column)} is the target: it cannot be ignored too.")
        training = (table if rows is None else table.take(rows)).drop_missing(task.column)
        if not training.n_rows:
            raise BacklitError(f"No training row of {table.name} has a value of the target {quoted(task.column)}.")
        inputs = FeatureEncoder.fit(
            training.without(task.column), ignore=ignore, max_categories=max_categories, shape=shape, embedded=embedded
        )
        inputs = inputs.reading(read) if read is not None else inputs
        return cls(task, inputs, fit_target(training, task), table.decimal_commas)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the k encoded inputs, in order."""
        return self.features.names

    @property
    def classes(self) -> tuple[Label, ...] | None:
        """The class labels in the order of their indices; None where numbers are learned."""
        return self.target.classes if isinstance(self.target, ClassTarget) else None

    @property
    def reports(self) -> tuple[ColumnReport, ...]:
        """How each column but the target is used."""
        return self.features.reports

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns, the target among them, that `read_table(..., text_columns=...)` must read as text."""
        labels = self.classes
        own = (self.target.column,) if labels and isinstance(labels[0], str) else ()
        return self.features.text_columns + own

    def encode(self, table: Table, dtype: DTypeLike = np.float32) -> Encoded:
        """The matrix X (n, k) with its surprises; see `FeatureEncoder.encode`."""
        return self.features.encode(table, dtype)

    def encode_features(self, table: Table, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """The matrix X (n, k) alone."""
        return self.features.encode(table, dtype).X

    def encode_target(self, table: Table, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Class indices (n,) in int64, or standardized numbers (n, 1) in `dtype`.

        Raises `BacklitError` for a missing target and for a label that training did not have.
        """
        return self.target.encode(table, dtype)

    def decode_target(self, Y: ArrayLike) -> NDArray[Any]:
        """Labels (n,) of class indices, or numbers (n,) in the target's unit of standardized ones (n, 1)."""
        return self.target.decode(Y)

    def to_json(self) -> bytes:
        """The whole encoder as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> Encoder:
        """The encoder that `to_json` wrote; `BacklitError` where the text is something else."""
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise BacklitError(f"This is not an encoder as Encoder.to_json writes it: {error}.") from error
