"""Epoch by epoch at the speed of many epochs a call, left at the epoch in hand."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, nullcontext
from typing import Any

from backlit.engine.history import Epoch
from backlit.engine.state import TrainingState
from backlit.errors import collecting

MOST = 1000
"""So many epochs run in one call at the most."""

WORK = 50_000_000
"""A call takes about ten milliseconds: so many rows times parameters."""


def epochs_at_once(training: Any) -> int:
    """Give how many epochs run in one call: by the sizes alone, so that a run is the same on every machine.

    It is one where what comes between the epochs could not be repeated: an `order` of the caller's.
    """
    if training.order is not None:
        return 1
    size = int(training.X.shape[0] * training.network.parameters.size)
    return max(1, min(MOST, WORK // max(1, size)))


def every_epoch(training: Any, most: int) -> Generator[Epoch]:
    """Train, yielding every epoch, and run up to `most` of them per call of the machine.

    The network meanwhile is that of the last epoch of the call. Where the loop is left before that one, the training
    goes back and repeats the epochs up to the one in hand, so that network, history and state are as if each epoch had
    been a call of its own.
    """
    before, seen = training.state if most > 1 else None, 0
    epochs = training.in_chunks(lambda: most)
    try:
        for epoch in epochs:
            seen = epoch.number
            yield epoch
            if most > 1 and seen == len(training.history):
                before = training.state
    finally:
        ahead = before is not None and 0 < seen < len(training.history)
        with collecting([]) if ahead else nullcontext():  # warnings of weights that are not kept
            epochs.close()
        if before is not None and ahead:
            _repeat(training, before, seen)


def _repeat(training: Any, before: TrainingState, number: int) -> None:
    """Go back to a state, and forward to the epoch of that number; what the clock or a display does is left out."""
    limit, shown = training.time_limit, training.hooks.progress
    training.time_limit, training.hooks.progress = None, False
    try:
        training.state = before
        with closing(training.in_chunks(lambda: number - len(training.history))) as epochs:
            for epoch in epochs:
                if epoch.number == number:
                    break
    finally:
        training.time_limit, training.hooks.progress = limit, shown
