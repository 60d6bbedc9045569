"""How many rows a shard has: a function of the network and the batch alone, never of the number of threads."""

from __future__ import annotations

from backlit.engine.program.structs import CACHE_LINE

SMALLEST_SHARD = 512
SHARD_ELEMENTS = 131_072
"""The activations of a shard have at most so many elements, the size of a second-level cache; but a shard may always
have SMALLEST_SHARD rows, so that the matrix products stay efficient."""

REUSING_SHARD = 64
"""The same where weights serve a row several times, as in a convolution, so that few rows make large products."""

LARGEST_ARENA = 2**24
"""The activations of a shard have at most so many elements, whatever products need, or are those of one row: 128 MB in
float64, and as much for their gradients."""

THREADED_WORK = 50_000
"""The multiply-adds of a forward pass from which a shard pays for a thread of its own."""

THREADED_ROWS = 16
"""The fewest rows of a shard where a batch is cut in two; with fewer, products run less efficiently."""

SEVERAL_ROWS = 64
"""The same where it is cut into more."""

COUPLED_SHARDS = 16
"""The most shards of a batch that lies in the arena whole, where each has a gradient of its own. They end at cache
lines, since element-wise kernels run on to the end of a vector."""

PARAMETERS_PER_ROW = 25_000
"""Keeps the sum over a shard's gradient small beside the products that made it."""


def shard_rows(
    parameters: int, batch_size: int, elements: int, coupled: bool = False, multiply_adds: int | None = None
) -> int:
    """Give the rows of a shard of a batch to train on, for so many parameters and activations per row.

    `multiply_adds` are those of a row's forward pass; by default as many as there are parameters, as in dense layers.

    A batch is cut in two, so that two threads have work, or into a larger power of two, where each shard still has
    enough rows and work; with many parameters a shard has more rows, since each costs one more sum over all parameters.
    """
    size = max(1, parameters)
    work = size if multiply_adds is None else max(1, multiply_adds)
    most = batch_size if coupled else largest_shard(elements, work > size)
    least = max(THREADED_ROWS, THREADED_WORK // work, size // PARAMETERS_PER_ROW)
    shards = 1
    while shards < (COUPLED_SHARDS if coupled else batch_size):
        if batch_size < 2 * shards * (least if shards == 1 else max(least, SEVERAL_ROWS)):
            break
        shards *= 2
    rows = min(most, -(-batch_size // shards))
    return min(batch_size, whole_lines(rows)) if coupled else rows


def whole_lines(count: int) -> int:
    """Round a count of numbers up to whole cache lines: element-wise kernels write to the end of a vector."""
    return -(-count // CACHE_LINE) * CACHE_LINE


def largest_shard(elements: int, reusing: bool = False) -> int:
    """Give the most rows of a shard where each has so many elements; `reusing`: weights serve a row repeatedly."""
    efficient = REUSING_SHARD if reusing else SMALLEST_SHARD
    return max(1, SHARD_ELEMENTS // elements, min(efficient, LARGEST_ARENA // elements))
