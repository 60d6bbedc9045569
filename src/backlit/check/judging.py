"""Judges the numbers of a sheet in the order of the computation, each against what follows from the learner's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from backlit.check.graph import StepGraph
from backlit.check.precision import Allowance, Rounding
from backlit.check.records import CheckedNumber, CheckedWork, Fit, Verdict
from backlit.check.search import Explained, Search
from backlit.check.sheet import Claim, Sheet
from backlit.check.working import Working
from backlit.check.worlds import Estimate, World
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

FAR = 4.0
"""A number within so many times its allowance is compared at the ends of its operands' intervals too."""
FEWEST_CUT = 2
"""So many numbers whose last digits can only be cut off make a sheet one that truncates."""


class Finding(msgspec.Struct):
    """What is found of a claim, on the way to its record."""

    claim: Claim
    follows: float
    allowed: float
    verdict: Verdict = "right"
    remark: str = ""
    explained: tuple[Explained, ...] = ()
    by: Explained | None = None


class Match(NamedTuple):
    """Whether a number follows, and how: the verdict that says so."""

    verdict: Verdict
    follows: float
    allowed: float
    estimate: Estimate
    remark: str = ""


class Judge:
    """A sheet, judged: `findings` are those of its claims, in the order of the computation."""

    def __init__(self, graph: StepGraph, sheet: Sheet) -> None:
        self.graph, self.sheet = graph, sheet
        self.claims = sorted(sheet.claims, key=lambda claim: graph.order(claim.key))
        self.rounding = Rounding.of(claim.written for claim in sheet.claims)
        self.halves: dict[Key, float] = {}
        given: dict[Key, float] = {}
        plain = World(graph, {})
        for claim in self.claims:
            if claim.base is None or claim.key not in given:
                given[claim.key] = claim.in_record(lambda key: given.get(key, plain.value(key)))
                self.halves[claim.key] = claim.written.half
        self.given: Mapping[Key, float] = given
        self.own, self.plain = World(graph, given), plain
        self.wrong: set[Key] = set()
        self.tainted: set[Key] = set()
        self.assumed: dict[Key, Node] = {}
        self.findings: list[Finding] = []
        self.cuts = self._cuts()
        self.search = Search(self)
        for claim in self.claims:
            self.findings.append(self._judged(claim))
        self.search.settle(self.findings)

    # ---------------------------------------------------------------------------------------------------------- judging

    def _judged(self, claim: Claim) -> Finding:
        claimed = claim.in_record(self.own.value)
        match = self._match(claim, claimed, self.own)
        if match is None or match.verdict not in {"right"}:
            better = self._elsewhere(claim, claimed)
            match = better if better is not None and (match is None or better.verdict == "right") else match
        if match is not None:
            return self._accepted(claim, match)
        self.tainted.add(claim.key)
        assumed = self._under_assumption(claim, claimed)
        if assumed is not None:
            return assumed
        self.wrong.add(claim.key)
        estimate = self.own.estimate(claim.key)
        allowance = self._allowance(claim, estimate)
        finding = Finding(claim, estimate.value, allowance.right, "wrong")
        finding.explained = self.search.explanations(claim, claimed)
        harmless = [found for found in finding.explained if found.mistake.harmless]
        if harmless:
            self.wrong.discard(claim.key)
            self.tainted.discard(claim.key)
            finding.verdict, finding.remark, finding.explained = "rounded", harmless[0].words, ()
        return finding

    def _accepted(self, claim: Claim, match: Match) -> Finding:
        """Make the finding of a number that follows: right, or carried where an earlier wrong number is in it."""
        finding = Finding(claim, match.follows, match.allowed, match.verdict, match.remark)
        before = self.tainted & match.estimate.slopes.keys()
        if not before or match.remark:
            return finding
        key = self.plain.value(claim.key)
        if abs(match.follows - key) <= match.allowed:
            finding.verdict, finding.remark = "not tested", "what is wrong before changes less than its last digit"
        else:
            finding.verdict = "carried"
            self.tainted.add(claim.key)
        return finding

    def _allowance(self, claim: Claim, estimate: Estimate) -> Allowance:
        return Allowance.of(claim.written.half, estimate, self.halves, self.rounding)

    def _match(self, claim: Claim, claimed: float, world: World) -> Match | None:
        """Tell whether a number follows from the others, by any of its formulas."""
        best: Match | None = None
        for node in self.graph.formulas(claim.key) or (None,):
            estimate = world.estimate(claim.key, node)
            if node is None:
                estimate = world.estimate(claim.key)
            found = self._verdict(claim, claimed, estimate, world, node)
            if found is not None and (best is None or found.verdict == "right"):
                best = found
        return best

    def _verdict(
        self, claim: Claim, claimed: float, estimate: Estimate, world: World, node: Node | None
    ) -> Match | None:
        if not math.isfinite(estimate.value):
            return self._as_the_engine(claim, claimed)
        allowance, gap = self._allowance(claim, estimate), abs(claimed - estimate.value)
        found = Match("right", estimate.value, allowance.right, estimate)
        if gap <= allowance.right:
            return found
        if gap <= FAR * allowance.right and self._within_ends(claim, claimed, estimate, world, node):
            return found
        shorter = abs(claimed) <= abs(estimate.value) + allowance.written + allowance.on_the_way + allowance.double
        if shorter and gap <= 2.0 * (claim.written.half + allowance.written) + allowance.double:
            return found._replace(verdict="truncated", remark="its last digits were cut off instead of rounded")
        if gap <= allowance.rounded:
            return found._replace(verdict="rounded", remark="a number on the way was rounded to the sheet's digits")
        if self.cuts and gap <= allowance.cut:
            return found._replace(verdict="truncated", remark="digits were cut off, here or on the way")
        if gap <= allowance.right + allowance.single:
            return found._replace(verdict="rounded", remark="as far off as float32, with its 7 digits, rounds")
        return None

    def _as_the_engine(self, claim: Claim, claimed: float) -> Match | None:
        """Compare with the engine's number where no formula can be followed."""
        value = claim.key.quantity.value(claim.key.place)
        if abs(claimed - value) <= claim.written.half + DOUBLE_SLACK * abs(value):
            return Match("right", value, claim.written.half, Estimate(value, {}, 0.0))
        return None

    def _within_ends(self, claim: Claim, claimed: float, estimate: Estimate, world: World, node: Node | None) -> bool:
        """Tell whether operands at the ends of their intervals give the number: slopes change within wide intervals."""
        towards = math.copysign(1.0, claimed - estimate.value)
        moved = dict(world.written)
        for source, slope in estimate.slopes.items():
            if source in self.halves and source in moved and source != claim.key:
                moved[source] += math.copysign(self.halves[source], slope * towards)
        other = World(self.graph, moved, world.changed)
        end = other.follows(claim.key, node)
        return bool((claimed - end) * towards <= claim.written.half * (1.0 + 1e-9))

    # ------------------------------------------------------------------------------------------------------ other worlds

    def _elsewhere(self, claim: Claim, claimed: float) -> Match | None:
        """Tell whether a number follows from right numbers where the learner's own earlier ones are wrong."""
        if claim.base is not None:
            return self._of_change(claim, claimed)
        bad = self.wrong | self.tainted
        sources = bad & self.own.estimate(claim.key).slopes.keys()
        if not sources:
            return None
        trials: list[set[Key]] = [{source} for source in sources] if 1 < len(sources) <= 6 else []
        for left_out in (*trials, set(sources), bad):
            world = World(self.graph, {key: value for key, value in self.given.items() if key not in left_out})
            found = self._match(claim, claimed, world)
            if found is not None and found.verdict == "right":
                names = sorted(self.graph.name(key) for key in left_out & (sources or left_out))
                return found._replace(remark=f"from the right {', '.join(names[:3])}, not from the one on the sheet")
        return None

    def _of_change(self, claim: Claim, claimed: float) -> Match | None:
        """Compare a change Δw with the learner's own new weight."""
        if claim.base is None or claim.key not in self.given:
            return None
        own, allowed = self.given[claim.key], claim.written.half + self.halves.get(claim.key, 0.0)
        if self.given[claim.key] != claimed and abs(own - claimed) <= allowed and claim.key not in self.wrong:
            return Match("right", own, allowed, Estimate(own, {}, 0.0))
        return None

    def _under_assumption(self, claim: Claim, claimed: float) -> Finding | None:
        """Tell whether a mistake that was found at an earlier number explains this one."""
        if not self.assumed:
            return None
        found = self._match(claim, claimed, World(self.graph, self.given, self.assumed))
        if found is None:
            return None
        by = self.search.assumed_by(claim.key)
        if by is None:
            return None
        return Finding(claim, found.follows, found.allowed, "carried", by=by)

    def _cuts(self) -> bool:
        """Tell whether the sheet cuts digits off: several numbers are cut, and none that could tell is rounded up."""
        cut = rounded = 0
        for claim in self.claims:
            estimate = self.own.estimate(claim.key)
            allowance = self._allowance(claim, estimate)
            if not claim.written.half or allowance.written + allowance.on_the_way > claim.written.half:
                continue
            off = (abs(claim.in_record(self.own.value)) - abs(estimate.value)) / claim.written.half
            slack = (allowance.written + allowance.on_the_way) / claim.written.half
            cut += -2.0 - slack <= off < -1.0 - slack
            rounded += slack < off <= 1.0 + slack
        return cut >= FEWEST_CUT and not rounded


