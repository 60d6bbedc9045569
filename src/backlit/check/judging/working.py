"""The lines of a learner's working: a number's formula with the learner's own numbers, and the result."""

from __future__ import annotations

import math
from collections.abc import Iterable

from backlit.check import digits
from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import operands
from backlit.check.judging.learner import Learner
from backlit.check.sheet import Claim
from backlit.check.site import mapped
from backlit.explain.algebra.decimals import FLOATS
from backlit.explain.algebra.numerals import decimal_text, short_text
from backlit.explain.algebra.printing import plain
from backlit.explain.algebra.tree import Literal, Node, Ref, choose_cases, neg
from backlit.explain.record.quantities import Key

DIGITS = 6
SMALL = 1e-3
"""Below this, a number is shown with a power of ten where the sheet has one there."""


class Working:
    """Writes lines with the numbers of a sheet, and what follows from them where it has none."""

    def __init__(self, learner: Learner) -> None:
        self.learner, self.graph, self.own = learner, learner.graph, learner.own
        self.claims = {claim.key: claim for claim in learner.claims}
        written = [claim.written for claim in learner.claims]
        places = [one.decimals for one in written if "e" not in one.text.lower()] or [one.figures for one in written]
        self.digits = max(3, min(12, max(places, default=DIGITS) + 1))

    def text(self, claim: Claim, value: float) -> str:
        """Give a number of the record in the sheet's terms, with one digit more than the sheet has."""
        on_sheet = claim.on_sheet(value, self.own.value)
        if not math.isfinite(on_sheet):
            return str(on_sheet)
        written = claim.written
        powers = "e" in written.text.lower() and abs(on_sheet) < SMALL
        if written.unit and written.decimals >= 0 and not powers:
            fixed = f"{on_sheet:.{min(written.decimals + 1, 17)}f}"
            if abs(on_sheet) >= 10.0**-written.decimals or not on_sheet:
                return fixed
        return figures_text(on_sheet, max(written.figures, 2) + 1)

    def number(self, ref: Ref) -> str:
        """Give the text of a number inside a line: as the sheet has it, else rounded."""
        if ref.key is None:
            return short_text(ref.value)
        claim = self.claims.get(ref.key)
        if claim is not None and claim.base is None and claim.factor == 1.0:
            return claim.written.text
        return short_text(self.own.value(ref.key), self.digits)

    def terms(self, keys: Iterable[Key]) -> tuple[str, ...]:
        """Say what numbers of the sheet in the lines of some numbers are there, by a factor other than a sign."""
        there = dict.fromkeys(one for key in keys for one in (key, *self.graph.needs(key)))
        claims = (self.claims.get(key) for key in there)
        return tuple(claim.means for claim in claims if claim and claim.means and abs(claim.factor) != 1.0)

    def way(self, key: Key, like: Node | None = None) -> Node | None:
        """Give a number's formula; of several, that which has the most numbers in common with another one."""
        ways = self.graph.formulas(key)
        if like is None or len(ways) < 2:
            return self.own.node(key)
        needs = set(operands(like))
        return max(ways, key=lambda node: len(needs & set(operands(node))))

    def line(self, key: Key, like: Node | None = None) -> str:
        """Give the right line with the learner's own numbers, by the formula that is most alike another."""
        node = self.way(key, like)
        return f"{self.graph.name(key)} is given: {self.shown(recorded(key))}" if node is None else (
            self.changed_line(key, node))  # fmt: skip

    def changed_line(self, key: Key, node: Node) -> str:
        """Give the line of a formula in the place of a number's own, with the learner's numbers."""
        slip = digits.slip_of(node)
        formula = node if slip is None else slip
        plainly = digits.without(formula)
        chosen = choose_cases(mapped(formula, self._rounded), FLOATS)
        value = value_of(formula, self.own.value)
        parts = [self.graph.name(key), plain(plainly), plain(chosen, text=self.number), self.shown(value)]
        if isinstance(chosen, (Ref, Literal)):  # a number alone needs no result beside it
            del parts[2]
        line = " = ".join(dict.fromkeys(parts))
        return line if slip is None else f"{line}, written as {self.shown(value_of(node, self.own.value))}"

    def _rounded(self, node: Node) -> Node | None:
        """Give the number of a part that was rounded on the way."""
        if not digits.is_rounded(node):
            return None
        value = value_of(node, self.own.value)
        text = Literal(short_text(abs(value), self.digits))
        return neg(text) if value < 0 else text

    def right_line(self, key: Key, like: Node | None = None) -> str:
        """Give the worked example's own line, by the formula that is most alike another."""
        node = self.way(key, like)
        if node is None:
            return f"{self.graph.name(key)} = {self.shown(recorded(key))}"
        chosen = choose_cases(node, FLOATS)
        text = plain(chosen, text=lambda ref: short_text(ref.value, self.digits))
        return " = ".join(dict.fromkeys([self.graph.name(key), plain(node), text, self.shown(recorded(key))]))

    def shown(self, value: float) -> str:
        """Give a result's text."""
        return decimal_text(value, self.digits)


def figures_text(value: float, figures: int) -> str:
    """Give a number with so many significant digits; a very small or large one with a power of ten.

    >>> figures_text(0.30569, 3), figures_text(-4.5152e-6, 5), figures_text(0.0, 3), figures_text(123456.0, 2)
    ('0.306', '-4.5152e-6', '0', '1.2e5')
    """
    if not value or not math.isfinite(value):
        return "0" if not value else str(value)
    mantissa, _, power = f"{value:.{figures - 1}e}".partition("e")
    places = figures - 1 - int(power)
    return f"{value:.{places}f}" if abs(value) >= SMALL and places >= 0 else f"{mantissa}e{int(power)}"
