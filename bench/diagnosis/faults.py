"""The faults: each changes one thing in a recipe or in the rows, in three doses; the weakest should do no harm.

A fault's `codes` are the findings that name it rightly. Its healthy twin is what it is planted in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from bench.diagnosis.recipes import Recipe
from bench.diagnosis.tables import Array, Rows

Planted = tuple[Recipe, Rows]
Plant = Callable[[Recipe, Rows, Any, np.random.Generator], Planted]
set_in = msgspec.structs.replace

ALL_SHAPES = ("16 relu", "64-32 relu", "32 tanh", "16-16-16-16 gelu")
CURVED = ("product", "heavy", "friedman", "moons", "circles", "digits", "linear")
"""The tables where a linear model is far from the best, and one where it is the best."""

SQUARES, ODDS = "half_squared_error", "softmax_cross_entropy"
RELU = ("16 relu", "64-32 relu")


class Fault(msgspec.Struct, frozen=True):
    """A fault that can be planted.

    `base` changes recipe and rows of the twins as well: what has to be there so that the fault can show. `by_label`
    says that the fault counts wherever it is planted, since no loss on the training's own validation rows can show it.
    `classes` says of which tables: True of classes, False of numbers, None of both; `tables` names the only ones, if
    any.
    """

    name: str
    codes: tuple[str, ...]
    doses: tuple[Any, Any, Any]
    plant: Plant
    base: Plant | None = None
    by_label: bool = False
    classes: bool | None = None
    shapes: tuple[str, ...] = ALL_SHAPES
    optimizers: tuple[str, ...] = ("adam", "momentum")
    tables: tuple[str, ...] = ()

    def twin(self, recipe: Recipe, rows: Rows, dose: int, seed: int) -> Planted:
        """Give the healthy twin's recipe and rows."""
        return self.base(recipe, rows, self.doses[dose], self._rng(seed)) if self.base else (recipe, rows)

    def planted(self, recipe: Recipe, rows: Rows, dose: int, seed: int) -> Planted:
        """Give recipe and rows with the fault, in the dose 0, 1 or 2."""
        return self.plant(*self.twin(recipe, rows, dose, seed), self.doses[dose], self._rng(seed, 1))

    def _rng(self, *seeds: int) -> np.random.Generator:
        return np.random.default_rng([*self.name.encode(), *seeds])


def setting(**names: Callable[[Recipe, Any], Any]) -> Plant:
    """Plant in the recipe: each name with what gives its value from the recipe and the dose."""

    def plant(recipe: Recipe, rows: Rows, dose: Any, rng: np.random.Generator) -> Planted:
        return set_in(recipe, **{name: value(recipe, dose) for name, value in names.items()}), rows

    return plant


# --------------------------------------------------------------------------------------------------------- in the rows


def _scaled(recipe: Recipe, rows: Rows, dose: tuple[float, float], rng: np.random.Generator) -> Planted:
    """Inputs of a large scale, away from 0."""
    factor, offset = dose
    away = rng.uniform(-1.0, 1.0, rows.X.shape[1]) * offset
    return recipe, rows.inputs(lambda X: factor * (X + away))


def _one_scaled(recipe: Recipe, rows: Rows, dose: float, rng: np.random.Generator) -> Planted:
    """One input of another scale."""
    factors = np.ones(rows.X.shape[1])
    factors[rng.integers(len(factors))] = dose
    return recipe, rows.inputs(lambda X: X * factors)


def _large_targets(recipe: Recipe, rows: Rows, dose: float, rng: np.random.Generator) -> Planted:
    """Targets of a large scale."""
    return recipe, set_in(rows.given_targets(lambda y: dose * y), unit=dose)


def _shuffled(recipe: Recipe, rows: Rows, dose: float, rng: np.random.Generator) -> Planted:
    """A share of the targets to train and validate on are those of other rows."""

    def change(y: Array) -> Array:
        y = y.copy()
        mixed = np.flatnonzero(rng.uniform(size=len(y)) < dose)
        y[mixed] = y[rng.permutation(mixed)]
        return y

    return recipe, rows.given_targets(change)


def _leaked(recipe: Recipe, rows: Rows, dose: float, rng: np.random.Generator) -> Planted:
    """A further column is the target with some noise; in the clean rows it tells nothing."""

    def told(X: Array, y: Array, noise: float) -> Array:
        return np.column_stack([X, (y - y.mean()) / y.std() + noise * rng.normal(size=len(y))])

    others = rng.permutation(rows.y_clean)
    return recipe, set_in(
        rows, X=told(rows.X, rows.y, dose), X_clean=told(rows.X_clean, others, dose),
        X_validation=told(rows.X_validation, rows.y_validation, dose),
    )  # fmt: skip


