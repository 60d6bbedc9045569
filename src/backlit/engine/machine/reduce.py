"""The sum over the shards of a batch: a fixed binary tree, behind which another way to sum can stand.

Each worker sums its own range of the parameters, in the same tree for all shards: which worker computes a shard, or
sums a range, does not change a bit. A worker, or another machine, that has a whole block of the tree can sum it alone.
"""

from __future__ import annotations

from backlit.engine.machine.barrier import arrive
from backlit.engine.machine.vector_ops import add_pair, move, part
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


# The tree: shards 0 and 1 make a pair, pairs make fours, as digits carry in a binary counter. The sum of the block of
# 2^height shards that begins with shard 0 lies in dP; that of any other one that waits for its right half lies in the
# level of its height, behind the workers' own gradients in `memory.shards`.


def levels(shards: int) -> int:
    """Give how many blocks of the tree over so many shards may wait at once, beside the one in dP."""
    return max(0, (shards - 1).bit_length() - 1)


def gradient_place(memory: Memory, k: int) -> Array:
    """Give where this worker writes the gradient (parameters,) of shard k."""
    if k == 0:
        return memory.dP
    if memory.workers == 1 and k % 2 == 0:  # it waits for the next shard
        return level(memory, 0)
    return part(memory.shards, memory.worker * memory.size)


def level(memory: Memory, height: int) -> Array:
    """Give the sum (parameters,) of a block of 2^height shards that waits for its right half."""
    return part(memory.shards, (memory.workers + height) * memory.size)


def add_shard(memory: Memory, k: int, worker: int, last: int) -> None:
    """Add shard k, whose gradient `worker` has computed, to the tree: this worker's range of it.

    `last` says whether its round ends with it: then its right neighbour comes in another round, or not at all.
    """
    low, high = range_start(memory, memory.worker), range_start(memory, memory.worker + 1)
    right = part(memory.shards, worker * memory.size)
    if k % 2 == 0:
        if k > 0 and last == 1 and memory.workers > 1:
            move(right, low, high - low, level(memory, 0), low)
        return
    height = 0
    while (k >> height) & 1 == 1:
        if k + 1 == 2 << height:  # the block begins with shard 0
            add_pair(memory.dP, right, memory.dP, low, high)
            return
        left = part(memory.shards, (worker - 1) * memory.size) if height == 0 and worker > 0 else level(memory, height)
        waits = (k >> (height + 1)) & 1 == 0
        total = level(memory, height + 1) if waits else right
        add_pair(left, right, total, low, high)
        height += 1


def close_tree(memory: Memory, shards: int) -> None:
    """Join the blocks that are left over after the last of so many shards, the smallest first, into dP."""
    low, high = range_start(memory, memory.worker), range_start(memory, memory.worker + 1)
    below, height = -1, 0
    while shards >> height > 1:
        if (shards >> height) & 1 == 1:
            if below >= 0:
                block = level(memory, height)
                add_pair(block, level(memory, below), block, low, high)
            below = height
        height += 1
    if below >= 0:
        add_pair(memory.dP, level(memory, below), memory.dP, low, high)


def add_blocks(memory: Memory, shards: int) -> None:
    """Sum the gradients of so many shards, all there at once, in the same tree: in dP, then in `memory.shards`."""
    low, high = range_start(memory, memory.worker), range_start(memory, memory.worker + 1)
    stride = 1
    while stride < shards:
        k = 0
        while k + stride < shards:
            left = memory.dP if k == 0 else part(memory.shards, (k - 1) * memory.size)
            add_pair(left, part(memory.shards, (k + stride - 1) * memory.size), left, low, high)
            k += 2 * stride
        stride *= 2
