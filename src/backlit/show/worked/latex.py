"""A worked example as a LaTeX document of standard packages."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.explain.algebra.numerals import latex_number
from backlit.explain.record.step_records import Change, Example, Record, Section
from backlit.show.worked.equation_parts import equation_parts, latex_decimal
from backlit.show.worked.escapes import text_latex
from backlit.show.worked.formula_forms import broken
from backlit.show.worked.tables import table_latex

PREAMBLE = r"""\documentclass[a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb,longtable}
\setlength{\parindent}{0pt}
\begin{document}
"""


def worked_latex(example: Example) -> str:
    """Give a worked example as a document that compiles as it is."""
    return f"{PREAMBLE}{worked_body(example)}\\end{{document}}\n"


def worked_body(example: Example) -> str:
    """Give the document without its preamble and its end."""
    summary = example.summary
    lines = [rf"\section*{{{text_latex(summary.title)}}}", r"\begin{itemize}"]
    lines += [rf"\item {text_latex(name)}: {text_latex(fact)}" for name, fact in summary.facts]
    lines += [r"\end{itemize}"]
    if len(summary.errors) > 1:
        lines += [rf"\subsection*{{{text_latex(summary.errors_title)}}}", r"\begin{longtable}{rr}"]
        lines += [
            rf"{number} & ${latex_decimal(error, summary.digits)}$ \\" for number, error in enumerate(summary.errors, 1)
        ]
        lines += [r"\end{longtable}"]
    for section in example.sections:
        lines += [rf"\subsection*{{{text_latex(section.title)}}}", *_section(section, summary.digits)]
    if example.changes:
        lines += [r"\subsection*{Before and after the step}", *_changes(example.changes)]
    return "\n".join(lines) + "\n"


def _section(section: Section, digits: int) -> Iterator[str]:
    if section.given:
        yield r"\begin{longtable}{lrl}"
        for record in section.given:
            yield rf"${record.symbol}$ & ${latex_number(record.shown)}$ & {text_latex(record.note)} \\"
        yield r"\end{longtable}"
    for table in section.tables:
        yield rf"\par {text_latex(table.title)}"
        yield from table_latex(table)
    for record in section.worked:
        yield from _record(record, digits)


def _record(record: Record, digits: int) -> Iterator[str]:
    """Set one number as a chain of equations, broken before each equals sign, and long sums within them."""
    yield r"\begin{align*}"
    parts = (" \\\\\n&\\quad ".join(broken(part)) for part in equation_parts(record))
    yield rf"{record.symbol} &= " + " \\\\\n&= ".join(parts)
    yield r"\end{align*}"
    remarks = [text_latex(remark) for remark in (record.note, record.checked) if remark]
    if remarks:
        yield rf"{{\small {'; '.join(remarks)}}}"


def _changes(changes: tuple[Change, ...]) -> Iterator[str]:
    yield r"\begin{longtable}{lrrr}"
    yield r" & before & after & change \\"
    for change in changes:
        yield text_latex(change.name) + "".join(f" & ${latex_number(number)}$" for number in change.shown) + r" \\"
    yield r"\end{longtable}"
