"""Every number of a network that has a name, with the array it stands in: of convolutions, recurrent layers, blocks."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from backlit.engine import Units, equations_of, parameter_names, place_text
from backlit.ops.base import Activation, Shape
from backlit.ops.equations import Index, Part
from backlit.ops.layers.dense import Dense


class Place(NamedTuple):
    """Where a number stands: its array, its place in it as one row of numbers, and whether each row of X has one."""

    array: str
    at: int
    per_row: bool

    def slope(self) -> Place:
        """Give the place of the error's derivative with respect to it."""
        label, _, own = self.array.rpartition(".")
        return Place(f"{label}.d{own}", self.at, self.per_row)


_PARAMETERS: weakref.WeakKeyDictionary[Any, dict[str, list[str]]] = weakref.WeakKeyDictionary()
_PLACES: weakref.WeakKeyDictionary[Any, dict[str, Place]] = weakref.WeakKeyDictionary()
"""What was made of a graph: names are asked for one by one."""


def parameter_texts(graph: Any, buffers: Mapping[str, Units], array: str) -> list[str]:
    """Give the names of all numbers of a parameter, as one row; empty texts where a number has none."""
    kept = _PARAMETERS.setdefault(graph, {})
    if array not in kept:
        label, _, own = array.rpartition(".")
        k = next(k for k, node in enumerate(graph.nodes) if node.label == label and own in graph.shapes[k].parameters)
        kept[array] = list(_parameter_texts(graph, buffers, k, own))
    return kept[array]


def _parameter_texts(graph: Any, buffers: Mapping[str, Units], k: int, own: str) -> Iterator[str]:
    node, shape = graph.nodes[k], graph.shapes[k].parameters[own]
    read, written = buffers[node.reads[0]], buffers[node.writes]
    equations = equations_of(graph)[k]
    if equations is not None and equations.parameters:
        part_of = {index: part for part in equations.parameters if part.array == own for index in part.places}
        for index in np.ndindex(shape):
            part = part_of.get(index)
            if part is None:
                yield ""
                continue
            unit, source = parameter_names(part, index, written.channels, read.channels, f"layer {node.label}")
            yield f"{part.kind}({source},{unit})" if source else f"{part.kind}({unit})"
        return
    for index in np.ndindex(shape):
        if own == "W" and isinstance(node.op, Dense):
            yield f"w({read.channels[index[0]]},{written.channels[index[1]]})"
        elif isinstance(node.op, Dense) and shape == (1,) and len(written.channels) > 1:
            yield f"b(layer {node.label})"
        else:
            named = shape == (len(written.channels),)
            yield f"{own}({written.channels[index[0]]})" if named else ""


def places(graph: Any, buffers: Mapping[str, Units]) -> dict[str, Place]:
    """Give the place of every number by its name; of two with one name, the earlier layer's."""
    if graph not in _PLACES:
        found: dict[str, Place] = {}
        for k in range(len(graph.nodes)):
            for text, place in _of_node(graph, buffers, k):
                found.setdefault(text, place)
        _PLACES[graph] = found
    return _PLACES[graph]


def _of_node(graph: Any, buffers: Mapping[str, Units], k: int) -> Iterator[tuple[str, Place]]:
    """Give the named numbers of a node: its parameters, and what it computes."""
    node, shapes = graph.nodes[k], graph.shapes[k]
    for own, shape in shapes.parameters.items():
        if math.prod(shape) and f"{node.label}.{own}" in graph.layout:
            for at, text in enumerate(parameter_texts(graph, buffers, f"{node.label}.{own}")):
                if text:
                    yield text, Place(f"{node.label}.{own}", at, per_row=False)
    names, equations = buffers[node.writes], equations_of(graph)[k]
    activated = k + 1 < len(graph.nodes) and graph.nodes[k + 1].label == node.label
    if equations is not None and not equations.same_numbers and equations.forward:
        for part in equations.forward:
            shape = shapes.buffers[part.array]
            for index in part.places:
                place = Place(f"{node.label}.{part.array}", _flat(index, shape), per_row=True)
                yield f"{part.kind}({_unit(part, index, names, node.label)})", place
                if part.kind == "net" and part.array == node.op.writes and not activated:
                    yield f"out({_unit(part, index, names, node.label)})", place
        return
    kinds = ["net"] if isinstance(node.op, Dense) else ["out"]
    if isinstance(node.op, Dense) and not activated:
        kinds.append("out")
    if not isinstance(node.op, Activation) and equations is not None and equations.same_numbers:
        return
    for at, name in enumerate(names.names):
        for kind in kinds:
            yield f"{kind}({name})", Place(node.writes, at, per_row=True)


def _unit(part: Part, index: Index, names: Units, label: str) -> str:
    unit = part.unit(index)
    return (f"layer {label}" if unit < 0 else names.channels[unit]) + place_text(part.position(index))


def _flat(index: Index, shape: Shape) -> int:
    return int(np.ravel_multi_index(index, shape)) if shape else 0
