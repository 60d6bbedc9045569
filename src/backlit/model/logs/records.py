"""What a log has: a record of what trains, one for each epoch, and one of the end."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import numpy as np

from backlit.engine import SIGNALS, Epoch, Training
from backlit.kernels.types import Array


class Start(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="start"):
    """What trains, and by which versions.

    `network` is what `Network.to_dict` gives, `outline` says the same in a line. `rows` are those of the training,
    `layers` the labels of the layers whose `signals` are measured. `about` has what the caller knows more: the table.
    """

    outline: str
    network: Mapping[str, Any]
    parameters: int
    optimizer: Mapping[str, Any]
    schedule: Mapping[str, Any]
    settings: Mapping[str, Any]
    rows: int
    validation_rows: int
    batch_size: int
    layers: tuple[str, ...]
    signals: tuple[str, ...]
    versions: Mapping[str, str]
    about: Mapping[str, Any] = {}


class MeasuredLayers(msgspec.Struct, frozen=True, kw_only=True):
    """The signals of an epoch, by layer and by name; a number that is not finite, or not measured, is None.

    `updates` were done by then.
    """

    updates: int
    gradient_noise: float | None
    layers: Mapping[str, Mapping[str, float | None]]


class LoggedEpoch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="epoch"):
    """The numbers of an epoch, as `Epoch` has them; `signals` where it is one of the measured epochs."""

    epoch: int
    loss: float
    validation_loss: float | None = None
    penalty: float = 0.0
    metrics: Mapping[str, float] = {}
    gradient_norms: Mapping[str, float] = {}
    rate: float
    seconds: float
    best: bool = False
    signals: MeasuredLayers | None = None


class End(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """Why the training stopped; `best` is the epoch of the lowest monitored loss. A training that crashed has none."""

    stopped: str
    epochs: int
    best: int | None
    seconds: float


class Destination(Protocol):
    """Where a log is written to; every call leaves it complete so far."""

    def start(self, record: Start, began: float) -> None:
        """Begin with what trains; `began` is when the training did, in seconds since 1970."""

    def add(self, epochs: list[LoggedEpoch]) -> None:
        """Add epochs that have ended."""

    def end(self, record: End) -> None:
        """Add why the training stopped."""

    def close(self, *, ended: bool) -> None:
        """Close what is open; `ended` says whether the training came to its end."""


OPS = {"optimizer", "schedule"}
"""Settings that are told on their own."""


def start_of(training: Training, about: Mapping[str, Any]) -> Start:
    """Describe what trains."""
    from backlit import __version__  # noqa: PLC0415  (only where a log is written)

    settings = training.settings
    others = {name: getattr(settings, name) for name in settings.__struct_fields__ if name not in OPS}
    signals = training.signals
    return Start(
        outline=repr(training.network), network=training.network.to_dict(), parameters=training.network.parameters.size,
        optimizer=settings.optimizer.to_dict(), schedule=settings.schedule.to_dict(), settings=others,
        rows=training.X.shape[0], validation_rows=0 if training.validation is None else len(training.validation[0]),
        batch_size=training.batch_size, layers=signals.layers, signals=SIGNALS if signals.layers else (),
        versions={"backlit": __version__, "python": platform.python_version(), "numpy": np.__version__}, about=about,
    )  # fmt: skip


def epochs_of(training: Training, first: int, stop: int) -> list[LoggedEpoch]:
    """Give the epochs at the places from `first` up to `stop` of the history, with the signals of those measured."""
    measured = _measured(training, first, stop)
    return [_logged(epoch, measured.get(epoch.number)) for epoch in training.history.between(first, stop)]


def _logged(epoch: Epoch, signals: MeasuredLayers | None) -> LoggedEpoch:
    return LoggedEpoch(
        epoch=epoch.number, loss=epoch.loss, validation_loss=epoch.validation_loss, penalty=epoch.penalty,
        metrics=epoch.metrics, gradient_norms=epoch.gradient_norms, rate=epoch.rate, seconds=epoch.seconds,
        best=epoch.best, signals=signals,
    )  # fmt: skip


def _measured(training: Training, first: int, stop: int) -> dict[int, MeasuredLayers]:
    """Give the signals of the measured epochs at those places, by the epochs' numbers."""
    signals = training.signals
    numbers = signals.numbers
    low, high = np.searchsorted(numbers, (first + 1, stop + 1)).tolist()
    steps, noise, values = signals.steps[low:high], signals.noise[low:high], signals.values[low:high]
    return {
        number: MeasuredLayers(
            updates=step, gradient_noise=one, layers={
                layer: dict(zip(SIGNALS, row, strict=True)) for layer, row in zip(signals.layers, rows, strict=True)
            },
        )
        for number, step, one, rows in zip(
            numbers[low:high].tolist(), steps.tolist(), _finite(noise), _finite(values), strict=True
        )
    }  # fmt: skip


def _finite(values: Array) -> list[Any]:
    """Give numbers as lists, None for each that is not finite."""
    found = values.astype(object)
    found[~np.isfinite(values)] = None
    made: list[Any] = found.tolist()
    return made
