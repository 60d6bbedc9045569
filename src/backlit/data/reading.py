"""Reading tables: CSV and Parquet files, the bundled data sets, any DataFrame."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import itertools
import os
import re
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from backlit.data.array_files import is_array_file, read_arrays
from backlit.data.bundled import BUNDLED, bundled_table
from backlit.data.decimal_commas import with_decimal_commas
from backlit.data.messages import counted, did_you_mean, listed, quoted
from backlit.data.pictures import read_pictures
from backlit.data.table import INDEX, Table, refuse_duplicates
from backlit.errors import BacklitError

_TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".gz", ".parquet", ".pq")
_NOT_TABLES = {
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old Office file",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a picture",
    b"\x89HDF": "an HDF5 file",
}
_JSON = re.compile(rb"""\{\s*["}]|\[\s*[\[{"\]]|\[\s*-?[0-9.]+\s*,""")
_MARKUP = re.compile(rb"<(?:[!?]|html\b|([a-z][\w:.-]*))", re.IGNORECASE)
_PARQUET = b"PAR1"
_DELIMITERS = ",;\t|"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NOT_UTF8 = "is not UTF-8 text: save the file as UTF-8 CSV (in a spreadsheet: export, character set UTF-8)."
_LEADING_ZERO = r"^\s*[+-]?0[0-9]"


class _Layout(NamedTuple):
    """How a CSV file divides into cells: `header_rows` counts the rows up to the column names, blank ones too."""

    encoding: str
    delimiter: str
    header_rows: int
    columns: list[str]


def read_table(source: object, *, text_columns: Collection[str] = (), comma_columns: Collection[str] = ()) -> Table:
    """Read a table from a file, a folder of pictures, a bundled data set's name, or any DataFrame.

    `source` is the path of a CSV file (separated by comma, semicolon, tab or bar; UTF-8, or UTF-16 with its mark; plain
    or gzipped) or a Parquet file; a folder with a folder of pictures for each class (see `read_pictures`); an .npz file
    with arrays X and y (see `read_arrays`); a name of `BUNDLED`; a pandas, polars or pyarrow table, or another
    DataFrame that narwhals reads; or a `Table`, returned as it is.

    Empty cells and NA, N/A, NaN, null are missing values. Whole numbers written with leading zeros ("007") stay
    text, for they are codes. `text_columns` stay text even if they look like numbers: a model that learned a column as
    text reads it as text again. A column of a CSV file whose values are all written with decimal commas (3,14 or
    1.234,5) becomes numbers, and is named in the table's `decimal_commas`; `comma_columns` are known to be written so,
    where a few rows may not show it.

    The index of a pandas DataFrame is not a column: that of a DataFrame is left out; one that was written into a
    Parquet file or an Arrow table is named in the table's `index_columns`, and no encoder learns from it.

    Raises `BacklitError` for a source that is not a table with at least one row.

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
    if _is_bundled(given):
        return Table(bundled_table(given), name=given, target=BUNDLED[given])
    if not path.exists():
        raise BacklitError(_missing_file(path))
    if path.is_dir():
        return read_pictures(path)
    name = path.name.encode(errors="backslashreplace").decode()  # bytes that are no UTF-8 could not be written anywhere
    return table_of_bytes(_bytes_of(path), name, text_columns, comma_columns)


def table_of_bytes(
    raw: bytes, name: str, text_columns: Collection[str] = (), comma_columns: Collection[str] = ()
) -> Table:
    """The table that the bytes of a file hold, which is CSV, Parquet or .npz; `name` is what messages call it.

    Raises `BacklitError` for anything else. `read_table` of it refuses a table without columns or rows.
    """
    if is_array_file(raw):
        return read_arrays(raw, name)
    return Table(_parse_file(raw, name, text_columns, comma_columns), name=name)


def columns_as_written(given: str, table: Table, names: Sequence[str]) -> pa.Table:
    """The named columns of the source of `table` as they are written: the text of CSV cells, the type in Parquet.

    `given` is the path or the bundled name that was read. An empty cell of a CSV file is an empty text.
    """
    if not names or _is_bundled(given) or Path(given).is_dir():
        return table.arrow.select(list(names))
    raw = _bytes_of(Path(given))
    if is_array_file(raw):
        return table.arrow.select(list(names))
    if raw.startswith(_PARQUET):
        return _arrow_parquet(raw, table.name).select(list(names))
    return _arrow_csv(raw, _layout(raw, table.name), names, only=list(names), nulls=False)


def _is_bundled(given: str) -> bool:
    return given in BUNDLED and not Path(given).is_file()  # a folder of that name may be where its models are kept


def _bytes_of(path: Path) -> bytes:
    """The bytes of a file, unpacked where they are gzip."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BacklitError(f"Cannot read {quoted(path)}: {error.strerror}.") from error
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise BacklitError(f"{path.name} is a damaged gzip file ({error}): make or download it again.") from error


def _missing_file(path: Path) -> str:
    folder = path.parent
    siblings = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    tables = [name for name in siblings if name.lower().endswith(_TABLE_SUFFIXES)]
    near = did_you_mean(path.name, [*BUNDLED, *tables])
    where = "" if folder.is_dir() else f" The folder {quoted(folder)} does not exist either."
    return (
        f"No file {quoted(path)}.{where}{near} "
        "Expected a CSV or Parquet file, a folder of pictures, an .npz file of arrays, or a bundled data set: "
        f"{', '.join(BUNDLED)}."
    )


def _parse_file(raw: bytes, name: str, text_columns: Collection[str], comma_columns: Collection[str]) -> pa.Table:
    """Read a file as the format that its first bytes show, not its suffix."""
    if raw.startswith(_PARQUET):
        return _with_index_marked(_arrow_parquet(raw, name))
    what = next((what for mark, what in _NOT_TABLES.items() if raw.startswith(mark)), None) or _notation(raw)
    if what is None and b"\0" in raw and not raw.startswith(_UTF16_MARKS):
        what = "a binary file"
    if raw.startswith(b"\x93NUMPY"):
        raise BacklitError(
            f"{name} is one array of NumPy; expected inputs and targets in one file: np.savez('data.npz', X=X, y=y)."
        )
    if what is not None:
        raise BacklitError(f"{name} is {what}, not a table: expected CSV or Parquet; export it as CSV.")
    return _parse_csv(raw, name, text_columns, comma_columns)


def _notation(raw: bytes) -> str | None:
    """The name of a notation that is no table, or None. A column name may begin like one: <OPEN>, [m]."""
    start = raw[:4096].removeprefix(codecs.BOM_UTF8).lstrip()
    if _JSON.match(start):
        return "JSON"
    tag = _MARKUP.match(start)
    # A tag is closed later in the file; a column name in such brackets is not.
    return "HTML or XML" if tag and (tag[1] is None or b"</" + tag[1] in raw) else None


def _arrow_parquet(raw: bytes, name: str) -> pa.Table:
    import pyarrow.parquet as pq  # noqa: PLC0415  (few runs read Parquet)

    try:
        return pq.ParquetFile(pa.BufferReader(raw)).read()
    except (pa.ArrowException, OSError) as error:
        raise BacklitError(f"{name} is a damaged Parquet file ({_one_line(error)}): write it again.") from error


def _with_index_marked(arrow: pa.Table) -> pa.Table:
    """The table with the fields marked that its pandas metadata names as the index, named or not."""
    index = (arrow.schema.pandas_metadata or {}).get("index_columns", [])
    for name in index:
        position = arrow.schema.get_field_index(name) if isinstance(name, str) else -1  # a range is not written
        if position >= 0:
            field = arrow.schema.field(position)
            marked = field.with_metadata({**(field.metadata or {}), **INDEX})
            arrow = arrow.set_column(position, marked, arrow.column(position))
    return arrow


def _parse_csv(raw: bytes, name: str, text_columns: Collection[str], comma_columns: Collection[str]) -> pa.Table:
    layout = _layout(raw, name)
    refuse_duplicates(layout.columns, name)
    _refuse_foreign_header(raw, layout, name)
    _refuse_open_quote(raw, layout, name)
    kept_as_text = set(layout.columns) & set(text_columns)
    try:
        arrow = _arrow_csv(raw, layout, kept_as_text)
    except (pa.ArrowException, UnicodeError) as error:
        raise BacklitError(_csv_fault(raw, layout, name, error)) from error
    for field in arrow.schema:
        if pa.types.is_binary(field.type):
            raise BacklitError(f"The column {quoted(field.name)} of {name} {_NOT_UTF8}")
    arrow = _restore_leading_zeros(arrow, raw, layout)

    def texts(names: list[str]) -> pa.Table:
        return _arrow_csv(raw, layout, names, only=names) if names else pa.table({})

    known = set(layout.columns) & set(comma_columns)
    return with_decimal_commas(arrow, texts, kept=kept_as_text, known=known, semicolons=layout.delimiter == ";")


def _text(raw: bytes, encoding: str, errors: str = "replace") -> io.TextIOWrapper:
    signed = "utf-8-sig" if encoding == "utf-8" else encoding
    return io.TextIOWrapper(io.BytesIO(raw), encoding=signed, errors=errors, newline="")


def _layout(raw: bytes, name: str) -> _Layout:
    """The encoding, the delimiter that divides the first records into the most cells, equally many, and the names."""
    encoding = "utf-16" if raw.startswith(_UTF16_MARKS) else "utf-8"
    if not any(line.strip() for line in _text(raw, encoding)):
        raise BacklitError(f"{name} is empty: expected a line of column names and at least one row.")
    named = _named_delimiter(raw, encoding)
    samples = []
    most = 6 + bool(named)
    for delimiter in named or _DELIMITERS:
        with contextlib.suppress(csv.Error):  # with a wrong delimiter, a cell may be too long for Python's reader
            reader = enumerate(csv.reader(_text(raw, encoding), delimiter=delimiter))
            samples.append((delimiter, list(itertools.islice(((n, record) for n, record in reader if record), most))))
    if named:
        samples = [(delimiter, records[1:]) for delimiter, records in samples if len(records) > 1]
    if not samples:
        raise BacklitError(f"{name} is not CSV: no separator of {_DELIMITERS!r} cuts its first line into column names.")

    def score(sample: tuple[str, list[tuple[int, list[str]]]]) -> tuple[bool, int]:
        width = len(sample[1][0][1])
        return width > 1 and all(len(record) == width for _, record in sample[1]), width

    delimiter, records = max(samples, key=score)
    n_blank, header = records[0]
    columns = [cell.strip() or f"column {index + 1}" for index, cell in enumerate(header)]
    return _Layout(encoding, delimiter, n_blank + 1, columns)


def _named_delimiter(raw: bytes, encoding: str) -> str:
    """The delimiter that the first line names, as spreadsheets write it (sep=;); an empty text where it names none."""
    first = next((line.strip(" \r\n") for line in _text(raw, encoding) if line.strip()), "")
    found = re.fullmatch(r'"?sep=([,;|\t])"?', first, re.IGNORECASE)
    return found[1] if found else ""


def _refuse_foreign_header(raw: bytes, layout: _Layout, name: str) -> None:
    """Refuse column names that the encoding cannot decode: they were read with U+FFFD in place of some bytes."""
    odd = [column for column in layout.columns if "\ufffd" in column]
    if not odd:
        return
    try:
        next(filter(None, csv.reader(_text(raw, layout.encoding, errors="strict"), delimiter=layout.delimiter)))
    except UnicodeError as error:
        raise BacklitError(f"The column name {quoted(odd[0])} of {name} {_NOT_UTF8}") from error


def _refuse_open_quote(raw: bytes, layout: _Layout, name: str) -> None:
    """Refuse a quote that is never closed: Arrow would read the rest of the file as one cell, without an error."""
    if raw.count(b'"') % 2 == 0:
        return
    reader = csv.reader(_text(raw, layout.encoding), delimiter=layout.delimiter, strict=True)
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
    raw: bytes, layout: _Layout, text_columns: Collection[str], only: list[str] | None = None, nulls: bool = True
) -> pa.Table:
    return pacsv.read_csv(
        pa.BufferReader(raw),
        read_options=pacsv.ReadOptions(
            encoding=layout.encoding, column_names=layout.columns, skip_rows_after_names=layout.header_rows
        ),
        # Looking for line ends inside quotes costs time, so only where there are quotes.
        parse_options=pacsv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=b'"' in raw),
        convert_options=pacsv.ConvertOptions(
            strings_can_be_null=nulls, column_types=dict.fromkeys(text_columns, pa.string()), include_columns=only
        ),
    )


def _restore_leading_zeros(arrow: pa.Table, raw: bytes, layout: _Layout) -> pa.Table:
    """Make columns with cells such as 007 text again: they hold codes, and Arrow reads 7."""
    whole = [field.name for field in arrow.schema if pa.types.is_integer(field.type)]
    if not whole:
        return arrow
    texts = _arrow_csv(raw, layout, whole, only=whole)
    for name in whole:
        if pc.any(pc.match_substring_regex(texts.column(name), _LEADING_ZERO)).as_py():
            arrow = arrow.set_column(arrow.schema.get_field_index(name), name, texts.column(name))
    return arrow


def _csv_fault(raw: bytes, layout: _Layout, name: str, error: Exception) -> str:
    """Name the first line with too few or too many cells; where there is none, give the reader's message."""
    reader = csv.reader(_text(raw, layout.encoding), delimiter=layout.delimiter)
    try:
        records = filter(None, reader)
        if _named_delimiter(raw, layout.encoding):
            next(records)
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
        return Table(_with_index_marked(frame.to_arrow()), name=kind)
    except (pa.ArrowException, TypeError) as error:
        raise BacklitError(
            f"{kind} mixes types in a column: {_one_line(error)}. Give each column one type, e.g. with astype(str)."
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(" ".join(map(str, error.args)).split())
