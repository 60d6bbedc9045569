"""A log as event files of TensorBoard, written by its own package; TensorFlow is not needed."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from backlit.data.messages import quoted
from backlit.errors import BacklitError
from backlit.model.logs.numbers import numbers_of
from backlit.model.logs.records import End, LoggedEpoch, Start


class EventFiles:
    """Writes a log to a folder that `tensorboard --logdir` reads; steps are epochs.

    Errors: a BacklitError where the package is missing, or the folder has event files of another training.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self._event = import_module("tensorboard.compat.proto.event_pb2").Event
            self._summary = import_module("tensorboard.compat.proto.summary_pb2").Summary
            self._open = import_module("tensorboard.summary.writer.event_file_writer").EventFileWriter
            self._text = import_module("tensorboard.plugins.text.metadata").create_summary_metadata
            self._tensor = import_module("tensorboard.util.tensor_util").make_tensor_proto
        except ImportError as error:
            raise BacklitError(
                f"a log for TensorBoard needs its package, which cannot be imported ({error}): "
                "pip install 'backlit[tensorboard]', or pip install tensorboard."
            ) from error
        if any(folder.glob("events.out.tfevents.*")):
            raise BacklitError(
                f"the folder {quoted(folder)} has event files of another training, and TensorBoard would draw both as "
                "one: choose another folder, or remove these files."
            )
        self._writer: Any = None
        self._began = 0.0

    def start(self, record: Start, began: float) -> None:
        """Write what trains, as text."""
        self._began = began
        try:
            self._writer = self._open(str(self.folder))
        except OSError as error:
            raise self._refusal(error) from error
        described = msgspec.json.format(msgspec.json.encode(record, enc_hook=repr), indent=2).decode()
        self._add(0, began, [self._words("training", f"```\n{described}\n```")])

    def add(self, epochs: list[LoggedEpoch]) -> None:
        """Write each epoch's numbers; those that are not measured are left out."""
        for epoch in epochs:
            values = [self._summary.Value(tag=tag, simple_value=value) for tag, value in numbers_of(epoch)]
            self._add(epoch.epoch, self._began + epoch.seconds, values, flush=False)
        self._flush()

    def end(self, record: End) -> None:
        """Write why it stopped, as text."""
        self._add(record.epochs, time.time(), [self._words("stopped", record.stopped)])

    def close(self, *, ended: bool) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()

    def _words(self, tag: str, text: str) -> Any:
        """Give a text, which TensorBoard shows as Markdown."""
        metadata = self._text(display_name=tag, description="")
        return self._summary.Value(tag=tag, metadata=metadata, tensor=self._tensor(text))

    def _add(self, step: int, when: float, values: list[Any], *, flush: bool = True) -> None:
        event = self._event(wall_time=when, step=step, summary=self._summary(value=values))
        try:
            self._writer.add_event(event)
        except OSError as error:
            raise self._refusal(error) from error
        if flush:
            self._flush()

    def _flush(self) -> None:
        try:
            self._writer.flush()
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> BacklitError:
        return BacklitError(f"cannot write event files in {quoted(self.folder)}: {error.strerror or error}.")
