"""A training that runs again on a copy of its network, from its first weights on, to see the weights on its way."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Literal, NamedTuple, Self

import numpy as np

from backlit.engine import lbfgs
from backlit.engine.copying import arguments_of
from backlit.engine.history import COLUMNS, History
from backlit.engine.program import structs
from backlit.engine.program.structs import Clock, Data, data_of
from backlit.engine.stopping import Improvement
from backlit.engine.training import Training
from backlit.errors import BacklitError, collecting
from backlit.kernels.types import Array


class Place(NamedTuple):
    """How far a repetition is: the epochs that have ended, and the updates that were made."""

    epoch: int
    step: int


class Repetition(Training):
    """A copy of a training at its first weights, that makes the updates of that training again.

    Its network is a copy. Callbacks are not called, metrics are not measured, and a time limit does not count.

    >>> from backlit.engine.network import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, bias=False, weights=[[0.0]])], inputs=1, loss="half_squared_error")
    >>> training = Training(
    ...     network, [[1.0]], [1.0], optimizer="sgd", batch_size="full", epochs=2, compiled=False
    ... ).run()
    >>> again = Repetition.of(training)
    >>> [(place.step, again.network["1.W"].item()) for place in again.places(training)]
    [(0, 0.0), (1, 0.01), (2, 0.0199)]
    >>> again.refuse_another_end(training)
    """

    @classmethod
    def of(cls, training: Training) -> Self:
        """Give a copy of a training, at its first weights; the training stays as it is.

        Errors: a BacklitError where a function of the caller's gives the order of the rows.
        """
        if training.order is not None:
            raise BacklitError(
                "this training takes the order of its rows from a function of yours (order=), so it cannot be repeated "
                "on a copy: asking the function again would give other orders. Make the training with shuffle and seed."
            )
        first = training.explosions.beginning or training.state
        given = arguments_of(training) | {
            "time_limit": None, "gradient_norms": False, "signals": False, "divergence": "warn",
        }  # fmt: skip
        with collecting([]):  # the training has given its warnings
            made = cls(training.network.copy(), **given)
        made.network.parameters[:], made.network.state[:] = first.parameters, first.statistics
        if first.slots.size:
            made.memory.slots[:] = first.slots
        made.step, made.row_order.generator = first.step, first.generator
        made.rate_factor, made.schedule_state = first.rate_factor, dict(first.schedule)
        made._improvement = Improvement(first.improved_loss, first.improved_epoch)
        made.history = History(first.history.validated, rows=first.history.rows[:, : len(COLUMNS)].copy())
        return made

    def places(self, training: Training, each: Literal["epoch", "step"] = "epoch") -> Generator[Place]:
        """Make the updates of a training again, giving how far it is at the start and after each epoch, or each update.

        Meanwhile the network holds the weights of that place. An iteration of L-BFGS is an epoch.

        Errors: a BacklitError where the training was ended within an epoch and went on.
        """
        epochs = len(training.history) - len(self.history)
        updates = self.update_count(training)
        yield Place(len(self.history), self.step)
        try:
            if self.optimizer.full_batch:
                self.epochs = len(training.history)  # SciPy ends by itself after so many, else where it did
                yield from (Place(len(self.history), self.step) for _ in lbfgs.iterations(self))
                return
            for count in [*[updates] * epochs, *([training._position] if training._position else [])]:
                yield from self._epoch(updates, count, 1 if each == "step" else count)
        finally:
            if self.team is not None:
                self.team.shut_down()

    def until_it_failed(self, training: Training) -> Array:
        """Make the updates of a training that diverged again, up to the batch that failed; give its rows' places in X.

        The network then holds the weights that this batch began with.

        Errors: a BacklitError for a training that did not diverge, or by L-BFGS; and where `places` gives one.
        """
        told = re.fullmatch(r"diverged in epoch \d+, batch (\d+)", training.stopped or "")
        if told is None or self.optimizer.full_batch:
            raise BacklitError(
                f"this training ended since {training.stopped!r}; expected one that diverged in a batch of an epoch."
            )
        for _ in self.places(training):
            pass
        n, size, made = self.X.shape[0], self.batch_size, int(told[1]) - 1
        rows = self.row_order.draw(1, shuffle=self.settings.shuffle and size < n)
        rates = self._rates(1, -(-n // size))
        try:
            self._batches(
                data_of(self.X, self.Y, self.weights, rows), self.step, 0, made, rates, np.zeros((1, structs.SUMS))
            )
        finally:
            if self.team is not None:
                self.team.shut_down()
        self.step += made
        return np.asarray(rows[made * size : (made + 1) * size])

    def place_count(self, training: Training, each: Literal["epoch", "step"] = "epoch") -> int:
        """Give how many places `places` will give, the first one among them."""
        epochs = len(training.history) - len(self.history)
        updates, begun = self.update_count(training), training._position
        return 1 + (epochs * updates + begun if each == "step" else epochs + (begun > 0))

    def update_count(self, training: Training) -> int:
        """Give the updates of an epoch, or say that the updates of a training cannot be told from its epochs."""
        batches = 1 if self.optimizer.full_batch else -(-self.X.shape[0] // self.batch_size)
        epochs = len(training.history) - len(self.history)
        if self.step + epochs * batches + training._position != training.step:
            raise BacklitError(
                f"this training made {training.step - self.step} updates in {epochs} epochs of {batches}: it was ended "
                "within an epoch and went on, and is not repeated from its first weights. Make a training that runs "
                "through."
            )
        return batches

    def _epoch(self, batches: int, count: int, stride: int) -> Iterator[Place]:
        """Make the first `count` updates of the next epoch, `stride` before each place, and record a whole epoch."""
        n, size, first = self.X.shape[0], self.batch_size, len(self.history)
        rows = self.row_order.draw(1, shuffle=self.settings.shuffle and size < n)
        data = data_of(self.X, self.Y, self.weights, rows)
        rates, sums = self._rates(1, batches), np.zeros((1, structs.SUMS))
        lowest, begun = float(self.loop.monitor.lowest[0]), self.step
        for k in range(0, count, stride):
            self._batches(data, begun, k, min(count, k + stride), rates, sums)
            self.step = begun + min(count, k + stride)
            if self.step == begun + batches:
                self._record(sums, rates[-1:], lowest)
                self._note(first)
            yield Place(len(self.history), self.step)

    def _batches(self, data: Data, begun: int, first: int, stop: int, rates: Array, sums: Array) -> None:
        """Make the updates of batches `first` to `stop` of the epoch that began after `begun` updates."""
        while first < stop:
            last = min(stop, first + self.loop.batches_per_call())
            clock, nothing = Clock(begun + first, self.settings.seed), self.measuring.signals
            self.loop.call(data, clock, first, last, rates, sums, nothing, None)
            if int(self.memory.reached[0]) < last:
                raise BacklitError(
                    f"the training, repeated on a copy, gives a loss that is not finite after {begun + first} updates, "
                    f"which it did not. {UNLIKE}"
                )
            first = last

    @staticmethod
    def kept_epoch(training: Training) -> int | None:
        """Give the epoch of the best weights, where a training's network holds these and not the last ones."""
        best = training.best if training._last_values() is not None else None
        return None if best is None or best.number == len(training.history) else best.number

    def refuse_another_end(self, training: Training) -> None:
        """Refuse a repetition that ended with other weights than the training did."""
        ended = training._last_values() or (training.network.parameters, training.network.state)
        mine = self.network.parameters, self.network.state
        differing = sum(int((_bits(a) != _bits(b)).sum()) for a, b in zip(mine, ended, strict=True))
        if differing:
            called = (
                " Its callbacks are not called on the copy: did one change them?" if training.hooks.callbacks else ""
            )
            raise BacklitError(
                f"the training, repeated on a copy from its first weights, ends with other weights: {differing} of "
                f"{mine[0].size + mine[1].size} numbers differ.{called} {UNLIKE}"
            )


UNLIKE = (
    "So its path is not known: weights, or settings such as the rate or the number of epochs, were changed on the way, "
    "or L-BFGS went on after it had ended. Make a training that runs through."
)


def _bits(values: Array) -> Array:
    """Give numbers as integers of the same bits: NaN is then equal to itself, and 0.0 not to -0.0."""
    return values.view(f"i{values.dtype.itemsize}")
