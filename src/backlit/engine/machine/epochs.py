"""The loop that runs a program: forward, loss, backward, update, for many batches in one call.

The functions here are written once, in the subset that NumPy and Numba share. Called from Python they are the *plain*
machine: `invoke` and `invoke_update` look kernels up in a list, and a debugger can step from the loop into an op's
backward. The compiler takes the same source, replaces the functions marked `tuned` by their loops, and the two `invoke`
functions by jumps to the addresses in the instruction table; then one call runs many epochs outside of Python.

The machine knows no op. What it is given to read and to work on stands in `layout`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.machine.barrier import meet, serve  # noqa: F401  (an entry point)
from backlit.engine.machine.barrier_state import LINE
from backlit.engine.machine.vector_ops import (  # fmt: skip
    add,
    gather,
    limit_norms,
    limit_values,
    move,
    penalty_of,
    scale_all,
    square_of,
    sum_losses,
)
from backlit.engine.program.structs import (  # fmt: skip
    CACHE_LINE,
    COLUMNS,
    DECAYS,
    HELD_LOSS,
    LOSS,
    ROWS,
    SEGMENT,
    STOP,
    SUMS,
    WIDTH,
    Clock,
    Data,
    Held,
    Memory,
    Row,
    Rule,
    Tables,
    data_held,
)
from backlit.kernels.types import Array

FAR = 2**15  # numbers in the rows to train on, from which they do not all stay in the fastest caches
AHEAD = 16  # rows that are fetched while one is copied

# What is given to functions: each literal would make Numba compile one more variant of the function it is given to.
FORWARD: Any = np.int64(Row.FORWARD)
BACKWARD: Any = np.int64(Row.BACKWARD)
ZERO: Any = np.int64(0)
ONE: Any = np.int64(1)


PLAIN_KERNELS: dict[int, Any] = {}
"""The kernels of the plain machine by their numbers, which stand in the instructions in the place of addresses."""


def invoke(
    table: Array, i: int, column: int, memory: Memory, dP: Array, n: int, training: int, clock: Clock, first_row: int
) -> None:
    """Run the kernel that column `column` of instruction `i` names on `n` rows; parameters' gradients go to `dP`."""
    row = table[i * WIDTH : (i + 1) * WIDTH]
    PLAIN_KERNELS[row[column]](row, memory, dP, n, training, clock.seed, clock.step, first_row)


def invoke_update(
    row: Array, memory: Memory, start: int, stop: int, rate: float, step: int, l1: float, l2: float, decay: float
) -> None:
    """Run the optimizer's kernel on the parameters from `start` to `stop`."""
    PLAIN_KERNELS[row[FORWARD]](row, memory, start, stop, rate, step, l1, l2, decay)


def part(vector: Array, start: int) -> Array:
    """Give a vector from `start` on."""
    return vector[start:]


# ----------------------------------------------------------------------------------------------- forward and backward


def forward_pass(tables: Tables, memory: Memory, n: int, training: int, clock: Clock, first_row: int) -> None:
    """Run the chain forward on the n rows that lie in the arena."""
    for i in range(tables.ops):
        invoke(tables.chain, i, FORWARD, memory, memory.dP, n, training, clock, first_row)


def backward_pass(
    tables: Tables, memory: Memory, dP: Array, n: int, training: int, clock: Clock, first_row: int
) -> None:
    """Run the loss and the chain backward, after a forward pass on the same rows; the gradient goes to `dP`."""
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
    """Give what a reduction multiplies a batch's summed losses by."""
    if reduction == 0:
        return 1.0
    if weight == 0.0:
        return 0.0
    return 1.0 / (weight * reduction)


def shard_loss(
    tables: Tables,
    memory: Memory,
    data: Data,
    start: int,
    n: int,
    first_row: int,
    scale: float,
    training: int,
    clock: Clock,
) -> float:
    """Forward pass and loss of one shard: the sum of weight times loss over its rows."""
    if clock.resident == 0:
        load(tables, memory, data, start, n, ZERO)
    forward_pass(tables, memory, n, training, clock, first_row)
    invoke(tables.loss, ZERO, FORWARD, memory, memory.dP, n, training, clock, first_row)
    return loss_of_rows(tables, memory, data, start, n, ZERO, scale)


def load(tables: Tables, memory: Memory, data: Data, start: int, n: int, at: int) -> None:
    """Put the n rows from `start` on in the order into the arena, with their targets, as its rows from `at` on."""
    ahead = AHEAD if data.rows * tables.X_columns >= FAR else 0
    X, T = tables.X + at * tables.X_columns, tables.T + at * tables.T_columns
    gather(data.X, tables.X_columns, data.order, start, n, memory.A, X, ahead)
    gather(data.T, tables.T_columns, data.order, start, n, memory.A, T, ahead)


