"""Forward and backward passes: of a shard, and of a batch shard by shard."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.machine.barrier import LINE
from backlit.engine.machine.python_kernels import PLAIN_KERNELS
from backlit.engine.machine.reduce import add_shard, close_tree, gradient_place, synchronize
from backlit.engine.machine.vector_ops import copy_columns, gather, move, sum_losses
from backlit.engine.program.structs import INPUT, WIDTH, Clock, Data, Memory, Row, Tables
from backlit.kernels.types import Array

FAR = 2**15  # numbers of X from which the rows do not all stay in the fastest caches
AHEAD = 16  # rows that are prefetched while one is copied

# Arguments of functions: each literal would make Numba compile one more variant of the function it is given to.
FORWARD: Any = np.int64(Row.FORWARD)
BACKWARD: Any = np.int64(Row.BACKWARD)
ZERO: Any = np.int64(0)
ONE: Any = np.int64(1)


def invoke(
    table: Array, i: int, column: int, memory: Memory, dP: Array, n: int, training: int, clock: Clock, first_row: int
) -> None:
    """Run the kernel that column `column` of instruction `i` names on `n` rows; parameters' gradients go to `dP`."""
    row = table[i * WIDTH : (i + 1) * WIDTH]  # (WIDTH,) of (ops, WIDTH)
    PLAIN_KERNELS[row[column]](row, memory, dP, n, training, clock.seed, clock.step, first_row)


def forward_pass(tables: Tables, memory: Memory, n: int, training: int, clock: Clock, first_row: int) -> None:
    """Run the ops in order on the n rows in the arena: each reads buffers (n, columns) of A and writes one."""
    for i in range(tables.ops):
        invoke(tables.chain, i, FORWARD, memory, memory.dP, n, training, clock, first_row)


def backward_pass(
    tables: Tables, memory: Memory, dP: Array, n: int, training: int, clock: Clock, first_row: int
) -> None:
    """Run the loss and the ops in reverse order, after a forward pass on the same rows; the gradient goes to `dP`.

    Each op reads the gradient dA (n, columns) of what it wrote, and writes those of what it read and of its parameters.
    """
    invoke(tables.loss, ZERO, BACKWARD, memory, dP, n, training, clock, first_row)
    for i in range(tables.ops - 1, -1, -1):
        invoke(tables.chain, i, BACKWARD, memory, dP, n, training, clock, first_row)


def total_weight(data: Data, start: int, stop: int) -> float:
    """Sum the weights of a batch's rows; without weights, count them."""
    if data.weighted == 0:
        return float(stop - start)
    total = 0.0
    for i in range(start, stop):
        total += data.w[data.order[i]]
    return total


def factor(reduction: int, weight: float) -> float:
    """Give the factor by which a reduction multiplies a batch's summed losses."""
    if reduction == 0:
        return 1.0
    if weight == 0.0:
        return 0.0
    return 1.0 / (weight * reduction)


def shard_loss(
    tables: Tables, memory: Memory, data: Data, start: int, n: int, first_row: int, scale: float, training: int,
    clock: Clock,
) -> float:  # fmt: skip
    """Forward pass and loss of one shard: the sum of weight times loss over its rows."""
    if clock.resident == 0:
        load(tables, memory, data, start, n, ZERO)
    # Outputs (n, columns), then the losses l (n,) of the rows.
    forward_pass(tables, memory, n, training, clock, first_row)
    invoke(tables.loss, ZERO, FORWARD, memory, memory.dP, n, training, clock, first_row)
    return loss_of_rows(tables, memory, data, start, n, ZERO, scale)


def load(tables: Tables, memory: Memory, data: Data, start: int, n: int, at: int) -> None:
    """Copy the n rows from `start` on in the order into the arena, with their targets, as its rows from `at` on."""
    # Inputs: some columns of X (rows, X_columns) into a buffer (n, columns) for each.
    ahead = AHEAD if data.rows * tables.X_columns >= FAR else 0
    width = tables.X_columns
    if tables.input_count == 1:  # all columns: the loop took a thirtieth of a small network's step
        gather(data.X, width, ZERO, width, data.order, start, n, memory.A, tables.inputs[0] + at * width, ahead)
    else:
        for k in range(0, tables.input_count * INPUT, INPUT):
            first, columns = tables.inputs[k + 1], tables.inputs[k + 2]
            target = tables.inputs[k] + at * columns
            gather(data.X, width, first, columns, data.order, start, n, memory.A, target, ahead)
    # Targets: T (rows, T_columns) into (n, T_columns).
    columns, target = tables.T_columns, tables.T + at * tables.T_columns
    gather(data.T, columns, ZERO, columns, data.order, start, n, memory.A, target, ahead)


