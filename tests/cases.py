"""The cases of tests over all registered ops: their settings, and outputs and targets for any loss.

An op that is registered is a case of every test that runs over these lists. Outputs and targets of a loss are drawn
where the loss declares that it is defined (`Loss.outputs`, `Loss.targets`, `Loss.class_targets`), and the network that
ends in it has a last activation whose outputs lie there. So a new op needs an entry here only for settings beside its
defaults, or where its declared bounds do not say enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

import backlit  # noqa: F401  (registers all ops of the package)
from backlit.ops.base import Interval, Layer, Loss, Op, Shape
from backlit.ops.layers.branches import Block
from backlit.ops.registry import activations, layers, losses, optimizers

SETTINGS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "leaky_relu": [{"alpha": 0.25}, {"alpha": 0.0}],
    "elu": [{"alpha": 0.5}],
    "batch_norm": [{"momentum": 0.3, "epsilon": 0.01}],
    "layer_norm": [{"epsilon": 0.01}],
    "huber": [{"delta": 0.3}],
    "poisson": [{"deviance": True}],
    "exp_poisson": [{"deviance": True}],
    "cross_entropy": [{"label_smoothing": 0.2}],
    "softmax_cross_entropy": [{"label_smoothing": 0.2}],
    "perceptron": [{"at_zero": 1}],
    "adam": [{"epsilon_hat": True, "epsilon": 1e-3}, {"epsilon": 0.0}],
    "adagrad": [{"initial": 0.1}],
}
"""Settings that are tested beside the defaults."""

SIGNS = {"hinge"}
"""Losses that read nothing but the sign of a target, which no bound declares."""

BEYOND = {"poisson"}
"""Losses that are computed for outputs beyond those they declare, which a linear output gives them."""


def variants(registry: Mapping[str, type[Op]], **given: Any) -> list[Any]:
    """Give every op of a registry, by its default settings and by those of `SETTINGS`."""
    return [cls(**given, **more) for name, cls in registry.items() for more in ({}, *SETTINGS.get(name, ()))]


def label(op: Op, **given: Any) -> str:
    """Give the op's name and the settings that are neither its defaults nor `given`, as a test's id."""
    plain = type(op)(**given).to_dict()
    return "-".join([op.name, *(f"{k}={v}" for k, v in op.to_dict().items() if v != plain[k])])


ACTIVATIONS = variants(activations)
ELEMENTWISE_ACTIVATIONS = [op for op in ACTIVATIONS if hasattr(op, "value")]
LOSSES = variants(losses)
SAMPLES = {name: cls.sample() for name, cls in layers.items()}
"""A small layer of every class, blocks among them, and the shape of a row that it reads."""


def fits_between(name: str) -> bool:
    """Tell whether a layer reads rows of one axis and keeps their shape, so that it goes between any two others."""
    layer, row = SAMPLES[name]
    return name != "dense" and not isinstance(layer, Block) and len(row) == 1 and out_of(layer, row) == row


def out_of(layer: Layer, row: Shape) -> Shape:
    """Give the shape of what a layer that is no block writes."""
    return layer.shapes(row).buffers[layer.writes]


OTHER_LAYERS = variants({name: layers[name] for name in SAMPLES if fits_between(name)})
"""The layers that go between any two dense ones."""
RULES = [name for name in optimizers if not optimizers[name].full_batch]
"""The optimizers with an update rule of their own: all but L-BFGS."""


def draw_rows(network: Any, rows: int, rng: np.random.Generator) -> Any:
    """Draw inputs (rows, inputs), whole numbers where a layer takes these."""
    X = rng.normal(size=(rows, network.inputs))
    for rule in network.whole_numbers:
        X[:, rule.columns] = rng.integers(rule.low, rule.high + 1, (rows, len(rule.columns)))
    return X


# ------------------------------------------------------------------------------------------- what goes before a loss


def within(inner: Interval | None, outer: Interval) -> bool:
    """Tell whether an interval that is known lies in another."""
    return inner is not None and outer[0] <= inner[0] and inner[1] <= outer[1]


def last_activation(loss: Loss) -> str:
    """Give the name of an activation whose outputs are those that the loss is defined for, a smooth one if there is."""
    preferred = ("softmax",) if loss.class_targets and math.isfinite(loss.outputs[1]) else ()
    names = ("identity", *preferred, "softplus", "sigmoid", *activations)
    fitting = next((name for name in names if within(activations[name].outputs, loss.outputs)), None)
    return fitting or pytest.skip(f"no registered activation has the outputs from {loss.outputs} of {loss.name!r}")


# ------------------------------------------------------------------------------------------------- outputs and targets


def draw_outputs(loss: Loss, rows: int, columns: int, rng: np.random.Generator) -> Any:
    """Draw outputs for which the loss is defined: probabilities that sum to 1 where they are those of classes."""
    low, high = loss.outputs
    if math.isfinite(low) and math.isfinite(high):
        if loss.class_targets:
            return draw_probabilities(rows, columns, rng)
        return low + (high - low) * rng.uniform(0.001, 0.999, (rows, columns))
    if math.isinf(low) and math.isinf(high):
        return rng.normal(0.0, 2.0, (rows, columns))
    away = rng.exponential(2.0, (rows, columns)) + 0.01
    return low + away if math.isfinite(low) else high - away


def draw_probabilities(rows: int, columns: int, rng: np.random.Generator) -> Any:
    e = rng.uniform(0.2, 1.0, (rows, columns))
    return e / e.sum(axis=1, keepdims=True)


def draw_targets(loss: Loss, rows: int, columns: int, rng: np.random.Generator) -> Any:
    """Draw targets that the loss takes: (rows,) class numbers, or (rows, columns) numbers within its bounds."""
    if loss.class_targets:
        return rng.integers(0, columns, rows)
    if loss.name in SIGNS:
        return rng.choice([-1.0, 1.0], (rows, columns))
    low, high = loss.targets
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) * rng.uniform(0.05, 0.95, (rows, columns))
    if math.isinf(low) and math.isinf(high):
        return rng.normal(size=(rows, columns))
    counts = rng.poisson(2.0, (rows, columns)).astype(float)
    return low + counts if math.isfinite(low) else high - counts


def ends(interval: Interval, dtype: str) -> list[float]:
    """Give numbers at the ends of an interval and near them, as far as the type of number goes."""
    low, high = interval
    if math.isfinite(low) and math.isfinite(high):
        size = high - low
        near = [low, low + 1e-38 * size, low + 1e-8 * size, low + 0.5 * size, high - float(np.finfo(dtype).eps), high]
        return sorted({*near})
    if math.isfinite(low):
        return [low, low + 1.0, low + 1000.0]
    if math.isfinite(high):
        return [high, high - 1.0, high - 1000.0]
    top = float(np.finfo(dtype).max)
    return [sign * float(np.dtype(dtype).type(min(size, top))) for size in SIZES for sign in (1.0, -1.0)]


SIZES = [0.0, 1e-300, 1e-30, 1.0, 36.0, 88.0, 104.0, 710.0, 1e4, 1e30, 1e300, 1.7e308]


def extreme_outputs(loss: Loss, dtype: str) -> list[float]:
    """Give the largest, the smallest and other hard outputs of a loss."""
    return ends((-math.inf, math.inf) if loss.name in BEYOND else loss.outputs, dtype)


def extreme_targets(loss: Loss, dtype: str) -> list[float]:
    """Give hard targets of a loss that takes no classes."""
    return [-1.0, 0.0, 1.0] if loss.name in SIGNS else ends(loss.targets, dtype)
