"""A moment of the training, as the panels are drawn from it."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from backlit.analysis.live.growing_curve import GrowingCurve
from backlit.analysis.live.score import LiveScore, live_score
from backlit.engine import Divergence, Network, TrainingCurve
from backlit.kernels.types import Array
from backlit.page.design import Design
from backlit.page.sources import Source


class Kept(NamedTuple):
    """Weights on the way, to go back and look at: after so many epochs and updates."""

    epoch: int
    step: int
    parameters: Array
    statistics: Array


class View:
    """A moment: what is trained on, by which design, how far it is, and the network as it is then.

    Attributes:
        version: of the session when the moment was taken. It says whether something has changed since.
        network: a network with the weights of the moment; it belongs to the view while it is drawn.
        epoch, step: how many epochs have ended and updates were made. batch, batches: the place in the epoch.
        epochs: how many are asked for. ended: how many have ended, as `epoch` if none is replayed.
        replayed: the epoch of the moment that is looked at instead of the last one, or None.
        kept: the moments with their weights; while it plays, the last one may be a little back.
        playing: whether it trains meanwhile. stopped: why it ended, else "". told: what went wrong last, else "".
        divergence: where it diverged, or None. keeps_best: whether it ends with the weights of the best epoch.
    """

    def __init__(
        self, version: int, source: Source, design: Design, network: Network, *, epoch: int,
        step: int, batch: int, batches: int, epochs: int, ended: int, growing: GrowingCurve,
        playing: bool, stopped: str, told: str, replayed: int | None, kept: tuple[Kept, ...],
        divergence: Divergence | None = None, keeps_best: bool = False,
    ) -> None:  # fmt: skip
        self.version, self.source, self.design = version, source, design
        self.network, self.epoch, self.step, self.batch, self.batches = network, epoch, step, batch, batches
        self.epochs, self.ended, self._growing = epochs, ended, growing
        self.divergence, self.keeps_best = divergence, keeps_best
        self.playing, self.stopped, self.told = playing, stopped, told
        self.replayed, self.kept = replayed, kept

    @cached_property
    def curve(self) -> TrainingCurve:
        """The curve of the epochs so far."""
        return self._growing.curve(self.ended)

    @cached_property
    def score(self) -> LiveScore:
        """The loss and the metric of the network, measured when they are first asked for."""
        return live_score(self.network, (self.source.X, self.source.Y), self.source.validation)
