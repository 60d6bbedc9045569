"""The records of a model's report, in the order in which it is read; they turn into JSON as they are.

No record holds a time, so that the same run gives the same bytes, and no number is NaN or infinite: what is not
defined is None. Labels, column names and cells are the user's own text; cells, and the names of units and inputs, are
cut at `LONGEST_CELL` characters.

Values of the table's rows stand in `WorstRow`, `WorkedRow` and `NumbersMeasured.points`, in the words of
`ColumnReport`, `Surprise` and `baseline`, and in the names of the inputs in `drawing`. A private report has none of
them: it has the names of columns and classes, counts, scores, and the numbers of the most wrong rows.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from backlit.data import ColumnReport, Surprise, Task
from backlit.engine import TrainingCurve
from backlit.explain.record.step_records import Drawing
from backlit.model.recipe import Recipe
from backlit.model.reports import Choice, Notice

LONGEST_CELL = 200
"""Longer cells and names are cut and end in "…"."""


class Interval(msgspec.Struct, frozen=True):
    """A bootstrap interval: 95 % of the scores on rows drawn anew from the measured rows lie within."""

    low: float
    high: float


class Score(msgspec.Struct, frozen=True):
    """A score on the measured rows: of the network, with its interval, and beside it of a baseline and a linear model.

    `name` is its key, such as "balanced_accuracy", `words` what it is called, `meaning` says in a line what it is and
    what its best value is. A value is None where it is not defined, such as an AUC where only one class occurs.
    """

    name: str
    words: str
    meaning: str
    higher_is_better: bool
    value: float | None
    interval: Interval | None = None
    baseline: float | None = None
    linear: float | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The verdict in a sentence, and what has to be said beside it: no better than the baseline, a class never found.

    `kind` is "good" where the network is better than the baseline and the linear model, "level" where it is better than
    the baseline only, or not told apart from the linear model by these rows, "poor" where it is no better than the
    baseline and no other score tells that it has learned, "unmeasured" where there are no rows to measure on.
    `headline` says it in a few words.
    """

    kind: Literal["good", "level", "poor", "unmeasured"]
    sentence: str
    remarks: tuple[str, ...] = ()
    headline: str = ""


class Curve(msgspec.Struct, frozen=True):
    """Points of a curve in the unit square, thinned to what can be seen: at most some 200, to four decimals."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class CalibrationBin(msgspec.Struct, frozen=True):
    """Predictions with a probability from `low` to `high`: how many, their mean, and the share that came true."""

    low: float
    high: float
    rows: int
    predicted: float
    observed: float


class ClassMeasures(msgspec.Struct, frozen=True):
    """One class: its rows, how it is found, and its curves against all other classes; None where it does not occur.

    `label` is text. `roc` is true positive rate (y) over false positive rate (x), `precision_recall` precision over
    recall. Of many classes, those with the lowest AUC have curves; the others have None for these.
    """

    label: str
    rows: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None
    average_precision: float | None
    roc: Curve | None
    precision_recall: Curve | None


class ClassesMeasured(msgspec.Struct, frozen=True, tag="classes"):
    """A classifier measured. `confusion[i][j]` counts the rows of class i that are predicted as class j.

    Classes that training did not have come last; they are never predicted. `calibration` is of the probability of the
    predicted class or, for two classes, of the second class; `calibrated` says which in words. `positive` is the label
    of the class that F1, AUC and the like are of, where there are two classes; empty where they are means over classes.
    """

    classes: tuple[ClassMeasures, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[CalibrationBin, ...]
    calibrated: str
    positive: str


class Point(msgspec.Struct, frozen=True):
    """A row's true and predicted number."""

    row: int
    true: float
    predicted: float


class HistogramBin(msgspec.Struct, frozen=True):
    """Residuals (true - predicted) from `low` to `high`, and how many rows have one."""

    low: float
    high: float
    rows: int


class NumbersMeasured(msgspec.Struct, frozen=True, tag="numbers"):
    """A regression measured: true and predicted numbers (at most some 2,000 rows, spread evenly), and the residuals.

    Of more rows, the points are those of rows at equal distances in the order of the table. `points` is empty in a
    private report. `quantiles` are the residuals' 0, 5, 25, 50, 75, 95 and 100 % quantiles. A private report
    leaves them out, since they are residuals of single rows, and its bins begin and end at round numbers.
    """

    points: tuple[Point, ...]
    of_rows: int
    residuals: tuple[HistogramBin, ...]
    quantiles: tuple[float, ...]


