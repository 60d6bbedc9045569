"""BL204: the targets are of a scale that first weights and usual rates do not suit."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_output, standardize_targets
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.harm import finite
from backlit.diagnose.outputs import SQUARES, last_of
from backlit.diagnose.records import Change, Finding, Remedy
from backlit.diagnose.samples import sizes
from backlit.diagnose.start import told
from backlit.kernels.types import Array

LARGEST, SMALLEST = 12.0, 0.02
"""Sizes of targets above or below which they are not suited to usual rates."""

FARTHEST = 20.0
"""From this |mean| / standard deviation on, the targets are far from 0."""


@finding("BL204", "targets of a large scale")
def large_targets(case: Case) -> Finding | None:
    """Find targets that are numbers of a large or tiny size, or far from 0 for their spread."""
    last = last_of(case)
    if case.of_classes or last.loss not in SQUARES:
        return None
    T = case.targets.astype(np.float64)
    each, spread = sizes(T), T.std(axis=0)
    varied = spread > 0.0
    if not varied.any():
        return None
    size = float(np.median(each[varied]))
    away = float(np.median(np.abs(T[:, varied].mean(axis=0)) / spread[varied]))
    if size > LARGEST or size < SMALLEST:
        what, measured, limit = "root mean square of the targets", size, LARGEST if size > LARGEST else SMALLEST
        healthy = "about 1"
    elif away > FARTHEST:
        what, measured, limit, healthy = "|mean| / standard deviation of the targets", away, FARTHEST, "about 0"
    else:
        return None
    changes: tuple[Change, ...] = (standardize_targets(),)
    if all(map(math.isfinite, last.reach)) or last.reach[0] == 0.0:
        changes = (set_output("identity", last.loss, last.words), *changes)
    return Finding(
        code="BL204", name=f"targets of a {'tiny' if size < SMALLEST else 'large'} scale", place="the targets",
        measure=what, measured=finite(measured), threshold=limit, healthy=healthy, why=_why(size, away, spread),
        remedies=(Remedy("standardize the targets", changes),),
        details=(f"the loss began at {told(case.first_loss)}; the targets' variance is {told(spread @ spread)}",),
    )  # fmt: skip


def _why(size: float, away: float, spread: Array) -> str:
    """Say why the scale does harm."""
    if size < SMALLEST:
        return (
            f"outputs begin with a size of about 1, {1 / max(size, 1e-300):.3g} times that of the targets: the first "
            "updates only take them back to 0, and the slopes that are left are as small as the targets"
        )
    if size > LARGEST:
        return (
            f"outputs begin with a size of about 1, and {size:.3g} is wanted: the slopes of squared distances are in "
            f"proportion to the targets, so a step goes {size:.3g} times as far as of targets of size 1, or, where "
            "steps are of one length, so many more are needed"
        )
    return (
        f"the mean makes {away * away:.3g} times as much of the squared distance as all differences between rows, "
        "which are learned only when it is left"
    )
