"""Where everything in a drawn network stands, as plain geometry: circles, lines and texts that do not meet.

Columns go from left to right. In front of each unit stand the numbers of the weights that lead to it, one below the
other in the order of the units they come from, the bias last. An edge goes from its unit to its number, and from there to
the unit: so edges cross only in the empty part between two columns, and no number stands on another or on an edge that is
not its own. Widths of texts are estimated from above; circles are as large as their texts need.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from backlit.explain.algebra.numerals import short_text
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.show.text_width import shortened, text_width

LETTERS = 13.0
"""The size of all texts but the units' names, in pixels."""
NAMES = 14.0
LINE = 17.0
"""From one number of a weight to the next."""
SMALLEST_RADIUS, LARGEST_NAMED = 30.0, 40.0
"""Of a circle; a column whose names need larger ones than the second has them beside the circles, or shortened."""
CONSTANT = 14.0
"""The radius of the circle of the constant 1, which biases multiply."""
GAP = 14.0
MARGIN = 16.0
TITLE = 26.0
"""The height that the titles of the columns take."""
LONGEST_NAME = 210.0
"""The width of a name beside its circle, in pixels."""
LABELS = 52
"""A column has about so many numbers of weights: of many units each shows those of its strongest weights only."""
FEWEST_LABELS = 4
ASCENT, DESCENT = 0.8, 0.24
"""Of digits and letters, above and below the line that they stand on, in units of the font size."""

Anchor = Literal["start", "middle", "end"]


class Text(NamedTuple):
    """A text: `x` is its start, middle or end by its anchor, `y` the line that it stands on; `full` its whole words.

    `lead` comes before the text in a quieter colour.
    """

    x: float
    y: float
    text: str
    role: str
    anchor: Anchor = "middle"
    size: float = LETTERS
    bold: bool = False
    full: str = ""
    lead: str = ""

    @property
    def width(self) -> float:
        """The most that it takes."""
        lead = text_width(self.lead + " ", self.size) if self.lead else 0.0
        return lead + text_width(self.text, self.size, bold=self.bold)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The left, upper, right and lower end of the most that it covers."""
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * self.width
        return left, self.y - ASCENT * self.size, left + self.width, self.y + DESCENT * self.size


class Circle(NamedTuple):
    """A unit, or the constant 1; `texts` are those inside it."""

    x: float
    y: float
    radius: float
    role: str
    texts: tuple[Text, ...]


class Line(NamedTuple):
    """A part of an edge."""

    x1: float
    y1: float
    x2: float
    y2: float
    role: str


class Layout(NamedTuple):
    """A drawing's size and parts; `texts` are those outside the circles. `shown` of `edges` weights have a number."""

    width: float
    height: float
    lines: list[Line]
    circles: list[Circle]
    texts: list[Text]
    shown: int
    edges: int


