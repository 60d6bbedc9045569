"""Descent by batches: chunks of epochs, many of them in one call of the machine."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from backlit.engine import stopping
from backlit.engine.program import structs


def chunks(training: Any, most: Callable[[], int]) -> Generator[int]:
    """Train a chunk of epochs at a time, giving after each how many epochs there were before it."""
    batches = -(-training.X.shape[0] // training.batch_size)
    while (first := len(training.history)) < training.settings.epochs:
        count = epochs_at_most(training, most(), training.loop.batches_per_call() // batches)
        ended, failed = run_epochs(training, count)
        if len(training.history) > first:
            yield first
        stop(training, ended, failed)
        if training.stopped:
            return


def epochs_at_most(training: Any, wanted: int, fitting: int) -> int:
    """Give how many epochs come in one chunk, of so many that are wanted and fit: none after the first may decide.

    That is, end the training or change its rate.
    """
    fitting = max(1, min(training.row_order.most_epochs, fitting))
    left: int = training.settings.epochs - len(training.history)
    return min(max(1, wanted), int(training._epochs_before_a_decision()), left, fitting)


def run_epochs(training: Any, count: int) -> tuple[str, tuple[int, str]]:
    """Run so many epochs and record those that ended; give why not all did, or "", and where and how it diverged."""
    first, batches = len(training.history), -(-training.X.shape[0] // training.batch_size)
    lowest, rates = float(training.loop.monitor.lowest[0]), training._rates(count, batches)
    sums = np.zeros((count, structs.SUMS + len(training.normed_layers)))
    measured, begun = training.measuring.chunk(first, count), training.step
    done, ended, failed = training._run_chunk(rates, sums, measured)
    training._position = done % batches
    if done >= batches:
        training.measuring.record(training.signals, measured, first, done // batches, begun)
        training._record(sums[: done // batches], rates[batches - 1 :: batches][: done // batches], lowest)
    return ended, failed


def stop(training: Any, ended: str, failed: tuple[int, str]) -> None:
    """Stop a training whose machine ended early, or which is over its time, and say why."""
    if ended == "diverged":
        stopping.diverged(training, *failed)
    elif ended == "interrupted":
        training.stopped = ended
    elif training._out_of_time():
        training.stopped = stopping.over_time(training.settings.time_limit or 0.0)
