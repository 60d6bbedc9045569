"""The network as a drawing with numbers, in records: its inputs, and each dense layer's units with their weights.

The drawing of a row has that row's numbers alone: what the units pass on to the next layer, after dropout and the like,
and their dE/dnet, and on the edges the row's part of dE/dw: dE/dnet of the unit that a weight leads to, times what it
multiplies. Where the error is a mean or rows are weighted, the row's factor is in them, so that the rows' edges add up
to those of all rows together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from backlit.explain.contents import Contents
from backlit.explain.panels import dense_tail, panels_of
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.node_record import Node
from backlit.explain.record.quantities import Key, Place, Quantity, Readable
from backlit.explain.record.step_records import Column, Drawing, Edge
from backlit.explain.stages.base import ParameterQuantity, Stage
from backlit.explain.stages.chain import layer_title
from backlit.kernels.types import Array

LARGEST_COLUMN = 12
"""A layer of up to so many units is drawn whole."""
DRAWN_UNITS = 8
"""Of a larger layer, so many units are drawn: those with the strongest weights, on the way back the largest slopes."""


class Layer(NamedTuple):
    """A dense layer with what follows it up to the next one: its own stage, and the last, whose outputs are drawn."""

    dense: Stage
    last: Stage

    @property
    def weights(self) -> ParameterQuantity:
        """The quantity of the weights."""
        return next(p for p in self.dense.parameters if p.sources)


def drawing_of(contents: Contents, row: int | None, exact: ExactNumbers, *, units_of: int | None = None) -> Drawing:
    """Give the network with the numbers of one row; without a row, with the slopes of all rows added up.

    Of numbers that float64's rounding left few digits, `exact` gives those that are right. With `units_of`, a row, the
    units of that row's forward pass are drawn both ways.
    """
    before = dense_tail(contents.context)
    panels = panels_of(contents, row, before, exact) if before else ()
    labels = contents.context.recording.network.labels
    stages = [stage for stage in contents.stages if _layer_number(labels[stage.k]) > before]
    if before and not stages:
        name = None if row is None else contents.context.row_name(row)
        return Drawing((), (), name, _coupled(contents.stages) if name else (), panels=panels)
    layers = _layers(stages)
    drawing = _of_dense(contents, layers, row, exact, units_of)
    if not panels:
        return drawing
    back = msgspec.structs.replace(drawing.back, panels=panels) if drawing.back else None
    return msgspec.structs.replace(drawing, panels=panels, back=back)


def _layer_number(label: str) -> int:
    """Give the number of the layer that a node belongs to: 2 of "2a.1"."""
    return int(re.match(r"\d+", label)[0])  # type: ignore[index]


def columns_of(contents: Contents) -> dict[str, int]:
    """Give which column of a drawing has the units of a layer, by the layer's number; those in panels have none."""
    context = contents.context
    before, labels = dense_tail(context), context.recording.network.labels
    numbers = [(stage, _layer_number(labels[stage.k])) for stage in contents.stages]
    found, column = {}, 0
    for stage, number in numbers:
        if number > before:
            column += any(p.sources for p in stage.parameters)
            found[str(number)] = column
    return found


def _of_dense(
    contents: Contents, layers: Sequence[Layer], row: int | None, exact: ExactNumbers, units_of: int | None
) -> Drawing:
    """Give the drawing of dense layers one after another."""
    if units_of is not None:
        drawn = _drawn_units(contents, layers, units_of, backward=False)
        return _drawing(contents, layers, drawn, row, exact)
    backward = _drawn_units(contents, layers, row, backward=True)
    if row is None:
        return _drawing(contents, layers, backward, row, exact)
    forward = _drawn_units(contents, layers, row, backward=False)
    drawing = _drawing(contents, layers, forward, row, exact)
    if forward == backward:
        return drawing
    return msgspec.structs.replace(drawing, back=_drawing(contents, layers, backward, row, exact))


def _drawing(
    contents: Contents, layers: Sequence[Layer], drawn: Sequence[Sequence[int]], row: int | None, exact: ExactNumbers
) -> Drawing:
    first = _inputs(contents, layers)
    title = "inputs"
    if first is not contents.inputs:
        after = contents.stages[contents.stages.index(layers[0].dense) - 1].title
        title = f"{'' if dense_tail(contents.context) else 'inputs '}after {after}"
    columns = [Column(title, _nodes(first, None, drawn[0], row, exact), len(first.units), (), first.kind)]
    for number, layer in enumerate(layers, 1):
        title = "outputs" if number == len(layers) else f"layer {layer.dense.context.layer(layer.dense.k)}"
        shown = layer.last.written
        if shown.kind != "out":
            title += f", after {layer_title(layer.last.op)}"
        nodes = _nodes(shown, _net_slopes(contents, layer), drawn[number], row, exact)
        edges = _edges(contents, layer, drawn[number - 1], drawn[number], row, exact)
        columns.append(Column(title, nodes, len(layer.dense.units), edges, shown.kind))
    name = None if row is None else contents.context.row_name(row)
    behind = contents.stages[contents.stages.index(layers[0].dense) :] if layers else []
    coupled = _coupled(behind) if name else ()
    return Drawing(tuple(columns), _targets(contents, drawn[-1], row), name, coupled)


def _inputs(contents: Contents, layers: Sequence[Layer]) -> Readable:
    return layers[0].dense.read if layers else contents.inputs


