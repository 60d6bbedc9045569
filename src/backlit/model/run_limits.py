"""What ends a training on a table early: a request to stop, Ctrl-C, or the time limit."""

from __future__ import annotations

import time

CTRL_C = "ended by Ctrl-C"

CHOOSING_SHARE, LEAST_SHARE, COMPARING_SHARE = 0.5, 0.25, 0.05
"""Parts of a time limit: the most that choosing may take, the least that is left for training, and the least that is
left for the linear model beside the network."""


class RunLimits:
    """The request to stop and the time limit, in seconds or None, of one training on a table.

    `stopping` is True from a request on until `clear`; `why` is the reason of the last request, for the report.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.stopping, self.why = False, ""
        self._started: float | None = None

    def stop(self, why: str) -> None:
        """Ask that the phase under way end after its current epoch."""
        self.stopping, self.why = True, why

    def clear(self) -> None:
        """Forget the request, which was for the phase that has ended; its reason is kept."""
        self.stopping = False

    def start_clock(self) -> None:
        """Begin to count for the time limit; reading the table and compiling the maths before do not count."""
        if self._started is None:
            self._started = time.perf_counter()

    def _elapsed(self) -> float:
        return 0.0 if self._started is None else time.perf_counter() - self._started

    def _left(self, least: float) -> float | None:
        """The rest of the time limit, but at least this part of the whole; None where there is no limit."""
        return None if self.seconds is None else max(self.seconds - self._elapsed(), least * self.seconds)

    def seconds_to_train(self) -> float | None:
        """The seconds that training may take."""
        return self._left(LEAST_SHARE)

    def seconds_to_compare(self) -> float | None:
        """The seconds that the linear model may take."""
        return self._left(COMPARING_SHARE)

    def end_choosing(self) -> bool:
        """Whether to end the choosing: on request, or because its part of the time limit is used up."""
        return self.stopping or (self.seconds is not None and self._elapsed() > CHOOSING_SHARE * self.seconds)
