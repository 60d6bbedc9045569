"""The one layout of errors in a network file: the line's number and what is wrong; the line; a mark below the place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from backlit.errors import BacklitError, PlacedError

Path = tuple[str | int, ...]
"""Where something stands in the parsed file: keys, and numbers of items from 0."""

WIDEST = 100
LONGEST = 200_000
"""In a longer text the line of a key is not searched."""


class MisfitError(BacklitError):
    """Something in a network file does not fit. `path` is where, empty where that is not known."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.path = path


@contextmanager
def inside(where: str, *path: str | int) -> Iterator[None]:
    """Put the words `where` and the path before those of an error that arises inside."""
    try:
        yield
    except BacklitError as error:
        raise MisfitError(f"{where}: {error}", (*path, *getattr(error, "path", ()))) from None


@contextmanager
def inside_key(*path: str | int) -> Iterator[None]:
    """Put the path before that of an error that arises inside, whose words say the place already."""
    try:
        yield
    except BacklitError as error:
        raise MisfitError(str(error), (*path, *getattr(error, "path", ()))) from None


@contextmanager
def of_setting(given: Mapping[str, Any]) -> Iterator[None]:
    """Find the key of an error about one of the settings given: the one that the message names as `key is ...`."""
    try:
        yield
    except BacklitError as error:
        if getattr(error, "path", ()):
            raise
        words = re.search(r"(?:^|: )(?:the setting '|.* has no setting ')?(\w+)(?:'|: | is )", str(error))
        named = [key for key in given if words and key == words[1]]
        raise MisfitError(str(error), tuple(named)) from None


def at_place(name: str, text: str, line: int, column: int, says: str, width: int = 1) -> PlacedError:
    """Give the error for a place in a file, line and column from 1."""
    content = text.split("\n")[line - 1].rstrip("\r")
    start = max(0, column - WIDEST // 2) if len(content) > WIDEST else 0
    shown = re.sub(r"\s", " ", content[start : start + WIDEST])
    number = f"  {line} | "
    mark = f"{' ' * (len(number) - 2)}| {' ' * (column - 1 - start)}{'^' * max(1, width)}"
    return PlacedError(f"{name}, line {line}: {says}\n{number}{shown}\n{mark}")


def misfit(name: str, text: str, raw: Mapping[str, Any], error: BacklitError) -> BacklitError:
    """Give the error for something that does not fit, with the line of its key where that can be found."""
    path: Path = getattr(error, "path", ())
    while path and isinstance(path[-1], int):
        path = path[:-1]
    runs = raw.get("runs")
    for steps in (path, *(("runs", k, *path) for k in range(len(runs) if isinstance(runs, list) else 0))):
        if path and (found := _place_of(steps, text, raw)):
            line, column = found
            return at_place(name, text, line, column, str(error), len(str(steps[-1])))
    return PlacedError(f"{name}: {error}")


def _place_of(path: Path, text: str, raw: Mapping[str, Any]) -> tuple[int, int] | None:
    """Give line and column of the key at a path.

    Every place where the word stands is tried: with another word there, the parsed file has another key at the path.
    """
    key = str(path[-1])
    table = _at(raw, path[:-1])
    if len(text) > LONGEST or not isinstance(table, Mapping) or key not in table:
        return None
    other = "k" + "".join(c for c in key if c.isalnum() and c.isascii()) + "0"
    while other in text:
        other += "0"
    for match in re.finditer(rf"(?<![\w-]){re.escape(key)}(?![\w-])", text):
        try:
            changed = _at(tomllib.loads(text[: match.start()] + other + text[match.end() :]), path[:-1])
        except tomllib.TOMLDecodeError:
            continue
        if isinstance(changed, Mapping) and other in changed and key not in changed:
            before = text[: match.start()]
            return before.count("\n") + 1, match.start() - (before.rfind("\n") + 1) + 1
    return None


def _at(data: Any, path: Sequence[str | int]) -> Any:
    """Give what lies at a path; None where it leads nowhere."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
