"""The equation of one worked number in LaTeX, part by part, as all documents set it."""

from __future__ import annotations

from backlit.explain.algebra.numerals import decimal_text, latex_number, short_text
from backlit.explain.record.step_records import Record


def equation_parts(record: Record, digits: int) -> list[str]:
    """Give the formula, the formula with its numbers put in, and the value.

    The second is left out where it is a single number, the value itself.
    """
    parts = [record.formula]
    if record.substituted != latex_number(short_text(record.value, digits)):
        parts.append(record.substituted)
    return [*parts, latex_decimal(record.value, digits)]


def latex_decimal(value: float, digits: int) -> str:
    """Give a number with so many places, in LaTeX."""
    return latex_number(decimal_text(value, digits))
