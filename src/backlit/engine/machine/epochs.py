"""The loop over batches and epochs: gradient, update, and at an epoch's end its loss and that of the validation rows.

Every worker runs this loop and computes the same sums; worker 0 writes what all share.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.machine.coupled import coupled_gradient
from backlit.engine.machine.passes import ONE, ZERO, batch_gradient, evaluate_rows, factor, total_weight
from backlit.engine.machine.reduce import synchronize
from backlit.engine.machine.signals import first_point, measure_before_update, measure_update
from backlit.engine.machine.update import apply_update, penalty, penalty_factor
from backlit.engine.machine.vector_ops import move, square_of
from backlit.engine.program.structs import (
    LOSS,
    SUMS,
    VALIDATION_LOSS,
    Clock,
    Data,
    Memory,
    Monitor,
    Rule,
    Signals,
    Tables,
    validation_data,
)
from backlit.kernels.types import Array


def train_batches(
    tables: Tables, memory: Memory, data: Data, monitor: Monitor, rule: Rule, signals: Signals,
    clock: Clock, batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array
) -> int:  # fmt: skip
    """Train on the batches from `first_batch` up to `last_batch`, one update each; return the number of the next one.

    `data.order` holds the rows of one or more epochs, one after another, and batches are numbered through them; no
    batch holds rows of two epochs. `rates` has a learning rate per batch. `sums` collects some numbers per epoch, flat:
    summed losses, summed weights and summed penalties times weights, all measured before the updates, and in the end
    the epoch's loss and that of the validation rows; then, of the ranges in `tables.normed`, the norms of the last
    batch's gradients. `signals` collects those of the epochs that it names. It ends early, before the update, at a
    batch whose loss is not finite, and after an epoch whose loss is at most `target`.
    """
    return train(
        batch_gradient, tables, memory, data, monitor, rule, signals, clock,
        batch_size, first_batch, last_batch, rates, target, sums,
    )  # fmt: skip


def train_coupled(
    tables: Tables, memory: Memory, data: Data, monitor: Monitor, rule: Rule, signals: Signals,
    clock: Clock, batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array
) -> int:  # fmt: skip
    """Do what `train_batches` does, for batches whose shards lie in the arena together."""
    return train(
        coupled_gradient, tables, memory, data, monitor, rule, signals, clock,
        batch_size, first_batch, last_batch, rates, target, sums,
    )  # fmt: skip


def train(
    gradient: Any, tables: Tables, memory: Memory, data: Data, monitor: Monitor, rule: Rule, signals: Signals,
    clock: Clock, batch_size: int, first_batch: int, last_batch: int, rates: Array, target: float, sums: Array
) -> int:  # fmt: skip
    """Train as `train_batches` does; `gradient` fills dP with the gradient of a batch."""
    batches = -(-data.rows // batch_size)  # of an epoch
    point = first_point(signals, first_batch // batches)
    stays = data.repeats == 1 and batches == 1 and data.rows <= tables.rows and monitor.rows == 0
    for batch in range(first_batch, last_batch):
        # Which rows of the order the batch has, and where its epoch's sums begin in (epochs, SUMS + normed_count).
        epoch = batch // batches
        place = epoch * (SUMS + tables.normed_count)
        first = epoch * data.rows + (batch - epoch * batches) * batch_size
        stop = min(first + batch_size, (epoch + 1) * data.rows)
        step = clock.step + batch - first_batch
        # Its gradient and loss, both before the update; the penalty is read before any worker updates.
        weight = total_weight(data, first, stop)
        scale = factor(rule.reduction, weight)
        cost = penalty(tables, memory, rule) * penalty_factor(rule, weight)
        now = Clock(step, clock.seed, int(stays and batch > first_batch))
        loss = gradient(tables, memory, data, first, stop, scale, ONE, now)
        if not account(rule, loss, cost, weight, stop - first, sums, place):
            return batch
        # In a measured epoch its last batch, of which the one before it is kept.
        measured = signals.points[point] == epoch and batch + 2 >= (epoch + 1) * batches
        if measured:
            last = int(batch + 1 == (epoch + 1) * batches)
            measure_before_update(tables, memory, signals, point, last, stop - first)
        # New parameters, complete behind the barrier.
        apply_update(tables, memory, rule, rates[batch], step + 1, penalty_factor(rule, weight))
        synchronize(memory)
        # The end of an epoch. The validation rows may have been measured in the arena that all workers share.
        met = False
        if batch + 1 == (epoch + 1) * batches:
            loss = finish_epoch(rule, sums, place)
            if measured:
                measure_update(memory, signals, point)
                point += 1
            if memory.worker == 0:
                measure_gradient(tables, memory, sums, place + SUMS)
            if monitor.wanted == 1:
                if memory.worker == 0:
                    after_epoch(tables, memory, monitor, Clock(step + 1, clock.seed, ZERO), sums, place)
                synchronize(memory)
            met = loss <= target
        if memory.worker == 0:
            memory.reached[0] = batch + 1
        if met:
            return batch + 1
    return last_batch


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
    """Write an epoch's loss beside its sums, and give it."""
    loss = epoch_loss(rule.reduction, sums, place)
    sums[place + LOSS] = loss
    return loss


def after_epoch(tables: Tables, memory: Memory, monitor: Monitor, clock: Clock, sums: Array, place: int) -> None:
    """Measure the validation rows, if there are any, and keep the parameters of the epoch of the lowest loss."""
    loss = sums[place + LOSS]
    if monitor.rows > 0:
        loss = evaluate_validation(tables, memory, monitor, clock) * monitor.scale
        sums[place + VALIDATION_LOSS] = loss
    if loss < monitor.lowest[0]:
        monitor.lowest[0] = loss
        if monitor.keeps == 1:
            move(memory.P, ZERO, memory.size, monitor.P, ZERO)
            move(memory.S, ZERO, tables.statistics, monitor.S, ZERO)


def measure_gradient(tables: Tables, memory: Memory, sums: Array, place: int) -> None:
    """Write the norms of the gradient in the ranges of `tables.normed` to the sums, from `place` on."""
    for k in range(tables.normed_count):
        sums[place + k] = np.sqrt(square_of(memory.dP, tables.normed[2 * k], tables.normed[2 * k + 1]))


def evaluate_validation(tables: Tables, memory: Memory, monitor: Monitor, clock: Clock) -> float:
    """Sum weight times loss over the validation rows; compiled, by calling the entry point `evaluate_rows`."""
    return evaluate_rows(tables, memory, validation_data(monitor), clock)