def loss_of_rows(tables: Tables, memory: Memory, data: Data, start: int, n: int, at: int, scale: float) -> float:
    """Sum weight times loss over the n rows in the arena from `at` on, and write their gradients' factors g (n,)."""
    l, g = tables.l + at, tables.g + at  # noqa: E741  # both (n,)
    if data.weighted == 0:
        return float(sum_losses(memory.A, l, g, n, scale))
    total = 0.0
    for i in range(n):
        weight = float(data.w[data.order[start + i]])
        memory.A[g + i] = weight * scale
        if weight != 0.0:
            total += weight * float(memory.A[l + i])
    return total


def shard_gradient(
    tables: Tables, memory: Memory, dP: Array, data: Data, start: int, n: int, first_row: int,
    scale: float, training: int, clock: Clock
) -> float:  # fmt: skip
    """Fill `dP` with the gradient of one shard, the n rows from `start` on in the order; return its summed losses."""
    loss = shard_loss(tables, memory, data, start, n, first_row, scale, training, clock)
    backward_pass(tables, memory, dP, n, training, clock, first_row)
    return loss


def batch_gradient(
    tables: Tables, memory: Memory, data: Data, start: int, stop: int, scale: float, training: int, clock: Clock
) -> float:
    """Fill dP with the gradient of a batch, the sum over its shards in a fixed tree; return its summed losses.

    In every round each worker takes a shard, then all sum their ranges of the shards' gradients.
    """
    total = 0.0
    k, shards = 0, -(-(stop - start) // tables.rows)
    while k < shards:  # not `range`: with a step it could raise, and the compiler would have to provide for that
        # This worker's shard of the round, n rows: its gradient (parameters,), and its loss. The gradients of the last
        # round are overwritten, so all workers must have read them.
        if k > 0:
            synchronize(memory)
        mine = k + memory.worker
        if mine < shards:
            first = mine * tables.rows
            n = min(tables.rows, stop - start - first)
            memory.losses[memory.worker * LINE] = shard_gradient(
                tables, memory, gradient_place(memory, mine), data, start + first, n, first, scale, training, clock
            )
        # The sum over the shards of the round: into the tree, in their order.
        synchronize(memory)
        worker = 0
        while worker < memory.workers and k < shards:
            total += memory.losses[worker * LINE]
            add_shard(memory, k, worker, int(worker == memory.workers - 1 or k == shards - 1))
            k += 1
            worker += 1
    close_tree(memory, shards)
    return total


def evaluate_rows(tables: Tables, memory: Memory, data: Data, clock: Clock) -> float:
    """Sum weight times loss over all rows, without training."""
    total = 0.0
    first = ZERO
    while first < data.rows:  # a shard of n rows at a time
        n = min(tables.rows, data.rows - first)
        total += shard_loss(tables, memory, data, first, n, first, 0.0, ZERO, clock)
        first += n
    return total


def predict_rows(tables: Tables, memory: Memory, X: Array, rows: int, Y: Array, clock: Clock) -> None:
    """Run the rows of X, rows x fan_in flat, forward into Y, rows x outputs flat, shard by shard."""
    first = 0
    while first < rows:
        # n rows of X (rows, X_columns) into the inputs (n, columns), forward, the outputs (n, Y_columns) into Y.
        n = min(tables.rows, rows - first)
        for k in range(0, tables.input_count * INPUT, INPUT):
            column, columns = tables.inputs[k + 1], tables.inputs[k + 2]
            copy_columns(X, tables.X_columns, column, columns, first, n, memory.A, tables.inputs[k])
        forward_pass(tables, memory, n, ZERO, clock, first)
        move(memory.A, tables.Y, n * tables.Y_columns, Y, first * tables.Y_columns)
        first += n
