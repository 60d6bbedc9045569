"""A training that makes its updates one at a time, so that `explain` can record each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.engine import machine
from backlit.engine.machine.environment import steady
from backlit.engine.program import structs
from backlit.engine.program.structs import Clock
from backlit.engine.state import TrainingState
from backlit.engine.stepping import Batch, SteppedTraining
from backlit.engine.stopping import all_done
from backlit.engine.training import Training
from backlit.errors import BacklitError, BacklitWarning
from backlit.kernels.types import Array


class SingleUpdates(SteppedTraining):
    """A training on the plain machine whose updates can be made one at a time.

    Parameters, statistics, the optimizer's vectors, schedule and stopping are, bit for bit, those of a `Training` of
    the same arguments with `compiled=False`: the same machine runs on the same tables. A time limit does not count.

    Attributes:
        errors: E before each update made here, of its own batch, penalties included.

    >>> from backlit.engine.network import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, bias=False, weights=[[0.0]])], inputs=1, loss="half_squared_error")
    >>> training = SingleUpdates(network, [[1.0], [2.0]], [1.0, 0.0], optimizer="sgd", batch_size=1, shuffle=False)
    >>> updates = training.updates()
    >>> next(updates).rows, next(updates).rows, network["1.W"].item(), training.errors
    (array([0]), array([1]), 0.01, [0.5])
    """

    def __init__(self, *given: Any, **settings: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BacklitWarning)  # advice on training: here the numbers are looked at
            super().__init__(*given, **{**settings, "compiled": False, "threads": 1, "time_limit": None})
        self.errors: list[float] = []

    @classmethod
    def of(cls, training: Training) -> SingleUpdates:
        """Give a copy of a training, in float64, that goes on from where it is; the training stays as it is.

        Errors: a BacklitError where a function of the caller's gives the order of the rows: asking it would change
        what the training itself gets.
        """
        if training.order is not None:
            raise BacklitError(
                "this training takes the order of its rows from a function of yours, and asking it would change what "
                "the training gets next; give backlit.explain the network, X, Y and order instead."
            )
        names = training.settings.__struct_fields__
        settings = {name: getattr(training.settings, name) for name in names}
        made = cls(
            training.network.copy("float64"), training.X, training.Y, sample_weight=_weights(training.weights),
            validation=training.validation and (*training.validation[:2], _weights(training.validation[2])),
            metrics=training.hooks.metrics, **settings,
        )  # fmt: skip
        made.state = _in_float64(training.state)
        if isinstance(training, SteppedTraining) and (begun := training._begun_parts()):
            made._go_on_within(begun)
        return made

    def updates(self, rates: Sequence[float] = ()) -> Iterator[Batch]:
        """Give the batch of each update before it is made; going on makes it.

        Ends where the training ends, `stopped` says why. `rates` are learning rates of the next updates, instead of
        those of the schedule.

        Errors: a BacklitError where a batch's error is not a finite number.
        """
        self.stopped = None
        self._go_on()
        begun = self.step
        while len(self.history) < self.settings.epochs:
            first, batches = len(self.history), -(-self.X.shape[0] // self.batch_size)
            chosen = self._begun.rates if self._begun else self._rates(1, batches)
            if rates:
                place, chosen = self.begun, np.full(batches, np.nan)
                given = rates[self.step - begun :][: batches - place]
                chosen[place : place + len(given)] = given
            yield from self._epoch(chosen)
            self._note(first)
            self.stopped = self._reason_to_stop()
            if self.stopped:
                return
        self.stopped = all_done(self.settings.epochs)

    def _epoch(self, rates: Array) -> Iterator[Batch]:
        """Make the updates of the epoch, one for each of the rates (batches,), and record it."""
        begun = self._begun = (self._begun or self._begin_epoch(rates))._replace(rates=rates)
        data, sums, nothing = begun.data, begun.sums, structs.monitor_of(self.network.dtype)
        size, batches, before = self.batch_size, rates.size, len(self.history)
        for k in range(self._position, batches):
            places = data.order[k * size : (k + 1) * size]
            yield Batch(self.step + 1, before + 1, k + 1, batches, places, float(rates[k]))
            # The batch's own sums, added up as the machine adds them: its share of the epoch's loss, weight, penalty.
            own = np.zeros_like(sums)
            with steady(compiled=False):
                after = self.executable.train(
                    self.tables, self.memory, data, nothing, self.rule, begun.measured,
                    Clock(self.step, self.settings.seed), size, k, k + 1, rates, -np.inf, own.reshape(-1),
                )  # fmt: skip
            if after == k:
                raise BacklitError(
                    f"the error of step {self.step + 1} is not a finite number; take fewer steps or a smaller rate."
                )
            sums[0, :3] += own[0, :3]
            sums[0, structs.SUMS :] = own[0, structs.SUMS :]
            self.errors.append(float(machine.epoch_loss(self.rule.reduction, own[0], 0)))
            self.step += 1
            self._position = (k + 1) % batches
        self._begun = None
        sums[0, structs.LOSS] = machine.epoch_loss(self.rule.reduction, sums[0], 0)
        sums[0, structs.VALIDATION_LOSS] = self.after_epoch(float(sums[0, structs.LOSS]))
        self.measuring.record(self.signals, begun.measured, before, 1, self.step - batches)
        self._record(sums, rates[-1:], begun.lowest)


def _weights(given: Array) -> Array | None:
    return given if given.size else None


def _in_float64(state: TrainingState) -> TrainingState:
    vectors = ("parameters", "statistics", "slots", "best_parameters", "best_statistics")
    return msgspec.structs.replace(state, **{name: getattr(state, name).astype(np.float64) for name in vectors})
