"""Turning parsed TOML into records strictly, with errors that a person can act on: where, what was given, what fits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from backlit.examples.file_errors import MisfitError
from backlit.examples.value_places import at
from backlit.ops.synonyms import hint

Record = TypeVar("Record", bound=msgspec.Struct)

_PATH = re.compile(r"^(?P<what>.*?)(?: - at (?:`(?P<path>\$.*)`|(?P<key>.*)))?$", re.DOTALL)
_WRONG_TYPE = re.compile(r"^Expected `(?P<expected>.*)`, got `(?P<given>.*)`$")
_OUT_OF_BOUNDS = re.compile(r"^Expected `(?P<expected>.*)` (?P<relation>>=|<=|>|<) (?P<bound>\S+)$")
_RELATIONS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_EMPTY = re.compile(r"^Expected `(?P<expected>.*)` of length >= 1$")
_NO_CHOICE = re.compile(r"^Invalid enum value ")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<key>.*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<key>.*)`$")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d*|\.\.\.)\]")
TABLE_LISTS = (["layers"], ["published"], ["computed"], ["runs"], ["parts"])
"""Keys whose tables stand in double brackets."""
MOST_BITS = 1_000
"""Of a whole number: a larger one is no float, and Python may not write it out."""
_WORDS = {"int": "a whole number", "float": "a number", "str": "text in quotes", "bool": "true or false",
          "array": "a list", "object": "a table", "null": "nothing"}  # fmt: skip


def decode(data: Any, kind: type[Record]) -> Record:
    """Convert parsed data to a record.

    Errors: a BacklitError that says where something does not fit, what was given and what was expected; for an unknown
    key, the nearest known one.
    """
    try:
        return msgspec.convert(data, kind, strict=True)
    except msgspec.ValidationError as error:
        path = key_path(str(error))
        raise MisfitError(explain(str(error), kind, at(data, path)), path) from None


def explain(message: str, kind: type[msgspec.Struct], value: Any = None) -> str:
    """Say a message of msgspec in plain words; `value` is the one that it is about.

    >>> from backlit.examples.file_tables import NetworkTable
    >>> explain("Object contains unknown field `input`", NetworkTable)
    "unknown key 'input'; did you mean 'inputs'?"
    >>> explain("Expected `int`, got `str` - at `$.seed`", NetworkTable)
    'seed: text in quotes was given; expected a whole number.'
    """
    match = _PATH.match(message)
    assert match is not None  # every part of the pattern is optional
    what, path = match["what"], _steps(match["path"] or "")
    where = f"{place(path)}: " if path else ""
    if unknown := _UNKNOWN.match(what):
        return f"{where}{unknown_key(unknown['key'], _keys_at(kind, path), value)}"
    if missing := _MISSING.match(what):
        return f"{where}the key {missing['key']!r} is missing."
    if wrong := _WRONG_TYPE.match(what):
        twice = [str(step) for step in path if isinstance(step, str)]
        brackets = f": write [[{'.'.join(twice)}]] in double brackets" if twice[-1:] in TABLE_LISTS else ""
        if brackets and isinstance(value, str):
            brackets = f': write {{ op = "{value}" }}'
        return f"{where}{_plain(wrong['given'])} was given; expected {_plain(wrong['expected'])}{brackets}."
    if _NO_CHOICE.match(what):
        choices = [repr(choice) for choice in _choices_at(kind, path)]
        return f"{where}{value!r} is given; expected {', '.join(choices[:-1])} or {choices[-1]}."
    return f"{where}{_beyond(what)}."


def _beyond(what: str) -> str:
    """Say that a number is out of its bounds or that a list is empty; other messages as they are."""
    if bound := _OUT_OF_BOUNDS.match(what):
        return f"expected {_plain(bound['expected'])} {_RELATIONS[bound['relation']]} {bound['bound']}"
    if empty := _EMPTY.match(what):
        return f"nothing is in it; expected {_plain(empty['expected'])} that is not empty"
    return f"{what[0].lower()}{what[1:]}"


def key_path(message: str) -> tuple[str | int, ...]:
    """Give the path of the key that a message of msgspec is about; where one is missing, of its table.

    >>> key_path("Object contains unknown field `input` - at `$.network`")
    ('network', 'input')
    """
    match = _PATH.match(message)
    assert match is not None  # every part of the pattern is optional
    path = tuple(_steps(match["path"] or ""))
    unknown = _UNKNOWN.match(match["what"])
    return (*path, unknown["key"]) if unknown else path


def unknown_key(key: str, known: Iterable[str], value: Any = None) -> str:
    """Say that a key is unknown, and name the one that is meant, what to write with its value, or all."""
    return f"unknown key {key!r}; {hint(key, known, 'file', value)}"


def place(path: Iterable[str | int]) -> str:
    """Say where in the file something is, counting from 1.

    >>> place(["network", "layers", 1, "weights", 0, 2])
    'layer 2, weights, row 1, column 3'
    """
    words: list[str] = []
    steps = list(path)
    k = 0
    while k < len(steps):
        step, following = steps[k], steps[k + 1 : k + 3]
        if step == "network" and following[:1] == ["layers"]:
            number = steps[k + 2] if len(steps) > k + 2 else None
            words.append(f"layer {number + 1}" if isinstance(number, int) else "network.layers")
            k += 3
        elif isinstance(step, int):
            pair = bool(following) and isinstance(following[0], int)
            words.append(f"row {step + 1}, column {int(following[0]) + 1}" if pair else f"item {step + 1}")
            k += 2 if pair else 1
        else:
            words.append(str(step))
            k += 1
    return ", ".join(words)


def refuse_not_finite(data: Any, path: tuple[str | int, ...] = ()) -> None:
    """Raise a BacklitError for the first number that is not finite, with its place: TOML knows nan and inf."""
    if isinstance(data, float) and not math.isfinite(data):
        raise MisfitError(f"{place(path)}: {data} was given; expected a finite number.", path)
    if isinstance(data, int) and data.bit_length() > MOST_BITS:
        raise MisfitError(f"{place(path)}: a whole number of {data.bit_length():,} bits was given; expected at most "
                          f"{MOST_BITS:,} bits, some 300 digits.", path)  # fmt: skip
    if isinstance(data, Mapping):
        for key, value in data.items():
            refuse_not_finite(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            refuse_not_finite(value, (*path, index))


def _plain(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" | ") if name != "null" or types == "null")


def _steps(path: str) -> list[str | int]:
    """Split msgspec's path: "$.layers[1].units" -> ["layers", 1, "units"]; "[...]" stands for any key."""
    steps: list[str | int] = []
    for name, index in _STEP.findall(path.removeprefix("$")):
        steps.append(name or (int(index) if index.isdigit() else "..."))
    return steps


