"""Where an activation is flat: found from its own value and slope."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from backlit.kernels.types import Array
from backlit.ops.base import Activation, Interval, arguments

REACH, STEPS = 64.0, 32
"""Slopes are taken from -REACH to REACH, so many in 1."""

FLAT = 1.0 / 50.0
"""An activation is flat where its slope is at most this share of the steepest."""

NEVER_FLAT = 1.0 / 1000.0
"""One whose slope falls nowhere below this share has no flat part: a leaky rectifier is meant to be leaky."""

GROWING = 1.5
"""One whose steepest slope grows by more than this over the outer half has no steepest slope, as exp."""


class Flat(NamedTuple):
    """Where an activation is flat: up to `low` and from `high` on, of its output where `of_output`, else its input."""

    low: float
    high: float
    of_output: bool


def flat_parts(op: Any) -> Flat | None:
    """Give the tails where an activation is flat; None where it is nowhere, or where that cannot be said.

    The slope may pass through 0 between the tails, as that of gelu does; a unit does not stay there.

    >>> from backlit.ops.activations.piecewise import LeakyReLU, ReLU
    >>> from backlit.ops.activations.smooth import Tanh
    >>> flat_parts(ReLU()), flat_parts(LeakyReLU())
    (Flat(low=0.0, high=inf, of_output=True), None)
    >>> round(flat_parts(Tanh()).high ** 2, 6)
    0.98
    """
    if not (isinstance(op, Activation) and hasattr(op, "value") and hasattr(op, "slope")):
        return None
    try:
        return _known_parts(op)
    except TypeError:  # settings that have no hash
        return _parts_of(op)


def _parts_of(op: Activation) -> Flat | None:
    low, high = op.tails or computed_tails(op)
    if low == -math.inf and high == math.inf:
        return None
    if not op.in_place:
        return Flat(low, high, of_output=False)
    # Of the output: where the function falls, the upper tail of the input is the lower one of the output.
    start, end = _values(op, np.array([-REACH, REACH])).tolist()
    of_low, of_high = (float(_values(op, np.array([z]))[0]) if math.isfinite(z) else None for z in (low, high))
    lower, upper = (of_low, of_high) if start <= end else (of_high, of_low)
    return Flat(-math.inf if lower is None else lower, math.inf if upper is None else upper, of_output=True)


_known_parts = functools.lru_cache(64)(_parts_of)


def computed_tails(op: Activation) -> Interval:
    """Give the inputs up to which, and from which on, an activation is flat; -inf and inf where it is not."""
    Z = np.linspace(-REACH, REACH, int(2 * REACH * STEPS) + 1)
    slopes = _slopes(op, Z)
    steepest = float(slopes.max())
    inner = float(slopes[np.abs(Z) <= REACH / 2].max())
    if not (np.isfinite(slopes).all() and 0.0 < steepest <= GROWING * inner):
        return -math.inf, math.inf
    limit, least = FLAT * steepest, NEVER_FLAT * steepest
    low = _end(op, Z, slopes, limit) if slopes[0] < least else -math.inf
    high = _end(op, Z[::-1], slopes[::-1], limit) if slopes[-1] < least else math.inf
    return low, high


def _end(op: Activation, Z: Array, slopes: Array, limit: float) -> float:
    """Give where the flat tail ends that begins at Z[0]."""
    steep = int(np.argmax(slopes > limit))
    flat, other = float(Z[steep - 1]), float(Z[steep])
    for _ in range(50):
        middle = (flat + other) / 2.0
        if _slopes(op, np.array([middle]))[0] <= limit:
            flat = middle
        else:
            other = middle
    return flat


def _slopes(op: Any, Z: Array) -> Array:
    settings = {name: getattr(op, name) for name in arguments(op.slope)[1:]}
    with np.errstate(all="ignore"):
        slopes: Array = np.abs(op.slope(_values(op, Z) if op.in_place else Z, **settings))
    return slopes


def _values(op: Any, Z: Array) -> Array:
    settings = {name: getattr(op, name) for name in arguments(op.value)[1:]}
    with np.errstate(all="ignore"):
        values: Array = op.value(Z, **settings)
    return values
