"""The outline of a network that is drawn live: which columns, units and weights; where their numbers lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from backlit.analysis.live.records import LiveColumn, LiveEdge, LiveOutline
from backlit.engine import Network
from backlit.errors import counted
from backlit.explain.quantity_names import Names
from backlit.kernels.types import Array
from backlit.ops.base import Activation, Layer, Shape
from backlit.ops.layers.dense import Dense

LARGEST_COLUMN, DRAWN_UNITS = 12, 8
"""A column of up to so many units is drawn whole; of a larger one so many are, those with the strongest weights."""

MOST_EDGES = 480
"""Of a network with more weights than so many between the drawn units, fewer units of each column are drawn."""

FEWEST_UNITS = 3
MOST_COLUMNS = 16
"""Of more columns the middle ones are one block."""


class DenseWeights(NamedTuple):
    """A dense layer's arrays: their names, and those of the layer that names them, where several share them."""

    W: str
    b: str | None
    owner: int  # the node that names the arrays' elements


class UnitPlace(NamedTuple):
    """Where a unit's numbers are: its column and place there, the label of the layer that gives them, None of inputs.

    `activation` is the op that makes them, None where a layer gives them as they are.
    """

    column: int
    place: int
    label: str | None
    activation: Activation | None


class Column(NamedTuple):
    """A column before its units are chosen: the buffer whose numbers it shows, and the layer whose weights lead there.

    `label` is that of the layer that writes the units' outputs, None of inputs. `names` are all units; none of a
    block, whose first array of weights is `first`.
    """

    title: str
    details: tuple[str, ...]
    names: tuple[str, ...]
    buffer: str
    label: str | None = None
    activation: Activation | None = None
    dense: DenseWeights | None = None
    first: str = ""


class Plan(NamedTuple):
    """What is drawn of a network, kept for as long as it is drawn, so that units do not come and go.

    Attributes:
        outline: the record. columns: those of the outline, with all their units. drawn: the places of each one's units.
        offsets: where each edge's weight lies in the network's parameters. trained: which of them are trained.
        names: all names of the network.
    """

    outline: LiveOutline
    columns: tuple[Column, ...]
    drawn: tuple[tuple[int, ...], ...]
    offsets: Array
    trained: Array
    names: Names

    def unit(self, name: str) -> UnitPlace | None:
        """Find a unit by its name, drawn or not; None where no column has it."""
        for number, column in enumerate(self.columns):
            if name in column.names:
                return UnitPlace(number, column.names.index(name), column.label, column.activation)
        return None


def plan_of(network: Network, names: Names) -> Plan:
    """Choose what is drawn of a network: the units with the strongest weights as they are now.

    A dense layer on rows of one axis is a column, with what follows it and changes no names, such as dropout. Anything
    else is a block, with a column behind it for the numbers that a dense layer reads from it.
    """
    columns = _shortened(_columns(network, names))
    limit = DRAWN_UNITS
    drawn = [_strongest(network, columns, k, LARGEST_COLUMN, DRAWN_UNITS) for k in range(len(columns))]
    while _edge_count(columns, drawn) > MOST_EDGES and limit > FEWEST_UNITS:
        limit -= 1
        drawn = [_strongest(network, columns, k, limit + 1, limit) for k in range(len(columns))]
    found = [
        LiveColumn(column.title, column.details, tuple(column.names[j] for j in places), len(column.names),
                   column.dense is not None, column.first)
        for column, places in zip(columns, drawn, strict=True)
    ]  # fmt: skip
    edges, offsets = [], []
    for number, (column, units) in enumerate(zip(columns, drawn, strict=True)):
        if column.dense:
            for edge, offset in _edges(network, names, number, column.dense, drawn[number - 1], units):
                edges.append(edge)
                offsets.append(offset)
    outline = LiveOutline(tuple(found), tuple(edges), int(network.parameters.size))
    trained = np.array([not edge.frozen for edge in edges], bool)
    return Plan(outline, tuple(columns), tuple(map(tuple, drawn)), np.array(offsets, np.int64), trained, names)


