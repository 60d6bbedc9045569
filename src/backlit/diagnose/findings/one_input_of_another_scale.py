"""BL102: a few inputs are of another scale than the rest."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import standardize
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.harm import finite
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.samples import named, sizes
from backlit.kernels.types import Array

APART = 50.0
"""A column whose size is so many times the median's, or goes so many times into it, is of another scale."""

MOST = 1 / 3
"""Where more than this part of the columns are, the inputs as a whole are unscaled."""

LARGEST, SMALLEST = 12.0, 0.05
"""Where the median size is above or below, they are too. The greyscales from 0 to 16 of the bundled digits have 9."""


def odd_columns(each: Array) -> Array:
    """Give the columns whose size is far from the median's, largest ratio first; none where they are too many,
    or the median is unusual itself.

    >>> odd_columns(np.array([1.0, 2.0, 1e4, 0.5]))
    array([2])
    """
    known = np.isfinite(each) & (each > 0.0)
    if np.count_nonzero(known) < 2:
        return np.zeros(0, np.int64)
    middle = _middle(each[known])
    if not SMALLEST <= middle <= LARGEST:
        return np.zeros(0, np.int64)
    apart = distances(each)
    found = np.flatnonzero(apart > math.log(APART))
    if len(found) > max(1.0, MOST * np.count_nonzero(known)):
        return np.zeros(0, np.int64)
    return found[np.argsort(-apart[found], kind="stable")]


def distances(each: Array) -> Array:
    """Give |ln(size / median size)| of each column (inputs,); 0 of columns of zeros."""
    known = np.isfinite(each) & (each > 0.0)
    apart = np.zeros(len(each))
    apart[known] = np.abs(np.log(each[known] / _middle(each[known])))
    return apart


def _middle(each: Array) -> float:
    """Give the median; of two columns, that which is nearer to 1."""
    if len(each) == 2:
        return float(each[np.argmin(np.abs(np.log(each)))])
    return float(np.median(each))


@finding("BL102", "one input of another scale")
def one_input_of_another_scale(case: Case) -> Finding | None:
    """Find a few columns whose size is far from that of the others."""
    each = sizes(case.X[case.rows_sampled.numbers].astype(np.float64))
    odd = odd_columns(each)
    if not odd.size:
        return None
    known = each[np.isfinite(each) & (each > 0.0)]
    ratio = float(each[odd[0]] / _middle(known))
    small = ratio < 1.0
    why = (
        "the slope of a weight is in proportion to its input: in steps of one rate, the weights of this input move by "
        f"{ratio:.2g} of what the others' do"
        if small
        else "a unit's sum is Σ w x: this input decides it alone, and the rate that its weights bear is "
        f"{ratio:.3g}² times smaller than that of the others'"
    )
    names = case.columns_of(odd.tolist())
    return Finding(
        code="BL102", name="one input of another scale", place=named(names, np.arange(len(names))),
        measure="root mean square of this input's values / that of the median input", measured=finite(ratio),
        threshold=1 / APART if small else APART, healthy="from 0.1 to 10", why=why,
        remedies=(Remedy("standardize the inputs", (standardize(),)),),
    )  # fmt: skip
