"""What a network predicts of rows, the most wrong ones first, with each row's own loss."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from backlit.analysis.boundary.outputs import NetworkOutputs, OutputKind
from backlit.engine import Network, rows_of
from backlit.kernels.types import Array

MOST_OUTPUTS, MOST_CLASSES = 4, 20
"""So many outputs are shown, the first ones; a table of confusions has so many classes."""


class PredictedRow(msgspec.Struct, frozen=True):
    """A row, by its place from 0: its loss, and for each output what is predicted and what should be.

    Both are class numbers or numbers; a prediction that is not finite is None. `scores` are those of the predicted
    classes, None of numbers. `right` says whether all classes are; of numbers it is None.
    """

    row: int
    loss: float
    predicted: tuple[float | None, ...]
    scores: tuple[float | None, ...]
    targets: tuple[float, ...]
    right: bool | None


class Predictions(msgspec.Struct, frozen=True, kw_only=True):
    """The predictions of rows: `shown` are some, from place `first` on in the order of their losses, highest first.

    `outputs` say what is predicted, `of_outputs` how many outputs there are. `loss` is that of all `rows`, reduced as
    the loss says. `right` counts the rows whose classes are all right, None of numbers. `confusion[i][k]` counts the
    rows of class i that are predicted as class k, where there is one output of up to `MOST_CLASSES` classes.
    """

    outputs: tuple[OutputKind, ...]
    of_outputs: int
    loss_name: str
    loss: float
    rows: int
    right: int | None
    first: int
    shown: tuple[PredictedRow, ...]
    confusion: tuple[tuple[int, ...], ...] = ()


def predictions(
    network: Network, outputs: NetworkOutputs, X: Array, Y: Array, *, first: int = 0, count: int = 50
) -> Predictions:
    """Predict rows X (n, inputs) with the targets Y, and give `count` of them from place `first` on.

    Rows with equal losses are in their own order. `outputs` are the network's.

    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, "sigmoid", weights=[[4.0]], biases=[-2.0])], inputs=1, loss="binary_cross_entropy")
    >>> X, Y = np.array([[0.0], [1.0], [0.75]]), np.array([[0.0], [1.0], [0.0]])
    >>> found = predictions(network, NetworkOutputs(network, Y, None, None, None), X, Y)
    >>> [(row.row, round(row.loss, 3), row.right) for row in found.shown], found.right
    ([(2, 1.313, False), (0, 0.127, True), (1, 0.127, True)], 2)
    """
    evaluation = network.evaluate(X, Y, metrics=())
    losses = evaluation.row_losses.astype(np.float64)
    order = np.argsort(-np.where(np.isnan(losses), np.inf, losses), kind="stable")
    X, Y, _ = rows_of(network, X, Y)
    kinds = outputs.kinds[:MOST_OUTPUTS]
    scores = outputs.scores_of(X)
    predicted = [np.where(np.isfinite(one).all(axis=1), kind.predicted(one), np.nan)
                 for kind, one in zip(outputs.kinds, scores, strict=True)]  # fmt: skip
    targets = outputs.targets(Y)
    chosen = [_scores(kind, one, found) for kind, one, found in zip(kinds, scores, predicted, strict=False)]
    sorts = [k for k, kind in enumerate(outputs.kinds) if kind.classes]
    same: Any = np.array([predicted[k] == targets[k] for k in sorts]).all(axis=0) if sorts else None
    shown = tuple(
        PredictedRow(
            row, float(losses[row]), tuple(_finite(one[row]) for one in predicted[: len(kinds)]),
            tuple(_finite(one[row]) for one in chosen), tuple(float(one[row]) for one in targets[: len(kinds)]),
            None if same is None else bool(same[row]),
        )
        for row in order[first : first + count].tolist()
    )  # fmt: skip
    return Predictions(
        outputs=kinds, of_outputs=len(outputs.kinds), loss_name=evaluation.loss_name, loss=evaluation.loss, rows=len(X),
        right=None if same is None else int(same.sum()), first=first, shown=shown,
        confusion=_confusion(outputs.kinds, targets[0], predicted[0]),
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _scores(kind: OutputKind, scores: Array, predicted: Array) -> Array:
    """Give the score (n,) of the class that is predicted: its probability, or what the output is."""
    if not kind.classes:
        return np.full(len(scores), np.nan)
    if kind.level is None:
        places = np.where(np.isnan(predicted), 0.0, predicted).astype(np.int64)
        return np.where(np.isnan(predicted), np.nan, scores[np.arange(len(scores)), places])
    return np.where((predicted == 0.0) & kind.probabilities, 1.0 - scores[:, 0], scores[:, 0])


def _confusion(kinds: tuple[OutputKind, ...], targets: Array, predicted: Array) -> tuple[tuple[int, ...], ...]:
    count = len(kinds[0].classes)
    if len(kinds) != 1 or not 0 < count <= MOST_CLASSES:
        return ()
    known = np.isfinite(predicted) & np.isfinite(targets)
    places = targets[known].astype(np.int64) * count + predicted[known].astype(np.int64)
    counts = np.bincount(places, minlength=count * count).reshape(count, count)
    return tuple(map(tuple, counts.tolist()))
