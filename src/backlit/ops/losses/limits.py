"""Limits that keep losses finite: the smallest probability, the ceiling; and the least Poisson loss."""

from __future__ import annotations

from typing import Any

import numpy as np

SMALLEST_PROBABILITY = 1e-30
"""Logarithms of probabilities below this are taken of this: a probability of 0 costs about 69, not infinity."""

PROBABILITY_LIMITS = "a probability below 1e-30 counts as 1e-30"
"""What a worked example says where that limit acts."""


def _least_poisson(t: Any) -> Any:
    """Give t log t - t, 0 where t is 0: minus the least Poisson loss that any mean has on the count t."""
    return t * np.log(np.maximum(t, SMALLEST_PROBABILITY)) - t


def _limited(value: Any, ceiling: Any) -> Any:
    """Give the value, at most `ceiling` where that is above 0."""
    return np.where(ceiling > 0.0, np.minimum(value, ceiling), value)
