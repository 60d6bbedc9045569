"""Training as a generator of epochs: validation, stopping, best weights, all consumers of the same events."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from backlit.engine import lbfgs, machine
from backlit.engine.compiled import CompiledMachine, can_compile
from backlit.engine.executable import Executable, joined, layer_ranges
from backlit.engine.history import Epoch, History, Unwatched
from backlit.engine.input_checks import (
    amounts,
    at_least,
    batch_rows,
    checked_order,
    not_negative,
    number,
    rows_of,
    validation_rows,
)
from backlit.engine.machine.environment import steady, threads_of
from backlit.engine.network import Network
from backlit.engine.parallel.auto_switch import CALL_SECONDS
from backlit.engine.parallel.thread_team import thread_team_for
from backlit.engine.program import structs
from backlit.engine.program.structs import Clock, Data, Monitor, Rule, data_of
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Loss, Optimizer
from backlit.ops.registry import optimizers, schedules

LARGEST_SEED = 2**63 - 1
"""The seed is an integer of 64 bits to the compiled machine."""


LARGEST_ORDER = 1_000_000
"""The order of so many rows is drawn at a time, or that of an epoch, if it has more."""


class DivergedWarning(UserWarning):
    """Training stopped because the loss was no longer a finite number."""


class DivergedError(BacklitError):
    """The same as an error, where a training was asked for it by `divergence="raise"`."""


class Training:
    r"""Trains a network by gradient descent on its error; iterating runs it, an `Epoch` at a time.

    Each update: the gradient of the loss over one batch, by backpropagation; plus the gradient of the penalties
    l2/2 Σw² + l1 Σ|w|; clipped; then the optimizer's rule.

    Args:
        network: what to train, in place.
        X: inputs (n, inputs). Y: targets (n, outputs), (n,) for one, or class numbers (n,) if the loss takes them.
        optimizer: an optimizer or its name.
        schedule: how the learning rate changes, a schedule or its name.
        batch_size: rows per update: 1 is stochastic, "full" is batch gradient descent.
        epochs: passes over the rows at the most.
        sample_weight: a weight per row (n,), at least 0.
        validation: (X, Y) or (X, Y, weights) to measure after each epoch.
        shuffle: whether to take the rows in a new random order each epoch.
        order: what gives the order of the rows of the next epoch, an integer array (n,), instead of the shuffle.
        seed: of the shuffles and of dropout. Same seed, same bits.
        target: stop after the first epoch whose training loss is at most this.
        patience: stop after so many epochs in a row without an improvement of the monitored loss (of the validation
            rows if given, else of training) by more than `tolerance`.
        time_limit: stop after so many seconds.
        keep_best: end with the weights of the epoch of the lowest monitored loss; by default, where there are
            validation rows.
        l1, l2: penalties on the weights, and on biases if `decay_biases`.
        clip_value, clip_norm: limits of each gradient element, and of the whole gradient's Euclidean norm.
        max_norm: limit of the norm of each unit's incoming weights, enforced after each update.
        penalty_per_batch: divide the penalties by the rows of the batch, and count each batch's mean error by its rows,
            as scikit-learn does.
        gradient_norms: give each `Epoch` the norms of its last batch's gradients, layer by layer; L-BFGS has none.
        divergence: what a loss that is not finite leads to: "warn", or "raise" for a DivergedError.
        compiled: False runs the same maths as plain NumPy Python, to step through with a debugger.
        threads: how many threads the batches of a network that is not small are shared out to, at the most; by default
            BACKLIT_THREADS, else OMP_NUM_THREADS, else all processors. It does not change a bit of the result.

    Attributes:
        history: the epochs so far. `stopped`: why it ended, or None. `best`: the epoch of the lowest monitored loss.

    Ctrl-C ends a training cleanly, with the model so far; so does leaving the loop by `break`. Iterating again goes on,
    from the weights of the last epoch, even where the network holds the best ones meanwhile (L-BFGS begins its memory
    anew).

    Errors: a BacklitError for shapes that do not fit the network, values that are not finite, or settings out of range.

    >>> import numpy as np
    >>> from backlit.engine.network import Network
    >>> from backlit.engine.training import Training
    >>> from backlit.ops.layers.dense import Dense
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> network = Network([Dense(4, "tanh"), Dense(1, "sigmoid")], inputs=2, loss="binary_cross_entropy", seed=1)
    >>> training = Training(network, X, [0, 1, 1, 0], optimizer="adam", epochs=3, batch_size="full", compiled=False)
    >>> [epoch.number for epoch in training], training.stopped
    ([1, 2, 3], 'all 3 epochs done')
    """

    def __init__(
        self, network: Network, X: npt.ArrayLike, Y: npt.ArrayLike, *,
        optimizer: Optimizer | str = "adam", schedule: Any = "constant", batch_size: int | str = 32, epochs: int = 100,
        sample_weight: npt.ArrayLike | None = None, validation: tuple[Any, ...] | None = None,
        shuffle: bool = True, order: Callable[[], Array] | None = None, seed: int = 0, target: float | None = None,
        patience: int | None = None, tolerance: float = 0.0, time_limit: float | None = None,
        keep_best: bool | None = None,
        l1: float = 0.0, l2: float = 0.0, decay_biases: bool = False, penalty_per_batch: bool = False,
        clip_value: float | None = None, clip_norm: float | None = None, max_norm: float | None = None,
        gradient_norms: bool = False, divergence: str = "warn", compiled: bool = True, threads: int | None = None,
    ) -> None:  # fmt: skip
        self.network = network
        self.optimizer: Optimizer = optimizers.make(optimizer)
        self.schedule = schedules.make(schedule)
        self.X, self.Y, self.weights = rows_of(network, X, Y, sample_weight)
        if not self.X.shape[0]:
            raise BacklitError("X has no rows; expected at least one to train on.")
        self.batch_size = batch_rows(batch_size, self.X.shape[0], self.optimizer)
        self.epochs = at_least("epochs", epochs, 0)
        self.validation = None if validation is None else validation_rows(network, validation)
        self.shuffle = shuffle
        self.order = order
        if divergence not in {"warn", "raise"}:
            raise BacklitError(f"divergence is {divergence!r}; expected 'warn' or 'raise'.")
        self.divergence = divergence
        self.seed = at_least("seed", seed, 0)
        if self.seed > LARGEST_SEED:
            raise BacklitError(f"seed is {seed}; expected a whole number of at most 2**63 - 1.")
        self.target = None if target is None else number("target", target)
        self.patience = None if patience is None else at_least("patience", patience, 1)
        self.tolerance = not_negative("tolerance", tolerance)
        self.time_limit = None if time_limit is None else not_negative("time_limit", time_limit)
        self.keep_best = (validation is not None) if keep_best is None else keep_best
        self.compiled = compiled and can_compile()
        limits = {"clip_value": clip_value, "clip_norm": clip_norm, "max_norm": max_norm}
        given = amounts(self.optimizer, {"l1": l1, "l2": l2}, limits)
        decay = getattr(self.optimizer, "weight_decay", 0.0)
        self.rule = Rule(
            reduction(network.loss, network.outputs), penalty_per_batch=penalty_per_batch, decay=decay, **given
        )
        self.executable = Executable(
            network, self.batch_size, self.optimizer, target_columns=self.Y.shape[1], decay_biases=decay_biases,
            compiled=self.compiled,
        )  # fmt: skip
        self.tables = joined(self.executable.training, self.rule)
        ranges = layer_ranges(network) if gradient_norms and not self.optimizer.full_batch else {}
        if ranges:
            normed = np.array([*ranges.values()], np.int64).reshape(-1)
            self.tables = self.tables._replace(normed=normed, normed_count=len(ranges))
        self.normed_layers = tuple(ranges)
        self.memory = self.executable.memory()
        self.machine = self.executable.runner
        self.threads = threads_of(threads)
        whole = self.executable.coupled and self.optimizer.full_batch
        self.team = thread_team_for(
            self.machine, self.executable.entry, self.memory, self.threads,
            shards=1 if whole else self.executable.shards, coupled=self.executable.coupled,
        )  # fmt: skip
        self.rng = np.random.default_rng(self.seed)
        self.rate_factor = 1.0
        self.schedule_state: dict[str, float] = {}
        self.step = 0
        self.history = History()
        self.stopped: str | None = None
        self._lowest, self._improved = np.inf, 0  # the monitored loss that patience counts from, and its epoch
        self._last: tuple[
            Array, ...
        ] = ()  # parameters and state of the last epoch, where the best ones are in the network
        self._seconds = 0.0
        self._batch_seconds = (
            _slow_seconds(network.parameters.size * self.batch_size) if self.compiled else CALL_SECONDS
        )

    # ------------------------------------------------------------------------------------------------------- running

    def __iter__(self) -> Iterator[Epoch]:
        """Train, giving each epoch as it ends; leaving the loop keeps the model so far."""
        return self.in_chunks(lambda: 1)

    def run(self) -> Training:
        """Train to the end and give the training itself; many small epochs run in one call of the machine."""
        for _ in self._run(lambda: self.epochs):
            pass
        return self

    def in_chunks(self, unseen: Callable[[], int]) -> Iterator[Epoch]:
        """Train, giving each epoch, but only after up to `unseen()` of them have ended.

        Many small epochs take less time in one call of the machine. Those given have been added to `history` together,
        and the network is that of the last one.
        """
        for epochs in self._run(unseen):
            yield from epochs

    def _run(self, unseen: Callable[[], int]) -> Generator[Sequence[Epoch]]:
        """Train, giving the epochs of a call of the machine as it ends."""
        self.stopped = None
        self._go_on()
        advance = self._lbfgs() if self.optimizer.full_batch else self._descend(unseen)
        try:
            for epochs in advance:
                self.history.extend(epochs)
                self._note(epochs)
                self.stopped = self._reason_to_stop()
                yield epochs
                if self.stopped:
                    return
            self.stopped = self.stopped or f"all {self.epochs} epochs done"
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        finally:
            try:
                advance.close()
                if self.team is not None:
                    self.team.shut_down()
            finally:
                self._finish()

    @functools.cached_property
    def monitor(self) -> Monitor:
        """What the machine does after each epoch: the validation rows it measures, the best values it keeps."""
        network, validation = self.network, self.validation
        best = (network.parameters.copy(), network.state.copy()) if self.keep_best else None
        scale = 1.0 if validation is None else machine.factor(self.rule.reduction, _total(validation))
        monitor = structs.monitor_of(network.dtype, validation, scale, best)
        if validation is None or not isinstance(self.machine, CompiledMachine):
            return monitor
        rows = structs.validation_data(monitor)
        # kept, since the machine is given no more than the addresses of its vectors
        self._measuring = call = self.machine.ready("evaluate_rows", self.tables, self.memory, rows, Clock(0, 0))
        integers, floats = call.vectors
        return monitor._replace(
            entry_point=call.entry_point.address, integers=integers, floats=floats, result=np.frombuffer(call.floats)
        )

    def _sure_to_come(self) -> int:
        """Give how many epochs are sure to come before one of them could end the training or change its rate."""
        if self.schedule.needs_loss:
            return 1
        waited = len(self.history) - self._improved
        return self.epochs if self.patience is None else max(1, self.patience - waited)

    def _descend(self, unseen: Callable[[], int]) -> Generator[Sequence[Epoch]]:
        """Run the machine, a few epochs or a part of one at a time."""
        rows, first = self.X.shape[0], len(self.history)
        batches = -(-rows // self.batch_size)
        while first < self.epochs:
            fitting = max(1, min(LARGEST_ORDER // rows, self._batches_per_call() // batches))
            count = min(max(1, unseen()), self._sure_to_come(), self.epochs - first, fitting)
            good, lowest = self._snapshot(), float(self.monitor.lowest[0])
            data = data_of(self.X, self.Y, self.weights, self._order(count), repeats=self._keeps_order)
            rates, sums = self._rates(count, batches), np.zeros((count, structs.SUMS + len(self.normed_layers)))
            began = time.perf_counter()
            done, ended = self._advance(data, count, rates, sums, began)
            where, batch = self._first_not_finite() if ended == "diverged" else "", done % batches + 1
            if where:  # the same epochs again, as far as they were good
                self._rewind(good)
                sums[:] = 0.0
                done, _ = self._advance(data, done // batches, rates, sums)
            self._seconds += time.perf_counter() - began
            ended_epochs = done // batches
            if ended_epochs:
                yield self._epochs(sums[:ended_epochs], rates[batches - 1 :: batches][:ended_epochs].copy(), lowest)
            if where:
                self._diverged(where, len(self.history) + 1, batch)
            elif ended == "interrupted":
                self.stopped = ended
            elif self._out_of_time():
                self.stopped = self._over_time()
            if self.stopped:
                return
            first = len(self.history)

    def _advance(
        self, data: Data, epochs: int, rates: Array, sums: Array, began: float | None = None
    ) -> tuple[int, str]:
        """Run the batches of so many epochs; give how many were done and, where they were not all, why.

        The machine writes down how far it is: an interruption comes when it has ended, before its result is heard of.
        """
        batches = rates.size // sums.shape[0]
        total, first_step, reached, why = epochs * batches, self.step, self.memory.reached, ""
        reached[0] = 0
        try:
            while not why and reached[0] < total:
                first = int(reached[0])
                self.step = first_step + first
                last = min(total, first + self._batches_per_call())
                self._call(data, first, last, rates, sums)
                if reached[0] > first and reached[0] % batches == 0 and self._met(sums[reached[0] // batches - 1]):
                    why = "met"
                elif self._out_of_time(began):
                    why = "out of time"
                elif reached[0] < last:
                    why = "diverged"
        except KeyboardInterrupt:
            why = "interrupted"
        self.step = first_step + int(reached[0])
        return int(reached[0]), why

    def _call(self, data: Data, first: int, last: int, rates: Array, sums: Array) -> None:
        """Run the machine over batches `first` to `last`; `memory.reached` says how far it came."""
        train = self.team.train_batches if self.team else self.executable.train
        began = time.perf_counter()
        with steady(self.compiled):
            train(
                self.tables, self.memory, data, self.monitor, self.rule, Clock(self.step, self.seed), self.batch_size,
                first, last, rates, -np.inf if self.target is None else float(self.target), sums.reshape(-1),
            )  # fmt: skip
        done = int(self.memory.reached[0]) - first
        if done > 0:
            self._batch_seconds = (time.perf_counter() - began) / done

    def _batches_per_call(self) -> int:
        seconds = self.team.switch.seconds if self.team else CALL_SECONDS
        return max(1, int(seconds / self._batch_seconds))

    def _order(self, epochs: int) -> Array:
        """Give the order of the rows for so many epochs, one after another."""
        rows = self.X.shape[0]
        if self.order is not None:
            return np.concatenate([checked_order(self.order(), rows) for _ in range(epochs)])
        if self._keeps_order:
            return np.tile(np.arange(rows), epochs)
        return np.concatenate([self.rng.permutation(rows) for _ in range(epochs)])

    @property
    def _keeps_order(self) -> bool:
        """Whether every epoch takes the rows in the order they are given in."""
        return self.order is None and (not self.shuffle or self.batch_size == self.X.shape[0])

    def _rates(self, epochs: int, batches: int) -> Array:
        """Give the learning rate of each of the coming updates."""
        steps = self.step + np.arange(epochs * batches)
        scale = self.schedule.scale(steps, batches, self.epochs * batches)
        rates: Array = self.optimizer.rate * self.rate_factor * np.asarray(scale, np.float64)  # type: ignore[attr-defined]
        return rates

    # ------------------------------------------------------------------------------------------------- after an epoch

    @property
    def best(self) -> Epoch | None:
        """The epoch of the lowest monitored loss so far; None before the first one."""
        return self.history.lowest()

    def _epochs(self, sums: Array, rates: Array, lowest: float) -> Sequence[Epoch]:
        """Describe epochs that have ended; `lowest` is the lowest monitored loss before them."""
        first, validated = len(self.history) + 1, self.validation is not None
        epochs = Unwatched(first, self._seconds, sums, rates, lowest, validated, self.normed_layers)
        if not self.monitor.wanted:  # else the machine has done it
            self.monitor.lowest[0] = np.fmin(lowest, np.fmin.reduce(epochs.monitored))
        return [*epochs] if len(epochs) == 1 else epochs

    def _note(self, epochs: Sequence[Epoch]) -> None:
        """Take note of what the schedule and patience ask of epochs that have ended."""
        if self.schedule.needs_loss:
            self.rate_factor = self.schedule.observe(self.schedule_state, epochs[-1].monitored)
        if self.patience is not None:
            for epoch in epochs:
                if epoch.monitored < self._lowest - self.tolerance:
                    self._lowest, self._improved = epoch.monitored, epoch.number

    def _reason_to_stop(self) -> str | None:
        if self.target is not None and self.history[-1].loss <= self.target:
            return f"error target {self.target:g} reached"
        if self.schedule_state.get("stop"):
            return "the learning rate fell to the schedule's limit"
        if self.patience is not None and len(self.history) - self._improved >= self.patience:
            what = "training" if self.validation is None else "validation"
            return f"no better {what} loss in {self.patience} epochs"
        return None

    def _met(self, sums: Array) -> bool:
        return self.target is not None and bool(sums[structs.LOSS] <= self.target)

    def _out_of_time(self, began: float | None = None) -> bool:
        running = 0.0 if began is None else time.perf_counter() - began
        return self.time_limit is not None and self._seconds + running >= self.time_limit

    def _over_time(self) -> str:
        return f"time limit of {self.time_limit:g} s reached"

    def _snapshot(self) -> tuple[Array, ...]:
        """Copy all that a step changes."""
        return self.network.parameters.copy(), self.network.state.copy(), self.memory.slots.copy(), np.array(self.step)

    def _rewind(self, values: tuple[Array, ...]) -> None:
        """Go back to a snapshot."""
        self.network.parameters[:], self.network.state[:], self.memory.slots[:], step = values
        self.step = int(step)

    def _diverged(self, where: str, epoch: int, batch: int) -> None:
        """Say that the training went wrong; the weights are the last good ones."""
        self.stopped = f"diverged in epoch {epoch}, batch {batch}"
        message = (
            f"training {self.stopped}: {where} is not a finite number. The weights from before that epoch are kept. "
            f"Try a smaller rate than {self.optimizer.rate:g}, clip_norm=1, or inputs scaled to about 1."  # type: ignore[attr-defined]
        )
        if self.divergence == "raise":
            raise DivergedError(message)
        warnings.warn(message, DivergedWarning, stacklevel=3)

    def _first_not_finite(self) -> str:
        """Name what went wrong first in the batch that lies in the memory: a layer, if one's output is not finite."""
        for label, op in zip(self.network.labels, self.executable.trained_ops, strict=False):
            if not np.isfinite(self.executable.view(self.memory, f"{label}.{op.writes}")).all():
                return f"the output of layer {label}"
        return "the loss"

    def _finish(self) -> None:
        """End with the best values, if they are kept, and remember the last ones."""
        if self.keep_best and self.monitor.lowest[0] < np.inf:
            self._last = self.network.parameters.copy(), self.network.state.copy()
            self.network.parameters[:], self.network.state[:] = self.monitor.P, self.monitor.S

    def _go_on(self) -> None:
        """Take up the last values again where the best ones stand in their place, unless somebody has changed these."""
        values = self.network.parameters, self.network.state
        if self._last and all(map(np.array_equal, values, (self.monitor.P, self.monitor.S))):
            self.network.parameters[:], self.network.state[:] = self._last
        self._last = ()

    # --------------------------------------------------------------------------------------------------------- L-BFGS

    def _lbfgs(self) -> Generator[Sequence[Epoch]]:
        """Full-batch L-BFGS, an iteration an epoch."""
        if len(self.history) >= self.epochs:  # SciPy would make one iteration
            return
        began = time.perf_counter()
        for loss in lbfgs.minimize(self):
            self.step += 1
            lowest = float(self.monitor.lowest[0])
            sums = np.array([[loss, 1.0, 0.0, loss, self.after_epoch(loss)]])
            self._seconds += time.perf_counter() - began
            yield self._epochs(sums, np.ones(1), lowest)
            if self._out_of_time():
                self.stopped = self._over_time()
                return
            began = time.perf_counter()

    def after_epoch(self, loss: float) -> float:
        """Give the loss of the validation rows, if any, and keep the best values, as the machine does."""
        if self.validation is not None:
            rows, clock = structs.validation_data(self.monitor), Clock(self.step, self.seed)
            with steady(self.compiled):
                loss = self.machine.evaluate_rows(self.tables, self.memory, rows, clock) * self.monitor.scale
        if loss < self.monitor.lowest[0]:
            self.monitor.lowest[0] = loss
            if self.keep_best:
                self.monitor.P[:], self.monitor.S[:] = self.network.parameters, self.network.state
        return loss


def _slow_seconds(work: int) -> float:
    """Give what a compiled batch may take on a slow machine, so that even the first call comes back in time."""
    return 5e-6 + 5e-9 * work


def _total(rows: tuple[Array, Array, Array]) -> float:
    """Give the summed weights of rows (X, Y, weights); without weights, their number."""
    return float(rows[2].sum()) if rows[2].size else float(rows[0].shape[0])


def reduction(loss: Loss, outputs: int) -> int:
    """Give a loss's reduction as the machine knows it: 0 for the sum, else the divisor beside the rows."""
    return {"sum": 0, "mean": 1, "mean_all": outputs}[loss.reduction]
