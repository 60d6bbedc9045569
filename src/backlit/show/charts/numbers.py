"""Numbers as pictures and their words show them."""

from __future__ import annotations


def minus(text: str) -> str:
    """Write a number's sign as print does.

    >>> minus("-0.5")
    '−0.5'
    """
    return text.replace("-", "−")


def four_digits(value: float) -> str:
    """Write a number with up to four digits; -0 is 0.

    >>> four_digits(-0.123456), four_digits(-0.0), four_digits(2.0)
    ('−0.1235', '0', '2')
    """
    return minus(f"{value + 0.0:.4g}")


def plain_digits(value: float, digits: int = 4, sign: str = "") -> str:
    """Write a number with up to so many digits, and without a power of ten below a billion; `sign` "+" writes that too.

    >>> plain_digits(-57738.0), plain_digits(1214231.0, 6), plain_digits(0.25, sign="+"), plain_digits(4.1e29)
    ('−57,740', '1,214,230', '+0.25', '4.1e+29')
    """
    text = f"{value + 0.0:{sign}.{digits}g}"
    if 10_000.0 <= abs(float(text)) < 1e9:
        text = f"{float(text):{sign},.10g}"
    return minus(text)
