"""Where the panels of a drawing stand: maps, unrolled chains and branches, from the inputs at the top downward.

Panels are as wide as a telephone's page, or as wide as they are let: what does not fit beside stands below. Each is
placed at (0, 0) and then moved, so that nothing needs to know where it will stand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from backlit.explain.record.drawing_records import Branches, Grid, Maps, Numbers, Panel, Unrolled
from backlit.explain.record.node_record import Node
from backlit.show.network.grids import CELL_LETTERS, LINE, Placed, array_of, numbers_of, place_grid
from backlit.show.network.parts import LETTERS, LOWERED, Box, Circle, Layout, Line, Text
from backlit.show.network.sums import has_slopes, left_out_words, sum_text
from backlit.show.network.unrolled import place_unrolled
from backlit.show.text_width import shortened, wrapped

WIDTH = 342.0
"""What a telephone's page of 390 pixels leaves between its margins."""
GAP = 16.0
STEM = 24.0
"""The height of the arrow from a panel to the next."""
JOIN_RADIUS = 14.0
NARROWEST_BRANCH, EMPTY_BRANCH = 176.0, 150.0
"""A branch has room for the titles of its layers, if it has any; more branches make the drawing wider."""
JOINS = {"add": "+", "multiply": "×", "concatenate": "‖"}
"""What stands in the circle where branches meet."""


def panels_layout(panels: Sequence[Panel], *, backward: bool, digits: int, most: float = WIDTH) -> Layout:
    """Place panels below one another, with arrows between them: downward, or upward on the way back."""
    panels = shown_panels(panels, backward=backward)
    return stacked([titled_panel(panel, backward=backward, digits=digits, most=most, first=not number)
                    for number, panel in enumerate(panels)])  # fmt: skip


def shown_panels(panels: Sequence[Panel], *, backward: bool) -> list[Panel]:
    """Give the panels that have numbers on the way."""
    return [panel for panel in panels if not backward or has_slopes(panel)]


def titled_panel(panel: Panel, *, backward: bool, digits: int, most: float, first: bool) -> Layout:
    """Place a panel with its title at (0, 0); if it is not the first, with the arrow that leads to it."""
    x = 0.0 if first else 20.0
    lines = wrapped(panel.title, most - x, LETTERS, bold=True)
    said = [shortened(line, most - x, LETTERS, bold=True) for line in lines]
    words = tuple(Text(x, LETTERS + k * LINE, line, "heading", "start", LETTERS, bold=True,
                       full=panel.title if line not in panel.title else "")
                  for k, line in enumerate(said))  # fmt: skip
    wide = max(text.x + text.width for text in words)
    arrow = () if first else (stem(backward=backward),)
    y = STEM + LINE * (len(words) - 1)
    placed = place_panel(panel, backward=backward, digits=digits, most=most).moved(0.0, y)
    title = Layout(wide, y, arrow, (), words)
    return joined([title, placed], max(wide, placed.width), placed.height)


def stem(*, backward: bool) -> Line:
    """Give the arrow that leads to a panel, or away from it on the way back."""
    ends = (STEM - 6, 0.0) if backward else (0.0, STEM - 6)
    return Line(7.0, ends[0], 7.0, ends[1], "weight arrow")


def stacked(parts: Sequence[Layout], gap: float = GAP) -> Layout:
    """Give several layouts below one another as one."""
    placed: list[Layout] = []
    y = 0.0
    for part in parts:
        placed.append(part.moved(0.0, y))
        y += part.height + gap
    return joined(placed, max((part.width for part in parts), default=0.0), max(0.0, y - gap))


def joined(parts: Sequence[Layout], width: float, height: float) -> Layout:
    """Give several layouts as one of that size."""
    return Layout(
        width, height, tuple(line for part in parts for line in part.lines),
        tuple(circle for part in parts for circle in part.circles),
        tuple(text for part in parts for text in part.texts), tuple(box for part in parts for box in part.boxes),
    )  # fmt: skip


def place_panel(panel: Panel, *, backward: bool, digits: int, most: float) -> Layout:
    """Place a panel without its title at (0, 0)."""
    if isinstance(panel, Branches):
        return _branches(panel, backward=backward, digits=digits, most=most)
    if isinstance(panel, Unrolled):
        return place_unrolled(panel, backward=backward, digits=digits, most=most)
    return _maps(panel, backward=backward, digits=digits, most=most)


# ----------------------------------------------------------------------------------------------------------------- maps


def _maps(panel: Maps, *, backward: bool, digits: int, most: float) -> Layout:
    """Place the weights, then the maps, beside one another as far as they fit; then how the marked cell is made."""
    weights, grids, targets = (
        _alike([(grid, numbers) for grid in grids if (numbers := numbers_of(grid, backward=backward))], digits, most)
        for grids in (panel.weights, panel.grids, () if backward else panel.targets)
    )
    if panel.bias is not None:
        weights.append(_bias(panel.bias, digits, backward=backward))
    boxes, texts, width, height = _flowed([weights, [*grids, *targets]], most)
    lines = wrapped(hidden, most, CELL_LETTERS) if (hidden := left_out_words(panel)) else []
    if panel.made is not None and not backward:
        lines += wrapped(sum_text(panel.made, digits), most, CELL_LETTERS)
    for line in lines:
        height += LINE
        texts.append(Text(0.0, height - 2, line, "sum", "start", CELL_LETTERS))
        width = max(width, texts[-1].width)
    return Layout(width, height, (), (), tuple(texts), tuple(boxes))


