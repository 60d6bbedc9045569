"""The verdict: sentences that are true as written, and what has to be said beside them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from backlit.analysis.report.class_scores import classifier_scores
from backlit.analysis.report.headline import headline
from backlit.analysis.report.intervals import Resamples
from backlit.analysis.report.measured_rows import Compared, Measured
from backlit.analysis.report.number_measures import regression_scores
from backlit.analysis.report.ranking import rankings
from backlit.analysis.report.records import Score, Verdict
from backlit.analysis.report.verdict import always_answering, short, shown, verdict


def of_classes(targets, answers, labels, *, baseline=0, linear=None, words="test rows") -> Verdict:
    """The verdict on predicted classes, each with probability 0.9; `linear` are a linear model's classes."""
    k = len(labels)
    targets, answers = np.array(targets), np.array(answers)

    def sure(classes) -> np.ndarray:
        P = np.full((len(classes), k), 0.1 / (k - 1))
        P[np.arange(len(classes)), classes] = 0.9
        return P

    P = sure(answers)
    of_linear = None if linear is None else sure(np.array(linear))
    measured = Measured(None, None, None, targets, P, answers, tuple(labels), ())
    beside = Compared(baseline, "always", of_linear, "LogisticRegression" if of_linear is not None else "left out: why")
    resamples = Resamples.of_rows(len(targets))
    scores = classifier_scores(
        targets, P, labels, resamples, baseline=baseline, linear=of_linear, found=rankings(targets, P)
    )
    return verdict(measured, beside, scores, resamples, f"{len(targets)} {words}")


def of_numbers(targets, answers, *, baseline=0.0, linear=None) -> Verdict:
    targets, answers = np.array(targets, float), np.array(answers, float)
    linear = None if linear is None else np.array(linear, float)
    measured = Measured(None, None, None, targets, answers, answers, (), ())
    beside = Compared(baseline, f"the mean, {baseline:g}", linear, "Ridge" if linear is not None else "left out: why")
    resamples = Resamples.of_rows(len(targets))
    scores = regression_scores(targets, answers, resamples, baseline=baseline, linear=linear)
    return verdict(measured, beside, scores, resamples, f"{len(targets)} test rows")


THIRDS = [0] * 10 + [1] * 10 + [2] * 10
LABELS = ["setosa", "versicolor", "virginica"]


def wrong(targets, places, by=1):
    return [(t + by) % 3 if i in places else t for i, t in enumerate(targets)]


def test_a_network_level_with_a_linear_model():
    found = of_classes(THIRDS, wrong(THIRDS, {10, 11, 20}), LABELS, linear=wrong(THIRDS, {10, 12, 21}))
    assert found.kind == "level"
    assert found.sentence == (
        "On 30 test rows the network is right on 27 of 30 (accuracy 0.90, 95 % interval 0.80 to 1.00); always "
        'answering "setosa" is right on 10; the linear model (LogisticRegression) is right on 27: these rows do not '
        "tell the two apart."
    )
    assert found.remarks == ("30 rows are few: one row more that is right or wrong changes the accuracy by 0.033.",)


def test_a_network_better_than_both():
    targets = THIRDS * 10
    found = of_classes(targets, wrong(targets, set(range(5))), LABELS, linear=wrong(targets, set(range(60))))
    assert found.kind == "good"
    assert found.sentence.endswith("is right on 240: the network is better than the linear model.")
    assert "295 of 300 (accuracy 0.983" in found.sentence
    assert found.remarks == ()


def test_a_network_worse_than_the_linear_model():
    targets = THIRDS * 10
    found = of_classes(targets, wrong(targets, set(range(60))), LABELS, linear=wrong(targets, set(range(5))))
    assert found.kind == "level"
    assert found.sentence.endswith("is right on 295: the linear model is better than the network.")
    assert found.remarks[0].startswith("The linear model predicts better")


@pytest.mark.parametrize("right", [150, 140])
def test_a_network_no_better_than_the_baseline(right):
    """Of 200 rows 150 are of the first class; the network is right on as many, or fewer."""
    targets = [0] * 150 + [1] * 50
    answers = [0] * right + [1] * (150 - right) + [0] * 50
    found = of_classes(targets, answers, ["no", "yes"])
    assert found.kind == "poor"
    assert f"right on {right} of 200" in found.sentence
    assert found.remarks == (
        'The network is no better than always answering "no": nothing on these rows shows that it has learned.',
        "No linear model stands beside the network (left out: why).",
        'The network finds none of the 50 rows of "yes".',
    )


def test_a_rare_class_that_is_never_found_is_said_of_an_accurate_network():
    targets = [0] * 60 + [1] * 57 + [2] * 3
    found = of_classes(targets, [0] * 60 + [1] * 60, [*LABELS, "none"])
    assert found.kind == "level"
    assert 'No measured row is of "none": how well that is found is not known.' in found.remarks
    assert 'The network finds none of the 3 rows of "virginica".' in found.remarks


def test_classes_that_no_row_has_are_said():
    found = of_classes([0, 1] * 60, [0, 1] * 60, [*LABELS, "d", "e", "f", "g", "h"])
    assert found.remarks[1] == (
        'No measured row is of 6 classes, among them "virginica", "d", "e", "f", "g": '
        "how well that is found is not known."
    )
    assert found.remarks[-1].startswith("No row is wrong, so the interval")


