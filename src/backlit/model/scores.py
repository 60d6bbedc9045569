"""Scores of predictions by scikit-learn's metrics, and two simple models to compare with: a baseline, a linear one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from backlit.data import Encoder, NumberTarget
from backlit.data.messages import in_full
from backlit.data.values import Label, label_text
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model.reports import ClassRow, ClassScores, NumberScores, Scores

LINEAR_ROWS = 50_000
"""The linear model is fitted on so many rows at the most; more would take longer and change little."""

MOST_ITERATIONS, FEWEST_ITERATIONS = 1000, 30
"""The linear model's iterations: it mostly converges long before the first; below the second it is left out."""

SECONDS_OF_WORK, LINEAR_WORK = 2e-9, 3e9
"""Seconds per multiplication by an input in scikit-learn's LogisticRegression on one processor, an upper estimate; and
the most multiplications, which take a few seconds. They are counted, not timed: the same seed gives the same report."""

EXPONENTIAL, RIDGE_SPEED = 10, 20
"""An exponential costs as much as so many multiplications by an input; Ridge does so many in the time of one."""


def class_scores(codes: Array, probabilities: Array) -> ClassScores:
    """The scores of probabilities (n, k) against class indices (n,).

    An index of k or more is a class that has no probability: the row is wrong, and the log-loss is of the other rows.

    >>> class_scores(np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]])).accuracy
    0.5
    """
    from sklearn.metrics import log_loss  # noqa: PLC0415  (a second to import)

    _refuse_not_finite(probabilities)
    P = probabilities.astype(np.float64)
    P /= P.sum(axis=1, keepdims=True)  # float32 probabilities sum to 1 only nearly
    accuracy = float(np.mean(P.argmax(axis=1) == codes))
    known = codes < P.shape[1]
    return ClassScores(accuracy, float(log_loss(codes[known], P[known], labels=np.arange(P.shape[1]))))


def number_scores(targets: Array, predictions: Array) -> NumberScores:
    """The scores of predicted numbers (n,) against targets (n,).

    Computed on numbers scaled near 1 by a power of two, which is exact: squares of 1e200 would overflow, those of
    1e-200 vanish.

    >>> number_scores(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    NumberScores(r2=0.5, mae=0.5, rmse=0.7071067811865476)
    """
    from sklearn import metrics  # noqa: PLC0415  (a second to import)

    _refuse_not_finite(predictions)
    varied = targets.size > 1 and targets.min() != targets.max()
    exponent = int(np.frexp(max(np.abs(targets).max(), np.abs(predictions).max()))[1])
    targets, predictions = np.ldexp(targets, -exponent), np.ldexp(predictions, -exponent)
    return NumberScores(
        float(metrics.r2_score(targets, predictions)) if varied else None,
        math.ldexp(float(metrics.mean_absolute_error(targets, predictions)), exponent),
        math.ldexp(float(metrics.root_mean_squared_error(targets, predictions)), exponent),
    )


def _refuse_not_finite(outputs: Array) -> None:
    """Refuse predictions that are not finite: the weights or the inputs are too large for the type of the numbers."""
    bad = int((~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1)).sum())
    if bad:
        raise BacklitError(
            f"the predictions for {bad:,} of {len(outputs):,} rows are not finite numbers, so there is no score: the "
            "weights are too large. Train at a smaller rate, or with clip_norm=1."
        )


def class_rows(labels: Sequence[Label], confusion: Array) -> tuple[ClassRow, ...]:
    """Precision and recall of each of k classes from the confusion table (k, k)."""
    return tuple(
        ClassRow(label, int(rows), int(predicted), _share(hit, predicted), _share(hit, rows))
        for label, rows, predicted, hit in zip(
            labels, confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal(), strict=True
        )
    )


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def scores_of(encoder: Encoder, targets: Array, outputs: Array) -> Scores:
    """The scores of probabilities (n, k), or of numbers (n,) in the target's own unit, against `model.targets` (n,)."""
    of = number_scores if isinstance(encoder.target, NumberTarget) else class_scores
    return of(targets, outputs)


def baseline(encoder: Encoder, Y: Array, n_rows: int) -> tuple[Array, str]:
    """One prediction for `n_rows` rows, the classes' shares or the mean of the training targets Y, and its name.

    It is given as probabilities (n, k), or as numbers (n,) in the target's own unit.
    """
    if isinstance(encoder.target, NumberTarget):
        mean = encoder.target.mean
        return np.full(n_rows, mean), f"the mean, {in_full(mean, 6)}"
    classes = encoder.target.classes
    shares = np.bincount(Y, minlength=len(classes)) / len(Y)
    return np.tile(shares, (n_rows, 1)), f'always "{label_text(classes[shares.argmax()])}"'


def linear(
    encoder: Encoder, X: Array, Y: Array, X_test: Array, seconds: float | None = None
) -> tuple[Array | None, str]:
    """The predictions of scikit-learn's linear model at its defaults, for encoded rows, and its name; or None, and why.

    Probabilities (n, k), or numbers (n,) in the target's own unit, after a fit to the training rows X, Y. It may take a
    few seconds, or `seconds` where that is less, which limits its iterations; where fewer than FEWEST_ITERATIONS would
    fit, it is left out.
    """
    few = np.linspace(0, len(X) - 1, min(len(X), LINEAR_ROWS)).astype(np.int64)
    work = LINEAR_WORK if seconds is None else min(LINEAR_WORK, seconds / SECONDS_OF_WORK)
    most = min(int(work / _work(encoder, len(few), X.shape[1])), MOST_ITERATIONS)
    if most < FEWEST_ITERATIONS:
        limited = seconds is not None and seconds / SECONDS_OF_WORK < LINEAR_WORK
        return None, f"left out: {'the time limit leaves too little' if limited else 'it would take too long'}"
    X, Y, X_test = X[few].astype(np.float64), Y[few], X_test.astype(np.float64)
    from sklearn.linear_model import LogisticRegression, Ridge  # noqa: PLC0415  (a second to import)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing convergence changes no digit that is shown
        if isinstance(encoder.target, NumberTarget):
            return encoder.decode_target(Ridge().fit(X, Y).predict(X_test)), "Ridge"
        fitted = LogisticRegression(max_iter=most).fit(X, Y)
        P: Any = np.full((len(X_test), len(encoder.target.classes)), 1e-15)
        P[:, fitted.classes_] = fitted.predict_proba(X_test)
    cut = most < MOST_ITERATIONS and fitted.n_iter_.max() >= most
    return P, "LogisticRegression" + (f", {most} iterations" if cut else "")


def _work(encoder: Encoder, n: int, k: int) -> float:
    """The cost of an iteration over n rows of k inputs, in SECONDS_OF_WORK; of Ridge, a share of its whole fit."""
    if isinstance(encoder.target, NumberTarget):
        return n * k * min(n, k) / RIDGE_SPEED / FEWEST_ITERATIONS
    classes = len(encoder.target.classes)
    return n * (k + EXPONENTIAL) * (1 if classes == 2 else classes)
