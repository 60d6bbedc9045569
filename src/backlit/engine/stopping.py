"""When a training ends before its last epoch: patience, limits, and losses that are not finite."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from backlit.engine.executable import Executable
from backlit.engine.program.structs import Memory
from backlit.errors import BacklitError


class DivergedWarning(UserWarning):
    """Training stopped because the loss was no longer a finite number."""


class DivergedError(BacklitError):
    """The same as an error, where a training was asked for it by `divergence="raise"`."""


class Improvement(NamedTuple):
    """The monitored loss that patience counts from, and the number of its epoch.

    >>> Improvement().after([3.0, 2.0, 1.9], first=1, tolerance=0.5)
    Improvement(loss=2.0, epoch=2)
    """

    loss: float = math.inf
    epoch: int = 0

    def after(self, monitored: Iterable[float], first: int, tolerance: float) -> Improvement:
        """Give the last improvement by more than `tolerance` after epochs from number `first` on."""
        loss, epoch = self
        for number, found in enumerate(monitored, first):
            if found < loss - tolerance:
                loss, epoch = found, number
        return Improvement(loss, epoch)

    def waited(self, epochs: int) -> int:
        """Give how many of so many epochs went by without an improvement."""
        return epochs - self.epoch


def target_reached(target: float) -> str:
    """Say that the training loss met its target."""
    return f"error target {target:g} reached"


def out_of_patience(patience: int, validated: bool) -> str:
    """Say that the monitored loss did not improve for so many epochs."""
    return f"no better {'validation' if validated else 'training'} loss in {patience} epochs"


def over_time(limit: float) -> str:
    """Say that the training took as long as it may."""
    return f"time limit of {limit:g} s reached"


RATE_LIMIT = "the learning rate fell to the schedule's limit"


def first_not_finite(executable: Executable, memory: Memory) -> str:
    """Name what was first not finite in the batch that lies in the memory: a layer's output, or the loss."""
    for label, op in zip(executable.network.labels, executable.trained_ops, strict=False):
        if not np.isfinite(executable.view(memory, f"{label}.{op.writes}")).all():
            return f"the output of layer {label}"
    return "the loss"


def tell_divergence(stopped: str, what: str, rate: float, *, raises: bool) -> None:
    """Warn, or raise an error: what was not finite, which weights are kept, and what to try."""
    message = (
        f"training {stopped}: {what} is not a finite number. The weights from before that epoch are kept. "
        f"Try a smaller rate than {rate:g}, clip_norm=1, or inputs scaled to about 1."
    )
    if raises:
        raise DivergedError(message)
    warnings.warn(message, DivergedWarning, stacklevel=3)
