"""What the next update of a training is made of, so that it can be made on a copy while the training stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlit.engine.network import Network
from backlit.kernels.types import Array
from backlit.ops.base import Optimizer

if TYPE_CHECKING:
    from backlit.engine.stepping import Batch, SteppedTraining


class NextUpdate(NamedTuple):
    """The batch of the next update, and all that it depends on, in float64; of the rows those of the batch alone.

    Attributes:
        batch: which update it is. network: a copy with the parameters that the update begins with.
        X, Y, weights: the batch's rows. row_count: how many rows the training has.
        slots: the optimizer's vectors, one after another. shard_rows: the rows of the arena.
        errors: E before each of the updates of this training that were made one at a time by the plain machine.
    """

    batch: Batch
    network: Network
    X: Array
    Y: Array
    weights: Array
    row_count: int
    optimizer: Optimizer
    slots: Array
    batch_size: int
    shard_rows: int
    errors: tuple[float, ...] = ()

    @classmethod
    def of(cls, training: SteppedTraining, batch: Batch) -> NextUpdate:
        """Take it from a training whose next update is made on this batch; the training stays as it is."""
        network = training.network.copy("float64")
        if last := training._last_values():
            network.parameters[:], network.state[:] = last
        X, Y, weights = training.X, training.Y, training.weights
        return cls(
            batch, network, X[batch.rows].astype("float64"), Y[batch.rows].astype("float64"),
            weights[batch.rows] if weights.size else weights, X.shape[0], training.optimizer,
            training.memory.slots.astype("float64"), training.batch_size, training.executable.rows,
            tuple(getattr(training, "errors", ())),
        )  # fmt: skip
