"""Runs a training's batches on the machine, which returns now and then for Ctrl-C and time limits."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import numpy as np

from backlit.engine import machine, stopping
from backlit.engine.compiled import CompiledMachine
from backlit.engine.executable import Executable
from backlit.engine.machine.environment import steady
from backlit.engine.parallel.auto_switch import CALL_SECONDS
from backlit.engine.parallel.thread_team import ThreadTeam
from backlit.engine.program import structs
from backlit.engine.program.graph import layer_ranges
from backlit.engine.program.structs import Clock, Data, Memory, Monitor, Rule, Signals, Tables
from backlit.engine.program.tables import joined
from backlit.kernels.types import Array


def training_tables(executable: Executable, rule: Rule, gradient_norms: bool) -> tuple[Tables, tuple[str, ...]]:
    """Give the tables to train by, and the layers whose gradients' norms are measured: all of them, or none."""
    tables = joined(executable.training, rule)
    full_batch = executable.optimizer is not None and executable.optimizer.full_batch
    ranges = layer_ranges(executable.graph.layout) if gradient_norms and not full_batch else {}
    if ranges:
        normed = np.array([*ranges.values()], np.int64).reshape(-1)
        tables = tables._replace(normed=normed, normed_count=len(ranges))
    return tables, tuple(ranges)


