"""The records of a decision boundary: predictions over a plane of two inputs, and the rows of the data on it."""

from __future__ import annotations

import msgspec

Grid = tuple[tuple[float, ...], ...]
"""Rows from low y to high y, each from low x to high x: `grid[i][k]` is at (x[k], y[i])."""


class UnitLine(msgspec.Struct, frozen=True):
    """The line where a hidden unit's net input is 0, a·x + b·y + c = 0, in the plane's own units."""

    unit: str
    a: float
    b: float
    c: float


class BoundaryOutput(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a model predicts, over the plane and of the rows: one of several classes, or a number.

    `name` is that of the target or the output, "" where it has none. `classes` are the labels as text; of a number,
    there are none. `scores` holds one grid for a number, its predictions, and for two classes, the second one's score,
    and a grid for each of several classes. Of two classes the second is predicted where its score is above `level`, of
    several the one with the highest score. `probabilities` says whether the scores are.

    `targets`, `predicted` and `drawn` have a value for each row: the class's number, from 0, or the number. `predicted`
    is the model's prediction of the row as it is; `drawn` is what the plane shows at its place, where the other inputs
    are held. A target that is not known is None.
    """

    name: str
    classes: tuple[str, ...]
    scores: tuple[Grid, ...]
    level: float | None
    probabilities: bool
    targets: tuple[float | None, ...]
    predicted: tuple[float, ...]
    drawn: tuple[float, ...]

    @property
    def known(self) -> int:
        """How many rows have a known target."""
        return sum(target is not None for target in self.targets)

    @property
    def right(self) -> int:
        """How many rows are predicted as the class that they have."""
        return sum(target == found for target, found in zip(self.targets, self.predicted, strict=True))

    @property
    def as_drawn(self) -> int:
        """How many rows are predicted as the class that the plane shows at their place."""
        return sum(shown == found for shown, found in zip(self.drawn, self.predicted, strict=True))


class Boundary(msgspec.Struct, frozen=True, kw_only=True):
    """What a model predicts over two of its inputs, the others held still.

    `model` says in words what predicts. `held` names the other inputs with the values they are held at, as text;
    `chosen` says how the two inputs were chosen, "" where they were given. `outputs` are the first of `of_outputs`.

    `rows` are the numbers, from 1, of the rows on the plane, at (row_x[i], row_y[i]): some 2,000 at the most, evenly
    chosen, of the `of_rows` that have both values; `unplaced` rows have not.
    """

    model: str
    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    outputs: tuple[BoundaryOutput, ...]
    of_outputs: int
    rows: tuple[int, ...]
    row_x: tuple[float, ...]
    row_y: tuple[float, ...]
    of_rows: int
    unplaced: int = 0
    held: tuple[tuple[str, str], ...] = ()
    units: tuple[UnitLine, ...] = ()
    chosen: str = ""
