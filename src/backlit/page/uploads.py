"""A file that a browser sends: a table, read by the one reader."""

from __future__ import annotations

import re

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from backlit.data import Table, read_table, table_of_bytes
from backlit.data.columns import MAX_CATEGORIES
from backlit.data.messages import quoted
from backlit.errors import BacklitError
from backlit.page.sources import Source, of_table
from backlit.show.names import short

LARGEST = 20_000_000
"""Bytes of an uploaded table."""

NUMBERS = 50_000_000
"""Numbers that a table may become: with every category an input of its own, a small file may become many."""

LONGEST_NAME = 80

CANDIDATES = 5
"""So many columns, from the last one back, are tried as the one to predict."""

ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".parquet", ".pq")


def uploaded_source(name: str, content: bytes, target: str | None = None) -> Source:
    """Give the source of an uploaded table. The name is what it is called, and nothing else comes from the browser.

    Where no target is given, the last column is predicted, or the last one that can be.

    Errors: a BacklitError for another kind of file, one that is too large, or one that does not fit.
    """
    label = short(re.split(r"[/\\]", name)[-1], LONGEST_NAME)
    if not label.lower().endswith(ENDINGS):
        raise BacklitError(f"The file is called {quoted(label)}; expected a table, .csv or .parquet.")
    if len(content) > LARGEST:
        raise BacklitError(f"{label} has {len(content):,} bytes; the page takes up to {LARGEST:,}. Give it fewer rows, "
                           "or train on it by backlit train.")  # fmt: skip
    if content.startswith(b"\x1f\x8b"):
        raise BacklitError(f"{label} is packed by gzip; unpack it, and open the .csv file.")
    if content.startswith(b"PAR1"):
        _refuse_unpacked(content, label)
    table = read_table(table_of_bytes(content, label))
    _refuse_many(table)
    return of_table(table, target) if target or table.target else _last_that_fits(table)


def _last_that_fits(table: Table) -> Source:
    """Predict the last column that can be predicted. Errors: that of the last column where none can be."""
    first: BacklitError | None = None
    for column in table.columns[: -CANDIDATES - 1 : -1]:
        try:
            source = of_table(table, column)
        except BacklitError as error:
            first = first or error
            continue
        if first is None:
            return source
        told = f"The last column cannot be predicted, so {quoted(column)} is. {in_words(first)}"
        return msgspec.structs.replace(source, told=(told, *source.told))
    assert first is not None
    raise BacklitError(in_words(first))


def in_words(error: BacklitError) -> str:
    """Give a message without the option of the command line that it names."""
    return str(error).replace("choose another column with --target", "choose another column")


def _refuse_unpacked(content: bytes, label: str) -> None:
    """Refuse a Parquet file that becomes much larger in memory than it is."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (few files are Parquet)

    try:
        metadata = pq.ParquetFile(pa.BufferReader(content)).metadata
    except (pa.ArrowException, OSError):
        return  # damaged, which the reader says
    size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if metadata.num_rows * metadata.num_columns > NUMBERS or size > 10 * LARGEST:
        raise BacklitError(
            f"{label} holds {metadata.num_rows:,} rows of {metadata.num_columns:,} columns, {size:,} bytes unpacked; "
            f"the page takes up to {NUMBERS:,} cells and {10 * LARGEST:,} bytes. Give it fewer rows."
        )


def _refuse_many(table: Table) -> None:
    """Refuse a table that becomes more numbers than the page trains on."""
    inputs = 0
    for name in table.columns:
        column = table.column(name)
        texts = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        inputs += min(pc.count_distinct(column).as_py(), MAX_CATEGORIES + 2) if texts else 1
    if inputs * table.n_rows > NUMBERS:
        raise BacklitError(
            f"{table.name} becomes {inputs:,} inputs of {table.n_rows:,} rows, since each category is an input of its "
            f"own; the page takes up to {NUMBERS:,} numbers. Leave columns or rows out."
        )
