"""How a learner rounds: how far a number may lie from what follows, and still be right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from backlit.check.evaluation import Number
from backlit.check.worlds import Estimate, Slopes
from backlit.check.written import Written
from backlit.explain.record.quantities import Key

DOUBLE, SINGLE = 2.0**-51, 2.0**-23
"""The relative rounding of float64 and of float32, with one bit of reserve."""
SMALLEST = 1e-3
"""Below this, numbers are written with a power of ten where a sheet has such."""
LOST = 4.0
"""Numbers on the way with a single figure at the sheet's digits, or none, move another by so many units at most."""


class Rounding(msgspec.Struct, frozen=True):
    """To which digit the numbers that a sheet does not give were rounded, as far as those that it gives tell.

    Attributes:
        decimals: places behind the point; None where the sheet keeps so many significant figures instead.
        figures: significant figures. powers: whether it writes small numbers with a power of ten, 3.51e-5; then these
            have so many figures in any case.
    """

    decimals: int | None
    figures: int
    powers: bool = False

    @classmethod
    def of(cls, numbers: Iterable[Written]) -> Rounding:
        """Read it off the numbers that are given, leaving those out that end by themselves; of a tie, the finer."""
        given = sorted((number for number in numbers if number.unit), key=lambda number: number.unit)
        plain = [number for number in given if "e" not in number.text.lower()]
        if not given:
            return cls(None, 17)
        figures = Counter(number.figures for number in given).most_common(1)[0][0]
        if not plain:
            return cls(None, figures)
        usual, count = Counter(number.decimals for number in plain).most_common(1)[0]
        alike = max(Counter(number.figures for number in plain).values())
        return cls(usual if count >= alike else None, figures, len(plain) < len(given))

    @property
    def place(self) -> float:
        """The unit of the last place behind the point; 0 where significant figures are kept."""
        return 0.0 if self.decimals is None else 10.0**-self.decimals

    def unit(self, value: float) -> float:
        """Give the unit of a number's last digit."""
        if self.decimals is not None and not (self.powers and abs(value) < SMALLEST):
            return self.place
        if not value or not math.isfinite(value):
            return 0.0
        return float(10.0 ** (math.floor(math.log10(abs(value))) + 1 - self.figures))


class Allowance(msgspec.Struct, frozen=True):
    """How far a number may lie from what follows, in absolute terms.

    Attributes:
        own: half a unit of its last digit. written: what the rounding of the sheet's other numbers makes of it.
        on_the_way: what rounding the numbers that the sheet does not give would add. double, single: what the rounding
            of float64 and float32 adds. few: what those add that keep a single figure, as m = 0.0025 rounded to 0.003.
    """

    own: float
    written: float
    on_the_way: float
    double: float
    single: float
    few: float = 0.0

    @classmethod
    def of(
        cls, half: float, estimate: Estimate, halves: Mapping[Key, float], rounding: Rounding, place: float,
        scale: Number,
    ) -> Allowance:  # fmt: skip
        """Add up Σ |∂f/∂source| · half a unit of the source's last digit, or all of the source if that is less.

        `place` is the unit of the sheet's last place, in the number's own terms; `scale` gives the size of the factor
        between another number and what the sheet would have for it.

        Numbers on the way that would have a single figure left or none, as v = 0.0000, may move the last places. More
        than that is left open with a single figure; without one the learner would need more digits.
        """
        written, way, few, lost = _sums(estimate.slopes, estimate.number, halves, rounding, scale)
        believable = min(few + lost, LOST * max(2.0 * half, place))
        return cls(half, written, way + believable, estimate.noise * DOUBLE, estimate.noise * SINGLE, few)

    @property
    def right(self) -> float:
        """Up to here a number is right."""
        return (self.own + self.written) * (1.0 + 1e-9) + self.double

    @property
    def rounded(self) -> float:
        """Up to here numbers on the way were rounded too early."""
        return self.right + self.on_the_way

    @property
    def cut(self) -> float:
        """Up to here digits were cut off instead of rounded."""
        return 2.0 * (self.own + self.written + self.on_the_way) * (1.0 + 1e-9) + self.double


def _sums(slopes: Slopes, number: Number, halves: Mapping[Key, float], rounding: Rounding, scale: Number
          ) -> tuple[float, float, float, float]:  # fmt: skip
    """Add up what rounding makes of a number: that of the numbers of the sheet, and of those on the way.

    Of these, what comes from numbers that keep two figures, a single one, none. No number is rounded by more than
    itself. All that many numbers share is added up once for the same `halves`, and kept there.
    """
    open_: list[Slopes] = []
    sums = (0.0, 0.0, 0.0, 0.0)
    for one in slopes.bases():
        if one.sums is not None and one.sums[0] is halves:
            sums = one.sums[1]
            break
        open_.append(one)
    for one in reversed(open_):
        written, way, few, lost = (abs(one.factor) * part for part in sums)
        for source, slope in one.own.items():
            if source in halves:
                written += abs(slope) * halves[source]
                continue
            value = abs(number(source))
            unit = scale(source) * rounding.unit(value / scale(source))
            off = abs(slope) * min(value, 0.5 * unit)
            if value < 0.5 * unit:
                lost += off
            elif value < 10.0 * unit:
                few += off
            else:
                way += off
        sums = written, way, few, lost
        one.sums = halves, sums
    return sums
