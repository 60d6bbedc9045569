"""A mistake as a belief: the formulas that it leads to at all numbers that it is about, not at one alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backlit.check.graph import StepGraph
from backlit.check.judging.findings import Explained
from backlit.check.site import Changed, Site
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key

Formulas = Mapping[Key, Node]


class Beliefs:
    """The formulas of beliefs on a graph, each worked out once."""

    def __init__(self, graph: StepGraph) -> None:
        self.graph = graph
        self._made: dict[tuple[str, str], Formulas] = {}

    def of(self, fit: Explained) -> list[Formulas]:
        """Give the formulas that a belief leads to, in each way in which it can be held.

        It is held at all numbers that it is about. One that changes several kinds of numbers may be held at those of
        one kind alone, as weights are left out in dE/dout and not in dE/dw, or of one layer. And whoever takes the
        short formula of a joined loss, out - t, holds it at the other numbers alone: no slope of the outputs enters it.
        """
        made = self._everywhere(fit)
        role = self.graph.role(fit.site)
        alike = {key: node for key, node in made.items() if self.graph.role(key) == role}
        short = {key: node for key, node in made.items() if not self.graph.is_link(key)}
        layer = {key: node for key, node in alike.items() if key.quantity.layer == fit.site.quantity.layer}
        ways = [made, alike, short, layer]
        different = [way for place, way in enumerate(ways) if all(way.keys() != other.keys() for other in ways[:place])]
        return [{**way, **fit.changed} for way in different]

    def _everywhere(self, fit: Explained) -> Formulas:
        kind = fit.code, fit.detail
        if kind not in self._made:
            roles = fit.mistake.roles
            keys = (key for key in self.graph.numbers() if not roles or self.graph.role(key) in roles)
            found = ((key, self._at(key, fit)) for key in keys)
            self._made[kind] = {key: changed.node for key, changed in found if changed is not None}
        return self._made[kind]

    def _at(self, key: Key, fit: Explained) -> Changed | None:
        """Give what it leads to at a number, the same of several, such as the logarithm to the same base."""
        made = self._ways_at(key, fit)
        first = next(made, None)
        if first is None or first.detail == fit.detail:
            return first
        return next((changed for changed in made if changed.detail == fit.detail), first)

    def _ways_at(self, key: Key, fit: Explained) -> Iterator[Changed]:
        for node in self.graph.formulas(key):
            yield from fit.mistake.at(Site(self.graph, key, node))
