"""The loop that runs a program: forward pass, loss, backward pass, update, many batches in one call.

Each function is written once, in the subset that NumPy and Numba share. Called from Python it is the *plain* machine,
and a debugger can step from the loop into an op's `backward`. The compiler takes the same functions, replaces those
marked `tuned` by their loops and the two `invoke` functions by calls to the addresses in the instruction table; then
one call runs many epochs outside of Python. The machine knows no op: `program/structs.py` declares all that it reads.

`passes` runs the rows of a shard forward and backward, `reduce` sums over shards, `coupled` does both for batches whose
rows depend on each other, `update` changes the parameters, `epochs` is the loop around them. `barrier` makes workers
wait for each other. The interface is what is imported here; `ENTRY_POINTS` are called from outside when compiled.
"""

from backlit.engine.machine.barrier import worker_loop
from backlit.engine.machine.epochs import epoch_loss, train_batches, train_coupled
from backlit.engine.machine.passes import (
    batch_gradient,
    evaluate_rows,
    factor,
    invoke,
    predict_rows,
    shard_gradient,
    shard_loss,
    total_weight,
)
from backlit.engine.machine.update import apply_update, clip, penalty

ENTRY_POINTS = ("train_batches", "train_coupled", "batch_gradient", "evaluate_rows", "predict_rows", "worker_loop")

__all__ = [
    "ENTRY_POINTS",
    "apply_update",
    "batch_gradient",
    "clip",
    "epoch_loss",
    "evaluate_rows",
    "factor",
    "invoke",
    "penalty",
    "predict_rows",
    "shard_gradient",
    "shard_loss",
    "total_weight",
    "train_batches",
    "train_coupled",
    "worker_loop",
]
