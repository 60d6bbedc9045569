"""A worked example as a notebook shows it: its head and pictures, the formulas section by section, the comparison.

Formulas are outputs of their own, in LaTeX: JupyterLab renders that whether or not the notebook is trusted, and nbconvert
leaves it alone when it sanitizes. One HTML text of all of it, `worked_fragment`, is for programs that ask for that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from backlit.explain.algebra.numerals import decimal_text, latex_number, short_text
from backlit.explain.record.step_records import Drawing, Example, Record, Section
from backlit.show import diagram_text
from backlit.show.equation_parts import equation_parts, latex_decimal
from backlit.show.formula_forms import broken, notebook_formula, notebook_words
from backlit.show.network_svg import network_svg, title_of
from backlit.show.notebook import Output, heading_html, lines_html, picture_html, table_html, words_html

DRAWING_DIGITS = 4
MOST_OUTPUTS = 30
"""JupyterLab folds what comes after the fiftieth output of a cell; the formulas take so many at the most."""
MOST_NUMBERS = 600
"""A browser takes seconds to typeset more; the rest is left out, with a word."""
GIVEN_COLUMNS = 4
WIDEST = 76
"""So many signs of a formula stand in a line."""
WIDEST_PICTURE = 860


def worked_outputs(example: Example) -> Iterator[Output]:
    """Give the outputs of a cell, in order; each says in `text/plain` what it shows."""
    head = f"{_head(example)}{''.join(_pictures(example))}"
    yield {"text/html": head, "text/plain": _head_text(example)}
    shown, left_out = _within(example.sections)
    for sections in _merged(shown):
        text = "\n".join(_section_text(section, example.summary.digits) for section in sections)
        yield {"text/latex": _block(sections, example.summary.digits), "text/plain": text}
    if left_out:
        yield {"text/html": words_html(_rest(left_out)), "text/plain": _rest(left_out)}
    if example.changes:
        head, rows = _changes(example)
        yield {"text/html": heading_html(COMPARED) + table_html(head, rows, 1), "text/plain": _columns([head, *rows])}


def worked_fragment(example: Example) -> str:
    """Give one HTML text of it all: formulas as plain text, since only some programs render others within HTML."""
    digits = example.summary.digits
    parts = [_head(example), *_pictures(example)]
    shown, left_out = _within(example.sections)
    for section in shown:
        parts += [heading_html(section.title), lines_html("\n".join(_lines_of(section, digits)))]
    parts += [words_html(_rest(left_out))] if left_out else []
    if example.changes:
        head, rows = _changes(example)
        parts += [heading_html(COMPARED), table_html(head, rows, 1)]
    return f"<div>{''.join(parts)}</div>"


COMPARED = "Before and after the step"
ERRORS = "The error before each step"


# ----------------------------------------------------------------------------------------------------------------- head


def _head(example: Example) -> str:
    summary = example.summary
    parts = [heading_html(summary.title, size="1.3em"), table_html(("", ""), summary.facts, 2)]
    if len(summary.errors) > 1:
        rows = [(str(number), decimal_text(error, summary.digits)) for number, error in _few(summary.errors)]
        if len(rows) < len(summary.errors):
            rows.insert(FEW // 2, ("...", ""))
        parts += [heading_html(ERRORS), table_html(("step", "error"), rows, 0)]
    return "".join(parts)


FEW = 12
"""Of more steps the errors of the first and the last ones are shown."""


def _few(errors: Sequence[float]) -> list[tuple[int, float]]:
    numbered = list(enumerate(errors, 1))
    return numbered if len(numbered) <= FEW else numbered[: FEW // 2] + numbered[-FEW // 2 :]


def _head_text(example: Example) -> str:
    summary = example.summary
    errors = [f"error before step {number}: {decimal_text(error, summary.digits)}"
              for number, error in _few(summary.errors)] if len(summary.errors) > 1 else []  # fmt: skip
    return "\n".join([summary.title, _columns(summary.facts), *errors])


def _pictures(example: Example) -> Iterator[str]:
    """Give the network, forward and backward, of each row that is drawn; of all rows together, backward."""
    digits = min(example.summary.digits, DRAWING_DIGITS)
    for drawing in example.drawings:
        for backward in (False, True) if drawing.row is not None else (True,):
            title = title_of(drawing, backward=backward)
            svg = network_svg(drawing, backward=backward, digits=digits)
            yield words_html(title) + picture_html(svg, _size(svg), _drawn(drawing, backward, digits),
                                                   widest=WIDEST_PICTURE)  # fmt: skip


def _size(svg: str) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


def _drawn(drawing: Drawing, backward: bool, digits: int) -> str:
    """Say in words what a drawing shows: the text that stands for it."""
    if not backward and diagram_text.fits(drawing):
        return "\n".join(diagram_text.network_lines(drawing, digits, 100))
    lines = []
    for before, column in zip(("", *drawing.columns), drawing.columns, strict=False):
        for unit, node in enumerate(column.nodes):
            number = node.slope if backward else node.value
            value = "" if number is None else f" {short_text(number, digits)}"
            edges = [(edge.source, edge.slope if backward else edge.weight) for edge in column.edges
                     if edge.unit == unit]  # fmt: skip
            names = (before.nodes[source].name if source >= 0 else "1" for source, _ in edges)  # type: ignore[union-attr]
            parts = [f"{name} {short_text(number, digits)}" for name, (_, number) in zip(names, edges, strict=True)
                     if number is not None]  # fmt: skip
            lines.append(f"{node.name}{value}" + (f"; from {', '.join(parts)}" if parts else ""))
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------------- sections


def _within(sections: Sequence[Section]) -> tuple[list[Section], int]:
    """Give the sections up to `MOST_NUMBERS` numbers, the first one in any case, and how many numbers are left out."""
    total, shown = 0, []
    for section in sections:
        total += len(section.records)
        if shown and total > MOST_NUMBERS:
            break
        shown.append(section)
    return shown, sum(len(section.records) for section in sections[len(shown) :])


def _rest(count: int) -> str:
    return (
        f"{count:,} more numbers are left out here. print(...) has all of them, and so have to_html() and to_json(); "
        'only="h1", only="w(i1,h1)" or rows of your choice show a part.'
    )


def _merged(sections: Sequence[Section]) -> Iterator[list[Section]]:
    """Put neighbours together where there are too many sections for an output each."""
    size = max(1, math.ceil(len(sections) / MOST_OUTPUTS))
    for start in range(0, len(sections), size):
        yield list(sections[start : start + size])


def _block(sections: Sequence[Section], digits: int) -> str:
    r"""Give sections as one formula: it stands at the left, which no output of `$$` does, and in one line of text."""
    rows = [row for section in sections for row in _section(section, digits)]
    return rf"$\displaystyle \begin{{array}}{{l}} {' '.join(rows)} \end{{array}}$"


def _section(section: Section, digits: int) -> Iterator[str]:
    yield notebook_words(section.title, "textbf") + r" \\"
    if section.given:
        yield _given(section.given, digits) + r" \\"
    if section.worked:
        lines = r" \\[1ex] ".join(_record(record, digits) for record in section.worked)
        yield rf"\begin{{aligned}} {lines} \end{{aligned}} \\"


def _given(records: Sequence[Record], digits: int) -> str:
    """Set given numbers, several to a line."""
    cells = []
    for record in records:
        note = r"\ " + notebook_words(f"({record.note})") if record.note else ""
        number = latex_number(short_text(record.value, digits))
        cells.append(f"{notebook_formula(record.symbol)} = {number}{note}")
    columns = 2 if any(record.note for record in records) else GIVEN_COLUMNS
    lines = r" \\ ".join(r" & ".join(cells[start : start + columns]) for start in range(0, len(cells), columns))
    return rf"\begin{{array}}{{{'l' * columns}}} {lines} \end{{array}}"


def _record(record: Record, digits: int) -> str:
    """Set one number: its formula, the numbers put in, its value, each in lines of their own."""
    parts = [broken(notebook_formula(part), WIDEST) for part in equation_parts(record, digits)]
    lines = [r" \\ & \quad ".join(part) for part in parts]
    remarks = [record.note] if record.note else []
    rows = [f"{notebook_formula(record.symbol)} & = " + r" \\ & = ".join(lines)]
    if record.numeric is not None:
        rows.append(rf"& \text{{by finite differences: }} {latex_decimal(record.numeric, digits)}")
    rows += [f"& {notebook_words(line)}" for remark in remarks for line in _wrapped(remark)]
    return r" \\ ".join(rows)


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) > WIDEST:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


# ----------------------------------------------------------------------------------------------------------------- text


def _section_text(section: Section, digits: int) -> str:
    return "\n".join([section.title, *_lines_of(section, digits)])


def _lines_of(section: Section, digits: int) -> Iterator[str]:
    """Give a section's numbers as text: formula, numbers and value below each other."""
    for record in section.given:
        yield f"{record.name} = {short_text(record.value, digits)}" + (f"  ({record.note})" if record.note else "")
    for record in section.worked:
        margin = " " * len(record.name)
        yield f"{record.name} = {record.plain_formula}"
        if record.plain_substituted != short_text(record.value, digits):
            yield f"{margin} = {record.plain_substituted}"
        yield f"{margin} = {decimal_text(record.value, digits)}"
        if record.numeric is not None:
            yield f"{margin}   by finite differences: {decimal_text(record.numeric, digits)}"
        if record.note:
            yield f"{margin}   {record.note}"


def _changes(example: Example) -> tuple[Sequence[str], list[Sequence[str]]]:
    digits = example.summary.digits
    rows = [(c.name, *(decimal_text(number, digits) for number in (c.before, c.after, c.difference)))
            for c in example.changes]  # fmt: skip
    return ("", "before", "after", "change"), list(rows)


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip
