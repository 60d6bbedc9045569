"""Numbers to calculate with by hand: which there are to choose from, and many draws of them at once."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Draw(msgspec.Struct, frozen=True):
    """What numbers are drawn from.

    Attributes:
        numbers: those to choose from, none twice as long as there are enough. more: further ones for where they are
            too few. one_hot: instead, one 1 in each row, and else 0.
    """

    numbers: tuple[float, ...] = ()
    more: tuple[float, ...] = ()
    one_hot: bool = False

    def many(self, rng: np.random.Generator, draws: int, rows: int, count: int) -> Array:
        """Draw so many times (draws, rows · count)."""
        if self.one_hot:
            ones = rng.integers(count, size=(draws, rows))
            rows_of_ones: Array = np.eye(count)[ones].reshape(draws, rows * count)
            return rows_of_ones
        size = rows * count
        pool = self.numbers if len(self.numbers) >= size else (*self.numbers, *self.more)
        times = -(-size // len(pool))
        order = np.concatenate([rng.random((draws, len(pool))).argsort(axis=1) for _ in range(times)], axis=1)
        drawn: Array = np.array(pool)[order[:, :size]]
        return drawn


def tenths(*numbers: int) -> tuple[float, ...]:
    """Give whole numbers of tenths: 3 is 0.3."""
    return tuple(number / 10 for number in numbers)


WEIGHTS = Draw((*tenths(*range(1, 16)), *tenths(*range(-12, 0))), tuple(n / 100 for n in range(15, 96, 10)))
INPUTS = Draw(tenths(5, 8, 12, 15, 16, 18, 20, 24, 25, 30, 35, 40))
WHOLE_INPUTS = Draw((2.0, 3.0, 4.0, 5.0, -2.0, -3.0, 0.5, 1.5, 2.5, -1.5, -0.5))
SMALL_TARGETS = Draw(tenths(1, 2, 3, 7, 8, 9))


def generator(seed: int, what: str) -> np.random.Generator:
    """Give the generator of a student's numbers: it depends on the seed and on who it is for, and on nothing else."""
    digest = hashlib.sha256(f"{seed}\n{what}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
