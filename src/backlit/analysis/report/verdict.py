"""The verdict on a model in a sentence, true as written, and what has to be said beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from backlit.analysis.report.headline import headline
from backlit.analysis.report.intervals import Resamples, told_apart
from backlit.analysis.report.measured_rows import Compared, Measured
from backlit.analysis.report.records import Score, Verdict
from backlit.data.messages import quoted
from backlit.errors import counted
from backlit.kernels.types import Array

FEW_ROWS = 100
"""Fewer measured rows are said to be few."""
LONGEST_NAME = 60
"""Longer labels are cut in a sentence."""
NAMED = 5
"""Classes that a remark names, at most."""

Than = Literal["better", "worse", "apart"]
"""Whether the network is better or worse than another model; "apart" where these rows do not tell the two apart."""


class _Errors(NamedTuple):
    """What each row's answer costs (n,), 1 where a class is wrong or the squared residual: of the network and beside.

    None where there is no such model.
    """

    network: Array
    baseline: Array | None
    linear: Array | None

    def than(self, other: Array | None, resamples: Resamples) -> Than | None:
        """How the network compares with another model."""
        if other is None:
            return None
        differences = other - self.network
        if not told_apart(differences, resamples):
            return "apart"
        return "better" if differences.mean() > 0 else "worse"

    @property
    def useful(self) -> bool:
        """Whether the network's errors are smaller than the baseline's, told apart or not."""
        return self.baseline is None or bool(self.network.mean() < self.baseline.mean())


def unmeasured() -> Verdict:
    """The verdict where there are no rows to measure on."""
    return Verdict(
        "unmeasured", "The network was not measured: no rows with known targets were kept or given for that. How well "
        "it predicts is not known.", headline="Not measured."
    )  # fmt: skip


def verdict(
    measured: Measured, beside: Compared, scores: Sequence[Score], resamples: Resamples, rows_words: str
) -> Verdict:
    """Give the verdict on the measured rows, which `rows_words` names: "30 test rows".

    Two models are told apart where the middle 95 % of the bootstrapped difference of their scores, on the same
    resampled rows, lies on one side of 0: of the accuracy, or of the mean squared error, which R² is made of.
    """
    errors = _errors(measured, beside)
    than_baseline, than_linear = errors.than(errors.baseline, resamples), errors.than(errors.linear, resamples)
    baseline = _baseline_words(measured, beside)
    told = sentence(scores, measured.n, rows_words, baseline, beside.linear_what, than_linear)
    remarks = [
        *_baseline_remarks(baseline, than_baseline, useful=errors.useful),
        *_linear_remarks(than_linear, beside.linear_what),
        *(_class_remarks(measured) if measured.labels else []),
        *few_remarks(scores, measured.n),
    ]
    short_told = headline(scores, measured.n, than_baseline, than_linear, useful=errors.useful)
    if not errors.useful:
        return Verdict("poor", told, tuple(remarks), short_told)
    good = than_baseline == "better" and than_linear == "better"
    return Verdict("good" if good else "level", told, tuple(remarks), short_told)


def _errors(measured: Measured, beside: Compared) -> _Errors:
    """What each row's answer costs."""
    targets, baseline, linear = measured.targets, beside.baseline, beside.linear
    if measured.labels:
        always = baseline if baseline is None or isinstance(baseline, int) else int(np.argmax(baseline))
        return _Errors(
            (measured.answers != targets).astype(np.float64),
            None if always is None else (targets != always).astype(np.float64),
            None if linear is None else (targets != linear.argmax(axis=1)).astype(np.float64),
        )
    unit = float(np.abs(targets).max()) or 1.0  # squares of 1e200 would overflow

    def squares(answers: Array | float | int | None) -> Array | None:
        return None if answers is None else ((targets - answers) / unit) ** 2

    network = squares(measured.answers)
    assert network is not None
    return _Errors(network, squares(baseline), squares(linear))


# ------------------------------------------------------------------------------------------------------- the sentence


def sentence(
    scores: Sequence[Score], n: int, rows_words: str, baseline: str, linear: str, than_linear: Than | None
) -> str:
    """Say the scores on n rows, of the network, of a baseline, such as "always answering 3", and of a linear model."""
    by_name = {score.name: score for score in scores}
    parts = _class_parts if "accuracy" in by_name else _number_parts
    told = "; ".join(parts(by_name, n, baseline, f"the linear model ({linear})"))
    return f"On {rows_words} {told}{_compared(than_linear, by_name)}."


def _class_parts(scores: Mapping[str, Score], n: int, baseline: str, linear: str) -> list[str]:
    """The parts of the sentence on classes."""
    accuracy = scores["accuracy"]

    def right(share: float | None) -> str:
        assert share is not None
        return f"is right on {round(share * n):,}"

    digits = 2 if n < 100 else 3 if n < 1_000 else 4
    parts = [
        f"the network {right(accuracy.value)} of {n:,} (accuracy {accuracy.value:.{digits}f}{_span(accuracy, digits)})"
    ]
    parts += [f"{baseline} {right(accuracy.baseline)}"] if accuracy.baseline is not None else []
    return parts + ([f"{linear} {right(accuracy.linear)}"] if accuracy.linear is not None else [])


