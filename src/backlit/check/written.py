"""A number as a person wrote it: its value, and the unit of its last digit."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Self

import msgspec
import numpy as np

from backlit.errors import BacklitError

MINUS = str.maketrans({"−": "-", "–": "-", "⁻": "-", "·": "", "\u00a0": "", "\u202f": "", "_": ""})


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
    def of(cls, given: str | float | Decimal) -> Self:
        """Read a number; of a float, the shortest decimal that means it.

        Errors: a BacklitError for what is no finite number.
        """
        text = given.strip() if isinstance(given, str) else str(given)
        try:
            number = Decimal(text.translate(MINUS))
        except InvalidOperation:
            number = Decimal("NaN")
        exponent = number.as_tuple().exponent
        if isinstance(given, bool) or not isinstance(exponent, int):
            raise BacklitError(f"{given!r} is no number; expected digits such as 0.3775 or 3.5e-5.")
        figures = len(number.normalize().as_tuple().digits) if not number else len(number.as_tuple().digits)
        return cls(text, float(number), float(Decimal(1).scaleb(exponent)), figures)

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
