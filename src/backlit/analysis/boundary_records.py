"""The records of a decision boundary: predictions over a plane of two inputs."""

from __future__ import annotations

import msgspec


class BoundaryRow(msgspec.Struct, frozen=True):
    """A row of the data in the plane: its two inputs, its class's number or its number, whether it is right."""

    x: float
    y: float
    target: float | None
    right: bool | None = None


class UnitLine(msgspec.Struct, frozen=True):
    """The line where a hidden unit's net input is 0, a·x + b·y + c = 0, in the plane's own units."""

    unit: str
    a: float
    b: float
    c: float


class Boundary(msgspec.Struct, frozen=True, kw_only=True):
    """What a model predicts over two of its inputs, the others held still.

    `scores[c][i][k]` is the probability of class c at (x[k], y[i]); of a model of numbers there is one grid, of the
    predicted numbers, and `classes` is empty. `held` names the other inputs with the values they are held at, as text.
    `rows` are rows of the data, at most some 2,000 of `of_rows`.
    """

    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    classes: tuple[str, ...]
    scores: tuple[tuple[tuple[float, ...], ...], ...]
    target: str
    rows: tuple[BoundaryRow, ...]
    of_rows: int
    held: tuple[tuple[str, str], ...] = ()
    units: tuple[UnitLine, ...] = ()
