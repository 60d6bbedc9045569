"""Any op that gives its formulas as data, `Layer.equations`, explained; so a new layer needs nothing here."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.engine import equations_of, parameter_names, place_text
from backlit.explain.algebra.tree import Literal, Node
from backlit.explain.quantity_names import Name
from backlit.explain.record.quantities import Group, Place, Quantity, Readable, joined
from backlit.explain.stages.base import ParameterQuantity, Stage
from backlit.explain.stages.through_time import sizes_through_time, states_of
from backlit.explain.stages.written_out import elements, written_out
from backlit.kernels.types import Array
from backlit.ops.equations import Element, Equations, Formula, Index, Part, every

Cell = tuple[Readable, int]
"""A number of an array: its quantity, and the unit there."""


_TERMS: weakref.WeakKeyDictionary[Any, dict[tuple[int, str, Index], int]] = weakref.WeakKeyDictionary()
"""What `EquationStage._terms` has found for the parts of each node: steps of one network follow one another."""


class EquationStage(Stage):
    """An op by its equations: the parts of its arrays, each number with the formula that the op gives for it."""

    def write(self) -> Readable:
        """Make the parameters and the parts of the forward pass; give what the op writes."""
        context, graph = self.context, self.context.recording.network.graph
        found = equations_of(graph)[self.k]
        assert found is not None
        self.equations: Equations = found
        self.shapes = graph.shapes[self.k]
        self._cells: dict[tuple[str, Index], Cell] = {}
        self._arrays: dict[str, Array] = {}
        self._places: dict[tuple[str, Index], tuple[ParameterQuantity, Place]] = {}
        self._matrices: dict[str, ParameterQuantity] = {}
        self._gradients: dict[str, dict[Index, Part]] = {}
        self._grad: Readable | None = None
        names = context.names.of_buffers
        self._read = tuple(name for buffer in graph.nodes[self.k].reads for name in names[buffer].channels)
        self._own = names[graph.nodes[self.k].writes].channels if self.equations.letter else self._read
        if self.equations.same_numbers and self.via(0):  # other ops read them too: the slopes are not the same
            self._own, self.equations = names[graph.nodes[self.k].reads[0]].names, self._as_lines()
        for name, quantity in zip(self.op.reads, self.reads, strict=True):
            self._lay(name, quantity)
        self._make_parameters_by_part()
        if self.equations.same_numbers:
            return self.read
        self._forward = [(part, self._of_part(part)) for part in self.equations.forward]
        shape = self.shapes.buffers[self.op.writes]
        return joined([self._cells[self.op.writes, tuple(index)] for index in np.ndindex(*shape)])

    def _as_lines(self) -> Equations:
        """Give equations that repeat each number that is read."""
        read, wrote = self.shapes.buffers[self.op.reads[0]], self.shapes.buffers[self.op.writes]

        def place(index: Index, given: tuple[int, ...]) -> int:
            return int(np.ravel_multi_index(index, given))

        def same(index: Index, given: tuple[int, ...], other: tuple[int, ...]) -> Index:
            return tuple(int(k) for k in np.unravel_index(place(index, given), other))

        part = functools.partial(Part, position=lambda _: ())
        forward = part(array=self.op.writes, kind="same", places=every(wrote), unit=lambda index: place(index, wrote),
                       formula=lambda index: Element(self.op.reads[0], same(index, wrote, read)))  # fmt: skip
        back = part(array=f"d{self.op.reads[0]}", kind="same", places=every(read),
                    formula=lambda index: Element(f"d{self.op.writes}", same(index, read, wrote)))  # fmt: skip
        return Equations(forward=(forward,), backward=(back,))

    @property
    def writes_net(self) -> bool:  # type: ignore[override]
        """Whether what it writes is a weighted sum."""
        return bool(self.equations.letter) and self.written.kind.startswith("net")

    def forward_groups(self) -> tuple[Group, ...]:
        """Give the parts of the forward pass, under a heading of their own where they have titles."""
        return () if self.equations.same_numbers else self._grouped(self._forward, self.forward_title)

    def _grouped(self, parts: Iterable[tuple[Part, Quantity]], title: str) -> tuple[Group, ...]:
        """Put quantities in groups: one with a title begins a new group."""
        groups: list[tuple[str, list[Quantity]]] = []
        for part, quantity in parts:
            if part.title or not groups:
                groups.append((f"{title}, {part.title}" if part.title else title, []))
            groups[-1][1].append(quantity)
        return tuple(Group(heading, tuple(quantities)) for heading, quantities in groups)

    def _lay(self, array: str, quantity: Readable) -> None:
        """Say which quantity holds the numbers of a whole buffer."""
        places = enumerate(np.ndindex(*self._shape(array)))
        self._cells |= {(array, tuple(index)): (quantity, k) for k, index in places}

    def _shape(self, array: str) -> tuple[int, ...]:
        """Give the shape per row of a buffer, or of its gradient."""
        buffers = self.shapes.buffers
        return buffers[array] if array in buffers else buffers[array.removeprefix("d")]

    # ------------------------------------------------------------------------------------------------------ parameters

    def _make_parameters_by_part(self) -> None:
        for number, part in enumerate(self.equations.parameters):
            if not (part.places and np.prod(self.shapes.parameters[part.array])):
                continue
            whole = sum(other.array == part.array for other in self.equations.parameters) == 1
            if part.matrix and whole:
                self._matrices[part.array] = made = self.parameter(
                    part.array, "", functools.partial(self._described_matrix, part.kind)
                )
                self.parameters += (made,)
                continue
            grid = _grid(part)
            made = self.parameter(
                part.array, "" if whole else f":{number}", functools.partial(self._described, part, grid)
            )
            self.parameters += (made,)
            for unit, column in enumerate(grid):
                for source, index in enumerate(column):
                    self._places[part.array, index] = made, Place(0, source, unit)

    def _described_matrix(self, kind: str) -> dict[str, Any]:
        """Describe a matrix of weights from each channel that the op reads to each unit of its own."""
        names, read, own = self.context.names, self._read, self._own
        kind = self.context.free_kind_of_pairs(kind, read, own)
        return {"kind": kind, "units": own, "sources": read,
                "name": lambda at: names.of(kind, own[at.unit], read[at.source])}  # fmt: skip

    def _described(self, part: Part, grid: list[list[Index]]) -> dict[str, Any]:
        """Describe a parameter's part: its kind, and how its numbers are named."""
        context, layer = self.context, f"layer {self.context.layer(self.k)}"
        named = [[parameter_names(part, index, self._own, self._read, layer) for index in column] for column in grid]
        bare = [parameter_names(_nowhere(part), column[0], self._own, self._read, layer)[0] for column in grid]
        weights = part.source is not None
        of_slots = [{column[slot][1] for column in named} for slot in range(len(grid[0]))] if weights else []
        kind = context.free_kind(part.kind, [f"{source},{unit}" for column in named for unit, source in column])
        where = np.array(grid)  # (units, sources, axes)

        def name(at: Place) -> Name:
            unit, source = named[at.unit][at.source]
            return context.names.of(kind, unit, source)

        return {
            "kind": kind, "units": bare, "sources": [slot.pop() if len(slot) == 1 else "" for slot in of_slots],
            "source_name": (lambda at: named[at.unit][at.source][1]) if weights else None,
            "name": name, "where": where,
        }  # fmt: skip

    def row_slope(self, parameter: ParameterQuantity, grad: Readable, at: Place) -> Node:
        """Give how a row's part of a parameter's derivative comes about."""
        index = parameter.index(at)
        part = self._gradient_part(f"d{parameter.array_name}", index)
        return self.written_out(self._formula(part, index, at.row), at.row)

    def row_note(self, parameter: ParameterQuantity, at: Place) -> str:
        """Give the op's remark on a row's part of a parameter's derivative."""
        index = parameter.index(at)
        note = self._gradient_part(f"d{parameter.array_name}", index).note
        return note(index, lambda element: self._number(element, at.row)) if note else ""

    def _gradient_part(self, array: str, index: Index) -> Part:
        parts = [part for part in self.equations.gradients if part.array == array]
        if len(parts) == 1:
            return parts[0]
        if array not in self._gradients:
            self._gradients[array] = {place: part for part in parts for place in part.places}
        return self._gradients[array][index]

    # ----------------------------------------------------------------------------------------------------------- parts

    def _of_part(self, part: Part) -> Quantity:
        """Make the quantity of a part of the forward pass."""
        units = [self._unit(part, index) for index in part.places]
        if part.array == self.op.writes and len(set(units)) < len(units):  # such as a column that is selected twice
            shape = self._shape(part.array)
            units = [self.units[int(np.ravel_multi_index(index, shape))] for index in part.places]
        quantity = self.context.unit_quantity(
            self.k, part.kind, units, self._picked(part), self._expression(part), self._note(part), self._terms(part)
        )
        self._cells |= {(part.array, index): (quantity, k) for k, index in enumerate(part.places)}
        return quantity

    def _of_slopes(self, part: Part) -> Quantity:
        """Make the quantity of a part of the backward pass: derivatives with respect to one of the forward pass."""
        of = part.array.removeprefix("d")
        place = self.op.reads.index(of) if of in self.op.reads else -1
        cells = joined([self._cells[of, index] for index in part.places])
        array = self._picked(part, None if place < 0 else self.slope_array(place))
        quantity = self.context.slope_quantity(
            self.context.layer(self.k), cells, array, self._expression(part), self._note(part),
            terms=self._terms(part), via="" if place < 0 else self.via(place),
        )  # fmt: skip
        self._cells |= {(part.array, index): (quantity, k) for k, index in enumerate(part.places)}
        return quantity

    def _unit(self, part: Part, index: Index) -> str:
        unit = part.unit(index)
        name = f"layer {self.context.layer(self.k)}" if unit < 0 else self._own[unit]
        return name + place_text(part.position(index))

    def _picked(self, part: Part, array: Array | None = None) -> Array:
        """Give the recorded numbers of a part (n, numbers)."""
        shape = self._shape(part.array)
        array = self.buffer(part.array) if array is None else array
        places: Array = np.ravel_multi_index(tuple(np.array(part.places).T), shape) if shape else np.zeros(1, int)
        picked: Array = array[:, places]
        return picked

    def _formula(self, part: Part, index: Index, row: int) -> Formula:
        if part.row_formula is not None:
            return part.row_formula(index, lambda element: self._number(element, row))
        assert part.formula is not None, f"the part {part.kind!r} of {self.op.name!r} has no formula"
        return part.formula(index)

    def _expression(self, part: Part) -> Callable[[Place], Node]:
        return lambda at: self.written_out(self._formula(part, part.places[at.unit], at.row), at.row)

    def _note(self, part: Part) -> Callable[[Place], str] | None:
        note = part.note
        if note is None:
            return None
        return lambda at: note(part.places[at.unit], lambda element: self._number(element, at.row))

    def _terms(self, part: Part) -> int:
        """Give about how many numbers the formulas have."""
        known = _TERMS.setdefault(self.context.recording.network.graph, {})
        key = self.k, part.array, part.places[0]
        if key not in known or part.row_formula is not None:
            some = {part.places[k] for k in (0, len(part.places) // 2, -1)}
            known[key] = max(len(list(elements(self._formula(part, index, 0)))) for index in some)
        return known[key]

    # ------------------------------------------------------------------------------------------------------- the slopes

    def inner(self, grad: Readable) -> tuple[Group, ...]:
        """Make the parts of the backward pass that come before the derivatives of the parameters and of the inputs."""
        if self.equations.same_numbers:
            return ()
        self._lay(f"d{self.op.writes}", grad)
        first = [(part, self._of_slopes(part)) for part in self.equations.backward[: self._last_parts()]]
        title = f"back through {self.title}"
        return (*self._grouped(first, title), *self._through_time(first, title))

    def _through_time(self, slopes: Sequence[tuple[Part, Quantity]], title: str) -> tuple[Group, ...]:
        """Make the sizes of the slopes of what the op carries from moment to moment."""
        states = states_of(self.equations.forward, lambda part: self._formula(part, part.places[0], 0), self.op.reads)
        of_states = [[pair for pair in slopes if pair[0].array == f"d{array}"] for array in states]
        sizes = tuple(sizes_through_time(self.context, self.k, found) for found in of_states if len(found) > 1)
        return (Group(f"{title}, the slope's size through time", sizes),) if sizes else ()

    def _last_parts(self) -> int:
        """Give how many parts of the backward pass come before the last ones, which are the inputs' slopes."""
        count = len(self.equations.backward)
        while count and self.equations.backward[count - 1].array.removeprefix("d") in self.op.reads:
            count -= 1
        return count

    def slopes(self, grad: Readable, wanted: Collection[str]) -> tuple[tuple[Group, ...], dict[str, Readable]]:
        """Make the derivatives with respect to the inputs that are wanted."""
        if self.equations.same_numbers:
            return (), {self.op.reads[0]: grad}
        parts = [part for part in self.equations.backward[self._last_parts() :] if part.array[1:] in wanted]
        groups = self._grouped(((part, self._of_slopes(part)) for part in parts), f"back through {self.title}")
        found: dict[str, Readable] = {}
        for name in wanted:
            shape = self.shapes.buffers[name]
            found[name] = joined([self._cells[f"d{name}", tuple(index)] for index in np.ndindex(*shape)])
        return groups, found

    # ------------------------------------------------------------------------------------------------------ references

    def written_out(self, formula: Formula, row: int) -> Node:
        """Give a formula of the op's elements as one of the step's numbers."""
        return written_out(formula, lambda element: self._ref(element, row))

    def _ref(self, element: Element, row: int) -> Node:
        """Give the number of an element for use in a formula; what has no quantity stands as it is."""
        key = element.array, element.index
        if key in self._cells:
            quantity, unit = self._cells[key]
            return quantity.ref(row, unit)
        if element.array in self._matrices:
            return self._matrices[element.array].ref(0, element.index[1], element.index[0])
        if key in self._places:
            parameter, at = self._places[key]
            return parameter.ref(0, at.unit, at.source)
        return Literal(repr(self._number(element, row)))

    def _number(self, element: Element, row: int) -> float:
        """Give the number of an element in a row."""
        name, index = element.array, element.index
        if name in self.shapes.parameters:
            recording = self.context.recording
            label = recording.network.labels[self.k]
            return float(recording.parameter(recording.before, f"{label}.{name}")[index])
        if name not in self._arrays:
            self._arrays[name] = self.buffer(name).reshape(-1, *self._shape(name))
        return float(self._arrays[name][(row, *index)])


def _grid(part: Part) -> list[list[Index]]:
    """Give the places of a parameter's part, unit by unit; every unit has as many."""
    columns: dict[int, list[Index]] = {}
    for index in part.places:
        columns.setdefault(part.unit(index), []).append(index)
    return [columns[unit] for unit in sorted(columns)]


def _nowhere(part: Part) -> Part:
    """Give the same part without places in a window."""
    return msgspec.structs.replace(part, position=lambda _: ())
