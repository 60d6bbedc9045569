"""Several threads for one batch: each takes whole shards, and the shards' gradients are summed in their order.

Who computes a shard does not change a bit of the sum. The threads are Python's own, which only wait while there is
nothing to do: no spinning, and nothing that a fork, a debugger or another library's threads could trip over. Handing a
shard over costs some 20 microseconds, so a team pays where a shard takes several times that; the program cuts batches
into shards accordingly (`program.shard_rows`).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np

from backlit.engine import machine as plain
from backlit.engine.compiler import CompiledMachine
from backlit.engine.machine import Clock, Data, Memory, Rule, Tables
from backlit.ops.op import Array


def default_threads() -> int:
    """Give how many threads to use: BACKLIT_THREADS, else OMP_NUM_THREADS, else the processors this process may use."""
    for name in ("BACKLIT_THREADS", "OMP_NUM_THREADS"):
        given = os.environ.get(name, "")
        if given.isdecimal() and int(given):
            return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """Runs `train_batches` with several threads; a drop-in for the machine's own.

    `memory` is the first thread's, and holds the batch's gradient in the end; each further thread has arenas and a
    gradient vector of its own over the same parameters.
    """

    def __init__(self, machine: ModuleType | CompiledMachine, memory: Memory, threads: int) -> None:
        self.machine = machine
        self.memory = memory
        own = ("dP", "A", "dA")
        self.others = [
            memory._replace(**{name: np.zeros_like(getattr(memory, name)) for name in own}) for _ in range(threads - 1)
        ]
        self.shard = memory._replace(dP=memory.shard)
        self.pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="backlit")

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown()

    def gradient(self, tables: Tables, data: Data, start: int, stop: int, scale: float, clock: Clock) -> float:
        """Fill dP with the gradient of a batch, a round of shards at a time; return its summed losses."""
        loss = 0.0
        round_rows = tables.rows * (1 + len(self.others))
        for first in range(start, stop, round_rows):
            mine = self.memory if first == start else self.shard
            memories = [mine, *self.others]
            tasks: list[Any] = [
                (tables, memories[k], data, row, min(tables.rows, stop - row), row - start, scale, 1, clock)
                for k, row in enumerate(range(first, min(stop, first + round_rows), tables.rows))
            ]
            futures = [self.pool.submit(self.machine.shard_gradient, *task) for task in tasks[1:]]
            losses = [self.machine.shard_gradient(*tasks[0]), *(future.result() for future in futures)]
            for k, shard_loss in enumerate(losses):
                loss += shard_loss
                if first > start or k > 0:
                    self.machine.add(self.memory.dP, memories[k].dP, self.memory.size)
        return loss

    def train_batches(
        self, tables: Tables, memory: Memory, data: Data, rule: Rule, clock: Clock,
        batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array,
    ) -> int:  # fmt: skip
        """Do what `machine.train_batches` does, each batch's shards side by side."""
        batches = -(-data.rows // batch_size)
        for batch in range(first_batch, last_batch):
            epoch, number = divmod(batch, batches)
            first = epoch * data.rows + number * batch_size
            stop = min(first + batch_size, (epoch + 1) * data.rows)
            step = clock.step + batch - first_batch
            weight = self.machine.total_weight(data, first, stop)
            scale = plain.factor(rule.reduction, weight)
            loss = self.gradient(tables, data, first, stop, scale, Clock(step, clock.seed))
            rate = float(rates[batch])
            finish = self.machine.finish_batch
            if not finish(tables, memory, rule, step, rate, loss, weight, stop - first, sums, epoch):
                return batch
            if number + 1 == batches and plain.finish_epoch(rule, sums, epoch) <= target:
                return batch + 1
        return last_batch
