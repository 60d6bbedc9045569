"""What the first weights of a network do: sizes of weights and gradients, and units that are flat, layer by layer."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np

from backlit.diagnose.changes import changed, usual_weights
from backlit.diagnose.plan import Plan
from backlit.engine import Network, flat_parts
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation
from backlit.ops.layers.normalization import BatchNorm

FEW_WEIGHTS, DRAWS = 200, 16


class Start:
    """A network at its first weights, looked at over some training rows.

    Args:
        plan: what the training is made of.
        X: rows (n, inputs). Y: their targets.
    """

    def __init__(self, plan: Plan, X: Array, Y: Array) -> None:
        self.plan, self.X, self.Y = plan, X, Y

    @functools.cached_property
    def gradient_norms(self) -> dict[str, float]:
        """The Euclidean norm of each layer's gradient over the rows as one batch, by its label, in order.

        Empty where the loss is not finite, or the network has nothing to train.
        """
        return norms_of(self.gradients)

    @functools.cached_property
    def gradients(self) -> dict[str, Array]:
        """Each parameter's gradient over the rows as one batch, by its name; empty where the loss is not finite."""
        return gradients_of(self.plan.network, self.X, self.Y)

    @functools.cached_property
    def usual(self) -> Network | None:
        """The network with the usual first weights; None where its layers cannot be changed."""
        try:
            return changed(self.plan, (usual_weights(),)).network
        except BacklitError:
            return None

    @functools.cached_property
    def excess(self) -> dict[str, float]:
        """The root mean square of each dense layer's weights, divided by that of the usual ones, by its label.

        Of few weights, those of several draws are taken together: a single one may be near 0 by chance.
        """
        if self.usual is None:
            return {}
        names = [name for name in self.plan.network.layout if name.endswith(".W") and name in self.usual.layout]
        few = any(self.usual[name].size < FEW_WEIGHTS for name in names)
        seeds = [self.plan.settings.seed ^ k for k in range(1, DRAWS)] if few else []
        drawn = [
            self.usual,
            *(changed(self.plan.with_settings(seed=seed), (usual_weights(),)).network for seed in seeds),
        ]
        usual = {name: size_of(np.stack([network[name] for network in drawn])) for name in names}
        return {name[:-2]: size_of(self.plan.network[name]) / usual[name] for name in names if usual[name] > 0.0}

    @functools.cached_property
    def network(self) -> Network:
        """The network at its first weights, its batch normalizations with the statistics of the rows."""
        return settled(self.plan.network, self.X)

    @functools.cached_property
    def loss(self) -> float:
        """The loss of the rows with the first weights, without penalties."""
        return loss_of(self.network, self.X, self.Y)

    @functools.cached_property
    def usual_loss(self) -> float:
        """The loss of the rows with usual first weights; NaN where there are none."""
        return math.nan if self.usual is None else loss_of(settled(self.usual, self.X), self.X, self.Y)

    @functools.cached_property
    def loss_of_zeros(self) -> float:
        """The loss of the rows where all parameters are 0: ln k of k classes, half the mean square of numbers."""
        network = self.plan.network.copy()
        network.parameters[:] = 0.0
        return loss_of(network, self.X, self.Y)


def settled(network: Network, X: Array) -> Network:
    """Give a copy whose batch normalizations have the statistics of rows, as a training's first updates take them."""
    network = network.copy()
    graph = network.graph
    for node in graph.nodes:
        if isinstance(node.op, BatchNorm):
            with np.errstate(all="ignore"):
                first, count = graph.columns.get(node.reads[0], (0, 0))
                given = X[:, first : first + count] if count else network.outputs(X, node.reads[0].rpartition(".")[0])
                given = given.reshape(-1, graph.rows[node.reads[0]][-1])  # (rows and positions, channels)
                for name, values in (("mean", given.mean(axis=0)), ("variance", given.var(axis=0))):
                    first, shape = network.state_layout[f"{node.label}.{name}"]
                    network.state[first : first + values.size] = values.reshape(shape).ravel()
    return network


def gradients_of(network: Network, X: Array, Y: Array) -> dict[str, Array]:
    """Give each parameter's gradient, by its name; empty where the loss is not finite."""
    try:
        with np.errstate(all="ignore"):
            return dict(network.gradient(X, Y).items())
    except BacklitError:
        return {}


def norms_of(gradient: Mapping[str, Array]) -> dict[str, float]:
    """Give the Euclidean norm of each layer's gradient, by its label."""
    squares: dict[str, float] = {}
    for name, values in gradient.items():
        label = name.rpartition(".")[0]
        with np.errstate(all="ignore"):
            squares[label] = squares.get(label, 0.0) + float(np.square(values.astype(np.float64)).sum())
    return {label: math.sqrt(square) for label, square in squares.items()}


def loss_of(network: Network, X: Array, Y: Array) -> float:
    """Give the loss of rows, without penalties."""
    with np.errstate(all="ignore"):
        return float(network.evaluate(X, Y, metrics=[]).loss)


def told(value: float) -> str:
    """Give a number of at least 0 in words.

    >>> told(0.25), told(math.inf)
    ('0.25', 'more than the largest number')
    """
    return f"{value:.4g}" if math.isfinite(value) else "more than the largest number"


def size_of(values: Array) -> float:
    """Give the root mean square of numbers; 0 of none."""
    return math.sqrt(float(np.square(values.astype(np.float64)).mean())) if values.size else 0.0


def flat_outputs(activation: Activation, before: Array, after: Array) -> Array | None:
    """Tell which outputs (rows, units) lie where an activation is flat; None for one that is nowhere flat.

    `before` is what goes into the activation, `after` what comes out.
    """
    parts = flat_parts(activation)
    if parts is None:
        return None
    values = after if parts.of_output else before
    found: Array = (values <= parts.low) | (values >= parts.high)
    return found
