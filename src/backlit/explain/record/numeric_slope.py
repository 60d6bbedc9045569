"""The slope of the error along one number by differences, with what they can tell: a slope, a kink, or nothing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from backlit.explain.algebra.decimals import as_written
from backlit.explain.algebra.numerals import right_text

ROUNDING = 200 * 2.0**-52
"""The rounding of a difference of E, as a part of E; as in `gradcheck`."""
FIRST_STEP, SMALLER = 1e-3, 1e-7
"""The first half width of the differences, relative to the number that is moved; and the last, relative to it."""
RESOLVED = 2.0**-46
"""A smaller step, relative to the number that is moved, may be lost in it."""
CHANGE = 1e-2
"""The first step changes E by no more than this part of it, as far as the slope to be compared tells."""
SETTLED = 1e-10
"""A slope whose relative error is below this is taken; else a smaller step is tried."""


class NumericSlope(NamedTuple):
    """A slope by differences and how far off it may be; at a kink, where `value` is None, those from both sides.

    All are None where E is not finite beside the point.
    """

    value: float | None
    error: float
    left: float | None = None
    right: float | None = None
    remark: str = ""

    def words(self, slope: float, digits: int) -> str:
        """Say what the differences tell about a slope."""
        return "; ".join(filter(None, [self._told(slope, digits), self.remark]))

    def _told(self, slope: float, digits: int) -> str:
        if self.value is not None:
            if 0.0 < abs(slope) <= self.error and abs(self.value) <= self.error:
                return "differences cannot resolve a slope this small: the rounding of E hides it"
            text = _known_digits(self.value, self.error, digits)
            if text.startswith("0e"):
                size = text.replace("0e", "1e")
                return f"differences tell only that it is smaller than {size}: the rounding of E hides the rest"
            return f"by differences {text}"
        if self.left is None or self.right is None:
            return "no differences: E is not finite beside this point"
        left, right = (_known_digits(side, self.error, digits) for side in (self.left, self.right))
        return f"a kink is too close: by differences {left} from the left, {right} from the right; {self._taken(slope)}"

    def _taken(self, slope: float) -> str:
        for name, side in (("left", self.left), ("right", self.right)):
            if side is not None and abs(slope - side) <= 10.0 * self.error + 1e-6 * max(abs(slope), abs(side)):
                return f"the slope taken is that from the {name}"
        return "the slope taken is neither"


def _known_digits(value: float, error: float, digits: int) -> str:
    """Give a slope with the digits that its error leaves."""
    return right_text(value, as_written(value) + Decimal(error), digits)


class _Sides(NamedTuple):
    """The slopes that the differences of one step give, and how far off they may be."""

    central: float
    central_error: float
    left: float
    right: float
    side_error: float

    @property
    def smooth(self) -> bool:
        """Whether both sides have one slope, as far as the differences tell."""
        return abs(self.left - self.right) <= 10.0 * self.side_error

    @property
    def flat(self) -> bool:
        """Whether E has not changed."""
        return self.central == self.left == self.right == 0.0

    @property
    def error(self) -> float:
        """How far off the slopes may be that count here."""
        return self.central_error if self.smooth else self.side_error


def numeric_slope(error: Callable[[float], float], size: float, expected: float) -> NumericSlope:
    """Give the slope of E at 0 by differences.

    At each step the slope is taken from both sides together, to fourth order, and from either side alone, to third. It
    stands where the two sides agree; a step that crosses a kink makes them differ, and a smaller one is tried. The
    step with the smallest error counts. Where its two sides differ, a kink is here, or too close to tell.

    Args:
        error: gives E with the number moved so far. size: of the number. expected: the slope to compare with; it limits
            the step, and enters nothing else.

    >>> numeric_slope(lambda h: (3.0 + h) ** 2, 3.0, 6.0).words(6.0, 6)
    'by differences 6.000000'
    >>> numeric_slope(lambda h: max(h, 0.0), 1.0, 0.0).words(0.0, 1)
    'a kink is too close: by differences 0.0 from the left, 1.0 from the right; the slope taken is that from the left'
    """
    full = start = FIRST_STEP * max(1.0, abs(size))
    error = functools.cache(error)  # every step asks for E without a shift
    here = abs(error(0.0))
    if here and expected:
        start = min(start, CHANGE * here / abs(expected))
    # Where E is so small that such a step is lost in the number, a kink is there, or E is all rounding.
    found = _found(error, start, abs(size)) or _found(error, full, abs(size))
    if not found:
        return NumericSlope(None, math.inf)
    best = min(found, key=lambda sides: sides.error)
    if best.smooth:
        return NumericSlope(best.central, best.error)
    return NumericSlope(None, best.error, best.left, best.right)


def _found(error: Callable[[float], float], start: float, size: float) -> list[_Sides]:
    """Give what smaller and smaller steps tell, up to one that settles it."""
    found: list[_Sides] = []
    here = abs(error(0.0))
    for step in _steps(start, size) if 0.0 < start < math.inf else ():
        if found and ROUNDING * here / step >= min(sides.error for sides in found):
            break  # the rounding of E alone makes this step, and smaller ones, no better than one before
        sides = _sides(error, step)
        if sides is None or (found and sides.flat and step < RESOLVED * max(1.0, size)):
            continue  # a step so small that it changes nothing is lost on the way to E
        found.append(sides)
        if sides.smooth and sides.central_error <= SETTLED * abs(sides.central):
            break
    return found


def _steps(start: float, size: float) -> Iterator[float]:
    """Give smaller and smaller steps, powers of two, so that a number and a step add up exactly."""
    step = start
    while step >= max(SMALLER * start, RESOLVED * size):
        yield 2.0 ** round(math.log2(step))
        step /= 8.0


def _sides(error: Callable[[float], float], h: float) -> _Sides | None:
    """Take the differences of one step; None where E is not finite there."""
    E = {k: error(k * h) for k in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)}
    if not all(map(math.isfinite, E.values())):
        return None
    wide = (8.0 * (E[1.0] - E[-1.0]) - (E[2.0] - E[-2.0])) / (12.0 * h)
    central = (8.0 * (E[0.5] - E[-0.5]) - (E[1.0] - E[-1.0])) / (6.0 * h)
    one_sided = [[(4.0 * E[s * k] - E[s * 2.0 * k] - 3.0 * E[0.0]) / (s * 2.0 * k * h) for k in (0.5, 1.0)]
                 for s in (-1.0, 1.0)]  # fmt: skip
    left, right = ((4.0 * near - far) / 3.0 for near, far in one_sided)
    hidden = ROUNDING * max(map(abs, E.values())) / h
    return _Sides(
        central, abs(wide - central) + hidden, left, right,
        max(abs(near - far) for near, far in one_sided) + hidden,
    )  # fmt: skip
