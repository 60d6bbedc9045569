"""The order in which the epochs of a training take the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backlit.engine.input_checks import checked_order
from backlit.kernels.types import Array

LARGEST_ORDER = 1_000_000
"""The order of up to so many rows is drawn at a time, or that of one epoch if it has more."""


class RowOrder:
    """Draws the order of the rows of each epoch: a new random one, what `given()` gives, or as they are.

    >>> RowOrder(3, seed=0).draw(2, shuffle=False)
    array([0, 1, 2, 0, 1, 2])
    """

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.rng = np.random.default_rng(seed)
        self._ahead: tuple[Array, dict[str, Any]] | None = None  # an order to come, and the generator before it

    @property
    def most_epochs(self) -> int:
        """How many epochs are drawn at a time."""
        return max(1, LARGEST_ORDER // self.rows)

    def draw(self, epochs: int, *, shuffle: bool = True, given: Callable[[], Array] | None = None) -> Array:
        """Give the row numbers (epochs * rows,) of so many epochs, one after another."""
        if self._ahead is not None:
            first, self._ahead = self._ahead[0], None
            return np.append(first, self.draw(epochs - 1, shuffle=shuffle, given=given)) if epochs > 1 else first
        if given is not None:
            return np.concatenate([checked_order(given(), self.rows) for _ in range(epochs)])
        if not shuffle:
            return np.tile(np.arange(self.rows), epochs)
        return np.concatenate([self.rng.permutation(self.rows) for _ in range(epochs)])

    def ahead(self, *, shuffle: bool = True, given: Callable[[], Array] | None = None) -> Array:
        """Give the row numbers (rows,) of the next epoch, which is not begun: `draw` will give them again.

        >>> order = RowOrder(9, seed=0)
        >>> (order.ahead() == order.draw(1)).all()
        np.True_
        """
        if self._ahead is None:
            generator = self.generator
            self._ahead = self.draw(1, shuffle=shuffle, given=given), generator
        return self._ahead[0]

    @property
    def generator(self) -> dict[str, Any]:
        """The state of the generator of the shuffles: plain data, and a copy."""
        state: Any = self._ahead[1] if self._ahead is not None else self.rng.bit_generator.state
        return dict(state)

    @generator.setter
    def generator(self, state: dict[str, Any]) -> None:
        self._ahead, self.rng.bit_generator.state = None, state

    def draw_again(self, generator: dict[str, Any], epochs: int) -> None:
        """Leave the generator as if, from an earlier state on, only so many epochs had been shuffled."""
        self.generator = generator
        self.draw(epochs)
