"""One training step as records, made one by one when asked for."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.explain.algebra.numerals import DIGITS, short_text
from backlit.explain.algebra.tree import Ref, plus, shown_refs
from backlit.explain.context import Context
from backlit.explain.labels import check_labels
from backlit.explain.naming import Names
from backlit.explain.record.quantities import Group, Key, Place, Quantity
from backlit.explain.record.recording import Recording, Settings
from backlit.explain.record.records import Change, Column, Drawing, Edge, Example, Node, Record, Section, Summary
from backlit.explain.stages.base import ParameterQuantity, Stage
from backlit.explain.stages.chain import stages_of
from backlit.explain.stages.loss import ErrorPart
from backlit.explain.stages.optimizer import Update, norm_quantity
from backlit.ops.base import Optimizer
from backlit.ops.registry import optimizers

T = TypeVar("T")

PHASES = ("forward", "error", "backward", "update")
LARGEST_EXAMPLE = 5000
"""A worked example of more numbers than this is asked for in parts."""
DRAWN_UNITS = 6
DRAWN_ROWS = 3
GIVEN = "Given: inputs and weights"
EVERY_ROW = -1
"""In the place of a row's number: a group that comes once, with all its rows."""


class Step:
    """One training step of a network on some rows, explained.

    Attributes:
        recording: what the engine left behind. `summary`: what the step is a step of.
        only: what was asked for, names, units, layers or phases; empty for everything.
    """

    def __init__(
        self, recording: Recording, names: Names, *, rows: Sequence[str] | None = None, only: Sequence[str] = (),
        digits: int = DIGITS, check: bool = False,
    ) -> None:  # fmt: skip
        self.recording, self.names = recording, names
        self.digits, self.check = digits, check
        self.context = Context(recording, names, rows)
        self.inputs = Quantity(
            "forward", "input", None, units=names.inputs, rows=self.context.rows, values=lambda row: recording.X[row],
            name=lambda at: names.of("input", names.inputs[at.unit], row=self.context.row_name(at.row)),
        )  # fmt: skip
        self.stages = stages_of(self.context, self.inputs)
        self.parameters = [p for stage in self.stages for p in _parameters_of(stage)]
        self.error = ErrorPart(self.context, self.stages[-1])
        self.error.parameters = tuple(self.parameters)
        self._backward()
        self.norm = norm_quantity(self.context, self._final_gradients) if recording.settings.clip_norm else None
        self.updates = [Update(self.context, p, self.gradients[p.full], self.norm) for p in self._trained()]
        if names.labels:
            check_labels(names, self._nameable(), self.quantities(), self._find)
        self.only = tuple(only)
        self._wanted: dict[Quantity, set[Place]] | None = None
        if self.only:
            self._wanted = self._selected()

    @property
    def summary(self) -> Summary:
        """What the step is a step of."""
        recording = self.recording
        settings, network = recording.settings, recording.network
        loss = self.recording.network.loss
        facts = [
            ("network", repr(network).removeprefix("Network(").removesuffix(")").replace("->", "→")),
            ("error", f"{loss.name}, {_reduction_words(loss.reduction, recording.rows)}"),
            ("optimizer", _settings_words(recording.optimizer)),
            ("rows", str(recording.rows)),
        ]  # fmt: skip
        given = [f"{name} {getattr(settings, name):g}" for name in ("l1", "l2", "clip_value", "clip_norm", "max_norm")
                 if getattr(settings, name)]  # fmt: skip
        facts += [("penalties and limits", ", ".join(given))] if given else []
        facts += [("step", str(recording.number))] if recording.number > 1 else []
        facts += [("rate of this step", f"{recording.rates[-1]:.9g}")] if settings.rates else []
        return Summary("One training step, worked out", tuple(facts), tuple(recording.errors), self.digits)

    # ------------------------------------------------------------------------------------------------------- the parts

    def _trained(self) -> list[ParameterQuantity]:
        return [p for p in self.parameters if self.recording.has_gradient(p.full)]

    def _backward(self) -> None:
        """Go through the stages from the back, collecting the groups of the backward pass."""
        groups, grad = self.error.first()
        self.backward_groups: list[Group] = [Group(title, quantities) for title, quantities in groups]
        self.gradients: dict[str, Quantity] = {}
        self.row_gradients: dict[str, Quantity] = {}
        stages = self.stages[:-1] if self.error.joined else self.stages
        for place, stage in reversed(list(enumerate(stages))):
            self._parameter_gradients(stage, grad)
            if not any(self.recording.has_gradient(p.full) for s in stages[:place] for p in _parameters_of(s)):
                break
            before, grad = stage.backward(grad)
            self.backward_groups.append(Group(f"back through {stage.title}", (*before, grad)))

    def _parameter_gradients(self, stage: Stage, grad: Quantity) -> None:
        wanted = [p for p in _parameters_of(stage) if self.recording.has_gradient(p.full)]
        if not wanted:
            return
        made = tuple(self._gradient(stage, p, grad) for p in wanted)
        shown = tuple(self.row_gradients.get(p.full, g) for p, g in zip(wanted, made, strict=True))
        self.backward_groups.append(Group(f"weights of {stage.title}", shown))

    def _gradient(self, stage: Stage, parameter: ParameterQuantity, grad: Quantity) -> Quantity:
        """Make dE/dw of a parameter; with several rows, each row's part and the sum over them."""
        recording, name = self.recording, parameter.array_name
        array = recording.parameter(recording.gradients.raw, parameter.full)
        common: dict[str, Any] = {"units": parameter.units, "sources": parameter.sources}
        kind = f"dE/d{parameter.kind}"
        rows = self.context.rows
        if rows:
            parts = Quantity(
                "backward", kind, parameter.layer, rows=rows, **common,
                name=lambda at: parameter.name(at).slope(rows[at.row]),
                values=lambda row: recording.row_gradient(stage.k, name, row),
                expression=lambda at: stage.row_slope(name, grad, at),
            )  # fmt: skip
            self.row_gradients[parameter.full] = parts

        def expression(at: Place) -> Any:
            if not rows:
                return stage.row_slope(name, grad, at)
            return plus(*(self.row_gradients[parameter.full].ref(row, at.unit, at.source) for row in range(len(rows))))

        self.gradients[parameter.full] = Quantity(
            "backward", kind, parameter.layer, **common, name=lambda at: parameter.name(at).slope(),
            values=lambda _: array, expression=expression,
            numeric=lambda at: recording.numeric_slope(parameter.full, parameter.index(at)),
        )  # fmt: skip
        return self.gradients[parameter.full]

    def _final_gradients(self) -> list[Ref]:
        """Give every element of the gradient before it is scaled to its norm."""
        found = []
        for update in self.updates:
            quantity = next((q for q in update.quantities if q.kind == "g scaled"), None)
            place = update.quantities.index(quantity) if quantity else 0
            before = update.quantities[place - 1] if place else self.gradients[update.full]
            found += [before.ref(0, j, i) for i in range(len(before.sources) or 1) for j in range(len(before.units))]
        return found

    def groups(self) -> Iterator[tuple[str, Group, int]]:
        """Give all groups in order, with the heading of each and its row."""
        rows = range(max(len(self.context.rows), 1))
        of = [f", row {name}" for name in self.context.rows] or [""]
        for quantity in (self.inputs, *self.parameters, self.error.targets):
            yield GIVEN, Group("", (quantity,)), EVERY_ROW
        for row, stage in self._in_order(rows, self.stages):
            yield f"Forward{of[row]}: {stage.title}", stage.forward, row
        error = self.error
        for row in rows:
            for of_row in (error.per_output, error.per_row):
                if of_row:
                    yield f"Error{of[row]}", Group("", (of_row,)), row
        total = "Error of all rows" if self.context.rows else "Error"
        yield total, Group("", (error.E, error.penalty) if error.penalty else (error.E,)), 0
        for row, group in self._in_order(rows, self.backward_groups):
            yield f"Backward{of[row]}: {group.title}", group, row
        if self.context.rows:
            for parameter in self._trained():
                yield "Backward: the sum over the rows", Group("", (self.gradients[parameter.full],)), 0
        if self.norm:
            yield "Update: the norm of the gradient", Group("", (self.norm,)), 0
        for update in self.updates:
            yield f"Update: {update.parameter.stage.title}", Group("", tuple(update.quantities)), 0

    def _in_order(self, rows: range, parts: Sequence[T]) -> Iterator[tuple[int, T]]:
        """Give row after row with all its parts; part after part where the rows need each other."""
        if any(op.batch_coupled for op in self.recording.network.ops):
            yield from ((row, part) for part in parts for row in rows)
        else:
            yield from itertools.product(rows, parts)

    def keys(self) -> Iterator[tuple[str, Key]]:
        """Give all numbers in order, with the heading of each; only those asked for, if something was."""
        for heading, group, row in self.groups():
            for here in self._rows_of(group, row):
                for key in group.keys(here, self._wanted):
                    yield heading, key

    def _rows_of(self, group: Group, row: int) -> range:
        """Give the rows of which a group's numbers come next."""
        if row != EVERY_ROW:
            return range(row, row + 1)
        return range(len(group.quantities[0].rows) or 1)

    def __len__(self) -> int:
        if self._wanted is not None:
            return sum(map(len, self._wanted.values()))
        return sum(group.size(here) for _, group, row in self.groups() for here in self._rows_of(group, row))

    # --------------------------------------------------------------------------------------------------------- records

    def records(self) -> Iterator[Record]:
        """Give the records in the order in which a person would work them out, each made as it is asked for."""
        for _, key in self.keys():
            yield key.quantity.record(key.place, self.digits, check=self.check)

    def sections(self) -> Iterator[Section]:
        """Give the records under their headings.

        Errors: a BacklitError where the step has more numbers than anyone would read.
        """
        if len(self) > LARGEST_EXAMPLE:
            weight = self.parameters[0].name(Place(0, 0, 0)).text if self.parameters else "forward"
            raise BacklitError(
                f"this step has {len(self):,} numbers; choose fewer rows or a part, only {weight!r} for instance."
            )
        title, phase = "", ""
        found: list[Record] = []
        for heading, key in self.keys():
            if heading != title and found:
                yield Section(title, phase, tuple(found))
                found = []
            title, phase = heading, (phase if found else key.quantity.phase)
            found.append(key.quantity.record(key.place, self.digits, check=self.check))
        if found:
            yield Section(title, phase, tuple(found))

    def example(self, *, compare: bool = False) -> Example:
        """Give all that is shown of the step, with the parameters before and after it if asked."""
        drawn = () if self.only else range(min(len(self.context.rows) or 1, DRAWN_ROWS))
        drawings = tuple(self.drawing(row) for row in drawn)
        return Example(self.summary, drawings, tuple(self.sections()), tuple(self.changes()) if compare else ())

    def __getitem__(self, name: str) -> Record:
        key = self.find(name)
        if key is None:
            near = difflib.get_close_matches(name, self._some_names(), n=3)
            hint = (
                f"did you mean {' or '.join(map(repr, near))}?"
                if near
                else "names look like 'net(h1)' or 'dE/dw(i1,h1)'."
            )
            raise KeyError(f"the step has no number {name!r}; {hint}")
        return key.quantity.record(key.place, self.digits, check=self.check)

    def find(self, name: str) -> Key | None:
        """Give the number of that name, its own label or the usual one."""
        if self.names.labels:
            found = self._find(name, labelled=True)
            if found is not None:
                return found
        with self.names.usual():
            return self._find(name)

    def _find(self, name: str, *, labelled: bool = False) -> Key | None:
        places = ((quantity, quantity.find(name, labelled=labelled)) for quantity in self.quantities())
        return next((Key(quantity, place) for quantity, place in places if place is not None), None)

    def quantities(self) -> Iterator[Quantity]:
        """Give all quantities, once each."""
        seen = set()
        for quantity in (q for _, group, _ in self.groups() for q in group.quantities):
            if id(quantity) not in seen:
                seen.add(id(quantity))
                yield quantity

    def _nameable(self) -> Iterator[Quantity]:
        """Give the quantities that can have own names: what is given, and what the forward pass makes of it."""
        error = self.error
        yield from (*self.parameters, self.inputs, *(q for stage in self.stages for q in stage.forward.quantities))
        yield from (error.targets, *([error.per_output] if error.per_output else []))

    def _some_names(self) -> list[str]:
        """Give names to suggest: all of a small step, of a large one the first of each quantity."""
        if len(self) <= LARGEST_EXAMPLE:
            return [
                key.quantity.name(key.place).text for _, group, row in self.groups() for key in group.keys(max(row, 0))
            ]
        return [quantity.name(Place(0, 0, 0)).text for quantity in self.quantities()]

    # ----------------------------------------------------------------------------------------------------- a part only

    def _selected(self) -> dict[Quantity, set[Place]]:
        """Give the places of the numbers that were asked for, by quantity."""
        wanted: dict[Quantity, set[Place]] = {}
        for part in self.only:
            for quantity, place in self._part(part):
                wanted.setdefault(quantity, set()).add(place)
        return wanted

    def _part(self, part: str) -> set[Key]:
        """Give the numbers of a phase, a layer or a unit; or a number with the chain of all it depends on."""
        layers = {f"layer {k}" for k in set(self.recording.network.labels)}
        if part in PHASES:
            return {key for heading, key in self.keys() if key.quantity.phase == part and heading != GIVEN}
        if part in layers:
            return {key for _, key in self.keys() if f"layer {key.quantity.layer}" == part}
        if any(part in quantity.units for quantity in self.quantities()):
            return {key for _, key in self.keys() if key.quantity.units[key.place.unit] == part}
        key = self.find(part)
        if key is None:
            near = difflib.get_close_matches(part, [*PHASES, *layers, *self.names.outputs, *self._some_names()], n=1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else "expected a phase, 'layer 1', a unit such as 'h1' or a weight."
            )
            raise BacklitError(f"only: the step has no {part!r}; {hint}")
        return self._chain(key)

    def _chain(self, key: Key) -> set[Key]:
        """Give a number and all it depends on, of long sums the terms that are shown; of a weight, to its new value."""
        start = key
        if isinstance(key.quantity, ParameterQuantity):
            update = next((u for u in self.updates if u.parameter is key.quantity), None)
            start = Key(update.quantities[-1], key.place) if update else key
        found, waiting = set(), [start]
        while waiting:
            key = waiting.pop()
            if key not in found:
                found.add(key)
                if key.quantity.expression:
                    waiting += [
                        ref.key for ref in shown_refs(key.quantity.expression(key.place)) if ref.key is not None
                    ]
        total = Key(self.error.E, Place(0, 0, 0))
        parts = shown_refs(total.quantity.expression(total.place)) if total.quantity.expression else ()
        return found | {total} | {ref.key for ref in parts if ref.key is not None}

    # --------------------------------------------------------------------------------------------- drawing, comparison

    def drawing(self, row: int = 0) -> Drawing:
        """Give the network with the numbers of one row, the first units of each layer."""
        columns = [Column("inputs", self._nodes(self.inputs, row), len(self.inputs.units), ())]
        dense = [stage for stage in self.stages if any(p.sources for p in _parameters_of(stage))]
        for number, stage in enumerate(dense):
            after = self.stages[self.stages.index(stage) :]
            until = self.stages.index(dense[number + 1]) if number + 1 < len(dense) else len(self.stages)
            last = self.stages[until - 1] if until else after[0]
            title = "outputs" if number + 1 == len(dense) else f"layer {stage.context.layer(stage.k)}"
            columns.append(Column(title, self._nodes(last.written, row), len(stage.units), self._edges(stage)))
        targets = self.error.targets
        shown = range(min(len(targets.units), DRAWN_UNITS))
        return Drawing(tuple(columns), tuple(targets.value(Place(row if targets.rows else 0, 0, j)) for j in shown))

    def _nodes(self, quantity: Quantity, row: int) -> tuple[Node, ...]:
        slope = next((q for g in self.backward_groups for q in g.quantities if q.kind == f"dE/d{quantity.kind}"
                      and q.units == quantity.units), None)  # fmt: skip
        shown = range(min(len(quantity.units), DRAWN_UNITS))
        places = [Place(row if quantity.rows else 0, 0, j) for j in shown]
        return tuple(
            Node(quantity.units[at.unit], quantity.value(at), slope.value(at) if slope else None) for at in places
        )  # fmt: skip

    def _edges(self, stage: Stage) -> tuple[Edge, ...]:
        edges = []
        for parameter in _parameters_of(stage):
            after = self.recording.parameter(self.recording.after, parameter.full)
            gradient = self.gradients.get(parameter.full)
            sources = range(min(len(parameter.sources), DRAWN_UNITS)) if parameter.sources else [-1]
            for source in sources:
                for unit in range(min(len(parameter.units), DRAWN_UNITS)):
                    at = Place(0, max(source, 0), unit)
                    new = float(after[source, unit] if parameter.sources else after[unit])
                    slope = gradient.value(at) if gradient else None
                    edges.append(Edge(source, unit, parameter.value(at), slope, new))
        return tuple(edges)

    def changes(self) -> Iterator[Change]:
        """Give the error and every trained parameter before and after the step."""
        yield Change("E", self.recording.E, self.recording.E_after)
        for update in self.updates:
            new = update.quantities[-1]
            for at in new.places(0):
                yield Change(update.parameter.name(at).text, update.parameter.value(at), new.value(at))


