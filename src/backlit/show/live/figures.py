"""Charts as parts of the live page, whose Content-Security-Policy takes no style attributes."""

from __future__ import annotations

from html import escape

import msgspec

from backlit.show.charts.figure import Figure
from backlit.show.charts.svg import figure_svg
from backlit.show.pages import table_html

WIDTH = 376
"""On a phone of 390 pixels there are 335 to 366 for a chart: its letters then have more than 11 pixels."""

ROWS = 20
"""A table has so many rows at the most, evenly spread, the first and the last among them."""


def figure_part(figure: Figure, name: str, *, above: str = "", said: str = "", titled: bool = True) -> str:
    """Give a chart with its title, its words and its numbers, which fold out.

    `name` begins the ids of its parts, `above` is drawn over it, and `said` stands in the place of the figure's words.
    """
    svg = figure_svg(figure, standalone=False, titled=False)
    if above:
        svg = svg.removesuffix("</svg>") + above + "</svg>"
    words = said or figure.summary
    table = figure.table
    return (
        f'<figure class="live" id="{name}">'
        + (f"<h3>{escape(figure.title)}</h3>" if titled else "")
        + svg
        + (f"<figcaption>{escape(words)}</figcaption>" if words else "")
        + (
            f'<details id="{name}-numbers"><summary>Numbers</summary>'
            f"{table_html(table.head, table.rows, table.numbers, label=f'{figure.title}, as a table')}</details>"
            if table.rows else ""
        )
        + "</figure>"
    )  # fmt: skip


def narrow(figure: Figure, height: int | None = None) -> Figure:
    """Give a chart as wide as a phone has room for, with a table of a bounded length."""
    rows = figure.table.rows
    if len(rows) > ROWS:
        rows = tuple(rows[round(k * (len(rows) - 1) / (ROWS - 1))] for k in range(ROWS))
    table = msgspec.structs.replace(figure.table, rows=rows)
    return msgspec.structs.replace(figure, width=WIDTH, height=height or figure.height, table=table)
