"""What the machine reads: a program, its memory, its data and the settings of an update, as vectors and numbers.

An instruction is a row of integers: see `Row`. Everything else is in structs of vectors, offsets and single numbers;
in the compiled machine a vector is an address.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from backlit.kernels.types import Array


class Row(IntEnum):
    """The columns of an instruction: two kernels, the op's number, where its settings lie, then some for each array.

    An array has its offset, its rows and the sizes of a row: one, the columns, where the op sees a matrix. A buffer's
    rows are 1 where it is wanted and 0 where not, to be multiplied by the rows of the batch.
    """

    FORWARD = 0
    BACKWARD = 1
    NUMBER = 2
    SETTINGS = 3
    ARRAYS = 4
    WIDTH = 96


class Segment(IntEnum):
    """The columns of the table of trainable parameters: a range of the flat vector, its shape, whether it decays.

    Its rows are 0 where its columns are no unit's incoming weights: for a bias, or a range of several arrays.
    """

    START = 0
    STOP = 1
    ROWS = 2
    COLUMNS = 3
    DECAYS = 4
    WIDTH = 5


WIDTH = int(Row.WIDTH)
START, STOP, ROWS, COLUMNS, DECAYS = (int(Segment[name]) for name in ("START", "STOP", "ROWS", "COLUMNS", "DECAYS"))
SEGMENT = int(Segment.WIDTH)
INPUT = 3  # numbers in the table of inputs for each
LANES = 8  # element-wise kernels work on multiples of so many numbers; every buffer is padded to one
SUMS = 5  # numbers per epoch in the machine's sums, before the gradients' norms
LOSS, VALIDATION_LOSS = 3, 4  # which of them are the losses of the training rows and of the validation rows
SPAN, OUTPUT = 7, 4  # numbers that are found of a range of parameters, and of a layer's outputs
NEVER = 2**62  # an epoch that no training reaches
CACHE_LINE = 2 * LANES  # numbers of float32 in a cache line


class Memory(NamedTuple):
    """The flat vectors a program works on, as one worker of a team sees them; without a team there is one worker."""

    P: Array  # all parameters
    dP: Array  # their gradients, same layout
    shards: Array  # gradients, same layout: one per worker and level of the tree; all but the first in a coupled batch
    A: Array  # arena of the activations
    dA: Array  # arena of their gradients, same layout
    S: Array  # running statistics
    C: Array  # the ops' settings, float64
    slots: Array  # the optimizer's vectors, each of the parameters' layout
    size: int  # the number of parameters
    losses: Array  # the summed losses of single shards, each in its own cache line: one per worker, or per shard
    reached: Array  # the number of the next batch, alone in a vector: readable when a call was interrupted
    barrier: Array  # shared state of the barrier; empty where there is one worker
    worker: int = 0  # its number; all share P, dP, shards, S, C, slots, losses and the barrier
    workers: int = 1


class Tables(NamedTuple):
    """A program as integers: the chain of instructions, the loss, the places of the batch in the arena."""

    chain: Array  # ops x Row.WIDTH, flat
    ops: int
    loss: Array  # Row.WIDTH
    update: Array  # Row.WIDTH
    segments: Array  # trainable parameter arrays x Segment.WIDTH, flat
    segment_count: int
    inputs: Array  # inputs of the network x (offset in the arena, first column of X, columns), flat
    input_count: int
    X_columns: int  # of all inputs
    T: int
    T_columns: int
    l: int  # noqa: E741  # offset of the rows' losses
    g: int  # offset of the rows' weights times the reduction's factor
    Y: int  # offset of the network's outputs, and their columns
    Y_columns: int
    rows: int  # that lie in the arena at once
    shard: int  # rows of a shard; fewer where an op needs all rows of a batch at once: then all its shards lie there
    coupled: Array  # ops: whether each is such an op
    normed: Array  # start and stop of each range of parameters whose gradient's norm is measured; none by default
    normed_count: int
    statistics: int  # how many running statistics there are


class Data(NamedTuple):
    """The rows to train on, and the order to take them in: several epochs, one after another."""

    X: Array  # inputs, rows x fan_in, flat
    T: Array  # targets, rows x columns, flat
    w: Array  # weights, one per row; empty where all are 1
    order: Array
    rows: int
    weighted: int  # whether there are weights
    repeats: int = 0  # whether every epoch takes the rows in the same order


class Monitor(NamedTuple):
    """The validation rows, which are measured after each epoch, and the best epoch's parameters."""

    X: Array
    T: Array
    w: Array
    order: Array
    rows: int  # 0 where there are none: then the loss is that of the training rows
    weighted: int
    scale: float  # what their summed losses are multiplied by
    entry_point: int  # compiled: addresses of `evaluate_rows` and of the two vectors it is called with
    integers: int
    floats: int
    result: Array  # the second of these
    P: Array  # the parameters and running statistics of that epoch
    S: Array
    keeps: int  # whether they are wanted
    wanted: int  # whether anything is to be done
    lowest: Array  # the loss of that epoch, alone in a vector


