"""A training that ended useless: a layer is dead, and the network gives the same for every row."""

from __future__ import annotations

from typing import Any

import numpy as np

from backlit.engine.signals import SignalHistory
from backlit.errors import counted, warn

MOST_ROWS = 2_000
"""Of more training rows, so many are looked at, evenly spread."""


def warn_if_useless(training: Any) -> None:
    """Warn where a layer's units are all dead and the outputs for the training rows are the same, bit for bit.

    The signals say that a layer may be dead; only then the rows are looked at. What is merely bad, or odd, is left to
    `backlit.diagnose`.
    """
    layer = dead_layer(training.signals)
    if layer is None or training.stopped == "interrupted":
        return
    places = np.unique(np.linspace(0, len(training.X) - 1, MOST_ROWS).astype(np.int64))
    outputs, targets = training.network.predict(training.X[places]), training.Y[places]
    if np.isfinite(outputs).all() and (outputs == outputs[:1]).all() and (targets != targets[:1]).any():
        warn(
            f"the network gives the same output for {'all' if len(places) == len(training.X) else 'each of'} "
            f"{counted(len(places), 'row')}: all units of layer {layer} are dead, so that no gradient passes them, and "
            "more epochs change nothing. bl.diagnose(training) says why; a smaller learning rate and the usual first "
            "weights are what helps mostly."
        )


def dead_layer(signals: SignalHistory) -> str | None:
    """Give the label of the first layer whose units were all dead at the last measured epoch; None where none was."""
    if not len(signals):
        return None
    return next((layer for layer in signals.layers if signals.of("dead", layer)[-1] == 1.0), None)
