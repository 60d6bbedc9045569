"""From a table to a trained model: split, encode, choose by validation, train, test."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import numpy as np

from backlit.data import Encoder, Table, choose_task, read_table, split_rows
from backlit.engine import DivergedError, Training
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model.recipe import Recipe, Settings, recipes
from backlit.model.reports import Choice, Comparison, FitReport, Trial
from backlit.model.scores import baseline, linear
from backlit.model.tabular import TabularModel

FOLDS = 5
FOLDED_ROWS = 1_000
"""Up to so many rows, each takes its turn as a validation row, in FOLDS folds: a tenth of 150 would say little."""

VALIDATION = 0.1
"""The fraction of all rows that is split off for validation where there are more."""

COMPARED_ROWS = 20_000
"""Recipes are compared on so many training rows at the most; beyond, the winner is trained with its own validation."""

SMALL_EPOCHS, EPOCHS = 300, 200
"""Epochs at the most, for few rows (FOLDED_ROWS) and for many."""

PATIENCE = 20
"""A training ends after so many epochs without a lower validation loss, or a half of those before, if that is more."""

PROGRESS = 0.001
"""The part by which a validation loss has to fall to count as lower."""

HOPELESS = 1.2
"""A recipe is given up when its loss is so many times that of another, after as many epochs as the other needed."""

UNVALIDATED_EPOCHS = 100
FEWEST_ROWS = 10
"""With fewer rows nothing is chosen by validation: the first recipe is trained for UNVALIDATED_EPOCHS."""

CTRL_C = "ended by Ctrl-C"

CHOOSING_SHARE, LEAST_SHARE, COMPARING_SHARE = 0.5, 0.25, 0.05
"""The part of a time limit that may be spent on choosing, and the least that is left for training, and for the linear
model beside it."""


Phase = Literal["choosing", "training", "comparing"]


class Progress(msgspec.Struct, frozen=True):
    """Where a training on a table stands: the epoch that has just ended.

    `phase` is "choosing" while recipes are compared on validation rows (number `trial` of `trials`), then "training",
    and once "comparing", when the network is done and only a linear model is still to be fitted, for the report.
    `epochs` is the most there can be; `loss` is of the training rows, `validation_loss` of the validation rows, if any.
    """

    phase: Phase
    trial: int
    trials: int
    what: str
    epoch: int
    epochs: int
    loss: float
    validation_loss: float | None


Folds = list[tuple[Array, Array]]


class TableTraining:
    """Trains a network on a table; iterating runs it, a `Progress` at a time. Then `model` and `report` are there.

    The rows are split, stratified by class: test rows, which are not looked at until the end, and the rest. How the
    network is built, penalized and when it stops is chosen on validation rows:

    * up to 1,000 rows: by 5-fold validation. Each recipe is trained five times, each time without a fifth of the rows,
      epoch by epoch side by side; the lowest mean loss on the rows left out says which recipe, and after how many
      epochs. That recipe is then trained on all five fifths for so many epochs;
    * more rows: by the loss on one part (a tenth of all rows); the winner is trained again on both parts, or, with
      more than 20,000 training rows, on the training rows until validation stops it, its best weights kept.

    Args:
        source: whatever `backlit.data.read_table` reads.
        target: the column to predict; default: the bundled data set's own.
        settings: what is not to be chosen.

    Attributes:
        task, encoder: what is learned and how columns become numbers; there before training.
        rows: the indices of the rows in `table`: "train" (validation rows too) and "test".
        recipes: what is to be compared. phase: "choosing", then "training", then "comparing".
        model, report: the result, once it has run; all but the linear model's scores when "comparing" is announced.

    `stop()`, Ctrl-C and the time limit end what is under way after the current epoch: the choosing, after which the
    best recipe so far is trained, or the training, with the model so far. Ctrl-C while comparing leaves the linear
    model out.

    Errors: a BacklitError for a table or settings that do not fit, or where every recipe diverges.
    """

    def __init__(self, source: Any, target: str | None = None, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        table = read_table(source)
        self.task = choose_task(table, target, settings.kind)
        self.table: Table = table.drop_missing(self.task.column)
        labels = self.table.values(self.task.column) if self.task.kind == "classes" else None
        rng = np.random.default_rng(settings.seed)
        rest, _, test = split_rows(labels, self.table.n_rows, validation=0.0, test=settings.test, rng=rng)
        self.rows = {"train": rest, "test": test}
        training = self.table.take(rest)
        self.encoder = Encoder.fit(training, self.task, ignore=settings.ignore)
        self.X = self.encoder.encode_features(training, settings.dtype)
        self.Y = self.encoder.encode_target(training, settings.dtype)
        self.folds, self.how = self._folds(rng)
        small = len(rest) <= FOLDED_ROWS
        most = (SMALL_EPOCHS if small else EPOCHS) if self.folds else UNVALIDATED_EPOCHS
        self.recipes = recipes(settings, len(rest), most)
        if not self.folds:
            del self.recipes[1:]
        self.model: TabularModel | None = None
        self.report: FitReport | None = None
        self.phase: Phase = "choosing"
        self._stopping, self._why = False, ""
        self._clock: float | None = None

    def stop(self, why: str = "stopped on request") -> None:
        """End what is under way, choosing or training, after the current epoch, with what there is so far.

        `why` is what the report says of it.
        """
        self._stopping, self._why = True, why

    # ---------------------------------------------------------------------------------------------------- validation

    def _folds(self, rng: np.random.Generator) -> tuple[Folds, str]:
        """The pairs of training and validation rows to choose by, and how that is called."""
        n, share = len(self.X), self.settings.validation
        if share == 0 or n < FEWEST_ROWS or self.settings.epochs == 0:
            return [], ""
        labels = self.Y if self.task.kind == "classes" else None
        if share is None and n <= FOLDED_ROWS:
            fold = _fold_numbers(labels, n, rng)
            pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS)]
            return pairs, f"{FOLDS}-fold validation on {n:,} rows"
        part = (VALIDATION if share is None else share) * self.table.n_rows / n
        train, validation, _ = split_rows(labels, n, validation=part, test=0.0, rng=rng)
        return [(train, validation)], f"validation on {len(validation):,} of {n:,} rows"

    def _choose(self) -> Iterator[Progress]:
        """Try every recipe; leaves the trials and the winner."""
        folds = [(train[:COMPARED_ROWS], validation) for train, validation in self._shuffled_folds()]
        self.trials: list[Trial] = []
        self._losses: list[Array] = []
        for recipe in self.recipes:
            if self.trials and self._enough():
                break
            yield from self._try(recipe, folds)
        if all(trial.loss is None for trial in self.trials):
            raise BacklitError(
                "training diverged: the loss is not a finite number with any setting tried. "
                "Try a smaller learning rate, or leave the rate and the optimizer to their defaults."
            )
        self.chosen = _simplest_of_the_best(self._losses)

    def _shuffled_folds(self) -> Folds:
        rng = np.random.default_rng(self.settings.seed)
        return [(rng.permutation(train), validation) for train, validation in self.folds]

    def _try(self, recipe: Recipe, folds: Folds) -> Iterator[Progress]:
        """Train a recipe on all folds side by side until their mean validation loss no longer falls."""
        trainings = [
            recipe.training(
                self.task, self.X[train], self.Y[train], seed=recipe.seed + k, keep_best=False,
                validation=(self.X[validation], self.Y[validation]),
            ) for k, (train, validation) in enumerate(folds)
        ]  # fmt: skip
        self._start_clock()
        lowest, best, number = np.full(len(folds), np.inf), 0, 0

        def sure_to_come() -> int:
            return max(PATIENCE, best // 2) - (number - best)

        where = len(self.trials) + 1, len(self.recipes), recipe.summary()
        try:
            side_by_side = zip(*(training.in_chunks(sure_to_come) for training in trainings), strict=False)
            for number, epochs in enumerate(side_by_side, 1):
                losses = np.array([epoch.monitored for epoch in epochs])
                if losses.mean() < lowest.mean() * (1 - PROGRESS):
                    lowest, best = losses, number
                loss = float(np.mean([epoch.loss for epoch in epochs]))
                yield Progress("choosing", *where, number, recipe.epochs, loss, float(losses.mean()))
                if number - best >= max(PATIENCE, best // 2) or self._hopeless(number, lowest) or self._enough():
                    break
        except DivergedError:
            pass
        if any(training.stopped == "interrupted" for training in trainings):
            self.stop(CTRL_C)
        self.trials.append(Trial(recipe.summary(), float(lowest.mean()) if best else None, best))
        self._losses.append(lowest)

    def _hopeless(self, number: int, losses: Array) -> bool:
        """Whether another recipe was much better after as many epochs."""
        return any(
            number >= max(trial.epochs, PATIENCE) and trial.loss is not None and losses.mean() > HOPELESS * trial.loss
            for trial in self.trials
        )

    # ------------------------------------------------------------------------------------------------------- training

    def __iter__(self) -> Iterator[Progress]:
        """Choose, train, test; then compare."""
        self._began = time.perf_counter()
        choice = None
        recipe, stop_at = self.recipes[0], self.recipes[0].epochs
        again = len(self.X) <= COMPARED_ROWS
        if self.folds and (again or len(self.recipes) > 1):
            yield from self._choose()
            recipe, stop_at = self.recipes[self.chosen], self.trials[self.chosen].epochs
            how = f"{self.how}, {self._why}" if self._stopping else self.how
            choice = Choice(how, tuple(self.trials), self.chosen)
        if self.folds and not again:
            yield from self._train_validated(recipe)
        else:
            yield from self._train_all(recipe, stop_at)
        self._conclude(recipe, choice)
        if len(self.rows["test"]):
            yield from self._compare()

    def _train_all(self, recipe: Recipe, stop_at: int) -> Iterator[Progress]:
        """Train on all rows but the test rows for a settled number of epochs."""
        self.phase, self._stopping = "training", False
        training = recipe.training(self.task, self.X, self.Y, seed=recipe.seed)
        yield from self._run(training, recipe, stop_at)
        self._validation_rows = 0
        done = len(training.history)
        if done < stop_at:
            self.stopped = f"after {done} epochs: {self._early(training)}"
        elif self.folds:
            self.stopped = f"after {done} epochs: chosen by {self.how}"
        else:
            asked = self.settings.epochs is not None
            why = "as asked" if asked else "the default where nothing is chosen by validation"
            self.stopped = f"after {done} epochs, {why}"

    def _train_validated(self, recipe: Recipe) -> Iterator[Progress]:
        """Train on the training rows until validation says stop; the weights of the best epoch are kept."""
        self.phase, self._stopping = "training", False
        train, validation = self.folds[0]
        training = recipe.training(
            self.task, self.X[train], self.Y[train], seed=recipe.seed, patience=PATIENCE,
            validation=(self.X[validation], self.Y[validation]),
        )  # fmt: skip
        yield from self._run(training, recipe, recipe.epochs)
        self._validation_rows = len(validation)
        kept = f"; the weights of epoch {training.best.number} are kept" if training.best else ""
        self.stopped = f"after {len(training.history)} epochs: {self._early(training)}{kept}"

    def _run(self, training: Training, recipe: Recipe, stop_at: int) -> Iterator[Progress]:
        self.training = training
        self._start_clock()
        training.time_limit = self._time_left()
        for epoch in training.in_chunks(lambda: stop_at - len(training.history)):
            where = 1, 1, recipe.summary()
            yield Progress("training", *where, epoch.number, stop_at, epoch.loss, epoch.validation_loss)
            if self._stopping or epoch.number >= stop_at:
                break

    def _early(self, training: Training) -> str:
        if self._stopping or training.stopped == "interrupted":
            return self._why if self._stopping else CTRL_C
        if training.stopped and training.stopped.startswith("time limit"):
            return f"time limit of {self.settings.time_limit:g} s reached"
        return training.stopped or f"all {training.epochs} epochs done"

    def _conclude(self, recipe: Recipe, choice: Choice | None) -> None:
        """Measure the model on the test rows and write the report, but for the linear model."""
        network = self.training.network
        self.model = TabularModel(network, self.encoder)
        history = self.training.history
        measured = self._measure()
        self._report(FitReport(
            self.table.name, self.task, self.encoder.reports,
            len(self.X) - self._validation_rows, self._validation_rows, len(self.rows["test"]),
            recipe, repr(network), network.parameters.size, choice,
            len(history), history[-1].loss if history else None, self.stopped, 0.0, measured,
        ))  # fmt: skip

    def _report(self, report: FitReport) -> None:
        """Give the report, also to the model, with the seconds so far."""
        assert self.model is not None
        seconds = time.perf_counter() - self._began
        self.report = self.model.report = msgspec.structs.replace(report, seconds=seconds)

    def _measure(self) -> Comparison | None:
        """The scores on the test rows of the model and the baseline."""
        if not len(self.rows["test"]):
            return None
        assert self.model is not None
        test = self.table.take(self.rows["test"])
        targets = self.model.targets(test)
        simple = baseline(self.encoder, self.Y, targets)
        return Comparison(test.n_rows, self.model.evaluate(test).scores, *simple, None, "left out")

    def _compare(self) -> Iterator[Progress]:
        """Put the scores of a linear model into the report; the model is whole before, whatever happens here."""
        assert self.model is not None
        assert self.report is not None
        assert self.report.test is not None
        self._stopping = False
        loss = float("nan") if self.report.loss is None else self.report.loss
        done = self.report.epochs
        yield Progress("comparing", 1, 1, "linear model", done, done, loss, None)
        self.phase = "comparing"
        scores, what = None, f"left out: {self._why if self._stopping else CTRL_C}"
        try:
            if not self._stopping:
                test = self.table.take(self.rows["test"])
                X_test = self.encoder.encode_features(test, self.settings.dtype)
                targets = self.model.targets(test)
                scores, what = linear(self.encoder, self.X, self.Y, X_test, targets, self._time_to_compare())
        except KeyboardInterrupt:
            pass
        except MemoryError:
            what = "left out: it needs more memory than there is"
        compared = msgspec.structs.replace(self.report.test, linear=scores, linear_what=what)
        self._report(msgspec.structs.replace(self.report, test=compared))

    # ----------------------------------------------------------------------------------------------------------- time

    def _start_clock(self) -> None:
        """Begin to count for the time limit; reading the table and compiling the maths before do not count."""
        if self._clock is None:
            self._clock = time.perf_counter()

    def _elapsed(self) -> float:
        return 0.0 if self._clock is None else time.perf_counter() - self._clock

    def _time_left(self) -> float | None:
        """What is left of the time limit, but not so little that nothing could be trained."""
        limit = self.settings.time_limit
        return None if limit is None else max(limit - self._elapsed(), LEAST_SHARE * limit)

    def _time_to_compare(self) -> float | None:
        """What is left of the time limit, or a small share of it, for the linear model."""
        limit = self.settings.time_limit
        return None if limit is None else max(limit - self._elapsed(), COMPARING_SHARE * limit)

    def _enough(self) -> bool:
        """Whether to end the choosing: on request, or because its share of the time limit is used up."""
        limit = self.settings.time_limit
        return self._stopping or (limit is not None and self._elapsed() > CHOOSING_SHARE * limit)


def _simplest_of_the_best(losses: list[Array]) -> int:
    """The first recipe whose mean loss over the folds is within one standard error of the lowest.

    Recipes come strongest penalty first. The error is of the mean difference between the two, fold by fold; 0 where
    there is one fold only. The lowest of many noisy losses is often luck, a simpler network as good a bet: the "one
    standard error rule" of Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984.

    >>> _simplest_of_the_best([np.array([0.5, 0.6]), np.array([0.2, 0.4]), np.array([0.3, 0.1])])
    1
    """
    lowest = min(losses, key=np.mean)
    for k, tried in enumerate(losses):
        if not np.isfinite(tried).all():
            continue
        difference = tried - lowest
        error = difference.std(ddof=1) / np.sqrt(difference.size) if difference.size > 1 else 0.0
        if difference.mean() <= error:
            return k
    raise AssertionError("the lowest is within any error of itself")


def _fold_numbers(labels: Array | None, n: int, rng: np.random.Generator) -> Array:
    """The fold of each row (n,): by chance, but each class spread evenly over the folds."""
    order = rng.permutation(n)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % FOLDS
    return fold


def fit_table(
    source: Any, target: str | None = None, settings: Settings | None = None
) -> tuple[TabularModel, FitReport]:
    """Train a network on a table to the end; see `TableTraining`, of which this is the short form.

    >>> model, report = fit_table("iris")
    >>> report.task.kind, report.test_rows, report.test.model.accuracy > 0.8
    ('classes', 30, True)
    """
    training = TableTraining(source, target, settings)
    for _ in training:
        pass
    assert training.model is not None
    assert training.report is not None
    return training.model, training.report
