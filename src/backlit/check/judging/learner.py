"""What a sheet tells: the learner's numbers, how they were rounded, and what follows from them."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping, Sequence

from msgspec import structs

from backlit.check.graph import StepGraph
from backlit.check.judging.precision import Allowance, Rounding
from backlit.check.sheet import Claim, Sheet
from backlit.check.worlds import Estimate, World
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

CLEARLY = 0.1
"""A number follows from one of two if it is so near to it, as a part of what is between them."""
ENOUGH = 3
"""So many numbers tell the digits of a sheet."""
ENDS = 1e-3
"""A number that differs from the right one by a smaller part of its last digit ends there by itself."""
EXACT = 2.0**-50
"""A number that differs by less, as a part of it, is the right one with all its digits."""


class Learner:
    """The numbers of a sheet beside the step that they are of.

    Attributes:
        claims: those of the sheet, in the order of the computation.
        given: their values in the records' terms, without those written 0.0000 that follow. halves: half a unit of
            their last digits. scales: the sizes of their factors.
        rounding: to which digit the sheet rounds. whole: whether all its numbers are whole ones, and those of the
            worked example are too: then nothing was rounded.
        own: the numbers that follow from those given. plain: the right ones.
        assumed: formulas that a mistake changed at numbers that the sheet does not give.
    """

    def __init__(self, graph: StepGraph, sheet: Sheet) -> None:
        self.graph = graph
        self.claims = sorted(sheet.claims, key=lambda claim: graph.order(claim.key))
        self.plain = World(graph, {})
        self.whole = all(self._is_whole(claim) for claim in self.claims)
        given: dict[Key, float] = {}
        at: dict[Key, int] = {}
        for place, claim in enumerate(self.claims):
            if claim.base is None or claim.key not in given:
                given[claim.key] = claim.in_record(lambda key: given.get(key, self.plain.value(key)))
                at[claim.key] = place
        telling = [self.claims[place] for key, place in at.items() if self._tells(self.claims[place], given[key])]
        some = [claim for claim in self.claims if not claim.written.is_bare_zero]
        shown = telling if len(telling) >= ENOUGH else some
        self.rounding = Rounding.of(() if self.whole else [claim.written for claim in shown])
        self._read_zeros(telling)
        self.scales = {key: abs(self.claims[place].factor) for key, place in at.items()}
        self._factors = {self._kind(key): scale for key, scale in self.scales.items() if scale != 1.0}
        self.halves = {key: self._half(self.claims[place], given[key]) for key, place in at.items()}
        self._leave_lost(given)
        self.given: Mapping[Key, float] = given
        self._ways: Mapping[Key, Node] = {}
        self.own = World(graph, given)
        if any(map(graph.is_link, given)) and self._goes_by_chain():
            self._ways = graph.by_the_chain_rule
            self.own = World(graph, given, self._ways)
        self.assumed: dict[Key, Node] = {}
        self._full: tuple[frozenset[Key], World] | None = None

    def _tells(self, claim: Claim, value: float) -> bool:
        """Tell whether a number's last digit is where it was rounded; some end there by themselves, as 0.0 or 0.25."""
        if claim.written.is_padded:
            return True
        return not claim.written.is_bare_zero and abs(value - self.plain.value(claim.key)) > ENDS * claim.unit

    def _read_zeros(self, telling: Sequence[Claim]) -> None:
        """Take a 0.0, as programs write zero, for as exact as the others on the sheet are at least."""
        units = [claim.written.unit for claim in telling if "." in claim.written.text]
        if len(units) < ENOUGH:
            return
        for place, claim in enumerate(self.claims):
            written = claim.written
            if written.is_bare_zero and "." in written.text:
                unit = min(written.unit, max(units))
                self.claims[place] = structs.replace(claim, written=structs.replace(written, unit=unit))

    def _leave_lost(self, given: dict[Key, float]) -> None:
        """Treat a number without a figure left, such as v = 0.0000, as not given if it follows."""
        zeros = {claim.key for claim in self.claims if not claim.written.value and not given[claim.key]}
        if not zeros:
            return
        rest = World(self.graph, {key: value for key, value in given.items() if key not in zeros})
        for key in zeros:
            if 0.0 < abs(rest.value(key)) <= self.halves[key]:
                del given[key], self.halves[key]

    def _goes_by_chain(self) -> bool:
        """Tell whether the sheet goes by the chain rule through a joined loss, where its own slopes make a difference.

        That is so where more numbers follow from its dE/dout and dout/dnet, which are wrong, than from out - t.
        """
        chained, count = World(self.graph, self.given, self.graph.by_the_chain_rule), 0
        for claim in self.claims:
            short, long, value = self.own.follows(claim.key), chained.follows(claim.key), self.value(claim)
            apart = abs(long - short)
            if apart > 2.0 * claim.half:
                count += (abs(value - long) < CLEARLY * apart) - (abs(value - short) < CLEARLY * apart)
        return count > 0

    def _is_whole(self, claim: Claim) -> bool:
        return claim.written.value.is_integer() and self.plain.value(claim.key).is_integer()

    def _half(self, claim: Claim, value: float) -> float:
        """Give how far a number may lie from what the learner had: nothing where it is right and has no more digits."""
        exact = math.isclose(value, self.plain.value(claim.key), rel_tol=EXACT, abs_tol=0.0)
        return 0.0 if exact or self.whole else claim.half

    def value(self, claim: Claim) -> float:
        """Give a claim's number in the record's terms."""
        return claim.in_record(self.own.value)

    def allowance(self, claim: Claim, estimate: Estimate, halves: Mapping[Key, float] | None = None) -> Allowance:
        """Give how far a claim's number may lie from an estimate; `halves` are by default those of the sheet."""
        place = self.rounding.place * abs(claim.factor)
        given = self.halves if halves is None else halves
        return Allowance.of(claim.half, estimate, given, self.rounding, place, self._scale)

    def _kind(self, key: Key) -> str:
        """Give the kind of number that a convention is about: a velocity is the same before a step and after."""
        return self.graph.role(key).removeprefix("new ")

    def _scale(self, key: Key) -> float:
        """Give the size of the factor that the sheet's convention gives a number, whether it has the number or not."""
        return self._factors.get(self._kind(key), 1.0) if self._factors else 1.0

    def world(self, changed: Mapping[Key, Node] | None = None) -> World:
        """Give the numbers that follow if formulas are changed, beside those of mistakes that are assumed."""
        return World(self.graph, self.given, {**self._ways, **self.assumed, **(changed or {})})

    @functools.cached_property
    def by_the_chain_rule(self) -> World | None:
        """The numbers that follow if a joined loss is taken apart, each part with its rounding; None without one.

        Mistakes that are assumed are left out: what follows from them is no right number.
        """
        chains = self.graph.by_the_chain_rule
        return World(self.graph, self.given, {**self._ways, **chains}) if chains else None

    def with_all_digits(self, wrong: Collection[Key]) -> World:
        """Give the numbers that follow from the wrong ones, with all digits on the way: rounded at the end alone."""
        if self._full is None or self._full[0] != frozenset(wrong):
            given = {key: self.given[key] for key in wrong if key in self.given}
            self._full = frozenset(wrong), World(self.graph, given, self._ways)
        return self._full[1]

    def without(self, keys: set[Key]) -> World:
        """Give the numbers that follow if some were not given."""
        return World(self.graph, {key: value for key, value in self.given.items() if key not in keys}, self._ways)
