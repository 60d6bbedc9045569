"""The two inputs that tell most about the targets by themselves, before a network has learned anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backlit.analysis.boundary.inputs import Inputs
from backlit.analysis.boundary.outputs import OutputKind
from backlit.kernels.types import Array

MOST_CLASSES = 50


def telling_pair(
    inputs: Inputs, able: Sequence[int], kinds: Sequence[OutputKind], targets: Sequence[Array]
) -> tuple[int, int]:
    """Give the places of the two inputs with the largest correlation r², summed over the outputs, in their order.

    Of classes, it is the largest r² with the membership in one of them. A value that is missing counts as the mean.
    """
    columns = np.stack([_centred(inputs.values(place)) for place in able], axis=1)  # (n, inputs)
    found = np.zeros(len(able))
    for kind, values in zip(kinds, targets, strict=True):
        wanted = [values == k for k in range(min(len(kind.classes), MOST_CLASSES))] or [values]
        members = np.stack([_centred(np.asarray(one, np.float64)) for one in wanted], axis=1)  # (n, classes)
        found += ((columns.T @ members) ** 2).max(axis=1)
    first, second = sorted(np.argsort(-found, kind="stable")[:2].tolist())
    return able[first], able[second]


def _centred(values: Array) -> Array:
    """Give values (n,) less their mean, of length 1; 0 where they are all the same."""
    known = np.isfinite(values)
    largest = float(np.abs(values[known]).max(initial=0.0)) or 1.0  # squares might overflow
    scaled = np.where(known, values, 0.0) / largest
    mean = float(scaled[known].mean()) if known.any() else 0.0
    off: Array = np.where(known, scaled - mean, 0.0)
    length = float(np.sqrt((off**2).sum()))
    return off / length if length > 1e-12 else np.zeros(len(values))