def _alike(shown: Sequence[tuple[Grid, Numbers]], digits: int, most: float) -> list[Placed]:
    """Place grids that are compared: colours mean the same in all, and as many stand beside one another as fit."""
    compared = [array_of(numbers) for _, numbers in shown]
    placed: list[Placed] = []
    for lines in range(1, len(shown) + 1):
        beside = math.ceil(len(shown) / lines)
        room = (most - GAP * (beside - 1)) / beside
        placed = [place_grid(grid, numbers, digits=digits, most=room, compared=compared) for grid, numbers in shown]
        if all(block.width <= room + 0.5 for block in placed):
            break
    return placed


def _bias(bias: Node, digits: int, *, backward: bool) -> Placed:
    """Give the bias of the marked filter as a grid of one cell."""
    number = bias.slope if backward else bias.value
    return place_grid(Grid(bias.name, ()), ((number,),), digits=digits, most=120.0)


def _flowed(kinds: Sequence[Sequence[Placed]], most: float) -> tuple[list[Box], list[Text], float, float]:
    """Set blocks beside one another, in lines of at most that width; a kind of blocks begins a line if not all fit."""
    boxes: list[Box] = []
    texts: list[Text] = []
    x = y = width = height = 0.0
    blocks = [block for kind in kinds for block in kind]
    one_line = sum(block.width + GAP for block in blocks) - GAP <= most
    firsts = [] if one_line else [kind[0] for kind in kinds if kind]
    for block in blocks:
        if x and (x + block.width > most or any(block is first for first in firsts)):
            x, y = 0.0, height + GAP / 2
        boxes += [box._replace(x=box.x + x, y=box.y + y) for box in block.boxes]
        texts += [text._replace(x=text.x + x, y=text.y + y) for text in block.texts]
        width, height = max(width, x + block.width), max(height, y + block.height)
        x += block.width + GAP
    return boxes, texts, width, height


# ------------------------------------------------------------------------------------------------------------- branches


def _branches(panel: Branches, *, backward: bool, digits: int, most: float) -> Layout:
    """Place branches side by side, with lines from where they part and to where they meet."""
    empty = sum(not branch for branch in panel.branches)
    rest = most - GAP * (len(panel.branches) - 1) - empty * EMPTY_BRANCH
    share = max(NARROWEST_BRANCH, rest / max(1, len(panel.branches) - empty))
    parts: list[Layout] = []
    spans: list[tuple[float, float, float]] = []
    x, top = 0.0, 22.0
    for branch in panel.branches:
        if branch:
            placed = panels_layout(branch, backward=backward, digits=digits, most=share).moved(x, top)
        else:
            words = Text(x + 12, top + LETTERS, "passes on what it reads", "title", "start", LETTERS)
            placed = Layout(x + 12 + words.width, top + LINE, (), (), (words,))
        parts.append(placed)
        spans.append((x, placed.width, placed.height))
        x = placed.width + GAP
    width, bottom = x - GAP, max(height for *_, height in spans)
    middles = [left + 7.0 for left, *_ in spans]
    centre, meet = width / 2, bottom + 26 + JOIN_RADIUS
    lines = [Line(middles[0], 2.0, middles[-1], 2.0, "weight")] if len(middles) > 1 else []
    for middle, (_, _, height) in zip(middles, spans, strict=True):
        lines.append(_directed(middle, 2.0, middle, top - 4, backward=backward))
        lines.append(_directed(middle, height + 4, middle, bottom + 14, backward=backward, head=False))
    lines.append(Line(middles[0], bottom + 14, max(middles[-1], centre), bottom + 14, "weight"))
    lines.append(_directed(centre, bottom + 14, centre, meet - JOIN_RADIUS, backward=backward))
    sign = Text(centre, meet + LETTERS * LOWERED, JOINS.get(panel.join, panel.join), "name", bold=True)
    circle = Circle(centre, meet, JOIN_RADIUS, "one", (sign,))
    words = Text(centre + JOIN_RADIUS + 8, meet + LETTERS * LOWERED, panel.join, "title", "start")
    height, width = meet + JOIN_RADIUS, max(width, words.x + words.width)
    parts.append(Layout(width, height, tuple(lines), (circle,), (words,)))
    if panel.grids:
        result = Maps("", panel.grids, panel.size)
        parts.append(_maps(result, backward=backward, digits=digits, most=most).moved(0.0, height + 8))
        width, height = max(width, parts[-1].width), parts[-1].height
    return joined(parts, width, height)


def _directed(x1: float, y1: float, x2: float, y2: float, *, backward: bool, head: bool = True) -> Line:
    role = "weight arrow" if head else "weight"
    return Line(x2, y2, x1, y1, role) if backward else Line(x1, y1, x2, y2, role)
