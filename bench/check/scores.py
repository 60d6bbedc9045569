"""What the check says of a sheet, beside what was planted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from backlit.check.evaluation import value_of
from backlit.check.graph import StepGraph
from backlit.check.judging import judge
from backlit.check.learner import Learner
from backlit.check.records import CheckedWork
from backlit.check.sheet import Sheet
from backlit.check.search import variants_at
from backlit.check.worlds import lineage
from backlit.check.written import Written
from backlit.explain.record.quantities import Key
from bench.check.sheets import Planted, Working, written_text

BEYOND = 1.5
"""A planted mistake counts where it moves a number by more than so many times what rounding can do."""


class Line(msgspec.Struct, frozen=True):
    """A sheet and what was found on it.

    `first` is the number that the mistake shows in first, `found` the first that the check calls wrong; empty where
    there is none. `codes` are the mistakes that it names there. `shows` says whether the mistake moves a number by more
    than rounding.
    """

    network: str
    seed: int
    digits: int
    style: str
    planted: str
    scope: str
    shows: bool
    first: str
    found: str
    codes: tuple[str, ...]
    numbers: int
    seconds: float = 0.0
    others: int = 0
    alike: bool = False

    @property
    def named(self) -> bool:
        """Whether the planted mistake is named, alone or as one of two that give the same number."""
        return self.planted in self.codes and len(self.codes) <= 2

    @property
    def misnamed(self) -> bool:
        """Whether another mistake alone is named."""
        return len(self.codes) == 1 and self.planted not in self.codes


def first_shown(graph: StepGraph, sheet: Sheet, planted: Planted) -> Key | None:
    """Give the first number of a sheet that the mistake moves by more than rounding."""
    learner = Learner(graph, sheet)
    for claim in learner.claims:
        others = {key: value for key, value in learner.given.items() if key != claim.key}
        if planted.changed.keys() & set(lineage(graph, claim.key, others, 10_000)):
            estimate = learner.own.estimate(claim.key)
            gap = abs(learner.value(claim) - estimate.value)
            if math.isfinite(gap) and gap > BEYOND * learner.allowance(claim, estimate).rounded:
                return claim.key
    return None


def alike(graph: StepGraph, work: Working, planted: Planted, digits: int) -> bool:
    """Tell whether another mistake gives the same number where this one was made, to the digits of the sheet."""
    site, node = next(iter(planted.changed.items()))
    value = value_of(node, work.values.__getitem__)
    unit = Written.of(written_text(value, digits)).unit
    for variant in variants_at(graph, site, list(graph.keys()), unit=10.0**-digits):
        if variant.mistake.code != planted.code and not variant.mistake.harmless:
            if abs(value_of(variant.node, work.values.__getitem__) - value) <= unit:
                return True
    return False


def found_in(work: CheckedWork) -> tuple[str, tuple[str, ...]]:
    """Give the first wrong number and the mistakes that are named there."""
    if not work.wrong:
        return "", ()
    first = work.wrong[0]
    return first.record, tuple(dict.fromkeys(fit.code for fit in first.fits))


def checked(graph: StepGraph, sheet: Sheet) -> CheckedWork:
    """Check a sheet."""
    return judge(graph, sheet)


def share(lines: Sequence[bool]) -> float:
    """Give the share of true ones."""
    return sum(lines) / len(lines) if lines else math.nan
