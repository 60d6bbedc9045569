"""The progress of a training, on standard error: a live line on a terminal, else a plain line every two seconds."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from backlit.cli.preparing import silent_compilation

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from backlit.model import Progress, TableTraining

LIVE_SECONDS, PLAIN_SECONDS = 0.1, 2.0
COMPARING = "comparing with a linear model"


def watch(training: TableTraining, path: Path, *, quiet: bool) -> None:
    """Run a training to its end, show its progress unless `quiet`, and write its model to `path`.

    The model is written before a linear model is fitted beside it, and once more with the scores of that one.
    """
    from backlit.model import save

    live = sys.stderr.isatty()
    with stopped_by_ctrl_c(training, path), silent_compilation(quiet):
        if quiet:
            for _ in _written(training, path):
                pass
        elif live:
            _watch_live(_written(training, path))
        else:
            _watch_plain(_written(training, path))
        assert training.model is not None
        save(training.model, path)


def _written(training: TableTraining, path: Path) -> Iterator[Progress]:
    """The progress of a training; writes its model as soon as it exists."""
    from backlit.model import save

    for progress in training:
        if progress.phase == "comparing":
            assert training.model is not None
            save(training.model, path)
        yield progress


@contextmanager
def stopped_by_ctrl_c(training: TableTraining, path: Path) -> Iterator[None]:
    """Let Ctrl-C end the choosing, and then the training, each with its result so far; once more interrupts.

    While a linear model is fitted, the network is already written, and Ctrl-C ends the fitting only.
    """
    from backlit.model.run_limits import CTRL_C

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ended = given_up = False

    def say(what: str) -> None:
        print(f"\nCtrl-C{what}", file=sys.stderr)

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended, given_up
        if training.phase == "comparing":
            say(f": the linear model is left out; the network is written to {path}")
            raise KeyboardInterrupt
        if ended:
            given_up = True
            say(" again: no model is written")
            raise KeyboardInterrupt
        if training.phase == "choosing":
            say(": choosing ends here; the best setting so far is trained (Ctrl-C again ends that too)")
        else:
            ended = True
            say(f": training ends here; the model so far is tested and written to {path} (Ctrl-C again: no model)")
        training.stop(CTRL_C)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if given_up:  # the training itself ends without an error on the second interrupt too
        raise KeyboardInterrupt


def _watch_plain(training: Iterator[Progress]) -> None:
    """Print a line for each recipe tried and for the end, and every two seconds in between."""
    shown, last = time.monotonic(), None
    for progress in training:
        if last is not None and (last.phase, last.trial) != (progress.phase, progress.trial):
            print(_line(last), file=sys.stderr)
            shown = time.monotonic()
        elif time.monotonic() - shown > PLAIN_SECONDS:
            print(_line(progress), file=sys.stderr)
            shown = time.monotonic()
        last = progress
        if progress.phase == "comparing":
            print(COMPARING, file=sys.stderr)
            last = None
    if last is not None:
        print(_line(last), file=sys.stderr)


def _line(progress: Progress) -> str:
    head = f"trying {progress.trial} of {progress.trials}" if progress.phase == "choosing" else "training"
    return f"{head} ({progress.what}): epoch {progress.epoch}, {_loss(progress)}"


def _loss(progress: Progress) -> str:
    """The validation loss, or where there is none the training loss, which includes the penalties."""
    if progress.validation_loss is None:
        return f"loss with penalties {progress.loss:.4f}"
    return f"validation loss {progress.validation_loss:.4f}"


def _watch_live(training: Iterator[Progress]) -> None:
    """Show one line that is redrawn, and removed at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from backlit.show.epoch_progress import prints_to_a_terminal

    columns = TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[losses]}"), TimeElapsedColumn()
    redirects = prints_to_a_terminal()
    with Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=redirects) as bar:
        task = bar.add_task("starting", total=None, losses="")
        shown = 0.0
        for progress in training:
            if progress.phase == "comparing" or time.monotonic() - shown >= LIVE_SECONDS:
                _draw(bar, task, progress)
                shown = time.monotonic()


def _draw(bar: Bar, task: TaskID, progress: Progress) -> None:
    if progress.phase == "comparing":
        bar.update(task, description=COMPARING, total=None, losses="")
        return
    choosing = progress.phase == "choosing"
    head = f"trying {progress.trial} of {progress.trials}: {progress.what}" if choosing else "training"
    losses = f"epoch {progress.epoch}, {_loss(progress)}"
    bar.update(task, description=head, completed=progress.epoch, total=progress.epochs, losses=losses)
