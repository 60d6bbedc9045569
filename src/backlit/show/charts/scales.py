"""From data to places: the ends of an axis, its round marks, their texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from backlit.show.charts.figure import Axis, Bars, Cells, Field, Figure, Layer, Regions
from backlit.show.charts.numbers import minus

ROOM = 0.04
"""Free space at each end of an axis, as a part of it."""

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

FARTHEST = 1e250
"""Numbers that are larger are not drawn, those below its inverse are drawn as 0: an axis needs room at its ends."""

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Scale(msgspec.Struct, frozen=True):
    """An axis between `low` and `high`, both finite and different; of a logarithmic axis they are powers of ten."""

    low: float
    high: float
    log: bool
    marks: tuple[tuple[float, str], ...]

    def share(self, values: Sequence[float] | float) -> np.ndarray:
        """Give where values lie, 0 at the low end and 1 at the high end; NaN where there is no place for one."""
        given = drawable(values)
        if self.log:
            given = np.log10(np.where(given > 0, given, np.nan))
        return (given - self.low) / (self.high - self.low)

    def value(self, share: float) -> float:
        """Give the value at a place."""
        at = self.low * (1 - share) + self.high * share
        return float(10.0**at) if self.log else at

    def thinned(self) -> Scale:
        """Give the same axis with every second mark; where one of them is 0, it stays.

        >>> made = scale(Axis(), [-2.0, 10.0])
        >>> [text for _, text in made.thinned().marks]
        ['0', '5.0', '10.0']
        """
        zero = next((place for place, (at, _) in enumerate(self.marks) if at == 0.0), 0)
        return msgspec.structs.replace(self, marks=self.marks[zero % 2 :: 2])


def drawable(values: object) -> np.ndarray:
    """Give numbers as they are drawn: NaN where they are not finite or too large, 0 where they are too small."""
    given = np.asarray(values, np.float64)
    size = np.abs(given)
    return np.where(
        size <= FARTHEST * 1.000001,  # marks may lie there
        np.where(size < 0.999999 / FARTHEST, 0.0, given),
        np.nan,
    )


def scales(figure: Figure) -> tuple[Scale, Scale]:
    """Give the scales of the x and the y axis of a figure, which hold all of its layers."""
    ends = [_values(figure.layers, k) for k in (0, 1)]
    whole = any(isinstance(layer, (Cells, Field, Regions)) for layer in figure.layers)
    return scale(figure.x, ends[0], room=not whole), scale(figure.y, ends[1], room=not whole)


def scale(axis: Axis, values: Iterable[float], *, room: bool = True) -> Scale:
    """Give the scale of an axis that holds finite values; `room` leaves some free space at ends that are not given.

    >>> made = scale(Axis(), [0.0, 10.0])
    >>> [text for _, text in made.marks]
    ['0', '2', '4', '6', '8', '10']
    """
    found = drawable(list(values))
    found = found[np.isfinite(found)]
    ends = [min(max(end, -FARTHEST), FARTHEST) for end in (axis.low, axis.high) if end is not None]
    log = axis.log and bool((np.append(found, ends) > 0).any())
    if log:
        found = np.log10(found[found > 0])
        ends = [math.log10(end) for end in ends if end > 0]
    low, high = _ends(np.append(found, ends))
    free = ROOM * (high - low) if room else 0.0
    farthest = math.log10(FARTHEST) if log else FARTHEST
    low = low if low in ends else max(low - free, -farthest)
    high = high if high in ends else min(high + free, farthest)
    return Scale(low, high, log, axis.marks or (_log_marks(low, high) if log else _marks(low, high)))


def _ends(values: np.ndarray) -> tuple[float, float]:
    """Give the lowest and the highest value, a little apart where they are the same."""
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    apart = 0.05 * abs(low) or 0.5
    return low - apart, high + apart


def _values(layers: Sequence[Layer], k: int) -> list[float]:
    """Give the coordinates of all layers along x (0) or y (1)."""
    found: list[float] = []
    for layer in layers:
        if isinstance(layer, Cells):
            found += [-0.5, (len(layer.shares[0]) if k == 0 else len(layer.shares)) - 0.5]
        elif isinstance(layer, Bars):
            found += _bar_values(layer, k)
        elif isinstance(layer, (Field, Regions)):
            found += map(float, layer.y if k else layer.x)
        else:
            names = ("x", "x0", "x1") if k == 0 else ("y", "y0", "y1")
            for given in (getattr(layer, name, None) for name in names):
                if given is not None:
                    found += np.atleast_1d(np.asarray(given, np.float64)).tolist()
    return found


def _bar_values(bars: Bars, k: int) -> list[float]:
    if bars.across != bool(k):  # along the bars' length
        ends = [] if bars.spread is None else [*bars.spread[0], *bars.spread[1]]
        return [0.0, *map(float, bars.values), *map(float, ends)]
    return [*map(float, bars.low), *map(float, bars.high)]


def _marks(low: float, high: float, most: int = 6) -> tuple[tuple[float, str], ...]:
    """Give round values between the ends, evenly apart."""
    width = (high - low) / most
    power = 10.0 ** math.floor(math.log10(width))
    step = next(power * step for step in STEPS if power * step >= width * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [k * step for k in range(first, last + 1)]
    return tuple(zip(values, texts(values, step), strict=True))


def texts(values: Sequence[float], step: float) -> list[str]:
    """Write the marks of an axis, with as many places as their distance needs.

    >>> texts([0.0, 0.25, 0.5], 0.25), texts([0.0, 1500.0], 1500.0), texts([0.0, 2e-7], 2e-7)
    (['0', '0.25', '0.50'], ['0', '1,500'], ['0', '2×10⁻⁷'])
    """
    largest = max(map(abs, values), default=0.0)
    if largest and not 1e-4 <= largest < 1e7:
        return [_power(value, step) for value in values]
    places = next((k for k in range(9) if abs(round(step, k) - step) < 1e-9 * step), 9)
    return [minus(f"{value:,.{places}f}") if value else "0" for value in values]


def _power(value: float, step: float) -> str:
    """Write a number with a power of ten."""
    if value == 0.0:
        return "0"
    exponent = math.floor(math.log10(abs(value)) + 1e-9)
    digits = max(0, exponent - math.floor(math.log10(step) + 1e-9)) + (0 if _whole(step) else 1)
    mantissa = value / 10.0**exponent
    return minus(f"{mantissa:.{digits}f}") + f"×10{str(exponent).translate(RAISED)}"


def _whole(step: float) -> bool:
    return abs(step / 10.0 ** math.floor(math.log10(step) + 1e-9) % 1.0) < 1e-6


def _log_marks(low: float, high: float, most: int = 6) -> tuple[tuple[float, str], ...]:
    """Give round values between the ends, powers of ten or where these are few their multiples."""
    for digits in ((1,), (1, 3), (1, 2, 5)):
        powers = range(math.floor(low), math.ceil(high) + 1)
        found = [(digit, power) for power in powers for digit in digits if low <= math.log10(digit) + power <= high]
        if len(found) >= 3 or (digits == (1, 2, 5) and len(found) >= 2):
            kept = found[:: math.ceil(len(found) / most)]
            return tuple((digit * 10.0**power, log_text(digit, power)) for digit, power in kept)
    ends = 10.0**low, 10.0**high
    return tuple((value, text) for value, text in _marks(*ends, most=4) if value > 0)


def log_text(digit: int, power: int) -> str:
    """Write a digit times a power of ten.

    >>> log_text(5, -2), log_text(1, -7), log_text(2, 3)
    ('0.05', '10⁻⁷', '2,000')
    """
    if -4 <= power <= 5:
        return f"{digit * 10.0**power:,.{max(0, -power)}f}"
    return ("" if digit == 1 else f"{digit}×") + "10" + str(power).translate(RAISED)
