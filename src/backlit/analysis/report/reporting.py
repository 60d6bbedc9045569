"""The report of a model: every number that it shows, as one record."""

from __future__ import annotations

import shlex
from typing import Any

import msgspec

from backlit.analysis.report.class_measures import measured_classes
from backlit.analysis.report.class_scores import classifier_scores, normalized
from backlit.analysis.report.importance import importances
from backlit.analysis.report.intervals import Resamples
from backlit.analysis.report.kept_scores import kept_scores, kept_verdict
from backlit.analysis.report.measured_rows import Compared, Measured, beside_of, measure
from backlit.analysis.report.network_outline import network_outline
from backlit.analysis.report.number_measures import measured_numbers, regression_scores
from backlit.analysis.report.private_measures import few_private_rows, private_classes, private_numbers
from backlit.analysis.report.private_words import private_beside, private_columns, private_inputs, private_measured
from backlit.analysis.report.ranking import rankings
from backlit.analysis.report.records import ClassesMeasured, ModelReport, NumbersMeasured, Score, WorkedRow
from backlit.analysis.report.repeating import repeat_of
from backlit.analysis.report.verdict import verdict
from backlit.analysis.report.worked_row import typical_row, worked_row
from backlit.analysis.report.worst_rows import worst_rows
from backlit.data import NumberTarget
from backlit.data.values import label_text
from backlit.errors import counted
from backlit.model import TabularModel


def model_report(
    model: TabularModel, table: Any, *, rows: Any = None, rows_words: str = "", name: str = "", model_file: str = "",
    private: bool = False, command: str = "", compared: Compared | None = None,
) -> ModelReport:  # fmt: skip
    """Measure a model on rows of a table, and give all numbers of its report.

    The same model, rows and words give the same record. Nothing in it is a time.

    Args:
        model: the model, with the report of its training where there is one.
        table: whose rows are measured, as `backlit.data.read_table` takes it.
        rows: indices of the rows (n,), from 0 on; all by default. Rows without a target are left out.
        rows_words: what the rows are, with their number: "30 test rows".
        name: of the table, as it is shown; by default its own. model_file: name of the model's file, if it has one.
        private: leave out values of rows: see `records`.
        command: the command, or the call, that makes the report.
        compared: the answers of a baseline and a linear model on these rows, also on those without a target; by default
            those of the baseline that the model knows.

    Errors: a BacklitError where the table does not fit the model or has no targets, or predictions are not finite.

    >>> from backlit.model import Settings, fit_table
    >>> model, _ = fit_table("iris", settings=Settings(layers=(3,), epochs=2))
    >>> report = model_report(model, "iris", rows=range(10, 60), rows_words="50 rows of iris")
    >>> report.verdict.sentence[:36], report.scores[0].name, len(report.measured.classes)
    ('On 50 rows of iris the network is ri', 'accuracy', 3)
    """
    measured = measure(model, table, rows)
    given = beside_of(model, measured) if compared is None else _kept(compared, measured)
    if private:
        measured, given = private_measured(measured, model.encoder), private_beside(given, model.encoder)
    resamples = Resamples.of_rows(measured.n)
    scores, found, intervals = _measures(measured, given, resamples, private=private)
    rows_words = rows_words or f"{counted(measured.n, 'row')} of {name or measured.table.name}"
    importance = importances(model, measured)
    told = verdict(measured, given, scores, resamples, rows_words)
    if private:
        told = msgspec.structs.replace(told, remarks=told.remarks + few_private_rows(measured.n))
    return _report(
        model, name or measured.table.name, private, command,
        verdict=told,
        rows=rows_words, counts={"measured": measured.n}, scores=scores,
        intervals=intervals,
        baseline=given.baseline_what, linear=given.linear_what, measured=found,
        worst=worst_rows(model, measured, importance, private=private), importance=importance,
        worked=None if private else _worked(model, measured, model_file, name or measured.table.name),
        surprises=measured.surprises,
    )  # fmt: skip


