"""A classifier measured on rows: confusion, each class with its curves, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn import metrics

from backlit.analysis.class_scores import RANKED_CLASSES, is_split, normalized
from backlit.analysis.report_records import CalibrationBin, ClassesMeasured, ClassMeasures, Curve
from backlit.data.messages import quoted
from backlit.kernels.types import Array

CURVES = 12
"""Of more classes, so many have curves."""
POINTS = 200
"""Points of a curve, at most."""
BINS = 10
"""Bins of the calibration, of equal width."""

Ranked = tuple[float | None, float | None, Curve | None, Curve | None]
"""AUC, average precision, and the two curves of a class."""
UNRANKED: Ranked = (None, None, None, None)


def measured_classes(codes: Array, P: Array, labels: Sequence[str]) -> ClassesMeasured:
    """Measure probabilities P (n, k) against class indices (n,), which are below the number of `labels`.

    >>> found = measured_classes(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), ["no", "yes"])
    >>> found.confusion, found.classes[1].precision, found.classes[1].recall, found.classes[1].auc
    (((1, 1), (0, 1)), 0.5, 1.0, 1.0)
    """
    P, k = normalized(P), P.shape[1]
    predicted = P.argmax(axis=1)
    confusion = metrics.confusion_matrix(codes, predicted, labels=np.arange(len(labels)))
    split = [c for c in range(k) if k <= RANKED_CLASSES and is_split(codes, c)]
    auc = {c: float(metrics.roc_auc_score(codes == c, P[:, c])) for c in split}
    drawn = set(sorted(split, key=lambda c: (auc[c], c))[:CURVES])
    ranked = {c: (auc[c], *_ranked(codes == c, P[:, c], drawn=c in drawn)) for c in split}
    classes = tuple(_class(confusion, c, label, ranked.get(c, UNRANKED)) for c, label in enumerate(labels))
    positive = labels[1] if k == 2 else ""
    if k == 2:
        bins, calibrated = calibration(codes == 1, P[:, 1]), f"the probability of {quoted(positive)}"
    else:
        bins, calibrated = calibration(codes == predicted, P.max(axis=1)), "the probability of the predicted class"
    table = tuple(tuple(map(int, row)) for row in confusion)
    return ClassesMeasured(classes, table, bins, calibrated, positive)


def _class(confusion: Array, c: int, label: str, ranked: Ranked) -> ClassMeasures:
    """The record of a class."""
    rows, predicted, hits = (int(part) for part in (confusion[c].sum(), confusion[:, c].sum(), confusion[c, c]))
    auc, average, roc, precision_recall = ranked
    return ClassMeasures(
        label=label,
        rows=rows,
        predicted=predicted,
        precision=hits / predicted if predicted else None,
        recall=hits / rows if rows else None,
        f1=2 * hits / (rows + predicted) if rows + predicted else None,
        auc=auc,
        average_precision=average,
        roc=roc,
        precision_recall=precision_recall,
    )


def _ranked(own: Array, p: Array, *, drawn: bool) -> tuple[float, Curve | None, Curve | None]:
    """The average precision and the two curves of the probability p (n,) of a class that `own` (n,) rows are of."""
    average = float(metrics.average_precision_score(own, p))
    if not drawn:
        return average, None, None
    false_positive, true_positive, _ = metrics.roc_curve(own, p)
    precision, recall, _ = metrics.precision_recall_curve(own, p)
    return average, thinned(false_positive, true_positive), thinned(recall[::-1], precision[::-1])


def thinned(x: Array, y: Array) -> Curve:
    """A curve in the unit square by at most `POINTS` of its points, at nearly equal distances along it."""
    if len(x) > POINTS:
        along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
        kept = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], POINTS)))
        x, y = x[kept], y[kept]
    return Curve(*(tuple(round(float(value), 4) for value in values) for values in (x, y)))


def calibration(right: Array, p: Array) -> tuple[CalibrationBin, ...]:
    """Bins of equal width of probabilities p (n,) with the share of rows (n,) that are right; empty bins are left out.

    The last bin holds p = 1 too.

    >>> [(b.low, b.rows, b.predicted, b.observed) for b in calibration(np.array([True, False]), np.array([0.82, 0.88]))]
    [(0.8, 2, 0.85, 0.5)]
    """
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    rows = np.bincount(place, minlength=BINS)
    predicted, observed = (np.bincount(place, values, minlength=BINS) for values in (p, right))
    return tuple(
        CalibrationBin(b / BINS, (b + 1) / BINS, count, float(predicted[b] / count), float(observed[b] / count))
        for b, count in enumerate(map(int, rows))
        if count
    )
