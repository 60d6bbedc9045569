"""The gradient that trains a network: what a step of a training hands to its optimizer."""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from backlit.engine import machine
from backlit.engine.architecture import Architecture
from backlit.engine.compiled import can_compile
from backlit.engine.display import Summary
from backlit.engine.objective import Objective, rule_of
from backlit.engine.program import structs
from backlit.engine.program.graph import Graph
from backlit.engine.program.structs import Data
from backlit.engine.settings import LARGEST_SEED, Seed
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer
from backlit.ops.value_checks import NotNegative, checked

Update = Annotated[int, Meta(ge=0, le=LARGEST_SEED, extra={"expected": "the number of an update, from 0 on"})]


class Gradient(dict[str, Array], Summary):
    """dE/dw of every array that is trained, by its name, in the array's shape; printed, a table."""

    __slots__ = ()


class Revealing(Optimizer, frozen=True):
    """Writes the gradient that an optimizer is given, penalties included, in the weights' place."""

    name = "revealing"

    @staticmethod
    def update(w: Any, g: Any) -> Any:
        """Give g."""
        return (g,)


def step_gradient(objective: Objective, data: Data | None = None) -> tuple[float, Array]:
    """Give E and its gradient as a training has them: by one of its steps, which writes the gradient to the weights."""
    memory, rule, program = objective.memory, objective.rule, objective.executable
    data = objective.data if data is None else data
    start, sums = memory.P.copy(), np.zeros(structs.SUMS)
    with np.errstate(all="ignore"):
        program.train(
            objective.tables, memory, data, structs.monitor_of(memory.P.dtype), rule,
            structs.no_signals(memory.P.dtype), objective.clock, data.rows, 0, 1, np.ones(1), -np.inf, sums,
        )  # fmt: skip
    loss, gradient = machine.epoch_loss(rule.reduction, sums, 0), memory.P.copy()
    memory.P[:] = start
    return loss, gradient


def refuse_not_finite(loss: float) -> None:
    """Refuse an error that is not finite: the step was not made, so there is no gradient."""
    if not np.isfinite(loss):
        raise BacklitError(
            f"the error is {loss} on these rows; expected a finite number. Try smaller weights or inputs."
        )


def gradient_by_name(
    network: Architecture, rows: tuple[Array, Array, Array], *, l1: float, l2: float, decay_biases: bool,
    seed: int | None, step: int, compiled: bool,
) -> Gradient:  # fmt: skip
    """Give the gradient of E on rows (X, Y, weights), by the names of the arrays that are trained."""
    l1, l2 = (checked(name, value, NotNegative) for name, value in (("l1", l1), ("l2", l2)))
    seed, step = checked("seed", seed, Seed | None), checked("step", step, Update)
    graph = network.graph if seed is not None else without_draws(network.graph)
    twin = Architecture.from_graph(graph, network.loss, dtype=network.dtype)
    twin.parameters[:], twin.state[:] = network.parameters, network.state
    objective = Objective.of(
        twin, *rows, rule=rule_of(twin, l1=l1, l2=l2), seed=seed or 0, step=step, optimizer=Revealing(),
        decay_biases=decay_biases, compiled=compiled and can_compile(),
    )  # fmt: skip
    loss, gradient = step_gradient(objective)
    refuse_not_finite(loss)
    return Gradient(
        (name, gradient[start : start + math.prod(shape)].reshape(shape))
        for name, (start, shape) in network.layout.items() if name not in network.frozen
    )  # fmt: skip


def without_draws(graph: Graph) -> Graph:
    """Give the graph whose ops draw no random numbers: dropout keeps all."""
    return Graph(graph.inputs, [msgspec.structs.replace(node, op=node.op.without_draws()) for node in graph.nodes])
