"""A part of a worked example alone: the numbers of a phase, a layer, a unit, or those that one number depends on."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence

from backlit.errors import BacklitError
from backlit.explain.algebra.tree import shown_refs
from backlit.explain.contents import LARGEST_EXAMPLE, Contents
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
    quantities = list(contents.quantities())
    if part in PHASES:
        given = (contents.inputs, *contents.parameters, contents.error.targets)
        return _all_of(part, [q for q in quantities if q.phase == part and q not in given])
    if part in layers:
        return _all_of(part, [q for q in quantities if f"layer {q.layer}" == part])
    if any(part in q.units for q in quantities):
        return _all_of(part, [q for q in quantities if part in q.units], unit=part)
    key = contents.find(part)
    if key is None:
        known = contents.known_names(every=len(contents) <= LARGEST_EXAMPLE)
        near = difflib.get_close_matches(part, [*PHASES, *layers, *contents.context.names.outputs, *known], n=1)
        hint = f"did you mean {near[0]!r}?" if near else "expected a phase, 'layer 1', a unit such as 'h1' or a weight."
        raise BacklitError(f"only: the step has no {part!r}; {hint}")
    return _with_all_it_needs(contents, key)


def _all_of(part: str, quantities: Sequence[Quantity], unit: str = "") -> set[Key]:
    """Give the numbers of quantities, of one unit where it is named.

    Errors: a BacklitError where they are more than `LARGEST_EXAMPLE`; they are counted first.
    """
    units = {q: [j for j, name in enumerate(q.units) if not unit or name == unit] for q in quantities}
    ranges = [(q, range(len(q.rows) or 1), range(len(q.sources) or 1), units[q]) for q in quantities]
    count = sum(len(rows) * len(sources) * len(places) for _, rows, sources, places in ranges)
    if count > LARGEST_EXAMPLE:
        raise BacklitError(f"only: {part!r} has {count:,} numbers; choose fewer rows, or one number by its name.")
    return {Key(q, Place(*place)) for q, *spans in ranges for place in itertools.product(*spans)}


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
