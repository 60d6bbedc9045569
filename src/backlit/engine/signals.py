"""The signals of a training: what its gradients, weights and outputs did, layer by layer, at its measured epochs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from backlit.engine.display import Displayed, Summary
from backlit.engine.growing import GrowingTable
from backlit.engine.signal_plots import PlottedSignals
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.ops.synonyms import hint

SIGNALS = (
    "gradient_norm", "gradient_mean", "gradient_zeros", "weight_norm", "update_ratio",
    "output_mean", "output_spread", "saturated", "dead",
)  # fmt: skip
"""The numbers of a layer, in the order of the table.

Of the gradient of the epoch's last batch, before penalties and clipping: its Euclidean norm, the mean of |g|, the share
of exact zeros; frozen parameters have none. Of the weights and biases before that batch's update: their norm, and the
norm of the update divided by it. Of the layer's outputs for (a shard of) that batch's rows, behind the activation that
reads them: mean and standard deviation over rows and units; the share of outputs where the activation is flat (in a
tail where its slope is at most a fiftieth of its steepest); the share of units that are flat for every one of these
rows. The last two are NaN where the activation is nowhere flat, as a linear one, or is part of the loss, as a softmax
with cross-entropy: the outputs are then its inputs. Those of the gradient and the update are NaN where all is frozen.
"""

NOISE = "gradient_noise"

FIRST = ("number", "step", NOISE)
"""The first columns of the table."""


class Unread(Protocol):
    """Signals of some measured epochs of which no rows are made yet."""

    def rows(self) -> Array:
        """Give their rows: the epoch's number, its step, the noise, and the signals layer by layer."""

    def dead(self) -> list[float]:
        """Give the share of dead units of each layer in the last of them."""


class TrainingSignals(PlottedSignals, Summary, msgspec.Struct, frozen=True, kw_only=True):
    """Signals of a training as a record, thinned; a number that is not finite, or was not measured, is None.

    `epochs` counts all epochs there were; `numbers` are the measured ones that are kept. `layers` has, for each layer's
    label, each signal's numbers by its name; `gradient_noise` is of the run.
    """

    epochs: int
    numbers: tuple[int, ...]
    gradient_noise: tuple[float | None, ...]
    layers: Mapping[str, Mapping[str, tuple[float | None, ...]]]

    def record(self, most: int = 50) -> TrainingSignals:
        """Give the record itself."""
        return self


