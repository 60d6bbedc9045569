"""Looks for the mistakes whose result is a learner's number: made at it, or at one before it that the sheet lacks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from backlit.check import digits
from backlit.check.catalogue import Mistake, mistakes
from backlit.check.evaluation import Number, recorded
from backlit.check.graph import StepGraph, operands
from backlit.check.judging.alike import distinct
from backlit.check.judging.beliefs import Beliefs
from backlit.check.judging.findings import Explained, Finding, Variant
from backlit.check.judging.habits import Habits
from backlit.check.judging.learner import Learner
from backlit.check.judging.pairs import two_mistakes
from backlit.check.judging.trial import MOST_SITES, Trial
from backlit.check.roles import Role
from backlit.check.sheet import Claim
from backlit.check.site import Changed, Site
from backlit.check.worlds import World, lineage
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

MOST_SEARCHED = 8
"""Of so many wrong numbers the mistake is looked for; of more, only whether one that was found explains them."""
LARGEST = 3000
"""In steps of more numbers a belief is not tried at all numbers that it is about."""
MOST_NEAR = 250
"""Of so many results, those nearest to the number, it is worked out what rounding makes of them."""
MOST_IN_ALL = 60_000
"""So many formulas are written or worked out for all wrong numbers of a sheet."""
FINE = 9
"""Gaps are told apart by so many decimals of the reach; those that only float64's rounding parts are the same."""
NEAR = 30.0
"""A result within so many times the allowance is worked out once more, with what rounding makes of it then."""
EXACT = 1.0 + 1e-9
"""Of a text the halves of the last digit leave no more room than float64's rounding."""
SMALL = 3.0
"""A gap of so many units of the last digit is rather a loss of digits than a slip."""


