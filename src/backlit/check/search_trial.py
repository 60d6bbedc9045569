"""A number worked out again and again with changed formulas: its own, and those of the numbers on the way to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from backlit.check.evaluation import value_of
from backlit.check.findings import Variant
from backlit.check.graph import StepGraph, operands
from backlit.check.worlds import World, lineage
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

MOST_SITES = 300
"""So many numbers before a wrong one are searched, the nearest first."""
WIDE = 1e-3
"""Near is also what differs by less, as a part of it: a mistake may make a number large, and so its rounding."""


class Trial:
    """A number and those on the way to it, to be worked out with changed formulas again and again."""

    def __init__(self, graph: StepGraph, key: Key, world: World) -> None:
        self.graph, self.key, self.world = graph, key, world
        written = {other: value for other, value in world.written.items() if other != key}
        self.lineage = lineage(graph, key, written, MOST_SITES)
        self._needs = {one: {need for node in graph.formulas(one) for need in operands(node)} for one in self.lineage}

    def is_near(self, chosen: Sequence[Variant], claimed: float, reach: float) -> bool:
        """Tell whether a mistake gives a number about as large."""
        value = self.value({variant.site: variant.node for variant in chosen})
        return abs(value - claimed) <= max(reach, WIDE * abs(value))

    def value(self, changed: Mapping[Key, Node]) -> float:
        """Give the number that follows with some formulas changed."""
        values: dict[Key, float] = {}
        world = self.world

        def number(key: Key) -> float:
            return values[key] if key in values else world.value(key)

        for key in self.lineage:
            if key in changed or any(need in values for need in self._needs[key]):
                node: Any = changed.get(key) or world.changed.get(key) or self.graph.formula(key)
                values[key] = value_of(node, number)
        return values.get(self.key, math.nan)
