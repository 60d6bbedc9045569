"""`backlit.report`: the report of a table's model, from its training, its file, or the model itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from backlit.analysis.report.measured_rows import Compared
from backlit.analysis.report.records import ModelReport
from backlit.analysis.report.reporting import model_report, report_without_rows
from backlit.data import Table
from backlit.engine import Network
from backlit.errors import BacklitError, counted
from backlit.model import FitReport, TableTraining, TabularModel, load
from backlit.model.held_out import held_out_rows, keep_test_rows
from backlit.model.scores import baseline, linear
from backlit.show.report.report import Report


def report(source: Any, data: Any = None, *, private: bool = False) -> Report:
    """Give the report of a model on a table: how good it is, where it is wrong, what it uses, how it was made.

    With the table that it was trained on, the report is of the rows that were kept for the test; with another table, of
    all rows that have a target. Without a table, it has what the model itself knows.

    Args:
        source: a `TableTraining` that has run; the path of a model file; the model of `fit_table`, or the two things
            that `fit_table` gives.
        data: the table, as `backlit.data.read_table` takes it. A training has its own.
        private: leave the values of the table's rows out.

    Errors: a BacklitError where the source is no model of a table, or `data` does not fit it.

    >>> import backlit as bl
    >>> from backlit.model import Settings, fit_table
    >>> model, _ = fit_table("iris", settings=Settings(layers=(3,), epochs=20))
    >>> report = bl.report(model, "iris")
    >>> report.record.rows, report.record.scores[0].name
    ('30 test rows', 'accuracy')
    >>> bl.report(model).record.rows
    'the 30 test rows of its training'
    """
    table = ", table" if data is not None or isinstance(source, TableTraining) else ""
    command = f"backlit.report(model{table}{', private=True' if private else ''})"
    return report_of(source, data, private=private, command=command)


def report_of(source: Any, data: Any = None, *, private: bool = False, file: Any = None, command: str = "") -> Report:
    """Give the report, which names the model's `file` and the `command` that makes the report."""
    if isinstance(source, TableTraining):
        if data is not None:
            raise BacklitError("data does not go with a training, which has its table; leave it out.")
        return Report(_of_training(source, private, file, command))
    if isinstance(source, (str, os.PathLike)):
        file = source
        source = load(source)
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[1], FitReport):
        source = source[0]
    if not isinstance(source, TabularModel):
        raise BacklitError(_refusal(source, file))
    return Report(_of_model(source, data, private, file, command))


def _of_training(training: TableTraining, private: bool, file: Any, command: str) -> ModelReport:
    """The report of a training that has run, on its test rows."""
    if training.model is None or training.report is None:
        raise BacklitError(
            "report was given a TableTraining that has not run; expected one that has. "
            "`for progress in training: pass` runs it."
        )
    kept, test = training.compared, training.report.test
    compared = None
    if kept is not None and test is not None:
        compared = Compared(_one(kept.baseline), test.baseline_what, kept.linear, test.linear_what)
    return _of_rows(training.model, training.table, training.rows["test"], compared, private, file, command)


def _of_model(model: TabularModel, data: Any, private: bool, file: Any, command: str) -> ModelReport:
    """The report of a model on the test rows of its own table, on all rows of another one, or without rows."""
    if data is None:
        return report_without_rows(model, private=private, command=_commands(model, command))
    table = model.read(os.fspath(data) if isinstance(data, os.PathLike) else data)
    rows = None if model.report is None else held_out_rows(model.report, table)
    if rows is not None:
        return _of_rows(model, table, rows, _compared(model, table), private, file, command)
    n = int(table.present(model.target).sum()) if model.target in table.columns else 0
    known = model.report is not None and model.report.table_digest is not None
    seen = "another table; rows of the training may be among them"
    what = seen if known else "the training may have seen them or not"
    words = f"{counted(n, 'row')} of {table.name} ({what})"
    return model_report(
        model, table, rows_words=words, model_file=_name(file), private=private, command=_commands(model, command)
    )


def _of_rows(
    model: TabularModel, table: Table, rows: Any, compared: Compared | None, private: bool, file: Any, command: str
) -> ModelReport:
    """The report on the rows of the training's own table that were kept for the test, if there are any."""
    command = _commands(model, "" if _writes_it(model, private) else command)
    if not len(rows):
        return report_without_rows(model, private=private, command=command)
    words = counted(len(rows), "test row")
    return model_report(
        model, table, rows=rows, rows_words=words, model_file=_name(file), private=private, command=command,
        compared=compared,
    )  # fmt: skip


def _compared(model: TabularModel, table: Table) -> Compared | None:
    """The answers of the baseline and the linear model for the test rows, as the training had them."""
    report, encoder, dtype = model.report, model.encoder, model.network.dtype
    if report is None or report.settings is None or report.test is None:
        return None
    known = table.drop_missing(model.target)
    rest, test, _ = keep_test_rows(known, report.task, report.settings)
    training = known.take(rest)
    Y = encoder.encode_target(training, dtype)
    outputs, what = None, report.test.linear_what
    if report.test.linear is not None:
        X, X_test = (encoder.encode_features(part, dtype) for part in (training, known.take(test)))
        outputs, what = linear(encoder, X, Y, X_test)
    simple, simple_what = baseline(encoder, Y, len(test))
    return Compared(_one(simple), simple_what, outputs, what)


def _one(baseline: Any) -> Any:
    """What every row gets of a baseline: probabilities (k,), or a number."""
    return baseline[0] if np.ndim(baseline[0]) else float(baseline[0])


def _commands(model: TabularModel, command: str) -> str:
    """What repeats the training, where the model knows, and what makes the report: a line for each."""
    return "\n".join(filter(None, (model.report.command if model.report else "", command)))


def _writes_it(model: TabularModel, private: bool) -> bool:
    """Whether the command that trained the model writes the report of its test rows, too."""
    words = model.report.command.split() if model.report else []
    return words[:2] == ["backlit", "train"] and "--no-report" not in words and ("--private" in words) == private


def _name(file: Any) -> str:
    return "" if file is None else Path(file).name.encode(errors="backslashreplace").decode()


def _refusal(given: Any, file: Any) -> str:
    """Say why there is no report of it, and what to do instead."""
    if file is not None and isinstance(given, Network):
        return (
            f'"{file}" holds a network alone: it does not say how the columns of a table become its {given.inputs} '
            "inputs. Give a model that `backlit train` or fit_table made."
        )
    hint = ""
    if isinstance(given, Network) or hasattr(given, "history"):
        hint = " Of a network alone, history.plot() draws the curves; fit_table trains one on a table."
    elif hasattr(given, "fit"):
        hint = " Of an estimator, LossCurveDisplay and scikit-learn's own displays draw; fit_table trains on a table."
    return (
        f"report was given {type(given).__name__}; expected a TableTraining, the path of a model file, or what "
        f"fit_table gives.{hint}"
    )
