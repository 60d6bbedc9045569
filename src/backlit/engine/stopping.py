"""When a training ends before its last epoch: patience, limits, and losses that are not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backlit.engine.executable import Executable
from backlit.engine.program.structs import Memory
from backlit.errors import BacklitError, BacklitWarning, counted, warn
from backlit.kernels.types import Array

if TYPE_CHECKING:
    from backlit.engine.history import History
    from backlit.engine.settings import TrainingSettings


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
    return f"no better {'validation' if validated else 'training'} loss in {counted(patience, 'epoch')}"


def all_done(epochs: int) -> str:
    """Say that a training made all of its epochs.

    >>> all_done(3), all_done(1), all_done(0)
    ('all 3 epochs done', '1 epoch done', 'no epochs asked for')
    """
    return f"all {epochs} epochs done" if epochs > 1 else "1 epoch done" if epochs else "no epochs asked for"


def over_time(limit: float) -> str:
    """Say that the training took as long as it may."""
    return f"time limit of {limit:g} s reached"


RATE_LIMIT = "the learning rate fell to the schedule's limit"


def reason_to_stop(
    settings: TrainingSettings, history: History, schedule_state: Mapping[str, float], improvement: Improvement
) -> str | None:
    """Say why to stop after the last epoch of a history; None where there is no reason."""
    if settings.target is not None and history[-1].loss <= settings.target:
        return target_reached(settings.target)
    if schedule_state.get("stop"):
        return RATE_LIMIT
    if settings.patience is not None and improvement.waited(len(history)) >= settings.patience:
        return out_of_patience(settings.patience, history.validated)
    return None


class Divergence(NamedTuple):
    """Where a training diverged, and what was not finite there: a layer's output, the loss, or the weights."""

    epoch: int
    batch: int
    what: str

    @property
    def stopped(self) -> str:
        """Say where, as `Training.stopped` does."""
        return f"diverged in epoch {self.epoch}, batch {self.batch}"

    @property
    def told(self) -> str:
        """Say what was not finite, and which weights are kept."""
        return f"training {self.stopped}: {self.what}. The weights from before that epoch are kept."


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


def far_row(X: Array, name: str = "X") -> str:
    """Name the row of X (n, inputs) whose numbers are far beyond those of the others; an empty text if there is none.

    Where half of the rows hold zeros alone, the others are measured by 1.

    >>> far_row(np.array([[1.0, 2.0], [2.0, 1e25], [3.0, 1.0]]))
    ' X[1, 1] is 1e+25, where half of the rows hold nothing larger than 3: correct or drop that row.'
    """
    sizes = np.abs(X).max(axis=1)
    row, usual = int(sizes.argmax()), float(np.median(sizes))
    if sizes[row] <= FAR * (usual or 1.0):
        return ""
    column = int(np.abs(X[row]).argmax())
    return (
        f" {name}[{row}, {column}] is {X[row, column]:g}, where half of the rows hold nothing larger than {usual:g}: "
        "correct or drop that row."
    )


SCALED = 10.0
"""Inputs whose largest number is no larger than this are of a size to train on."""


def _are_scaled(X: Array) -> bool:
    return not X.size or float(np.abs(X).max()) <= SCALED


def diverged(training: Any, batch: int, what: str) -> None:
    """Stop a training, and say where and why."""
    training._diverged = found = Divergence(len(training.history) + 1, batch, what)
    training.stopped = found.stopped
    exploded = "" if training.keep_best else training.explosions.found()  # else the weights will be other ones
    _tell(training, found.told + (f" They exploded, too: {exploded}." if exploded else ""))


def tell_of_the_end(training: Any) -> None:
    """Say what is wrong with the weights, or with every validation loss, where no loss of an epoch tells."""
    if (training.stopped or "").startswith("diverged") and not (training.keep_best and training.divergence == "warn"):
        return  # it has been told, or is on its way
    if found := training.explosions.found():
        _tell(training, f"the training ended with {found}.")
    if training.validation is not None and len(training.history) and training.best is None:
        X, Y, _ = training.validation
        row = far_row(X) or far_row(Y, "Y")
        warn(
            f"no validation loss was a finite number; that of the last epoch is {training.history[-1].monitored:g}. So "
            "no epoch is the best, and the network has the weights of the last one."
            f"{' In the validation rows:' if row else ' Look at the validation rows.'}{row}",
            DivergedWarning,
        )


def _tell(training: Any, what: str) -> None:
    """Warn, or raise an error where a training that ends by itself was asked to: what happened, and what to try."""
    rate: float | None = getattr(training.optimizer, "rate", None)
    far = far_row(training.X), far_row(training.Y, "Y")
    advice = [] if rate is None else [f"a smaller rate than {rate:g}", "clip_norm=1"]
    if far[1] or not advice or not _are_scaled(training.X):
        advice.append(f"inputs{' and targets' if far[1] else ''} scaled to about 1")
    comma = "," if len(advice) > 2 else ""
    listed = f"{', '.join(advice[:-1])}{comma} or {advice[-1]}" if advice[1:] else advice[0]
    message = f"{what}{''.join(far)} Try {listed}."
    if training.divergence == "raise" and training.stopped not in {None, "interrupted"}:
        raise DivergedError(message)
    warn(message, DivergedWarning)
