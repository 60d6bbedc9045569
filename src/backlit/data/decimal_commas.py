"""Numbers written with a decimal comma, as in much of the world: 3,14 and 1.234,5.

Arrow reads such cells as text, and 1.234, which means 1234, as 1.234. A column is converted here where its cells allow
no other reading. A comma before three digits alone does not decide: it may be an English thousands separator.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from backlit.data.values import is_text

_WITH_COMMAS = r"^[+-]?(0|[1-9]\d*|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?([eE][+-]?\d+)?$"
"""Whole numbers too, and dots between thousands; no leading zeros, for 007 is a code."""
AMBIGUOUS = r"^\s*[+-]?[1-9]\d{0,2},\d{3}\s*$"
"""1,234 is 1234 in English and 1.234 elsewhere."""

MARK = {b"decimal": b","}
"""The metadata that marks the field of a converted column."""


def with_decimal_commas(
    arrow: pa.Table,
    texts: Callable[[list[str]], pa.Table],
    *,
    kept: Collection[str],
    known: Collection[str],
    semicolons: bool,
) -> pa.Table:
    """The table with columns of decimal commas converted to numbers, their fields marked.

    `texts` gives columns of the file as they are written; `kept` are to stay text; `known` are columns that a model
    learned from such numbers; `semicolons` tells whether semicolons separate the cells, as programs write them that
    write decimal commas.

    A file has decimal commas where all values of a text column fit and at least one of its commas cannot be a thousands
    separator. Then all columns that fit are converted, also those with dots between thousands. Where a model knows the
    columns, those that fit are converted. Where a file has only ambiguous commas, a column is converted if semicolons
    separate the cells and every value has three decimals: if they were thousands, the column is uniformly too small by
    a factor of 1000.
    """
    fitting = _fitting(arrow.select([f.name for f in arrow.schema if is_text(f.type) and f.name not in kept]))
    dotted = [field.name for field in arrow.schema if pa.types.is_floating(field.type)]
    if any(map(_is_proven, fitting.values())):
        fitting |= _fitting(texts(dotted))
    elif known:
        again = [name for name in dotted if name in known]
        fitting = {name: column for name, column in fitting.items() if name in known} | _fitting(texts(again))
        if not fitting.keys() >= set(again):  # a decimal point: the same table, written in English this time
            fitting = {}
    else:
        read = semicolons and not dotted
        fitting = {name: column for name, column in fitting.items() if read and _all(column, AMBIGUOUS)}
    for name, column in fitting.items():
        field = pa.field(name, pa.float64(), metadata=MARK)
        arrow = arrow.set_column(arrow.schema.get_field_index(name), field, _numbers(column))
    return arrow


def _fitting(table: pa.Table) -> dict[str, Any]:
    columns = zip(table.column_names, table.columns, strict=True)
    return {name: column for name, column in columns if _all(column, _WITH_COMMAS)}


def _all(column: pa.ChunkedArray, pattern: str) -> bool:
    """Whether there are values and all of them match."""
    return bool(pc.all(pc.match_substring_regex(pc.utf8_trim_whitespace(column), pattern)).as_py())


def _is_proven(column: pa.ChunkedArray) -> bool:
    """Whether a value has a comma that is no thousands separator."""
    commas = column.filter(pc.match_substring(column, ","))
    return len(commas) > 0 and not _all(commas, AMBIGUOUS)


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = pc.replace_substring(pc.utf8_trim_whitespace(column), ".", "")
    return pc.replace_substring(plain, ",", ".").cast(pa.float64())
