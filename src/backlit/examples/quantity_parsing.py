"""The names of inputs, units and weights, and of the quantities computed from them, such as dE/dw(i1,h1).

Inputs are i1, i2, ...; hidden units h1, h2, ... where there is one hidden layer, else h1.1, h2.1 (layer.unit); outputs
o1, o2, ...; filters f1, f2, ...; unless the file gives names of its own. A number in a picture or a sequence has its
place behind it: f1@r2c1, h1@t2.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.data.messages import counted
from backlit.engine import buffer_units
from backlit.errors import BacklitError
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_shapes import own_names
from backlit.examples.file_tables import NetworkTable
from backlit.examples.layouts import by_inputs
from backlit.examples.quantity_table import Place, parameter_texts, places
from backlit.examples.strict import unknown_key
from backlit.ops.base import Activation, Shape
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout


class Names(msgspec.Struct, frozen=True):
    """Names of the inputs and, layer by layer, of units, weights and biases; layers without units have none.

    `weights` (a list per input, a name per unit), `recurrent` and `biases` are those that the file gives, else None.
    `graph` and `buffers` say of every number of the network what it is called; of several axes, or in blocks, too.
    """

    inputs: tuple[str, ...]
    units: tuple[tuple[str, ...], ...]
    weights: tuple[Any, ...]
    biases: tuple[Any, ...]
    recurrent: tuple[Any, ...] = ()
    graph: Any = None
    buffers: Any = None

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of a row of each input of the network."""
        return {"X": (len(self.inputs),)} if self.graph is None else self.graph.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The units of the last layer that has any; the inputs where none has."""
        if self.graph is not None:
            return self.buffers[self.graph.nodes[-1].writes].names  # type: ignore[no-any-return]
        return next((units for units in reversed(self.units) if units), self.inputs)

    def before(self, number: int) -> tuple[str, ...]:
        """Name what layer `number` reads: the units before it, or the inputs."""
        return next((units for units in reversed(self.units[: number - 1]) if units), self.inputs)

    def parameter(self, array: str, *index: int) -> str:
        """Name a parameter of the network: ("1.W", 0, 1) -> w(i1,h2), ("1.b", 1) -> b(h2).

        Numbers that have no name are called after their array: 2.gamma[1].
        """
        label, _, own = array.rpartition(".")
        node = next(k for k, node in enumerate(self.graph.nodes)
                    if node.label == label and own in self.graph.shapes[k].parameters)  # fmt: skip
        shape = self.graph.shapes[node].parameters[own]
        named = own in {"W", "U", "b"} and math.prod(shape)
        text = named and parameter_texts(self.graph, self.buffers, array)[int(np.ravel_multi_index(index, shape))]
        return text or f"{array}[{', '.join(str(k + 1) for k in index)}]"

    def own_label(self, array: str, *index: int) -> str:
        """Give the file's own name of a parameter, or an empty text."""
        label, _, name = array.rpartition(".")
        own = {"W": self.weights, "U": self.recurrent, "b": self.biases}.get(name)
        given = own[int(label) - 1] if own and label.isdigit() else None
        for k in index:
            given = None if given is None else given[k]
        return given or ""

    def own_places(self) -> dict[str, Place]:
        """Give the place of each parameter that has a name of the file's own, which no other has."""
        found: dict[str, Place] = {}
        for array, (_, shape) in (self.graph.layout if self.graph is not None else {}).items():
            for at, index in enumerate(np.ndindex(shape) if self._has_own(array) else ()):
                if own := self.own_label(array, *index):
                    found[own] = Place("" if own in found else array, at, per_row=False)
        return {own: place for own, place in found.items() if place.array}

    def _has_own(self, array: str) -> bool:
        label, _, name = array.rpartition(".")
        own = {"W": self.weights, "U": self.recurrent, "b": self.biases}.get(name)
        return bool(own) and label.isdigit() and own[int(label) - 1] is not None  # type: ignore[index]


