"""Runs a training's batches by the machine, which comes back now and then for Ctrl-C and time limits."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from backlit.engine.executable import Executable
from backlit.engine.machine.environment import steady
from backlit.engine.parallel.auto_switch import CALL_SECONDS
from backlit.engine.parallel.thread_team import ThreadTeam
from backlit.engine.program.structs import LOSS, Clock, Data, Memory, Monitor, Rule, Tables
from backlit.kernels.types import Array


class BatchLoop:
    """The machine, alone or with a thread team, at work on a training's tables and memory."""

    def __init__(
        self, executable: Executable, tables: Tables, memory: Memory, team: ThreadTeam | None, rule: Rule,
        batch_size: int, seed: int,
    ) -> None:  # fmt: skip
        self.executable, self.tables, self.memory, self.team = executable, tables, memory, team
        self.rule, self.batch_size, self.seed = rule, batch_size, seed
        work = memory.size * batch_size
        self.batch_seconds = _slow_seconds(work) if executable.compiled else CALL_SECONDS

    def advance(
        self, data: Data, monitor: Monitor, step: int, rates: Array, sums: Array, target: float | None, stop: int,
        out_of_time: Callable[[], bool],
    ) -> tuple[int, str]:  # fmt: skip
        """Run the first `stop` batches of a chunk; give how many were done and, where they were not all, why.

        `step` updates went before. `rates` has a learning rate for every batch of the chunk, `sums` (epochs, SUMS and
        norms) collects the sums of its epochs. An interruption is raised only when a call of the
        machine has returned, before its result is known here; so the machine writes into `memory.reached` how far it
        came.
        """
        batches = rates.size // sums.shape[0]
        reached, why = self.memory.reached, ""
        reached[0] = 0
        try:
            while not why and reached[0] < stop:
                first = int(reached[0])
                last = min(stop, first + self.batches_per_call())
                self.call(data, monitor, step + first, first, last, rates, sums, target)
                ended = reached[0] > first and reached[0] % batches == 0
                if ended and target is not None and sums[reached[0] // batches - 1, LOSS] <= target:
                    why = "met"
                elif out_of_time():
                    why = "out of time"
                elif reached[0] < last:
                    why = "diverged"
        except KeyboardInterrupt:
            why = "interrupted"
        return int(reached[0]), why

    def call(
        self, data: Data, monitor: Monitor, step: int, first: int, last: int, rates: Array, sums: Array,
        target: float | None,
    ) -> None:  # fmt: skip
        """Run the machine over batches `first` to `last`; `memory.reached` says how far it came."""
        train = self.team.train_batches if self.team else self.executable.train
        began = time.perf_counter()
        with steady(self.executable.compiled):
            train(
                self.tables, self.memory, data, monitor, self.rule, Clock(step, self.seed), self.batch_size,
                first, last, rates, -np.inf if target is None else float(target), sums.reshape(-1),
            )  # fmt: skip
        done = int(self.memory.reached[0]) - first
        if done > 0:
            self.batch_seconds = (time.perf_counter() - began) / done

    def batches_per_call(self) -> int:
        """Give how many batches run before the machine comes back."""
        seconds = self.team.switch.seconds if self.team else CALL_SECONDS
        return max(1, int(seconds / self.batch_seconds))


def _slow_seconds(work: int) -> float:
    """Give what a compiled batch may take on a slow machine, so that even the first call comes back in time."""
    return 5e-6 + 5e-9 * work