# ------------------------------------------------------------------------------------------------------------- columns


def _columns(network: Network, names: Names) -> list[Column]:
    """Give the columns of the layers, one after another; those of a block are one."""
    graph = network.graph
    columns = [_input_column(network, names)]
    for _, group in groupby(range(len(graph.nodes)), lambda k: graph.nodes[k].label.partition(".")[0].rstrip(_LETTERS)):
        nodes = list(group)
        first, last = graph.nodes[nodes[0]], graph.nodes[nodes[-1]]
        number = last.label.partition(".")[0].rstrip(_LETTERS)
        if isinstance(first.op, Dense) and first.label == number and len(graph.rows[first.reads[0]]) == 1:
            if first.reads[0] != columns[-1].buffer or not columns[-1].names:
                columns.append(_given_column(network, names, first.reads[0], columns[-1]))
            columns.append(_dense_column(network, names, nodes))
        elif _same_units(network, names, nodes, columns[-1]):
            columns[-1] = _followed(columns[-1], first.op, first.label, last.writes)
        else:
            columns.append(_block(network, nodes, number))
    if not columns[-1].names and len(graph.rows[graph.output]) == 1:
        columns.append(_given_column(network, names, graph.output, columns[-1]))
    last_dense = max((k for k, column in enumerate(columns) if column.dense), default=0)
    if last_dense and last_dense == len(columns) - 1:
        columns[-1] = columns[-1]._replace(title="outputs")
    return columns


_LETTERS = "abcdefghijklmnopqrstuvwxyz-"


def _input_column(network: Network, names: Names) -> Column:
    """Give the inputs as a column, or where they are several or have several axes as a block."""
    inputs = network.graph.inputs
    name, shape = next(iter(inputs.items()))
    if len(inputs) > 1 or len(shape) > 1:
        several = [f"{name} {shape_text(shape)}" if len(inputs) > 1 else shape_text(shape)
                   for name, shape in inputs.items()]  # fmt: skip
        return Column("inputs", tuple(several), (), name)
    return Column("inputs", (), names.of_buffers[name].names, name)


def _given_column(network: Network, names: Names, buffer: str, before: Column) -> Column:
    """Give the numbers that a layer reads from a block, or from an input, as a column."""
    if buffer in network.graph.inputs:
        return Column("inputs", (), names.of_buffers[buffer].names, buffer)
    node = next(node for node in network.graph.nodes if node.writes == buffer)
    activation = node.op if isinstance(node.op, Activation) else None
    return Column(f"from layer {node.label}", (), names.of_buffers[buffer].names, buffer, node.label, activation)


def _dense_column(network: Network, names: Names, nodes: Sequence[int]) -> Column:
    graph = network.graph
    node, last = graph.nodes[nodes[0]], graph.nodes[nodes[-1]]
    activation = last.op if isinstance(last.op, Activation) else None
    details = (activation.name,) if activation else ()
    W, b = (graph.shared.get(f"{node.label}.{own}", f"{node.label}.{own}") for own in ("W", "b"))
    owner = next(k for k, other in enumerate(graph.nodes) if other.label == W.rpartition(".")[0])
    dense = DenseWeights(W, b if network[b].size else None, owner)
    title = f"layer {node.label}"
    return Column(title, details, names.of_buffers[last.writes].names, last.writes, last.label, activation, dense)


def _same_units(network: Network, names: Names, nodes: Sequence[int], before: Column) -> bool:
    """Tell whether a layer of one op works on the units of the column before, each by itself or all together."""
    node = network.graph.nodes[nodes[0]]
    same = names.of_buffers[node.writes].names == before.names
    return len(nodes) == 1 and bool(before.names) and node.reads == (before.buffer,) and same


