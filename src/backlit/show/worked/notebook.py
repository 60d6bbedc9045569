"""A worked example as a notebook shows it: its head and pictures, the formulas section by section, the comparison.

Formulas are outputs of their own, in LaTeX: JupyterLab renders that whether or not the notebook is trusted, and
nbconvert leaves it alone when it sanitizes. One HTML text of all of it, `worked_fragment`, is for programs that ask for
that.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from backlit.explain.algebra.numerals import decimal_text, given_text, latex_number, short_text
from backlit.explain.record.step_records import Drawing, Example, Record, Section
from backlit.show.network import text as diagram_text
from backlit.show.network.svg import network_svg
from backlit.show.network.words import drawing_caption, rows_drawn, rows_left_out
from backlit.show.notebook import (
    Output,
    heading_html,
    lines_html,
    padded,
    picture_html,
    svg_size,
    table_html,
    words_html,
)
from backlit.show.worked.equation_parts import equation_parts, says_the_same
from backlit.show.worked.formula_forms import broken, notebook_formula, notebook_words

DRAWING_DIGITS = 4
MOST_OUTPUTS = 40
"""JupyterLab folds what comes after the fiftieth output of a cell; formulas take so many at the most."""
MOST_SIGNS = 4400
"""MathJax refuses a formula of more than 5,120 signs."""
BETWEEN = r" \\[1ex] "
LINE = 110
"""What is too long for a formula stands there as text, in lines of so many signs."""
GIVEN_COLUMNS = 4
WIDEST = 100
"""So many signs of a formula stand in a line."""


def worked_outputs(example: Example, most: int = MOST_OUTPUTS) -> Iterator[Output]:
    """Give the outputs of a cell, in order, `most` of formulas; each says in `text/plain` what it shows."""
    tables = "".join(_tables(example))
    yield {"text/html": f"{_head(example)}{''.join(_pictures(example))}{tables}", "text/plain": _head_text(example)}
    blocks, left_out = _blocks(example.sections, most)
    yield from map(_output, blocks)
    if left_out:
        rest = _rest(example, left_out)
        yield {"text/html": words_html(rest), "text/plain": rest}
    if example.changes:
        head, rows = _changes(example)
        yield {"text/html": heading_html(COMPARED) + table_html(head, rows, 1), "text/plain": _columns([head, *rows])}


def worked_fragment(example: Example) -> str:
    """Give one HTML text of it all: formulas as plain text, since only some programs render others within HTML."""
    parts = [_head(example), *_pictures(example), *_tables(example)]
    for section in example.sections:
        lines = [line for record in section.records for line in _lines_of(record)]
        parts += [heading_html(section.title), lines_html("\n".join(lines))]
    if example.changes:
        head, rows = _changes(example)
        parts += [heading_html(COMPARED), table_html(head, rows, 1)]
    return f"<div>{''.join(parts)}</div>"


COMPARED = "Before and after the step"


# ----------------------------------------------------------------------------------------------------------------- head


def _head(example: Example) -> str:
    summary = example.summary
    parts = [heading_html(summary.title, size="1.3em"), table_html(("", ""), summary.facts, 2)]
    if len(summary.errors) > 1:
        rows = [(str(number), decimal_text(error, summary.digits)) for number, error in _few(summary.errors)]
        if len(rows) < len(summary.errors):
            rows.insert(FEW // 2, ("...", ""))
        parts += [heading_html(summary.errors_title), table_html(("step", summary.measured), rows, 0)]
    return "".join(parts)


def _tables(example: Example) -> Iterator[str]:
    for table in (table for section in example.sections for table in section.tables):
        yield heading_html(table.title) + table_html(table.heads, table.lines, table.fixed)


FEW = 12
"""Of more steps the errors of the first and the last ones are shown."""


def _few(errors: Sequence[float]) -> list[tuple[int, float]]:
    numbered = list(enumerate(errors, 1))
    return numbered if len(numbered) <= FEW else numbered[: FEW // 2] + numbered[-FEW // 2 :]


def _head_text(example: Example) -> str:
    summary = example.summary
    errors = [f"{summary.measured} before step {number}: {decimal_text(error, summary.digits)}"
              for number, error in _few(summary.errors)] if len(summary.errors) > 1 else []  # fmt: skip
    return "\n".join([summary.title, _columns(summary.facts), *errors])


def _pictures(example: Example) -> Iterator[str]:
    """Give the network, forward and backward, of each row that is drawn; of all rows together, backward."""
    digits = min(example.summary.digits, DRAWING_DIGITS)
    for drawing in example.drawings:
        if rows_drawn(drawing):
            yield heading_html(rows_drawn(drawing))
        for backward in (False, True) if drawing.row is not None else (True,):
            caption = drawing_caption(drawing, backward=backward)
            svg = network_svg(drawing, backward=backward, digits=digits)
            yield words_html(caption) + picture_html(svg, svg_size(svg), _drawn(drawing, backward, digits))
    if rows_left_out(example):
        yield words_html(rows_left_out(example))


def _drawn(drawing: Drawing, backward: bool, digits: int) -> str:
    """Say in words what a drawing shows: the text that stands for it."""
    if drawing.panels:
        return "\n".join(diagram_text.drawing_lines(drawing, digits, 100, backward=backward))
    if not backward and diagram_text.fits(drawing):
        given = ", ".join(f"{node.name} = {given_text(node.value, digits)}" for node in drawing.columns[0].nodes
                          if node.value is not None)  # fmt: skip
        return "\n".join([f"inputs: {given}", *diagram_text.network_lines(drawing, digits, 100)])
    lines, drawing = [], drawing.way(backward=backward)
    for place, column in enumerate(drawing.columns):
        before = drawing.columns[place - 1].nodes if place else ()
        for unit, node in enumerate(column.nodes):
            number = node.slope if backward else node.value
            value = "" if number is None else f" {short_text(number, digits)}"
            edges = [(edge.source, edge.slope if backward else edge.weight) for edge in column.edges
                     if edge.unit == unit]  # fmt: skip
            names = (before[source].name if source >= 0 else "1" for source, _ in edges)
            parts = [f"{name} {short_text(number, digits)}" for name, (_, number) in zip(names, edges, strict=True)
                     if number is not None]  # fmt: skip
            if value or parts:
                lines.append(f"{node.name}{value}" + (f"; from {', '.join(parts)}" if parts else ""))
    return "\n".join(lines)


# ------------------------------------------------------------------------------------------------------------- formulas


class Block(NamedTuple):
    """A part of a section that goes into one formula: its rows in LaTeX, the same as text, how many numbers it has."""

    latex: str
    text: str
    numbers: int


def _blocks(sections: Sequence[Section], most: int) -> tuple[list[Block], int]:
    """Give the formulas of all sections, `most` of them, and how many numbers are left out."""
    blocks = [block for section in sections for block in _section(section)]
    if len(blocks) > most:
        blocks = _merged(blocks)
    return blocks[:most], sum(block.numbers for block in blocks[most:])


def _merged(blocks: Sequence[Block]) -> list[Block]:
    """Put neighbours together as far as they fit into one formula."""
    merged: list[Block] = []
    for block in blocks:
        last = merged[-1] if merged else None
        if last and last.latex and block.latex and len(last.latex) + len(block.latex) <= MOST_SIGNS:
            merged[-1] = Block(
                f"{last.latex} {block.latex}", f"{last.text}\n{block.text}", last.numbers + block.numbers
            )
        else:
            merged.append(block)
    return merged


def _output(block: Block) -> Output:
    r"""Give a formula that stands at the left, which one between `$$` does not; what is too long for one as text."""
    if not block.latex:
        return {"text/html": lines_html(block.text), "text/plain": block.text}
    return {
        "text/latex": rf"$\displaystyle \begin{{array}}{{l}} {block.latex} \end{{array}}$",
        "text/plain": block.text,
    }


def _section(section: Section) -> Iterator[Block]:
    """Give a section as blocks that are short enough."""
    heading, title = notebook_words(section.title, "textbf") + r" \\", section.title
    for given in _runs([(record, _given(record)) for record in section.given]):
        columns = 2 if any(record.note for record, _ in given) else GIVEN_COLUMNS
        cells = [cell for _, cell in given]
        rows = r" \\ ".join(r" & ".join(cells[start : start + columns]) for start in range(0, len(cells), columns))
        latex = rf"\begin{{array}}{{{'l' * columns}}} {rows} \end{{array}} \\"
        text = "\n".join(line for record, _ in given for line in _lines_of(record))
        yield Block(f"{heading} {latex}".strip(), f"{title}\n{text}".strip(), len(given))
        heading = title = ""
    for worked in _runs([(record, _record(record)) for record in section.worked]):
        lines = BETWEEN.join(latex for _, latex in worked)
        text = "\n".join(line for record, _ in worked for line in _lines_of(record))
        if len(lines) > MOST_SIGNS:  # one number with a very long formula
            text = "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, LINE))
            yield Block("", f"{title}\n{text}".strip(), len(worked))
        else:
            latex = rf"\begin{{aligned}} {lines} \end{{aligned}} \\"
            yield Block(f"{heading} {latex}".strip(), f"{title}\n{text}".strip(), len(worked))
        heading = title = ""


def _runs(parts: Sequence[tuple[Record, str]]) -> Iterator[list[tuple[Record, str]]]:
    """Give neighbours that fit into one formula together."""
    run: list[tuple[Record, str]] = []
    for part in parts:
        if run and sum(len(latex) + len(BETWEEN) for _, latex in (*run, part)) > MOST_SIGNS:
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _rest(example: Example, count: int) -> str:
    """Say how many numbers are not here, and how to ask for a part: a unit and a weight of this example."""
    records = [record for section in example.sections for record in section.records]
    unit = next((record.unit for record in records if record.unit and record.formula), "")
    weight = next((record.name for record in records if record.source), "")
    parts = [f'only="{part}"' for part in (unit, weight) if part]
    return (
        f"{count:,} more numbers are left out here. print(...) has all of them, and so have to_html() and to_json(); "
        f"{', '.join(parts)}{' or ' if parts else ''}rows of your choice show a part."
    )


def _given(record: Record) -> str:
    note = r"\ " + notebook_words(f"({record.note})") if record.note else ""
    return f"{notebook_formula(record.symbol)} = {latex_number(record.shown)}{note}"


def _record(record: Record) -> str:
    """Set one number: its formula, the numbers put in, its value, each in lines of their own."""
    parts = [broken(notebook_formula(part), WIDEST) for part in equation_parts(record)]
    lines = [r" \\ & \quad ".join(part) for part in parts]
    remarks = [remark for remark in (record.note, record.checked) if remark]
    rows = [f"{notebook_formula(record.symbol)} & = " + r" \\ & = ".join(lines)]
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


def _lines_of(record: Record) -> Iterator[str]:
    """Give a number as text: formula, numbers and value below each other."""
    if not record.formula:
        yield f"{record.name} = {record.shown}" + (f"  ({record.note})" if record.note else "")
        return
    margin = " " * len(record.name)
    yield f"{record.name} = {record.plain_formula}"
    if not says_the_same(record):
        yield f"{margin} = {record.plain_substituted}"
    yield f"{margin} = {record.shown}"
    for remark in filter(None, (record.note, record.checked)):
        yield f"{margin}   {remark}"


def _changes(example: Example) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows: list[Sequence[str]] = [(change.name, *change.shown) for change in example.changes]
    return ("", "before", "after", "change"), rows


def _columns(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("  ".join(line).rstrip() for line in padded(lines, len(lines[0]))) if lines else ""
