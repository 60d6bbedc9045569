"""A quantity of the step for all rows and units at once; each of its numbers becomes a record when it is asked for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec
import numpy as np

from backlit.explain.algebra.tree import Node, Ref, shown_refs
from backlit.explain.quantity_names import Name
from backlit.explain.record.numeric_slope import NumericSlope
from backlit.kernels.types import Array

KEPT = 8
"""So many formulas of a quantity are kept."""


REFS = 1024
"""So many numbers of a quantity are kept as they stand in the formulas of others."""


class Place(NamedTuple):
    """Which number of a quantity: row, source and unit, counted from 0."""

    row: int
    source: int
    unit: int


class Key(NamedTuple):
    """A number of the step."""

    quantity: Quantity
    place: Place


class Quantity:
    """One kind of number of the step, `net` of a layer say, for every row, source and unit it has.

    Args:
        phase, kind, layer: as in the records.
        units: names of the units; of a quantity of no unit, one empty name.
        sources: of weights, the names of the units that they come from; empty names where these depend on the unit.
        source_name: of weights, gives the name of what one comes from, where `sources` does not.
        rows: names of the rows if each row has one, else nothing.
        name: gives the name at a place.
        values: gives the numbers of a row (units,), or (sources, units), as the recorded step holds them.
        expression: gives the formula of the number at a place; None of quantities that are given.
        note: gives a remark at a place.
        terms: about how many numbers its formula has, where they may be many.
        numeric: gives the slope by finite differences at a place; None of quantities that have no such check.

    Attributes:
        value: gives the number at a place.
    """

    def __init__(
        self, phase: str, kind: str, layer: int | str | None, *, units: Sequence[str] = ("",),
        sources: Sequence[str] = (), rows: Sequence[str] = (), name: Callable[[Place], Name],
        values: Callable[[int], Array],
        expression: Callable[[Place], Node] | None = None, note: Callable[[Place], str] | None = None,
        numeric: Callable[[Place], NumericSlope] | None = None, terms: int = 0,
        source_name: Callable[[Place], str] | None = None,
    ) -> None:  # fmt: skip
        self.phase, self.kind, self.layer, self.source_name = phase, kind, layer, source_name
        self.units, self.sources, self.rows = tuple(units), tuple(sources), tuple(rows)
        self.name = name
        self.values = values
        # A long sum is asked for several times, one time after another: by its digits, its lines, its remarks.
        self.expression = expression and functools.lru_cache(maxsize=KEPT)(expression)
        self.note = note
        self.numeric, self.terms = numeric, terms
        self._needed: dict[Place, tuple[Key, ...]] = {}
        self._kept: tuple[int, Array] | None = None
        self.value = functools.lru_cache(maxsize=REFS)(self._value)  # of one row after another; rows are long
        self._ref = functools.lru_cache(maxsize=REFS)(self._make_ref)

    def _value(self, place: Place) -> float:
        if self._kept is None or self._kept[0] != place.row:
            self._kept = place.row, np.asarray(self.values(place.row))
        array = self._kept[1]
        return float(array[place.source, place.unit] if self.sources else array[place.unit])

    def key(self, place: Place) -> Key:
        """Give the number at a place."""
        return Key(self, place)

    def source(self, place: Place) -> str | None:
        """Give the name of what a weight comes from; None of other numbers."""
        if self.source_name:
            return self.source_name(place)
        return self.sources[place.source] if self.sources else None

    def ref(self, row: int, unit: int, source: int = 0) -> Ref:
        """Give the number for use in another one's formula."""
        return self._ref(Place(row if self.rows else 0, source, unit))

    def _make_ref(self, place: Place) -> Ref:
        name = self.name(place)
        return Ref(name.text, name.symbol, self.value(place), Key(self, place))

    def needs(self, place: Place) -> tuple[Key, ...]:
        """Give the numbers that enter the formula at a place as it is shown; none where it is given."""
        if place not in self._needed:
            shown = shown_refs(self.expression(place)) if self.expression else ()
            self._needed[place] = tuple(ref.key for ref in shown if ref.key is not None)
        return self._needed[place]

    def places(self, row: int) -> Iterator[Place]:
        """Give the places of a row, unit by unit."""
        for unit in range(len(self.units)):
            for source in range(len(self.sources) or 1):
                yield Place(row, source, unit)

    def find(self, text: str, *, labelled: bool = False) -> Place | None:
        """Give the place of that name, or None; `labelled` says that names need not contain those of the units."""
        units = [unit for unit, name in enumerate(self.units) if labelled or name in text]
        if not units:
            return None
        sources = [source for source, name in enumerate(self.sources or ("",)) if labelled or name in text]
        places = (Place(*at) for at in itertools.product(range(len(self.rows) or 1), sources, units))
        return next((at for at in places if self.name(at).text == text), None)