def _number_parts(scores: Mapping[str, Score], n: int, baseline: str, linear: str) -> list[str]:
    """The parts of the sentence on numbers."""
    mae, r2 = scores["mae"], scores["r2"]

    def off(mean_error: float | None, r2_value: float | None, more: str = "", span: str = "") -> str:
        assert mean_error is not None
        share = "" if r2_value is None else f" (R² {_two_places(r2_value)}{span})"
        return f"is off by {shown(mean_error)}{more}{share}"

    parts = [f"the network {off(mae.value, r2.value, ' on average', _span(r2, 2))}"]
    parts += [f"{baseline} {off(mae.baseline, r2.baseline)}"] if mae.baseline is not None else []
    return parts + ([f"{linear} {off(mae.linear, r2.linear)}"] if mae.linear is not None else [])


def _span(score: Score, digits: int) -> str:
    """The interval in words."""
    if score.interval is None:
        return ""
    if score.name == "r2":
        return f", 95 % interval {_two_places(score.interval.low)} to {_two_places(score.interval.high)}"
    return f", 95 % interval {score.interval.low:.{digits}f} to {score.interval.high:.{digits}f}"


def _two_places(value: float) -> str:
    """An R² with two places, no zero with a minus sign; one far below 0 as other numbers are shown."""
    return f"{round(value, 2) + 0.0:.2f}" if value > -100 else shown(value)


def _compared(than_linear: Than | None, scores: Mapping[str, Score]) -> str:
    """End the sentence with the network beside the linear model."""
    by = "" if "accuracy" in scores else "by R² " if scores["r2"].value is not None else "by RMSE "
    ends = {
        "better": f": {by}the network is better than the linear model",
        "worse": f": {by}the linear model is better than the network",
        "apart": f": {by}these rows do not tell the two apart",
    }
    return ends[than_linear] if than_linear else ""


def _baseline_words(measured: Measured, beside: Compared) -> str:
    """Say what the baseline does."""
    if beside.baseline is None:
        return ""
    if not measured.labels:
        return always_answering(beside.baseline_what)
    always = beside.baseline if isinstance(beside.baseline, int) else int(np.argmax(beside.baseline))
    return f"always answering {short(measured.labels[always])}"


def always_answering(what: str) -> str:
    """Say that a baseline always answers a number, such as "the mean, 153.7", within a sentence.

    >>> always_answering("the mean, 153.7")
    'always answering the mean, 153.7,'
    """
    told = f"always answering {what.removeprefix('always ')}"
    return f"{told}," if "," in told else told


def short(label: str) -> str:
    """A label in quotes, cut where it is long.

    >>> print(short("setosa"), len(short("a" * 1000)))
    "setosa" 62
    """
    return quoted(label if len(label) <= LONGEST_NAME else label[: LONGEST_NAME - 1] + "…")


def shown(value: float) -> str:
    """A number with some three digits.

    >>> [shown(x) for x in (0.012345, 43.087, 1234.5, 2e12)]
    ['0.0123', '43.1', '1,234', '2e+12']
    """
    return f"{value:,.0f}" if 100 <= abs(value) < 1e9 else f"{value:.3g}"


# -------------------------------------------------------------------------------------------------------- the remarks


def _baseline_remarks(baseline: str, than_baseline: Than | None, *, useful: bool) -> list[str]:
    if not useful:
        baseline = baseline.removesuffix(",")
        return [f"The network is no better than {baseline}: nothing on these rows shows that it has learned."]
    if than_baseline == "apart":
        return [f"So few rows do not show that the network is better than {baseline.removesuffix(',')}."]
    return []


def _linear_remarks(than_linear: Than | None, linear: str) -> list[str]:
    if than_linear == "worse":
        return ["The linear model predicts better, and is simpler: prefer it, or train the network in another way."]
    if than_linear is None:
        return [f"No linear model stands beside the network ({linear})."]
    return []


def _class_remarks(measured: Measured) -> list[str]:
    """Classes that are never found, and classes that these rows do not have."""
    k = measured.outputs.shape[1]
    rows = np.bincount(measured.targets, minlength=k)[:k]
    hits = np.bincount(measured.targets[measured.answers == measured.targets], minlength=k)
    unfound = [c for c in range(k) if rows[c] and not hits[c]]
    absent = [c for c in range(k) if not rows[c]]
    said = []
    if unfound:
        of = _joined([f"the {counted(int(rows[c]), 'row')} of {short(measured.labels[c])}" for c in unfound])
        said.append(f"The network finds none of {of or _among(measured, unfound)}.")
    if absent:
        of = _joined([short(measured.labels[c]) for c in absent])
        said.append(f"No measured row is of {of or _among(measured, absent)}: how well that is found is not known.")
    return said


def _joined(named: Sequence[str]) -> str:
    """The names with "and" before the last; an empty text where there are many."""
    if len(named) > NAMED:
        return ""
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


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
