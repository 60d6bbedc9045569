"""The picture of a training's signals, drawn by what `display.plots` has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from backlit.engine import display

DRAWN = 400
"""So many epochs are drawn at the most: one for each pixel of a picture."""


class PlottedSignals:
    """What has the signals of a training as a record, and is drawn by it."""

    __slots__ = ()

    def record(self, most: int = 50) -> Any:
        """Give the signals as a record, a `TrainingSignals`, with at most so many epochs."""
        raise NotImplementedError

    def plot(
        self, path: str | os.PathLike[str] | None = None, *, signals: str | Sequence[str] = ("gradient_norm",),
        layers: Sequence[str | int] | None = None, by_layer: bool = False,
    ) -> Any:  # fmt: skip
        """Draw signals over the measured epochs, a chart for each with a line for each layer: a `Picture`.

        A notebook shows it as a picture, a terminal as block characters; in a script, `path` or its `save` writes it.
        A scale is logarithmic where the numbers span decades.

        Args:
            path: a file to write as well; its ending says as what: .svg, .html, .txt or .json.
            signals: which ones, by the names in `SIGNALS`, or "gradient_noise"; "all" for all of them.
            layers: the layers to draw, by their numbers; by default all that have weights.
            by_layer: draw them over the layers instead, in the first measured epoch and in the last one.

        Errors: a BacklitError for a signal or a layer that there is not, or a path whose ending is not known.
        """
        picture = display.plots["signals"](self.record(DRAWN), signals, layers, by_layer=by_layer)
        if path is not None:
            picture.save(path)
        return picture
