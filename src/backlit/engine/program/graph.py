"""A network as a graph: ops in order, each with the buffers that it reads, and the layout of all parameters.

`engine/wiring.py` makes the nodes of nested layers. A buffer may have several readers; a network may have several
inputs, whose columns lie side by side in X.

>>> from backlit.engine.wiring import nodes_of
>>> from backlit.ops.layers.dense import Dense
>>> graph = Graph({"X": (4,)}, nodes_of([Dense(3, "tanh"), Dense(1)], {"X": (4,)}))
>>> [node.writes for node in graph.nodes], graph.output
(['1.Z', '1.A', '2.Z'], '2.Z')
>>> graph.layout
{'1.W': (0, (4, 3)), '1.b': (12, (3,)), '2.W': (15, (3, 1)), '2.b': (18, (1,))}
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.errors import BacklitError
from backlit.ops.base import Interval, Layer, Shape, Shapes

TAKEN = ("T", "l", "g")
"""The buffers that the loss works on beside the output: targets, losses of the rows, factors of their gradients."""

Layout = dict[str, tuple[int, tuple[int, ...]]]
"""Where named arrays lie in one flat vector: name -> (offset, shape)."""


class Node(msgspec.Struct, frozen=True):
    """An op of a graph: its label, and the names of the buffers that it reads, in the order of `op.reads`.

    A buffer's name is that of an input, or `label.array` of the node that writes it, such as "1.Z".
    """

    op: Layer
    label: str
    reads: tuple[str, ...]

    @property
    def writes(self) -> str:
        """The name of the buffer that it writes."""
        return f"{self.label}.{self.op.writes}"


class Graph:
    """Ops in the order in which they run forward.

    Args:
        inputs: the shape per row of each input. Its numbers are as many columns of X, in this order.
        nodes: the ops; each reads inputs, or what an earlier one writes.

    Attributes:
        output: the buffer that the last node writes and the loss reads.
        rows: each buffer's shape per row, inputs included. shapes: the arrays of each node.
        tied: the numbers of nodes that share their parameters, group by group. shared: what the others of a group call
            the parameters of its first node: "3.W" -> "1.W".
        layout, state_layout: where parameters and running statistics lie in their flat vectors, by name: "1.W".
        frozen: the parameters that training leaves alone. reach: where the output lies, None where that is not known.

    Errors: a BacklitError where a buffer is read before it is written, written twice or never read, where shapes do not
    fit, or where a node reads another number of buffers than its op.
    """

    def __init__(self, inputs: Mapping[str, Shape], nodes: Iterable[Node]) -> None:
        self.inputs = {name: checked_shape(name, shape) for name, shape in inputs.items()}
        self.nodes = tuple(nodes)
        if not (self.inputs and self.nodes):
            raise BacklitError("a graph has no inputs or no nodes; expected at least one of each.")
        self.rows: dict[str, Shape] = dict(self.inputs)
        self.shapes: list[Shapes] = []
        self._readers: dict[str, list[tuple[int, str]]] = {}
        reach: dict[str, Interval | None] = dict.fromkeys(self.inputs)
        meant: dict[str, str] = {}  # what a node calls an array that it reads -> the buffer
        for k, node in enumerate(self.nodes):
            self._check_reads(node)
            for array, name in zip(node.op.reads, node.reads, strict=True):
                self._readers.setdefault(name, []).append((k, array))
                _mean(meant, f"{node.label}.{array}", name)
            shapes = node.op.shapes(*(self.rows[name] for name in node.reads))
            self.shapes.append(shapes)
            for array in shapes.buffers.keys() - set(node.op.reads):
                if f"{node.label}.{array}" in self.rows:
                    raise BacklitError(f"two nodes write the buffer {node.label}.{array}; give them other labels.")
                _mean(meant, f"{node.label}.{array}", f"{node.label}.{array}")
            self.rows |= {f"{node.label}.{array}": shape for array, shape in shapes.buffers.items()
                          if array not in node.op.reads}  # fmt: skip
            reach[node.writes] = node.op.reach(*(reach[name] for name in node.reads))
        self.output = self.nodes[-1].writes
        self._check_activations()
        self._check_readers()
        self.reach = reach[self.output]
        labels = [node.label for node in self.nodes]
        self.tied = self._tied_nodes()
        self.shared = {f"{self.nodes[k].label}.{name}": f"{self.nodes[first].label}.{name}"
                       for first, *others in self.tied for k in others
                       for name in self.shapes[k].parameters}  # fmt: skip
        own = [{name: shape for name, shape in shapes.parameters.items() if f"{label}.{name}" not in self.shared}
               for label, shapes in zip(labels, self.shapes, strict=True)]  # fmt: skip
        self.layout = _layout(labels, own)
        self.state_layout = _layout(labels, [shapes.state for shapes in self.shapes])
        frozen = {f"{node.label}.{name}" for node in self.nodes for name in getattr(node.op, "freeze", ())}
        self.frozen = frozen - self.shared.keys()
        self.owners = {f"{node.label}.{array}": node.op for node, shapes in zip(self.nodes, self.shapes, strict=True)
                       for array in (*shapes.parameters, *shapes.state)}  # fmt: skip

    @property
    def columns(self) -> dict[str, tuple[int, int]]:
        """Which columns of X each input takes: the first, and how many."""
        sizes = [math.prod(shape) for shape in self.inputs.values()]
        return {name: (sum(sizes[:k]), sizes[k]) for k, name in enumerate(self.inputs)}

    @property
    def input_size(self) -> int:
        """The columns of X: the numbers of all inputs."""
        return sum(map(math.prod, self.inputs.values()))

    @property
    def output_size(self) -> int:
        """The numbers of a row of the output."""
        return math.prod(self.rows[self.output])

    @property
    def multiply_adds(self) -> int:
        """About how many multiply-adds a row's forward pass takes, as the ops count them."""
        return sum(node.op.multiply_adds(*(self.rows[name] for name in node.reads)) for node in self.nodes)

    def readers(self, buffer: str, nodes: int | None = None) -> list[tuple[int, str]]:
        """Give the readers of a buffer among the first `nodes`: each one's number, and its own name of the array."""
        return [(k, array) for k, array in self._readers.get(buffer, ()) if nodes is None or k < nodes]

    def _tied_nodes(self) -> list[list[int]]:
        """Give the nodes of each tie, or refuse nodes that cannot share their parameters."""
        ties: dict[str, list[int]] = {}
        for k, node in enumerate(self.nodes):
            if tie := getattr(node.op, "tie", ""):
                ties.setdefault(tie, []).append(k)
        for tie, (first, *others) in ties.items():
            for k in others:
                self._check_tie(tie, first, k)
        return [group for group in ties.values() if len(group) > 1]

    def _check_tie(self, tie: str, first: int, other: int) -> None:
        has = [dict(self.shapes[k].parameters) for k in (first, other)]
        still = [sorted(getattr(self.nodes[k].op, "freeze", ())) for k in (first, other)]
        for what, (one, another) in (("the parameters", has), ("freeze =", still)):
            if one != another:
                raise BacklitError(
                    f"the tie {tie!r} is of layers that differ: layer {self.nodes[first].label} has {what} {one}, "
                    f"layer {self.nodes[other].label} {another}; expected the same. Give one of them another tie."
                )

    def _check_reads(self, node: Node) -> None:
        if not (isinstance(node, Node) and isinstance(node.op, Layer) and isinstance(node.reads, tuple)):
            raise BacklitError(f"a node is {node!r}; expected a Node of an op, a label and a tuple of buffer names.")
        if len(node.reads) != len(node.op.reads):
            raise BacklitError(
                f"node {node.label} ({node.op.name}) reads {len(node.reads)} buffers; its op reads "
                f"{len(node.op.reads)}: {', '.join(node.op.reads)}."
            )
        for name in node.reads:
            if name not in self.rows:
                raise BacklitError(
                    f"node {node.label} ({node.op.name}) reads {name!r}, which is neither an input nor written before; "
                    f"it may read {', '.join(self.rows)}."
                )

    def _check_activations(self) -> None:
        """Refuse a layer whose own activation is no node: it would be left out."""
        for node in self.nodes:
            for op in node.op.ops()[1:]:
                if Node(op, node.label, (node.writes,)) not in self.nodes:
                    raise BacklitError(
                        f"node {node.label} is a layer with an activation, {node.op.summary()}, which no node runs. "
                        f"Make the nodes by nodes_of([...], inputs), or add one that runs {op.name!r} on {node.writes}."
                    )

    def _check_readers(self) -> None:
        """Refuse inputs and outputs of nodes that nothing reads: they would change no prediction."""
        for name in self.inputs:
            if name not in self._readers:
                raise BacklitError(
                    f"nothing reads the input {name!r}; begin a branch with Select({name!r}), or leave the input out."
                )
        for name in (node.writes for node in self.nodes[:-1]):
            if name not in self._readers:
                raise BacklitError(f"nothing reads the buffer {name}; leave it out, or let the last node write it.")


