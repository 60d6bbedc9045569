"""A number of the step as an entry of the catalogue sees it: its formula, and what stands around it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

import msgspec

from backlit.check.digits import last_place
from backlit.check.evaluation import Number, recorded, value_of
from backlit.check.graph import StepGraph, operands, reference
from backlit.check.roles import Role
from backlit.explain import Step
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref
from backlit.explain.record.quantities import Key, Place
from backlit.explain.stages.activation import ActivationStage
from backlit.explain.stages.base import ParameterQuantity
from backlit.explain.stages.loss import ErrorPart
from backlit.explain.stages.optimizer import Update

ONE, ZERO = Literal("1"), Literal("0")


class Changed(msgspec.Struct, frozen=True):
    """A formula as a mistake leads to it; `detail` says which of several, such as "with w6 in place of w5"."""

    node: Node
    detail: str = ""


class Site:
    """A number with its formula, at which mistakes can be made.

    Attributes:
        graph, key: the number in its graph. quantity, place: where it is. role: its part in the step.
        node: its formula. step: the step that it belongs to. error: that step's error part.
        sheet: the numbers that the learner's sheet gives; empty where no sheet is at hand.
        number: gives the numbers that the learner has; by default the step's own.
        unit: the unit of the last digit that the sheet gives of it; 0 where that is not known.
        scale: the size of the sheet's factor: its digits are those of the number divided by that.
    """

    def __init__(
        self, graph: StepGraph, key: Key, node: Node | None = None, *, sheet: Iterable[Key] = (),
        number: Number = recorded, unit: float = 0.0, scale: float = 1.0,
    ) -> None:  # fmt: skip
        self.graph, self.key, self.sheet, self.number = graph, key, sheet, number
        self.unit, self.scale = unit, scale
        self.quantity, self.place = key
        self.role: Role = graph.role(key)
        found = graph.formula(key) if node is None else node
        assert found is not None, f"{graph.name(key)} has no formula"
        self.node: Node = found
        self.step: Step = graph.steps[graph.step_of(key)]
        self.error: ErrorPart = self.step.contents.error

    @property
    def name(self) -> str:
        """Its name in the worked example."""
        return self.graph.name(self.key)

    @functools.cached_property
    def operands(self) -> tuple[Key, ...]:
        """The numbers that enter its formula, once each, from left to right."""
        return operands(self.node)

    @functools.cached_property
    def expected(self) -> float:
        """What its formula gives on the learner's numbers."""
        return value_of(self.node, self.number)

    @functools.cached_property
    def last_place(self) -> int:
        """The power of ten of its last digit on the sheet; where that is not known, of so many significant figures."""
        return last_place(self.expected / self.scale, self.unit / self.scale)

    def of_role(self, *roles: Role) -> list[Key]:
        """Give the operands of these roles."""
        return [key for key in self.operands if self.graph.role(key) in roles]

    def role_of(self, key: Key) -> Role:
        """Give another number's role."""
        return self.graph.role(key)

    def ref(self, key: Key) -> Ref:
        """Give a number for use in a formula."""
        return reference(key)

    # --------------------------------------------------------------------------------------------------- what is around

    @functools.cached_property
    def activation(self) -> ActivationStage | None:
        """The activation of a weighted sum, an output, dout/dnet or dE/dnet: that of the same layer and units."""
        units, layer = self.quantity.units, self.quantity.layer
        for stage in self.step.contents.stages:
            of_layer = layer is None or stage.context.layer(stage.k) == layer
            if of_layer and isinstance(stage, ActivationStage) and tuple(stage.units) == units:
                return stage
        return None

    def net(self, unit: int | None = None, row: int | None = None) -> Key | None:
        """Give the weighted sum of the same unit, or of another of the layer."""
        stage = self.activation
        return None if stage is None else stage.read.key(self._at(unit, row))

    def out(self, unit: int | None = None, row: int | None = None) -> Key | None:
        """Give the output of the same unit, or of another of the layer."""
        stage = self.activation
        if stage is None:
            return None
        return stage.written.key(self._at(unit, row))

    def _at(self, unit: int | None, row: int | None) -> Place:
        place = self.place
        return Place(place.row if row is None else row, 0, place.unit if unit is None else unit)

    @functools.cached_property
    def update(self) -> Update | None:
        """The update of the parameter that a gradient, a slot or a new weight belongs to."""
        backward = self.step.contents.backward
        for update in self.step.contents.updates:
            of = update.parameter
            if self.quantity in (of, backward.gradients.get(of.id), backward.row_gradients.get(of.id)):
                return update
            if any(self.quantity is quantity for quantity in update.quantities):
                return update
        return None

    @property
    def parameter(self) -> ParameterQuantity | None:
        """The parameter that a gradient, a row's part of it, a slot or a new weight belongs to."""
        return None if self.update is None else self.update.parameter

    def new_weight(self, weight: Key) -> Key | None:
        """Give the value that a weight has after the step."""
        for update in self.step.contents.updates:
            if update.parameter is weight.quantity:
                return Key(update.new, weight.place)
        return None

    def others(self, key: Key, *, unit: bool = True, source: bool = True, row: bool = False) -> Iterator[Key]:
        """Give the other numbers of the same quantity: at another unit, another source, another row."""
        at, quantity = key.place, key.quantity
        for place in self.graph.places(quantity):
            if place == at or (place.row != at.row and not row):
                continue
            if (place.unit != at.unit and not unit) or (place.source != at.source and not source):
                continue
            yield Key(quantity, place)

    # ------------------------------------------------------------------------------------------------ changing formulas

    def with_key(self, old: Key, new: Node | Key) -> Node:
        """Give the formula with another number, or another formula, in a number's place."""
        put = self.ref(new) if isinstance(new, Key) else new
        return mapped(self.node, lambda node: put if isinstance(node, Ref) and node.key == old else None)

    def with_constant(self, text: str, new: Node) -> Node:
        """Give the formula with something else for a setting or a count, by its plain name, such as "η" or "n"."""
        return mapped(self.node, lambda node: new if isinstance(node, Ref) and node.key is None and node.name == text
                      else None)  # fmt: skip


def mapped(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """Give a formula with parts replaced: those for which `change` gives something."""
    new = change(node)
    if new is not None:
        return new
    if isinstance(node, Apply):
        return Apply(node.head, tuple(mapped(arg, change) for arg in node.args))
    return node


def parts(node: Node) -> Iterator[Apply]:
    """Give all operations of a formula, from the outside inwards."""
    if isinstance(node, Apply):
        yield node
        for arg in node.args:
            yield from parts(arg)


def without(node: Node, head: str, place: int) -> Node:
    """Give a sum or a product without one of its parts; what is left alone stands for itself."""
    assert isinstance(node, Apply)
    assert node.head == head
    left = node.args[:place] + node.args[place + 1 :]
    if not left:
        return ZERO if head == "+" else ONE
    return left[0] if len(left) == 1 else Apply(head, left)


def swapped(node: Node, part: Node, new: Node) -> Node:
    """Give a formula with another part in the place of one, which is found by identity."""
    return mapped(node, lambda found: new if found is part else None)
