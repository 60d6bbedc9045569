"""Descents of a network of two weights, followed update by update, and the valley that they go down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from backlit.analysis.valley.descent_records import (
    Descent,
    DescentLesson,
    Lowest,
    Pair,
    RowSlopes,
    SlopeCurve,
    Tangent,
    WeightStep,
)
from backlit.analysis.valley.valley import valley
from backlit.engine import Batch, Network, Objective, SingleUpdates, Training
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array

MOST_UPDATES = 400
"""So many updates of each training are followed."""

CURVE_POINTS = 101
GRID = 51
"""Points of the valley along each side."""


class Surface:
    """E and its slopes over the two trained weights of a network, on some rows."""

    def __init__(self, network: Network, X: Array, Y: Array) -> None:
        self.network = network.copy("float64")
        self.objective: Objective = Objective.of(self.network, X, Y, compiled=False)

    def __call__(self, x: float, y: float) -> tuple[float, Pair]:
        """Give E and its two slopes at the weights (x, y)."""
        with np.errstate(all="ignore"):  # far away, squares overflow
            error, slopes = self.objective(np.array([x, y]))
        return float(error), (float(slopes[0]), float(slopes[1]))

    def outputs(self, x: float, y: float) -> tuple[float, ...]:
        """Give the outputs of the first row at the weights (x, y)."""
        self.objective.write(np.array([x, y]))
        return tuple(map(float, self.objective.outputs()[0]))


def descent_lesson(
    trainings: Mapping[str, Training], labels: Mapping[str, str], x_range: Pair, y_range: Pair
) -> DescentLesson:
    """Follow trainings of one network on the same rows from the same two weights, and give the valley they go down.

    Args:
        trainings: by name, before they are run; each makes steps of its rate times the slope. They stay as they are.
        labels: the weights' own names, by their usual ones.
        x_range, y_range: from where to where the valley is drawn.

    Errors: a BacklitError where a network has not two trained weights.
    """
    first = next(iter(trainings.values()))
    network, X, Y = first.network, first.X, first.Y
    surface = Surface(network, X, Y)
    start = _pair(surface.objective.values())
    error, slopes = surface(*start)
    drawn = valley(trainings, each="step", resolution=GRID, x_range=x_range, y_range=y_range, labels=labels)
    return DescentLesson(
        valley=drawn,
        lowest=_lowest(network, X, Y),
        start=start,
        error=error,
        slopes=slopes,
        rows=tuple(_row_slopes(network, X, Y, row, start) for row in range(len(X))),
        curve=_curve(surface, (drawn.x_name, drawn.y_name), x_range, start, _rate(first)),
        descents=tuple(_follow(name, training, surface) for name, training in trainings.items()),
    )


def _pair(values: Array) -> Pair:
    if values.size != 2:
        raise BacklitError(f"the network has {counted(values.size, 'trained weight')}; a valley of two is drawn.")
    return float(values[0]), float(values[1])


# ------------------------------------------------------------------------------------------------------------ the paths


def _follow(name: str, training: Training, surface: Surface) -> Descent:
    """Make the updates of a training one at a time, with the slopes of each, and E over all rows in between."""
    single = SingleUpdates.of(training)
    read = Objective.of(single.network, single.X, single.Y, compiled=False).values
    batches: list[Batch] = []
    weights: list[Pair] = []
    stopped = ""
    try:
        for batch in single.updates():
            weights.append(_pair(read()))
            if len(batches) == MOST_UPDATES:
                stopped = f"the first {MOST_UPDATES} updates are shown"
                break
            batches.append(batch)
        else:
            weights.append(_pair(read()))
    except BacklitError as error:  # the error of the last batch is not finite: its update is not made
        stopped = str(error)
        batches.pop()
    errors = tuple(_finite(surface(*place)[0]) for place in weights)
    return Descent(
        name=name, rate=_rate(training), batch_size=single.batch_size, of_rows=len(single.X),
        epochs=len(single.history), start=weights[0], errors=errors, stopped=stopped,
        steps=_steps(training, batches, weights),
    )  # fmt: skip


def _rate(training: Training) -> float:
    return float(training.optimizer.to_dict()["rate"])


def _steps(training: Training, batches: Sequence[Batch], weights: Sequence[Pair]) -> tuple[WeightStep, ...]:
    """Give each update with the slopes of its own rows."""
    surfaces: dict[tuple[int, ...], Surface] = {}
    steps = []
    for batch, (old, new) in zip(batches, pairwise(weights), strict=True):
        rows = tuple(map(int, batch.rows))
        if rows not in surfaces:
            surfaces[rows] = Surface(training.network, training.X[list(rows)], training.Y[list(rows)])
        error, slopes = surfaces[rows](*old)
        steps.append(WeightStep(number=batch.number, epoch=batch.epoch, rows=tuple(row + 1 for row in rows),
                                rate=batch.rate, error=error, old=old, slopes=slopes, new=new))  # fmt: skip
    return tuple(steps)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --------------------------------------------------------------------------------------------- at the first weights


def _lowest(network: Network, X: Array, Y: Array) -> Lowest:
    """Let L-BFGS go down from the first weights; it takes few updates on two weights."""
    low = network.copy("float64")
    Training(low, X, Y, optimizer="lbfgs", batch_size="full", epochs=200, compiled=False).run()
    objective: Objective = Objective.of(low, X, Y, compiled=False)
    x, y = _pair(objective.values())
    return Lowest(x=x, y=y, error=float(objective(np.array([x, y]))[0]))


def _row_slopes(network: Network, X: Array, Y: Array, row: int, start: Pair) -> RowSlopes:
    """Give what one row alone says at the first weights."""
    alone = Surface(network, X[row : row + 1], Y[row : row + 1])
    error, slopes = alone(*start)
    return RowSlopes(row=row + 1, inputs=tuple(map(float, X[row])), targets=tuple(map(float, Y[row])),
                     outputs=alone.outputs(*start), error=error, slopes=slopes)  # fmt: skip


def _curve(surface: Surface, names: tuple[str, str], x_range: Pair, start: Pair, rate: float) -> SlopeCurve:
    """Give E over the first weight, with tangents at the start and as far on the other side of the lowest place."""
    values = np.linspace(*x_range, CURVE_POINTS)
    errors = np.array([surface(x, start[1])[0] for x in values])
    lowest = float(values[np.nanargmin(errors)])
    mirrored = float(values[np.abs(values - (2 * lowest - start[0])).argmin()])
    places = [start[0]] if mirrored == start[0] else [start[0], mirrored]
    tangents = []
    for at in places:
        error, (slope, _) = surface(at, start[1])
        after = at - rate * slope
        tangents.append(Tangent(at=at, error=error, slope=slope, rate=rate, after=after,
                                error_after=_finite(surface(after, start[1])[0])))  # fmt: skip
    return SlopeCurve(name=names[0], held=names[1], held_at=start[1], values=tuple(map(float, values)),
                      errors=tuple(map(float, errors)), tangents=tuple(tangents))  # fmt: skip
