"""The boundary on the live page: the plane of two inputs with the choice of them."""

from __future__ import annotations

from html import escape

import msgspec

from backlit.analysis.boundary.records import Boundary
from backlit.show.boundary.words import BoundaryWords
from backlit.show.live.choices import choice_html
from backlit.show.live.plane import PlaneNumbers, plane_html


class Axes(msgspec.Struct, frozen=True):
    """The inputs that can be an axis, the two that are, and the names of the outputs."""

    able: tuple[str, ...]
    x: str
    y: str
    outputs: tuple[str, ...]


def boundary_html(boundary: Boundary, output: int, axes: Axes, numbers: PlaneNumbers) -> str:
    """Give the panel: its title, the choices there are, and the picture."""
    shown = boundary.outputs[output]
    title = BoundaryWords(boundary, shown).title().replace("No decision", "Decision", 1)
    controls = []
    if len(axes.outputs) > 1:
        outputs = [(str(k), name) for k, name in enumerate(axes.outputs[: len(boundary.outputs)])]
        controls.append(
            choice_html("output", "boundary-output", "boundary.show", "output", outputs, str(output), number=True)
        )
    if len(axes.able) > 2:
        options = [(name, name) for name in axes.able]
        controls.append(choice_html("across", "boundary-x", "boundary.across", "name", options, axes.x))
        controls.append(choice_html("up", "boundary-y", "boundary.upward", "name", options, axes.y))
        controls.append('<button id="boundary-strongest" data-do="boundary.strongest">The strongest two now</button>')
    ways = f'<div class="ways">{"".join(controls)}</div>' if controls else ""
    return f'<h2>{escape(title)}</h2>{ways}<p data-errors role="alert"></p>{plane_html(boundary, shown, numbers)}'


def nothing_html(why: str) -> str:
    """Say why there is no picture."""
    said = f"{why[0].upper()}{why[1:]}" if why else ""
    return f'<h2>Decision boundary</h2><p class="note">{escape(said)}</p>'
