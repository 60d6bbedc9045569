"""A number worked out again and again with changed formulas: its own, and those of the numbers on the way to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from backlit.check.evaluation import value_of
from backlit.check.graph import StepGraph, operands
from backlit.check.judging.findings import Variant
from backlit.check.worlds import World, lineage
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

MOST_SITES = 300
"""So many numbers before a wrong one are searched, the nearest first."""
MOST_WORK = 40_000
"""So many formulas are written or worked out in the search for one number's mistake: some seconds."""
WIDE = 1e-3
"""Near is also what differs by less, as a part of it: a mistake may make a number large, and so its rounding."""


class Trial:
    """A number and those on the way to it, to be worked out with changed formulas again and again.

    Attributes:
        lineage: these numbers, each after all that it needs. work: how many formulas were written or worked out so far.
    """

    def __init__(self, graph: StepGraph, key: Key, world: World) -> None:
        self.graph, self.key, self.world, self.work = graph, key, world, 0
        written = {other: value for other, value in world.written.items() if other != key}
        self.lineage = lineage(graph, key, written, MOST_SITES)
        self._place = {one: place for place, one in enumerate(self.lineage)}
        self._needs = {one: {need for node in graph.formulas(one) for need in operands(node)} for one in self.lineage}
        self._after: dict[Key, frozenset[Key]] = {}

    @property
    def exhausted(self) -> bool:
        """Whether as much was tried as is tried at most."""
        return self.work >= MOST_WORK

    def after(self, sites: Iterable[Key]) -> list[Key]:
        """Give some numbers and all that follow from them on the way, in order."""
        found: set[Key] = set().union(*map(self._following, sites))
        return sorted(found, key=self._place.__getitem__)

    def _following(self, site: Key) -> frozenset[Key]:
        if site not in self._after:
            found = {site}
            for key in self.lineage[self._place[site] + 1 :]:
                if not found.isdisjoint(self._needs[key]):
                    found.add(key)
            self._after[site] = frozenset(found)
        return self._after[site]

    def gap(self, chosen: Sequence[Variant], claimed: float, reach: float) -> float:
        """Give how far from the number a mistake's result is; infinite where it is not near."""
        value = self.value({variant.site: variant.node for variant in chosen})
        gap = abs(value - claimed)
        return gap if gap <= max(reach, WIDE * abs(value)) else math.inf

    def value(self, changed: Mapping[Key, Node]) -> float:
        """Give the number that follows with some formulas changed."""
        values: dict[Key, float] = {}
        world = self.world

        def number(key: Key) -> float:
            known = values.get(key)
            return world.value(key) if known is None else known

        for key in self.after(changed):
            node = changed.get(key) or world.node(key)
            values[key] = math.nan if node is None else value_of(node, number)
        self.work += len(values)
        return values.get(self.key, math.nan)

    def changed_world(self, changed: Mapping[Key, Node]) -> World:
        """Give the numbers with some formulas changed; those that do not follow from them are not worked out anew."""
        world = World(self.graph, self.world.written, {**self.world.changed, **changed})
        after = set(self.after(changed))
        world.take(self.world, [key for key in self.lineage if key not in after])
        self.work += len(after)
        return world
