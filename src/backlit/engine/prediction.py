"""Runs rows forward, many rows on several threads."""

from __future__ import annotations

import functools
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from backlit.engine import machine
from backlit.engine.compiled import Call, CompiledMachine, can_compile
from backlit.engine.executable import Executable
from backlit.engine.machine.environment import processors, steady, threads_of
from backlit.engine.program.structs import Clock

if TYPE_CHECKING:
    from backlit.engine.architecture import Architecture
    from backlit.kernels.types import Array

FEW_ROWS = 16
MANY_ROWS = 65_536
"""The two batch shapes a network predicts in: a few rows in a small arena, or all rows, shard by shard."""

THREAD_WORK = 20_000_000
"""Multiply-adds that pay for starting a thread."""

TURNS = 4
"""How many shares of the rows each thread takes, so that none waits long for a slower one."""


class Predictor:
    """A network's program for prediction, with its arena, kept for the next call."""

    def __init__(self, network: Architecture, rows: int, compiled: bool) -> None:
        self.executable = program = Executable(network, rows, compiled=compiled and can_compile(), forward_only=True)
        self.tables = program.prediction
        self.memory = program.memory()
        self.call: Call | None = None
        if isinstance(program.runner, CompiledMachine):  # for one row, preparing the call takes longer than the rest
            none = np.empty(0, network.dtype)
            self.call = program.runner.ready("predict_rows", self.tables, self.memory, none, 0, none, Clock(0, 0))

    def __call__(self, X: Array, Y: Array) -> None:
        """Write the outputs of the rows of X (n, inputs) into Y (n, outputs)."""
        if self.call is not None:
            self.call(X=X, rows=X.shape[0], Y=Y)
            return
        with steady(compiled=False):
            machine.predict_rows(self.tables, self.memory, X.reshape(-1), X.shape[0], Y.reshape(-1), Clock(0, 0))


class Predictors:
    """The predictors of a network for one shape of batch; idle ones are kept for the next call.

    Each has an arena of its own, so no two threads write to the same one.
    """

    def __init__(self, network: Architecture, rows: int, compiled: bool) -> None:
        self.make = functools.partial(Predictor, network, rows, compiled)
        self.work_per_row = network.parameters.size if compiled and can_compile() else 0
        self.idle: deque[Predictor] = deque(maxlen=2 * processors())

    def __call__(self, X: Array, Y: Array, threads: int | None) -> None:
        """Write the outputs of the rows of X into Y, by up to so many threads where there is much to do."""
        helpers = X.shape[0] * self.work_per_row // THREAD_WORK - 1
        if helpers > 0 or threads is not None:
            helpers = min(helpers, threads_of(threads) - 1, processors() - 1)
        if helpers > 0:
            self._share_out(X, Y, helpers)
            return
        predictor = self._taken()
        predictor(X, Y)
        self.idle.append(predictor)

    def _taken(self) -> Predictor:
        try:
            return self.idle.pop()
        except IndexError:
            return self.make()

    def _share_out(self, X: Array, Y: Array, helpers: int) -> None:
        """Share the rows among this thread and so many helpers; each takes whole shards when it is free."""
        own = self._taken()
        shards = -(-X.shape[0] // own.executable.rows)
        step = -(-shards // ((helpers + 1) * TURNS)) * own.executable.rows
        starts = deque(range(0, X.shape[0], step))
        failures: list[Exception] = []

        def work(predictor: Predictor) -> None:
            while True:
                try:
                    start = starts.popleft()
                except IndexError:
                    break
                predictor(X[start : start + step], Y[start : start + step])
            self.idle.append(predictor)

        def help_out() -> None:
            try:
                predictor = self._taken()
            except MemoryError:  # the other threads do the work
                return
            try:
                work(predictor)
            except Exception as error:  # noqa: BLE001  (raised again in the caller's thread)
                failures.append(error)

        threads = [threading.Thread(target=help_out, name=f"backlit-{k}") for k in range(1, helpers + 1)]
        started = []
        try:
            with suppress(RuntimeError):  # the system has no threads left: fewer do the work
                for thread in threads:
                    thread.start()
                    started.append(thread)
            work(own)
        finally:
            starts.clear()
            for thread in started:
                thread.join()
        if failures:
            raise failures[0]
