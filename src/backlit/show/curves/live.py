"""The curve of a training while it trains: a picture that is replaced in a notebook, a bar with time left elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from rich.console import Console

from backlit.engine import TrainingCurve
from backlit.show.curves.figures import curve_picture
from backlit.show.epoch_progress import EpochProgress, losses_of
from backlit.show.notebook import words_html
from backlit.show.picture import Picture

SECONDS = 0.3
"""A picture is replaced so often at the most: each time is a message to the browser."""

BAR_SECONDS = 0.1

SHARE = 0.02
"""Drawing takes at most such a part of the time."""

MOST = 200
"""So many epochs of a curve are drawn while it grows."""


class Live(Protocol):
    """Shows a training while it runs. `due` is the time, on the monotonic clock, from which `show` is of use again."""

    due: float

    def show(self, epoch: Any) -> None:
        """Show an epoch that has ended."""

    def close(self, epoch: Any, why: str) -> None:
        """Leave the state after the last epoch, and why it ended; without an epoch, what there was before."""


def live_curve(
    epochs: int, curve: Callable[[int, int], TrainingCurve], options: dict[str, Any], *, bar: bool = True
) -> Live:
    """Give what shows a training of so many epochs at the most.

    Args:
        epochs: how many there will be at the most.
        curve: gives the curve of the epochs up to a number, 0 for all, with at most so many of them.
        options: what to draw, as `curve_picture` takes it.
        bar: whether to show a bar where there is no notebook.
    """
    console = Console(stderr=True)
    if console.is_jupyter:
        return NotebookCurve(epochs, curve, options)
    return BarOfEpochs(epochs, console) if bar else Nothing()


class Nothing:
    """Shows nothing, where another bar is there already."""

    due = math.inf

    def show(self, epoch: Any) -> None:
        """Do nothing."""

    def close(self, epoch: Any, why: str) -> None:
        """Do nothing."""


class BarOfEpochs:
    """A bar in a terminal, with the time left."""

    def __init__(self, epochs: int, console: Console) -> None:
        self.bar = EpochProgress(epochs, console)
        self.due = 0.0

    def show(self, epoch: Any) -> None:
        """Move the bar to an epoch."""
        self.bar.show(epoch)
        self.due = time.monotonic() + BAR_SECONDS

    def close(self, epoch: Any, why: str) -> None:
        """Draw the last state and end."""
        if epoch is not None:
            self.bar.show(epoch)
        self.bar.close()


class NotebookCurve:
    """A picture in a notebook, without widgets: it stays as it was last in the notebook's file."""

    def __init__(self, epochs: int, curve: Callable[[int, int], TrainingCurve], options: dict[str, Any]) -> None:
        from IPython.display import display  # noqa: PLC0415  (there in notebooks only)

        self.epochs, self.curve, self.options = epochs, curve, options
        self.due = 0.0
        self.first: tuple[int, float] | None = None
        show: Any = display
        self.handle = show(self._bundle(f"epoch 0/{epochs}", None), raw=True, display_id=True)

    def show(self, epoch: Any) -> None:
        """Replace the picture."""
        began = time.monotonic()
        told = f"epoch {epoch.number}/{self.epochs}, {losses_of(epoch)}"
        picture = curve_picture({"": self.curve(epoch.number, MOST)}, **self.options)
        bare = Picture([msgspec.structs.replace(figure, summary="") for figure in picture.figures])
        self._replace(f"{told}, {self._left(epoch, began)} left", bare)
        self.due = time.monotonic() + max(SECONDS, (time.monotonic() - began) / SHARE)

    def _left(self, epoch: Any, now: float) -> str:
        """Give the time that the epochs to come will take: what those since the first one shown took on average."""
        if self.first is None:
            self.first = epoch.number, now
        number, began = self.first
        done = epoch.number - number
        each = (now - began) / done if done else epoch.seconds / epoch.number
        return f"about {(self.epochs - epoch.number) * each:.0f} s"

    def close(self, epoch: Any, why: str) -> None:
        """Show the curve of all epochs, in words too, and why it ended."""
        curve = self.curve(0 if epoch is None else epoch.number, MOST)
        told = f"epoch {curve.epochs}/{self.epochs}"
        told += "" if epoch is None else f", {losses_of(epoch)}, {epoch.seconds:.3g} s of training"
        self._replace(f"{told}: {why}", curve_picture({"": curve}, **self.options))

    def _replace(self, told: str, picture: Picture) -> None:
        self.handle.update(self._bundle(told, picture), raw=True)

    def _bundle(self, told: str, picture: Picture | None) -> dict[str, str]:
        text = told if picture is None else f"{told}\n\n{picture}"
        html = words_html(told) + ("" if picture is None else picture._repr_html_())
        return {"text/plain": text, "text/html": f"<div>{html}</div>"}
