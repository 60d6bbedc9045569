"""Weights that a training leaves finite, but far too large: said at its end, since no loss of an epoch tells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backlit.engine import machine
from backlit.engine.batch_loop import BatchLoop
from backlit.engine.machine.environment import steady
from backlit.engine.program.structs import Clock, data_of
from backlit.engine.state import TrainingState, beginning_of
from backlit.kernels.types import Array

GROWN = 1e3
"""Only weights so many times as large as at the start, or as 1, are suspected."""

WORSE = 1e3
"""A loss of so many times that of the first weights tells that suspected weights exploded."""

NEEDED = 1e8
"""No rows need weights of so many times the ratio of targets and inputs: it tells where no loss does, as that of units
which are all saturated."""

Rows = tuple[Array, Array, Array]
Values = tuple[Array, Array]


class ExplosionCheck:
    """Compares the weights at the end of a training with the first ones, and the losses of all rows with both.

    The largest weight comes first, which takes no time; the losses are measured only where it has grown a thousandfold.
    `beginning` is what a repetition of the training begins with.
    """

    def __init__(self, loop: BatchLoop, rows: Rows) -> None:
        self.loop, self.rows = loop, rows
        self.beginning: TrainingState | None = None

    def begin(self, state: Callable[[], TrainingState]) -> None:
        """Remember the weights, and all else that training changes, of the start."""
        if self.beginning is None:
            self.beginning = beginning_of(state())

    @property
    def first(self) -> Values | None:
        """The weights, and running statistics, of the start."""
        return None if self.beginning is None else (self.beginning.parameters, self.beginning.statistics)

    def found(self) -> str:
        """Say what tells that the weights exploded; an empty text where nothing does."""
        if self.first is None or not self.loop.memory.P.size:
            return ""
        largest = float(np.abs(self.loop.memory.P).max())
        if largest <= GROWN:
            return ""
        usual = float(np.abs(self.first[0]).max())
        if largest <= GROWN * usual:
            return ""
        told = f"weights as large as {largest:.3g}"
        now = self._loss(self._values())
        before = self._loss(self.first)
        if not now <= WORSE * abs(before):  # NaN, too
            return f"{told}, with which the loss of the training rows is {now:.3g}; with the first it is {before:.3g}"
        if largest > NEEDED * max(1.0, usual, float(np.abs(self.rows[1]).max())) / self._least():
            return f"{told}, far beyond what rows and targets of this size need"
        return ""

    def _least(self) -> float:
        """Give the size of the column of X with the smallest numbers, at most 1."""
        sizes = np.abs(self.rows[0]).max(axis=0)
        return min(1.0, float(sizes[sizes > 0.0].min(initial=1.0)))

    def _values(self) -> Values:
        memory = self.loop.memory
        return memory.P.copy(), memory.S.copy()

    def _loss(self, values: Values) -> float:
        """Give the loss of all rows, without penalties, with some weights."""
        loop, memory, kept = self.loop, self.loop.memory, self._values()
        X, Y, weights = self.rows
        weight = float(weights.sum()) if weights.size else float(len(X))
        memory.P[:], memory.S[:] = values
        data = data_of(X, Y, weights, np.arange(len(X)))
        with steady(loop.executable.compiled), np.errstate(all="ignore"):
            total = float(loop.executable.runner.evaluate_rows(loop.tables, memory, data, Clock(0, 0)))
        memory.P[:], memory.S[:] = kept
        return total * machine.factor(loop.rule.reduction, weight)
