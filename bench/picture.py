"""Draw the README's picture: the two-layer example's forward and backward pass, as the HTML page shows them.

python -m bench.picture docs/pictures/two-layer.svg
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

import backlit as bl
from backlit.examples import example_file, read_network_file
from backlit.show.network_svg import LIGHT, NETWORK_STYLE, network_svg


def picture() -> str:
    """Give the two drawings, one below the other, as one SVG."""
    setup = read_network_file(example_file("two-layer")).setups[0]
    network, names = setup.build(), setup.names
    weights = [(array, *index) for array in ("1.W", "2.W") for index in np.ndindex(network[array].shape)]
    labels = {names.parameter(*weight): names.own_label(*weight) for weight in weights}
    drawing = bl.explain(network, *setup.rows(), optimizer=bl.SGD(0.5), labels=labels).step.drawing()
    height, parts = 0, []
    for backward in (False, True):
        svg = network_svg(drawing, backward=backward, standalone=False)
        found = re.search(r'width="(\d+)" height="(\d+)"', svg)
        assert found is not None
        width, tall = map(int, found.groups())
        parts.append(svg.replace("<svg ", f'<svg y="{height}" ', 1))
        height += tall
    size = f'width="{width}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}">\n'
        f"<style>{NETWORK_STYLE}</style>\n"
        f'<g class="network"><rect class="paper" {size} fill="{LIGHT["paper"]}"/></g>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
