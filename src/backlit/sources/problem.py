"""What a source gives: a network, its rows, and the training whose steps are explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.explain.occasion import named_rows


class Problem(msgspec.Struct, frozen=True):
    """A network with rows X (n, inputs) and Y, and how it is trained.

    Attributes:
        rules: the arguments of `Training`. `epochs`: how many there are, None where the source does not say.
        shown: how the step is shown, as `backlit.explain` takes it: names, facts, notes.
        one_step: why the source has no second step, else an empty text. `one_batch`: why there is no epoch to show.
    """

    network: Network
    X: Any
    Y: Any
    rules: Mapping[str, Any]
    epochs: int | None
    shown: Mapping[str, Any]
    one_step: str = ""
    one_batch: str = ""


def chosen_rows(row: Any, count: int, source: str) -> list[int]:
    """Give the places of rows that are named by their numbers, from 1 on: 2, [1, 2] or "1,2".

    Errors: a BacklitError where one is no whole number from 1 to `count`, or is given twice.

    >>> chosen_rows("3,1", 4, "the table")
    [2, 0]
    """
    given: Iterable[Any] = row.split(",") if isinstance(row, str) else row if np.iterable(row) else [row]
    places: list[int] = []
    for number in given:
        text = str(number).strip()
        if not text.isdecimal() or not 1 <= int(text) <= count:
            raise BacklitError(f"row is {text or 'empty'}; {source} has rows 1 to {count}.")
        if int(text) - 1 in places:
            raise BacklitError(f"row {text} is given twice; expected each row once.")
        places.append(int(text) - 1)
    return places


def numbered_rows(places: Sequence[int]) -> str:
    """Name rows by their numbers, of many the first ones: row 3, or rows 1, 4."""
    return named_rows([str(place + 1) for place in places])
