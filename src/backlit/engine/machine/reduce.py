"""The sum over the shards of a batch, behind which another way to sum can stand.

Each worker sums its own range of the parameters, for all shards in the same order: which worker computes a shard, or
sums a range, does not change a bit.
"""

from __future__ import annotations

from backlit.engine.machine.barrier import arrive
from backlit.engine.machine.vector_ops import add
from backlit.engine.program.structs import CACHE_LINE, Memory
from backlit.kernels.types import Array


def synchronize(memory: Memory) -> None:
    """Wait until all workers of the team have arrived."""
    if memory.workers > 1:
        arrive(memory.barrier, memory.worker)


def range_start(memory: Memory, worker: int) -> int:
    """Give where a worker's range of the parameters begins, and the one before it ends: at a cache line."""
    if worker == 0:
        return 0
    if worker == memory.workers:
        return memory.size
    return memory.size * worker // memory.workers // CACHE_LINE * CACHE_LINE


def add_shard(memory: Memory, gradient: Array) -> None:
    """Add a shard's gradient (parameters,) to the sum in dP: this worker's range of it."""
    add(memory.dP, gradient, range_start(memory, memory.worker), range_start(memory, memory.worker + 1))
