"""A classifier measured on rows: confusion, each class with its curves, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn import metrics

from backlit.analysis.report.cell_text import cut
from backlit.analysis.report.class_scores import normalized
from backlit.analysis.report.ranking import Ranking, rankings
from backlit.analysis.report.records import CalibrationBin, ClassesMeasured, ClassMeasures, Curve
from backlit.data.messages import quoted
from backlit.kernels.types import Array

CURVES = 12
"""Of more classes, so many have curves."""
POINTS = 200
"""Points of a curve, at most."""
BINS = 10
"""Bins of the calibration, of equal width."""


def measured_classes(
    codes: Array, P: Array, labels: Sequence[str], found: Mapping[int, Ranking] | None = None
) -> ClassesMeasured:
    """Measure probabilities P (n, k) against class indices (n,), which are below the number of `labels`.

    `found` are the `rankings` where they are there already.

    >>> found = measured_classes(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), ["no", "yes"])
    >>> found.confusion, found.classes[1].precision, found.classes[1].recall, found.classes[1].auc
    (((1, 1), (0, 1)), 0.5, 1.0, 1.0)
    """
    P, k = normalized(P), P.shape[1]
    predicted = P.argmax(axis=1)
    confusion = metrics.confusion_matrix(codes, predicted, labels=np.arange(len(labels)))
    found = rankings(codes, P) if found is None else found
    drawn = set(sorted(found, key=lambda c: (found[c].auc, c))[:CURVES])
    classes = tuple(_class(confusion, c, label, found.get(c), drawn=c in drawn) for c, label in enumerate(labels))
    positive = labels[1] if k == 2 else ""
    if k == 2:
        bins, calibrated = calibration(codes == 1, P[:, 1]), f"the probability of {quoted(cut(positive))}"
    else:
        bins, calibrated = calibration(codes == predicted, P.max(axis=1)), "the probability of the predicted class"
    table = tuple(tuple(map(int, row)) for row in confusion)
    return ClassesMeasured(classes, table, bins, calibrated, positive)


def _class(confusion: Array, c: int, label: str, ranking: Ranking | None, *, drawn: bool) -> ClassMeasures:
    """The record of a class."""
    rows, predicted, hits = (int(part) for part in (confusion[c].sum(), confusion[:, c].sum(), confusion[c, c]))
    roc = precision_recall = None
    if ranking and drawn:
        roc = thinned(*ranking.roc)
        precision_recall = thinned(*(values[::-1] for values in ranking.precision_recall))
    return ClassMeasures(
        label=label,
        rows=rows,
        predicted=predicted,
        precision=hits / predicted if predicted else None,
        recall=hits / rows if rows else None,
        f1=2 * hits / (rows + predicted) if rows + predicted else None,
        auc=ranking.auc if ranking else None,
        average_precision=ranking.average_precision if ranking else None,
        roc=roc,
        precision_recall=precision_recall,
    )


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
