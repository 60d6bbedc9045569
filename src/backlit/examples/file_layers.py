"""The layers of a network file: its tables, and those in blocks, as layers; what other keys a layer's table has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from backlit.engine import branch_labels
from backlit.errors import BacklitError
from backlit.examples.file_errors import MisfitError, inside, inside_key, of_setting
from backlit.examples.file_slips import KINDS, check_layer
from backlit.examples.file_tables import NetworkTable
from backlit.examples.layouts import HOLDING, LAYOUTS, by_inputs
from backlit.examples.strict import unknown_key
from backlit.ops.base import Layer, Op
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import REGISTRIES, Registry, layer_from_dict, layers

VALUES = {"weights": "W", "recurrent_weights": "U", "biases": "b"}
"""Keys of a layer's table whose lists of numbers are the parameter of that name."""

LABELLED = {"weight_labels": "W", "recurrent_labels": "U", "bias_labels": "b"}
"""Keys beside the settings, whose lists of names are those of a parameter's numbers."""


def op_class(table: Mapping[str, Any]) -> type[Op]:
    """Give the class of the layer, or activation, that a table names; a dense layer where it names none."""
    name = table.get("op", "dense")
    found: type[Op] = (REGISTRIES["activation"] if name in REGISTRIES["activation"] else layers)[name]
    return found


def label_keys(cls: type[Op]) -> list[str]:
    """Give the keys that a layer's table may have beside the settings of its op: names of units and parameters."""
    if not issubclass(cls, Layer):
        return []
    keys = [key for key, value in zip(LABELLED, VALUES, strict=True) if value in cls.__struct_fields__]
    named = issubclass(cls, Dense) or {"filters", "recurrent_weights"} & set(cls.__struct_fields__)
    return [*(["labels"] if named else []), *keys]


def _check_layout(table: Mapping[str, Any], cls: type[Op]) -> None:
    """Check a layer's `layout`: one of the two, of a layer whose weights are a matrix."""
    if "layout" not in table:
        return
    if depths_of(cls).get("weights") != 2:
        says = f"layout is given; the weights of {table.get('op', 'dense')!r} are no matrix: leave it out."
        raise MisfitError(says, ("layout",))
    if table["layout"] not in LAYOUTS:
        raise MisfitError(
            f'layout is {table["layout"]!r}; expected "inputs", a row of weights for each input of the layer, or '
            '"units", a row for each unit.',
            ("layout",),
        )


def depths_of(cls: type[Op]) -> dict[str, int]:
    """Give how deep in brackets the numbers, or names, stand under each key of a layer's table.

    >>> depths_of(Dense)
    {'weights': 2, 'biases': 1, 'weight_labels': 2, 'bias_labels': 1}
    """
    keys = [key for key in VALUES if key in cls.__struct_fields__]
    if not keys:
        return {}
    ranks = {"W": 2, "U": 2}  # of a layer that needs no sample to be made
    with suppress(BacklitError):
        layer, row = cls.sample()  # type: ignore[attr-defined]
        ranks |= {name: len(shape) for name, shape in layer.ops()[0].shapes(row).parameters.items()}
    both = {**VALUES, **{key: LABELLED[key] for key in LABELLED}}
    return {key: ranks.get(name, 1) for key, name in both.items() if key in keys or key in label_keys(cls)}


def layer_of(table: Any, label: str, path: tuple[str | int, ...]) -> Any:
    """Give the layer that a `[[network.layers]]` table, or a table in a block, describes; `label` and `path` place it.

    Errors: a MisfitError for an unknown op or key, a value that does not fit, or a key that is missing.
    """
    if not isinstance(table, Mapping):
        with inside(f"layer {label}", *path):
            if isinstance(table, str):
                return layer_from_dict({"op": table})
            given = KINDS.get(type(table), "a number")
            raise BacklitError(f"{given} was given; expected a table such as {{ units = 4 }}.")
    nested = _nested(table, label, path)
    with inside(f"layer {label}", *path):
        with inside_key("op"):
            cls = op_class(table)
        labels = label_keys(cls)
        _check_layout(table, cls)
        layout = ["layout"] if depths_of(cls).get("weights") == 2 else []
        own = {key: value for key, value in by_inputs(table).items() if key not in labels}
        settings = {"op": table.get("op", "dense")} | own
        for key in settings:
            if key != "op" and key not in cls.__struct_fields__:
                raise MisfitError(unknown_key(key, [*cls.__struct_fields__, *labels, *layout], settings[key]), (key,))
        missing = [field.name for field in msgspec.structs.fields(cls) if field.required and field.name not in settings]
        if missing:
            raise BacklitError(f"the key {missing[0]!r} is missing.")
        check_layer(table, depths_of(cls))
        for key, kind_name in cls.nested.items():
            if kind_name == "layer":
                continue
            if isinstance(settings.get(key), Mapping):
                op_of(REGISTRIES[kind_name], settings[key], key, key)
            elif isinstance(settings.get(key), str):
                with inside_key(key):
                    REGISTRIES[kind_name][settings[key]]
        with of_setting(settings):
            return layer_from_dict(settings | nested)


