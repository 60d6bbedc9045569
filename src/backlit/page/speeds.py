"""The speeds that a training is played at, in updates a second."""

from __future__ import annotations

import math

SPEEDS = (1, 3, 10, 30, 100, 1_000)
"""The updates a second that one may choose, beside full speed."""

SLOWEST, LONGEST = 10, 90.0
"""At first a training plays at the slowest of SPEEDS, from SLOWEST on, at which all of it lasts at most LONGEST s."""


def first_speed(updates: int) -> float:
    """Give the speed at which a training of so many updates begins: slow enough to be seen, where it is short.

    Training of 1,000 updates begins at 30 a second, one of a million at full speed.
    """
    return next((speed for speed in SPEEDS if speed >= SLOWEST and updates <= LONGEST * speed), math.inf)
