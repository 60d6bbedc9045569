"""A part of a worked example alone: the numbers of a phase, a layer, a unit, or those that one number depends on.

And the first numbers of a step that is too long to be shown whole.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from backlit.engine import without_place
from backlit.errors import BacklitError
from backlit.explain.algebra.tree import FIRST_TERMS
from backlit.explain.contents import LARGEST_EXAMPLE, Contents, Wanted
from backlit.explain.record.quantities import Key, Place, Quantity

PHASES = ("forward", "error", "backward", "update")
NEAREST = 3
"""So many of the known names are offered for one that is none."""
AT_PLACE = re.compile(r"@(t\d+|r\d+c\d+|\d+(\.\d+)*)")
"""The place in a picture or a sequence within a name."""
FIRST = FIRST_TERMS
"""Of a step that is too long so many rows are shown, and units of each layer: those that shortened sums begin with."""


def selected(contents: Contents, only: Sequence[str]) -> dict[Quantity, set[Place]]:
    """Give the places of the numbers that were asked for, by quantity, and of the given ones that these need.

    Errors: a BacklitError, with the nearest name, where a part is none of the step.
    """
    found: set[Key] = set()
    for part in (part for given in only for part in _parts(contents, given)):
        found |= _part(contents, part)
    return _by_quantity(found | _given(found) if len(found) <= LARGEST_EXAMPLE else found)


def excerpt(contents: Contents, wanted: Wanted | None) -> dict[Quantity, set[Place]]:
    """Give the first rows, and of each layer the first units, with what the error needs; of `wanted` if it is given."""
    error, found = contents.error, set[Key]()
    for quantity in contents.quantities():
        first = (range(min(FIRST, len(of) or 1)) for of in (quantity.rows, quantity.sources, quantity.units))
        rows, sources, units = first
        early = [unit for unit in units if _is_early(quantity.units[unit])]
        places = (Place(row, source, unit) for row in rows for source in sources for unit in early)
        found |= {Key(quantity, at) for at in places if wanted is None or at in wanted.get(quantity, ())}
    totals = {key for key in found if key.quantity in {error.E, error.per_row, error.per_output}}
    found |= {need for key in totals for need in key.quantity.needs(key.place)}
    return _by_quantity(found | _given(found))


def _is_early(unit: str) -> bool:
    """Tell whether a number belongs to one of the first moments of a sequence, or to none."""
    moment = re.fullmatch(r".*@t(\d+)", unit)
    return moment is None or int(moment[1]) <= FIRST


def has_later_moments(contents: Contents) -> bool:
    """Tell whether a step has moments of a sequence that an excerpt leaves out."""
    return not all(_is_early(unit) for quantity in contents.quantities() for unit in quantity.units)


def _by_quantity(keys: Iterable[Key]) -> dict[Quantity, set[Place]]:
    found: dict[Quantity, set[Place]] = {}
    for quantity, place in keys:
        found.setdefault(quantity, set()).add(place)
    return found


def _parts(contents: Contents, given: str) -> list[str]:
    """Give the parts that are named with commas between them; a name that has a comma itself stays whole."""
    given = given.strip()
    if "," not in given or contents.find(given) is not None or _is_unit(contents, given):
        return [given]
    return [part for text in re.split(r",(?![^()]*\))", given) if (part := text.strip())] or [given]


def _is_unit(contents: Contents, name: str) -> bool:
    """Tell whether a name is that of a number's unit, with its place or without, or of a moment: "time 2"."""
    return any(_is_of(unit, name) for quantity in contents.quantities() for unit in quantity.units)


def _is_of(unit: str, part: str) -> bool:
    """Tell whether a unit's name, f1@r2c1 or h1@t2, is that of a part: itself, its filter or unit, or its moment.

    >>> _is_of("f1@r2c1", "f1"), _is_of("h1@t2", "time 2"), _is_of("h1@t2", "h1@t1")
    (True, True, False)
    """
    if unit == part:
        return True
    place = unit.rpartition("@")[2] if "@" in unit else ""
    return bool(place) and (without_place(unit) == part or place == part.lower().replace("time ", "t"))


def _in_layer(quantity: Quantity, layer: str) -> bool:
    """Tell whether a quantity belongs to a layer, such as "layer 2", or to a layer within that block."""
    label, wanted = str(quantity.layer), layer.removeprefix("layer ")
    branch = "([a-z]+(-[a-z]+)?)?" if wanted[-1].isdigit() else ""
    return label == wanted or re.fullmatch(rf"{re.escape(wanted)}{branch}(\..*)?", label) is not None


def _part(contents: Contents, part: str) -> set[Key]:
    """Give the numbers of a phase, a layer or a unit; or a number with all that it depends on."""
    layers = _layers(contents)
    quantities = list(contents.quantities())
    if not _is_unit(contents, part) and contents.find(part) is None:
        lower = part.lower().partition(":")[0]  # a heading, "layer 1: conv2d", stands for its layer
        part = next((known for known in (*PHASES, *layers) if known == lower), part)
    if part in PHASES:
        given = (contents.inputs, *contents.parameters, contents.error.targets)
        return _all_of([q for q in quantities if q.phase == part and q not in given])
    if part in layers:
        return _all_of([q for q in quantities if _in_layer(q, part)])
    if array := _of_array(contents, part):
        return _all_of([q for q in quantities if q in array])
    units = dict.fromkeys(unit for quantity in quantities for unit in quantity.units if unit)
    if any(_is_of(unit, part) for unit in units):
        return _all_of(quantities, unit=part)
    if of_op := {stage.context.layer(stage.k) for stage in contents.stages if stage.op.name == part.replace(" ", "_")}:
        return _all_of([q for q in quantities if q.layer in of_op])
    key = contents.find(part)
    keys = [key] if key else _all_named(contents, part)
    if not keys:
        raise BacklitError(f"only: the step has no {part!r}; {_hint(contents, part, [*PHASES, *layers, *units])}")
    return _with_all_it_needs(contents, keys)


