"""The parts of a report's page: sections of words, charts, tables, a drawn network, facts, commands.

Every part has a `kind`, by which the template writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from markupsafe import Markup

from backlit.show.charts.figure import Figure
from backlit.show.charts.svg import figure_svg
from backlit.show.notebook import svg_size

LABEL = re.compile(r' aria-label="[^"]*"')


class Grid(NamedTuple):
    """A table. The cells of the first column name their rows, those from column `numbers` on stand to the right.

    `caption` names it, `note` says what is left out. `quiet` lines stand below the first cell, one for each row;
    `texts` are columns behind `numbers` that stand to the left after all. `stacked` are the widths of the columns on a
    narrow screen, where the first cell of a row stands above the others, as CSS writes them.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int
    note: str = ""
    quiet: Sequence[str] = ()
    texts: Sequence[int] = ()
    stacked: str = ""
    kind: str = "table"


class Chart(NamedTuple):
    """A picture with its title, what is seen in it, and its numbers: a table that is folded, or `unfolded`."""

    title: str
    summary: str
    svg: Markup
    table: Grid
    width: float
    unfolded: bool = False


class Charts(NamedTuple):
    """Charts that stand beside each other where there is room; without a chart, the reason."""

    charts: Sequence[Chart]
    kind: str = "charts"


class NetworkPicture(NamedTuple):
    """A drawn network with its caption, and the width in pixels that it needs at least to be legible."""

    svg: Markup
    caption: str
    least: int
    kind: str = "network"


class Facts(NamedTuple):
    """Pairs such as ("seed", "0")."""

    pairs: Sequence[tuple[str, str]]
    kind: str = "facts"


class Notes(NamedTuple):
    """Sentences in a list."""

    notes: Sequence[str]
    kind: str = "notes"


class Code(NamedTuple):
    """A command, as it is typed."""

    text: str
    label: str
    kind: str = "code"


class Sum(NamedTuple):
    """A unit worked out: what it adds up, line by line, then its net input and its output.

    `lines` are (what comes in, the product as it is worked out, its value).
    """

    name: str
    lines: Sequence[tuple[str, str, str]]
    net: str
    output: tuple[str, str]


class Sums(NamedTuple):
    """The units of a layer worked out."""

    title: str
    units: Sequence[Sum]
    note: str
    kind: str = "sums"


class Said(NamedTuple):
    """A sentence between parts, or for a part that is not there."""

    text: str
    quiet: bool = False
    kind: str = "said"


Block = Grid | Charts | NetworkPicture | Facts | Notes | Code | Sums | Said


class Section(NamedTuple):
    """A part of the report: its place in the page, its title, what is seen in it and what good looks like."""

    anchor: str
    title: str
    words: Sequence[str]
    blocks: Sequence[Block]


def charts(figures: Iterable[Figure | None], *, unfolded: bool = False) -> Charts:
    """Draw figures for a page that brings their style; None is left out. `unfolded` shows their tables."""
    return Charts([_chart(figure, unfolded=unfolded) for figure in figures if figure is not None])


def _chart(figure: Figure, *, unfolded: bool) -> Chart:
    svg = figure_svg(figure, standalone=False, titled=False)
    table = Grid(figure.title, figure.table.head, figure.table.rows, figure.table.numbers)
    return Chart(figure.title, figure.summary, Markup(_titled(svg, figure)), table, svg_size(svg)[0], unfolded)


def _titled(svg: str, figure: Figure) -> str:
    """Give a picture whose name is its title alone; the words beside it are its description, read where asked for."""
    head, _, rest = LABEL.sub("", svg, count=1).partition(">")
    return f"{head}><title>{escape(figure.title)}</title><desc>{escape(figure.summary)}</desc>{rest}"
