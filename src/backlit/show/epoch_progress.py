"""How far a training is, with the time left: a bar by rich in a terminal, a line that is replaced in a notebook."""

from __future__ import annotations

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

SECONDS = 0.2
"""A notebook's line is replaced so often at the most: each time is a message to the browser."""


class EpochProgress:
    """The display of a training of so many epochs at the most; it goes to standard error, or to the notebook's cell."""

    def __init__(self, epochs: int, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._shown: Any = NotebookLine(epochs) if console.is_jupyter else Bar(epochs, console)

    def show(self, epoch: Any) -> None:
        """Show an `Epoch` that has ended."""
        self._shown.show(epoch)

    def compiling(self, seconds: float) -> None:
        """Show that code is compiled first."""
        self._shown.compiling(seconds)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._shown.close()


def losses_of(epoch: Any) -> str:
    """Give an epoch's losses and metrics in a line."""
    told = {"loss": epoch.loss, "validation loss": epoch.validation_loss}
    told |= {name.replace("_", " "): value for name, value in epoch.metrics.items()}
    return ", ".join(f"{name} {value:.4g}" for name, value in told.items() if value is not None)


def prints_to_a_terminal() -> bool:
    """Whether standard output goes to a terminal: then lines printed there must not break the bar that is drawn.

    Otherwise rich must leave them where they go, to a file for instance: it would print them where the bar is.
    """
    return sys.stdout is not None and sys.stdout.isatty()


def _whole(width: int) -> Column:
    """Give a column that a narrow terminal does not cut; the losses are."""
    return Column(min_width=width, no_wrap=True)


class Bar:
    """A bar in a terminal; where standard error is no terminal, its last state as a line."""

    def __init__(self, epochs: int, console: Console) -> None:
        counted = f"epoch {epochs}/{epochs}"
        self.progress = Progress(
            TextColumn("epoch {task.completed}/{task.total}", table_column=_whole(len(counted))),
            BarColumn(bar_width=12, table_column=_whole(12)), TimeRemainingColumn(table_column=_whole(len("0:00:00"))),
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")), console=console,
            redirect_stdout=prints_to_a_terminal(),
        )  # fmt: skip
        self.task = self.progress.add_task("", total=epochs)
        self.progress.start()

    def show(self, epoch: Any) -> None:
        """Move the bar to an epoch."""
        self.progress.update(self.task, completed=epoch.number, description=losses_of(epoch))

    def compiling(self, seconds: float) -> None:
        """Say so behind the bar, at once: while it compiles the bar may not be drawn."""
        self.progress.update(self.task, description=f"compiling, about {seconds:.0f} s ...", refresh=True)

    def close(self) -> None:
        """Draw the last state and end."""
        self.progress.stop()


class NotebookLine:
    """A line of text in a notebook, without widgets: it stays as it was last in the notebook's file."""

    def __init__(self, epochs: int) -> None:
        from IPython.display import display  # noqa: PLC0415  (there in notebooks only)

        self.epochs, self.last = epochs, time.monotonic()
        self.text = self.ended = f"epoch 0/{epochs}"
        show: Any = display
        self.handle = show(self._bundle(), raw=True, display_id=True)

    def show(self, epoch: Any) -> None:
        """Replace the line, if it has stood for a while. Its seconds are those of the history: without compiling."""
        now = time.monotonic()
        left = (self.epochs - epoch.number) * epoch.seconds / epoch.number
        told = f"epoch {epoch.number}/{self.epochs}, {losses_of(epoch)}"
        self.ended = f"{told}, {epoch.seconds:.3g} s"
        self.text = f"{told}, about {left:.0f} s left" if epoch.number < self.epochs else self.ended
        if now - self.last >= SECONDS:
            self.last = now
            self.handle.update(self._bundle(), raw=True)

    def compiling(self, seconds: float) -> None:
        """Replace the line at once."""
        self.text = f"{self.ended}, compiling, about {seconds:.0f} s ..."
        self.handle.update(self._bundle(), raw=True)

    def close(self) -> None:
        """Show the last epoch, without the time that was left where the training has been stopped."""
        self.text = self.ended
        self.handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        return {"text/plain": self.text}