def _mean(meant: dict[str, str], name: str, buffer: str) -> None:
    """Have a node's name of an array mean a buffer, or refuse it where it means another one already."""
    if meant.setdefault(name, buffer) != buffer:
        raise BacklitError(
            f"{name} would mean {meant[name]} and {buffer}, since two nodes have one label; give them other labels."
        )


def checked_shape(name: str, shape: Any) -> Shape:
    """Give the shape of an input's row, or refuse it, or the input's name."""
    if not name.isidentifier() or name in TAKEN or name.startswith("d"):
        raise BacklitError(
            f"an input is named {name!r}; expected a name such as 'X' or 'image': no dots, no leading d, which stands "
            f"for a gradient, and none of {', '.join(TAKEN)}, which the loss works on."
        )
    whole = isinstance(shape, (tuple, list)) and all(
        isinstance(size, (int, np.integer)) and not isinstance(size, bool) and size >= 1 for size in shape
    )
    if not whole or not shape:
        raise BacklitError(
            f"the input {name} has the shape {shape!r} per row; expected whole numbers of at least 1, such as (4,)."
        )
    return tuple(int(size) for size in shape)


def _layout(labels: Sequence[str], shapes: Sequence[Mapping[str, tuple[int, ...]]]) -> Layout:
    """Lay named arrays one after another."""
    layout: Layout = {}
    offset = 0
    for label, arrays in zip(labels, shapes, strict=True):
        for name, shape in arrays.items():
            layout[f"{label}.{name}"] = offset, shape
            offset += math.prod(shape)
    return layout


def layout_size(layout: Layout) -> int:
    """Give the numbers of a flat vector of that layout."""
    return max((offset + math.prod(shape) for offset, shape in layout.values()), default=0)


def layer_ranges(layout: Layout) -> dict[str, tuple[int, int]]:
    """Give where each layer's parameters lie in the flat vector, by the layer's label: start and stop."""
    ranges: dict[str, tuple[int, int]] = {}
    for name, (offset, shape) in layout.items():
        label = name.rpartition(".")[0]
        ranges[label] = ranges.get(label, (offset, 0))[0], offset + math.prod(shape)
    return {label: (start, stop) for label, (start, stop) in ranges.items() if stop > start}
