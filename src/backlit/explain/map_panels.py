"""The panels of layers that give pictures, sequences or units: their numbers as grids, and how a marked one is made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec
import numpy as np

from backlit.engine import Network, buffer_units, equations_of
from backlit.explain.panel_source import Making, Source, first_of, numbers
from backlit.explain.record.drawing_records import Cell, Grid, Maps, Sum
from backlit.explain.record.node_record import Node
from backlit.explain.stages.chain import layer_title
from backlit.kernels.types import Array
from backlit.ops.equations import Index, Part

MOST_MAPS = 4
"""Of more channels so many are drawn, of a filter's weights too."""
MOST_UNITS, UNITS_A_ROW = 8, 4
LARGEST_MATRIX = 4
"""A matrix of weights of at most so many rows and columns is drawn."""


class Marks(msgspec.Struct, frozen=True):
    """What is marked in the numbers that a layer gives, by their indices."""

    made: Index | None = None
    window: tuple[Index, ...] = ()
    winner: Index | None = None


def maps_panel(source: Source, nodes: Sequence[int], marks: Marks, title: str) -> Maps:
    """Give the panel of a layer: the nodes that share its label, an op and perhaps its activation."""
    first, last = nodes[0], nodes[-1]
    buffer, inner = source.nodes[last].writes, source.nodes[first].writes
    weights, bias = _weights(source, first, marks.made)
    slope = inner if weights or bias else buffer
    panel = grids_panel(source, buffer, marks, title, slope)
    if source.row is not None and (picked := _picked(source, first)):
        panel = msgspec.structs.replace(
            panel, grids=tuple(msgspec.structs.replace(g, heads=picked) for g in panel.grids)
        )
    making = source.making(first, marks.made) if marks.made is not None else None
    made = (
        _sum(source, nodes, making, marks.made)
        if making and marks.made is not None and source.row is not None
        else None
    )
    return msgspec.structs.replace(panel, weights=weights[:MOST_MAPS], bias=bias, made=made, weights_size=len(weights))


def grids_panel(source: Source, buffer: str, marks: Marks, title: str, slope: str = "") -> Maps:
    """Give a buffer's numbers as grids: a channel of a picture each, a sequence, or units in rows of a few."""
    values, slopes = source.values(buffer), source.slopes(slope or buffer)
    if source.row is None:
        return Maps(title, (), 0)
    channels = source.units(buffer).channels
    if values.ndim == 3:
        wanted = next((index[-1] for index in (marks.made, *marks.window) if index is not None), None)
        chosen = first_of(channels, MOST_MAPS, wanted)
        grids = tuple(_picture(channels[c], values, slopes, marks, c) for c in chosen)
        return Maps(title, grids, len(channels))
    if values.ndim == 2:
        return Maps(title, (_sequence(channels, values, slopes, marks),), 1)
    names = source.units(buffer).names
    shown = first_of(names, MOST_UNITS, marks.made[0] if marks.made else None)
    rows = [shown[k : k + UNITS_A_ROW] for k in range(0, len(shown), UNITS_A_ROW)]
    grids = tuple(Grid("", numbers(values[None, row]), () if slopes is None else numbers(slopes[None, row]),
                       heads=tuple(names[j] for j in row)) for row in rows)  # fmt: skip
    return Maps(title, grids, len(grids) + len(names) - len(shown))


def _picture(name: str, values: Array, slopes: Array | None, marks: Marks, channel: int) -> Grid:
    def cell(index: Index | None) -> Cell | None:
        return (index[0], index[1]) if index is not None and index[-1] == channel else None

    window = dict.fromkeys((index[0], index[1]) for index in marks.window if index[-1] == channel)
    shown = () if slopes is None else numbers(slopes[..., channel])
    return Grid(name, numbers(values[..., channel]), shown, tuple(window), cell(marks.made), cell(marks.winner))


def _sequence(names: Sequence[str], values: Array, slopes: Array | None, marks: Marks) -> Grid:
    """Give a sequence with times from left to right, a row for each number of a time."""

    def cell(index: Index | None) -> Cell | None:
        return (index[1], index[0]) if index is not None else None

    window = tuple(dict.fromkeys((index[1], index[0]) for index in marks.window))
    heads = tuple(f"t{k + 1}" for k in range(len(values)))
    shown = () if slopes is None else numbers(slopes.T)
    return Grid("", numbers(values.T), shown, window, cell(marks.made), cell(marks.winner), heads, tuple(names))


def _picked(source: Source, k: int) -> tuple[str, ...]:
    """Give the rows of its weights that an embedding picks, one for each category; of another layer nothing."""
    part = _weights_part(source, k)
    if part is None or part.source is None or not isinstance(part.source(part.places[0]), str):
        return ()
    return tuple(f"w({category:g},…)" for category in source.values(source.nodes[k].reads[0]).reshape(-1))


# -------------------------------------------------------------------------------------------------- weights and the sum


def _weights_part(source: Source, k: int) -> Part | None:
    equations = source.equations[k]
    return next((part for part in equations.parameters if part.array == "W"), None) if equations else None