def chain_of(network: NetworkTable) -> list[Layer]:
    """Give the layers that the tables of a network describe."""
    return [
        layer_of(table, str(number), ("network", "layers", number - 1))
        for number, table in enumerate(network.layers, 1)
    ]


def op_of(registry: Registry, given: str | Mapping[str, Any], where: str, *path: str | int) -> Any:
    """Give the op that a name, or a table of a name and settings, describes; `where` and `path` say where it stands."""
    with inside(where, *path):
        if not isinstance(given, Mapping):
            return registry.make(given)
        if "op" not in given:
            raise BacklitError(f"the key 'op' is missing; expected a name such as op = \"{next(iter(registry))}\".")
        cls = registry.get(given["op"]) if isinstance(given["op"], str) else None
        if cls is None:
            with inside_key("op"):
                registry[given["op"]]
        with of_setting(given):
            return registry.from_dict(given)


def _nested(table: Mapping[str, Any], label: str, path: tuple[str | int, ...]) -> dict[str, Any]:
    """Give the layers that stand in a block's table, by key."""
    name = table.get("op", "dense")
    cls = layers.get(name) if isinstance(name, str) else None
    keys = [key for key, kind in (cls.nested if cls else {}).items() if kind == "layer" and key in table]
    found: dict[str, Any] = {}
    chains = ["layers", "shortcut"]
    labels = dict(zip(chains, branch_labels(label, [table.get(key) or [] for key in chains]), strict=True))
    for key in keys:
        if cls is None or key not in cls.__struct_fields__:
            continue
        given = table[key]
        if key == "layer":
            found[key] = layer_of(given, f"{label}.1", (*path, key))
        elif key == "branches":
            found[key] = _branches(given, label, (*path, key))
        else:
            found[key] = _chain(given, labels[key], (*path, key), f"layer {label}: {key}")
    return found


def _branches(given: Any, label: str, path: tuple[str | int, ...]) -> list[list[Any]]:
    """Give the branches of a block: a list of lists of tables."""
    several = isinstance(given, list) and all(isinstance(branch, list) for branch in given)
    if not several:
        raise MisfitError(
            f"layer {label}: branches is no list of lists; expected such as branches = [[{{ units = 4 }}], "
            "[{ units = 2 }]]: each branch is a list of layers.",
            path,
        )
    return [
        _chain(given[k], inside, (*path, k), f"layer {label}: a branch")
        for k, inside in enumerate(branch_labels(label, given))
    ]


def _chain(given: Any, within: str, path: tuple[str | int, ...], where: str) -> list[Any]:
    """Give layers one after another, whose labels begin with `within`."""
    if not isinstance(given, list):
        raise MisfitError(
            f"{where} is {KINDS.get(type(given), 'a number')}; expected a list of tables, such as [{{ units = 4 }}].",
            path,
        )
    return [layer_of(inner, f"{within}{k}", (*path, k - 1)) for k, inner in enumerate(given, 1)]


def without_values(table: Any) -> Any:
    """Give a layer's table without the numbers of its parameters, and without names: what its shapes follow from."""
    if isinstance(table, list):
        return [without_values(item) for item in table]
    if not isinstance(table, Mapping):
        return table
    return {
        key: without_values(value) if isinstance(value, (list, Mapping)) and key in HOLDING else value
        for key, value in table.items()
        if not (key in VALUES and isinstance(value, list)) and key not in (*LABELLED, "labels", "layout")
    }


def with_ops(table: Any) -> Any:
    """Give a layer's table as `layer_from_dict` takes it: with `op`, in blocks too, a row of weights for each input
    of the layer, and without names.
    """
    if isinstance(table, list):
        return [with_ops(item) for item in table]
    if isinstance(table, str):
        return {"op": table}
    if not isinstance(table, Mapping):
        return table
    kept = {key: value for key, value in by_inputs(table).items() if key not in LABELLED and key != "labels"}
    inner = {
        key: with_ops(value) for key, value in kept.items() if key in HOLDING and isinstance(value, (list, Mapping))
    }
    return {"op": "dense", **kept, **inner}
