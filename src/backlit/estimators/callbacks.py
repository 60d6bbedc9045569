"""What runs after each epoch of an estimator: scikit-learn's callbacks, the lines or the progress bar of `verbose`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from backlit.estimators.member import Member, Watch

__all__ = ["CallbackSupport", "Callbacks", "callbacks_of"]

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
except ImportError:  # scikit-learn before 1.9 has no callbacks

    class CallbackSupport:  # type: ignore[no-redef]
        """An empty base class."""


class Callbacks(msgspec.Struct, frozen=True):
    """`first` is called after each epoch of the first member, if not None; `finish` once at the end."""

    first: Watch | None
    finish: Callable[[], None]


def callbacks_of(estimator: Any, X: Any, y: Any, sample_weight: Any, *, silent: bool) -> Callbacks:
    """Give the functions that the estimator's callbacks and `verbose` need; of several members, they get the first.

    `silent` leaves out the callbacks, which `partial_fit` does not call.
    """
    watches: list[Watch] = []
    ends: list[Callable[[], None]] = []
    if estimator.verbose:
        watch, end = _display(estimator) if sys.stdout.isatty() else (_lines, _nothing)
        watches.append(watch)
        ends.append(end)
    if not silent and getattr(estimator, "_skl_callbacks", None):
        watch, end = _callbacks(estimator, X, y, sample_weight)
        watches.append(watch)
        ends.append(end)

    def first(member: Member) -> bool:
        asked = [watch(member) for watch in watches]  # a list: each one is called, also after one that asks to stop
        return any(asked)

    def finish() -> None:
        for end in ends:
            end()

    return Callbacks(first if watches else None, finish)


def _nothing() -> None:
    pass


def _lines(member: Member) -> bool:
    """Print scikit-learn's lines."""
    sys.stdout.write(f"Iteration {member.n_iter}, loss = {member.loss:.8f}\n")
    if member.validation_scores:
        sys.stdout.write(f"Validation score: {member.validation_scores[-1]:f}\n")
    return False


def _display(estimator: Any) -> tuple[Watch, Callable[[], None]]:
    """Show a progress bar with the loss and the validation score."""
    progress = Progress(
        TextColumn("epoch {task.completed}/{task.total}"), BarColumn(), TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    task = progress.add_task("", total=estimator.max_iter)
    progress.start()

    def show(member: Member) -> bool:
        score = f", validation score {member.validation_scores[-1]:.4f}" if member.validation_scores else ""
        progress.update(task, completed=member.n_iter, description=f"loss {member.loss:.6f}{score}")
        return False

    return show, progress.stop


def _callbacks(estimator: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Watch, Callable[[], None]]:
    """Report each epoch as a task of scikit-learn's callback protocol."""
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    data = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
    root = estimator._init_callback_context(max_subtasks=estimator.max_iter)
    root.call_on_fit_task_begin(**data)

    def task(member: Member) -> bool:
        context = root.subcontext(task_name="epoch")
        context.call_on_fit_task_begin(**data)
        stop: bool = context.call_on_fit_task_end(
            **data, reconstruction_attributes=lambda: {"_members": [member.snapshot()]}
        )
        return stop

    def end() -> None:
        root.call_on_fit_task_end(**data, reconstruction_attributes=dict)

    return task, end
