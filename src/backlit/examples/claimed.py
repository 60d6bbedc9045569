"""`[claimed]` of a network file: a learner's numbers by their names, with the digits as they are written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from backlit.examples.file_errors import MisfitError

OF_TABLE = ("step", "delta", "velocity", "digits")
"""Keys of the table itself; all others are names of numbers."""
WORDS = ("delta", "velocity")
"""Those whose texts declare a convention; a number there is one of that name."""


class ClaimedNumber(msgspec.Struct, frozen=True):
    """A number that a learner claims: its name, its digits, its step (None where that is not said), its line."""

    name: str
    digits: str
    step: int | None
    line: int


class Claimed(msgspec.Struct, frozen=True):
    """A learner's numbers.

    Attributes:
        numbers: in the file's order.
        delta, velocity: what δ is said to be, such as "-dE/dnet", and how v is worked out; may be empty.
        digits: so many places behind the point all numbers have, trailing zeros left out; None where that is not said.
    """

    numbers: tuple[ClaimedNumber, ...] = ()
    delta: str = ""
    digits: int | None = None
    velocity: str = ""


def claimed_of(text: str) -> Claimed:
    """Read `[claimed]`, or the tables `[[claimed]]`, of a network file's text; without any, no numbers.

    Errors: a MisfitError where a number has no digits, or a key of the table itself a wrong value.
    """
    raw = tomllib.loads(text, parse_float=str).get("claimed", {})
    tables = raw if isinstance(raw, list) else [raw]
    numbers: list[ClaimedNumber] = []
    words, digits = dict.fromkeys(WORDS, ""), None
    begins = [found.start() for found in re.finditer(r"^[ \t]*\[\[?\s*claimed\s*\]", text, re.MULTILINE)] or [0]
    for k, table in enumerate(tables):
        path: tuple[str | int, ...] = ("claimed", k) if isinstance(raw, list) else ("claimed",)
        if not isinstance(table, dict):
            raise MisfitError(
                f"claimed is {table!r}; expected a table: [claimed], and below it lines such as net = 0.3775.", path
            )
        step = _whole(table, "step", 1, path)
        places = _whole(table, "digits", 0, path)
        digits = places if places is not None else digits
        words |= {key: table[key] for key in WORDS if key in table and _is_word(table[key])}
        numbers += _numbers(table, step, path, text, begins[min(k, len(begins) - 1)])
    return Claimed(tuple(numbers), words["delta"], digits, words["velocity"])


def _numbers(
    table: Mapping[str, Any], step: int | None, path: tuple[str | int, ...], text: str, begin: int
) -> Iterator[ClaimedNumber]:
    for name, value in table.items():
        if name in {"step", "digits"} or (name in WORDS and _is_word(value)):
            continue
        if isinstance(value, Mapping):
            says = f"claimed: {name} is a table; expected numbers: a name with a point stands in quotes, "
            raise MisfitError(f'{says}such as "1.W[0, 0]".', (*path, name))
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            given = "a list" if isinstance(value, list) else str(value).lower()
            raise MisfitError(f"claimed, {name}: {given} was given; expected a number such as 0.3775.", (*path, name))
        yield ClaimedNumber(name, str(value), step, _line(name, text, begin))


def _is_word(text: Any) -> bool:
    """Tell whether the text of a key such as `delta` says what δ is, and is no number."""
    return isinstance(text, str) and not re.fullmatch(r"[-+−≈\s]*[\d.,]+\s*(?:e[-+]?\d+)?", text)


def _whole(table: Mapping[str, Any], key: str, least: int, path: tuple[str | int, ...]) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 1_000_000:
        raise MisfitError(f"claimed, {key}: {value} was given; expected a whole number from {least} on.", (*path, key))
    return value


def _line(name: str, text: str, begin: int) -> int:
    """Give the line of the text in which a name is a key, from a place on; 0 where it is not found."""
    key = re.compile(rf"""^[ \t]*(["']?){re.escape(name)}\1[ \t]*=""", re.MULTILINE)
    found = key.search(text, begin)
    return text.count("\n", 0, found.start()) + 1 if found else 0