def _hint(contents: Contents, part: str, known: Sequence[str]) -> str:
    """Give the known names that are nearest to a part that is none, or what is expected."""
    places = [name.rpartition("@")[2] for name in known if "@t" in name]
    wider = [*(without_place(name) for name in known), *(f"time {place[1:]}" for place in places)]
    every = contents.known_names(every=len(contents) <= LARGEST_EXAMPLE)
    names = list(dict.fromkeys([*known, *wider, *every]))
    same = [name for name in names if name[:1] == part[:1]]  # f1 of f2; of h2, x2 is none that was meant
    found = difflib.get_close_matches(part, names, NEAREST) or difflib.get_close_matches(part, same, NEAREST, 0.5)
    if near := [*map(repr, found)]:
        return f"did you mean {' or '.join(filter(None, [', '.join(near[:-1]), near[-1]]))}?"
    unit, weight = examples(contents)
    usual = f"a phase ({', '.join(PHASES)}), {_layers(contents)[0]!r}, a unit such as {unit!r}"
    return f"expected {usual}{f' or a weight such as {weight!r}' if weight else ''}."


def _all_named(contents: Contents, name: str) -> list[Key]:
    """Give the numbers that a name without a place or a row stands for: w(i1,f1) for all weights of that window."""
    found = []
    for quantity in contents.quantities():
        if quantity.name(Place(0, 0, 0)).text.partition("(")[0] == name.partition("(")[0]:
            for at in (at for row in range(len(quantity.rows) or 1) for at in quantity.places(row)):
                text = quantity.name(at).text
                bare = text.removesuffix(f"[{quantity.rows[at.row]}]" if quantity.rows else "")
                if name in (bare, AT_PLACE.sub("", text), AT_PLACE.sub("", bare)):
                    found.append(Key(quantity, at))
    return found


def _layers(contents: Contents) -> list[str]:
    """Name the layers, those within blocks by their labels, the blocks and their branches: layer 2, layer 2a."""
    labels = contents.context.recording.network.labels
    wider = (label[: found.end()] for label in labels for found in re.finditer(r"\d+|[a-z]+(?=\.)", label))
    return [f"layer {k}" for k in dict.fromkeys([*wider, *labels])]


def _all_of(quantities: Sequence[Quantity], unit: str = "") -> set[Key]:
    """Give the numbers of quantities, of one unit where it is named; the others are not gone through."""
    found = set()
    for q in quantities:
        units = [j for j, name in enumerate(q.units) if not unit or _is_of(name, unit)]
        places = itertools.product(range(len(q.rows) or 1), range(len(q.sources) or 1), units)
        found |= {Key(q, Place(*place)) for place in places}
    return found


def examples(contents: Contents) -> tuple[str, str]:
    """Give a unit of the network, hidden if there is one, and a weight or another parameter if there is one."""
    names, parameters = contents.context.names, contents.parameters
    return (names.columns or [names.inputs])[0][0], parameters[0].name(Place(0, 0, 0)).text if parameters else ""


def _of_array(contents: Contents, part: str) -> set[Quantity]:
    """Give an array of the network by its name, such as "1.W", with its derivative and its update."""
    found: set[Quantity] = {p for p in contents.parameters if p.full == part}
    found |= {contents.backward.gradients[part]} if found and part in contents.backward.gradients else set()
    return found | {q for u in contents.updates if u.parameter.full == part for q in u.quantities}


def _with_all_it_needs(contents: Contents, keys: Sequence[Key]) -> set[Key]:
    """Give numbers and all they depend on, of long sums the terms that are shown; of weights, to their new values.

    Of the error comes what can be worked out of these.
    """
    new: dict[Quantity, Quantity] = {update.parameter: update.new for update in contents.updates}
    found, waiting = set[Key](), [Key(new.get(quantity, quantity), at) for quantity, at in keys]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += key.quantity.needs(key.place)
    error = contents.error
    for quantity in filter(None, (error.per_output, error.per_row, error.E)):
        for row in range(len(quantity.rows) or 1):
            here = (Key(quantity, at) for at in quantity.places(row))
            found |= {key for key in here if found.issuperset(_computed(key))}
    return found


def _computed(key: Key) -> set[Key]:
    return {need for need in key.quantity.needs(key.place) if need.quantity.expression is not None}


def _given(keys: Iterable[Key]) -> set[Key]:
    """Give the given numbers that enter the formulas of numbers as they are shown."""
    return {need for key in keys for need in key.quantity.needs(key.place) if need.quantity.expression is None}


def meant(contents: Contents, part: str, figures: Mapping[str, str]) -> str:
    """Give the name of the number that a figure of the file is called by; other parts as they are.

    `figures` has the quantity of each figure's own name, such as {"δ3": "-dE/dnet(y3)"}: of a negated one, the number
    itself is meant.
    """
    quantity = figures.get(part, "").removeprefix("-")
    known = not quantity or contents.find(part) is not None or _is_unit(contents, part)
    return part if known or contents.find(quantity) is None else quantity
