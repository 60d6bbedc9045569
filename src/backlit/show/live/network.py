"""A network that is drawn live: an SVG whose classes say how strong each weight is, its legend and its table.

What changes from one moment to the next is in `network_numbers`: a letter for each edge, which is its class, and texts.
`network_html` writes the same numbers into the drawing whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from itertools import groupby
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from backlit.analysis.live.records import LiveColumn, LiveEdge, LiveNetwork, LiveOutline
from backlit.errors import counted
from backlit.show.live.network_layout import LINE, ONE, PILL, Geometry, Placed, geometry
from backlit.show.live.numbers import four_digits

LEVELS = 12
"""So many widths of lines; the letters A to L are those of positive numbers, a to l of negative ones."""
NONE, WRONG, FIXED = "z", "y", "x"
"""The letters of a number that is 0, of one that is not finite, and of the slope of a weight that is not trained."""
CODES = np.frombuffer("".join([chr(ord("a") + k) for k in range(LEVELS - 1, -1, -1)] + [NONE]
                              + [chr(ord("A") + k) for k in range(LEVELS)]).encode(), np.uint8)  # fmt: skip
THIN, WIDE = (0.6, 0.38), (6.0, 0.88)
"""The width in pixels and the opacity of the smallest lines and of the largest."""


def _edge_style() -> str:
    """Write the colours, widths and opacities of lines by their letters."""
    rules = []
    for k in range(LEVELS):
        width, opacity = (low + (high - low) * k / (LEVELS - 1) for low, high in zip(THIN, WIDE, strict=True))
        look = f"stroke-width:{width:.2f};stroke-opacity:{opacity:.2f}"
        for letter, colour in ((chr(ord("A") + k), "forward"), (chr(ord("a") + k), "backward")):
            rules.append(f":where(.net,.net-sample) .{letter}{{stroke:var(--{colour});{look}}}")
    return "\n".join(rules)


EDGE_STYLE = _edge_style()
"""How lines look: a sheet for the page that holds drawings."""

TABLE = 64
"""The table has so many rows."""

KEYS = (
    "The arrow keys go from unit to unit. Enter goes to a unit’s weights, the strongest first; Enter there shows the "
    "weight’s chain rule, and Escape goes back."
)
"""How the drawing is used without a mouse."""


class Numbers(NamedTuple):
    """What changes: `codes` have a letter for each edge, `values` are the edges' numbers, `texts` by their keys."""

    codes: str
    values: tuple[str, ...]
    texts: dict[str, str]

    def plain(self) -> dict[str, object]:
        """Give them as the page's module takes them."""
        return {"codes": self.codes, "values": " ".join(self.values), "texts": self.texts}


def layout_of(outline: LiveOutline, *, slopes: bool) -> str:
    """Name what stays the same of a drawing."""
    return f"{_digest(outline):08x}{'s' if slopes else 'w'}"


@lru_cache(maxsize=8)
def _digest(outline: LiveOutline) -> int:
    return crc32(msgspec.json.encode(outline))


# ------------------------------------------------------------------------------------------------------------- numbers


def network_numbers(live: LiveNetwork, *, slopes: bool) -> Numbers:
    """Give what changes in a drawing from one moment to the next."""
    given: Sequence[float | None] = live.weights
    if slopes:
        given = live.slopes if live.slopes is not None else (math.nan,) * len(live.weights)
    values = np.array([math.nan if value is None else value for value in given], np.float64)
    fixed = np.array([value is None for value in given], bool)
    finite = np.isfinite(values)
    largest = float(np.abs(values[finite]).max(initial=0.0))
    scale = nice_above(largest)
    levels = np.ceil(np.where(finite, np.abs(values), 0.0) / scale * LEVELS - 1e-9).clip(0, LEVELS)
    places = (np.where(values < 0.0, -levels, levels) + LEVELS).astype(np.int64)
    letters = CODES[places].copy()
    letters[~finite], letters[fixed] = ord(WRONG), ord(FIXED)
    texts = tuple("fixed" if still else four_digits(value) for value, still in
                  zip(values.tolist(), fixed.tolist(), strict=True))  # fmt: skip
    told = {
        "full": four_digits(scale),
        "half": four_digits(scale / 2),
        "note": _note(live, values, fixed, largest, slopes),
    }
    return Numbers(letters.tobytes().decode(), texts, told)


def nice_above(largest: float) -> float:
    """Give the next round number at or above a size, so that the scale of a drawing seldom changes; 1 for 0.

    >>> nice_above(2.31), nice_above(0.07), nice_above(0.0)
    (3.0, 0.07, 1.0)
    """
    if not largest > 0.0:
        return 1.0
    exponent = math.floor(math.log10(largest))
    for one in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0):
        nice = float(f"{one}e{exponent}")
        if nice >= largest * (1.0 - 1e-12):
            return nice
    return largest