DOUBLE_SLACK = 1e-12


def judge(graph: StepGraph, sheet: Sheet, *, title: str = "") -> CheckedWork:
    """Check a sheet: each number in the order of the computation, against what follows from the learner's own.

    Args:
        graph: the numbers of the step, or of several in turn. sheet: the numbers that a learner gives.
        title: of the network or file.
    """
    found = Judge(graph, sheet)
    working = Working(graph, found.own, {claim.key: claim for claim in found.claims})
    numbers = tuple(_record(graph, working, finding, found.findings) for finding in found.findings)
    return CheckedWork(title, sheet.name, numbers, sheet.notes)


def _record(graph: StepGraph, working: Working, finding: Finding, every: Sequence[Finding]) -> CheckedNumber:
    claim = finding.claim
    wrong = finding.verdict == "wrong"
    fits = tuple(_fit(graph, working, found, finding, every) for found in finding.explained) if wrong else ()
    return CheckedNumber(
        claim.name, graph.name(claim.key), graph.step_of(claim.key) + 1, claim.key.quantity.phase, claim.written.text,
        finding.verdict, working.text(claim, finding.follows), working.text(claim, working.key_value(claim.key)),
        finding.allowed, finding.remark, fits, working.line(claim.key) if wrong else "",
        working.right_line(claim.key) if wrong else "", finding.by.mistake.code if finding.by else "",
    )  # fmt: skip


def _fit(graph: StepGraph, working: Working, found: Explained, of: Finding, every: Sequence[Finding]) -> Fit:
    code = found.mistake.code
    explained = sum(
        other is of or (other.by is not None and other.by.mistake.code == code)
        or (other.verdict == "wrong" and any(e.mistake.code == code for e in other.explained))
        for other in every
    )  # fmt: skip
    wrong = sum(other.verdict == "wrong" or other.by is not None for other in every)
    return Fit(
        code, found.mistake.title, found.mistake.why, graph.name(found.site), working.changed_line(found.site, found.node),
        found.detail, explained, max(wrong, explained),
    )  # fmt: skip
