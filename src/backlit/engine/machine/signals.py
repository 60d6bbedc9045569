"""The signals of a measured epoch: gradients, weights, their update and the layers' outputs, of its last batch.

What is found of an epoch is a row of numbers: SPAN of each range of parameters, then OUTPUT of each layer. `engine/
measuring.py` makes the signals of them. No sum is divided among workers, so their number does not change a bit.
"""

from __future__ import annotations

import numpy as np

from backlit.engine.machine.reduce import range_start, synchronize
from backlit.engine.machine.vector_ops import move
from backlit.engine.program.structs import OUTPUT, SPAN, Memory, Signals, Tables
from backlit.kernels.types import Array
from backlit.ops.base import any_order, tuned

SQUARES, SIZES, ZEROS, WEIGHTS, PRODUCTS, BEFORE, UPDATE = range(SPAN)
"""Of a range: Σ g², Σ |g|, the count of g = 0; Σ w²; with h of the batch before, Σ g h and Σ h²; Σ (w' - w)²."""
MEAN, SPREAD, FLAT, DEAD = range(OUTPUT)
"""Of a layer's outputs: mean, standard deviation, the share of flat ones, of units that are flat in all rows."""


def first_point(signals: Signals, epoch: int) -> int:
    """Give the number of the first measured epoch from `epoch` on."""
    point = 0
    while signals.points[point] < epoch:
        point += 1
    return point


def found_at(signals: Signals, point: int) -> int:
    """Give where the numbers of a measured epoch begin."""
    return point * (signals.span_count * SPAN + signals.output_count * OUTPUT)


def measure_before_update(tables: Tables, memory: Memory, signals: Signals, point: int, last: int, rows: int) -> None:
    """Measure a batch of so many rows whose gradient lies in dP, where it is the last one of its epoch; else keep it.

    Each worker takes every so-and-so-manieth range, since a range's sums are one worker's. The outputs are those of the
    batch's last shard: the worker that computed it has them in its arena.
    """
    if last == 0:  # its range of the gradient, which it has summed itself
        low, high = range_start(memory, memory.worker), range_start(memory, memory.worker + 1)
        move(memory.dP, low, high - low, signals.kept, low)
        return
    synchronize(memory)  # until the gradient is complete
    at = found_at(signals, point)
    for k in range(signals.span_count):
        if k % memory.workers == memory.worker:
            start, stop = signals.spans[2 * k], signals.spans[2 * k + 1]
            measure_range(memory.dP, memory.P, signals.kept, start, stop, signals.found, at + k * SPAN)
    shard = (rows - 1) // tables.rows
    if shard % memory.workers == memory.worker:
        measure_outputs(memory, signals, rows - shard * tables.rows, at + signals.span_count * SPAN)
    synchronize(memory)  # until nothing reads the gradient and the parameters


def measure_outputs(memory: Memory, signals: Signals, n: int, at: int) -> None:
    """Measure the outputs (n, columns) of all layers."""
    for k in range(signals.output_count):
        start, columns = signals.outputs[3 * k], signals.outputs[3 * k + 1]
        count = n * columns
        measure_spread(memory.A, start, count, signals.found, at)
        low, high = signals.limits[2 * k], signals.limits[2 * k + 1]
        if low == low:  # noqa: PLR0124  (only NaN differs from itself: nowhere flat)
            start = signals.outputs[3 * k + 2]
            signals.found[at + FLAT] = flat_count(memory.A, start, count, low, high) / count
            signals.found[at + DEAD] = dead_count(memory.A, start, n, columns, low, high) / columns
        at += OUTPUT


def measure_update(memory: Memory, signals: Signals, point: int) -> None:
    """Measure how far the update has moved the parameters, which were kept before it."""
    at = found_at(signals, point) + UPDATE
    for k in range(signals.span_count):
        if k % memory.workers == memory.worker:
            start, stop = signals.spans[2 * k], signals.spans[2 * k + 1]
            signals.found[at + k * SPAN] = distance_of(memory.P, signals.kept, start, stop)