def loss_of_rows(tables: Tables, memory: Memory, data: Data, start: int, n: int, at: int, scale: float) -> float:
    """Sum weight times loss over the n rows in the arena from `at` on, and put down what multiplies their gradients."""
    l, g = tables.l + at, tables.g + at  # noqa: E741
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


def await_all(memory: Memory) -> None:
    """Wait until all members of the team have come here."""
    if memory.members > 1:
        meet(memory.board, memory.member)


def batch_gradient(
    tables: Tables, memory: Memory, data: Data, start: int, stop: int, scale: float, training: int, clock: Clock
) -> float:
    """Fill dP with the gradient of a batch, the sum over its shards in order; return its summed losses.

    In every round each member takes a shard, then all sum their ranges of the shards' gradients.
    """
    total = 0.0
    first = start
    while first < stop:  # a range whose step is not known could raise, for which the compiler would provide
        if first > start:
            await_all(memory)  # until all have read the last round's gradients, over which this one writes
        mine = first + memory.member * tables.rows
        if mine < stop:
            n = min(tables.rows, stop - mine)
            dP = memory.dP if mine == start else part(memory.shards, memory.member * memory.size)
            memory.losses[memory.member * LINE] = shard_gradient(
                tables, memory, dP, data, mine, n, mine - start, scale, training, clock
            )
        await_all(memory)
        member = 0
        while member < memory.members and first < stop:
            total += memory.losses[member * LINE]
            if first > start:
                term = part(memory.shards, member * memory.size)
                add(memory.dP, term, range_start(memory, memory.member), range_start(memory, memory.member + 1))
            first += tables.rows
            member += 1
    return total


def coupled_gradient(
    tables: Tables, memory: Memory, data: Data, start: int, stop: int, scale: float, training: int, clock: Clock
) -> float:
    """Do what `batch_gradient` does where an op needs all rows of a batch at once.

    All members work in one arena, each on its shards, one op after another; for a coupled op they wait for the first
    member, who takes all rows.
    """
    rows = stop - start
    first = memory.member * tables.shard
    while first < rows:
        load(tables, memory, data, start + first, min(tables.shard, rows - first), first)
        first += memory.members * tables.shard
    for i in range(tables.ops):
        step_together(tables, memory, i, FORWARD, rows, training, clock)
    first = memory.member * tables.shard
    while first < rows:
        n = min(tables.shard, rows - first)
        k = first // tables.shard
        loss = part(tables.loss, k * WIDTH)
        invoke(loss, ZERO, FORWARD, memory, memory.dP, n, training, clock, first)
        memory.losses[k * LINE] = loss_of_rows(tables, memory, data, start + first, n, first, scale)
        invoke(loss, ZERO, BACKWARD, memory, memory.dP, n, training, clock, first)
        first += memory.members * tables.shard
    for i in range(tables.ops - 1, -1, -1):
        step_together(tables, memory, i, BACKWARD, rows, training, clock)
    await_all(memory)
    total = float(memory.losses[0])
    first = tables.shard
    while first < rows:
        k = first // tables.shard
        total += memory.losses[k * LINE]
        term = part(memory.shards, (k - 1) * memory.size)
        add(memory.dP, term, range_start(memory, memory.member), range_start(memory, memory.member + 1))
        first += tables.shard
    return total


def step_together(tables: Tables, memory: Memory, i: int, column: int, rows: int, training: int, clock: Clock) -> None:
    """Run one op on all rows of a batch: each member on its shards, or the first one alone where the op is coupled."""
    if tables.coupled[i] == 1:
        await_all(memory)
        if memory.member == 0:
            invoke(tables.chain, i, column, memory, memory.dP, rows, training, clock, ZERO)
        await_all(memory)
        return
    first = memory.member * tables.shard
    while first < rows:
        k = first // tables.shard
        chain = part(tables.chain, k * tables.ops * WIDTH)
        dP = memory.dP if first == 0 else part(memory.shards, (k - 1) * memory.size)
        invoke(chain, i, column, memory, dP, min(tables.shard, rows - first), training, clock, first)
        first += memory.members * tables.shard


def range_start(memory: Memory, member: int) -> int:
    """Give where a member's range of the parameters begins, and the one before it ends: at a line of the cache."""
    if member == 0:
        return 0
    if member == memory.members:
        return memory.size
    return memory.size * member // memory.members // CACHE_LINE * CACHE_LINE


# ------------------------------------------------------------------------------------------------------------ updates


