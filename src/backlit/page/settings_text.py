"""A design's settings as short names with texts: what the controls send, the address holds and `--set` takes.

Names are the keys of a network file: `layers`, `layers.0.units`, `loss`, `optimizer`, `optimizer.rate`, `batch_size`.
`seed` is that of the weights and of the order of the rows; `network.seed` and `training.seed` are each alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from backlit.errors import BacklitError
from backlit.page.design import Design

NETWORK_KEYS = ("layers", "loss", "dtype")

LIMITS = {
    "layers": (32, "more do not fit on the page"),
    "units": (4_096, "a layer with more takes seconds to draw"),
    "epochs": (10_000_000, "the page keeps the numbers of each, some 50 bytes"),
    "weights": (2_000_000, "weights on the way are kept, some dozens of times 16 MB"),
}
"""The most that a page builds, each with its reason, so that a slip of the keyboard does not take all memory."""


def value_of(text: str) -> Any:
    """Read a text as JSON where it is some, else as a word; an empty one is None: the setting's default.

    >>> value_of("0.01"), value_of("tanh"), value_of(""), value_of("[5, 5]")
    (0.01, 'tanh', None, [5, 5])
    """
    try:
        return msgspec.json.decode(text) if text.strip() else None
    except msgspec.DecodeError:
        return text.strip()


def changed(design: Design, name: str, text: str) -> Design:
    """Give the design with one setting changed; its check is the engine's, by `Design.setup`.

    Errors: a BacklitError for a name that leads nowhere.

    >>> changed(Design({"inputs": 2, "layers": [{"units": 1}]}), "layers.0.units", "3").network["layers"]
    [{'units': 3}]
    """
    network, training = copy.deepcopy(design.network), copy.deepcopy(design.training)
    value = value_of(text)
    if name == "layers":
        network["layers"] = layers_of(text, network["layers"])
        return Design(network, training)
    if name == "seed":
        _put(network, ["seed"], value, name)
        _put(training, ["seed"], value, name)
        return Design(network, training)
    table, *keys = name.split(".")
    if table == "layers" and keys[-1:] == ["units"] and keys[0].isdecimal():
        _drop_given(network["layers"], int(keys[0]), value)
    if table in ("network", "training") and keys:
        _put(network if table == "network" else training, keys, value, name)
    else:
        _put(network if table in NETWORK_KEYS else training, [table, *keys], value, name)
    return Design(network, training)


GIVEN = ("weights", "biases")


def without_given(layer: dict[str, Any]) -> dict[str, Any]:
    """Give a layer without weights that a file gives: they fit only where all stays as it was."""
    return {key: value for key, value in layer.items() if key not in GIVEN}


def _drop_given(layers: list[Any], at: int, units: Any) -> None:
    """Drop what a file gives of a layer and of the next one, where the layer gets another number of units."""
    if at < len(layers) and layers[at].get("units") != units:
        kept = without_given(layers[at])
        layers[at] = {key: value for key, value in kept.items() if not key.endswith("labels")}
        if at + 1 < len(layers):
            after = {key: value for key, value in layers[at + 1].items() if key not in ("weights", "weight_labels")}
            layers[at + 1] = after


def _put(table: Any, keys: list[str], value: Any, name: str) -> None:
    """Set or, with None, remove a value; an op that is given by its name alone becomes a table of its settings."""
    for key in keys[:-1]:
        if isinstance(table, list):
            if not key.isdecimal() or int(key) >= len(table):
                raise BacklitError(
                    f"{name}: there is no layer {key!r}; layers are numbered from 0 to {len(table) - 1}."
                )
            table = table[int(key)]
        else:
            inner = table.get(key, {})
            table[key] = inner = {"op": inner} if isinstance(inner, str) else inner
            table = inner
        if not isinstance(table, (dict, list)):
            raise BacklitError(f"{name}: {key!r} has no settings.")
    if not isinstance(table, dict):
        raise BacklitError(f"{name} is a whole layer; expected one setting of it, such as {name}.units.")
    if value is None:
        table.pop(keys[-1], None)
    else:
        table[keys[-1]] = value


def layers_of(text: str, before: list[dict[str, Any]]) -> list[Any]:
    """Read layers: `8:tanh,3:softmax`, or a JSON list of their tables. A last layer as wide as before keeps its labels.

    >>> layers_of("8:tanh,1", [])
    [{'units': 8, 'activation': 'tanh'}, {'units': 1}]
    """
    if text.lstrip().startswith("["):
        given = value_of(text)
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise BacklitError(
                f"layers is {text!r}; expected a JSON list of tables, or a form such as 8:tanh,3:softmax."
            )
        return given
    layers: list[dict[str, Any]] = []
    for part in text.split(","):
        units, _, activation = part.strip().partition(":")
        if not units.isdecimal():
            raise BacklitError(f"layers: {part!r} is no layer; expected units:activation, as in 8:tanh,3:softmax.")
        layers.append({"units": int(units)} | ({"activation": activation} if activation else {}))
    if before and "labels" in before[-1] and before[-1].get("units") == layers[-1]["units"]:
        layers[-1]["labels"] = before[-1]["labels"]
    return layers


def layers_text(layers: list[dict[str, Any]]) -> str:
    """Write layers in the form that `layers_of` reads, the short one where it says all."""
    short = ",".join(
        f"{one.get('units')}:{one['activation']}" if "activation" in one else f"{one.get('units')}" for one in layers
    )
    try:
        if layers_of(short, layers) == layers:
            return short
    except BacklitError:
        pass
    return msgspec.json.encode(layers).decode()


def settings_of(design: Design, first: Design) -> dict[str, str]:
    """Give what differs from the first design, by name; `restored` makes the design of it again."""
    settings: dict[str, str] = {}
    for table, now, then in (
        ("network", design.network, first.network), ("training", design.training, first.training)
    ):  # fmt: skip
        for key in now.keys() | then.keys():
            if now.get(key) == then.get(key):
                continue
            name = key if table == "training" or key in NETWORK_KEYS else f"{table}.{key}"
            value = now.get(key)
            if key == "seed":
                settings[f"{table}.seed"] = "" if value is None else str(value)
            elif key == "layers":
                settings[name] = layers_text(now[key])
            elif isinstance(value, dict) and len(value) > 1 and "op" in value:
                settings |= _op_settings(name, value, then.get(key))
            else:
                settings[name] = "" if value is None else _text(value)
    seeds = {settings.get(f"{table}.seed") for table in ("network", "training")}
    if len(seeds) == 1 and None not in seeds:
        settings = {key: text for key, text in settings.items() if not key.endswith(".seed")} | {
            "seed": seeds.pop() or ""
        }
    return dict(sorted(settings.items()))


def _op_settings(name: str, now: dict[str, Any], then: Any) -> dict[str, str]:
    """Give an op's settings one by one: those that differ, or its name and all of them where it is another op."""
    before = then if isinstance(then, dict) else {"op": then}
    same = before.get("op") == now["op"]
    settings = {} if same else {name: now["op"]}
    for key in sorted(now.keys() | (before.keys() if same else set())):
        if key != "op" and not (same and key in now and key in before and now[key] == before[key]):
            settings[f"{name}.{key}"] = _text(now[key]) if key in now else ""
    return settings


