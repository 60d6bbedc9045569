"""How good a network is at a moment, quickly: its loss and one metric, and those of the best constant beside it."""

from __future__ import annotations

import math
from typing import Any, cast

import msgspec
import numpy as np

from backlit.analysis.live.network import chosen_rows
from backlit.engine import Network, class_level, kind_of
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Loss
from backlit.ops.layers.dense import Dense

MOST_ROWS = 2_000
"""Of more rows, so many are measured, evenly chosen."""

LEAST_SHARE = 1e-30
"""A share of 0 counts as this: its logarithm must be finite."""


class LiveScore(msgspec.Struct, frozen=True):
    """The loss, without penalties, and the metric of the training and the validation rows; NaN where not finite.

    Those of the validation rows are None where there are none. `metric` names the metric, if any; `rows` and
    `validation_rows` are how many were measured, of `all_rows` and `all_validation_rows`.
    """

    metric: str
    loss: float
    value: float
    validation_loss: float | None
    validation_value: float | None
    rows: int
    all_rows: int
    validation_rows: int = 0
    all_validation_rows: int = 0

    @property
    def sampled(self) -> str:
        """Say of which rows the numbers are, where these are not all; else nothing."""
        parts = [(self.rows, self.all_rows, "training"),
                 (self.validation_rows, self.all_validation_rows, "validation")]  # fmt: skip
        said = [f"{rows:,} of {count:,} {name} rows" for rows, count, name in parts if rows < count]
        return f"measured on {' and '.join(said)}, evenly chosen" if said else ""


class Baseline(msgspec.Struct, frozen=True):
    """The loss and the metric of a constant prediction, on the training rows; `what` says which constant it is."""

    loss: float
    value: float
    what: str


def metric_of(loss: Loss, Y: Array) -> str:
    """Name the metric of a loss: "accuracy" of classes and of yes or no, else "R²"; "" where no targets differ."""
    kind = kind_of(loss)
    yes_or_no = kind == "labels" and (loss.name == "hinge" or bool(np.isin(Y, (0.0, 1.0)).all()))
    if kind == "classes" or yes_or_no or _are_marks(loss, Y):
        return "accuracy"
    return "R²" if len(Y) > 1 and bool((Y[:1] != Y).any()) else ""


def _are_marks(loss: Loss, Y: Array) -> bool:
    """Whether targets of a loss of numbers are yes or no after all: 0 and 1, or one 1 in each row."""
    return kind_of(loss) == "numbers" and Y.size > 1 and bool(np.isin(Y, (0.0, 1.0)).all()) and Y.min() < Y.max()


def accuracy(loss: Loss, T: Array, A: Array) -> float:
    """Give the share of right answers of outputs A (n, outputs) by targets T; of several labels, each counts."""
    if T.shape[1] == 1 and A.shape[1] > 1:
        return float(np.mean(A.argmax(axis=1) == T[:, 0]))
    if loss.class_targets or (A.shape[1] > 1 and kind_of(loss) == "numbers"):
        return float(np.mean(A.argmax(axis=1) == T.argmax(axis=1)))
    return float(np.mean((class_level(loss) < A) == ((0.0 if loss.name == "hinge" else 0.5) < T)))


def r2(loss: Loss, T: Array, A: Array) -> float:
    """Give 1 - Σ(t - a)² / Σ(t - mean)², the mean over the outputs; NaN where the targets of no output differ."""
    A = np.exp(A) if loss.name == "exp_poisson" else A
    left, all_there_is = ((T - A) ** 2).sum(axis=0), ((T - T.mean(axis=0)) ** 2).sum(axis=0)
    varied = all_there_is > 0.0
    if not varied.any():
        return math.nan
    found = np.where(varied, 1.0 - left / np.where(varied, all_there_is, 1.0), (left == 0.0) * 1.0)
    return float(found.mean())


def live_score(network: Network, training: tuple[Array, Array], validation: tuple[Array, Array] | None) -> LiveScore:
    """Measure a network on rows (X, Y) that train it and on those that validate."""
    name = metric_of(network.loss, np.asarray(training[1], np.float64))
    found, rows = _measured(network, training, name, MOST_ROWS)
    if validation is None:
        return LiveScore(name, *found, None, None, rows, len(training[0]))
    other, checked = _measured(network, validation, name, MOST_ROWS)
    return LiveScore(name, found[0], found[1], other[0], other[1], rows, len(training[0]), checked, len(validation[0]))


def _measured(network: Network, given: tuple[Array, Array], metric: str, most: int) -> tuple[tuple[float, float], int]:
    """Give the loss and the metric of at most so many rows, and of how many they are."""
    rows = chosen_rows(*given, most=most)
    function = accuracy if metric == "accuracy" else r2

    def measure(T: Array, A: Array) -> float:
        T, A = (values.reshape(len(A), -1).astype(np.float64) for values in (T, A))
        return function(network.loss, T, A) if np.isfinite(A).all() else math.nan

    with np.errstate(all="ignore"):
        found = network.evaluate(rows.X, rows.Y, metrics={"score": measure})
    whole = len(given[0]) / len(rows.X) if network.loss.reduction == "sum" else 1.0  # a sum, made that of all rows
    return (found.loss * whole, found.metrics["score"]), len(rows.X)


def baseline(network: Network, Y: Array) -> Baseline | None:
    """Measure the network's own loss where the outputs are constant: the classes' shares, or the targets' mean.

    None where the loss has no such constant, as of targets beyond its range, and where the targets do not differ.
    """
    given, loss = np.asarray(Y, np.float64).reshape(len(Y), -1), network.loss
    if loss.class_targets and given.shape[1] == 1 and network.output_size > 1:
        mean = np.bincount(given[:, 0].astype(np.int64), minlength=network.output_size) / len(given)
    else:
        mean = given.mean(axis=0)
    try:
        metric = metric_of(loss, given)
        if not metric:
            return None
        found, _ = _measured(_constant(network, mean), (np.zeros((len(Y), 1)), Y), metric, len(Y))
    except BacklitError:
        return None
    shares = metric == "accuracy"
    what = "always the shares of the training rows’ classes" if shares else "always the mean of the training targets"
    return Baseline(*found, what) if math.isfinite(found[0]) else None


def _constant(network: Network, mean: Array) -> Network:
    """Give a network of one layer whose outputs are the constant `mean`, or the scores that stand for it."""
    loss = network.loss
    share = np.clip(mean, LEAST_SHARE, 1.0)
    logit = np.log(share) - np.log(np.clip(1.0 - mean, LEAST_SHARE, 1.0))
    activation, biases = {
        "cross_entropy": ("softmax", np.log(share)), "softmax_cross_entropy": ("identity", np.log(share)),
        "binary_cross_entropy": ("sigmoid", logit), "sigmoid_binary_cross_entropy": ("identity", logit),
        "exp_poisson": ("identity", np.log(share if mean.max() <= 1.0 else np.maximum(mean, LEAST_SHARE))),
        "poisson": ("exp", np.log(np.maximum(mean, LEAST_SHARE))),
    }.get(loss.name, ("identity", mean))  # fmt: skip
    layer = Dense(len(biases), cast(Any, activation), weights=np.zeros((1, len(biases))), biases=biases)
    return Network([layer], inputs=1, loss=loss, dtype=network.dtype)
