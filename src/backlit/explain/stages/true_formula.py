"""Which of several ways to write a formula gives the engine's number: the plain one, that with limits, another form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from backlit.explain.algebra.decimals import as_written, decimal_value, distance
from backlit.explain.algebra.tree import Node

LARGEST = Decimal("1.8e308")
AGREES, NEAR = Decimal("1e-9"), Decimal("1e-12")


def true_formula(value: float, written: Iterable[Node]) -> int:
    """Give the place of the first formula that agrees with the engine's number.

    Where none does to nine digits, it is the first that is near, and else the nearest.

    >>> from backlit.explain.algebra.parsing import parse
    >>> true_formula(69.07755278982137, [parse(r"-\\log(1 - 1)"), parse(r"-\\log \\max(1 - 1, 10^{-30})")])
    1
    """
    number = as_written(value)
    if not number.is_finite():
        values = [decimal_value(node) for node in written]
        return next((place for place, v in enumerate(values) if not (v.is_finite() and v.copy_abs() < LARGEST)), 0)
    agrees, near = allowances(number)
    gaps: list[Decimal] = []
    for place, node in enumerate(written):  # those behind the first that agrees need not be written
        gaps.append(_gap(node, number))
        if gaps[-1] <= agrees:
            return place
    return next((place for place, gap in enumerate(gaps) if gap <= near), _nearest(gaps))


def allowances(number: Decimal) -> tuple[Decimal, Decimal]:
    """Give how far a formula's number may be from the engine's: to agree to nine digits, and to be near."""
    return AGREES * abs(number), NEAR * max(abs(number), Decimal(1))


def _gap(node: Node, number: Decimal) -> Decimal:
    """Give how far a formula is from the number; infinite where it has none."""
    value = decimal_value(node)
    return distance(value, number) if value.is_finite() else Decimal("Infinity")


def _nearest(gaps: Sequence[Decimal]) -> int:
    return min(range(len(gaps)), key=lambda place: gaps[place])
