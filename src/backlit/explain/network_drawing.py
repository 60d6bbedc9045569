"""The network as a drawing with the numbers of one row, in records: its inputs, and each dense layer's units."""

from __future__ import annotations

from itertools import pairwise

from backlit.explain.contents import Contents
from backlit.explain.record.quantities import Place, Quantity
from backlit.explain.record.step_records import Column, Drawing, Edge, Node
from backlit.explain.stages.base import Stage

DRAWN_UNITS = 6
"""Of a larger layer, so many units are drawn."""


def drawing_of(contents: Contents, row: int) -> Drawing:
    """Give the network with the numbers of one row, the first units of each layer."""
    inputs, stages, targets = contents.inputs, contents.stages, contents.error.targets
    columns = [Column("inputs", _nodes(contents, inputs, row), len(inputs.units), ())]
    starts = [k for k, stage in enumerate(stages) if any(p.sources for p in stage.parameters)]
    for start, end in pairwise([*starts, len(stages)]):
        stage, last = stages[start], stages[end - 1]
        title = "outputs" if end == len(stages) else f"layer {stage.context.layer(stage.k)}"
        columns.append(Column(title, _nodes(contents, last.written, row), len(stage.units), _edges(contents, stage)))
    shown = range(min(len(targets.units), DRAWN_UNITS))
    return Drawing(tuple(columns), tuple(targets.value(Place(row if targets.rows else 0, 0, j)) for j in shown))


def _nodes(contents: Contents, quantity: Quantity, row: int) -> tuple[Node, ...]:
    """Give the units of a column with their numbers and the slopes of the error with respect to these."""
    backward = (q for group in contents.backward.groups for q in group.quantities)
    slope = next((q for q in backward if q.kind == f"dE/d{quantity.kind}" and q.units == quantity.units), None)
    places = [Place(row if quantity.rows else 0, 0, j) for j in range(min(len(quantity.units), DRAWN_UNITS))]
    return tuple(Node(quantity.units[at.unit], quantity.value(at), slope.value(at) if slope else None) for at in places)


def _edges(contents: Contents, stage: Stage) -> tuple[Edge, ...]:
    """Give the weights and biases that lead to a column, before and after the step, with their gradients."""
    recording = contents.context.recording
    edges = []
    for parameter in stage.parameters:
        after = recording.parameter(recording.after, parameter.full)
        gradient = contents.backward.gradients.get(parameter.full)
        sources = range(min(len(parameter.sources), DRAWN_UNITS)) if parameter.sources else [-1]
        for source in sources:
            for unit in range(min(len(parameter.units), DRAWN_UNITS)):
                at = Place(0, max(source, 0), unit)
                slope = gradient.value(at) if gradient else None
                edges.append(Edge(source, unit, parameter.value(at), slope, float(after[parameter.index(at)])))
    return tuple(edges)
