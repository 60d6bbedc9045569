"""The names of units and weights as worked examples have them, i1, h2, o1 and w(i1,h2), beside those of arrays, "1.W".

A number of a picture or a sequence has the name of its channel and its place, f1@r2c1 or h1@t2.

>>> from backlit.engine.network import Network
>>> from backlit.ops.layers.dense import Dense
>>> network = Network([Dense(2, "tanh"), Dense(1)], inputs=3)
>>> element_name(network, "1.W", (0, 1)), element_name(network, "2.b", (0,)), element_name(network, "X", (4, 2))
('w(i1,h2)', 'b(o1)', 'i3[5]')
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from backlit.engine.architecture import Architecture
from backlit.engine.program.graph import Graph
from backlit.ops.base import Shape
from backlit.ops.equations import Equations, Index, Part, every
from backlit.ops.layers.dense import Dense

PLACED = re.compile(r"(?P<unit>.*)@(?P<place>t\d+|r\d+c\d+|\d+(?:\.\d+)*)")
"""A number's name with its place in a picture or a sequence."""

Chosen = Callable[[int, Sequence[str]], Sequence[str]]
"""Gives the names of a node's units instead of the usual ones."""


class Units(msgspec.Struct, frozen=True):
    """The names of a buffer's numbers: `names` of all of them in order, `channels` those of its last axis."""

    channels: tuple[str, ...]
    names: tuple[str, ...]


def usual_unit(place: int, count: int, j: int) -> str:
    """Name unit j of the dense layer at `place` of `count`, all from 0: o1; h1, or h2.1 of several hidden layers."""
    if place == count - 1:
        return f"o{j + 1}"
    return f"h{j + 1}" if count == 2 else f"h{place + 1}.{j + 1}"


def place_text(position: Index) -> str:
    """Give a place in a sequence or a picture as names have it, counted from 1.

    >>> place_text((1,)), place_text((0, 2)), place_text(())
    ('@t2', '@r1c3', '')
    """
    counted = [k + 1 for k in position]
    if len(counted) == 2:
        return f"@r{counted[0]}c{counted[1]}"
    return f"@t{counted[0]}" if len(counted) == 1 else f"@{'.'.join(map(str, counted))}" if counted else ""


def without_place(name: str) -> str:
    """Give the unit, channel or filter of a number's name.

    >>> without_place("f1@r2c1"), without_place("h1")
    ('f1', 'h1')
    """
    placed = PLACED.fullmatch(name)
    return placed["unit"] if placed else name


def named(channels: Sequence[str], shape: Shape) -> Units:
    """Name all numbers of a shape, given names for its last axis.

    >>> named(["h1"], (2, 1)).names
    ('h1@t1', 'h1@t2')
    """
    return Units(tuple(channels), tuple(channels[index[-1]] + place_text(index[:-1]) for index in every(shape)))


def input_units(graph: Graph, given: Sequence[str] | None = None) -> dict[str, Units]:
    """Name the numbers of the inputs: i1, i2, ...; of several inputs, after each one's name.

    `given` are names for all columns of X, or for the channels of the only input.
    """
    found: dict[str, Units] = {}
    for name, shape in graph.inputs.items():
        several = len(graph.inputs) > 1
        usual = (
            [name] if several and shape[-1] == 1 else [f"{name if several else 'i'}{j + 1}" for j in range(shape[-1])]
        )
        found[name] = named(usual, shape)
    if given is None:
        return found
    if len(found) == 1 and len(given) == len(next(iter(found.values())).channels):
        ((name, shape),) = graph.inputs.items()
        return {name: named(given, shape)}
    for name, (first, count) in graph.columns.items():
        own = tuple(given[first : first + count])
        channels = own if len(graph.inputs[name]) == 1 else found[name].channels
        found[name] = Units(channels, own)
    return found


_EQUATIONS: weakref.WeakKeyDictionary[Graph, list[Equations | None]] = weakref.WeakKeyDictionary()
_NAMES: weakref.WeakKeyDictionary[Graph, dict[str, Units]] = weakref.WeakKeyDictionary()
"""What was made of a graph; it is asked for element by element."""


def equations_of(graph: Graph) -> list[Equations | None]:
    """Give the formulas of all nodes as data, None of those that give none."""
    if graph not in _EQUATIONS:
        _EQUATIONS[graph] = [node.op.equations(*(graph.rows[name] for name in node.reads)) for node in graph.nodes]
    return _EQUATIONS[graph]


