"""Reading tables: CSV and Parquet files, the bundled data sets, any DataFrame."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import os
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from backlit.data.bundled import BUNDLED, bundled_table
from backlit.data.commas import with_decimal_commas
from backlit.data.table import Table, refuse_duplicates
from backlit.data.wording import counted, did_you_mean, listed, quoted
from backlit.errors import BacklitError

_TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".gz", ".parquet", ".pq")
_NOT_TABLES = {
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\x89HDF": "an HDF5 file",
    b"{": "JSON",
    b"[": "JSON",
    b"<": "HTML or XML",
}
_DELIMITERS = ",;\t|"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LEADING_ZERO = r"^\s*[+-]?0[0-9]"


def read_table(source: object, *, text_columns: Collection[str] = (), comma_columns: Collection[str] = ()) -> Table:
    """Read a table from a file, a bundled data set's name, or any DataFrame.

    `source` is the path of a CSV file (separated by comma, semicolon, tab or bar; UTF-8, or UTF-16 with its mark; plain
    or gzipped) or a Parquet file; a name of `BUNDLED`; a pandas, polars or pyarrow table, or whatever else
    narwhals reads; or a `Table`, returned as it is.

    Empty cells and NA, N/A, NaN, null are missing values. Whole numbers written with leading zeros ("007") stay
    text, for they are codes. `text_columns` are kept as text however they look: a model that learned a column as
    text reads it as text again. A column of a CSV file whose values are all written with decimal commas (3,14 or
    1.234,5) is one of numbers, and stands in the table's `decimal_commas`; `comma_columns` are known to be written so,
    where a few rows may not show it.

    Raises `BacklitError` for whatever is not a table with at least one row.

    >>> read_table("iris").columns
    ('sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)', 'species')
    """
    if isinstance(source, Table):
        table = source
    elif isinstance(source, str | os.PathLike):
        table = _read_named(os.fspath(source), text_columns, comma_columns)
    else:
        table = _read_frame(source)
    if not table.columns:
        raise BacklitError(f"{table.name} has no columns: expected a table with column names and at least one row.")
    if not table.n_rows:
        raise BacklitError(f"{table.name} has column names but no rows: there is nothing to learn from or to predict.")
    return table


def _read_named(given: str, text_columns: Collection[str], comma_columns: Collection[str]) -> Table:
    path = Path(given)
    if not path.exists() and given in BUNDLED:
        return Table(bundled_table(given), name=given, target=BUNDLED[given])
    if not path.exists():
        raise BacklitError(_missing_file(path))
    if path.is_dir():
        raise BacklitError(f"{quoted(given)} is a folder: give one CSV or Parquet file.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BacklitError(f"Cannot read {quoted(given)}: {error.strerror}.") from error
    return Table(_parse_file(raw, path.name, text_columns, comma_columns), name=path.name)


def _missing_file(path: Path) -> str:
    folder = path.parent
    siblings = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    tables = [name for name in siblings if name.lower().endswith(_TABLE_SUFFIXES)]
    near = did_you_mean(path.name, [*BUNDLED, *tables])
    where = "" if folder.is_dir() else f" The folder {quoted(folder)} does not exist either."
    return (
        f"No file {quoted(path)}.{where}{near} "
        f"Expected a CSV or Parquet file, or a bundled data set: {', '.join(BUNDLED)}."
    )


def _parse_file(raw: bytes, name: str, text_columns: Collection[str], comma_columns: Collection[str]) -> pa.Table:
    """Tell by its first bytes, not by its suffix, what the file is."""
    if raw.startswith(b"\x1f\x8b"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise BacklitError(f"{name} is a damaged gzip file ({error}): make or download it again.") from error
    if raw.startswith(b"PAR1"):
        return _parse_parquet(raw, name)
    what = next((what for mark, what in _NOT_TABLES.items() if raw.lstrip().startswith(mark)), None)
    if what is None and b"\0" in raw and not raw.startswith(_UTF16_MARKS):
        what = "a binary file"
    if what is not None:
        raise BacklitError(f"{name} is {what}, not a table: expected CSV or Parquet; export it as CSV.")
    return _parse_csv(raw, name, text_columns, comma_columns)


def _parse_parquet(raw: bytes, name: str) -> pa.Table:
    import pyarrow.parquet as pq  # noqa: PLC0415  (few runs read Parquet)

    try:
        return pq.ParquetFile(pa.BufferReader(raw)).read()
    except (pa.ArrowException, OSError) as error:
        raise BacklitError(f"{name} is a damaged Parquet file ({_one_line(error)}): write it again.") from error


def _parse_csv(raw: bytes, name: str, text_columns: Collection[str], comma_columns: Collection[str]) -> pa.Table:
    encoding = "utf-16" if raw.startswith(_UTF16_MARKS) else "utf-8"
    delimiter, header = _delimiter_and_header(raw, encoding, name)
    columns = [cell.strip() or f"column {index + 1}" for index, cell in enumerate(header)]
    refuse_duplicates(columns, name)
    _refuse_open_quote(raw, encoding, delimiter, name)
    given = dict(zip(columns, header, strict=True))
    kept_as_text = {given[name] for name in columns if name in text_columns}
    try:
        arrow = _arrow_csv(raw, encoding, delimiter, kept_as_text)
    except (pa.ArrowException, UnicodeError) as error:
        raise BacklitError(_csv_fault(raw, encoding, delimiter, name, error)) from error
    for index, field in enumerate(arrow.schema):
        if pa.types.is_binary(field.type):
            raise BacklitError(
                f"The column {quoted(columns[index])} of {name} is not UTF-8 text: save the file as UTF-8 CSV"
                " (in a spreadsheet: export, character set UTF-8)."
            )
    arrow = _restore_leading_zeros(arrow, raw, encoding, delimiter)

    def texts(names: list[str]) -> pa.Table:
        return _arrow_csv(raw, encoding, delimiter, names, only=names) if names else pa.table({})

    known = {given[name] for name in columns if name in comma_columns}
    arrow = with_decimal_commas(arrow, texts, kept=kept_as_text, known=known, semicolons=delimiter == ";")
    return arrow.rename_columns(columns)


def _text(raw: bytes, encoding: str) -> io.TextIOWrapper:
    signed = "utf-8-sig" if encoding == "utf-8" else encoding
    return io.TextIOWrapper(io.BytesIO(raw), encoding=signed, errors="replace", newline="")


def _delimiter_and_header(raw: bytes, encoding: str, name: str) -> tuple[str, list[str]]:
    """The delimiter that cuts the first records into equally many cells, as many as possible; and the first record."""
    if not any(line.strip() for line in _text(raw, encoding)):
        raise BacklitError(f"{name} is empty: expected a line of column names and at least one row.")
    samples = []
    for delimiter in _DELIMITERS:
        with contextlib.suppress(csv.Error):  # with a wrong delimiter a cell may be longer than Python's reader takes
            reader = csv.reader(_text(raw, encoding), delimiter=delimiter)
            samples.append((delimiter, list(itertools.islice(filter(None, reader), 6))))
    if not samples:
        raise BacklitError(f"{name} is not CSV: no separator of {_DELIMITERS!r} cuts its first line into column names.")

    def score(sample: tuple[str, list[list[str]]]) -> tuple[bool, int]:
        width = len(sample[1][0])
        return width > 1 and all(len(record) == width for record in sample[1]), width

    delimiter, records = max(samples, key=score)
    return delimiter, records[0]


def _refuse_open_quote(raw: bytes, encoding: str, delimiter: str, name: str) -> None:
    """A quote that is never closed would swallow the rest of the file into one cell, without a word from Arrow."""
    if raw.count(b'"') % 2 == 0:
        return
    reader = csv.reader(_text(raw, encoding), delimiter=delimiter, strict=True)
    line = 0
    try:
        for _ in reader:
            line = reader.line_num
    except csv.Error as error:
        raise BacklitError(
            f"The row that begins on line {line + 1} of {name} has a quote that is never closed: close it, or "
            "double it where it is part of the text."
        ) from error


def _arrow_csv(
    raw: bytes, encoding: str, delimiter: str, text_columns: Collection[str], only: list[str] | None = None
) -> pa.Table:

    return pacsv.read_csv(
        pa.BufferReader(raw),
        read_options=pacsv.ReadOptions(encoding=encoding),
        # Looking for line ends inside quotes costs time, so only where there are quotes.
        parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in raw),
        convert_options=pacsv.ConvertOptions(
            strings_can_be_null=True, column_types=dict.fromkeys(text_columns, pa.string()), include_columns=only
        ),
    )


def _restore_leading_zeros(arrow: pa.Table, raw: bytes, encoding: str, delimiter: str) -> pa.Table:
    """Arrow reads 007 as 7; a column with such a cell is one of codes and becomes text again."""

    whole = [field.name for field in arrow.schema if pa.types.is_integer(field.type)]
    if not whole:
        return arrow
    texts = _arrow_csv(raw, encoding, delimiter, whole, only=whole)
    for name in whole:
        if pc.any(pc.match_substring_regex(texts.column(name), _LEADING_ZERO)).as_py():
            arrow = arrow.set_column(arrow.schema.get_field_index(name), name, texts.column(name))
    return arrow


def _csv_fault(raw: bytes, encoding: str, delimiter: str, name: str, error: Exception) -> str:
    """Name the first line with too few or too many cells; where there is none, say what the reader said."""
    reader = csv.reader(_text(raw, encoding), delimiter=delimiter)
    try:
        records = filter(None, reader)
        width = len(next(records))
        for record in records:
            if len(record) != width:
                cells = counted(len(record), "cell")
                return (
                    f"Line {reader.line_num} of {name} has {cells} where the column names make {width}: "
                    f"{listed(record)}. Make every row as long as the first (a cell with a separator needs quotes)."
                )
    except csv.Error as python_error:
        error = python_error
    return f"{name} cannot be read as CSV: {_one_line(error)}"


def _read_frame(source: object) -> Table:
    import narwhals as nw  # noqa: PLC0415  (the command line never needs it)

    kind = f"the {type(source).__module__.partition('.')[0]} table"
    try:
        frame: Any = nw.from_native(source)
    except TypeError as error:
        raise BacklitError(
            f"A {type(source).__name__} is not a table: give the path of a CSV or Parquet file, a bundled name "
            f"({', '.join(BUNDLED)}), a DataFrame, or Table.from_arrays(X, y)."
        ) from error
    except nw.exceptions.DuplicateError as error:
        raise BacklitError(f"Two columns of {kind} have the same name: {_one_line(error)}") from error
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else nw.maybe_reset_index(frame)
    try:
        return Table(frame.to_arrow(), name=kind)
    except (pa.ArrowException, TypeError) as error:
        raise BacklitError(
            f"{kind} mixes types in a column: {_one_line(error)}. Give each column one type, e.g. with astype(str)."
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(" ".join(map(str, error.args)).split())
