"""The choice of a recipe and its number of epochs, by the loss on validation rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from backlit.data import Task, split_rows
from backlit.data.messages import counted
from backlit.engine import DivergedError, Epoch, History, Training, TrainingCurve, curve_of
from backlit.errors import BacklitError
from backlit.kernels.types import Array
from backlit.model.recipe import Recipe, Settings
from backlit.model.reports import Progress, Trial
from backlit.model.run_limits import CTRL_C, RunLimits
from backlit.model.time_left import TimeLeft

FOLDS = 5
FOLDED_ROWS = 1_000
"""With at most so many rows, each is a validation row once, in FOLDS folds: a tenth of 150 rows would say little."""

VALIDATION = 0.1
"""The fraction of all rows that is split off for validation where there are more."""

COMPARED_ROWS = 20_000
"""Recipes are compared on so many training rows at the most; with more, the winner validates its own training."""

PATIENCE = 20
"""A training ends after so many epochs without a lower validation loss, or half of those before, if that is more."""

PROGRESS = 0.001
"""The part by which a validation loss has to fall to count as lower."""

HOPELESS = 1.2
"""A recipe is given up when its loss is so many times that of another, after as many epochs as the other needed."""

FEWEST_ROWS = 10
"""With fewer rows nothing is chosen by validation."""

CHOSEN_POINTS, TRIAL_POINTS = 200, 60
"""So many epochs of a recipe's curve are kept: of the chosen one, and of the others."""

Folds = list[tuple[Array, Array]]
"""Pairs of training and validation rows, as indices."""


def folds_of(settings: Settings, task: Task, Y: Array, rows_in_all: int, rng: np.random.Generator) -> tuple[Folds, str]:
    """The folds of the training rows, whose targets are Y (n, ...), and their name in the report; no folds: no choice.

    `rows_in_all` counts the test rows too: `settings.validation` is a fraction of them all.
    """
    n, share = len(Y), settings.validation
    if share == 0 or n < FEWEST_ROWS or settings.epochs == 0:
        return [], ""
    labels = Y if task.kind == "classes" else None
    if share is None and n <= FOLDED_ROWS:
        fold = fold_numbers(labels, n, rng)
        pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS)]
        return pairs, f"{FOLDS}-fold validation on {n:,} rows"
    part = (VALIDATION if share is None else share) * rows_in_all / n
    train, validation, _ = split_rows(labels, n, validation=part, test=0.0, rng=rng)
    return [(train, validation)], f"validation on {len(validation):,} of {n:,} rows"


def fold_numbers(labels: Array | None, n: int, rng: np.random.Generator) -> Array:
    """The fold of each row (n,): random, with the rows of each class spread evenly over the folds."""
    order = rng.permutation(n)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % FOLDS
    return fold


