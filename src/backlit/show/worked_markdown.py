"""A worked example in Markdown, formulas in LaTeX between dollars as GitHub and Jupyter render them."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.explain.algebra.numerals import decimal_text
from backlit.explain.record.step_records import Change, Example, Record, Section
from backlit.show.equation_parts import equation_parts


def worked_markdown(example: Example) -> str:
    """Give a worked example as Markdown."""
    summary = example.summary
    lines = [f"# {summary.title}", ""]
    lines += [f"- **{name}:** {_escaped(fact)}" for name, fact in summary.facts]
    if len(summary.errors) > 1:
        lines += ["", "## The error before each step", "", "| step | error |", "|---:|---:|"]
        lines += [
            f"| {number} | {decimal_text(error, summary.digits)} |" for number, error in enumerate(summary.errors, 1)
        ]
    for section in example.sections:
        lines += ["", f"## {_escaped(section.title)}", "", *_section(section, summary.digits)]
    if example.changes:
        lines += ["", "## Before and after the step", "", *_changes(example.changes)]
    return "\n".join(lines) + "\n"


def _section(section: Section, digits: int) -> Iterator[str]:
    if section.given:
        yield "| | value | |"
        yield "|---|---:|---|"
        for record in section.given:
            yield f"| $`{record.symbol}`$ | {record.shown} | {_escaped(record.note)} |"
        yield ""
    for record in section.worked:
        yield from _record(record, digits)


def _record(record: Record, digits: int) -> Iterator[str]:
    yield "```math"
    yield equation(record)
    yield "```"
    yield ""
    remarks = [remark for remark in (record.note, record.checked) if remark]
    if remarks:
        yield f"*{_escaped('; '.join(remarks))}*"
        yield ""


def equation(record: Record) -> str:
    """Give symbol = formula = numbers = value in LaTeX."""
    return " = ".join([record.symbol, *equation_parts(record)])


def _changes(changes: tuple[Change, ...]) -> Iterator[str]:
    yield "| | before | after | change |"
    yield "|---|---:|---:|---:|"
    for change in changes:
        yield f"| {_escaped(change.name)} | " + " | ".join(change.shown) + " |"


def _escaped(text: str) -> str:
    """Give text with the characters escaped that mean something in Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)