class BatchLoop:
    """Runs the machine, alone or with a thread team, on a training's tables and memory.

    After each epoch the machine measures the validation rows (X, Y, weights), if any. With `keep_best` it keeps the
    parameters and running statistics of the epoch of the lowest loss.
    """

    def __init__(
        self, executable: Executable, tables: Tables, memory: Memory, team: ThreadTeam | None, rule: Rule,
        batch_size: int, validation: tuple[Array, Array, Array] | None, keep_best: bool,
    ) -> None:  # fmt: skip
        self.executable, self.tables, self.memory, self.team = executable, tables, memory, team
        self.rule, self.batch_size, self.validation, self.keep_best = rule, batch_size, validation, keep_best
        work = memory.size * batch_size
        self.large = float(np.finfo(executable.dtype).max) ** 0.25  # of weights: the next outputs may overflow
        self.batch_seconds = _slow_seconds(work) if executable.compiled else CALL_SECONDS

    def prepare(self) -> None:
        """Compile what the training will call, or find it in the cache, so that the first epoch's time is its own."""
        executable, optimizer = self.executable, self.executable.optimizer
        full_batch = optimizer is not None and optimizer.full_batch
        _ = getattr(executable.runner, "batch_gradient" if full_batch else executable.entry), self.monitor
        if self.team is not None:
            _ = executable.runner.worker_loop

    @functools.cached_property
    def monitor(self) -> Monitor:
        """What the machine does after each epoch: the validation rows it measures, the best values it keeps."""
        network, validation, runner = self.executable.network, self.validation, self.executable.runner
        best = (network.parameters.copy(), network.state.copy()) if self.keep_best else None
        scale = 1.0 if validation is None else machine.factor(self.rule.reduction, _total(validation))
        monitor = structs.monitor_of(network.dtype, validation, scale, best)
        if validation is None or not isinstance(runner, CompiledMachine):
            return monitor
        rows = structs.validation_data(monitor)
        # kept alive, since the machine is given only the addresses of its vectors
        self._measuring = call = runner.ready("evaluate_rows", self.tables, self.memory, rows, Clock(0, 0))
        integers, floats = call.vectors
        return monitor._replace(
            entry_point=call.entry_point.address, integers=integers, floats=floats, result=np.frombuffer(call.floats)
        )

    def after_epoch(self, loss: float, clock: Clock) -> float:
        """Give the loss of the validation rows, if any, else `loss`, and keep the best values, as the machine does."""
        network, monitor = self.executable.network, self.monitor
        if self.validation is not None:
            rows = structs.validation_data(monitor)
            with steady(self.executable.compiled):
                loss = self.executable.runner.evaluate_rows(self.tables, self.memory, rows, clock) * monitor.scale
        if loss < monitor.lowest[0]:
            monitor.lowest[0] = loss
            if self.keep_best:
                monitor.P[:], monitor.S[:] = network.parameters, network.state
        return loss

    def run(
        self, data: Data, clock: Clock, rates: Array, sums: Array, signals: Signals, target: float | None,
        out_of_time: Callable[[], bool],
    ) -> tuple[int, str, tuple[int, str]]:  # fmt: skip
        """Run a chunk; give how many batches are done, if not all are the reason, and where and how it diverged.

        Where it diverges, its good epochs run again, and all that training changes is as it was after them. An epoch is
        good if its losses were finite, and so is all that its last update wrote: no loss of its own tells of that.
        """
        batches, before = rates.size // sums.shape[0], self.values()
        done, why = self.advance(data, clock, rates, sums, signals, target, 0, rates.size, out_of_time)
        if why != "diverged" and self.is_good(data):
            return done, why, (0, "")
        failed = done % batches + 1, stopping.first_not_finite(self.executable, self.memory)
        self.restore(before)
        sums[:] = 0.0
        for good in range(0, done // batches * batches, batches):
            before = self.values()
            reached, _ = self.advance(
                data, clock, rates, sums, signals, target, good, good + batches, lambda: False
            )  # fmt: skip
            if reached < good + batches or not self.is_good(data):
                failed = batches, stopping.arrays_not_finite(self.executable, self.memory)
                self.restore(before)
                return good, "diverged", failed
        if why != "diverged":  # the weights are not finite in the middle of an epoch that was not ended
            failed = done % batches, "its update gives numbers that are not finite"
        return done // batches * batches, "diverged", failed

    def is_good(self, data: Data) -> bool:
        """Tell whether what the last update wrote is finite, and so is the loss where the weights are very large."""
        memory = self.memory
        written = memory.P, memory.S, memory.slots
        if stopping.are_within(written, self.large):
            return True
        if not all(np.isfinite(values).all() for values in written):
            return False
        if not memory.P.size or np.abs(memory.P).max() <= self.large:
            return True
        with steady(self.executable.compiled), np.errstate(all="ignore"):
            return bool(np.isfinite(self.executable.runner.evaluate_rows(self.tables, self.memory, data, Clock(0, 0))))

    @functools.cached_property
    def _changed(self) -> tuple[Array, ...]:
        memory, monitor = self.memory, self.monitor
        vectors = memory.P, memory.S, memory.slots, monitor.lowest, monitor.P, monitor.S
        return tuple(vector for vector in vectors if vector.size)

    def values(self) -> list[Array]:
        """Give all that training changes, as it is now: copies."""
        return [values.copy() for values in self._changed]

    def restore(self, values: list[Array]) -> None:
        """Write such values back."""
        for vector, kept in zip(self._changed, values, strict=True):
            vector[:] = kept

    def advance(
        self, data: Data, clock: Clock, rates: Array, sums: Array, signals: Signals, target: float | None,
        start: int, stop: int, out_of_time: Callable[[], bool],
    ) -> tuple[int, str]:  # fmt: skip
        """Run a chunk's batches from `start` up to `stop`; give how many are done and, if not all are, the reason.

        `rates` has a learning rate for every batch of the chunk; `sums` (epochs, SUMS + norms) collects the sums of its
        epochs, `signals` the signals. Python raises KeyboardInterrupt when a call of the machine returns, before its
        result is stored here. So the machine writes the number of the next batch into `memory.reached`.
        """
        batches = rates.size // sums.shape[0]
        reached, why = self.memory.reached, ""
        reached[0] = start
        try:
            while not why and reached[0] < stop:
                first = int(reached[0])
                last = min(stop, first + self.batches_per_call())
                self.call(data, Clock(clock.step + first, clock.seed), first, last, rates, sums, signals, target)
                ended = reached[0] > first and reached[0] % batches == 0
                if ended and target is not None and sums[reached[0] // batches - 1, structs.LOSS] <= target:
                    why = "met"
                elif out_of_time():
                    why = "out of time"
                elif reached[0] < last:
                    why = "diverged"
        except KeyboardInterrupt:
            why = "interrupted"
        return int(reached[0]), why

    def call(
        self, data: Data, clock: Clock, first: int, last: int, rates: Array, sums: Array, signals: Signals,
        target: float | None,
    ) -> None:  # fmt: skip
        """Run the machine over batches `first` to `last`; `memory.reached` has the number of the next one."""
        train = self.team.train_batches if self.team else self.executable.train
        began = time.perf_counter()
        with steady(self.executable.compiled):
            train(
                self.tables, self.memory, data, self.monitor, self.rule, signals, clock, self.batch_size,
                first, last, rates, -np.inf if target is None else float(target), sums.reshape(-1),
            )  # fmt: skip
        done = int(self.memory.reached[0]) - first
        if done > 0:
            self.batch_seconds = (time.perf_counter() - began) / done

    def batches_per_call(self) -> int:
        """Give how many batches run in one call of the machine."""
        seconds = self.team.switch.seconds if self.team else CALL_SECONDS
        return max(1, int(seconds / self.batch_seconds))


def _slow_seconds(work: int) -> float:
    """Give the time of a compiled batch on a slow computer, so that even the first call returns in time."""
    return 5e-6 + 5e-9 * work


def _total(rows: tuple[Array, Array, Array]) -> float:
    """Give the summed weights of rows (X, Y, weights); without weights, their number."""
    return float(rows[2].sum()) if rows[2].size else float(rows[0].shape[0])