class Search:
    """The search for mistakes on a sheet."""

    def __init__(self, learner: Learner, habits: Habits) -> None:
        self.learner, self.habits, self.graph = learner, habits, learner.graph
        self._variants: dict[Key, list[Variant]] = {}
        self._variants_by_code: dict[tuple[Key, str], list[Variant]] = {}
        self._assumed: list[Explained] = []
        self._named: dict[str, None] = {}
        self._searched = self._spent = 0
        self.cut_short = False
        self._beliefs = Beliefs(self.graph)
        self._allowed: dict[Claim, float] = {}

    # --------------------------------------------------------------------------------------------------------- variants

    def variants(self, key: Key) -> list[Variant]:
        """Give all formulas that mistakes lead to at a number, those of general entries last and only if new."""
        if key not in self._variants:
            self._variants[key] = list(self._made_at(key, mistakes().values()))
        return self._variants[key]

    def _variants_of(self, key: Key, codes: Collection[str]) -> list[Variant]:
        """Give the formulas that some mistakes lead to at a number."""
        if key in self._variants:
            return [variant for variant in self._variants[key] if variant.mistake.code in codes]
        for code in codes:
            if (key, code) not in self._variants_by_code:
                self._variants_by_code[key, code] = list(self._made_at(key, [mistakes()[code]]))
        return [variant for code in codes for variant in self._variants_by_code[key, code]]

    def _made_at(self, key: Key, entries: Iterable[Mistake]) -> Iterator[Variant]:
        learner, given = self.learner, self.learner.given
        if key not in given:  # what is not written down has no slips of the pen
            entries = [entry for entry in entries if entry.scope != "slip"]
        unit, scale = 2.0 * learner.halves.get(key, 0.0), learner.scales.get(key, 1.0)
        return variants_at(self.graph, key, given, learner.own.value, unit, scale, entries)

    # ----------------------------------------------------------------------------------------------------- explanations

    def explanations(self, claim: Claim) -> tuple[Explained, ...]:
        """Give the mistakes whose result is a wrong number, those with the most support among the other numbers."""
        trial = Trial(self.graph, claim.key, self.learner.world())
        try:
            known = self._known(claim, trial)
            if known or self.exhausted:
                return known
            self._searched += 1
            return self._searched_for(claim, trial)
        finally:
            self._spent += trial.work

    def _searched_for(self, claim: Claim, trial: Trial) -> tuple[Explained, ...]:
        """Look for the mistakes whose result is a wrong number that none of those found so far explains."""
        world, claimed = trial.world, self.learner.value(claim)
        reach = self._reach(claim, trial)
        near = self._near(trial, claimed, reach)
        found = [fit for chosen in near for fit in self._fitting(claim, trial, chosen, early=not self.habits.exact)]
        if not found and self.habits.exact:
            found = [fit for chosen in near for fit in self._fitting(claim, trial, chosen, early=True)]
        if not found:
            return self._two(claim, trial, claimed, reach)
        found = self._less_digits(claim, found)
        if found and found[0].mistake.harmless:
            return tuple(found)
        best = self._best(claim, distinct(self.graph, claim.key, self.learner.given, found), world)
        self._named |= dict.fromkeys(fit.code for fit in best if _is_belief(fit))
        return self._assume(claim, best)

    def again(self, claim: Claim) -> tuple[Explained, ...]:
        """Give the beliefs that were found and give a number to its last digit, where rounding may explain it too."""
        if not self._named or self.exhausted:
            return ()
        trial = Trial(self.graph, claim.key, self.learner.world())
        found = self._known(claim, trial)
        self._spent += trial.work
        return tuple(fit for fit in found if abs(self.learner.value(claim) - fit.value) <= claim.half)

    def _reach(self, claim: Claim, trial: Trial) -> float:
        """Give how far from a number a result is that is worked out once more, with its rounding."""
        return NEAR * self.learner.allowance(claim, trial.world.estimate(claim.key)).rounded

    def _two(self, claim: Claim, trial: Trial, claimed: float, reach: float) -> tuple[Explained, ...]:
        """Look for two mistakes that together give the number."""
        early = not self.habits.exact
        every = [variant for key in reversed(trial.lineage) for variant in self._variants.get(key, ())]
        return two_mistakes(trial, every, claimed, reach, lambda pair: self._fitting(claim, trial, pair, early=early))

    @property
    def exhausted(self) -> bool:
        """Whether the mistakes of as many numbers were looked for as are looked for at most."""
        return self._searched >= MOST_SEARCHED or self._spent >= MOST_IN_ALL

    def _known(self, claim: Claim, trial: Trial) -> tuple[Explained, ...]:
        """Give the beliefs that were found at earlier numbers and give this number too, held here or on the way."""
        if not self._named:
            return ()
        found: dict[str, Explained] = {}
        for chosen in self._near(trial, self.learner.value(claim), self._reach(claim, trial), self._named):
            if chosen[0].mistake.code not in found:
                for fit in self._fitting(claim, trial, chosen, early=not self.habits.exact):
                    found[fit.code] = fit
        return self._assume(claim, list(found.values()))

    def _near(
        self, trial: Trial, claimed: float, reach: float, codes: Collection[str] | None = None
    ) -> list[list[Variant]]:
        """Give what may have been done and leads to a number about as large, the nearest, as far as work is bounded.

        `codes` are the mistakes; by default, all.
        """
        near: list[tuple[float, list[Variant]]] = []
        slips: list[list[Variant]] = []
        alike: dict[tuple[str, str], list[Variant]] = {}
        for variants in self._at_each(trial, codes):
            slips += [[variant] for variant in variants if variant.mistake.scope == "slip"]
            others = [variant for variant in variants if variant.mistake.scope != "slip"]
            if others:
                near += zip(trial.gaps(others, claimed, reach), ([variant] for variant in others), strict=True)
            for variant in others:
                if variant.mistake.scope == "everywhere":
                    alike.setdefault((variant.mistake.code, variant.detail), []).append(variant)
        for made in alike.values():
            near += [(trial.gap(way, claimed, reach), way) for way in self._held(made) if not self._stopped(trial)]
        near = sorted((one for one in near if math.isfinite(one[0])), key=lambda one: round(one[0] / reach, FINE))
        return [chosen for _, chosen in near[:MOST_NEAR]] + slips

    def _held(self, made: Sequence[Variant]) -> list[list[Variant]]:
        """Give a belief at several numbers: of one kind and layer, at all, at all but the links of a joined loss."""
        every = list(made[::-1])
        alike: dict[tuple[Role, int | str | None], list[Variant]] = {}
        for variant in every:
            alike.setdefault((self.graph.role(variant.site), variant.site.quantity.layer), []).append(variant)
        ways = [*alike.values(), every, [variant for variant in every if not self.graph.is_link(variant.site)]]
        return [way for place, way in enumerate(ways) if len(way) > 1 and way not in ways[:place]]

    def _at_each(self, trial: Trial, codes: Collection[str] | None) -> Iterator[list[Variant]]:
        """Give the mistakes that can be made at each number on the way, the nearest first, while work is left."""
        for key in reversed(trial.lineage):
            if key != trial.key and self._stopped(trial):
                return
            new = key not in self._variants
            found = self.variants(key) if codes is None else self._variants_of(key, codes)
            trial.work += len(found) * new
            yield [one for one in found if one.mistake.scope != "slip" or self._can_slip(one, trial.key)]

    def _stopped(self, trial: Trial) -> bool:
        """Tell whether as much was tried as is tried at most, and note it."""
        if trial.exhausted or self._spent + trial.work >= MOST_IN_ALL:
            self.cut_short = True
            return True
        return False

    def _can_slip(self, variant: Variant, key: Key) -> bool:
        """Tell whether a slip is one at the number itself, and copies none that follows from it."""
        order = self.graph.order
        if not self.learner.given.get(key):  # 0 has no digits to slip
            return False
        return variant.site == key and all(order(copied) < order(key) for copied in operands(variant.node))

    def _fitting(self, claim: Claim, trial: Trial, chosen: Sequence[Variant], *, early: bool) -> Iterator[Explained]:
        """Give what was done where its result is the number; `early` allows for numbers rounded on the way."""
        changed = {variant.site: variant.node for variant in chosen}
        world = trial.changed_world(changed)
        ways = (changed[claim.key],) if claim.key in changed else self.graph.formulas(claim.key) or (None,)
        for node in ways:
            estimate = world.estimate(claim.key, node)
            allowance = self.learner.allowance(claim, estimate)
            allowed = allowance.rounded if early else allowance.right
            if chosen[0].mistake.scope == "slip" and node is not None:
                exact = digits.slip_of(node) is not None
                allowed = claim.half * EXACT if exact else max(allowed, self._rough(claim))
            if abs(self.learner.value(claim) - estimate.value) <= allowed:
                alike = [one for one in chosen if one.site.quantity == chosen[-1].site.quantity]
                last = min(alike, key=lambda one: self.graph.order(one.site))
                yield Explained(last.mistake, last.site, last.node, last.detail, changed, estimate.value)
                return

    def _less_digits(self, claim: Claim, found: Sequence[Explained]) -> list[Explained]:
        """Take a loss of digits for the reason alone where nothing else is, or only a slip and the gap is small."""
        harmless = [fit for fit in found if fit.mistake.harmless]
        others = [fit for fit in found if not fit.mistake.harmless]
        gap = abs(self.learner.value(claim) - self.learner.own.follows(claim.key))
        beliefs = any(not fit.mistake.general for fit in others)
        if harmless and (not others or (not beliefs and gap <= SMALL * claim.unit)):
            return harmless[:1]
        return others

    def _best(self, claim: Claim, found: Iterable[Explained], world: World) -> list[Explained]:
        """Keep the explanations that the most other numbers support, each mistake once."""
        without = {further: world.follows(further.key) for further in self.learner.claims if further.key != claim.key}
        counted = [(fit, *self._support(claim, fit, without)) for fit in found]
        most = max((max(here, held) for _, here, held in counted), default=0)
        best = [(fit, held) for fit, here, held in counted if max(here, held) == most]
        whole = any(held == most and _is_belief(fit) for fit, held in best)
        once: dict[str, Explained] = {}
        for fit, held in best:
            if held == most or not whole:  # else right numbers speak against the belief, and for another
                once.setdefault(fit.code, fit)
        return list(once.values())

    def _support(self, claim: Claim, fit: Explained, without: Mapping[Claim, float]) -> tuple[int, int]:
        """Count the numbers that speak for a mistake: made here, and, where it is a belief, wherever it applies."""
        here = self._speaking(claim, fit.changed, without)
        if not _is_belief(fit) or sum(map(len, self.graph.steps)) > LARGEST:
            return here, here
        return here, max(self._speaking(claim, changed, without) for changed in self._beliefs.of(fit))

    def _speaking(self, claim: Claim, changed: Mapping[Key, Node], without: Mapping[Claim, float]) -> int:
        """Count the other numbers that follow with some formulas changed, less those that follow only without."""
        if set(changed) == {claim.key}:
            return 0
        other, count = self.learner.world(changed), 0
        for further, right in without.items():
            wrong = other.follows(further.key)
            value, allowed = self.learner.value(further), self._rough(further)
            if abs(right - wrong) > 2.0 * allowed and math.isfinite(wrong):
                count += self._gives(other, further, wrong) - (abs(value - right) <= allowed)
        return count

    def _gives(self, world: World, claim: Claim, follows: float) -> bool:
        """Tell whether a claim's number follows in a world; near to it, by what rounding does there."""
        gap, allowed = abs(self.learner.value(claim) - follows), self._rough(claim)
        if allowed < gap <= NEAR * allowed:
            allowed = self.learner.allowance(claim, world.estimate(claim.key)).right
        return gap <= allowed

    def _rough(self, claim: Claim) -> float:
        if claim not in self._allowed:
            self._allowed[claim] = self.learner.allowance(claim, self.learner.own.estimate(claim.key)).right
        return self._allowed[claim]

    # ------------------------------------------------------------------------------------------------------ assumptions

    def _assume(self, claim: Claim, found: Sequence[Explained]) -> tuple[Explained, ...]:
        """Take the only mistake, at numbers that the sheet lacks, as made: then what follows from it is explained."""
        if len(found) == 1 and found[0].site != claim.key:
            made = found[0].changed.items()
            self.learner.assumed |= {key: node for key, node in made if key not in self.learner.given}
            self._assumed.append(found[0])
        return tuple(found)

    def assumed_by(self, key: Key) -> Explained | None:
        """Give the assumed mistake that a number depends on."""
        before = set(lineage(self.graph, key, self.learner.given, MOST_SITES))
        return next((fit for fit in self._assumed if before & fit.changed.keys()), None)

    def settle(self, findings: Sequence[Finding]) -> None:
        """Where several mistakes give a number, keep those that explain the most of the wrong ones.

        What can be done to any formula is no belief: that it gives another number too says nothing.
        """
        wrong = [finding for finding in findings if finding.verdict == "wrong"]
        beliefs = Counter(code for finding in wrong for code in {fit.code for fit in finding.explained
                                                                 if not fit.mistake.general})  # fmt: skip
        for finding in wrong:
            most = max((beliefs[fit.code] for fit in finding.explained), default=0)
            if most > 1:
                finding.explained = tuple(fit for fit in finding.explained if beliefs[fit.code] == most)


def _is_belief(fit: Explained) -> bool:
    return fit.mistake.scope == "everywhere" and not fit.mistake.general


def variants_at(
    graph: StepGraph, key: Key, sheet: Iterable[Key] = (), number: Number = recorded, unit: float = 0.0,
    scale: float = 1.0, entries: Iterable[Mistake] | None = None,
) -> Iterator[Variant]:  # fmt: skip
    """Give all formulas that the catalogue's mistakes lead to at a number; the arguments are those of `Site`.

    `entries` are the mistakes; by default, all.

    Those of general entries come last, and only where no other entry leads to the same formula.
    """
    own = graph.formulas(key)
    seen: set[Node] = set(own)
    every = mistakes().values() if entries is None else entries
    for entry in sorted(every, key=lambda entry: entry.general):
        made: list[Changed] = []
        for node in own:
            site = Site(graph, key, node, sheet=sheet, number=number, unit=unit, scale=scale)
            made += [changed for changed in entry.at(site) if changed not in made]
        for changed in made:
            if changed.node in seen and (entry.general or changed.node in own):
                continue
            seen.add(changed.node)
            yield Variant(entry, key, changed.node, changed.detail)
