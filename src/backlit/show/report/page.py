"""The report of a model as one self-contained page: no script, nothing loaded, light, dark and printed."""

from __future__ import annotations

from markupsafe import Markup

from backlit.analysis.report.records import ModelReport
from backlit.show.charts.palette import CHART_STYLE
from backlit.show.network.svg import NETWORK_STYLE
from backlit.show.pages import template
from backlit.show.report.measured_sections import importance_section, intervals_section, measured_sections
from backlit.show.report.model_sections import (
    columns_section,
    gradients_section,
    header_facts,
    network_section,
    notices_section,
    repeat_section,
    training_section,
)
from backlit.show.report.parts import Section
from backlit.show.report.row_sections import worked_section, worst_section
from backlit.show.report.score_figures import score_table
from backlit.show.report.texts import NAME, SENTENCE, WORDS, plain

MOST_REMARKS = 12


def report_html(report: ModelReport) -> str:
    """Give a page that opens offline and loads nothing; the same record gives the same bytes.

    It has at most about a megabyte, whatever the record holds: what it leaves out, it counts.
    """
    made: str = template("report.html").render(
        title=f"Report: {plain(report.target, NAME)}, learned from {plain(report.table, NAME)}",
        verdict=report.verdict.kind, headline=report.verdict.headline and plain(report.verdict.headline, WORDS),
        sentence=plain(report.verdict.sentence, SENTENCE),
        remarks=[plain(remark, SENTENCE) for remark in report.verdict.remarks[:MOST_REMARKS]],
        facts=header_facts(report), private=report.private,
        scores=score_table(report) if report.scores else None, sections=sections(report),
        chart_style=Markup(CHART_STYLE), network_style=Markup(NETWORK_STYLE),
    )  # fmt: skip
    return made + "\n"


def sections(report: ModelReport) -> list[Section]:
    """Give the sections below the verdict, in the order in which they are read."""
    return [
        *([notices_section(report)] if report.notices else []),
        columns_section(report), network_section(report), training_section(report), gradients_section(report),
        *measured_sections(report), intervals_section(report), worst_section(report), importance_section(report),
        worked_section(report), repeat_section(report),
    ]  # fmt: skip
