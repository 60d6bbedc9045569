"""Which error a valley shows, of which rows, and what the other weights are: in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from backlit.analysis.valley.path import Descent
from backlit.engine import Network, Training, WeightError, default_threads
from backlit.errors import counted
from backlit.kernels.types import Array
from backlit.ops.layers.dropout import Dropping

Rows = tuple[Array, Array, Array]

THREADED_WORK = 3_000_000
"""Weights times rows, from which on the points of a grid are shared out to threads."""


class Known(NamedTuple):
    """What a valley is of: a network, the trainings whose paths are drawn, by name, and the rows of the error.

    Where these are a part of the rows, `of_rows` counts all of them.
    """

    network: Network
    trainings: Mapping[str, Training]
    rows: Rows
    own_rows: bool = True
    of_rows: int = 0

    @property
    def first(self) -> Training | None:
        """The training whose penalties the error has."""
        return next(iter(self.trainings.values()), None)

    def error(self) -> WeightError:
        """Give the error as a function of the weights: with the penalties of the training, if there is one."""
        training = self.first
        if training is None:
            return WeightError(self.network, self.rows)
        return WeightError(
            self.network, self.rows, training.rule, optimizer=training.optimizer,
            decay_biases=training.settings.decay_biases, compiled=training.compiled,
        )  # fmt: skip

    @property
    def workers(self) -> int:
        """How many threads share the grid: one, unless the error of a single point takes a thousandth of a second."""
        training = self.first
        large = self.network.parameters.size * len(self.rows[0]) > THREADED_WORK
        if not large or (training is not None and not training.compiled):
            return 1
        return default_threads() if training is None else training.threads

    def slopes(self, trained: Array) -> Array:
        """Give dE/dw (trained,) of the weights that are trained, by backpropagation."""
        X, Y, weights = self.rows
        slopes = np.zeros(self.network.parameters.size)
        gradient = self.network.gradient(X, Y, sample_weight=weights if weights.size else None)
        for name, slope in gradient.items():
            start, shape = self.network.layout[name]
            slopes[start : start + math.prod(shape)] = slope.ravel()
        return slopes[trained]


def error_words(known: Known) -> str:
    """Say which error is shown: loss, reduction, rows, penalties, and what is left out of it."""
    network, (X, _, weights), training = known.network, known.rows, known.first
    reduced = {"sum": "summed over", "mean": "the mean of", "mean_all": "the mean over the outputs of"}
    rows = counted(len(X), "row") if known.own_rows or training is None else counted(len(X), "other row")
    rows = f"{len(X):,} of {counted(known.of_rows, 'row')}" if known.of_rows else rows
    reduction = "mean" if network.output_size == 1 and network.loss.reduction == "mean_all" else network.loss.reduction
    told = f"{network.loss.name}, {reduced[reduction]} {rows}"
    parts = ["each counted by its weight"] if weights.size else []
    if training is not None:
        settings = training.settings
        on = " on weights and biases" if settings.decay_biases else ""
        parts += [
            f"plus the penalty {formula} with {name} = {value:g}{on}"
            for name, formula in (("l2", "l2/2 Σw²"), ("l1", "l1 Σ|w|"))
            if (value := getattr(settings, name))
        ]
        if settings.penalty_per_batch and parts:
            parts.append("divided by the rows")
    if any(isinstance(op, Dropping) for op in network.ops):
        parts.append("without dropout")
    if any(op.batch_coupled for op in network.ops):
        parts.append("batch normalization by the mean and variance of all rows")
    return ", ".join([told, *parts])


def base_words(kind: str, trained: int, descents: Sequence[Descent]) -> str:
    """Say what the weights are that the axes do not show; of several paths, those at the end of the first."""
    of = f" of the path {descents[0].name!r}" if len(descents) > 1 else ""
    if not descents:
        told = "All other weights and biases are as they are in the network."
    elif kind == "plane":
        last = "last weights that are drawn" if descents[0].far else "last weights"
        told = f"The plane goes through the {last}{of}, which are at 0, 0."
    else:
        last = "last point that is drawn" if descents[0].far else "end"
        told = f"All other weights and biases are as they are at the {last}{of or ' of the path'}."
    if trained == 2 and kind == "weights":
        told = "These two are all that is trained, so the error over them is the whole error."
    return told