def test_better_than_the_baseline_but_not_told_apart():
    found = of_classes([0] * 8 + [1] * 7, [0] * 8 + [1] * 1 + [0] * 6, ["no", "yes"])
    assert found.kind == "level"
    assert found.remarks[0] == 'So few rows do not show that the network is better than always answering "no".'


def test_one_row():
    found = of_classes([1], [1], ["no", "yes"])
    assert (
        found.sentence
        == 'On 1 test rows the network is right on 1 of 1 (accuracy 1.00); always answering "no" is right on 0.'
    )
    assert found.remarks[-1] == "One row is too little to judge by."


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", 'quo"te', "line\nbreak", "x" * 10_000, "", "\u202eabc"])
def test_labels_are_text_on_one_line_and_short(label):
    found = of_classes([0, 1] * 20, [0, 1] * 20, [label, "b"])
    assert short(label) in found.sentence
    assert "\n" not in found.sentence
    assert len(found.sentence) < 400


LINE = np.arange(200.0)


@pytest.mark.parametrize(
    ("answers", "linear", "kind", "ends"),
    [
        (LINE + 1, LINE + 5, "good", "by R² the network is better than the linear model."),
        (LINE + 5, LINE - 1, "level", "by R² the linear model is better than the network."),
        (LINE + 1, LINE - 1, "level", "by R² these rows do not tell the two apart."),
        (LINE * 0 + 99.5, LINE - 1, "poor", "by R² the linear model is better than the network."),
        (LINE + 1, None, "level", "always answering the mean, 99.5, is off by 50 (R² 0.00)."),
    ],
)
def test_numbers(answers, linear, kind, ends):
    found = of_numbers(LINE, answers, baseline=99.5, linear=linear)
    assert found.kind == kind
    assert found.sentence.endswith(ends)
    assert found.sentence.startswith("On 200 test rows the network is off by ")
    assert ("no better than always answering the mean, 99.5: nothing" in "".join(found.remarks)) == (kind == "poor")


def test_numbers_that_are_all_the_same():
    found = of_numbers([5.0] * 20, [5.0] * 10 + [6.0] * 10, baseline=4.0, linear=[5.0] * 20)
    assert found.sentence == (
        "On 20 test rows the network is off by 0.5 on average; always answering the mean, 4, is off by 1; the linear "
        "model (Ridge) is off by 0: by RMSE the linear model is better than the network."
    )
    assert "20 rows are few." in found.remarks


def test_r2_near_0_and_far_below():
    spread = np.tile([1.0, 2.0, 3.0], 40)
    found = of_numbers(spread, spread * 0 + 2.001, baseline=102.0)
    assert "off by 0.667 on average (R² 0.00, 95 % interval " in found.sentence
    assert "-0.00" not in found.sentence
    assert found.sentence.endswith("always answering the mean, 102, is off by 100 (R² -15,000).")


def test_huge_and_zero_numbers():
    assert of_numbers([0.0] * 12, [0.0] * 12).kind == "poor"
    assert of_numbers(LINE * 1e200, LINE * 1e200 + 1e199, baseline=1e202).kind == "level"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.5, "0.5"), (99.96, "100"), (123.4, "123"), (-1e6, "-1,000,000"), (1e-9, "1e-09")]
)
def test_numbers_in_words(value, text):
    assert shown(value) == text


def test_a_baseline_in_words():
    assert always_answering("always the mean") == "always answering the mean"


ACCURACY = Score("accuracy", "accuracy", "", True, 0.9, None, 1 / 3, 0.9)


@pytest.mark.parametrize("than_baseline", ["better", "apart", "worse", None])
@pytest.mark.parametrize("than_linear", ["better", "apart", "worse", None])
def test_a_headline_says_no_more_than_was_found(than_baseline, than_linear):
    told = headline([ACCURACY], 30, than_baseline, than_linear, useful=than_baseline != "worse")
    assert told.startswith("27 of 30 right")
    assert told.endswith(".")
    assert (": better than the baseline" in told) == (than_baseline == "better")
    assert ("no better than the baseline by accuracy" in told) == (than_baseline == "worse")
    assert ("worse than the linear model" in told) == (than_linear == "worse")
    if than_baseline != "worse":
        better = bool(re.search(r"better than the (baseline and the )?linear model", told))
        assert better == (than_linear == "better")
        assert ("not told apart" in told) == ("apart" in {than_baseline, than_linear})


@pytest.mark.parametrize(("value", "shown"), [(1.0, "1.00"), (0.9957, "0.9957"), (0.9999999, "0.9999"), (0.5, "0.50"),
                                              (-0.001, "0.00"), (-0.25, "−0.25"), (-1e6, "−1e+06")])  # fmt: skip
def test_only_a_perfect_fit_is_headed_as_one(value, shown):
    scores = [Score("r2", "R²", "", True, value), Score("rmse", "RMSE", "", False, 2.0)]
    assert headline(scores, 9, None, None, useful=True) == f"R² {shown}."


def test_a_verdict_is_headed_by_what_it_says():
    good = of_classes(THIRDS * 5, THIRDS * 5, LABELS, linear=wrong(THIRDS * 5, set(range(10, 90))))
    assert good.headline == "150 of 150 right: better than the baseline and the linear model."
    poor = of_classes(THIRDS, [0] * 30, LABELS, linear=THIRDS)
    assert poor.headline == "10 of 30 right: no better than the baseline by accuracy, worse than the linear model."
