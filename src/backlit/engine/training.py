"""Training as a generator of epochs, with validation, stopping and best weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from backlit.engine import descent, lbfgs, stopping
from backlit.engine.arguments import known_arguments
from backlit.engine.batch_loop import BatchLoop, training_tables
from backlit.engine.compiled import can_compile
from backlit.engine.copying import parts_of, remade
from backlit.engine.curves import MOST, Plotted, TrainingCurve
from backlit.engine.display import Displayed
from backlit.engine.epoch_hooks import EpochHooks
from backlit.engine.executable import Executable
from backlit.engine.exploded import ExplosionCheck
from backlit.engine.history import Epoch, History
from backlit.engine.input_checks import refuse_swapped, rows_of, validation_rows
from backlit.engine.machine.environment import threads_of
from backlit.engine.measuring import Measuring
from backlit.engine.network import Network
from backlit.engine.objective import Objective, reduction
from backlit.engine.parallel.thread_team import thread_team_for
from backlit.engine.program.structs import Clock, Signals, data_of
from backlit.engine.row_order import RowOrder
from backlit.engine.settings import Fixed, Setting, TrainingSettings
from backlit.engine.signals import SignalHistory
from backlit.engine.state import TrainingState, check_state, set_state, state_of
from backlit.engine.stopping import Improvement
from backlit.engine.summaries import TrainingSummary, training_summary
from backlit.engine.unlearnable import warn_if_useless, warn_of_what_cannot_be_learned
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer
from backlit.ops.synonyms import instead


class Training(Plotted, Displayed):
    r"""Trains a network by gradient descent on its error; iterating runs it, an `Epoch` at a time.

    Each update: the gradient of the loss over one batch, by backpropagation; plus the gradient of the penalties
    l2/2 Σw² + l1 Σ|w|; clipped, after the penalties were added; then the optimizer's rule, where an optimizer's
    `weight_decay` acts on the weights themselves.

    Args:
        network: what to train, in place.
        X: inputs (n, inputs). Y: targets (n, outputs), (n,) for one, or class numbers (n,) if the loss takes them.
        sample_weight: a weight per row (n,), at least 0.
        validation: (X, Y) or (X, Y, weights) to measure after each epoch.
        order: what gives the order of the rows of the next epoch, an integer array (n,), instead of the shuffle.
        optimizer: update rule of the weights: an optimizer, or its name.
        schedule: how the learning rate changes: a schedule, or its name.
        batch_size: rows per update: 1 is stochastic gradient descent, "full" takes all rows.
        epochs: passes over the rows at the most.
        shuffle: whether to take the rows in a new random order in each epoch.
        seed: seed of the shuffles and of dropout; the same seed gives the same bits.
        target: stop after the first epoch whose training loss is at most this.
        patience: stop after so many epochs in a row without an improvement of the monitored loss (of the validation
            rows if given, else of training) by more than `tolerance`.
        tolerance: how much lower a monitored loss must be to count as an improvement.
        time_limit: stop after so many seconds of training. Compiling does not count, nor time between the epochs.
        keep_best: end with the weights of the epoch of the lowest monitored loss; by default, where there are
            validation rows.
        l1: penalty l1 Σ|w| on the weights.
        l2: penalty l2/2 Σw² on the weights.
        decay_biases: whether penalties and decay act on biases too.
        penalty_per_batch: divide the penalties by the rows of the batch, and count each batch's mean error by its rows,
            as scikit-learn does.
        clip_value: limit of each element of the gradient.
        clip_norm: limit of the Euclidean norm of the whole gradient.
        max_norm: limit of the norm of each unit's incoming weights, enforced after each update.
        gradient_norms: give each `Epoch` the norms of its last batch's gradients, layer by layer; L-BFGS has none.
        signals: measure gradients, weights and outputs, layer by layer, at some epochs; L-BFGS has none.
        divergence: what a loss that is not finite, or exploded weights, lead to: "warn" or "raise" (a DivergedError).
        compiled: False runs the same maths as plain NumPy Python, to step through with a debugger.
        threads: how many threads the batches of a network that is not small are shared out to, at the most; by default
            BACKLIT_THREADS, else OMP_NUM_THREADS, else all processors. It does not change a bit of the result.
        metrics: what to measure after each epoch, as `Network.evaluate` takes it ("accuracy", a function, ...): on the
            training rows, and on the validation rows as "validation_accuracy".
        callbacks: functions of an `Epoch`, called after each one with the network as it is then; one that returns True
            stops the training.
        progress: whether to show how far the training is, in a terminal or a notebook.

    Attributes:
        settings: the arguments that are no data, as a `TrainingSettings`; `training.epochs = 9` replaces one of them.
        history: the epochs so far. `stopped`: why it ended, or None. `best`: the epoch of the lowest monitored loss.
        signals: what gradients, weights and outputs did, layer by layer: a `SignalHistory`.
        state: all that training changes: a `TrainingState` to copy, to compare, and to go back to.

    Ctrl-C ends a training cleanly, with the model so far; so does leaving the loop by `break`. Iterating again goes on,
    from the weights of the last epoch, even where the network holds the best ones meanwhile (L-BFGS begins its memory
    anew). `copy.deepcopy` and `pickle` give a training that goes on by itself, with the same bits.

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

    # The methods below read `self.settings.epochs` and its like: twenty for a call of the machine, at half the time.
    batch_size: Fixed[int] = Fixed()
    schedule: Setting[Any] = Setting()
    epochs: Setting[int] = Setting()
    shuffle: Setting[bool] = Setting()
    seed: Setting[int] = Setting()
    target: Setting[float | None] = Setting()
    patience: Setting[int | None] = Setting()
    tolerance: Setting[float] = Setting()
    time_limit: Setting[float | None] = Setting()
    divergence: Setting[Literal["warn", "raise"]] = Setting()

    @known_arguments("Training")
    def __init__(
        self, network: Network, X: npt.ArrayLike, Y: npt.ArrayLike, *,
        optimizer: Optimizer | str = "adam", schedule: Any = "constant", batch_size: int | Literal["full"] = 32,
        epochs: int = 100, sample_weight: npt.ArrayLike | None = None, validation: tuple[Any, ...] | None = None,
        shuffle: bool = True, order: Callable[[], Array] | None = None, seed: int = 0, target: float | None = None,
        patience: int | None = None, tolerance: float = 0.0, time_limit: float | None = None,
        keep_best: bool | None = None,
        l1: float = 0.0, l2: float = 0.0, decay_biases: bool = False, penalty_per_batch: bool = False,
        clip_value: float | None = None, clip_norm: float | None = None, max_norm: float | None = None,
        gradient_norms: bool = False, signals: bool = True, divergence: Literal["warn", "raise"] = "warn",
        compiled: bool = True, threads: int | None = None, metrics: Any = None, callbacks: Any = None,
        progress: bool = False,
    ) -> None:  # fmt: skip
        refuse_swapped(network, "Training")
        self.settings = settings = TrainingSettings(
            optimizer=optimizer, schedule=schedule, batch_size=batch_size, epochs=epochs, shuffle=shuffle, seed=seed,
            target=target, patience=patience, tolerance=tolerance, time_limit=time_limit, keep_best=keep_best,
            l1=l1, l2=l2, decay_biases=decay_biases, penalty_per_batch=penalty_per_batch, clip_value=clip_value,
            clip_norm=clip_norm, max_norm=max_norm, gradient_norms=gradient_norms, signals=signals,
            divergence=divergence, compiled=compiled, threads=threads,
        )  # fmt: skip
        self.network = network
        self.optimizer: Optimizer = settings.optimizer
        self.X, self.Y, self.weights = rows_of(network, X, Y, sample_weight)
        if not self.X.shape[0]:
            raise BacklitError("X has no rows; expected at least one to train on.")
        self.validation = None if validation is None else validation_rows(network, validation)
        self.order = order
        self.batch_size = settings.batch_rows(self.X.shape[0])
        self.keep_best = (validation is not None) if settings.keep_best is None else settings.keep_best
        self.compiled = settings.compiled and can_compile()
        self.rule = settings.rule(reduction(network.loss, network.output_size))
        self.executable = Executable(
            network, self.batch_size, self.optimizer, target_columns=self.Y.shape[1],
            decay_biases=settings.decay_biases, compiled=self.compiled,
        )  # fmt: skip
        self.tables, self.normed_layers = training_tables(self.executable, self.rule, settings.gradient_norms)
        self.measuring = Measuring.of(self.executable, self.X.shape[0], settings.signals)
        self.memory = self.executable.memory()
        self.machine = self.executable.runner
        self.threads = threads_of(settings.threads)
        whole = self.executable.coupled and self.optimizer.full_batch
        self.team = thread_team_for(
            self.machine, self.executable.entry, self.memory, self.threads,
            shards=1 if whole else self.executable.shards, coupled=self.executable.coupled,
        )  # fmt: skip
        self.loop = BatchLoop(
            self.executable, self.tables, self.memory, self.team, self.rule, self.batch_size, self.validation,
            self.keep_best,
        )  # fmt: skip
        self.explosions = ExplosionCheck(self.loop, (self.X, self.Y, self.weights))
        self.row_order = RowOrder(self.X.shape[0], self.settings.seed)
        self.rate_factor = 1.0
        self.schedule_state: dict[str, float] = {}
        self.step = 0
        self.hooks = EpochHooks(
            network, (self.X, self.Y, self.weights), self.validation, metrics, callbacks, progress=progress,
            compiled=self.compiled,
        )  # fmt: skip
        self.history = History(
            self.validation is not None, self.normed_layers, metrics=self.hooks.names,
            signals=SignalHistory(self.measuring.layers),
        )  # fmt: skip
        self.stopped: str | None = None
        self._position = 0  # batches of an epoch that was not ended
        self._improvement = Improvement()
        self._last: tuple[Array, Array] | None = None  # parameters and statistics of the last epoch, after the end
        self._seconds = 0.0

    def summary(self) -> TrainingSummary:
        """Describe the training as a record: what trains which network, how far it is, its losses."""
        return training_summary(
            repr(self.network), self.settings, self.X.shape[0], self.batch_size, self.history, self.stopped,
            self._seconds,
        )  # fmt: skip

    def curve(self, most: int = MOST) -> TrainingCurve:
        """Give the numbers of the epochs so far as a record: the history's `curve`."""
        return self.history.curve(most)

    def __getattr__(self, name: str) -> Any:
        advice = instead("training", name, [*self.__dict__, *dir(type(self))]) or "."
        raise AttributeError(f"a training has no {name!r}{advice}", obj=self)

    def __reduce__(self) -> tuple[Any, ...]:
        return remade, (type(self), parts_of(self))

    def __repr__(self) -> str:
        return f"<Training of {self.network!r}: {len(self.history)} of {counted(self.epochs, 'epoch')}>"

    def __iter__(self) -> Iterator[Epoch]:
        """Train, giving each epoch as it ends; leaving the loop keeps the model so far."""
        return self.in_chunks(lambda: 1)

    def run(self) -> Training:
        """Train to the end and give the training itself; many small epochs run in one call of the machine."""
        for _ in self._run(lambda: self.settings.epochs):
            pass
        warn_if_useless(self)
        return self

    def in_chunks(self, max_unseen: Callable[[], int]) -> Iterator[Epoch]:
        """Train, yielding every epoch, and run up to `max_unseen()` of them per call of the machine.

        Many small epochs take less time in one call. Those of a call have been added to `history` together, and the
        network is that of the last one.
        """
        for first in self._run(max_unseen):
            yield from self.history.between(first, len(self.history))

    def _run(self, max_unseen: Callable[[], int]) -> Generator[int]:
        """Train, giving after each chunk of epochs how many there were before it."""
        self._begin()
        advance = lbfgs.iterations(self) if self.optimizer.full_batch else descent.chunks(self, max_unseen)
        try:
            for first in advance:
                self._after(first)
                yield first
                if self.stopped:
                    return
            self.stopped = self.stopped or stopping.all_done(self.settings.epochs)
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        finally:
            self._end(advance)

    def _begin(self) -> None:
        """Prepare to train, from the weights of the last epoch on."""
        self.stopped = None
        if self.step == 0:
            warn_of_what_cannot_be_learned(self.network.graph, self.network.loss, self.Y, self.batch_size)
        with self.hooks.compiling(self.settings.epochs):
            self.loop.prepare()
        self._go_on()
        self.explosions.begin(lambda: self.state)

    def _after(self, first: int) -> None:
        """Pass on the epochs that have ended since the first `first`, and stop where there is a reason to."""
        self._note(first)
        asked = self.hooks.after(self.history[-1], self.settings.epochs) if self.hooks.wanted else None
        self.stopped = self._reason_to_stop() or asked

    def _end(self, advance: Generator[int] | None) -> None:
        """End what trains, with the best values if they are kept, and say what is wrong with them."""
        try:
            if advance is not None:
                advance.close()
            self.hooks.close()
            if self.team is not None:
                self.team.shut_down()
        finally:
            self._finish()
            stopping.tell_of_the_end(self)

    def _run_chunk(self, rates: Array, sums: Array, signals: Signals) -> tuple[int, str, tuple[int, str]]:
        """Run epochs, a learning rate for each batch; give the batches done, why not all, and where it diverged."""
        order, count = self.row_order, len(sums)
        batches, shuffle = rates.size // count, self.settings.shuffle and self.batch_size < self.X.shape[0]
        drawn = order.generator if count > 1 and shuffle and self.order is None else None
        rows = order.draw(count, shuffle=shuffle, given=self.order)
        data = data_of(self.X, self.Y, self.weights, rows, repeats=not shuffle and self.order is None)
        began, clock = time.perf_counter(), Clock(self.step, self.settings.seed)
        done, ended, failed = self.loop.run(
            data, clock, rates, sums, signals, self.settings.target,
            lambda: self._out_of_time(time.perf_counter() - began),
        )  # fmt: skip
        begun = done // batches + 1 if ended == "diverged" else -(-done // batches)
        if drawn is not None and begun < count:  # how many epochs a chunk has depends on timing
            order.draw_again(drawn, max(1, begun))
        self.step += done
        self._seconds += time.perf_counter() - began
        return done, ended, failed

    def _rates(self, epochs: int, batches: int) -> Array:
        """Give the learning rate of each of the coming updates."""
        steps = self.step + np.arange(epochs * batches)
        scale = self.settings.schedule.scale(steps, batches, self.settings.epochs * batches)
        rates: Array = self.optimizer.rate * self.rate_factor * np.asarray(scale, np.float64)  # type: ignore[attr-defined]
        return rates

    @property
    def signals(self) -> SignalHistory:
        """What gradients, weights and outputs did, layer by layer, at the measured epochs so far: the history's."""
        return self.history.signals

    @property
    def best(self) -> Epoch | None:
        """The epoch of the lowest monitored loss so far; None before the first one."""
        return self.history.lowest()

    def _record(self, sums: Array, rates: Array, lowest: float) -> None:
        """Add epochs that have ended to the history; `lowest` is the lowest monitored loss before them."""
        measured, monitor = self.hooks.measure(), self.loop.monitor
        monitored = self.history.record(sums, rates, self._seconds, lowest, measured)
        if not monitor.wanted:  # else the machine has done it
            monitor.lowest[0] = np.fmin(lowest, np.fmin.reduce(monitored))

    def _note(self, first: int) -> None:
        """Pass the losses of the epochs from `first` on to the schedule and to patience."""
        if self.settings.schedule.needs_loss:
            self.rate_factor = self.settings.schedule.observe(self.schedule_state, float(self.history.monitored[-1]))
        if self.settings.patience is not None:
            losses = self.history.monitored[first:].tolist()
            self._improvement = self._improvement.after(losses, first + 1, self.settings.tolerance)

    def _epochs_before_a_decision(self) -> int:
        """Give how many epochs will run before one of them could end the training or change its rate."""
        each = self.settings.schedule.needs_loss or self.hooks.each_epoch
        if each or self.settings.patience is None:
            return 1 if each else self.settings.epochs
        return max(1, self.settings.patience - self._improvement.waited(len(self.history)))

    def _reason_to_stop(self) -> str | None:
        return stopping.reason_to_stop(self.settings, self.history, self.schedule_state, self._improvement)

    def _out_of_time(self, running: float = 0.0) -> bool:
        return self.settings.time_limit is not None and self._seconds + running >= self.settings.time_limit

    @property
    def state(self) -> TrainingState:
        """All that training changes, as it is now: a copy.

        Setting it goes back to a state of this training, or of one of the same network, data and settings, and going on
        gives the same bits; what `order` gives is the caller's to go back with, and L-BFGS begins its memory anew.

        Errors: a BacklitError for a state of other shapes, or of another optimizer.
        """
        return state_of(self, self._last_values())

    @state.setter
    def state(self, saved: TrainingState) -> None:
        check_state(saved, self.state)
        set_state(self, saved)
        if saved.holds_best:
            self._finish()

    def _finish(self) -> None:
        """End with the best values, if they are kept, and remember the last ones."""
        monitor = self.loop.monitor
        if self.keep_best and monitor.lowest[0] < np.inf:
            self._last = self.network.parameters.copy(), self.network.state.copy()
            self.network.parameters[:], self.network.state[:] = monitor.P, monitor.S

    def _last_values(self) -> tuple[Array, Array] | None:
        """Give the values of the last epoch where the network holds the best ones; None where it holds any others."""
        values, best = (self.network.parameters, self.network.state), (self.loop.monitor.P, self.loop.monitor.S)
        return self._last if self._last and all(map(np.array_equal, values, best)) else None

    def _go_on(self) -> None:
        """Write the last epoch's values into a network that holds the best ones."""
        if last := self._last_values():
            self.network.parameters[:], self.network.state[:] = last
        self._last = None

    def objective(self) -> Objective:
        """Give the error of all rows as a function of the parameters, by this training's program and threads."""
        data = data_of(self.X, self.Y, self.weights, np.arange(self.X.shape[0]))
        return Objective(self.executable, data, self.rule, Clock(self.step, self.settings.seed), tables=self.tables,
                         memory=self.memory, runner=self.team or self.machine)  # fmt: skip

    def after_epoch(self, loss: float) -> float:
        """Give the loss of the validation rows, if any, else `loss`, and keep the best values."""
        return self.loop.after_epoch(loss, Clock(self.step, self.settings.seed))
