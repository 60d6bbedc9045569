"""What people hold of figures: a picture that prints as block characters, shows itself in a notebook, and is saved."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from backlit.engine import Shown
from backlit.show.charts.figure import Figure
from backlit.show.charts.palette import CHART_STYLE
from backlit.show.charts.svg import figure_svg, stacked_svg
from backlit.show.charts.text import figure_text
from backlit.show.notebook import picture_html, svg_size, words_html
from backlit.show.pages import page, table_html
from backlit.show.saving import saved

LARGER = 1.25
"""A page of its own has room for a picture so much larger."""


class Picture(Shown):
    """Figures, one below the other, and the record they were drawn from.

    Printed, or at Python's prompt, it is block characters; in a notebook a picture; `save` writes a file.

    Attributes:
        figures: what is drawn. record: the numbers behind it.
        title: of a page that holds them; by default that of the first figure.
    """

    def __init__(self, figures: Sequence[Figure], record: Any = None, title: str = "") -> None:
        self.figures, self.record = tuple(figures), record
        self.title = title or (self.figures[0].title if self.figures else "nothing to draw")

    def to_text(self, width: int = 72) -> str:
        """Give the picture in block characters, in lines of at most `width`."""
        parts = []
        for figure in self.figures:
            parts.append(figure_text(figure, width))
            if figure.summary:
                parts[-1] += "\n" + textwrap.fill(figure.summary, max(width, 20))
        return "\n\n".join(parts)

    def to_svg(self) -> str:
        """Give the picture as SVG, light or dark as the viewer's system is."""
        return figure_svg(self.figures[0]) if len(self.figures) == 1 else stacked_svg(self.figures)

    def to_html(self) -> str:
        """Give a page of its own that loads nothing: each figure, what it shows in words, and its table."""
        alone = len(self.figures) == 1 and self.title == self.figures[0].title  # else the page would say it twice
        figures = "\n".join(figure_html(figure, titled=not alone) for figure in self.figures)
        return page(self.title, figures, CHART_STYLE)

    def to_json(self) -> str:
        """Give the record as JSON."""
        return msgspec.json.encode(self.record).decode()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file and give its path; the ending says how: .svg, .html, .txt or .json.

        Errors: a BacklitError for another ending, or where the file cannot be written.
        """
        forms = {".svg": self.to_svg, ".html": self.to_html, ".txt": self.to_text, ".json": self.to_json}
        return saved(path, forms, "a picture", "A browser, or Inkscape, makes a PNG or PDF of an SVG.")

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:  # Python's prompt shows this: a person who asked for a picture sees one
        return self.to_text()

    def _repr_html_(self) -> str:
        return f"<div>{''.join(_cell(figure) for figure in self.figures)}</div>"


def _cell(figure: Figure) -> str:
    """Give a figure for a notebook: a picture, which holds the same as text, and what it shows in words."""
    svg = figure_svg(figure)
    return picture_html(svg, svg_size(svg), figure_text(figure)) + (
        words_html(figure.summary) if figure.summary else ""
    )


def figure_html(figure: Figure, *, titled: bool = True) -> str:
    """Give a figure as a part of a page that brings `CHART_STYLE`: the picture, its words, its table folded."""
    said = f"<figcaption>{escape(figure.summary)}</figcaption>" if figure.summary else ""
    svg = figure_svg(figure, standalone=False, titled=titled)
    svg = svg.replace(' class="chart"', f' class="chart" style="width:{LARGER * svg_size(svg)[0]:.0f}px"', 1)
    return f"<figure>\n{svg}\n{said}</figure>\n{_table_html(figure)}"


def _table_html(figure: Figure) -> str:
    table = figure.table
    if not table.rows:
        return ""
    written = table_html(table.head, table.rows, table.numbers, label=f"{figure.title}, as a table")
    return f"<details><summary>The numbers of this picture</summary>{written}</details>"
