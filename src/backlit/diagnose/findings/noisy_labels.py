"""BL106: a part of the targets contradicts what the rest says, as of targets that belong to other rows.

Honest noise is told apart by where it is. Where classes overlap, labels differ most where the network is least sure;
wrong labels are as frequent where it is sure. Of numbers, honest noise is added to what is predicted, so targets far
off still rise with the prediction; those of other rows do not.
"""

from __future__ import annotations

import math

import numpy as np

from backlit.diagnose.case import Case
from backlit.diagnose.changes import leave_out_rows, set_setting
from backlit.diagnose.finding_tests import finding
from backlit.diagnose.records import Finding, Remedy
from backlit.diagnose.samples import class_numbers, nearest, ridge, robust, worth
from backlit.kernels.types import Array

FEWEST_ROWS = 40

SUREST = 1 / 3
"""The part of the predictions that count as sure."""

LARGEST_SURE, LEAST_RATIO, MOST_ERRORS = 0.1, 0.55, 0.55
"""Labels are noisy where more than the first part of the sure predictions is contradicted, which is at least the second
part of what it is over all rows, a standard error taken off; and over all rows it is at most the third part of the
baseline's errors: where it is more, a weak relation looks the same ..."""

STRONG = 3.0
"""... unless, among many classes, so many times as many labels are predicted rightly as by the baseline."""

FAR, LARGEST_FAR, MOST_SLOPE, FEWEST_FAR = 3.0, 0.05, 0.4, 8
"""Targets farther off than so many robust standard deviations contradict; more than the second part of all, which rise
with the prediction by less than the third, two standard errors added, are noise of another kind than the rest."""

WRONG = 0.8
"""A label that differs from so large a part of its nearest rows contradicts them."""

EXPLAINED = 0.4
"""Of the other rows, at least this part is explained."""


@finding("BL106", "noisy labels", by_itself=True)
def noisy_labels(case: Case) -> Finding | None:
    """Find targets that contradict sure predictions, in rows that the network was not trained on."""
    if case.validation is None or len(case.held_out_targets) < FEWEST_ROWS:
        return None
    if not case.of_classes:
        return _of_numbers(case)
    T, P = _best_predictions(case)
    classes = class_numbers(T, True)
    return None if classes is None else _of_classes(case, P, classes)


def _best_predictions(case: Case) -> tuple[Array, Array]:
    """Give targets and predictions of rows that were not trained on, by the model that explains most of them.

    The models are the mean of the references (this network where there are none), a linear one, and the nearest rows,
    of which the training rows count too: each is predicted by the others.
    """
    sample = case.rows_sampled
    X, T, Q, A = sample.X, sample.T, sample.X_held_out, sample.T_held_out
    given = [reference.predictions for reference in case.references] or [case.predictions_held_out]
    both = np.concatenate([nearest(X, T, Q), nearest(X, T, X, same=True)])
    found = [(case.held_out_targets, np.mean(given, axis=0)), (A, ridge(X, T, Q)), (np.concatenate([A, T]), both)]
    middle = T.mean(axis=0)
    return min(found, key=lambda pair: worth(pair[0], pair[1], middle).unexplained)


def _of_classes(case: Case, P: Array, classes: Array) -> Finding | None:
    """Find labels that differ from the predicted class as often where it is sure as where it is not."""
    if P.shape[1] == 1:
        P = np.concatenate([1.0 - P, P], axis=1)
    wrong, sure = P.argmax(axis=1) != classes, P.max(axis=1)
    surest = sure >= np.quantile(sure, 1.0 - SUREST)
    everywhere, surely = float(wrong.mean()), float(wrong[surest].mean())
    least = surely - math.sqrt(surely * (1.0 - surely) / surest.sum())
    baseline = 1.0 - float(np.bincount(classes).max()) / len(classes)
    weak = everywhere > MOST_ERRORS * baseline and 1.0 - everywhere < STRONG * (1.0 - baseline)
    if weak or least < max(LARGEST_SURE, LEAST_RATIO * everywhere):
        return None
    return _found(
        case, "part of the labels that contradict the surest third of the predictions, rows not trained on", surely,
        LARGEST_SURE, f"of honest overlap, well below the {everywhere:.2g} of all rows",
        f"where classes overlap, labels differ where the network is not sure; here {100 * surely:.0f}\u00a0% do "
        f"where it is surest, and {100 * everywhere:.0f}\u00a0% of all: as of labels that are wrong wherever the row "
        "lies",
    )  # fmt: skip


