"""Judges the numbers of a sheet in the order of the computation, each against what follows from the learner's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from backlit.check.evaluation import recorded
from backlit.check.graph import StepGraph
from backlit.check.judging.findings import Explained, Finding
from backlit.check.judging.habits import Habits
from backlit.check.judging.learner import Learner
from backlit.check.judging.precision import Allowance
from backlit.check.judging.search import Search
from backlit.check.judging.ties import by_likelihood, telling
from backlit.check.judging.working import Working
from backlit.check.records import FEW_DIGITS, FEW_ON_THE_WAY, FEW_PLACES, CheckedNumber, CheckedWork, Fit, Verdict
from backlit.check.sheet import Claim, Sheet
from backlit.check.worlds import GIVEN, Estimate, World
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

MOST_SINGLE = 6
"""Up to so many wrong numbers before another are left out one by one."""
NOT_ALL = "so much is worked out before a wrong number that only the nearest mistakes were tried"
NOT_LOOKED_FOR = "its mistake was not looked for, after those of other numbers"
VAGUE = 0.06
"""A number that rounding may move by a larger part of it says little of the mistake behind it."""
COARSE, SILENT = 1.0, 0.25
"""A number without a place behind the point says nothing if half a unit is so large a part of what follows."""
REST = 1e-12
"""The relative rounding of a number whose formula cannot be followed."""


class Match(NamedTuple):
    """How a number follows: the verdict that says so."""

    verdict: Verdict
    estimate: Estimate
    allowed: float
    remark: str = ""

    @property
    def follows(self) -> float:
        """The number that follows."""
        return self.estimate.value


class Judge:
    """A sheet, judged.

    Attributes:
        findings: those of its claims, in the order of the computation.
        wrong: the numbers that are wrong. tainted: these, and those that follow from them. coarse: those that have
            fewer places than the sheet asks for.
    """

    def __init__(self, learner: Learner, places: int | None = None) -> None:
        self.learner, self.graph, self.places = learner, learner.graph, places
        self.wrong: set[Key] = set()
        self.tainted: set[Key] = set()
        self.coarse: set[Key] = set()
        self.habits = Habits.of(learner)
        self.search = Search(learner, self.habits)
        self.findings = [self._judged(claim) for claim in learner.claims]
        self._look_again()
        self.search.settle(self.findings)
        self.count_once()

    def _look_again(self) -> None:
        """Take numbers for wrong that rounding may explain, but a belief that was found gives to their last digit."""
        for finding in self.findings:
            explained = self.search.again(finding.claim) if finding.verdict == "rounded" and finding.remark else ()
            if explained:
                finding.verdict, finding.remark, finding.explained = "wrong", "", explained
                self.wrong.add(finding.claim.key)

    def count_once(self) -> None:
        """Take numbers that are wrong by one mistake, made once where the sheet gives no number, for wrong once."""
        made: dict[tuple[str, frozenset[Key]], Explained] = {}
        for finding in self.findings:
            if finding.verdict != "wrong" or len(finding.explained) != 1:
                continue
            fit = finding.explained[0]
            where = fit.code, frozenset(fit.changed)
            if fit.changed.keys() & self.learner.given.keys():
                continue
            if where in made:
                finding.verdict, finding.by, finding.explained = "carried", made[where], ()
                self.wrong.discard(finding.claim.key)
            made.setdefault(where, fit)

    def _judged(self, claim: Claim) -> Finding:
        own = self._match(claim, self.learner.own)
        if own is None or own.verdict != "right":
            own = self._otherwise(claim, own)
        if own is not None:
            return self._accepted(claim, own)
        return self._under_assumption(claim) or self._wrong(claim)

    def _otherwise(self, claim: Claim, own: Match | None) -> Match | None:
        """Tell whether a number follows in another way: with all digits, by the chain rule, from right numbers."""
        halves = {key: self.learner.halves[key] for key in self.tainted if key in self.learner.halves}
        full = self._match(claim, self.learner.with_all_digits(self.tainted), halves)
        if full is not None and (full.verdict == "right" or (own is None and full.verdict == "truncated")):
            return full
        chain = self.learner.by_the_chain_rule
        apart = None if chain is None else self._match(claim, chain)
        if apart is not None and apart.verdict == "right":
            return apart
        return self._from_right_numbers(claim) or own or apart

    def _accepted(self, claim: Claim, match: Match) -> Finding:
        """Make the finding of a number that follows: right, or carried where an earlier wrong number is in it."""
        finding = Finding(claim, match.follows, match.allowed, match.verdict, match.remark)
        coarse = self._coarse(claim, match)
        if coarse:
            finding.verdict, finding.remark = "not tested", coarse
            return finding
        if match.remark or not self.tainted or not match.estimate.slopes.among(self.tainted):
            return finding
        if abs(match.follows - self.learner.plain.value(claim.key)) <= match.allowed:
            finding.verdict, finding.remark = "not tested", "an earlier mistake changes less than the last digit"
        else:
            finding.verdict = "carried"
            self.tainted.add(claim.key)
        return finding

    def _coarse(self, claim: Claim, match: Match) -> str:
        """Give the remark of a number that has too few digits, else an empty text.

        One with fewer places than the sheet asks for is as good if it has only zeros left out.
        """
        half, places = claim.half, self.places
        if claim.written.unit >= COARSE and half >= SILENT * abs(match.follows) and not self._is_exact(claim):
            return FEW_DIGITS
        asked = math.inf if places is None else 0.5 * abs(claim.factor) * 10.0**-places
        if half <= asked * (1.0 + REST):
            return ""
        allowed = asked if match.estimate.slopes.among(self.coarse) else max(match.allowed - half, 0.0)
        if abs(self.learner.value(claim) - match.follows) <= asked + allowed + REST:
            return ""
        self.coarse.add(claim.key)
        return FEW_PLACES

    def _is_exact(self, claim: Claim) -> bool:
        return math.isclose(self.learner.value(claim), self.learner.plain.value(claim.key), abs_tol=REST)

    def _under_assumption(self, claim: Claim) -> Finding | None:
        """Tell whether a mistake that was found at an earlier number explains this one."""
        by = self.search.assumed_by(claim.key)
        found = None if by is None else self._match(claim, self.learner.world())
        if found is None:
            return None
        self.tainted.add(claim.key)
        return Finding(claim, found.follows, found.allowed, "carried", by=by)

    def _wrong(self, claim: Claim) -> Finding:
        estimate = self.learner.own.estimate(claim.key)
        allowance = self.learner.allowance(claim, estimate)
        finding = Finding(claim, estimate.value, allowance.right, "wrong")
        if not math.isfinite(estimate.value) and self.tainted.intersection(self.graph.needs(claim.key)):
            self.tainted.add(claim.key)
            return Finding(claim, recorded(claim.key), claim.half, "not tested",
                           "the formula gives no number here, and an earlier wrong one enters it")  # fmt: skip
        if not math.isfinite(estimate.value):
            finding.follows, finding.allowed = recorded(claim.key), claim.half
            finding.remark = "its formula gives no number here: it is compared with the worked example"
        given = self._given(claim.key)
        size = max(abs(finding.follows), abs(self.learner.value(claim)))
        if allowance.own + allowance.written > VAGUE * size:
            few = "it has" if allowance.own > allowance.written else "the numbers that enter it have"
            vague = f"{few} too few digits to tell a mistake by: give more of them"
            finding.remark = finding.remark or given or vague
        else:
            exhausted = self.search.exhausted
            finding.explained = self.search.explanations(claim)
            if not finding.explained:
                finding.remark = given or (NOT_LOOKED_FOR if exhausted else finding.remark)
        if any(found.mistake.harmless for found in finding.explained):
            finding.verdict, finding.remark, finding.explained = "rounded", finding.explained[0].words, ()
            return finding
        self.wrong.add(claim.key)
        self.tainted.add(claim.key)
        return finding

    def _given(self, key: Key) -> str:
        """Say that a number is given, where it is; of a weight also what it is called after the step."""
        if self.graph.formula(key) is not None:
            return ""
        after = f"; after the step this weight is called {self.graph.name(key)}+"
        return f"it is given, not worked out{after if self.graph.role(key) == 'weight' else ''}"

    # ----------------------------------------------------------------------------------------------- whether it follows

    def _match(self, claim: Claim, world: World, halves: Mapping[Key, float] | None = None) -> Match | None:
        """Tell whether a number follows from the others of a world, by any of its formulas.

        `halves` are how far the others may be off; by default, by half a unit of their last digits on the sheet.
        """
        best: Match | None = None
        for node in self.graph.formulas(claim.key) or (world.node(claim.key),):
            found = self._compared(claim, world, node, halves)
            if found is not None and (best is None or found.verdict == "right"):
                best = found
        return best

    def _compared(
        self, claim: Claim, world: World, node: Node | None, halves: Mapping[Key, float] | None
    ) -> Match | None:
        estimate, claimed = world.estimate(claim.key, node), self.learner.value(claim)
        if not math.isfinite(estimate.value):
            return self._as_the_engine(claim, claimed)
        allowance = self.learner.allowance(claim, estimate, halves)
        gap = abs(claimed - estimate.value)
        if gap <= allowance.right or self._within_ends(claim, claimed, estimate, world, node):
            return Match("right", estimate, allowance.right)
        if node is None:  # a given number is copied, not worked out
            return None
        verdict, remark = self._rounded(claim, claimed, estimate.value, allowance)
        return None if verdict == "wrong" else Match(verdict, estimate, allowance.right, remark)

    def _rounded(self, claim: Claim, claimed: float, follows: float, allowance: Allowance) -> tuple[Verdict, str]:
        """Tell whether rounding explains the gap, and which."""
        gap, half = abs(claimed - follows), claim.half
        way = allowance.written + allowance.on_the_way + allowance.double
        shorter = abs(claimed) <= abs(follows) + way and claimed * follows >= -abs(way * follows)
        if shorter and gap <= 2.0 * (half + allowance.written) * (1.0 + REST) + allowance.double:
            return "truncated", "the last digits were cut off instead of rounded"
        if gap <= allowance.rounded:
            return "rounded", "a number on the way was rounded to the sheet's digits"
        longer = abs(claimed) - abs(follows)  # what is cut off makes a number smaller, by what is on the way either
        if self.habits.cuts and gap <= allowance.cut and longer <= 2.0 * way:
            return "truncated", "digits were cut off, here or on the way"
        if self.habits.single and gap <= allowance.right + allowance.single:
            return "rounded", "as far off as float32, with its 7 digits, rounds"
        if gap <= allowance.rounded + allowance.few:
            return "not tested", FEW_ON_THE_WAY
        return "wrong", ""

    def _as_the_engine(self, claim: Claim, claimed: float) -> Match | None:
        """Compare with the engine's number where no formula can be followed."""
        value = recorded(claim.key)
        allowed = claim.half + REST * abs(value)
        return Match("right", Estimate(value, GIVEN, 0.0), allowed) if abs(claimed - value) <= allowed else None

    def _within_ends(self, claim: Claim, claimed: float, estimate: Estimate, world: World, node: Node | None) -> bool:
        """Tell whether operands at the ends of their intervals give the number: slopes change within wide intervals."""
        towards = math.copysign(1.0, claimed - estimate.value)
        moved, halves = dict(world.written), self.learner.halves
        for source, slope in estimate.slopes.pairs():
            if source in halves and source in moved and source != claim.key:
                moved[source] += math.copysign(halves[source], slope * towards)
        end = World(self.graph, moved, world.changed).follows(claim.key, node)
        return bool((claimed - end) * towards <= claim.half * (1.0 + 1e-9))

    def _from_right_numbers(self, claim: Claim) -> Match | None:
        """Tell whether a number follows from right numbers where the learner's own earlier ones are wrong."""
        if claim.base is not None:
            return self._as_the_new_weight(claim)
        sources = self.learner.own.estimate(claim.key).slopes.among(self.tainted) if self.tainted else set()
        if not sources:
            return None
        singly = 1 < len(sources) <= MOST_SINGLE
        trials = [{source} for source in sorted(sources, key=self.graph.order)] if singly else []
        for left_out in (*trials, set(sources), self.tainted):
            found = self._match(claim, self.learner.without(left_out))
            if found is not None and found.verdict == "right":
                names = sorted(self.graph.name(key) for key in left_out & sources)
                return found._replace(remark=f"from the right {', '.join(names[:3])}, not from the one on the sheet")
        return None

    def _as_the_new_weight(self, claim: Claim) -> Match | None:
        """Compare a change Δw with the learner's own new weight."""
        own, claimed = self.learner.given.get(claim.key), self.learner.value(claim)
        if own is None or own == claimed or claim.key in self.wrong:
            return None
        allowed = claim.half + self.learner.halves.get(claim.key, 0.0)
        return Match("right", Estimate(own, GIVEN, 0.0), allowed) if abs(own - claimed) <= allowed else None


