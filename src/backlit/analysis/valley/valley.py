"""The valley: the error over a plane in the space of a network's weights, and paths of descent on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from backlit.analysis.valley.path import Descent, Each, descent_of, refuse_unlike
from backlit.analysis.valley.records import PathPoint, Valley, ValleyPath
from backlit.analysis.valley.single_weights import SingleWeight, trained_places, weight_at, weight_named
from backlit.analysis.valley.words import Known, base_words, error_words
from backlit.engine import Network, Training, WeightError, rows_of
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array
from backlit.ops.value_checks import checked

Resolution = Annotated[int, Meta(ge=2, le=401, extra={"expected": "a whole number from 2 to 401"})]

MARGIN = 0.2
"""How far the drawn plane goes beyond the path on each side, as a part of its length there."""

Span = tuple[float, float]


class Plane(NamedTuple):
    """The points origin + x along + y across of the space of all weights; along and across have the length 1."""

    kind: Literal["weights", "plane"]
    names: tuple[str, str]
    origin: Array
    along: Array
    across: Array
    chosen: str = ""
    shares: tuple[float, float] | None = None

    def at(self, x: float, y: float) -> Array:
        """Give the weights (parameters,) at a point."""
        place: Array = self.origin + x * self.along + y * self.across
        return place

    def below(self, weights: Array) -> Array:
        """Give the points (n, 2) of the plane that are nearest to weights (n, parameters)."""
        away = weights - self.origin
        return np.stack([away @ self.along, away @ self.across], axis=1)


def valley(
    source: Network | Training | Mapping[str, Training], X: npt.ArrayLike | None = None,
    Y: npt.ArrayLike | None = None, *, weights: Sequence[str] | None = None, each: Each = "epoch",
    resolution: int = 41, x_range: Span | None = None, y_range: Span | None = None,
    sample_weight: npt.ArrayLike | None = None, labels: Mapping[str, str] | None = None,
) -> Valley:  # fmt: skip
    """Compute the valley of a network or of a training, as `backlit.valley` describes it, into a record.

    >>> from backlit.ops.layers.dense import Dense
    >>> network = Network([Dense(1, weights=[[0.0]])], inputs=1, loss="mse")
    >>> training = Training(network, [[0.0], [1.0]], [1.0, 3.0], optimizer="sgd", epochs=2, compiled=False)
    >>> found = valley(training, resolution=3)
    >>> found.x_name, found.y_name, [point.true == point.drawn for point in found.paths[0].points]
    ('w(i1,o1)', 'b(o1)', [True, True, True])
    """
    count = checked("resolution", resolution, Resolution)
    each = checked("each", each, Annotated[Each, Meta(extra={"expected": "'epoch' or 'step'"})])
    known = _known(source, X, Y, sample_weight)
    network, trainings = known.network, known.trainings
    trained = trained_places(network)
    if trained.size < 2:
        raise BacklitError(
            f"a valley lies over two weights, and the network trains {counted(trained.size, 'number')}; expected a "
            "network with at least two weights or biases that are trained."
        )
    labels = _own_names(network, labels)
    chosen = chosen_weights(network, weights, labels)
    error = known.error()
    descents = [descent_of(training, each, error, name) for name, training in trainings.items()]
    if chosen is not None or trained.size == 2 or not descents:
        plane = plane_of_weights(known, _last(known, descents), chosen, trained, labels)
    else:
        plane = main_plane(descents, trained)
    return valley_on(plane, known, error, descents, count, x_range, y_range)


def valley_on(
    plane: Plane, known: Known, error: WeightError, descents: list[Descent], count: int, x_range: Span | None = None,
    y_range: Span | None = None, between: Callable[[], None] = lambda: None,
) -> Valley:  # fmt: skip
    """Compute E on a plane, (count, count) places of it, and the paths on it, into a record.

    `between` is called before each place; what it raises ends the work.
    """
    values, trained = _last(known, descents), int(trained_places(known.network).size)
    spots = [plane.below(descent.weights) for descent in descents]
    x, y = _sides(plane, spots or [_around(plane, values)], x_range, y_range, count)
    return Valley(
        kind=plane.kind, x_name=plane.names[0], y_name=plane.names[1], x=tuple(x.tolist()), y=tuple(y.tolist()),
        error=_grid(known, error, plane, x, y, between),
        what=error_words(known), base=base_words(plane.kind, trained, descents), weights=trained,
        chosen=plane.chosen, here=None if descents else _here(plane, values),
        hypothetical=any(descent.hypothetical for descent in descents),
        paths=tuple(_path(descent, places, plane, error) for descent, places in zip(descents, spots, strict=True)),
        share=None if plane.shares is None else min(1.0, sum(plane.shares)), shares=plane.shares,
    )  # fmt: skip


def _last(known: Known, descents: list[Descent]) -> Array:
    """Give the weights that the plane goes through: the last ones of the first path, or the network's own."""
    found: Array = descents[0].weights[-1] if descents else known.network.parameters.astype(np.float64)
    return found