def _note(live: LiveNetwork, values: NDArray[Any], fixed: NDArray[Any], largest: float, slopes: bool) -> str:
    if slopes and live.slopes is None:
        return f"No slopes: {live.problem}"
    wrong = int((~np.isfinite(values) & ~fixed).sum())
    if wrong:
        what = "slope" if slopes else "weight"
        return f"{counted(wrong, what)} {'is' if wrong == 1 else 'are'} not a finite number: dotted."
    if not len(values):
        return ""
    edges = live.outline.edges
    place = int(np.argmax(np.where(np.isfinite(values), np.abs(values), -1.0)))
    name = f"∂E/∂{edges[place].name}" if slopes else edges[place].name
    return f"Largest drawn: {name} = {four_digits(values[place])}." if largest else "All that is drawn is 0."


# -------------------------------------------------------------------------------------------------------------- drawing


def network_html(live: LiveNetwork, *, slopes: bool, numbers: Numbers | None = None) -> str:
    """Give the drawing whole, with its legend and its table; `numbers` are those of `network_numbers`."""
    numbers = numbers or network_numbers(live, slopes=slopes)
    return "".join([
        _svg(live.outline, slopes, numbers),
        _legend(live, slopes, numbers),
        '<div class="net-more">', _notes(live, slopes, numbers),
        _table(live.outline, slopes, numbers), _keys(live.outline), "</div>",
    ])  # fmt: skip


def _keys(outline: LiveOutline) -> str:
    return (f'<details id="network-keys"><summary>Keys</summary><p class="note">{KEYS}</p></details>'
            if outline.edges else "")  # fmt: skip


def sentence(outline: LiveOutline) -> str:
    """Say in a sentence what a drawing shows."""
    parts = []
    for column in outline.columns:
        what = ", ".join(column.details) if column.block else counted(column.size, "unit")
        also = f" ({', '.join(column.details)})" if column.details and not column.block else ""
        parts.append(f"{column.title}: {what}{also}")
    return f"Network with {counted(outline.weights, 'parameter')} in all. {'; '.join(parts)}."


def _svg(outline: LiveOutline, slopes: bool, numbers: Numbers) -> str:
    placed = geometry(outline)
    label = escape(sentence(outline) + (" Edges show slopes ∂E/∂w." if slopes else " Edges show weights."))
    head = (f'<div class="scroll net-frame" id="network-frame" data-keep-scroll><svg class="net" viewBox="0 0 '
            f'{placed.width} {placed.height}" width="{placed.width}" height="{placed.height}" role="group" '
            f'aria-label="{label}" data-slopes="{int(slopes)}">')  # fmt: skip
    ways = "".join(f"M{x1} {y1}L{x2} {y2}" for x1, y1, x2, y2 in placed.ways)
    parts = [f'<path class="way" d="{ways}"/>'] if ways else []
    parts += _edges(outline, placed, numbers.codes)
    parts += [_column(column, one, number) for number, (column, one) in
              enumerate(zip(outline.columns, placed.columns, strict=True))]  # fmt: skip
    return f"{head}{''.join(parts)}</svg></div>"


def _edges(outline: LiveOutline, placed: Geometry, codes: str) -> list[str]:
    """Write the edges, a group for each column; those of a bias, or of a weight that stays, are dashed by a class."""
    parts = []
    for column, group in groupby(range(len(outline.edges)), lambda k: outline.edges[k].column):
        paths = []
        for k in group:
            edge, (x1, y1, x2, y2) = outline.edges[k], placed.edges[k]
            paths.append(f'<path class="{codes[k]}" d="M{x1} {y1}L{x2} {y2}"{_own_name(outline, edge)}/>')
        parts.append(f'<g class="edges" data-column="{column}">{"".join(paths)}</g>')
    return parts


def _own_name(outline: LiveOutline, edge: LiveEdge) -> str:
    """Write the name of a weight that is not w(source,unit) or b(unit), and mark biases and weights that stay."""
    unit = outline.columns[edge.column].units[edge.unit]
    usual = f"b({unit})" if edge.source < 0 else f"w({outline.columns[edge.column - 1].units[edge.source]},{unit})"
    named = "" if edge.name == usual else f' data-weight="{escape(edge.name)}"'
    dashes = " data-b" if edge.source < 0 else ""
    return named + dashes + (" data-fixed" if edge.frozen else "")


