"""`backlit train`: from a table to a model file."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Group, Parameter
from msgspec import Meta

import backlit.ops.schedules  # noqa: F401  (registers the schedules, whose names are in the help)
from backlit.cli.log_files import LogFiles
from backlit.cli.options import check_output, column_names, described, layer_sizes, names, unwrapped, value
from backlit.cli.plugins import run_plugins
from backlit.cli.progress import watch
from backlit.cli.report_files import ReportFiles, beside, check_reports, earlier, said
from backlit.cli.streams import deferred_output_errors, print_document
from backlit.cli.table_printing import console, score_cells, score_heads, show_table
from backlit.cli.typed_command import typed_command
from backlit.errors import BacklitError
from backlit.ops.registry import Registry, activations, optimizers, schedules
from backlit.ops.value_checks import checked

if TYPE_CHECKING:
    from rich.console import Console

    from backlit.model import FitReport, TableTraining
    from backlit.show.report.report import Report

COLUMNS_SHOWN = 20
FEW_COLUMNS = 12
"""In a table of more columns, those that are only standardized share a line."""
NO_REPORT = 1
"""The exit code where the model is written, but its report or its log is not."""

ROWS, NETWORK, DESCENT, OUTPUT = (
    Group(name, sort_key=k) for k, name in enumerate(("Rows and columns", "Network", "Training", "Output"))
)


def _one_of(registry: Registry) -> str:
    return f"One of {', '.join(registry)}."


@unwrapped
def train(
    data: str,
    *,
    target: Annotated[str | None, Parameter(group=ROWS)] = None,
    task: Annotated[Literal["classes", "numbers"] | None, Parameter(group=ROWS)] = None,
    ignore: Annotated[list[str] | None, Parameter(group=ROWS, negative="")] = None,
    validation: Annotated[float | None, Parameter(group=ROWS, converter=value)] = None,
    test: Annotated[float, Parameter(group=ROWS, converter=value)] = 0.2,
    layers: Annotated[str | None, Parameter(group=NETWORK)] = None,
    activation: Annotated[
        str | None,
        Parameter(
            group=NETWORK, help=f"Activation of the hidden layers, or one for each: relu,tanh. {_one_of(activations)}"
        ),
    ] = None,
    dropout: Annotated[float, Parameter(group=NETWORK, converter=value)] = 0.0,
    optimizer: Annotated[str, Parameter(group=DESCENT, help=_one_of(optimizers))] = "adam",
    rate: Annotated[float | None, Parameter(group=DESCENT, converter=value)] = None,
    schedule: Annotated[
        str, Parameter(group=DESCENT, help=f"How the learning rate changes. {_one_of(schedules)}")
    ] = "constant",
    batch_size: Annotated[
        int | Literal["full"] | None,
        described("batch_size", DESCENT, "; by default 64, or 256 from 10,000 rows on"),
    ] = None,
    epochs: Annotated[
        int | None, described("epochs", DESCENT, ", 1 or more; exactly so many with --validation 0")
    ] = None,
    decay: Annotated[float, Parameter(group=DESCENT, converter=value)] = 0.0,
    l2: Annotated[float | None, described("l2", DESCENT)] = None,
    time_limit: Annotated[
        float | None,
        described("time_limit", DESCENT, ", with choosing and comparing, and give the model so far. So does Ctrl-C"),
    ] = None,
    seed: Annotated[int, Parameter(group=DESCENT, converter=value)] = 0,
    dtype: Annotated[Literal["float32", "float64"], Parameter(group=DESCENT)] = "float32",
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
        A CSV or Parquet file, or a bundled data set: iris, wine, breast_cancer, digits, diabetes.
    target
        The column to predict. Bundled data sets know theirs.
    task
        Learn the target as classes or as numbers, instead of choosing by its values.
    ignore
        Columns to leave out, with commas between.
    validation
        The fraction of the rows to validate on, 0 for none; by default 5-fold validation up to 1,000 rows, a tenth
        above.
    test
        The fraction of the rows to keep for the test.
    layers
        Units of the hidden layers: 64,32; or none.
    dropout
        The probability with which a hidden unit is left out of an update.
    rate
        The learning rate; by default the optimizer's own (adam: 0.002, more for narrow layers).
    decay
        Decoupled weight decay.
    seed
        Of the split, the first weights and the shuffles. Same seed, same bits.
    dtype
        The type of the numbers.
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
    from backlit.data.messages import listed
    from backlit.model import Settings, TableTraining
    from backlit.model.file import SUFFIX

    run_plugins(plugin or ())
    path = output or Path(Path(data).stem + SUFFIX)
    check_output(path, [SUFFIX])
    reports = _report_files(report, no_report, path)
    check_reports(reports, [Path(data), path, *(plugin or ())])
    logs = LogFiles(log or (), path, [Path(data), path, *reports, *(plugin or ())])
    table = read_table(data)
    if target is None and table.target is None:
        raise BacklitError(f"which column is to be predicted? Name it with --target: {listed(table.columns)}.")
    checked("epochs", epochs, Annotated[int, Meta(ge=1)] | None)
    settings = Settings(
        kind=task, ignore=column_names(ignore or (), table), layers=layer_sizes(layers), activation=names(activation),
        optimizer=optimizer, rate=rate, schedule=schedule, batch_size=batch_size, epochs=epochs,
        dropout=dropout, decay=decay, l2=l2, seed=seed, dtype=dtype, time_limit=time_limit, validation=validation,
        test=test,
    )  # fmt: skip
    training = TableTraining(table, target, settings)
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
