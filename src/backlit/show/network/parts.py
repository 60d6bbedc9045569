"""The parts of a drawn network as plain geometry: texts, circles and lines, in pixels."""

from __future__ import annotations

from typing import Literal, NamedTuple

from backlit.show.text_width import text_width

LETTERS = 13.0
"""The size of all texts but the units' names."""
NAMES = 14.0
MARGIN = 12.0
"""Around everything."""
ASCENT, DESCENT = 0.8, 0.24
"""Of digits and letters, above and below the line that they stand on, in units of the font size."""
LOWERED = 0.36
"""So far below a point, in units of the font size, stands the line of a text whose middle is at the point."""

Anchor = Literal["start", "middle", "end"]


class Text(NamedTuple):
    """A text: `x` is its start, middle or end by its anchor, `y` the line that it stands on.

    `full` is the whole of a text that may be shortened; `lead` comes before the text, in a quieter colour.
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
    """A unit (the role "node") or the constant 1 that biases multiply ("one"), with the texts inside it."""

    x: float
    y: float
    radius: float
    role: str
    texts: tuple[Text, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The left, upper, right and lower end."""
        return self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius


class Line(NamedTuple):
    """A part of an edge; its role is "weight" or "bias", with "fixed" without a slope and "weak" without a number.

    One with "arrow" in its role has a head at its end.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    role: str


class Box(NamedTuple):
    """A rectangle: a cell of a grid, the frame of a window of cells, or a state.

    Its role is "cell", "pixel" (a cell without a number), "frame" (around these), "window", "made", "state" or "bar".
    `shade` from -1 to 1 is the strength of its colour; negative numbers have the other one.
    """

    x: float
    y: float
    width: float
    height: float
    role: str
    shade: float = 0.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The left, upper, right and lower end."""
        return self.x, self.y, self.x + self.width, self.y + self.height


class Layout(NamedTuple):
    """A drawing's size and parts; `texts` are those outside the circles."""

    width: float
    height: float
    lines: tuple[Line, ...]
    circles: tuple[Circle, ...]
    texts: tuple[Text, ...]
    boxes: tuple[Box, ...] = ()

    def moved(self, x: float, y: float) -> Layout:
        """Give it with all parts moved."""
        return Layout(
            self.width + x,
            self.height + y,
            tuple(line._replace(x1=line.x1 + x, x2=line.x2 + x, y1=line.y1 + y, y2=line.y2 + y) for line in self.lines),
            tuple(
                circle._replace(
                    x=circle.x + x, y=circle.y + y, texts=tuple(_moved(text, x, y) for text in circle.texts)
                )
                for circle in self.circles
            ),
            tuple(_moved(text, x, y) for text in self.texts),
            tuple(box._replace(x=box.x + x, y=box.y + y) for box in self.boxes),
        )


def _moved(text: Text, x: float, y: float) -> Text:
    return text._replace(x=text.x + x, y=text.y + y)
