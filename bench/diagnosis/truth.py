"""The truth by harm: what a training is worth on clean rows, and whether a planted fault is one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from backlit.engine import LOGIT_LOSSES, Network
from bench.diagnosis.tables import Array, Rows

ERRORS, SHARE = 3.0, 0.05
"""A fault's mean harm is above so many standard errors, and above this share of the twins' gap to the baseline."""

CLOSED = 0.9
"""A change that closes this share of the gap counts as a right cause, and as a repair."""


def score(network: Network, rows: Rows, X_clean: Array | None = None, unit: float | None = None) -> float:
    """Give what a network is worth on the clean rows, from 0 (no better than the baseline) to 1.

    Numbers: max(0, 1 - Σ(y - a)² / Σ(y - ȳ)²), the share of variance explained. Classes: the same of Brier's score,
    max(0, 1 - Σ|t - p|² / Σ|t - p̄|²), with one-hot targets t and p̄ the clean rows' frequencies. Outputs that are not
    finite count as the baseline.

    Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950.
    """
    with np.errstate(all="ignore"):
        outputs = network.predict(rows.X_clean if X_clean is None else X_clean, threads=1)
    return score_of_outputs(network, outputs, rows, rows.unit if unit is None else unit)


def score_of_outputs(network: Network, outputs: Array, rows: Rows, unit: float = 1.0) -> float:
    """Give the score of outputs (n, k) for the clean rows."""
    with np.errstate(all="ignore"):
        if rows.classes:
            found, wanted = probabilities(network, outputs), (np.arange(rows.classes) == rows.y_clean[:, None]) * 1.0
        else:
            found, wanted = outputs / unit, rows.y_clean[:, None]
        error = float(((wanted - found) ** 2).sum())
        baseline = float(((wanted - wanted.mean(axis=0)) ** 2).sum())
    return max(0.0, 1.0 - error / baseline) if np.isfinite(error) else 0.0


def probabilities(network: Network, outputs: Array) -> Array:
    """Give the class probabilities (n, k) that outputs stand for.

    Of a loss that works on logarithms of odds they are the softmax, or the sigmoid; others are cut at 0. All are
    divided by their sum.
    """
    if network.loss.name in LOGIT_LOSSES and network.loss.class_targets:
        odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        shares: Array = odds / odds.sum(axis=1, keepdims=True)
        return shares
    cut = 1.0 / (1.0 + np.exp(-outputs)) if network.loss.name in LOGIT_LOSSES else np.maximum(outputs, 0.0)
    total = cut.sum(axis=1, keepdims=True)
    shares = np.where(total > 1e-12, cut / np.maximum(total, 1e-12), 1.0 / outputs.shape[1])
    return np.where(np.isfinite(outputs).all(axis=1, keepdims=True), shares, np.nan)


class Truth(msgspec.Struct, frozen=True):
    """What a planted fault does over the seeds: the mean harm, its standard error, the twins' gap to the baseline."""

    harm: float
    error: float
    gap: float

    @property
    def harmful(self) -> bool:
        """Whether the harm is above chance, and large enough to matter."""
        return self.harm > ERRORS * self.error and self.harm > SHARE * self.gap and self.harm > 0.0

    @property
    def share(self) -> float:
        """The harm as a share of the twins' gap to the baseline."""
        return self.harm / self.gap if self.gap > 0.0 else 0.0


def truth_of(twins: Sequence[float], faulty: Sequence[float]) -> Truth:
    """Judge the scores of faulty trainings against those of their twins, seed by seed.

    >>> truth_of([0.9, 0.8, 0.85], [0.5, 0.42, 0.45]).harmful, truth_of([0.9, 0.8, 0.85], [0.89, 0.83, 0.8]).harmful
    (True, False)
    """
    apart = np.subtract(twins, faulty)
    error = float(apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else float("inf")
    return Truth(float(apart.mean()), error, float(np.mean(twins)))


def closed(twin: float, faulty: float, changed: float) -> float:
    """Give the share of the gap between a faulty training and its twin that a change closes, from -1 to 1.

    >>> closed(0.9, 0.1, 0.5), closed(0.9, 0.1, 0.95)
    (0.5, 1.0)
    """
    gap = twin - faulty
    return float(np.clip((changed - faulty) / gap, -1.0, 1.0)) if gap > 0.0 else 0.0
