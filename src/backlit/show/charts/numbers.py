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