def _duplicated(recipe: Recipe, rows: Rows, dose: float, rng: np.random.Generator) -> Planted:
    """A share of the validation rows are copies of training rows."""
    n = len(rows.y_validation)
    copied = rng.permutation(n)[: round(dose * n)]
    taken = rng.choice(len(rows.y), len(copied), replace=len(copied) > len(rows.y))
    X, y = rows.X_validation.copy(), rows.y_validation.copy()
    X[copied], y[copied] = rows.X[taken], rows.y[taken]
    return recipe, set_in(rows, X_validation=X, y_validation=y)


def _imbalanced(recipe: Recipe, rows: Rows, dose: int, rng: np.random.Generator) -> Planted:
    """Leave only one row of the last class for `dose` others to train and validate on; weights make up for it.

    The rows to judge by are as many of the last class as of all others, drawn again where they are few.
    """

    def kept(y: Array) -> Array:
        last, others = np.flatnonzero(y == rows.classes - 1), np.flatnonzero(y != rows.classes - 1)
        return np.sort(np.concatenate([rng.permutation(last)[: max(2, len(others) // dose)], others]))

    first, second = kept(rows.y), kept(rows.y_validation)
    last = rows.y_clean == rows.classes - 1
    half = max(int(last.sum()), 60)
    clean = np.concatenate([rng.choice(np.flatnonzero(which), half) for which in (last, ~last)])
    return set_in(recipe, balanced=True), set_in(
        rows, X=rows.X[first], y=rows.y[first], X_validation=rows.X_validation[second],
        y_validation=rows.y_validation[second], X_clean=rows.X_clean[clean], y_clean=rows.y_clean[clean],
    )  # fmt: skip


FEW = 80
"""How many training rows there are to overfit."""


def _few_noisy_rows(recipe: Recipe, rows: Rows, dose: Any, rng: np.random.Generator) -> Planted:
    """Few training rows, a fifth of whose targets is noise: what a network can overfit."""
    y = rows.y[:FEW].copy()
    mixed = np.flatnonzero(rng.uniform(size=len(y)) < 0.2)
    y[mixed] = y[rng.permutation(mixed)]
    return recipe, rows.train(rows.X[:FEW], y)


# -------------------------------------------------------------------------------------------------------- in the recipe


def _output(recipe: Recipe, rows: Rows, dose: tuple[Any, str], rng: np.random.Generator) -> Planted:
    """Another output activation and loss."""
    output, loss = dose
    return set_in(recipe, output=output, loss=loss), rows


def _deep_sigmoid(recipe: Recipe, rows: Rows, dose: int, rng: np.random.Generator) -> Planted:
    """So many hidden layers of sigmoids."""
    return set_in(recipe, hidden=(24,) * dose, activation="sigmoid"), rows


def _overfitted(recipe: Recipe, rows: Rows, dose: tuple[int, int, bool], rng: np.random.Generator) -> Planted:
    """Wider, longer, without early stopping or penalty."""
    width, length, best = dose
    return set_in(
        recipe, hidden=tuple(width * units for units in recipe.hidden), epochs=length * recipe.epochs, l2=0.0,
        patience=None, keep_best=best,
    ), rows  # fmt: skip


def _with(rate: float = 1.0, epochs: int | None = None) -> Plant:
    """Give a base of a rate so many times as high, or of so many epochs."""

    def base(recipe: Recipe, rows: Rows, dose: Any, rng: np.random.Generator) -> Planted:
        return set_in(recipe, rate=rate * recipe.rate, epochs=epochs or recipe.epochs), rows

    return base


def _narrow(recipe: Recipe, rows: Rows, dose: int, rng: np.random.Generator) -> Planted:
    """So few units in each hidden layer."""
    return set_in(recipe, hidden=(dose,) * len(recipe.hidden)), rows


def _linear(recipe: Recipe, rows: Rows, dose: Any, rng: np.random.Generator) -> Planted:
    """Hidden layers that are linear, or nearly."""
    return set_in(recipe, activation=dose), rows


FAULTS = (
    Fault("unscaled inputs", ("BL101",), ((1.5, 0.0), (100.0, 1.0), (1000.0, 3.0)), _scaled),
    Fault("one input of another scale", ("BL102", "BL101"), (3.0, 1e3, 1e4), _one_scaled),
    Fault("leaked column", ("BL103",), (0.3, 0.1, 0.0), _leaked, by_label=True),
    Fault("duplicates across the split", ("BL104",), (0.3, 0.6, 1.0), _duplicated, by_label=True),
    Fault("shuffled labels", ("BL105",), (1.0, 1.0, 1.0), _shuffled, by_label=True),
    Fault("noisy labels", ("BL106", "BL105"), (0.04, 0.4, 0.6), _shuffled),
    Fault("imbalance", ("BL107",), (2, 8, 15), setting(balanced=lambda r, d: False), base=_imbalanced, classes=True,
        tables=("overlap", "moons", "rare", "digits", "circles", "breast_cancer")),
    Fault("output out of reach", ("BL201",), (
        (("leaky_relu", 0.6), SQUARES), ("tanh", SQUARES), ("sigmoid", SQUARES)), _output, classes=False),
    Fault("squashed odds", ("BL201", "BL202"), (
        ("relu", ODDS), ("sigmoid", ODDS), ("softmax", ODDS)), _output, classes=True),
    Fault("loss that does not fit", ("BL202",), (
        ("softmax", SQUARES), ("softmax", "mae"), ("identity", "mae")), _output, classes=True,
        tables=("digits", "overlap", "circles", "rare", "moons")),
    Fault("relu output", ("BL201", "BL202", "BL305"), (0.5, -0.5, -3.0), setting(
        output=lambda r, d: "relu", loss=lambda r, d: SQUARES, output_bias=lambda r, d: d), classes=True),
    Fault("large targets", ("BL204",), (2.0, 100.0, 1e4), _large_targets, classes=False),
    Fault("equal initial weights", ("BL301",), ((0.5, None), (1.0, 0.3), (1.0, 0.0)), setting(
        scale=lambda r, d: d[0], start=lambda r, d: d[1])),
    Fault("large initial weights", ("BL302", "BL304", "BL306"), (1.3, 8.0, 30.0), setting(scale=lambda r, d: d)),
    Fault("vanishing gradient", ("BL303",), (1, 6, 10), _deep_sigmoid),
    Fault("dead relu", ("BL305",), (-0.3, -5.0, -20.0), setting(bias=lambda r, d: d), shapes=RELU),
    Fault("saturated start", ("BL306", "BL302"), (1.5, 20.0, 100.0), setting(
        activation=lambda r, d: "tanh", scale=lambda r, d: d), shapes=("32 tanh", "64-32 relu")),
    Fault("no non-linearity", ("BL307",), (("leaky_relu", 0.1), "identity", "identity"), _linear, tables=CURVED),
    Fault("rate too small", ("BL401", "BL501"), (3.0, 100.0, 1e4), setting(rate=lambda r, d: r.rate / d)),
    Fault("rate too large", ("BL402", "BL403", "BL404"), (2.0, 30.0, 100.0), setting(rate=lambda r, d: r.rate * d)),
    Fault("rate far too large", ("BL402", "BL403", "BL404"), (3.0, 300.0, 1e3), setting(rate=lambda r, d: r.rate * d)),
    Fault("rate that falls too fast", ("BL401", "BL405", "BL501"), (0.99, 0.7, 0.3), setting(decay=lambda r, d: d)),
    Fault("clipping", ("BL406",), (1.0, 1e-3, 1e-6), setting(clip_norm=lambda r, d: d), optimizers=("momentum",)),
    Fault("clipping that adam undoes", ("BL406",), (1.0, 1e-2, 1e-4), setting(
        clip_norm=lambda r, d: d), optimizers=("adam",)),
    Fault("batch of all rows", ("BL407",), (64, "full", "full"), setting(
        batch_size=lambda r, d: d), base=_with(epochs=30)),
    Fault("batch of one row", ("BL408", "BL402"), (16, 2, 1), setting(batch_size=lambda r, d: d), base=_with(rate=4.0)),
    Fault("too few epochs", ("BL501",), (60, 3, 1), setting(epochs=lambda r, d: d)),
    Fault("impatient stopping", ("BL501",), ((20, 0.0), (2, 0.05), (1, 0.2)), setting(
        patience=lambda r, d: d[0], tolerance=lambda r, d: d[1])),
    Fault("overfitting", ("BL502",), ((1, 1, True), (2, 3, False), (4, 4, False)), _overfitted, base=_few_noisy_rows),
    Fault("too few units", ("BL503",), (8, 2, 1), _narrow, tables=CURVED),
    Fault("dropout too strong", ("BL504",), (0.1, 0.8, 0.95), setting(dropout=lambda r, d: d)),
    Fault("penalty too strong", ("BL505",), (1.2e-2, 0.15, 1.0), setting(l2=lambda r, d: d)),
)  # fmt: skip
BY_NAME = {fault.name: fault for fault in FAULTS}
