"""The error of a network as a function of its weights alone: the hill that a training descends."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine import machine
from backlit.engine.architecture import Architecture
from backlit.engine.compiled import can_compile
from backlit.engine.gradients import without_draws
from backlit.engine.machine.environment import steady
from backlit.engine.objective import Objective, rule_of
from backlit.engine.program.structs import Rule
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer


class WeightError:
    """E of all rows as one batch, at any weights: the loss, reduced over the rows, plus the penalties.

    Dropout is off. Batch normalization takes the mean and variance of all rows, as a training does of a batch, so that
    E is a function of the weights alone. The network stays as it is.

    Args:
        network: whose error. rows: X (n, inputs), Y and weights, as `rows_of` gives them.
        rule: the penalties; by default none. optimizer, decay_biases: those of the training, for the penalties.

    >>> from backlit.engine.input_checks import rows_of
    >>> from backlit.engine.network import Network
    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, bias=False, weights=[[2.0]])], inputs=1, loss="mse")
    >>> error = WeightError(network, rows_of(network, [[1.0], [3.0]], [[1.0], [5.0]]), compiled=False)
    >>> error(np.array([2.0])), error(np.array([0.0])), network["1.W"].item()
    (1.0, 13.0, 2.0)
    """

    def __init__(
        self, network: Architecture, rows: tuple[Array, Array, Array], rule: Rule | None = None, *,
        optimizer: Optimizer | None = None, decay_biases: bool = False, compiled: bool = True,
    ) -> None:  # fmt: skip
        self.coupled = any(op.batch_coupled for op in network.ops)
        graph = without_draws(network.graph) if self.coupled else network.graph
        self.network = Architecture.from_graph(graph, network.loss, dtype=network.dtype)
        self.network.state[:] = network.state
        whole: dict[str, Any] = {"rows": len(rows[0])} if self.coupled else {}  # the rows of a batch in one piece
        self.objective = Objective.of(
            self.network, rows[0], rows[1], rows[2], rule=rule or rule_of(network), optimizer=optimizer,
            decay_biases=decay_biases, compiled=compiled and can_compile(), **whole,
        )  # fmt: skip
        per_batch = rule is not None and rule.penalty_per_batch
        self.share = machine.factor(1, self.objective.weight) if per_batch else 1.0

    def __call__(self, parameters: Array) -> float:
        """Give E at a vector of parameters (size,); inf or NaN where it is not a finite number."""
        objective = self.objective
        with np.errstate(all="ignore"), steady(objective.executable.compiled):
            self.network.parameters[:] = parameters
            loss = objective.loss() if self.coupled else objective.evaluate()
            return loss + objective.penalty() * self.share
