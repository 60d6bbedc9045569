"""The sum over the shards of a batch."""

from __future__ import annotations

from backlit.engine.machine.barrier import arrive
from backlit.engine.program.structs import CACHE_LINE, Memory


def synchronize(memory: Memory) -> None:
    """Wait until all workers of the team have come here."""
    if memory.workers > 1:
        arrive(memory.barrier, memory.worker)


def range_start(memory: Memory, worker: int) -> int:
    """Give where a worker's range of the parameters begins, and the one before it ends: at a line of the cache."""
    if worker == 0:
        return 0
    if worker == memory.workers:
        return memory.size
    return memory.size * worker // memory.workers // CACHE_LINE * CACHE_LINE
