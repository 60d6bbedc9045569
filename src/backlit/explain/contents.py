"""The contents of a worked example: all quantities of the step, in the order in which a person would work them out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from backlit.explain.backward_pass import BackwardPass
from backlit.explain.context import Context
from backlit.explain.labels import check_labels
from backlit.explain.record.quantities import Group, Key, Place, Quantity, Readable, joined
from backlit.explain.stages.base import ParameterQuantity
from backlit.explain.stages.chain import stages_of
from backlit.explain.stages.loss import ErrorPart
from backlit.explain.stages.optimizer import Update, norm_quantity

T = TypeVar("T")
Wanted = Mapping[Quantity, Collection[Place]]
"""The numbers that were asked for: their places by quantity."""

LARGEST_EXAMPLE = 10_000
"""Of a worked example of more numbers the first of each kind are shown: a page of so many has some 13 MB."""
GIVEN = "Given: inputs and weights"
ELEMENT = re.compile(r"(?P<array>\S+\.\w+)\[(?P<index>\d+(, *\d+)*)\]")
"""An element of a network's array by its indices, which count from 0."""
EVERY_ROW = -1
"""In the place of a row's number: a group that comes once, with all its rows."""


class Contents:
    """All quantities of a recorded step.

    Attributes:
        inputs, parameters: the given numbers. `stages`: those of the network. `error`, `backward`: the error and its
            derivatives. `norm`: the norm of the whole gradient where it is limited, else None. `updates`: one for each
            trained parameter.

    Errors: a BacklitError where an own label is given to no number, or two numbers get one name.
    """

    def __init__(self, context: Context) -> None:
        self.context, names, recording = context, context.names, context.recording
        self.inputs = Quantity(
            "forward", "input", None, units=names.inputs, rows=context.rows, values=lambda row: recording.X[row],
            name=lambda at: names.of("input", names.inputs[at.unit], row=context.row_name(at.row)),
        )  # fmt: skip
        self.stages = stages_of(context, self._by_input())
        self.parameters = tuple(dict.fromkeys(p for stage in self.stages for p in stage.parameters))
        self.error = ErrorPart(context, self.stages[-1], self.parameters)
        self.backward = BackwardPass(context, self.stages, self.error)
        self.norm = None
        if recording.settings.clip_norm:
            self.norm = norm_quantity(context, lambda: [update.unscaled for update in self.updates])
        self.updates = [Update(context, p, self.backward.gradients[p.id], self.norm) for p in self._trained()]
        if names.labels:
            check_labels(names, self._nameable(), self.quantities(), self._find)

    def _by_input(self) -> dict[str, Readable]:
        """Give the numbers of each input of the network, whose columns lie side by side in X."""
        columns = self.context.recording.network.graph.columns
        return {name: joined([(self.inputs, first + k) for k in range(count)])
                for name, (first, count) in columns.items()}  # fmt: skip

    @property
    def drawable(self) -> bool:
        """Whether the network has a drawing: one that is built from a graph has none where its ops join units."""
        if self.context.recording.network.layers:
            return True
        plain = [stage for stage in self.stages if not any(p.sources for p in stage.parameters)]
        return all(len(stage.units) == len(stage.read.units) for stage in plain)

    def _trained(self) -> list[ParameterQuantity]:
        return [p for p in self.parameters if self.context.recording.has_gradient(p.full)]

    # ----------------------------------------------------------------------------------------------------------- order

    def groups(self) -> Iterator[tuple[str, Group, int]]:
        """Give all groups in order, with the heading of each and its row."""
        rows = range(max(len(self.context.rows), 1))
        of = [f", row {name}" for name in self.context.rows] or [""]
        for quantity in (self.inputs, *self.parameters, self.error.targets):
            yield GIVEN, Group("", (quantity,)), EVERY_ROW
        for row, group in self._in_order(rows, [group for stage in self.stages for group in stage.forward]):
            yield f"Forward{of[row]}: {group.title}", group, row
        yield from self._error_groups(rows, of)
        for row, group in self._in_order(rows, self.backward.groups):
            yield f"Backward{of[row]}: {group.title}", group, row
        if self.context.rows:
            for parameter in self._trained():
                yield "Backward: the sum over the rows", Group("", (self.backward.gradients[parameter.id],)), 0
        if self.norm:
            yield "Update: the norm of the gradient", Group("", (self.norm,)), 0
        for update in self.updates:
            yield f"Update: {update.parameter.stage.title}", Group("", tuple(update.quantities)), 0

    def _error_groups(self, rows: range, of: Sequence[str]) -> Iterator[tuple[str, Group, int]]:
        """Give the groups of the error: of each row its outputs' and its own, then that of all rows."""
        error = self.error
        for row in rows:
            for of_row in (error.per_output, error.per_row):
                if of_row:
                    yield f"Error{of[row]}", Group("", (of_row,)), row
        total = "Error of all rows" if self.context.rows else "Error"
        yield total, Group("", (error.E, error.penalty) if error.penalty else (error.E,)), 0

    def _in_order(self, rows: range, parts: Sequence[T]) -> Iterator[tuple[int, T]]:
        """Give row after row with all its parts; part after part where the rows need each other."""
        if any(op.batch_coupled for op in self.context.recording.network.ops):
            yield from ((row, part) for part in parts for row in rows)
        else:
            yield from itertools.product(rows, parts)

    def numbers(self, wanted: Wanted | None = None) -> Iterator[tuple[str, Key]]:
        """Give all numbers in order, with the heading of each; where `wanted` is given, only those that it names."""
        for heading, group, row in self.groups():
            for here in _rows_of(group, row):
                for key in group.keys(here, wanted):
                    yield heading, key

    def __len__(self) -> int:
        return sum(group.size(here) for _, group, row in self.groups() for here in _rows_of(group, row))

    def quantities(self) -> Iterator[Quantity]:
        """Give all quantities, once each."""
        yield from dict.fromkeys(quantity for _, group, _ in self.groups() for quantity in group.quantities)

    # ----------------------------------------------------------------------------------------------------------- names

    def find(self, name: str) -> Key | None:
        """Give the number of that name: its own label, the usual one, or a weight's place in its array, "1.W[0, 1]"."""
        if element := ELEMENT.fullmatch(name):
            index = tuple(map(int, element["index"].split(",")))
            of_array = ((p, p.place(index)) for p in self.parameters if p.full == element["array"])
            return next((Key(p, at) for p, at in of_array if at is not None), None)
        names = self.context.names
        if names.labels:
            found = self._find(name, labelled=True)
            if found is not None:
                return found
        with names.usual():
            return self._find(name)

    def _find(self, name: str, *, labelled: bool = False) -> Key | None:
        places = ((quantity, quantity.find(name, labelled=labelled)) for quantity in self.quantities())
        return next((Key(quantity, place) for quantity, place in places if place is not None), None)

    def _nameable(self) -> Iterator[Quantity]:
        """Give the quantities that can have own names: the given ones, and those of the forward pass."""
        error = self.error
        yield from (
            *self.parameters,
            self.inputs,
            *(q for stage in self.stages for group in stage.forward for q in group.quantities),
        )
        yield from (error.targets, *([error.per_output] if error.per_output else []))

    def known_names(self, *, every: bool) -> list[str]:
        """Give names to suggest: every one, or the first of each quantity."""
        if every:
            return [
                key.quantity.name(key.place).text for _, group, row in self.groups() for key in group.keys(max(row, 0))
            ]
        return [quantity.name(Place(0, 0, 0)).text for quantity in self.quantities()]


def _rows_of(group: Group, row: int) -> range:
    """Give the rows of which a group's numbers come next."""
    return range(row, row + 1) if row != EVERY_ROW else range(len(group.quantities[0].rows) or 1)
