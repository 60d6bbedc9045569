"""What the first weights of a network do: sizes of weights and gradients, and units that are flat, layer by layer."""

from __future__ import annotations

import functools
import math

import numpy as np

from backlit.diagnose.changes import changed, usual_weights
from backlit.diagnose.plan import Plan
from backlit.engine import Network, flat_parts
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation


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
        return norms_of(self.plan.network, self.X, self.Y)

    @functools.cached_property
    def usual(self) -> Network | None:
        """The network with the usual first weights; None where its layers cannot be changed."""
        try:
            return changed(self.plan, (usual_weights(),)).network
        except BacklitError:
            return None

    @functools.cached_property
    def excess(self) -> dict[str, float]:
        """The root mean square of each dense layer's weights, divided by that of the usual ones, by its label."""
        if self.usual is None:
            return {}
        names = [name for name in self.plan.network.layout if name.endswith(".W") and name in self.usual.layout]
        pairs = {name[:-2]: (size_of(self.plan.network[name]), size_of(self.usual[name])) for name in names}
        return {label: size / usual for label, (size, usual) in pairs.items() if usual > 0.0}

    @functools.cached_property
    def loss(self) -> float:
        """The loss of the rows with the first weights, without penalties."""
        return loss_of(self.plan.network, self.X, self.Y)

    @functools.cached_property
    def usual_loss(self) -> float:
        """The loss of the rows with usual first weights; NaN where there are none."""
        return math.nan if self.usual is None else loss_of(self.usual, self.X, self.Y)

    @functools.cached_property
    def loss_of_zeros(self) -> float:
        """The loss of the rows where all parameters are 0: ln k of k classes, half the mean square of numbers."""
        network = self.plan.network.copy()
        network.parameters[:] = 0.0
        return loss_of(network, self.X, self.Y)


def norms_of(network: Network, X: Array, Y: Array) -> dict[str, float]:
    """Give the Euclidean norm of each layer's gradient, by its label; empty where the loss is not finite."""
    try:
        with np.errstate(all="ignore"):
            gradient = network.gradient(X, Y)
    except BacklitError:
        return {}
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
