"""The share of the targets that stays unexplained, whatever the loss, and what counts as worse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.diagnose.harm import errors_of, gap_of
from backlit.diagnose.score import baseline_score, is_of_classes, predicted, row_scores, wanted

X = np.zeros((4, 1))


def network(output: str, loss: str, units: int) -> bl.Network:
    """Give a network with that end."""
    return bl.Network([bl.Dense(units, output)], 1, loss)


@pytest.mark.parametrize(
    ("output", "loss", "units", "Y", "classes"),
    [
        ("softmax", "cross_entropy", 3, [[0], [1], [2], [1]], True),
        ("sigmoid", "binary_cross_entropy", 1, [[0], [1], [1], [0]], True),
        ("identity", "mse", 1, [[0], [1], [1], [0]], True),
        ("identity", "mse", 1, [[0.5], [1], [1], [0]], False),
        ("softmax", "mse", 2, [[0, 1], [1, 0], [1, 0], [1, 0]], True),
        ("identity", "mse", 2, [[0, 0], [1, 1], [1, 0], [1, 0]], False),
        ("identity", "hinge", 1, [[-1], [1], [1], [-1]], True),
    ],
)
def test_what_counts_as_classes(output: str, loss: str, units: int, Y: Any, classes: bool) -> None:
    assert is_of_classes(network(output, loss, units), np.array(Y, float)) is classes


def test_scores_are_brier_scores_of_classes_and_squared_errors_of_numbers() -> None:
    chain = network("softmax", "cross_entropy", 3)
    T = wanted(chain, np.array([[0.0], [2.0]]))
    assert T.tolist() == [[1, 0, 0], [0, 0, 1]]
    P = predicted(chain.loss, np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]]), True)
    assert row_scores(T, P).tolist() == [0.375, 0.0]
    assert wanted(network("identity", "hinge", 1), np.array([[-1.0], [1.0]])).tolist() == [[0.0], [1.0]]
    assert predicted(network("identity", "hinge", 1).loss, np.array([[-1.0], [3.0]]), True).tolist() == [[0.0], [1.0]]


def test_a_prediction_that_is_not_finite_scores_infinity() -> None:
    assert row_scores(np.zeros((2, 1)), np.array([[np.nan], [1.0]])).tolist() == [math.inf, 1.0]


def test_the_baseline_predicts_the_mean_of_the_training_targets() -> None:
    assert baseline_score(np.array([[0.0], [4.0]]), np.array([[1.0], [2.0]])) == 0.5


def test_the_gap_is_a_part_of_the_way_to_the_baseline() -> None:
    assert gap_of(0.2, 0.2) == 0.0
    assert gap_of(1.0, 0.2) == 1.0
    assert gap_of(0.5, 0.99) is None


def test_differences_are_paired() -> None:
    rows = np.random.default_rng(0).normal(size=50)
    assert errors_of(rows + 0.01, rows) == math.inf or errors_of(rows + 0.01, rows) > 1e6
    assert errors_of(rows, rows) == 0.0
    assert abs(errors_of(np.random.default_rng(1).normal(size=50), rows)) < 3.0
    assert errors_of(np.array([math.nan, 1.0]), np.array([1.0, 1.0])) == 0.0


def test_a_wild_row_does_not_hide_a_difference() -> None:
    rows = np.random.default_rng(0).uniform(size=50)
    worse = rows + 0.5
    worse[7] = 1e9
    assert errors_of(worse, rows) > 3.0
