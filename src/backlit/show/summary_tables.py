"""The engine's records as tables: text for a terminal, HTML for a notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import msgspec

from backlit.engine import GradientCheck, HistorySummary, NetworkEvaluation, NetworkSummary, TrainingSummary


class SummaryTable(msgspec.Struct, frozen=True):
    """A table, a title above it or none, notes below; the columns from `numbers` on stand to the right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    numbers: int = 2


def text_of(record: Any) -> str | None:
    """Give a record as text; None where its kind is not known here."""
    table = _table_of(record)
    if table is None:
        return None
    lines = [line for line in (table.head, *table.rows) if any(line)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(table.head))]
    indent = "  " if table.title else ""
    aligned = []
    for line in lines:
        cells = zip(line, widths, strict=True)
        padded = (cell.rjust(width) if k >= table.numbers else cell.ljust(width)
                  for k, (cell, width) in enumerate(cells))  # fmt: skip
        aligned.append(indent + "  ".join(padded).rstrip())
    return "\n".join([*filter(None, [table.title]), *aligned, *table.notes])


def html_of(record: Any) -> str | None:
    """Give a record as HTML with inline styles; None where its kind is not known here."""
    table = _table_of(record)
    if table is None:
        return None

    def line(tag: str, cells: Sequence[str]) -> str:
        sides = ("right" if k >= table.numbers else "left" for k in range(len(cells)))
        return "<tr>{}</tr>".format("".join(
            f'<{tag} style="padding:0.1em 0.8em;text-align:{side}">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        ))  # fmt: skip

    head = line("th", table.head) if any(table.head) else ""
    title = f"<div>{escape(table.title)}</div>" if table.title else ""
    notes = "".join(f"<div>{escape(note)}</div>" for note in table.notes)
    return f"{title}<table>{head}{''.join(line('td', row) for row in table.rows)}</table>{notes}"


def _table_of(record: Any) -> SummaryTable | None:
    make = _TABLES.get(type(record))
    return make(record) if make else None


def _network(record: NetworkSummary) -> SummaryTable:
    (first, *others) = record.inputs.values()
    title = f"network of {_shape(first)} {'input' if first == (1,) else 'inputs'}"
    if others:
        title = "network of the inputs " + ", ".join(f"{name} {_shape(shape)}" for name, shape in record.inputs.items())
    rows = [(line.label, line.layer, _shape(line.output), f"{line.parameters:,}") for line in record.layers]
    frozen = sum(line.frozen for line in record.layers)
    note = f"loss {record.loss}; {record.parameters:,} parameters in {record.dtype}"
    notes = [note + (f", {frozen:,} of them frozen" if frozen else "")]
    return SummaryTable(title, ("layer", "what", "output", "parameters"), rows, notes)


def _training(record: TrainingSummary) -> SummaryTable:
    rows = [
        ("network", record.network),
        ("optimizer", record.optimizer + ("" if record.schedule == "constant" else f", schedule {record.schedule}")),
        ("rows", f"{record.rows:,} in batches of {record.batch_size:,}"),
        ("epochs", f"{record.epochs:,} of {record.most_epochs:,} in {record.seconds:.3g} s"),
    ]
    rows += [(name.replace("_", " "), f"{value:.9g}") for name in ("loss", "validation_loss")
             if (value := getattr(record, name)) is not None]  # fmt: skip
    rows += [("best epoch", f"{record.best:,}")] if record.best is not None else []
    rows += [("stopped", record.stopped)] if record.stopped else []
    return SummaryTable("training", ("", ""), rows)


def _history(record: HistorySummary) -> SummaryTable:
    validated = any(epoch.validation_loss is not None for epoch in record.epochs)
    metrics = record.epochs[0].metric_names if record.epochs else ()
    head = ["epoch", "", "loss", *(["validation loss"] if validated else []), "rate"]
    head += [name.replace("_", " ") for name in metrics]
    rows = [
        [str(epoch.number), "best" if epoch.best else "", f"{epoch.loss:.9g}",
         *([f"{epoch.validation_loss:.9g}"] if epoch.validation_loss is not None else []), f"{epoch.rate:g}",
         *(f"{value:.6g}" for value in epoch.metrics.values())]
        for epoch in record.epochs
    ]  # fmt: skip
    if record.count > len(record.epochs):
        rows.insert(len(rows) // 2, ["...", *[""] * (len(head) - 1)])
    return SummaryTable(f"{record.count:,} {'epoch' if record.count == 1 else 'epochs'}", head, rows)


def _gradient_check(record: GradientCheck) -> SummaryTable:
    head = ("array", "shape", "checked", "skipped", "error", "worst at", "backprop", "numeric", "")
    rows = []
    for array in record.arrays:
        where = "a direction" if array.index is None else f"{list(array.index)} {array.element}".rstrip()
        measured = (f"{array.error:.1e}", where, f"{array.backprop:.9g}", f"{array.numeric:.9g}")
        shape = " x ".join(map(str, array.shape))
        rows.append((array.name, shape, str(array.checked), str(array.skipped),
                     *(measured if array.checked else ("", "", "", "")), array.verdict))  # fmt: skip
    kernels = "compiled" if record.compiled else "plain"
    worst = f"worst relative error {record.worst.error:.1e}, tolerance {record.tolerance:g}"
    note = f"{'passed' if record.passed else 'FAILED'}: {worst}; {kernels}, E = {record.loss:.9g}"
    return SummaryTable("", head, rows, [note], numbers=len(head))


def _evaluation(record: NetworkEvaluation) -> SummaryTable:
    reduced = {"sum": "sum", "mean": "mean", "mean_all": "mean over rows and outputs"}[record.reduction]
    rows = [(f"loss ({record.loss_name}, {reduced})", f"{record.loss:.9g}")]
    rows += [(name.replace("_", " "), f"{value:.9g}") for name, value in record.metrics.items()]
    return SummaryTable(f"on {record.rows:,} {'row' if record.rows == 1 else 'rows'}", ("", ""), rows, numbers=1)


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


_TABLES: dict[type, Callable[[Any], SummaryTable]] = {
    NetworkSummary: _network,
    TrainingSummary: _training,
    HistorySummary: _history,
    GradientCheck: _gradient_check,
    NetworkEvaluation: _evaluation,
}
"""What makes the table of each kind of record."""
