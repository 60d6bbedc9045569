"""The lines of a learner's working: a number's formula with the learner's own numbers, and the result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from backlit.check import digits
from backlit.check.evaluation import recorded, value_of
from backlit.check.graph import StepGraph
from backlit.check.sheet import Claim
from backlit.check.site import mapped
from backlit.check.worlds import World
from backlit.explain.algebra.decimals import FLOATS
from backlit.explain.algebra.numerals import decimal_text, short_text
from backlit.explain.algebra.printing import plain
from backlit.explain.algebra.tree import Literal, Node, Ref, choose_cases, neg
from backlit.explain.record.quantities import Key

DIGITS = 6


class Working:
    """Writes lines with the numbers of a sheet, and what follows from them where it has none."""

    def __init__(self, graph: StepGraph, own: World, claims: Mapping[Key, Claim]) -> None:
        self.graph, self.own, self.claims = graph, own, claims
        decimals = [claim.written.decimals for claim in claims.values()]
        self.digits = max(3, min(12, max(decimals, default=DIGITS) + 1))

    def text(self, claim: Claim, value: float) -> str:
        """Give a number of the record in the sheet's terms, with one digit more than the sheet has."""
        on_sheet = claim.on_sheet(value, self.own.value)
        if not math.isfinite(on_sheet):
            return str(on_sheet)
        if claim.written.unit and claim.written.decimals >= 0:
            fixed = f"{on_sheet:.{min(claim.written.decimals + 1, 17)}f}"
            if abs(on_sheet) >= 10.0**-claim.written.decimals or not on_sheet:
                return fixed
        return f"{on_sheet:.{max(claim.written.figures, 2)}e}" if on_sheet else "0"

    def number(self, ref: Ref) -> str:
        """Give the text of a number inside a line: as the sheet has it, else rounded."""
        if ref.key is None:
            return short_text(ref.value)
        claim = self.claims.get(ref.key)
        if claim is not None and claim.base is None:
            text = claim.written.text
            if claim.factor == 1.0:
                return text
        return short_text(self.own.value(ref.key), self.digits)

    def terms(self, keys: Iterable[Key]) -> tuple[str, ...]:
        """Say what numbers of the sheet in the lines of some numbers are there, by a factor other than a sign."""
        there = dict.fromkeys(one for key in keys for one in (key, *self.graph.needs(key)))
        claims = (self.claims.get(key) for key in there)
        return tuple(claim.means for claim in claims if claim and claim.means and abs(claim.factor) != 1.0)

    def line(self, key: Key) -> str:
        """Give the right line with the learner's own numbers."""
        node = self.own.node(key)
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

    def right_line(self, key: Key) -> str:
        """Give the worked example's own line."""
        node = self.own.node(key)
        if node is None:
            return f"{self.graph.name(key)} = {self.shown(recorded(key))}"
        chosen = choose_cases(node, FLOATS)
        text = plain(chosen, text=lambda ref: short_text(ref.value, self.digits))
        return " = ".join(dict.fromkeys([self.graph.name(key), plain(node), text, self.shown(recorded(key))]))

    def shown(self, value: float) -> str:
        """Give a result's text."""
        return decimal_text(value, self.digits)
