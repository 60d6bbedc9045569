"""Where a value stands in a text that is TOML: behind which key, from which sign to which."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LONGEST = 200_000
"""In a longer text no place is searched."""
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[^\s,\]}#]+(?: [\d:.]+)?")
Span = tuple[int, int]
"""The first sign of something in a text, and the one behind its last."""


def table_span(path: Sequence[str | int], text: str) -> Span | None:
    """Give the heading of a table, or of one of several by its number from 0; None where the path is no heading's.

    >>> text = "[a]\\nx = 1\\n[[b.c]]\\n[[b.c]]\\n"
    >>> table_span(["a"], text), table_span(["b", "c", 1], text), table_span(["a", "x"], text)
    ((0, 3), (18, 25), None)
    """
    names = [step for step in path if isinstance(step, str)]
    number = path[-1] if path and isinstance(path[-1], int) else None
    if not names or len(names) != len(path) - (number is not None):
        return None
    name = r"\s*\.\s*".join(map(re.escape, names))
    left, right = (r"\[\[", r"\]\]") if number is not None else (r"\[", r"\]")
    found = list(re.finditer(rf"^[ \t]*({left}\s*{name}\s*{right})", text, re.MULTILINE))
    return found[number or 0].span(1) if len(found) > (number or 0) else None


def key_span(path: Sequence[str | int], text: str, raw: Mapping[str, Any]) -> Span | None:
    """Give the key at a path of the parsed file.

    Every place where the word stands is tried: with another word there, the parsed file has another key at the path.
    """
    key = str(path[-1])
    table = at(raw, path[:-1])
    if len(text) > LONGEST or not isinstance(table, Mapping) or key not in table:
        return None
    other = "k" + "".join(c for c in key if c.isalnum() and c.isascii()) + "0"
    while other in text:
        other += "0"
    for match in re.finditer(rf"(?<![\w-]){re.escape(key)}(?![\w-])", text):
        try:
            changed = at(tomllib.loads(text[: match.start()] + other + text[match.end() :]), path[:-1])
        except tomllib.TOMLDecodeError:
            continue
        if isinstance(changed, Mapping) and other in changed and key not in changed:
            return match.span()
    return None


def value_span(key: Span, inside: Sequence[int], text: str) -> Span | None:
    """Give the value behind a key, or the item of it that the numbers from 0 lead to.

    >>> value_span((0, 1), [1, 0], "a = [[1, 2], [3, 4]]"), value_span((0, 1), [], "a = 'x, y' # z")
    ((14, 15), (4, 10))
    """
    equals = re.compile(r"[\"']?\s*=\s*").match(text, key[1])
    if equals is None:
        return None
    span = (equals.end(), _end(text, equals.end()))
    for number in inside:
        items = list(_items(text, span[0])) if text[span[0]] == "[" else []
        if number >= len(items):
            return None
        span = items[number]
    return span


def at(data: Any, path: Sequence[str | int]) -> Any:
    """Give what lies at a path; None where it leads nowhere."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _end(text: str, start: int) -> int:
    """Give the end of the value that begins at a place."""
    if text[start] == "[":
        spans = list(_items(text, start))
        return _behind(text, spans[-1][1] if spans else start + 1, "]")
    if text[start] == "{":
        depth, place = 0, start
        while True:
            if quoted := _TEXT.match(text, place):
                place = quoted.end()
                continue
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            place += 1
            if depth == 0:
                return place
    found = _TEXT.match(text, start) or _BARE.match(text, start)
    return found.end() if found else start + 1


def _items(text: str, start: int) -> Iterator[Span]:
    """Give the items of the list that begins at a place."""
    place = _blank(text, start + 1)
    while text[place] != "]":
        end = _end(text, place)
        yield place, end
        place = _blank(text, end)
        if text[place] == ",":
            place = _blank(text, place + 1)


def _behind(text: str, start: int, sign: str) -> int:
    """Give the place behind the next such sign that is in no comment."""
    place = _blank(text, start)
    while text[place] != sign:
        place = _blank(text, place + 1)
    return place + 1


def _blank(text: str, start: int) -> int:
    found = _BLANK.match(text, start)
    return found.end() if found else start
