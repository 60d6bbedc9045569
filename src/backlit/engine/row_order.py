"""In which order the epochs of a training take the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.engine.input_checks import checked_order
from backlit.kernels.types import Array


class RowOrder:
    """Draws the order of the rows of each epoch: a new random one, what `given()` gives, or as they are.

    >>> RowOrder(3, shuffle=False).draw(2)
    array([0, 1, 2, 0, 1, 2])
    """

    def __init__(
        self, rows: int, *, shuffle: bool = True, given: Callable[[], Array] | None = None, seed: int = 0
    ) -> None:
        self.rows, self.given = rows, given
        self.kept = given is None and not shuffle
        self.rng = np.random.default_rng(seed)

    def draw(self, epochs: int) -> Array:
        """Give the row numbers (epochs * rows,) of so many epochs, one after another."""
        if self.given is not None:
            return np.concatenate([checked_order(self.given(), self.rows) for _ in range(epochs)])
        if self.kept:
            return np.tile(np.arange(self.rows), epochs)
        return np.concatenate([self.rng.permutation(self.rows) for _ in range(epochs)])

    @property
    def generator(self) -> dict[str, Any]:
        """The state of the generator of the shuffles: plain data, and a copy."""
        state: Any = self.rng.bit_generator.state
        return dict(state)

    @generator.setter
    def generator(self, state: dict[str, Any]) -> None:
        self.rng.bit_generator.state = state

    def draw_again(self, generator: dict[str, Any], epochs: int) -> None:
        """Leave the generator as if, from an earlier state on, only so many epochs had been drawn."""
        self.generator = generator
        if self.given is None and not self.kept:
            self.draw(epochs)
