"""The target column: classes or numbers, and how it is encoded and decoded."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, DTypeLike, NDArray

from backlit.data.grids import is_grid
from backlit.data.messages import counted, listed, quoted
from backlit.data.number_hints import no_numbers, number_hint
from backlit.data.table import Table
from backlit.data.values import (
    MISSING,
    UNKNOWN,
    Label,
    RowError,
    as_numbers,
    is_label,
    is_number,
    is_text,
    label_codes,
    label_counts,
    mean_and_deviation,
    standardized,
    without_dictionary,
)
from backlit.errors import BacklitError

TaskKind = Literal["classes", "numbers"]

FEW_CLASSES = 20
"""Whole numbers with more distinct values than this are taken for a quantity."""

MOST_NEW = 100
"""An evaluation accepts up to so many classes that training did not have."""

LARGEST = 1e250
"""Larger targets are refused, so that any float32 number times a target's deviation fits into float64."""


class Task(msgspec.Struct, frozen=True):
    """The task: the target column, whether classes or numbers are learned, and the sentence that says why.

    `classes` are the labels in sorted order, in their own type (empty for numbers). `n_rows` rows have a target,
    `n_missing` have none (an infinite one counts as none).
    """

    column: str
    kind: TaskKind
    reason: str
    classes: tuple[Label, ...]
    n_rows: int
    n_missing: int


