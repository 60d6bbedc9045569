"""A file that a browser sends: a table, a network file or a model file, each read by its one reader."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backlit.data import Table, read_table, table_of_bytes
from backlit.data.columns import MAX_CATEGORIES
from backlit.data.messages import quoted
from backlit.errors import BacklitError, PlacedError
from backlit.examples import parse_network_file
from backlit.model import TabularModel, load
from backlit.model.file import DESCRIPTION, SUFFIX
from backlit.page.file_sources import has_rows, of_file_on_table, of_run, tables_of
from backlit.page.limits import LIMITS, refuse_many_layers, refuse_too_large
from backlit.page.model_sources import of_network, of_tabular_model
from backlit.page.source import Source
from backlit.page.table_sources import of_table
from backlit.show.names import short

LARGEST = 20_000_000
"""Bytes of an uploaded file."""

NUMBERS = 50_000_000
"""Numbers that a table may become: with every category an input of its own, a small file may become many."""

LARGEST_TEXT = 1_000_000
"""Bytes of an uploaded network file: reading more of them takes seconds, in which the page stands still."""

DEEP_KEY = re.compile(rb"""(?<![\w-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.){0,200}+"|'[^'\n]{0,200}+')[ \t]*+\.[ \t]*+){50}""")
"""A key of more than fifty parts: the time to read it grows with their square."""

MOST_COLUMNS = 10_000
"""Columns of an uploaded table: reading so many takes seconds."""

HEAD_LINES, SEPARATORS = 5, (b",", b";", b"\t", b"|")
"""Columns are counted in so many lines, by each of these."""

MOST_OF_ANYTHING = 100_000
"""The largest size or count in an uploaded file."""

MOST_RUNS = 100
"""Runs in a network file: each is built when it is read."""

NO_SIZES = {"seed", "weights", "recurrent_weights", "biases"}
"""Keys of layers whose whole numbers are no sizes."""

LONGEST_NAME = 80

ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".parquet", ".pq")
"""Of tables."""

SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")


def uploaded_source(name: str, content: bytes, target: str | None = None, before: Source | None = None) -> Source:
    """Give the source of an uploaded file. The name is what it is called, and nothing else comes from the browser.

    Where no target is given, the last column of a table is predicted, or the last one that can be. A model of a table,
    and a network file without rows, take the table of the source `before`.

    Errors: a BacklitError for another kind of file, one that is too large, or one that does not fit.
    """
    label = short(re.split(r"[/\\]", name)[-1], LONGEST_NAME)
    ending = Path(label).suffix.lower()
    if ending not in (*ENDINGS, ".toml", SUFFIX):
        raise BacklitError(
            f"The file is called {quoted(label)}; expected a table (.csv, .tsv, .txt, .parquet), a network file "
            f"(.toml) or a model file ({SUFFIX}).{' Export the spreadsheet as CSV.' if ending in SPREADSHEETS else ''}"
        )
    if len(content) > LARGEST:
        raise BacklitError(f"{label} has {len(content):,} bytes; the page takes up to {LARGEST:,} from a "
                           f"browser; in the terminal, backlit page {label} takes it.")  # fmt: skip
    try:
        if ending == ".toml":
            source = _of_file(label, content, before)
        elif ending == SUFFIX:
            source = _of_model(label, content, before)
        else:
            source = _of_table(label, content, target)
    except MemoryError:
        raise BacklitError(f"There is not enough memory for what {label} holds.") from None
    except (pa.ArrowException, RecursionError) as error:
        raise BacklitError(f"{label} cannot be read: {' '.join(str(error).split())[:200]}.") from error
    except BacklitError as error:
        raise BacklitError(in_words(error)) from error
    told = tuple(map(without_options, source.told))
    return msgspec.structs.replace(source, uploaded=True, told=told)


def _of_table(label: str, content: bytes, target: str | None) -> Source:
    if content.startswith(b"\x1f\x8b"):
        raise BacklitError(f"{label} is packed by gzip; unpack it, and open the .csv file.")
    if content.startswith(b"PAR1"):
        _refuse_unpacked(content, label)
    else:
        lines = re.split(rb"[\r\n]+", content, maxsplit=HEAD_LINES)[:HEAD_LINES]  # some end lines by CR alone
        _refuse_wide(1 + max(line.count(sign) for line in lines for sign in SEPARATORS), label)
    table = read_table(table_of_bytes(content, label))
    _refuse_many(table)
    return of_table(table, target)


def _of_file(label: str, content: bytes, before: Source | None) -> Source:
    """Give the source of a network file: its own rows, or the table at hand."""
    if len(content) > LARGEST_TEXT:
        raise BacklitError(f"{label} has {len(content):,} bytes; of a network file the page takes up to "
                           f"{LARGEST_TEXT:,} from a browser; in the terminal, backlit page {label} does.")  # fmt: skip
    if DEEP_KEY.search(content):
        raise BacklitError(f"{label} has a key of more than 50 parts with dots between them; no such key is known.")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BacklitError(
            f"{label} is not text in UTF-8; expected a network file in TOML. Save it as UTF-8."
        ) from None
    tables = tables_of(text)
    _refuse_huge(label, tables or {})
    if has_rows(tables):
        source = of_run(parse_network_file(text, label), (label,), label)
    elif before is None or before.whole is None:
        raise BacklitError(
            f"{label} has no rows, so it takes those of a table: open the table first, then this file again."
        )
    else:
        given = (label, "--data", before.data_word)
        source = of_file_on_table(text, label, before.whole, before.target, given, before.task)
    refuse_too_large(source.design, len(source.X))
    return source


