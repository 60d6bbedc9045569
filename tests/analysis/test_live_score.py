"""The loss and the metric of a moment are those of `Network.evaluate`, the baseline is the loss of a constant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from backlit.analysis.live import score
from backlit.analysis.live.score import baseline, live_score
from backlit.engine import Network
from backlit.ops.layers.dense import Dense
from backlit.ops.losses.regression import HalfSquaredError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
CLASSES = RNG.integers(0, 3, 60)
SHARES = np.bincount(CLASSES) / 60
YES = RNG.integers(0, 2, (60, 1)).astype(float)
TWO = RNG.integers(0, 2, (60, 2)).astype(float)
COUNTS = RNG.poisson(3.0, (60, 1)).astype(float)
NUMBERS = RNG.normal(size=(60, 2)) + 1.0
ENTROPY = -float(SHARES @ np.log(SHARES))
P, P2 = float(YES.mean()), TWO.mean(axis=0)
MEAN = float(COUNTS.mean())


def binary(p: Any) -> float:
    return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).sum())


CASES = [
    ("cross_entropy", "softmax", CLASSES, "accuracy", ENTROPY),
    ("cross_entropy", "softmax", np.eye(3)[CLASSES], "accuracy", ENTROPY),
    ("softmax_cross_entropy", "identity", CLASSES, "accuracy", ENTROPY),
    ("multiclass_hinge", "identity", CLASSES, "accuracy", None),
    ("binary_cross_entropy", "sigmoid", YES, "accuracy", binary(P)),
    ("sigmoid_binary_cross_entropy", "identity", TWO, "accuracy", binary(P2)),
    ("hinge", "identity", 2.0 * YES - 1.0, "accuracy", None),
    ("mse", "identity", NUMBERS, "r2", float(NUMBERS.var(axis=0).mean())),
    ("half_squared_error", "identity", NUMBERS[:, :1], "r2", 0.5 * float(NUMBERS[:, 0].var())),
    ("mae", "identity", NUMBERS[:, 0], "r2", float(np.abs(NUMBERS[:, 0] - NUMBERS[:, 0].mean()).mean())),
    ("poisson", "exp", COUNTS, "r2", MEAN - MEAN * math.log(MEAN)),
    ("exp_poisson", "identity", COUNTS, "r2", MEAN - MEAN * math.log(MEAN)),
]


def built(loss: str, activation: str, Y: Any) -> tuple[Network, Any]:
    outputs = 3 if Y is CLASSES else 1 if Y.ndim == 1 else Y.shape[1]
    network = Network([Dense(outputs, activation)], 3, loss, seed=1)
    return network, network.check_targets(Y, len(Y))


@pytest.mark.parametrize(("loss", "activation", "Y", "metric", "wanted"), CASES)
def test_the_numbers_are_those_of_evaluate(loss: str, activation: str, Y: Any, metric: str, wanted: Any) -> None:
    network, targets = built(loss, activation, Y)
    found = live_score(network, (X[:40], targets[:40]), (X[40:], targets[40:]))
    for rows, value, own in ((slice(40), found.loss, found.value), (slice(40, 60), found.validation_loss,
                                                                     found.validation_value)):  # fmt: skip
        judged = network.evaluate(X[rows], Y[rows])
        assert value == judged.loss
        assert own == pytest.approx(judged[metric], rel=1e-12)
    assert found.metric == {"accuracy": "accuracy", "r2": "R²"}[metric]
    assert (found.rows, found.validation_rows, found.sampled) == (40, 20, "")


@pytest.mark.parametrize(("loss", "activation", "Y", "metric", "wanted"), CASES)
def test_the_baseline_is_the_loss_of_the_constant(
    loss: str, activation: str, Y: Any, metric: str, wanted: float | None
) -> None:  # fmt: skip
    network, targets = built(loss, activation, Y)
    found = baseline(network, targets)
    assert found is not None
    if wanted is not None:
        assert found.loss == pytest.approx(wanted, rel=1e-9)
    if metric == "r2":
        assert found.value == pytest.approx(0.0, abs=1e-12)
        assert found.what == "always the mean of the training targets"
    elif Y is CLASSES:
        assert found.value == pytest.approx(SHARES.max())
        assert "classes" in found.what


def test_yes_or_no_by_squares_has_an_accuracy() -> None:
    network, targets = built("half_squared_error", "sigmoid", YES)
    found = live_score(network, (X, targets), None)
    A = network.predict(X).reshape(-1)
    assert found.metric == "accuracy"
    assert found.value == np.mean((A > 0.5) == (YES[:, 0] == 1.0))
    assert (found.validation_loss, found.validation_value) == (None, None)


def test_what_is_not_finite_is_told_apart() -> None:
    network, targets = built("mse", "identity", NUMBERS)
    network.parameters[:] = np.nan
    found = live_score(network, (X, targets), None)
    assert math.isnan(found.loss)
    assert math.isnan(found.value)
    network, targets = built("mae", "identity", np.ones(60))
    assert math.isnan(live_score(network, (X, targets), None).value)  # R² of targets that are all the same


def test_of_many_rows_a_sample_is_measured_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "MOST_ROWS", 20)
    network = Network([Dense(1)], 3, HalfSquaredError(reduction="sum"), seed=1)
    targets = NUMBERS[:, :1]
    found = live_score(network, (X, targets), (X[:10], targets[:10]))
    places = np.linspace(0, 59, 20).round().astype(int)
    assert found.loss == pytest.approx(3.0 * network.evaluate(X[places], targets[places]).loss)  # a sum over all rows
    assert found.sampled == "measured on 20 of 60 training rows, evenly chosen"
    whole = baseline(network, targets)
    assert whole is not None
    assert whole.loss == pytest.approx(30.0 * float(NUMBERS[:, 0].var()))  # of all rows


def test_no_baseline_where_the_constant_has_no_loss() -> None:
    network, targets = built("binary_cross_entropy", "sigmoid", YES)
    assert baseline(network, targets) is not None
    assert baseline(network, np.full((60, 1), np.nan)) is None
