"""Numbers as they are shown: rounded correctly, at any number of digits, from the shortest form of the float64."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal

DIGITS = 9
"""Places behind the point by default."""

LARGEST_FIXED = 10**9
CONTEXT = Context(prec=800, rounding=ROUND_HALF_EVEN, Emax=999_999, Emin=-999_999)
"""Digits enough for every float64 at full length, so that no number is rounded twice."""


def decimal_text(value: float, digits: int = DIGITS) -> str:
    """Give a number with `digits` places; of very small or large ones, as many significant digits and the exponent.

    The decimal that is rounded, half to even, is the shortest one that means this float64: what `repr` prints.

    >>> decimal_text(0.3775), decimal_text(3.51018778e-5), decimal_text(-2.5, 0)
    ('0.377500000', '3.51018778e-5', '-2')
    """
    if not math.isfinite(value):
        return {"inf": "∞", "-inf": "-∞"}.get(repr(value), "NaN")
    exact = Decimal(repr(value))
    if not exact:
        exact = Decimal(0)
    if not exact or smallest_fixed(digits) <= abs(exact) < LARGEST_FIXED:
        fixed = exact.quantize(Decimal(1).scaleb(-digits), context=CONTEXT)
        return f"{fixed:f}"
    places = max(digits - 1, 0)
    mantissa, _, exponent = f"{exact:.{places}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def smallest_fixed(digits: int) -> Decimal:
    """Give the size below which a number is written with an exponent: where few of its digits would be left."""
    return Decimal(1).scaleb(-min(3, max(digits - 1, 0)))


def short_text(value: float, digits: int = DIGITS) -> str:
    """Give a number inside a calculation: as it is where it is short, else with `digits` places.

    >>> short_text(0.15), short_text(1.0), short_text(0.1 + 0.2), short_text(2 / 3)
    ('0.15', '1', '0.300000000', '0.666666667')
    """
    rounded = decimal_text(value, digits)
    if math.isfinite(value) and Decimal(rounded) == Decimal(repr(value)):
        plain = f"{Decimal(repr(value)):f}" if "e" not in rounded else f"{Decimal(rounded).normalize():e}"
        mantissa, e, exponent = plain.partition("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        mantissa = "0" if mantissa == "-0" else mantissa
        return f"{mantissa}e{int(exponent)}" if e else mantissa
    return rounded


def latex_number(text: str) -> str:
    r"""Give a number's text in LaTeX.

    >>> latex_number("3.5e-5"), latex_number("-∞")
    ('3.5 \\times 10^{-5}', '-\\infty')
    """
    if text.endswith(("∞", "NaN")):
        return text.replace("∞", r"\infty").replace("NaN", r"\mathrm{NaN}")
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{exponent}}}" if e else mantissa