class RecipeSearch:
    """Trains every recipe on the folds; iterating runs it, a `Progress` at a time.

    Args:
        recipes: those to compare, the strongest penalty first.
        task, X, Y: the task and the encoded training rows.
        folds: pairs of training and validation rows. seed: of the order of the rows.
        limits: ends the search early, but not before the first recipe's first epoch; the best recipe so far is chosen
            then.
        time_left: estimates the time that it and the final training will take.

    Attributes:
        trials: the result of each recipe that was tried. cut: what ended the search early, or "". chosen: the number of
            the best; there at the end.

    Errors: a BacklitError where every recipe diverges.
    """

    def __init__(
        self, recipes: Sequence[Recipe], task: Task, X: Array, Y: Array, folds: Folds, seed: int, limits: RunLimits,
        time_left: TimeLeft,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(seed)
        self.recipes, self.task, self.X, self.Y, self.limits = recipes, task, X, Y, limits
        self.time_left = time_left
        self.folds = [(rng.permutation(train)[:COMPARED_ROWS], validation) for train, validation in folds]
        self.trials: list[Trial] = []
        self.cut = ""
        self._losses: list[Array] = []
        self._histories: list[History] = []  # of each trial, the means over the folds

    def __iter__(self) -> Iterator[Progress]:
        """Try the recipes in order."""
        for recipe in self.recipes:
            if self.trials and self.limits.end_choosing():
                break
            yield from self._try(recipe)
        if self.limits.end_choosing():
            tried = f"{len(self.trials)} of {counted(len(self.recipes), 'setting')} tried"
            self.cut = f"{self.limits.why if self.limits.stopping else self.limits.reached()}: {tried}"
        if all(trial.loss is None for trial in self.trials):
            raise BacklitError(
                "training diverged: the loss is not a finite number with any setting tried. "
                "Try a smaller learning rate, or leave the rate and the optimizer to their defaults."
            )
        self.chosen = simplest_of_the_best(self._losses)
        self.trials = [
            msgspec.structs.replace(trial, curve=self._curve(k, CHOSEN_POINTS if k == self.chosen else TRIAL_POINTS))
            for k, trial in enumerate(self.trials)
        ]

    def _curve(self, place: int, most: int) -> TrainingCurve | None:
        """The mean losses of a trial over the folds, thinned; `best` is the epoch that the trial has chosen."""
        history = self._histories[place]
        if not len(history):
            return None
        curve = curve_of(history, most, best=self.trials[place].epochs or None)
        folds = len(self.folds)
        return msgspec.structs.replace(curve, rates=(), what=f"the mean over {folds} folds" if folds > 1 else "")

    @property
    def rule(self) -> str:
        """Which of the settings is chosen, in words, as `simplest_of_the_best` does it."""
        if len(self.trials) == 1:
            return "The number of epochs with the lowest validation loss is chosen:"
        if len(self.folds) == 1:
            return "The one with the lowest validation loss is chosen:"
        return (
            "The first one is chosen whose validation loss exceeds the lowest by at most one standard error of that "
            "difference over the folds; stronger l2 penalties stand first:"
        )

    def _try(self, recipe: Recipe) -> Iterator[Progress]:
        """Train a recipe on all folds side by side until their mean validation loss no longer falls."""
        trainings = [
            recipe.training(
                self.task, self.X[train], self.Y[train], seed=recipe.seed + k, keep_best=False,
                validation=(self.X[validation], self.Y[validation]),
            ) for k, (train, validation) in enumerate(self.folds)
        ]  # fmt: skip
        for training in trainings:
            training.loop.prepare()
        self.limits.start_clock()
        if self.trials:
            self._limit(trainings)
        lowest, best, number, diverged = np.full(len(self.folds), np.inf), 0, 0, False
        seen, left = 0, None

        def sure_to_come() -> int:
            return max(PATIENCE, best // 2) - (number - best)

        try:
            side_by_side = zip(*(training.in_chunks(sure_to_come) for training in trainings), strict=False)
            for number, epochs in enumerate(side_by_side, 1):
                losses = np.array([epoch.monitored for epoch in epochs])  # (folds,)
                if losses.mean() < lowest.mean() * (1 - PROGRESS):
                    lowest, best = losses, number
                if number == 1 and not self.trials:
                    self._limit(trainings)
                seen, before = sum(len(training.history) for training in trainings), seen
                if seen > before:  # many epochs of a call of the machine are told one by one, at once
                    left = self.time_left.while_choosing(len(self.trials), trainings)
                yield self._progress(recipe, number, epochs, losses, left)
                if sure_to_come() <= 0 or self._hopeless(number, lowest) or self.limits.end_choosing():
                    break
        except DivergedError:
            diverged = True
        if any(training.stopped == "interrupted" for training in trainings):
            self.limits.stop(CTRL_C)
        if not number and not diverged and self.trials:  # ended in its first epoch, so that nothing is known of it
            return
        self.trials.append(Trial(recipe.summary(), float(lowest.mean()) if best else None, best))
        self._losses.append(lowest)
        self._histories.append(mean_history(trainings, number))

    def _limit(self, trainings: Sequence[Training]) -> None:
        """Give each training its part of the seconds that are left for choosing, from now on."""
        left = self.limits.seconds_to_choose()
        if left is not None:
            for training in trainings:
                spent = training.history[-1].seconds if training.history else 0.0
                training.time_limit = spent + left / len(trainings)

    def _progress(
        self, recipe: Recipe, number: int, epochs: Sequence[Epoch], losses: Array, left: float | None
    ) -> Progress:
        loss = float(np.mean([epoch.loss for epoch in epochs]))
        where = len(self.trials) + 1, len(self.recipes), recipe.summary()
        return Progress("choosing", *where, number, recipe.epochs, loss, float(losses.mean()), left, at_most=True)

    def _hopeless(self, number: int, losses: Array) -> bool:
        """Whether another recipe was much better after as many epochs."""
        return any(
            number >= max(trial.epochs, PATIENCE) and trial.loss is not None and losses.mean() > HOPELESS * trial.loss
            for trial in self.trials
        )


def mean_history(trainings: Sequence[Training], epochs: int) -> History:
    """Give the mean losses of so many first epochs of trainings that run side by side."""
    columns = [training.history.columns() for training in trainings]
    with np.errstate(over="ignore", invalid="ignore"):  # a training that is about to diverge
        means = {
            name: np.mean([column[name][:epochs] for column in columns], axis=0) for name in ("loss", "validation_loss")
        }
    return History.from_columns(means)


def simplest_of_the_best(losses: list[Array]) -> int:
    """Give the first recipe whose mean loss over the folds is within one standard error of the lowest.

    Recipes come strongest penalty first. The error is of the mean difference between the two, fold by fold; 0 where
    there is one fold only. The lowest of many noisy losses is often luck, a simpler network as good a bet: the "one
    standard error rule" of Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984.

    >>> simplest_of_the_best([np.array([0.5, 0.6]), np.array([0.2, 0.4]), np.array([0.3, 0.1])])
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
