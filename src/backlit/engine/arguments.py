"""Calls with arguments that do not exist, or in another order: refused with what is meant, by one mechanism."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from backlit.engine.settings import TrainingSettings
from backlit.errors import ArgumentError
from backlit.ops.call_table import ARGUMENTS
from backlit.ops.synonyms import hint

P = ParamSpec("P")
R = TypeVar("R")


def known_arguments(called: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function refuse arguments that it does not take, with what is meant; `called` is its name for people.

    >>> @known_arguments("square")
    ... def square(*, side):
    ...     return side * side
    >>> square(sides=2)
    Traceback (most recent call last):
    backlit.errors.ArgumentError: square has no argument 'sides'; did you mean 'side'?
    """

    def checking(function: Callable[P, R]) -> Callable[P, R]:
        known = [name for name in inspect.signature(function).parameters if name != "self"]
        taken = frozenset(known)

        @functools.wraps(function)
        def checked(*given: P.args, **named: P.kwargs) -> R:
            if not taken.issuperset(named):
                name = next(name for name in named if name not in taken)
                raise ArgumentError(f"{called} has no argument {name!r}; {_advice(called, name, known)}")
            return function(*given, **named)

        return checked

    return checking


def _advice(called: str, name: str, known: list[str]) -> str:
    """Give what to write instead: of this function, or where a training takes it."""
    for place in (called, ""):
        if name in ARGUMENTS.get(place, {}):
            return ARGUMENTS[place][name]
    own = hint(name, known, "python")
    if own.startswith(("did", "write")) or called == "Training":
        return own
    of_training = [*TrainingSettings.__struct_fields__, "validation", "metrics", "callbacks", "progress"]
    meant = f"did you mean {name!r}?" if name in of_training else hint(name, of_training, "python")
    return f"bl.Training takes it: {meant}" if meant.startswith(("did", "write")) else own
