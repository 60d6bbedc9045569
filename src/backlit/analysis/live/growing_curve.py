"""The curve of a history that grows: each epoch is looked at once, however often the curve is drawn."""

from __future__ import annotations

import math

import numpy as np

from backlit.engine import History, TrainingCurve
from backlit.kernels.types import Array

STRETCHES = 32
"""The highest and the lowest loss of so many stretches of epochs are kept, or of half as many."""

EVEN = 88
"""Beside them so many epochs at even distances are kept."""

SMALL = 200
"""Of a history with at most so many epochs all are kept."""

COLUMNS = {"loss": 0, "validation_loss": 1, "rate": 2}
"""Where these stand in a history's table."""


class GrowingCurve:
    """The curve of a history's first epochs, as `curve_of` gives it, with the peaks kept from one time to the next.

    Stretches are as wide as a power of two, and two are joined where there are too many. So a curve costs as much time
    as there are new epochs. A history's metrics and gradient norms are left out.

    >>> from backlit.engine import Epoch
    >>> losses = [1.0 / (k + 1) for k in range(1000)]
    >>> losses[500] = 9.0
    >>> history = History.of([Epoch(k, loss, None, 0.1, 0.0, best=False) for k, loss in enumerate(losses, 1)])
    >>> growing = GrowingCurve(history)
    >>> growing.curve(300).best, max(growing.curve(1000).loss), growing.curve(1000).numbers[-1]
    (300, 9.0, 1000)
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._columns = [COLUMNS["loss"], *([COLUMNS["validation_loss"]] if history.validated else [])]
        self._begin()

    def _begin(self) -> None:
        self._done, self._width = 0, 1
        none = np.zeros((2 * len(self._columns), 0))
        self._places, self._values = none.astype(np.int64), none  # (lowest and highest of each loss, stretches)
        self._best: tuple[float, int] = math.inf, -1
        self._not_finite: dict[int, int] = {}

    def curve(self, length: int) -> TrainingCurve:
        """Give the curve of the first `length` epochs."""
        rows = self.history.rows
        if length < self._done:
            self._begin()
        if length > self._done:
            self._take(rows, length)
        kept = self._kept(length)
        table = rows[kept]

        def told(column: int) -> tuple[float | None, ...]:
            return tuple(value if math.isfinite(value) else None for value in table[:, column].tolist())

        return TrainingCurve(
            epochs=length, numbers=tuple((kept + 1).tolist()), loss=told(COLUMNS["loss"]),
            validation_loss=told(COLUMNS["validation_loss"]) if self.history.validated else None,
            rates=told(COLUMNS["rate"]), best=self._best[1] + 1 if self._best[1] >= 0 else None,
        )  # fmt: skip

    def _kept(self, length: int) -> Array:
        """Give the places of the epochs that are kept, in order."""
        if length <= SMALL:
            return np.arange(length)
        peaks = self._places[np.isfinite(self._values)].tolist()
        even = np.linspace(0, length - 1, EVEN).round().astype(int).tolist()
        best = [self._best[1]] if self._best[1] >= 0 else []
        return np.array(sorted({*peaks, *even, *best, *self._not_finite.values()}))

    def _take(self, rows: Array, length: int) -> None:
        """Look at the epochs from the last one that was looked at up to `length`."""
        while length > STRETCHES * self._width:
            self._join()
        first = self._done // self._width  # the stretch that may be begun already
        count = -(-length // self._width) - first
        places, values = [], []
        for column in self._columns:
            new = rows[self._done : length, column]
            finite = np.isfinite(new)
            if column not in self._not_finite and not finite.all():
                self._not_finite[column] = self._done + int(finite.argmin())
            for sign in (1.0, -1.0):
                padded = np.full(count * self._width, np.inf)
                padded[self._done - first * self._width :][: len(new)] = np.where(finite, sign * new, np.inf)
                parts = padded.reshape(count, self._width)
                at = parts.argmin(axis=1)
                places.append(at + (first + np.arange(count)) * self._width)
                values.append(parts[np.arange(count), at])
        self._add(first, np.array(places), np.array(values))
        self._done = length

    def _add(self, first: int, places: Array, values: Array) -> None:
        """Add stretches from the place `first` on; the first of them may be a part of the last one that there is."""
        if self._values.shape[1] > first:
            lower = self._values[:, first] <= values[:, 0]
            values[:, 0] = np.where(lower, self._values[:, first], values[:, 0])
            places[:, 0] = np.where(lower, self._places[:, first], places[:, 0])
        self._places = np.concatenate([self._places[:, :first], places], axis=1)
        self._values = np.concatenate([self._values[:, :first], values], axis=1)
        lowest = 2 * (len(self._columns) - 1)  # of the loss that is monitored: the last one
        at = int(values[lowest].argmin())
        if values[lowest, at] < self._best[0]:
            self._best = float(values[lowest, at]), int(places[lowest, at])

    def _join(self) -> None:
        """Join every two stretches."""
        if self._values.shape[1] % 2:
            self._values = np.pad(self._values, ((0, 0), (0, 1)), constant_values=np.inf)
            self._places = np.pad(self._places, ((0, 0), (0, 1)))
        values, places = (each.reshape(len(each), each.shape[1] // 2, 2) for each in (self._values, self._places))
        second = values[:, :, 1] < values[:, :, 0]
        self._values = np.where(second, values[:, :, 1], values[:, :, 0])
        self._places = np.where(second, places[:, :, 1], places[:, :, 0])
        self._width *= 2