def _known(source: Any, X: Any, Y: Any, sample_weight: Any) -> Known:
    """Tell a network, a training and several trainings apart, and find the rows that the error is of."""
    if isinstance(source, Network):
        if X is None or Y is None:
            raise BacklitError(
                "valley was given a network without rows; expected valley(network, X, Y), or a Training, whose rows "
                "and whose path it takes."
            )
        return Known(source, {}, _rows(source, X, Y, sample_weight))
    if isinstance(source, Training):
        source = {"": source}
    if not isinstance(source, Mapping) or not source or not all(isinstance(t, Training) for t in source.values()):
        raise BacklitError(
            f"valley was given a {type(source).__name__}; expected a Training, a Network with X and Y, or trainings by "
            'their names: valley({"batch": training, "stochastic": another}).'
        )
    trainings = {str(name): training for name, training in source.items()}
    refuse_unlike([*trainings.values()])
    first = next(iter(trainings.values()))
    if X is None and Y is None and sample_weight is None:
        return Known(first.network, trainings, (first.X, first.Y, first.weights))
    if X is None or Y is None:
        raise BacklitError("valley was given only a part of other rows; expected X and Y, or neither.")
    return Known(first.network, trainings, _rows(first.network, X, Y, sample_weight), own_rows=False)


def _rows(network: Network, X: Any, Y: Any, sample_weight: Any) -> tuple[Array, Array, Array]:
    rows = rows_of(network, X, Y, sample_weight)
    if not len(rows[0]):
        raise BacklitError("X has no rows; expected at least one to measure the error on.")
    return rows


