"""The signals of a training: what its gradients, weights and outputs did, layer by layer, at its measured epochs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from backlit.engine.display import Summary
from backlit.engine.signal_plots import PlottedSignals
from backlit.kernels.types import Array

SIGNALS = (
    "gradient_norm", "gradient_mean", "gradient_zeros", "weight_norm", "update_ratio",
    "output_mean", "output_spread", "saturated", "dead",
)  # fmt: skip
"""The numbers of a layer, in the order of the table.

Of the gradient of the epoch's last batch, before penalties and clipping: its Euclidean norm, the mean of |g|, the share
of exact zeros. Of the weights and biases before that batch's update: their norm, and the norm of the update divided by
it. Of the layer's outputs for (a shard of) that batch's rows: mean and standard deviation over rows and units; the share
of outputs where the activation is flat (its slope is at most a fiftieth of its steepest); the share of units that are
flat for every one of these rows. The last two are NaN where the activation is nowhere flat, as a linear one.
"""


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


class SignalHistory(PlottedSignals):
    """The signals of a training in a table.

    Attributes:
        layers: the labels of the layers that have parameters, in order: "1", "2".
        numbers: the measured epochs (points,), from 1 on. steps: the updates that were done by then (points,).
        noise: the gradient noise (points,): 1 - g₁·g₂ / ((|g₁|² + |g₂|²) / 2) of the epoch's last two batches: 0 where
            they agree, about 1 where they have nothing in common; NaN in an epoch of one batch.
        values: (points, layers, len(SIGNALS)).
    """

    layers: tuple[str, ...]
    numbers: Array
    steps: Array
    noise: Array
    values: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def of(self, signal: str, layer: str) -> Array:
        """Give a signal of a layer over the measured epochs (points,)."""
        return self.values[:, self.layers.index(layer), SIGNALS.index(signal)]

    def record(self, most: int = 50) -> TrainingSignals:
        """Give the signals as a record, with at most so many epochs."""
        raise NotImplementedError(np.nan)
