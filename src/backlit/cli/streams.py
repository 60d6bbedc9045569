"""Standard output and standard error as a command can rely on them, whatever they are connected to.

A character that a stream's encoding does not have is replaced. A stream that is closed from the start swallows all. An
output that fails on the way (a full disk, a pipe whose reader has enough) raises `OutputError`, but not while a network
is trained: `patient_output` puts that off. What standard error does not take is lost, and nothing ends for it.
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
    """A stream that keeps its first error: it raises that as `OutputError`, unless it is patient, and writes no more.

    `OSError` itself would be taken up on the way by whoever prints, such as rich, which exits.
    """

    def __init__(self, stream: Any, *, patient: bool) -> None:
        self.stream = stream
        self.patient = patient
        self.error: OSError | None = None

    def write(self, text: Any) -> int:
        """Write all of it."""
        self._try(self.stream.write, text)
        return len(text)

    def flush(self) -> None:
        """Hand over what is buffered."""
        self._try(self.stream.flush)

    @property
    def buffer(self) -> Output:
        """The stream of bytes below."""
        return Output(self.stream.buffer, patient=self.patient)

    def discard(self) -> None:
        """Let what is still buffered go nowhere: at its exit, Python would try once more and complain."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def _try(self, act: Callable[..., Any], *operands: Any) -> None:
        if self.error is None:
            try:
                act(*operands)
            except OSError as error:
                self.error = error
        if self.error is not None and not self.patient:
            raise OutputError(f"cannot write to standard output: {self.error.strerror}.") from self.error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def reliable_streams() -> Iterator[None]:
    """Put such streams in the place of `sys.stdout` and `sys.stderr`."""
    with ExitStack() as stack:
        out, err = (Output(_open(stack, stream), patient=stream is sys.stderr) for stream in (sys.stdout, sys.stderr))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        yield
        for stream in (out, err):
            stream.patient = True
            stream.flush()
            if stream.error is not None:
                stream.discard()


def _open(stack: ExitStack, stream: Any) -> Any:
    """The stream, made to replace what it cannot encode; where it is closed, one to nowhere."""
    if stream is None:
        return stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return stream


@contextmanager
def patient_output() -> Iterator[None]:
    """Put off the errors of standard output: what is done meanwhile is worth more than what is said about it."""
    out = sys.stdout
    if not isinstance(out, Output):
        yield
        return
    out.patient = True
    try:
        yield
    finally:
        out.patient = False


def print_document(text: str | bytes) -> None:
    """Print JSON or another document with its own encoding, UTF-8, whatever that of the terminal is."""
    sys.stdout.flush()
    sys.stdout.buffer.write((text.encode() if isinstance(text, str) else text) + b"\n")
