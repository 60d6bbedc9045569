"""The frame of a chart: where the plot lies among title, legend, marks and labels, in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from backlit.show.charts.figure import Cells, Field, Figure, Layer, Line, Regions
from backlit.show.charts.palette import LIGHT
from backlit.show.charts.scales import scales
from backlit.show.charts.symbols import line_sample, symbol_sample
from backlit.show.text_width import shortened, text_width

LETTERS, SMALL = 13.0, 12.5
"""On a phone, a chart of 440 pixels has 358: the smaller letters then have 10.2 pixels."""
TITLE, MOST_TITLES = 14.0, 2
"""The size of the title, and its most lines."""
SAMPLE, BELOW_LEGEND = 28.0, 4.0
"""The width of a sample of a line in the legend, with its gap; the gap below the legend."""
LINE = 18.0
"""The height of a line of text."""
MOST_MARK = 130.0
"""The most that a text beside the y axis takes."""
MOST_SLANTED = 96.0
SLANT = 40
RIGHT = 16.0
END = 14.0
"""From the plot to the texts at the ends of lines."""
SQUARE = 300.0

FEWEST_MARKS = 3
"""Of numbers along the x axis that have no room every second one is left out, down to so many."""


class Named(NamedTuple):
    """An entry of the legend."""

    name: str
    layer: Layer
    x: float
    y: float


class Frame:
    """Where everything lies: the plot, `wide` x `high` from (`left`, `top`), in a picture of `width` x `height`."""

    def __init__(self, figure: Figure, *, titled: bool) -> None:
        self.figure = figure
        self.x, self.y = scales(figure)
        self.width = float(figure.width)
        marks = [self.mark_text(text) for _, text in self.y.marks] if figure.y.shown else []
        self.left = 12.0 + max((text_width(text, SMALL) for text in marks), default=0.0)
        ends = [text_width(line.end, SMALL) for line in ended(figure)]
        right = max([RIGHT, *(END + wide + 4.0 for wide in ends)])
        self.wide = self.width - self.left - right
        if figure.square:
            self.wide = min(self.wide, max(SQUARE, float(figure.height)))
            self.width = max(self.left + self.wide + RIGHT, 0.75 * figure.width)
        self.titles = list(_lines(figure.title, self.width - 16.0)) if titled else []
        at = 4.0 + 20.0 * len(self.titles)
        self.legend, at = self._legend(at)
        self.label_at = at + 12.0
        self.top = at + (LINE + 4.0 if figure.y.label else 8.0)
        while self._too_long() and not figure.x.marks and len(self.x.marks) > FEWEST_MARKS:
            self.x = self.x.thinned()
        self.slanted = self._too_long()
        below = 6.0
        if figure.x.shown:
            longest = max((text_width(self.mark_text(text), SMALL) for _, text in self.x.marks), default=0.0)
            below += 0.66 * min(longest, MOST_SLANTED) + LINE if self.slanted else LINE
        below += LINE if figure.x.label else 2.0
        self.high = self.wide if figure.square else max(60.0, figure.height - self.top - below)
        self.height = self.top + self.high + below

    def _legend(self, at: float) -> tuple[list[Named], float]:
        """Place the names of layers; give them and where they end."""
        layers = named(self.figure)
        if ended(self.figure):
            layers = [layer for layer in layers if not isinstance(layer, Line)]
        if not layers:
            return [], at
        names = [shortened(str(getattr(layer, "name", "")), self.width - 60.0, SMALL) for layer in layers]
        wides = [SAMPLE + text_width(name, SMALL) + 12.0 for name in names]
        places = _places(wides, self.width - 16.0)
        found = [Named(name, layer, 8.0 + x, at + 12.0 + LINE * line)
                 for name, layer, (x, line) in zip(names, layers, places, strict=True)]  # fmt: skip
        return found, found[-1].y - 12.0 + LINE + BELOW_LEGEND

    def mark_text(self, text: str) -> str:
        """Give the text of a mark as far as there is room."""
        return shortened(text, MOST_MARK, SMALL)

    def _too_long(self) -> bool:
        """Whether texts below the x axis would run into each other."""
        places = sorted(zip(self.x.share([value for value, _ in self.x.marks]).tolist(), self.x.marks, strict=True))
        room = [(b - a) * self.wide for (a, _), (b, _) in pairwise(places)]
        sizes = [text_width(text, SMALL) for _, (_, text) in places]
        return any((one + two) / 2 + 4 > gap for (one, two), gap in zip(pairwise(sizes), room, strict=True))

    # --------------------------------------------------------------------------------------------------------- places

    def across(self, values: Any) -> Any:
        """Give x in pixels."""
        return self.left + self.x.share(values) * self.wide

    def down(self, values: Any) -> Any:
        """Give y in pixels."""
        share = self.y.share(values)
        return self.top + (share if self.figure.down else 1.0 - share) * self.high

    def place(self, points: Any) -> Any:
        """Give points (n, 2) in pixels."""
        return np.stack([self.across(points[:, 0]), self.down(points[:, 1])], axis=1)

    def points(self, x: Any, y: Any) -> Any:
        """Give x (n,) and y (n,) as points (n, 2) in pixels; not finite where there is no place."""
        return np.stack([self.across(x), self.down(y)], axis=1)

    # --------------------------------------------------------------------------------------------------------- drawing

    def parts(self) -> Iterator[str]:
        """Draw what lies around the plot and the lines of its grid."""
        for k, title in enumerate(self.titles):
            full = self.figure.title if k == MOST_TITLES - 1 else ""
            yield text_part(8.0, 18.0 + 20.0 * k, title, "ink", size=TITLE, bold=True, full=full)
        for name, layer, x, y in self.legend:
            yield line_sample(layer, x, y - 4) if isinstance(layer, Line) else symbol_sample(layer, x, y - 4)
            yield text_part(x + 26.0, y, name, "ink", size=SMALL)
        if self.figure.y.label:
            label = shortened(self.figure.y.label, self.width - 16.0, SMALL)
            yield text_part(8.0, self.label_at, label, "quiet", size=SMALL)
        yield from self._marks()
        if self.figure.x.label:
            label = shortened(self.figure.x.label, self.width - 16.0, SMALL)
            x = min(self.left + self.wide / 2, self.width - 8.0 - text_width(label, SMALL) / 2)
            yield text_part(x, self.height - 5.0, label, "quiet", "middle", SMALL)

    def _marks(self) -> Iterator[str]:
        floor = self.top + self.high
        grid = f'class="grid" stroke="{LIGHT["grid"]}"'
        surface = any(isinstance(layer, (Cells, Field, Regions)) for layer in self.figure.layers)
        if self.figure.y.shown:
            for value, text in self.y.marks:
                y = float(self.down(value))
                if not (surface or self.figure.y.marks):
                    yield f'<path {grid} d="M{self.left:.1f} {y:.1f}h{self.wide:.1f}"/>'
                yield text_part(self.left - 6.0, y + 4.0, self.mark_text(text), "quiet", "end", SMALL, full=text)
        if not self.figure.x.shown:
            return
        for value, text in self.x.marks:
            x = float(self.across(value))
            if not (surface or self.figure.x.marks):
                yield f'<path {grid} d="M{x:.1f} {self.top:.1f}v{self.high:.1f}"/>'
            if self.slanted:
                short = shortened(text, MOST_SLANTED, SMALL)
                yield text_part(x + 4.0, floor + 14.0, short, "quiet", "end", SMALL, turn=-SLANT, full=text)
            else:
                yield text_part(self._within(x, text), floor + 16.0, self.mark_text(text), "quiet", "middle", SMALL)

    def _within(self, x: float, text: str) -> float:
        """Move the middle of a text so that it ends within the picture."""
        half = text_width(self.mark_text(text), SMALL) / 2
        return max(half + 1.0, min(x, self.width - half - 1.0))


def ended(figure: Figure) -> list[Line]:
    """Give the lines with a text at their end."""
    return [layer for layer in figure.layers if isinstance(layer, Line) and layer.end]


def named(figure: Figure) -> list[Layer]:
    """Give the layers of the legend: lines come first, points say what lies on them."""
    found = [layer for layer in figure.layers if getattr(layer, "name", "")] if figure.legend else []
    return sorted(found, key=lambda layer: not isinstance(layer, Line) or layer.quiet)


def _places(wides: Sequence[float], room: float) -> list[tuple[float, int]]:
    """Give the start and the line of each entry of a legend: in columns, where these take no more lines."""
    flowing, x, line = [], 0.0, 0
    for wide in wides:
        if x and x + wide > room:
            x, line = 0.0, line + 1
        flowing.append((x, line))
        x += wide
    columns = max(1, int(room / max(wides)))
    if line and -(-len(wides) // columns) <= line + 1:
        return [(k % columns * max(wides), k // columns) for k in range(len(wides))]
    return flowing


def _lines(title: str, most: float) -> Iterator[str]:
    """Give a title in lines of at most that width; the last one is shortened where that is too little."""
    words, line, count = title.split(), "", 1
    while words:
        longer = f"{line} {words[0]}".strip()
        if count == MOST_TITLES:
            line, words = " ".join(filter(None, [line, *words])), []
        elif not line or text_width(longer, TITLE, bold=True) <= most:
            line, words = longer, words[1:]
        else:
            yield shortened(line, most, TITLE, bold=True)
            line, count = "", count + 1
    if line:
        yield shortened(line, most, TITLE, bold=True)


def text_part(
    x: float, y: float, text: str, ink: str, anchor: str = "start", size: float = LETTERS, *, bold: bool = False,
    turn: int = 0, full: str = "", fill: str = "", halo: bool = False,
) -> str:  # fmt: skip
    """Give a text; `full` is what it says where it was shortened, `halo` keeps what lies below away from it."""
    look = f' font-size="{size:g}"' if size != LETTERS else ""
    look += f' text-anchor="{anchor}"' if anchor != "start" else ""
    look += ' font-weight="600"' if bold else ""
    look += f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    if halo:
        look += f' stroke="{LIGHT["paper"]}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
    whole = f"<title>{escape(full)}</title>" if full and full != text else ""
    classes = f"{ink} halo" if halo else ink
    return (f'<text class="{classes}" x="{x:.1f}" y="{y:.1f}" fill="{fill or LIGHT[ink]}"{look}>'
            f"{escape(text)}{whole}</text>")  # fmt: skip
