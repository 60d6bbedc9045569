"""The numbers of steps as a learner has them: as written where the sheet gives them, else as they follow from these."""

from __future__ import annotations

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


class Slopes:
    """The derivatives of a number with respect to others: those of one other number times a factor, and own ones.

    Numbers that differ from one another by a factor share theirs, and what rounding makes of all of them. In a network
    of many layers such numbers follow one another without end, so that nothing here calls itself.

    Attributes:
        own: the derivatives that are the number's alone. base: those of the other number, times `factor`; None where
            all are own.
        sums: what was added up of them, with all that they have, to be kept by the one who did; None at first.
    """

    __slots__ = ("base", "factor", "own", "sums")

    def __init__(self, own: dict[Key, float], base: Slopes | None = None, factor: float = 1.0) -> None:
        self.own, self.base, self.factor = own, base, factor
        self.sums: tuple[float, float, float, float] | None = None

    def __bool__(self) -> bool:
        return self.base is not None or bool(self.own)

    def with_own(self, key: Key) -> Slopes:
        """Give them with the number itself, which may have been rounded too; its derivative is 1."""
        return Slopes(self.own | {key: 1.0}, self.base, self.factor)

    def bases(self) -> Iterator[Slopes]:
        """Give these, the ones that they share, the ones that these share, and so on."""
        one: Slopes | None = self
        while one is not None:
            yield one
            one = one.base

    def pairs(self) -> Iterator[tuple[Key, float]]:
        """Give each number with the derivative."""
        factor = 1.0
        for one in self.bases():
            yield from one.own.items() if factor == 1.0 else [(key, factor * slope) for key, slope in one.own.items()]
            factor *= one.factor

    def among(self, keys: Collection[Key]) -> set[Key]:
        """Give those of some numbers that a derivative is with respect to."""
        return {key for one in self.bases() for key in one.own.keys() & keys}


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
                made[key] = Estimate(self.written[key], GIVEN.with_own(key), 0.0)
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
            return Estimate(value, Slopes({}, slopes, slope), noise + abs(value), number)
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
