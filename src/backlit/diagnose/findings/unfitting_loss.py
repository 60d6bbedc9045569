"""BL202: the loss does not fit the output or the targets."""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import set_output
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.outputs import SQUARES, Last, fitting_output, last_of, sampled_outputs
from backlit.diagnose.records import Change, Finding, Remedy
from backlit.diagnose.start import told
from backlit.engine import LOGIT_LOSSES
from backlit.kernels.types import Array

LOWEST_TOP = 0.9
"""A network must be able to give a class at least this probability."""

SMALLEST_SLOPE = 0.6
"""Of the slope that the fitting loss has, at least this part should reach the last layer's sums."""

LARGEST_SUM = 0.05
"""Probabilities of classes that exclude each other may miss the sum 1 by so much, in the mean over the rows."""

MOST_OUTSIDE = 0.02
"""This part of the outputs may lie outside 0 to 1, or of the predicted counts below 0."""


@finding("BL202", "loss does not fit the output")
def unfitting_loss(case: Case) -> Finding | None:
    """Find pairs of output, loss and targets that do not belong together."""
    last = last_of(case)
    for test in (_squashed_twice, _no_margin, _sums_apart, _distance_of_classes, _negative_counts):
        found = test(case, last)
        if found is not None:
            return found
    return None


def _found(
    case: Case, last: Last, measure: str, measured: float, threshold: float, healthy: str, why: str,
    change: Change | None = None,
) -> Finding:  # fmt: skip
    return Finding(
        code="BL202", name="loss does not fit the output", place=f"the output, {last.words}", measure=measure,
        measured=measured, threshold=threshold, healthy=healthy, why=why,
        remedies=(Remedy("output and loss that fit the targets", (change or fitting_output(case),)),),
        details=_beginning(case),
    )  # fmt: skip


def _beginning(case: Case) -> tuple[str, ...]:
    """Say where the loss began, and where it would in theory."""
    k, loss = case.network.output_size, case.first_loss
    if case.network.loss.name in {"cross_entropy", "softmax_cross_entropy"}:
        return (f"the loss began at {told(loss)}; that of {k} equal probabilities is ln {k} = {math.log(k):.4g}",)
    if case.network.loss.name in SQUARES and not case.of_classes:
        return (f"the loss began at {told(loss)}; the targets' variance is {told(case.targets.var(axis=0).sum())}",)
    return ()


# --------------------------------------------------------------------------------------------- pairs of output and loss


def _squashed_twice(case: Case, last: Last) -> Finding | None:
    """Find a loss of scores of any size behind an output activation that bounds them."""
    if last.loss not in LOGIT_LOSSES:
        return None
    low, high = last.reach
    k = case.network.output_size
    if case.network.loss.class_targets:
        top = 1.0 / (1.0 + (k - 1) * math.exp(-min(high - low, 700.0)))
    else:
        top = min(1.0 / (1.0 + math.exp(-min(high, 700.0))), 1.0 / (1.0 + math.exp(max(low, -700.0))))
    if not top < LOWEST_TOP:
        return None
    squash = "softmax" if case.network.loss.class_targets else "sigmoid"
    return _found(
        case, last, "highest probability that the network can give to any right answer", top, LOWEST_TOP, "1",
        f"the loss takes scores of any size and makes probabilities of them by {squash}; {last.name} has bounded them "
        f"before, so no probability gets beyond {top:.3g}, and the loss stays above {-math.log(top):.3g}",
    )  # fmt: skip


def _no_margin(case: Case, last: Last) -> Finding | None:
    """Find a loss that wants margins of 1 behind outputs that lie closer together."""
    margin = last.reach[1] - last.reach[0]
    if last.loss != "multiclass_hinge" or margin > 1.0:
        return None
    return _found(
        case, last, "largest possible margin between the outputs of two classes", margin, 1.0, "above 1",
        f"the loss falls to 0 where the right class is 1 ahead of all others; outputs of {last.name} are at most "
        f"{margin:g} apart, and only at its flat ends",
    )  # fmt: skip


def _sums_apart(case: Case, last: Last) -> Finding | None:
    """Find probabilities of classes that exclude each other, but do not sum to 1."""
    each = last.loss in {"binary_cross_entropy", "sigmoid_binary_cross_entropy"}
    if case.classes is None or case.targets.shape[1] < 2 or not (each or last.loss == "cross_entropy"):
        return None
    if last.name == "softmax" and not each:
        return None
    A = sampled_outputs(case)
    P = 1.0 / (1.0 + np.exp(-A)) if last.loss in LOGIT_LOSSES else A
    apart = _mean(np.abs(P.sum(axis=1) - 1.0))
    if not apart > LARGEST_SUM:
        return None
    why = (
        "each row is of one class, so the probabilities sum to 1; "
        + ("here each output is judged as a question of its own, and nothing ties them"
           if each else "the loss -log a of the right class is smallest where all outputs are 1: no class is told")
    )  # fmt: skip
    measure = "|sum of a row's probabilities - 1|, mean over the training rows"
    return _found(case, last, measure, apart, LARGEST_SUM, "0", why)


