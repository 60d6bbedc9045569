"""What people hold of a report: the record, which prints, shows itself in a notebook, and is saved as a page."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from backlit.analysis.report.records import ClassesMeasured, ModelReport, NumbersMeasured
from backlit.engine import Shown
from backlit.show.charts.figure import Figure
from backlit.show.charts.svg import figure_svg
from backlit.show.charts.text import figure_text
from backlit.show.curves.figures import curve_figures
from backlit.show.notebook import heading_html, padded, picture_html, svg_size, table_html, words_html
from backlit.show.report.class_figures import confusion_figure
from backlit.show.report.model_sections import notice_words
from backlit.show.report.number_figures import predicted_figure
from backlit.show.report.page import MOST_REMARKS, report_html
from backlit.show.report.score_figures import score_table
from backlit.show.report.texts import NAME, SENTENCE, plain
from backlit.show.saving import saved


class Report(Shown):
    """The report of a model on a table.

    Printed, it is the verdict and the scores; in a notebook, the main pictures as well. `save` writes the whole of it.

    Attributes:
        record: all of its numbers.
    """

    def __init__(self, record: ModelReport) -> None:
        self.record = record

    @property
    def title(self) -> str:
        """What the model predicts, and the table that it learned from."""
        return f"{plain(self.record.target, NAME)}, learned from {plain(self.record.table, NAME)}"

    def to_html(self) -> str:
        """Give one page that loads nothing, for a browser and for paper."""
        return report_html(self.record)

    def to_json(self) -> str:
        """Give the record as JSON: all numbers of the page, and those that it leaves out."""
        return msgspec.json.encode(self.record).decode()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file and give its path; the ending says how: .html or .json.

        Errors: a BacklitError for another ending, or where the file cannot be written.
        """
        forms = {".html": self.to_html, ".json": self.to_json}
        return saved(path, forms, "a report", "A browser prints the page as a PDF.")

    def __str__(self) -> str:
        verdict = self.record.verdict
        told = [plain(text, SENTENCE) for text in (verdict.headline, verdict.sentence) if text]
        lines = [self.title, "", *told, *self._remarks()]
        if self.record.scores:
            table = score_table(self.record)
            lines += ["", *("  ".join(line).rstrip() for line in padded([table.head, *table.rows], table.numbers))]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Report: {plain(self.record.verdict.sentence, SENTENCE)}>"

    def _repr_html_(self) -> str:
        parts = [heading_html(self.title), words_html(plain(self.record.verdict.sentence, SENTENCE))]
        parts += map(words_html, self._remarks())
        if self.record.scores:
            table = score_table(self.record)
            parts += [table_html(table.head, table.rows, table.numbers), words_html(table.note)]
        parts += [
            picture_html(svg := figure_svg(figure), svg_size(svg), figure_text(figure)) for figure in self._figures()
        ]
        return f"<div>{''.join(parts)}</div>"

    def _remarks(self) -> list[str]:
        """Give what is said beside the verdict, and what may be wrong with the training."""
        remarks = [plain(remark, SENTENCE) for remark in self.record.verdict.remarks[:MOST_REMARKS]]
        notices = [f"{notice_words(notice)} See: {plain(notice.command, SENTENCE)}" for notice in self.record.notices]
        return remarks + (["What may be wrong:", *notices] if notices else [])

    def _figures(self) -> list[Figure]:
        """Give the main pictures: the loss, and the confusion or predicted against true numbers."""
        record = self.record
        found = curve_figures(record.curve)[:1] if record.curve is not None and record.curve.numbers else []
        main = None
        if isinstance(record.measured, ClassesMeasured):
            main = confusion_figure(record.measured)
        elif isinstance(record.measured, NumbersMeasured):
            main = predicted_figure(record.measured)
        return found + ([main] if main is not None else [])
