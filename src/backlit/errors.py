"""The one error a person is meant to read, the one warning, and how a warning finds the person's own line."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

INSIDE = {"backlit", "sklearn", "joblib"}
"""Packages between a person's line and a warning: `fit` is called through scikit-learn's own functions."""


class BacklitError(ValueError):
    """Something given to Backlit does not fit: the message says what was given, what was expected and what to do.

    The command line prints the message as one line and exits with code 2.
    """


class ArgumentError(BacklitError, TypeError):
    """A call with an argument that does not exist, or without one that must be given; a TypeError too, as Python's."""


class PlacedError(BacklitError):
    """Something in a text file does not fit: the message has several lines, the last of which show the place."""


class BacklitWarning(UserWarning):
    """Something went on that may not be what was meant: the message says what, and what to do."""


_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


@contextmanager
def collecting(said: list[str]) -> Iterator[None]:
    """Add the messages of `BacklitWarning` to a list instead, in this thread; what is collected is not shown.

    Python's `warnings.catch_warnings` would do so for all threads of the process, and is not to be used for it.
    """
    before = _collected.set(said)
    try:
        yield
    finally:
        _collected.reset(before)


def warn(message: str, category: type[Warning] = BacklitWarning) -> None:
    """Warn at the line of the program that called the package, however deep inside it the fault is found."""
    said = _collected.get()
    if said is not None and issubclass(category, BacklitWarning):
        said.append(message)
        return
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Give a count with its noun, for messages.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
