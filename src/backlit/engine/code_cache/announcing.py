"""Calls the listeners before code is compiled, which takes a while; the engine itself prints nothing.

>>> compilation_listeners.append(lambda compilation: print(f"about {compilation.seconds:.0f} s"))
>>> announce(Compilation(10.0, kept=True))
about 10 s
>>> _ = compilation_listeners.pop()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Compilation(NamedTuple):
    """What is about to be compiled: roughly how long it takes, and whether later starts find it in the cache."""

    seconds: float
    kept: bool


compilation_listeners: list[Callable[[Compilation], None]] = []
"""What is called before code is compiled, maybe several times in a process. The command line has one, which prints."""


def announce(compilation: Compilation) -> None:
    """Tell all listeners."""
    for listener in compilation_listeners:
        listener(compilation)
