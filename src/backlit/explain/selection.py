"""A part of a worked example alone: the numbers of a phase, a layer, a unit, or those that one number depends on."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from backlit.errors import BacklitError
from backlit.explain.algebra.tree import shown_refs
from backlit.explain.contents import GIVEN, LARGEST_EXAMPLE, Contents
from backlit.explain.record.quantities import Key, Place, Quantity
from backlit.explain.stages.base import ParameterQuantity

PHASES = ("forward", "error", "backward", "update")


def selected(contents: Contents, only: Sequence[str]) -> dict[Quantity, set[Place]]:
    """Give the places of the numbers that were asked for, by quantity.

    Errors: a BacklitError, with the nearest name, where a part is none of the step.
    """
    wanted: dict[Quantity, set[Place]] = {}
    for part in only:
        for quantity, place in _part(contents, part):
            wanted.setdefault(quantity, set()).add(place)
    return wanted


def _part(contents: Contents, part: str) -> set[Key]:
    """Give the numbers of a phase, a layer or a unit; or a number with all that it depends on."""
    layers = {f"layer {k}" for k in set(contents.context.recording.network.labels)}
    if part in PHASES:
        return {key for heading, key in contents.numbers() if key.quantity.phase == part and heading != GIVEN}
    if part in layers:
        return {key for _, key in contents.numbers() if f"layer {key.quantity.layer}" == part}
    if array := _of_array(contents, part):
        return {key for heading, key in contents.numbers() if key.quantity in array}
    if any(part in quantity.units for quantity in contents.quantities()):
        return {key for _, key in contents.numbers() if key.quantity.units[key.place.unit] == part}
    key = contents.find(part)
    if key is None:
        known = contents.known_names(every=len(contents) <= LARGEST_EXAMPLE)
        near = difflib.get_close_matches(part, [*PHASES, *layers, *contents.context.names.outputs, *known], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "expected a phase, 'layer 1', a unit such as 'h1' or a weight."
        raise BacklitError(f"only: the step has no {part!r}; {hint}")
    return _with_all_it_needs(contents, key)


def _of_array(contents: Contents, part: str) -> set[Quantity]:
    """Give an array of the network by its name, such as "1.W", with its derivative and its update."""
    found: set[Quantity] = {p for p in contents.parameters if p.full == part}
    found |= {contents.backward.gradients[part]} if found and part in contents.backward.gradients else set()
    return found | {q for u in contents.updates if u.parameter.full == part for q in u.quantities}


def _with_all_it_needs(contents: Contents, key: Key) -> set[Key]:
    """Give a number and all it depends on, of long sums the terms that are shown; of a weight, to its new value."""
    start = key
    if isinstance(key.quantity, ParameterQuantity):
        update = next((u for u in contents.updates if u.parameter is key.quantity), None)
        start = Key(update.new, key.place) if update else key
    found, waiting = set(), [start]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += _needs(key)
    total = Key(contents.error.E, Place(0, 0, 0))
    return found | {total, *_needs(total)}


def _needs(key: Key) -> list[Key]:
    """Give the numbers that enter a number's formula as it is shown."""
    if key.quantity.expression is None:
        return []
    return [ref.key for ref in shown_refs(key.quantity.expression(key.place)) if ref.key is not None]
