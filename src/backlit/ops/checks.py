"""Checks of an op's settings, made when it is built."""

from __future__ import annotations

import math
import numbers

import msgspec

from backlit.errors import BacklitError
from backlit.ops.op import Op


def require_number(
    op: Op, field: str, *,
    at_least: float = -math.inf, above: float = -math.inf, at_most: float = math.inf, below: float = math.inf,
) -> None:  # fmt: skip
    """Check that a setting is a finite number within its bounds, and keep it as a Python float.

    Errors: a BacklitError that names the op's class, the setting, what was given and what was expected.

    >>> from backlit.ops.activations import ELU
    >>> ELU(alpha=float("nan"))
    Traceback (most recent call last):
        ...
    backlit.errors.BacklitError: ELU: alpha is nan; expected a finite number of at least 0.
    """
    given = getattr(op, field)
    number = isinstance(given, numbers.Real) and not isinstance(given, bool) and math.isfinite(given)
    if not (number and at_least <= given <= at_most and above < given < below):
        bounds = [f"{words} {bound:g}" for words, bound in (
            ("of at least", at_least), ("above", above), ("of at most", at_most), ("below", below)
        ) if math.isfinite(bound)]  # fmt: skip
        expected = " ".join(["a finite number", " and ".join(bounds)]).strip()
        raise BacklitError(f"{type(op).__name__}: {field} is {given!r}; expected {expected}.")
    msgspec.structs.force_setattr(op, field, float(given))
