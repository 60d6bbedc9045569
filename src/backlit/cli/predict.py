"""`backlit predict`: a table with a model's predictions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import msgspec
from cyclopts import Parameter

from backlit.cli.kept_columns import csv_header, csv_lines, kept_columns, readable_twice, refuse_what_csv_cannot_hold
from backlit.cli.options import check_output, column_names, read_model, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.streams import print_document
from backlit.cli.table_printing import surprise_note
from backlit.errors import BacklitError

if TYPE_CHECKING:
    import pyarrow as pa

    from backlit.data import Surprise, Table
    from backlit.model import TabularModel

SUFFIXES = [".csv", ".parquet"]
PREDICTION, PROBABILITY = "prediction", "probability"
SMALLEST, LARGEST = 1e-30, 1e30
"""Between these, the size of a target's mean and deviation lets float32 hold predictions far from the mean."""
FARTHEST_MEAN = 16
"""So many deviations from 0, float32's rounding (2^-24 of a number) is a millionth of a deviation; farther it shows."""


class Written(msgspec.Struct, frozen=True):
    """The report of `predict -o`: what it wrote, and what the rows held that training rows did not."""

    output: str
    rows: int
    columns: tuple[str, ...]
    surprises: tuple[Surprise, ...]


@unwrapped
def predict(
    model: Path,
    data: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    keep: Annotated[list[str] | None, Parameter(negative="")] = None,
    keep_all: Annotated[bool, Parameter(negative="")] = False,
    probabilities: Annotated[bool, Parameter(negative="")] = False,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Predict the rows of a table with a model: a column `prediction`, in the order of the rows.

    The target column is not needed. Of a folder of pictures there are the files' names before it, and behind it the
    probability of the class that is predicted.

    Parameters
    ----------
    model
        A model file, as `backlit train` writes it.
    data
        A CSV or Parquet file, or a bundled data set, with the columns that the model learned from; or a folder of
        pictures or an .npz file, as the model learned from.
    output
        The file to write: OUT.csv or OUT.parquet. Without it, CSV goes to standard output.
    keep
        Columns of DATA to put before the prediction, such as an id; with commas between.
    keep_all
        Put all columns of DATA before the prediction.
    probabilities
        Add a column with the probability of each class.
    plugin
        A Python file to run first, for a model with ops of your own.
    json
        Print JSON, and nothing else: the rows, or with -o what was written.
    """
    run_plugins(plugin or ())
    if output is not None:
        _check_output(output, model, data)
    trained = read_model(model)
    if probabilities:
        trained.require_classes()
    with readable_twice(data) as file:
        table = trained.read(file)
        named = table.columns if keep_all else column_names(keep or (), table)
        kept = kept_columns(file, table, named or table.file_columns)
    parquet = output is not None and output.suffix.lower() == ".parquet"
    if not parquet and not (json and output is None):
        refuse_what_csv_cannot_hold(kept)
    surprises: list[Surprise] = []
    added = _added(trained, probabilities, of_files=bool(table.file_columns))
    tables = _predicted(trained, table, kept, added, surprises)
    if output is None:
        _to_stdout(tables, json)
    else:
        _to_file(output, tables, _write_parquet if parquet else _write_csv)
    _conclude(output, table.n_rows, (*kept.column_names, *added), surprises, json)


def _check_output(output: Path, model: Path, data: str) -> None:
    check_output(output, SUFFIXES)
    for given in (model, Path(data)):
        if output.exists() and given.exists() and output.samefile(given):
            raise BacklitError(
                f'"{output}" is an input too and is not overwritten: choose another name for the output.'
            )


def _added(trained: TabularModel, probabilities: bool, *, of_files: bool) -> list[str]:
    """The names of the added columns: of files, one with the probability of the predicted class."""
    from backlit.data.values import label_text

    classes = (trained.encoder.classes or ()) if probabilities else ()
    one = [PROBABILITY] if of_files and trained.encoder.classes and not probabilities else []
    return [PREDICTION, *one, *(f"{PROBABILITY} {label_text(label)}" for label in classes)]


def _predicted(
    trained: TabularModel, table: Table, kept: pa.Table, added: list[str], surprises: list[Surprise]
) -> Iterator[pa.Table]:
    """The kept columns and the predictions, a chunk of rows after another; collects the surprises."""
    import pyarrow as pa

    for name in added:
        if name in kept.column_names:
            raise BacklitError(f'{table.name} has a column "{name}" of its own: name the columns to keep with --keep.')
    start = 0
    for outputs, found in trained.outputs(table):
        surprises += found
        rows = kept.slice(start, len(outputs))
        start += len(outputs)
        predictions = trained.decode(outputs)
        if trained.encoder.classes is None:
            predictions = predictions.astype(_number_type(trained.encoder.target, outputs.dtype))
        vectors = [predictions, *_probabilities(outputs, added)]
        for name, vector in zip(added, vectors, strict=True):
            rows = rows.append_column(name, pa.chunked_array([pa.array(vector)]))
        yield rows


def _probabilities(outputs: Any, added: list[str]) -> Any:
    """The columns of probabilities: of the predicted class alone, or of each class, where they are asked for."""
    return [outputs.max(axis=1)] if PROBABILITY in added else outputs.T if len(added) > 1 else ()


def _number_type(target: Any, computed: Any) -> Any:
    """The type to write predictions in: that of the network, which has all digits that it computes.

    float64 where that type would lose digits: the target lies far from 0 for its deviation, or its size is near the
    limits of float32.
    """
    near = abs(target.mean) <= FARTHEST_MEAN * target.deviation
    fits = target.deviation > SMALLEST and max(abs(target.mean), target.deviation) < LARGEST
    return computed if near and fits else "float64"


def _to_stdout(tables: Iterator[pa.Table], json: bool) -> None:
    write = _write_json if json else _write_csv
    write(sys.stdout.buffer, tables)
    sys.stdout.flush()


def _write_json(file: BinaryIO, tables: Iterator[pa.Table]) -> None:
    encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
    for k, table in enumerate(tables):
        file.write(b"[\n" if k == 0 else b",\n")
        file.write(b",\n".join(map(encoder.encode, table.to_pylist())))
    file.write(b"\n]\n")


def _to_file(output: Path, tables: Iterator[pa.Table], write: Any) -> None:
    from backlit.model.file import replacing

    with replacing(output) as file:
        write(file, tables)


def _write_csv(file: BinaryIO, tables: Iterator[pa.Table]) -> None:
    for k, table in enumerate(tables):
        if k == 0:
            file.write(csv_header(table.column_names))
        file.write(csv_lines(table))


def _write_parquet(file: BinaryIO, tables: Iterator[pa.Table]) -> None:
    import pyarrow.parquet as pq

    first = next(tables)
    with pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def _conclude(
    output: Path | None, n_rows: int, columns: tuple[str, ...], surprises: list[Surprise], json: bool
) -> None:
    """Report what was written, and what the rows held that training rows did not."""
    from backlit.data.messages import counted
    from backlit.model.tabular import merged

    found = merged(surprises)
    if json:
        if output is not None:
            print_document(msgspec.json.encode(Written(str(output), n_rows, columns, found)))
        return
    for surprise in found:
        print(surprise_note(surprise), file=sys.stderr)
    if output is not None:
        print(f"{counted(n_rows, 'prediction')} written to {output}")
