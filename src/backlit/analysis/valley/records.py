"""The records of a valley: the error over a plane in the space of weights, and paths of descent on it."""

from __future__ import annotations

from typing import Literal

import msgspec


class PathPoint(msgspec.Struct, frozen=True):
    """The weights after some updates, where they lie in the drawn plane, and their error: true, and as drawn there.

    `true` is the error at the weights themselves, `drawn` the error at the point of the plane below them. They differ
    where the path leaves the plane. Both are the engine's; None where one is not a finite number. `step` counts the
    updates made before this point, `epoch` the epochs that had ended by then.
    """

    epoch: int
    step: int
    x: float
    y: float
    true: float | None
    drawn: float | None


class ValleyPath(msgspec.Struct, frozen=True, kw_only=True):
    """A path of descent, from the first weights to the last; `name` says which one where there are several.

    `each` says whether the points are those after epochs or after updates. `updates` counts the updates of the whole
    training and `epochs` its epochs, `ended` says why it ended. A long path keeps some points only, the first and the
    last among them, and `left_out` counts the others. A path that leaves for weights far beyond the others ends at the
    last point before it does; `far` counts the points from there on. `kept` is the epoch whose weights the network was
    given at the end, where that is not the last one.
    """

    name: str = ""
    each: Literal["epoch", "step"] = "epoch"
    points: tuple[PathPoint, ...]
    epochs: int = 0
    updates: int = 0
    ended: str = ""
    left_out: int = 0
    far: int = 0
    kept: int | None = None


class Valley(msgspec.Struct, frozen=True, kw_only=True):
    """The error over a plane in the space of a network's weights.

    `kind` is "weights" where the axes are two chosen weights, all others at the values of `base`; "plane" where they
    are the two main directions of the path, in units of the weights' length, from the last weights, which are 0, 0.
    `x_name` and `y_name` name the axes. `error[i][k]` is E at (x[k], y[i]); None where it is not finite. `what` says
    which error it is: the loss, with or without penalties, over how many rows. `weights` counts the trained weights and
    biases: with two, the plane of both is the whole space, and no path can leave it. `chosen` says why these axes were
    taken where the caller did not name them. `here` is where a network lies that was given without a path.
    `hypothetical` says that a training has not run: a copy of it took the path.
    `share` is the part of the path's variance about its last weights that lies in the plane, from 0 to 1, and `shares`
    are those of its two directions; None where the axes are chosen weights.
    """

    kind: Literal["weights", "plane"]
    x_name: str
    y_name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    error: tuple[tuple[float | None, ...], ...]
    what: str
    base: str
    weights: int
    chosen: str = ""
    here: tuple[float, float] | None = None
    hypothetical: bool = False
    paths: tuple[ValleyPath, ...] = ()
    share: float | None = None
    shares: tuple[float, float] | None = None