def _distance_of_classes(case: Case, last: Last) -> Finding | None:
    """Find classes that are learned by a loss of numbers."""
    if case.classes is None or last.loss not in SQUARES:
        return None
    if last.loss == "mae":
        return _median(case, last)
    A = sampled_outputs(case)
    if last.name in {"softmax", "sigmoid"}:
        return _slopes_lost(case, last, A)
    outside = _mean((A < -0.05) | (A > 1.05))
    if not outside > MOST_OUTSIDE:
        return None
    return _found(
        case, last, "part of the outputs outside 0 to 1", outside, MOST_OUTSIDE, "0",
        "an output of any size is no probability: rows on the right side but far off cost as much as wrong ones, and "
        "the weights go into pulling them back",
    )  # fmt: skip


def _median(case: Case, last: Last) -> Finding | None:
    """Find absolute distances of classes, which are smallest at the median."""
    shares = case.targets.mean(axis=0)
    apart = float(np.minimum(shares, 1.0 - shares).max())
    if not apart > MOST_OUTSIDE:
        return None
    return _found(
        case, last, "difference of a class's frequency and the constant output of least loss, largest of all classes",
        apart, MOST_OUTSIDE, "0",
        "over rows alike, of which a part q is of the class, the mean of |p - t| is q (1 - p) + (1 - q) p: linear in "
        "p, so smallest at 0 or 1 and not at q. The outputs are driven to 0 and 1, and are no probabilities",
    )  # fmt: skip


def _slopes_lost(case: Case, last: Last, A: Array) -> Finding | None:
    """Find that little of the slope passes an activation that is flat at its ends."""
    passed = _passed(last, A, case.rows_sampled.T)
    if not passed < SMALLEST_SLOPE:
        return None
    return _found(
        case, last, "slope at the last layer's sums / that of cross-entropy, mean over the worse half of the rows",
        passed, SMALLEST_SLOPE, "1",
        f"behind {last.name} the slope of a distance has the factor a (1 - a): where the network is sure and wrong, "
        "hardly any slope is left; of cross-entropy it is a - t, largest where it is wrong",
    )  # fmt: skip


def _passed(last: Last, A: Array, T: Array) -> float:
    """Give the part of cross-entropy's slope |a - t| that the worse half of the rows has at the last layer's sums."""
    D = A - T  # dl/dA, but for a constant factor
    slope = A * (D - (A * D).sum(axis=1, keepdims=True)) if last.name == "softmax" else A * (1.0 - A) * D
    wanted = np.linalg.norm(A - T, axis=1)
    worse = wanted >= np.nanmedian(wanted) if np.isfinite(wanted).any() else np.ones(len(A), bool)
    return _mean(np.linalg.norm(slope[worse], axis=1) / np.maximum(wanted[worse], 1e-12))


# ------------------------------------------------------------------------------------------------------------ of counts


def _negative_counts(case: Case, last: Last) -> Finding | None:
    """Find counts that are learned as numbers of any size, where counts below 0 are predicted."""
    T = case.targets
    if case.of_classes or last.loss not in SQUARES or not _are_counts(T):
        return None
    below = _mean(sampled_outputs(case) < -0.05 * T.std())
    if not below > MOST_OUTSIDE:
        return None
    return _found(
        case, last, "part of the predicted counts below 0", below, MOST_OUTSIDE, "0",
        "the variance of a count is about its mean, so equal distances are not equally wrong, and no count is below 0; "
        "with the mean exp(z) and the Poisson loss neither happens", set_output("identity", "exp_poisson", last.words),
    )  # fmt: skip


def _are_counts(T: Array) -> bool:
    """Tell whether targets are small counts: whole, with zeros, and a variance about as large as the mean."""
    if not ((T >= 0.0).all() and (np.floor(T) == T).all() and (T == 0.0).any() and len(np.unique(T)) > 2):
        return False
    mean = float(T.mean())
    return mean < 10.0 and 0.5 < float(T.var()) / mean < 10.0


def _mean(values: Array) -> float:
    """Give the mean of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan
