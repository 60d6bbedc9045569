"""Batches whose rows depend on each other: all shards side by side, one op after another."""

from __future__ import annotations

from backlit.engine.machine.barrier import LINE
from backlit.engine.machine.passes import BACKWARD, FORWARD, ZERO, invoke, load, loss_of_rows
from backlit.engine.machine.reduce import add_blocks, synchronize
from backlit.engine.machine.vector_ops import part
from backlit.engine.program.structs import WIDTH, Clock, Data, Memory, Tables


def coupled_gradient(
    tables: Tables, memory: Memory, data: Data, start: int, stop: int, scale: float, training: int, clock: Clock
) -> float:
    """Do what `batch_gradient` does where an op needs all rows of a batch at once.

    All workers work in one arena, each on its shards, one op after another. A coupled op takes all rows at once: worker
    0 runs it while the others wait. Shard k is rows k shard to (k + 1) shard of each buffer (rows, columns).
    """
    rows = stop - start
    # The batch into the arena, and forward.
    first = memory.worker * tables.shard
    while first < rows:
        load(tables, memory, data, start + first, min(tables.shard, rows - first), first)
        first += memory.workers * tables.shard
    for i in range(tables.ops):
        step_together(tables, memory, i, FORWARD, rows, training, clock)
    # The losses l (n,) of each shard, and the gradient of the output (n, columns).
    first = memory.worker * tables.shard
    while first < rows:
        n = min(tables.shard, rows - first)
        k = first // tables.shard
        loss = part(tables.loss, k * WIDTH)
        invoke(loss, ZERO, FORWARD, memory, memory.dP, n, training, clock, first)
        memory.losses[k * LINE] = loss_of_rows(tables, memory, data, start + first, n, first, scale)
        invoke(loss, ZERO, BACKWARD, memory, memory.dP, n, training, clock, first)
        first += memory.workers * tables.shard
    # Backward, then the sums over the shards: of their losses in order, of their gradients (parameters,) in the tree.
    for i in range(tables.ops - 1, -1, -1):
        step_together(tables, memory, i, BACKWARD, rows, training, clock)
    synchronize(memory)
    shards = -(-rows // tables.shard)
    total = float(memory.losses[0])
    for k in range(1, shards):
        total += memory.losses[k * LINE]
    add_blocks(memory, shards)
    return total


def step_together(tables: Tables, memory: Memory, i: int, column: int, rows: int, training: int, clock: Clock) -> None:
    """Run one op on all rows of a batch: each worker on its shards, or worker 0 alone where the op is coupled."""
    if tables.coupled[i] == 1:  # all rows of each buffer (rows, columns)
        synchronize(memory)
        if memory.worker == 0:
            invoke(tables.chain, i, column, memory, memory.dP, rows, training, clock, ZERO)
        synchronize(memory)
        return
    first = memory.worker * tables.shard
    while first < rows:  # shard k of each buffer, (shard, columns), by the instructions of its own chain
        k = first // tables.shard
        chain = part(tables.chain, k * tables.ops * WIDTH)
        dP = memory.dP if first == 0 else part(memory.shards, (k - 1) * memory.size)
        invoke(chain, i, column, memory, dP, min(tables.shard, rows - first), training, clock, first)
        first += memory.workers * tables.shard
