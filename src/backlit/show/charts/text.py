"""A figure as text in block characters, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from backlit.show.charts.figure import (
    Arrow,
    Bars,
    Cells,
    Field,
    Figure,
    Layer,
    Line,
    Note,
    Points,
    Regions,
    Rule,
    Symbol,
)
from backlit.show.charts.frame import MOST_TITLES, named
from backlit.show.charts.scales import scales
from backlit.show.notebook import padded

EIGHTHS = " ▁▂▃▄▅▆▇█"
LEFT_EIGHTHS = " ▏▎▍▌▋▊▉█"
GLYPHS = "●○+×◆△■□"
"""How the lines of a chart are told apart, one after the other, and points whose own symbol is taken."""
SYMBOLS: dict[Symbol, str] = {
    "dot": "●", "ring": "○", "square": "■", "diamond": "◆", "triangle": "▲", "cross": "×", "plus": "+", "star": "★",
}  # fmt: skip
"""Points look as they do in a picture."""
SHADES = " ·░▒▓"
"""Of a field, from high to low."""
REGIONS = " ░▒·▓:"
HEIGHT = 13
MOST_MARK = 24
MOST_BAR = 40


def figure_text(figure: Figure, width: int = 72, height: int = HEIGHT) -> str:
    """Give a figure as lines of at most `width` characters: title, legend, the plot with its marks, the axis below.

    >>> from backlit.show.charts.figure import Axis, DataTable
    >>> line = Line(x=(0.0, 1.0, 2.0), y=(4.0, 2.0, 0.0))
    >>> made = Figure(title="falling", summary="", x=Axis("epoch"), y=Axis(), layers=(line,), table=DataTable((), ()))
    >>> print(figure_text(made, 24, 4))
    falling
    4 ▕ ▃▂
    3 ▕ ███▇▆▅▄▂▁
    1 ▕ ██████████▇▆▄▃▂▁
    0 ▕ █████████████████▆▅
        0      epoch     2.0
    """
    cells = [layer for layer in figure.layers if isinstance(layer, Cells)]
    bars = [layer for layer in figure.layers if isinstance(layer, Bars) and layer.across]
    if cells:
        lines = list(_table(figure, cells[0], width))
    elif bars:
        lines = list(_bars(figure, bars[0], width))
    else:
        lines = list(_plot(figure, width, height))
    title = textwrap.wrap(figure.title, width, max_lines=MOST_TITLES, placeholder="…")
    return "\n".join(line.rstrip() for line in [*title, *lines])


def _cut(text: str, most: int) -> str:
    """Give a text in one line of at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: max(most - 1, 0)] + "…"


def _table(figure: Figure, cells: Cells, width: int) -> Iterator[str]:
    """Give coloured cells as a table of their texts; where names are too long for its head, by their numbers."""
    texts = [[_cut(text, 10) for text in row] for row in cells.texts]
    names = [text for _, text in figure.y.marks] or [str(k) for k in range(len(texts))]
    head = [text for _, text in figure.x.marks] or [str(k) for k in range(len(texts[0]))]
    names = [_cut(name, MOST_MARK) for name in names]
    room = (width - max(map(len, names))) // len(head) - 2
    if max(map(len, head)) > room:
        head = [str(k) for k in range(1, len(head) + 1)]
        names = [f"{name} {k}" for k, name in enumerate(names, 1)] if len(names) == len(head) else names
    yield _cut(f"{figure.y.label} (down), {figure.x.label} (across)", width)
    yield from (
        "  ".join(line) for line in padded([["", *head], *([a, *b] for a, b in zip(names, texts, strict=True))], 1)
    )


def _bars(figure: Figure, bars: Bars, width: int) -> Iterator[str]:
    """Give a line for each bar that runs across: its name, the bar, its value."""
    names = [_cut(text, MOST_MARK) for _, text in figure.y.marks]
    wide, longest = max(map(len, names), default=0), max((value for value in bars.values if value > 0), default=0.0)
    most = max(min(MOST_BAR, width - wide - 12), 4)
    for name, value in zip(names, bars.values, strict=False):
        share = value / longest if longest and value > 0 else 0.0
        yield f"{name:{wide}} {_across(share, most):{most}} {value:.3g}"
    if figure.x.label:
        yield f"{'':{wide}} {figure.x.label}"


