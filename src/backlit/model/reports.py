"""Records of a training on a table, of its report and of an evaluation; each encodes as JSON as it is."""

from __future__ import annotations

from typing import Literal

import msgspec

from backlit.data import ColumnReport, Surprise, Task
from backlit.data.values import Label
from backlit.engine import Summary, TrainingCurve, TrainingSignals
from backlit.model.recipe import Recipe, Settings


class ClassScores(msgspec.Struct, frozen=True, tag="classes"):
    """How well classes are predicted.

    `accuracy` is the share of rows whose most probable class is the right one (1 is best); `log_loss` the mean of
    -log p of the right class (0 is best, log k is guessing among k classes), over the rows of classes that training
    had.
    """

    accuracy: float
    log_loss: float


class NumberScores(msgspec.Struct, frozen=True, tag="numbers"):
    """How well numbers are predicted, in the target's own unit.

    `r2` is 1 - Σ (t - y)² / Σ (t - mean)² (1 is best, 0 is no better than the mean; None where the targets are all the
    same); `mae` the mean of |t - y|; `rmse` the root of the mean of (t - y)².
    """

    r2: float | None
    mae: float
    rmse: float


Scores = ClassScores | NumberScores


Phase = Literal["choosing", "training", "testing", "comparing", "reporting"]


class Progress(msgspec.Struct, frozen=True):
    """The state of a training on a table after an epoch.

    `phase` is "choosing" while recipes are compared on validation rows (number `trial` of `trials`), then "training",
    once "testing", before the network is measured on the test rows, and once "comparing", when only the linear model of
    the report remains to be fitted; "reporting" is for a caller that then writes a report. `epochs` is the most there
    can be; `loss` is of the training rows, `validation_loss` of the validation rows, if any.

    `seconds_left` estimates the seconds until the end of "training" from the epochs so far; None where nothing is known
    yet. It is an upper estimate, `at_most`, where choosing or training may end before its last epoch.
    """

    phase: Phase
    trial: int
    trials: int
    what: str
    epoch: int
    epochs: int
    loss: float
    validation_loss: float | None
    seconds_left: float | None = None
    at_most: bool = False


class Trial(msgspec.Struct, frozen=True):
    """One recipe tried on the validation rows: the lowest mean validation loss (None: it diverged) and its epoch.

    `curve` has the mean losses over the folds, thinned; its `best` is that epoch. None where no epoch was finished.
    """

    what: str
    loss: float | None
    epochs: int
    curve: TrainingCurve | None = None


class Choice(msgspec.Struct, frozen=True):
    """How the recipe and the number of epochs were chosen: `how` names the rows, `rule` says which trial is chosen.

    `chosen` is the number of that trial.
    """

    how: str
    trials: tuple[Trial, ...]
    chosen: int
    rule: str = ""


class Comparison(msgspec.Struct, frozen=True):
    """The scores on the test rows of the network, of a baseline (one prediction for all rows) and of a linear model.

    `linear` is None where the linear model was left out; `linear_what` then says why.
    """

    rows: int
    model: Scores
    baseline: Scores
    baseline_what: str
    linear: Scores | None
    linear_what: str


class Notice(msgspec.Struct, frozen=True):
    """What may be wrong with a training, in a sentence, and the command, or the call, that goes on from it.

    `code` is that of the finding (see `backlit.diagnose`), or empty.
    """

    code: str
    words: str
    command: str


class FitReport(Summary, msgspec.Struct, frozen=True):
    """The report of a training on a table: the task, columns and rows, the network, why it stopped, and its scores.

    Printed, a table.

    `choice` is None where nothing was chosen by validation, `test` where no rows were kept for a test.

    `curve` is of the final training, thinned, with the norms of each layer's gradient in an epoch's last batch.
    `settings` are those that were given. `table_digest` is of the table's cells (see `held_out_rows`), by which the
    same table is known again, and with it the rows that were kept for the test. `signals` are those of at most 40
    epochs of the final training, with four digits; None too where it measured none, as by L-BFGS. The four are None in
    a model file that was written before there were any. `command` is the command, or the call, that trained it.

    `notices` say what may be wrong; there are none where nothing was noticed, and in a file of an earlier version.
    """

    table: str
    task: Task
    columns: tuple[ColumnReport, ...]
    train_rows: int
    validation_rows: int
    test_rows: int
    recipe: Recipe
    network: str
    parameters: int
    choice: Choice | None
    epochs: int
    loss: float | None
    stopped: str
    seconds: float
    test: Comparison | None
    curve: TrainingCurve | None = None
    settings: Settings | None = None
    table_digest: str | None = None
    command: str = ""
    signals: TrainingSignals | None = None
    notices: tuple[Notice, ...] = ()


class ClassRow(msgspec.Struct, frozen=True):
    """One class in an evaluation.

    `precision` is the share of right ones among the rows predicted as this class, `recall` the share found of the
    rows of this class; None where there are no such rows.
    """

    label: Label
    rows: int
    predicted: int
    precision: float | None
    recall: float | None


class Evaluation(Summary, msgspec.Struct, frozen=True):
    """A model measured on a table whose targets are known; printed, a table.

    `classes` and `confusion` are empty where numbers are predicted; `confusion[i][j]` counts the rows of class i that
    are predicted as class j. Classes that training did not have come last; they are never predicted, and are among
    the `surprises` too. `skipped` rows had no target.
    """

    table: str
    target: str
    rows: int
    skipped: int
    scores: Scores
    classes: tuple[ClassRow, ...]
    confusion: tuple[tuple[int, ...], ...]
    surprises: tuple[Surprise, ...]
