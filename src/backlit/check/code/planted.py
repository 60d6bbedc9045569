"""The gradients that code gives which makes a mistake of the catalogue: of all mistakes at once, number by number.

A planting is a mistake made everywhere, or in one layer. Each number of the step is a vector with a number for each
planting, worked out by the step's own formula on such vectors; where a planting changes the formula, its number is that
of the changed one. Nothing here knows backpropagation.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from backlit.check.catalogue import Mistake, mistakes
from backlit.check.evaluation import recorded, values_of
from backlit.check.graph import StepGraph, operands
from backlit.check.site import Changed, Site
from backlit.explain.algebra.tree import Node
from backlit.explain.record.quantities import Key, Place
from backlit.kernels.types import Array

EVERYWHERE, ERROR = "everywhere", "the error"
MOST_FORMS = 12
"""So many forms of a mistake are tried at a number: each other weight in the place of the right one, say."""

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


def rank_of(mistake: Mistake) -> int:
    """Give how far a mistake is from a wrong belief, which code makes at all numbers alike, from 0 to 2."""
    return 2 if mistake.general else int(mistake.scope == "here")


def plantings(graph: StepGraph, rank: int) -> list[Planting]:
    """Give all mistakes of a rank that code can make in a step, each everywhere and in each part of it."""
    found: dict[tuple[str, str], dict[Key, tuple[Node, str]]] = {}
    for key in graph.numbers():
        if graph.role(key) in AFTER_THE_GRADIENT or graph.formula(key) is None:
            continue
        for code, form, node, detail in _changes(graph, key, rank):
            found.setdefault((code, form), {}).setdefault(key, (node, detail))
    made = []
    for (code, form), changes in found.items():
        for where, keys in _parts(changes).items():
            details = {changes[key][1] for key in keys}
            detail = min(details) if len(details) == 1 else ""
            made.append(Planting(mistakes()[code], where, detail, form, {key: changes[key][0] for key in keys}))
    return made


def _parts(keys: Iterable[Key]) -> dict[str, list[Key]]:
    """Give the parts of the step in which a mistake may be made: everywhere, a layer, one kind of number, both."""
    whole = list(keys)
    found: dict[str, list[Key]] = {EVERYWHERE: whole}
    layers = list(dict.fromkeys(_layer(key) for key in whole))
    if len(layers) > 2:
        last = max(layers)
        found["the hidden layers"] = [key for key in whole if _layer(key) not in {last, ERROR}]
    for of in (_layer, _kind, lambda key: f"{_kind(key)} of {_layer(key)}"):
        for key in whole:
            found.setdefault(of(key), []).append(key)
    seen: dict[tuple[Key, ...], str] = {}
    for where, part in found.items():
        seen.setdefault(tuple(part), where)
    return {where: list(part) for part, where in seen.items()}


def _layer(key: Key) -> str:
    return ERROR if key.quantity.layer is None else f"layer {key.quantity.layer}"


def _kind(key: Key) -> str:
    return key.quantity.kind.removeprefix("chain ")


def _changes(graph: StepGraph, key: Key, rank: int) -> Iterator[tuple[str, str, Node, str]]:
    """Give the changed formulas of a number: mistake, form, formula, detail.

    Code makes a mistake in one form at all numbers: in the same one of several, or in that of the number's own unit or
    source.
    """
    by_code: dict[str, list[Changed]] = {}
    for formula in graph.formulas(key):
        site = Site(graph, key, formula)
        for mistake in mistakes().values():
            if mistake.scope != "slip" and not mistake.harmless and rank_of(mistake) == rank:
                by_code.setdefault(mistake.code, []).extend(itertools.islice(mistake.at(site), MOST_FORMS))
    for code, changes in by_code.items():
        names = [graph.name(operand) for operand in operands(changes[0].node)] if changes else []
        for number, change in enumerate(changes[:MOST_FORMS]):
            named = change.detail and not any(name in change.detail for name in names)
            yield code, change.detail if named else str(number), change.node, change.detail
        for form, place in (("unit", key.place.unit), ("source", key.place.source)):
            if len(changes) > 1 and place < len(changes):
                yield code, form, changes[place].node, changes[place].detail


class PlantedStep:
    """The numbers of a step under many changes of its formulas.

    Args:
        graph: of the step. changes: for each planting, the changed formulas.
    """

    def __init__(self, graph: StepGraph, changes: Sequence[Mapping[Key, Node]]) -> None:
        self.graph, self.count = graph, len(changes)
        self._changed: dict[Key, dict[int, tuple[Node, list[int]]]] = {}
        for m, of in enumerate(changes):
            for key, node in of.items():
                self._changed.setdefault(key, {}).setdefault(id(node), (node, []))[1].append(m)
        self._found: dict[Key, Numbers] = {}
        self._under_way: set[Key] = set()
        with np.errstate(all="ignore"):
            for key in graph.numbers():
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
        found: Numbers = recorded(key)
        if formula is not None and any(isinstance(self.numbers(part), np.ndarray) for part in operands(formula)):
            found = self._evaluated(formula, np.arange(self.count), known=recorded(key))
        for node, which in self._changed.get(key, {}).values():
            if not isinstance(found, np.ndarray):
                found = np.full(self.count, found)
            found[which] = self._evaluated(node, np.array(which))
        self._under_way.discard(key)
        self._found[key] = found
        return found

    def _evaluated(self, formula: Node, which: Array, known: float | None = None) -> Array:
        """Give a formula's numbers for some plantings; `known` is it for those that leave its operands as they are."""
        of = {key: self.numbers(key) for key in operands(formula)}
        columns = {key: one[which] if isinstance(one, np.ndarray) else one for key, one in of.items()}
        values = np.asarray(values_of(formula, columns.__getitem__), np.float64)
        found: Array = np.array(np.broadcast_to(values, len(which)))
        if known is not None:
            same = functools.reduce(np.logical_and, [one == recorded(key) for key, one in columns.items()])
            found[np.broadcast_to(same, len(which))] = known
        return found


