"""The curve of a training: the numbers of its epochs as a record, thinned to what a picture or a file needs."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from backlit.engine import display
from backlit.engine.display import Summary
from backlit.errors import BacklitError
from backlit.kernels.types import Array

NORM = "gradient_norm_"
"""The name of a history's column of gradient norms, before the layer's label."""

MOST = 400
"""So many epochs are kept by default: one for each one and a half pixels of a picture, in some 20 kB of a file."""


class Plotted:
    """What has a training curve, and is drawn by it."""

    __slots__ = ()

    def curve(self, most: int = MOST) -> TrainingCurve:
        """Give the numbers of the epochs as a record, at most some `most` of them: see `curve_of`."""
        raise NotImplementedError

    def plot(
        self, path: str | os.PathLike[str] | None = None, *, gradient_norms: bool = False, metrics: bool = True,
        log: bool | None = None,
    ) -> Any:  # fmt: skip
        """Draw the losses over the epochs, with the best epoch marked: a `Picture`.

        A notebook shows it as a picture, a terminal as block characters; in a script, `path` or its `save` writes it.

        Args:
            path: a file to write as well; its ending says as what: .svg, .html, .txt or .json.
            gradient_norms: draw the norm of each layer's gradient below; the training must have measured them.
            metrics: draw the metrics below, a chart for each, of the training and the validation rows.
            log: whether the losses are on a logarithmic scale; by default where they span decades.

        Errors: a BacklitError where no gradient norms were measured, or for a path whose ending is not known.
        """
        return plotted({"": self.curve()}, path, gradient_norms=gradient_norms, metrics=metrics, log=log)


def plotted(
    curves: Mapping[str, TrainingCurve], path: str | os.PathLike[str] | None = None, *, gradient_norms: bool = False,
    metrics: bool = True, log: bool | None = None,
) -> Any:  # fmt: skip
    """Draw curves by name, one over the other, as `Plotted.plot` does its one."""
    if gradient_norms and not any(curve.gradient_norms for curve in curves.values()):
        raise BacklitError(
            "gradient_norms=True asks for norms that were not measured; give bl.Training(..., gradient_norms=True), "
            "with an optimizer other than L-BFGS."
        )
    picture = display.plots["curves"](curves, gradient_norms=gradient_norms, metrics=metrics, log=log)
    if path is not None:
        picture.save(path)
    return picture


class TrainingCurve(Plotted, Summary, msgspec.Struct, frozen=True, kw_only=True):
    """Losses, metrics, rates and gradient norms of epochs; every tuple has an element for each of `numbers`.

    `epochs` counts all epochs there were, `numbers` are those that are kept, from 1 on: the first, the best and the
    last are among them. `best` is the epoch of the lowest monitored loss. A number that is not finite is None.
    `loss` includes the penalties; `validation_loss` is None where there are no validation rows. `metrics` and
    `gradient_norms` are by name and by the layer's label. `what` says in words what the numbers are of, where that is
    not one training: the mean over five folds.
    """

    epochs: int
    numbers: tuple[int, ...]
    loss: tuple[float | None, ...]
    validation_loss: tuple[float | None, ...] | None = None
    metrics: Mapping[str, tuple[float | None, ...]] = {}
    gradient_norms: Mapping[str, tuple[float | None, ...]] = {}
    rates: tuple[float | None, ...] = ()
    best: int | None = None
    what: str = ""

    def curve(self, most: int = MOST) -> TrainingCurve:
        """Give the curve itself."""
        return self


class Recorded(Protocol):
    """A history, as far as its curve goes by it."""

    validated: bool
    layers: tuple[str, ...]
    metrics: tuple[str, ...]

    def columns(self) -> dict[str, Array]:
        """Give the columns by name."""


def curve_of(history: Recorded, most: int = MOST, *, best: int | None = None) -> TrainingCurve:
    """Give the curve of a history, with at most some `most` of its epochs.

    `best` is the number of the epoch that counts as the best; by default that of the lowest monitored loss.

    Kept are the first, the last and the best epoch; of every loss, metric and norm its highest, its lowest, and its
    first number that is not finite, even if that makes more than `most`; of the losses also the highest and the lowest
    within each of equal stretches of epochs, so that a peak of one epoch stays; and epochs at even distances.

    Errors: a BacklitError for a `most` below 8.

    >>> from backlit.engine.history import Epoch, History
    >>> losses = [1.0 / (k + 1) for k in range(1000)]
    >>> losses[500] = 9.0
    >>> history = History.of([Epoch(k, loss, None, 0.1, 0.0, best=False) for k, loss in enumerate(losses, 1)])
    >>> curve = curve_of(history, 20)
    >>> curve.epochs, len(curve.numbers) <= 20, curve.numbers[0], curve.numbers[-1], curve.best, max(curve.loss)
    (1000, True, 1, 1000, 1000, 9.0)
    """
    if most < 8:
        raise BacklitError(f"most is {most}; a curve keeps at least 8 epochs.")
    columns = history.columns()
    losses = [columns["loss"], *([columns["validation_loss"]] if history.validated else [])]
    norms = {label: columns[f"{NORM}{label}"] for label in history.layers}
    metrics = {name: columns[name] for name in history.metrics}
    monitored = np.where(np.isfinite(losses[-1]), losses[-1], np.inf)
    if best is None and (monitored < np.inf).any():
        best = int(monitored.argmin()) + 1
    kept = _kept(losses, [*metrics.values(), *norms.values()], best, most)

    def thinned(column: Array) -> tuple[float | None, ...]:
        return tuple(number if math.isfinite(number) else None for number in column[kept].tolist())

    return TrainingCurve(
        epochs=len(monitored), numbers=tuple((kept + 1).tolist()), loss=thinned(losses[0]),
        validation_loss=thinned(losses[1]) if history.validated else None,
        metrics={name: thinned(column) for name, column in metrics.items()},
        gradient_norms={label: thinned(column) for label, column in norms.items()}, rates=thinned(columns["rate"]),
        best=best,
    )  # fmt: skip


def _kept(losses: Sequence[Array], others: Sequence[Array], best: int | None, most: int) -> Array:
    """Give the places (kept,) of the epochs that a curve keeps, in order; `best` is an epoch's number."""
    count = len(losses[0])
    if count <= most:
        return np.arange(count)
    places = {0, count - 1, *([] if best is None else [best - 1])}
    for column in (*losses, *others):
        places.update(_extremes(column, 1), np.flatnonzero(~np.isfinite(column))[:1].tolist())
    stretches = (most // 2 - len(places)) // (2 * len(losses))  # half of them go to the peaks of the losses
    for column in losses if stretches > 0 else ():
        places.update(_extremes(column, stretches))
    places.update(np.linspace(0, count - 1, max(0, most - len(places))).round().astype(int).tolist())
    return np.array(sorted(places))


def _extremes(column: Array, stretches: int) -> list[int]:
    """Give the places of the highest and the lowest finite number within each of equal stretches of a column."""
    width = -(-len(column) // stretches)
    padded = np.full(stretches * width, np.nan)
    padded[: len(column)] = np.where(np.isfinite(column), column, np.nan)
    parts = padded.reshape(stretches, width)
    first = np.arange(0, stretches * width, width)[np.isfinite(parts).any(axis=1)]
    parts = parts[np.isfinite(parts).any(axis=1)]
    return [*(first + np.nanargmax(parts, axis=1)).tolist(), *(first + np.nanargmin(parts, axis=1)).tolist()]