def _weights(source: Source, k: int, made: Index | None) -> tuple[tuple[Grid, ...], Node | None]:
    """Give the weights that lead to the marked channel, a grid for each channel read, and its bias."""
    node, shapes = source.nodes[k], source.graph.shapes[k].parameters
    equations = source.equations[k]
    if "W" not in shapes:
        return (), None
    unit = made[-1] if made is not None else 0
    read, own = source.units(node.reads[0]), source.units(node.writes)
    if equations is None or not equations.parameters:
        return _matrix(source, k), None
    values, slopes = source.weights(k, "W"), source.gradient(k, "W")
    part = _weights_part(source, k)
    if part is None or part.source is None or isinstance(part.source(part.places[0]), str):
        return (), None  # a weight of a category is no channel's
    grids = filter_grids(part, unit, values, slopes, (read.channels, own.channels))
    return tuple(grids), _bias(source, k, unit, own.channels[unit])


def filter_grids(
    part: Part, unit: int, values: Array, slopes: Array | None, channels: tuple[Sequence[str], Sequence[str]]
) -> list[Grid]:
    """Give the weights that lead to a unit: a grid for each channel read, or one for windows of one axis or none."""
    places = sorted(
        (index for index in part.places if part.unit(index) == unit), key=lambda index: _number(part, index)
    )
    read, own = channels
    grids, at = [], dict[Index, Index]()
    for number, found in groupby(places, key=lambda index: _number(part, index)):
        at = {part.position(index): index for index in found}
        name = f"{part.kind}({read[number]},{own[unit]})"
        grids.append(Grid(name, _placed(values, at), () if slopes is None else _placed(slopes, at)))
    if len(next(iter(at), ())) <= 1 and len(grids) > 1:
        return [_stacked(grids, f"{part.kind}(…,{own[unit]})", read)]
    return grids


def filters_of(network: Network) -> tuple[Grid, ...]:
    """Give the weights of all filters of a network's first convolution; none where it has no such layer."""
    units = buffer_units(network.graph)
    for node, equations in zip(network.graph.nodes, equations_of(network.graph), strict=True):
        parts = equations.parameters if equations else ()
        part = next(
            (part for part in parts if part.array == "W" and part.source and part.position(part.places[0])), None
        )
        if part is not None:
            channels = (units[node.reads[0]].channels, units[node.writes].channels)
            values = np.asarray(network[f"{node.label}.W"], float)
            return tuple(grid for unit in range(len(channels[1]))
                         for grid in filter_grids(part, unit, values, None, channels)[:MOST_MAPS])  # fmt: skip
    return ()


def _number(part: Part, index: Index) -> int:
    """Give the number of the channel that a weight leads from."""
    found = part.source(index) if part.source else 0
    return found if isinstance(found, int) else 0


def _placed(array: Array, at: dict[Index, Index]) -> tuple[tuple[float | None, ...], ...]:
    """Give elements of an array as a grid by their positions in the window; those of one axis in a row."""
    cells = {(0, *place)[-2:] if place else (0, 0): float(array[index]) for place, index in at.items()}
    rows, columns = (1 + max(cell[axis] for cell in cells) for axis in (0, 1))
    return tuple(tuple(cells.get((row, column)) for column in range(columns)) for row in range(rows))


def _stacked(grids: Sequence[Grid], name: str, sides: Sequence[str]) -> Grid:
    """Give grids of a row each as one."""
    shown = tuple(grid.slopes[0] for grid in grids if grid.slopes)
    return Grid(name, tuple(grid.values[0] for grid in grids), shown, sides=tuple(sides))


def _matrix(source: Source, k: int) -> tuple[Grid, ...]:
    """Give a small matrix of weights, a row for each unit that is read."""
    values, slopes = source.weights(k, "W"), source.gradient(k, "W")
    if values.ndim != 2 or max(values.shape) > LARGEST_MATRIX:
        return ()
    node = source.nodes[k]
    sides, heads = source.units(node.reads[0]).channels, source.units(node.writes).channels
    if (len(sides), len(heads)) != values.shape:
        return ()
    shown = () if slopes is None else numbers(slopes)
    return (Grid("w", numbers(values), shown, heads=tuple(heads), sides=tuple(sides)),)


def _bias(source: Source, k: int, unit: int, name: str) -> Node | None:
    if "b" not in source.graph.shapes[k].parameters or not source.weights(k, "b").size:
        return None
    slopes = source.gradient(k, "b")
    equations = source.equations[k]
    part = next((part for part in equations.parameters if part.array == "b"), None) if equations else None
    if part is not None and part.unit(part.places[0]) < 0:  # one bias of all units
        unit, name = 0, f"layer {source.nodes[k].label}"
    value = float(source.weights(k, "b").reshape(-1)[unit])
    return Node(f"b({name})", value, None if slopes is None else float(slopes.reshape(-1)[unit]))


def _sum(source: Source, nodes: Sequence[int], making: Making, made: Index) -> Sum:
    """Give how a number is made, with the numbers."""
    k, last = nodes[0], nodes[-1]
    node = source.nodes[k]
    given = source.values(node.reads[0])
    terms = tuple(
        (
            float(given[read.number]),
            float(source.weights(k, read.weight.array)[read.weight.index]) if read.weight else 1.0,
        )
        for read in making.reads
    )
    bias = float(source.weights(k, making.bias.array)[making.bias.index]) if making.bias else None
    name, result = source.name(k, made), float(source.values(node.writes)[made])
    if last == k:
        return Sum(name, terms, bias, result, making.head)
    after = float(source.values(source.nodes[last].writes)[made])
    return Sum(name, terms, bias, result, making.head, after, layer_title(source.nodes[last].op))
