"""Checks values of settings against the annotated types of their fields, with one form of message for all settings.

A field's annotation states type and bounds, `Annotated[float, Meta(ge=0)]`, and the message is made from it.
`Meta(extra={"expected": "..."})` replaces its words where others say more, such as "a fraction of the rows".
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, inspect

from backlit.errors import BacklitError

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]
Portion = Annotated[float, Meta(ge=0, le=1)]
Factor = Annotated[float, Meta(gt=0, lt=1)]
Count = Annotated[int, Meta(ge=1)]
Whole = Annotated[int, Meta(ge=0)]


def plain(given: Any) -> Any:
    """Give a number of NumPy's as one of Python's, anything else as it is."""
    return given.item() if isinstance(given, np.generic) else given


def checked(name: str, given: Any, kind: Any, owner: str = "", read: Callable[[Any], Any] = plain) -> Any:
    """Give a setting's value as its annotated type wants it.

    NumPy's numbers become Python's, and a whole number becomes a float where the type is float. True and False are no
    numbers; NaN and infinities are refused.

    Args:
        name: of the setting, for the message. `owner` stands before it.
        given: the value.
        kind: the annotated type.
        read: turns what was given into what the type could take; the message shows what was given.

    Errors: a BacklitError that says what was given and what was expected.

    >>> from typing import Annotated
    >>> from msgspec import Meta
    >>> checked("rate", 1, Annotated[float, Meta(ge=0)])
    1.0
    >>> checked("epochs", 1.5, Annotated[int, Meta(ge=0)])
    Traceback (most recent call last):
    backlit.errors.BacklitError: epochs is 1.5; expected a whole number of at least 0.
    """
    try:
        value = msgspec.convert(read(given), kind)
    except msgspec.ValidationError:
        value = math.nan
    if isinstance(value, float) and not math.isfinite(value):
        raise BacklitError(f"{owner}{name} is {plain(given)!r}; expected {expected(kind)}.")
    return value


def check_fields(record: msgspec.Struct, owner: str = "", leave: type | tuple[type, ...] = ()) -> None:
    """Check a record's fields against their annotations, and convert them in place; `__post_init__` calls this.

    Values of the types `leave` are not checked.
    """
    for name, kind in types_of(type(record)).items():
        given = getattr(record, name)
        if not isinstance(given, leave):
            msgspec.structs.force_setattr(record, name, checked(name, given, kind, owner))


def refuse_texts(given: Any, where: str, wanted: str) -> None:
    """Refuse texts and truth values among nested values, which NumPy would take for numbers.

    >>> refuse_texts([[0.4], ["0.5"]], "W", "numbers")
    Traceback (most recent call last):
    backlit.errors.BacklitError: W: the values hold '0.5'; expected numbers: write 0.5 without quotes.
    """
    if isinstance(given, np.ndarray):
        if given.dtype.kind in "iuf":
            return
        given = given.tolist()
    if isinstance(given, (list, tuple)):
        for item in given:
            refuse_texts(item, where, wanted)
    elif isinstance(given, (str, bytes, bool, np.bool_)):
        raise BacklitError(f"{where}: the values hold {plain(given)!r}; expected {wanted}{unquoted(given)}.")


def unquoted(given: Any) -> str:
    """Give the end of a message about a text that is a number in quotes."""
    try:
        return f": write {given.strip()} without quotes" if isinstance(given, str) and float(given) < math.inf else ""
    except ValueError:
        return ""


@functools.cache
def types_of(cls: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Give the annotated type of each field, bounds included."""
    return {field.name: field.type for field in msgspec.structs.fields(cls)}


def expected(kind: Any) -> str:
    """Say in words which values an annotated type takes; None is left out where there are others.

    >>> from typing import Annotated, Literal
    >>> from msgspec import Meta
    >>> expected(Annotated[int, Meta(ge=1)] | Literal["full"] | None)
    "a whole number of at least 1, or 'full'"
    >>> expected(Annotated[float, Meta(ge=0, lt=1)]), expected(Annotated[int, Meta(le=9)])
    ('a finite number of at least 0 and below 1', 'a whole number of at most 9')
    """
    return _words(inspect.type_info(kind))


def _words(found: inspect.Type) -> str:
    if isinstance(found, inspect.Metadata):
        return str((found.extra or {}).get("expected", "")) or _words(found.type)
    if isinstance(found, inspect.UnionType):
        return ", or ".join(_words(option) for option in found.types if not isinstance(option, inspect.NoneType))
    if isinstance(found, inspect.LiteralType):
        return " or ".join(map(repr, found.values))
    if isinstance(found, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(found, inspect.IntType) else "a finite number"
        bounds = {"of at least": found.ge, "above": found.gt, "of at most": found.le, "below": found.lt}
        said = [f"{relation} {bound:,g}" for relation, bound in bounds.items() if bound is not None]
        return f"{noun} {' and '.join(said)}" if said else noun
    if isinstance(found, inspect.VarTupleType | inspect.ListType):
        return f"a list, each item {_words(found.item_type)}"
    return {inspect.BoolType: "true or false", inspect.StrType: "text"}.get(type(found), "another value")
