"""Chooses between one thread and the team by timing both now and then."""

from __future__ import annotations

CALL_SECONDS = 0.05
"""How long the machine runs before it returns for Ctrl-C and the time limit."""

TRIAL_SECONDS = 0.005
"""How long a trial of the other way takes, the team or worker 0 alone; at least one batch."""

FIRST_SECONDS, FIRST_BATCHES = 20 * TRIAL_SECONDS, 20
"""How long, and for how many batches, a team works before the first trial of worker 0 alone."""

TRUST_SECONDS, TRUST = 2.0, 50
"""How long the faster way is kept before the next trial: so many seconds, and so many times the trial's length."""


class AutoSwitch:
    """Chooses the faster way, together or worker 0 alone, and tries the other one now and then.

    A trial is short beside the time for which its result is trusted, so the slower way costs little. The first
    measurement after a change is not counted, since caches and threads are not warm yet.
    """

    def __init__(self) -> None:
        self.together = True
        self.trying = False
        self._changed = True
        self._batches, self._seconds = 0, 0.0
        self._long = FIRST_SECONDS, FIRST_BATCHES
        self._per_batch: dict[bool, float] = {}

    @property
    def seconds(self) -> float:
        """How long the machine may run before the next call of `note`."""
        return TRIAL_SECONDS if self.trying else CALL_SECONDS

    def note(self, batches: int, seconds: float) -> None:
        """Record how long so many batches took, and choose the way for the next ones."""
        if self._changed:
            self._changed = False
            return
        self._batches += batches
        self._seconds += seconds
        least, enough = (TRIAL_SECONDS, 1) if self.trying else self._long
        if self._seconds < least or self._batches < enough:
            return
        self._per_batch[self.together] = self._seconds / self._batches
        before = self.together
        if self.trying:
            self._long = max(TRUST_SECONDS, TRUST * self._seconds), 1
            self.together = self._per_batch[True] <= self._per_batch[False]
        else:
            self.together = not self.together
        self.trying = not self.trying
        self._changed = self.together != before
        self._batches, self._seconds = 0, 0.0
