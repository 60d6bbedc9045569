"""`backlit train`: from a table to a model file."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from backlit.cli.log_files import LogFiles
from backlit.cli.options import check_output, described, unwrapped
from backlit.cli.plugins import run_plugins
from backlit.cli.progress import watch
from backlit.cli.report_files import ReportFiles, beside, check_reports, earlier, said
from backlit.cli.streams import deferred_output_errors, print_document
from backlit.cli.table_options import DESCENT, OUTPUT, USUAL, TableOptions
from backlit.cli.table_printing import console, score_cells, score_heads, show_table
from backlit.cli.typed_command import typed_command
from backlit.errors import BacklitError

if TYPE_CHECKING:
    from rich.console import Console

    from backlit.model import FitReport, TableTraining
    from backlit.show.report.report import Report

COLUMNS_SHOWN = 20
FEW_COLUMNS = 12
"""In a table of more columns, those that are only standardized share a line."""
NO_REPORT = 1
"""The exit code where the model is written, but its report or its log is not."""


@unwrapped
def train(
    data: str,
    *,
    options: Annotated[TableOptions, Parameter(name="*")] = USUAL,
    time_limit: Annotated[
        float | None,
        described("time_limit", DESCENT, ", with choosing and comparing, and give the model so far. So does Ctrl-C"),
    ] = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], group=OUTPUT)] = None,
    report: Annotated[list[Path] | None, Parameter(group=OUTPUT, negative="")] = None,
    no_report: Annotated[bool, Parameter(group=OUTPUT, negative="")] = False,
    private: Annotated[bool, Parameter(group=OUTPUT, negative="")] = False,
    log: Annotated[list[str] | None, Parameter(group=OUTPUT, negative="")] = None,
    plugin: Annotated[list[Path] | None, Parameter(group=OUTPUT, negative="")] = None,
    json: Annotated[bool, Parameter(group=OUTPUT, negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], group=OUTPUT, negative="")] = False,
) -> int:
    """Train a network on a table, and write a model file, and beside it a report, a page for a browser.

    Options that are not given are chosen: the task by the target's values; layer, penalty and number of epochs by
    validation. The exit code is 1 where the model is written, but not the report or the log.

    Parameters
    ----------
    data
        A CSV or Parquet file, or a bundled data set: iris, wine, breast_cancer, digits, diabetes; a folder that has a
        folder of small pictures for each class (pip install 'backlit[pictures]'); or an .npz file with arrays X and y.
    output
        The model file, OUT.safetensors; by default DATA.safetensors, in this folder.
    report
        The file of the report, OUT.html, or OUT.json for the same as data; given twice, both. By default both stand
        beside the model: MODEL.report.html and MODEL.report.json.
    no_report
        Write no report.
    private
        Leave the values of the table's rows out of the report.
    log
        Where to write each epoch of the final training as it ends, with its signals: OUT.jsonl, tensorboard:FOLDER or
        mlflow; may be given several times.
    plugin
        A Python file to run first, such as one that registers an activation. Only files named here are run.
    json
        Print what is shown of the training as JSON, and nothing else.
    quiet
        Show no progress.
    """
    from backlit.data import read_table
    from backlit.model import TableTraining
    from backlit.model.file import SUFFIX

    run_plugins(plugin or ())
    path = output or Path(Path(data).stem + SUFFIX)
    check_output(path, [SUFFIX])
    reports = _report_files(report, no_report, path)
    check_reports(reports, [Path(data), path, *(plugin or ())])
    logs = LogFiles(log or (), path, [Path(data), path, *reports, *(plugin or ())])
    table = read_table(data)
    settings = options.settings(table, time_limit=time_limit)
    training = TableTraining(table, options.target, settings)
    training.command = typed_command()
    files = ReportFiles(reports, path, lambda: _report(training, path, private))
    to = console()
    with deferred_output_errors():
        if not json:
            _show_start(to, training)
        try:
            watch(training, path, quiet=quiet or json, report=files.write if reports else None, note=logs.note)
        finally:
            logs.close()
    failures = [*logs.failures, *([files.failure] if files.failure else [])]
    try:
        _conclude(to, training, path, data, files, logs, json)
    finally:
        for failure in failures:
            print(failure, file=sys.stderr)
    return NO_REPORT if failures else 0


def _report(training: TableTraining, path: Path, private: bool) -> Report:
    from backlit.sources.reporting import report_of

    return report_of(training, private=private, file=path)


def _report_files(asked: list[Path] | None, none: bool, model: Path) -> list[Path]:
    if asked and none:
        raise BacklitError("--report names a file, and --no-report asks for none: leave one of them out.")
    return [] if none else list(dict.fromkeys(asked or beside(model)))


def _conclude(
    to: Console, training: TableTraining, path: Path, data: str, reports: ReportFiles, logs: LogFiles, json: bool
) -> None:
    assert training.report is not None
    if json:
        files = {"model": str(path), "report_files": [str(file) for file in reports.written], "logs": logs.written}
        print_document(msgspec.json.encode(msgspec.to_builtins(training.report) | files))
        return
    _show_report(to, training.report)
    _show_notices(to, training.report)
    _show_next(to, training.report, path, data, reports.written, logs.written, bool(reports.failure))


def _show_next(
    to: Console, report: FitReport, path: Path, data: str, written: Sequence[Path], logs: Sequence[str], failed: bool
) -> None:
    """Name the files of the model, its report and its logs, and the commands that use the model."""
    from backlit.model.run_limits import CTRL_C

    what = "Model so far" if CTRL_C in report.stopped else "Model"
    to.print(f"\n{what} written to {path}.", soft_wrap=True)
    if written:
        to.print(f"Report written to {said(written)}.", soft_wrap=True)
    stale = earlier(beside(path), written)
    if stale and not failed:  # whose line names them
        to.print(f"Of an earlier training, not of this one: {stale}.", soft_wrap=True)
    if logs:
        to.print(f"Log of the final training written to {' and '.join(logs)}.", soft_wrap=True)
    to.print("Next:")
    for command in (f"backlit predict {shlex.quote(str(path))} {shlex.quote(data)} -o predictions.csv",
                    f"backlit evaluate {shlex.quote(str(path))} {shlex.quote(data)}"):  # fmt: skip
        to.print(f"  {command}", soft_wrap=True)


def _show_start(to: Console, training: TableTraining) -> None:
    """Print the task, the rows and the columns."""
    from backlit.data.messages import counted

    task, n_test = training.task, len(training.rows["test"])
    to.print(f"Task: {task.reason}")
    missing = f"; {counted(task.n_missing, 'row')} without a target left out" if task.n_missing else ""
    to.print(
        f"Rows: {task.n_rows:,}, of which {n_test:,} {'is' if n_test == 1 else 'are'} kept for the test{missing}\n"
    )
    show_table(to, ["column", "kind", "what was done", "inputs"], _column_lines(training), left=3)


def _rows(batch: int | str) -> str:
    return "all rows" if batch == "full" else "1 row" if batch == 1 else f"{batch} rows"


def _column_lines(training: TableTraining) -> Iterator[tuple[str, str, str, str]]:
    """A line per column: its kind and how it is used. In a wide table, plain numbers share a line; the rest is cut."""
    reports = training.encoder.reports
    plain = [r for r in reports if r.kind == "number" and r.outputs == 1]
    wide = len(reports) > FEW_COLUMNS and len(plain) > 1
    others = [r for r in reports if not (wide and r in plain)]
    if wide:
        done = f"standardized, from {plain[0].column} to {plain[-1].column}"
        commas = len({r.column for r in plain} & set(training.encoder.decimal_commas))
        if commas:
            done += f"; {'all' if commas == len(plain) else commas} written with decimal commas"
        yield f"{len(plain)} columns", "number", done, str(len(plain))
    for report in others[:COLUMNS_SHOWN]:
        yield report.column, report.kind, report.done, str(report.outputs)
    rest = others[COLUMNS_SHOWN:]
    if rest:
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(r.kind for r in rest).items())
        yield f"{len(rest)} more", "", f"{kinds} (all of them: --json)", str(sum(r.outputs for r in rest))


def _show_report(to: Console, report: FitReport) -> None:
    """Print what was chosen, why training stopped, and the scores."""
    from backlit.data.messages import counted

    if report.choice is not None:
        to.print(f"\nSettings tried, by {report.choice.how}. {report.choice.rule}")
        chosen = report.choice.trials[report.choice.chosen]
        show_table(
            to, ["network", "epochs", "validation loss", ""],
            [
                (trial.what, str(trial.epochs), "diverged" if trial.loss is None else f"{trial.loss:.4f}",
                 "chosen" if trial is chosen else "")
                for trial in report.choice.trials
            ],
        )  # fmt: skip
    to.print(f"\n{report.network}")
    recipe = report.recipe
    how = f"{recipe.optimizer}" + (f", learning rate {recipe.rate:g}" if recipe.rate else "")
    to.print(f"Trained with {how}, {_rows(recipe.batch_size)} per step, l2 penalty {recipe.l2:.2g}")
    to.print(f"Stopped {report.stopped} ({report.seconds:.1f} s in all)")
    if report.test is None:
        to.print("\nNo rows were kept for a test.")
        return
    test = report.test
    to.print(f"\nOn {counted(test.rows, 'test row')}:")
    heads = score_heads(test.model)
    rows = [("this network", test.model), (f"linear model ({test.linear_what})", test.linear),
            (f"baseline ({test.baseline_what})", test.baseline)]  # fmt: skip
    nothing = ["-"] * len(heads)
    show_table(to, ["", *heads], [(name, *(score_cells(scores) if scores else nothing)) for name, scores in rows])


def _show_notices(to: Console, report: FitReport) -> None:
    """Print what may be wrong, each with the command that goes on from it; nothing where nothing was noticed."""
    if report.notices:
        to.print("\nWhat may be wrong:")
    for command, notices in groupby(report.notices, lambda notice: notice.command):
        for notice in notices:
            to.print(f"  {notice.words}{notice.code and f' ({notice.code})'}", soft_wrap=True)
        to.print(f"    {command}", soft_wrap=True)