def _parameters_of(stage: Stage) -> list[ParameterQuantity]:
    """Give the parameters that a stage's forward pass made."""
    found = [value for value in vars(stage).values() if isinstance(value, ParameterQuantity)]
    return sorted(found, key=lambda parameter: parameter.full, reverse=False)


def _reduction_words(reduction: str, rows: int) -> str:
    if reduction == "sum":
        return "summed over the rows" if rows > 1 else "of the row"
    if reduction == "mean":
        return "mean over the rows" if rows > 1 else "of the row"
    return "mean over rows and outputs" if rows > 1 else "mean over the outputs"


def _settings_words(optimizer: Optimizer) -> str:
    settings = {name: getattr(optimizer, name) for name in optimizer.__struct_fields__}
    if not optimizer.weight_decay:
        settings.pop("weight_decay", None)
    words = [
        f"{name} {value if isinstance(value, bool) else short_text(float(value))}" for name, value in settings.items()
    ]
    return ", ".join([optimizer.name, *words])


def explain_step(
    network: Network, X: npt.ArrayLike, Y: npt.ArrayLike, *, optimizer: Optimizer | str = "sgd",
    sample_weight: npt.ArrayLike | None = None, l1: float = 0.0, l2: float = 0.0, decay_biases: bool = False,
    clip_value: float | None = None, clip_norm: float | None = None, max_norm: float | None = None,
    steps: int = 1, rates: Sequence[float] = (), taken: int = 0, slots: npt.ArrayLike | None = None, seed: int = 0,
    inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None,
    units: Sequence[Sequence[str]] | None = None, rows: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None, only: str | Sequence[str] = (), digits: int = DIGITS, check: bool = False,
) -> Step:  # fmt: skip
    """Record one training step of a copy of the network and give it as records; see `backlit.explain`."""
    if not isinstance(network, Network):
        raise BacklitError(f"explain was given {network!r}; expected a Network.")
    if isinstance(digits, bool) or not isinstance(digits, (int, np.integer)) or not 0 <= digits <= 100:
        raise BacklitError(f"digits is {digits!r}; expected a whole number from 0 to 100.")
    settings = Settings(
        l1=l1, l2=l2, decay_biases=decay_biases, clip_value=clip_value or 0.0, clip_norm=clip_norm or 0.0,
        max_norm=max_norm or 0.0, seed=seed, steps=steps, rates=tuple(map(float, rates)), taken=taken, slots=slots,
    )  # fmt: skip
    rule: Optimizer = optimizers.make(optimizer)
    recording = Recording(network, X, Y, rule, sample_weight, settings)
    names = Names(recording.network, inputs, outputs, units, labels)
    if rows is not None and len(rows) != recording.rows:
        raise BacklitError(f"rows: {len(rows)} names given; X has {recording.rows} rows.")
    parts = (only,) if isinstance(only, str) else tuple(only)
    return Step(recording, names, rows=rows, only=parts, digits=int(digits), check=check)
