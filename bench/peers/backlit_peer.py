"""Backlit through its public interface, compiled and plain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import backlit as bl
from bench.layers import Step
from bench.peers.base import CannotError, Peer
from bench.workloads import Array, Workload

REDUCTIONS = {"nothing": "sum", "rows": "mean", "elements": "mean_all"}
LOSSES = {
    "half_squared_error": "HalfSquaredError",
    "binary_cross_entropy": "BinaryCrossEntropy",
    "cross_entropy": "CrossEntropy",
}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}


def network_of(workload: Workload) -> Any:
    """Describe the workload's network to Backlit."""
    if workload.layers:
        return _layered(workload)
    layers: list[Any] = []
    for units in workload.sizes[1:-1]:
        if workload.batch_norm:
            layers += [bl.Dense(units, bias=False), bl.BatchNorm(), workload.activation]
        else:
            layers.append(bl.Dense(units, workload.activation))
        if workload.dropout:
            layers.append(bl.Dropout(workload.dropout))
    layers.append(bl.Dense(workload.sizes[-1], workload.output))
    loss = getattr(bl, LOSSES[workload.loss])(reduction=REDUCTIONS[workload.divide])
    return bl.Network(layers, inputs=workload.sizes[0], loss=loss, dtype=workload.dtype)


def _layered(workload: Workload) -> Any:
    """Describe a network of other layers than dense ones."""
    if not hasattr(bl, "Conv2D"):
        raise CannotError("this Backlit has dense layers only")
    layers = [_layer(step, workload) for step in workload.layers]
    loss = getattr(bl, LOSSES[workload.loss])(reduction=REDUCTIONS[workload.divide])
    return bl.Network(layers, inputs=workload.shape, loss=loss, dtype=workload.dtype)


def _layer(step: Step, workload: Workload) -> Any:
    """Give one layer."""
    conv: Any = bl.Conv1D if len(workload.shape) == 2 else bl.Conv2D
    makers: dict[str, Any] = {
        "conv": lambda: conv(step.units, step.size, step.activation, padding="same" if step.same else "valid"),
        "dense": lambda: bl.Dense(step.units, workload.output if step is workload.layers[-1] else step.activation),
        "pool": lambda: bl.MaxPool(step.size),
        "mean": bl.GlobalAveragePool,
        "flatten": bl.Flatten,
        "gru": lambda: bl.GRU(step.units),
        "lstm": lambda: bl.LSTM(step.units),
        "embed": lambda: bl.Parallel([
            [bl.Select([0]), bl.Embedding(step.size, step.units), bl.Flatten()],
            [bl.Select([*range(1, workload.shape[0])])],
        ]),
    }  # fmt: skip
    return makers[step.kind]()


class Compiled(Peer):
    """`Training(...).run()`, history, checks of the loss and all; the row order is given instead of drawn."""

    packages: ClassVar[tuple[str, ...]] = ("backlit", "numba")
    compiled = True
    settings: Mapping[str, Any] = {}
    """Further arguments of the training."""

    def build(self) -> None:
        """Build the network; its kernels are compiled by the first training."""
        self.network = network_of(self.workload)

    def reset(self) -> None:
        """Write the weights into the network and make a new training."""
        workload, problem = self.workload, self.problem
        for name, weight in zip(
            (name for name in self.network if self.network[name].size), problem.weights, strict=True
        ):
            self.network[name] = weight
        orders: Iterator[Array] = iter(problem.orders)
        self.training: Any = bl.Training(
            self.network, problem.X, problem.T if problem.labels is None else problem.labels,
            optimizer=getattr(bl, OPTIMIZERS[workload.optimizer])(workload.rate), batch_size=workload.batch,
            epochs=workload.epochs, order=None if workload.full_batch else lambda: next(orders),
            decay_biases=True, compiled=self.compiled, **self.settings,
        )  # fmt: skip

    def train(self) -> None:
        """Run the training to its end."""
        self.training.run()

    def weights(self) -> list[Array] | None:
        """Give the network's own arrays."""
        return [self.network[name] for name in self.network if self.network[name].size]


class Plain(Compiled):
    """The same without compilation: the maths as NumPy Python that a debugger can step through."""

    packages = ("backlit",)
    compiled = False
