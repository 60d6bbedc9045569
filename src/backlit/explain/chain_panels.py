"""The panel of a recurrent layer: unrolled over its times, with the slope through time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backlit.explain.panel_source import Source
from backlit.explain.record.drawing_records import Moment, Unrolled
from backlit.explain.record.node_record import Node
from backlit.kernels.types import Array
from backlit.ops.base import Layer
from backlit.ops.layers.through_time import length_of

MOST_TIMES, FOLDED = 6, 2
"""Of more times so many of the first and of the last are drawn."""
MOST_STATES = 3


def is_recurrent(op: Layer) -> bool:
    """Tell whether an op runs over time: it has weights from its states to its states."""
    return {"recurrent_weights", "reverse"} <= set(type(op).__struct_fields__)


def unrolled_panel(source: Source, k: int, title: str) -> Unrolled:
    """Give the panel of a recurrent layer."""
    node, shapes = source.nodes[k], source.graph.shapes[k]
    label, op = node.label, node.op
    steps, inputs = source.shape(node.reads[0])
    units = source.shape(f"{label}.H")[-1]
    read, own = source.units(node.reads[0]).channels, source.units(node.writes).channels
    values, slopes = source.values(f"{label}.H"), source.slopes(f"{label}.H")
    given, back = source.values(node.reads[0]), source.slopes(node.reads[0])
    cells = source.values(f"{label}.C") if f"{label}.C" in source.graph.rows else None
    reverse, length = bool(getattr(op, "reverse", False)), _length(source, k, steps)
    order = list(range(steps))[:: -1 if reverse else 1]
    drawn = order if steps <= MOST_TIMES else [*order[:FOLDED], *order[-FOLDED:]]
    moments = tuple(
        Moment(
            f"t{t + 1}", _nodes(read, given[t], None if back is None else back[t]),
            _nodes(own, values[t], None if slopes is None else slopes[t]),
            () if cells is None else tuple(Node(f"c({name})", _value(cells[t, j]), None)
                                           for j, name in enumerate(own[:MOST_STATES])),
            t < length,
        ) for t in drawn
    )  # fmt: skip
    lengths = () if slopes is None else tuple(float(np.linalg.norm(slopes[t])) for t in order)
    return Unrolled(
        title, moments, steps, inputs, units, lengths,
        _weight(source, k, "W", f"w({read[0]},{own[0]})", shapes.parameters["W"]),
        _weight(source, k, "U", f"u({own[0]},{own[0]})", shapes.parameters["U"]), reverse,
        getattr(op, "returns", "last") == "sequence",
    )  # fmt: skip


def _length(source: Source, k: int, steps: int) -> int:
    """Give how many times of the row the layer runs over."""
    beside = source.nodes[k].reads[1:]
    if source.row is None or not beside:
        return steps
    return length_of(source.values(beside[0]).reshape(1), 0, steps)


def _nodes(names: Sequence[str], values: Array, slopes: Array | None) -> tuple[Node, ...]:
    return tuple(
        Node(names[j], _value(values[j]), None if slopes is None else float(slopes[j]))
        for j in range(min(MOST_STATES, len(names)))
    )


def _value(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def _weight(source: Source, k: int, array: str, name: str, shape: Sequence[int]) -> Node:
    """Give the one weight of an array with its number, or the array's name and shape."""
    if int(np.prod(shape)) != 1:
        return Node(f"{array} {shape[0]:,} × {shape[1]:,}", None, None)
    slopes = source.gradient(k, array)
    return Node(name, float(source.weights(k, array)[0, 0]), None if slopes is None else float(slopes[0, 0]))