def _column(column: LiveColumn, placed: Placed, number: int) -> str:
    x = placed.x
    first = min([placed.top, *(unit.y - PILL // 2 for unit in placed.units)])
    head_y = first - 8 - LINE * (len(placed.head) - 1)
    head = "".join(
        f'<tspan x="{x}" y="{head_y + LINE * k}">{escape(line)}</tspan>' for k, line in enumerate(placed.head)
    )
    parts = [f'<g data-units="{number}"><text class="head">{head}</text>']
    if column.block:
        given = f'{{"array":"{escape(column.first)}"}}'
        chosen = f' role="button" tabindex="0" data-do="weight.first" data-given=\'{given}\'' if column.first else ""
        whole = escape(", ".join((column.title, *column.details)))
        parts.append(f'<g class="block"{chosen}><title>{whole}</title>'
                     f'<rect x="{x - placed.half}" y="{placed.top}" width="{2 * placed.half}" height="{placed.height}" '
                     'rx="6"/><text>')  # fmt: skip
        parts += [f'<tspan x="{x}" y="{placed.top + 8 + LINE * (k + 1) - 4}">{escape(line)}</tspan>'
                  for k, line in enumerate(placed.lines)]  # fmt: skip
        parts.append("</text></g>")
    where = escape(column.title)
    box = f'x="{x - placed.half}" width="{2 * placed.half}" height="{PILL}" rx="{PILL // 2}"'
    for unit, name in zip(placed.units, column.units, strict=True):
        whole = escape(name)
        title = f"<title>{whole}</title>" if unit.text != name else ""
        parts.append(f'<g class="unit" data-unit="{whole}" role="button" tabindex="-1" aria-label="{whole}, {where}">'
                     f'<rect {box} y="{unit.y - PILL // 2}"/><text x="{x}" y="{unit.y + 5}">{escape(unit.text)}</text>'
                     f"{title}</g>")  # fmt: skip
    if placed.more:
        parts.append(f'<text class="head" x="{x}" y="{placed.more_y}">{placed.more}</text>')
    if placed.one:
        parts.append(f'<g class="one"><title>the constant 1, which biases are multiplied by</title>'
                     f'<circle cx="{x}" cy="{placed.one}" r="{ONE}"/>'
                     f'<text x="{x}" y="{placed.one + 5}">1</text></g>')  # fmt: skip
    return "".join([*parts, "</g>"])


def _legend(live: LiveNetwork, slopes: bool, numbers: Numbers) -> str:
    if not live.outline.edges:
        return '<p class="note">No weights are drawn: each block is a layer, with what it gives.</p>'
    texts = {key: escape(text) for key, text in numbers.texts.items()}
    samples = [
        _sample("L", "positive"),
        _sample("l", "negative"),
        *([_sample("D size", "bias", " data-b")] if any(edge.source < 0 for edge in live.outline.edges) else []),
        _sample("L size", f'size <span data-text="full">{texts["full"]}</span>'),
        _sample("F size", f'<span data-text="half">{texts["half"]}</span>'),
    ]
    return f'<p class="net-legend">{"".join(samples)}</p>'


def _notes(live: LiveNetwork, slopes: bool, numbers: Numbers) -> str:
    if not live.outline.edges:
        return ""
    words = []
    if slopes:
        all_rows = live.rows == live.all_rows
        over = (
            f"all {live.rows:,} training rows" if all_rows else f"{live.rows:,} of the {live.all_rows:,} training rows"
        )
        words.append(f"E is that of {over}, dropout off.")
        if any(edge.frozen for edge in live.outline.edges):
            words.append("Grey: not trained.")
    if any(not column.block and column.size > len(column.units) for column in live.outline.columns):
        words.append("Of a large layer the units with the strongest weights are drawn.")
    note = escape(numbers.texts["note"])
    return f'<p class="note">{" ".join([*words, ""])}<span data-text="note">{note}</span></p>'


def _sample(letter: str, words: str, marks: str = "") -> str:
    line = f'<path class="{letter}" d="M1 6L29 6"{marks}/>'
    svg = f'<svg class="net-sample" viewBox="0 0 30 12" width="30" height="12" aria-hidden="true">{line}</svg>'
    return f'<span class="sample">{svg}{words}</span>'


def _table(outline: LiveOutline, slopes: bool, numbers: Numbers) -> str:
    edges = outline.edges
    if not edges:
        return ""
    names = [f"∂E/∂{edge.name}" if slopes else edge.name for edge in edges[:TABLE]]
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}<td class="n" data-edge="{k}">{numbers.values[k]}'
        for k, name in enumerate(names)
    )
    name = "Slopes" if slopes else "Weights"
    first = (
        f'<p class="note">The first {TABLE} of {len(edges)} that are drawn; choose a unit to see all of its own.</p>'
    )
    return (f'<details id="network-table"><summary>{name} as a table</summary>{first if len(edges) > TABLE else ""}'
            f'<div class="scroll" tabindex="0" role="group" aria-label="{name}"><table><thead><tr><th scope="col">'
            f'{name[:-1].lower()}<th scope="col" class="n">value<tbody>{rows}</table></div></details>')  # fmt: skip
