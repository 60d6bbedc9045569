"""Where everything in a drawn network stands: circles, lines and texts that do not meet.

Columns go from left to right. In front of each unit stand the numbers of the weights that lead to it, one below the
other in the order of the units they come from, the bias last. An edge goes from its unit to its number, and from there
to the unit: edges cross only in the empty part between two columns, and no number stands on another or on the edge of
another. Widths of texts are estimated from above; circles are as large as their texts need. Where
units or numbers are left out, the name of the unit that an edge comes from stands before its number.
"""

from __future__ import annotations

import math

from backlit.explain.algebra.numerals import given_text
from backlit.explain.record.step_records import Column, Drawing
from backlit.show.network.edge_labels import DrawnWay, crowded, numbered
from backlit.show.network.parts import LETTERS, LOWERED, MARGIN, NAMES, Circle, Layout, Line, Text
from backlit.show.text_width import shortened, text_width

LINE = 17.0
"""From one number of a weight to the next."""
SMALLEST_RADIUS, LARGEST_NAMED = 30.0, 40.0
"""Of a circle. Where a name needs one larger than the second, the column's names stand above, outputs' names beside."""
CONSTANT = 14.0
"""The radius of the circle of the constant 1."""
GAP, HEADING = 14.0, 26.0
"""Between circles; the height of the columns' titles."""
LONGEST_NAME, LONGEST_TITLE = 190.0, 210.0
"""The width of a name above an input or beside an output, and of a column's title."""


def layout(drawing: Drawing, *, backward: bool, digits: int, names: bool | None = None, alike: bool = False) -> Layout:
    """Place a drawing with outputs and weights, or with the slopes of the error.

    Args:
        drawing: the network with its numbers.
        backward: show dE/dnet in the units and dE/dw on the edges, not outputs and weights.
        digits: places behind the point.
        names: put each weight's name before its number; None does so for the user's own names alone.
        alike: the edges that have a number are those of the forward pass both ways, so that all stands where it did.
    """
    return _Placing(DrawnWay(drawing.way(backward=backward), backward, digits, names), alike=alike).layout()


