"""Functions of a number's decimal digits, as they stand in formulas: rounding on the way, and slips of the pen.

Their heads are names that formulas use as any function's, such as `rounded(net, 2)`; see `evaluation`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from backlit.explain.algebra.tree import Apply, Literal, Node, call, neg

FIGURES = 6
"""The significant figures of a number whose digits on the sheet are not known."""

FEWEST = 2
"""A number that is rounded to fewer figures has lost more than its last digits."""


def rounded(number: float, digits: int, *, figures: bool = False) -> Decimal:
    """Round a number to so many decimals, or significant figures; ties to even.

    >>> rounded(0.123456, 3), rounded(0.00123456, 3, figures=True)
    (Decimal('0.123'), Decimal('0.00123'))
    """
    exact = Decimal(repr(float(number)))
    place = exact.adjusted() + 1 - digits if figures and number else -digits
    if exact.adjusted() - place >= 28:
        return exact
    return exact.quantize(Decimal(1).scaleb(place), ROUND_HALF_EVEN)


def last_place(value: float, unit: float) -> int:
    """Give the power of ten of the last digit: that of a unit, or where it is 0, of so many figures of a number."""
    if unit:
        return round(math.log10(unit))
    return Decimal(repr(float(value))).adjusted() + 1 - FIGURES if value and math.isfinite(value) else -FIGURES


# --------------------------------------------------------------------------------------------------- parts of formulas


def rounded_node(node: Node, digits: int, *, figures: bool = False) -> Node:
    """Give a part of a formula rounded to so many decimals, or significant figures."""
    return call("to figures" if figures else "to decimals", node, Literal(str(digits)))


def swapped_node(node: Node, last: int, place: int, off: int = 0, scale: float = 1.0) -> Node:
    """Give a number with the digits at 10^place and 10^(place + 1) swapped; before, it is rounded to 10^last.

    The number that is rounded may be `off` units of that digit away, and what has these digits is the number divided by
    `scale`; both here and in the other slips.
    """
    return _slipped("digits swapped", node, last, place, off, scale)


def left_out_node(node: Node, last: int, place: int, off: int = 0, scale: float = 1.0) -> Node:
    """Give a number without the digit at 10^place, rounded to 10^last before: those behind it move up."""
    return _slipped("digit left out", node, last, place, off, scale)


def doubled_node(node: Node, last: int, place: int, off: int = 0, scale: float = 1.0) -> Node:
    """Give a number with the digit at 10^place twice, rounded to 10^last before: those behind it move down."""
    return _slipped("digit doubled", node, last, place, off, scale)


def _slipped(head: str, node: Node, last: int, place: int, off: int, scale: float) -> Node:
    of_sheet = () if scale == 1.0 else (Literal(repr(scale)),)
    return call(head, node, Literal(str(last)), Literal(str(place)), Literal(str(off)), *of_sheet)


def number_node(value: float) -> Node:
    """Give a number as a part of a formula.

    >>> number_node(-0.25)
    Apply(head='neg', args=(Literal(symbol='0.25'),))
    """
    size = Literal(repr(abs(float(value))))
    return neg(size) if value < 0 else size


def is_rounded(node: Node) -> bool:
    """Tell whether a node is a number that was rounded on the way."""
    return isinstance(node, Apply) and node.head in {"to decimals", "to figures"}


def slip_of(node: Node) -> Node | None:
    """Give the formula whose result a slip of the pen changed; None of a formula without one."""
    slip = isinstance(node, Apply) and node.head in OPERATIONS and not is_rounded(node)
    return node.args[0] if slip and isinstance(node, Apply) else None


def without(node: Node) -> Node:
    """Give a formula without the functions of digits in it."""
    if not isinstance(node, Apply):
        return node
    return without(node.args[0]) if node.head in OPERATIONS else Apply(node.head, tuple(map(without, node.args)))


def _letters(value: float, last: float, place: float, off: float) -> tuple[list[str], int] | None:
    """Give a size's digits, the point among them, and where the digit at 10^place is; None where there is none."""
    if not math.isfinite(value):
        return None
    number = rounded(abs(value), -int(last)) + Decimal(int(off)).scaleb(int(last))
    if number < 0:
        return None
    text = f"{number:f}"
    whole = len(text.partition(".")[0])
    at = whole - 1 - int(place) if place >= 0 else whole - int(place)
    return ([*text], at) if 0 <= at < len(text) and text[at].isdigit() else None


def _read(value: float, letters: list[str]) -> float:
    text = "".join(letters)
    return math.copysign(float(text), value) if text.strip(".") else math.nan


def _swapped(value: float, last: float, place: float, off: float = 0.0) -> float:
    one, other = _letters(value, last, place, off), _letters(value, last, place + 1, off)
    if one is None or other is None:
        return math.nan
    letters, here, there = one[0], one[1], other[1]
    letters[here], letters[there] = letters[there], letters[here]
    return _read(value, letters)


def _left_out(value: float, last: float, place: float, off: float = 0.0) -> float:
    found = _letters(value, last, place, off)
    if found is None:
        return math.nan
    letters, at = found
    return _read(value, letters[:at] + letters[at + 1 :])


def _doubled(value: float, last: float, place: float, off: float = 0.0) -> float:
    found = _letters(value, last, place, off)
    if found is None:
        return math.nan
    letters, at = found
    return _read(value, letters[: at + 1] + letters[at:])


def to_digits(value: float, digits: float, *, figures: bool) -> float:
    """Round a number; NaN where too few of its figures are left for a loss of digits."""
    if not math.isfinite(value):
        return math.nan
    found = rounded(value, int(digits), figures=figures)
    return float(found) if len(found.as_tuple().digits) >= FEWEST or float(found) == value else math.nan


def _scaled(slip: Callable[..., float]) -> Callable[..., float]:
    """Let a slip happen to a number divided by a scale, and give the result times it."""

    def of_sheet(value: float, last: float, place: float, off: float = 0.0, scale: float = 1.0) -> float:
        return slip(value / scale, last, place, off) * scale

    return of_sheet


OPERATIONS: Mapping[str, Callable[..., float]] = {
    "to decimals": lambda value, digits: to_digits(value, digits, figures=False),
    "to figures": lambda value, digits: to_digits(value, digits, figures=True),
    "digits swapped": _scaled(_swapped),
    "digit left out": _scaled(_left_out),
    "digit doubled": _scaled(_doubled),
}
"""What the functions do with numbers."""

STEADY = frozenset(OPERATIONS)
"""Functions whose results are texts: a small change of their number changes nothing, or a digit."""
