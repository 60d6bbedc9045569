"""The validation rows of each member, and the score that is measured on them after an epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring, r2_score
from sklearn.model_selection import train_test_split

from backlit.estimators.member import Held, Member, Rows
from backlit.kernels.types import Array


def plan(
    estimator: Any, rows: Rows, given: Rows | None, sources: Sequence[np.random.RandomState]
) -> list[tuple[Rows, Held | None]]:
    """Give each member's training rows and validation rows, the latter None where it has none.

    Validation rows `given` to `fit` serve all members; otherwise each member splits off its own for early stopping.
    """
    plans: list[tuple[Rows, Held | None]] = []
    for source in sources:
        train, held = rows, given
        if estimator.early_stopping and given is None and estimator._is_descending():
            train, held = split(estimator, rows, source)
        plans.append((train, None if held is None else measured(estimator, held, curve=given is not None)))
    return plans


def split(estimator: Any, rows: Rows, random: np.random.RandomState) -> tuple[Rows, Rows]:
    """Split off `validation_fraction` of the rows as scikit-learn does, stratified where there are two classes."""
    stratify = rows.T.astype(bool) if is_classifier(estimator) and estimator.n_outputs_ == 1 else None
    train, held = train_test_split(
        np.arange(rows.count), random_state=random, test_size=estimator.validation_fraction, stratify=stratify
    )
    if held.size < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return take(rows, train), take(rows, held)


def take(rows: Rows, chosen: Array) -> Rows:
    """Give the chosen rows."""
    return Rows(rows.X[chosen], rows.T[chosen], None if rows.weights is None else rows.weights[chosen])


def measured(estimator: Any, rows: Rows, *, curve: bool) -> Held:
    """Add to validation rows what is measured on them: the score of early stopping, the loss where `curve` asks."""
    if not estimator.early_stopping:
        return Held(rows, None, curve)
    if estimator.scoring == "loss":
        return Held(rows, _negative_loss, curve=True)
    if estimator.scoring is not None:
        return Held(rows, _scored(estimator, rows), curve)
    return Held(rows, _accuracy(estimator, rows) if is_classifier(estimator) else _r2(rows), curve)


def _negative_loss(member: Member) -> float:
    return -member.validation_loss_curve[-1]


def _outputs(member: Member, X: Array) -> Array | None:
    """Give the outputs, or None where they are not finite."""
    outputs = member.network.predict(X)
    return outputs if np.isfinite(outputs).all() else None


def _accuracy(estimator: Any, rows: Rows) -> Callable[[Member], float]:
    """Give the share of rows with all labels right, as `accuracy_score` defines it."""
    codes = estimator._codes_of_targets(rows.T)

    def score(member: Member) -> float:
        outputs = _outputs(member, rows.X)
        if outputs is None:
            return np.nan
        right = estimator._codes_of_outputs(outputs) == codes
        return float(np.average(right.all(axis=1) if right.ndim == 2 else right, weights=rows.weights))

    return score


def _r2(rows: Rows) -> Callable[[Member], float]:
    def score(member: Member) -> float:
        outputs = _outputs(member, rows.X)
        with np.errstate(over="ignore", invalid="ignore"):  # close to divergence, squares overflow
            return np.nan if outputs is None else float(r2_score(rows.T, outputs, sample_weight=rows.weights))

    return score


def _scored(estimator: Any, rows: Rows) -> Callable[[Member], float]:
    """Give the score by one of scikit-learn's scorers, applied to the member alone."""
    scorer = check_scoring(estimator, estimator.scoring)
    y = estimator._targets_as_given(rows.T)
    weights = {} if rows.weights is None else {"sample_weight": rows.weights}

    def score(member: Member) -> float:
        alone = estimator._alone(member)
        alone._inputs_are_ready = True
        return float(scorer(alone, rows.X, y, **weights))

    return score
