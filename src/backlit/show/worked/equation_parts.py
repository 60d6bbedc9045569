"""The equation of one worked number in LaTeX, part by part, as all documents set it."""

from __future__ import annotations

import re
from decimal import Decimal

from backlit.explain.algebra.numerals import decimal_text, latex_number
from backlit.explain.record.step_records import Record


def equation_parts(record: Record) -> list[str]:
    """Give the formula, the formula with its numbers put in, and the value.

    The second is left out where it is a single number, the value itself.
    """
    parts = [record.formula]
    if not says_the_same(record):
        parts.append(record.substituted)
    return [*parts, latex_number(record.shown)]


def says_the_same(record: Record) -> bool:
    """Tell whether the formula with its numbers put in is a single number, the value itself."""
    numbers = record.plain_substituted
    return numbers == record.shown or (is_number(numbers) and Decimal(numbers) == Decimal(record.shown))


def is_number(text: str) -> bool:
    """Tell whether a text is one finite number."""
    return re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) is not None


def latex_decimal(value: float, digits: int) -> str:
    """Give a number with so many places, in LaTeX."""
    return latex_number(decimal_text(value, digits))
