"""`backlit.valley`: the hill of error over two weights, or over the main plane of a training's path, with the path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy.typing as npt

from backlit.analysis.valley.valley import valley as computed
from backlit.engine import Network, Training
from backlit.show.picture import Picture
from backlit.show.valley.figures import valley_figures


def valley(
    source: Network | Training | Mapping[str, Training], X: npt.ArrayLike | None = None,
    Y: npt.ArrayLike | None = None, *, weights: Sequence[str] | None = None, each: Literal["epoch", "step"] = "epoch",
    resolution: int = 41, x_range: tuple[float, float] | None = None, y_range: tuple[float, float] | None = None,
    sample_weight: npt.ArrayLike | None = None, labels: Mapping[str, str] | None = None,
) -> Picture:  # fmt: skip
    r"""Draw the error as a valley over two weights, or over the main plane of a training, with the path of descent.

    The surface over two weights u, v is E(u, v) with all other weights as they are at the end of the path. Over the
    main plane it is E(w_last + x d₁ + y d₂): w_last the vector of all last weights, and d₁, d₂ the two main directions
    of the path, orthogonal and of length 1, from a singular value decomposition of the weights on the way minus w_last.
    A point w of the path is drawn at x = (w - w_last)·d₁, y = (w - w_last)·d₂. Its own error E(w) stands beside the
    surface's at x, y, since the two differ where the path leaves the plane; `share` is the part of the path's variance
    about w_last that lies in it.

    E is the training's own error: the loss of all rows as one batch, plus the penalties; dropout is off, and batch
    normalization takes the mean and variance of these rows. The engine computes it at each point of the grid.

    The path is that of the training: a copy makes the same updates again, from the first weights on, and must end with
    the training's weights, bit for bit. A training that has not run yet is run on a copy, to its end, without its
    callbacks and its time limit. Training and network stay as they are. A path is drawn up to where it leaves for
    weights far beyond the others, and with at most 300 points.

    Args:
        source: a `Training`; or a `Network`, with X and Y and without a path; or several trainings of one network, loss
            and rows by their names, {"batch": training, "stochastic": another}, whose paths are drawn on one valley.
        X: inputs (n, inputs). Y: targets. Beside a training: rows that the error is of instead of its own.
        weights: names of the two weights: as worked examples have them, "w(i1,h1)" and "b(h1)"; an own label; or a
            place in an array, "1.W[0,0]". By default the two that there are, where only two are trained; else the main
            plane of the path; without a path, the two with the largest slopes.
        each: "epoch" for a point after each epoch, or "step" for one after each update.
        resolution: the grid has so many columns and rows, 41 by default: E is computed 1,681 times.
        x_range, y_range: the ends of the axes, (low, high); by default the path with some room around it.
        sample_weight: a weight for each of the rows X (n,).
        labels: own names of weights, such as {"w(i1,o1)": "weight"}.

    Returns:
        a `Picture`; its `record` is a `Valley`: the grid x, y, `error` (y, x), and for each path its points with epoch,
        updates, x, y, `true` and `drawn` error.

    Errors: a BacklitError where fewer than two weights are trained, a name is none of the network's, a path does not
        move or moves along one line only, rows do not fit the network, or the training cannot be repeated: its rows
        come in an order of the caller's, or weights or settings were changed on the way.

    Source: Li, Xu, Taylor, Studer, Goldstein, "Visualizing the loss landscape of neural nets", NeurIPS 2018, whose
    directions of the path's PCA and whose centre, the last weights, these are. Other than there, the true error of each
    point stands beside the drawn one, the share is that of all stored weights, and running statistics take no part.

    >>> import backlit as bl
    >>> neuron = bl.Network([bl.Dense(1, weights=[[0.0]])], inputs=1, loss="mse")
    >>> training = bl.Training(neuron, [[0.0], [1.0]], [1.0, 3.0], optimizer=bl.SGD(0.3), batch_size="full", epochs=20)
    >>> picture = bl.valley(training, resolution=11)
    >>> path = picture.record.paths[0]
    >>> len(path.points), path.points[0].true, round(path.points[-1].x, 2), round(path.points[-1].y, 2)
    (21, 5.0, 1.91, 1.05)
    >>> picture.save("valley.svg").name  # doctest: +SKIP
    'valley.svg'
    """
    record = computed(
        source, X, Y, weights=weights, each=each, resolution=resolution, x_range=x_range, y_range=y_range,
        sample_weight=sample_weight, labels=labels,
    )  # fmt: skip
    return Picture(valley_figures(record), record)