class ClassTarget(msgspec.Struct, frozen=True, tag="classes"):
    """A label becomes its index among the classes."""

    column: str
    classes: tuple[Label, ...]

    def encode(self, table: Table, dtype: DTypeLike = np.int64) -> NDArray[np.int64]:
        """The class index of each row (n,), int64 for any `dtype`."""
        with table.rows_as_in_source():
            return self._codes(table.column(self.column))

    def _codes(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        codes = label_codes(column, self.classes, self.column)
        wrong = np.flatnonzero(codes < 0)
        if wrong.size:
            row = int(wrong[0])
            if codes[row] == MISSING:
                raise _missing_targets(self.column, int((codes == MISSING).sum()))
            raise RowError(
                row,
                f"the target {quoted(self.column)} holds {quoted(column[row].as_py())}: expected one "
                f"of the {counted(len(self.classes), 'class', 'classes')} {listed(self.classes)}.",
            )
        return codes

    def encode_any(self, table: Table) -> tuple[NDArray[np.int64], tuple[Label, ...]]:
        """The class index of each row (n,), and the labels that training did not have.

        The indices of such labels follow those of the classes. Raises `BacklitError` where no row has one of the
        classes, and where there are more than `MOST_NEW` other labels: it is then hardly the same column.
        """
        column = table.column(self.column)
        codes = label_codes(column, self.classes, self.column)
        rest = column.filter(pa.array(codes == UNKNOWN))
        new = tuple(label_counts(rest))
        if (codes < 0).all() or len(new) > MOST_NEW:
            return self.encode(table), ()
        codes[codes == UNKNOWN] = len(self.classes) + label_codes(rest, new, self.column)
        return codes, new

    def decode(self, Y: ArrayLike) -> NDArray[Any]:
        """The labels (n,) of class indices (n,)."""
        return np.array(self.classes)[np.asarray(Y, dtype=np.int64)]


class NumberTarget(msgspec.Struct, frozen=True, tag="numbers"):
    """A number y becomes (y - mean) / standard deviation, both of the training rows."""

    column: str
    mean: float
    deviation: float

    def encode(self, table: Table, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """The standardized targets (n, 1)."""
        with table.rows_as_in_source():
            values = as_numbers(table.column(self.column), self.column)
        n_missing = int((~np.isfinite(values)).sum())
        if n_missing:
            raise _missing_targets(self.column, n_missing)
        return standardized(values, self.mean, self.deviation).astype(dtype)[:, None]

    def decode(self, Y: ArrayLike) -> NDArray[np.float64]:
        """The numbers (n,) in the target's own unit, of standardized ones (n, 1) or (n,)."""
        standard = np.asarray(Y, dtype=np.float64)
        return standard.reshape(len(standard)) * self.deviation + self.mean


def choose_task(table: Table, target: str | None = None, kind: TaskKind | None = None) -> Task:
    """Choose classes or numbers by the target column of a table, or check the `kind` that is asked for.

    Text, booleans and categories are classes. So are whole numbers (also written 1.0) with at most `FEW_CLASSES`
    distinct values that repeat: each at least twice, or ten times on average. All other numbers are numbers. Text with
    more than `FEW_CLASSES` distinct values, most of which read as numbers ("$1,250", "12%"), is refused: it is more
    likely a mistake in the file than so many classes.

    `target` may be left out where the table knows its own; `kind` overrides the rule. Raises `BacklitError` for a
    target that does not exist, has no values, only one, no repeated one, or does not fit the kind asked for.

    >>> from backlit.data.reading import read_table
    >>> choose_task(read_table("diabetes")).reason
    '"progression" holds numbers with 214 different values (to override: --task classes)'
    """
    if target is None:
        target = table.target
    if target is None:
        raise BacklitError(
            without_target(table)
            or f"Which column of {table.name} is to be predicted? Its columns: {listed(table.columns)}."
        )
    n_missing = table.n_rows - int(table.present(target).sum())
    column = table.drop_missing(target).column(target)
    if not len(column):
        raise BacklitError(f"The target {quoted(target)} has no values in {table.name}: nothing can be learned.")
    held = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not is_label(held):
        raise BacklitError(
            f"The target {quoted(target)} holds values of type {held}: expected text or numbers; turn the column into "
            "text, for example with astype(str)."
        )
    column = without_dictionary(column)
    chosen, why = _kind_and_reason(table.column(target).type, label_counts(column), kind)
    if kind is None and is_text(table.column(target).type):
        _refuse_numbers_as_text(column.unique(), target)
    if chosen == "numbers":
        _check_numbers(column, target)
        classes: tuple[Label, ...] = ()
    else:
        if table.file_columns and len(column.unique()) == 1:
            raise BacklitError(
                f"{table.name} has one folder of pictures, {quoted(column[0].as_py())}; expected two or more, one for "
                "each class."
            )
        if table.file_columns and len(column.unique()) == len(column):
            raise BacklitError(
                f"{table.name} has one picture in each of {len(column):,} folders; expected several of each class: "
                "some to learn from, some for the test."
            )
        classes = _checked_classes(column, target)
    if target in table.decimal_commas:
        why = f"is written with decimal commas and {why}"
    return Task(target, chosen, f"{quoted(target)} {why}", classes, len(column), n_missing)


def without_target(table: Table) -> str:
    """Say what a source without targets lacks, where it is known; an empty text where a column may be the target."""
    if table.file_columns:
        return (
            f"{table.name} holds pictures without classes; expected a folder for each class, with its pictures in it: "
            "the names of the folders are what is learned."
        )
    if all(is_grid(table.column(name).type) for name in table.columns):
        return f"{table.name} has no targets; expected an array y beside X, with one target for each row."
    return ""


def _kind_and_reason(arrow_type: Any, counts: dict[Label, int], asked: TaskKind | None) -> tuple[TaskKind, str]:
    n_classes = counted(len(counts), "class", "classes")
    if asked is not None:
        return asked, f"is learned as {asked}, as asked" + (f": {n_classes}" if asked == "classes" else "")
    if not is_number(arrow_type):
        what = "text" if is_text(arrow_type) else "true and false" if pa.types.is_boolean(arrow_type) else "categories"
        return "classes", f"holds {what}: {n_classes} (to override: --task numbers)"
    whole = all(float(value).is_integer() for value in counts)
    repeated = min(counts.values()) >= 2 or sum(counts.values()) >= 10 * len(counts)
    if whole and len(counts) <= FEW_CLASSES and repeated:
        return "classes", f"holds few different whole numbers: {n_classes} (to override: --task numbers)"
    return "numbers", f"holds numbers with {len(counts):,} different values (to override: --task classes)"


def _refuse_numbers_as_text(values: pa.ChunkedArray, target: str) -> None:
    """Raise `BacklitError` for many different texts most of which read as numbers."""
    if len(values) <= FEW_CLASSES:
        return
    hint = number_hint(values)
    if not hint and not len(no_numbers(values)):
        fraction = values.filter(pc.match_substring(values, "."))  # whole numbers as text are codes
        hint = f"all of them numbers, such as {quoted(fraction[0].as_py())}: give --task numbers" if fraction else ""
    if hint:
        raise BacklitError(
            f"The target {quoted(target)} holds text, {len(values):,} different values, {hint}. "
            "If they are meant as classes, give --task classes."
        )


def _checked_classes(column: pa.ChunkedArray, target: str) -> tuple[Label, ...]:
    counts = label_counts(column)
    if len(counts) == 1:
        raise BacklitError(
            f"The target {quoted(target)} has only one class, {listed(list(counts))}: expected two or more; "
            "choose another column with --target."
        )
    if max(counts.values()) == 1:
        raise BacklitError(
            f"The target {quoted(target)} has {len(counts):,} classes in as many rows: no class repeats, so nothing "
            "can be learned; choose another column with --target, or --task numbers where it holds numbers."
        )
    return tuple(counts)


def _check_numbers(column: pa.ChunkedArray, target: str) -> None:
    if is_text(column.type):
        odd = no_numbers(column)
        if len(odd):
            otherwise = "" if number_hint(column.unique()) else ", or use --task classes"
            raise BacklitError(
                f"The target {quoted(target)} holds text in {len(odd):,} of {counted(len(column), 'row')}: "
                f"{listed(odd.unique().to_pylist(), 4)}. Expected numbers, as asked with --task numbers: write plain "
                f"numbers or leave the cell empty{otherwise}."
            )
    values = as_numbers(column, target)
    if values.min() == values.max():
        raise BacklitError(
            f"The target {quoted(target)} is {values[0]:g} in every row: nothing can be learned; "
            "choose another column with --target."
        )
    largest = np.abs(values).max()
    if largest > LARGEST:
        raise BacklitError(
            f"The target {quoted(target)} holds numbers as large as {largest:.3g}: expected at most {LARGEST:g}, so "
            "that predictions can be computed; divide the column by a power of ten."
        )


def fit_target(table: Table, task: Task) -> ClassTarget | NumberTarget:
    """The target's encoding: the classes of the task, or mean and standard deviation of these (training) rows."""
    if task.kind == "classes":
        return ClassTarget(task.column, task.classes)
    mean, deviation = mean_and_deviation(as_numbers(table.column(task.column), task.column))
    return NumberTarget(task.column, mean, deviation or 1.0)


def _missing_targets(column: str, count: int) -> BacklitError:
    return BacklitError(
        f"The target {quoted(column)} is missing in {counted(count, 'row')}: leave these rows out (Table.drop_missing)."
    )
