"""Small recorded steps over the registry: of every optimizer, schedule, loss, activation and layer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from cases import OTHER_LAYERS, RULES, draw_rows, draw_targets, last_activation

import backlit as bl
from backlit.check.graph import StepGraph
from backlit.explain import explain_step
from backlit.ops.registry import activations, losses, optimizers, schedules

LIMITS: Mapping[str, Any] = {"l1": 0.01, "l2": 0.02, "clip_value": 0.05, "clip_norm": 0.04}


def step_of(
    loss: Any = "half_squared_error", hidden: Any = "tanh", last: str | None = None, rows: int = 2, extra: Any = None,
    outputs: int = 2, **settings: Any,
) -> StepGraph:  # fmt: skip
    """Record a step of a network of three inputs, three hidden units and two outputs, drawn by a fixed seed."""
    rng = np.random.default_rng(5)
    made = losses[loss]() if isinstance(loss, str) else loss
    chain = [
        bl.Dense(3, hidden),
        *([extra] if extra is not None else []),
        bl.Dense(outputs, last or last_activation(made)),
    ]
    network = bl.Network(chain, inputs=3, loss=made, seed=3)
    network.parameters[:] += rng.normal(0.0, 0.1, network.parameters.size)
    X = draw_rows(network, rows, rng)
    Y = draw_targets(made, rows, outputs, rng)
    return StepGraph([explain_step(network, X, Y, **settings)])


def optimizer_step(name: str, steps: int = 2, **settings: Any) -> StepGraph:
    """Record a later step of an optimizer, so that it has a past."""
    cls = optimizers[name]
    given = {"weight_decay": 0.1} if name != "rprop" else {}
    return step_of(optimizer=cls(rate=0.1, **given), steps=steps, **settings)


STEPS: dict[str, Callable[[], StepGraph]] = {
    **{f"optimizer {name}": functools.partial(optimizer_step, name) for name in RULES},
    **{f"optimizer {name} with limits": functools.partial(optimizer_step, name, **LIMITS) for name in RULES},
    **{f"schedule {name}": functools.partial(step_of, schedule=name, steps=3, epochs=6, optimizer=bl.Momentum(0.1))
       for name in schedules},
    **{f"loss {name}": functools.partial(step_of, name, outputs=3) for name in losses},
    **{f"loss {name} of one row, sum": functools.partial(step_of, losses[name](reduction="sum"), rows=1, outputs=3)
       for name in losses},
    **{f"loss {name}, mean of all": functools.partial(step_of, losses[name](reduction="mean_all"), outputs=3)
       for name in losses},
    **{f"activation {name}": functools.partial(step_of, hidden=name) for name in activations},
    **{f"layer {k} {op.name}": functools.partial(step_of, extra=op) for k, op in enumerate(OTHER_LAYERS)},
    "weighted rows": functools.partial(step_of, sample_weight=[1.0, 3.0]),
    "largest norm": functools.partial(step_of, max_norm=0.1),
}  # fmt: skip
"""The steps by their names, each recorded when it is asked for."""


@functools.cache
def step(name: str) -> StepGraph:
    """Record a step once."""
    return STEPS[name]()
