"""Standard trainings on the same rows, which say what these rows let a network of that shape reach."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from backlit.diagnose.plan import Plan, Rows, mean_and_spread, run, standardized, training_on
from backlit.diagnose.score import predicted, row_scores
from backlit.engine import Network, Training, kind_of
from backlit.kernels.types import Array
from backlit.ops.layers.dense import Dense
from backlit.ops.optimizers.adaptive import Adam
from backlit.ops.registry import activations

SEEDS = 4
"""So many references are trained, with other first weights: what differs between them is chance."""

FEWEST_UNITS, MOST_UNITS, DEEPEST = 16, 128, 4
"""A reference has at least and at most so many units in each hidden layer, and at most so many of them."""

RATE, WIDTH, HIGHEST_RATE = 2e-3, 64, 1e-2
"""Adam's rate of a reference: RATE where the widest hidden layer has WIDTH units, in proportion more where it has
fewer."""

BATCH_ROWS = 32
FEWEST_UPDATES, FEWEST_EPOCHS, MOST_EPOCHS = 1_000, 60, 300
PATIENCE = 25

FARTHEST = 6.0
"""Standardized inputs of a reference lie at most so far from 0: of an input that hardly varies among the training rows,
a validation row may be hundreds of standard deviations off."""

MOST_L2 = 0.01
"""The penalty of a reference weighs as much as one row, and no more than this where there are few."""


class Reference(msgspec.Struct, frozen=True, eq=False):
    """A standard training that has run: its words, its scores of the held-out rows (n,), and their mean.

    `unexplained_training` is the mean score of the training rows, against the same baseline. `predictions` (n, outputs)
    are those of the held-out rows, as the targets should be, in the training's unit.
    """

    what: str
    training: Training
    scores: Array
    unexplained: float
    unexplained_training: float
    predictions: Array


def references(
    plan: Plan, T_train: Array, T: Array, classes: bool, baseline: float, seeds: Iterable[int] = range(SEEDS)
) -> list[Reference]:
    """Train references for a plan.

    T_train and T are the training and the held-out targets as the outputs should be, `baseline` the latter's score.
    """
    X, Y, rows = _rows_of(plan, classes)
    held_out = rows or (X, Y, plan.rows[2])
    middle, size = mean_and_spread(plan.rows[1])

    def predictions(training: Training, X: Array) -> Array:
        outputs = predicted(training.network.loss, training.network.predict(X), classes)
        return outputs if classes else outputs * size + middle

    found = []
    for seed in seeds:
        training = run(_training(plan, X, Y, rows, classes, seed))
        outputs = predictions(training, held_out[0])
        scores, own = row_scores(T, outputs) / baseline, row_scores(T_train, predictions(training, X)) / baseline
        found.append(Reference(_words(training), training, scores, float(scores.mean()), float(own.mean()), outputs))
    return found


def _rows_of(plan: Plan, classes: bool) -> tuple[Array, Array, Rows | None]:
    """Give the rows as a reference takes them: inputs standardized, and so are targets that are numbers."""
    X, Y, _ = plan.rows
    mean, spread = mean_and_spread(X)
    middle, size = (np.zeros(1), np.ones(1)) if classes else mean_and_spread(Y)

    def scaled(rows: Rows) -> Rows:
        X = np.clip((rows[0].astype(np.float64) - mean) / spread, -FARTHEST, FARTHEST)
        return X, standardized(rows[1], middle, size, plan.network.dtype), rows[2]

    training = scaled(plan.rows)
    return training[0], training[1], None if plan.validation is None else scaled(plan.validation)


def _training(plan: Plan, X: Array, Y: Array, validation: Rows | None, classes: bool, seed: int) -> Training:
    """Make a reference: the plan's hidden layers within bounds, usual first weights, Adam, stopped by validation."""
    widths, activation = _shape(plan)
    last, loss = _ending(plan, Y, classes)
    network = Network(
        [*(Dense(units, activation) for units in widths), last], X.shape[1], loss, dtype=plan.network.dtype,
        seed=1 + seed,
    )  # fmt: skip
    rows = len(X)
    batches = -(-rows // BATCH_ROWS)
    epochs = max(-(-FEWEST_UPDATES // batches), min(MOST_EPOCHS, max(FEWEST_EPOCHS, plan.settings.epochs)))
    rate = min(HIGHEST_RATE, RATE * max(1.0, WIDTH / max(widths)))
    judged = validation and (validation[0], _targets(plan, validation[1], classes), validation[2])
    return training_on(
        network, (X, _targets(plan, Y, classes), plan.rows[2]), judged, optimizer=Adam(rate), batch_size=BATCH_ROWS,
        epochs=epochs, seed=plan.settings.seed + seed, patience=PATIENCE, keep_best=True, l2=min(MOST_L2, 1.0 / rows),
    )  # fmt: skip


def _shape(plan: Plan) -> tuple[list[int], str]:
    """Give the units of the hidden layers, within bounds, and their activation: tanh stays, all others become relu."""
    dense = [layer for layer in plan.network.layers if isinstance(layer, Dense)]
    widths = [min(MOST_UNITS, max(FEWEST_UNITS, int(layer.units))) for layer in dense[:-1]][:DEEPEST] or [64]
    names = {activations.make(layer.activation).name for layer in dense[:-1]}
    return widths, "tanh" if names == {"tanh"} else "relu"


def _ending(plan: Plan, Y: Array, classes: bool) -> tuple[Dense, str]:
    """Give the last layer and the loss that fit the targets."""
    network = plan.network
    if not classes:
        return Dense(network.output_size), "half_squared_error"
    if network.loss.class_targets or (Y.shape[1] > 1 and bool((Y.sum(axis=1) == 1.0).all())):
        return Dense(network.output_size, "softmax"), "cross_entropy"
    return Dense(network.output_size if Y.shape[1] > 1 else 1, "sigmoid"), "binary_cross_entropy"


def _targets(plan: Plan, Y: Array, classes: bool) -> Array:
    """Give targets as a reference's loss takes them: class numbers, or numbers from 0 to 1, so -1 of ±1 becomes 0."""
    return np.clip(Y, 0.0, 1.0) if classes and (Y.shape[1] > 1 or kind_of(plan.network.loss) == "labels") else Y


def _words(training: Training) -> str:
    """Say what a reference is."""
    sizes = " -> ".join([str(training.network.inputs), *(layer.summary() for layer in training.network.layers)])
    return (
        f"{sizes}, usual first weights, standardized inputs, adam with rate {training.optimizer.rate:.2g}, "  # type: ignore[attr-defined]
        f"batches of {training.batch_size}, the best of {len(training.history)} epochs"
    )
