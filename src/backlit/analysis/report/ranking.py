"""How well the probability of a class ranks the rows: AUC, average precision and their curves, by scikit-learn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn import metrics

from backlit.kernels.types import Array

RANKED_CLASSES = 200
"""Of more classes, there are no AUC and average precision."""


class Ranking(NamedTuple):
    """A class against all others: its AUC and average precision, and the curves that they are areas under.

    Attributes:
        roc: false positive rate and true positive rate. precision_recall: recall and precision, recall falling.
    """

    auc: float
    average_precision: float
    roc: tuple[Array, Array]
    precision_recall: tuple[Array, Array]


def is_split(codes: Array, c: int) -> bool:
    """Whether some rows, and not all, are of class c."""
    own = codes == c
    return bool(own.any() and not own.all())


def rankings(codes: Array, P: Array) -> dict[int, Ranking]:
    """The ranking of each class that some rows (n,), and not all, are of, by its probability in P (n, k).

    The curves are scikit-learn's, and so are the areas: `roc_auc_score` and `average_precision_score` compute them from
    the same curves in the same way, and the curves take the time.

    >>> found = rankings(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.95, 0.05]]))
    >>> found[1].auc, round(found[1].average_precision, 4)
    (0.5, 0.8333)
    """
    k = P.shape[1]
    return {c: _ranking(codes == c, P[:, c]) for c in range(k) if k <= RANKED_CLASSES and is_split(codes, c)}


def _ranking(own: Array, p: Array) -> Ranking:
    order = np.argsort(-p)  # both curves sort the rows, which is fast where they are sorted
    own, p = own[order], p[order]
    false_positive, true_positive, _ = metrics.roc_curve(own, p)
    precision, recall, _ = metrics.precision_recall_curve(own, p)
    return Ranking(
        float(metrics.auc(false_positive, true_positive)), float(-np.sum(np.diff(recall) * precision[:-1])),
        (false_positive, true_positive), (recall, precision),
    )  # fmt: skip


def mean_ranking(found: dict[int, Ranking], k: int) -> tuple[float | None, float | None]:
    """AUC and average precision: of the second of two classes, or the mean over classes; None without rows of both."""
    chosen = [found[1]] if k == 2 and 1 in found else list(found.values()) if k > 2 else []
    if not chosen:
        return None, None
    return float(np.mean([one.auc for one in chosen])), float(np.mean([one.average_precision for one in chosen]))
