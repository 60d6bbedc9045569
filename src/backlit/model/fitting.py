"""From a table to a trained model: split, encode, choose by validation, train, test."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
import numpy as np

from backlit.data import Encoder, Table, choose_task, read_table
from backlit.data.messages import counted
from backlit.engine import Training, all_done
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model.after_training import look_at
from backlit.model.held_out import keep_test_rows, table_digest
from backlit.model.kept_signals import kept_signals
from backlit.model.own_layers import columns_read, embedded_columns, own_layers, shape_read
from backlit.model.recipe import Recipe, Settings, recipes
from backlit.model.recipe_search import COMPARED_ROWS, FOLDED_ROWS, PATIENCE, RecipeSearch, folds_of
from backlit.model.reports import Choice, Comparison, FitReport, Notice, Phase, Progress, Scores
from backlit.model.run_limits import CTRL_C, RunLimits
from backlit.model.scores import baseline, linear, scores_of
from backlit.model.tabular import TabularModel
from backlit.model.time_left import TimeLeft

SMALL_EPOCHS, EPOCHS = 300, 200
"""Epochs at the most, for few rows (FOLDED_ROWS) and for many."""

UNVALIDATED_EPOCHS = 100
"""Epochs of the first recipe where nothing is chosen by validation."""


class Compared(NamedTuple):
    """Targets and predictions for the test rows (n,), which scores are computed from; no file keeps them.

    `targets` are class indices, or numbers in their own unit. `baseline` and `linear` (None where it was left out) are
    probabilities (n, k), or numbers (n,) in that unit.
    """

    targets: Array
    baseline: Array
    linear: Array | None = None


class TableTraining:
    """Trains a network on a table; iterating runs it, a `Progress` at a time. Then `model` and `report` are there.

    The rows are split, stratified by class, into test rows, which are used only at the end, and the rest. Validation
    rows choose the network's layers, its penalty and its number of epochs:

    * up to 1,000 rows: by 5-fold validation. Each recipe is trained five times, each time without a fifth of the rows,
      epoch by epoch side by side; the recipe and the epoch of the lowest mean loss on the rows left out are chosen.
      That recipe is then trained on all five fifths for so many epochs;
    * more rows: by the loss on one part (a tenth of all rows); the winner is trained again on both parts, or, with
      more than 20,000 training rows, on the training rows until validation stops it, its best weights kept.

    Args:
        source: anything that `backlit.data.read_table` reads.
        target: the column to predict; default: the bundled data set's own.
        settings: those that are given are kept; the others are chosen.

    Attributes:
        task, encoder: the task, and how columns become numbers; they exist before training.
        rows: the indices of the rows in `table`: "train" (validation rows too) and "test".
        recipes: those that are compared. phase: "choosing", "training", "testing", "comparing".
        model, report: the result, once it has run; when the phase "comparing" begins, only the scores of the linear
            model are missing.
        compared: targets and predictions of the baseline and the linear model for the test rows; None without any.
        command: what the report names to repeat the training: the call, or what is set before it runs.

    `stop()` and Ctrl-C end a phase after the current epoch, the time limit after the current batch: after "choosing",
    the best recipe so far is trained; after "training", the model so far is kept. Ctrl-C while comparing leaves the
    linear model out. The report says what was cut; `RunLimits` says what the time limit covers.

    Errors: a BacklitError for a table or settings that do not fit, or where every recipe diverges.
    """

    def __init__(self, source: Any, target: str | None = None, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        table = read_table(source)
        self.task = choose_task(table, target, settings.kind)
        self.table: Table = table.drop_missing(self.task.column)
        rest, test, rng = keep_test_rows(self.table, self.task, settings)
        self.rows = {"train": rest, "test": test}
        training = self.table.take(rest)
        given = settings.network
        self.encoder = Encoder.fit(
            training, self.task, ignore=settings.ignore, shape=settings.inputs or shape_read(given, training),
            embedded=embedded_columns(given) if given else None, read=columns_read(given) if given else None,
        )  # fmt: skip
        self.X = self.encoder.encode_features(training, settings.dtype)
        self.Y = self.encoder.encode_target(training, settings.dtype)
        self.folds, self.how = folds_of(settings, self.task, self.Y, self.table.n_rows, rng)
        small = len(rest) <= FOLDED_ROWS
        most = (SMALL_EPOCHS if small else EPOCHS) if self.folds else UNVALIDATED_EPOCHS
        own, shape = own_layers(settings, self.encoder)
        self.recipes = recipes(settings, len(rest), most, own, shape)
        if own:
            self.recipes[0].network(self.task, self.X.shape[1], settings.seed)  # what does not fit is said beforehand
        if not self.folds:
            del self.recipes[1:]
        self.model: TabularModel | None = None
        self.report: FitReport | None = None
        self.compared: Compared | None = None
        self.command = _call(source, table.name, self.task.column, settings)
        self.phase: Phase = "choosing"
        self._limits = RunLimits(settings.time_limit)
        outputs = len(self.task.classes) or 1
        self._time_left = TimeLeft(self.recipes, self.X.shape[1], outputs, len(self.X), self._limits)

    def stop(self, why: str = "stopped on request") -> None:
        """End the choosing or the training after the current epoch, with the result so far; the report says `why`."""
        self._limits.stop(why)

    def __iter__(self) -> Iterator[Progress]:
        """Choose a recipe, train it, measure it on the test rows; then compare it with a linear model."""
        self._began = time.perf_counter()
        choice = None
        self._place, recipe, stop_at = 0, self.recipes[0], self.recipes[0].epochs
        again = len(self.X) <= COMPARED_ROWS
        if self.folds and (again or len(self.recipes) > 1):
            search = self._search()
            yield from search
            self._place = search.chosen
            recipe, stop_at = self.recipes[search.chosen], search.trials[search.chosen].epochs
            how = f"{self.how}, {search.cut}" if search.cut else self.how
            choice = Choice(how, tuple(search.trials), search.chosen, search.rule)
        if self.folds and not again:
            yield from self._train_validated(recipe)
        else:
            yield from self._train_all(recipe, stop_at)
        if len(self.rows["test"]):
            yield self._afterwards("testing", recipe.summary())
            self.phase = "testing"
        self._conclude(recipe, choice)
        if len(self.rows["test"]):
            yield from self._compare()
        self._notice()

    def validated(self) -> Iterator[Progress]:
        """Choose a recipe, and train it on a part of the rows with the others to validate on; a `Progress` at a time.

        Then `training` has run, to be looked at: the parts are those of the first fold. Its best epoch is that of
        the lowest validation loss, of as many epochs as the choice looks at. No `model` is made.
        """
        self._place = 0
        if self.folds and len(self.recipes) > 1:
            search = self._search()
            with suppress(BacklitError):  # each one diverged: the first is looked at
                yield from search
                self._place = search.chosen
        recipe = self.recipes[self._place]
        if self.folds:
            patience = None if len(self.X) <= COMPARED_ROWS else PATIENCE
            yield from self._train_validated(recipe, patience=patience, divergence="warn")
        else:
            yield from self._train_all(recipe, recipe.epochs, divergence="warn")

    def _search(self) -> RecipeSearch:
        return RecipeSearch(
            self.recipes, self.task, self.X, self.Y, self.folds, self.settings.seed, self._limits, self._time_left
        )

    def _train_all(self, recipe: Recipe, stop_at: int, **how: Any) -> Iterator[Progress]:
        """Train on all rows but the test rows for `stop_at` epochs."""
        self.phase = "training"
        self._limits.clear()
        training = recipe.training(self.task, self.X, self.Y, seed=recipe.seed, gradient_norms=True, **how)
        yield from self._run(training, recipe, stop_at)
        self._validation_rows = 0
        done = len(training.history)
        if done < stop_at:
            self.stopped = f"after {counted(done, 'epoch')}: {self._early(training)}"
        elif self.folds:
            self.stopped = f"after {counted(done, 'epoch')}: chosen by {self.how}"
        else:
            asked = self.settings.epochs is not None
            why = "as asked" if asked else "the default where nothing is chosen by validation"
            self.stopped = f"after {counted(done, 'epoch')}, {why}"

    def _train_validated(self, recipe: Recipe, patience: int | None = PATIENCE, **how: Any) -> Iterator[Progress]:
        """Train on the training rows until the validation loss stops falling; the best epoch's weights are kept.

        Without patience all epochs are made.
        """
        self.phase = "training"
        self._limits.clear()
        train, validation = self.folds[0]
        training = recipe.training(
            self.task, self.X[train], self.Y[train], seed=recipe.seed, patience=patience,
            validation=(self.X[validation], self.Y[validation]), gradient_norms=True, **how,
        )  # fmt: skip
        yield from self._run(training, recipe, recipe.epochs)
        self._validation_rows = len(validation)
        kept = f"; the weights of epoch {training.best.number} are kept" if training.best else ""
        self.stopped = f"after {counted(len(training.history), 'epoch')}: {self._early(training)}{kept}"

    def _run(self, training: Training, recipe: Recipe, stop_at: int) -> Iterator[Progress]:
        self.training = training
        training.loop.prepare()
        self._limits.start_clock()
        training.time_limit = self._limits.seconds_to_train()
        where, may_stop = (1, 1, recipe.summary()), training.settings.patience is not None
        done, left = 0, None
        for epoch in training.in_chunks(lambda: stop_at - len(training.history)):
            if epoch.number > done:  # many epochs of a call of the machine are told one by one, at once
                done, left = len(training.history), self._time_left.while_training(self._place, training, stop_at)
            losses = epoch.loss, epoch.validation_loss
            yield Progress("training", *where, epoch.number, stop_at, *losses, left, at_most=may_stop)
            if self._limits.stopping or stop_at <= epoch.number < training.epochs:  # else it ends by itself
                break

    def _early(self, training: Training) -> str:
        if self._limits.stopping or training.stopped == "interrupted":
            return self._limits.why if self._limits.stopping else CTRL_C
        if training.stopped and training.stopped.startswith("time limit"):
            return self._limits.reached()
        return training.stopped or all_done(training.epochs)

    def _afterwards(self, phase: Phase, what: str) -> Progress:
        """The progress of a phase after the training, which has no epochs of its own."""
        history = self.training.history
        done, loss = len(history), history[-1].loss if history else float("nan")
        return Progress(phase, 1, 1, what, done, done, loss, None)

    def _conclude(self, recipe: Recipe, choice: Choice | None) -> None:
        """Measure the model on the test rows and make the report, without the linear model's scores."""
        network = self.training.network
        self.model = TabularModel(network, self.encoder)
        history = self.training.history
        measured = self._measure()
        curve = history.curve() if history else None
        if curve is not None and self.training.validation is None:  # the last epoch's weights are the model
            curve = msgspec.structs.replace(curve, best=None)
        self._report(FitReport(
            self.table.name, self.task, self.encoder.reports,
            len(self.X) - self._validation_rows, self._validation_rows, len(self.rows["test"]),
            recipe, repr(network), network.parameters.size, choice,
            len(history), history[-1].loss if history else None, self.stopped, 0.0, measured,
            curve, self.settings, table_digest(self.table, self.task, self.encoder.reports), self.command,
            kept_signals(self.training.signals),
        ))  # fmt: skip

    def _report(self, report: FitReport) -> None:
        """Keep the report, also with the model, with the seconds so far."""
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
        simple, what = baseline(self.encoder, self.Y, test.n_rows)
        self.compared = Compared(targets, simple)
        scores = self.model.evaluate(test).scores, scores_of(self.encoder, targets, simple)
        return Comparison(test.n_rows, *scores, what, None, "left out")

    def _compare(self) -> Iterator[Progress]:
        """Add the scores of a linear model to the report; the network's model is complete before that."""
        assert self.model is not None
        assert self.report is not None
        assert self.report.test is not None
        assert self.compared is not None
        self._limits.clear()
        yield self._afterwards("comparing", "linear model")
        self.phase = "comparing"
        outputs, scores, what = None, None, f"left out: {self._limits.why if self._limits.stopping else CTRL_C}"
        try:
            if not self._limits.stopping:
                outputs, scores, what = self._linear(self.compared.targets)
        except KeyboardInterrupt:
            pass
        except MemoryError:
            what = "left out: it needs more memory than there is"
        self.compared = self.compared._replace(linear=outputs)
        compared = msgspec.structs.replace(self.report.test, linear=scores, linear_what=what)
        self._report(msgspec.structs.replace(self.report, test=compared))

    def _notice(self) -> None:
        """Add to the report what may be wrong; whatever fails in that, the model is there."""
        assert self.report is not None
        notices: tuple[Notice, ...] = ()
        with suppress(KeyboardInterrupt, BacklitError, ArithmeticError, np.linalg.LinAlgError, MemoryError):
            notices = tuple(notice for look in look_at for notice in look(self))
        self._report(msgspec.structs.replace(self.report, notices=notices))

    def _linear(self, targets: Array) -> tuple[Array | None, Scores | None, str]:
        """The predictions of a linear model for the test rows, their scores and its name; or None, None and why not."""
        X_test = self.encoder.encode_features(self.table.take(self.rows["test"]), self.settings.dtype)
        outputs, what = linear(self.encoder, self.X, self.Y, X_test, self._limits.seconds_to_compare())
        return outputs, None if outputs is None else scores_of(self.encoder, targets, outputs), what


def _call(source: Any, name: str, target: str, settings: Settings) -> str:
    """The call in Python that repeats a training; a file is named without its folder."""
    table = repr(name) if isinstance(source, (str, os.PathLike)) else "table"
    usual = Settings()
    given = [
        f"{field}={value!r}"
        for field in Settings.__struct_fields__
        if (value := getattr(settings, field)) != getattr(usual, field)
    ]
    more = f", Settings({', '.join(given)})" if given else ""
    return f"model, _ = fit_table({table}, {target!r}{more})"


def fit_table(
    source: Any, target: str | None = None, settings: Settings | None = None
) -> tuple[TabularModel, FitReport]:
    """Train a network on a table to the end, without showing progress, and give the model and its report.

    The arguments and what happens are those of `TableTraining`, which gives the progress epoch by epoch.

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
