"""The network as a drawing: its inputs, its dense layers, and its final weights; no numbers of any row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backlit.analysis.report.cell_text import cut
from backlit.engine import Network, usual_unit
from backlit.explain.record.node_record import Node
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.kernels.types import Array
from backlit.ops.layers.dense import Dense

LARGEST_COLUMN, DRAWN_UNITS = 12, 8
"""As in the drawings of a step: a larger column is drawn by so many units."""


class DenseLayer(NamedTuple):
    """A dense layer: its label, the label of what its inputs come from (none: the rows), W, b, the activation's name.

    `reads` names the layer before it, dropout say; None where it reads the rows.
    """

    label: str
    reads: str | None
    W: Array  # (fan_in, units)
    b: Array  # (units,), or (0,) without biases
    activation: str


def dense_layers(network: Network) -> list[DenseLayer]:
    """The dense layers of a chain of layers, in order; none where the network is no chain, or has weights elsewhere.

    A bias that all units share stands for each of them.
    """
    if not network.layers or not _is_chain(network):
        return []
    found = []
    for k, op in enumerate(network.ops):
        if isinstance(op, Dense):
            label = network.labels[k]
            last = network.ops[k + 1].name if network.labels[k + 1 : k + 2] == [label] else "identity"
            reads = network.labels[k - 1] if k else None
            W, b = network[f"{label}.W"], network[f"{label}.b"]
            b = np.broadcast_to(b, W.shape[1:]) if b.size else b
            found.append(DenseLayer(label, reads, W, b, last))
    return found


def _is_chain(network: Network) -> bool:
    """Whether layers follow one another on rows of one axis, and all weights are those of dense layers."""
    graph = network.graph
    flat = all(len(shape) == 1 for shape in graph.rows.values()) and len(graph.inputs) == 1
    buffers = [*graph.inputs, *(node.writes for node in graph.nodes)]
    follows = all(node.reads == (buffers[k],) for k, node in enumerate(graph.nodes))
    dense = all(isinstance(node.op, Dense) or not {"W", "U"} & set(shapes.parameters)
                for node, shapes in zip(graph.nodes, graph.shapes, strict=True))  # fmt: skip
    widths = [graph.rows[name][0] for name in buffers] if flat else []
    kept = all(isinstance(node.op, Dense) or widths[k] == widths[k + 1] for k, node in enumerate(graph.nodes) if flat)
    return flat and follows and dense and kept


def unit_names(layers: Sequence[DenseLayer], outputs: Sequence[str]) -> list[list[str]]:
    """The names of each layer's units: h1, or h2.1 of several hidden layers; of the last one, the outputs' names."""
    names = [[usual_unit(place, len(layers), j) for j in range(layer.W.shape[1])] for place, layer in enumerate(layers)]
    if len(names[-1]) == len(outputs):
        names[-1] = list(map(cut, outputs))
    return names


def network_outline(network: Network, inputs: Sequence[str], outputs: Sequence[str]) -> Drawing | None:
    """The network with its weights; of a column with many units, those with the strongest weights. None for no chain.

    `inputs` and `outputs` are names; they need not differ, and long ones are cut.
    """
    layers = dense_layers(network)
    if not layers:
        return None
    names = [list(map(cut, inputs)), *unit_names(layers, outputs)]
    if len(inputs) != len(layers[0].W):
        return None
    sizes = [len(column) for column in names]
    drawn = [_strongest(layers, place, size) for place, size in enumerate(sizes)]
    columns = [Column("inputs", _nodes(names[0], drawn[0]), sizes[0], (), "input")]
    for place, layer in enumerate(layers, 1):
        title = "outputs" if place == len(layers) else f"layer {layer.label}"
        edges = _edges(layer, names[place - 1], names[place], drawn[place - 1], drawn[place])
        columns.append(Column(title, _nodes(names[place], drawn[place]), sizes[place], edges))
    return Drawing(tuple(columns), (), None)


def _nodes(names: Sequence[str], drawn: Sequence[int]) -> tuple[Node, ...]:
    return tuple(Node(names[unit], None, None) for unit in drawn)


def _edges(
    layer: DenseLayer, before: Sequence[str], names: Sequence[str], sources: Sequence[int], units: Sequence[int]
) -> tuple[Edge, ...]:
    """The weights and biases between the drawn units."""
    edges = []
    for source, i in enumerate(sources):
        for unit, j in enumerate(units):
            weight = float(layer.W[i, j])
            edges.append(Edge(source, unit, f"w({before[i]},{names[j]})", False, weight, None, weight))
    for unit, j in enumerate(units if layer.b.size else ()):
        bias = float(layer.b[j])
        edges.append(Edge(-1, unit, f"b({names[j]})", False, bias, None, bias))
    return tuple(edges)


def _strongest(layers: Sequence[DenseLayer], place: int, size: int) -> list[int]:
    """The units of a column that are drawn, in order: those with the largest |weight| from or to them."""
    if size <= LARGEST_COLUMN:
        return list(range(size))
    strength = np.zeros(size)
    if place:
        strength = np.maximum(strength, np.abs(layers[place - 1].W).max(axis=0))
    if place < len(layers):
        strength = np.maximum(strength, np.abs(layers[place].W).max(axis=1))
    return sorted(int(unit) for unit in np.argsort(-strength, kind="stable")[:DRAWN_UNITS])
