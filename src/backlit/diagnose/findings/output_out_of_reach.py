"""BL201: the outputs cannot reach the targets: they lie outside the output activation's values, or where it is flat."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.outputs import Last, fitting_output, last_of, sampled_outputs
from backlit.diagnose.records import Finding, Remedy

LARGEST_PART = 0.01
"""The part of the targets' variance that may lie out of reach."""

LARGEST_FLAT = 0.2
"""The part of an output's targets above 0 at which it may be stuck at 0 ..."""

FEWEST = 5
"""... if there are so many."""

FLAT = {"relu": (0.0, math.inf), "hard_sigmoid": (0.0, 1.0)}
"""Output activations that are flat at an end of their values, with these ends."""


@finding("BL201", "output cannot reach the targets")
def output_out_of_reach(case: Case) -> Finding | None:
    """Find targets outside the values of the output activation, or outputs that are stuck where it is flat."""
    last = last_of(case)
    return _outside(case, last) or _stuck(case, last)


def _outside(case: Case, last: Last) -> Finding | None:
    """Find targets outside the outputs' values."""
    low, high = last.reach
    if last.loss == "exp_poisson":
        low, high = math.exp(min(low, 700.0)), math.exp(min(high, 700.0))
    elif case.network.loss.class_targets or last.loss == "sigmoid_binary_cross_entropy":
        return None
    Y = case.Y[case.rows_sampled.numbers].astype(np.float64)
    beyond = Y - np.clip(Y, low, high)
    variance = float(((Y - Y.mean(axis=0)) ** 2).sum())
    part = float((beyond**2).sum()) / variance if 0.0 < variance < math.inf else float(beyond.any())
    if not part > LARGEST_PART:
        return None
    share = float((beyond != 0.0).mean())
    return Finding(
        code="BL201", name="output cannot reach the targets", place=f"the output, {last.name}",
        measure="squared distance of the targets to the nearest possible output / their variance", measured=part,
        threshold=LARGEST_PART, healthy="0",
        why=f"{last.name} puts out numbers from {low:g} to {_end(high)}, and {share:.0%} of the targets, which run "
        f"from {Y.min():.4g} to {Y.max():.4g}, lie outside: whatever the weights are, that part of the error stays, "
        "and it drives the outputs to the end, where the activation is flat",
        remedies=(Remedy("an output that reaches the targets", (fitting_output(case),)),),
    )  # fmt: skip


def _end(high: float) -> str:
    return f"{high:g}" if high < 1e30 else "any size"


def _stuck(case: Case, last: Last) -> Finding | None:
    """Find outputs that are exactly at a flat end although the target is on the other side."""
    if last.name not in FLAT:
        return None
    low, high = FLAT[last.name]
    A, T = sampled_outputs(case), case.rows_sampled.T
    above = low < T
    counts = above.sum(axis=0)
    stuck = above & ((low >= A) | ((high <= A) & (high > T)))
    parts = np.where(counts >= FEWEST, stuck.sum(axis=0) / np.maximum(counts, 1), 0.0)
    part = float(parts.max(initial=0.0))
    if not part > LARGEST_FLAT:
        return None
    return Finding(
        code="BL201", name="output cannot reach the targets", place=f"the output, {last.name}",
        measure=f"part of an output's targets above {low:g} at which it is exactly at an end of {last.name}",
        measured=part,
        threshold=LARGEST_FLAT, healthy="about 0",
        why=f"{last.name} is flat there: its slope is 0, so no gradient of these targets gets back to any weight, and "
        "the outputs stay where they are",
        remedies=(Remedy("an output that is nowhere flat", (fitting_output(case),)),),
    )  # fmt: skip
