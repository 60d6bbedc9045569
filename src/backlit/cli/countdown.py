"""The time left of a training in words, which count down between one estimate and the next."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backlit.model import Progress

JITTER, JITTER_SECONDS = 0.1, 1.0
"""An estimate that is later than the one before by less than this part of the time left, or so many seconds, is left:
seconds would go up and down."""

STEPS = ((30, 1), (120, 5), (600, 30), (math.inf, 60))
"""Up to so many seconds are told in steps of so many: rounded up, 11 s shall not be 15 s, nor 61 s two minutes."""

IN_MINUTES = 120
"""So many seconds and more are told in minutes."""


class Countdown:
    """Tells the time left of a training: about, or at most where choosing or training may end earlier.

    `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._end: float | None = None
        self._at_most = False

    def note(self, progress: Progress) -> None:
        """Take an estimate; forget the last one where there is none, or nothing left to train."""
        if not progress.seconds_left:
            self._end = None
            return
        now = self.clock()
        end = now + progress.seconds_left
        later = 0.0 if self._end is None else end - max(self._end, now)
        if self._end is None or self._at_most != progress.at_most or later <= 0.0 or later > self._jitter(now):
            self._end, self._at_most = end, progress.at_most

    def _jitter(self, now: float) -> float:
        return max(JITTER_SECONDS, JITTER * ((self._end or now) - now))

    @property
    def words(self) -> str:
        """The time left, such as "at most 25 s left"; empty where nothing is known."""
        if self._end is None:
            return ""
        return f"{'at most' if self._at_most else 'about'} {rounded(self._end - self.clock())} left"


def rounded(seconds: float) -> str:
    """Give seconds as a person would say them, rounded up, and never less than one.

    >>> [rounded(seconds) for seconds in (-3.0, 7.2, 61.0, 125.0, 3601.0)]
    ['1 s', '8 s', '65 s', '2 min 30 s', '1 h 1 min']
    """
    step = next(step for limit, step in STEPS if seconds <= limit)
    whole = max(1, math.ceil(seconds / step) * step)
    if whole < IN_MINUTES:
        return f"{whole} s"
    parts = (whole // 3600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
