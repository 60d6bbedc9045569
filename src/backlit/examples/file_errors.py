"""The one layout of errors in a network file: the line's number and what is wrong; the line; a mark below the place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from backlit.errors import BacklitError, PlacedError
from backlit.examples.value_places import LONGEST, Span, key_span, table_span, value_span

Path = tuple[str | int, ...]
"""Where something stands in the parsed file: keys, and numbers of items from 0."""

WIDEST = 100
_OF_KEY = re.compile(r"unknown key |has no setting ")
"""Messages about a key, rather than its value."""


class MisfitError(BacklitError):
    """Something in a network file does not fit.

    `path` is where, empty where that is not known; `advise` gives more to say of the value as it is written there.
    """

    def __init__(self, message: str, path: Path = (), advise: Callable[[str], str] | None = None) -> None:
        super().__init__(message)
        self.path, self.advise = path, advise


@contextmanager
def inside(where: str, *path: str | int) -> Iterator[None]:
    """Put the words `where` and the path before those of an error that arises inside."""
    try:
        yield
    except BacklitError as error:
        raise MisfitError(f"{where}: {error}", (*path, *getattr(error, "path", ())), _advice(error)) from None


@contextmanager
def inside_key(*path: str | int) -> Iterator[None]:
    """Put the path before that of an error that arises inside, whose words say the place already."""
    try:
        yield
    except BacklitError as error:
        raise MisfitError(str(error), (*path, *getattr(error, "path", ())), _advice(error)) from None


def _advice(error: BacklitError) -> Callable[[str], str] | None:
    return getattr(error, "advise", None)


@contextmanager
def of_setting(given: Mapping[str, Any]) -> Iterator[None]:
    """Find the key of an error about one of the settings given: the one that the message names as `key is ...`."""
    try:
        yield
    except BacklitError as error:
        if getattr(error, "path", ()):
            raise
        words = re.findall(r"(?:^|(?<=: ))(?:the setting '|.* has no setting ')?(\w+)(?:'|: | is )", str(error))
        named = next((key for word in words for key in given if key == word), None)
        raise MisfitError(str(error), () if named is None else (named,)) from None


def at_place(name: str, text: str, line: int, column: int, says: str, width: int = 1) -> PlacedError:
    """Give the error for a place in a file, line and column from 1."""
    content = text.split("\n")[line - 1].rstrip("\r")
    start = max(0, column - WIDEST // 2) if len(content) > WIDEST else 0
    shown = re.sub(r"\s", " ", content[start : start + WIDEST])
    number = f"  {line} | "
    mark = f"{' ' * (len(number) - 2)}| {' ' * (column - 1 - start)}{'^' * max(1, width)}"
    return PlacedError(f"{name}, line {line}: {says}\n{number}{shown}\n{mark}")


def misfit(name: str, text: str, raw: Mapping[str, Any], error: BacklitError) -> BacklitError:
    """Give the error for something that does not fit, with its line and a mark where that can be found."""
    path: Path = getattr(error, "path", ())
    runs = raw.get("runs")
    places = (path, *(("runs", k, *path) for k in range(len(runs) if isinstance(runs, list) else 0)))
    found = next((span for steps in places if path and (span := _span(steps, text, raw, str(error)))), None)
    if found is None:
        return PlacedError(f"{name}: {error}")
    begin, end = found
    advise = _advice(error)
    says = f"{error}{advise(text[begin:end]) if advise else ''}"
    if rounded := re.search(r" is (\d+)\.0; expected a whole number[^:]*?(?=\.$)", says):
        thousands = re.fullmatch(r"\d{1,3}(?:\.\d{3})+", text[begin:end])
        other = f", or {text[begin:end].replace('.', '')} where the point marks thousands" if thousands else ""
        says = f"{says[: rounded.end()]}: write {rounded[1]}{other}."
    line = text.count("\n", 0, begin) + 1
    column = begin - text.rfind("\n", 0, begin)
    width = min(end, (text + "\n").index("\n", begin)) - begin
    return at_place(name, text, line, column, says, width)


def _span(path: Path, text: str, raw: Mapping[str, Any], says: str) -> Span | None:
    """Give the place of what lies at a path: the heading of a table, a key that is wrong, or a value or an item."""
    if len(text) > LONGEST:
        return None
    if heading := table_span(path, text):
        return heading
    last = max((k for k, step in enumerate(path) if isinstance(step, str)), default=0)
    key = key_span(path[: last + 1], text, raw)
    if key is None or _OF_KEY.search(says):
        return key
    inside = [step for step in path[last + 1 :] if isinstance(step, int)]
    return value_span(key, inside, text) or value_span(key, (), text) or key
