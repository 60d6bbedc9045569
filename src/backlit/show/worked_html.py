"""A worked example as one self-contained page: native MathML, inline SVG, foldable sections, no script."""

from __future__ import annotations

import functools
import re
from html import escape

import jinja2
from latex2mathml.converter import convert
from markupsafe import Markup

from backlit.explain.algebra.numerals import decimal_text, short_text
from backlit.explain.quantity_names import plain_text
from backlit.explain.record.step_records import Example, Record
from backlit.show.equation_parts import equation_parts
from backlit.show.network_svg import network_svg

DRAWING_DIGITS = 4
TEXT = re.compile(r"\\text\{((?:[^{}\\]|\\.|\{\})*)\}")
PLACEHOLDER = "text"


def worked_html(example: Example) -> str:
    """Give a page that opens offline and loads nothing."""
    digits = example.summary.digits
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.PackageLoader("backlit.show"), trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    shown = min(digits, DRAWING_DIGITS)
    return environment.get_template("worked.html").render(
        example=example, page=True, maths=maths, equation=lambda record: equation(record, digits),
        number=lambda value: decimal_text(value, digits), short=lambda value: short_text(value, digits),
        drawings=[Markup(network_svg(drawing, backward=backward, digits=shown))
                  for drawing in example.drawings for backward in ((False, True) if drawing.row is not None else (True,))],
    )  # fmt: skip


@functools.lru_cache(maxsize=4096)
def maths(latex: str) -> Markup:
    """Give LaTeX as MathML. Texts, which hold a user's own names, bypass the converter: it does not escape them."""
    texts: list[str] = []

    def keep(found: re.Match[str]) -> str:
        texts.append(found[1])
        return rf"\text{{{PLACEHOLDER}{len(texts) - 1}.}}"

    converted = convert(TEXT.sub(keep, latex))
    return Markup(re.sub(rf"{PLACEHOLDER}(\d+)\.", lambda found: escape(plain_text(texts[int(found[1])])), converted))


def equation(record: Record, digits: int) -> Markup:
    """Give a table of one number: its symbol on the left, and line by line its formula, the numbers, its value."""
    parts = equation_parts(record, digits)
    rows = [(record.symbol if not k else "", part) for k, part in enumerate(parts)]
    cells = "".join(
        f"<tr><td>{maths(symbol) if symbol else ''}</td><td>{maths('= ' + part)}</td></tr>" for symbol, part in rows
    )
    return Markup(f'<table class="equation">{cells}</table>')
