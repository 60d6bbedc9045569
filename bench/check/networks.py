"""Ten networks of two to four layers: other activations, losses, optimizers and batches, with short weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import backlit as bl
from backlit.check.graph import StepGraph
from backlit.explain import explain_step

Recipe = tuple[int, list[tuple[int, str]], Any, int, dict[str, Any]]
"""Inputs, units and activation of each layer, loss, rows, settings of the step."""

NETWORKS: Mapping[str, Recipe] = {
    "2-2-2 sigmoid": (2, [(2, "sigmoid"), (2, "sigmoid")], bl.HalfSquaredError(), 1, {"optimizer": bl.SGD(0.5)}),
    "3-4-1 tanh, yes or no": (
        3, [(4, "tanh"), (1, "sigmoid")], "binary_cross_entropy", 1, {"optimizer": bl.SGD(0.1)}),
    "3-4-3 relu, softmax": (3, [(4, "relu"), (3, "softmax")], "cross_entropy", 1, {"optimizer": bl.SGD(0.3)}),
    "2-3-2-1 momentum": (
        2, [(3, "sigmoid"), (2, "tanh"), (1, "identity")], "mse", 1, {"optimizer": bl.Momentum(0.2, momentum=0.9)}),
    "4-3-2 softmax, two rows": (4, [(3, "tanh"), (2, "softmax")], "cross_entropy", 2, {"optimizer": bl.SGD(0.4)}),
    "2-3-1 leaky relu, three rows": (
        2, [(3, "leaky_relu"), (1, "sigmoid")], "half_squared_error", 3, {"optimizer": bl.SGD(0.5)}),
    "5-5-3 decay": (
        5, [(5, "sigmoid"), (3, "softmax")], "cross_entropy", 1, {"optimizer": bl.SGD(0.2, weight_decay=0.1)}),
    "2-2-2-2 adam": (2, [(2, "tanh"), (2, "tanh"), (2, "tanh")], "mse", 1, {"optimizer": bl.Adam(0.1)}),
    "3-3-2 elu, penalty": (
        3, [(3, "elu"), (2, "identity")], "huber", 1, {"optimizer": bl.Momentum(0.1, momentum=0.8), "l2": 0.05}),
    "2-3-3-2-1 deep": (
        2, [(3, "relu"), (3, "tanh"), (2, "sigmoid"), (1, "sigmoid")], "half_squared_error", 1,
        {"optimizer": bl.SGD(0.5)}),
}  # fmt: skip


def graph_of(name: str, seed: int) -> StepGraph:
    """Give the second step of a network's training from weights of two digits, so that optimizers have their past."""
    inputs, layers, loss, rows, settings = NETWORKS[name]
    rng = np.random.default_rng(seed)

    def short(*shape: int, low: float = -0.9, high: float = 0.9) -> Any:
        drawn = np.round(rng.uniform(low, high, shape), 2)
        return np.where(np.abs(drawn) < 0.05, 0.15, drawn)

    made, before = [], inputs
    for units, activation in layers:
        made.append(bl.Dense(units, activation, weights=short(before, units), biases=short(units)))
        before = units
    network = bl.Network(made, inputs=inputs, loss=loss)
    X = short(rows, inputs, low=0.1)
    Y = _targets(rng, layers[-1], loss, rows)
    past: Callable[..., Any] = explain_step
    return StepGraph([past(network, X, Y, steps=2, **settings)])


def _targets(rng: np.random.Generator, last: tuple[int, str], loss: Any, rows: int) -> Any:
    units, activation = last
    if loss == "cross_entropy":
        return rng.integers(0, units, rows)
    if loss == "binary_cross_entropy":
        return rng.integers(0, 2, (rows, units)).astype(float)
    if activation == "sigmoid":
        return np.round(rng.uniform(0.05, 0.95, (rows, units)), 2)
    return np.round(rng.uniform(-1.0, 1.0, (rows, units)), 2)
