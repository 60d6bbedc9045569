"""What a training is made of, to train it again with a change; `changes` makes and applies these."""

from __future__ import annotations

from typing import Any, Self

import msgspec
import numpy as np

from backlit.diagnose.records import Change
from backlit.engine import Network, Training, TrainingSettings
from backlit.errors import BacklitError, collecting
from backlit.kernels.types import Array
from backlit.ops.base import Layer, Loss

Rows = tuple[Array, Array, Array]
"""Inputs (n, inputs), targets (n, outputs) or class numbers (n, 1), weights (n,) or none (0,)."""


class Plan(msgspec.Struct, frozen=True, eq=False):
    """A network at its first weights, the settings of a training, and its rows; all that a change may change.

    `columns` are those of the given inputs that the network reads, `center` and `spread` (inputs,) what the change
    "standardize" subtracts from each given column and divides it by; `target_center` and `target_spread` the same for
    the targets.
    """

    network: Network
    settings: TrainingSettings
    rows: Rows
    validation: Rows | None
    columns: Array
    center: Array
    spread: Array
    target_center: Array
    target_spread: Array
    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, training: Training) -> Self:
        """Give the plan of a training: its network at the first weights, its settings and rows.

        Errors: a BacklitError for an order of the caller's, which cannot be repeated.
        """
        if training.order is not None:
            raise BacklitError(
                "this training takes the order of its rows from a function of yours (order=), so it cannot be trained "
                "again for comparison. Make the training with shuffle and seed."
            )
        network = training.network.copy()
        first = training.explosions.beginning
        if first is not None:
            network.parameters[:], network.state[:] = first.parameters, first.statistics
        inputs, outputs = training.X.shape[1], training.Y.shape[1]
        return cls(
            network, training.settings, (training.X, training.Y, training.weights), training.validation,
            np.arange(inputs), np.zeros(inputs), np.ones(inputs), np.zeros(outputs), np.ones(outputs),
        )  # fmt: skip

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the network.

        Errors: a BacklitError for a network from a graph, whose layers no change can replace.
        """
        if not self.network.layers:
            raise BacklitError("the network was built from a graph, so its layers cannot be changed here.")
        return self.network.layers

    def replaced(self, **fields: Any) -> Self:
        """Give the plan with other fields."""
        return msgspec.structs.replace(self, **fields)

    def with_settings(self, **settings: Any) -> Self:
        """Give the plan with other settings of the training."""
        return self.replaced(settings=msgspec.structs.replace(self.settings, **settings))

    def with_layers(self, layers: Any, loss: Loss | str | None = None, inputs: int | None = None) -> Self:
        """Give the plan with a network of other layers, loss or inputs, at weights drawn by the training's seed."""
        given: Any = inputs or next(iter(self.network.graph.inputs.values()))
        network = Network(
            list(layers), given, self.network.loss if loss is None else loss, dtype=self.network.dtype,
            seed=self.settings.seed,
        )  # fmt: skip
        return self.replaced(network=network)

    def training(self, **settings: Any) -> Training:
        """Make the training, from the first weights on; `settings` replace those of the plan."""
        given = msgspec.structs.asdict(self.settings) | settings
        with collecting([]):  # what it warns of is what is diagnosed
            return training_on(self.network.copy(), self.rows, self.validation, **given)

    def sampled(self, most: int) -> Self:
        """Give the plan with at most so many training rows, the same ones each time."""
        X, Y, weights = self.rows
        if len(X) <= most:
            return self
        kept = np.sort(np.random.default_rng(0).choice(len(X), most, replace=False))
        return self.replaced(rows=(X[kept], Y[kept], weights[kept] if weights.size else weights))

    def inputs_of(self, X: Array) -> Array:
        """Give rows of the training that was diagnosed as this plan's network takes them."""
        taken = standardized(np.asarray(X), self.center, self.spread, self.network.dtype)
        return np.ascontiguousarray(taken[:, self.columns])

    def outputs_of(self, Y: Array) -> Array:
        """Give the outputs of this plan's network in the unit of the training that was diagnosed."""
        if Y.shape[1] != len(self.target_spread):
            return Y
        return Y * self.target_spread + self.target_center


def training_on(network: Network, rows: Rows, validation: Rows | None, **settings: Any) -> Training:
    """Make a training on rows, which a `Training` takes without their weights where they have none."""
    X, Y, weights = rows
    judged = validation if validation is None or validation[2].size else validation[:2]
    return Training(
        network, X, Y, sample_weight=weights if weights.size else None, validation=judged, **settings
    )  # fmt: skip


def mean_and_spread(values: Array) -> tuple[Array, Array]:
    """Give the means and standard deviations of the columns; 1 for the latter where all values are the same."""
    values = values.astype(np.float64)
    spread = values.std(axis=0)
    return values.mean(axis=0), np.where(spread == 0.0, 1.0, spread)


def standardized(rows: Array, mean: Array, spread: Array, dtype: Any) -> Array:
    """Give (rows - mean) / spread in a type, cut where the type ends: rows to judge by may lie far from all others."""
    largest = np.finfo(dtype).max
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(np.clip((rows.astype(np.float64) - mean) / spread, -largest, largest), dtype)


def run(training: Training) -> Training:
    """Run a training to its end, in silence: what it would warn of is measured here."""
    with collecting([]), np.errstate(all="ignore"):
        return training.run()