def _keys_at(kind: type[msgspec.Struct], path: list[str | int]) -> list[str]:
    """Give the keys of the table at that path of a record."""
    return [field.encode_name for field in _table_in(_type_at(kind, path)).fields]


def _choices_at(kind: type[msgspec.Struct], path: list[str | int]) -> list[Any]:
    """Give the words of which the value at that path of a record is to be one."""
    found = _type_at(kind, path)
    while isinstance(found, inspect.Metadata):
        found = found.type
    return list(found.values)


def _type_at(kind: type[msgspec.Struct], path: list[str | int]) -> Any:
    """Give the type of what is at that path of a record."""
    found: Any = inspect.type_info(kind)
    for step in path:
        inside = _table_in(found)
        if isinstance(inside, inspect.StructType):
            found = next(field.type for field in inside.fields if field.encode_name == step)
        elif isinstance(inside, inspect.ListType | inspect.VarTupleType):
            found = inside.item_type
    return found


def _table_in(found: Any) -> Any:
    """Give the table or list that a type holds, out of annotations and alternatives."""
    if isinstance(found, inspect.Metadata):
        return _table_in(found.type)
    if isinstance(found, inspect.UnionType):
        inner = [_table_in(option) for option in found.types]
        return next(x for x in inner if isinstance(x, inspect.StructType | inspect.ListType | inspect.VarTupleType))
    return found
