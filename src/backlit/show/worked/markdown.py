"""A worked example in Markdown: formulas in LaTeX, `$...$` in a line and `$$` around lines of their own.

Jupyter renders these; GitHub's documentation says that GitHub does. GitHub's other forms, ```` ```math ```` and
``$`...`$``, Jupyter shows as they stand.
"""

from __future__ import annotations

from collections.abc import Iterator

from backlit.explain.algebra.numerals import decimal_text
from backlit.explain.record.step_records import Change, Example, Record, Section
from backlit.show.worked.equation_parts import equation_parts
from backlit.show.worked.escapes import escaped
from backlit.show.worked.formula_forms import broken, markdown_formula
from backlit.show.worked.tables import table_markdown

BREAK = r" \cr "
"""The end of a line within a formula: GitHub takes one backslash of two away."""


MOST_SIGNS = 4400
"""MathJax refuses a formula of more than 5,120 signs; what is longer stands there as text."""


def worked_markdown(example: Example) -> str:
    """Give a worked example as Markdown."""
    summary = example.summary
    lines = [f"# {summary.title}", ""]
    lines += [f"- **{name}:** {escaped(fact)}" for name, fact in summary.facts]
    if len(summary.errors) > 1:
        lines += ["", f"## {summary.errors_title}", "", f"| step | {summary.measured} |", "|---:|---:|"]
        lines += [
            f"| {number} | {decimal_text(error, summary.digits)} |" for number, error in enumerate(summary.errors, 1)
        ]
    for section in example.sections:
        lines += ["", f"## {escaped(section.title)}", "", *_section(section)]
    if example.changes:
        lines += ["", "## Before and after the step", "", *_changes(example.changes)]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    if section.given:
        yield "| | value | |"
        yield "|---|---:|---|"
        for record in section.given:
            cells = (f"${markdown_formula(record.symbol)}$", record.shown, escaped(record.note))
            yield f"| {' | '.join(cells)} |"
        yield ""
    for table in section.tables:
        yield f"{escaped(table.title)}:"
        yield ""
        yield from table_markdown(table)
    for record in section.worked:
        yield from _record(record)


def _record(record: Record) -> Iterator[str]:
    formula = equation(record)
    if len(formula) > MOST_SIGNS:
        yield from ("```", f"{record.name} = {record.plain_formula}", f"= {record.plain_substituted}",
                    f"= {record.shown}", "```")  # fmt: skip
    else:
        yield from ("$$", formula, "$$")
    yield ""
    remarks = [remark for remark in (record.note, record.checked) if remark]
    if remarks:
        yield f"*{escaped('; '.join(remarks))}*"
        yield ""


def equation(record: Record) -> str:
    """Give symbol = formula = numbers = value in LaTeX, each in lines of its own, aligned at the equals signs."""
    parts = (broken(markdown_formula(part)) for part in equation_parts(record))
    lines = [f"{BREAK} & \\quad ".join(part) for part in parts]
    rows = f"{BREAK} & = ".join(lines)
    return rf"\begin{{aligned}} {markdown_formula(record.symbol)} & = {rows} \end{{aligned}}"


def _changes(changes: tuple[Change, ...]) -> Iterator[str]:
    yield "| | before | after | change |"
    yield "|---|---:|---:|---:|"
    for change in changes:
        yield f"| {escaped(change.name)} | {' | '.join(change.shown)} |"