def penalty(tables: Tables, memory: Memory, rule: Rule) -> float:
    """Give the penalty of all parameters that decay."""
    total = 0.0
    if rule.l1 != 0.0 or rule.l2 != 0.0:
        for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
            if tables.segments[k + DECAYS] == 1:
                total += penalty_of(memory.P, tables.segments[k], tables.segments[k + STOP], rule.l1, rule.l2)
    return total


def clip(tables: Tables, memory: Memory, rule: Rule, l1: float, l2: float) -> None:
    """Add the penalty's gradient, then clip the whole gradient by value and by global norm."""
    low, high = range_start(memory, memory.member), range_start(memory, memory.member + 1)
    limit = rule.clip_value if rule.clip_value > 0.0 else np.inf
    for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
        start, stop = max(low, tables.segments[k]), min(high, tables.segments[k + STOP])
        decays = tables.segments[k + DECAYS]
        limit_values(memory.dP, memory.P, start, stop, l1 * decays, l2 * decays, limit)
    if rule.clip_norm > 0.0:
        await_all(memory)
        total = 0.0
        for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
            total += square_of(memory.dP, tables.segments[k], tables.segments[k + STOP])
        await_all(memory)
        norm = np.sqrt(total)
        if norm > rule.clip_norm:
            scale_all(memory.dP, low, high, rule.clip_norm / norm)


def apply_update(tables: Tables, memory: Memory, rule: Rule, rate: float, step: int, penalty_factor: float) -> None:
    """Turn the gradient in dP into new parameters, each member those of its range."""
    l1 = rule.l1 * penalty_factor
    l2 = rule.l2 * penalty_factor
    low, high = range_start(memory, memory.member), range_start(memory, memory.member + 1)
    if rule.clip_value > 0.0 or rule.clip_norm > 0.0:
        clip(tables, memory, rule, l1, l2)
        l1 = 0.0
        l2 = 0.0
    for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
        start, stop = max(low, tables.segments[k]), min(high, tables.segments[k + STOP])
        decays = tables.segments[k + DECAYS]
        if start < stop:
            invoke_update(tables.update, memory, start, stop, rate, step, l1 * decays, l2 * decays, rule.decay * decays)
    if rule.max_norm > 0.0:
        await_all(memory)  # a unit's weights lie in the ranges of several
        if memory.member == 0:
            limit_units(tables, memory, rule.max_norm)


def limit_units(tables: Tables, memory: Memory, limit: float) -> None:
    """Limit the norms of all units' incoming weights."""
    for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
        if tables.segments[k + DECAYS] == 1 and tables.segments[k + ROWS] > 0:
            start, stop = tables.segments[k], tables.segments[k + STOP]
            limit_norms(memory.P, start, stop, tables.segments[k + COLUMNS], limit)


# ------------------------------------------------------------------------------------------------------- entry points


def train_batches(
    tables: Tables, memory: Memory, data: Data, held: Held, rule: Rule, clock: Clock,
    batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array
) -> int:  # fmt: skip
    """Train on the batches from `first_batch` up to `last_batch`, one update each; return the number of the next one.

    `data.order` holds the rows of one or more epochs, one after another, and batches are numbered through them; no
    batch holds rows of two epochs. `rates` has a learning rate per batch. `sums` collects some numbers per epoch, flat:
    summed losses, summed weights and summed penalties times weights, all measured before the updates, and in the end
    the epoch's loss and that of the rows held out; then, of the ranges in `tables.normed`, the norms of the last
    batch's gradients. It ends early, before the update, at a batch whose loss is not finite, and after an epoch whose
    loss is at most `target`.
    """
    return train(
        batch_gradient, tables, memory, data, held, rule, clock,
        batch_size, first_batch, last_batch, rates, target, sums,
    )  # fmt: skip


def train_coupled(
    tables: Tables, memory: Memory, data: Data, held: Held, rule: Rule, clock: Clock,
    batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array
) -> int:  # fmt: skip
    """Do what `train_batches` does, for batches whose shards lie in the arena together."""
    return train(
        coupled_gradient, tables, memory, data, held, rule, clock,
        batch_size, first_batch, last_batch, rates, target, sums,
    )  # fmt: skip


