"""Which explanations of a number are one mistake: they lead to the same number whatever the others are."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence

from backlit.check.graph import StepGraph, operands
from backlit.check.judging.findings import Explained
from backlit.check.worlds import World
from backlit.explain.record.quantities import Key

RANGES = ((0.1, 0.9), (-2.0, 2.0), (-2.0, 2.0))
"""Numbers are drawn from these to tell formulas apart."""
SAME = 1e-9
"""Values that differ by less are those of the same formula, up to float64's rounding."""


def telling(graph: StepGraph, key: Key, given: Mapping[Key, float], found: Sequence[Explained]) -> list[Explained]:
    """Leave an explanation out where a more telling one leads to the same formula: then the two are one mistake.

    A belief tells more than what can be done to any formula, and this more than a slip of the pen. Entries that only
    happen to give the same number here stay beside each other.

    Args:
        key: the number that they explain. given: the numbers of the sheet.
    """
    kept: list[Explained] = []
    for fit in sorted(found, key=lambda fit: (fit.mistake.general, fit.mistake.scope == "slip")):
        others = [other for other in kept if fit.mistake.general and other.code != fit.code]
        if not any(are_one(graph, key, given, fit, other) for other in others):
            kept.append(fit)
    return [fit for fit in found if fit in kept]


def are_one(graph: StepGraph, key: Key, given: Mapping[Key, float], one: Explained, other: Explained) -> bool:
    """Tell whether two explanations of a number are the same formula of what the sheet gives, written in two ways."""
    if not math.isclose(one.value, other.value, rel_tol=SAME, abs_tol=SAME):
        return False
    sources = _sources(graph, key, given, (one, other))
    draw, told = random.Random(0).uniform, False
    for low, high in RANGES:
        drawn = {source: draw(low, high) for source in sources}
        values = [tuple(_values(graph, key, drawn, fit)) for fit in (one, other)]
        pairs = [(a, b) for a in values[0] for b in values[1] if not (math.isnan(a) and math.isnan(b))]
        if not pairs:
            continue
        told = True
        if not any(math.isclose(a, b, rel_tol=SAME, abs_tol=SAME) for a, b in pairs):
            return False
    return told


def _values(graph: StepGraph, key: Key, drawn: Mapping[Key, float], fit: Explained) -> Iterator[float]:
    """Give what an explanation makes of a number, by each formula that it has."""
    world = World(graph, drawn, fit.changed)
    for node in (None,) if key in fit.changed else graph.formulas(key) or (None,):
        yield world.follows(key, node)


def _sources(graph: StepGraph, key: Key, given: Mapping[Key, float], explained: Sequence[Explained]) -> dict[Key, None]:
    """Give what a number comes from in some explanations: numbers of the sheet, and those without a formula."""
    found: dict[Key, None] = {}
    seen, waiting = {key}, [key]
    while waiting:
        at = waiting.pop()
        needs = {*graph.needs(at), *(need for node in graph.formulas(at) for need in operands(node)),
                 *(need for fit in explained if at in fit.changed for need in operands(fit.changed[at]))}  # fmt: skip
        if not needs or (at in given and at != key):
            found[at] = None
            continue
        waiting += sorted(needs - seen, key=graph.order)
        seen |= needs
    return found
