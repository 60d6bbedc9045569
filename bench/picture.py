"""Draw the README's picture: the two-layer example's forward and backward pass, as the HTML page shows them.

python -m bench.picture docs/pictures/two-layer.svg
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import backlit as bl
from backlit.examples import example_file, read_network_file

STYLE = """
svg { font: 15px system-ui, sans-serif; background: #fff; }
.forward { --accent: #1f6feb; } .backward { --accent: #c2410c; }
circle { fill: #fff; stroke: var(--accent); stroke-width: 1.6; }
line { stroke: var(--accent); stroke-opacity: .6; stroke-width: 1.2; } .bias { stroke-dasharray: 4 3; }
text { text-anchor: middle; fill: #1c2430; font-size: 14px; } .name { font-weight: 600; }
.value { fill: var(--accent); font-size: 13px; }
.label { font-size: 12px; paint-order: stroke; stroke: #fff; stroke-width: 4px; }
.target { fill: #5d6b7d; text-anchor: start; }
"""


def picture() -> str:
    """Give the two drawings, one below the other, as one SVG."""
    setup = read_network_file(example_file("two-layer"))
    page = bl.explain(setup.build(), *setup.rows(), optimizer=bl.SGD(0.5)).to_html()
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    height = 0
    parts = []
    for drawing in drawings:
        box = re.search(r'viewBox="0 0 (\d+) (\d+)"', drawing)
        assert box is not None
        width, tall = map(int, box.groups())
        parts.append(drawing.replace("<svg ", f'<svg y="{height}" width="{width}" height="{tall}" ', 1))
        height += tall
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
