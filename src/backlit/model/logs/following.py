"""`backlit.save_log`, and a log that follows a training while it runs."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backlit.data.messages import quoted
from backlit.engine import Training
from backlit.errors import BacklitError
from backlit.model.logs.event_files import EventFiles
from backlit.model.logs.json_lines import SUFFIX, JsonLines
from backlit.model.logs.mlflow_runs import MlflowRun
from backlit.model.logs.records import Destination, End, epochs_of, start_of

TENSORBOARD, MLFLOW = "tensorboard:", "mlflow"

AT_ONCE = 4096
"""So many epochs are written at a time."""

EXPECTED = f'a file that ends in {SUFFIX}, "{TENSORBOARD}FOLDER", or "{MLFLOW}"'


def save_log(training: Training, to: str | os.PathLike[str]) -> None:
    """Write the log of a training: what trains, each epoch, the signals of the measured epochs, why it stopped.

    Args:
        training: a `Training` that has run, to the end or so far.
        to: where to. A file that ends in .jsonl gets a JSON object on each line: `"line": "start"` with the network,
            the settings and the versions, `"epoch"` with the losses, metrics, rate, seconds and signals, `"end"`. What
            was in it is replaced. "tensorboard:FOLDER" writes event files for `tensorboard --logdir FOLDER`, "mlflow"
            parameters and metrics to MLflow's active run, or to a new one; both need their packages:
            `pip install 'backlit[tensorboard]'`, `pip install 'backlit[mlflow]'`.

    A number that is not finite is null in JSON, and NaN in the others.

    Errors: a BacklitError for another place, one that cannot be written, or a package that is missing.

    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1)], inputs=1, loss="mse", seed=0)
    >>> training = bl.Training(network, [[1.0], [2.0]], [2.0, 4.0], epochs=2, compiled=False).run()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bl.save_log(training, Path(folder) / "run.jsonl")
    ...     lines = [json.loads(line) for line in (Path(folder) / "run.jsonl").read_text().splitlines()]
    >>> [line["line"] for line in lines], lines[-1]["stopped"]
    (['start', 'epoch', 'epoch', 'end'], 'all 2 epochs done')
    """
    if not isinstance(training, Training):
        raise BacklitError(
            f"save_log was given {type(training).__name__}; expected a training: bl.Training(network, X, Y).run()."
        )
    with TrainingLog(destination_of(to)) as log:
        log.follow(training)
        log.finish()


def destination_of(to: str | os.PathLike[str]) -> Destination:
    """Give where a log is written to; nothing is written yet.

    Errors: a BacklitError for another place, or a package that is missing.
    """
    text = os.fspath(to) if isinstance(to, (str, os.PathLike)) else ""
    if text == MLFLOW:
        return MlflowRun()
    if isinstance(to, str) and to.startswith(TENSORBOARD) and to != TENSORBOARD:
        return EventFiles(Path(to.removeprefix(TENSORBOARD)))
    if text.lower().endswith(SUFFIX):
        return JsonLines(Path(text))
    given = quoted(text) if text else repr(to)
    raise BacklitError(f"the log is to be written to {given}; expected {EXPECTED}.")


class TrainingLog:
    """Follows a training while it runs, and writes its epochs as they end: after a crash the log has those so far.

    As a context manager it is closed at the end. `follow` writes the epochs that are there and were not written before;
    `finish` writes the last record.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import backlit as bl
    >>> network = bl.Network([bl.Dense(1)], inputs=1, loss="mse", seed=0)
    >>> training = bl.Training(network, [[1.0], [2.0]], [2.0, 4.0], epochs=5, compiled=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.jsonl"
    ...     with TrainingLog(destination_of(path)) as log:
    ...         for epoch in training:
    ...             log.follow(training)
    ...         log.finish()
    ...     len(path.read_text().splitlines())
    7
    """

    def __init__(self, destination: Destination, about: Mapping[str, Any] | None = None) -> None:
        self.destination, self.about = destination, about or {}
        self.written = 0
        self._training: Training | None = None
        self._finished = False

    def follow(self, training: Training) -> None:
        """Write the epochs that have ended since the last call, before them, once, what trains."""
        if self._training is None:
            self._training = training
            so_far = training.history[-1].seconds if len(training.history) else 0.0
            self.destination.start(start_of(training, self.about), time.time() - so_far)
        while self.written < len(training.history):
            stop = min(self.written + AT_ONCE, len(training.history))
            self.destination.add(epochs_of(training, self.written, stop))
            self.written = stop

    def finish(self, stopped: str | None = None) -> None:
        """Write the epochs that are left, and why the training stopped; by default what it says itself."""
        training = self._training
        if training is None:
            raise BacklitError("the log has followed no training; call follow(training) first.")
        self.follow(training)
        best, history = training.best, training.history
        seconds = history[-1].seconds if len(history) else 0.0
        why = stopped or training.stopped or "not at its end"
        self.destination.end(End(stopped=why, epochs=len(history), best=best.number if best else None, seconds=seconds))
        self._finished = True

    def close(self) -> None:
        """Close what is open."""
        self.destination.close(ended=self._finished)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        with contextlib.nullcontext() if error is None else contextlib.suppress(BacklitError):  # the first error counts
            self.close()
