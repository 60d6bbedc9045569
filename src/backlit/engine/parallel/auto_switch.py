"""Whether one thread or the team is faster, by timing both now and then."""

from __future__ import annotations

CALL_SECONDS = 0.05
"""How long the machine runs before it comes back for Ctrl-C and the time limit."""


TRIAL_SECONDS = 0.005
"""How long, for one batch at the least, the other way is tried: with the team, or the first worker alone."""


FIRST_SECONDS = 20 * TRIAL_SECONDS


FIRST_BATCHES = 20
"""How long, and for how many batches, a team works before the other way is tried for the first time."""


TRUST_SECONDS = 2.0


TRUST = 50
"""How long the faster way is kept to before the other one is tried again, and for how many times the trial's length."""


class AutoSwitch:
    """Whether it is faster together or alone: the faster way is kept to, and the other is tried now and then.

    A trial is short beside the time for which its result is trusted, so that the slower way costs next to nothing. What
    is measured right after a change is not counted, since caches and threads are not yet warm.
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
        """How long the machine may run before it is asked again."""
        return TRIAL_SECONDS if self.trying else CALL_SECONDS

    def note(self, batches: int, seconds: float) -> None:
        """Take note of how long so many batches took, and decide how to go on."""
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
