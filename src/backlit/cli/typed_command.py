"""The command as it was typed, which a report names so that it can be repeated."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_typed: ContextVar[Sequence[str]] = ContextVar("typed", default=())


@contextmanager
def as_typed(given: Sequence[str]) -> Iterator[None]:
    """Take these as the arguments that were typed, meanwhile."""
    before = _typed.set(given)
    try:
        yield
    finally:
        _typed.reset(before)


def typed_command() -> str:
    """The command that is run, in a form that a shell reads; bytes of a file's name that are no text become `\\xNN`.

    >>> with as_typed(["train", "my data.csv"]):
    ...     typed_command()
    "backlit train 'my data.csv'"
    """
    return shlex.join(["backlit", *_typed.get()]).encode(errors="backslashreplace").decode()
