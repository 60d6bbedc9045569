"""Mistakes that give one number alike: the likeliest first, and which other number would tell them apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from backlit.check.evaluation import value_of
from backlit.check.judging.findings import Explained, Finding
from backlit.check.judging.working import Working
from backlit.check.sheet import Claim
from backlit.check.site import Site
from backlit.check.worlds import World, lineage
from backlit.explain.record.quantities import Key

SCOPES = ("everywhere", "here", "slip")
"""What is made wherever it applies is a belief, likelier than a mistake at one number or a slip of the pen."""
MOST = 6
"""So many mistakes are told apart."""
MOST_WAY, MOST_ALIKE = 40, 20
"""So many numbers on the way, and so many of the same kind, are tried."""
SAME = 1e-9


def by_likelihood(finding: Finding) -> tuple[Explained, ...]:
    """Give the mistakes of a tie, the likeliest first; two that were made together in the order of the computation.

    A named belief comes before a general entry, a belief before a slip, what was done at the number itself before what
    was done on the way, one change before several.
    """
    if any(fit.together for fit in finding.explained):
        return finding.explained

    def rank(fit: Explained) -> tuple[bool, int, bool, int]:
        entry = fit.mistake
        return entry.general, SCOPES.index(entry.scope), fit.site != finding.claim.key, len(fit.changed)

    return tuple(sorted(finding.explained, key=rank))


def telling(working: Working, claim: Claim, found: Sequence[Explained]) -> str:
    """Give the name of a number that the sheet lacks and that differs between mistakes that give one number alike.

    That is one on the way, the nearest first; else the number itself, if more of its digits differ; else one of the
    same kind, for beliefs. Empty where there is none, or no tie.
    """
    fits = found[:MOST]
    if len(fits) < 2 or fits[0].together:
        return ""
    learner, graph = working.learner, working.graph
    worlds = [learner.world(fit.changed) for fit in fits]
    every = reversed(lineage(graph, claim.key, learner.given, MOST_WAY))
    way = [key for key in every if key != claim.key and graph.formula(key) is not None]
    count, key = max(((_groups(working, key, [world.follows(key) for world in worlds]), key) for key in way),
                     key=lambda one: one[0], default=(0, claim.key))  # fmt: skip
    if count == len(fits):
        return _name(working, key)
    if all(not math.isclose(one.value, other.value, rel_tol=SAME) for one, other in itertools.combinations(fits, 2)):
        return claim.name
    if count > 1:
        return _name(working, key)
    alike = (key for key, values in _alike(working, claim, fits) if _groups(working, key, values) > 1)
    return next((_name(working, key) for key in alike), "")


def _name(working: Working, key: Key) -> str:
    graph = working.graph
    step = f"step {graph.step_of(key) + 1}: " if len(graph.steps) > 1 else ""
    return f"{step}{graph.name(key)}"


def _groups(working: Working, key: Key, values: Sequence[float]) -> int:
    """Count the values of a number that differ by more than the sheet's rounding."""
    kept: list[float] = []
    for value in values:
        unit = working.learner.rounding.unit(value) or SAME * abs(value)
        if math.isfinite(value) and all(abs(value - other) > 2.0 * unit for other in kept):
            kept.append(value)
    return len(kept)


def _alike(working: Working, claim: Claim, fits: Sequence[Explained]) -> Iterator[tuple[Key, list[float]]]:
    """Give numbers of the same kind that the sheet lacks, each with what the mistakes make of it, made there too."""
    graph, learner = working.graph, working.learner
    others = (Key(claim.key.quantity, place) for place in graph.places(claim.key.quantity))
    lacking = (key for key in others if key != claim.key and key not in learner.given and graph.formula(key))
    for key in itertools.islice(lacking, MOST_ALIKE):
        yield key, [_made_at(key, fit, working.own) for fit in fits]


def _made_at(key: Key, fit: Explained, own: World) -> float:
    if fit.mistake.scope == "everywhere":
        site = Site(own.graph, key, sheet=own.written, number=own.value)
        for changed in fit.mistake.at(site):
            return value_of(changed.node, own.value)
    return own.follows(key)
