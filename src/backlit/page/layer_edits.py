"""What is done to the layers of a design: one more, one less, another order; what a file gives and still fits stays."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from backlit.engine import graph_of
from backlit.errors import BacklitError
from backlit.examples.file_checks import check_values
from backlit.examples.file_errors import MisfitError
from backlit.examples.file_layers import LABELLED, VALUES, chain_of, op_class
from backlit.examples.file_shapes import network_inputs
from backlit.examples.file_tables import NetworkTable
from backlit.examples.quantity_parsing import names_of
from backlit.examples.strict import decode
from backlit.ops.base import Op
from backlit.ops.registry import activations, layers

GIVEN = (*VALUES, *LABELLED, "labels")
"""Keys whose lists a file gives: they fit only where the layer's shapes stay."""

INNER = ("layers", "shortcut", "branches", "layer")
"""Keys of a block that hold layers."""

FIRST: Mapping[str, Any] = {"units": 8, "filters": 4, "size": 3, "what": [0]}
"""What a layer that is added begins with, where its setting has to be given."""

ACTIVATED = {"dense": "tanh", "conv1d": "relu", "conv2d": "relu"}
"""The activation of layers that are added and have none by default."""

ASSORTED = "various"
"""What is shown where the layers differ in what one control sets for all."""


def layers_at(network: Mapping[str, Any], place: str) -> list[Any]:
    """Give the list of layers that lies at a place: "layers", or "layers.2.branches.0" of one within a block.

    Errors: a BacklitError where there is none.
    """
    found: Any = network
    for key in place.split("."):
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            found = found.get(key) if isinstance(found, Mapping) and key in INNER else None
    if not isinstance(found, list):
        raise BacklitError(f"there are no layers at {place!r}; expected a place such as layers.")
    return found


def table_of(layer: Op) -> dict[str, Any]:
    """Give a layer as the table of a network file, without settings that it has by default.

    >>> from backlit.ops.layers.branches import Residual
    >>> from backlit.ops.layers.dense import Dense
    >>> table_of(Residual([Dense(4, "relu")]))
    {'op': 'residual', 'layers': [{'units': 4, 'activation': 'relu'}]}
    """
    made: dict[str, Any] = _without_usual(layer.to_dict())
    return made


def _without_usual(given: Any) -> Any:
    if isinstance(given, (list, tuple)):
        return [_without_usual(item) for item in given]
    if not isinstance(given, Mapping) or "op" not in given:
        return given
    cls = op_class(given)
    usual = {field.name: field.default for field in msgspec.structs.fields(cls)}
    made = {key: _without_usual(value) for key, value in given.items() if key == "op" or not _same(value, usual[key])}
    if made["op"] == "dense":
        del made["op"]
    return made


def _same(value: Any, usual: Any) -> bool:
    return value is None or (type(value) is type(usual) and bool(value == usual))


def candidates(kind: str, width: int | None) -> Iterator[list[dict[str, Any]]]:
    """Give what to try in turn where a layer of a kind is added; `width` is that of the last axis before it.

    A layer whose output has several axes may need one behind it that makes one axis of them.

    Errors: a BacklitError for an unknown kind.
    """
    cls = (activations if kind in activations else layers)[kind]
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    table: dict[str, Any] = {} if kind == "dense" else {"op": kind}
    if kind == "residual" and width is not None:
        table["layers"] = [{"units": width, "activation": "tanh"}]
    elif kind == "parallel":
        table["branches"] = [[{"units": 4, "activation": name}] for name in ("tanh", "relu")]
    elif any(field.required for field in fields.values()):
        sample: dict[str, Any] = table_of(cls.sample()[0])  # type: ignore[attr-defined]
        table |= {name: FIRST.get(name, sample[name]) for name, field in fields.items() if field.required}
        if "returns" in op_class(table.get("layer", {})).__struct_fields__:
            table["layer"] = table["layer"] | {"returns": "last"}
    if kind in ACTIVATED:
        table["activation"] = ACTIVATED[kind]
    yield [table]
    if "returns" in fields:
        yield [table | {"returns": "sequence"}]
    if "returns" in table.get("layer", {}):
        yield [table | {"layer": table["layer"] | {"returns": "sequence"}}]
    if "padding" in fields:
        yield [table | {"padding": "same"}]
    yield [table, {"op": "flatten"}]


