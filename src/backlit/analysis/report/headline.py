"""The verdict in a few words: the score, and the network beside the baseline and the linear model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backlit.analysis.report.records import Score

BESIDE = {
    ("better", "better"): "better than the baseline and the linear model",
    ("better", "worse"): "better than the baseline, worse than the linear model",
    ("better", "apart"): "better than the baseline, not told apart from the linear model",
    ("better", None): "better than the baseline",
    ("apart", "better"): "better than the linear model, not told apart from the baseline",
    ("apart", "worse"): "not told apart from the baseline, worse than the linear model",
    ("apart", "apart"): "not told apart from the baseline or the linear model",
    ("apart", None): "not told apart from the baseline",
    (None, "better"): "better than the linear model",
    (None, "worse"): "worse than the linear model",
    (None, "apart"): "not told apart from the linear model",
}
"""What is said of the network beside the baseline and beside the linear model."""


def headline(
    scores: Sequence[Score], n: int, than_baseline: str | None, than_linear: str | None, *, useful: bool
) -> str:
    """Say the score on n rows, and how the network compares: each "better", "worse", "apart" or None.

    Args:
        scores: of classes with the accuracy among them, of numbers with R² and RMSE.
        n: measured rows.
        than_baseline: the network beside the baseline.
        than_linear: the network beside the linear model.
        useful: whether the errors are smaller than the baseline's.

    >>> accuracy = Score("accuracy", "accuracy", "", True, 0.9, None, 1 / 3, 0.9)
    >>> headline([accuracy], 30, "better", "apart", useful=True)
    '27 of 30 right: better than the baseline, not told apart from the linear model.'
    >>> headline([accuracy], 30, None, None, useful=True)
    '27 of 30 right, the baseline 10.'
    """
    by_name = {score.name: score for score in scores}
    lead = _lead(by_name, n)
    if not useful:
        by = " by accuracy" if "accuracy" in by_name else ""
        worse = ", worse than the linear model" if than_linear == "worse" else ""
        return f"{lead}: no better than the baseline{by}{worse}."
    if told := BESIDE.get((than_baseline, than_linear)):
        return f"{lead}: {told}."
    accuracy = by_name.get("accuracy")
    beside = "" if accuracy is None or accuracy.baseline is None else f", the baseline {round(accuracy.baseline * n):,}"
    return f"{lead}{beside}."


def _lead(scores: Mapping[str, Score], n: int) -> str:
    """Say the score that the models are compared by."""
    if "accuracy" in scores:
        value = scores["accuracy"].value
        return "No accuracy" if value is None else f"{round(value * n):,} of {n:,} right"
    r2, rmse = scores["r2"].value, scores["rmse"].value
    if r2 is None:
        return "No R²" if rmse is None else f"RMSE {rmse:.3g}"
    if r2 <= -100:
        return f"R² {r2:,.3g}".replace("-", "−")
    digits = 2 if r2 == 1 or round(r2, 2) < 1 else 4  # only 1 is shown as 1
    return f"R² {min(round(r2, digits), 1 if r2 == 1 else 1 - 10**-digits) + 0.0:.{digits}f}".replace("-", "−")
