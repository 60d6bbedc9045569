"""Makes the record of one number: its formula, the formula with numbers, the digits that are right, the remarks."""

from __future__ import annotations

import math
from decimal import Decimal

from backlit.explain.algebra.decimals import FLOATS, WIDE, as_written, decimal_value
from backlit.explain.algebra.numerals import DIGITS, decimal_text, right_text
from backlit.explain.algebra.printing import NumberText, latex, linked_latex, plain
from backlit.explain.algebra.tree import Apply, Node, Ref, choose_cases, refs
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.quantities import Key
from backlit.explain.record.step_records import Change, Record

FEWER_DIGITS = "float64's rounding leaves no more digits here"
ROUNDING = Decimal(2) ** -50
"""How far off the difference of two float64 may be, as a part of these."""
TOO_LARGE = "beyond float64, whose largest number is about 1.8e308"
TOO_LARGE_ON_THE_WAY = "beyond float64, whose largest number is about 1.8e308, on the way to the result"
MOST = 17
"""Digits that tell any two float64 apart."""
LARGEST = Decimal("1.7976931348623158e308")


def record_of(key: Key, exact: ExactNumbers, digits: int, *, check: bool = False) -> Record:
    """Make the record of a number."""
    quantity, place = key
    node = quantity.expression(place) if quantity.expression else None
    chosen = None if node is None else choose_cases(node, FLOATS)
    name = quantity.name(place)
    numeric = quantity.numeric(place) if check and quantity.numeric else None

    text = _texts(key, chosen, exact, digits)
    return Record(
        name.text, quantity.phase, quantity.kind, quantity.layer,
        quantity.source(place),
        quantity.units[place.unit] or None,
        quantity.rows[place.row] if quantity.rows else None,
        name.symbol,
        "" if node is None else latex(node), "" if chosen is None else latex(chosen, text=text),
        quantity.value(place),
        () if node is None else tuple(dict.fromkeys(ref.name for ref in refs(node) if ref.key is not None)),
        _note(key, node, exact, digits),
        "" if node is None else plain(node), "" if chosen is None else plain(chosen, text=text),
        exact.within(quantity.ref(*_at(key)), digits) if node is None else exact.shown(key, digits),
        None if numeric is None else numeric.value,
        "" if numeric is None else numeric.words(quantity.value(place), digits),
    )  # fmt: skip


def linked_of(key: Key, exact: ExactNumbers, digits: int) -> str:
    """Give a number's formula with its numbers in LaTeX, each marked by its name: see `linked_latex`."""
    quantity, place = key
    if quantity.expression is None:
        return ""
    chosen = choose_cases(quantity.expression(place), FLOATS)
    return linked_latex(chosen, _texts(key, chosen, exact, digits))


def _texts(key: Key, node: Node | None, exact: ExactNumbers, digits: int) -> NumberText:
    """Give how the numbers of a formula are written: with more digits where those asked for leave it no sense.

    That is where the numbers as they are written have no result, as log(1 - 1), or with few digits none but 0.
    """
    value = key.quantity.value(key.place)
    if node is None or not math.isfinite(value) or not _may_break(node, digits):
        return lambda ref: exact.within(ref, digits)

    def text(ref: Ref, more: int) -> str:
        return _finer(exact.within(ref, digits), exact.within(ref, more))

    for more in (digits, *range(digits + 1, MOST + 1)):
        result = decimal_value(node, lambda ref: _as_shown(text(ref, more)))  # noqa: B023
        if result.is_finite() and (result or more >= DIGITS or not exact.of(key)):
            return lambda ref: text(ref, more)
    return lambda ref: exact.within(ref, digits)


def _finer(one: str, other: str) -> str:
    """Give that of two texts of a number whose last digit stands further behind: -3.4e-3, not -0.003.

    >>> _finer("-3.4e-3", "-0.003"), _finer("0.24", "0.240"), _finer("∞", "∞")
    ('-3.4e-3', '0.240', '∞')
    """
    places = [_as_shown(text).as_tuple().exponent for text in (one, other)]
    return other if all(isinstance(place, int) for place in places) and places[1] < places[0] else one  # type: ignore[operator]


def _may_break(node: Node, digits: int) -> bool:
    """Tell whether a formula with rounded numbers may have no result, or one without a digit."""
    if not isinstance(node, Apply):
        return False
    return node.head in {"/", "log", "ln"} or digits < DIGITS or any(_may_break(arg, digits) for arg in node.args)


def _as_shown(text: str) -> Decimal:
    return Decimal(text.replace("∞", "Infinity"))


def change_of(
    name: str, before: float, after: float, old: Key, new: Key | None, exact: ExactNumbers, digits: int
) -> Change:
    """Make the record of a number before and after the step; `new` is None where no formula gives the one after it."""
    texts = exact.shown(old, digits), decimal_text(after, digits) if new is None else exact.shown(new, digits)
    difference = after - before
    if math.isfinite(difference):
        rounding = Decimal(max(abs(before), abs(after))) * ROUNDING
        gap = as_written(difference) + rounding if new is None else WIDE.subtract(exact.of(new), exact.of(old))
        return Change(name, before, after, (*texts, right_text(difference, gap, digits)))
    return Change(name, before, after, (*texts, decimal_text(difference, digits)))


def _at(key: Key) -> tuple[int, int, int]:
    return key.place.row, key.place.unit, key.place.source


def _note(key: Key, node: Node | None, exact: ExactNumbers, digits: int) -> str:
    """Give the quantity's own remark, and where digits are lost first, that they are."""
    quantity, place = key
    remarks = [quantity.note(place)] if quantity.note else []
    if node is not None:
        operands = [ref for ref in refs(node) if ref.key is not None]
        finite = all(math.isfinite(ref.value) for ref in operands)
        if not math.isfinite(quantity.value(place)):
            result = decimal_value(node)  # NaN of 0 times what is beyond decimals, too
            within = result.is_nan() or (result.is_finite() and result.copy_abs() < LARGEST)
            remarks += [TOO_LARGE_ON_THE_WAY if within else TOO_LARGE] if finite else []
        elif exact.lost(key, digits) and not any(exact.lost(ref.key, digits) for ref in operands):
            remarks.append(FEWER_DIGITS)
        remarks.append(exact.decided_by_rounding(node))
    return "; ".join(filter(None, remarks))
