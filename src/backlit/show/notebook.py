"""What a notebook shows, made so that it is true wherever the notebook is opened, trusted or not.

JupyterLab takes `<style>`, SVG and MathML out of the HTML of a notebook that its reader has not run; nbconvert with
`sanitize_html` takes every style away and shows each tag that it does not know as text. So HTML here has `<div>`,
`<span>` and `<pre>` alone, with inline styles. A table is text in columns that the styles turn into a table, a picture
the background of a block that holds the same as text: without styles the text is left, and no two numbers meet.
docs/notebooks.md says which program shows what.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import Any

Output = Mapping[str, str]
"""One output of a cell: its data by MIME type. A program shows the one that it likes best."""

LINE = "1px solid rgba(128,128,128,0.35)"
PLAIN = "font-size:inherit;color:inherit;background:transparent;border:0;padding:0"
"""What undoes the looks that notebooks give to `<pre>` and `<code>`."""

TABLE = f"{PLAIN};display:table;margin:0.4em 0;font-family:inherit;line-height:1.4"
ROWS = f"{PLAIN};display:table-row-group;font-family:inherit;white-space:normal;word-break:normal"
CELL = "display:table-cell;padding:0.1em 0.8em"


def padded(lines: Sequence[Sequence[str]], numbers: int) -> list[list[str]]:
    """Pad the cells of lines to columns; those from the column `numbers` on stand to the right.

    >>> padded([["a", "1"], ["bc", "10"]], 1)
    [['a ', ' 1'], ['bc', '10']]
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [[cell.rjust(width) if k >= numbers else cell.ljust(width)
             for k, (cell, width) in enumerate(zip(line, widths, strict=True))] for line in lines]  # fmt: skip


def table_html(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> str:
    """Give a table; without styles it is text in columns. The columns from `numbers` on stand to the right.

    A table that is wider than its place scrolls there: else JupyterLab cuts it.
    """
    headed = any(head)
    lines = padded([head, *rows] if headed else rows, numbers) if rows or headed else []
    cells = []
    for number, line in enumerate(lines):
        look = f";font-weight:bold;border-bottom:{LINE}" if headed and not number else f";border-bottom:{LINE}"
        spans = (f'<span style="{CELL};text-align:{"right" if k >= numbers else "left"}{look}">{escape(cell)}</span>'
                 for k, cell in enumerate(line))  # fmt: skip
        cells.append(f'<span style="display:table-row">{"  ".join(spans)}</span>')
    table = f'<pre style="{TABLE}"><code style="{ROWS}">' + "\n".join(cells) + "</code></pre>"
    return f'<div style="overflow-x:auto">{table}</div>'


def picture_html(svg: str, size: tuple[float, float], text: str) -> str:
    """Give a picture of that size, and the text that stands for it where there are no styles.

    It shrinks with the column that it stands in. A background is no part of the page's text, so that a screen reader
    reads the text; `print-color-adjust` has it printed.
    """
    width, height = size
    data = base64.b64encode(svg.encode()).decode()
    look = (
        f"background-image:url(data:image/svg+xml;base64,{data});background-size:contain;background-repeat:no-repeat;"
        f"height:0;padding-bottom:{100 * height / width:.2f}%;overflow:hidden;"
        "print-color-adjust:exact;-webkit-print-color-adjust:exact"
    )
    unseen = "font-size:0;line-height:0;margin:0;padding:0;background:transparent"
    hidden = f'<pre style="{unseen}"><code style="{unseen}">{escape(text)}</code></pre>'
    return f'<div style="max-width:{width:.0f}px"><div style="{look}">{hidden}</div></div>'


def svg_size(svg: str) -> tuple[float, float]:
    """Give the width and height of a picture.

    >>> svg_size('<svg viewBox="0 0 640 480"></svg>')
    (640.0, 480.0)
    """
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


def heading_html(text: str, *, size: str = "1.1em") -> str:
    """Give a heading."""
    return f'<div style="font-weight:bold;font-size:{size};margin:0.8em 0 0.3em 0">{escape(text)}</div>'


def words_html(text: str) -> str:
    """Give a paragraph."""
    return f'<div style="max-width:46em;margin:0.3em 0">{escape(text)}</div>'


def lines_html(text: str) -> str:
    """Give text whose line breaks and columns stay."""
    look = f"{PLAIN};line-height:1.2"
    return f'<pre style="{look};margin:0.4em 0"><code style="{look}">{escape(text)}</code></pre>'


def publish(outputs: Iterable[Output]) -> None:
    """Give a notebook outputs, one below the other.

    Errors: NotImplementedError where IPython runs in a terminal, so that it goes on to the object's `repr`.
    """
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or "TerminalInteractiveShell" in (cls.__name__ for cls in type(shell).__mro__):
        raise NotImplementedError("a terminal shows one text")
    show = import_module("IPython.display").publish_display_data
    for output in outputs:
        show(dict(output))
