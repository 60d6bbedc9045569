"""The small networks by which the catalogue's page shows mistakes of updates and of batches, by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from backlit.check.graph import StepGraph
from backlit.engine import Network
from backlit.explain import explain_step
from backlit.ops.layers.dense import Dense
from backlit.ops.losses.regression import MSE, HalfSquaredError
from backlit.ops.optimizers.adaptive import Adam, AdamW
from backlit.ops.optimizers.descent import SGD, Momentum, Nesterov
from backlit.ops.schedules import ExponentialDecay

X1, Y1 = [[0.5, -1.0]], [[1.0]]
X2, Y2 = [[0.5, -1.0], [1.0, 0.25]], [[1.0, 0.0], [0.0, 0.5]]
X3, Y3 = [*X2, [-0.5, 0.75]], [*Y2, [1.0, 1.0]]


def _one(activation: str = "sigmoid") -> Network:
    """Give two inputs and one output."""
    return Network([Dense(1, activation, weights=[[0.4], [0.3]], biases=[0.25])], 2)


def _two(loss: Any = None) -> Network:
    """Give two inputs and two outputs."""
    layer = Dense(2, "sigmoid", weights=[[0.4, -0.2], [0.3, 0.6]], biases=[0.25, -0.3])
    return Network([layer], 2, loss or HalfSquaredError())


def _graph(network: Network, X: Any, Y: Any, **settings: Any) -> StepGraph:
    return StepGraph([explain_step(network, X, Y, **settings)])


def _shared() -> Network:
    hidden = Dense(2, "sigmoid", bias="shared", weights=[[0.15, 0.25], [0.2, 0.3]], biases=[0.35])
    return Network([hidden, Dense(1, "sigmoid", weights=[[0.4], [0.5]], biases=[0.6])], 2)


def _two_steps() -> StepGraph:
    return StepGraph([explain_step(_one(), X1, Y1, optimizer=SGD(0.5), steps=number) for number in (1, 2)])


UPDATE_EXAMPLES: Mapping[str, Callable[[], StepGraph]] = {
    "sgd-step": lambda: _graph(_one(), X1, Y1, optimizer=SGD(0.5)),
    "momentum-second-step": lambda: _graph(_one(), X1, Y1, optimizer=Momentum(0.5, 0.8), steps=2),
    "nesterov-second-step": lambda: _graph(_one(), X1, Y1, optimizer=Nesterov(0.5, 0.8), steps=2),
    "adam-second-step": lambda: _graph(_one(), X1, Y1, optimizer=Adam(0.1, 0.8, 0.9), steps=2),
    "adam-large-epsilon": lambda: _graph(_one(), X1, Y1, optimizer=Adam(0.1, epsilon=0.01)),
    "weight-decay": lambda: _graph(_one(), X1, Y1, optimizer=SGD(0.5, weight_decay=0.1)),
    "adamw": lambda: _graph(_one(), X1, Y1, optimizer=AdamW(0.1, weight_decay=0.1)),
    "penalties": lambda: _graph(_one(), X1, Y1, optimizer=SGD(0.5), l1=0.05, l2=0.1),
    "clipped": lambda: _graph(_one(), X1, Y1, optimizer=SGD(0.5), clip_value=0.1),
    "clipped-norm": lambda: _graph(_one(), X1, Y1, optimizer=SGD(0.5), clip_norm=0.1),
    "within-the-norm": lambda: _graph(_one(), X1, Y1, optimizer=SGD(0.5), clip_norm=1.0),
    "largest-norm": lambda: _graph(_one(), X1, Y1, optimizer=SGD(0.5), max_norm=0.3),
    "schedule-second-step": lambda: _graph(
        _one(), X1, Y1, optimizer=SGD(0.5), schedule=ExponentialDecay(0.8), steps=2, epochs=4
    ),
    "two-steps": _two_steps,
    "batch-of-two": lambda: _graph(_two(), X2, Y2, optimizer=SGD(0.5)),
    "batch-of-three": lambda: _graph(_two(), X3, Y3, optimizer=SGD(0.5)),
    "mean-of-all": lambda: _graph(_two(MSE(reduction="mean_all")), X2, Y2, optimizer=SGD(0.5)),
    "sum-of-rows": lambda: _graph(_two(HalfSquaredError(reduction="sum")), X2, Y2, optimizer=SGD(0.5)),
    "weighted-rows": lambda: _graph(_two(), X2, Y2, optimizer=SGD(0.5), sample_weight=[1.0, 3.0]),
    "shared-bias": lambda: _graph(_shared(), [[0.05, 0.1]], [[0.01]], optimizer=SGD(0.5)),
}
"""Each makes its graph anew; `update_example` keeps them."""


@functools.cache
def update_example(name: str) -> StepGraph | None:
    """Give the steps of an example; None where none has the name."""
    make = UPDATE_EXAMPLES.get(name)
    return None if make is None else make()
