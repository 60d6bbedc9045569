"""What a browser may ask a panel to do: methods that are marked as commands, their arguments checked by their types."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec

from backlit.errors import BacklitError

Method = TypeVar("Method", bound=Callable[..., Any])

MARK, SLOW = "_page_command", "_page_slow_command"


def command(method: Method) -> Method:
    """Mark a panel's method as one that a browser may call; its annotations say which arguments it takes.

    It runs with the session's lock held. What it returns is ignored; a BacklitError is shown beside the control.
    """
    setattr(method, MARK, True)
    return method


def slow_command(method: Method) -> Method:
    """Mark a command that reads or encodes rows, which may take seconds: it runs without the session's lock.

    What it changes, it changes by `Session.take`, which holds the lock itself; so the training goes on meanwhile.
    """
    setattr(method, SLOW, True)
    return command(method)


def is_slow(panel: Any, name: str) -> bool:
    """Say whether a panel's command runs without the session's lock."""
    return getattr(getattr(type(panel), name, None), SLOW, False) is True


def call(panel: Any, name: str, given: Mapping[str, Any]) -> None:
    """Call a panel's command with the arguments that a browser gave.

    Errors: a BacklitError for an unknown command, or arguments of another kind.
    """
    method = getattr(type(panel), name, None) if name.isidentifier() and not name.startswith("_") else None
    if method is None or not getattr(method, MARK, False):
        raise BacklitError(f"the panel {panel.name!r} has no command {name!r}.")
    try:
        arguments = msgspec.convert(dict(given), _arguments_of(method))
    except msgspec.ValidationError as error:
        raise BacklitError(_in_words(panel, name, given, error)) from None
    method(panel, **{field: getattr(arguments, field) for field in arguments.__struct_fields__})


KINDS = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false"}


def _in_words(panel: Any, name: str, given: Mapping[str, Any], error: msgspec.ValidationError) -> str:
    """Say which argument does not fit, in the form of other refusals."""
    wrong = re.fullmatch(r"Expected `(\w+)`, got .* - at `\$\.(\w+)`", str(error))
    if wrong is None or wrong[1] not in KINDS or wrong[2] not in given:
        return f"{panel.name}.{name}: {error}."
    return f"{wrong[2]} is {given[wrong[2]]!r}; expected {KINDS[wrong[1]]}."


@cache
def _arguments_of(method: Callable[..., Any]) -> type[msgspec.Struct]:
    hints = get_type_hints(method, include_extras=True)
    fields: list[Any] = []
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if parameter.default is parameter.empty:
            fields.append((name, hints[name]))
        else:
            fields.append((name, hints[name], parameter.default))
    return msgspec.defstruct(method.__name__, fields, forbid_unknown_fields=True, kw_only=True)
