"""The weights of a network at a moment, and the slopes of the error with respect to them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from backlit.analysis.live.outline import Plan
from backlit.analysis.live.records import LiveNetwork
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.kernels.types import Array

MOST_ROWS = 2_000
"""Slopes and histograms are of up to so many rows."""


class Rows(NamedTuple):
    """Rows that a network is looked at with: X (n, inputs) and Y, of `all_rows`; `weights` (n,) if any."""

    X: Array
    Y: Array
    all_rows: int
    weights: Array | None = None


def chosen_rows(X: Array, Y: Array, weights: Array | None = None, most: int = MOST_ROWS) -> Rows:
    """Give at most so many rows, evenly chosen.

    >>> chosen_rows(np.arange(10.0).reshape(5, 2), np.arange(5.0), most=3).Y.tolist()
    [0.0, 2.0, 4.0]
    """
    count = len(X)
    if count <= most:
        return Rows(X, Y, count, weights)
    places = np.linspace(0, count - 1, most).round().astype(np.int64)
    return Rows(X[places], Y[places], count, None if weights is None else weights[places])


def live_network(network: Network, plan: Plan, rows: Rows | None = None, **penalties: Any) -> LiveNetwork:
    """Give the weights that a plan draws; with rows, the slopes dE/dw over these too.

    E is what a training step on these rows would have: `penalties` are l1, l2 and decay_biases; dropout is off.
    """
    weights = tuple(network.parameters[plan.offsets].tolist())
    if rows is None:
        return LiveNetwork(plan.outline, weights)
    try:
        found = network.gradient(rows.X, rows.Y, sample_weight=rows.weights, **penalties)
    except BacklitError as error:
        return LiveNetwork(plan.outline, weights, None, len(rows.X), rows.all_rows, str(error))
    gradient = np.zeros(network.parameters.size)
    for name, values in found.items():
        start, shape = network.layout[name]
        gradient[start : start + math.prod(shape)] = values.ravel()
    taken = zip(gradient[plan.offsets].tolist(), plan.trained.tolist(), strict=True)
    slopes = tuple(slope if trained else None for slope, trained in taken)
    return LiveNetwork(plan.outline, weights, slopes, len(rows.X), rows.all_rows)
