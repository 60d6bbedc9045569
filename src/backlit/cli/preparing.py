"""What a command says before a wait: that it compiles, and warnings, each as a plain line on standard error."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backlit.engine import compilation_listeners
from backlit.show.compiling import announcement

if TYPE_CHECKING:
    from backlit.engine import Compilation


class Announcer:
    """Says once what is compiled and about how long it takes; again only if much more turns out to be missing."""

    def __init__(self) -> None:
        self.announced = 0.0

    def __call__(self, compilation: Compilation) -> None:
        """Print a line at once, before the wait."""
        if compilation.seconds <= self.announced:
            return
        self.announced = compilation.seconds
        print(announcement(compilation), file=sys.stderr, flush=True)


@contextmanager
def announced_compilation() -> Iterator[None]:
    """Say what is compiled meanwhile, and show warnings as plain lines."""
    announcer = Announcer()
    compilation_listeners.append(announcer)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            yield
        finally:
            compilation_listeners.remove(announcer)


@contextmanager
def silent_compilation(silent: bool = True) -> Iterator[None]:
    """Say nothing of what is compiled meanwhile, if `silent`."""
    before = list(compilation_listeners)
    if silent:
        compilation_listeners.clear()
    try:
        yield
    finally:
        compilation_listeners[:] = before


def _show_warning(message: Warning | str, *_where: Any, **_more: Any) -> None:
    """Print a warning in the style of an error, without the line of our own code that it comes from."""
    print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)
