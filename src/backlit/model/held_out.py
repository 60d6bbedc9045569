"""The rows of a table that are kept for the test: chosen before a training, and found again after it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from backlit.data import ColumnReport, Table, Task, split_rows
from backlit.data.grids import is_grid
from backlit.data.values import as_numbers, as_seconds, is_label, is_text, time_kind, without_dictionary
from backlit.model.recipe import Settings
from backlit.model.reports import FitReport

Rows = NDArray[np.int64]


def keep_test_rows(table: Table, task: Task, settings: Settings) -> tuple[Rows, Rows, np.random.Generator]:
    """Give the rows for training and those for the test of a table whose rows all have a target.

    The third is the generator of random numbers, which goes on to choose validation rows.
    """
    labels = table.values(task.column) if task.kind == "classes" else None
    rng = np.random.default_rng(settings.seed)
    rest, _, test = split_rows(labels, table.n_rows, validation=0.0, test=settings.test, rng=rng)
    return rest, test, rng


def held_out_rows(report: FitReport, table: Table) -> Rows | None:
    """Give the indices (n,) of the rows of a table that the training of `report` kept for its test.

    It is None for another table than that of the training: where a name or a cell of a column that the network uses, or
    of the target, differs, or the order of the rows. The order of the columns does not count, nor do columns that the
    network does not use, rows without a target, or the kind of file, as long as cells are read as the same kinds of
    values. It is None, too, for the report of an older model file.

    >>> from backlit.data import read_table
    >>> from backlit.model import Settings, TableTraining, fit_table
    >>> _, report = fit_table("iris", settings=Settings(layers=(3,), epochs=2))
    >>> iris = read_table("iris")
    >>> len(held_out_rows(report, iris)), held_out_rows(report, iris.take(range(149)))
    (30, None)
    """
    if report.settings is None or report.table_digest is None:
        return None
    columns = {report.task.column, *used_columns(report.columns)}
    if not columns <= set(table.columns):
        return None
    known = table.drop_missing(report.task.column)
    if known.n_rows != report.task.n_rows or table_digest(known, report.task, report.columns) != report.table_digest:
        return None
    _, test, _ = keep_test_rows(known, report.task, report.settings)
    return test if known is table else np.flatnonzero(table.present(report.task.column))[test]


def used_columns(columns: Iterable[ColumnReport]) -> list[str]:
    """Give the names of the columns that the network has inputs of."""
    return [column.column for column in columns if column.outputs]


def table_digest(table: Table, task: Task, columns: Iterable[ColumnReport]) -> str:
    """Give the SHA-256, in hex, of the names and cells of the target and of the columns that the network uses.

    The rows are those with a target. Where the table came from does not count, nor how its columns lie in memory:
    numbers are taken as float64, dates as seconds, texts as UTF-8, categories as their values.
    """
    sha = hashlib.sha256(f"{table.n_rows}".encode())
    for name in (task.column, *used_columns(columns)):
        sha.update(f"\0{len(name)} {name}\0".encode())
        for part in _canonical(without_dictionary(table.column(name)), name):
            sha.update(part)
    return sha.hexdigest()


def _canonical(column: pa.ChunkedArray, name: str) -> Iterable[Any]:
    """Give a column's cells as bytes that are the same however Arrow holds them, after a word for their kind."""
    time = time_kind(column.type)
    if is_text(column.type):
        whole = pc.fill_null(column.cast(pa.large_string()), "").combine_chunks()
        lengths = pc.binary_length(whole).to_numpy()
        yield b"text"
        yield np.where(column.is_null().to_numpy(), -1, lengths).astype("<i8")
        yield _text_bytes(whole)
    elif time is not None or is_label(column.type) or pa.types.is_null(column.type):
        values = as_numbers(column, name) if time is None else as_seconds(column, name, time)
        yield (time or "number").encode()
        yield np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8")  # one NaN, one zero
    elif is_grid(column.type):
        yield str(column.type).encode()
        for chunk in column.chunks:
            yield np.ascontiguousarray(chunk.storage.flatten().to_numpy(zero_copy_only=False))
    else:
        yield str(column.type).encode()


def _text_bytes(texts: pa.LargeStringArray) -> memoryview:
    """Give the UTF-8 of all texts in a row."""
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, "<i8")[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data or b"")[bounds[0] : bounds[-1]]
