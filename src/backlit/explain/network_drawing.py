"""The network as a drawing with numbers, in records: its inputs, and each dense layer's units with their weights.

The drawing of a row has that row's numbers alone: outputs and dE/dnet of the units, and on the edges the row's part of
dE/dw: dE/dnet of the unit that a weight leads to, times the output that it multiplies. Where the error is a mean
or rows are weighted, the row's factor is in them, so that the rows' edges add up to those of all rows together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from backlit.explain.contents import Contents
from backlit.explain.record.exact import ExactNumbers
from backlit.explain.record.quantities import Key, Place, Quantity
from backlit.explain.record.step_records import Column, Drawing, Edge, Node
from backlit.explain.stages.base import ParameterQuantity, Stage
from backlit.kernels.types import Array

LARGEST_COLUMN = 12
"""A layer of up to so many units is drawn whole."""
DRAWN_UNITS = 8
"""Of a larger layer, so many units are drawn: those with the strongest weights."""


class Layer(NamedTuple):
    """A dense layer with what follows it up to the next one: its own stage, and the last, whose outputs are drawn."""

    dense: Stage
    last: Stage

    @property
    def weights(self) -> ParameterQuantity:
        """The quantity of the weights."""
        return next(p for p in self.dense.parameters if p.sources)


def drawing_of(contents: Contents, row: int | None, exact: ExactNumbers) -> Drawing:
    """Give the network with the numbers of one row; without a row, with the slopes of all rows added up.

    Of numbers that float64's rounding left few digits, `exact` gives those that are right.
    """
    layers = _layers(contents.stages)
    first = layers[0].dense.read if layers else contents.inputs
    title = "inputs"
    if first is not contents.inputs:
        title = f"inputs after {contents.stages[contents.stages.index(layers[0].dense) - 1].title}"
    drawn = _drawn_units(contents, layers, len(first.units), row)
    columns = [Column(title, _nodes(first, None, drawn[0], row, exact), len(first.units), ())]
    for number, layer in enumerate(layers, 1):
        title = "outputs" if number == len(layers) else f"layer {layer.dense.context.layer(layer.dense.k)}"
        nodes = _nodes(layer.last.written, _net_slopes(contents, layer), drawn[number], row, exact)
        edges = _edges(contents, layer, drawn[number - 1], drawn[number], row, exact)
        columns.append(Column(title, nodes, len(layer.dense.units), edges))
    name = None if row is None else contents.context.row_name(row)
    return Drawing(tuple(columns), _targets(contents, drawn[-1], row), name)


def _layers(stages: Sequence[Stage]) -> list[Layer]:
    starts = [k for k, stage in enumerate(stages) if any(p.sources for p in stage.parameters)]
    return [Layer(stages[start], stages[end - 1]) for start, end in pairwise([*starts, len(stages)])]


def _targets(contents: Contents, drawn: Sequence[int], row: int | None) -> tuple[float, ...]:
    targets = contents.error.targets
    if row is None:
        return ()
    return tuple(targets.value(Place(row if targets.rows else 0, 0, unit)) for unit in drawn)


# ---------------------------------------------------------------------------------------------------------- which units


def _drawn_units(contents: Contents, layers: Sequence[Layer], inputs: int, row: int | None) -> list[list[int]]:
    """Give the units that are drawn, column by column: of a large one those with the strongest weights, in order.

    Among the outputs, those whose target is not 0 come first: the class that the row has is drawn.
    """
    vector = contents.context.recording
    weights = [np.abs(vector.parameter(vector.before, layer.weights.full)) for layer in layers]
    found = []
    for number in range(len(layers) + 1):
        size = weights[number - 1].shape[1] if number else inputs
        strength = np.zeros(size)
        if number:
            strength = np.maximum(strength, weights[number - 1].max(axis=0))
        if number < len(layers):
            strength = np.maximum(strength, weights[number].max(axis=1))
        if number == len(layers) and row is not None:
            strength[np.flatnonzero(_targets(contents, range(size), row))] = np.inf
        found.append(_strongest(strength))
    return found


def _strongest(strength: Array) -> list[int]:
    if len(strength) <= LARGEST_COLUMN:
        return list(range(len(strength)))
    return sorted(int(unit) for unit in np.argsort(-strength, kind="stable")[:DRAWN_UNITS])


# ---------------------------------------------------------------------------------------------------- nodes and edges


def _nodes(
    quantity: Quantity, slope: Quantity | None, drawn: Sequence[int], row: int | None, exact: ExactNumbers
) -> tuple[Node, ...]:
    """Give the units of a column, with the row's numbers if there is one row."""
    if row is None:
        return tuple(Node(quantity.units[unit], None, None) for unit in drawn)
    nodes = []
    for unit in drawn:
        at = Place(row if quantity.rows else 0, 0, unit)
        back = exact.right(Key(slope, at)) if slope else None
        nodes.append(Node(quantity.units[unit], exact.right(Key(quantity, at)), back))
    return tuple(nodes)


def _net_slopes(contents: Contents, layer: Layer) -> Quantity | None:
    """Give dE/dnet of a layer's units, if the backward pass comes to it."""
    net = layer.dense.written
    backward = (q for group in contents.backward.groups for q in group.quantities)
    return next((q for q in backward if q.kind == f"dE/d{net.kind}" and q.units == net.units), None)


def _edges(
    contents: Contents, layer: Layer, sources: Sequence[int], units: Sequence[int], row: int | None, exact: ExactNumbers
) -> tuple[Edge, ...]:
    """Give the weights and biases between the drawn units, before and after the step, with their slopes."""
    backward, recording, own = (
        contents.backward,
        contents.context.recording,
        set(contents.context.names.labels.values()),
    )
    gradients = backward.row_gradients if contents.context.rows and row is not None else backward.gradients
    edges = []
    for parameter in layer.dense.parameters:
        after = recording.parameter(recording.after, parameter.full)
        gradient = gradients.get(parameter.full)
        for source, from_unit in enumerate(sources) if parameter.sources else [(-1, 0)]:
            for unit, to_unit in enumerate(units):
                at = Place(0, from_unit, to_unit)
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
