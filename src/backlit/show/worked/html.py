"""A worked example as one self-contained page: native MathML, inline SVG, foldable sections, no script."""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Collection
from decimal import Decimal
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from backlit.explain.algebra.numerals import decimal_text, given_text, short_text
from backlit.explain.algebra.printing import OPERAND
from backlit.explain.quantity_names import plain_text
from backlit.explain.record.step_records import Drawing, Example, Record, Section
from backlit.show.network.svg import NETWORK_STYLE, PIECES_STYLE, drawing_svgs
from backlit.show.network.words import drawing_caption, rows_drawn, rows_left_out
from backlit.show.pages import template
from backlit.show.worked.equation_parts import equation_parts
from backlit.show.worked.tables import table_rows_html

DRAWING_DIGITS = 4
MOST_RESULTS = 4
"""So many results stand beside a folded section's title."""
TEXT = re.compile(r"\\text\{((?:[^{}\\]|\\.|\{\})*)\}")
PLACEHOLDER = "text"
LINKED = re.compile(rf"{re.escape(OPERAND)}\{{([0-9a-f]*)\}}\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}")
"""A number of the step in LaTeX, with its name in hexadecimal."""


class Picture(NamedTuple):
    """A drawing, forward or backward, with its caption, and the width in pixels that it needs at least."""

    svg: Markup
    caption: str
    kind: str
    least: int


class Pictures(NamedTuple):
    """What is drawn of a row, or of all rows together: `title` is empty where the step has one row.

    `least` is the width in pixels that each needs at least: where there is room for two, they stand beside each other.
    """

    title: str
    outputs: str
    open: bool
    pictures: list[Picture]


def worked_html(example: Example, *, names: bool | None = None) -> str:
    """Give a page that opens offline and loads nothing.

    Its sections are folded at the start, with their results beside their titles. Every number in a formula is a link to
    the place where it was computed. `names` puts the weights' names beside their values in the drawings; None does so
    for the user's own names alone.
    """
    return _render(example, page=True, names=names)


def _render(example: Example, *, page: bool, names: bool | None) -> str:
    digits = example.summary.digits
    known = {record.name for record in example.records}
    made: str = template("worked.html").render(
        example=example, page=page, maths=maths, anchor=anchor, network_style=Markup(NETWORK_STYLE + PIECES_STYLE),
        equation=lambda record, linked: equation(record, linked, known), parts=_parts(example),
        results=lambda section: results(section, min(digits, DRAWING_DIGITS)), left_out=rows_left_out(example),
        number=lambda value: decimal_text(value, digits), rows_html=lambda table: Markup(table_rows_html(table)),
        drawn=[_pictures(drawing, min(digits, DRAWING_DIGITS), names, number)
               for number, drawing in enumerate(example.drawings)],
    )  # fmt: skip
    return made


def _pictures(drawing: Drawing, digits: int, names: bool | None, number: int) -> Pictures:
    """Draw a row forward and backward, or all rows together; the first row and all together are open at the start."""
    pictures = []
    for backward in (True,) if drawing.row is None else (False, True):
        svg = "\n".join(drawing_svgs(drawing, backward=backward, digits=digits, names=names))
        least = max(map(int, re.findall(r"--least:(\d+)px", svg)), default=0)
        caption = drawing_caption(drawing, backward=backward)
        pictures.append(Picture(Markup(svg), caption, "backward" if backward else "forward", least))
    return Pictures(rows_drawn(drawing), _outputs(drawing, digits), number == 0 or drawing.row is None, pictures)


def _outputs(drawing: Drawing, digits: int) -> str:
    """Give the first outputs with their targets: what is seen of a row while it is folded."""
    if not drawing.columns:
        return ""
    pairs = zip(drawing.columns[-1].nodes, drawing.targets, strict=False)
    words = [f"{node.name} {short_text(node.value, digits)}, target {given_text(target, digits)}"
             for node, target in pairs if node.value is not None]  # fmt: skip
    return "; ".join(words[:MOST_RESULTS]) + ("; …" if len(words) > MOST_RESULTS else "")


class Part(NamedTuple):
    """Sections that belong together: those of a row, forward or backward, where there are several rows; else one."""

    title: str
    sections: list[Section]
    results: str