def _of_model(label: str, content: bytes, before: Source | None) -> Source:
    """Give the source of a model on the table at hand; of a network alone, on the rows of the file at hand."""
    _refuse_huge(label, {"network": _described(content)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{SUFFIX}"
        path.write_bytes(content)
        try:
            model = load(path)
        except BacklitError as error:
            raise BacklitError(str(error).replace(str(path), label)) from None
    if isinstance(model, TabularModel):
        if before is None or before.whole is None:
            raise BacklitError(
                f"{label} holds the model of a table: open a table with its columns first, then this file again."
            )
        return of_tabular_model(model, label, before.whole, None, (label, "--data", before.data_word))
    if before is None or before.setup is None:
        raise BacklitError(
            f"{label} holds a network alone, which does not say how the columns of a table become its inputs: open a "
            "network file with rows first, or choose a classic example, then this file again."
        )
    return of_network(model, label, before, (label, "--data", before.given[0]))


def _described(content: bytes) -> Any:
    """Give the network that a model file's head describes; None where it cannot be read, which its reader says."""
    try:
        head = msgspec.json.decode(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return msgspec.json.decode(head["__metadata__"][DESCRIPTION])["network"]
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return None


def _refuse_huge(label: str, tables: dict[str, Any]) -> None:
    """Refuse a slip of the keyboard that would take all memory, before anything is made of it."""
    runs = tables.get("runs")
    if isinstance(runs, list) and len(runs) > MOST_RUNS:
        raise BacklitError(f"{label} has {len(runs):,} runs; the page takes at most {MOST_RUNS:,}.")
    for part in (tables, *(runs if isinstance(runs, list) else ())):
        if not isinstance(part, dict):
            continue
        try:
            refuse_many_layers(part.get("network"))
        except BacklitError as error:
            raise BacklitError(f"{label}: {error}") from None
        data = part.get("data")
        drawn = data.get("drawn") if isinstance(data, dict) else None
        for key, value in (*_whole_numbers(part.get("network")), *_whole_numbers(drawn)):
            most = LIMITS["units"][0] if key in {"units", "filters"} else MOST_OF_ANYTHING
            if value > most:
                shown = f"{value:,}" if value.bit_length() <= 64 else f"a number of {value.bit_length():,} bits"
                raise BacklitError(f"{label} has {key} = {shown}; the page takes at most {most:,}.")


def _whole_numbers(value: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """Give the sizes and counts in tables, each with its key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in NO_SIZES:
                yield from _whole_numbers(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _whole_numbers(inner, key)
    elif isinstance(value, int):
        yield key, value


def in_words(error: BacklitError) -> str:
    """Give a message in a line, without the options of the command line that it names."""
    return without_options(str(error).splitlines()[0] if isinstance(error, PlacedError) else str(error))


def without_options(words: str) -> str:
    """Give words without the options of the command line that they name.

    >>> without_options("no class repeats; choose another column with --target, or --task numbers where it has some.")
    'no class repeats; choose another column.'
    """
    words = re.sub(r" with --target(, or --task numbers where [^.]*)?", "", words)
    words = re.sub(r" If they are meant as classes, give --task classes\.", "", words)
    return words.replace(": give --task numbers", ": write plain numbers").replace(": leave --run out", "")


def _refuse_wide(columns: int, label: str) -> None:
    if columns > MOST_COLUMNS:
        raise BacklitError(
            f"{label} has {columns:,} columns; the page takes up to {MOST_COLUMNS:,}. Leave columns out."
        )


def _refuse_unpacked(content: bytes, label: str) -> None:
    """Refuse a Parquet file that becomes much larger in memory than it is."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (few files are Parquet)

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        return  # damaged, which the reader says
    metadata = file.metadata
    _refuse_wide(metadata.num_columns, label)
    size = sum(metadata.row_group(k).total_byte_size for k in range(metadata.num_row_groups))
    if metadata.num_rows * metadata.num_columns <= NUMBERS and size <= 10 * LARGEST:
        size += sum(_texts_size(content, field.name) for field in file.schema_arrow if _is_text(field.type))
    if metadata.num_rows * metadata.num_columns > NUMBERS or size > 10 * LARGEST:
        raise BacklitError(
            f"{label} holds {metadata.num_rows:,} rows of {metadata.num_columns:,} columns, {size:,} bytes unpacked; "
            f"the page takes up to {NUMBERS:,} cells and {10 * LARGEST:,} bytes. Give it fewer rows."
        )


def _is_text(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary))


def _texts_size(content: bytes, name: str) -> int:
    """Give the bytes of a column of texts, of which the file may hold each text once, without unpacking them."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (few files are Parquet)

    column = pq.ParquetFile(pa.BufferReader(content), read_dictionary=[name]).read(columns=[name]).column(name)
    size = 0
    for chunk in column.chunks:
        if not pa.types.is_dictionary(chunk.type):
            return int(column.nbytes)
        lengths = np.asarray(pc.binary_length(chunk.dictionary), np.int64)
        size += int(lengths[np.asarray(chunk.indices.drop_null())].sum())
    return size


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
