"""The numbers of a step for many draws at once: the records' own formulas, evaluated on arrays of operands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from backlit.check.evaluation import values_of
from backlit.check.graph import StepGraph
from backlit.check.worksheets.draws import Array
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key


class Numbers:
    """All numbers of a graph for many draws.

    Args:
        graph: the steps, recorded with one draw. drawn: the given numbers that are drawn, each (draws,); the others are
            those of the record.
    """

    def __init__(self, graph: StepGraph, drawn: Mapping[Key, Array]) -> None:
        self.graph, self._known = graph, dict(drawn)

    def of(self, key: Key) -> Any:
        """Give a number of every draw (draws,), or one float where it is the same in all."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._made(key)
        return found

    def _made(self, key: Key) -> Any:
        node = self.graph.formula(key)
        if node is not None:
            return self.value(node)
        earlier = self.graph.earlier(key)
        return key.quantity.value(key.place) if earlier is None else self.of(earlier)

    def value(self, node: Node) -> Any:
        """Give a formula's number of every draw.

        Errors: a LookupError for an operation of one's own.
        """
        found = values_of(node, self.of)
        if isinstance(found, float) and math.isnan(found):
            raise LookupError(f"an operation of {node} is not known for arrays")
        return found


def given_keys(graph: StepGraph) -> dict[str, list[Key | None]]:
    """Give the given numbers of the first step by what a network file calls their array, in its order.

    "X" and "Y" are the inputs and targets, row after row, "1.W" the weights of layer 1.
    """
    contents = graph.steps[0].contents
    found: dict[str, list[Key | None]] = {}
    for name, quantity in (("X", contents.inputs), ("Y", contents.error.targets)):
        found[name] = [Key(quantity, at) for row in range(len(quantity.rows) or 1) for at in quantity.places(row)]
    network = contents.context.recording.network
    for parameter in contents.parameters:
        shape = network[parameter.full].shape
        keys = found.setdefault(parameter.full, [None] * math.prod(shape))
        for k, index in enumerate(np.ndindex(shape)):
            at = parameter.place(index)  # None where another part of the array has it
            keys[k] = keys[k] if at is None else Key(parameter, at)
    return found


def drawn_keys(graph: StepGraph, draws: Mapping[str, Array]) -> dict[Key, Array]:
    """Give the drawn numbers by their keys, in all steps; `draws` has for each array (draws, numbers)."""
    found: dict[Key, Array] = {}
    for name, keys in given_keys(graph).items():
        if name in draws:
            found |= {key: draws[name][:, k] for k, key in enumerate(keys) if key is not None}
    for step in graph.steps[1:]:
        found |= _later(step, draws)
    return found


def _later(step: Any, draws: Mapping[str, Array]) -> dict[Key, Array]:
    """Give the inputs and targets of a later step, by the places of its rows in the training."""
    found: dict[Key, Array] = {}
    contents, batch = step.contents, step.recording.batch.rows
    for name, quantity in (("X", contents.inputs), ("Y", contents.error.targets)):
        if name not in draws:
            continue
        wide = len(quantity.units)
        for row in range(len(quantity.rows) or 1):
            for at in quantity.places(row):
                found[Key(quantity, at)] = draws[name][:, int(batch[row]) * wide + at.unit]
    return found
