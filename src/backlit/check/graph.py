"""The numbers of one step, or of several in turn, as a graph: what enters each, in the order of the computation."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence

from backlit.check.roles import Role, roles_of
from backlit.explain import Step
from backlit.explain.algebra.tree import Node, Ref, refs
from backlit.explain.record.quantities import Group, Key, Place, Quantity

Way = tuple[str, str, str]
"""By what the numbers of a group follow each other."""


class StepGraph:
    """The numbers of steps that follow each other, each with its formula.

    Args:
        steps: the steps, recorded one after another of one training.

    A parameter of a later step is the new value of the one before it, and so are the optimizer's slots.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self._step_of: dict[Quantity, int] = {}
        self._roles: dict[Quantity, Role] = {}
        self._order: dict[Quantity, dict[int, tuple[int, int, Way]]] = {}
        self._other_ways: dict[Quantity, Quantity] = {}
        self._links: set[Quantity] = set()
        self._before: dict[Quantity, Quantity] = {}
        self._formulas: dict[Key, Node | None] = {}
        for number, step in enumerate(self.steps):
            self._add(number, step)
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            self._link(before, after)

    def _add(self, number: int, step: Step) -> None:
        contents = step.contents
        self._roles |= roles_of(contents)
        for place, (_, group, row) in enumerate(contents.groups()):
            way = _way(group)
            for k, quantity in enumerate(group.quantities):
                self._step_of[quantity] = number
                self._order.setdefault(quantity, {})[row] = place, k, way
        chains = {q.kind.removeprefix("chain "): q for q in contents.quantities() if q.kind.startswith("chain ")}
        for quantity in contents.quantities():
            chain = chains.get(quantity.kind)
            if chain is not None and quantity.layer == chain.layer and quantity.units == chain.units:
                self._other_ways[quantity] = chain
                self._links |= self._only_in(chain, quantity)

    def _only_in(self, chain: Quantity, short: Quantity) -> set[Quantity]:
        """Give the numbers that the chain rule needs for a slope and the short formula of the joined loss does not."""
        ways = [
            formula
            for formula in (self.formula(Key(of, Place(0, 0, 0))) for of in (chain, short))
            if formula is not None
        ]
        longer, shorter = ({key.quantity for key in operands(formula)} for formula in ways)
        return longer - shorter

    def _link(self, before: Step, after: Step) -> None:
        """Let a later step's given weights and slots be the new ones of the step before."""
        new = {update.parameter.id: update for update in before.contents.updates}
        for update in after.contents.updates:
            earlier = new[update.parameter.id]
            self._before[update.parameter] = earlier.new
            after_step = {q.kind: q for q in earlier.quantities}
            for slot in update.slots.values():
                self._before[slot] = after_step[f"{slot.kind}+"]

    # --------------------------------------------------------------------------------------------------------- reading

    def step_of(self, key: Key) -> int:
        """Give which step a number belongs to, from 0."""
        return self._step_of[key.quantity]

    def role(self, key: Key) -> Role:
        """Give a number's role in the step."""
        return self._roles.get(key.quantity, "other")

    def order(self, key: Key) -> tuple[int, int, int, int, int]:
        """Give where a number stands in the order of the computation: within a group as `Group.keys` has it."""
        of, at = self._order[key.quantity], key.place
        group, number, way = of.get(at.row) or next(iter(of.values()))
        places = {"unit": at.unit, "source": at.source, "number": number}
        first, second, third = (places[name] for name in way)
        return self.step_of(key), group, first, second, third

    def formula(self, key: Key) -> Node | None:
        """Give a number's formula as the worked example has it; None where it is given."""
        if key not in self._formulas:
            expression = key.quantity.expression
            self._formulas[key] = None if expression is None else expression(key.place)
        return self._formulas[key]

    def formulas(self, key: Key) -> tuple[Node, ...]:
        """Give all formulas of a number: the worked example's, and of a joined loss that by the chain rule."""
        own = self.formula(key)
        other = self._other_ways.get(key.quantity)
        chain = None if other is None else self.formula(Key(other, key.place))
        return tuple(node for node in (own, chain) if node is not None)

    def way(self, key: Key, *changed: Collection[Key]) -> Node | None:
        """Give the formula of a number where those of others are changed.

        Of a joined loss that is the chain rule as soon as dE/dout or dout/dnet in it is changed: who makes a mistake
        there does not take the short formula.
        """
        chain = self._other_ways.get(key.quantity) if any(changed) else None
        by_chain = None if chain is None else self.formula(Key(chain, key.place))
        if by_chain is not None:
            links = [need for need in operands(by_chain) if need.quantity in self._links]
            if any(link in one for link in links for one in changed):
                return by_chain
        return self.formula(key)

    def is_link(self, key: Key) -> bool:
        """Tell whether only the chain rule through a joined loss needs a number: dE/dout and dout/dnet of outputs."""
        return key.quantity in self._links

    @functools.cached_property
    def by_the_chain_rule(self) -> dict[Key, Node]:
        """The numbers of a joined loss, such as dE/dnet = out - t, with their formulas by the chain rule."""
        found = {Key(quantity, place): self.formula(Key(chain, place)) for quantity, chain in self._other_ways.items()
                 for place in self.places(quantity)}  # fmt: skip
        return {key: node for key, node in found.items() if node is not None}

    def earlier(self, key: Key) -> Key | None:
        """Give the number of the step before that this one is: of a weight the new value there."""
        found = self._before.get(key.quantity)
        return None if found is None else Key(found, key.place)

    def needs(self, key: Key) -> tuple[Key, ...]:
        """Give the numbers that enter a number's formula."""
        node = self.formula(key)
        if node is None:
            earlier = self.earlier(key)
            return () if earlier is None else (earlier,)
        return operands(node)

    def name(self, key: Key) -> str:
        """Give a number's name in the worked example."""
        return key.quantity.name(key.place).text

    def find(self, name: str, step: int = 0) -> Key | None:
        """Give the number of that name in a step; None where there is none."""
        return self.steps[step].find(name)

    def numbers(self, step: int | None = None) -> Iterator[Key]:
        """Give all numbers of one step, or of all, as the worked example lists them; `order` is the computation's."""
        for one in self.steps if step is None else (self.steps[step],):
            yield from (key for _, key in one.contents.numbers())

    def places(self, quantity: Quantity) -> Iterator[Place]:
        """Give all places of a quantity."""
        for row in range(len(quantity.rows) or 1):
            yield from quantity.places(row)


def operands(node: Node) -> tuple[Key, ...]:
    """Give the numbers of the step that enter a formula, once each."""
    return tuple(dict.fromkeys(ref.key for ref in refs(node) if ref.key is not None))


def reference(key: Key) -> Ref:
    """Give a number for use in a formula."""
    return key.quantity.ref(key.place.row, key.place.unit, key.place.source)


def _way(group: Group) -> Way:
    """Give by what the numbers of a group follow each other: as `Group.keys` has them.

    By the chain rule through a softmax a slope needs those of all outputs, so there all of these come first.
    """
    if any(quantity.kind.startswith("chain ") for quantity in group.quantities):
        return "number", "unit", "source"
    alike = len({quantity.sources for quantity in group.quantities}) == 1
    return ("unit", "source", "number") if alike else ("unit", "number", "source")
