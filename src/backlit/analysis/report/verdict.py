"""The verdict on a model in a sentence, true as written, and what has to be said beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from backlit.analysis.report.headline import headline
from backlit.analysis.report.intervals import Resamples
from backlit.analysis.report.measured_rows import Compared, Measured
from backlit.analysis.report.number_words import r2_words, short, shown, with_places
from backlit.analysis.report.records import Score, Verdict
from backlit.analysis.report.remarks import baseline_remarks, class_remarks, few_remarks, learned, linear_remarks
from backlit.analysis.report.row_costs import Than, judging_costs, milder_costs
from backlit.kernels.types import Array


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
    costs, milder = judging_costs(measured, beside), milder_costs(measured, beside)
    than_baseline, than_linear = costs.than(costs.baseline, resamples), costs.than(costs.linear, resamples)
    than_milder = milder.than(milder.baseline, resamples)
    baseline = _baseline_words(measured, beside)
    told = sentence(scores, measured.n, rows_words, baseline, beside.linear_what, than_linear)
    remarks = [
        *baseline_remarks(baseline, scores, than_baseline, than_milder, useful=costs.useful),
        *linear_remarks(costs, than_linear, beside.linear_what),
        *(class_remarks(measured) if measured.labels else []),
        *few_remarks(scores, measured.n),
    ]
    short_told = headline(scores, measured.n, than_baseline, than_linear, useful=costs.useful)
    if not costs.useful and not learned(scores, than_milder):
        return Verdict("poor", told, tuple(remarks), short_told)
    good = than_baseline == "better" and than_linear == "better"
    return Verdict("good" if good else "level", told, tuple(remarks), short_told)


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
    share = f"accuracy {with_places(accuracy.value or 0.0, digits)}{_span(accuracy, digits)}"
    parts = [f"the network {right(accuracy.value)} of {n:,} ({share})"]
    parts += [f"{baseline} {right(accuracy.baseline)}"] if accuracy.baseline is not None else []
    return parts + ([f"{linear} {right(accuracy.linear)}"] if accuracy.linear is not None else [])


def _number_parts(scores: Mapping[str, Score], n: int, baseline: str, linear: str) -> list[str]:
    """The parts of the sentence on numbers."""
    mae, r2 = scores["mae"], scores["r2"]

    def off(mean_error: float | None, r2_value: float | None, more: str = "", span: str = "") -> str:
        assert mean_error is not None
        share = "" if r2_value is None else f" (R² {r2_words(r2_value)}{span})"
        return f"is off by {shown(mean_error)}{more}{share}"

    parts = [f"the network {off(mae.value, r2.value, ' on average', _span(r2, 2))}"]
    parts += [f"{baseline} {off(mae.baseline, r2.baseline)}"] if mae.baseline is not None else []
    return parts + ([f"{linear} {off(mae.linear, r2.linear)}"] if mae.linear is not None else [])


def _span(score: Score, digits: int) -> str:
    """The interval in words."""
    if score.interval is None:
        return ""
    if score.name == "r2":
        return f", 95 % interval {r2_words(score.interval.low)} to {r2_words(score.interval.high)}"
    return f", 95 % interval {with_places(score.interval.low, digits)} to {with_places(score.interval.high, digits)}"


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
        return always_answering(mean_words(beside.baseline_what, beside.baseline))
    always = beside.baseline if isinstance(beside.baseline, int) else int(np.argmax(beside.baseline))
    return f"always answering {short(measured.labels[always])}"


def mean_words(what: str, mean: Array | float) -> str:
    """Give a baseline's name with its number as the sentence shows numbers.

    >>> mean_words("the mean, 194821", 194821.0), mean_words("the mean of the training rows", 194821.0)
    ('the mean, 194,821', 'the mean of the training rows')
    """
    number = f"{float(mean):.6g}"
    return what.removesuffix(number) + shown(float(mean)) if what.endswith(f", {number}") else what


def always_answering(what: str) -> str:
    """Say that a baseline always answers a number, such as "the mean, 153.7", within a sentence.

    >>> always_answering("the mean, 153.7")
    'always answering the mean, 153.7,'
    """
    told = f"always answering {what.removeprefix('always ')}"
    return f"{told}," if ", " in told else told
