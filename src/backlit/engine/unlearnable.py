"""Networks and rows from which nothing can be learned, whatever the weights, and a training that ended useless."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.program.graph import Graph
from backlit.engine.row_shapes import one_row_of
from backlit.engine.signals import SignalHistory
from backlit.errors import BacklitError, counted, warn
from backlit.kernels.types import Array
from backlit.ops.base import Interval, Loss

FITS = (
    "For yes or no, end the network in Dense(1, 'sigmoid') with the loss 'binary_cross_entropy'; for two classes, in "
    "Dense(2, 'softmax') with 'cross_entropy'."
)


LARGE = 1e38
"""An end of a range beyond which no targets lie."""

MOST_ROWS = 2_000
"""Of more training rows, so many are looked at, evenly spread."""


def refuse_constant(graph: Graph, loss: Loss) -> None:
    """Refuse a softmax over one unit, which is 1 whatever goes in, and a loss of classes with a single output.

    A loss of classes with outputs at several positions is refused too: it is one class for each row.
    """
    shape = graph.rows[graph.output]
    if loss.class_targets and len(shape) > 1:
        raise BacklitError(
            f"the loss {loss.name!r} is of one class for each row, and the network's outputs have the shape {shape} "
            f"per row.{one_row_of(shape)}"
        )
    for node in graph.nodes:
        if node.op.name == "softmax" and graph.rows[node.writes][-1] == 1:
            raise BacklitError(
                f"layer {node.label} is a softmax over one unit, which is 1 whatever the weights are: nothing can be "
                f"learned. {FITS}"
            )
    if loss.class_targets and graph.output_size == 1:
        raise BacklitError(
            f"the loss {loss.name!r} is of one class among several, and the network has one output: with one class "
            f"there is nothing to learn. {FITS}"
        )


def warn_of_what_cannot_be_learned(graph: Graph, loss: Loss, Y: Array, batch_size: int) -> None:
    """Warn, at the start of a training, of targets that are out of reach and of batches of one row."""
    _warn_of_frozen(graph)
    _warn_of_one_normalized(graph)
    _warn_of_unreachable(graph, loss, Y)
    _warn_of_single_rows(graph, batch_size)


def _warn_of_frozen(graph: Graph) -> None:
    """Warn of a network in which no weight changes."""
    if graph.layout and set(graph.layout) <= set(graph.frozen):
        warn("all weights of the network are frozen: nothing can be learned. Take freeze= from one of its layers.")


def _warn_of_unreachable(graph: Graph, loss: Loss, Y: Array) -> None:
    """Warn of targets that the last layer's outputs cannot reach, such as 300 of a sigmoid's."""
    reach: Interval | None = graph.reach
    if reach is None or loss.class_targets or loss.name == "hinge":
        return
    low, high = float(Y.min()), float(Y.max())
    if low < reach[0] or high > reach[1]:
        last = graph.nodes[-1].op.name
        warn(
            f"the targets run from {low:g} to {high:g}; the outputs of {last!r} {_where(reach)}, and cannot reach the "
            "others. End the network in 'identity' (Dense without an activation), or scale the "
            "targets."
        )


def _where(reach: Interval) -> str:
    """Say where outputs lie; an end that only keeps numbers finite, as that of exp at 1e38, counts as none."""
    low, high = (0.0 if end == 0.0 else end for end in reach)
    if high >= LARGE:
        return f"lie above {low:g}"
    return f"lie below {high:g}" if low <= -LARGE else f"run from {low:g} to {high:g}"


def _warn_of_one_normalized(graph: Graph) -> None:
    """Warn of layer normalization of one number, which it makes 0."""
    for node in graph.nodes:
        if node.op.name == "layer_norm" and graph.rows[node.reads[0]] == (1,):
            warn(
                f"layer {node.label} is layer normalization of one unit, which is 0 whatever goes in: nothing before "
                "it can be learned. Give the layer before it at least two units, or leave the normalization out."
            )


def _warn_of_single_rows(graph: Graph, batch_size: int) -> None:
    """Warn of batch normalization over batches of one row, which it makes zeros."""
    for node in graph.nodes:
        if node.op.name == "batch_norm" and batch_size == 1:
            warn(
                f"layer {node.label} is batch normalization, which makes a batch of one row zeros: nothing before it "
                "is learned. Give a batch_size of at least 2, 32 for instance, and as many rows; or take layer_norm."
            )


def warn_if_useless(training: Any) -> None:
    """Warn where a layer's units are all dead and the outputs for the training rows are the same, bit for bit.

    The signals say that a layer may be dead; only then the rows are looked at. What is merely bad, or odd, is left to
    `backlit.diagnose`.
    """
    layer = dead_layer(training.signals)
    if layer is None or training.stopped == "interrupted":
        return
    places = np.unique(np.linspace(0, len(training.X) - 1, MOST_ROWS).astype(np.int64))
    outputs, targets = training.network.predict(training.X[places]), training.Y[places]
    if np.isfinite(outputs).all() and (outputs == outputs[:1]).all() and (targets != targets[:1]).any():
        warn(
            f"the network gives the same output for {'all' if len(places) == len(training.X) else 'each of'} "
            f"{counted(len(places), 'row')}: all units of layer {layer} are dead, so that no gradient passes them, and "
            "more epochs change nothing. bl.diagnose(training) says why; a smaller learning rate and the usual first "
            "weights are what helps mostly."
        )


def dead_layer(signals: SignalHistory) -> str | None:
    """Give the label of the first layer whose units were all dead at the last measured epoch; None where none was."""
    return next((layer for layer, share in signals.dead().items() if share == 1.0), None)
