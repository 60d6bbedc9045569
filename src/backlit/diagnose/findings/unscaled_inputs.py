"""BL101: the inputs are not scaled: they are far from 1 in size, or far from 0 for their spread."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import standardize
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.findings.one_input_of_another_scale import APART, LARGEST, MOST, SMALLEST, distances, odd_columns
from backlit.diagnose.harm import finite
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.samples import sizes

FARTHEST = 20.0
"""From this |mean| / standard deviation on, in the median, the inputs are far from 0."""


@finding("BL101", "unscaled inputs")
def unscaled_inputs(case: Case) -> Finding | None:
    """Find inputs that are too large, too small, or far from 0, in the median over the columns."""
    X = case.X[case.rows_sampled.numbers].astype(np.float64)
    each = sizes(X)
    known = np.isfinite(each) & (each > 0.0)
    if not known.any() or odd_columns(each).size:
        return None
    size = float(np.median(each[known]))
    spread = X.std(axis=0)
    varied = known & (spread > 0.0)
    away = float(np.median(np.abs(X[:, varied].mean(axis=0)) / spread[varied])) if varied.any() and len(X) > 1 else 0.0
    if size > LARGEST or size < SMALLEST:
        return _found(case, "root mean square of an input's values, median over the inputs", size,
                      LARGEST if size > LARGEST else SMALLEST, "about 1", _why_size(size, case.X.shape[1]))  # fmt: skip
    if away > FARTHEST:
        return _found(case, "|mean| / standard deviation of an input, median over the inputs", away, FARTHEST,
                      "about 0",
                      "the slopes of a weight and of the bias beside it are nearly in proportion where an input "
                      f"hardly differs from its mean: the error's curvature differs by about {away:.3g}² between "
                      "directions, and no rate fits both")  # fmt: skip
    apart = float((distances(each)[known] > math.log(APART)).mean())
    if apart > MOST:
        return _found(case, f"part of the inputs {APART:g} times as large as the median one, or as small", apart, MOST,
                      "0", "the slope of a weight is in proportion to its input, so one rate cannot fit inputs of many "
                      "scales")  # fmt: skip
    return None


def _why_size(size: float, inputs: int) -> str:
    """Say why a size does harm."""
    if size > 1.0:
        return (
            f"a unit's sum over {inputs:,} inputs and the slope of each of its weights are both in proportion to the "
            f"inputs, so a step changes the sum {size * size:.3g} times as much as with inputs of size 1"
        )
    return (
        f"a unit's sum and the slopes of its weights are in proportion to the inputs, so a step changes the sum by "
        f"{size * size:.2g} of what it does with inputs of size 1"
    )


def _found(case: Case, measure: str, measured: float, threshold: float, healthy: str, why: str) -> Finding:
    return Finding(
        code="BL101", name="unscaled inputs", place=f"the inputs ({case.X.shape[1]:,})", measure=measure,
        measured=finite(measured), threshold=threshold, healthy=healthy, why=why,
        remedies=(Remedy("standardize the inputs", (standardize(),)),),
    )  # fmt: skip
