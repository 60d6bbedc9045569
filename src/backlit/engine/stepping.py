"""A training that is driven a little at a time."""

from __future__ import annotations

import time
from typing import NamedTuple

from backlit.engine.chunks import epochs_at_once
from backlit.engine.training import Training


class Advanced(NamedTuple):
    """What an advance did."""

    updates: int
    epochs: int
    stopped: str | None


class SteppedTraining(Training):
    """A training that is driven a little at a time; for now an epoch at a time."""

    batch, batches = 0, 1

    def advance(self, updates: int | None = None, epochs: int | None = None, seconds: float | None = 0.05) -> Advanced:
        """Train so many epochs, or for some time."""
        began, step, first = time.monotonic(), self.step, len(self.history)
        ways = self.__dict__.setdefault("_ways", self.in_chunks(lambda: 1 if epochs else epochs_at_once(self)))
        for _ in ways:
            if (epochs and len(self.history) >= first + epochs) or (seconds and time.monotonic() - began > seconds):
                break
            if updates:
                break
        return Advanced(self.step - step, len(self.history) - first, self.stopped)
