"""What stands in the units of a drawn network and in front of them: which edges have a number, and its text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from backlit.explain.algebra.numerals import given_text, short_text
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.show.network.parts import LETTERS, Text
from backlit.show.text_width import shortened, text_width

LABELS, FEWEST_LABELS = 44, 4
"""A column has about so many numbers of weights, but so many of each unit: beyond them those of the strongest only."""
ROOMY = (112.0, 150.0)
"""The width up to which names of units are whole, and the one up to which they are told apart."""
LONGEST_LEAD, LONGEST_SOURCE, LONGEST_PART = 150.0, 64.0, 58.0
"""The width of what stands before a number: of a weight's name, of a unit's, of a unit's within that of a weight."""


class DrawnWay(NamedTuple):
    """A drawing and how its numbers are written."""

    drawing: Drawing
    backward: bool
    digits: int
    names: bool | None

    def ways(self) -> tuple[DrawnWay, DrawnWay]:
        """Give the drawing both ways, forward and backward: they are laid out alike."""
        return self._replace(backward=False), self._replace(backward=True)

    def unit(self, number: int, unit: int) -> str:
        """Give the number of a unit; nothing where there is none. A large one has fewer places, to fit a circle."""
        node = self.drawing.columns[number].nodes[unit]
        value = node.slope if self.backward else node.value
        if value is None:
            return ""
        room = text_width("-0." + "0" * max(4, self.digits), LETTERS)
        texts = [short_text(value, digits) for digits in range(self.digits, -1, -1)]
        return next((text for text in texts if text_width(text, LETTERS) <= room), texts[0])

    def edge(self, number: int, edge: Edge, *, sources: bool) -> Text:
        """Give the number of a weight to a column, or its slope, without its place.

        Before it stands the weight's name if that is shown, or with `sources` the name of the unit it comes from.
        """
        value = edge.slope if self.backward else edge.weight
        text_of = short_text if self.backward else given_text
        text, role = ("fixed", "fixed") if value is None else (text_of(value, self.digits), "label")
        lead = ""
        if edge.own if self.names is None else self.names:
            lead = self.weight_name(number, edge)
        elif sources:
            lead = isolated(self.source_names(number)[edge.source] if edge.source >= 0 else "bias")
        of = f"[{self.drawing.row}]" if self.drawing.row else ""
        full = f"dE/d{edge.name}{of}" if self.backward else edge.name
        return Text(0.0, 0.0, text, role, "end", full=full, lead=lead)

    def source_of(self, number: int, edge: Edge) -> str:
        """Give the name of the unit that an edge to a column comes from; nothing of a bias."""
        return self.drawing.columns[number - 1].nodes[edge.source].name if edge.source >= 0 else ""

    def source_names(self, number: int) -> list[str]:
        """Give the names of the units that edges to a column come from, as short as they can be told apart."""
        return told_apart([node.name for node in self.drawing.columns[number - 1].nodes])

    def weight_name(self, number: int, edge: Edge) -> str:
        """Give a weight's name; in a long one the names of its units are shortened, each by itself."""
        name, unit = edge.name, self.drawing.columns[number].nodes[edge.unit].name
        if text_width(name, LETTERS) > LONGEST_LEAD:
            units = [part for part in (self.source_of(number, edge), unit) if part]
            parts = [isolated(shortened(part, LONGEST_PART, LETTERS)) for part in units]
            name = name.replace(f"({','.join(units)})", f"({','.join(parts)})")
        return isolated(shortened(name, LONGEST_LEAD, LETTERS), "\N{LEFT-TO-RIGHT ISOLATE}")


def told_apart(names: Sequence[str]) -> list[str]:
    """Shorten names, without losing what tells them apart: an ending in brackets that all have goes first.

    >>> told_apart(["sepal length (cm)", "sepal width (cm)"])
    ['sepal length', 'sepal width']
    """
    names = without_ending(names)
    if all(text_width(name, LETTERS) <= ROOMY[0] for name in names):
        return list(names)
    for room in (LONGEST_SOURCE, *ROOMY):
        short = [shortened(name, room, LETTERS) for name in names]
        if len(set(short)) == len(set(names)):
            break
    return short


def without_ending(names: Sequence[str]) -> Sequence[str]:
    """Leave out an ending in brackets that all names have.

    >>> without_ending(["length (cm)", "width (cm)"]), without_ending(["length (cm)", "weight (g)"])
    (['length', 'width'], ['length (cm)', 'weight (g)'])
    """
    ends = {name.rpartition(" (")[2] for name in names}
    if len(names) > 1 and len(ends) == 1 and all(name.endswith(")") and " (" in name[1:] for name in names):
        return [name.rpartition(" (")[0] for name in names]
    return names


def isolated(name: str, direction: str = "\N{FIRST STRONG ISOLATE}") -> str:
    """Give a name so that the number behind it stays behind it where the name is written from right to left."""
    if not any(unicodedata.bidirectional(character) in {"R", "AL"} for character in name):
        return name
    return f"{direction}{name}\N{POP DIRECTIONAL ISOLATE}"


def numbered(column: Column, *, backward: bool) -> list[list[Edge]]:
    """Give for each unit the edges to it whose numbers are shown, from top to bottom, the bias last.

    Of many they are the bias and the strongest.
    """
    most = max(FEWEST_LABELS, LABELS // max(1, len(column.nodes)))
    found: list[list[Edge]] = [[] for _ in column.nodes]
    for edge in column.edges:
        found[edge.unit].append(edge)
    for edges in found:
        edges.sort(key=lambda edge: (edge.source >= 0, -abs((edge.slope or 0.0) if backward else edge.weight)))
        edges[:] = sorted(edges[:most], key=lambda edge: (edge.source < 0, edge.source))
    return found


def faint(drawing: Drawing) -> bool:
    """Tell whether some edges have no number."""
    shown = [edges for column in drawing.columns for edges in numbered(column, backward=False)]
    return sum(map(len, shown)) < sum(len(column.edges) for column in drawing.columns)


def crowded(drawing: Drawing) -> bool:
    """Tell whether units or numbers are left out, so that the place of a number does not say whose it is."""
    return any(column.size > len(column.nodes) for column in drawing.columns) or faint(drawing)
