"""Remedies that several findings give, and which of a finding's remedies make sense for a training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from backlit.diagnose.ahead import rounded
from backlit.diagnose.case import Case
from backlit.diagnose.changes import changed, key_of, set_rate
from backlit.diagnose.plan import Plan
from backlit.diagnose.records import Remedy
from backlit.engine import Network
from backlit.errors import BacklitError
from backlit.kernels.types import Array

ALIKE = 1.5
"""Weights drawn anew are like those that were there where their sizes differ by less than this factor."""

NEAR = 0.2
"""Rows are as they were where no column changes by more than this part of its spread, in the root mean square."""


def rate_of(case: Case, rate: float) -> Remedy:
    """Give the remedy of a learning rate, for an optimizer that has one."""
    return Remedy(f"a learning rate of {rate:g}", (set_rate(rate, float(case.settings.optimizer.rate)),))


def slower(case: Case, factor: float) -> tuple[Remedy, ...]:
    """Give the remedy of a learning rate so many times smaller; none for an optimizer without a rate."""
    rate = getattr(case.settings.optimizer, "rate", None)
    return (rate_of(case, rounded(rate / factor)),) if rate else ()


def sensible(case: Case, remedies: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """Give the remedies that apply to a training, change it, and do not do what one before them does."""
    found: dict[str, Remedy] = {}
    for remedy in remedies:
        try:
            after = changed(case.plan, remedy.changes)
        except BacklitError:
            continue
        if not _is_as_it_was(case.plan, after):
            found.setdefault(key_of(remedy.changes), remedy)
    return tuple(found.values())


def _is_as_it_was(before: Plan, after: Plan) -> bool:
    """Tell whether changes leave settings, rows and network as they were, but for weights drawn anew."""
    if before.settings != after.settings or not _are_rows_alike(before, after):
        return False
    return before.network is after.network or _are_networks_alike(before.network, after.network)


def _are_rows_alike(before: Plan, after: Plan) -> bool:
    pairs = list(zip(before.rows, after.rows, strict=True))
    if any(one.shape != other.shape for one, other in pairs):
        return False
    return all(one is other or bool((_moved(one, other) <= NEAR).all()) for one, other in pairs)


def _moved(before: Array, after: Array) -> Array:
    """Give by how much each column changed, in its new standard deviations; infinite for a constant that changed."""
    if not after.size:
        return np.zeros(1)
    before, after = before.astype(np.float64), after.astype(np.float64)
    with np.errstate(all="ignore"):
        moved, spread = np.sqrt(np.square(after - before).mean(axis=0)), after.std(axis=0)
        return np.asarray(np.where(moved > 0.0, moved / spread, 0.0))


def _are_networks_alike(before: Network, after: Network) -> bool:
    """Tell whether two networks have the same layers and loss, and parameters of about the same sizes."""
    same = repr(before) == repr(after) and before.layout == after.layout
    return same and all(_are_weights_alike(before[name], after[name]) for name in before.layout)


def _are_weights_alike(before: Array, after: Array) -> bool:
    """Tell whether two arrays of parameters are of the same size, and differ as much from unit to unit."""
    if not before.size:
        return True
    sizes = [(_size(values), _size(values - values.mean(axis=-1, keepdims=True))) for values in (before, after)]
    return all(max(pair) <= ALIKE * min(pair) for pair in zip(*sizes, strict=True))


def _size(values: Array) -> float:
    """Give the root mean square, 0 where it is rounding."""
    values = values.astype(np.float64)
    size = float(np.sqrt(np.square(values).mean()))
    return size if size > 1e-12 else 0.0
