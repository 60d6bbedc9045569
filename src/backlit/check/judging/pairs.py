"""Looks for two mistakes that together give a number, where no single one does, among so many pairs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from backlit.check.judging.findings import Explained, Variant
from backlit.check.judging.trial import Trial

MOST = 55
"""Of so many mistakes, those nearest to the number, the pairs are tried."""

Fitting = Callable[[Sequence[Variant]], Iterator[Explained]]
"""Gives what mistakes made together explain."""


def two_mistakes(trial: Trial, variants: Sequence[Variant], claimed: float, reach: float,
                 fitting: Fitting) -> tuple[Explained, ...]:  # fmt: skip
    """Give the two mistakes whose result is the number; none where no pair fits, or pairs of different kinds do.

    `variants` are the mistakes that can be made at the number and on the way to it, the nearest to it first.
    """
    beliefs = [one for one in variants if not one.mistake.general and one.mistake.scope != "slip"][:MOST]
    found: dict[frozenset[str], tuple[Explained, ...]] = {}
    for pair in _near(trial, beliefs, claimed, reach):
        for fit in fitting(pair):
            found.setdefault(frozenset(one.mistake.code for one in pair), _apart(fit, pair))
    return next(iter(found.values())) if len(found) == 1 else ()


def _near(trial: Trial, beliefs: Sequence[Variant], claimed: float, reach: float) -> Iterator[tuple[Variant, Variant]]:
    """Give the pairs, made at two numbers, whose result is near the number."""
    by_site = [list(group) for _, group in itertools.groupby(beliefs, key=lambda one: one.site)]
    for place, group in enumerate(by_site):
        for first, others in itertools.product(group, by_site[place + 1 :]):
            if trial.exhausted:
                return
            gaps = trial.gaps(others, claimed, reach, [first])
            yield from ((first, other) for other, gap in zip(others, gaps, strict=True) if math.isfinite(gap))


def _apart(fit: Explained, pair: Sequence[Variant]) -> tuple[Explained, ...]:
    """Give the two mistakes one by one, in the order of the computation, as parts of one explanation."""
    parts = reversed(pair)
    return tuple(Explained(one.mistake, one.site, one.node, one.detail, fit.changed, fit.value, together=True)
                 for one in parts)  # fmt: skip
