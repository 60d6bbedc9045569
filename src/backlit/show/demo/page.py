"""A demo as a page of its own, which loads nothing: the parts of the notebook, with pictures and their tables."""

from __future__ import annotations

from html import escape

from backlit.show.charts.palette import CHART_STYLE
from backlit.show.demo.blocks import Block, Chart, Facts, Heading, Lines, NetworkPicture, PanelPicture, Words
from backlit.show.demo.drawing import network_part
from backlit.show.demo.parts import demo_parts
from backlit.show.demo.records import DemoRun
from backlit.show.network.svg import NETWORK_STYLE, PIECES_STYLE, drawing_svgs
from backlit.show.pages import page, table_html
from backlit.show.picture import figure_html

STYLE = """
svg{width:auto}h2{font-size:1.2rem;margin-top:2.5rem}caption{font-weight:600;text-align:left;padding:.3rem 0}
pre{overflow-x:auto;font-size:.9rem;line-height:1.4}table{margin:1rem 0}
"""
PLAIN = {Heading: ("<h2>", "</h2>"), Words: ("<p>", "</p>"), Lines: ('<pre tabindex="0">', "</pre>")}


def demo_page(run: DemoRun) -> str:
    """Give a run as a page."""
    parts = "\n".join(block_html(block) for block in demo_parts(run))
    title = run.title or run.name
    return page(title, parts, CHART_STYLE + NETWORK_STYLE + PIECES_STYLE + STYLE)


def block_html(block: Block) -> str:
    """Give a block as a part of a page that brings `STYLE`, `CHART_STYLE` and `NETWORK_STYLE`."""
    if isinstance(block, (Heading, Words, Lines)):
        before, after = PLAIN[type(block)]
        return f"{before}{escape(block.text)}{after}"
    if isinstance(block, Facts):
        return table_html((), block.rows, 2, label="facts")
    if isinstance(block, NetworkPicture):
        return network_part(block.setup)
    if isinstance(block, PanelPicture):
        svg = "\n".join(drawing_svgs(block.drawing, backward=block.backward, digits=block.digits))
        shown = f'<div class="wide pieces" role="group" aria-label="Picture" tabindex="0">{svg}</div>'
        return f"<figure>\n{shown}\n<figcaption>{escape(block.caption)}</figcaption>\n</figure>"
    if isinstance(block, Chart):
        return "\n".join(map(figure_html, block.figures))
    notes = "\n".join(f"<p>{escape(note)}</p>" for note in block.notes)
    label = block.title or "facts"
    table = table_html(block.head, block.rows, block.names, label=label, caption=block.title)
    return f"{table}\n{notes}"
