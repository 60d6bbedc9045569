"""Random legal trainings, odd ones among them, each drawn by its number."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import backlit as bl
from backlit.engine import Training
from backlit.errors import BacklitError, BacklitWarning
from backlit.ops.registry import activations, initializers, losses, optimizers, schedules

HIDDEN = sorted(set(activations) - {"softmax"})
KINDS = ("numbers", "several numbers", "class numbers", "one-hot", "yes and no", "signs", "counts", "several labels")
SCALES = (1.0, 1.0, 1.0, 1.0, 30.0, 1e4, 1e-4, 1e-30, 1e30)
RATES = (None, None, None, 1e-8, 1e-3, 1.0, 1e3, 1e9)


def drawn_training(seed: int, *, most_rows: int = 300) -> Training:
    """Draw a training and run it; what its own checks refuse is drawn again."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore", BacklitWarning)
                return _training(rng, most_rows).run()
        except BacklitError:
            continue


def _training(rng: np.random.Generator, most_rows: int) -> Training:
    """Make a training of a random network, table and settings."""
    rows, inputs = _rows(rng, most_rows), int(rng.choice((1, 2, 3, 8, 40)))
    kind = str(rng.choice(KINDS))
    X, Y, outputs = _table(rng, kind, rows, inputs)
    network = _network(rng, kind, inputs, outputs)
    settings: dict[str, Any] = {"epochs": int(rng.choice((1, 2, 5, 20, 60))), "seed": int(rng.integers(100))}
    settings |= {"batch_size": rng.choice([1, 2, 7, 32, 1000, "full"]), "optimizer": _optimizer(rng)}
    settings["batch_size"] = settings["batch_size"] if settings["batch_size"] == "full" else int(settings["batch_size"])
    for name, choose in SETTINGS.items():
        if rng.random() < 0.15:
            settings[name] = choose(rng)
    if rng.random() < 0.3:
        settings["sample_weight"] = rng.choice((0.0, 1.0, 2.5), rows, p=(0.2, 0.5, 0.3)) + (rng.random() < 0.5)
    held_out = int(rng.choice((0, 1, 5, rows // 3 + 1)))
    if not held_out:
        return bl.Training(network, X, Y, compiled=False, **settings)
    given: tuple[Any, ...] = _table(rng, kind, held_out, inputs)[:2]
    if rng.random() < 0.2:
        given = X[:held_out], Y[:held_out]  # duplicates
    if rng.random() < 0.2:
        given = (*given, rng.uniform(0.1, 2.0, len(given[0])))
    return bl.Training(network, X, Y, validation=given, compiled=False, **settings)


SETTINGS: dict[str, Callable[[np.random.Generator], Any]] = {
    "schedule": lambda rng: str(rng.choice(sorted(schedules))),
    "l1": lambda rng: float(rng.choice((1e-3, 1.0, 100.0))),
    "l2": lambda rng: float(rng.choice((1e-3, 1.0, 100.0))),
    "clip_norm": lambda rng: float(rng.choice((1e-6, 1.0))),
    "clip_value": lambda rng: float(rng.choice((1e-6, 1.0))),
    "max_norm": lambda rng: float(rng.choice((1e-3, 3.0))),
    "patience": lambda rng: int(rng.choice((0, 3))),
    "tolerance": lambda rng: 0.1,
    "target": lambda rng: float(rng.choice((-1.0, 0.5, 1e9))),
    "time_limit": lambda rng: 0.05,
    "keep_best": lambda rng: bool(rng.random() < 0.5),
    "signals": lambda rng: False,
    "shuffle": lambda rng: False,
    "penalty_per_batch": lambda rng: True,
    "decay_biases": lambda rng: True,
}


def _rows(rng: np.random.Generator, most: int) -> int:
    """Draw a number of rows: few, or about as many in each order of magnitude."""
    return int(rng.integers(1, 6)) if rng.random() < 0.15 else int(np.exp(rng.uniform(np.log(5), np.log(most))))


def _table(rng: np.random.Generator, kind: str, rows: int, inputs: int) -> tuple[Any, Any, int]:
    """Draw inputs and targets, related or not, of any scale; and the outputs that they want."""
    X = rng.normal(size=(rows, inputs)) if rng.random() < 0.7 else rng.integers(0, 3, (rows, inputs)).astype(float)
    t = X[:, 0] + (X[:, -1] ** 2) * (rng.random() < 0.5) + rng.normal(size=rows) * float(rng.choice((0.0, 0.1, 3.0)))
    scale = float(rng.choice(SCALES))
    X = X * (np.where(np.arange(inputs) == 0, scale, 1.0) if rng.random() < 0.5 else scale)
    X += float(rng.choice((0.0, 0.0, 0.0, 1e3))) * scale
    if rng.random() < 0.1:
        X[:, 0] = 0.0
    if kind in {"numbers", "several numbers"}:
        outputs = 1 if kind == "numbers" else 3
        return X, (np.outer(t, np.arange(1, outputs + 1)) + rng.normal()) * float(rng.choice(SCALES)), outputs
    if kind == "counts":
        return X, rng.poisson(np.exp(np.clip(t, -3.0, 2.0)))[:, None].astype(float), 1
    share = float(rng.choice((0.5, 0.5, 0.03)))
    yes = t > np.quantile(t, 1.0 - share)
    if kind in {"yes and no", "signs"}:
        return X, (2.0 * yes - 1.0 if kind == "signs" else yes.astype(float))[:, None], 1
    if kind == "several labels":
        return X, np.stack([yes, X[:, 0] > 0.0, rng.random(rows) < 0.2], axis=1).astype(float), 3
    codes = np.where(yes, rng.integers(1, 3, rows), 0)
    return (X, codes, 3) if kind == "class numbers" else (X, np.eye(3)[codes], 3)


def _network(rng: np.random.Generator, kind: str, inputs: int, outputs: int) -> bl.Network:
    """Draw a chain, or a graph with a skip, which fits the targets' number or not their kind."""
    layers: list[Any] = []
    for _ in range(int(rng.choice((0, 1, 1, 2, 3, 8)))):
        given: dict[str, Any] = {"bias": False} if rng.random() < 0.1 else {}
        if rng.random() < 0.25:
            given["weights"] = _weights(rng)
        if rng.random() < 0.1 and "bias" not in given:
            given["biases"] = float(rng.choice((-5.0, 5.0)))
        layers.append(bl.Dense(int(rng.choice((1, 2, 5, 20))), str(rng.choice(HIDDEN)), **given))
        if rng.random() < 0.2:
            layers.append(rng.choice([bl.Dropout(0.5), bl.Dropout(0.95), bl.BatchNorm(), bl.LayerNorm()]))
    last, loss = str(rng.choice(sorted(activations))), str(rng.choice(sorted(losses)))
    if rng.random() < 0.6:  # that fit
        last, loss = FITTING[kind]
    dtype: Any = "float32" if rng.random() < 0.3 else "float64"
    return bl.Network([*layers, bl.Dense(outputs, last)], inputs, loss, dtype=dtype, seed=int(rng.integers(100)))


FITTING = {
    "numbers": ("identity", "half_squared_error"), "several numbers": ("identity", "mse"),
    "class numbers": ("softmax", "cross_entropy"), "one-hot": ("softmax", "cross_entropy"),
    "yes and no": ("sigmoid", "binary_cross_entropy"), "signs": ("identity", "hinge"),
    "counts": ("identity", "exp_poisson"), "several labels": ("sigmoid", "binary_cross_entropy"),
}  # fmt: skip


def _weights(rng: np.random.Generator) -> Any:
    """Draw an initializer, of usual size, of zeros, or huge."""
    name = str(rng.choice(sorted(set(initializers) - {"constant"})))
    size = float(rng.choice((0.0, 0.3, 10.0, 1e6)))
    return name if rng.random() < 0.5 else initializers.from_dict({"op": "normal", "std": size})


def _optimizer(rng: np.random.Generator) -> Any:
    """Draw an optimizer, mostly with its usual rate."""
    name, rate = str(rng.choice(sorted(optimizers))), rng.choice(np.array(RATES, object))
    made = optimizers.make(name)
    return made if rate is None or not hasattr(made, "rate") else type(made)(rate=float(rate))
