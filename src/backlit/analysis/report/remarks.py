"""What has to be said beside a verdict: no better than the baseline, a class that is never found, few rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backlit.analysis.report.measured_rows import Measured
from backlit.analysis.report.number_words import short, shown, with_places
from backlit.analysis.report.records import Score
from backlit.analysis.report.row_costs import RowCosts, Than
from backlit.errors import counted

FEW_ROWS = 100
"""Fewer measured rows are said to be few."""
NAMED = 5
"""Classes that a remark names, at most."""


def learned(scores: Sequence[Score], milder: Than | None) -> str:
    """Say what else shows that a network has learned whose accuracy or R² does not; an empty text where nothing does.

    It is an AUC whose interval lies above 0.5, or a log-loss or mean |error| told apart from the baseline's (`milder`).
    """
    by_name = {score.name: score for score in scores}
    auc = by_name.get("auc")
    if auc is not None and auc.value is not None and auc.interval is not None and auc.interval.low > 0.5:
        value, low, high = (with_places(x, 2) for x in (auc.value, auc.interval.low, auc.interval.high))
        said = f"AUC {value}, 95 % interval {low} to {high}, where 0.5 is chance"
        return f"Its probabilities do tell rows of the classes apart: {said}."
    other = by_name["log_loss" if "accuracy" in by_name else "mae"]
    if milder != "better" or other.value is None or other.baseline is None:
        return ""
    return f"Its {other.words} of {shown(other.value)} is better than the baseline's {shown(other.baseline)}."


def baseline_remarks(
    baseline: str, scores: Sequence[Score], than: Than | None, milder: Than | None, *, useful: bool
) -> list[str]:
    """Say where the network is no better than the baseline, or not told apart from it, by accuracy or by R².

    Args:
        baseline: what it does: "always answering 3".
        scores: the network's and the baseline's.
        than: the network beside the baseline, by what it is judged by.
        milder: the same by log-loss, or mean |error|.
        useful: whether the network's errors are smaller than the baseline's, told apart or not.
    """
    if than is None or (useful and than != "apart"):
        return []
    by, baseline = _judged_by(scores), baseline.removesuffix(",")
    more = learned(scores, milder)
    if useful:
        said = f"By {by} these rows do not show that the network is better than {baseline}."
        return [f"{said} {more}".rstrip()]
    if more:
        return [f"By {by} the network is no better than {baseline}. {more}"]
    better = [score for score in scores if _is_better(score)]
    end = "these rows do not show that it has learned" if better else "nothing on these rows shows that it has learned"
    return [f"The network is no better than {baseline}: {end}."]


def _judged_by(scores: Sequence[Score]) -> str:
    by_name = {score.name: score for score in scores}
    if "accuracy" in by_name:
        return "accuracy"
    return "RMSE" if by_name["r2"].value is None else "R²"


def _is_better(score: Score) -> bool:
    if score.value is None or score.baseline is None:
        return False
    return score.value > score.baseline if score.higher_is_better else score.value < score.baseline


def linear_remarks(costs: RowCosts, than_linear: Than | None, linear: str) -> list[str]:
    """Say where the linear model is better, or missing."""
    if than_linear is None:
        return [f"No linear model stands beside the network ({linear})."]
    if than_linear != "worse":
        return []
    if costs.linear is not None and costs.baseline is not None and costs.linear.mean() >= costs.baseline.mean():
        return ["The linear model predicts better than the network, and no better than the baseline."]
    return ["The linear model predicts better, and is simpler: prefer it, or train the network in another way."]


def class_remarks(measured: Measured) -> list[str]:
    """Name the classes that are never found, and those that these rows do not have."""
    k = measured.outputs.shape[1]
    rows = np.bincount(measured.targets, minlength=k)[:k]
    hits = np.bincount(measured.targets[measured.answers == measured.targets], minlength=k)
    unfound = [c for c in range(k) if rows[c] and not hits[c]]
    absent = [c for c in range(k) if not rows[c]]
    said = []
    if len(unfound) == 1 and rows[unfound[0]] == 1:
        said.append(f"The network does not find the only row of {short(measured.labels[unfound[0]])}.")
    elif unfound:
        of = _joined([f"{_of_rows(int(rows[c]))} of {short(measured.labels[c])}" for c in unfound], "and")
        said.append(f"The network finds {f'none of {of}' if of else f'no row of {_among(measured, unfound)}'}.")
    if absent:
        of = _joined([short(measured.labels[c]) for c in absent], "or") or _among(measured, absent)
        said.append(f"No measured row is of {of}: how well such rows are found is not known.")
    if new := int((measured.targets >= k).sum()):
        said.append(
            f"{counted(new, 'row')} of classes that training did not have could not be found, and count as wrong."
        )
    return said


def _of_rows(rows: int) -> str:
    return "the only row" if rows == 1 else f"the {rows:,} rows"


def _joined(named: Sequence[str], last: str) -> str:
    """The names with a word before the last; an empty text where there are many."""
    if len(named) > NAMED:
        return ""
    return f" {last} ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _among(measured: Measured, classes: Sequence[int]) -> str:
    """Name some of many classes."""
    return f"{len(classes)} classes, among them {', '.join(short(measured.labels[c]) for c in classes[:NAMED])}"


def few_remarks(scores: Sequence[Score], n: int) -> list[str]:
    """Say that rows are few, and that no errors among them are no proof."""
    accuracy = next((score for score in scores if score.name == "accuracy"), None)
    said = []
    if n == 1:
        said.append("One row is too little to judge by.")
    elif n < FEW_ROWS:
        one = f": one row more that is right or wrong changes the accuracy by {1 / n:.2g}"
        said.append(f"{n} rows are few{'' if accuracy is None else one}.")
    if accuracy is not None and accuracy.value == 1 and accuracy.interval is not None:
        said.append(
            "No row is wrong, so the interval, which draws these rows anew, cannot show how often one would be."
        )
    return said