def _own_names(network: Network, given: Any) -> dict[str, str]:
    """Check names of the caller's for weights, by the weights' usual names."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise BacklitError(f"labels is {given!r}; expected names by weights, such as {{'w(i1,h1)': 'w1'}}.")
    for usual in given:
        weight_named(network, str(usual), {}, "labels")
    return {str(usual): str(own) for usual, own in given.items()}


def chosen_weights(
    network: Network, given: Sequence[str] | None, labels: Mapping[str, str]
) -> list[SingleWeight] | None:
    """Find the two weights that the caller chose."""
    if given is None:
        return None
    if isinstance(given, str) or not np.iterable(given) or len(given) != 2:
        raise BacklitError(f"weights is {given!r}; expected the names of two weights, such as ('w(i1,h1)', 'b(h1)').")
    chosen = [weight_named(network, name, labels) for name in given]
    if chosen[0].place == chosen[1].place:
        raise BacklitError(f"weights: {given[0]!r} and {given[1]!r} are the same weight; expected two different ones.")
    return chosen


# ------------------------------------------------------------------------------------------------------------ the plane


def plane_of_weights(
    known: Known, values: Array, chosen: list[SingleWeight] | None, trained: Array, labels: Mapping[str, str]
) -> Plane:
    """Give the plane of two weights, all others as in `values`: those chosen, the only ones, or the steepest."""
    why = ""
    if chosen is None and trained.size == 2:
        chosen = [weight_at(known.network, int(place), labels) for place in trained]
    elif chosen is None:
        slopes = known.slopes(trained)
        steepest = np.argsort(-np.abs(slopes), kind="stable")[:2]
        chosen = [weight_at(known.network, int(trained[k]), labels) for k in steepest]
        told = " and ".join(f"dE/d{w.name} = {slopes[k]:.4g}" for w, k in zip(chosen, steepest, strict=True))
        why = f"Of all weights and biases these two have the largest slopes: {told}."
    x, y = (weight.place for weight in chosen)
    origin, along, across = values.copy(), np.zeros(values.size), np.zeros(values.size)
    origin[[x, y]] = 0.0
    along[x], across[y] = 1.0, 1.0
    return Plane("weights", (chosen[0].name, chosen[1].name), origin, along, across, why)


def main_plane(descents: list[Descent], trained: Array) -> Plane:
    """Give the plane of the two main directions of paths about the last weights, by a singular value decomposition.

    With D the weights (points, parameters) minus the last ones, D = U S Vᵀ: the directions are the first two rows of
    Vᵀ, and s₁² / Σ s² and s₂² / Σ s² their shares of the paths' variance about the last weights.
    """
    origin = descents[0].weights[-1]
    away = np.concatenate([descent.weights for descent in descents])[:, trained] - origin[trained]
    size = float(np.abs(away).max())
    if size == 0.0:
        far = descents[0].far
        why = "the path leaves at once for weights far beyond the first ones" if far else "the path does not move"
        advice = "take a smaller learning rate" if far else "train for more epochs"
        raise BacklitError(
            f"{why}, so it has no main directions; {advice}, or choose two weights by their names, weights=(..., ...)."
        )
    _, lengths, directions = np.linalg.svd(away / size, full_matrices=False)
    if len(lengths) < 2 or lengths[1] <= lengths[0] * 1e-12:
        raise BacklitError(
            f"the path has {counted(len(away), 'point')} on one line, and a plane needs two directions; expected more "
            "epochs, or each='step' for a point after each update. Or choose two weights by their names, "
            "weights=(..., ...)."
        )
    found = []
    for direction in directions[:2]:
        whole = np.zeros(origin.size)
        whole[trained] = direction * np.sign(direction[np.abs(direction).argmax()])  # of both signs, a fixed one
        found.append(whole)
    shares = lengths[:2] ** 2 / (lengths**2).sum()
    names = ("first main direction", "second main direction")
    return Plane("plane", names, origin, found[0], found[1], shares=(float(shares[0]), float(shares[1])))


def _around(plane: Plane, values: Array) -> Array:
    """Give two corners (2, 2) of the part that is drawn around the weights of a network without a path."""
    centre = plane.below(values[None])[0]
    half = max(1.0, 2.0 * float(np.abs(centre).max())) / (1.0 + 2.0 * MARGIN)
    return np.array([centre - half, centre + half])


def _grid(
    known: Known, error: WeightError, plane: Plane, x: Array, y: Array, between: Callable[[], None]
) -> tuple[tuple[float | None, ...], ...]:  # fmt: skip
    """Compute the error at each place of the grid, rows from low to high y; on several threads, each with its own E."""
    places = [(float(h), float(v)) for v in y for h in x]
    free: SimpleQueue[WeightError] = SimpleQueue()
    for k in range(workers := known.workers):
        free.put(known.error() if k else error)

    def error_at(place: Span) -> float | None:
        between()
        mine = free.get()
        try:
            return _finite(mine(plane.at(*place)))
        finally:
            free.put(mine)

    if workers == 1:
        found = [error_at(place) for place in places]
    else:
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(error_at, places))
    return tuple(tuple(found[k : k + len(x)]) for k in range(0, len(found), len(x)))


def _here(plane: Plane, values: Array) -> Span:
    """Give where weights lie in the plane."""
    x, y = plane.below(values[None])[0]
    return float(x), float(y)


def _sides(
    plane: Plane, spots: list[Array], x_range: Span | None, y_range: Span | None, count: int
) -> tuple[Array, Array]:
    """Give the coordinates (count,) of the grid's columns and rows: the paths with a margin, or what was asked for.

    Both sides are equally long: in a square picture a slope is then at right angles to the contour.
    """
    every = np.concatenate(spots)
    low, high = every.min(axis=0), every.max(axis=0)
    length = float((high - low).max()) or max(1.0, float(np.abs(every).max()))
    half = length * (0.5 + MARGIN)
    sides = [(float(middle - half), float(middle + half)) for middle in low / 2.0 + high / 2.0]
    given = [_range(name, span) for name, span in (("x_range", x_range), ("y_range", y_range))]
    (left, right), (bottom, top) = (asked or side for asked, side in zip(given, sides, strict=True))
    return np.linspace(left, right, count), np.linspace(bottom, top, count)


def _range(name: str, given: Any) -> Span | None:
    if given is None:
        return None
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BacklitError(f"{name} is {given!r}; expected two numbers, the lower one first: {name}=(-1, 1).")
    return low, high


# ------------------------------------------------------------------------------------------------------------ the paths


def _path(descent: Descent, spots: Array, plane: Plane, error: WeightError) -> ValleyPath:
    """Give the record of a path, with the true error of each point beside the one of the plane below it."""
    points = tuple(
        PathPoint(epoch, step, float(x), float(y), _finite(own), _finite(error(plane.at(x, y))))
        for (epoch, step), (x, y), own in zip(descent.places, spots, descent.errors, strict=True)
    )
    return ValleyPath(
        name=descent.name, each=descent.each, points=points, epochs=descent.epochs, updates=descent.updates,
        ended=descent.ended, left_out=descent.left_out, far=descent.far, kept=descent.kept,
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
