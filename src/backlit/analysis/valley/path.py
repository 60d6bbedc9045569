"""The weights on the way of a training: repeated on a copy, which must end with the same weights, or given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from backlit.engine import Repetition, Training, WeightError
from backlit.errors import BacklitError, collecting
from backlit.kernels.types import Array

Each = Literal["epoch", "step"]

MOST_POINTS = 300
FEWEST_POINTS = 20
NUMBERS = 20_000_000
"""Of a long path so many points are kept at the most; fewer where all their weights would be more than NUMBERS."""


HIGHER = 100.0
FARTHER = 10.0
"""A path ends before its error is HIGHER times the first one, FARTHER from the first weights than these are long."""


class Moment(Protocol):
    """A training's weights after so many epochs and updates."""

    @property
    def epoch(self) -> int: ...  # noqa: D102
    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def parameters(self) -> Array: ...  # noqa: D102


class Descent(NamedTuple):
    """The weights on the way of a training: `weights` (points, parameters), each after `places` (epoch, updates).

    `numbers` counts the points, those that were left out too, from 0; `total` is how many there are in all. `errors`
    are those of the points. `hypothetical` says that the training has not run: a copy did.
    """

    name: str
    each: Each
    numbers: list[int]
    places: list[tuple[int, int]]
    weights: Array
    errors: list[float]
    total: int
    epochs: int
    updates: int
    ended: str
    kept: int | None
    hypothetical: bool

    @property
    def far(self) -> int:
        """How many points lie behind the last one that is kept."""
        return self.total - 1 - self.numbers[-1]

    @property
    def left_out(self) -> int:
        """How many points lie between those that are kept."""
        return self.numbers[-1] + 1 - len(self.numbers)

    def first(self, count: int) -> Descent:
        """Give the first points only."""
        return self._replace(
            numbers=self.numbers[:count], places=self.places[:count], weights=self.weights[:count],
            errors=self.errors[:count],
        )  # fmt: skip


def descent_of(training: Training, each: Each, error: WeightError, name: str = "") -> Descent:
    """Repeat a training on a copy and give the weights on its way; the training and its network stay as they are.

    A training that has not run is run on a copy first, to its end. Updates by L-BFGS are its iterations. A path ends
    where it leaves for weights far beyond the others, or for errors that are not finite. Of a long path evenly spaced
    points are kept, the first and the last among them.

    Errors: a BacklitError where the repetition does not end with the training's weights, bit for bit.
    """
    hypothetical = training.explosions.beginning is None
    run = _run(training) if hypothetical else training
    found = _repeated(run, each, error, name)
    near = _near(found)
    while found.left_out and 2 * near < len(found.numbers):  # few of the points: once more, closer to each other
        found = _repeated(run, each, error, name, found.numbers[near])
        near = _near(found)
    return found.first(near)._replace(hypothetical=hypothetical)


def _repeated(run: Training, each: Each, error: WeightError, name: str, most: int | None = None) -> Descent:
    """Repeat a training that has run and keep points of its path: of all, or of the first ones, up to number `most`."""
    again = Repetition.of(run)
    begun, count = again.step, again.place_count(run, each)
    last = count - 1 if most is None else most
    wanted = _kept_numbers(last, again.network.parameters.size)
    places: list[tuple[int, int]] = []
    weights: list[Array] = []
    with closing(again.places(run, each)) as way:
        for number, place in enumerate(way):
            if number in wanted:
                places.append((place.epoch, place.step - begun))
                weights.append(again.network.parameters.astype(np.float64))
            if number == most:
                break
    if most is None:
        again.refuse_another_end(run)
    return Descent(
        name, each, sorted(wanted), places, np.array(weights), [error(w) for w in weights], count,
        len(run.history), run.step - begun, run.stopped or "it has not ended yet", again.kept_epoch(run), False,
    )  # fmt: skip


def descent_along(training: Training, moments: Sequence[Moment], error: WeightError) -> Descent:
    """Give the way of a training whose weights are known at moments, in order, from the first weights on.

    It is what `descent_of` gives of the same points. Of many moments evenly spaced ones are kept.
    """
    numbers = sorted(_kept_numbers(len(moments) - 1, moments[0].parameters.size))
    kept = [moments[k] for k in numbers]
    weights = np.array([moment.parameters.astype(np.float64) for moment in kept])
    begun, last = moments[0].step, moments[-1]
    within = any(one.epoch == other.epoch for one, other in pairwise(moments))
    found = Descent(
        "", "step" if within else "epoch", numbers, [(moment.epoch, moment.step - begun) for moment in kept], weights,
        [error(values) for values in weights], len(moments), last.epoch, last.step - begun,
        training.stopped or "it has not ended yet", Repetition.kept_epoch(training) if training.stopped else None,
        hypothetical=False,
    )  # fmt: skip
    return found.first(_near(found))


def _near(descent: Descent) -> int:
    """Give how many points there are before a path leaves for weights far beyond, or for errors that are not finite."""
    weights, errors = descent.weights, descent.errors
    with np.errstate(all="ignore"):
        away = np.linalg.norm(weights - weights[0], axis=1)
    reach = FARTHER * max(1.0, float(np.linalg.norm(weights[0])))
    for k in range(1, len(errors)):
        within = away[k] <= reach or errors[k] <= HIGHER * abs(errors[0])
        if not (within and math.isfinite(errors[k]) and math.isfinite(away[k])):
            return k
    return len(errors)


def _run(training: Training) -> Repetition:
    """Run a copy of a training that has not run, to its end."""
    copy = Repetition.of(training)
    with collecting([]):  # how it ends is said beside the path
        copy.run()
    if copy.stopped == "interrupted":
        raise KeyboardInterrupt
    return copy


def _kept_numbers(last: int, parameters: int) -> set[int]:
    """Choose evenly spaced ones of the points 0 to `last`, both among them."""
    most = int(np.clip(NUMBERS // max(1, parameters), FEWEST_POINTS, MOST_POINTS))
    return {int(k) for k in np.linspace(0, last, min(last + 1, most)).round()}


def refuse_unlike(trainings: list[Training]) -> None:
    """Refuse trainings whose paths do not lie on one valley: of other weights, rows or penalties."""
    first, *others = trainings
    for other in others:
        told = _unlike(first, other)
        if told:
            raise BacklitError(
                f"the trainings of one valley have {told}; expected the same network, rows, loss and penalties, so "
                "that their paths lie on the same error."
            )


def _maths(op: Any) -> dict[str, Any]:
    """Give an op's settings but for those of its first weights and of what is trained."""
    return {name: value for name, value in op.to_dict().items() if name not in {"weights", "biases", "freeze"}}


def _unlike(first: Training, other: Training) -> str:
    penalties = ("l1", "l2", "decay_biases", "penalty_per_batch")
    same: list[tuple[str, Any, Any]] = [
        ("other layers", first.network.layout, other.network.layout),
        ("other layers", [_maths(op) for op in first.network.ops], [_maths(op) for op in other.network.ops]),
        ("other losses", first.network.loss.to_dict(), other.network.loss.to_dict()),
    ]
    same += [("other penalties", getattr(first.settings, name), getattr(other.settings, name)) for name in penalties]
    for told, mine, theirs in same:
        if mine != theirs:
            return told
    rows = ((first.X, other.X), (first.Y, other.Y), (first.weights, other.weights))
    return "" if all(np.array_equal(mine, theirs) for mine, theirs in rows) else "other rows"
