"""A drawn network at a stage of a step: the numbers known so far, forward ones blue, those of the way back orange."""

from __future__ import annotations

from html import escape
from typing import Literal

from backlit.explain.record.step_records import Drawing
from backlit.show.network.layout import layout
from backlit.show.network.parts import Circle, Layout, Text
from backlit.show.network.svg import FONT, least_width, svg_parts

State = Literal["later", "forward", "backward"]
"""What is known of a column, or of the weights to it: nothing yet, what it passes on, its slopes."""

SMALLER = 0.9
"""A picture that is a little too wide is shown smaller rather than cut: a cut name cannot be read at all."""

FADED = 0.35
"""How strong a part is whose numbers come later."""


def staged_svg(drawing: Drawing, phase: str, column: int | None, *, done: bool, digits: int, title: str) -> str:
    """Give the network at a stage, all of whose parts stand where they do at any other.

    Args:
        drawing: the network with the numbers of a row; in the update, with those of all rows and the new weights.
        phase: forward, error, backward or update.
        column: the one whose numbers the stage makes; None of the error.
        done: whether the column's own numbers are known at the stage.
        digits: places behind the point. title: says what it shows.
    """
    ways = [layout(drawing, backward=backward, digits=digits, alike=True) for backward in (False, True)]
    places = sorted({circle.x for circle in ways[0].circles if circle.role == "node"})
    last = len(places) - 1
    now = last if column is None else column
    parts = []
    for place in range(len(places)):
        for edges in (True, False):
            state = _state(phase, now, place, edges=edges, done=done)
            placed = ways[state == "backward"]
            kept = _column(placed, places, place, edges=edges, numbers=state != "later", targets=phase != "forward")
            marked = place == now and (edges or phase != "update") and not (edges and phase == "error")
            kind = "backward" if state == "backward" else "forward"
            classes = f"network {kind}" + (" now" if marked else "")
            faded = f' opacity="{FADED}"' if state == "later" and phase != "update" else ""
            parts.append(f'<g class="{classes}"{faded}>{"".join(svg_parts(kept, kind))}</g>')
    width, height = round(ways[0].width), round(ways[0].height)
    written = "".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="network staged" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" data-least="{round(SMALLER * least_width(ways[0]))}" role="img" '
        f'aria-label="{escape(title)}" font-family="{escape(FONT)}">{written}</svg>'
    )


def _state(phase: str, now: int, place: int, *, edges: bool, done: bool) -> State:
    """Say what is known of a column at a stage, or of the weights that lead to it."""
    if phase == "forward":
        return "forward" if place < now or (place == now and (edges or done)) else "later"
    if phase == "error":
        return "forward"
    if phase == "backward":
        return "backward" if place > now or (place == now and done) else "forward"
    if not edges:
        return "later"  # the update is of the weights
    return "forward" if place <= now else "backward"


def _column(
    placed: Layout, places: list[float], place: int, *, edges: bool, numbers: bool, targets: bool
) -> Layout:  # fmt: skip
    """Give the parts of a column: the edges to it with their numbers, or its units; without numbers where asked."""
    left = places[place - 1] if place else float("-inf")
    right = places[place]

    def between(x: float) -> bool:
        return left < x < right

    lines = tuple(line for line in placed.lines if edges and between((line.x1 + line.x2) / 2))
    if not numbers:
        lines = tuple(line._replace(role=line.role.replace(" fixed", "")) for line in lines)
    ones = [one for one in placed.circles if one.role == "one"]
    circles = tuple(one for one in ones if edges and place and one.x == places[place - 1])
    if not edges:
        nodes = (node for node in placed.circles if node.role == "node" and node.x == right)
        circles = tuple(node if numbers else _without_value(node) for node in nodes)
    labels, hidden = {"label", "fixed"}, set() if targets else {"target"}
    texts = tuple(
        text for text in placed.texts
        if (edges and numbers and text.role in labels and between(text.x))
        or (not edges and text.role not in {*labels, *hidden} and _belongs(text, places, place))
    )  # fmt: skip
    return Layout(placed.width, placed.height, lines, circles, texts)


def _without_value(circle: Circle) -> Circle:
    return circle._replace(texts=tuple(text for text in circle.texts if text.role != "value"))


def _belongs(text: Text, places: list[float], place: int) -> bool:
    """Tell whether a text outside the circles, a title or a name, is that of a column: the nearest to its anchor."""
    nearest = min(range(len(places)), key=lambda k: abs(places[k] - text.x))
    return nearest == place
