"""A log as JSON lines: one object on each line of a text file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import BinaryIO

import msgspec

from backlit.data.messages import quoted
from backlit.errors import BacklitError
from backlit.model.logs.records import End, LoggedEpoch, Start

SUFFIX = ".jsonl"


class JsonLines:
    """Writes a log to a file; a number that is not finite is null. What was in the file before is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._encoder = msgspec.json.Encoder(enc_hook=repr)
        self._file: BinaryIO | None = None

    def start(self, record: Start, began: float) -> None:
        """Write the first line; `began` is not told."""
        try:
            self._file = self.path.open("wb")
        except OSError as error:
            raise self._refusal(error) from error
        self._write([record])

    def add(self, epochs: list[LoggedEpoch]) -> None:
        """Write a line for each epoch."""
        self._write(epochs)

    def end(self, record: End) -> None:
        """Write the last line."""
        self._write([record])

    def close(self, *, ended: bool) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, records: list[Start] | list[LoggedEpoch] | list[End]) -> None:
        assert self._file is not None
        try:
            self._file.write(self._encoder.encode_lines(records))
            self._file.flush()  # so that a crash of the process loses nothing
        except OSError as error:
            with contextlib.suppress(OSError):  # it would write what is left
                self._file.close()
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> BacklitError:
        return BacklitError(f"cannot write the log {quoted(self.path)}: {error.strerror or error}.")
