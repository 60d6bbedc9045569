"""The numbers of a step worked out a second time, in many digits, so that no digit is shown that float64 does not have.

The given numbers are exact, as they are written; every other number comes about by its formula from exact ones. Where
the engine's number differs from that, its last digits are rounding, and are not shown.
"""

from __future__ import annotations

import math
from decimal import Decimal

from backlit.explain.algebra.decimals import (
    FEW,
    MANY,
    Sums,
    as_written,
    decimal_value,
    decisions,
    distance,
    value_and_trust,
)
from backlit.explain.algebra.numerals import DIGITS, decimal_text, given_text, right_text, short_text
from backlit.explain.algebra.tree import Node, Ref, refs
from backlit.explain.record.quantities import Key

CLOSE, SMALL = Decimal("1e-12"), Decimal("1e-25")
"""Numbers that differ by more, and are smaller, are worked out once more in many digits."""

REST = Decimal(10) ** (40 - MANY)
"""What is smaller than this, or than its float64 by this factor, is the rounding of the many digits: 0 on paper."""

LONG = 64
"""A formula of more numbers takes them as the engine has them: large networks would be worked out as a whole."""


KEPT_SUMS = 256
"""So many sums are kept for other formulas: the outputs of a softmax share one."""


def needed_by(node: Node) -> list[Key]:
    """Give the numbers of the step that enter a formula."""
    return [ref.key for ref in refs(node) if ref.key is not None]


class ExactNumbers:
    """The numbers of a step by their formulas, in decimal arithmetic, each worked out when it is first asked for.

    `digits` is the number of places that the step's numbers are shown with.
    """

    def __init__(self, digits: int = DIGITS) -> None:
        self._digits = max(digits, DIGITS)
        self._known: dict[int, dict[Key, Decimal]] = {FEW: {}, MANY: {}}
        self._sums: dict[int, Sums] = {FEW: {}, MANY: {}}
        self._doubtful: set[Key] = set()
        self._shown: dict[tuple[Key, int], str] = {}

    def of(self, key: Key) -> Decimal:
        """Give a number of the step; where the formula has none, that of the engine."""
        value = as_written(key.quantity.value(key.place))
        if not value.is_finite():
            return value
        exact = self._worked_out(key, FEW)
        if key in self._doubtful or (abs(value) < SMALL and distance(value, exact) > CLOSE * abs(value)):
            return self._worked_out(key, MANY)
        return exact

    def _worked_out(self, start: Key, digits: int) -> Decimal:
        """Work a number out after all those that it needs, without recursion: networks may be deep."""
        known, waiting = self._known[digits], [start]
        nodes: dict[Key, tuple[Node, list[Key]]] = {}
        while waiting:
            key = waiting[-1]
            if key in known:
                waiting.pop()
                continue
            node, needed = nodes.get(key, (None, []))
            if node is None and key.quantity.expression is not None:
                node = key.quantity.expression(key.place)
                needed = needed_by(node)
                nodes[key] = node, needed
                missing = [k for k in needed if k not in known and k.quantity.terms <= LONG]
                if missing and len(needed) <= LONG:
                    waiting += missing
                    continue
            known[key] = self._by_formula(key, node, needed, digits)
            if (
                key.quantity.terms > LONG or len(self._sums[digits]) > KEPT_SUMS
            ):  # sums may have had the engine's number
                self._sums[digits].clear()
            nodes.pop(key, None)
            waiting.pop()
        return known[start]

    def _by_formula(self, key: Key, node: Node | None, needed: list[Key], digits: int) -> Decimal:
        value = as_written(key.quantity.value(key.place))
        if node is None or not value.is_finite():
            return value
        known = {} if len(needed) > LONG else self._known[digits]

        def number(ref: Ref) -> Decimal:
            return known[ref.key] if ref.key in known else as_written(ref.value)

        sums = None if len(needed) > LONG else self._sums[digits]
        exact, enough = value_and_trust(node, number, digits, sums)
        if digits == FEW and not (enough and self._doubtful.isdisjoint(needed)):
            self._doubtful.add(key)
        return exact if exact.is_finite() else value

    # ----------------------------------------------------------------------------------------------------------- shown

    def shown(self, key: Key, digits: int) -> str:
        """Give a number's text, with those of the digits that are right."""
        text = self._shown.get((key, digits))
        if text is None:
            value = key.quantity.value(key.place)
            finite = math.isfinite(value)
            text = right_text(value, self.of(key), digits) if finite else decimal_text(value, digits)
            if key.quantity.expression is None and given_text(value, digits) != short_text(value, digits):
                text = given_text(value, digits)
            self._shown[key, digits] = text
        return text

    def right(self, key: Key) -> float:
        """Give a number; where float64's rounding leaves less digits than are shown, by those that are right alone."""
        value, digits = key.quantity.value(key.place), self._digits
        return float(self.shown(key, digits)) if math.isfinite(value) and self.lost(key, digits) else value

    def within(self, ref: Ref, digits: int) -> str:
        """Give the text of a number inside a calculation: short where exact; settings have nine places at least."""
        if ref.key is None:
            return short_text(ref.value, max(digits, DIGITS))
        if ref.key.quantity.expression is None:
            return given_text(ref.value, digits)
        if not math.isfinite(ref.value) or self.of(ref.key) == as_written(ref.value):
            return short_text(ref.value, digits)
        return self.shown(ref.key, digits)

    def decided_by_rounding(self, node: Node) -> str:
        """Tell which number's sign decides in a formula though it is rounding alone: on paper it is another, or 0."""
        for one in decisions(node):
            value = decimal_value(one)
            exact = decimal_value(one, lambda ref: as_written(ref.value) if ref.key is None else self.of(ref.key))
            if not (value.is_finite() and exact.is_finite()):
                continue
            if exact.copy_abs() < max(value.copy_abs(), Decimal(1)) * REST:
                exact = Decimal(0)
            if value.compare(0) != exact.compare(0):
                return f"decided by float64's rounding: {float(value):.3g}, on paper {float(exact):.3g}"
        return ""

    def lost(self, key: Key, digits: int) -> bool:
        """Tell whether digits that would be shown are rounding."""
        computed = key.quantity.expression is not None
        return computed and self.shown(key, digits) != decimal_text(key.quantity.value(key.place), digits)