class Cells:
    """The numbers of a buffer in its order, where several quantities have parts of it; read as a quantity is.

    Args:
        cells: for each number, its quantity and the unit there.
    """

    def __init__(self, cells: Sequence[tuple[Readable, int]]) -> None:
        self._cells = tuple(cells)
        last = self._cells[-1][0]
        self.kind: str = last.kind
        self.rows: tuple[str, ...] = last.rows
        self.layer: int | str | None = last.layer
        self.units: tuple[str, ...] = tuple(quantity.units[unit] for quantity, unit in self._cells)

    def values(self, row: int) -> Array:
        """Give the numbers of a row."""
        return np.array([self.value(Place(row, 0, unit)) for unit in range(len(self.units))])

    def value(self, place: Place) -> float:
        """Give the number at a place."""
        quantity, unit = self._cells[place.unit]
        return quantity.value(place._replace(unit=unit))

    def key(self, place: Place) -> Key:
        """Give the number at a place as a number of its quantity."""
        quantity, unit = self._cells[place.unit]
        return quantity.key(place._replace(unit=unit))

    def ref(self, row: int, unit: int, source: int = 0) -> Ref:
        """Give the number for use in another one's formula."""
        quantity, own = self._cells[unit]
        return quantity.ref(row, own, source)

    def name(self, place: Place) -> Name:
        """Give the name at a place."""
        quantity, unit = self._cells[place.unit]
        return quantity.name(place._replace(unit=unit))


Readable = Quantity | Cells
"""What a stage reads: numbers in a buffer's order."""


def joined(cells: Sequence[tuple[Readable, int]]) -> Readable:
    """Give numbers as one readable: the quantity itself where they are all of its numbers in order."""
    first = cells[0][0]
    whole = len(cells) == len(first.units) and all(cell == (first, k) for k, cell in enumerate(cells))
    return first if whole else Cells(cells)


class Group(msgspec.Struct, frozen=True):
    """Quantities that a person works out together, unit by unit."""

    title: str
    quantities: tuple[Quantity, ...]

    def size(self, row: int) -> int:
        """The number of numbers that come with a row."""
        here = [quantity for quantity in self.quantities if quantity.rows or row == 0]
        return sum(len(quantity.units) * (len(quantity.sources) or 1) for quantity in here)

    def keys(self, row: int, wanted: Mapping[Quantity, Collection[Place]] | None = None) -> list[Key]:
        """Give the numbers of a row: unit by unit, of weights source by source, and there in the quantities' order.

        Quantities that all rows share come with the first row. Where `wanted` is given, only its numbers come.
        """
        found = []
        by_source = len({quantity.sources for quantity in self.quantities}) == 1
        for number, quantity in enumerate(self.quantities):
            if quantity.rows or row == 0:
                places = quantity.places(row) if wanted is None else wanted.get(quantity, ())
                for at in places:
                    if at.row == row:
                        order = (at.unit, at.source, number) if by_source else (at.unit, number, at.source)
                        found.append((order, Key(quantity, at)))
        return [key for _, key in sorted(found, key=itemgetter(0))]
