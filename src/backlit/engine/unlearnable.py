"""Networks and rows from which nothing can be learned, whatever the weights: refused, or warned of."""

from __future__ import annotations

from backlit.engine.program.graph import Graph
from backlit.errors import BacklitError, warn
from backlit.kernels.types import Array
from backlit.ops.base import Interval, Loss

FITS = (
    "For yes or no, end the network in Dense(1, 'sigmoid') with the loss 'binary_cross_entropy'; for two classes, in "
    "Dense(2, 'softmax') with 'cross_entropy'."
)


def refuse_constant(graph: Graph, loss: Loss) -> None:
    """Refuse a softmax over one output, which is 1 whatever goes in, and a loss of classes with a single output."""
    last = graph.nodes[-1]
    if last.op.name == "softmax" and graph.rows[last.writes][-1] == 1:
        raise BacklitError(
            f"layer {last.label} is a softmax over one unit, which is 1 whatever the weights are: nothing can be "
            f"learned. {FITS}"
        )
    if loss.class_targets and graph.output_size == 1:
        raise BacklitError(
            f"the loss {loss.name!r} is of one class among several, and the network has one output: with one class "
            f"there is nothing to learn. {FITS}"
        )


def warn_of_what_cannot_be_learned(graph: Graph, loss: Loss, Y: Array, batch_size: int) -> None:
    """Warn, at the start of a training, of targets that are out of reach and of batches of one row."""
    _warn_of_unreachable(graph, loss, Y)
    _warn_of_single_rows(graph, batch_size)


def _warn_of_unreachable(graph: Graph, loss: Loss, Y: Array) -> None:
    """Warn of targets that the last layer's outputs cannot reach, such as 300 of a sigmoid's."""
    reach: Interval | None = graph.reach
    if reach is None or loss.class_targets or loss.name == "hinge":
        return
    low, high = float(Y.min()), float(Y.max())
    if low < reach[0] or high > reach[1]:
        last = graph.nodes[-1].op.name
        warn(
            f"the targets run from {low:g} to {high:g}; the outputs of {last!r} run from {reach[0]:g} to {reach[1]:g}, "
            "and cannot reach the others. End the network in 'identity' (Dense without an activation), or scale the "
            "targets."
        )


def _warn_of_single_rows(graph: Graph, batch_size: int) -> None:
    """Warn of batch normalization over batches of one row, which it makes zeros."""
    for node in graph.nodes:
        if node.op.name == "batch_norm" and batch_size == 1:
            warn(
                f"layer {node.label} is batch normalization, which makes a batch of one row zeros: nothing before it "
                "is learned. Give a batch_size of at least 2, 32 for instance, and as many rows; or take layer_norm."
            )
