"""Where every array of a program lies: buffers one after another in an arena, their gradients in a second one.

A buffer holds a shard of rows. An op reads the buffer that another op wrote: both names stand for the same place.
Where a buffer has several readers, the last one in order writes its gradient where the sum will be, and each
other one into a copy of its own; `sums` says which copies are added to which gradient, and in which order. The
gradients of parameters that several nodes share are added up likewise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from backlit.engine.program.graph import Graph
from backlit.engine.program.sharding import whole_lines
from backlit.ops.base import Activation, Shape, arguments
from backlit.ops.whole_arrays import maths_of


class Place(msgspec.Struct, frozen=True):
    """Where an array lies: in which vector of the memory, at which offset, with how many rows of which shape.

    `rows` is None for buffers, which have the batch's rows.
    """

    vector: str
    offset: int
    rows: int | None
    shape: Shape

    @property
    def columns(self) -> int:
        """The numbers of a row."""
        return math.prod(self.shape)


class Buffers:
    """The buffers of a graph whose first `trained` nodes are trained, the loss reading the buffer `scores`.

    Attributes:
        shapes: the shape per row of every buffer with a place of its own, in the order of the arena.
        aliases: the buffer that a node's own name of an array stands for: "2.X" -> "1.A".
        copies: for a node's number and an array that it reads, the buffer in whose place in the second arena its
            gradient lies apart. sums: for each buffer with several readers, these copies in the order of the readers.
        in_place: for each node, whether its output overwrites its input.
    """

    def __init__(self, graph: Graph, trained: int, scores: str, target_columns: int, keep: bool) -> None:
        self.graph = graph
        self.aliases: dict[str, str] = {}
        self.copies: dict[tuple[int, str], str] = {}
        self.sums: dict[str, list[str]] = {}
        self.in_place: list[bool] = []
        self.shapes: dict[str, Shape] = dict(graph.inputs)
        makers = {node.writes: k for k, node in enumerate(graph.nodes)}
        for k, node in enumerate(graph.nodes):
            read = [self.aliases.get(name, name) for name in node.reads]
            self.in_place.append(not keep and self._runs_in_place(k, makers))
            for array, name in zip(node.op.reads, read, strict=True):
                if f"{node.label}.{array}" != name:
                    self.aliases[f"{node.label}.{array}"] = name
            for array, shape in graph.shapes[k].buffers.items():
                if array == node.op.writes and self.in_place[k]:
                    self.aliases[node.writes] = read[0]
                elif array not in node.op.reads:
                    self.shapes[f"{node.label}.{array}"] = shape
        for buffer in (*graph.inputs, *makers):
            self._part_gradients(buffer, trained, scores)
        self.shapes |= {"T": (target_columns,), "l": (1,), "g": (1,)}
        self.elements = sum(map(math.prod, self.shapes.values()))

    def owner(self, name: str) -> str:
        """Give the buffer in whose place an array lies."""
        return self.aliases.get(name, name)

    def _part_gradients(self, buffer: str, trained: int, scores: str) -> None:
        """Give the readers of a buffer, all but the last one, copies of its gradient."""
        readers = self.graph.readers(buffer, trained)
        apart = readers if buffer == scores else readers[:-1]
        for k, array in apart:
            copy = f"{buffer} (gradient of node {k}, {array})"
            self.shapes[copy] = self.graph.rows[buffer]
            self.copies[k, array] = copy
        if apart:
            self.sums[buffer] = [self.copies[reader] for reader in apart]

    def _runs_in_place(self, k: int, makers: Mapping[str, int]) -> bool:
        """Whether an activation may overwrite its input: its slope needs only the output, and nothing else the input.

        The op that made the input does not need it for its own backward pass, and no other op or loss reads it.
        """
        node = self.graph.nodes[k]
        if not (isinstance(node.op, Activation) and node.op.in_place and node.reads[0] in makers):
            return False
        if len(self.graph.readers(node.reads[0])) > 1 or node.reads[0] == self.graph.output:
            return False
        maker = self.graph.nodes[makers[node.reads[0]]].op
        return maker.writes not in arguments(maths_of(maker, "backward"))

    def places(self, rows: int) -> tuple[dict[str, Place], int]:
        """Give where every array lies in arenas for so many rows, by its name, and the size of an arena."""
        graph, size, places = self.graph, 0, dict[str, Place]()
        for name, shape in self.shapes.items():
            places[name] = Place("A", size, None, shape)
            places[gradient_name(name)] = Place("dA", size, None, shape)
            size += whole_lines(rows * math.prod(shape))
        for node, shapes in zip(graph.nodes, graph.shapes, strict=True):
            for name, shape in shapes.work.items():
                places[f"{node.label}.{name}"] = Place("A", size, *rows_of(shape))
                size += whole_lines(math.prod(shape))
        for name, other in self.aliases.items():
            places[name] = places[other]
            places[gradient_name(name)] = places[gradient_name(other)]
        for name, (offset, shape) in graph.layout.items():
            places[name] = Place("P", offset, *rows_of(shape))
            places[gradient_name(name)] = Place("dP", offset, *rows_of(shape))
        for name, other in graph.shared.items():
            places[name], places[gradient_name(name)] = places[other], places[gradient_name(other)]
        for name, shape in partial_gradients(graph).items():
            places[part_name(name)] = Place("A", size, *rows_of(shape))
            size += whole_lines(math.prod(shape))
        for name, (offset, shape) in graph.state_layout.items():
            places[name] = Place("S", offset, *rows_of(shape))
        return places, size


def partial_gradients(graph: Graph) -> dict[str, Shape]:
    """Give the parameters whose gradient at a node is part of a sum, with their shapes.

    Of nodes that share parameters, the last one writes its gradient where the sum will be, each other one apart.
    """
    return {
        f"{graph.nodes[k].label}.{name}": shape for group in graph.tied for k in group[:-1]
        for name, shape in graph.shapes[k].parameters.items()
        if math.prod(shape) and f"{graph.nodes[group[0]].label}.{name}" not in graph.frozen
    }  # fmt: skip


def part_name(name: str) -> str:
    """Give the name of a node's part of a gradient: "1.W" -> "1.dW (part)"."""
    return f"{gradient_name(name)} (part)"


def rows_of(shape: Sequence[int]) -> tuple[int, Shape]:
    """Give an array's shape as rows, and the shape of a row; a vector is one row."""
    return (1, tuple(shape)) if len(shape) == 1 else (shape[0], tuple(shape[1:]))


def gradient_name(name: str) -> str:
    """Give the name of an array's gradient: "1.W" -> "1.dW"."""
    head, _, tail = name.rpartition(".")
    return f"{head}.d{tail}" if head else f"d{tail}"
