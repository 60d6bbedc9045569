"""A number worked out again and again with changed formulas: its own, and those of the numbers on the way to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from backlit.check.evaluation import value_of, values_of
from backlit.check.graph import StepGraph
from backlit.check.judging.findings import Variant
from backlit.check.worlds import World, lineage, needed
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key
from backlit.kernels.types import Array

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
        self._needs = {one: set(needed(graph, one)) for one in self.lineage}
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
        last, *others = chosen
        return self.gaps([last], claimed, reach, others)[0]

    def gaps(
        self, variants: Sequence[Variant], claimed: float, reach: float, beside: Sequence[Variant] = ()
    ) -> list[float]:
        """Give for each of some mistakes at one number how far from the number its result is; infinite if not near.

        Those of `beside` are made at other numbers in each case.
        """
        changed = {variant.site: variant.node for variant in beside}
        values = self._values(variants[0].site, [variant.node for variant in variants], changed)
        gaps = np.abs(values - claimed)
        near = gaps <= np.maximum(reach, WIDE * np.abs(values))
        return [float(gap) if is_near else math.inf for gap, is_near in zip(gaps, near, strict=True)]

    def _values(self, site: Key, nodes: Sequence[Node], changed: Mapping[Key, Node]) -> Array:
        """Give the numbers that follow with other formulas at a site, each in turn, and with some changed elsewhere."""
        values: dict[Key, Any] = {}
        world = self.world

        def number(key: Key) -> Any:
            known = values.get(key)
            return world.value(key) if known is None else known

        touched = {site, *changed}
        after, work_out = self.after(touched), value_of
        for key in after:
            node = changed.get(key) or world.node(key, touched)
            if key == site:
                values[key], work_out = np.array([value_of(new, number) for new in nodes]), values_of
            else:
                values[key] = math.nan if node is None else work_out(node, number)
        self.work += len(nodes) + len(after)
        return np.broadcast_to(values.get(self.key, math.nan), len(nodes))

    def changed_world(self, changed: Mapping[Key, Node]) -> World:
        """Give the numbers with some formulas changed; those that do not follow from them are not worked out anew."""
        world = World(self.graph, self.world.written, {**self.world.changed, **changed})
        after = set(self.after(changed))
        world.take(self.world, [key for key in self.lineage if key not in after])
        self.work += len(after)
        return world
