"""What a unit does at a moment: the weights that lead to it, and its output over the rows of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from backlit.analysis.live.network import Rows
from backlit.analysis.live.outline import Column, Plan, UnitPlace
from backlit.analysis.live.records import ClassMean, Histogram, LiveUnit, UnitWeight
from backlit.engine import Network, flat_parts
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.ops.layers.dense import Dense

NAMED_WEIGHTS = 40
"""So many weights of a unit are named, the largest."""

BINS = 20
MOST_CLASSES = 30


def live_unit(network: Network, plan: Plan, name: str, rows: Rows, classes: Sequence[str] = ()) -> LiveUnit:
    """Give a unit of a network by its name: weights, outputs over the rows, and their means by class.

    `classes` are the names of the classes where Y has one of them for each row.

    Errors: a BacklitError where no column of the plan has a unit of that name.
    """
    place = plan.unit(name)
    if place is None:
        raise BacklitError(f"the network has no unit {name!r}; expected one that is drawn, such as {_any(plan)!r}.")
    column = plan.columns[place.column]
    with np.errstate(all="ignore"):
        before, values = _outputs(network, place, rows.X)
    finite = values[np.isfinite(values)]
    flat, both_ends = _flat(place, before, values)
    share = None if flat is None else float(flat.mean())
    weights, bias = _weights(network, plan, column, place)
    return LiveUnit(
        name=name, place=column.title, activation=place.activation.name if place.activation else "",
        weights=tuple(weights[:NAMED_WEIGHTS]), weight_count=len(weights), bias=bias,
        histogram=_histogram(place, values), rows=len(values), all_rows=rows.all_rows,
        mean=float(finite.mean()) if finite.size else None, spread=float(finite.std()) if finite.size else None,
        flat=share, both_ends=both_ends, dead=share == 1.0 and not both_ends,
        classes=_class_means(values, rows.Y, classes),
    )  # fmt: skip


def _any(plan: Plan) -> str:
    return next((unit for column in plan.columns for unit in column.names), "")


def _outputs(network: Network, place: UnitPlace, X: Array) -> tuple[Array, Array]:
    """Give what goes into the unit's activation and what comes out of it (n,); the same where it has none."""
    if place.label is None:
        values = np.asarray(X, np.float64)[:, place.place]
        return values, values
    parts = flat_parts(place.activation)
    after = network.outputs(X, place.label).reshape(len(X), -1)[:, place.place].astype(np.float64)
    if parts is None or parts.of_output:
        return after, after
    before = network.outputs(X, place.label, activated=False).reshape(len(X), -1)[:, place.place]
    return before.astype(np.float64), after


def _flat(place: UnitPlace, before: Array, after: Array) -> tuple[Array | None, bool]:
    """Tell for which rows (n,) the activation is flat, None of one that is nowhere; and whether it is at both ends."""
    parts = flat_parts(place.activation)
    if parts is None:
        return None, False
    values = after if parts.of_output else before
    flat: Array = (values <= parts.low) | (values >= parts.high)
    return flat, math.isfinite(parts.low) and math.isfinite(parts.high)


def _weights(
    network: Network, plan: Plan, column: Column, place: UnitPlace
) -> tuple[list[UnitWeight], UnitWeight | None]:
    """Give the weights that lead to a unit, the largest first, and its bias."""
    dense = column.dense
    if dense is None:
        return [], None
    node = network.graph.nodes[dense.owner]
    own, read = (plan.names.of_buffers[name].channels for name in (node.writes, node.reads[0]))
    sources, j = plan.columns[place.column - 1].names, place.place
    values = network[dense.W][:, j].astype(np.float64)
    order = np.argsort(-np.nan_to_num(np.abs(values), nan=np.inf), kind="stable")
    weights = [UnitWeight(plan.names.of("w", own[j], read[i]).text, sources[i], float(values[i])) for i in order]
    if dense.b is None:
        return weights, None
    shared = isinstance(node.op, Dense) and node.op.bias == "shared"
    name = plan.names.of("b", f"layer {node.label}" if shared else own[j]).text
    return weights, UnitWeight(name, "1", float(network[dense.b][0 if shared else j]))


def _histogram(place: UnitPlace, values: Array) -> Histogram:
    """Count outputs; the bins of an activation with two bounds lie between these, so that they stay where they are."""
    finite = values[np.isfinite(values)]
    bounds = place.activation.outputs if place.activation else None
    low, high = bounds or (-math.inf, math.inf)
    if not finite.size:
        return Histogram((0.0, 1.0), (0,), len(values))
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = float(finite.min()), float(finite.max())
        low = min(low, 0.0) if low > 0.0 and low < 0.25 * high else low
        if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
            half = max(0.5 * abs(high), 0.5)
            low, high = low - half, high + half
    counts, edges = np.histogram(finite.clip(low, high), BINS, (low, high))
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()), len(values) - len(finite))


def _class_means(values: Array, Y: Array, classes: Sequence[str]) -> tuple[ClassMean, ...]:
    """Give the mean of the outputs in each class, of rows that have class numbers or a 1 at their class."""
    if not 2 <= len(classes) <= MOST_CLASSES:
        return ()
    Y = Y.reshape(len(Y), -1)
    if Y.shape[1] == 1:
        numbers = Y[:, 0].astype(np.int64)
    elif Y.shape[1] == len(classes) and ((Y == 0.0) | (Y == 1.0)).all() and (Y.sum(axis=1) == 1.0).all():
        numbers = Y.argmax(axis=1)
    else:
        return ()
    found = []
    for k, name in enumerate(classes):
        own = values[numbers == k]
        if own.size:
            found.append(ClassMean(name, float(own.mean()), int(own.size)))
    return tuple(found)