@any_order
def _range_loops(dP: Array, P: Array, kept: Array, start: int, stop: int, found: Array, at: int) -> None:
    squares, sizes, zeros = 0.0, 0.0, 0.0
    weights, products, before = 0.0, 0.0, 0.0
    for i in range(start, stop):
        g, w, h = float(dP[i]), float(P[i]), float(kept[i])
        squares += g * g
        sizes += abs(g)
        zeros += 1.0 if g == 0.0 else 0.0
        weights += w * w
        products += g * h
        before += h * h
    for i in range(start, stop):
        kept[i] = P[i]
    found[at + SQUARES], found[at + SIZES], found[at + ZEROS] = squares, sizes, zeros
    found[at + WEIGHTS], found[at + PRODUCTS], found[at + BEFORE] = weights, products, before


@tuned(_range_loops)
def measure_range(dP: Array, P: Array, kept: Array, start: int, stop: int, found: Array, at: int) -> None:
    """Write the sums over a range of the gradient g, the parameters w and the kept gradient h; then keep the w."""
    g, w, h = (vector[start:stop].astype(np.float64) for vector in (dP, P, kept))
    found[at + SQUARES], found[at + SIZES], found[at + ZEROS] = (g * g).sum(), np.abs(g).sum(), (g == 0.0).sum()
    found[at + WEIGHTS], found[at + PRODUCTS], found[at + BEFORE] = (w * w).sum(), (g * h).sum(), (h * h).sum()
    kept[start:stop] = P[start:stop]


@any_order
def _distance_loops(P: Array, kept: Array, start: int, stop: int) -> float:
    total = 0.0
    for i in range(start, stop):
        step = float(P[i]) - float(kept[i])
        total += step * step
    return total


@tuned(_distance_loops)
def distance_of(P: Array, kept: Array, start: int, stop: int) -> float:
    """Give Σ (w' - w)² of a range of the parameters and of those that were kept."""
    steps = P[start:stop].astype(np.float64) - kept[start:stop]
    return float((steps * steps).sum())


@any_order
def _spread_loops(A: Array, start: int, count: int, found: Array, at: int) -> None:
    first = float(A[start])
    total, squares = 0.0, 0.0
    for i in range(start, start + count):
        deviation = float(A[i]) - first
        total += deviation
        squares += deviation * deviation
    found[at + MEAN] = first + total / count
    found[at + SPREAD] = np.sqrt(max(squares / count - (total / count) * (total / count), 0.0))


@tuned(_spread_loops)
def measure_spread(A: Array, start: int, count: int, found: Array, at: int) -> None:
    """Write the mean and the standard deviation of so many numbers, in float64.

    In one pass: the squares are those of the differences from the first number, which cancel less than the numbers' do.
    """
    a = A[start : start + count].astype(np.float64)
    found[at + MEAN], found[at + SPREAD] = a.mean(), a.std()


def _flat_loops(A: Array, start: int, count: int, low: float, high: float) -> int:
    flat = 0
    for i in range(start, start + count):
        a = float(A[i])
        flat += int(a <= low) + int(a >= high)
    return flat


@tuned(_flat_loops)
def flat_count(A: Array, start: int, count: int, low: float, high: float) -> int:
    """Count the numbers up to `low` and from `high` on."""
    a = A[start : start + count].astype(np.float64)
    return int(((a <= low) | (a >= high)).sum())


def _dead_loops(A: Array, start: int, n: int, columns: int, low: float, high: float) -> int:
    dead = 0
    for j in range(start, start + columns):
        i = j
        while i < j + n * columns and (float(A[i]) <= low or float(A[i]) >= high):
            i += columns
        dead += int(i >= j + n * columns)
    return dead


@tuned(_dead_loops)
def dead_count(A: Array, start: int, n: int, columns: int, low: float, high: float) -> int:
    """Count the columns of (n, columns) in which no row lies between the two numbers."""
    a = A[start : start + n * columns].astype(np.float64).reshape(n, columns)
    return int(((a <= low) | (a >= high)).all(axis=0).sum())
