"""Which explanations of a number are one mistake: they lead to the same number whatever the others are."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence

from backlit.check.evaluation import recorded
from backlit.check.graph import StepGraph, operands
from backlit.check.judging.findings import Explained
from backlit.check.worlds import World
from backlit.explain.record.quantities import Key

RANGES = ((0.1, 0.9), (-2.0, 2.0), (-2.0, 2.0))
"""Numbers are drawn from these to tell formulas apart."""
SAME = 1e-9
"""Values that differ by less are those of the same formula, up to float64's rounding."""


def distinct(graph: StepGraph, key: Key, given: Mapping[Key, float], found: Sequence[Explained]) -> list[Explained]:
    """Leave an explanation out where a more telling one leads to the same formula: then the two are one mistake.

    A belief tells more than what can be done to any formula, and this more than a slip of the pen. Entries that only
    happen to give the same number here stay beside each other.

    Args:
        key: the number that they explain. given: the numbers of the sheet.
    """
    formulas, kept = Formulas(graph, key, given), list[Explained]()
    for fit in sorted(found, key=lambda fit: (fit.mistake.general, fit.mistake.scope == "slip")):
        others = [other for other in kept if fit.mistake.general and other.code != fit.code]
        if not any(formulas.are_one(fit, other) for other in others):
            kept.append(fit)
    return [fit for fit in found if fit in kept]


class Formulas:
    """What explanations make of a number for other numbers of the sheet, drawn at random: each is worked out once.

    The targets keep their numbers: with t = 0, as classes have it, 1 - t without the 1 is the term left out.

    Args:
        graph, key: the number that they explain. given: the numbers of the sheet.
    """

    def __init__(self, graph: StepGraph, key: Key, given: Mapping[Key, float]) -> None:
        self.graph, self.key, self.given = graph, key, given
        self._draw = random.Random(0).uniform
        self._drawn: list[dict[Key, float]] = [{} for _ in RANGES]
        self._values: dict[int, tuple[Explained, list[list[float]]]] = {}

    def are_one(self, one: Explained, other: Explained) -> bool:
        """Tell whether two explanations are the same formula of what the sheet gives, written in two ways."""
        if not math.isclose(one.value, other.value, rel_tol=SAME, abs_tol=SAME):
            return False
        told = False
        for values in zip(self._of(one), self._of(other), strict=True):
            pairs = [pair for pair in itertools.product(*values) if not all(map(math.isnan, pair))]
            if pairs and not any(math.isclose(*pair, rel_tol=SAME, abs_tol=SAME) for pair in pairs):
                return False
            told = told or bool(pairs)
        return told

    def _of(self, fit: Explained) -> list[list[float]]:
        """Give the values for each range of numbers, by each formula that the number has."""
        if id(fit) not in self._values:
            self._values[id(fit)] = fit, [self._worked_out(fit, place) for place in range(len(RANGES))]
        return self._values[id(fit)][1]

    def _worked_out(self, fit: Explained, place: int) -> list[float]:
        drawn = self._drawn[place]
        for source in _sources(self.graph, self.key, self.given, fit):
            if source not in drawn:
                target = self.graph.role(source) == "target"
                drawn[source] = recorded(source) if target else self._draw(*RANGES[place])
        world = World(self.graph, drawn, fit.changed)
        ways = (None,) if self.key in fit.changed else self.graph.formulas(self.key) or (None,)
        return [world.follows(self.key, node) for node in ways]


def _sources(graph: StepGraph, key: Key, given: Mapping[Key, float], fit: Explained) -> dict[Key, None]:
    """Give what a number comes from in an explanation: numbers of the sheet, and those without a formula."""
    found: dict[Key, None] = {}
    seen, waiting = {key}, [key]
    while waiting:
        at = waiting.pop()
        needs = {*graph.needs(at), *(need for node in graph.formulas(at) for need in operands(node)),
                 *(operands(fit.changed[at]) if at in fit.changed else ())}  # fmt: skip
        if not needs or (at in given and at != key):
            found[at] = None
            continue
        waiting += sorted(needs - seen, key=graph.order)
        seen |= needs
    return found
