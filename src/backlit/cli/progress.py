"""The progress of a training, on standard error: a live line on a terminal, else a plain line every two seconds."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec

from backlit.cli.countdown import Countdown
from backlit.cli.preparing import silent_compilation

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import Task, TaskID

    from backlit.model import Progress, TableTraining

LIVE_SECONDS, PLAIN_SECONDS = 0.1, 2.0
AFTERWARDS = {
    "testing": "measuring on the test rows",
    "comparing": "comparing with a linear model",
    "reporting": "writing the report",
}
"""The phases after the training, which have no epochs."""


def watch(
    training: TableTraining, path: Path, *, quiet: bool, report: Callable[[], None] | None = None,
    note: Callable[[TableTraining, Progress | None], None] | None = None,
) -> None:  # fmt: skip
    """Run a training to its end, show its progress unless `quiet`, and write its model to `path`.

    The model is written before a linear model is fitted beside it, and once more with the scores of that one. Then
    `report` writes the report, and has to end on Ctrl-C by itself. `note` gets the training with each progress, and
    once more with None where it has run.
    """
    with stopped_by_ctrl_c(training, path), silent_compilation(quiet):
        written = _written(_noted(training, note) if note else training, training, path, report)
        show_progress(written, quiet=quiet)


def show_progress(training: Iterator[Progress], *, quiet: bool) -> None:
    """Run to the end what gives its progress, and show that unless `quiet`."""
    if quiet:
        for _ in training:
            pass
    elif sys.stderr.isatty():
        _watch_live(training)
    else:
        _watch_plain(training)


def _noted(training: TableTraining, note: Callable[[TableTraining, Progress | None], None]) -> Iterator[Progress]:
    """The progress of a training, told to `note` too."""
    for progress in training:
        note(training, progress)
        yield progress
    note(training, None)


def _written(
    running: Iterable[Progress], training: TableTraining, path: Path, report: Callable[[], None] | None
) -> Iterator[Progress]:
    """The progress of a running training; writes its model as soon as it exists, and after it the report."""
    from backlit.model import save

    last = None
    for progress in running:
        if progress.phase == "comparing":
            assert training.model is not None
            save(training.model, path)
        yield progress
        last = progress
    assert training.model is not None
    save(training.model, path)
    if report is not None and last is not None:
        training.phase = "reporting"
        yield msgspec.structs.replace(last, phase="reporting")
        report()


@contextmanager
def stopped_by_ctrl_c(training: TableTraining, path: Path) -> Iterator[None]:
    """Let Ctrl-C end the choosing, and then the training, each with its result so far; once more interrupts.

    While a linear model is fitted, or the report is written, the network is there, and Ctrl-C ends only that.
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
        if training.phase == "reporting":
            say(f": the report is left out; the network is written to {path}")
            raise KeyboardInterrupt
        if ended:
            given_up = True
            say(" again: no model is written")
            raise KeyboardInterrupt
        if training.phase == "testing":
            ended = True
            say(f": the training has ended; its model is tested and written to {path} (Ctrl-C again: no model)")
            return
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
    shown, last, countdown = time.monotonic(), None, Countdown()
    for progress in training:
        countdown.note(progress)
        if last is not None and (last.phase, last.trial) != (progress.phase, progress.trial):
            print(_line(last, countdown), file=sys.stderr)
            shown = time.monotonic()
        if progress.phase in AFTERWARDS:
            print(AFTERWARDS[progress.phase], file=sys.stderr)
            last = None
            continue
        if time.monotonic() - shown > PLAIN_SECONDS:
            print(_line(progress, countdown), file=sys.stderr)
            shown = time.monotonic()
        last = progress
    if last is not None:
        print(_line(last, None), file=sys.stderr)


def _line(progress: Progress, countdown: Countdown | None) -> str:
    left = countdown.words if countdown else ""
    return f"{_head(progress)} ({progress.what}): {_losses(progress)}{left and f'; {left}'}"


def _head(progress: Progress) -> str:
    return f"trying {progress.trial} of {progress.trials}" if progress.phase == "choosing" else "training"


def _losses(progress: Progress) -> str:
    """The epoch and the validation loss, or where there is none the training loss, which includes the penalties."""
    if progress.validation_loss is None:
        return f"epoch {progress.epoch}, loss with penalties {progress.loss:.4f}"
    return f"epoch {progress.epoch}, validation loss {progress.validation_loss:.4f}"


def _watch_live(training: Iterator[Progress]) -> None:
    """Show one line that is redrawn, and removed at the end; what matters most stands first, as terminals cut it."""
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn
    from rich.progress import Progress as Bar
    from rich.table import Column
    from rich.text import Text

    from backlit.show.epoch_progress import prints_to_a_terminal

    countdown = Countdown()

    class Head(ProgressColumn):
        """What is done, and the time left, which counts down while an epoch lasts."""

        def render(self, task: Task) -> Text:
            left = countdown.words
            return Text(f"{task.description}{left and f', {left}'}")

    class Losses(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(task.fields["losses"])

    whole, cut = Column(no_wrap=True), Column(no_wrap=True, overflow="ellipsis", ratio=1)
    columns = Head(whole), BarColumn(10, table_column=Column(min_width=10)), Losses(cut)
    redirects = prints_to_a_terminal()
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, redirect_stdout=redirects, expand=True) as bar:
        task = bar.add_task("starting", total=None, losses="")
        shown = 0.0
        for progress in training:
            countdown.note(progress)
            if _ends(progress) or time.monotonic() - shown >= LIVE_SECONDS:
                _draw(bar, task, progress)
                shown = time.monotonic()


def _ends(progress: Progress) -> bool:
    """Whether it is the last one for a while: the training has had its epochs."""
    return progress.phase in AFTERWARDS or (progress.phase, progress.epoch) == ("training", progress.epochs)


def _draw(bar: Bar, task: TaskID, progress: Progress) -> None:
    if progress.phase in AFTERWARDS:
        bar.update(task, description=AFTERWARDS[progress.phase], total=None, losses="")
        return
    losses = f"{_losses(progress)} ({progress.what})"
    bar.update(task, description=_head(progress), completed=progress.epoch, total=progress.epochs, losses=losses)