class SignalHistory(PlottedSignals, Displayed):
    """The signals of a training in a table.

    `signals["1.gradient_norm"]` is a column, an array (points,); `pandas.DataFrame(signals.columns())` has all of them.
    A training measures its first epoch, and then every so-and-so-manieth; of a long one, fewer: see `measuring.py`. Its
    last epoch is measured only where it is one of these.

    Attributes:
        layers: the labels of the layers that have parameters, in order: "1", "2".
        epochs: how many epochs there were, measured or not.
        numbers: the measured epochs (points,), from 1 on. steps: the updates that were done by then (points,).
        noise: the gradient noise (points,): 1 - g₁·g₂ / ((|g₁|² + |g₂|²) / 2) of the epoch's last two batches: 0 where
            they agree, about 1 where they have nothing in common; NaN in an epoch of one batch.
        values: (points, layers, len(SIGNALS)).

    >>> from backlit.engine.network import Network
    >>> from backlit.engine.training import Training
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, bias=False, weights=[[2.0]])], inputs=1, loss="half_squared_error")
    >>> training = Training(network, [[1.0]], [5.0], optimizer="sgd", epochs=1, compiled=False).run()
    >>> signals = training.signals
    >>> signals, signals["1.gradient_norm"], round(signals.at(1)["1"]["update_ratio"], 9)
    (<SignalHistory: 1 of 1 epoch, layer 1>, array([3.]), 0.015)
    """

    def __init__(self, layers: Sequence[str] = (), rows: Array | None = None, epochs: int = 0) -> None:
        self.layers = tuple(layers)
        self._table = GrowingTable(np.empty((0, self._width)) if rows is None else rows)
        self._length = self._table.used
        self._unread: deque[tuple[int, Unread]] = deque()
        self._reading = threading.Lock()  # another thread may look at signals that grow
        self.epochs = epochs

    @property
    def _width(self) -> int:
        return len(FIRST) + len(self.layers) * len(SIGNALS)

    def grow(self, epochs: int, count: int, found: Unread) -> None:
        """Add `count` measured epochs, of `epochs` in all by now; `found` makes their rows when they are read."""
        if count:
            self._unread.append((self._length, found))
            self._length += count
        self.epochs = epochs

    def copy(self) -> SignalHistory:
        """Give the signals as they are now; they share their rows with these until either grow."""
        twin, length = SignalHistory(self.layers, epochs=self.epochs), self._length
        self._read()
        twin._table, twin._length = self._table, length
        return twin

    def _read(self) -> Array:
        """Give the table's array after adding the rows that were not read yet."""
        with self._reading:
            while self._unread:  # dropped when its rows are there, so that Ctrl-C loses and doubles none
                first, found = self._unread[0]
                self._table = self._table.append(first, found.rows())
                self._unread.popleft()
            return self._table.rows

    @property
    def rows(self) -> Array:
        """The table (points, columns); not to be changed."""
        length = self._length  # first, since it may grow meanwhile
        return self._read()[:length]

    @property
    def numbers(self) -> Array:
        """The measured epochs (points,), from 1 on."""
        return self.rows[:, 0].astype(np.int64)

    @property
    def steps(self) -> Array:
        """The updates that were done by then (points,)."""
        return self.rows[:, 1].astype(np.int64)

    @property
    def noise(self) -> Array:
        """The gradient noise (points,)."""
        return self.rows[:, 2].copy()

    @property
    def values(self) -> Array:
        """The signals (points, layers, len(SIGNALS))."""
        rows = self.rows
        return rows[:, len(FIRST) :].reshape(len(rows), len(self.layers), len(SIGNALS)).copy()

    def dead(self) -> dict[str, float]:
        """Give the share of dead units of each layer in the last measured epoch; nothing where there is none.

        No row is made for that: a training asks at its end, which may come after less time than it takes to make one.
        """
        unread = [*self._unread][-1:]
        shares = unread[0][1].dead() if unread else self.values[-1:, :, SIGNALS.index("dead")].ravel().tolist()
        return dict(zip(self.layers, shares, strict=False))

    def __len__(self) -> int:
        return self._length

    def of(self, signal: str, layer: str | int) -> Array:
        """Give a signal of a layer over the measured epochs (points,)."""
        return self[f"{layer}.{signal}"]

    def at(self, number: int) -> dict[str, dict[str, float]]:
        """Give the signals of a measured epoch, that number or the last one before it, by layer and by name.

        Errors: a BacklitError where no epoch up to that one was measured.
        """
        rows = self.rows
        place = int(np.searchsorted(rows[:, 0], number, side="right")) - 1
        if place < 0:
            measured = f"the first one is {rows[0, 0]:.0f}" if len(rows) else "none is"
            raise BacklitError(f"no epoch up to number {number!r} was measured; {measured}.")
        values = rows[place, len(FIRST) :].reshape(len(self.layers), len(SIGNALS)).tolist()
        return {layer: dict(zip(SIGNALS, row, strict=True)) for layer, row in zip(self.layers, values, strict=True)}

    @property
    def _names(self) -> list[str]:
        return [*FIRST, *(f"{layer}.{signal}" for layer in self.layers for signal in SIGNALS)]

    def columns(self) -> dict[str, Array]:
        """Give an array (points,) by name: "number", "step", "gradient_noise", and for each layer "1.gradient_norm"."""
        rows = self.rows
        return {name: _column(rows, k) for k, name in enumerate(self._names)}

    @classmethod
    def from_columns(cls, columns: Mapping[str, Array], epochs: int | None = None) -> SignalHistory:
        """Make the signals of their `columns()`; of so many epochs in all, or up to the last one measured."""
        layers = dict.fromkeys(name.rpartition(".")[0] for name in columns if name not in FIRST)
        made = cls(tuple(layers))
        rows = np.stack([np.asarray(columns[name], np.float64) for name in made._names], axis=1)
        last = int(rows[-1, 0]) if len(rows) else 0
        return cls(made.layers, rows, last if epochs is None else epochs)

    def __getitem__(self, name: str) -> Array:
        names = self._names
        if name not in names:
            if not self.layers:
                advice = "the training measured none: signals=True has it do so, by any optimizer but L-BFGS."
            else:
                advice = hint(str(name), names).replace("known:", "they have")
            raise KeyError(f"the signals have no column {name!r}; {advice}")
        return _column(self.rows, names.index(name))

    def record(self, most: int = 50) -> TrainingSignals:
        """Give the signals as a record, with at most so many epochs: the first, the last and others between them."""
        rows = self.rows
        places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.int64))
        kept = np.where(np.isfinite(rows[places]), rows[places], np.nan)
        columns = {name: tuple(None if value != value else value for value in column)  # noqa: PLR0124  (NaN)
                   for name, column in zip(self._names, kept.T.tolist(), strict=True)}  # fmt: skip
        layers = {layer: {signal: columns[f"{layer}.{signal}"] for signal in SIGNALS} for layer in self.layers}
        numbers = tuple(rows[places, 0].astype(int).tolist())
        return TrainingSignals(epochs=self.epochs, numbers=numbers, gradient_noise=columns[NOISE], layers=layers)

    def summary(self) -> TrainingSignals:
        """Give the record by which the signals show themselves: those of the last measured epoch."""
        return self.record()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SignalHistory):
            return NotImplemented
        same = (self.layers, self.epochs, len(self)) == (other.layers, other.epochs, len(other))
        return same and np.array_equal(self.rows, other.rows, equal_nan=True)

    __hash__ = None  # type: ignore[assignment]  # they grow

    def __repr__(self) -> str:
        layers = f", {'layer' if len(self.layers) == 1 else 'layers'} {', '.join(self.layers)}" if self.layers else ""
        return f"<SignalHistory: {len(self):,} of {counted(self.epochs, 'epoch')}{layers}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return SignalHistory, (self.layers, self.rows, self.epochs)


def _column(rows: Array, k: int) -> Array:
    """Give a column of the table; numbers of epochs and of steps are whole."""
    return rows[:, k].astype(np.int64 if k < FIRST.index(NOISE) else np.float64)
