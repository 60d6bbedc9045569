"""Values in a network file that are nearly right: what is meant by them, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from backlit.examples.file_errors import MisfitError
from backlit.examples.strict import place
from backlit.examples.value_places import at
from backlit.ops.value_checks import unquoted

KINDS: dict[type, str] = {str: "text in quotes", bool: "true or false", list: "a list", dict: "a table"}


def check_layer(table: Mapping[str, Any], depths: Mapping[str, int]) -> None:
    """Check that a layer's numbers are numbers, and that its switches and lists are not numbers and texts.

    `depths` says how deep in brackets the numbers, or the names, stand under each key.
    """
    for key, depth in depths.items():
        names = key.endswith("labels")
        if key in table and not isinstance(table[key], list) and (names or isinstance(table[key], bool)):
            says = f"{key}: {KINDS.get(type(table[key]), 'a number')} was given; expected a list of "
            raise MisfitError(f"{says}{'names in quotes' if names else 'numbers'}.", (key,))
        for path, value in _inside(table.get(key), depth):
            if (type(value) is not str) if names else isinstance(value, (str, bool, list, dict)):
                wanted = "text in quotes" if names else f"a number{unquoted(value)}"
                given = KINDS.get(type(value), "a number")
                raise MisfitError(f"{place([key, *path])}: {given} was given; expected {wanted}.", (key, *path))
    bias, units = table.get("bias", True), table.get("units")
    if isinstance(bias, (int, float, list)) and not isinstance(bias, bool):
        each = bias if isinstance(bias, list) else [bias] * (units if isinstance(units, int) and 0 < units < 9 else 1)
        says = f"bias is {bias}; expected true or false: for its numbers write biases = {each}."
        raise MisfitError(says, ("bias",))
    if isinstance(freeze := table.get("freeze"), str):
        listed = ", ".join(f'"{name}"' for name in re.findall(r"\w+", freeze))
        raise MisfitError(f"freeze is {freeze!r}; expected a list: write freeze = [{listed}].", ("freeze",))


def _inside(given: Any, depth: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Give the numbers of nested lists with their places, lists that are too deep as they are."""
    if isinstance(given, list):
        for k, item in enumerate(given):
            if isinstance(item, list) and depth > 1:
                yield from (((k, *path), value) for path, value in _inside(item, depth - 1))
            else:
                yield (k,), item


def refuse_flat_rows(raw: Mapping[str, Any]) -> None:
    """Refuse numbers in place of rows, and show them as rows."""
    given = at(raw, ("data", "inputs"))
    if not isinstance(given, list) or not given or any(type(item) not in (int, float) for item in given):
        return
    one = at(raw, ("network", "inputs"))
    single = one == 1 or (isinstance(one, list) and len(one) == 1)

    def advise(text: str) -> str:
        rows = re.sub(r"[-+\w.]+", r"[\g<0>]", text) if single else f"[{text}]"
        return f" Write {rows}." if "\n" not in text and "#" not in text else ""

    says = "data, inputs: numbers were given; expected rows, each a list of numbers."
    raise MisfitError(says, ("data", "inputs"), advise)
