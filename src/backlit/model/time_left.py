"""How long a training on a table will still take, by the seconds that its epochs took so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from backlit.engine import Training
from backlit.model.recipe import Recipe
from backlit.model.run_limits import RunLimits

KNOWN_SECONDS = 0.2
"""Nothing is estimated from fewer seconds of training: the first epochs vary."""


class TimeLeft:
    """Estimates the seconds until the end of the final training.

    An epoch takes seconds in proportion to its training rows: for each as many as the epochs so far of networks with
    the same hidden layers. A network that was not tried yet, or for less than KNOWN_SECONDS, is taken to be as slow as
    the slowest other one so far, or slower in proportion to its weights.

    Args:
        recipes: those that are compared. inputs, outputs: the numbers of the networks' inputs and outputs.
        rows: the rows of the final training, at the most. limits: the time limit, which may end it earlier.
    """

    def __init__(self, recipes: Sequence[Recipe], inputs: int, outputs: int, rows: int, limits: RunLimits) -> None:
        self.recipes, self.rows, self.limits = recipes, rows, limits
        sizes = [(inputs, *recipe.layers, outputs) for recipe in recipes]
        self._weights = [sum(before * after for before, after in pairwise(chain)) for chain in sizes]
        self._spent: dict[int, tuple[float, int]] = {}  # by a recipe's place: seconds, and rows times epochs

    def while_choosing(self, place: int, trainings: Sequence[Training]) -> float | None:
        """The seconds at the most, while the recipe at `place` is trained on all folds; None where nothing is known.

        It counts each recipe still to come with all its epochs, and the slowest one for the final training.
        """
        self._spent[place] = _spent(trainings)
        if not self._known():
            return None
        paces = [self._pace(k) for k in range(len(self.recipes))]
        rows = sum(len(training.X) for training in trainings)
        to_come = rows * self.recipes[place].epochs - self._spent[place][1]
        left = paces[place] * to_come
        for pace, recipe in zip(paces[place + 1 :], self.recipes[place + 1 :], strict=True):
            left += pace * rows * recipe.epochs
        left += max(pace * recipe.epochs for pace, recipe in zip(paces, self.recipes, strict=True)) * self.rows
        limit = self.limits.seconds_to_train()
        return left if limit is None else min(left, limit)

    def while_training(self, place: int, training: Training, stop_at: int) -> float | None:
        """The seconds until the final training, of the recipe at `place`, has had `stop_at` epochs or its time."""
        seconds, rows = _spent([training])
        if seconds >= KNOWN_SECONDS:
            pace = seconds / rows
        elif self._known():
            pace = self._pace(place)
        else:
            return None
        left = pace * max(0, len(training.X) * stop_at - rows)
        return left if training.time_limit is None else min(left, max(0.0, training.time_limit - seconds))

    def _known(self) -> bool:
        return _seconds(self._spent.values()) >= KNOWN_SECONDS

    def _pace(self, place: int) -> float:
        """Seconds per row and epoch of a recipe."""
        recipe = self.recipes[place]
        same = [spent for k, spent in self._spent.items() if _hidden(self.recipes[k]) == _hidden(recipe)]
        others = [k for k in self._spent if _hidden(self.recipes[k]) != _hidden(recipe)]
        if not others or _seconds(same) >= KNOWN_SECONDS:
            return _ratio(same)
        return max(_ratio([self._spent[k]]) * max(1.0, self._weights[place] / self._weights[k]) for k in others)


def _hidden(recipe: Recipe) -> tuple[Any, ...]:
    return recipe.layers, recipe.activations, recipe.own


def _spent(trainings: Sequence[Training]) -> tuple[float, int]:
    """The seconds that trainings took so far, and the rows that they went through, counted in each epoch."""
    seconds, rows = 0.0, 0
    for training in trainings:
        done = len(training.history)
        if done:
            seconds += training.history[done - 1].seconds
            rows += done * len(training.X)
    return seconds, rows


def _seconds(spent: Iterable[tuple[float, int]]) -> float:
    return sum(seconds for seconds, _ in spent)


def _ratio(spent: Sequence[tuple[float, int]]) -> float:
    return _seconds(spent) / max(1, sum(rows for _, rows in spent))
