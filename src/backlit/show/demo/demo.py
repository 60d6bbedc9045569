"""A run of a network file, and the list of the classic examples: how they print and show themselves in a notebook."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from backlit.engine import Shown
from backlit.errors import counted
from backlit.examples import Example
from backlit.show.charts.svg import figure_svg
from backlit.show.demo import tables as demo_tables
from backlit.show.demo import text as demo_text
from backlit.show.demo.blocks import Block, Chart, Facts, Heading, Lines, NetworkPicture, PanelPicture, Words
from backlit.show.demo.drawing import network_picture
from backlit.show.demo.page import demo_page
from backlit.show.demo.parts import demo_parts
from backlit.show.demo.records import DemoRun
from backlit.show.demo.tables import DemoTable
from backlit.show.network.svg import network_svg
from backlit.show.network.text import drawing_lines
from backlit.show.notebook import heading_html, lines_html, picture_html, svg_size, table_html, words_html
from backlit.show.saving import saved
from backlit.show.text_charts import network_drawing

WIDTH = 100
"""Of the text that stands for a picture in a notebook."""
FORMS = (".html", ".txt", ".json")


class Demo(Shown):
    """A run of a network file; prints as `backlit demo` does, shows itself in a notebook.

    Attributes:
        run: the record of all of it: `run.runs[0].errors`, `.parameters`, `.predictions`, `.figures` ...

    >>> import backlit as bl
    >>> demo = bl.demo("linear", compiled=False)
    >>> f"{demo.run.runs[0].errors[-1].error:.9f}"
    '0.276957171'
    """

    def __init__(self, run: DemoRun) -> None:
        self.run = run

    @functools.cached_property
    def _text(self) -> str:
        return demo_text.demo_text(self.run)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        run = self.run.runs[0]
        several = f"{len(self.run.runs)} runs" if len(self.run.runs) > 1 else counted(run.epochs, "epoch")
        return f"<demo {self.run.name!r}: {several}, E = {run.errors[-1].error:.6g}; print it>"

    def to_json(self) -> str:
        """Give everything as JSON, as `backlit demo --json` does."""
        return msgspec.json.encode(self.run).decode()

    def to_html(self) -> str:
        """Give a page of its own that loads nothing: what a notebook shows, each picture with its table."""
        return demo_page(self.run)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the demo to a file and give its path; the ending says how: .html, .txt or .json.

        Errors: a BacklitError for another ending, or where the file cannot be written.
        """
        return saved(path, dict(zip(FORMS, (self.to_html, self.__str__, self.to_json), strict=True)), "a demo")

    def _repr_html_(self) -> str:
        return f"<div>{''.join(_parts(self.run))}</div>"


class DemoList(Shown, tuple[Example, ...]):
    """The classic examples; prints as `backlit demo` does without a name."""

    __slots__ = ()

    def __str__(self) -> str:
        return demo_text.list_text(self)

    def to_json(self) -> str:
        """Give the list as JSON."""
        return msgspec.json.encode(tuple(self)).decode()

    def __repr__(self) -> str:
        return f"<{len(self)} classic examples, from {self[0].name!r} to {self[-1].name!r}; print it>"

    def _repr_html_(self) -> str:
        rows = [(example.name, example.teaches) for example in self]
        return table_html(("name", "what it teaches"), rows, 2)


# ----------------------------------------------------------------------------------------------------- in a notebook


def _parts(run: DemoRun) -> Iterator[str]:
    """Give the parts of a run as HTML, in the order in which the terminal has them."""
    yield heading_html(run.title or run.name, size="1.3em")
    for block in demo_parts(run):
        yield cell_html(block)


def cell_html(block: Block) -> str:
    """Give a block for a notebook."""
    if isinstance(block, Heading):
        return heading_html(block.text, size="1.2em")
    if isinstance(block, Words):
        return words_html(block.text)
    if isinstance(block, Facts):
        return table_html(("", ""), block.rows, 2)
    if isinstance(block, Lines):
        return lines_html(block.text)
    if isinstance(block, (NetworkPicture, PanelPicture)):
        return _network(block)
    return _chart(block) if isinstance(block, Chart) else _table(block)


def _network(block: NetworkPicture | PanelPicture) -> str:
    """Give a drawing of a network with what is said of it."""
    if isinstance(block, PanelPicture):
        svg = network_svg(block.drawing, backward=block.backward, digits=block.digits)
        lines = drawing_lines(block.drawing, block.digits, WIDTH, backward=block.backward)
        return words_html(block.caption) + picture_html(svg, svg_size(svg), "\n".join(lines))
    columns = demo_tables.drawn_units(block.setup)
    drawn = lines_html("\n".join(network_drawing(columns))) if columns else ""
    return network_picture(block.setup) or drawn


def _chart(chart: Chart) -> str:
    """Give the pictures of a chart, each holding what a terminal shows of it, with what is said below them."""
    parts = []
    for figure, text, said in zip(
        chart.figures, demo_text.chart_texts(chart), demo_text.chart_words(chart), strict=True
    ):
        svg = figure_svg(figure)
        parts.append(picture_html(svg, svg_size(svg), text) + (words_html(said) if said else ""))
    return "".join(parts)


def _table(table: DemoTable) -> str:
    title = heading_html(table.title) if table.title else ""
    return f"{title}{table_html(table.head, table.rows, table.names)}{''.join(map(words_html, table.notes))}"