def _of_numbers(case: Case) -> Finding | None:
    """Find targets far from the prediction that do not rise with it; the model is one that rows far off do not draw."""
    sample = case.rows_sampled
    P = robust(sample.X, sample.T, sample.X_held_out)
    for t, p in zip(sample.T_held_out.T, P.T, strict=True):
        apart = t - p
        size = 1.4826 * float(np.median(np.abs(apart - np.median(apart))))
        far = np.abs(apart - np.median(apart)) > FAR * size
        share, spread = float(far.mean()), float(p[far].std()) if far.any() else 0.0
        if far.sum() < FEWEST_FAR or share < LARGEST_FAR or not spread > 0.0 or not t.var() > 0.0:
            continue
        if 1.0 - float(apart[~far].var()) / float(t.var()) < EXPLAINED:
            continue
        slope = float(np.cov(p[far], t[far], bias=True)[0, 1]) / spread**2
        error = float((t[far] - t[far].mean() - slope * (p[far] - p[far].mean())).std()) / spread / math.sqrt(far.sum())
        if slope + 2.0 * error < MOST_SLOPE:
            return _found(
                case, f"part of the targets farther than {FAR:g} robust standard deviations from the prediction, rows "
                "not trained on", share, LARGEST_FAR, "0.003 of normal noise",
                "noise that is added to what the inputs say leaves the slope of targets on predictions at 1; of these "
                f"it is {slope:.2g} ± {error:.2g}: they have nothing to do with their inputs",
            )  # fmt: skip
    return None


def _found(case: Case, measure: str, measured: float, threshold: float, healthy: str, why: str) -> Finding:
    rows = _contradicted(case)
    now = case.settings.l2
    stronger = max(10.0 * now, 10.0 / len(case.X))
    penalty = set_setting("l2", stronger, f"penalty l2 {stronger:.2g} instead of {now:.2g}", f"--l2 {stronger:.2g}")
    remedies = [Remedy("a stronger penalty, which keeps single rows from being learned by heart", (penalty,))]
    if rows.size:
        remedies.append(Remedy("train without the rows that their neighbours contradict",
                               (leave_out_rows(rows.tolist(), "that their nearest rows contradict",
                                               of_table=case.table is not None),)))  # fmt: skip
    place = f"the targets; {case.rows_named(rows[:10].tolist())} to look at first" if rows.size else "the targets"
    return Finding(
        code="BL106", name="noisy labels", place=place,
        measure=measure, measured=measured, threshold=threshold, healthy=healthy, why=why, remedies=tuple(remedies),
        details=(_told(case, len(rows)),),
    )  # fmt: skip


def _told(case: Case, count: int) -> str:
    """Say how many rows contradict their neighbours, and by how much."""
    looked = len(case.rows_sampled.numbers)
    if case.of_classes:
        how = f"differ from at least {WRONG:.0%} of their nearest rows"
    else:
        how = f"lie {FAR:g} robust standard deviations or more from the mean of their nearest rows"
    return f"of {looked:,} training rows looked at, {count:,} {how}"


def _contradicted(case: Case) -> Array:
    """Give the training rows that differ most from their nearest ones, most first."""
    sample = case.rows_sampled
    near = nearest(sample.X, sample.T, sample.X, same=True)
    apart = np.abs(sample.T - near).max(axis=1)
    limit = WRONG if case.of_classes else FAR * 1.4826 * float(np.median(apart))
    found = np.flatnonzero(apart >= limit)
    return sample.numbers[found[np.argsort(-apart[found], kind="stable")]]
