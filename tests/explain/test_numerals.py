"""Rounding is correct at any number of digits."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlit.explain.algebra.numerals import LARGEST_FIXED, decimal_text, latex_number, short_text, smallest_fixed

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS | st.floats(-1e3, 1e3), st.integers(0, 40))
def test_rounding_is_half_to_even_of_what_repr_prints(value: float, digits: int) -> None:
    exact = Fraction(repr(value))
    text = decimal_text(value, digits)
    if not exact or smallest_fixed(digits) <= abs(exact) < LARGEST_FIXED:
        places = digits
        assert "e" not in text
        assert len(text.partition(".")[2]) == digits
    else:
        places = max(digits, 1) - 1 - Decimal(repr(value)).adjusted()
        assert len(text.partition("e")[0].partition(".")[2]) == max(digits - 1, 0)
    assert Fraction(text) == Fraction(round(exact * Fraction(10) ** places)) / Fraction(10) ** places


@given(NUMBERS, st.integers(0, 20))
def test_short_numbers_are_exact_or_rounded(value: float, digits: int) -> None:
    short = short_text(value, digits)
    assert short == decimal_text(value, digits) or Fraction(short) == Fraction(repr(value))


@pytest.mark.parametrize(("value", "digits", "text"), [
    (0.5, 0, "5e-1"), (1.5, 0, "2"), (2.675, 2, "2.68"), (-0.0, 3, "0.000"), (0.1 + 0.2, 17, "0.30000000000000004"),
    (1e-7, 9, "1.00000000e-7"), (9.9999999999e-4, 3, "1.00e-3"), (123456789.5, 0, "123456790"), (1e22, 3, "1.00e22"),
    (float("inf"), 3, "∞"), (float("-inf"), 3, "-∞"), (float("nan"), 3, "NaN"),
])  # fmt: skip
def test_cases(value: float, digits: int, text: str) -> None:
    assert decimal_text(value, digits) == text
    assert latex_number(text)