def _text(value: Any) -> str:
    plain = isinstance(value, str) and value_of(value) == value
    return value if plain else msgspec.json.encode(value).decode()


def restored(first: Design, settings: Mapping[str, str] | Iterable[tuple[str, str]]) -> Design:
    """Give the first design with settings changed, in their order."""
    for name, text in settings.items() if isinstance(settings, Mapping) else settings:
        first = changed(first, name, text)
    return first


def named_values(given: Iterable[str]) -> list[tuple[str, str]]:
    """Take NAME=VALUE apart.

    Errors: a BacklitError for one without a name or "=".
    """
    pairs = [one.partition("=") for one in given]
    for name, sign, value in pairs:
        if not (name and sign):
            raise BacklitError(f"--set is {name + sign + value!r}; expected NAME=VALUE, such as optimizer.rate=0.01.")
    return [(name, value) for name, _, value in pairs]


def refuse_too_large(design: Design) -> None:
    """Refuse more than `LIMITS`, before any weight is made; weights of layers without units are not counted."""
    layers = design.network.get("layers", [])
    _hold("layers", len(layers))
    inputs = design.network.get("inputs")
    before = len(inputs) if isinstance(inputs, (list, dict)) else inputs if isinstance(inputs, int) else 1
    weights = 0
    for layer in layers:
        units = layer.get("units") if isinstance(layer, dict) else None
        if isinstance(units, int):
            _hold("units", units)
            weights, before = weights + (before + 1) * units, units
    _hold("weights", weights)


def refuse_too_many(epochs: int) -> None:
    """Refuse more epochs than `LIMITS`: at full speed a small network makes a million a second.

    >>> refuse_too_many(100_000_000)
    Traceback (most recent call last):
    ...
    backlit.errors.BacklitError: 100,000,000 epochs are too many for the page; expected at most 10,000,000: the page ...
    """
    _hold("epochs", epochs)


def _hold(what: str, number: int) -> None:
    most, why = LIMITS[what]
    if number > most:
        raise BacklitError(f"{number:,} {what} are too many for the page; expected at most {most:,}: {why}.")