def report_without_rows(
    model: TabularModel, *, name: str = "", private: bool = False, command: str = ""
) -> ModelReport:  # fmt: skip
    """Give the report of a model without rows to measure it on: what its file tells, the scores of its own test too.

    >>> from backlit.model import Settings, fit_table
    >>> model, _ = fit_table("iris", settings=Settings(layers=(3,), epochs=2, test=0))
    >>> report_without_rows(model).verdict.kind
    'unmeasured'
    """
    kept = model.report.test if model.report else None
    scores = kept_scores(model)
    mean = isinstance(model.encoder.target, NumberTarget) and private
    return _report(
        model, name or (model.report.table if model.report else ""), private, command,
        verdict=kept_verdict(model, scores, private=private), scores=scores, counts={}, measured=None, worst=(),
        rows=f"the {counted(kept.rows, 'test row')} of its training" if kept else "", intervals="",
        baseline="the mean of the training rows" if mean else kept.baseline_what if kept else "",
        linear=kept.linear_what if kept else "", importance=None, worked=None, surprises=(),
    )  # fmt: skip


def _kept(beside: Compared, measured: Measured) -> Compared:
    """The answers of the other models on those rows that have a target."""
    linear = beside.linear
    return beside if linear is None else beside._replace(linear=linear[measured.kept])


def _measures(
    measured: Measured, beside: Compared, resamples: Resamples, *, private: bool
) -> tuple[tuple[Score, ...], ClassesMeasured | NumbersMeasured, str]:
    """The scores, the measures of classes or numbers, and how the scores' intervals were made."""
    targets, baseline, linear = measured.targets, beside.baseline, beside.linear
    if measured.labels:
        assert not isinstance(baseline, float)
        P = measured.outputs
        ranked = rankings(targets, normalized(P))
        scores = classifier_scores(
            targets, P, measured.labels, resamples, baseline=baseline, linear=linear, found=ranked
        )
        words = _intervals_words(resamples, scores, 1 if P.shape[1] == 2 else len(ranked))
        of_classes = measured_classes(targets, P, measured.labels, ranked)
        return scores, private_classes(of_classes) if private else of_classes, words
    mean = None if baseline is None else float(baseline)
    scores = regression_scores(targets, measured.answers, resamples, baseline=mean, linear=linear)
    found = measured_numbers(measured.numbers, targets, measured.answers)
    words = _intervals_words(resamples, scores, 0)
    return scores, private_numbers(found, targets - measured.answers) if private else found, words


def _intervals_words(resamples: Resamples, scores: tuple[Score, ...], classes: int) -> str:
    """Say how the intervals were made, and what one without width means: an AUC of 1 say."""
    flat = any(score.interval is not None and score.interval.low == score.interval.high for score in scores)
    said = "; one from a value to the same value says that drawing these rows anew cannot change it, and no more"
    return resamples.words(classes) + (said if flat else "")


def _worked(model: TabularModel, measured: Measured, model_file: str, name: str) -> WorkedRow | None:
    """The row of the middle error, worked out."""
    i = typical_row(measured)
    row = int(measured.numbers[i])
    explained = f"bl.explain(model, data=table, row={row})"
    if model_file:
        explained = f"backlit explain {shlex.quote(model_file)} --data {shlex.quote(name)} --row {row}"
    which = "its error is the middle one of the measured rows"
    return worked_row(model, measured, i, which=which, explained=explained)


def _report(model: TabularModel, table: str, private: bool, command: str, **measures: Any) -> ModelReport:
    """Add to the measures of rows what the model and its training tell."""
    report, encoder = model.report, model.encoder
    counts = {} if report is None else {
        "training": report.train_rows, "validation": report.validation_rows, "test": report.test_rows,
    }  # fmt: skip
    target = encoder.target
    outputs = [target.column] if isinstance(target, NumberTarget) else list(map(label_text, target.classes))
    inputs = private_inputs(encoder) if private else list(encoder.feature_names)
    measures["counts"] = counts | measures["counts"]
    return ModelReport(
        table=table, target=target.column, private=private, task=encoder.task,
        columns=private_columns(encoder) if private else encoder.reports,
        network=repr(model.network), parameters=model.network.parameters.size,
        recipe=report.recipe if report else None, stopped=report.stopped if report else "",
        choice=report.choice if report else None, curve=report.curve if report else None,
        notices=report.notices if report else (),
        drawing=network_outline(model.network, inputs, outputs), repeat=repeat_of(report, command, private=private),
        **measures,
    )  # fmt: skip
