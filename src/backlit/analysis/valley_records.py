"""The records of a valley: the error over a plane in the space of weights, and a path of descent on it."""

from __future__ import annotations

import msgspec


class PathPoint(msgspec.Struct, frozen=True):
    """The weights after some updates, where they lie in the drawn plane, and their error: true, and as drawn there.

    `true` is the error at the weights themselves, `drawn` the error at the point of the plane below them. They differ
    where the path leaves the plane.
    """

    epoch: int
    step: int
    x: float
    y: float
    true: float | None
    drawn: float | None


class ValleyPath(msgspec.Struct, frozen=True):
    """A path of descent; `name` says which where there are several."""

    name: str
    points: tuple[PathPoint, ...]


class Valley(msgspec.Struct, frozen=True, kw_only=True):
    """The error over a plane in the space of a network's weights.

    `kind` is "weights" where the axes are two chosen weights, all others at the values of `base`; "plane" where they
    are the two main directions of the path, in units of the weights' length, from the last weights, which are 0, 0.
    `x_name` and `y_name` name the axes. `error[i][k]` is E at (x[k], y[i]); None where it is not finite. `what` says
    which error it is: the loss, its reduction, with or without penalties, over how many rows.
    `share` is the part of the path's variance that lies in the plane, from 0 to 1; None without a path.
    """

    kind: str
    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    error: tuple[tuple[float | None, ...], ...]
    what: str
    base: str
    paths: tuple[ValleyPath, ...] = ()
    share: float | None = None
