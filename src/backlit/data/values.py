"""Arrow columns as NumPy vectors: numbers, seconds, and indices of labels; and the scaling of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from backlit.data.messages import quoted
from backlit.errors import BacklitError

Label = bool | int | float | str
FloatVector = NDArray[np.float64]
TimeKind = Literal["date", "zoned", "time of day", "duration"]
"""The kinds of time in a column; `zoned` is a date with its time zone."""

FARTHEST = 1e6
"""Standardized values are clipped here. n training rows cannot lie farther than sqrt(n - 1), so only rows unlike all of
them are touched, and these cannot overflow float32."""


class RowError(BacklitError):
    """A value in a row that does not fit: the message is "Row N of ...", counted from 1.

    `row` counts from 0 in the rows at hand; `Table.rows_as_in_source` counts it as the source does.
    """

    def __init__(self, row: int, what: str) -> None:
        super().__init__(f"Row {row + 1} of {what}")
        self.row = row
        self.what = what


UNKNOWN, MISSING = -1, -2
"""The codes of `label_codes` for a value that is not among the labels, and for no value."""


def is_text(arrow_type: Any) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type))


def is_number(arrow_type: Any) -> bool:
    """Whether an Arrow type is a whole or floating-point number."""
    return bool(pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type))


def is_label(arrow_type: Any) -> bool:
    """Whether values of an Arrow type can name a class: text, booleans, numbers."""
    return bool(is_text(arrow_type) or is_number(arrow_type) or pa.types.is_boolean(arrow_type))


def label_text(label: Label) -> str:
    """A label as a file would spell it: true and false in small letters.

    >>> label_text(True), label_text(7), label_text("007")
    ('true', '7', '007')
    """
    return str(label).lower() if isinstance(label, bool) else str(label)


def without_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with its values in full, where Arrow keeps indices into a dictionary (pandas: categorical)."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def label_counts(column: pa.ChunkedArray) -> dict[Label, int]:
    """How often each value occurs, in the order of the values; missing, NaN and infinite ones not counted.

    >>> label_counts(pa.chunked_array([["b", "a", None, "b"]]))
    {'a': 1, 'b': 2}
    """
    counts = without_dictionary(column).value_counts()
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return dict(sorted((value, count) for value, count in pairs if _is_present(value)))


def label_codes(column: pa.ChunkedArray, labels: Sequence[Label], name: str) -> NDArray[np.int64]:
    """The index of each row's value among the labels (rows,); `UNKNOWN` for another value, `MISSING` for none.

    Values are compared in the labels' own type: 1, 1.0 and "1" are all the label 1 where labels are numbers, and 1 is
    the label "1" where labels are text. Raises `BacklitError` for a column whose values cannot be labels.

    >>> label_codes(pa.chunked_array([["b", "a", None, "z"]]), ["a", "b"], "letter").tolist()
    [1, 0, -2, -1]
    """
    held = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (is_label(held) or pa.types.is_null(held)):
        raise BacklitError(
            f"The column {quoted(name)} must hold text, numbers or true and false, such as "
            f"{quoted(label_text(labels[0]))}; it holds values of type {held}: turn them into text."
        )
    encoded = (column if pa.types.is_dictionary(column.type) else column.dictionary_encode()).combine_chunks()
    position = {label: index for index, label in enumerate(labels)}
    as_text = bool(labels) and isinstance(labels[0], str)
    codes = [
        position.get(_in_label_type(value, as_text), UNKNOWN) if _is_present(value) else MISSING
        for value in encoded.dictionary.to_pylist()
    ]
    rows = encoded.indices.cast(pa.int64()).fill_null(len(codes)).to_numpy()
    indices: NDArray[np.int64] = np.array([*codes, MISSING], dtype=np.int64)[rows]
    return indices


def _is_present(value: Any) -> bool:
    return isinstance(value, str) or (value is not None and math.isfinite(value))


def _in_label_type(value: Any, as_text: bool) -> Any:
    if isinstance(value, str) == as_text:
        return value
    if as_text:
        return label_text(value)
    try:
        return float(value)
    except ValueError:
        return {"true": True, "false": False}.get(value.lower())


def as_numbers(column: pa.ChunkedArray, name: str) -> FloatVector:
    """The column as float64 (rows,), missing values NaN; a `BacklitError` names the first row without a number."""
    column = without_dictionary(column)
    if is_text(column.type):
        column = _parsed(column, name, pa.float64(), "", "a number")
    if not (is_label(column.type) or pa.types.is_null(column.type)):
        raise BacklitError(f"The column {quoted(name)} must hold numbers; it holds values of type {column.type}.")
    numbers: FloatVector = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


class TimeText(NamedTuple):
    """How text is read as one kind of time: the Arrow type, the text to put in front, and the form for messages."""

    arrow_type: Any
    front: str
    expected: str


_TIME_TEXTS = {
    "date": TimeText(pa.timestamp("us"), "", "a date such as 2024-02-29 or 2024-02-29 13:30:00, without a time zone"),
    "zoned": TimeText(pa.timestamp("us", tz="UTC"), "", "a date with its time zone, such as 2024-02-29T13:30:00Z"),
    "time of day": TimeText(pa.timestamp("us"), "1970-01-01 ", "a time of day such as 09:30 or 09:30:00"),
}


_TIME_WORDS = {"date": "dates", "zoned": "dates", "time of day": "times of day", "duration": "durations"}


def time_kind(arrow_type: Any) -> TimeKind | None:
    """The kind of time that an Arrow type holds; None for another type."""
    if not pa.types.is_temporal(arrow_type):
        return None
    if pa.types.is_time(arrow_type):
        return "time of day"
    if pa.types.is_duration(arrow_type):
        return "duration"
    return "zoned" if pa.types.is_timestamp(arrow_type) and arrow_type.tz else "date"


def as_seconds(column: pa.ChunkedArray, name: str, kind: TimeKind) -> FloatVector:
    """Dates (since 1970-01-01 UTC), times of day or durations as seconds in float64 (rows,), missing values NaN.

    `kind` is what the column held in training; a column that one odd cell made text is read as that kind. Raises
    `BacklitError` for the first row that cannot be read so, and for a column of another type.
    """
    held = time_kind(column.type)
    if is_text(column.type) and kind in _TIME_TEXTS:
        column = _parsed(column, name, *_TIME_TEXTS[kind])
    elif held is not None and _TIME_WORDS[held] == _TIME_WORDS[kind]:
        column = column.cast(_in_microseconds(column.type), safe=False)
    elif not pa.types.is_null(column.type):
        raise BacklitError(
            f"The column {quoted(name)} must hold {_TIME_WORDS[kind]}, as in training; it holds values of type "
            f"{column.type}: is it the same column?"
        )
    seconds: FloatVector = column.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy() / 1e6
    return seconds


def _in_microseconds(arrow_type: Any) -> Any:
    if pa.types.is_time(arrow_type):
        return pa.time64("us")
    if pa.types.is_duration(arrow_type):
        return pa.duration("us")
    return pa.timestamp("us", tz=arrow_type.tz if pa.types.is_timestamp(arrow_type) else None)


def _parsed(column: pa.ChunkedArray, name: str, arrow_type: Any, front: str, expected: str) -> pa.ChunkedArray:
    """Text, after `front`, read as another type; a `BacklitError` names the first row that cannot be read."""
    trimmed = pc.utf8_trim_whitespace(column)
    if front:
        trimmed = pc.binary_join_element_wise(pa.scalar(front, column.type), trimmed, pa.scalar("", column.type))
    try:
        return trimmed.cast(arrow_type)
    except pa.ArrowInvalid as error:
        for row, value in enumerate(trimmed):
            try:
                value.cast(arrow_type)
            except pa.ArrowInvalid:
                raise RowError(
                    row,
                    f"the column {quoted(name)} holds {quoted(column[row].as_py())}: "
                    f"expected {expected}; correct the value, or leave the cell empty.",
                ) from error
        raise


def mean_and_deviation(values: FloatVector) -> tuple[float, float]:
    """Mean and root mean squared distance from it, of at least one finite value of any size.

    Computed on values scaled near 1 by a power of two, which is exact: the square of 1e300 would overflow.

    >>> mean_and_deviation(np.array([1e300, 3e300]))
    (2e+300, 1e+300)
    """
    exponent = int(np.frexp(np.abs(values).max())[1])
    near_one = np.ldexp(values, -exponent)
    return math.ldexp(float(near_one.mean()), exponent), math.ldexp(float(near_one.std()), exponent)


def standardized(values: FloatVector, mean: float, deviation: float) -> FloatVector:
    """(values - mean) / deviation in float64, clipped to ±`FARTHEST`; no intermediate value overflows."""
    exponent = math.frexp(deviation)[1]
    with np.errstate(over="ignore"):  # what overflows here lies beyond FARTHEST
        near_one = np.ldexp(values, -exponent) - math.ldexp(mean, -exponent)
        scaled: FloatVector = near_one / math.ldexp(deviation, -exponent)
    return np.clip(scaled, -FARTHEST, FARTHEST, out=scaled)