class Rule(NamedTuple):
    """What an update does with a batch's gradient: reduction, penalties, clipping, limits."""

    reduction: int  # 0 sum, 1 mean over rows, otherwise divide by rows times this
    l1: float
    l2: float
    penalty_per_batch: bool  # divide the penalty by the batch's weight, and count batches by rows, as scikit-learn does
    decay: float
    clip_value: float  # 0 is off
    clip_norm: float
    max_norm: float


class Signals(NamedTuple):
    """Which epochs of a chunk are measured, where, and the numbers found: see `machine/signals.py`."""

    points: Array  # their places among the epochs of the order, ascending; then a number beyond all of them
    spans: Array  # ranges of the parameters x (start, stop), flat
    span_count: int
    outputs: Array  # layers x (offset in the arena, columns, offset of what tells where the activation is flat), flat
    output_count: int
    limits: Array  # layers x (low, high): it is flat up to the first number and from the second on; NaN: nowhere
    kept: Array  # a vector of the parameters' layout: the gradient of the last batch but one, then the parameters
    found: Array  # points x (spans x SPAN + layers x OUTPUT), flat


class Clock(NamedTuple):
    """The updates done so far, and the seed of the kernels' random numbers."""

    step: int
    seed: int
    resident: int = 0  # whether the rows that come next already lie in the arena


def data_of(X: Array, T: Array, w: Array, order: Array, repeats: bool = False) -> Data:
    """Give the rows of X (N, fan_in) and T (N, k) with weights w (N,), or none, as the machine reads them."""
    return Data(X.reshape(-1), T.reshape(-1), w, order, X.shape[0], int(w.size > 0), int(repeats))


def monitor_of(
    dtype: Any, rows: tuple[Array, Array, Array] | None = None, scale: float = 1.0,
    best: tuple[Array, Array] | None = None,
) -> Monitor:  # fmt: skip
    """Give the monitor of rows (X, T, w); by default it measures and keeps nothing.

    The machine multiplies the rows' summed losses by `scale`, and copies the best epoch's parameters and running
    statistics into the two vectors `best`.
    """
    none = np.zeros((0, 1), dtype)
    X, T, w = rows or (none, none, np.zeros(0))
    P, S = best or (none[:, 0], none[:, 0])
    return Monitor(
        X.reshape(-1), T.reshape(-1), w, np.arange(X.shape[0]), X.shape[0], int(w.size > 0), scale,
        0, 0, 0, np.zeros(0), P, S, int(best is not None), int(rows is not None or best is not None),
        np.array([np.inf]),
    )  # fmt: skip


def no_signals(dtype: Any) -> Signals:
    """Give the signals of a run that measures none."""
    none = np.zeros(0, np.int64)
    return Signals(np.array([NEVER]), none, 0, none, 0, np.zeros(0), np.zeros(0, dtype), np.zeros(0))


def validation_data(monitor: Monitor) -> Data:
    """Give the validation rows as data to measure."""
    return Data(monitor.X, monitor.T, monitor.w, monitor.order, monitor.rows, monitor.weighted)


INTEGERS = (
    "chain", "loss", "inputs", "update", "segments", "coupled", "normed", "order", "reached", "barrier", "state",
    "points", "spans", "outputs",
)  # fmt: skip
FLOATS = ("C", "w", "rates", "sums", "losses", "lowest", "result", "limits", "found")
"""The vectors of 64-bit integers, and those of float64 whatever the network's type; all others are of that type."""
