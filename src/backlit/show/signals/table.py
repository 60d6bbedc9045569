"""The signals of a training as a table: the last measured epoch, a row for each layer."""

from __future__ import annotations

from importlib import import_module

from backlit.engine import SIGNALS, TrainingSignals
from backlit.errors import counted
from backlit.show.signals.words import NOISE, WORDS, cell
from backlit.show.summary_table import SummaryTable


def signals_table(record: TrainingSignals) -> SummaryTable:
    """Give the table; a notebook shows the gradient norms over the epochs below it."""
    title = f"signals of {counted(record.epochs, 'epoch')}"
    if not record.numbers:
        return SummaryTable(title, (), (), ["no epoch was measured"], line=f"{title}, none measured")
    head = ("layer", *(WORDS[name].head for name in SIGNALS))
    rows = [
        (label, *(cell(name, values[name][-1]) for name in SIGNALS)) for label, values in record.layers.items()
    ]  # fmt: skip
    noise = record.gradient_noise[-1]
    notes = [] if noise is None else [f"gradient noise between the last two batches: {cell(NOISE, noise)}"]
    notes.append("plot() draws them over the epochs, plot(signals='all') every signal")
    title += f", at the end of epoch {record.numbers[-1]:,}"
    return SummaryTable(title, head, rows, notes, numbers=1, line=title, picture=lambda: _picture(record))


def _picture(record: TrainingSignals) -> str:
    """Draw the gradient norms; charts are imported where something is drawn."""
    html: str = import_module("backlit.show.signals.figures").signal_picture(record)._repr_html_()
    return html
