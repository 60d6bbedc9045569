"""A network's panels: its layers from the inputs on, as far as they are not a chain of dense layers at the end.

In maps, one number of the last layer is followed back: the window that it reads, of that window the number that counts
most, the window that this one reads, and so on to the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from backlit.engine import branch_labels
from backlit.explain.chain_panels import is_recurrent, unrolled_panel
from backlit.explain.contents import Contents
from backlit.explain.context import Context
from backlit.explain.map_panels import Marks, grids_panel, maps_panel
from backlit.explain.panel_source import Source
from backlit.explain.record.drawing_records import Branches, Grid, Maps, Panel
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.stages.chain import layer_title
from backlit.ops.base import Layer
from backlit.ops.equations import Index
from backlit.ops.layers.branches import Block
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.select import Select


def dense_tail(context: Context) -> int:
    """Give how many layers stand before the chain of dense layers that ends the network; 0 where it is one whole.

    As many as there are layers where there is no such chain.
    """
    network = context.recording.network
    graph, layers = network.graph, network.layers
    start = count = len(layers)
    for number in range(count, 0, -1):
        layer = layers[number - 1]
        if isinstance(layer, (Block, Select)):
            break
        shapes = [
            graph.rows[name] for node in graph.nodes if node.label == str(number) for name in (*node.reads, node.writes)
        ]
        if any(len(shape) != 1 for shape in shapes):
            break
        if isinstance(layer, Dense):
            start = number - 1
        elif len({shape[0] for shape in shapes}) > 1:
            break
    head = layers[:start]
    plain = all(not isinstance(layer, (Block, Dense, Select)) for layer in head)
    rows = [row for name, row in graph.rows.items()]
    if start < count and plain and len(graph.inputs) == 1 and all(len(row) == 1 for row in rows):
        return 0  # normalized inputs and the like: the drawing of dense layers has them
    return start


def panels_of(contents: Contents, row: int | None, before: int, exact: ExactNumbers) -> tuple[Panel, ...]:
    """Give the panels of the first `before` layers and of the inputs, with the numbers of a row."""
    layers = contents.context.recording.network.layers
    maker = _Maker(Source(contents, row, exact), whole=before == len(layers))
    return maker.top(layers[:before])


class _Maker:
    """Makes the panels of layers one after another, and of those within blocks."""

    def __init__(self, source: Source, *, whole: bool) -> None:
        self.source, self.whole = source, whole
        self._followed: dict[str, Marks] = {}
        self.by_label: dict[str, list[int]] = {}
        for k, node in enumerate(source.nodes):
            self.by_label.setdefault(node.label, []).append(k)

    def top(self, layers: Sequence[Layer]) -> tuple[Panel, ...]:
        """Give the panels of the network's layers, behind those of its inputs."""
        source = self.source
        panels = list(self.run(layers, ""))
        first = next(iter(source.graph.inputs))
        window = self._followed.get(first, Marks())
        inputs = [grids_panel(source, name, window if name == first else Marks(),
                              "inputs" if len(source.graph.inputs) == 1 else f"input {name}")
                  for name in source.graph.inputs]  # fmt: skip
        if (is_recurrent(layers[0]) and len(inputs) == 1) or source.row is None:
            inputs = []  # the chain has its inputs beside its states
        if self.whole and source.row is not None and panels and isinstance(panels[-1], Maps):
            panels[-1] = self._with_targets(panels[-1])
        return (*inputs, *panels)

    def run(self, layers: Sequence[Layer], within: str) -> tuple[Panel, ...]:
        """Give the panels of layers one after another, whose labels begin with `within`."""
        self._followed = marks = self._follow([f"{within}{number}" for number in range(1, len(layers) + 1)], layers)
        panels: list[Panel] = []
        for number, layer in enumerate(layers, 1):
            label = f"{within}{number}"
            if isinstance(layer, Block):
                panels.append(self._block(layer, label))
            elif label in self.by_label:
                panels.append(self._layer(self.by_label[label], label, marks))
        self._followed = marks
        return tuple(panels)

    def _layer(self, nodes: Sequence[int], label: str, marks: dict[str, Marks]) -> Panel:
        source, op = self.source, self.source.nodes[nodes[0]].op
        titles = [layer_title(source.nodes[k].op) for k in nodes]
        title = f"layer {label}: {', '.join(titles)}"
        if is_recurrent(op):
            return unrolled_panel(source, nodes[0], title)
        equations = source.equations[nodes[0]]
        if equations is not None and equations.same_numbers:
            count = int(np.prod(source.shape(source.nodes[nodes[-1]].writes)))
            return Maps(f"{title}, {count:,} numbers", (), 0)
        return maps_panel(source, nodes, marks.get(source.nodes[nodes[-1]].writes, Marks()), title)

    def _block(self, block: Block, label: str) -> Branches:
        branches = block.in_branches()
        labels = branch_labels(label, branches)
        found = tuple(self.run(branch, inside) for inside, branch in zip(labels, branches, strict=True))
        title = f"layer {label}: {layer_title(block)}"
        joined = grids_panel(self.source, self.source.nodes[self.by_label[label][-1]].writes, Marks(), title)
        return Branches(title, found, block.joined_by(), joined.grids, joined.size)

    def _with_targets(self, panel: Maps) -> Maps:
        """Add the targets to the last layer's panel, in the form of its numbers."""
        recording, row = self.source.recording, self.source.row
        targets = recording.Y[row].reshape(-1)
        shape = self.source.shape(self.source.graph.output)
        if targets.size != int(np.prod(shape)):
            return panel
        lines = targets.reshape(shape).T if len(shape) == 2 else targets[None]
        if max(lines.shape) > 8:
            return panel
        grid = Grid("targets", tuple(tuple(map(float, line)) for line in lines))
        return msgspec.structs.replace(panel, targets=(grid,))

    # ------------------------------------------------------------------------------------------------- what is marked

    def _follow(self, labels: Sequence[str], layers: Sequence[Layer]) -> dict[str, Marks]:
        """Follow a number of the last map back through the layers; give what is marked in each buffer."""
        source = self.source
        found: dict[str, Marks] = {}
        made: Index | None = None
        window: tuple[Index, ...] = ()
        winner: Index | None = None
        for label, layer in zip(reversed(labels), reversed(layers), strict=True):
            nodes = self.by_label.get(label, [])
            if isinstance(layer, Block) or not nodes or source.row is None:
                made, window, winner = None, (), None
                continue
            node, buffer = source.nodes[nodes[0]], source.nodes[nodes[-1]].writes
            shape = source.shape(buffer)
            equations = source.equations[nodes[0]]
            if equations is not None and equations.same_numbers:
                made, window, winner = self._through(made, node.reads[0], shape), (), None
                continue
            if len(shape) not in (2, 3) or is_recurrent(node.op):
                made, window, winner = None, (), None
                continue
            if source.making(nodes[0], (0,) * len(shape)) is None:
                made, window, winner = None, (), None
                continue
            if made is None:
                values = np.abs(np.nan_to_num(source.values(buffer)))
                made = tuple(int(k) for k in np.unravel_index(int(values.argmax()), shape))
            making = source.making(nodes[0], made)
            found[buffer] = Marks(made, window, winner)
            if making is None:
                made, window, winner = None, (), None
                continue
            given = source.values(node.reads[0])
            window = tuple(read.number for read in making.reads)
            sizes = [given[read.number] if making.head == "max" else
                     abs(given[read.number] * (source.weights(nodes[0], read.weight.array)[read.weight.index]
                                               if read.weight else 1.0)) for read in making.reads]  # fmt: skip
            made = window[int(np.argmax(sizes))]
            winner = made if making.head == "max" else None
            found[node.reads[0]] = Marks(made if making.head == "max" else None, window, winner)
        return found

    def _through(self, made: Index | None, buffer: str, shape: tuple[int, ...]) -> Index | None:
        """Give where a number of one long row lies in the map that it was."""
        if made is None:
            return None
        place = int(np.ravel_multi_index(made, shape))
        return tuple(int(k) for k in np.unravel_index(place, self.source.shape(buffer)))