class _Placing:
    """The work of placing a drawing's parts, column by column.

    Attributes:
        outside: of each column, whether the names stand above or beside the circles. `radius`: that of all units.
        crowded: whether a number needs the name of the unit that its edge comes from. `room`: of each column, the width
            that a name above a circle may have.
        labels: of each column, the edges with numbers by unit. `pitches`: the distance of its units.
        middle: the height of the middle of every column. `ones`: the height of each column's constant 1, or None.
    """

    def __init__(self, shown: DrawnWay, *, alike: bool) -> None:
        self.shown, self.columns = shown, shown.drawing.columns
        self.lines: list[Line] = []
        self.circles: list[Circle] = []
        self.texts: list[Text] = []
        numbers = range(len(self.columns))
        self.outside = [self._names_outside(number) for number in numbers]
        self.radius = float(math.ceil(max(map(self._least_radius, numbers))))
        self.crowded = crowded(shown.drawing)
        self.room = [LONGEST_NAME]
        self.labels = [numbered(column, backward=shown.backward and not alike) for column in self.columns]
        most = [max(map(len, labels), default=0) for labels in self.labels]
        self.pitches = [
            max(2 * self.radius, LINE * count) + GAP + self._above(number) for number, count in enumerate(most)
        ]
        heights = [pitch * len(column.nodes) for pitch, column in zip(self.pitches, self.columns, strict=True)]
        self.middle = MARGIN + HEADING + max(heights) / 2
        self.ones: list[float | None] = []

    def layout(self) -> Layout:
        """Place all columns from left to right and give the parts, with the size that they take."""
        x = self._first_x()
        for number, column in enumerate(self.columns):
            if number:
                x = self._edges(number, x)
            title = shortened(column.title, LONGEST_TITLE, LETTERS)
            self.texts.append(Text(x, MARGIN + LETTERS, title, "title", full=column.title))
            self._circles(number, x)
            self._below(number, x)
        boxes = [text.box for text in self.texts] + [circle.box for circle in self.circles]
        width, height = (max(box[side] for box in boxes) + MARGIN for side in (2, 3))
        return Layout(width, height, tuple(self.lines), tuple(self.circles), tuple(self.texts))

    def _height(self, number: int, unit: int) -> float:
        """Give the height of a unit's middle."""
        middle = self.middle + self._above(number) / 2
        return middle + self.pitches[number] * (unit - (len(self.columns[number].nodes) - 1) / 2)

    def _above(self, number: int) -> float:
        """Give the height of the names above a column's units."""
        return LINE if self.outside[number] and not self._last(number) else 0.0

    def _last(self, number: int) -> bool:
        return 0 < number == len(self.columns) - 1

    # ---------------------------------------------------------------------------------------------------------- columns

    def _names_outside(self, number: int) -> bool:
        names = [node.name for node in self.columns[number].nodes]
        fit = all(_reach(text_width(name, NAMES, bold=True), NAMES + 4) <= LARGEST_NAMED for name in names)
        return not fit

    def _least_radius(self, number: int) -> float:
        """Give the radius that a column's numbers need, forward and backward, and its names within their limit."""
        least = SMALLEST_RADIUS
        for unit, node in enumerate(self.columns[number].nodes):
            for way in self.shown.ways():
                least = max(least, _reach(text_width(way.unit(number, unit), LETTERS), LETTERS + 4))
            if not self.outside[number]:
                least = max(least, min(LARGEST_NAMED, _reach(text_width(node.name, NAMES, bold=True), NAMES + 4)))
        return least

    def _first_x(self) -> float:
        """Give the middle of the first column, right of the half of its title and of what ends at its right edge."""
        column = self.columns[0]
        widest = max(text_width(node.name, NAMES, bold=True) for node in column.nodes) if self.outside[0] else 0.0
        ends = max(min(LONGEST_NAME, widest), text_width(_more(column), LETTERS))
        return MARGIN + max(self.radius, ends - self.radius, _title_width(column) / 2)

    def _circles(self, number: int, x: float) -> None:
        """Add a column's circles, the long names outside them, and the targets."""
        last = number == len(self.columns) - 1
        targets = self.shown.drawing.targets if last else ()
        for unit, node in enumerate(self.columns[number].nodes):
            y = self._height(number, unit)
            self.circles.append(Circle(x, y, self.radius, "node", tuple(self._inside(number, unit, x, y))))
            beside = self.outside[number] and self._last(number)
            if beside:
                name = shortened(node.name, LONGEST_NAME, NAMES, bold=True)
                line = y - 4 if unit < len(targets) else y + NAMES * LOWERED
                self.texts.append(
                    Text(x + self.radius + 8, line, name, "name", "start", NAMES, bold=True, full=node.name)
                )
            elif self.outside[number]:
                self.texts.append(self._name_above(number, unit, x, y))
            if unit < len(targets):
                words = f"target {given_text(targets[unit], self.shown.digits)}"
                line = y + (LETTERS if beside else LETTERS * LOWERED)
                self.texts.append(Text(x + self.radius + 8, line, words, "target", "start"))

    def _name_above(self, number: int, unit: int, x: float, y: float) -> Text:
        """Give a name above a circle and its numbers: over the circle, or a long one up to its right edge.

        No edge comes there: those to the unit end at its numbers, those from it begin at its right edge.
        """
        full = self.columns[number].nodes[unit].name
        name = shortened(full, self.room[number], NAMES, bold=True)
        numbers = LINE * len(self.labels[number][unit]) / 2 if number else 0.0
        line = y - max(self.radius, numbers) - 5
        if text_width(name, NAMES, bold=True) <= 2 * self.radius:
            return Text(x, line, name, "name", "middle", NAMES, bold=True, full=full)
        return Text(x + self.radius, line, name, "name", "end", NAMES, bold=True, full=full)

    def _inside(self, number: int, unit: int, x: float, y: float) -> list[Text]:
        """Give the texts in a circle: the name above the number, or one of both in the middle."""
        node, value = self.columns[number].nodes[unit], self.shown.unit(number, unit)
        name, record = node.name, "" if self.shown.backward else node.record
        if self.outside[number]:
            return [Text(x, y + LETTERS * LOWERED, value, "value", full=record)] if value else []
        height = NAMES + 4 if value else NAMES / 2 + 2
        room = 2 * math.sqrt(self.radius**2 - height**2) - 6
        cut, line = shortened(name, room, NAMES, bold=True), y - 4 if value else y + NAMES * LOWERED
        texts = [Text(x, line, cut, "name", "middle", NAMES, bold=True, full=name)]
        return [*texts, Text(x, y + LETTERS, value, "value", full=record)] if value else texts

    def _below(self, number: int, x: float) -> None:
        """Add what stands below a column: how many units are left out, and the constant 1."""
        column = self.columns[number]
        numbers = LINE * len(self.labels[number][-1]) / 2 if self.labels[number] else 0.0
        low = self._height(number, len(column.nodes) - 1) + max(self.radius, numbers)
        if column.size > len(column.nodes):
            self.texts.append(Text(x + self.radius, low + 6 + LETTERS, _more(column), "more", "end"))
            low = self.texts[-1].box[3]
        one = None
        if number + 1 < len(self.columns) and any(edge.source < 0 for edge in self.columns[number + 1].edges):
            one = low + GAP + CONSTANT
            text = Text(x, one + LETTERS * LOWERED, "1", "name", bold=True)
            self.circles.append(Circle(x, one, CONSTANT, "one", (text,)))
        self.ones.append(one)

    # ------------------------------------------------------------------------------------------------------------ edges

    def _edges(self, number: int, x1: float) -> float:
        """Add the edges to a column, whose source column is at x1, with their numbers; give where the column is."""
        shown, before, column = self.shown, self.columns[number - 1], self.columns[number]
        widest = max((way.edge(number, edge, sources=self.crowded).width for way in shown.ways()
                      for edges in self.labels[number] for edge in edges), default=0.0)  # fmt: skip
        fan = min(130.0, 40.0 + 7.0 * max(len(before.nodes), len(column.nodes)))
        tallest = LINE * max(map(len, self.labels[number]), default=0)
        lead = 14.0 + 0.2 * max(0.0, tallest - 2 * self.radius)
        x2 = x1 + self.radius + fan + widest + 6 + lead + self.radius
        x2 = max(x2, x1 + (_title_width(before) + _title_width(column)) / 2 + GAP)
        right = x2 - self.radius - lead
        self.room.append(widest + 6 + lead + 2 * self.radius)
        one = self.ones[number - 1]
        if one is not None:
            self.lines.append(Line(x1 + CONSTANT, one, x1 + self.radius, one, "bias"))
        for unit, labels in enumerate(self.labels[number]):
            y2 = self._height(number, unit)
            places = {edge.source: y2 + LINE * (k - (len(labels) - 1) / 2) for k, edge in enumerate(labels)}
            for edge in column.edges:
                if edge.unit == unit:
                    y1 = one if edge.source < 0 and one is not None else self._height(number - 1, edge.source)
                    line = Line(x1 + self.radius, y1, right - widest - 6, places.get(edge.source, y2),
                                "bias" if edge.source < 0 else "weight")  # fmt: skip
                    if edge.source in places:
                        text = shown.edge(number, edge, sources=self.crowded)
                        self._numbered_edge(text, line, right, (x2, y2))
                    else:
                        self.lines.append(line._replace(role=f"{line.role} weak"))
        return x2

    def _numbered_edge(self, text: Text, line: Line, right: float, to: tuple[float, float]) -> None:
        """Add an edge's number, which ends at `right`, and the lines to it and from there to its unit's circle."""
        text = text._replace(x=right, y=line.y2 + LETTERS * LOWERED)
        line = line._replace(role=f"{line.role} fixed" if text.role == "fixed" else line.role)
        self.texts.append(text)
        self.lines += [
            line,
            Line(line.x2, line.y2, text.box[0] - 4, line.y2, line.role),
            _to_circle(right + 4, line.y2, *to, self.radius, line.role),
        ]


def _reach(width: float, height: float) -> float:
    """Give the radius of the circle whose upper half holds a text of that width and height on its middle line."""
    return math.hypot(width / 2, height) + 3


def _more(column: Column) -> str:
    """Say how many units of a column are not drawn."""
    left_out = column.size - len(column.nodes)
    return f"… {left_out:,} more" if left_out else ""


def _title_width(column: Column) -> float:
    return min(LONGEST_TITLE, text_width(column.title, LETTERS))


def _to_circle(x1: float, y1: float, x2: float, y2: float, radius: float, role: str) -> Line:
    """Give the line from a point to a circle."""
    length = math.hypot(x2 - x1, y2 - y1)
    return Line(x1, y1, x2 - radius * (x2 - x1) / length, y2 - radius * (y2 - y1) / length, role)