def _followed(column: Column, op: Layer, label: str, buffer: str) -> Column:
    """Give a column with a layer behind it that keeps its units; the output of a unit is that of its activation."""
    followed = column._replace(details=(*column.details, f"then {op.summary()}"), buffer=buffer)
    if isinstance(op, Activation) and column.activation is None:
        return followed._replace(label=label, activation=op)
    return followed


def _block(network: Network, nodes: Sequence[int], number: str) -> Column:
    graph = network.graph
    last = graph.nodes[nodes[-1]]
    layer = network.layers[int(number) - 1] if network.layers else last.op
    own = [name for name in network.layout if name.partition(".")[0].rstrip(_LETTERS) == number]
    size = sum(network[name].size for name in own)
    said = layer.summary().replace(" -> ", " → ")
    lines = [said] if "[" in said else said.split(", ")
    lines += [f"gives {shape_text(graph.rows[last.writes])}"]
    lines += [counted(size, "parameter")] if size else []
    first = next((name for name in own if network[name].size), "")
    return Column(f"layer {number}", tuple(lines), (), last.writes, last.label, first=first)


def shape_text(shape: Shape) -> str:
    """Give a shape in words.

    >>> shape_text((8, 8, 1)), shape_text((1,))
    ('8 × 8 × 1', '1 number')
    """
    return " × ".join(map(str, shape)) if len(shape) > 1 else counted(shape[0], "number")


def _shortened(columns: list[Column]) -> list[Column]:
    """Put the middle of many columns into one block, with the column that the next layer reads behind it."""
    if len(columns) <= MOST_COLUMNS:
        return columns
    kept = MOST_COLUMNS // 2 - 1
    middle, after = columns[kept:-kept], columns[-kept:]
    left = Column("…", (f"{len(middle) - 1} more columns, not drawn",), (), middle[-1].buffer)
    return [*columns[:kept], left, middle[-1]._replace(dense=None) if middle[-1].names else middle[-1], *after]


# --------------------------------------------------------------------------------------------------- units and weights


def _edge_count(columns: Sequence[Column], drawn: Sequence[Sequence[int]]) -> int:
    return sum(len(drawn[k]) * (len(drawn[k - 1]) + bool(column.dense.b))
               for k, column in enumerate(columns) if column.dense)  # fmt: skip


def _strongest(network: Network, columns: Sequence[Column], number: int, whole: int, most: int) -> list[int]:
    """Give the units of a column that are drawn, in order: of many those with the largest |weight| to or from them."""
    size = len(columns[number].names)
    if size <= whole:
        return list(range(size))
    strength, into = np.zeros(size), columns[number].dense
    behind = columns[number + 1].dense if number + 1 < len(columns) else None
    if into:
        strength = np.maximum(strength, np.abs(network[into.W]).max(axis=0))
    if behind:
        strength = np.maximum(strength, np.abs(network[behind.W]).max(axis=1))
    return sorted(int(unit) for unit in np.argsort(-strength, kind="stable")[:most])


def _edges(
    network: Network, names: Names, number: int, dense: DenseWeights, sources: Sequence[int], units: Sequence[int]
) -> Iterator[tuple[LiveEdge, int]]:
    """Give the edges to a column, each with the place of its weight among the network's parameters."""
    node = network.graph.nodes[dense.owner]
    own, read = (names.of_buffers[name].channels for name in (node.writes, node.reads[0]))
    first, (_, width) = network.layout[dense.W]
    frozen_W, frozen_b = dense.W in network.frozen, dense.b in network.frozen
    start, shared = (network.layout[dense.b][0], network[dense.b].size == 1) if dense.b else (0, False)
    several = isinstance(node.op, Dense) and node.op.bias == "shared"
    for unit, j in enumerate(units):
        for source, i in enumerate(sources):
            name = names.of("w", own[j], read[i]).text
            yield LiveEdge(number, source, unit, name, frozen_W), first + i * width + j
        if dense.b:
            bias = names.of("b", f"layer {node.label}" if several else own[j]).text
            yield LiveEdge(number, -1, unit, bias, frozen_b), start + (0 if shared else j)
