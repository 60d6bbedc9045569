"""What ends a training on a table early: a request to stop, Ctrl-C, or the time limit."""

from __future__ import annotations

import time
from collections.abc import Callable

CTRL_C = "ended by Ctrl-C"

CHOOSING_SHARE, LEAST_SHARE, COMPARING_SHARE = 0.5, 0.25, 0.05
"""Parts of a time limit: the most that choosing may take, the least that is left for training, and what is kept for the
linear model beside the network."""


class RunLimits:
    """The request to stop and the time limit, in seconds or None, of one training on a table.

    The limit is for choosing, training and the comparison with a linear model together. Reading and encoding the table,
    compiling, and the scores on the test rows do not count. Where a phase has to end, it goes on for one batch or 0.1 s
    more, whichever is longer.

    `stopping` is True from a request on until `clear`; `why` is the reason of the last request, for the report.
    `clock` gives seconds.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds, self.clock = seconds, clock
        self.stopping, self.why = False, ""
        self._started: float | None = None

    def stop(self, why: str) -> None:
        """Ask that the phase under way end after its current epoch."""
        self.stopping, self.why = True, why

    def clear(self) -> None:
        """Forget the request, which was for the phase that has ended; its reason is kept."""
        self.stopping = False

    def start_clock(self) -> None:
        """Begin to count for the time limit, if that has not begun."""
        if self._started is None:
            self._started = self.clock()

    def _elapsed(self) -> float:
        return 0.0 if self._started is None else self.clock() - self._started

    def _left(self, until: float, least: float) -> float | None:
        """The seconds until a part of the limit is used up, at least a part of the whole; None where there is none."""
        return None if self.seconds is None else max(until * self.seconds - self._elapsed(), least * self.seconds)

    def seconds_to_choose(self) -> float | None:
        """The seconds that choosing may still take."""
        return self._left(CHOOSING_SHARE, 0.0)

    def seconds_to_train(self) -> float | None:
        """The seconds that training may take."""
        return self._left(1.0 - COMPARING_SHARE, LEAST_SHARE)

    def seconds_to_compare(self) -> float | None:
        """The seconds that the linear model may take."""
        return self._left(1.0, COMPARING_SHARE)

    def end_choosing(self) -> bool:
        """Whether to end the choosing: on request, or because its part of the time limit is used up."""
        return self.stopping or self.seconds_to_choose() == 0.0

    def reached(self) -> str:
        """Say that the time limit ended something."""
        return f"time limit of {self.seconds:g} s reached"
