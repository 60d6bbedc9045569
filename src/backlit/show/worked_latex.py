"""A worked example as a LaTeX document of standard packages."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.explain.algebra.numerals import decimal_text, latex_number, short_text
from backlit.explain.quantity_names import latex_text
from backlit.explain.record.step_records import Change, Example, Record, Section

PREAMBLE = r"""\documentclass[a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb,longtable}
\setlength{\parindent}{0pt}
\begin{document}
"""

SIGNS = {
    "→": r"\to", "·": r"\cdot", "²": "^2", "√": r"\surd", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "Σ": r"\Sigma",
    "‖": r"\Vert", "η": r"\eta", "μ": r"\mu", "ρ": r"\rho", "ε": r"\varepsilon", "β": r"\beta", "λ": r"\lambda",
    "α": r"\alpha", "δ": r"\delta", "∞": r"\infty", "…": r"\ldots",
}  # fmt: skip


def worked_latex(example: Example) -> str:
    """Give a worked example as a document that compiles as it is."""
    return f"{PREAMBLE}{worked_body(example)}\\end{{document}}\n"


def worked_body(example: Example) -> str:
    """Give what stands between the document's beginning and end."""
    summary = example.summary
    lines = [rf"\section*{{{_text(summary.title)}}}", r"\begin{itemize}"]
    lines += [rf"\item {_text(name)}: {_text(fact)}" for name, fact in summary.facts]
    lines += [r"\end{itemize}"]
    if len(summary.errors) > 1:
        lines += [r"\subsection*{The error before each step}", r"\begin{longtable}{rr}"]
        lines += [
            rf"{number} & ${_number(error, summary.digits)}$ \\" for number, error in enumerate(summary.errors, 1)
        ]
        lines += [r"\end{longtable}"]
    for section in example.sections:
        lines += [rf"\subsection*{{{_text(section.title)}}}", *_section(section, summary.digits)]
    if example.changes:
        lines += [r"\subsection*{Before and after the step}", *_changes(example.changes, summary.digits)]
    return "\n".join(lines) + "\n"


def _section(section: Section, digits: int) -> Iterator[str]:
    given = [record for record in section.records if not record.formula]
    if given:
        yield r"\begin{longtable}{lrl}"
        for record in given:
            yield rf"${record.symbol}$ & ${latex_number(short_text(record.value, digits))}$ & {_text(record.note)} \\"
        yield r"\end{longtable}"
    for record in section.records:
        if record.formula:
            yield from _record(record, digits)


def _record(record: Record, digits: int) -> Iterator[str]:
    """Set one number as a chain of equations, broken before each equals sign."""
    parts = [record.formula]
    if record.substituted != latex_number(short_text(record.value, digits)):
        parts.append(record.substituted)
    parts.append(_number(record.value, digits))
    yield r"\begin{align*}"
    yield rf"{record.symbol} &= " + " \\\\\n&= ".join(parts)
    yield r"\end{align*}"
    remarks = [_text(record.note)] if record.note else []
    if record.numeric is not None:
        remarks.append(rf"by finite differences: ${_number(record.numeric, digits)}$")
    if remarks:
        yield rf"{{\small {'; '.join(remarks)}}}"


def _changes(changes: tuple[Change, ...], digits: int) -> Iterator[str]:
    yield r"\begin{longtable}{lrrr}"
    yield r" & before & after & change \\"
    for change in changes:
        numbers = (change.before, change.after, change.after - change.before)
        yield _text(change.name) + "".join(f" & ${_number(number, digits)}$" for number in numbers) + r" \\"
    yield r"\end{longtable}"


def _number(value: float, digits: int) -> str:
    return latex_number(decimal_text(value, digits))


def _text(text: str) -> str:
    """Give text with LaTeX's own characters and the signs beyond its fonts written out."""
    return "".join(f"${SIGNS[c]}$" if c in SIGNS else c for c in latex_text(text))