def letters_of(graph: Graph) -> list[str]:
    """Give the letter of each node's units, empty where they are those that it reads: h, f; o of a dense layer at last.

    Of several nodes with one letter it is followed by their number: h1., h2.
    """
    own = ["h" if isinstance(node.op, Dense) else equations.letter if equations else ""
           for node, equations in zip(graph.nodes, equations_of(graph), strict=True)]  # fmt: skip
    lettered = [k for k, letter in enumerate(own) if letter]
    if lettered and isinstance(graph.nodes[lettered[-1]].op, Dense):
        own[lettered[-1]] = "o"
    several = {letter for letter in own if letter and own.count(letter) > 1}
    return [f"{letter}{own[: k + 1].count(letter)}." if letter in several else letter for k, letter in enumerate(own)]


def buffer_units(
    graph: Graph, inputs: Sequence[str] | None = None, chosen: Chosen = lambda _, usual: usual
) -> dict[str, Units]:
    """Name the numbers of every buffer that a node reads or writes, by the buffer's name."""
    found, letters = input_units(graph, inputs), letters_of(graph)
    for k, node in enumerate(graph.nodes):
        reads, shape, equations = [found[name] for name in node.reads], graph.rows[node.writes], equations_of(graph)[k]
        if letters[k]:
            units = named(chosen(k, [f"{letters[k]}{j + 1}" for j in range(shape[-1])]), shape)
        else:
            usual = [f"{node.op.name}{node.label}.{j + 1}" for j in range(shape[-1])]
            same = _taken_over(equations, node.op.writes, reads, shape)
            units = named(chosen(k, usual), shape) if same is None else same
        found[node.writes] = units
    return found


def _taken_over(equations: Equations | None, writes: str, reads: Sequence[Units], shape: Shape) -> Units | None:
    """Name what an op without units of its own writes after what it reads; None where that gives no names."""
    read, size = reads[0], int(np.prod(shape))
    if equations and equations.same_numbers:
        kept = len(shape) > 1 and len(read.channels) == shape[-1]
        return Units(read.channels if kept else read.names[: shape[-1]], read.names)
    if equations is None:
        same = len(read.names) == size and len(read.channels) == shape[-1]
        return read if same else None
    channels = read.channels
    parts = [part for part in equations.forward if part.array == writes]
    if any(part.unit(index) >= len(channels) for part in parts for index in part.places):
        channels = tuple(name for units in reads for name in units.channels)
    names = {index: channels[part.unit(index)] + place_text(part.position(index))
             for part in parts for index in part.places}  # fmt: skip
    units = {index[-1]: channels[part.unit(index)] for part in parts for index in part.places}
    if len(names) != size or len(set(names.values())) != size:
        return None
    return Units(tuple(units[j] for j in range(shape[-1])), tuple(names[index] for index in every(shape)))


def parameter_names(
    part: Part, index: Index, own: Sequence[str], read: Sequence[str], layer: str
) -> tuple[str, str]:  # fmt: skip
    """Give the names of the unit, with its place, and of the source of a parameter's element; of a bias no source.

    `own` are the channels that the op writes, `read` those that it reads; a number of the op as a whole is named after
    its layer.
    """
    unit = part.unit(index)
    source = "" if part.source is None else part.source(index)
    if isinstance(source, int):
        source = (own if part.own_source else read)[source]
    return (layer if unit < 0 else own[unit]) + place_text(part.position(index)), source


def element_name(network: Architecture, array: str, index: tuple[int, ...]) -> str:
    """Name an element of an array of a network, or of the inputs "X"; an empty text where worked examples have no name.

    The elements of X are those of a row, from 1: i3[5] is the third input of row 5.
    """
    graph = network.graph
    if array == "X":
        return f"{[n for units in input_units(graph).values() for n in units.names][index[1]]}[{index[0] + 1}]"
    label, _, own = array.rpartition(".")
    for k, node in enumerate(graph.nodes):
        if node.label == label and own in graph.shapes[k].parameters:
            return _parameter_name(graph, k, own, index)
    return ""


def _parameter_name(graph: Graph, k: int, own: str, index: Index) -> str:
    """Name an element of a parameter of node k."""
    if graph not in _NAMES:
        _NAMES[graph] = buffer_units(graph)
    node, units, equations = graph.nodes[k], _NAMES[graph], equations_of(graph)[k]
    read, written = units[node.reads[0]], units[node.writes]
    if equations:
        part = next((part for part in equations.parameters if part.array == own and index in part.places), None)
        if part is None:
            return ""
        unit, source = parameter_names(part, index, written.channels, read.channels, f"layer {node.label}")
        return f"{part.kind}({source},{unit})" if source else f"{part.kind}({unit})"
    shape = graph.shapes[k].parameters[own]
    if shape == (len(read.names), len(written.names)) and isinstance(node.op, Dense):
        return f"w({read.names[index[0]]},{written.names[index[1]]})"
    return f"{own}({written.channels[index[0]]})" if shape == (len(written.channels),) else ""