def _coupled(behind: Sequence[Stage]) -> tuple[str, ...]:
    """Name the ops behind the first weights that need all rows together."""
    return tuple(dict.fromkeys(layer_title(stage.op) for stage in behind if stage.op.batch_coupled))


def _layers(stages: Sequence[Stage]) -> list[Layer]:
    starts = [k for k, stage in enumerate(stages) if any(p.sources for p in stage.parameters)]
    return [Layer(stages[start], stages[end - 1]) for start, end in pairwise([*starts, len(stages)])]


def _targets(contents: Contents, drawn: Sequence[int], row: int | None) -> tuple[float, ...]:
    targets = contents.error.targets
    if row is None:
        return ()
    return tuple(targets.value(Place(row if targets.rows else 0, 0, unit)) for unit in drawn)


# ---------------------------------------------------------------------------------------------------------- which units


def _drawn_units(contents: Contents, layers: Sequence[Layer], row: int | None, *, backward: bool) -> list[list[int]]:
    """Give the units that are drawn, column by column: of a large one those with the strongest weights, in order.

    On the way back they are those with the largest slopes on their edges. Among the outputs, those whose target is not
    0 come first: the class that the row has is drawn.
    """
    sizes = [len(_inputs(contents, layers).units), *(len(layer.dense.units) for layer in layers)]
    if max(sizes) <= LARGEST_COLUMN:
        return [list(range(size)) for size in sizes]
    weights = [_sizes(contents, layer, row, backward=False) for layer in layers]
    first = [_sizes(contents, layer, row, backward=True) for layer in layers] if backward else weights
    found = []
    for number, size in enumerate(sizes):
        strengths = [_strengths(arrays, number, size) for arrays in (first, weights)]
        if number == len(layers) and row is not None:
            strengths[0][np.flatnonzero(_targets(contents, range(size), row))] = np.inf
        found.append(_strongest(*strengths))
    return found


def _sizes(contents: Contents, layer: Layer, row: int | None, *, backward: bool) -> Array:
    """Give the sizes of a layer's weights, or of their slopes; zeros where they are not trained."""
    recording, full = contents.context.recording, layer.weights.full
    weights = np.abs(recording.parameter(recording.before, full))
    if not backward:
        return weights
    gradient = _gradients(contents, row).get(full)
    return np.abs(gradient.values(row or 0)) if gradient else np.zeros_like(weights)


def _strengths(sizes: Sequence[Array], number: int, size: int) -> Array:
    """Give for each unit of a column the largest size on the edges to it and from it."""
    strength = np.zeros(size)
    if number:
        strength = np.maximum(strength, sizes[number - 1].max(axis=0))
    if number < len(sizes):
        strength = np.maximum(strength, sizes[number].max(axis=1))
    return strength


def _strongest(strength: Array, then: Array) -> list[int]:
    """Give the units with the largest strength; `then` decides between equal ones."""
    if len(strength) <= LARGEST_COLUMN:
        return list(range(len(strength)))
    return sorted(int(unit) for unit in np.lexsort((-then, -strength))[:DRAWN_UNITS])


# ---------------------------------------------------------------------------------------------------- nodes and edges


def _nodes(
    quantity: Readable, slope: Quantity | None, drawn: Sequence[int], row: int | None, exact: ExactNumbers
) -> tuple[Node, ...]:
    """Give the units of a column, with the row's numbers if there is one row."""
    if row is None:
        return tuple(Node(quantity.units[unit], None, None) for unit in drawn)
    nodes = []
    for unit in drawn:
        at = Place(row if quantity.rows else 0, 0, unit)
        back = exact.right(Key(slope, at)) if slope else None
        value = exact.right(quantity.key(at))
        nodes.append(Node(quantity.units[unit], value, back, quantity.name(at).text))
    return tuple(nodes)


def _net_slopes(contents: Contents, layer: Layer) -> Quantity | None:
    """Give dE/dnet of a layer's units, if the backward pass comes to it."""
    net = layer.dense.written
    backward = (q for group in contents.backward.groups for q in group.quantities)
    return next((q for q in backward if q.kind == f"dE/d{net.kind}" and q.units == net.units), None)


def _gradients(contents: Contents, row: int | None) -> Mapping[str, Quantity]:
    """Give dE/dw of each trained parameter: the row's part where there are several rows and one is asked for."""
    backward = contents.backward
    return backward.row_gradients if contents.context.rows and row is not None else backward.gradients


def _edges(
    contents: Contents, layer: Layer, sources: Sequence[int], units: Sequence[int], row: int | None, exact: ExactNumbers
) -> tuple[Edge, ...]:
    """Give the weights and biases between the drawn units, before and after the step, with their slopes."""
    recording, own = contents.context.recording, set(contents.context.names.labels.values())
    gradients = _gradients(contents, row)
    edges = []
    for parameter in layer.dense.parameters:
        after = recording.parameter(recording.after, parameter.full)
        gradient = gradients.get(parameter.full)
        for source, from_unit in enumerate(sources) if parameter.sources else [(-1, 0)]:
            for unit, to_unit in enumerate(units):
                at = Place(0, from_unit, to_unit if len(parameter.units) > 1 else 0)  # all units may share one bias
                slope = (
                    exact.right(Key(gradient, at._replace(row=row if row and gradient.rows else 0)))
                    if gradient
                    else None
                )
                name = parameter.name(at).text
                edges.append(
                    Edge(source, unit, name, name in own, parameter.value(at), slope, float(after[parameter.index(at)]))
                )
    return tuple(edges)
