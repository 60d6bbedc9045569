"""A network measured on rows: its loss, row by row too, and metrics; and the outputs of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from backlit.engine import machine
from backlit.engine.architecture import Architecture
from backlit.engine.compiled import can_compile
from backlit.engine.display import Summary
from backlit.engine.executable import Executable
from backlit.engine.machine.environment import steady
from backlit.engine.metrics import chosen, measure
from backlit.engine.objective import reduction
from backlit.engine.program.graph import Node
from backlit.engine.program.structs import Clock, data_of
from backlit.errors import ArgumentError, BacklitError
from backlit.kernels.types import Array
from backlit.ops.base import Activation
from backlit.ops.synonyms import hint

MANY_ROWS = 65_536


class NetworkEvaluation(Summary, msgspec.Struct, frozen=True, eq=False):
    """How well a network does on rows: `found.loss`, `found["accuracy"]` or `found.accuracy`; printed, a table.

    `loss` is the network's loss, reduced over the rows as the loss says (`reduction`), without penalties. `metrics` are
    numbers by their names, NaN where one is not defined. `row_losses` (n,) are the losses of the rows, before their
    weights and the reduction.
    """

    loss: float
    metrics: dict[str, float]
    rows: int
    loss_name: str
    reduction: str
    row_losses: Array

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {value:.6g}" for name, value in self.to_dict().items())
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"<evaluation on {rows}: {told}>"

    def __getitem__(self, name: str) -> float:
        found = self.to_dict()
        if name not in found:
            raise KeyError(f"there is no {name!r}; {hint(name, found).replace('known:', 'there are')}")
        return found[name]

    def __getattr__(self, name: str) -> Any:
        found = {} if name.startswith("_") or name in self.__struct_fields__ else self.to_dict()
        if name not in found:
            raise AttributeError(f"an evaluation has no {name!r}; it has {', '.join(found)}.", obj=self)
        return found[name]

    def __iter__(self) -> Iterator[float]:
        """Refuse to be unpacked: how many numbers there are depends on the metrics. Errors: an ArgumentError."""
        names = ", ".join(self.to_dict())
        raise ArgumentError(
            'an evaluation is not unpacked; write found.loss and found["accuracy"], or '
            f"{names} = found.to_dict().values()."
        )

    def __contains__(self, name: object) -> bool:
        return name in self.to_dict()

    def keys(self) -> Iterable[str]:
        """Give the names of the loss and the metrics: dict(evaluation) has them all."""
        return self.to_dict().keys()

    def to_dict(self) -> dict[str, float]:
        """Give the loss and the metrics by their names."""
        return {"loss": self.loss, **self.metrics}


def evaluate_network(
    network: Architecture, rows: tuple[Array, Array, Array], metrics: Any, *, compiled: bool
) -> NetworkEvaluation:
    """Measure a network on rows (X, Y, weights): one pass forward gives the losses and the outputs A (n, outputs)."""
    wanted = chosen(metrics, network.loss)
    if "loss" in wanted:
        raise BacklitError("a metric is named 'loss', as the network's own loss is; give it another name.")
    X, Y, weights = rows
    losses = np.empty(len(X), network.dtype)
    total = 0.0
    program = Executable(
        network, min(len(X), MANY_ROWS), compiled=compiled and can_compile(), forward_only=True,
        target_columns=Y.shape[1],
    )  # fmt: skip
    tables, ending = program.training, program.ending  # first: an entry point is made ready for the kernels there are
    memory, runner, none = program.memory(), program.runner, np.empty(0, network.dtype)
    A = np.empty((len(X), network.output_size), network.dtype)
    for part in _parts(len(X), program.rows):
        data = data_of(X[part], Y[part], weights[part], np.arange(len(X[part])))
        with steady(program.compiled):
            total += runner.evaluate_rows(tables, memory, data, Clock(0, 0))
            runner.predict_rows(ending, memory, none, data.rows, A[part].reshape(-1), Clock(0, 0))
        losses[part] = program.view(memory, "l", data.rows).reshape(-1)
    weight = float(weights.sum()) if weights.size else float(len(X))
    factor = machine.factor(reduction(network.loss, network.output_size), weight)
    return NetworkEvaluation(
        float(total) * factor, measure(wanted, network.loss, Y, A, weights), len(X), network.loss.name,
        network.loss.reduction, losses,
    )  # fmt: skip


def _parts(rows: int, size: int) -> Iterator[slice]:
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def layer_outputs(network: Architecture, X: Array, layer: int | str, *, activated: bool, compiled: bool) -> Array:
    """Run the rows of X forward, and give what a layer writes, or what goes into its activation."""
    name = _written_by(network, layer, activated)
    shape = network.graph.rows[name]
    if name in network.graph.inputs:
        first, columns = network.graph.columns[name]
        return X[:, first : first + columns].reshape(len(X), *shape).copy()
    outputs = np.empty((len(X), *shape), network.dtype)
    program = Executable(
        network, min(max(len(X), 1), MANY_ROWS), compiled=compiled and can_compile(), forward_only=True, keep=True
    )  # fmt: skip
    tables = program.prediction  # first: an entry point is made ready for the kernels that there are
    memory, ends = program.memory(), np.empty((program.rows, network.output_size), network.dtype)
    for part in _parts(len(X), program.rows):
        rows = len(X[part])
        with steady(program.compiled):
            program.runner.predict_rows(tables, memory, X[part].reshape(-1), rows, ends.reshape(-1), Clock(0, 0))
        outputs[part] = program.view(memory, name, rows).reshape(rows, *shape)
    return outputs


def _written_by(network: Architecture, layer: int | str, activated: bool) -> str:
    """Name the buffer that a layer's last op writes, or that its activation reads."""
    nodes: dict[str, Node] = {node.label: node for node in network.graph.nodes}  # the last op of each layer
    if isinstance(layer, bool) or str(layer) not in nodes:
        raise BacklitError(f"layer is {layer!r}; the network has the layers {', '.join(nodes)}.")
    node = nodes[str(layer)]
    if not activated and isinstance(node.op, Activation):
        return node.reads[0]
    return node.writes
