"""What a demo draws of trained networks beyond their curves: filters, a row's maps, the slope through time."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine import Network, Objective
from backlit.errors import BacklitError
from backlit.examples import Setup
from backlit.explain import Drawing, Grid, explain_step, filters_of

CELLS = ("C", "H")
"""Whose slope runs through time: an LSTM's cells, of other recurrent layers the states."""


def first_row_drawing(setup: Setup, network: Network) -> Drawing:
    """Draw a network with the numbers of the first training row."""
    X, Y = setup.rows()
    rules = {name: value for name, value in setup.rules().items() if name == "optimizer"}
    step = explain_step(network, X[:1], Y[:1], inputs=setup.names.inputs, units=setup.names.units, **rules)
    return step.drawing(0)


def learned_filters(network: Network) -> tuple[Grid, ...]:
    """Give the weights of the first convolution's filters. Errors: a BacklitError where the network has none."""
    found = filters_of(network)
    if not found:
        raise BacklitError("filters are shown of a network without a convolution; leave filters out of shows.")
    return found


def slope_through_time(setup: Setup, network: Network, compiled: bool) -> tuple[float, ...]:
    """Give how long the slope of the first recurrent layer's cells or states is at each time, the mean of all rows.

    The times are in the order in which the layer reads them. Errors: a BacklitError where no layer is recurrent.
    """
    graph = network.graph
    label = next((node.label for node in graph.nodes if f"{node.label}.H" in graph.rows), None)
    if label is None:
        raise BacklitError("time is shown of a network without a recurrent layer; leave time out of shows.")
    network = network.copy()
    X, Y = setup.rows()
    X, Y = network.check_inputs(X), network.check_targets(Y, len(X))
    objective = Objective.of(network, X, Y, compiled=compiled, rows=len(X), keep=True)
    objective.loss()
    array = next(name for name in CELLS if f"{label}.{name}" in graph.rows)
    slopes: Any = objective.view(f"{label}.d{array}").reshape(len(X), *graph.rows[f"{label}.{array}"])
    lengths = np.linalg.norm(slopes, axis=2).mean(axis=0)
    op = next(node.op for node in graph.nodes if node.label == label)
    return tuple(map(float, lengths[::-1] if getattr(op, "reverse", False) else lengths))
