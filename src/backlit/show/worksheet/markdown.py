"""A worksheet in Markdown: formulas in LaTeX, blanks as lines, the network as text."""

from __future__ import annotations

from collections.abc import Iterator

from backlit.check.worksheets.sheets import Line, Worksheet
from backlit.explain import Drawing
from backlit.explain.algebra.numerals import latex_number
from backlit.show.network import text as diagram_text
from backlit.show.worked.escapes import escaped
from backlit.show.worked.formula_forms import markdown_formula
from backlit.show.worksheet.words import footer, formulas, intro, short

BLANK = r"\_\_\_\_\_\_\_\_\_\_\_\_"
LONG_BLANK = 2 * BLANK
WIDTH = 90


def sheet_markdown(sheet: Worksheet, *, key: bool = False) -> str:
    """Give a sheet, or its key."""
    lines = [f"# {escaped(sheet.title)}{': key' if key else ''}", ""]
    lines += [f"Name: {escaped(sheet.student) or BLANK}", ""]
    for text in intro(sheet, key=key):
        lines += [escaped(text), ""]
    for name, records in sheet.given:
        cells = [f"${markdown_formula(record.symbol)} = {latex_number(short(record))}$" for record in records]
        lines += [f"**{name}:** {', '.join(cells)}", ""]
    for name, matrix in sheet.matrices:
        lines += [f"**{escaped(name)}:** ${markdown_formula(matrix)}$", ""]
    if sheet.drawing is not None and diagram_text.fits(sheet.drawing):
        lines += ["```", *drawn(sheet.drawing), "```", ""]
    for part in sheet.parts:
        lines += [f"## {escaped(part.title)}", ""]
        for line in part.lines:
            lines += [_line(line, key=key), ""]
    lines += ["---", "", escaped(footer(sheet, key=key))]
    return "\n".join(lines) + "\n"


def drawn(drawing: Drawing) -> Iterator[str]:
    """Draw the network as text."""
    yield from (line.rstrip() for line in diagram_text.drawing_lines(drawing, 4, WIDTH, names=True))


def _line(line: Line, *, key: bool) -> str:
    sides = [markdown_formula(side) for side in formulas(line, key=key)]
    symbol = markdown_formula(line.record.symbol)
    if key or line.shows_result:
        result = latex_number(line.record.shown)
        shown = rf"\mathbf{{{result}}}" if line.blank else result
        return f"${' = '.join([symbol, *sides, shown])}$"
    if not sides:
        return f"${symbol} =$ {LONG_BLANK} $=$ {BLANK}"
    return f"${' = '.join([symbol, *sides])}$" + (f" $=$ {BLANK}" if line.blank else "")
