"""An estimator in a notebook: scikit-learn's diagram, and below it the network with its number of parameters."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import pairwise
from typing import Any

from backlit.engine import Network
from backlit.estimators.build import dense_layers

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
    caption = f"{several}{network.parameters.size:,} parameters: {chain_of(network)}"
    drawing = f"{svg_of(network)}<figcaption>{escape(caption)}</figcaption>"
    return f'{diagram()}<figure style="margin:0.5em 0">{drawing}</figure>'


def chain_of(network: Network) -> str:
    """Name the layers in order."""
    return " → ".join([f"{network.inputs} inputs", *(layer.summary() for layer in network.layers)])


def svg_of(network: Network) -> str:
    """Draw inputs and dense layers as columns of circles, with lines between."""
    sizes = [network.inputs, *(layer.units for layer in dense_layers(network))]
    height = DOWN * (min(max(sizes), MOST_UNITS) + 2)
    columns = [_places(k, size, height) for k, size in enumerate(sizes)]
    lines = [f'<line x1="{x}" y1="{y}" x2="{u}" y2="{v}"/>' for left, right in pairwise(columns)
             for x, y in left for u, v in right]  # fmt: skip
    circles = [f'<circle cx="{x}" cy="{y}" r="{RADIUS}"/>' for column in columns for x, y in column]
    labels = [f'<text x="{column[0][0]}" y="{height - 4}" text-anchor="middle" font-size="11">{size}</text>'
              for column, size in zip(columns, sizes, strict=True)]  # fmt: skip
    width = ACROSS * len(sizes)
    return (
        f'<svg role="img" aria-label="the network" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<g stroke="#8884" stroke-width="1">{"".join(lines)}</g><g fill="#4a7ebb">{"".join(circles)}</g>'
        f'<g fill="currentColor">{"".join(labels)}</g></svg>'
    )


def _places(k: int, size: int, height: int) -> list[tuple[float, float]]:
    """Give the centres of a layer's circles."""
    drawn = min(size, MOST_UNITS)
    top = (height - DOWN - DOWN * (drawn - 1)) / 2
    return [(ACROSS * (k + 0.5), top + DOWN * row) for row in range(drawn)]