def names_of(network: NetworkTable, graph: Any) -> Names:
    """Give the names of a network file, its own or the usual ones; `graph` is that of its layers.

    Errors: a BacklitError where names are not text, not one per unit, or not different from each other.
    """
    given: dict[str, tuple[str, ...]] = {}
    labelled = {str(number): table["labels"] for number, table in enumerate(network.layers, 1)
                if isinstance(table, Mapping) and "labels" in table}  # fmt: skip

    def chosen(k: int, usual: Sequence[str]) -> Sequence[str]:
        label = graph.nodes[k].label
        names = tuple(usual) if label not in labelled else _unit_names(labelled[label], len(usual), label)
        if label.isdigit() and label not in given:
            given[label] = names
        return names

    buffers = buffer_units(graph, own_names(network.inputs), chosen)
    inputs = tuple(name for buffer in graph.inputs for name in buffers[buffer].names)
    units = [given.get(str(number), ()) for number in range(1, len(network.layers) + 1)]
    _refuse_alike(inputs, units, [str(number) in labelled for number in range(1, len(units) + 1)])
    keys = ("weight_labels", "bias_labels", "recurrent_labels")
    tables = [by_inputs(table) for table in network.layers]
    weights, biases, recurrent = (tuple(table.get(key) for table in tables) for key in keys)
    return Names(inputs, tuple(units), weights, biases, recurrent, graph, buffers)


def _refuse_alike(inputs: Sequence[str], units: Sequence[Sequence[str]], named: Sequence[bool]) -> None:
    """Refuse a name that stands twice among inputs and units, at the last place where the file gives it."""
    seen: dict[str, tuple[str | int, ...]] = {}
    places: list[tuple[str | int, ...]] = [("network", "inputs")]
    places += [("network", "layers", k, "labels") if given else () for k, given in enumerate(named)]
    for path, names in zip(places, [inputs, *units], strict=True):
        for k, name in enumerate(names):
            place = (*path, k) if path else seen.get(name, ())
            if name in seen:
                raise MisfitError(f"two inputs or units are named {name!r}; expected names that differ.", place)
            seen[name] = place


def _unit_names(given: Any, count: int, label: str) -> tuple[str, ...]:
    if not (isinstance(given, list) and all(isinstance(name, str) for name in given) and len(given) == count):
        several = f"{counted(count, 'name')} in quotes, one per unit"
        example = f": write labels = [{json.dumps(given, ensure_ascii=False)}]" if isinstance(given, str) else ""
        raise MisfitError(
            f"layer {label}: labels is {given!r}; expected {several}{example}.",
            ("network", "layers", int(label) - 1, "labels"),
        )
    return tuple(given)


# ----------------------------------------------------------------------------------------------------------- quantities

QUANTITIES = {
    "E": "the error, reduced as the loss says; `E(o1)` is the part of one output",
    "net(h1)": "the weighted sum that goes into a unit's activation",
    "out(h1)": "what comes out of it",
    "dE/dout(h1)": "the slope of the error with respect to a unit's output",
    "dE/dnet(h1)": "the slope with respect to a unit's weighted sum; textbooks' δ is this or its negative",
    "w(i1,h1)": "the weight from an input or unit to a unit",
    "b(h1)": "the bias of a unit",
    "dE/dw(i1,h1)": "the slope of the error with respect to a weight",
    "dE/db(h1)": "the slope with respect to a bias",
    "mean squared error": "the mean over rows and outputs of (t − a)²",
    "training accuracy": "the share of training rows whose class is predicted",
    "test accuracy": "the share of test rows whose class is predicted",
}
"""An example of each quantity, with its meaning; `[row]` after it names one of several rows, `-` before it negates."""

SCORES = ("mean squared error", "training accuracy", "test accuracy")
PER_ROW = ("net", "out", "dE/dout", "dE/dnet")
_PLACED = re.compile(r"^(?P<sign>-?)(?P<of>.*?)(?:\[(?P<row>\d+)\])?$")
_QUANTITY = re.compile(r"^(?P<sign>-?)(?P<kind>[A-Za-z/ ]+?)(?:\((?P<of>.*)\))?(?:\[(?P<row>\d+)\])?$")


class Quantity(msgspec.Struct, frozen=True):
    """A parsed quantity: its `kind`, such as "dE/dw", and its unit; of `E(o1)`, the unit is an output.

    `sign` is -1 where it is negated. Layers count from 1; units, sources of weights and rows from 0. `place` is where a
    number stands that has a name of its own, or lies in a picture, a sequence or a block.
    """

    kind: str
    sign: float
    layer: int = 0
    unit: int | None = None
    source: int | None = None
    row: int | None = None
    place: Place | None = None


