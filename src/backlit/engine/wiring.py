"""From nested layers to the nodes of a graph: numbers, branches, joins, and what each op reads.

Layers are numbered from 1, and a layer and its activation are two ops that share a number, so that names read as the
notation does: 1.W, 1.Z, 1.A. Inside a block that is layer 2, layers are 2.1, 2.2, or 2a.1, 2b.1 where several branches
have layers; the op that joins the branches has the block's own label. Of three branches, 2a-b joins the first two.

>>> from backlit.ops.layers.branches import Parallel, Residual
>>> from backlit.ops.layers.dense import Dense
>>> nodes = nodes_of([Dense(4), Residual([Dense(4, "relu"), Parallel([[Dense(2)], [Dense(2)]])])], {"X": (3,)})
>>> [(node.writes, *node.reads) for node in nodes]
[('1.Z', 'X'), ('2.1.Z', '1.Z'), ('2.1.A', '2.1.Z'), ('2.2a.1.Z', '2.1.A'), ('2.2b.1.Z', '2.1.A'), \
('2.2.Z', '2.2a.1.Z', '2.2b.1.Z'), ('2.Z', '2.2.Z', '1.Z')]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from string import ascii_lowercase

from backlit.engine.program.graph import Node
from backlit.errors import BacklitError
from backlit.ops.base import Layer, Shape
from backlit.ops.layers.branches import Block
from backlit.ops.layers.joins import JOINING
from backlit.ops.layers.select import Select

DEEPEST = 50
"""Blocks may stand in blocks so many times: functions that go through them call themselves for each."""


def nodes_of(layers: Sequence[Layer], inputs: Mapping[str, Shape]) -> list[Node]:
    """Give the nodes of layers one after another, of which the first reads the first input.

    Errors: a BacklitError that names the layer where it reads rows of a shape that does not fit, an input that there is
    not, or where branches cannot be joined.
    """
    wiring = _Wiring(inputs)
    wiring.run(layers, next(iter(inputs)), "")
    if not wiring.nodes:
        raise BacklitError("the network only selects an input; expected a layer behind it, such as Dense(1).")
    return wiring.nodes


def labelled(layers: Sequence[Layer], within: str = "") -> dict[str, Layer]:
    """Give the layers by their labels, blocks and the layers inside them too.

    >>> from backlit.ops.layers.branches import Residual
    >>> from backlit.ops.layers.dense import Dense
    >>> list(labelled([Dense(4), Residual([Dense(4)])]))
    ['1', '2.1', '2']
    """
    found: dict[str, Layer] = {}
    for number, layer in enumerate(layers, 1):
        label = f"{within}{number}"
        if isinstance(layer, Block):
            branches = layer.in_branches()
            for inside, branch in zip(branch_labels(label, branches), branches, strict=True):
                found |= labelled(branch, inside)
        found[label] = layer
    return found


def branch_labels(label: str, branches: Sequence[Sequence[object]]) -> list[str]:
    """Give what the labels of the layers of each branch begin with, in the block of this label.

    >>> branch_labels("2", [["dense"], ["dense"]]), branch_labels("2", [["dense"], []])
    (['2a.', '2b.'], ['2.', '2.'])
    """
    alone = sum(map(bool, branches)) == 1
    return [f"{label}{'' if alone else _letters(k)}." for k in range(len(branches))]


class _Wiring:
    """The nodes made so far, and the shape of a row of each buffer."""

    def __init__(self, inputs: Mapping[str, Shape]) -> None:
        self.inputs = inputs
        self.rows: dict[str, Shape] = dict(inputs)
        self.nodes: list[Node] = []

    def run(self, layers: Sequence[Layer], buffer: str, within: str) -> str:
        """Make the nodes of layers that begin by reading a buffer; give the buffer that the last one writes."""
        for number, layer in enumerate(layers, 1):
            label = f"{within}{number}"
            if isinstance(layer, Select) and layer.source:
                buffer = self._input(layer.source, label, first=number == 1)
            elif isinstance(layer, Block):
                buffer = self._block(layer, buffer, label)
            else:
                for op in layer.ops():
                    beside = tuple(self._beside(op, name, label) for name in op.beside)
                    buffer = self._node(op, label, (buffer, *beside))
        return buffer

    def _node(self, op: Layer, label: str, reads: tuple[str, ...]) -> str:
        """Make a node; give the buffer that it writes."""
        node = Node(op, label, reads)
        try:
            shapes = op.shapes(*(self.rows[name] for name in reads))
        except BacklitError as error:
            raise BacklitError(f"layer {label}: {error}") from None
        self.rows[node.writes] = shapes.buffers[op.writes]
        self.nodes.append(node)
        return node.writes

    def _block(self, block: Block, buffer: str, label: str) -> str:
        """Make the nodes of a block's branches and of the ops that join them; give the buffer of the last one."""
        if label.count(".") >= DEEPEST:
            raise BacklitError(
                f"blocks stand in blocks more than {DEEPEST} times, down to a {block.name} within {label[:20]}...; "
                f"expected at most {DEEPEST}. Blocks that follow each other stand in one list: "
                "[Residual([...]), Residual([...])]."
            )
        branches = block.in_branches()
        labels = branch_labels(label, branches)
        written = [self.run(branch, buffer, inside) for inside, branch in zip(labels, branches, strict=True)]
        self._check_join(block, label, written)
        joined = written[0]
        for k, other in enumerate(written[1:], 1):
            own = label if k == len(written) - 1 else f"{label}a-{_letters(k)}"
            joined = self._node(JOINING[block.joined_by()](), own, (joined, other))
        return joined

    def _check_join(self, block: Block, label: str, written: Sequence[str]) -> None:
        """Refuse branches whose outputs' shapes cannot be joined."""
        shapes = tuple(self.rows[name] for name in written)
        kept = slice(None, -1) if block.joined_by() == "concatenate" else slice(None)
        if all(len(a) == len(b) and a[kept] == b[kept] for a, b in pairwise(shapes)):
            return
        raise BacklitError(f"{block.name} {label} joins rows of shape {' and '.join(map(str, shapes))} by "
                           f"{block.joined_by()!r}: {block.advice(shapes)}.")  # fmt: skip

    def _input(self, name: str, label: str, first: bool) -> str:
        """Give the input that a Select names."""
        if name not in self.inputs:
            raise BacklitError(
                f"layer {label} selects {name!r}, which is no input of the network; it has {', '.join(self.inputs)}. "
                f"Name it: inputs={{..., {name!r}: 1}}; or select columns by their numbers."
            )
        if not first:
            raise BacklitError(
                f"layer {label} selects the input {name!r} behind other layers, whose outputs nothing would read; "
                "expected as the first layer of the network or of a branch."
            )
        return name

    def _beside(self, op: Layer, name: str, label: str) -> str:
        """Give an input that an op reads beside what the layer before writes."""
        if name not in self.inputs:
            raise BacklitError(
                f"layer {label} ({op.name}) reads {name!r}, which is no input of the network; it has "
                f"{', '.join(self.inputs)}. Name it: inputs={{..., {name!r}: 1}}."
            )
        return name


def _letters(number: int) -> str:
    """Give the letters of a branch, from 0: a, b, ... z, aa, ab, ...

    >>> [_letters(k) for k in (0, 25, 26, 27)]
    ['a', 'z', 'aa', 'ab']
    """
    ahead, own = divmod(number, len(ascii_lowercase))
    return (_letters(ahead - 1) if ahead else "") + ascii_lowercase[own]
