"""Worksheets as a page to print: native MathML, inline SVG, no script."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from backlit.check.worksheets.sheets import Line, Worksheet
from backlit.explain.algebra.numerals import latex_number
from backlit.show.network.svg import drawing_svgs
from backlit.show.pages import template
from backlit.show.worked.formula_forms import broken
from backlit.show.worked.html import maths
from backlit.show.worksheet.words import blocks, footer, formulas, intro, short

DRAWING_DIGITS = 4
LARGEST_SCALE, TALLEST, TALLEST_PANEL = 1.0, 250.0, 340.0
"""How large a drawing is: of its own size at most, and no taller than so many pixels; and so each of several panels."""
WIDEST = 34
"""A formula is broken before a plus or minus sign where it has about so many signs."""

LONGEST = 36
"""A piece of more signs is written smaller."""


def sheets_html(sheets: Sequence[Worksheet], *, key: bool = False) -> str:
    """Give one page with all sheets, or all keys, each on pages of its own where it is printed."""
    what = "key" if key else "worksheet"
    title = f"{sheets[0].title}: {what}" if len(sheets) == 1 else f"{sheets[0].title}: {len(sheets)} {what}s"
    made: str = template("worksheet.html").render(
        sheets=sheets, key=key, title=title, maths=maths, latex_number=latex_number, short=short, picture=picture,
        intro=lambda sheet: intro(sheet, key=key), footer=lambda sheet: footer(sheet, key=key),
        blocks=blocks, pieces=lambda line: pieces(line, key=key),
    )  # fmt: skip
    return made


def pieces(line: Line, *, key: bool) -> list[Markup]:
    """Give the pieces of a line before its result, between which it may be broken."""
    sides = formulas(line, key=key)
    if not sides:
        return [maths(f"{line.record.symbol} ="), Markup('<span class="blank formula"></span>')]
    parts = [part for side in sides for part in broken(f"= {side}", WIDEST)]
    return [_piece(f"{line.record.symbol} {parts[0]}"), *map(_piece, parts[1:])]


def _piece(latex: str) -> Markup:
    """Give a piece of a formula, smaller where it cannot be broken and would leave its column."""
    signs = len(re.sub(r"\\[a-zA-Z]+|[{}_^\\ ]", "", latex))
    return Markup('<span class="wide">{}</span>').format(maths(latex)) if signs > LONGEST else maths(latex)


def picture(sheet: Worksheet) -> Markup:
    """Draw the network without its results, panel by panel, with the weights' names beside their values."""
    if sheet.drawing is None:
        return Markup("")
    found = []
    for svg in drawing_svgs(sheet.drawing, backward=False, digits=DRAWING_DIGITS, names=True):
        if 'class="network forward wide"' in svg:  # it shows what the narrow one before shows
            continue
        width, height = map(int, re.findall(r'<svg [^>]*?width="(\d+)" height="(\d+)"', svg)[0])
        scale = min(LARGEST_SCALE, (TALLEST_PANEL if sheet.drawing.panels else TALLEST) / height)
        size = f'style="width: {width * scale:.0f}px; aspect-ratio: {width} / {height}" '
        found.append(re.sub(r' style="--least:\d+px"', "", svg).replace("<svg ", f"<svg {size}", 1))
    return Markup("\n".join(found))
