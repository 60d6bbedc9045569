"""The names of inputs, units and weights, and of the quantities computed from them, such as dE/dw(i1,h1).

Inputs are i1, i2, ...; hidden units h1, h2, ... where there is one hidden layer, else h1.1, h2.1 (layer.unit); outputs
o1, o2, ...; unless the file gives names of its own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from backlit.data.messages import counted
from backlit.errors import BacklitError
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_tables import NetworkTable
from backlit.examples.strict import unknown_key
from backlit.ops.base import Layer
from backlit.ops.layers.dense import Dense


class Names(msgspec.Struct, frozen=True):
    """Names of the inputs and, layer by layer, of units, weights and biases; layers without units have none.

    `weights` (a list per input, a name per unit) and `biases` are those that the file gives, else None.
    """

    inputs: tuple[str, ...]
    units: tuple[tuple[str, ...], ...]
    weights: tuple[Any, ...]
    biases: tuple[Any, ...]

    @property
    def input_count(self) -> int:
        """The number of inputs."""
        return len(self.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The units of the last layer that has any; the inputs where none has."""
        return next((units for units in reversed(self.units) if units), self.inputs)

    def before(self, number: int) -> tuple[str, ...]:
        """Name what layer `number` reads: the units before it, or the inputs."""
        return next((units for units in reversed(self.units[: number - 1]) if units), self.inputs)

    def parameter(self, array: str, *index: int) -> str:
        """Name a parameter of the network: ("1.W", 0, 1) -> w(i1,h2), ("1.b", 1) -> b(h2).

        W and b of layers with named units get the textbooks' names, others those of their array: 2.gamma[1].
        """
        label, _, name = array.partition(".")
        units = self.units[int(label) - 1]
        if units and name == "W":
            return f"w({self.before(int(label))[index[0]]},{units[index[1]]})"
        if units and name == "b":
            return f"b({units[index[0]]})"
        return f"{array}[{', '.join(str(k + 1) for k in index)}]"

    def own_label(self, array: str, *index: int) -> str:
        """Give the file's own name of a parameter, or an empty text."""
        label, _, name = array.partition(".")
        own = {"W": self.weights, "b": self.biases}.get(name)
        given = None if own is None else own[int(label) - 1]
        for k in index:
            given = None if given is None else given[k]
        return given or ""


def names_of(network: NetworkTable, chain: Sequence[Layer]) -> Names:
    """Give the names of a network file, its own or the usual ones.

    Errors: a BacklitError where names are not text, not one per unit, or not different from each other.
    """
    inputs = (
        network.inputs if isinstance(network.inputs, tuple) else tuple(f"i{k}" for k in range(1, network.inputs + 1))
    )
    dense = [number for number, layer in enumerate(chain, 1) if isinstance(layer, Dense)]
    units: list[tuple[str, ...]] = []
    shape: tuple[int, ...] = (len(inputs),)
    for number, (layer, table) in enumerate(zip(chain, network.layers, strict=True), 1):
        before, shape = shape, shape_after(layer, shape)
        if isinstance(layer, Dense):
            units.append(_unit_names(layer, table, number, dense))
        else:  # a layer of the same units is not named again
            changed = math.prod(shape) if math.prod(shape) != math.prod(before) else 0
            units.append(tuple(f"{layer.name}{number}.{k}" for k in range(1, changed + 1)))
    _refuse_alike(inputs, units, ["labels" in table for table in network.layers])
    own = [[table.get(key) for table in network.layers] for key in ("weight_labels", "bias_labels")]
    return Names(inputs, tuple(units), tuple(own[0]), tuple(own[1]))


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


def shape_after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the shape of a row behind a layer that reads rows of a shape."""
    for op in layer.ops():
        shape = op.shapes(shape).buffers[op.writes]
    return shape


def _unit_names(layer: Dense, table: dict[str, Any], number: int, dense: list[int]) -> tuple[str, ...]:
    given = table.get("labels")
    if given is not None:
        if not (isinstance(given, list) and all(isinstance(name, str) for name in given) and len(given) == layer.units):
            several = f"{counted(layer.units, 'name')} in quotes, one per unit"
            example = f": write labels = [{json.dumps(given, ensure_ascii=False)}]" if isinstance(given, str) else ""
            raise MisfitError(
                f"layer {number}: labels is {given!r}; expected {several}{example}.",
                ("network", "layers", number - 1, "labels"),
            )
        return tuple(given)
    if number == dense[-1]:
        prefix = "o"
    elif len(dense) == 2:
        prefix = "h"
    else:
        prefix = f"h{dense.index(number) + 1}."
    return tuple(f"{prefix}{k}" for k in range(1, layer.units + 1))


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
_QUANTITY = re.compile(r"^(?P<sign>-?)(?P<kind>[A-Za-z/ ]+?)(?:\((?P<of>.*)\))?(?:\[(?P<row>\d+)\])?$")


class Quantity(msgspec.Struct, frozen=True):
    """A parsed quantity: its `kind`, such as "dE/dw", and its unit; of `E(o1)`, the unit is an output.

    `sign` is -1 where it is negated. Layers count from 1; units, sources of weights and rows from 0.
    """

    kind: str
    sign: float
    layer: int = 0
    unit: int | None = None
    source: int | None = None
    row: int | None = None


def parse_quantity(text: str, names: Names) -> Quantity:
    """Find kind, unit, source and row of a quantity.

    Errors: a BacklitError that names the nearest known quantity or unit.

    >>> names = Names(("i1", "i2"), (("h1", "h2"), ("o1",)), (None, None), (None, None))
    >>> found = parse_quantity("-dE/dw(i2,h1)", names)
    >>> found.kind, found.sign, found.layer, found.unit, found.source
    ('dE/dw', -1.0, 1, 0, 1)
    """
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
