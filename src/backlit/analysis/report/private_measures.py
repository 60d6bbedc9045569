"""What a private report keeps of measures that tell single rows: of few rows, or of rows that a reader knows in part.

Whoever has the model and a row's other cells can compute its prediction. So the error of a numbered row would tell its
target, and so would the mean probability of a calibration bin with that row alone.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from backlit.analysis.report.records import ClassesMeasured, HistogramBin, NumbersMeasured
from backlit.kernels.types import Array

BINS = 20
"""Bins of the residuals, nearly, at round numbers."""
PLACES = 2
"""Decimals of a calibration bin's mean probability."""
FEW_ROWS = 10
"""The scores of fewer rows are said to tell these rows' errors."""


def private_classes(found: ClassesMeasured) -> ClassesMeasured:
    """The measures of classes with the mean probabilities of the calibration rounded."""
    bins = (msgspec.structs.replace(one, predicted=round(one.predicted, PLACES)) for one in found.calibration)
    return msgspec.structs.replace(found, calibration=tuple(bins))


def private_numbers(found: NumbersMeasured, residuals: Array) -> NumbersMeasured:
    """The measures of numbers without points and quantiles, the residuals (n,) in bins that no row is an edge of."""
    return msgspec.structs.replace(found, points=(), quantiles=(), residuals=round_bins(residuals))


def round_bins(values: Array) -> tuple[HistogramBin, ...]:
    """Bins of a width of 1, 2 or 5 times a power of ten, from multiples of it on.

    >>> [(one.low, one.high, one.rows) for one in round_bins(np.array([0.013, 0.99]))][::9]
    [(0.0, 0.05, 1), (0.45, 0.5, 0), (0.9, 0.95, 0)]
    """
    low, high = float(values.min()), float(values.max())
    width = _round_width(max(high / BINS - low / BINS, max(abs(low), abs(high)) / 100))
    first = math.floor(low / width)
    places = np.floor(values / width).astype(np.int64) - first
    counts = np.bincount(places)
    edges = [float(f"{(first + k) * width:.12g}") for k in range(len(counts) + 1)]  # 0.15, not 0.15000000000000002
    return tuple(HistogramBin(edges[k], edges[k + 1], int(count)) for k, count in enumerate(counts))


def _round_width(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no less; 1 for 0."""
    if not least > 0:
        return 1.0
    exponent = math.floor(math.log10(least))
    digit = next(digit for digit in (1, 2, 5, 10) if least <= float(f"{digit}e{exponent}") or digit == 10)
    return float(f"{digit}e{exponent}")


def few_private_rows(n: int) -> tuple[str, ...]:
    """Say that scores of few rows are nearly the rows' own errors."""
    if n >= FEW_ROWS:
        return ()
    return ("Scores of so few rows tell these rows' own errors: such a report is hardly private.",)
