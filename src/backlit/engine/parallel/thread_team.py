"""Several threads for one batch: each takes whole shards, and the shards' gradients are summed in one fixed tree.

All workers run the same loop over the batches in machine code (`machine.train_batches`), each on its own shards and on
its own range of the parameters, and wait at a barrier where one needs what another has computed. Which worker computes
a shard, or sums a range, does not change a bit. The threads are Python's, so a debugger and the interpreter's shutdown
know them, but between calls they wait in machine code: waking one from Python took as long as many a batch.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.engine.compiled import CompiledMachine
from backlit.engine.machine.barrier import LINE
from backlit.engine.machine.environment import processors
from backlit.engine.machine.reduce import levels
from backlit.engine.parallel.auto_switch import AutoSwitch
from backlit.engine.parallel.worker_threads import WorkerThreads
from backlit.engine.program.structs import Clock, Data, Memory, Monitor, Rule, Signals, Tables
from backlit.kernels.types import Array


def thread_team_for(
    machine: Any, entry: str, memory: Memory, threads: int, *, shards: int, coupled: bool
) -> ThreadTeam | None:
    """Give a team for batches of so many shards, or None where there is nothing to share.

    `entry` names the machine's entry point that trains on such batches. A team never has more workers than there are
    processors: a waiting worker would take processor time from a working one.
    """
    workers = min(threads, shards, processors())
    if workers < 2 or not isinstance(machine, CompiledMachine):
        return None
    return ThreadTeam(machine, entry, memory, workers, shards=shards, coupled=coupled)


class ThreadTeam:
    """Runs the machine's entry points for training with several threads.

    `memory` is that of worker 0, the caller. Each further worker has arenas of its own; for coupled batches all workers
    share one. On processors that run other programs too, a team can be slower than worker 0 alone: `AutoSwitch` times
    both. Where the system has no threads left, worker 0 works alone.
    """

    def __init__(
        self, machine: CompiledMachine, entry: str, memory: Memory, workers: int, *, shards: int, coupled: bool
    ) -> None:
        self.machine = machine
        self.entry = entry
        self.switch = AutoSwitch()
        self.threads: WorkerThreads | None = None
        self.refused = False
        common = memory._replace(workers=workers)
        if not coupled:
            gradients = np.zeros((workers + levels(shards)) * memory.size, memory.P.dtype)
            common = common._replace(shards=gradients, losses=np.zeros(workers * LINE))
        self.memories = [common]
        for worker in range(1, workers):
            A, dA = memory.A, memory.dA
            if not coupled:
                A, dA = np.zeros(A.size, A.dtype), np.zeros(A.size, A.dtype)  # no page is touched before it is used
            self.memories.append(common._replace(worker=worker, A=A, dA=dA))

    def train_batches(
        self, tables: Tables, memory: Memory, data: Data, monitor: Monitor, rule: Rule, signals: Signals,
        clock: Clock, batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array,
    ) -> int:  # fmt: skip
        """Do what the machine's entry point for training does, each batch's shards side by side."""

        def given(worker: int) -> tuple[Any, ...]:  # each worker computes the same sums
            own = sums if worker == 0 else sums.copy()
            return data, monitor, rule, signals, clock, batch_size, first_batch, last_batch, rates, target, own

        return int(self._run(self.entry, tables, memory, given, lambda reached: int(reached) - first_batch))

    def batch_gradient(self, tables: Tables, memory: Memory, *given: Any) -> float:
        """Do what `machine.batch_gradient` does."""
        return float(self._run("batch_gradient", tables, memory, lambda _: given, lambda _: 1))

    def shut_down(self) -> None:
        """End the threads, until they are needed again."""
        threads, self.threads = self.threads, None
        if threads is not None:
            threads.shut_down()

    def _run(
        self, entry: str, tables: Tables, memory: Memory,
        given: Callable[[int], tuple[Any, ...]], batches: Callable[[Any], int],
    ) -> Any:  # fmt: skip
        """Run an entry point with all workers, each with its own memory and arguments, or with worker 0 alone."""
        entry_point = self.machine.entry_point(entry)
        threads = self._running_threads() if self.switch.together else None
        began = time.perf_counter()
        if threads is None:
            result = entry_point(self.machine.remembered, tables, memory, *given(0))
        else:
            kept = [given(worker) for worker in range(len(self.memories))]
            packs = [
                entry_point.packed(self.machine.remembered, tables, own, *rest)
                for own, rest in zip(self.memories, kept, strict=True)
            ]
            threads.call(entry_point.address, packs)
            result = packs[0][1][0]
        self.switch.note(batches(result), time.perf_counter() - began)
        return result

    def _running_threads(self) -> WorkerThreads | None:
        """Give the threads, started in this process; None where the system has none to give."""
        if self.threads is not None and self.threads.process != os.getpid():
            self.threads = None  # a fork has the memory, but not the threads
        if self.threads is None and not self.refused:
            threads = WorkerThreads(self.machine.worker_loop, len(self.memories))
            try:
                threads.start()
            except RuntimeError:
                threads.shut_down()
                self.refused = True
                return None
            self.threads = threads
            self.memories = [memory._replace(barrier=threads.barrier) for memory in self.memories]
        return self.threads
