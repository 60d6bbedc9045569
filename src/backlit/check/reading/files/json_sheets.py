"""A sheet as JSON: an object of names and numbers, or of arrays by the parameters' names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from backlit.check.reading.declarations import delta_of, velocity_of
from backlit.check.reading.givens import Given, GivenArray, GivenError, GivenSheet, with_lost_zeros
from backlit.check.reading.name_forms import squashed
from backlit.check.reading.number_texts import number_of
from backlit.check.written import Written
from backlit.errors import BacklitError

DEEPEST = 8
"""So many lists and objects may stand in each other: arrays of the network have at most four."""
INSIDE = ("claimed", "numbers", "gradients", "values", "sheet")
LABELS, VALUES = ("name", "quantity"), ("number", "value", "given", "answer", "result")


class Number(str):
    """A number with its digits as JSON has them, apart from text."""

    __slots__ = ()


def sheet_of_json(text: str, name: str, notes: tuple[str, ...] = ()) -> GivenSheet:
    """Read a sheet in JSON.

    It is {"net(h1)": 0.3775, ...}, with arrays for parameters, {"1.W": [[...]]}; or a list of
    {"name": "net(h1)", "number": 0.3775, "step": 1}. "delta" says what δ is. Digits count as they are written.

    Errors: a GivenError where it is not JSON or holds what is no number.
    """
    _check_depth(text)
    try:
        data = json.loads(
            text, parse_float=Number, parse_int=Number, parse_constant=Number,
            object_pairs_hook=lambda pairs: _object(pairs, text),
        )  # fmt: skip
    except json.JSONDecodeError as error:
        raise GivenError(f"the file is not JSON: {_slip(error)}.", error.lineno) from None
    except ValueError as error:
        if isinstance(error, BacklitError):
            raise
        raise BacklitError(f"{name}: a whole number has too many digits; expected at most some 300.") from None
    reader = _Reader(text)
    reader.read(data, None)
    if not reader.numbers and not reader.arrays:
        raise BacklitError(f'{name} gives no number; expected an object such as {{"net(h1)": 0.3775}}.')
    return with_lost_zeros(GivenSheet(
        name, tuple(reader.numbers), delta_of(reader.said.get("delta", "")), notes, reader.said.get("student", ""),
        tuple(reader.arrays), velocity=velocity_of(reader.said.get("velocity", "")),
    ))  # fmt: skip


def _check_depth(text: str) -> None:
    """Refuse lists and objects that stand in each other too many times; brackets within quotes do not count."""
    depth = 0
    for found in re.finditer(r'"(?:[^"\\\n]|\\.)*+"|[\[{]|[\]}]', text):
        depth += (found[0] in "[{") - (found[0] in "]}")
        if depth > DEEPEST:
            line = text.count("\n", 0, found.start()) + 1
            raise GivenError(f"lists or objects stand in each other too many times; expected at most {DEEPEST}.", line)


class _Reader:
    """Collects the numbers and arrays of parsed JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.numbers: list[Given] = []
        self.arrays: list[GivenArray] = []
        self.said: dict[str, str] = {}
        self._seen, self._lines = 0, 0

    def read(self, data: Any, step: int | None) -> None:
        """Read an object of names, or a list of objects with a name and a number each."""
        if isinstance(data, Mapping):
            for label, value in data.items():
                self._entry(label, value, step)
        elif isinstance(data, list):
            for part in data:
                if not isinstance(part, Mapping):
                    raise BacklitError(
                        'a list in JSON holds objects here, such as {"name": "net(h1)", "number": 0.3775}; '
                        f"{_shown(part)} is none."
                    )
                self._row(part, step)
        else:
            raise BacklitError(f'expected an object such as {{"net(h1)": 0.3775}}; the file holds {_shown(data)}.')

    def _entry(self, label: str, value: Any, step: int | None) -> None:
        word, line = squashed(label), self._line(label)
        if label in INSIDE and isinstance(value, (Mapping, list)) and (isinstance(value, Mapping) or not _flat(value)):
            self.read(value, step)
        elif label == "step" and isinstance(value, Number):
            raise GivenError("step stands beside a number: write a list of objects with name, number and step.", line)
        elif found := re.fullmatch(r"step\s*(\d+)", label.strip(), re.IGNORECASE):
            self.read(value, int(found[1]))
        elif word in {"δ", "delta"} and isinstance(value, str) and not isinstance(value, Number):
            self.said["delta"] = value
        elif word in {"student", "learner", "title", "network", "velocity"} and not isinstance(value, Number):
            self.said[word] = str(value)
        elif isinstance(value, list):
            self.arrays.append(self._array(label, value, step, line))
        elif isinstance(value, str) and value.strip():
            self._number(label, value, step, "", line)
        elif value is not None and value != "":
            raise GivenError(f"{label}: {_shown(value)} was given; expected a number such as 0.3775.", line, label)

    def _row(self, row: Mapping[str, Any], step: int | None) -> None:
        label = next((row[key] for key in LABELS if key in row), None)
        value = next((row[key] for key in VALUES if key in row), None)
        if label is None:
            self.read(row, step)
            return
        own = row.get("step", step)
        if own is not None and not (isinstance(own, int) or re.fullmatch(r"[1-9]\d{0,8}", str(own))):
            raise GivenError(f"the step of {label} is {own}; expected a whole number from 1 on.", self._line(label))
        line = self._line(str(label))
        if isinstance(value, str) and value.strip():
            self._number(str(label), value, None if own is None else int(own), str(row.get("row", "")), line)
        elif value is not None and value != "":
            raise GivenError(f"{label}: {_shown(value)} was given; expected a number such as 0.3775.", line)

    def _number(self, label: str, value: str, step: int | None, row: str, line: int) -> None:
        place = f"line {line}" if line else ""
        written = _written(label, value, line)
        self.numbers.append(Given(label, written, step, row, line, place, isinstance(value, Number)))

    def _array(self, label: str, value: list[Any], step: int | None, line: int) -> GivenArray:
        shape, numbers, is_float = _shape_of(value, label, line), [], True
        for k, text in enumerate(_leaves(value)):
            is_float &= isinstance(text, Number)
            if not isinstance(text, str):
                raise GivenError(f"{label}: {_shown(text)} is its number {k + 1}; expected digits.", line, label)
            numbers.append(_written(label, text, line))
        return GivenArray(label, shape, tuple(numbers), step, line, is_float)

    def _line(self, label: str) -> int:
        """Give the first line in which a name stands in quotes; 0 where there is none, since JSON may escape it."""
        quoted = json.dumps(label, ensure_ascii=False)
        found = self.text.find(quoted, self._seen)  # names come in the order of the file
        if found < 0:
            found = self.text.find(quoted, 0, self._seen)
            return self.text.count("\n", 0, found) + 1 if found >= 0 else 0
        self._lines += self.text.count("\n", self._seen, found)
        self._seen = found
        return self._lines + 1


