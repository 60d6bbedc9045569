"""The scores of a classifier beside those of a baseline and a linear model, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn import metrics

from backlit.analysis.report.cell_text import cut
from backlit.analysis.report.intervals import (
    Resamples,
    balanced_accuracies,
    class_counts,
    f1_scores,
    interval,
    ranking_scores,
)
from backlit.analysis.report.ranking import RANKED_CLASSES, Ranking, is_split, mean_ranking, rankings
from backlit.analysis.report.records import Interval, Score
from backlit.data.messages import quoted
from backlit.kernels.types import Array
from backlit.model.scores import class_scores


def normalized(P: Array) -> Array:
    """Probabilities (n, k) in float64, with sums of 1: those of float32 sum to 1 only nearly."""
    P = P.astype(np.float64)
    P /= P.sum(axis=1, keepdims=True)
    return P


def classifier_scores(
    codes: Array, P: Array, labels: Sequence[str], resamples: Resamples, *, baseline: Array | int | None,
    linear: Array | None, found: dict[int, Ranking],
) -> tuple[Score, ...]:  # fmt: skip
    """The scores of probabilities P (n, k) against class indices (n,); an index of k or more has no probability.

    `labels` are those of all classes. `baseline` are the probabilities (k,) that a baseline gives every row, or only
    the class that it always answers; `linear` those (n, k) of a linear model. `found` are the network's `rankings`.
    """
    k = P.shape[1]
    values = class_values(codes, P, found)
    beside = _constant_values(codes, baseline, k)
    straight: Mapping[str, float | None] = {} if linear is None else class_values(codes, linear)
    spans = _intervals(codes, P, found, resamples)
    return tuple(
        Score(
            name, words, meaning, name not in {"log_loss", "brier"}, values[name],
            None if values[name] is None else spans.get(name), beside.get(name), straight.get(name),
        )
        for name, (words, meaning) in _words(labels, k).items()
    )  # fmt: skip


def _words(labels: Sequence[str], k: int) -> dict[str, tuple[str, str]]:
    """What the scores are called, and what they mean."""
    of = f" of {quoted(cut(labels[1]))}" if k == 2 else ""
    mean = "" if k == 2 else ", mean over the classes"
    brier = "mean of Σ (p − t)² over the classes, t being 1 for the right class and 0 for the others; 0 is best"
    if k == 2:
        brier = f"mean of (p − t)², p being the probability{of}, t 1 where it is right and 0 elsewhere; 0 is best"
    found = "AUC" if k == 2 else "AUC, one class against the rest"
    return {
        "accuracy": ("accuracy", "share of the rows that are predicted right; 1 is best"),
        "balanced_accuracy": (
            "balanced accuracy", "share of a class's rows that are found, mean over the classes; 1 is best"
        ),
        "f1": (f"F1{of}{mean}", "2 · precision · recall / (precision + recall); 1 is best"),
        "auc": (
            f"{found}{of}{mean}",
            "share of pairs, a row of the class and another one, in which the first has the higher probability of the "
            "class; 1 is best, 0.5 is chance",
        ),
        "average_precision": (
            f"average precision{of}{mean}",
            "mean of the precision over the recall; 1 is best, chance is the class's share of the rows",
        ),
        "log_loss": ("log-loss", f"mean of −log p of the right class; 0 is best, {np.log(k):.3g} is chance"),
        "brier": ("Brier score", brier),
    }  # fmt: skip


def class_values(codes: Array, P: Array, found: dict[int, Ranking] | None = None) -> dict[str, float | None]:
    """The values of the scores by scikit-learn's metrics; None where one is not defined on these rows.

    `found` are the `rankings` where they are there already.
    """
    plain = class_scores(codes, P)
    P, k = normalized(P), P.shape[1]
    auc, average = mean_ranking(rankings(codes, P) if found is None else found, k)
    return {
        "accuracy": plain.accuracy,
        "log_loss": plain.log_loss,
        **_confusion_values(codes, P.argmax(axis=1), k),
        "auc": auc,
        "average_precision": average,
        "brier": _brier(codes, P),
    }


def _confusion_values(codes: Array, predicted: Array, k: int) -> dict[str, float | None]:
    """Balanced accuracy and F1."""
    there = np.unique(codes)
    balanced = metrics.recall_score(codes, predicted, labels=there, average="macro", zero_division=0)
    f1: float | None
    if k > 2:
        f1 = float(metrics.f1_score(codes, predicted, average="macro", zero_division=0))
    elif (codes == 1).any() or (predicted == 1).any():
        f1 = float(metrics.f1_score(codes == 1, predicted == 1, zero_division=0))
    else:
        f1 = None
    return {"balanced_accuracy": float(balanced), "f1": f1}


def _brier(codes: Array, P: Array) -> float:
    """The Brier score of the rows of classes that have a probability."""
    known = codes < P.shape[1]
    labels = np.arange(P.shape[1])
    if P.shape[1] == 2:
        return float(metrics.brier_score_loss(codes[known], P[known, 1], pos_label=1, labels=labels))
    return float(metrics.brier_score_loss(codes[known], P[known], labels=labels))


def _constant_values(codes: Array, baseline: Array | int | None, k: int) -> dict[str, float | None]:
    """The scores of one answer for all rows: probabilities (k,), or a class alone, which has no log-loss and Brier."""
    if baseline is None:
        return {}
    alone = isinstance(baseline, int)
    shares = np.eye(k)[baseline] if isinstance(baseline, int) else baseline
    P = np.tile(shares, (len(codes), 1))
    values = class_values(codes, P, {}) | _constant_ranking(codes, k)
    return values | {"log_loss": None, "brier": None} if alone else values


def _constant_ranking(codes: Array, k: int) -> dict[str, float | None]:
    """AUC and average precision of one probability for all rows, which are half, and the share of the class's rows."""
    split = [c for c in ([1] if k == 2 else range(k)) if is_split(codes, c)]
    if not split or k > RANKED_CLASSES:
        return {}
    return {"auc": 0.5, "average_precision": float(np.mean([(codes == c).mean() for c in split]))}


