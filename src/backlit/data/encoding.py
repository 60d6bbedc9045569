"""The encoder of a table: learned from training rows, it turns any rows into a matrix and encodes as JSON."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from backlit.data.columns import MAX_CATEGORIES, Category, ColumnPlan, ColumnReport, Surprise, plan_column
from backlit.data.messages import counted, did_you_mean, listed, quoted
from backlit.data.table import Table
from backlit.data.target import ClassTarget, NumberTarget, Task, TaskKind, choose_task, fit_target
from backlit.data.values import Label
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
    def fit(cls, table: Table, *, ignore: Collection[str] = (), max_categories: int = MAX_CATEGORIES) -> FeatureEncoder:
        """Learn from (training) rows how each column becomes numbers.

        `ignore` names columns to leave out; a column of text keeps its `max_categories` most common values. Raises
        `BacklitError` for an unknown name in `ignore`, and where no column is left to learn from.
        """
        for name in ignore:
            table.column(name)
        columns, reports = [], []
        for name in table.columns:
            if name in ignore:
                reports.append(ColumnReport(name, "ignored", "left out as asked", 0))
                continue
            if name in table.index_columns:
                done = "left out: the index of a pandas DataFrame; its reset_index makes it a column"
                reports.append(ColumnReport(name, "index", done, 0))
                continue
            plan, report = plan_column(name, table.column(name), max_categories)
            if name in table.decimal_commas:
                report = msgspec.structs.replace(report, done=f"{report.done}; written with decimal commas")
            reports.append(report)
            if plan is not None:
                columns.append(plan)
        if not columns:
            why = "; ".join(f"{quoted(report.column)} {report.done}" for report in reports[:4]) or "there is no other"
            raise BacklitError(f"No column of {table.name} can be learned from: {why}.")
        return cls(tuple(columns), tuple(reports))

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
                surprises += plan.write(table.column(plan.name), X[:, start:stop])
                start = stop
        return Encoded(X, tuple(surprises))

    def _check_columns(self, table: Table) -> None:
        missing = [plan.name for plan in self.columns if plan.name not in table.columns]
        if missing:
            free = [name for name in table.columns if name not in {plan.name for plan in self.columns}]
            near = did_you_mean(missing[0], free)
            raise BacklitError(
                f"{table.name} lacks {counted(len(missing), 'column')} that the model needs: {listed(missing)}.{near} "
                f"Its columns: {listed(table.columns)}."
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
    ) -> Encoder:
        """Learn the encoding of a table.

        `target` is the target column (default: the table's own) or the `Task` that `choose_task` gave; `kind`
        overrides classes or numbers. The task and the names of the classes come from the whole table; every
        statistic (means, categories, fills) comes from `rows` alone, the indices of the training rows (default: all).
        Rows without a target do not count. Raises `BacklitError` as `choose_task` and `FeatureEncoder.fit` do.
        """
        task = target if isinstance(target, Task) else choose_task(table, target, kind)
        if task.column in ignore:
            raise BacklitError(f"The column {quoted(task.column)} is the target: it cannot be ignored too.")
        training = (table if rows is None else table.take(rows)).drop_missing(task.column)
        if not training.n_rows:
            raise BacklitError(f"No training row of {table.name} has a value of the target {quoted(task.column)}.")
        inputs = FeatureEncoder.fit(training.without(task.column), ignore=ignore, max_categories=max_categories)
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
