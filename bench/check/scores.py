"""What the check says of a sheet, beside what was planted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import StepGraph, operands
from backlit.check.judging.alike import Formulas
from backlit.check.judging.findings import Explained, Variant
from backlit.check.judging.learner import Learner
from backlit.check.records import CheckedWork
from backlit.check.sheet import Sheet
from backlit.check.worlds import World, lineage
from backlit.check.written import Written
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key
from bench.check.sheets import Changes, Working, kept_variants, written_text

BEYOND = 1.5
"""A planted mistake counts where it moves a number by more than so many times what rounding can do."""


class Line(msgspec.Struct, frozen=True):
    """A sheet and what was found on it.

    Attributes:
        kind: planted, right or two. planted: the mistake's code. scope: of which kind it is.
        counted: whether it counts: the mistake moves a number by more than rounding, and no other mistake gives the
            same numbers to the digits of the sheet. shows: whether it moves a number by more than rounding.
        first: the number that it shows in first. found: the first that the check calls wrong. codes: the mistakes that
            are named there. same: the codes of entries that are the planted mistake by another name.
        numbers, wrong: how many numbers the sheet gives, and how many are called wrong.
    """

    kind: str
    network: str
    seed: int
    digits: int
    style: str
    planted: str
    scope: str
    counted: bool
    shows: bool
    first: str
    found: str
    codes: tuple[str, ...]
    same: tuple[str, ...]
    numbers: int
    wrong: int
    seconds: float

    @property
    def located(self) -> bool:
        """Whether the first wrong number is found."""
        return self.first == self.found

    @property
    def named(self) -> bool:
        """Whether the planted mistake is named, alone or as one of two that give the same number."""
        return not self.names.isdisjoint(self.codes) and len(self.codes) <= 2

    @property
    def named_alone(self) -> bool:
        """Whether the planted mistake is named and no other."""
        return len(self.codes) == 1 and self.codes[0] in self.names

    @property
    def misnamed(self) -> bool:
        """Whether another mistake alone is named."""
        return len(self.codes) == 1 and self.codes[0] not in self.names

    @property
    def names(self) -> set[str]:
        """The codes by which the planted mistake can be named."""
        return {self.planted, *self.same}


def first_shown(graph: StepGraph, sheet: Sheet, changed: Mapping[Key, Node]) -> Key | None:
    """Give the first number of a sheet that a mistake moves by more than rounding."""
    learner = Learner(graph, sheet)
    for claim in learner.claims:
        others = {key: value for key, value in learner.given.items() if key != claim.key}
        if changed.keys() & set(lineage(graph, claim.key, others, 10_000)):
            estimate = learner.own.estimate(claim.key)
            gap = abs(learner.value(claim) - estimate.value)
            if math.isfinite(gap) and gap > BEYOND * learner.allowance(claim, estimate).rounded:
                return claim.key
    return None


def same_as(graph: StepGraph, made: Changes, digits: int) -> tuple[str, ...]:
    """Give the other entries that lead to the same formulas: they are the same mistake by another name."""
    found = [
        {variant.mistake.code for variant in kept_variants(graph, site, digits) if _is_one(graph, variant, node)}
        for site, node in made.changed.items()
    ]
    return tuple(sorted(set.intersection(*found) - {made.code}))


def _is_one(graph: StepGraph, variant: Variant, node: Node) -> bool:
    """Tell whether a mistake leads to a formula, written in another way."""
    site = variant.site
    formulas = (variant.node, node)
    one, other = (Explained(variant.mistake, site, formula, "", {site: formula}, value_of(formula, recorded))
                  for formula in formulas)  # fmt: skip
    needs = {need: recorded(need) for formula in formulas for need in operands(formula)}
    return Formulas(graph, site, needs).are_one(one, other)


def alike(graph: StepGraph, work: Working, sheet: Sheet, made: Changes, digits: int, names: Sequence[str]) -> bool:
    """Tell whether a mistake of another name, made at the same place, gives the same sheet but for its last digits."""
    site, node = next(iter(made.changed.items()))
    value = work.of(node)
    unit = Written.of(written_text(value, digits)).unit
    for variant in kept_variants(graph, site, digits):
        if variant.mistake.code in names or variant.mistake.harmless:
            continue
        other = work.of(variant.node)
        if abs(other - value) <= unit or (len(made.changed) == 1 and _same_sheet(graph, work, sheet, variant, digits)):
            return True
    return False


def _same_sheet(graph: StepGraph, work: Working, sheet: Sheet, variant: Variant, digits: int) -> bool:
    """Tell whether a mistake leads to the numbers of a sheet: first its nearest, then all."""
    other = World(graph, {}, {variant.site: variant.node})
    if variant.mistake.scope == "slip":
        return False
    for claim in sheet.claims:
        value = other.value(claim.key)
        if not abs(value - claim.in_record(other.value)) <= 1.5 * claim.unit:
            return False
    return True


def found_in(work: CheckedWork) -> tuple[str, tuple[str, ...]]:
    """Give the first wrong number and the mistakes that are named there."""
    if not work.wrong:
        return "", ()
    first = work.wrong[0]
    return first.record, tuple(dict.fromkeys(fit.code for fit in first.fits))