def _written(label: str, text: str, line: int) -> Written:
    try:
        return number_of(text)
    except BacklitError as error:
        raise GivenError(f"{label}: {error}", line, label) from None


def _object(pairs: list[tuple[str, Any]], text: str) -> dict[str, Any]:
    """Give an object's entries; refuse a name that stands twice."""
    found: dict[str, Any] = {}
    for label, value in pairs:
        if label in found and found[label] != value:
            quoted = json.dumps(label, ensure_ascii=False)
            places = [text.count("\n", 0, m.start()) + 1 for m in re.finditer(re.escape(quoted), text)]
            lines = f" (lines {places[0]} and {places[-1]})" if len(places) > 1 else ""
            raise GivenError(f"{label} is given twice in different ways{lines}; keep one.", places[-1] if places else 0)
        found[label] = value
    return found


def _shape_of(value: Any, label: str, line: int) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    shapes = {_shape_of(part, label, line) for part in value}
    if len(shapes) > 1:
        raise GivenError(f"{label}: its lists have different lengths; expected rows of equal length.", line, label)
    return (len(value), *(shapes.pop() if shapes else ()))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _flat(value: list[Any]) -> bool:
    return all(isinstance(part, (str, list)) for part in value)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return {True: "true", False: "false", None: "null"}.get(value, repr(str(value)))


def _slip(error: json.JSONDecodeError) -> str:
    words = {
        "Expecting property name enclosed in double quotes": "a name stands in double quotes",
        "Expecting ',' delimiter": "a comma is missing before this",
        "Expecting ':' delimiter": "a colon is missing behind the name",
        "Expecting value": "here stands no value: a number has a digit before its point, text stands in double quotes",
        "Extra data": "the object is complete before this",
        "Illegal trailing comma before end of object": "there is a comma too many before the end",
    }
    return f"{words.get(error.msg, error.msg[:1].lower() + error.msg[1:])} (column {error.colno})"
