"""The weights on the way of a training: it is repeated on a copy from its first weights, and must end where it ended."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from backlit.engine import Repetition, Training
from backlit.errors import BacklitError, collecting
from backlit.kernels.types import Array

Each = Literal["epoch", "step"]

MOST_POINTS = 300
FEWEST_POINTS = 20
NUMBERS = 20_000_000
"""Of a long path so many points are kept at the most; fewer where all their weights would be more than NUMBERS."""


class Descent(NamedTuple):
    """The weights on the way of a training: `weights` (points, parameters), each after `places` (epoch, updates).

    `hypothetical` says that the training has not run: a copy did.
    """

    name: str
    each: Each
    places: list[tuple[int, int]]
    weights: Array
    epochs: int
    updates: int
    ended: str
    left_out: int
    kept: int | None
    hypothetical: bool

    def first(self, count: int) -> Descent:
        """Give the first points only."""
        return self._replace(places=self.places[:count], weights=self.weights[:count])


def descent_of(training: Training, each: Each, name: str = "") -> Descent:
    """Repeat a training on a copy and give the weights on its way; the training and its network stay as they are.

    A training that has not run is run on a copy first, to its end. Of a long path evenly spaced points are kept, the
    first and the last among them. Updates by L-BFGS are its iterations.

    Errors: a BacklitError where the repetition does not end with the training's weights, bit for bit.
    """
    hypothetical = training.explosions.beginning is None
    run = _run(training) if hypothetical else training
    again = Repetition.of(run)
    begun = again.step
    wanted = _kept_places(again.place_count(run, each), again.network.parameters.size)
    found: dict[int, tuple[tuple[int, int], Array]] = {}
    for k, place in enumerate(again.places(run, each)):
        if k in wanted:
            found[k] = ((place.epoch, place.step - begun), again.network.parameters.astype(np.float64))
    again.refuse_another_end(run)
    values = [*found.values()]
    return Descent(
        name, each, [place for place, _ in values], np.array([weights for _, weights in values]),
        len(run.history), run.step - begun, run.stopped or "left by its caller", k + 1 - len(values),
        again.kept_epoch(run), hypothetical,
    )  # fmt: skip


def _run(training: Training) -> Repetition:
    """Run a copy of a training that has not run, to its end."""
    copy = Repetition.of(training)
    with collecting([]):  # how it ends is said beside the path
        copy.run()
    if copy.stopped == "interrupted":
        raise KeyboardInterrupt
    return copy


def _kept_places(count: int, parameters: int) -> set[int]:
    most = int(np.clip(NUMBERS // max(1, parameters), FEWEST_POINTS, MOST_POINTS))
    return {int(k) for k in np.linspace(0, count - 1, min(count, most)).round()}


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
        ("other layers", *([_maths(op) for op in t.network.ops] for t in (first, other))),
        ("other losses", first.network.loss.to_dict(), other.network.loss.to_dict()),
        ("other penalties", *([getattr(t.settings, name) for name in penalties] for t in (first, other))),
    ]
    for told, mine, theirs in same:
        if mine != theirs:
            return told
    rows = ((first.X, other.X), (first.Y, other.Y), (first.weights, other.weights))
    return "" if all(np.array_equal(mine, theirs) for mine, theirs in rows) else "other rows"
