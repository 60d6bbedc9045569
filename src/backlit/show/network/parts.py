"""The parts of a drawn network as plain geometry: texts, circles and lines, in pixels."""

from __future__ import annotations

from typing import Literal, NamedTuple

from backlit.show.text_width import text_width

LETTERS = 13.0
"""The size of all texts but the units' names."""
NAMES = 14.0
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
    """A part of an edge; its role is "weight" or "bias", with "fixed" without a slope and "weak" without a number."""

    x1: float
    y1: float
    x2: float
    y2: float
    role: str


class Layout(NamedTuple):
    """A drawing's size and parts; `texts` are those outside the circles."""

    width: float
    height: float
    lines: tuple[Line, ...]
    circles: tuple[Circle, ...]
    texts: tuple[Text, ...]
