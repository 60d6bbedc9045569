"""Backward passes as learners write them in NumPy, right ones and ones with a planted mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import backlit as bl


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


VALUES = {"tanh": np.tanh, "sigmoid": sigmoid, "relu": lambda z: np.maximum(z, 0.0), "identity": lambda z: z,
          "softmax": softmax}  # fmt: skip
SLOPES = {"tanh": lambda z, a: 1.0 - a * a, "sigmoid": lambda z, a: a * (1.0 - a),
          "relu": lambda z, a: (z > 0).astype(z.dtype), "identity": lambda z, a: np.ones_like(z)}  # fmt: skip


class Case(NamedTuple):
    """A network as a learner's code has it: units and activations of its layers, its loss, the rows."""

    name: str
    inputs: int
    layers: tuple[tuple[int, str], ...]
    loss: str
    rows: int = 4

    @property
    def activations(self) -> tuple[str, ...]:
        return tuple(activation for _, activation in self.layers)

    def network(self, dtype: str = "float64") -> bl.Network:
        made = bl.Network([bl.Dense(units, a) for units, a in self.layers], self.inputs, self.loss, dtype=dtype, seed=7)
        rng = np.random.default_rng(3)
        for name in made:
            made[name] = rng.normal(0.0, 0.8, made[name].shape)
        return made

    def data(self) -> tuple[Any, Any]:
        rng = np.random.default_rng(11)
        outputs = self.layers[-1][0]
        X = rng.normal(size=(self.rows, self.inputs)).round(3)
        if self.loss == "cross_entropy":
            return X, np.eye(outputs)[rng.integers(0, outputs, self.rows)]
        if self.loss == "binary_cross_entropy":
            return X, rng.integers(0, 2, (self.rows, outputs)).astype(float)
        return X, rng.normal(0.5, 0.3, (self.rows, outputs)).round(3)


CASES = (
    Case("one hidden layer", 2, ((3, "tanh"), (2, "sigmoid")), "half_squared_error"),
    Case("mean squared error", 3, ((3, "sigmoid"), (2, "identity")), "mse", 3),
    Case("yes or no", 2, ((3, "tanh"), (3, "tanh"), (1, "sigmoid")), "binary_cross_entropy", 5),
    Case("classes", 3, ((4, "relu"), (4, "tanh"), (3, "softmax")), "cross_entropy"),
    Case("one row", 2, ((2, "sigmoid"), (2, "sigmoid")), "half_squared_error", 1),
    Case("four layers", 2, ((2, "tanh"), (3, "sigmoid"), (3, "tanh"), (2, "identity")), "mse", 3),
)


class Flaw(NamedTuple):
    """A planted mistake: its name, the codes that may name it, and the cases in which it can be made."""

    name: str
    codes: frozenset[str]
    can: Callable[[Case], bool] = lambda case: True


def hidden(activation: str) -> Callable[[Case], bool]:
    return lambda case: activation in case.activations[:-1]


def several(case: Case) -> bool:
    return case.rows > 1


def squared(case: Case) -> bool:
    return "squared" in case.loss or case.loss == "mse"


def shaped(case: Case) -> bool:
    return squared(case) and case.activations[-1] != "identity"


FLAWS = tuple(Flaw(name, frozenset(codes.split()), can) for name, codes, can in (
    ("hidden slope left out", "slope-left-out", lambda case: True),
    ("output slope left out", "slope-left-out", shaped),
    ("all slopes left out", "slope-left-out", shaped),
    ("slope twice", "slope-twice", lambda case: True),
    ("tanh slope as sigmoid", "tanh-slope-as-sigmoid", hidden("tanh")),
    ("sigmoid slope as tanh", "sigmoid-slope-as-tanh", hidden("sigmoid")),
    ("slope at net", "slope-at-net", lambda case: hidden("tanh")(case) or hidden("sigmoid")(case)),
    ("slope at out", "slope-at-out", lambda case: hidden("tanh")(case) or hidden("sigmoid")(case)),
    ("relu slope one", "relu-slope-one slope-left-out", hidden("relu")),
    ("out for slope", "out-for-slope", lambda case: hidden("tanh")(case) or hidden("sigmoid")(case)),
    ("error sign", "error-sign", lambda case: True),
    ("mean forgotten", "mean-forgotten mean-over-outputs", several),
    ("mean twice", "mean-twice", several),
    ("over outputs too", "mean-over-rows-and-outputs mean-over-outputs mean-of-outputs-for-a-sum",
     lambda case: case.loss != "mse" and case.layers[-1][0] > 1),
    ("over rows alone", "mean-over-rows-alone", lambda case: case.loss == "mse"),
    ("two in slope", "two-kept-in-slope", lambda case: case.loss == "half_squared_error"),
    ("two left out", "two-left-out-of-slope half-kept-in-slope", lambda case: case.loss == "mse"),
    ("last row alone", "rows-not-added one-row", several),
    ("bias left out", "bias-left-out", lambda case: True),
    ("bias subtracted", "bias-subtracted", lambda case: True),
    ("output error for hidden", "output-error-for-hidden", lambda case: case.layers[-1][0] == case.layers[-2][0]),
    ("weights left out", "weights-left-out", lambda case: True),
    ("transposed weights", "transposed-weights-back", lambda case: any(
        a[0] == b[0] for a, b in zip(case.layers, case.layers[1:], strict=False))),
    ("one share", "one-share", lambda case: case.layers[-1][0] > 1),
    ("updated weights", "updated-weights", lambda case: True),
    ("divided twice", "divided-twice slope-left-out", lambda case: case.loss.endswith("cross_entropy")),
    ("slope again", "slope-again squared-error-taken", lambda case: case.loss == "binary_cross_entropy"),
    ("input for hidden output", "other-input layer-skipped", lambda case: case.inputs == case.layers[-2][0]),
    ("bias slope times input", "bias-slope-times-input", lambda case: True),
    ("absolute error", "absolute-error-taken", squared),
))  # fmt: skip


