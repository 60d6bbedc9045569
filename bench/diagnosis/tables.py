"""The tables: rows to train on, to validate on, and clean rows to judge by; generated, or scikit-learn's own."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np

from backlit.data.bundled import bundled_table

Array = Any
Drawn = tuple[Array, Array]

TRAINED, VALIDATED, CLEAN = 400, 200, 1000
"""How many rows a table gives to train on, to validate on, and to judge by."""


class Rows(msgspec.Struct, frozen=True, eq=False):
    """The rows of one run: X (n, inputs), y (n,): class numbers, or numbers.

    `classes` is 0 where the targets are numbers. `weights` (n,) are of the training rows. `unit` is what one of the
    clean targets measures in a training's: a training's outputs are divided by it before they are judged.
    """

    X: Array
    y: Array
    X_validation: Array
    y_validation: Array
    X_clean: Array
    y_clean: Array
    classes: int
    weights: Array | None = None
    unit: float = 1.0

    def train(self, X: Array, y: Array) -> Rows:
        """Give the same with other training rows."""
        return msgspec.structs.replace(self, X=X, y=y)

    def inputs(self, change: Callable[[Array], Array]) -> Rows:
        """Give the same with the inputs of all rows changed in one way."""
        names = ("X", "X_validation", "X_clean")
        return msgspec.structs.replace(self, **{name: change(getattr(self, name)) for name in names})

    def given_targets(self, change: Callable[[Array], Array]) -> Rows:
        """Give the same with the targets of the rows to train and to validate on changed; the clean ones stay."""
        names = ("y", "y_validation")
        return msgspec.structs.replace(self, **{name: change(getattr(self, name)) for name in names})


class Table(msgspec.Struct, frozen=True):
    """A table: `draw(rng, n)` gives n rows; `sizes` are the rows to train on, to validate on and to judge by."""

    name: str
    classes: int
    draw: Callable[[np.random.Generator, int], Drawn]
    sealed: bool = False
    sizes: tuple[int, int, int] = (TRAINED, VALIDATED, CLEAN)

    def rows(self, seed: int) -> Rows:
        """Give the rows of a seed, with inputs, and targets that are numbers, standardized by the training rows."""
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        X, y = self.draw(rng, sum(self.sizes))
        X, y = np.asarray(X, float), np.asarray(y, float)
        first, second = np.cumsum(self.sizes)[:2]
        spread = X[:first].std(axis=0)
        X = (X - X[:first].mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
        if not self.classes:
            y = (y - y[:first].mean()) / y[:first].std()
        (a, b, c), (d, e, f) = (np.split(part, [first, second]) for part in (X, y))
        return Rows(a, d, b, e, c, f, self.classes)


# ----------------------------------------------------------------------------------------------------------- generated


def _linear(rng: np.random.Generator, n: int) -> Drawn:
    """Eight inputs, a linear target, a tenth of its variance noise."""
    X = rng.normal(size=(n, 8))
    z = X @ np.array([1.5, -1.0, 0.8, 0.5, -0.5, 0.3, 0.0, 0.0])
    return X, z + 0.33 * z.std() * rng.normal(size=n)


def _product(rng: np.random.Generator, n: int) -> Drawn:
    """Six inputs that act in pairs: no input alone tells anything."""
    X = rng.normal(size=(n, 6))
    return X, X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + 0.2 * rng.normal(size=n)


def _heavy(rng: np.random.Generator, n: int) -> Drawn:
    """Six inputs; the logarithm of a skewed target is a smooth function of them, with noise of Student's t."""
    X = rng.normal(size=(n, 6))
    z = 0.6 * np.sin(X[:, 0]) + 0.4 * X[:, 1] - 0.3 * np.maximum(X[:, 2], 0)
    return X, np.exp(z + 0.08 * rng.standard_t(4, size=n))


def _friedman(rng: np.random.Generator, n: int) -> Drawn:
    """Friedman's first function of ten uniform inputs (Annals of Statistics 19, 1991), of which five count."""
    X = rng.uniform(size=(n, 10))
    smooth = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    return X, smooth + rng.normal(size=n)


def _moons(rng: np.random.Generator, n: int) -> Drawn:
    """Two half circles, turned into five dimensions."""
    y = rng.integers(2, size=n)
    angle = np.pi * rng.uniform(size=n)
    flat = np.column_stack([np.cos(angle) + y, np.where(y, 0.5 - np.sin(angle), np.sin(angle))])
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(5, 5)))[0][:2]
    return flat @ turn + 0.12 * rng.normal(size=(n, 5)), y


def _circles(rng: np.random.Generator, n: int) -> Drawn:
    """Two shells around a centre in three dimensions."""
    y = rng.integers(2, size=n)
    way = rng.normal(size=(n, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    return way * (0.6 + 1.0 * y + 0.15 * rng.normal(size=n))[:, None], y


def _overlap(rng: np.random.Generator, n: int) -> Drawn:
    """Two classes whose probabilities change slowly: honest noise, 18 % of the labels are against the odds."""
    X = rng.normal(size=(n, 6))
    z = 2.0 * X[:, 0] - 1.5 * X[:, 1] + 1.0 * X[:, 2]
    return X, (rng.uniform(size=n) < 1 / (1 + np.exp(-z))).astype(float)


def _rare(rng: np.random.Generator, n: int) -> Drawn:
    """One row in twelve is of the second class, which lies apart: an imbalance that is learned."""
    y = (np.arange(n) % 12 == 0).astype(float)
    rng.shuffle(y)
    X = rng.normal(size=(n, 6))
    X[:, :3] += 2.2 * y[:, None]
    return X, y


# ------------------------------------------------------------------------------------------------------------- bundled


@functools.cache
def _rows_of(name: str) -> Drawn:
    """Read a bundled table; classes become numbers."""
    *inputs, target = (column.to_numpy(zero_copy_only=False) for column in bundled_table(name).columns)
    y = np.unique(target, return_inverse=True)[1] if name != "diabetes" else target
    return np.column_stack(inputs).astype(float), y


def _bundled(name: str) -> Callable[[np.random.Generator, int], Drawn]:
    def draw(rng: np.random.Generator, n: int) -> Drawn:
        X, y = _rows_of(name)
        kept = rng.permutation(len(y))[:n]
        return X[kept], y[kept]

    return draw


TABLES = (
    Table("linear", 0, _linear),
    Table("product", 0, _product),
    Table("heavy", 0, _heavy),
    Table("friedman", 0, _friedman, sealed=True),
    Table("diabetes", 0, _bundled("diabetes"), sizes=(240, 90, 112)),
    Table("moons", 2, _moons),
    Table("circles", 2, _circles, sealed=True),
    Table("overlap", 2, _overlap),
    Table("rare", 2, _rare),
    Table("tiny iris", 3, _bundled("iris"), sizes=(60, 30, 60)),
    Table("wine", 3, _bundled("wine"), sizes=(90, 40, 48)),
    Table("digits", 10, _bundled("digits"), sizes=(500, 250, 1000)),
    Table("breast_cancer", 2, _bundled("breast_cancer"), sealed=True, sizes=(270, 130, 169)),
)
BY_NAME = {table.name: table for table in TABLES}


def names(tables: Iterable[Table] = TABLES, *, classes: bool | None = None) -> list[str]:
    """Name the tables, or those of classes, or of numbers."""
    return [table.name for table in tables if classes is None or bool(table.classes) is classes]
