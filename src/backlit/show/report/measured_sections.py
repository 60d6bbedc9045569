"""The sections of a report about what was measured: classes or numbers, intervals, importance."""

from __future__ import annotations

from backlit.analysis.report.records import ClassesMeasured, ModelReport, NumbersMeasured
from backlit.errors import counted
from backlit.show.report import class_figures as classes
from backlit.show.report import number_figures as numbers
from backlit.show.report.importance_figures import BARS, importance_figure, score_name
from backlit.show.report.parts import Block, Grid, Said, Section, charts
from backlit.show.report.score_figures import compared, interval_figures
from backlit.show.report.texts import SENTENCE, listed, number, plain


def measured_sections(report: ModelReport) -> list[Section]:
    """Give the sections about how well classes, or numbers, are predicted."""
    measured = report.measured
    if isinstance(measured, ClassesMeasured):
        return [_confusion(measured), _ranking(measured), _calibration(measured)]
    if isinstance(measured, NumbersMeasured):
        return [_numbers(measured, private=report.private)]
    why = "No rows were kept or given to measure the network on."
    return [Section("measured", "How well it predicts", [], [Said(why)])]


def _confusion(measured: ClassesMeasured) -> Section:
    figure = classes.confusion_figure(measured)
    matrix = charts([figure]) if figure is not None else classes.pairs_table(measured)
    words = [
        "Rows off the diagonal are wrong. Precision is the share of right ones among the rows that are predicted as a "
        "class, recall the share of a class's rows that is found, F1 the harmonic mean of both: 1 is best."
    ]
    if figure is None:
        right, rows = classes.right_rows(measured)
        words.append(f"{right:,} of {counted(rows, 'row')} are predicted right.")
    unfound = [plain(one.label, classes.LABEL) for one in measured.classes if one.rows and not one.recall]
    if unfound:
        words.append(f"No row is found of {listed([f'“{name}”' for name in unfound])}.")
    return Section("confusion", "Which classes are told apart", words, [matrix, classes.class_table(measured)])


def _ranking(measured: ClassesMeasured) -> Section:
    figures = [classes.roc_figure(measured), classes.precision_recall_figure(measured)]
    title = "ROC and precision-recall"
    if not any(figures):
        return Section("ranking", title, [], [Said("No curve is defined: the measured rows would need two classes.")])
    words = [
        "Each class against all others, by its probability alone, whatever the threshold. Of a rare class the second "
        "picture says more: a small false positive rate can still be many rows."
    ]
    if measured.positive:
        both = f"“{plain(measured.positive)}” against the other class"
        words[0] = words[0].replace("Each class against all others", both)
    return Section("ranking", title, words, [charts(figures)])


def _calibration(measured: ClassesMeasured) -> Section:
    figure, title = classes.calibration_figure(measured), "Calibration"
    if figure is None:
        return Section("calibration", title, [], [Said("No probabilities were measured.")])
    words = ["Where a calibrated network says 70 %, seven of ten rows come true."]
    bins = measured.calibration
    small = sum(one.rows < classes.FEW_ROWS for one in bins)
    if small:
        which = "Each bin has" if small == len(bins) else f"{small} of {counted(len(bins), 'bin')} has"
        which = which.replace(" has", " have") if 1 < small < len(bins) else which
        words.append(f"{which} fewer than {classes.FEW_ROWS} rows, so few that the share that came true says little.")
    return Section("calibration", title, words, [charts([figure], unfolded=True)])


def _numbers(measured: NumbersMeasured, *, private: bool) -> Section:
    figures = [
        numbers.predicted_figure(measured),
        numbers.residual_figure(measured),
        numbers.histogram_figure(measured),
    ]
    blocks: list[Block] = [charts(figures)] if any(figures) else []
    if not measured.points:
        why = "a private report shows no rows" if private else "no points were kept"
        blocks.append(Said(f"Predicted against true numbers are not drawn: {why}."))
    if len(measured.quantiles) == len(numbers.QUANTILES):
        rows = [tuple(number(value) for value in measured.quantiles)]
        blocks.append(Grid("Quantiles of the residuals, true − predicted", numbers.QUANTILES, rows, 0))
    words = f"{counted(measured.of_rows, 'row')} measured. A residual is true − predicted, in the target's own unit."
    return Section("numbers", "Predicted against true", [words], blocks)


def intervals_section(report: ModelReport) -> Section:
    """Draw the scores with their bootstrap intervals."""
    title, figures = "How sure the scores are", interval_figures(report)
    if not figures:
        return Section("intervals", title, [], [Said("There are no scores.")])
    if not any(score.interval for score in report.scores):
        words = ["No intervals are known: the scores are those that the model's file has kept."]
        return Section("intervals", title, words, [charts(figures)])
    words = ["An interval is how far a score moves when the measured rows are drawn anew from themselves, again and "
             "again; 95 % of the scores lie within. It says nothing about rows of another kind."]  # fmt: skip
    for other, called in (("linear", "the linear model"), ("baseline", "the baseline")):
        if told := compared(report.scores, other):
            words.append(f"Beside {called}, the network is {told}.")
    made = [Said(f"{plain(report.intervals, SENTENCE)}.", quiet=True)] if report.intervals else []
    return Section("intervals", title, words, [charts(figures), *made])


def importance_section(report: ModelReport) -> Section:
    """Draw the permutation importance."""
    title, found = "What the network reads", report.importance
    if found is None or not found.columns:
        grids = any(
            column.kind in {"picture", "sequence"} or " of a grid of " in column.done for column in report.columns
        )
        why = "A picture or a sequence has no importance by column: one place of it alone says little."
        said = why if grids else "The importance of the columns was not measured."
        return Section("importance", title, [], [Said(said)])
    of = "" if found.rows >= found.of_rows else f" of {found.of_rows:,}"
    words = [f"How far {score_name(found)} falls on {found.rows:,}{of} rows when the values of one column are shuffled "
             "among them. Columns that say the same share their importance: each can look small."]  # fmt: skip
    if len(found.columns) > BARS:
        words.append(f"The {BARS} most important of {counted(found.of_columns, 'column')} are drawn.")
    elif len(found.columns) < found.of_columns:
        words.append(f"Measured of {plain(found.which, SENTENCE)}.")
    return Section("importance", title, words, [charts([importance_figure(found)], unfolded=True)])