def train(
    gradient: Any, tables: Tables, memory: Memory, data: Data, held: Held, rule: Rule, clock: Clock,
    batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array
) -> int:  # fmt: skip
    """Train by the gradient of a batch that `gradient` gives."""
    batches = -(-data.rows // batch_size)
    stays = data.repeats == 1 and batches == 1 and data.rows <= tables.rows and held.rows == 0
    for batch in range(first_batch, last_batch):
        epoch = batch // batches
        place = epoch * (SUMS + tables.normed_count)
        first = epoch * data.rows + (batch - epoch * batches) * batch_size
        stop = min(first + batch_size, (epoch + 1) * data.rows)
        step = clock.step + batch - first_batch
        weight = total_weight(data, first, stop)
        scale = factor(rule.reduction, weight)
        cost = penalty(tables, memory, rule) * penalty_factor(rule, weight)  # as long as nobody updates
        now = Clock(step, clock.seed, int(stays and batch > first_batch))
        loss = gradient(tables, memory, data, first, stop, scale, ONE, now)
        if not account(rule, loss, cost, weight, stop - first, sums, place):
            return batch
        apply_update(tables, memory, rule, rates[batch], step + 1, penalty_factor(rule, weight))
        await_all(memory)  # until all parameters are new
        met = False
        if batch + 1 == (epoch + 1) * batches:
            loss = finish_epoch(rule, sums, place)
            if memory.member == 0:
                measure_gradient(tables, memory, sums, place + SUMS)
            if held.wanted == 1:
                if memory.member == 0:
                    look_back(tables, memory, held, Clock(step + 1, clock.seed, ZERO), sums, place)
                await_all(memory)  # the rows may have been measured in the arena that all work in
            met = loss <= target
        if memory.member == 0:
            memory.reached[0] = batch + 1
        if met:
            return batch + 1
    return last_batch


def penalty_factor(rule: Rule, weight: float) -> float:
    """Give what a batch of that weight multiplies the penalty by."""
    return factor(ONE, weight) if rule.penalty_per_batch else 1.0


def account(rule: Rule, loss: float, cost: float, weight: float, rows: int, sums: Array, place: int) -> bool:
    """Add a batch's summed losses and penalty to its epoch's sums, from `place` on; False if they are not finite."""
    share = 1.0
    if rule.penalty_per_batch and weight != 0.0:
        share = rows / weight
    sums[place] += loss * share
    sums[place + 1] += weight * share
    sums[place + 2] += cost * weight * share
    return bool(np.isfinite(loss * factor(rule.reduction, weight) + cost))


def epoch_loss(reduction: int, sums: Any, place: int) -> float:
    """Give an epoch's loss, penalties included, from its sums."""
    weight = sums[place + 1]
    if weight == 0.0:
        return 0.0
    return float(sums[place] * factor(reduction, weight) + sums[place + 2] / weight)


def finish_epoch(rule: Rule, sums: Array, place: int) -> float:
    """Write down an epoch's loss beside its sums, and give it."""
    loss = epoch_loss(rule.reduction, sums, place)
    sums[place + LOSS] = loss
    return loss


def look_back(tables: Tables, memory: Memory, held: Held, clock: Clock, sums: Array, place: int) -> None:
    """Measure the rows held out, where there are any, and keep what the epoch has led to if its loss is the lowest."""
    loss = sums[place + LOSS]
    if held.rows > 0:
        loss = evaluate_held(tables, memory, held, clock) * held.scale
        sums[place + HELD_LOSS] = loss
    if loss < held.lowest[0]:
        held.lowest[0] = loss
        if held.keeps == 1:
            move(memory.P, ZERO, memory.size, held.P, ZERO)
            move(memory.S, ZERO, tables.statistics, held.S, ZERO)


def measure_gradient(tables: Tables, memory: Memory, sums: Array, place: int) -> None:
    """Write down the norms of the gradient in the ranges that are asked for, from `place` on."""
    for k in range(tables.normed_count):
        sums[place + k] = np.sqrt(square_of(memory.dP, tables.normed[2 * k], tables.normed[2 * k + 1]))


def evaluate_rows(tables: Tables, memory: Memory, data: Data, clock: Clock) -> float:
    """Sum weight times loss over all rows, without training."""
    total = 0.0
    first = ZERO
    while first < data.rows:
        n = min(tables.rows, data.rows - first)
        total += shard_loss(tables, memory, data, first, n, first, 0.0, ZERO, clock)
        first += n
    return total


def evaluate_held(tables: Tables, memory: Memory, held: Held, clock: Clock) -> float:
    """Do that to the rows held out; in machine code, by the door of `evaluate_rows`, which is compiled already."""
    return evaluate_rows(tables, memory, data_held(held), clock)


def predict_rows(tables: Tables, memory: Memory, X: Array, rows: int, Y: Array, clock: Clock) -> None:
    """Run the rows of X, rows x fan_in flat, forward into Y, rows x outputs flat, shard by shard."""
    first = 0
    while first < rows:
        n = min(tables.rows, rows - first)
        move(X, first * tables.X_columns, n * tables.X_columns, memory.A, tables.X)
        forward_pass(tables, memory, n, ZERO, clock, first)
        move(memory.A, tables.Y, n * tables.Y_columns, Y, first * tables.Y_columns)
        first += n


ENTRY_POINTS = ("train_batches", "train_coupled", "batch_gradient", "evaluate_rows", "predict_rows", "serve")
