"""`backlit report`: the report of a model, as `backlit train` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from backlit.cli.options import read_model, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.report_files import beside, check_reports, said
from backlit.cli.streams import print_document
from backlit.cli.table_printing import console
from backlit.cli.typed_command import typed_command
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from backlit.data import Table
    from backlit.model import TabularModel


@unwrapped
def report(
    model: Path,
    data: str | None = None,
    *,
    output: Annotated[list[Path] | None, Parameter(name=["--output", "-o"], negative="")] = None,
    private: Annotated[bool, Parameter(negative="")] = False,
    plugin: Annotated[list[Path] | None, Parameter(negative="")] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a model's report, a page for a browser: how good it is, where it is wrong, what it uses, how it was made.

    With the table that the model was trained on, it is the report that `train` writes, on the rows that were kept for
    the test; with another table, it is on all rows that have a target. Without DATA, it has what the model knows.

    Parameters
    ----------
    model
        A model file, as `backlit train` writes it.
    data
        A CSV or Parquet file, or a bundled data set, with the columns that the model learned from and the target. Of
        the table that the model was trained on, the report is of the rows that were kept for the test; of another
        table, of all its rows. Without DATA, the report has what the model's file knows.
    output
        The file of the report, OUT.html, or OUT.json for the same as data; given twice, both. By default both beside
        the model: MODEL.report.html, or MODEL.DATA.report.html where DATA is another table than that of the training.
    private
        Leave the values of the table's rows out of the report.
    plugin
        A Python file to run first, for a model with ops of your own.
    json
        Print the report as JSON, and nothing else; without -o, no file is written.
    """
    from backlit.sources.reporting import report_of

    run_plugins(plugin or ())
    inputs = [model, *([Path(data)] if data else []), *(plugin or ())]
    output = list(dict.fromkeys(output or ()))
    check_reports(output, inputs)
    trained = read_model(model)
    table = None if data is None else trained.read(data)
    paths = output or ([] if json else _beside(model, trained, table))
    if not output:
        check_reports(paths, inputs)
    made = report_of(trained, table, private=private, file=model, command=typed_command())
    for path in paths:
        made.save(path)
    if json:
        print_document(made.to_json())
        return
    verdict = made.record.verdict
    to = console()
    for sentence in (verdict.sentence, *verdict.remarks):
        to.print(sentence)
    to.print(f"\nReport written to {said(paths)}.", soft_wrap=True)


def _without_rows(path: Path) -> bool:
    """Whether the file is the data of a report that has no rows of a table, which another such one may replace."""
    try:
        kept = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(kept, dict) and "measured" in kept and kept["measured"] is None


def _beside(path: Path, model: TabularModel, table: Table | None) -> list[Path]:
    """The files beside the model; of another table than that of its training they have another name."""
    from backlit.model.held_out import held_out_rows

    paths = beside(path)
    if table is None:
        there = next((str(file) for file in paths if file.exists()), None)
        if there and not _without_rows(paths[-1]):
            raise BacklitError(
                f'"{there}" is there, and may say more than a report without the table: give DATA, or name another '
                "file with -o."
            )
        return paths
    own = model.report is not None and held_out_rows(model.report, table) is not None
    return paths if own else beside(path, Path(table.name).stem)
