"""A number as a person wrote it: its value, and the unit of its last digit."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Self

import msgspec
import numpy as np

from backlit.errors import BacklitError

PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
"""A number in plain digits."""
FARTHEST, COARSEST = 300, 15
"""Powers of ten beyond this are no floats, and no step has a number whose last digit stands for more than this."""


class Written(msgspec.Struct, frozen=True):
    """A number with as many digits as a person wrote.

    Attributes:
        text: as it was written.
        value: its value.
        unit: the unit of its last digit: 0.0001 of 0.3775, 1e-7 of 3.51e-5; 0 of a number that is exact.
        figures: how many significant digits it has.

    >>> Written.of("0.3770").unit, Written.of("-3.51e-5").unit, Written.of("12").unit
    (0.0001, 1e-07, 1.0)
    """

    text: str
    value: float
    unit: float
    figures: int

    @classmethod
    def of(cls, digits: str, text: str = "") -> Self:
        """Read a number in plain digits, as programs write it; `number_of` reads those of people.

        `text` is what stands on the sheet, if that has other signs.

        Errors: a BacklitError for what is no finite number, and for one that is too large or too small for a step.
        """
        if far := _too_far(digits):
            raise BacklitError(f"{text or digits!r} is {far}; expected one such as 0.3775 or 3.5e-5.")
        number = Decimal(digits)
        figures = len(number.as_tuple().digits)
        return cls(text or digits, float(number), float(Decimal(1).scaleb(_last(number))), figures)

    @property
    def half(self) -> float:
        """Half a unit of the last digit."""
        return 0.5 * self.unit

    @property
    def is_padded(self) -> bool:
        """Whether it ends in a 0 behind the point that a program would leave out: 0.3770 or 0.00, but not 0.0.

        Then its last digit tells to which digit it was rounded, whatever its value is.
        """
        digits = self.text.lower().partition("e")[0]
        return "." in digits and digits.endswith("0") and not digits.endswith(".0")

    @property
    def is_bare_zero(self) -> bool:
        """Whether it is 0 or 0.0, as programs write zero: its last digit says nothing.

        >>> [Written.of(text).is_bare_zero for text in ("0", "-0.0", "0.000", "0.1")]
        [True, True, False, False]
        """
        return not self.value and not self.is_padded

    def is_of_single(self) -> bool:
        """Tell whether it has the digits with which a program writes a float32: the fewest that mean it.

        >>> Written.of("0.12345679").is_of_single(), Written.of("0.1234567891").is_of_single()
        (True, False)
        """
        with np.errstate(over="ignore", under="ignore"):
            return float(str(np.float32(self.value))) == self.value

    @property
    def decimals(self) -> int:
        """How many places stand behind the point; negative of 1.2e3."""
        return -round(math.log10(self.unit)) if self.unit else 0


def _too_far(digits: str) -> str:
    """Say why a step has no such number: it, or the unit of its last digit, is too large, or it is too small."""
    if not PLAIN.fullmatch(digits):
        return "no number"
    try:
        number = Decimal(digits)
    except InvalidOperation:  # an exponent of twenty digits
        return "too small: write 0" if "e-" in digits.lower() else "beyond the numbers of float64"
    if number.adjusted() < -FARTHEST:
        return "too small: float64 has no such number with all its digits, write 0" if number else "0: write 0"
    if number.adjusted() > FARTHEST:
        return "beyond the numbers of float64"
    if _last(number) > COARSEST:
        return f"too large: its last digit stands for more than 1e{COARSEST}"
    return ""


def _last(number: Decimal) -> int:
    """Give the power of ten that a number's last digit stands for: -2 of 0.30."""
    return number.adjusted() + 1 - len(number.as_tuple().digits)