def _parts(example: Example) -> list[Part]:
    """Give the sections, those of the same phase and row in one part."""
    digits = min(example.summary.digits, DRAWING_DIGITS)
    several = len(example.drawings) > 1 or any(record.row for record in example.records)
    parts = []
    for title, found in itertools.groupby(example.sections, key=lambda section: section.title.partition(": ")[0]):
        sections = list(found)
        if several and len(sections) > 1 and sections[0].phase in {"forward", "backward"}:
            parts.append(Part(title, sections, results(sections[-1], digits)))
        else:
            parts += [Part("", [section], "") for section in sections]
    return parts


def results(section: Section, digits: int) -> str:
    """Give the numbers that a section ends with, which none of its others needs: what is seen of it while folded."""
    used = {name for record in section.worked for name in record.depends_on}
    found = [f"{r.name} = {_shorter(r, digits)}" for r in section.records if r.name not in used]
    more = f", … {len(found) - MOST_RESULTS:,} more" if len(found) > MOST_RESULTS else ""
    return ", ".join(found[:MOST_RESULTS]) + more


def _shorter(record: Record, digits: int) -> str:
    """Give a number with fewer digits, rounded once; where the record has fewer places still, by those."""
    text = short_text(record.value, digits)
    if not math.isfinite(record.value) or _place(text) >= _place(record.shown):
        return text
    return short_text(float(record.shown), digits)


def _place(text: str) -> int:
    """Give the exponent of a number's last digit: -2 for 0.35."""
    return int(Decimal(text).as_tuple().exponent)


# ------------------------------------------------------------------------------------------------------------- formulas


def anchor(name: str) -> str:
    """Give the place of a number in the page, to which its name after # leads: no white space may be in it.

    >>> anchor("dE/dw(i1,h1)"), anchor("net(h 1)") == "net(h\N{NO-BREAK SPACE}1)"
    ('dE/dw(i1,h1)', True)
    """
    return re.sub(r"\s", "\N{NO-BREAK SPACE}", name)


@functools.lru_cache(maxsize=4096)
def maths(latex: str) -> Markup:
    """Give LaTeX as MathML. Texts, which hold a user's own names, bypass the converter: it does not escape them.

    So do the numbers that are marked by a name; they become links.
    """
    from latex2mathml.converter import convert  # noqa: PLC0415  (late: the page is shown before it shows a formula)

    texts: list[str] = []

    def keep(text: str) -> str:
        texts.append(text)
        return rf"\text{{{PLACEHOLDER}{len(texts) - 1}.}}"

    kept = TEXT.sub(lambda found: keep(escape(plain_text(found[1]))), latex)
    kept = LINKED.sub(lambda found: keep(_link(bytes.fromhex(found[1]).decode(), found[2])), kept)
    filled = re.sub(rf"{PLACEHOLDER}(\d+)\.", lambda found: texts[int(found[1])], convert(kept))
    return Markup(re.sub(r"<mtext>(<a .*?</a>)</mtext>", r"<mn>\1</mn>", filled))


def _link(name: str, number: str) -> str:
    """Give a number in LaTeX as HTML, with a link to where it was computed."""
    shown = number.replace(r"\infty", "∞").replace(r"\mathrm{NaN}", "NaN").replace("-", "−")
    shown = re.sub(r" \\times 10\^\{([^{}]*)\}", r" × 10<sup>\1</sup>", shown)
    href = escape(quote(anchor(name), safe="/(),+.;=!*'[]"))
    return f'<a href="#{href}" title="{escape(name)}">{shown}</a>'


def equation(record: Record, linked: str, known: Collection[str]) -> Markup:
    """Give a table of one number: its symbol on the left, and line by line its formula, the numbers, its value.

    `linked` is the formula with numbers that are marked by their names; those of `known`, which are in the page, become
    links.
    """
    parts = equation_parts(record)
    if LINKED.sub(r"\2", linked) == record.substituted:
        marked = LINKED.sub(lambda f: f[0] if bytes.fromhex(f[1]).decode() in known else f[2], linked)
        parts = [marked if k and part == record.substituted else part for k, part in enumerate(parts)]
    cells = "".join(_row(record.symbol if not k else "", part) for k, part in enumerate(parts))
    return Markup(f'<table class="equation">{cells}</table>')


def _row(symbol: str, part: str) -> str:
    return f"<tr><td>{maths(symbol) if symbol else ''}</td><td>{maths('= ' + part)}</td></tr>"