RATE = 0.5


def slope(case, flaw, k, z, a):
    """Give da/dz of a layer's activation, as the flaw has it."""
    last, name = k == len(case.layers) - 1, case.activations[k]
    curved = name in {"tanh", "sigmoid"} and not last
    changed = {
        "all slopes left out": lambda: np.ones_like(z),
        "output slope left out": lambda: np.ones_like(z) if last else None,
        "hidden slope left out": lambda: None if last else np.ones_like(z),
        "tanh slope as sigmoid": lambda: a * (1.0 - a) if name == "tanh" and not last else None,
        "sigmoid slope as tanh": lambda: 1.0 - a * a if name == "sigmoid" and not last else None,
        "slope at net": lambda: SLOPES[name](z, z) if curved else None,
        "slope at out": lambda: SLOPES[name](a, VALUES[name](a)) if curved else None,
        "relu slope one": lambda: np.ones_like(z) if name == "relu" else None,
        "out for slope": lambda: a if curved else None,
        "slope twice": lambda: None if last else SLOPES[name](z, a) ** 2,
    }.get(flaw, lambda: None)()
    return SLOPES[name](z, a) if changed is None else changed


def output_delta(case, flaw, z, a, Y):
    """Give dE/dz of the last layer, as the flaw has it."""
    n, k = a.shape
    scale = 1.0 / (n * k) if case.loss == "mse" else 1.0 / n
    scale = {"mean forgotten": scale * n, "mean twice": scale / n, "over outputs too": scale / k,
             "over rows alone": scale * k}.get(flaw, scale)  # fmt: skip
    error = Y - a if flaw == "error sign" else a - Y
    if squared(case):
        factor = 2.0 if case.loss == "mse" else 1.0
        factor = {"two in slope": 2.0, "two left out": 1.0}.get(flaw, factor)
        if flaw == "absolute error":
            error = np.sign(error) / factor
        return factor * error * scale * slope(case, flaw, len(case.layers) - 1, z, a)
    if flaw == "divided twice":
        error = error / (a * (1.0 - a)) if case.loss == "binary_cross_entropy" else error / a
    if flaw == "slope again":
        error = error * a * (1.0 - a)
    return error * scale


def back(flaw, delta, W, first, *, last):
    """Give dE/da of the layer before, as the flaw has it; `first` is the last layer's delta."""
    if flaw == "transposed weights" and W.shape[0] == W.shape[1]:
        return delta @ W
    if flaw == "weights left out":
        return np.repeat(delta.sum(axis=1, keepdims=True), W.shape[0], axis=1)
    if flaw == "one share" and last:
        return delta[:, :1] @ W[:, :1].T
    if flaw == "output error for hidden" and last:
        return first
    return delta @ W.T


def backward(case: Case, flaw: str = "") -> Callable[..., Any]:
    """Give a learner's function for a case; `flaw` is the mistake in it."""
    last = len(case.layers) - 1

    def my_backward(X, Y, *arrays):
        W, b = [w.copy() for w in arrays[::2]], arrays[1::2]
        A, Z = [X], []
        for k, name in enumerate(case.activations):
            shift = {"bias left out": 0.0, "bias subtracted": -b[k]}.get(flaw, b[k])
            Z.append(A[-1] @ W[k] + shift)
            A.append(VALUES[name](Z[-1]))
        delta, grads = output_delta(case, flaw, Z[-1], A[-1], Y), []
        first = delta
        for k in range(last, -1, -1):
            read = X if flaw == "input for hidden output" and k == last else A[k]
            rows = slice(-1, None) if flaw == "last row alone" else slice(None)
            dW, db = read[rows].T @ delta[rows], delta[rows].sum(axis=0)
            if flaw == "bias slope times input":
                db = (delta * read[:, :1]).sum(axis=0)
            grads[:0] = [dW, db]
            if k:
                W[k] -= RATE * dW if flaw == "updated weights" else 0.0
                before = back(flaw, delta, W[k], first, last=k == last)
                delta = before * slope(case, flaw, k - 1, Z[k - 1], A[k])
        return grads

    return my_backward
