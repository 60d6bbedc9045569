"""A training that is driven from outside: a batch, an epoch or a twentieth of a second at a time, at full speed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import numpy as np

from backlit.engine import descent, lbfgs, stopping
from backlit.engine.copying import Copied, parts_of, remade
from backlit.engine.program import structs
from backlit.engine.program.structs import Clock, Data, Signals, data_of
from backlit.engine.state import TrainingState
from backlit.engine.stopping import Divergence
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.kernels.types import Array

SECONDS = 0.05
"""How long a call of `advance` takes by default."""


class Batch(NamedTuple):
    """What the next update of a training is made on.

    `number` counts the updates, `epoch` the epochs and `batch` the `batches` of an epoch, all from 1 on; `rows` are the
    places in X of the batch's rows, in their order; `rate` is the learning rate.
    """

    number: int
    epoch: int
    batch: int
    batches: int
    rows: Array
    rate: float


class Advanced(NamedTuple):
    """What a call of `advance` did.

    `updates` and `epochs` are how many more the training has than before the call; the updates of an epoch that
    diverged are undone, so there may be fewer. `stopped` is why the training ended, or None; `divergence` is where it
    diverged, and what was not finite there, or None.
    """

    updates: int
    epochs: int
    stopped: str | None
    divergence: Divergence | None


class Begun(NamedTuple):
    """An epoch that was begun: its rows in their order, its rates, its sums and signals so far.

    `lowest` is the lowest monitored loss before it; `before` are copies of all that training changes, to go back to
    where it diverges. None of it is to be written from outside.
    """

    data: Data
    rates: Array
    sums: Array
    measured: Signals
    lowest: float
    before: list[Array]


class BegunParts(NamedTuple):
    """A begun epoch as plain arrays and numbers: `kept` and `found` are those of its signals."""

    rows: Array
    rates: Array
    sums: Array
    kept: Array
    found: Array
    lowest: float
    before: list[Array]


class SteppedTraining(Training):
    """A training that advances by so many updates, epochs or seconds a call, stops anywhere, and goes on from there.

    However it is driven, it ends with the bits of `Training(...).run()` of the same arguments. `advance` goes on within
    an epoch that was begun, while `run` and iterating begin the next one. An iteration of L-BFGS is an update and an
    epoch. Its methods are to be called by one thread at a time, any one; `history` and `signals` may be read meanwhile.

    Between the calls the worker threads are kept. `close` ends them; a training that ends closes itself.

    >>> from backlit.engine.network import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, bias=False, weights=[[0.0]])], inputs=1, loss="half_squared_error")
    >>> training = SteppedTraining(
    ...     network, [[1.0], [2.0], [3.0]], [1.0, 0.0, 1.0], optimizer="sgd", batch_size=1, epochs=2, shuffle=False,
    ...     compiled=False,
    ... )
    >>> training.advance(updates=1)
    Advanced(updates=1, epochs=0, stopped=None, divergence=None)
    >>> training.coming()
    Batch(number=2, epoch=1, batch=2, batches=3, rows=array([1]), rate=0.01)
    >>> training.advance(epochs=1), training.advance(seconds=9).stopped
    (Advanced(updates=2, epochs=1, stopped=None, divergence=None), 'all 2 epochs done')
    """

    _running = False
    _begun: Begun | None = None
    _search: Generator[int] | None = None
    _diverged: Divergence | None = None

    def advance(
        self, updates: int | None = None, epochs: int | None = None, seconds: float = SECONDS
    ) -> Advanced:  # fmt: skip
        """Train until so many updates are made, so many epochs have ended, or about so many seconds are over.

        At least one update is made. In a begun epoch, `epochs=1` goes on to its end. A training that has ended goes on
        where epochs are left, as it does by `run`.

        Errors: a BacklitError for counts below 1; a DivergedError where `divergence` is "raise".
        """
        until = self.step + _limit("updates", updates), len(self.history) + _limit("epochs", epochs)
        began, step, ended = time.perf_counter(), self.step, len(self.history)
        if not self._running:
            self._begin()
            self._running, self._diverged = True, None
        try:
            while self.stopped is None:
                left = seconds - (time.perf_counter() - began)
                late = left < 0.1 * seconds and self.step > step
                if len(self.history) >= self.settings.epochs:
                    self.stopped = stopping.all_done(self.settings.epochs)
                elif late or self.step >= until[0] or len(self.history) >= until[1]:
                    return Advanced(self.step - step, len(self.history) - ended, None, None)
                elif self.optimizer.full_batch:
                    self._iterate()
                else:
                    self._descend(until[0] - self.step, until[1] - len(self.history), left)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        except BaseException:
            self._leave()
            raise
        self._leave()
        return Advanced(self.step - step, len(self.history) - ended, self.stopped, self._diverged)

    def coming(self, *, beyond: bool = False) -> Batch | None:
        """Give the batch of the next update without making it; None where all epochs are done.

        `beyond` gives then, too, the first batch of the epoch that would follow.

        Errors: a BacklitError for L-BFGS, which has no learning rate: its steps come from a line search over all rows.
        """
        if self.optimizer.full_batch:
            raise BacklitError(
                f"the next update of the optimizer {self.optimizer.name!r} comes from a line search over all rows; "
                "expected an optimizer that makes an update for each batch, such as 'sgd' or 'adam'."
            )
        if len(self.history) >= self.settings.epochs and not beyond:
            return None
        begun, size = self._begun, self.batch_size
        rows = begun.data.order if begun else self.row_order.ahead(shuffle=self._shuffles, given=self.order)
        rates = begun.rates if begun else self._rates(1, self._batches)
        k = self.begun
        places = rows[k * size : (k + 1) * size]
        return Batch(self.step + 1, len(self.history) + 1, k + 1, rates.size, places, float(rates[k]))

    def close(self) -> None:
        """End the threads until the next call of `advance`, which goes on with the same bits.

        L-BFGS alone begins its memory anew then.
        """
        search, self._search = self._search, None
        if search is not None:
            search.close()
        if self.team is not None:
            self.team.shut_down()

    @property
    def state(self) -> TrainingState:
        """All that training changes, as it is now: a copy.

        Setting one of the end of an epoch goes on with the same bits. One of within an epoch holds the weights and all
        else that the next update needs beside `coming()`; setting it goes on with the next epoch. `copy.deepcopy` and
        `pickle` take a begun epoch along.
        """
        return super().state

    @state.setter
    def state(self, saved: TrainingState) -> None:
        self.close()
        Training.state.__set__(self, saved)  # type: ignore[attr-defined]
        self._begun, self._running = None, False

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), parts_of(self), self._begun_parts())

    def _run(self, max_unseen: Callable[[], int]) -> Generator[int]:
        self.close()
        self._begun, self._running = None, False
        return super()._run(max_unseen)

    # ------------------------------------------------------------------------------------------------------- the parts

    @property
    def begun(self) -> int:
        """How many updates of an epoch were made that `advance` will go on with."""
        return self._position if self._begun else 0

    @property
    def _batches(self) -> int:
        return -(-len(self.X) // self.batch_size)

    @property
    def _shuffles(self) -> bool:
        return self.settings.shuffle and self.batch_size < self.X.shape[0]

    def _iterate(self) -> None:
        """Make an iteration of L-BFGS."""
        self._search = self._search or lbfgs.iterations(self)
        first = next(self._search, None)
        if first is not None:
            self._after(first)
        elif self.stopped is None:
            self.stopped = stopping.all_done(self.settings.epochs)

    def _descend(self, updates: float, epochs: float, seconds: float) -> None:
        """Run a chunk of epochs, or a part of one, of at most so many updates and epochs, in about so many seconds."""
        loop, first = self.loop, len(self.history)
        most = max(1, int(min(updates, loop.batches_per_call(), seconds / loop.batch_seconds)))
        count = 1 if self._begun else descent.epochs_at_most(
            self, int(min(epochs, self.settings.epochs)), most // self._batches
        )  # fmt: skip
        ended, failed = descent.run_epochs(self, count) if count > 1 else self._run_part(most)
        if len(self.history) > first:
            self._after(first)
        if self.stopped is None:
            descent.stop(self, ended, failed)

    def _begin_epoch(self, rates: Array) -> Begun:
        """Begin the next epoch, with a rate for each of its batches."""
        rows = self.row_order.draw(1, shuffle=self._shuffles, given=self.order)
        sums, measured = np.zeros((1, structs.SUMS + len(self.normed_layers))), self._signals_of_epoch()
        data, lowest = data_of(self.X, self.Y, self.weights, rows), float(self.loop.monitor.lowest[0])
        self._position = 0
        return Begun(data, rates, sums, measured, lowest, self.loop.values())

    def _signals_of_epoch(self) -> Signals:
        return self.measuring.chunk(len(self.history), 1)

    def _run_part(self, most: int) -> tuple[str, tuple[int, str]]:
        """Make at most so many updates of the epoch; give why not all, or "", and where and how it diverged."""
        begun = self._begun = self._begun or self._begin_epoch(self._rates(1, self._batches))
        loop, batches, place = self.loop, begun.rates.size, self._position
        began, clock = time.perf_counter(), Clock(self.step - place, self.settings.seed)
        reached, ended = loop.advance(
            begun.data, clock, begun.rates, begun.sums, begun.measured, self.settings.target,
            place, min(place + most, batches), lambda: self._out_of_time(time.perf_counter() - began),
        )  # fmt: skip
        failed = 0, ""
        if ended == "diverged":
            failed = reached + 1, stopping.first_not_finite(self.executable, self.memory)
        elif (ended or reached == batches) and not loop.is_good(begun.data):
            what = "its update gives numbers that are not finite"
            what = stopping.arrays_not_finite(self.executable, self.memory) if reached == batches else what
            ended, failed = "diverged", (reached, what)
        if ended == "diverged":
            loop.restore(begun.before)
            reached = 0
        self.step, self._position = clock.step + reached, reached % batches
        self._seconds += time.perf_counter() - began
        if ended == "diverged" or reached == batches:
            self._begun = None
        if reached == batches:
            self.measuring.record(self.signals, begun.measured, len(self.history), 1, clock.step)
            self._record(begun.sums, begun.rates[-1:], begun.lowest)
        return ended, failed

    def _leave(self) -> None:
        """End, as `run` does; where epochs are left, going on begins the next one."""
        search, self._search, self._begun, self._running = self._search, None, None, False
        self._end(search)

    def _begun_parts(self) -> BegunParts | None:
        """Give the epoch that was begun as plain parts: copies."""
        if self._begun is None:
            return None
        data, rates, sums, measured, lowest, before = self._begun
        return BegunParts(
            data.order.copy(), rates.copy(), sums.copy(), measured.kept.copy(), measured.found.copy(), lowest,
            [values.copy() for values in before],
        )  # fmt: skip

    def _go_on_within(self, parts: BegunParts | None) -> None:
        """Go on within an epoch that another training of the same network, data and settings has begun."""
        if parts is not None:
            measured = self._signals_of_epoch()
            measured.kept[:], measured.found[:] = parts.kept, parts.found
            data = data_of(self.X, self.Y, self.weights, parts.rows)
            self._begun = Begun(data, parts.rates, parts.sums, measured, parts.lowest, parts.before)


def _limit(what: str, count: int | None) -> float:
    """Give a count, or infinity where there is none."""
    if count is not None and count < 1:
        raise BacklitError(f"{what} is {count!r}; expected a whole number of at least 1, or None.")
    return math.inf if count is None else count


def _remade(kind: Any, parts: Copied, begun: BegunParts | None) -> Any:
    made = remade(kind, parts)
    made._go_on_within(begun)
    return made
