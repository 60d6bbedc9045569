"""The columns that `predict` keeps, as the file has them: the text of a CSV cell, the type of a Parquet column.

They are not taken from the table that the model reads, for a number that is read and written again may change.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backlit.errors import BacklitError

if TYPE_CHECKING:
    import pyarrow as pa

    from backlit.data import Table

SPECIAL = '[",\r\n]'
"""Text with one of these needs quotes in CSV."""


@contextmanager
def readable_twice(data: str) -> Iterator[str]:
    """The path of the file, or of a copy with the same name where it is a pipe, which can be read only once."""
    path = Path(data)
    if not path.exists() or path.is_file() or path.is_dir():
        yield data
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        copy.write_bytes(path.read_bytes())
        yield str(copy)


def kept_columns(data: str, table: Table, names: tuple[str, ...]) -> pa.Table:
    """The named columns of the file `data`, from which `table` was read: CSV as text, Parquet in its own types.

    Errors: a BacklitError where the file has other rows than the table.
    """
    from backlit.data.reading import columns_as_written

    kept = columns_as_written(data, table, names)
    if names and kept.num_rows != table.n_rows:
        raise BacklitError(f"{table.name} changed while it was read: run the command again.")
    return kept


def refuse_what_csv_cannot_hold(kept: pa.Table) -> None:
    """Raise a BacklitError for a column of lists, records or bytes, which have no usual form in a cell."""
    import pyarrow as pa

    for field in kept.schema:
        if pa.types.is_nested(field.type) or _is_bytes(field.type):
            raise BacklitError(
                f'the column "{field.name}" holds values of type {field.type}, which a CSV file cannot hold: '
                "choose other columns with --keep, or an output that ends in .parquet."
            )


def _is_bytes(arrow_type: Any) -> bool:
    import pyarrow as pa

    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(kind(arrow_type) for kind in kinds)


def csv_lines(table: pa.Table) -> bytes:
    """The rows as CSV, quotes only where a value needs them: Arrow by itself would quote all text or none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = [_cells(column) for column in table.columns]
    lines = pc.binary_join_element_wise(*cells, pa.scalar(",", pa.large_string()))
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()


def csv_header(names: list[str]) -> bytes:
    """The first line of a CSV file."""
    import pyarrow as pa

    return csv_lines(pa.table([[name] for name in names], names=[str(k) for k in range(len(names))]))


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as the cells of CSV; a missing value is an empty one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    text = pc.fill_null(column.cast(pa.large_string()), "")
    special = pc.match_substring_regex(text, SPECIAL)
    if not pc.any(special).as_py():
        return text
    quote, nothing = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise(quote, doubled, quote, nothing), text)
