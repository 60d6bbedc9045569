"""Weights on the way of a training, thinned as it goes on, so that a long one needs no more memory than a short one."""

from __future__ import annotations

from backlit.engine import Network
from backlit.kernels.types import Array
from backlit.page.view import Kept

MOST_POINTS, FEWEST_POINTS, BYTES = 400, 3, 160_000_000
"""So many moments are kept; fewer where all their weights would take more than BYTES."""


class KeptWeights:
    """The weights of evenly spaced moments, the first and the last one that was given among them.

    Where there are more than `most`, every second one is dropped. From then on a moment is kept where it is as far from
    the one before as these are. `add` copies nothing where a moment is not kept.
    """

    def __init__(self, network: Network) -> None:
        size = network.parameters.nbytes + network.state.nbytes
        self.most = max(FEWEST_POINTS, min(MOST_POINTS, BYTES // max(1, size)))
        self._moments: list[Kept] = []
        self._apart = 1
        """Updates between two moments at the least; the last one may be nearer, until the next one takes its place."""

    def add(self, epoch: int, step: int, parameters: Array, statistics: Array, *, now: bool = True) -> None:
        """Keep a moment; without `now`, only where it is far enough from the one before.

        Moments after it are dropped: of an epoch that diverged the updates are undone.
        """
        moments = self._moments
        while moments and moments[-1].step > step:
            moments.pop()
        if moments and step == moments[-1].step:
            return
        near = len(moments) > 1 and moments[-1].step - moments[-2].step < self._apart
        before = moments[-2 if near else -1].step if moments else step - self._apart
        if step - before < self._apart and not now:
            return
        if near:
            moments.pop()
        moments.append(Kept(epoch, step, parameters.copy(), statistics.copy()))
        if len(moments) > self.most:
            self._thin()

    def _thin(self) -> None:
        """Drop every second moment, but not the last one."""
        *moments, last = self._moments
        kept = moments[::2]
        self._moments = [*kept, last]
        self._apart = max(2 * self._apart, (kept[-1].step - kept[0].step) // max(1, len(kept) - 1))

    def all(self) -> tuple[Kept, ...]:
        """Give the moments, in order."""
        return tuple(self._moments)

    def at(self, step: int) -> Kept:
        """Give the last moment kept of at most so many updates."""
        return next((kept for kept in reversed(self._moments) if kept.step <= step), self._moments[0])
