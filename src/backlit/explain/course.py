"""The steps of a training in turn, up to the one that is asked for, each recorded as it comes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backlit.engine import Batch, NextUpdate, SingleUpdates
from backlit.errors import BacklitError, counted
from backlit.explain.record.recording import Recording, Settings

FARTHEST = 1_000_000
"""Steps beyond the training's own, which may have to be made to reach one: some minutes."""


class Course:
    """A training that is followed step by step.

    Args:
        training: it is trained up to the step that is asked for.
        settings: of the training, and which step is asked for.
        epochs: how many epochs the training has; None where their number is not given.

    Up to `FARTHEST` steps beyond the last epoch come as if there were more, where that changes no rate of those before.

    Errors: a BacklitError where the training has no such step, since it stops before, or since its schedule gives no
    rate for it; or where an error before it is not a finite number.
    """

    def __init__(self, training: SingleUpdates, settings: Settings, epochs: int | None) -> None:
        self.training, self.settings, self.epochs = training, settings, epochs
        self.batches = -(-training.X.shape[0] // training.batch_size)
        self.done = len(training.history)

    def step(self) -> Recording:
        """Record the step that `settings.steps` counts from here on."""
        steps = self.settings.steps
        self._reach(self.done - (-(self.training.begun + steps) // self.batches), f"steps is {steps}")
        for taken, batch in enumerate(self._updates(), 1):
            if taken == steps:
                return self._recorded(batch)
        raise self._stopped(f"steps is {steps}")

    def epoch(self, number: int) -> Iterator[Recording]:
        """Record every step of an epoch, each before the next one is taken."""
        if number <= self.done:
            raise BacklitError(
                f"epoch is {number}; the training has done {self.done}: expected epoch {self.done + 1} or a later one."
            )
        self._reach(number, f"epoch is {number}")
        found = 0
        for batch in self._updates():
            if batch.epoch > number:
                return
            if batch.epoch == number:
                found += 1
                yield self._recorded(batch)
        if found < self.batches:
            raise self._stopped(f"epoch is {number}")

    def _recorded(self, batch: Batch) -> Recording:
        return Recording(NextUpdate.of(self.training, batch), self.settings)

    def _updates(self) -> Iterator[Batch]:
        return self.training.updates(self.settings.rates)

    def _reach(self, epoch: int, asked: str) -> None:
        """Let the training have that epoch, unless this changes the rates of the steps up to it."""
        training, batches = self.training, self.batches
        has = training.epochs if self.epochs is None else self.epochs
        training.epochs = has
        further = (epoch - self.done) * batches
        if epoch <= has and (self.epochs is not None or further <= FARTHEST):
            return
        if epoch > has and not self.settings.rates and self._rates_differ(has, epoch, min(further, FARTHEST)):
            raise BacklitError(
                f"{asked}; the training has {counted(has * batches, 'step')} ({counted(has, 'epoch')} of "
                f"{counted(batches, 'batch', 'batches')}), and its schedule {training.schedule.name!r} gives rates for "
                "these alone. Ask for one of them, or raise epochs."
            )
        if further > FARTHEST:
            own = "" if self.epochs is None else f", or within the training's own {counted(has * batches, 'step')}"
            ahead, most = counted(further, "step"), counted(FARTHEST, "step")
            raise BacklitError(f"{asked}, {ahead} ahead; expected one within the next {most}{own}.")
        training.epochs = epoch

    def _rates_differ(self, has: int, other: int, count: int) -> bool:
        """Tell whether so many steps from here on have other rates where the training has so many other epochs."""
        training, batches = self.training, self.batches
        steps = training.step + np.arange(count)
        now, later = (np.asarray(training.schedule.scale(steps, batches, total * batches)) for total in (has, other))
        return not (now == later).all()

    def _stopped(self, asked: str) -> BacklitError:
        steps = len(self.training.errors)
        return BacklitError(
            f"{asked}; the training stops after {counted(steps, 'step')} in epoch {len(self.training.history)} "
            f"({self.training.stopped}): ask for an earlier one."
        )
