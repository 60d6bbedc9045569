"""The numbers of steps as a learner has them: as written where the sheet gives them, else as they follow from these."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from typing import NamedTuple

from backlit.check.evaluation import NAN, Number, recorded, slopes_of, value_of
from backlit.check.graph import StepGraph, operands, reference
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

MOST_SOURCES = 1500
"""A number that depends on more numbers on the way keeps the written ones alone."""


class Slopes(Mapping[Key, float]):
    """The derivatives of a number with respect to others: own ones, or those of one other number times a factor.

    Numbers that differ from one another by a factor share theirs, and what rounding makes of all of them.

    Attributes:
        base: the derivatives, before the factor. own: the number itself, if it may have been rounded too; its is 1.
        sums: what was added up of them, with all that they have, to be kept by the one who did; None at first.
    """

    __slots__ = ("base", "factor", "own", "sums")

    def __init__(self, base: Slopes | dict[Key, float], factor: float = 1.0, own: Key | None = None) -> None:
        self.base, self.factor, self.own = base, factor, own
        self.sums: tuple[float, float, float, float] | None = None

    def with_own(self, key: Key) -> Slopes:
        """Give them with the number itself."""
        return Slopes(self.base | {key: 1.0}) if isinstance(self.base, dict) else Slopes(self.base, self.factor, key)

    def __getitem__(self, key: Key) -> float:
        return 1.0 if key == self.own else self.factor * self.base[key]

    def __iter__(self) -> Iterator[Key]:
        yield from self.base
        if self.own is not None:
            yield self.own

    def __len__(self) -> int:
        return len(self.base) + (self.own is not None)

    def pairs(self) -> Iterable[tuple[Key, float]]:
        """Give each number with the derivative, as `items` does, but quickly."""
        if isinstance(self.base, dict):
            return self.base.items()
        own = () if self.own is None else ((self.own, 1.0),)
        return itertools.chain(((key, self.factor * slope) for key, slope in self.base.pairs()), own)


class Estimate(NamedTuple):
    """A number, and what rounding may have done to it.

    Attributes:
        value: the number. slopes: its derivative with respect to each number that may have been rounded: those the
            sheet gives, and those on the way, itself included.
        noise: how often the rounding of a float enters, in units of the number format's relative rounding.
        number: gives the numbers on the way, as they are there.
    """

    value: float
    slopes: Slopes
    noise: float
    number: Number = recorded


GIVEN = Slopes({})


class World:
    """The numbers as they follow from some that are written, with formulas changed where a mistake is assumed.

    Args:
        graph: the numbers and their formulas.
        written: the numbers that the sheet gives, in the records' signs.
        changed: formulas in the place of others.
    """

    def __init__(
        self, graph: StepGraph, written: Mapping[Key, float], changed: Mapping[Key, Node] | None = None
    ) -> None:
        self.graph, self.written, self.changed = graph, written, changed or {}
        self._values: dict[Key, float] = dict(written)
        self._estimates: dict[Key, Estimate] = {}

    def node(self, key: Key, also: Collection[Key] = ()) -> Node | None:
        """Give the formula of a number here: a later step's weight is the new one of the step before.

        `also` has numbers that are changed too.
        """
        found = self.changed.get(key)
        if found is None:
            found = self.graph.way(key, self.changed, also)
        if found is None:
            earlier = self.graph.earlier(key)
            found = None if earlier is None else reference(earlier)
        return found

    def value(self, key: Key) -> float:
        """Give a number: as written, else as it follows."""
        known = self._values.get(key)
        return self._worked_out(key) if known is None else known

    def follows(self, key: Key, node: Node | None = None) -> float:
        """Give what follows from the others for a number, whether it is written or not, by another formula if given."""
        node = self.node(key) if node is None else node
        return recorded(key) if node is None else self.of(node)

    def of(self, node: Node) -> float:
        """Give a formula's value."""
        for key in operands(node):
            self.value(key)
        return value_of(node, self._values.__getitem__)

    def _worked_out(self, start: Key) -> float:
        """Work a number out after all that it needs, without recursion; a number that needs itself has none."""
        values, waiting, open_ = self._values, [start], set[Key]()
        while waiting:
            key = waiting[-1]
            if key in values:
                waiting.pop()
                continue
            node = self.node(key)
            if node is None:
                values[key] = recorded(key)
                continue
            missing = [need for need in operands(node) if need not in values]
            if missing and key not in open_:
                open_.add(key)
                for need in missing:
                    if need in open_:
                        values[need] = NAN
                waiting += [need for need in missing if need not in values]
                continue
            values[key] = self.kept(value_of(node, values.__getitem__))
            waiting.pop()
        return values[start]

    def kept(self, value: float) -> float:
        """Give a number that was worked out as it is gone on with: all its digits."""
        return value

    def take(self, other: World, keys: Iterable[Key]) -> None:
        """Take over numbers that are the same in another world."""
        for key in keys:
            other._prepare(key)
            self._values[key], self._estimates[key] = other._values[key], other._estimates[key]

    # ----------------------------------------------------------------------------------------------- how far rounded

    def estimate(self, key: Key, node: Node | None = None) -> Estimate:
        """Give what follows from the others for a number, with what rounding may have done."""
        node = self.node(key) if node is None else node
        if node is None:
            return Estimate(recorded(key), GIVEN, 0.0)
        for need in operands(node):
            self._prepare(need)
        return self._by_formula(node)

    def _prepare(self, start: Key) -> None:
        """Make the estimates of a number and of all on the way to it."""
        made, waiting = self._estimates, [start]
        self.value(start)
        seen: set[Key] = set()
        while waiting:
            key = waiting[-1]
            if key in made:
                waiting.pop()
                continue
            node = None if key in self.written else self.node(key)
            if key in self.written:
                made[key] = Estimate(self.written[key], Slopes({key: 1.0}), 0.0)
            elif node is None:
                made[key] = Estimate(self._values[key], GIVEN, abs(self._values[key]))
            else:
                missing = [need for need in operands(node) if need not in made]
                if missing and key not in seen:
                    seen.add(key)
                    waiting += [need for need in missing if need not in seen]
                    continue
                found = self._by_formula(node)
                made[key] = found._replace(slopes=found.slopes.with_own(key))
            waiting.pop()

    def _by_formula(self, node: Node) -> Estimate:
        number = self.value
        value, total, noise = value_of(node, number), dict[Key, float](), 0.0
        parts: list[tuple[float, Slopes]] = []
        for key, slope in slopes_of(node, number).items():
            of = self._estimates.get(key)
            if of is None:
                continue
            noise += abs(slope) * (of.noise + abs(of.value))
            if of.slopes:
                parts.append((slope, of.slopes))
        if len(parts) == 1:
            slope, slopes = parts[0]
            return Estimate(value, Slopes(slopes, slope), noise + abs(value), number)
        for slope, slopes in parts:
            for source, part in slopes.pairs():
                total[source] = total.get(source, 0.0) + slope * part
        if len(total) > MOST_SOURCES:
            total = {source: slope for source, slope in total.items() if source in self.written}
        return Estimate(value, Slopes(total), noise + abs(value), number)


def lineage(graph: StepGraph, key: Key, written: Container[Key], most: int) -> list[Key]:
    """Give a number and those on the way to it that no sheet gives, each after all that it needs, up to so many.

    Of what the task gives they have only a later step's weights and slots, which are the new ones of the step before.
    """
    found, waiting = {key: needed(graph, key)}, deque([key])
    while waiting and len(found) < most:  # breadth first: the nearest come first
        for need in found[waiting.popleft()]:
            if need not in found and need not in written:
                found[need] = needed(graph, need)
                waiting.append(need)
    ordered = TopologicalSorter({one: [need for need in needs if need in found] for one, needs in found.items()})
    return [one for one in ordered.static_order() if graph.formula(one) is not None or graph.earlier(one) is not None]


def needed(graph: StepGraph, key: Key) -> list[Key]:
    """Give what enters a number by any of its formulas; of a later step's weight the new one of the step before."""
    ways = graph.formulas(key)
    earlier = None if ways else graph.earlier(key)
    return [need for node in ways for need in operands(node)] + ([earlier] if earlier else [])