def inserted(network: Mapping[str, Any], place: str, at: int, tables: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the network with layers before the one at a place."""
    changed = _changed(network)
    own = layers_at(changed, place)
    if any(map(_has_weights, tables)):
        _forget_inputs(own, at)
    own[at:at] = copy.deepcopy(tables)
    return fitted(changed)


def removed(network: Mapping[str, Any], place: str, at: int) -> dict[str, Any]:
    """Give the network without a layer."""
    changed = _changed(network)
    own = layers_at(changed, place)
    if _has_weights(own.pop(at)):
        _forget_inputs(own, at)
    return fitted(changed)


def swapped(network: Mapping[str, Any], place: str, at: int) -> dict[str, Any]:
    """Give the network with a layer and the one behind it in the other order."""
    changed = _changed(network)
    own = layers_at(changed, place)
    if any(map(_has_weights, own[at : at + 2])):
        for k in range(at, min(at + 3, len(own))):
            _forget_inputs(own, k)
    own[at : at + 2] = own[at : at + 2][::-1]
    return fitted(changed)


def _changed(network: Mapping[str, Any]) -> dict[str, Any]:
    """Give a copy, without the recipe of first weights: it names layers by their numbers."""
    return {key: copy.deepcopy(value) for key, value in network.items() if key != "initial"}


def _has_weights(table: Any) -> bool:
    """Whether a layer has weights, so that what is behind it reads something else without it."""
    return isinstance(table, Mapping) and ("weights" in op_class(table).__struct_fields__ or any(
        key in table for key in INNER))  # fmt: skip


def _forget_inputs(tables: list[Any], at: int) -> None:
    """Drop the given weights of the first layer from a place on that has some: it will read something else."""
    for k in range(at, len(tables)):
        if _has_weights(tables[k]):
            tables[k] = _without_inputs(tables[k])
            return


def _without_inputs(table: Any) -> Any:
    if isinstance(table, list):
        return [_without_inputs(item) for item in table]
    if not isinstance(table, Mapping):
        return table
    return {
        key: _without_inputs(value) if key in INNER else value
        for key, value in table.items()
        if not (key == "weights" and isinstance(value, list)) and key != "weight_labels"
    }


def fitted(network: dict[str, Any]) -> dict[str, Any]:
    """Give the network without lists of weights and names that do not fit the layers any more.

    What does not fit otherwise stays: the checks of the network file say so.
    """
    if not _has_lists(network.get("layers")):
        return network
    network = copy.deepcopy(network)
    while (path := _misfit(network)) is not None:
        table: Any = network
        for step in path[:-1]:
            table = table[step]
        del table[path[-1]]
    return network


def _has_lists(tables: Any) -> bool:
    if isinstance(tables, list):
        return any(map(_has_lists, tables))
    return isinstance(tables, Mapping) and any(
        (key in GIVEN and isinstance(value, list)) or (key in INNER and _has_lists(value))
        for key, value in tables.items()
    )


def _misfit(network: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """Give where a list of weights or names lies that does not fit; None where there is none."""
    try:
        table = decode({**network}, NetworkTable)
        plain = graph_of(chain_of(table), network_inputs(table.inputs))
        check_values(table, plain)
        names_of(table, plain)
    except MisfitError as error:
        steps = list(error.path[1:])
        place = next((k for k, step in enumerate(steps) if step in GIVEN), None)
        return None if place is None else tuple(steps[: place + 1])
    except BacklitError:
        return None
    return None


# ------------------------------------------------------------------------------------- one control for several layers


def first_weights(network: Mapping[str, Any]) -> str:
    """Say by which scheme the first weights of all layers are drawn: its name, "" for each activation's own."""
    found = {_scheme(table["weights"]) if "weights" in table else "" for table in weighted(network["layers"])}
    return found.pop() if len(found) == 1 else ASSORTED if found else ""


def _scheme(given: Any) -> str:
    return given if isinstance(given, str) else ASSORTED


def weighted(tables: Any) -> Iterator[dict[str, Any]]:
    """Give the tables of all layers with weights, those in blocks too."""
    for table in tables if isinstance(tables, list) else [tables]:
        if isinstance(table, list):
            yield from weighted(table)
        elif isinstance(table, dict):
            if "weights" in op_class(table).__struct_fields__:
                yield table
            for key in INNER:
                if key in table:
                    yield from weighted(table[key])


def with_first_weights(network: Mapping[str, Any], scheme: str) -> dict[str, Any]:
    """Give the network with one scheme of first weights for all layers; "" is each activation's own."""
    changed = _changed(network)
    for table in weighted(changed["layers"]):
        table.pop("weights", None)
        if scheme:
            table["weights"] = scheme
    return changed


def dropout(network: Mapping[str, Any]) -> str:
    """Say how much is dropped behind the hidden layers: 0 without dropout, "various" where they differ."""
    tables = network["layers"]
    found = {_dropped(tables, k) for k in range(len(tables) - 1) if _is_hidden(tables[k])}
    found |= {0.0} if not found else set()
    return f"{found.pop():g}" if len(found) == 1 else ASSORTED


def _is_hidden(table: Any) -> bool:
    return isinstance(table, Mapping) and "units" in op_class(table).__struct_fields__


def _dropped(tables: list[Any], at: int) -> float:
    behind = tables[at + 1]
    return float(behind.get("p", 0.5)) if behind.get("op") == "dropout" else 0.0


def with_dropout(network: Mapping[str, Any], share: Any) -> dict[str, Any]:
    """Give the network with a layer of dropout behind each hidden layer with units; 0 or None is none."""
    changed = _changed(network) if _dropout_moves(network, share) else copy.deepcopy({**network})
    tables = [table for table in changed["layers"] if table.get("op") != "dropout"]
    made: list[Any] = []
    for k, table in enumerate(tables):
        made.append(table)
        if k < len(tables) - 1 and _is_hidden(table) and share:
            made.append({"op": "dropout", "p": share})
    return {**changed, "layers": made}


def _dropout_moves(network: Mapping[str, Any], share: Any) -> bool:
    """Whether layers get other numbers."""
    return bool(share) != any(table.get("op") == "dropout" for table in network["layers"])
