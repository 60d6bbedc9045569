"""How a network is built and trained on a table's rows: what is usual, and what a fault may change."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any, Literal

import msgspec
import numpy as np

from backlit.engine import Network, Training
from backlit.errors import BacklitWarning
from backlit.ops.base import Layer
from backlit.ops.initializers import Constant, Initializer, Normal
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.registry import activations, losses, optimizers, schedules
from bench.diagnosis.tables import Array, Rows

SMOOTH_BOUNDED = {"tanh", "sigmoid"}


class Recipe(msgspec.Struct, frozen=True):
    """All settings of a training; those of a healthy one are the defaults, beside its shape and its optimizer.

    `scale` multiplies the spread of the first weights, `start` gives all of them one value, `bias` is what the hidden
    biases start with. `balanced` weighs the training rows so that all classes count alike.
    """

    hidden: tuple[int, ...]
    activation: str | tuple[str, float]
    optimizer: str
    rate: float
    output: str | tuple[str, float]
    loss: str
    scale: float = 1.0
    start: float | None = None
    bias: float = 0.0
    output_bias: float = 0.0
    dropout: float = 0.0
    batch_size: int | Literal["full"] = 32
    epochs: int = 150
    patience: int | None = 30
    tolerance: float = 0.0
    keep_best: bool = True
    l2: float = 7e-3
    clip_norm: float | None = None
    decay: float | None = None
    balanced: bool = False

    def layers(self, inputs: int, outputs: int) -> list[Layer]:
        """Give the chain of layers for so many inputs and outputs."""
        chain: list[Layer] = []
        sizes = (inputs, *self.hidden)
        for fan_in, units in itertools.pairwise(sizes):
            weights = self._weights(fan_in, units, self.activation)
            biases = Constant(self.bias) if self.bias else None
            chain.append(Dense(units, _activation(self.activation), weights=weights, biases=biases))
            if self.dropout:
                chain.append(Dropout(self.dropout))
        last = self._weights(sizes[-1], outputs, self.output)
        return [
            *chain,
            Dense(
                outputs,
                _activation(self.output),
                weights=last,
                biases=Constant(self.output_bias) if self.output_bias else None,
            ),
        ]

    def _weights(self, fan_in: int, fan_out: int, activation: Any) -> Initializer | None:
        """Give what draws a layer's first weights; None for the activation's own choice."""
        if self.start is not None:
            return Constant(self.start)
        if self.scale == 1.0:
            return None
        usual = 2.0 / fan_in if activation in {"relu", "gelu"} else 2.0 / (fan_in + fan_out)
        return Normal(self.scale * math.sqrt(usual))

    def network(self, inputs: int, classes: int, seed: int) -> Network:
        """Give the network with its first weights."""
        return Network(self.layers(inputs, classes or 1), inputs, self.loss, seed=seed)

    def training(self, rows: Rows, seed: int) -> Training:
        """Give the training on some rows, from the seed's first weights and in the seed's order."""
        network = self.network(rows.X.shape[1], rows.classes, seed)
        Y, Y_validation = (self.targets(y, rows.classes) for y in (rows.y, rows.y_validation))
        weights = balancing(rows.y, rows.classes) if self.balanced and rows.classes else rows.weights
        weights_validation = balancing(rows.y_validation, rows.classes) if self.balanced and rows.classes else None
        validation = (rows.X_validation, Y_validation) + (() if weights_validation is None else (weights_validation,))
        schedule = (
            "constant" if self.decay is None else schedules.from_dict({"op": "exponential", "factor": self.decay})
        )
        return Training(
            network, rows.X, Y, sample_weight=weights, validation=validation,
            optimizer=optimizers.from_dict({"op": self.optimizer, "rate": self.rate}), schedule=schedule,
            batch_size=self.batch_size, epochs=self.epochs, patience=self.patience, tolerance=self.tolerance,
            keep_best=self.keep_best, l2=self.l2, clip_norm=self.clip_norm, seed=seed, threads=1,
        )  # fmt: skip

    def targets(self, y: Array, classes: int) -> Array:
        """Give the targets as the loss takes them: class numbers for cross-entropy, else a column for each class."""
        if not classes or losses[self.loss].class_targets:
            return y
        return (np.arange(classes) == y[:, None]).astype(float)


def _activation(given: str | tuple[str, float]) -> Any:
    """Give an activation by its name, or by its name and its alpha."""
    return given if isinstance(given, str) else activations.from_dict({"op": given[0], "alpha": given[1]})


def balancing(y: Array, classes: int) -> Array:
    """Give the weights (n,) with which all classes that occur count alike, of mean 1."""
    counts = np.bincount(y.astype(int), minlength=classes)
    weights = 1.0 / counts[y.astype(int)]
    return weights * len(y) / weights.sum()


def trained(training: Training) -> Training:
    """Run a training without its warnings: they are what a fault is expected to give."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", BacklitWarning)
        return training.run()


SHAPES: dict[str, tuple[tuple[int, ...], str]] = {
    "16 relu": ((16,), "relu"),
    "64-32 relu": ((64, 32), "relu"),
    "32 tanh": ((32,), "tanh"),
    "16-16-16-16 gelu": ((16, 16, 16, 16), "gelu"),
}
OPTIMIZERS = {"adam": 0.005, "momentum": 0.02}
"""The optimizers with their rates."""


def usual(shape: str, optimizer: str, classes: int) -> Recipe:
    """Give the healthy recipe of a shape and an optimizer."""
    hidden, activation = SHAPES[shape]
    output, loss = ("softmax", "cross_entropy") if classes else ("identity", "half_squared_error")
    return Recipe(hidden, activation, optimizer, OPTIMIZERS[optimizer], output, loss)