def _intervals(
    codes: Array, P: Array, ranked: Mapping[int, Ranking], resamples: Resamples
) -> dict[str, Interval | None]:
    """The scores' intervals by name."""
    P, k = normalized(P), P.shape[1]
    predicted = P.argmax(axis=1)
    known = codes < k
    right = P[np.arange(len(P)), np.where(known, codes, 0)]
    eps = np.finfo(np.float64).eps
    rows, as_class, hits = class_counts(resamples, codes, predicted, max(k, int(codes.max()) + 1))
    T = codes[:, None] == np.arange(k)
    brier = ((P[:, 1] - T[:, 1]) ** 2) if k == 2 else ((P - T) ** 2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        of_known = resamples.sums(known)
        found = {
            "accuracy": hits.sum(axis=1) / len(resamples.rows),
            "balanced_accuracy": balanced_accuracies(rows, hits),
            "f1": f1_scores(rows, as_class, hits, 1 if k == 2 else None),
            "log_loss": resamples.sums(np.where(known, -np.log(np.clip(right, eps, 1 - eps)), 0.0)) / of_known,
            "brier": resamples.sums(np.where(known, brier, 0.0)) / of_known,
        }
    spans = {name: interval(values, resamples.of) for name, values in found.items()}
    return spans | _ranked_intervals(codes, P, ranked, resamples)


def _ranked_intervals(
    codes: Array, P: Array, found: Mapping[int, Ranking], resamples: Resamples
) -> dict[str, Interval | None]:
    """The intervals of AUC and average precision: of the second of two classes, or of the mean over the classes."""
    k = P.shape[1]
    split = [c for c in found if k > 2 or c == 1]
    few = resamples.ranked(len(split)) if split else None
    if few is None:
        return {}
    scores = np.array([ranking_scores(few, P[:, c], codes == c) for c in split])  # (classes, 2, resamples)
    defined = np.isfinite(scores)
    with np.errstate(invalid="ignore"):
        means = np.where(defined, scores, 0.0).sum(axis=0) / defined.sum(axis=0)
    return {"auc": interval(means[0], resamples.of), "average_precision": interval(means[1], resamples.of)}
