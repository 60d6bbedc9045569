"""An epoch's numbers by names with a slash, which TensorBoard and MLflow group by."""

from __future__ import annotations

import math
from collections.abc import Iterator

from backlit.model.logs.records import LoggedEpoch

VALIDATION = "validation_"


def numbers_of(epoch: LoggedEpoch) -> Iterator[tuple[str, float]]:
    """Give the numbers of an epoch by name: "loss/training", "accuracy/validation", "gradient_norm/layer_1".

    A loss or a metric that is not finite is NaN; signals that were not measured are left out.

    >>> epoch = LoggedEpoch(epoch=1, loss=0.5, metrics={"validation_accuracy": 0.75}, rate=0.1, seconds=0.0)
    >>> dict(numbers_of(epoch))
    {'loss/training': 0.5, 'accuracy/validation': 0.75, 'rate': 0.1}
    """
    yield "loss/training", _known(epoch.loss)
    if epoch.validation_loss is not None:
        yield "loss/validation", _known(epoch.validation_loss)
    for name, value in epoch.metrics.items():
        rows = "validation" if name.startswith(VALIDATION) else "training"
        yield f"{name.removeprefix(VALIDATION)}/{rows}", _known(value)
    yield "rate", epoch.rate
    if epoch.penalty:
        yield "penalty", _known(epoch.penalty)
    if epoch.signals is None:
        return
    if epoch.signals.gradient_noise is not None:
        yield "gradient_noise", epoch.signals.gradient_noise
    for label, signals in epoch.signals.layers.items():
        for signal, measured in signals.items():
            if measured is not None:
                yield f"{signal}/layer_{label}", measured


def _known(value: float) -> float:
    return value if math.isfinite(value) else math.nan
