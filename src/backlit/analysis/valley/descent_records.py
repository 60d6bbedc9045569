"""The records of a lesson on gradient descent: a valley of two weights, and every number of the steps down it."""

from __future__ import annotations

import msgspec

from backlit.analysis.valley.records import Valley

Pair = tuple[float, float]
"""A number for each of the two weights."""


class WeightStep(msgspec.Struct, frozen=True, kw_only=True):
    """An update: new = old - rate · slope, for both weights.

    `number` counts the updates and `epoch` the epochs from 1 on, `rows` are the numbers of the rows it is made on, and
    `error` and `slopes` are of these rows, at the old weights.
    """

    number: int
    epoch: int
    rows: tuple[int, ...]
    rate: float
    error: float
    old: Pair
    slopes: Pair
    new: Pair


class Descent(msgspec.Struct, frozen=True, kw_only=True):
    """A training followed update by update. `errors` are E over all rows before the first update and after each.

    An error that is not finite is None. `stopped` says why it was not followed to its end, "" where it was.
    """

    name: str
    rate: float
    batch_size: int
    of_rows: int
    epochs: int
    start: Pair
    steps: tuple[WeightStep, ...]
    errors: tuple[float | None, ...]
    stopped: str = ""


class RowSlopes(msgspec.Struct, frozen=True, kw_only=True):
    """What one row alone says at the first weights: its answer, its error, and the slopes of that."""

    row: int
    inputs: tuple[float, ...]
    targets: tuple[float, ...]
    outputs: tuple[float, ...]
    error: float
    slopes: Pair


class Tangent(msgspec.Struct, frozen=True, kw_only=True):
    """The slope at a place of a curve, and where a step of the rate leads from there."""

    at: float
    error: float
    slope: float
    rate: float
    after: float
    error_after: float | None


class SlopeCurve(msgspec.Struct, frozen=True, kw_only=True):
    """The error over the first weight, the second one held; and tangents on both sides of its lowest value."""

    name: str
    held: str
    held_at: float
    values: tuple[float, ...]
    errors: tuple[float, ...]
    tangents: tuple[Tangent, ...]


class Lowest(msgspec.Struct, frozen=True, kw_only=True):
    """Where L-BFGS, begun at the first weights, ends: the lowest error that it finds."""

    x: float
    y: float
    error: float


class DescentLesson(msgspec.Struct, frozen=True, kw_only=True):
    """A valley of two weights, the descents on it (its paths have their names), and the slopes at the first weights.

    `rows` are the rows' own slopes at the start; `error` and `slopes` those of all rows together.
    """

    valley: Valley
    lowest: Lowest
    start: Pair
    error: float
    slopes: Pair
    rows: tuple[RowSlopes, ...]
    curve: SlopeCurve
    descents: tuple[Descent, ...]
