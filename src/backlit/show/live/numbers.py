"""Numbers as the live page writes them: powers of ten and signs as the formulas have them, slopes as ∂E/∂w."""

from __future__ import annotations

import re

from backlit.show.charts import numbers as charts

_POWER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+−-]?)0*(\d+)(?!\w)")
_SIGN = re.compile(r"(?<![^\s=(,])-(?=\d)|(?<=\de)-(?=\d)")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def powers(text: str) -> str:
    """Write the numbers of a text with powers of ten.

    >>> powers("1.5e-07 to −2e+141, not a1e5")
    '1.5×10⁻⁷ to −2×10¹⁴¹, not a1e5'
    """
    return _POWER.sub(lambda found: f"{found[1]}×10{'⁻' if found[2] in {'-', '−'} and found[2] else ''}"
                      f"{found[3].translate(_RAISED)}", text)  # fmt: skip


def printed(text: str) -> str:
    """Write a number's sign and power of ten.

    >>> printed("-7.856e-7")
    '−7.856×10⁻⁷'
    """
    return powers(charts.minus(text))


def signs(text: str) -> str:
    """Write the signs of a text's numbers; a hyphen of a name stays.

    >>> signs("w7 -0.02 · (-3), a-1")
    'w7 −0.02 · (−3), a-1'
    """
    return _SIGN.sub("−", text)


def four_digits(value: float) -> str:
    """Write a number with up to four digits."""
    return powers(charts.four_digits(value))


def plain_digits(value: float, digits: int = 4, sign: str = "") -> str:
    """Write a number with up to so many digits, and without a power of ten below a billion."""
    return powers(charts.plain_digits(value, digits, sign))


def partial(text: str) -> str:
    """Write the names of slopes as the formulas do.

    >>> partial("dE/dw(i1,h1)")
    '∂E/∂w(i1,h1)'
    """
    return text.replace("dE/d", "∂E/∂")
