"""Standard output and standard error that a command can rely on: a terminal, a file, a pipe, or closed.

A character that a stream's encoding lacks is replaced. Text to a stream that is closed from the start is discarded. A
failing output (a full disk, a pipe whose reader has ended) raises `OutputError`, but not while a network is trained:
`deferred_output_errors` delays it. Errors of standard error are ignored.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any


class OutputError(Exception):
    """Standard output cannot be written; the cause is the system's error."""


class Output:
    """A stream that keeps its first error and writes nothing after it. Unless `deferring`, it raises `OutputError`.

    An `OSError` would not arrive: rich, which prints, exits on it.
    """

    def __init__(self, stream: Any, *, deferring: bool) -> None:
        self.stream = stream
        self.deferring = deferring
        self.error: OSError | None = None

    def write(self, text: Any) -> int:
        """Write all of it."""
        self._try(self.stream.write, text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        self._try(self.stream.flush)

    @property
    def buffer(self) -> Output:
        """The stream of bytes below."""
        return Output(self.stream.buffer, deferring=self.deferring)

    def discard(self) -> None:
        """Redirect the stream to nowhere: at exit, Python would write what is buffered once more, and fail."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def _try(self, act: Callable[..., Any], *operands: Any) -> None:
        if self.error is None:
            try:
                act(*operands)
            except OSError as error:
                self.error = error
        if self.error is not None and not self.deferring:
            raise OutputError(f"cannot write to standard output: {self.error.strerror}.") from self.error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def reliable_streams() -> Iterator[None]:
    """Replace `sys.stdout` and `sys.stderr` by such streams."""
    with ExitStack() as stack:
        out, err = (Output(_open(stack, stream), deferring=stream is sys.stderr) for stream in (sys.stdout, sys.stderr))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        yield
        for stream in (out, err):
            stream.deferring = True
            stream.flush()
            if stream.error is not None:
                stream.discard()


def _open(stack: ExitStack, stream: Any) -> Any:
    """The stream, set to replace what it cannot encode; where it is closed, one that discards all."""
    if stream is None:
        return stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return stream


@contextmanager
def deferred_output_errors() -> Iterator[None]:
    """Delay the errors of standard output: a model that is being trained is worth more than the text about it."""
    out = sys.stdout
    if not isinstance(out, Output):
        yield
        return
    out.deferring = True
    try:
        yield
    finally:
        out.deferring = False


def print_document(text: str | bytes) -> None:
    """Print JSON or another document in UTF-8, for any encoding of the terminal."""
    sys.stdout.flush()
    sys.stdout.buffer.write((text.encode() if isinstance(text, str) else text) + b"\n")
