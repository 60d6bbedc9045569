"""The engine's records as tables: text for a terminal, HTML for a notebook."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from backlit.check.code.records import CheckedGradients, CheckedLosses
from backlit.diagnose.records import Diagnosis, Finding, Tried
from backlit.engine import (
    ArrayCheck,
    Epoch,
    Gradient,
    GradientCheck,
    HistorySummary,
    NetworkEvaluation,
    NetworkSummary,
    TrainingCurve,
    TrainingSignals,
    TrainingState,
    TrainingSummary,
)
from backlit.errors import counted
from backlit.model.model_summary import ModelSummary
from backlit.model.reports import Comparison, FitReport
from backlit.model.reports import Evaluation as Measured
from backlit.show.notebook import heading_html, padded, table_html, words_html
from backlit.show.signals.table import signals_table
from backlit.show.summary_table import SummaryTable

DIAGNOSED = (Diagnosis, Finding, Tried)
CHECKED = (CheckedGradients, CheckedLosses)
"""What is more than a table."""


def line_of(record: Any) -> str | None:
    """Give a record in a line, for its place within a list; None where its kind is not known here."""
    if isinstance(record, (*DIAGNOSED, *CHECKED)):
        return _of_others("line_of", record)
    table = _table_of(record)
    return (table.line or "; ".join(filter(None, [table.title, *table.notes]))) if table else None


def text_of(record: Any) -> str | None:
    """Give a record as text; None where its kind is not known here."""
    if isinstance(record, (*DIAGNOSED, *CHECKED)):
        return _of_others("text_of", record)
    table = _table_of(record)
    if table is None:
        return None
    indent = "  " if table.title else ""
    lines = [line for line in (table.head, *table.rows) if any(line)] if table.rows else []
    aligned = [indent + "  ".join(line).rstrip() for line in padded(lines, table.numbers)]
    return "\n".join([*filter(None, [table.title]), *aligned, *table.notes])


def html_of(record: Any) -> str | None:
    """Give a record as HTML that is true without its styles too; None where its kind is not known here."""
    if isinstance(record, (*DIAGNOSED, *CHECKED)):
        return _of_others("html_of", record)
    table = _table_of(record)
    if table is None:
        return None
    parts = [heading_html(table.title)] if table.title else []
    parts += [table_html(table.head, table.rows, table.numbers)] if table.rows else []
    parts += map(words_html, table.notes)
    parts += [table.picture()] if table.picture else []
    return f"<div>{''.join(parts)}</div>"


def _of_others(form: str, record: Any) -> str:
    """Draw what is more than a table with a function of another module, which is imported when first needed."""
    if isinstance(record, CHECKED):
        of_code: str = getattr(import_module("backlit.show.check_code"), form)(record)
        return of_code
    drawn: str = getattr(import_module("backlit.show.diagnose.forms"), form)(record)
    return drawn


def _table_of(record: Any) -> SummaryTable | None:
    make = next((_TABLES[kind] for kind in type(record).__mro__ if kind in _TABLES), None)
    return make(record) if make else None


def _network(record: NetworkSummary) -> SummaryTable:
    (first, *others) = record.inputs.values()
    title = f"network of {_shape(first)} {'input' if first == (1,) else 'inputs'}"
    if others:
        title = "network of the inputs " + ", ".join(f"{name} {_shape(shape)}" for name, shape in record.inputs.items())
    rows = [(line.label, line.layer, _shape(line.output), f"{line.parameters:,}") for line in record.layers]
    frozen = sum(line.frozen for line in record.layers)
    note = f"loss {record.loss}; {counted(record.parameters, 'parameter')} in {record.dtype}"
    notes = [note + (f", {frozen:,} of them frozen" if frozen else "")]
    return SummaryTable(title, ("layer", "what", "output", "parameters"), rows, notes)


def _training(record: TrainingSummary) -> SummaryTable:
    rows = [
        ("network", record.network),
        ("optimizer", record.optimizer + ("" if record.schedule == "constant" else f", schedule {record.schedule}")),
        ("rows", f"{record.rows:,} in batches of {record.batch_size:,}"),
        ("epochs", f"{record.epochs:,} of {record.most_epochs:,} in {record.seconds:.3g} s"),
    ]
    losses = {name: value for name in ("loss", "validation_loss") if (value := getattr(record, name)) is not None}
    rows += zip((name.replace("_", " ") for name in losses), _even([*losses.values()]), strict=True)
    rows += [(name.replace("_", " "), f"{value:.6g}") for name, value in record.metrics.items()]
    rows += [("best epoch", f"{record.best:,}")] if record.best is not None else []
    rows += [("stopped", record.stopped)] if record.stopped else []
    return SummaryTable("training", ("", ""), rows, line=f"{record.epochs:,} of {record.most_epochs:,} epochs")


def _history(record: HistorySummary) -> SummaryTable:
    validated = any(epoch.validation_loss is not None for epoch in record.epochs)
    metrics = record.epochs[0].metric_names if record.epochs else ()
    head = ["epoch", "", "loss", *(["validation loss"] if validated else []), "rate"]
    head += [name.replace("_", " ") for name in metrics]
    losses = _even([epoch.loss for epoch in record.epochs])
    validation = _even([epoch.validation_loss for epoch in record.epochs if epoch.validation_loss is not None])
    rates = _even([epoch.rate for epoch in record.epochs], 6)
    scores = [_even([epoch.metrics[name] for epoch in record.epochs], 6) for name in metrics]
    rows, before = list[list[str]](), 0
    for place, epoch in enumerate(record.epochs):
        if epoch.number > before + 1:
            rows.append(["...", f"{epoch.number - before - 1:,} more", *[""] * (len(head) - 2)])
        before = epoch.number
        best = "best" if epoch.number == record.best else ""
        measured = [column[place] for column in ([validation] if validated else []) + [rates, *scores]]
        rows.append([str(epoch.number), best, losses[place], *measured])
    notes = [] if rows else ["no epochs yet: run() trains"]
    title = counted(record.count, "epoch")
    return SummaryTable(title, head, rows, notes, line=f"{title}, loss {losses[-1]} at the end" if rows else "")


def _curve(record: TrainingCurve) -> SummaryTable:
    columns = {"loss": record.loss}
    columns |= {} if record.validation_loss is None else {"validation loss": record.validation_loss}
    columns |= {name.replace("_", " "): values for name, values in record.metrics.items()}
    first, last = record.numbers[:1], record.numbers[-1:]
    rows = []
    for number in sorted({*first, *last, *([record.best] if record.best is not None else [])}):
        place = record.numbers.index(number)
        cells = ["not finite" if values[place] is None else f"{values[place]:.6g}" for values in columns.values()]
        rows.append((f"{number:,}", "best" if number == record.best else "", *cells))
    title = f"curve of {counted(record.epochs, 'epoch')}" + (f", {record.what}" if record.what else "")
    kept = f"{len(record.numbers):,} of them kept; " if len(record.numbers) < record.epochs else ""
    return SummaryTable(title, ("epoch", "", *columns), rows, [f"{kept}plot() draws them"], line=title)


def _epoch(record: Epoch) -> SummaryTable:
    numbers = {"loss": record.loss, "validation loss": record.validation_loss, "rate": record.rate, **record.metrics}
    rows = [(name.replace("_", " "), f"{value:.9g}") for name, value in numbers.items() if value is not None]
    rows += [(f"norm of the gradient, layer {label}", f"{norm:.6g}") for label, norm in record.gradient_norms.items()]
    return SummaryTable(f"epoch {record.number:,}" + (", the best so far" if record.best else ""), ("", ""), rows,
                        numbers=1)  # fmt: skip


def _gradient(record: Gradient) -> SummaryTable:
    rows = []
    for name, values in record.items():
        largest = np.unravel_index(int(np.abs(values).argmax()), values.shape) if values.size else None
        at = ("", "") if largest is None else (f"{values[largest]:.6g}", f"{name}[{', '.join(map(str, largest))}]")
        rows.append((name, _shape(values.shape), *at, f"{np.linalg.norm(values):.6g}"))
    return SummaryTable(
        "gradient dE/dw",
        ("array", "shape", "largest", "at", "norm"),
        rows,
        ['the values are gradient["1.W"]'],
        numbers=5,
    )


def _state(record: TrainingState) -> SummaryTable:
    rows = [
        ("epochs", f"{len(record.history):,} in {record.seconds:.3g} s"),
        ("updates", f"{record.step:,} by {record.optimizer}"),
        ("parameters", f"{record.parameters.size:,} in {record.parameters.dtype.name}"),
        ("the optimizer's own numbers", f"{record.slots.size:,}"),
    ]
    rows += [("statistics of normalization", f"{record.statistics.size:,}")] if record.statistics.size else []
    rows += [("lowest loss", f"{record.best_loss:.9g}")] if math.isfinite(record.best_loss) else []
    rows += [("rate factor of the schedule", f"{record.rate_factor:g}")] if record.rate_factor != 1.0 else []
    note = "training.state = this goes back to it; to_dict() has all of its numbers"
    return SummaryTable("state of a training", ("", ""), rows, [note])


def _gradient_check(record: GradientCheck) -> SummaryTable:
    head = ("array", "shape", "checked", "skipped", "error", "worst at", "backprop", "numeric", "")
    rows = []
    slopes = [_even([getattr(array, name) for array in record.arrays]) for name in ("backprop", "numeric")]
    for array, *pair in zip(record.arrays, *slopes, strict=True):
        where = "a direction" if array.index is None else _worst_at(array)
        measured = (f"{array.error:.1e}", where, *pair)
        shape = " x ".join(map(str, array.shape))
        rows.append((array.name, shape, str(array.checked), str(array.skipped),
                     *(measured if array.checked else ("", "", "", "")), array.verdict))  # fmt: skip
    kernels = "compiled" if record.compiled else "plain"
    worst = f"worst relative error {record.worst.error:.1e}, tolerance {record.tolerance:g}"
    note = f"{'passed' if record.passed else 'FAILED'}: {worst}; {kernels}, E = {record.loss:.9g}"
    notes = [note]
    if record.uncut:
        named = " and ".join(record.uncut)
        cuts = "cuts slopes through time: its" if len(record.uncut) == 1 else "cut slopes through time: their"
        notes.append(
            f"{named[0].upper()}{named[1:]} {cuts} slopes in a training leave out paths on purpose, and differences "
            "of E cannot judge them; checked here without cutting."
        )
    return SummaryTable("", head, rows, notes, numbers=len(head))


def _worst_at(array: ArrayCheck) -> str:
    """Name an element as arrays do, from 0, and the weight, or the input whatever the row, as worked examples do."""
    element = array.element.partition("[")[0] if array.name == "X" else array.element
    place = f"{array.name}[{', '.join(map(str, array.index or ()))}]"
    return f"{place} = {element}" if element and array.name != "X" else f"{place}, of {element}" if element else place


def _evaluation(record: NetworkEvaluation) -> SummaryTable:
    reduced = {"sum": "sum", "mean": "mean", "mean_all": "mean over rows and outputs"}[record.reduction]
    rows = [(f"loss ({record.loss_name}, {reduced})", f"{record.loss:.9g}")]
    rows += [(name.replace("_", " "), f"{value:.9g}") for name, value in record.metrics.items()]
    return SummaryTable(f"on {counted(record.rows, 'row')}", ("", ""), rows, numbers=1)


SCORE_WORDS = {"log_loss": "log-loss", "r2": "R²", "mae": "mean |error|", "rmse": "RMSE"}

MOST_NAMES = 12
"""Of more columns or classes, so many are named."""


def _model(record: ModelSummary) -> SummaryTable:
    rows = [("from", _names(record.columns)), ("network", record.network)]
    if record.classes:
        rows.insert(0, ("classes", _names(record.classes)))
    if record.table is not None:
        rows.append(("trained on", f"{counted(record.rows or 0, 'row')} of {record.table}"))
    rows += _compared(record.comparison)
    return SummaryTable(f"model that predicts {record.target!r}", ("", ""), rows)


def _compared(test: Comparison | None) -> Iterator[tuple[str, str]]:
    """Give the scores on the test rows of the network and of what it is compared with."""
    if test:
        for name, scores in (("network", test.model), (f"linear model ({test.linear_what})", test.linear),
                             (f"baseline ({test.baseline_what})", test.baseline)):  # fmt: skip
            if scores is not None:
                yield f"{name}, on {test.rows:,} test rows", _scores(scores)


def _fit_report(record: FitReport) -> SummaryTable:
    parts = (("train", record.train_rows), ("validate", record.validation_rows), ("test", record.test_rows))
    rows = [
        ("rows", ", ".join(f"{count:,} to {what}" for what, count in parts if count)),
        ("columns", _names([column.column for column in record.columns])),
        ("network", record.network),
    ]
    if record.choice:
        rows.append(("chosen", f"of {len(record.choice.trials)} by {record.choice.how}"))
    rows.append(("stopped", f"{record.stopped}, {record.seconds:.3g} s in all"))
    rows += _compared(record.test)
    rows += [("may be wrong", f"{notice.words}; see: {notice.command}") for notice in record.notices]
    title = f"training on {record.table}"
    score = f": {_scores(record.test.model)} on {record.test.rows:,} test rows" if record.test else ""
    return SummaryTable(title, ("", ""), rows, line=f"{title}{score}")


def _measured(record: Measured) -> SummaryTable:
    title = f"{record.table}: {record.target!r} predicted in {record.rows:,} rows"
    rows: list[Sequence[str]] = [*_named_scores(record.scores)]
    if record.classes:
        rows = [(*row, "", "", "") for row in rows]
        rows.append(("class", "rows", "predicted", "precision", "recall"))
        for line in record.classes:
            shares = ["-" if share is None else f"{share:.4f}" for share in (line.precision, line.recall)]
            rows.append((str(line.label), f"{line.rows:,}", f"{line.predicted:,}", *shares))
    notes = [f"{record.skipped:,} rows without a target are left out"] if record.skipped else []
    notes += [f"note: {surprise.note}" for surprise in record.surprises]
    head = ("",) * len(rows[0])
    return SummaryTable(title, head, rows, notes, numbers=1, line=f"{title}: {_scores(record.scores)}")


def _names(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _scores(scores: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in _named_scores(scores))


def _named_scores(scores: Any) -> Iterator[tuple[str, str]]:
    for name in scores.__struct_fields__:
        value = getattr(scores, name)
        if value is not None:
            yield SCORE_WORDS.get(name, name), f"{value:#.4g}".rstrip(".")


def _even(values: Sequence[float], digits: int = 9) -> list[str]:
    """Write the numbers of a column, so many digits of each, with equally many places as far as these digits go.

    >>> _even([0.68206798, 0.687363454]), _even([0.5, 1.0, 2 / 3], 6)
    (['0.682067980', '0.687363454'], ['0.500000', '1.000000', '0.666667'])
    """
    full = [f"{value:#.{digits}g}" for value in values]
    powers = ["e" in text for text in full]
    most = dict.fromkeys((False, True), 0)  # places behind the point without a power of ten, and with one
    for value, power in zip(values, powers, strict=True):
        most[power] = max(most[power], _places(f"{value:.{digits}g}"))
    return [
        f"{value:.{most[True]}e}" if power else f"{value:.{most[False]}f}" if float(text) == value
        else f"{value:.{min(most[False], _places(text))}f}"
        for value, text, power in zip(values, full, powers, strict=True)
    ]  # fmt: skip


def _places(number: str) -> int:
    """Count the digits behind the point."""
    return len(number.partition("e")[0].partition(".")[2])


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


_TABLES: dict[type, Callable[[Any], SummaryTable]] = {
    NetworkSummary: _network,
    TrainingSummary: _training,
    HistorySummary: _history,
    TrainingCurve: _curve,
    TrainingSignals: signals_table,
    Epoch: _epoch,
    Gradient: _gradient,
    TrainingState: _state,
    ModelSummary: _model,
    FitReport: _fit_report,
    Measured: _measured,
    GradientCheck: _gradient_check,
    NetworkEvaluation: _evaluation,
}
"""What makes the table of each kind of record."""
