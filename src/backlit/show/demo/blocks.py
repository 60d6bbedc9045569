"""What the parts of a demo are made of: a terminal, a notebook and a page draw the same blocks, each in its own way."""

from __future__ import annotations

import msgspec

from backlit.examples import SetupRun
from backlit.explain import Drawing
from backlit.show.charts.figure import Figure
from backlit.show.demo.tables import DemoTable


class Heading(msgspec.Struct, frozen=True):
    """The heading of a part."""

    text: str


class Words(msgspec.Struct, frozen=True):
    """A paragraph."""

    text: str


class Facts(msgspec.Struct, frozen=True):
    """Names and what is said of them, a line each."""

    rows: tuple[tuple[str, str], ...]


class Lines(msgspec.Struct, frozen=True):
    """Lines whose columns and line breaks stay, such as those of a calculation."""

    text: str


class NetworkPicture(msgspec.Struct, frozen=True):
    """The network of a setup, drawn where it is small."""

    setup: SetupRun


class PanelPicture(msgspec.Struct, frozen=True):
    """A drawing of a network with panels, forward or backward, with what is said below it.

    `digits` are places behind the point. `in_text` is the caption where the drawing is made of characters.
    """

    drawing: Drawing
    caption: str
    in_text: str
    backward: bool = False
    digits: int = 4


class Chart(msgspec.Struct, frozen=True):
    """Figures; in a terminal they are drawn in block characters, where there are no lines that stand for them.

    `coarse` are figures for block characters that show the same with fewer characters.
    """

    figures: tuple[Figure, ...]
    text: str = ""
    coarse: tuple[Figure, ...] = ()


Block = Heading | Words | Facts | Lines | NetworkPicture | PanelPicture | Chart | DemoTable
