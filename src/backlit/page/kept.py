"""Weights on the way of a training, thinned as it goes on, so that a long one needs no more memory than a short one."""

from __future__ import annotations

from backlit.engine import Network, Training
from backlit.kernels.types import Array
from backlit.page.view import Kept

MOST_POINTS, FEWEST_POINTS, NUMBERS = 400, 20, 10_000_000
"""So many moments are kept; fewer where all their weights would be more than NUMBERS."""


class KeptWeights:
    """The weights of evenly spaced moments, the first and the last among them.

    Where there are more than `most`, every second one is dropped.
    """

    def __init__(self, network: Network) -> None:
        size = network.parameters.size + network.state.size
        self.most = max(FEWEST_POINTS, min(MOST_POINTS, NUMBERS // max(1, size)))
        self._moments: list[Kept] = []
        self._apart = 1

    def add(self, epoch: int, step: int, parameters: Array, statistics: Array) -> None:
        """Keep a moment, where it is far enough from the last one."""
        moments = self._moments
        if moments and step == moments[-1].step:
            return
        if len(moments) > 1 and moments[-1].step - moments[-2].step < self._apart:
            moments.pop()
        moments.append(Kept(epoch, step, parameters.copy(), statistics.copy()))
        if len(moments) > self.most:
            last = moments[-1]
            self._moments = moments = moments[::2]
            self._apart = 2 * max(self._apart, moments[1].step - moments[0].step)
            if moments[-1] is not last:
                moments.append(last)

    def all(self) -> tuple[Kept, ...]:
        """Give the moments, in order."""
        return tuple(self._moments)

    def at(self, epoch: int) -> Kept:
        """Give the last moment kept of at most so many epochs."""
        return max((kept for kept in self._moments if kept.epoch <= epoch), key=lambda kept: kept.step)

    @staticmethod
    def of(training: Training) -> Kept:
        """Give the moment at which a training is: without copying its weights."""
        network = training.network
        return Kept(len(training.history), training.step, network.parameters, network.state)
