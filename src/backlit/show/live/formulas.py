"""Worked numbers on the live page: formulas in MathML, and many in short as a folded table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from backlit.explain.record.step_records import Record, Section
from backlit.explain.walk import StageWork
from backlit.show.live.numbers import partial, powers, printed, signs
from backlit.show.worked.equation_parts import equation_parts
from backlit.show.worked.formula_forms import broken
from backlit.show.worked.html import maths as latex_maths

WIDE, LONGEST_LINE = 37, 62
"""A formula with more signs in a line takes the whole width; a longer sum is written in several lines."""
LONGEST = 160
"""Of a longer formula with its numbers, in short, the beginning is shown."""


SIGN = re.compile(r"(<mo[^>]*>&#x(?:0003D|000B7|000D7|0002B|02212|00028);</mo>)<mo>(?=&#x02212;)")
"""A minus behind =, ·, ×, +, − or an opening bracket: it is a sign, which stands near its number."""


def maths(latex: str) -> str:
    """Give LaTeX as MathML.

    >>> maths("= -2")[66:]
    '<mrow><mo>&#x0003D;</mo><mo form="prefix">&#x02212;</mo><mn>2</mn></mrow></math>'
    """
    return SIGN.sub(r'\1<mo form="prefix">', str(latex_maths(latex)))


def formulas_html(sections: Iterable[Section], *, level: int = 3) -> str:
    """Give sections of worked numbers; of those with the same title, the title comes once."""
    parts, title = [], ""
    for section in sections:
        if section.title and section.title != title:
            parts.append(f"<h{level}>{escape(_capital(section.title))}</h{level}>")
        title = section.title
        parts.append(section_html(section))
    return "".join(parts)


def section_html(section: Section) -> str:
    """Give the numbers of a section: those that are given, then each of the others by its formula."""
    given = "".join(
        f"<span>{maths(record.symbol)} = {escape(printed(record.shown))}"
        + (f" <small>({escape(record.note)})</small>" if record.note else "") + "</span>"
        for record in section.given
    )  # fmt: skip
    worked = "".join(map(_worked, section.worked))
    return (f'<div class="given">{given}</div>' if given else "") + (
        f'<div class="worked">{worked}</div>' if worked else ""
    )


def _worked(record: Record) -> str:
    """Give a number's symbol, and below one another its formula, its numbers and its value; long sums in lines."""
    lines = [
        f"{'= ' if not number else ''}{line}"
        for part in equation_parts(record) for number, line in enumerate(broken(part, LONGEST_LINE, formula_width))
    ]  # fmt: skip
    wide = max(map(formula_width, lines)) + formula_width(record.symbol) > WIDE
    rows = "".join(f"<tr><td>{'' if k else maths(record.symbol)}<td>{maths(line)}" for k, line in enumerate(lines))
    note = f'<p class="note">{escape(record.note)}</p>' if record.note else ""
    kind = 'class="number-of wide" tabindex="0"' if wide else 'class="number-of"'
    return f'<div {kind}><table class="equation">{rows}</table>{note}</div>'


TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
SPACES = {"\\left", "\\right", "\\,", " ", "}"}
RAISED = 0.72
"""The size of what stands below or above, as a part of that on the line."""


def formula_width(latex: str) -> float:
    r"""Give about how wide a formula is, in digits: of a fraction the wider of its parts counts.

    >>> round(formula_width(r"\frac{\partial E}{\partial w_{5}} = 0.5"), 2)
    8.22
    """
    return _row(TOKEN.findall(latex), 0)[0]


def _row(tokens: Sequence[str], at: int) -> tuple[float, int]:
    """Give the width of what stands up to the end of a group, and where that is."""
    width, size = 0.0, 1.0
    while at < len(tokens) and tokens[at] != "}":
        token, at = tokens[at], at + 1
        if token in "_^":
            size = RAISED
            continue
        if token == "\\frac":
            upper, at = _row(tokens, at + 1)
            lower, at = _row(tokens, at + 2)
            one, at = max(upper, lower) + 0.5, at + 1
        elif token == "{":
            one, at = _row(tokens, at)
            at += 1
        else:
            one = 0.0 if token in SPACES or token == "\\text" else 2.0 if token in {"+", "=", "\\cdot"} else 1.0
        width, size = width + size * one, 1.0
    return width, at


def brief_html(work: StageWork, key: str) -> str:
    """Give the numbers beyond those that are worked out whole, in short and folded."""
    records = [record for section in work.brief for record in section.records]
    more = len(records) + work.beside
    if not more:
        return ""
    rows = "".join(map(_brief_row, records))
    like = "it" if more == 1 else "these"
    beside = (f'<p class="note">{work.beside:,} more are not listed: a weight’s own numbers are shown where it is '
              "chosen, in the view Network.</p>" if work.beside else "")  # fmt: skip
    return (
        f'<details id="{key}"><summary>and {more:,} more like {like}</summary><div id="{key}-box" class="scroll" '
        f'data-keep-scroll tabindex="0" role="group" aria-label="More numbers"><table><tbody>{rows}</table></div>'
        f"{beside}</details>"
    )


def _brief_row(record: Record) -> str:
    numbers = record.plain_substituted
    if len(numbers) > LONGEST:
        numbers = numbers[:LONGEST] + " …"
    formula = f"{escape(powers(signs(numbers)))}" if numbers and numbers != record.shown else escape(record.note)
    name, shown = escape(partial(record.name)), escape(printed(record.shown))
    return f'<tr><th scope="row">{name}<td>{formula}<td class="n">{shown}'


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]