class WorstRow(msgspec.Struct, frozen=True):
    """A row that is most wrong: its number in the table from 1 on, its target and prediction, its loss or residual.

    `error` is -log p of the right class, or the residual true - predicted. `probability` is that of the right class,
    None where numbers are predicted. `cells` are the row's columns as text, in the table's order; of many columns, the
    most important ones; `picture` is the row's picture as a PNG file where the model reads pictures. A private report
    has only `row`: with the model and a row's cells, an error tells the target.
    """

    row: int
    true: str
    predicted: str
    error: float | None
    probability: float | None
    cells: tuple[tuple[str, str], ...]
    picture: bytes = b""


class Importance(msgspec.Struct, frozen=True):
    """How much the score falls when a column's values are shuffled among the rows: mean and spread over repeats."""

    column: str
    mean: float
    deviation: float


class Importances(msgspec.Struct, frozen=True):
    """The importance of columns, the largest first, measured on so many rows by a score, shuffled so often.

    `score` is the key of the score that falls: "accuracy", or "auc" where the accuracy is not told apart from that of
    one answer for all rows, which shuffling hardly lowers, or "r2" of numbers; `before` is its value on these rows as
    they are. `of_columns` counts the columns that the network reads; where `columns` has fewer, `which` says which.
    """

    score: str
    before: float
    rows: int
    of_rows: int
    repeats: int
    columns: tuple[Importance, ...]
    of_columns: int
    which: str = ""


class WorkedInput(msgspec.Struct, frozen=True):
    """An input of the worked row: its name, the cell behind it as text, and the number that the network reads."""

    name: str
    cell: str
    value: float


class WorkedUnit(msgspec.Struct, frozen=True):
    """A unit: its net input as a sum of what comes in, the largest parts by name, and its output.

    `parts` are the largest products of a weight and what it multiplies: (name of the source, weight, what it
    multiplies). `rest` is the sum of the `others` other products, `bias` is added: all together they are `net`.
    """

    name: str
    parts: tuple[tuple[str, float, float], ...]
    others: int
    rest: float
    bias: float
    net: float
    output: float


class WorkedRow(msgspec.Struct, frozen=True):
    """One row worked out: inputs, the hidden units that weigh most in the result, the outputs, the error.

    All numbers are the engine's, in float64; dropout is off, as in every prediction. `which` says why this row.
    `layers` are from the first to the last; each has the units that are shown, of `sizes` in all, and `activations`
    names its op. `inputs` are all inputs, or those that the shown units name, of `of_inputs`. An output is a class's
    probability, or a number in standard deviations from the mean: the prediction is `mean` + output · `deviation`.
    `wanted` is what the loss compares the outputs with: the label of the right class, or the number that the output
    should be. `explained` is the command or the call that shows every number.
    """

    row: int
    which: str
    target: str
    predicted: str
    inputs: tuple[WorkedInput, ...]
    of_inputs: int
    layers: tuple[tuple[WorkedUnit, ...], ...]
    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    wanted: str | float
    error: float
    explained: str
    mean: float | None = None
    deviation: float | None = None


class Repeat(msgspec.Struct, frozen=True):
    """How to repeat it: the command, or the call in Python; versions by name; the seed; a digest of the table's data.

    `digest` is empty where the model's file does not have it, and in a private report: few rows could be guessed by it.
    """

    command: str
    versions: dict[str, str]
    seed: int | None
    digest: str = ""


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a model on a table.

    `notices` say what may be wrong with the training. `rows` says in words which rows were measured; `measured` is
    None where there were none. `private` says that values of rows were left out. `counts` has the numbers of
    "training", "validation", "test" and "measured" rows, those that are known. `baseline` and `linear` say what the
    two models beside the network are, or why one is left out. `intervals` says how the scores' intervals were made.
    `drawing` is the network with its final weights and no row's numbers. `worked` and the points are left out of a
    private report.
    """

    table: str
    target: str
    private: bool
    verdict: Verdict
    rows: str
    counts: dict[str, int]
    task: Task | None
    columns: tuple[ColumnReport, ...]
    network: str
    parameters: int
    recipe: Recipe | None
    stopped: str
    choice: Choice | None
    drawing: Drawing | None
    curve: TrainingCurve | None
    scores: tuple[Score, ...]
    intervals: str
    baseline: str
    linear: str
    measured: ClassesMeasured | NumbersMeasured | None
    worst: tuple[WorstRow, ...]
    importance: Importances | None
    worked: WorkedRow | None
    surprises: tuple[Surprise, ...]
    repeat: Repeat
    notices: tuple[Notice, ...] = ()
