"""One weight of a step: its chain rule with the numbers put in, its slope by differences, and its update."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from backlit.errors import BacklitError
from backlit.explain.contents import ELEMENT, Contents
from backlit.explain.record.quantities import Key, Place
from backlit.explain.record.step_records import Record, Section
from backlit.explain.stages.base import ParameterQuantity
from backlit.explain.step import Step

ROWS = 3
"""Of a batch of more rows, the parts of so many are worked out; one row alone is not left out."""


class WeightKey(NamedTuple):
    """A parameter's number: its quantity and its place there."""

    quantity: ParameterQuantity
    place: Place


class WeightWork(msgspec.Struct, frozen=True):
    """A weight, or another parameter, in a step.

    `slope` works dE/dw out, of several rows each one's part, `rows_left_out` of them not; `behind` what enters it: the
    derivative that comes back to the unit, and what the weight multiplies. `numeric` is the slope by differences,
    `checked` what they tell. `update` works out the new value; it is empty where the weight is not trained.
    """

    name: str
    given: Record
    layer: str
    slope: Section | None
    behind: Section | None
    update: Section | None
    rows_left_out: int
    numeric: float | None
    checked: str


def weight_of(step: Step, name: str, *, row: int = 0) -> WeightWork:
    """Work out one weight of a step, named as `backlit.explain` names it, by an own label or a place: "1.W[0, 1]".

    `row` is the row of the batch whose part comes first.

    Errors: a BacklitError where the step has no weight of that name.
    """
    contents, backward = step.contents, step.contents.backward
    parameter, at = find_weight(step, name)
    gradient = backward.gradients.get(parameter.id)
    given = step.section("", [Key(parameter, at)], links=False).records[0]
    layer = str(parameter.layer)
    if gradient is None:
        return WeightWork(given.name, given, layer, None, None, None, 0, None, "")
    keys, left_out = [Key(gradient, at)], 0
    if contents.context.rows:
        part, count = backward.row_gradients[parameter.id], len(contents.context.rows)
        first = [(row + k) % count for k in range(count if count <= ROWS + 1 else ROWS)]
        keys = [*(Key(part, at._replace(row=k)) for k in first), *keys]
        left_out = count - len(first)
    numeric = gradient.numeric(at) if gradient.numeric else None
    update = next(update for update in contents.updates if update.parameter.id == parameter.id)
    return WeightWork(
        given.name, given, layer, step.section("", keys, links=False), _behind(step, keys[0]),
        step.section("", [Key(quantity, at) for quantity in update.quantities], links=False), left_out,
        None if numeric is None else numeric.value,
        "" if numeric is None else numeric.words(gradient.value(at), step.digits),
    )  # fmt: skip


def _behind(step: Step, key: Key) -> Section | None:
    """Give how the numbers that enter a slope came about, and of these the ones behind the derivatives."""
    needed = [need for need in key.quantity.needs(key.place) if need.quantity.expression is not None]
    slopes = [need for need in needed if need.quantity.phase == "backward"]
    before = [need for slope in slopes for need in slope.quantity.needs(slope.place)
              if need.quantity.expression is not None and need.quantity.phase == "backward"]  # fmt: skip
    found = list(dict.fromkeys([*slopes, *before]))
    return step.section("", found[:MOST_BEHIND], links=False) if found else None


MOST_BEHIND = 6
"""So many numbers behind a slope are worked out."""


def find_weight(step: Step, name: str) -> WeightKey:
    """Find a weight, or another parameter, by its own label, its usual name, or its place in its array.

    Errors: a BacklitError where the step has none of that name.
    """
    key = _find(step.contents, name)
    if key is None or not isinstance(key.quantity, ParameterQuantity):
        usual = [p.name(Place(0, 0, 0)).text for p in step.contents.parameters[:1]]
        raise BacklitError(
            f"the network has no weight {name!r}" + (f"; names look like {usual[0]!r}." if usual else ".")
        )
    return WeightKey(key.quantity, key.place)


def _find(contents: Contents, name: str) -> Key | None:
    if ELEMENT.fullmatch(name):
        return contents.find(name)
    names = contents.context.names
    if names.labels:
        for parameter in contents.parameters:
            if (at := parameter.find(name, labelled=True)) is not None:
                return Key(parameter, at)
    with names.usual():
        found = ((parameter, parameter.find(name)) for parameter in contents.parameters)
        return next((Key(parameter, at) for parameter, at in found if at is not None), None)
