"""A trial of an optimizer's `update` when it is registered: what it returns must be the new w and its slots."""

from __future__ import annotations

import warnings
from typing import Any

import msgspec
import numpy as np

from backlit.errors import BacklitError
from backlit.ops.base import MACHINE_SCALARS, Op, arguments


def refuse_other_results(cls: type[Op], name: str) -> None:
    """Refuse an `update` that does not return a tuple of the new w and one value for each slot.

    It is called once with ones. Where that fails, or where its arguments are of another kind, nothing is said: the
    training finds that.

    Errors: a BacklitError that says what is returned and what was expected.
    """
    update, slots = getattr(cls, "update", None), tuple(getattr(cls, "slots", ()))
    if update is None:
        return
    known = {"w", "g", *slots, *cls.__struct_fields__, *getattr(cls, "prepared", ()), *MACHINE_SCALARS}
    try:
        fields = msgspec.structs.fields(cls)
        settings = {field.name: field.default for field in fields if isinstance(field.default, (int, float))}
        given: Any = {key: np.float64(settings.get(key, 1.0)) for key in arguments(update) if key in known}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            new = update(**given)
    except Exception:  # noqa: BLE001 - of any kind, for the code is the user's
        return
    wanted = f"return ({', '.join([f'new {key}' for key in ('w', *slots)])}{'' if slots else ','})"
    if not isinstance(new, (tuple, list)):
        raise BacklitError(f"optimizer {name!r}: update returns no tuple; write {wanted}, with the new values.")
    if len(new) != 1 + len(slots):
        values = "1 value" if len(new) == 1 else f"{len(new)} values"
        raise BacklitError(f"optimizer {name!r}: update returns {values}; write {wanted}, with the new values.")
