"""Tiny networks at which mistakes are shown that the examples of the package leave no place for.

An entry of the catalogue names one of them, or an example of the package such as "two-layer":

>>> from backlit.check.examples import TINY
>>> round(TINY["softmax"]()["out(o1)"].value, 4)
0.4654
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from backlit.engine import Network
from backlit.explain import Step, explain_step
from backlit.ops.layers.dense import Dense

ROW, TARGET = [[0.5, -0.4]], [[0.9, 0.2]]
HIDDEN, OUTPUT = [[0.6, -0.6], [0.3, 0.5]], [[0.7, -0.2], [0.4, 0.9]]
THREE = [[0.7, -0.2, 0.3], [0.4, 0.9, -0.5]]


def _step(hidden: str, last: str, loss: str, targets: Any = TARGET, X: Any = ROW, output: Any = OUTPUT) -> Step:
    """Give a step of two inputs, two hidden units, and two outputs or three."""
    biases = [0.2, -0.1, 0.3][: len(output[0])]
    layers = [
        Dense(2, hidden, weights=HIDDEN, biases=[0.1, 0.2]),
        Dense(len(biases), last, weights=output, biases=biases),
    ]
    return explain_step(Network(layers, 2, loss), X, targets, optimizer="sgd")


TINY: Mapping[str, Callable[[], Step]] = {
    "tanh": lambda: _step("tanh", "tanh", "half_squared_error"),
    "relu": lambda: _step("relu", "identity", "half_squared_error"),
    "leaky": lambda: _step("leaky_relu", "identity", "mse"),
    "softmax": lambda: _step("sigmoid", "softmax", "cross_entropy", [[1]], output=THREE),
    "yes or no": lambda: _step("sigmoid", "sigmoid", "binary_cross_entropy", [[1.0, 0.0]]),
    "two rows": lambda: _step("sigmoid", "sigmoid", "mse", [[0.9, 0.2], [0.3, 0.6]], [[0.5, -0.4], [-0.7, 0.6]]),
    "three inputs": lambda: explain_step(
        Network([Dense(1, "sigmoid", weights=[[0.6], [-0.4], [0.3]], biases=[0.1])], 3, "half_squared_error"),
        [[0.5, -0.4, 0.2]],
        [[0.9]],
        optimizer="sgd",
    ),
}
"""The steps by their names."""
