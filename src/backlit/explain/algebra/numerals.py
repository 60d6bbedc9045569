"""Numbers as they are shown: rounded correctly, at any number of digits, from the shortest form of the float64."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal

DIGITS = 9
"""Places behind the point by default."""

LARGEST_FIXED = 10**9
CONTEXT = Context(prec=800, rounding=ROUND_HALF_EVEN, Emax=999_999, Emin=-999_999)
"""Digits enough for every float64 at full length, so that no number is rounded twice."""


HALF = Decimal("0.500001")
"""Half a unit, and a little for ties."""
GIVEN_DIGITS = 4
"""A given number of no more digits is shown as it was given, however few places are asked for."""
BEYOND = 400
"""Exponents beyond this belong to no float64."""


def decimal_text(value: float, digits: int = DIGITS) -> str:
    """Give a number with `digits` places; of very small or large ones, as many significant digits and the exponent.

    Very small is below 0.001, or below the last place. The decimal that is rounded, half to even, is the shortest one
    that means this float64: what `repr` prints.

    >>> decimal_text(0.3775), decimal_text(3.51018778e-5), decimal_text(-2.5, 0), decimal_text(0.0826, 2)
    ('0.377500000', '3.51018778e-5', '-2', '0.08')
    """
    if not math.isfinite(value):
        return {"inf": "∞", "-inf": "-∞"}.get(repr(value), "NaN")
    exact = Decimal(repr(value))
    if not exact:
        exact = Decimal(0)
    if not exact or smallest_fixed(digits) <= abs(exact) < LARGEST_FIXED:
        return _fixed(exact, digits)
    return _scientific(exact, max(digits - 1, 0))


def right_text(value: float, exact: Decimal, digits: int = DIGITS) -> str:
    """Give a number with `digits` places, or as many of them as agree with the exact number, rounded.

    A number of which no digit is right is 0, to a place that is. Of a number that is not exact, no place is shown that
    float64 does not resolve: below a tenth of its step.

    >>> right_text(8.8817842e-16, Decimal("9.278e-16")), right_text(0.100000381, Decimal("0.1"))
    ('9e-16', '0.100000')
    >>> right_text(2.77e-17, Decimal(0)), right_text(64, Decimal(3)), right_text(0.5, Decimal("0.5"))
    ('0.000000000', '0e3', '0.500000000')
    """
    text, number = decimal_text(value, digits), Decimal(repr(float(value)))
    finest = Decimal(math.ulp(value)) / 10 if exact != number else Decimal(0)
    if exact.adjusted() > BEYOND or _is_right(text, exact, finest):
        return text
    shorter = (one for one in _shorter(number, text, digits) if _is_right(one, exact, finest))
    return next(one for one in shorter if Decimal(one) or _is_right(one, number))


def _shorter(number: Decimal, text: str, digits: int) -> Iterator[str]:
    """Give a number with fewer and fewer digits, at the end 0 to coarser and coarser places."""
    if "e" not in text:
        yield from (_fixed(number, places) for places in range(digits - 1, -1, -1))
    if "e" in text or abs(number) >= 10:
        most = max(digits - 1, 0) if "e" in text else number.adjusted()
        yield from (_scientific(number, places) for places in range(most, 0, -1))
        yield f"{_scientific(number, 0)}"
    if "e" in text and abs(number) < 1:
        yield from (_fixed(Decimal(0), places) for places in range(digits, -1, -1))
    yield from (f"0e{exponent}" for exponent in itertools.count(1) if Decimal(10) ** exponent > abs(number))


def _is_right(text: str, exact: Decimal, finest: Decimal = Decimal(0)) -> bool:
    """Tell whether a number is the exact one, rounded, to no place below the finest.

    A single digit may be off by one, if by no more than half.
    """
    shown = Decimal(text)
    _, figures, exponent = shown.as_tuple()
    if shown and Decimal(1).scaleb(int(exponent)) < finest:
        return False
    slack = min(Decimal(1), Decimal(figures[0]) / 2) if len(figures) == 1 and figures[0] else HALF
    return CONTEXT.subtract(shown, exact).copy_abs() <= slack.scaleb(int(exponent))


def _fixed(number: Decimal, places: int) -> str:
    fixed = number.quantize(Decimal(1).scaleb(-places), context=CONTEXT)
    return f"{fixed if fixed else fixed.copy_abs():f}"


def _scientific(number: Decimal, places: int) -> str:
    mantissa, _, exponent = f"{number:.{places}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def smallest_fixed(digits: int) -> Decimal:
    """Give the size below which a number is written with an exponent: 0.001, or the last place where that is larger."""
    return Decimal(1).scaleb(-min(3, digits))


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


def given_text(value: float, digits: int = DIGITS) -> str:
    """Give a number that was given, not computed: whole if it has up to four digits, else as `short_text` does.

    >>> given_text(0.11, 1), given_text(0.05, 1), given_text(2 / 3, 2), given_text(12345.678, 1)
    ('0.11', '0.05', '0.67', '12345.7')
    """
    short = math.isfinite(value) and len(Decimal(repr(float(value))).normalize().as_tuple().digits) <= GIVEN_DIGITS
    return short_text(value, max(digits, DIGITS) if short else digits)


def latex_number(text: str) -> str:
    r"""Give a number's text in LaTeX.

    >>> latex_number("3.5e-5"), latex_number("-∞")
    ('3.5 \\times 10^{-5}', '-\\infty')
    """
    if text.endswith(("∞", "NaN")):
        return text.replace("∞", r"\infty").replace("NaN", r"\mathrm{NaN}")
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{exponent}}}" if e else mantissa
