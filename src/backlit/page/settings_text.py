"""A design's settings as short names with texts: what the controls send, the address holds and `--set` takes.

Names are the keys of a network file: `layers`, `layers.0.units`, `loss`, `optimizer`, `optimizer.rate`, `batch_size`.
`seed` is that of the weights and of the order of the rows; `network.seed` and `training.seed` are each alone.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from backlit.errors import BacklitError
from backlit.examples.file_tables import TRAINING, NetworkTable
from backlit.ops.registry import layers, optimizers, schedules
from backlit.ops.synonyms import hint
from backlit.ops.value_checks import Whole, checked
from backlit.page.design import Design
from backlit.page.layer_edits import GIVEN, fitted

NETWORK_KEYS = ("layers", "loss", "dtype")

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SIZES = re.compile(r"\d+(?:\s*[x×]\s*\d+)+")
_SHAPE = re.compile(r"\d+(?:\s*[x×,]\s*\d+)+")


def value_of(text: str) -> Any:
    """Read a text as JSON where it is some, or a number, or sizes, else as a word; an empty one is None: the default.

    >>> value_of("0.01"), value_of(".5"), value_of("1e3"), value_of("tanh"), value_of(""), value_of("[5, 5]")
    (0.01, 0.5, 1000, 'tanh', None, [5, 5])
    >>> value_of("3 × 5")
    [3, 5]
    """
    text = text.strip()
    if not text:
        return None
    try:
        value = msgspec.json.decode(text)
        whole = isinstance(value, float) and value.is_integer() and abs(value) < LARGEST
        return int(value) if whole else value
    except (msgspec.DecodeError, RecursionError):
        if _NUMBER.fullmatch(text):
            number = float(text)
            return int(text) if text.lstrip("+-").isdecimal() and len(text) < MOST_DIGITS else number
        if _SIZES.fullmatch(text):
            return [float(size) if len(size) > MOST_DIGITS else int(size) for size in re.findall(r"\d+", text)]
        return text


LARGEST = 1e15
"""A number that is whole, and not larger, is read as a whole one however it is written."""

MOST_DIGITS = 19
"""A whole number of more is read as one with a fraction, which is refused where a whole one is expected."""


def changed(design: Design, name: str, text: str) -> Design:
    """Give the design with one setting changed; its check is the engine's, by `Design.setup`.

    Errors: a BacklitError for a name that leads nowhere, or layers that cannot be read.

    >>> changed(Design({"inputs": 2, "layers": [{"units": 1}]}), "layers.0.units", "3").network["layers"]
    [{'units': 3}]
    """
    network, training = copy.deepcopy(design.network), copy.deepcopy(design.training)
    value = value_of(text)
    if name.removeprefix("network.").partition(".")[0] in NETWORK_KEYS:
        name = name.removeprefix("network.")
    if name == "layers":
        network["layers"] = layers_of(text, network["layers"])
        return Design(network, training)
    if name == "network.inputs" and _SHAPE.fullmatch(text.strip()):
        value = [int(size[:MOST_DIGITS]) for size in re.findall(r"\d+", text)]
    if name == "seed":
        value = None if value is None else checked(name, value, Whole)
        _put(network, ["seed"], value, name)
        _put(training, ["seed"], value, name)
        return Design(network, training)
    table, *keys = name.split(".")
    if table not in (*NETWORK_KEYS, *TRAINING, "network", "training"):
        raise BacklitError(f"there is no setting {name!r}; {_meant(table)}")
    if table in ("network", "training") and keys:
        _put(network if table == "network" else training, keys, value, name)
    else:
        _put(network if table in NETWORK_KEYS else training, [table, *keys], value, name)
    if table == "layers" and keys[-1] not in GIVEN:
        network = fitted(network)
    return Design(network, training)


def _meant(key: str) -> str:
    """Say which setting may be meant by a key that is none."""
    within = [f"optimizer.{key}" for cls in optimizers.values() if key in cls.__struct_fields__]
    within += [f"schedule.{key}" for cls in schedules.values() if key in cls.__struct_fields__]
    if key in NetworkTable.__struct_fields__:
        within = [f"network.{key}"]
    return f"did you mean {within[0]!r}?" if within else hint(key, (*NETWORK_KEYS, *TRAINING))


def _put(table: Any, keys: list[str], value: Any, name: str) -> None:
    """Set or, with None, remove a value; an op that is given by its name alone becomes a table of its settings."""
    for key in keys[:-1]:
        if isinstance(table, list):
            if not key.isdecimal() or len(key) > MOST_DIGITS or int(key) >= len(table):
                raise BacklitError(
                    f"{name}: there is no layer {key!r}; layers are numbered from 0 to {len(table) - 1}."
                )
            table = table[int(key)]
        else:
            inner = table.get(key)
            inner = _usual(table, key) if inner is None else inner
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


def _usual(table: Mapping[str, Any], key: str) -> Any:
    """Give the op that a table has under a key where it names none: that of a training, a network or a layer."""
    if key in NETWORK_OPS:
        return NETWORK_OPS[key]
    cls = None
    if "layers" not in table:
        name = table.get("op", "dense")
        cls = layers.get(name) if isinstance(name, str) else None
    usual = {field.name: field.default for field in msgspec.structs.fields(cls)} if cls else {}
    found = usual.get(key)
    return found if isinstance(found, str) and found else {}


NETWORK_OPS = {"loss": "half_squared_error", "optimizer": "adam", "schedule": "constant"}
"""The ops of a network and its training, where the tables name none."""


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
        if not units.isdecimal() or len(units) > MOST_DIGITS:
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
