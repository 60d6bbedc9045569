"""The records by which a network and a training show themselves."""

from __future__ import annotations

import math

import msgspec

from backlit.engine.architecture import Architecture
from backlit.engine.display import Summary
from backlit.engine.history import History
from backlit.engine.settings import TrainingSettings
from backlit.engine.wiring import labelled
from backlit.ops.base import Activation, Layer, Shape
from backlit.ops.layers.branches import Block


class LayerLine(msgspec.Struct, frozen=True):
    """A layer of a network: its number, what it is, the shape of a row of its output, its parameters."""

    label: str
    layer: str
    output: Shape
    parameters: int
    frozen: int = 0
    """How many of the parameters are frozen."""


class NetworkSummary(Summary, msgspec.Struct, frozen=True):
    """A network: its inputs with the shape of a row of each, its layers, loss, type of numbers and parameters."""

    inputs: dict[str, Shape]
    layers: tuple[LayerLine, ...]
    loss: str
    dtype: str
    parameters: int


def network_summary(network: Architecture) -> NetworkSummary:
    """Describe a network: the layers of a chain, or else the nodes of its graph."""
    graph = network.graph
    names = {label: _named(layer) for label, layer in labelled(network.layers).items()}
    tied = {name.rpartition(".")[0]: own.rpartition(".")[0] for name, own in graph.shared.items()}
    lines: dict[str, LayerLine] = {}
    for node, shapes in zip(graph.nodes, graph.shapes, strict=True):
        own = {name: math.prod(shape) for name, shape in shapes.parameters.items()
               if f"{node.label}.{name}" not in graph.shared}  # fmt: skip
        still = sum(size for name, size in own.items() if f"{node.label}.{name}" in graph.frozen)
        before = lines.get(node.label, LayerLine(node.label, "", (), 0))
        repeated = isinstance(node.op, Activation) and before.layer.endswith(node.op.name)
        parts = (before.layer, "" if repeated else node.op.summary())
        name = names.get(node.label) or " ".join(filter(None, parts))
        name += f", tied to {tied[node.label]}" if node.label in tied else ""
        lines[node.label] = LayerLine(
            node.label, name, graph.rows[node.writes], before.parameters + sum(own.values()), before.frozen + still
        )
    return NetworkSummary(
        graph.inputs, tuple(lines.values()), network.loss.name, network.dtype.name, network.parameters.size
    )


def _named(layer: Layer) -> str:
    """Give a layer in a few words; of a block, whose layers have lines of their own, how its branches are joined."""
    return f"{layer.name}: {layer.joined_by()}" if isinstance(layer, Block) else layer.summary()


class TrainingSummary(Summary, msgspec.Struct, frozen=True, kw_only=True):
    """A training: what trains which network, how far it is, and its losses, None before the first epoch.

    `metrics` are those of the last epoch, as the losses are.
    """

    network: str
    optimizer: str
    schedule: str
    rows: int
    batch_size: int
    epochs: int
    most_epochs: int
    loss: float | None = None
    validation_loss: float | None = None
    metrics: dict[str, float] = {}
    best: int | None = None
    stopped: str | None = None
    seconds: float = 0.0


def training_summary(
    network: str, settings: TrainingSettings, rows: int, batch_size: int, history: History, stopped: str | None,
    seconds: float,
) -> TrainingSummary:  # fmt: skip
    """Describe a training of a network, that `network` names, on so many rows."""
    told = TrainingSummary(
        network=network, optimizer=settings.optimizer.name, schedule=settings.schedule.name, rows=rows,
        batch_size=batch_size, epochs=len(history), most_epochs=settings.epochs, stopped=stopped, seconds=seconds,
    )  # fmt: skip
    if not len(history):
        return told
    best, last = history.lowest(), history[-1]
    return msgspec.structs.replace(
        told, loss=last.loss, validation_loss=last.validation_loss, metrics=last.metrics,
        best=None if best is None else best.number,
    )  # fmt: skip
