"""How one column becomes numbers: a plan learned from training rows, and how it is applied to any rows.

Each kind of column is one class: a frozen record (the model file keeps it) with the names of its outputs
and `write`, which fills these outputs for any rows. `plan_column` chooses the kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from backlit.data.category_numbers import CategoryNumber, plan_category_number
from backlit.data.grids import Grid, is_grid, plan_grid
from backlit.data.messages import counted, in_full, listed, quoted
from backlit.data.number_hints import date_hint, number_hint
from backlit.data.surprises import Surprise
from backlit.data.values import (
    FARTHEST,
    MISSING,
    UNKNOWN,
    FloatVector,
    Label,
    RowError,
    TimeKind,
    as_numbers,
    as_seconds,
    is_label,
    is_number,
    is_text,
    label_codes,
    label_counts,
    label_text,
    mean_and_deviation,
    standardized,
    time_kind,
)

Outputs = NDArray[np.floating[Any]]  # (rows, outputs of one column), a view into the encoded matrix

MAX_CATEGORIES = 50
"""A column with more distinct values keeps the most common ones; the rest share one output."""

_FEW = 10  # up to so many distinct texts are categories even where no text repeats
_NEARLY_ALL = 0.9  # share of distinct texts above which a column is taken for an identifier or free text
_IDENTIFIER = re.compile(
    r"(?:^|[\s_.:-])(?:id|ids|uuid|guid|row|rowid|rownum|row.?number)$"
    r"|^(?:index|unnamed: \d+(?:\.\d+)*|column \d+|__index_level_\d+__)$",
    re.IGNORECASE,
)
_CAMEL_IDENTIFIER = re.compile(r"[a-z](?:Id|ID)$")


class ColumnReport(msgspec.Struct, frozen=True):
    """How one column of the table was used: `outputs` is the number of network inputs that it became."""

    column: str
    kind: str
    done: str
    outputs: int


class Number(msgspec.Struct, frozen=True, tag="number"):
    """A number x becomes (x - mean) / standard deviation; a missing one becomes `fill` first.

    `mean` and `deviation` (the standard deviation: the root of the mean squared distance from the mean) are those of
    the training values that are not missing, `fill` is their median. Where training values were missing (`indicator`),
    a second output is 1 in the rows whose value is missing and 0 elsewhere.
    """

    name: str
    mean: float
    deviation: float
    fill: float
    indicator: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return (self.name, f"{self.name} is missing") if self.indicator else (self.name,)

    def read(self, column: pa.ChunkedArray) -> FloatVector:
        """The column as numbers, missing ones NaN."""
        return as_numbers(column, self.name)

    def median(self, arrow_type: Any) -> str:
        """The median as a column of that type shows it."""
        return f"{self.fill:.6g}"

    def write(self, column: pa.ChunkedArray, out: Outputs) -> Iterator[Surprise]:
        """Fill `out` (rows, outputs); yield what the training rows did not have."""
        values = self.read(column)
        missing = ~np.isfinite(values)
        scaled = standardized(np.where(missing, self.fill, values), self.mean, self.deviation)
        out[:, 0] = scaled
        if self.indicator:
            out[:, 1] = missing
        elif missing.any():
            yield Surprise(
                self.name, f"missing values, filled with the median {self.median(column.type)}", int(missing.sum())
            )
        far = np.abs(scaled) >= FARTHEST
        if far.any():
            what = f"values farther than {FARTHEST:.0e} standard deviations from the training mean, clipped"
            yield Surprise(self.name, what, int(far.sum()))


class Time(Number, frozen=True, tag="time"):
    """A date, time of day or duration, as a number of seconds (dates: since 1970-01-01 UTC)."""

    of: TimeKind = "date"
    """The kind of time in the training rows."""

    def read(self, column: pa.ChunkedArray) -> FloatVector:
        """The column as seconds, missing ones NaN."""
        return as_seconds(column, self.name, self.of)

    def median(self, arrow_type: Any) -> str:
        """The median as a column of that type shows it."""
        return _moment(self.fill, arrow_type)


class Boolean(msgspec.Struct, frozen=True, tag="boolean"):
    """False becomes 0, true 1; a missing value becomes `fill`, with an indicator as for `Number`."""

    name: str
    fill: bool
    indicator: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return (self.name, f"{self.name} is missing") if self.indicator else (self.name,)

    def write(self, column: pa.ChunkedArray, out: Outputs) -> Iterator[Surprise]:
        """Fill `out` (rows, outputs); yield what the training rows did not have."""
        values = as_numbers(column, self.name)
        missing = np.isnan(values)
        wrong = np.flatnonzero(~missing & (values != 0) & (values != 1))
        if wrong.size:
            raise RowError(
                int(wrong[0]),
                f"the column {quoted(self.name)} holds {values[wrong[0]]:g}: expected true or false, as in training; "
                "write these, or 1 or 0.",
            )
        out[:, 0] = np.where(missing, self.fill, values)
        if self.indicator:
            out[:, 1] = missing
        elif missing.any():
            yield Surprise(self.name, f"missing values, filled with {str(self.fill).lower()}", int(missing.sum()))


class Category(msgspec.Struct, frozen=True, tag="category"):
    """One output per known value, 1 in the rows that hold it and 0 elsewhere.

    Where training had more values than are kept, `other` is an output for all the rest; where training had missing
    values, `missing` is an output for them. A value (or a missing one) for which there is no output makes a row of
    zeros.
    """

    name: str
    values: tuple[Label, ...]
    other: bool
    missing: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        extra = ["(other)"] * self.other + ["(missing)"] * self.missing
        return tuple(f"{self.name}={value}" for value in [*map(label_text, self.values), *extra])

    def write(self, column: pa.ChunkedArray, out: Outputs) -> Iterator[Surprise]:
        """Fill `out` (rows, outputs); yield what the training rows did not have."""
        codes = label_codes(column, self.values, self.name)
        unknown, missing = codes == UNKNOWN, codes == MISSING
        codes[unknown] = len(self.values) if self.other else -1
        codes[missing] = len(self.values) + self.other if self.missing else -1
        out[:] = 0
        known = np.flatnonzero(codes >= 0)
        out[known, codes[known]] = 1
        if unknown.any() and not self.other:
            example = quoted(column[int(np.flatnonzero(unknown)[0])].as_py())
            yield Surprise(
                self.name, f"values not seen in training (such as {example}), encoded as zeros", int(unknown.sum())
            )
        if missing.any() and not self.missing:
            yield Surprise(self.name, "missing values, none in training, encoded as zeros", int(missing.sum()))


ColumnPlan = Number | Time | Boolean | Category | Grid | CategoryNumber


def plan_column(
    name: str,
    column: pa.ChunkedArray,
    max_categories: int = MAX_CATEGORIES,
    shape: Sequence[int] | None = None,
    embedded: int = 0,
) -> tuple[ColumnPlan | None, ColumnReport]:
    """Choose how a column becomes numbers, from its training rows; None where it is left out. The report says why.

    `shape` is that of the rows that the network reads, where it states one; a column of grids is to have it. `embedded`
    is the number of categories of the embedding that reads the column, or 0.
    """
    if embedded or is_grid(column.type):
        plan: ColumnPlan
        how = plan_category_number(name, column, embedded) if embedded else plan_grid(name, column, shape)
        plan, noun, done = how
        return plan, ColumnReport(name, noun, done, len(plan.outputs))
    return _plan_by_kind(name, column, max_categories)


def _plan_by_kind(name: str, column: pa.ChunkedArray, max_categories: int) -> tuple[ColumnPlan | None, ColumnReport]:
    kind = column.type
    if column.null_count == len(column):
        return _left_out(name, "empty", "every value is missing")
    if pa.types.is_boolean(kind):
        return _plan_boolean(name, column)
    if is_number(kind):
        return _plan_number(name, column)
    of = time_kind(kind)
    if of is not None:
        return _plan_time(name, column, of)
    if is_text(kind) or (pa.types.is_dictionary(kind) and is_label(kind.value_type)):
        return _plan_category(name, column, max_categories)
    return _left_out(name, "unsupported", f"values of type {kind} cannot become numbers")


def _left_out(name: str, kind: str, why: str) -> tuple[None, ColumnReport]:
    return None, ColumnReport(name, kind, f"left out: {why}", 0)


def _plan_number(name: str, column: pa.ChunkedArray) -> tuple[ColumnPlan | None, ColumnReport]:
    values = as_numbers(column, name)
    known = values[np.isfinite(values)]
    if (
        known.size > 1
        and pa.types.is_integer(column.type)
        and (_IDENTIFIER.search(name) or _CAMEL_IDENTIFIER.search(name))
        and np.unique(known).size == known.size
    ):
        return _left_out(name, "identifier", "an identifier by its name, different in every row")
    return _plan_scaled(Number, name, values)


def _plan_time(name: str, column: pa.ChunkedArray, of: TimeKind) -> tuple[ColumnPlan | None, ColumnReport]:
    seconds = as_seconds(column, name, of)
    scaled, report = _plan_scaled(Time, name, seconds)
    if scaled is None:
        return _left_out(name, "constant", f"every value is {_moment(seconds.max(), column.type)}")
    plan = msgspec.structs.replace(scaled, of=of)
    first, last = _moment(np.nanmin(seconds), column.type), _moment(np.nanmax(seconds), column.type)
    done = f"as seconds, standardized: from {first} to {last}"
    if plan.indicator:
        middle = _moment(plan.fill, column.type)
        done += f"; {column.null_count:,} missing filled with the median {middle} and marked in a column"
    return plan, ColumnReport(name, "time", done, report.outputs)


def _moment(seconds: float, arrow_type: Any) -> str:
    if pa.types.is_time(arrow_type) or pa.types.is_duration(arrow_type):
        return f"{seconds:g} s"
    unit: Literal["D", "s"] = "D" if pa.types.is_date(arrow_type) else "s"
    return str(np.datetime_as_string(np.datetime64(round(seconds), "s"), unit=unit))


def _plan_scaled(plan_type: type[Number], name: str, values: FloatVector) -> tuple[Number | None, ColumnReport]:
    finite = np.isfinite(values)
    known = values[finite]
    n_infinite, n_missing = int(np.isinf(values).sum()), int(np.isnan(values).sum())
    if not known.size:
        return _left_out(name, "empty", "every value is missing or infinite")
    mean, deviation = mean_and_deviation(known)
    constant = known.min() == known.max() or deviation == 0
    if constant and finite.all():
        return _left_out(name, "constant", f"every value is {in_full(known[0], 6)}")
    median = 2 * float(np.median(known / 2))  # the sum of the middle two would overflow at 1e308
    plan = plan_type(name, mean, 1.0 if constant else deviation, median, indicator=not finite.all())
    spread = f"standardized: mean {in_full(mean, 4)}, standard deviation {in_full(deviation, 4)}"
    done = [f"every value is {in_full(mean, 6)}" if constant else spread]
    if n_infinite:
        done.append(f"{counted(n_infinite, 'infinite value')} treated as missing")
    if plan.indicator:
        filled = f"filled with the median {in_full(plan.fill, 4)}"
        done.append(f"{n_missing + n_infinite:,} missing {filled} and marked in a column")
    return plan, ColumnReport(name, "number", "; ".join(done), len(plan.outputs))


def _plan_boolean(name: str, column: pa.ChunkedArray) -> tuple[ColumnPlan | None, ColumnReport]:
    share = float(pc.mean(column).as_py())
    n_missing = column.null_count
    if share in (0, 1) and not n_missing:
        return _left_out(name, "constant", f"every value is {label_text(bool(share))}")
    plan = Boolean(name, share > 0.5, indicator=n_missing > 0)
    done = f"true 1, false 0; {share:.0%} true"
    if n_missing:
        done += f"; {n_missing:,} missing filled with {label_text(plan.fill)} and marked in a column"
    return plan, ColumnReport(name, "boolean", done, len(plan.outputs))


def _plan_category(name: str, column: pa.ChunkedArray, max_categories: int) -> tuple[ColumnPlan | None, ColumnReport]:
    counts = label_counts(column)
    n_known = sum(counts.values())
    n_missing = len(column) - n_known
    if not counts:
        return _left_out(name, "empty", "every value is missing or infinite")
    hint = ""
    if is_text(column.type):
        hint = date_hint(column) or number_hint(column)
        hint = hint and f"; {hint}"
        if len(counts) > max(_FEW, _NEARLY_ALL * n_known):
            n_spaces = pc.mean(pc.count_substring(column, " ")).as_py()
            kind = "text" if n_spaces >= 2 else "identifier"  # sentences have spaces
            return _left_out(name, kind, f"{len(counts):,} different texts in {counted(n_known, 'row')}{hint}")
    if len(counts) == 1 and not n_missing:
        return _left_out(name, "constant", f"every value is {quoted(label_text(next(iter(counts))))}")
    common = set(sorted(counts, key=lambda value: -counts[value])[:max_categories])
    values = tuple(value for value in counts if value in common)
    plan = Category(name, values, other=len(values) < len(counts), missing=n_missing > 0)
    done = f"one-hot: {counted(len(values), 'value')} ({listed([label_text(value) for value in values], 4)})"
    if plan.other:
        done = f"one-hot: the {len(values)} most common of {len(counts):,} values, the rest together as (other)"
    if plan.missing:
        done += f"; missing ({counted(n_missing, 'row')}) is a value of its own"
    return plan, ColumnReport(name, "category", done + hint, len(plan.outputs))
