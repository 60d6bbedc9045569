"""The valley of a training that goes on: its path is given, not repeated, and grows on a surface that stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from backlit.analysis.valley.path import Moment, descent_along
from backlit.analysis.valley.records import Valley
from backlit.analysis.valley.single_weights import trained_places, weight_at
from backlit.analysis.valley.valley import chosen_weights, main_plane, plane_of_weights, valley_on
from backlit.analysis.valley.words import Known
from backlit.engine import Network, Training
from backlit.errors import BacklitError, counted
from backlit.kernels.types import Array

Over = Literal["path", "steepest"] | tuple[str, str]
"""What a valley lies over: the plane of the path's main directions, the two steepest weights, or two by their names."""


class GrowingValley:
    """The valley of a training whose weights are known on the way, as they are so far.

    Of the training only rows, settings and layers are read, so that it may go on meanwhile in another thread. The
    surface goes through the last of the moments. It stays as it is; `below` places later weights on it.

    Args:
        training: whose error is drawn.
        moments: the weights on the way, from the first ones on.
        over: which plane.
        most_rows: the error is of at most so many rows, evenly spread; the record says so.
        labels: own names of weights, by their usual ones.

    Errors: a BacklitError for weights that there are not, fewer than two of them, or a path without two directions.
    """

    def __init__(
        self, training: Training, moments: Sequence[Moment], over: Over, most_rows: int,
        labels: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        rows = (training.X, training.Y, training.weights)
        count = len(rows[0])
        if count > most_rows:
            kept = np.linspace(0, count - 1, most_rows).astype(np.int64)
            rows = (rows[0][kept], rows[1][kept], rows[2][kept] if rows[2].size else rows[2])
        network: Network = training.network.copy()
        self.known = Known(network, {"": training}, rows, of_rows=count if count > most_rows else 0)
        self.error = self.known.error()
        trained = trained_places(network)
        if trained.size < 2:
            raise BacklitError(
                f"a valley lies over two weights, and the network trains {counted(trained.size, 'number')}."
            )
        descent = descent_along(training, moments, self.error)
        self.descents, last = [descent], descent.weights[-1]
        network.parameters[:] = last  # the steepest weights are those of the end, however far the training is by now
        chosen = chosen_weights(network, None if isinstance(over, str) else over, labels or {})
        if over == "path" and trained.size > 2:
            self.plane = main_plane(self.descents, trained)
        else:
            self.plane = plane_of_weights(self.known, last, chosen, trained, labels or {})

    def valley(self, resolution: int, between: Callable[[], None] = lambda: None) -> Valley:
        """Compute the record; `between` is called before each place, and what it raises ends the work."""
        return valley_on(self.plane, self.known, self.error, self.descents, resolution, between=between)

    def below(self, parameters: Array) -> tuple[float, float]:
        """Give the point of the plane that is nearest to weights."""
        x, y = self.plane.below(parameters.astype(np.float64)[None])[0].tolist()
        return x, y


def weight_names(network: Network, most: int, labels: Mapping[str, str] | None = None) -> list[str]:
    """Name the weights and biases that are trained, by their own names if they have some: the first `most` of them."""
    return [weight_at(network, int(place), labels or {}).name for place in trained_places(network)[:most]]
