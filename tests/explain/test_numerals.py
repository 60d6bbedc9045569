"""Rounding is correct at any number of digits."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import backlit as bl
from backlit.explain.algebra.numerals import (
    LARGEST_FIXED,
    decimal_text,
    given_text,
    latex_number,
    right_text,
    short_text,
    smallest_fixed,
)

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
    (0.0826, 2, "0.08"), (0.0826, 1, "8e-2"), (0.009, 2, "9.0e-3"), (0.009, 3, "0.009"), (0.0009, 6, "9.00000e-4"),
    (0.0625, 3, "0.062"), (0.1875, 3, "0.188"), (0.03125, 4, "0.0312"),
    (float("inf"), 3, "∞"), (float("-inf"), 3, "-∞"), (float("nan"), 3, "NaN"),
])  # fmt: skip
def test_cases(value: float, digits: int, text: str) -> None:
    assert decimal_text(value, digits) == text
    assert latex_number(text)


@pytest.mark.parametrize(("value", "exact", "digits", "text"), [
    (0.1 + 0.2, "0.3", 9, "0.300000000"), (0.1 + 0.2, "0.3", 17, "0.3000000000000000"),
    (8.881784197001252e-16, "9.278e-16", 9, "9e-16"), (4.44e-16, "4.639e-16", 9, "4e-16"),
    (2.7755575615628914e-17, "0", 9, "0.000000000"), (2.7755575615628914e-17, "0", 17, "0.0000000000000000"),
    (0.100000381, "0.1", 9, "0.100000"), (2.0, "0.1", 9, "0e1"), (64.0, "3", 9, "0e3"), (-34.0, "3", 9, "0e2"),
    (123456789.4, "123456700", 3, "1.23457e8"), (1.23456e12, "1.23e12", 6, "1.23e12"), (1e38, "1e600", 3, "1.00e38"),
    (-1e-5, "1e-5", 9, "0.0000"), (1.0, "0.99999999999999999999", 9, "1.000000000"),
])  # fmt: skip
def test_only_right_digits_are_shown(value: float, exact: str, digits: int, text: str) -> None:
    assert right_text(value, Decimal(exact), digits) == text


@given(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3), st.integers(-20, 3), st.integers(0, 17))
def test_what_is_shown_is_within_a_unit_of_both_numbers(value: float, off: float, scale: int, digits: int) -> None:
    exact = Decimal(repr(value)) + Decimal(repr(off)).scaleb(scale)
    text = right_text(value, exact, digits)
    shown = Decimal(text)
    unit = Decimal(1).scaleb(shown.as_tuple().exponent)
    assert abs(shown - exact) <= unit
    assert abs(shown - Decimal(repr(value))) <= unit


@pytest.mark.parametrize(("value", "digits", "text"), [
    (0.11, 1, "0.11"), (0.01, 0, "0.01"), (-0.05, 1, "-0.05"), (1234.0, 0, "1234"), (0.0004, 9, "4e-4"),
    (12345.678, 1, "12345.7"), (2 / 3, 2, "0.67"), (float("inf"), 1, "∞"),
])  # fmt: skip
def test_a_short_given_number_stays_whole(value: float, digits: int, text: str) -> None:
    assert given_text(value, digits) == text


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_few_digits_are_places_behind_the_point(digits: int) -> None:
    network = bl.Network([bl.Dense(1, weights=[[0.11]], biases=[0.01])], 1)
    step = bl.explain(network, [[0.6]], [[0.01]], optimizer=bl.SGD(0.05), digits=digits, compare=True)
    assert step["w(i1,o1)"].shown == "0.11"
    assert "0.11 · 0.6 + 0.01" in step["net(o1)"].plain_substituted
    assert step["w(i1,o1)+"].shown == {1: "0.1", 2: "0.11", 3: "0.108"}[digits]
    assert step["dE/dw(i1,o1)"].shown == {1: "4e-2", 2: "0.04", 3: "0.040"}[digits]
    text = str(step)
    assert "w(i1,o1) 0.11" in text or "0.11 ─" in text
    assert re.search(r"w\(i1,o1\) +0.110? ", text[text.index("Before and after") :])
