"""When a training ends before its last epoch: patience, limits, and losses that are not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from backlit.engine.executable import Executable
from backlit.engine.program.structs import Memory
from backlit.errors import BacklitError, BacklitWarning, warn
from backlit.kernels.types import Array


class DivergedWarning(BacklitWarning):
    """Training stopped because the loss or the weights were no longer finite numbers."""


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


class Divergence(NamedTuple):
    """Where a training diverged, and what was not finite there: a layer's output, the loss, or the weights."""

    epoch: int
    batch: int
    what: str

    @property
    def stopped(self) -> str:
        """Say where, as `Training.stopped` does."""
        return f"diverged in epoch {self.epoch}, batch {self.batch}"


def first_not_finite(executable: Executable, memory: Memory) -> str:
    """Name what was first not finite in the batch that lies in the memory: a layer's output, or the loss."""
    for label, op in zip(executable.network.labels, executable.trained_ops, strict=False):
        if not np.isfinite(executable.view(memory, f"{label}.{op.writes}")).all():
            return f"the output of layer {label} is not a finite number"
    return "the loss is not a finite number"


FEW = 4096
"""Of more numbers, the squares are not added up: BLAS would wake its threads for a dot product."""


def are_within(vectors: Iterable[Array], limit: float) -> bool:
    """Tell that all numbers are finite and none is larger than `limit`; False may mean that it takes a closer look.

    It runs after every epoch, so it makes no array: one as large as the weights would take more time than they do.
    """
    return all(_squared_bound(values) <= limit * limit for values in vectors if values.size)  # NaN is not


def _squared_bound(values: Array) -> float:
    """Give a number that is at least the square of each value; infinite or NaN where one of them is."""
    if values.size <= FEW:
        return float(np.vdot(values, values))  # which, other than `dot`, does not warn where it overflows
    largest = max(float(values.max()), -float(values.min()))
    return largest * largest


def arrays_not_finite(executable: Executable, memory: Memory) -> str:
    """Name the arrays that an update left with numbers that are not finite."""
    network, size = executable.network, memory.size
    layouts = [(memory.P, network.layout), (memory.S, network.state_layout)]
    layouts += [(memory.slots[k : k + size], network.layout) for k in range(0, memory.slots.size, size or 1)]
    names = {
        name: None
        for values, layout in layouts
        for name, (start, shape) in layout.items()
        if not np.isfinite(values[start : start + math.prod(shape)]).all()
    }
    if not names:
        return "the loss after its update is not a finite number, so large are the weights"
    first = ", ".join([*names][:3])
    return f"its update gives {first}{' and others' if len(names) > 3 else ''} numbers that are not finite"


FAR = 1e6
"""A row whose largest number is so many times that of the middle row is named where a training diverges."""


def far_row(X: Array) -> str:
    """Name the row of X (n, inputs) whose numbers are far beyond those of the others; an empty text if there is none.

    >>> far_row(np.array([[1.0, 2.0], [2.0, 1e25], [3.0, 1.0]]))
    ' X[1, 1] is 1e+25, where half of the rows hold nothing larger than 3: correct or drop that row.'
    """
    sizes = np.abs(X).max(axis=1)
    row, usual = int(sizes.argmax()), float(np.median(sizes))
    if sizes[row] <= FAR * usual:
        return ""
    column = int(np.abs(X[row]).argmax())
    return (
        f" X[{row}, {column}] is {X[row, column]:g}, where half of the rows hold nothing larger than {usual:g}: "
        "correct or drop that row."
    )


def tell_divergence(found: Divergence, X: Array, rate: float | None, *, raises: bool) -> None:
    """Warn, or raise an error: what was not finite, which weights are kept, and what to try."""
    advice = "" if rate is None else f"a smaller rate than {rate:g}, clip_norm=1, or "
    message = (
        f"training {found.stopped}: {found.what}. The weights from before that epoch are kept."
        f"{far_row(X)} Try {advice}inputs scaled to about 1."
    )
    if raises:
        raise DivergedError(message)
    warn(message, DivergedWarning)