def _across(share: float, most: int) -> str:
    """Give a bar that runs to the right, to an eighth of a character."""
    eighths = round(share * most * 8)
    return "█" * (eighths // 8) + (LEFT_EIGHTHS[eighths % 8] if eighths % 8 else "")


class Canvas:
    """The characters of a plot, and where values lie among them."""

    def __init__(self, figure: Figure, width: int, height: int) -> None:
        self.figure, (self.x, self.y) = figure, scales(figure)
        self.marks = [(value, _cut(text, MOST_MARK)) for value, text in self.y.marks] if figure.y.shown else []
        self.margin = max((len(text) for _, text in self.marks), default=0)
        self.high = height
        self.wide = max(width - self.margin - 2, 8)
        if figure.square:
            self.high = max(height, 17)
            self.wide = min(self.wide, 2 * self.high + 6)
        self.grid = [[" "] * self.wide for _ in range(self.high)]
        self.legend: list[str] = []

    def columns(self, values: object) -> np.ndarray:
        """Give the columns of x, as fractions."""
        return self.x.share(values) * (self.wide - 1)  # type: ignore[arg-type]

    def rows(self, values: object) -> np.ndarray:
        """Give the rows of y, as fractions, from the top."""
        share = self.y.share(values)  # type: ignore[arg-type]
        return (share if self.figure.down else 1.0 - share) * (self.high - 1)

    def put(self, column: float, row: float, glyph: str) -> None:
        """Write a character, if its place is in the plot."""
        if np.isfinite(column + row) and -0.5 <= column < self.wide - 0.5 and -0.5 <= row < self.high - 0.5:
            self.grid[round(row)][round(column)] = glyph

    def lines(self) -> Iterator[str]:
        """Give the plot with the marks of its axes."""
        texts: dict[int, str] = {}
        for value, text in self.marks:
            row = float(self.rows(value))
            if -0.5 <= row < self.high - 0.5:
                texts.setdefault(round(row), text)
        for row, characters in enumerate(self.grid):
            yield f"{texts.get(row, ''):>{self.margin}} ▕{''.join(characters)}"
        if self.figure.x.shown:
            yield self._below()

    def _below(self) -> str:
        """Write the marks of the x axis, and its label where there is room."""
        line = [" "] * (self.margin + 2 + self.wide)
        marks = [(float(self.columns(value)), _cut(text, MOST_MARK)) for value, text in self.x.marks]
        free, label = 0, self.figure.x.label
        ends = {marks[0], marks[-1]} if marks and len(label) + 8 < self.wide else set(marks)
        for column, text in marks:
            start = min(max(round(self.margin + 2 + column - (len(text) - 1) / 2), 0), len(line) - len(text))
            if (column, text) in ends and start >= free and -0.5 <= column < self.wide - 0.5:
                line[start : start + len(text)] = text
                free = start + len(text) + 1
        start = self.margin + 2 + (self.wide - len(label)) // 2
        if label and len(line) >= start + len(label) and not "".join(line[start - 1 : start + len(label) + 1]).strip():
            line[start : start + len(label)] = label
        return "".join(line)


def _plot(figure: Figure, width: int, height: int) -> Iterator[str]:
    canvas = Canvas(figure, width, height)
    lines = [layer for layer in figure.layers if isinstance(layer, Line) and not layer.quiet]
    points = any(isinstance(layer, (Points, Field, Regions, Bars)) for layer in figure.layers)
    area = len(lines) == 1 and not points and not any(isinstance(layer, Arrow) for layer in figure.layers)
    traced = [layer for layer in figure.layers if isinstance(layer, (Line, Points))]
    marked = [layer for layer in traced if not (isinstance(layer, Line) and layer.quiet)]
    glyphs = _glyphs(marked)
    order = sorted(
        enumerate(figure.layers), key=lambda at: (_depth(at[1]), at[0] * (-1 if isinstance(at[1], Line) else 1))
    )
    for _, layer in order:  # where two lines meet, the first one is seen; of points the last one
        _draw(canvas, layer, area, glyphs.get(id(layer), "·"))
    entries = [*named(figure), *(layer for layer in figure.layers if isinstance(layer, Rule))]
    canvas.legend += [text for layer in entries if (text := _entry(layer, area, glyphs) + _ground(layer, figure))]
    canvas.legend += [
        f"{SHADES[-1]} low" for layer in figure.layers if isinstance(layer, Field) and len(layer.levels) > 1
    ]
    if figure.legend and canvas.legend:
        yield from _wrapped(canvas.legend, width)
    if figure.y.label:
        yield _cut(figure.y.label, width)
    yield from canvas.lines()


def _glyphs(marked: Sequence[Line | Points]) -> dict[int, str]:
    """Give each line and each set of points a character of its own, as long as there are any left.

    Points have their own symbol, and leave the dot to lines; those without a name look like those of their symbol.
    A line may bring its own.
    """
    points = [layer for layer in marked if isinstance(layer, Points)]
    kept = {SYMBOLS[layer.symbol] for layer in points if layer.name and layer.symbol != "dot"}
    found: dict[int, str] = {}
    for layer in sorted(marked, key=lambda layer: not isinstance(layer, Line)):
        taken = {*found.values(), *kept}
        free = next((glyph for glyph in GLYPHS if glyph not in taken), GLYPHS[-1])
        own = SYMBOLS[layer.symbol] if isinstance(layer, Points) else ""
        named_before = own in {found.get(id(other)) for other in points if other.name}
        lines_have_it = own in {found.get(id(other)) for other in marked if isinstance(other, Line)}
        found[id(layer)] = free if not own or lines_have_it or (layer.name and named_before) else own
        if isinstance(layer, Line) and layer.glyph:
            found[id(layer)] = layer.glyph
    return found


def _ground(layer: Layer, figure: Figure) -> str:
    """Say how the region of a class looks, behind the name of its points."""
    regions = next((other for other in figure.layers if isinstance(other, Regions)), None)
    if regions is None or not isinstance(layer, Points) or not layer.name or layer.series not in regions.series:
        return ""
    look = REGIONS[regions.series.index(layer.series) % len(REGIONS)]
    return f" ({'blank' if look == ' ' else look})"


def _entry(layer: Layer, area: bool, glyphs: Mapping[int, str]) -> str:
    """Give the entry of a layer in the legend; empty where it has none."""
    if isinstance(layer, Rule):
        return f"{'┊' if layer.x is not None else '┈'} {layer.text}" if layer.text else ""
    name = getattr(layer, "name", "")
    if not name:
        return ""
    solid = isinstance(layer, Bars) or (area and isinstance(layer, Line) and not layer.quiet)
    return f"{'█' if solid else glyphs.get(id(layer), '·')} {name}"


def _depth(layer: Layer) -> int:
    """Give the place of a layer from the bottom: surfaces, rules, bars and lines, points, texts."""
    kinds = ((Field, Regions), (Rule,), (Bars, Line), (Points, Arrow), (Note,))
    return next((k for k, kind in enumerate(kinds) if isinstance(layer, kind)), 0)


def _draw(canvas: Canvas, layer: Layer, area: bool, glyph: str) -> None:
    if isinstance(layer, Field):
        _shade(canvas, layer)
    elif isinstance(layer, Regions):
        _regions(canvas, layer)
    elif isinstance(layer, Rule):
        _rule(canvas, layer)
    elif isinstance(layer, Bars):
        _columns(canvas, layer)
    elif isinstance(layer, Line) and area and not layer.quiet:
        _area(canvas, layer)
    elif isinstance(layer, (Line, Points)):
        _trace(canvas, layer, glyph)
    elif isinstance(layer, Arrow):
        _arrow(canvas, layer)
    elif isinstance(layer, Note):
        _note(canvas, layer)


def _arrow(canvas: Canvas, layer: Arrow) -> None:
    """Draw an arrow that runs across; others have no characters."""
    row = round(float(canvas.rows(layer.y0)))
    if row != round(float(canvas.rows(layer.y1))):
        return
    start, end = (round(float(column)) for column in np.clip(canvas.columns([layer.x0, layer.x1]), 0, canvas.wide - 1))
    step = 1 if end > start else -1
    for column in range(start + step, end + step, step):
        canvas.put(column, row, ("→" if step > 0 else "←") if column == end else "─")


def _note(canvas: Canvas, layer: Note) -> None:
    """Write a text beside its place, or above or below it."""
    text = _cut(layer.text, canvas.wide)
    column, row = float(canvas.columns(layer.x)), float(canvas.rows(layer.y))
    beside = round(column) + 2
    if layer.side in {"above", "below"}:
        beside = max(round(column) - len(text) // 2, 0)
        row += -1 if layer.side == "above" else 1
    for k, character in enumerate(text):
        canvas.put(min(beside, canvas.wide - len(text)) + k, row, character)


def _trace(canvas: Canvas, layer: Line | Points, glyph: str) -> None:
    """Write points, and the pieces of lines between them."""
    columns, rows = canvas.columns(layer.x), canvas.rows(layer.y)
    if isinstance(layer, Line):
        columns, rows = _between(columns, rows)
    for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
        canvas.put(column, row, glyph)


def _between(columns: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give a place for every character that a line through points passes."""
    if len(columns) < 2:
        return columns, rows
    steps = np.fmax(np.abs(np.diff(columns)), np.abs(np.diff(rows)))
    at = np.concatenate([[0.0], np.cumsum(np.where(np.isfinite(steps), np.minimum(steps, 400.0), 1.0))])
    fine = np.linspace(0.0, at[-1], int(at[-1]) + 2)
    return np.interp(fine, at, columns), np.interp(fine, at, rows)


def _area(canvas: Canvas, layer: Line) -> None:
    """Fill what lies below a line, to an eighth of a character."""
    x, y = canvas.columns(layer.x), canvas.high - 1 - canvas.rows(layer.y)  # from the bottom
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return
    x, y = x[known], y[known]
    for column in range(int(np.ceil(x.min() - 0.5)), int(np.floor(x.max() + 0.5)) + 1):
        _column(canvas, column, float(np.interp(column, x, y)))


def _column(canvas: Canvas, column: int, top: float) -> None:
    """Fill a column of characters from the bottom up to a height of so many characters."""
    eighths = max(1, round((top + 0.5) * 8))
    for row in range(min(canvas.high, -(-eighths // 8))):
        canvas.put(column, canvas.high - 1 - row, EIGHTHS[min(8, eighths - 8 * row)])


def _columns(canvas: Canvas, layer: Bars) -> None:
    """Draw bars that stand."""
    lows, highs = canvas.columns(layer.low), canvas.columns(layer.high)
    for low, high, row in zip(lows.tolist(), highs.tolist(), canvas.rows(layer.values).tolist(), strict=True):
        if np.isfinite(row) and row < canvas.high - 1:
            for column in range(round(low), max(round(high), round(low) + 1)):
                _column(canvas, column, canvas.high - 1 - row)


def _rule(canvas: Canvas, layer: Rule) -> None:
    if layer.x is not None:
        for row in range(canvas.high):
            canvas.put(float(canvas.columns(layer.x)), row, "┊")
    if layer.y is not None:
        for column in range(canvas.wide):
            canvas.put(column, float(canvas.rows(layer.y)), "┈")


def _sampled(canvas: Canvas, x: object, y: object, z: object) -> np.ndarray:
    """Give the values of a surface at the characters: those of the nearest point of the grid."""
    grid = np.asarray(z, np.float64)
    columns = np.abs(canvas.columns(x)[None, :] - np.arange(canvas.wide)[:, None]).argmin(axis=1)
    rows = np.abs(canvas.rows(y)[None, :] - np.arange(canvas.high)[:, None]).argmin(axis=1)
    return grid[..., rows[:, None], columns[None, :]]


def _shade(canvas: Canvas, layer: Field) -> None:
    values = _sampled(canvas, layer.x, layer.y, layer.z)
    bands = np.searchsorted(np.asarray(layer.levels, np.float64), values)
    most = max(len(layer.levels), 1)
    for row, column in np.ndindex(values.shape):
        if np.isfinite(values[row, column]):
            deep = 1.0 - bands[row, column] / most
            canvas.grid[row][column] = SHADES[min(int(deep * len(SHADES)), len(SHADES) - 1)]


def _regions(canvas: Canvas, layer: Regions) -> None:
    best = _sampled(canvas, layer.x, layer.y, layer.scores).argmax(axis=0)
    for row, column in np.ndindex(best.shape):
        canvas.grid[row][column] = REGIONS[best[row, column] % len(REGIONS)]


def _wrapped(items: list[str], width: int) -> Iterator[str]:
    """Give the entries of a legend in lines."""
    line = ""
    for item in (_cut(item, width) for item in items):
        if line and len(line) + 3 + len(item) > width:
            yield line
            line = ""
        line += ("   " if line else "") + item
    yield line
