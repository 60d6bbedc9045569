"""A diagnosis, a finding or a remedy that was tried, as text, for a notebook, and as a page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from backlit.diagnose.records import Diagnosis, Finding, Tried
from backlit.show.charts.palette import CHART_STYLE
from backlit.show.demo.blocks import Block
from backlit.show.demo.demo import cell_html
from backlit.show.demo.page import STYLE, block_html
from backlit.show.demo.text import WIDTH, plain_text, renderables
from backlit.show.diagnose import words
from backlit.show.diagnose.parts import diagnosis_parts, finding_parts, tried_parts
from backlit.show.notebook import heading_html
from backlit.show.pages import page

Record = Diagnosis | Finding | Tried


def parts_of(record: Record) -> Iterable[Block]:
    """Give the blocks of a record."""
    if isinstance(record, Finding):
        return finding_parts(record)
    return tried_parts(record) if isinstance(record, Tried) else diagnosis_parts(record)


def line_of(record: Record) -> str:
    """Give a record in a line."""
    if isinstance(record, Finding):
        return words.finding_line(record)
    return words.tried_line(record) if isinstance(record, Tried) else words.line(record)


def printed(record: Record, width: int) -> Iterator[RenderableType]:
    """Give what is printed of a record, each part to be printed with a line break after it."""
    if isinstance(record, Diagnosis):
        yield from (Text(textwrap.fill(words.verdict(record), width), style="bold"), "")
    for block in parts_of(record):
        yield from renderables(block, width)


def text_of(record: Record, width: int = WIDTH) -> str:
    """Give a record as plain text, in lines of at most `width`."""
    return plain_text(printed(record, width), width)


def html_of(record: Record) -> str:
    """Give a record for a notebook, true without its styles too."""
    head = heading_html(words.verdict(record)) if isinstance(record, Diagnosis) else ""
    return f"<div>{head}{''.join(map(cell_html, parts_of(record)))}</div>"


def page_of(diagnosis: Diagnosis) -> str:
    """Give a diagnosis as a page of its own, which loads nothing."""
    parts = map(block_html, diagnosis_parts(diagnosis))
    return page(words.line(diagnosis), "\n".join(parts), CHART_STYLE + STYLE)
