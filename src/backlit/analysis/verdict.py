"""The verdict on a model in a sentence, true as written, and what has to be said beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from backlit.analysis.intervals import FEWEST_ROWS, Resamples, told_apart
from backlit.analysis.measured_rows import Beside, Measured
from backlit.analysis.report_records import Score, Verdict
from backlit.data.messages import quoted
from backlit.errors import counted
from backlit.kernels.types import Array

FEW_ROWS = 100
"""Fewer measured rows are said to be few."""
LONGEST_NAME = 60
"""Longer names are cut in a sentence."""
NAMED = 5
"""Classes that a remark names, at most."""

Than = Literal["better", "worse", "apart"]
"""Whether the network is better or worse than another model, or these rows do not tell them apart."""


class _Answers(NamedTuple):
    """A model's errors on each row (n,): 1 where a class is wrong, or squared residuals; and how it is told."""

    errors: Array
    told: str


def unmeasured(model_words: str) -> Verdict:
    """The verdict where there are no rows to measure on."""
    return Verdict(
        "unmeasured",
        f"{model_words} was not measured: no rows were kept for a test, so nothing is known about other rows.",
    )


def verdict(
    measured: Measured, beside: Beside, scores: Sequence[Score], resamples: Resamples, rows_words: str
) -> Verdict:
    """Give the verdict on the measured rows.

    Two models are told apart where the middle 95 % of the bootstrapped difference of their scores, on the same
    resampled rows, lies on one side of 0: of the accuracy, or of the mean squared error, which R² is made of.
    """
    by_name = {score.name: score for score in scores}
    network, baseline, linear = _answers(measured, beside)
    than_baseline = _than(network, baseline, resamples)
    than_linear = _than(network, linear, resamples)
    classes = bool(measured.labels)
    sentence = _class_sentence if classes else _number_sentence
    said = sentence(measured, beside, by_name, rows_words) + _compared(than_baseline, than_linear, beside)
    remarks = [
        *_baseline_remarks(network, baseline, than_baseline, beside),
        *(_unfound(measured) if classes else []),
        *_few_remarks(measured, by_name),
    ]
    return Verdict(_kind(network, baseline, than_baseline, than_linear), said, tuple(remarks))
