"""An estimator in a notebook: scikit-learn's diagram, and below it the network with its number of parameters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from backlit.engine import Network
from backlit.errors import counted
from backlit.estimators.build import dense_layers
from backlit.ops.layers.dense import Dense
from backlit.show.notebook import picture_html, words_html

MOST_UNITS = 8
"""Of a larger layer, so many units are drawn."""

ACROSS, DOWN, RADIUS = 90, 20, 6


def html_of(estimator: Any, diagram: Callable[[], str]) -> str:
    """Give scikit-learn's HTML, followed by the drawing where the estimator is fitted."""
    if not estimator._is_fitted():
        return diagram()
    network = estimator._members[0].network
    count = len(estimator._members)
    several = f"{count} networks of " if count > 1 else ""
    caption = f"{several}{counted(network.parameters.size, 'parameter')}: {chain_of(network)}"
    if not all(isinstance(node.op, Dense) or not shapes.parameters
               for node, shapes in zip(network.graph.nodes, network.graph.shapes, strict=True)):  # fmt: skip
        return f'{diagram()}<div style="margin:0.5em 0">{words_html(caption)}</div>'  # circles are dense layers alone
    return f'{diagram()}<div style="margin:0.5em 0">{picture_html(*svg_of(network), "")}{words_html(caption)}</div>'


def chain_of(network: Network) -> str:
    """Name the layers in order."""
    return " → ".join([counted(network.inputs, "input"), *(layer.summary() for layer in network.layers)])


def svg_of(network: Network) -> tuple[str, tuple[float, float]]:
    """Draw inputs and dense layers as columns of circles, with lines between; give the drawing and its size."""
    sizes = [network.inputs, *(layer.units for layer in dense_layers(network))]
    height = DOWN * (min(max(sizes), MOST_UNITS) + 2)
    columns = [_places(k, size, height) for k, size in enumerate(sizes)]
    lines = [f'<line x1="{x}" y1="{y}" x2="{u}" y2="{v}"/>' for left, right in pairwise(columns)
             for x, y in left for u, v in right]  # fmt: skip
    circles = [f'<circle cx="{x}" cy="{y}" r="{RADIUS}"/>' for column in columns for x, y in column]
    labels = [f'<text x="{column[0][0]}" y="{height - 4}" text-anchor="middle" font-size="11">{size}</text>'
              for column, size in zip(columns, sizes, strict=True)]  # fmt: skip
    width = ACROSS * len(sizes)
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<g stroke="#8884" stroke-width="1">{"".join(lines)}</g><g fill="#4a7ebb">{"".join(circles)}</g>'
        f'<g fill="#808080" font-family="sans-serif">{"".join(labels)}</g></svg>'
    )
    return drawn, (width, height)


def _places(k: int, size: int, height: int) -> list[tuple[float, float]]:
    """Give the centres of a layer's circles."""
    drawn = min(size, MOST_UNITS)
    top = (height - DOWN - DOWN * (drawn - 1)) / 2
    return [(ACROSS * (k + 0.5), top + DOWN * row) for row in range(drawn)]