def parse_quantity(text: str, names: Names) -> Quantity:
    """Find kind, unit, source and row of a quantity.

    Errors: a BacklitError that names the nearest known quantity or unit.

    >>> names = Names(("i1", "i2"), (("h1", "h2"), ("o1",)), (None, None), (None, None))
    >>> found = parse_quantity("-dE/dw(i2,h1)", names)
    >>> found.kind, found.sign, found.layer, found.unit, found.source
    ('dE/dw', -1.0, 1, 0, 1)
    """
    if text.strip().endswith("+"):
        raise BacklitError(_of_new_value(text.strip(), names))
    if (placed := _placed(text.strip(), names)) is not None:
        return placed
    match = _QUANTITY.match(text.strip())
    known = {example.partition("(")[0] for example in QUANTITIES}
    if match is None or match["kind"] not in known:
        raise BacklitError(f"published: {unknown_key(text, QUANTITIES).replace('unknown key', 'unknown quantity')}")
    kind, of = match["kind"], match["of"]
    sign = -1.0 if match["sign"] else 1.0
    row = None if match["row"] is None else int(match["row"]) - 1
    if row is not None and (row < 0 or kind not in PER_ROW):
        raise BacklitError(
            f"published: {text!r} names a row; only {', '.join(PER_ROW)} are of one row, counted from 1."
        )
    if kind in SCORES or (kind == "E" and of is None):
        return Quantity(kind, sign)
    if of is None:
        raise BacklitError(
            f"published: {text!r} does not say of which unit; expected such as {kind}({names.outputs[0]})."
        )
    if kind == "E":
        return Quantity(kind, sign, unit=_position(of, names.outputs, text))
    source, unit = of.rpartition(",")[::2] if kind in ("w", "dE/dw") else ("", of)
    layer = _layer_with(unit.strip(), names, text)
    position = names.units[layer - 1].index(unit.strip())
    if kind not in ("w", "dE/dw"):
        return Quantity(kind, sign, layer, position, row=row)
    return Quantity(kind, sign, layer, position, _position(source.strip(), names.before(layer), text))


def _of_new_value(text: str, names: Names) -> str:
    """Say how a new weight, such as w5+, is asked for."""
    old = text[:-1].strip()
    parse_quantity(old, names)  # raises where that is no quantity either
    return (
        f'published: {text!r} is the value after a step; write quantity = "{old}" and after = 1 for that after one '
        f'epoch. label = "{text}" keeps the source\'s name for it.'
    )


def _placed(text: str, names: Names) -> Quantity | None:
    """Find a quantity by its whole name: of the file's own names, and of networks that are no chain of dense layers."""
    match = _PLACED.match(text)
    if names.graph is None or match is None:
        return None
    sign, of = (-1.0 if match["sign"] else 1.0), match["of"]
    slope = of.startswith("dE/d")
    name = of.removeprefix("dE/d")
    place = names.own_places().get(name)
    if place is None and not _is_chain(names.graph):
        known = places(names.graph, names.buffers)
        place = known.get(name)
        kind = name.partition("(")[0]
        if place is None and "(" in name and of.partition("(")[0] not in {"E", *SCORES}:
            every = [f"dE/d{known_name}" for known_name in known] if slope else list(known)
            alike = [one for one in every if one.partition("(")[0] == of.partition("(")[0]]
            if not alike:
                kinds = list(dict.fromkeys(f"{one.partition('(')[0]}(...)" for one in every))
                raise BacklitError(
                    f"published: {text!r} is no quantity of this network; its quantities: {', '.join(kinds)}."
                )
            near = difflib.get_close_matches(of, alike, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(alike[:4])} and so on."
            raise BacklitError(f"published: {text!r} is no {kind} of this network; {hint}")
    if place is None:
        return None
    if match["row"] is not None and (not place.per_row or int(match["row"]) < 1):
        raise BacklitError(f"published: {text!r} names a row; parameters and their slopes are of all rows together.")
    row = None if match["row"] is None else int(match["row"]) - 1
    return Quantity(of, sign, row=row, place=place.slope() if slope else place)


def _is_chain(graph: Any) -> bool:
    """Tell whether a network is a chain of dense layers, activations and dropout on rows of one axis."""
    plain = all(isinstance(node.op, (Dense, Activation, Dropout)) and node.label.isdigit() for node in graph.nodes)
    return plain and all(len(shape) == 1 for shape in graph.rows.values())


def _layer_with(unit: str, names: Names, text: str) -> int:
    for number, units in enumerate(names.units, 1):
        if unit in units:
            return number
    every = [name for units in names.units for name in units]
    raise BacklitError(f"published: in {text!r}, {unknown_key(unit, every).replace('key', 'unit')}")


def _position(name: str, among: Sequence[str], text: str) -> int:
    if name not in among:
        raise BacklitError(f"published: in {text!r}, {unknown_key(name, among).replace('key', 'name')}")
    return among.index(name)