def judge(graph: StepGraph, sheet: Sheet, *, title: str = "") -> CheckedWork:
    """Check a sheet: each number in the order of the computation, against what follows from the learner's own.

    Args:
        graph: the numbers of the step, or of several in turn. sheet: the numbers that a learner gives.
        title: of the network or file.
    """
    learner = Learner(graph, sheet)
    judged = Judge(learner, sheet.places)
    working = Working(learner)
    numbers = tuple(_record(working, finding, judged.findings) for finding in judged.findings)
    notes = (*sheet.notes, NOT_ALL) if judged.search.cut_short else sheet.notes
    wrong = (finding.claim.key for finding in judged.findings if finding.verdict == "wrong")
    records = tuple(graph.steps[graph.step_of(key)][graph.name(key)] for key in dict.fromkeys(wrong))
    return CheckedWork(title, sheet.name, numbers, notes, records)


def _record(working: Working, finding: Finding, every: Sequence[Finding]) -> CheckedNumber:
    claim, graph = finding.claim, working.graph
    wrong, found = finding.verdict == "wrong", by_likelihood(finding)
    like = found[0].changed.get(claim.key) or graph.way(claim.key, found[0].changed) if found else None
    return CheckedNumber(
        claim.name, graph.name(claim.key), graph.step_of(claim.key) + 1, claim.key.quantity.phase, claim.written.text,
        finding.verdict, working.text(claim, finding.follows), working.text(claim, recorded(claim.key)),
        finding.allowed / abs(claim.factor), finding.remark,
        tuple(_fit(working, one, claim.key, every) for one in found),
        working.line(claim.key, like) if wrong else "", working.right_line(claim.key, like) if wrong else "",
        finding.by.code if finding.by else "", claim.means, telling(working, claim, found),
        working.terms([claim.key, *(fit.site for fit in found)]) if wrong else (),
    )  # fmt: skip


def _fit(working: Working, found: Explained, of: Key, every: Sequence[Finding]) -> Fit:
    mistakes = [finding for finding in every if finding.verdict == "wrong" or finding.by is not None]
    explained = sum(found.code in finding.codes for finding in mistakes)
    more = 0 if found.together else len(found.changed) - 1
    return Fit(
        found.code, found.mistake.title, found.mistake.why, working.graph.name(found.site),
        working.changed_line(found.site, found.node), found.detail, explained, len(mistakes), found.together,
        "" if found.site == of else working.line(found.site, found.node), more,
    )  # fmt: skip