def arrays_of(planted: PlantedStep, keys: Mapping[str, Array]) -> dict[str, Array]:
    """Give arrays of the step's numbers for all plantings, (plantings, *shape); `keys` are the numbers of each."""
    found = {}
    for name, of in keys.items():
        columns = [np.broadcast_to(planted.numbers(key), planted.count) for key in of.flat]
        found[name] = np.stack(columns, axis=1).reshape(planted.count, *of.shape)
    return found


def gradient_keys(graph: StepGraph) -> dict[str, Array]:
    """Give for each array that is trained the numbers that are its gradient, penalties included."""
    (step,) = graph.steps
    found: dict[str, Array] = {}
    for update in step.contents.updates:
        parameter = update.parameter
        array = found.setdefault(parameter.full, np.empty(parameter.array.shape, object))
        for place in parameter.places(0):
            array[parameter.index(place)] = Key(update.unscaled, place)
    return found


def layer_keys(graph: StepGraph) -> dict[str, Array]:
    """Give the numbers that layers write, (rows, units), by names such as "layer 1 net"."""
    (step,) = graph.steps
    found: dict[str, Array] = {}
    for stage in step.contents.stages:
        name = f"layer {stage.context.layer(stage.k)} {'net' if stage.writes_net else 'out'}"
        found[name] = np.empty((len(step.rows), len(stage.written.units)), object)
        for row, unit in np.ndindex(found[name].shape):
            found[name][row, unit] = stage.written.key(Place(row, 0, unit))
    return found


def lineage(graph: StepGraph, keys: Iterable[Key]) -> set[Key]:
    """Give numbers and all that enter them."""
    found, waiting = set[Key](), [*keys]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += graph.needs(key)
    return found