class Shown(NamedTuple):
    """How a drawing's numbers are written."""

    drawing: Drawing
    backward: bool
    digits: int
    names: bool | None

    def ways(self) -> tuple[Shown, Shown]:
        """Give the drawing both ways, forward and backward: they are laid out alike."""
        return self._replace(backward=False), self._replace(backward=True)

    def unit(self, number: int, unit: int) -> str:
        """Give the number of a unit; nothing where there is none."""
        node = self.drawing.columns[number].nodes[unit]
        value = node.slope if self.backward else node.value
        return "" if value is None else short_text(value, self.digits)

    def edge(self, edge: Edge) -> tuple[str, str]:
        """Give the name of a weight if it is shown, and its number or its slope."""
        value = edge.slope if self.backward else edge.weight
        named = edge.own if self.names is None else self.names
        return edge.name if named else "", "fixed" if value is None else short_text(value, self.digits)

    def labelled(self, column: Column) -> set[tuple[int, int]]:
        """Give source and unit of the weights whose numbers are shown: of many, the strongest of each unit."""
        most = max(FEWEST_LABELS, LABELS // max(1, len(column.nodes)))
        found = set()
        for unit in range(len(column.nodes)):
            edges = [edge for edge in column.edges if edge.unit == unit]
            edges.sort(key=lambda edge: -abs((edge.slope or 0.0) if self.backward else edge.weight))
            found |= {(edge.source, unit) for edge in edges[:most]}
        return found


def layout(drawing: Drawing, *, backward: bool, digits: int, names: bool | None = None) -> Layout:
    """Place a drawing with outputs and weights, or with the slopes of the error.

    Args:
        drawing: the network with its numbers.
        backward: show dE/dnet in the units and dE/dw on the edges, not outputs and weights.
        digits: places behind the point.
        names: put each weight's name before its number; None does so for the user's own names alone.
    """
    shown = Shown(drawing, backward, digits, names)
    outside = [_names_outside(drawing, number) for number in range(len(drawing.columns))]
    radius = max(_radius(shown, number, outside[number]) for number in range(len(drawing.columns)))
    labelled = [shown.labelled(column) for column in drawing.columns]
    pitches = [
        max(2 * radius + GAP, LINE * _most_per_unit(labels) + GAP) for labels in labelled
    ]  # fmt: skip
    stands = [pitch * (len(column.nodes) - 1) / 2 for pitch, column in zip(pitches, drawing.columns, strict=True)]
    middle = MARGIN + TITLE + max(stand + pitch / 2 for stand, pitch in zip(stands, pitches, strict=True))
    made = Layout(0.0, 0.0, [], [], [], sum(map(len, labelled)), sum(len(c.edges) for c in drawing.columns))
    x = MARGIN + (_widest(drawing.columns[0]) + 8 if outside[0] else 0.0) + radius
    x = max(x, MARGIN + text_width(drawing.columns[0].title, LETTERS) / 2)
    for number, column in enumerate(drawing.columns):
        if number:
            x = _edges(made, shown, number, labelled[number], radius, middle, pitches, x)
        _column(made, shown, number, radius, x, middle, pitches[number], outside[number])
        made.texts.append(
            Text(x, MARGIN + LETTERS, shortened(column.title, 150.0, LETTERS), "title", full=column.title)
        )
    return _closed(made)


def _closed(made: Layout) -> Layout:
    """Give the layout with its size: all parts and a margin."""
    boxes = [text.box for text in made.texts]
    boxes += [(c.x - c.radius, c.y - c.radius, c.x + c.radius, c.y + c.radius) for c in made.circles]
    return made._replace(width=max(box[2] for box in boxes) + MARGIN, height=max(box[3] for box in boxes) + MARGIN)


# ------------------------------------------------------------------------------------------------------------- circles


def _names_outside(drawing: Drawing, number: int) -> bool:
    """Tell whether a column's names stand beside its circles: long ones do, of inputs and outputs."""
    names = [node.name for node in drawing.columns[number].nodes]
    fits = all(_reach(text_width(name, NAMES, bold=True), NAMES + 4) <= LARGEST_NAMED for name in names)
    return not fits and number in {0, len(drawing.columns) - 1}


def _reach(width: float, height: float) -> float:
    """Give the radius of the circle whose upper half holds a text of that width and height on its middle line."""
    return math.hypot(width / 2, height) + 3


def _radius(shown: Shown, number: int, outside: bool) -> float:
    """Give the radius that a column's circles need."""
    least = SMALLEST_RADIUS
    for unit, node in enumerate(shown.drawing.columns[number].nodes):
        for way in shown.ways():
            least = max(least, _reach(text_width(way.unit(number, unit), LETTERS), LETTERS + 4))
        if not outside:
            least = max(least, min(LARGEST_NAMED, _reach(text_width(node.name, NAMES, bold=True), NAMES + 4)))
    return math.ceil(least)


def _widest(column: Column) -> float:
    """Give the width that a column's names take beside its circles."""
    return min(LONGEST_NAME, max(text_width(node.name, NAMES, bold=True) for node in column.nodes))


def _unit_texts(shown: Shown, number: int, unit: int, radius: float, outside: bool, x: float, y: float) -> list[Text]:
    """Give the texts in a circle: the name above the number, or one of both in the middle."""
    name, value = shown.drawing.columns[number].nodes[unit].name, shown.unit(number, unit)
    if outside:
        return [Text(x, y + LETTERS * 0.36, value, "value")] if value else []
    height = NAMES + 4 if value else NAMES / 2 + 2
    room = 2 * math.sqrt(radius**2 - height**2) - 6
    named = Text(x, y - 4 if value else y + NAMES * 0.36, shortened(name, room, NAMES, bold=True), "name", "middle",
                 NAMES, bold=True, full=name)  # fmt: skip
    return [named, Text(x, y + LETTERS, value, "value")] if value else [named]


def _column(
    made: Layout, shown: Shown, number: int, radius: float, x: float, middle: float, pitch: float, outside: bool
) -> None:
    """Add a column's circles, what stands beside them, and below them how many units are left out, and the constant 1."""
    columns = shown.drawing.columns
    column, last = columns[number], number == len(columns) - 1
    for unit, node in enumerate(column.nodes):
        y = _height(column, unit, middle, pitch)
        texts = _unit_texts(shown, number, unit, radius, outside, x, y)
        made.circles.append(Circle(x, y, radius, "node", tuple(texts)))
        beside = (
            f"target {short_text(shown.drawing.targets[unit], shown.digits)}" if last and shown.drawing.targets else ""
        )
        if outside:
            side, anchor = (x + radius + 8, "start") if last and number else (x - radius - 8, "end")
            name = shortened(node.name, LONGEST_NAME, NAMES, bold=True)
            height = y - 4 if beside else y + NAMES * 0.36
            made.texts.append(Text(side, height, name, "name", anchor, NAMES, bold=True, full=node.name))  # type: ignore[arg-type]
        if beside:
            made.texts.append(
                Text(x + radius + 8, y + (LETTERS if outside else LETTERS * 0.36), beside, "target", "start")
            )
    low = _height(column, len(column.nodes) - 1, middle, pitch) + radius
    if column.size > len(column.nodes):
        more = f"… {column.size - len(column.nodes):,} more"
        low += 8 + LETTERS
        made.texts.append(Text(x, low, more, "more"))
        low += LETTERS * DESCENT
    if not last and any(edge.source < 0 for edge in columns[number + 1].edges):
        one = Text(x, low + GAP + CONSTANT + LETTERS * 0.36, "1", "name", bold=True)
        made.circles.append(Circle(x, low + GAP + CONSTANT, CONSTANT, "one", (one,)))


def _height(column: Column, unit: int, middle: float, pitch: float) -> float:
    return middle + pitch * (unit - (len(column.nodes) - 1) / 2)


# --------------------------------------------------------------------------------------------------------------- edges


def _most_per_unit(labelled: Iterable[tuple[int, int]]) -> int:
    counts: dict[int, int] = {}
    for _, unit in labelled:
        counts[unit] = counts.get(unit, 0) + 1
    return max(counts.values(), default=0)


def _edges(
    made: Layout, shown: Shown, number: int, labelled: set[tuple[int, int]], radius: float, middle: float,
    pitches: Sequence[float], x1: float,
) -> float:  # fmt: skip
    """Add the edges to a column with their numbers; give where the column's middle is."""
    before, column = shown.drawing.columns[number - 1 : number + 1]
    texts = {(e.source, e.unit): shown.edge(e) for e in column.edges}
    widest = max((_number_width(way, edge) for way in shown.ways() for edge in column.edges), default=0.0)
    fan = min(150.0, 46.0 + 9.0 * max(len(before.nodes), len(column.nodes)))
    lead = 14.0 + 0.2 * max(0.0, LINE * _most_per_unit(labelled) - 2 * radius)
    right = x1 + radius + fan + widest + 6
    x2 = right + lead + radius
    titles = (text_width(before.title, LETTERS), text_width(column.title, LETTERS))
    x2 = max(x2, x1 + sum(min(150.0, title) for title in titles) / 2 + GAP)
    right = x2 - radius - lead
    left = right - widest - 6
    low = _constant_height(made)
    if low:
        made.lines.append(Line(x1 + CONSTANT, low, x1 + radius, low, "bias"))
    for unit in range(len(column.nodes)):
        y2 = _height(column, unit, middle, pitches[number])
        edges = sorted((e for e in column.edges if e.unit == unit), key=lambda e: (e.source < 0, e.source))
        numbers = [edge for edge in edges if (edge.source, unit) in labelled]
        for edge in edges:
            y1 = low if edge.source < 0 else _height(before, edge.source, middle, pitches[number - 1])
            start = (x1 + radius, y1)
            role = "bias" if edge.source < 0 else "weight"
            if edge not in numbers:
                made.lines.append(Line(*start, left, y2, f"{role} weak"))
                continue
            y = y2 + LINE * (numbers.index(edge) - (len(numbers) - 1) / 2)
            name, value = texts[edge.source, unit]
            role += " fixed" if value == "fixed" else ""
            text = Text(right, y + LETTERS * 0.36, value, "fixed" if value == "fixed" else "label", "end", lead=name,
                        full=edge.name)  # fmt: skip
            made.texts.append(text)
            made.lines.extend((Line(*start, left, y, role), Line(left, y, text.box[0] - 4, y, role)))
            made.lines.append(_to_circle(right + 4, y, x2, y2, radius, role))
    return x2


def _number_width(shown: Shown, edge: Edge) -> float:
    name, value = shown.edge(edge)
    return Text(0.0, 0.0, value, "label", lead=name).width


def _constant_height(made: Layout) -> float:
    """Give the height of the constant 1 that was added last."""
    return next((circle.y for circle in reversed(made.circles) if circle.role == "one"), 0.0)


def _to_circle(x1: float, y1: float, x2: float, y2: float, radius: float, role: str) -> Line:
    """Give the line from a point to a circle."""
    length = math.hypot(x2 - x1, y2 - y1)
    return Line(x1, y1, x2 - radius * (x2 - x1) / length, y2 - radius * (y2 - y1) / length, role)
