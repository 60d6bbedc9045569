"""The gradients that code gives which makes a mistake of the catalogue: of all mistakes at once, number by number.

A planting is a mistake made everywhere, or in one layer. Each number of the step is a vector with a number for each
planting, worked out by the step's own formula on such vectors; where a planting changes the formula, its number is that
of the changed one. Nothing here knows backpropagation.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from backlit.check.catalogue import Mistake, mistakes
from backlit.check.evaluation import value_of
from backlit.check.graph import StepGraph, operands
from backlit.check.site import Site
from backlit.errors import BacklitError
from backlit.explain.algebra.tree import Apply, Node, evaluate
from backlit.explain.record.quantities import Key
from backlit.kernels.types import Array

EVERYWHERE = "everywhere"
MOST_FORMS = 12
"""So many forms of a mistake are tried at a number: each other weight in the place of the right one, say."""

SIMPLE = {"+", "*", "neg", "/", "^", "exp", "log", "ln", "tanh", "cosh", "sqrt"}
VECTORS = SimpleNamespace(mpf=float, exp=np.exp, log=np.log, tanh=np.tanh, cosh=np.cosh, sqrt=np.sqrt, pi=np.pi)

AFTER_THE_GRADIENT = {"slot", "new slot", "new weight", "norm"}

Numbers = float | Array
"""A number that all plantings have, or one for each of them."""


class Planting(msgspec.Struct, frozen=True):
    """A mistake, made everywhere or in one layer: which form of it, and the changed formulas by their numbers."""

    mistake: Mistake
    where: str
    detail: str
    form: str
    changes: Mapping[Key, Node]

    def with_other(self, other: Planting) -> dict[Key, Node] | None:
        """Give both mistakes' formulas; None where they change the same one."""
        if not self.changes.keys().isdisjoint(other.changes.keys()):
            return None
        return {**self.changes, **other.changes}


def plantings(graph: StepGraph) -> list[Planting]:
    """Give all mistakes that code can make in a step, each everywhere and in each layer where it can be made."""
    found: dict[tuple[str, str], dict[Key, tuple[Node, str]]] = {}
    for key in graph.keys():
        if graph.role(key) in AFTER_THE_GRADIENT or graph.formula(key) is None:
            continue
        for code, form, node, detail in _changes(graph, key):
            found.setdefault((code, form), {}).setdefault(key, (node, detail))
    made = []
    for (code, form), changes in found.items():
        layers = list(dict.fromkeys(_layer(key) for key in changes))
        places = [EVERYWHERE, *layers] if len(layers) > 1 else [EVERYWHERE]
        for where in places:
            here = {key: change for key, change in changes.items() if where in {EVERYWHERE, _layer(key)}}
            details = {detail for _, detail in here.values()}
            detail = min(details) if len(details) == 1 else ""
            nodes = {key: node for key, (node, _) in here.items()}
            made.append(Planting(mistakes()[code], where, detail, form, nodes))
    return made


def _layer(key: Key) -> str:
    return "the error" if key.quantity.layer is None else f"layer {key.quantity.layer}"


def _changes(graph: StepGraph, key: Key) -> Iterator[tuple[str, str, Node, str]]:
    """Give the changed formulas of a number: mistake, form, formula, detail."""
    seen: dict[str, int] = {}
    for formula in graph.formulas(key):
        site = Site(graph, key, formula)
        for mistake in mistakes().values():
            if mistake.scope == "slip" or mistake.harmless:
                continue
            for change in mistake.at(site):
                form = seen[mistake.code] = seen.get(mistake.code, -1) + 1
                if form >= MOST_FORMS:
                    break
                named = change.detail and not any(graph.name(operand) in change.detail for operand in site.operands)
                yield mistake.code, change.detail if named else str(form), change.node, change.detail


class PlantedStep:
    """The numbers of a step under many changes of its formulas.

    Args:
        graph: of the step. changes: for each planting, the changed formulas.
    """

    def __init__(self, graph: StepGraph, changes: Sequence[Mapping[Key, Node]]) -> None:
        self.graph, self.count = graph, len(changes)
        self._changed: dict[Key, list[tuple[int, Node]]] = {}
        for m, of in enumerate(changes):
            for key, node in of.items():
                self._changed.setdefault(key, []).append((m, node))
        self._found: dict[Key, Numbers] = {}
        self._under_way: set[Key] = set()
        with np.errstate(all="ignore"):
            for key in graph.keys():
                if graph.role(key) not in AFTER_THE_GRADIENT:
                    self.numbers(key)

    def numbers(self, key: Key) -> Numbers:
        """Give a number for all plantings; NaN where it would need itself."""
        if key in self._found:
            return self._found[key]
        if key in self._under_way:
            return float("nan")
        self._under_way.add(key)
        formula = self.graph.formula(key)
        found: Numbers = key.quantity.value(key.place)
        if formula is not None and any(isinstance(self.numbers(part), np.ndarray) for part in operands(formula)):
            found = self._by_formula(formula, found)
        for m, node in self._changed.get(key, ()):
            if not isinstance(found, np.ndarray):
                found = np.full(self.count, found)
            found[m] = value_of(node, functools.partial(self.one, m))
        self._under_way.discard(key)
        self._found[key] = found
        return found

    def one(self, m: int, key: Key) -> float:
        """Give a number for one planting."""
        found = self.numbers(key)
        return float(found[m]) if isinstance(found, np.ndarray) else found

    def _by_formula(self, formula: Node, recorded: float) -> Array:
        if all(head in SIMPLE for head in _heads(formula)):
            try:
                found = evaluate(formula, VECTORS, lambda ref: ref.value if ref.key is None else self.numbers(ref.key))
                return np.array(np.broadcast_to(np.asarray(found, np.float64), self.count))
            except (ArithmeticError, ValueError, TypeError, BacklitError):
                pass
        keys = operands(formula)
        table = np.stack([np.broadcast_to(self.numbers(key), self.count) for key in keys], axis=1)
        rows, places = np.unique(table, axis=0, return_inverse=True)
        base = [key.quantity.value(key.place) for key in keys]
        values = [recorded if row.tolist() == base else value_of(formula, dict(zip(keys, row.tolist(), strict=True)).__getitem__)
                  for row in rows]  # fmt: skip
        return np.array(values)[places.reshape(-1)]


def _heads(node: Node) -> Iterator[str]:
    if isinstance(node, Apply):
        yield node.head
        for arg in node.args:
            yield from _heads(arg)


def gradients_of(planted: PlantedStep, names: Iterable[str]) -> dict[str, Array]:
    """Give the gradients of the step's arrays for all plantings, (plantings, *shape), penalties included."""
    (step,) = planted.graph.steps
    found: dict[str, Array] = {}
    for update in step.contents.updates:
        parameter, quantity = update.parameter, update.unscaled
        if parameter.full not in names:
            continue
        array = found.setdefault(parameter.full, np.zeros((planted.count, *parameter.array.shape)))
        for place in parameter.places(0):
            array[(slice(None), *parameter.index(place))] = planted.numbers(Key(quantity, place))
    return found


def outputs_of(planted: PlantedStep, quantity: Any, rows: int) -> Array:
    """Give what a layer writes for all plantings, (plantings, rows, numbers)."""
    places = [[Key(quantity, place) for place in quantity.places(row)] for row in range(rows)]
    return np.stack([np.stack([np.broadcast_to(planted.numbers(key), planted.count) for key in row], axis=-1)
                     for row in places], axis=1)  # fmt: skip


