"""From a gradient to new parameters: penalties, clipping, the optimizer's rule, limits of norms."""

from __future__ import annotations

import numpy as np

from backlit.engine.machine.passes import FORWARD, ONE, factor
from backlit.engine.machine.python_kernels import PLAIN_KERNELS
from backlit.engine.machine.reduce import range_start, synchronize
from backlit.engine.machine.vector_ops import limit_norms, limit_values, penalty_of, scale_all, square_of
from backlit.engine.program.structs import COLUMNS, DECAYS, ROWS, SEGMENT, STOP, Memory, Rule, Tables
from backlit.kernels.types import Array


def invoke_update(
    row: Array, memory: Memory, start: int, stop: int, rate: float, step: int, l1: float, l2: float, decay: float
) -> None:
    """Run the optimizer's kernel on the parameters from `start` to `stop`."""
    PLAIN_KERNELS[row[FORWARD]](row, memory, start, stop, rate, step, l1, l2, decay)


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
    low, high = range_start(memory, memory.worker), range_start(memory, memory.worker + 1)
    limit = rule.clip_value if rule.clip_value > 0.0 else np.inf  # by value, this worker's range of each segment
    for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
        start, stop = max(low, tables.segments[k]), min(high, tables.segments[k + STOP])
        decays = tables.segments[k + DECAYS]
        limit_values(memory.dP, memory.P, start, stop, l1 * decays, l2 * decays, limit)
    # By the global norm: each worker reads the whole gradient, then scales its range.
    bound, again = rule.clip_norm, rule.clip_norm > 0.0
    while again:
        synchronize(memory)
        total = 0.0
        for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
            total += square_of(memory.dP, tables.segments[k], tables.segments[k + STOP])
        synchronize(memory)
        norm = np.sqrt(total)
        again = norm == np.inf and bound > 0.0  # the squares are beyond float64: once more, of a smaller gradient
        if norm > bound:
            scale_all(memory.dP, low, high, 1e-160 if again else rule.clip_norm / norm)
        bound = 0.0


def apply_update(tables: Tables, memory: Memory, rule: Rule, rate: float, step: int, penalty_factor: float) -> None:
    """Turn the gradient in dP into new parameters, each worker those of its range."""
    l1, l2 = rule.l1 * penalty_factor, rule.l2 * penalty_factor
    low, high = range_start(memory, memory.worker), range_start(memory, memory.worker + 1)
    if rule.clip_value > 0.0 or rule.clip_norm > 0.0:
        clip(tables, memory, rule, l1, l2)
        l1 = l2 = 0.0
    # The optimizer's kernel on the ranges of the segments (start, stop) that lie in this worker's range.
    for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
        start, stop = max(low, tables.segments[k]), min(high, tables.segments[k + STOP])
        decays = tables.segments[k + DECAYS]
        if start < stop:
            invoke_update(tables.update, memory, start, stop, rate, step, l1 * decays, l2 * decays, rule.decay * decays)
    if rule.max_norm > 0.0:
        synchronize(memory)  # the weights of a unit, a column of W, lie in the ranges of several workers
        if memory.worker == 0:
            limit_units(tables, memory, rule.max_norm)


def limit_units(tables: Tables, memory: Memory, limit: float) -> None:
    """Limit the norms of all units' incoming weights."""
    for k in range(0, tables.segment_count * SEGMENT, SEGMENT):
        if tables.segments[k + DECAYS] == 1 and tables.segments[k + ROWS] > 0:
            start, stop = tables.segments[k], tables.segments[k + STOP]
            limit_norms(memory.P, start, stop, tables.segments[k + COLUMNS], limit)


def penalty_factor(rule: Rule, weight: float) -> float:
    """Give the factor of the penalty in a batch of that weight."""
    return factor(ONE, weight) if rule.penalty_per_batch else 1.0
