"""The curve of a training: the numbers of its epochs as a record, thinned to what a picture or a file needs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from backlit.engine.display import Summary


class TrainingCurve(Summary, msgspec.Struct, frozen=True, kw_only=True):
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
