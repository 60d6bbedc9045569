"""Trainings with faults planted in them, and what the tests of findings say of them, for tests/diagnose."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

import backlit as bl
from backlit.diagnose.case import Case
from backlit.diagnose.changes import changed
from backlit.diagnose.finding_tests import finding_tests
from backlit.diagnose.plan import Plan, run
from backlit.diagnose.records import Finding
from backlit.diagnose.trial import state_of
from backlit.engine import Training

Array = Any
Table = tuple[Array, Array]


def numbers(seed: int = 0, n: int = 300, inputs: int = 5) -> Table:
    """Give inputs and a smooth target with a tenth of its variance noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, inputs))
    y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * X[:, 3]
    return X, (y - y.mean()) / y.std() + 0.3 * rng.normal(size=n)


def classes(seed: int = 0, n: int = 300, apart: float = 2.5) -> Table:
    """Give three classes around corners, which overlap a little."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    return rng.normal(size=(n, 4)) + apart * np.eye(4)[y], y


def rare(seed: int = 0, n: int = 400, share: float = 0.04, apart: float = 2.0) -> Table:
    """Give two classes of which the second is rare."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % round(1 / share) == 0).astype(int)
    return rng.normal(size=(n, 4)) + apart * y[:, None] * np.array([1.0, 1.0, 0.0, 0.0]), y


def trained(
    X: Array, Y: Array, output: str = "identity", loss: str = "half_squared_error", *, units: int | None = None,
    rate: float = 0.01, epochs: int = 60, held_out: float = 0.33, hidden: Any = None, **settings: Any,
) -> Training:  # fmt: skip
    """Train a small network on the first rows; the last ones are to validate on."""
    Y = np.asarray(Y)
    n = len(X) - round(held_out * len(X))
    if units is None:
        units = int(Y.max()) + 1 if "cross_entropy" in loss and "binary" not in loss else Y[:1].size
    layers = [*(hidden or [bl.Dense(16, "tanh")]), bl.Dense(units, output)]
    network = bl.Network(layers, X.shape[1], loss, seed=1)
    given: dict[str, Any] = {"optimizer": bl.Adam(rate), "epochs": epochs, "seed": 2} | settings
    if n < len(X) and "validation" not in given:
        given["validation"] = (X[n:], Y[n:])
    return run(Training(network, X[:n], Y[:n], **given))


def of_numbers(table: Table, **settings: Any) -> Training:
    """Train on numbers, as they are usually trained on."""
    return trained(*table, **settings)


def of_classes(table: Table, **settings: Any) -> Training:
    """Train on class numbers, as they are usually trained on."""
    return trained(*table, "softmax", "cross_entropy", **settings)


def case_of(training: Training, *, compare: bool = False, columns: Any = None) -> Case:
    """Give the case of a training; by default without references."""
    return Case(training, Plan.of(training), compare=compare, columns=columns)


def found(case: Case, code: str) -> Finding | None:
    """Give what the test of a code finds, and see that it turns into JSON."""
    (test,) = [test for test in finding_tests() if test.code == code]
    finding = test.run(case)
    if finding is not None:
        assert finding.code == code
        assert finding.measured is None or np.isfinite(finding.measured)
        assert msgspec.json.encode(finding)
    return finding


def codes(case: Case, *, by_itself: bool = False) -> list[str]:
    """Give the codes of all data and output findings, or of those that stand for themselves."""
    tests = [test for test in finding_tests() if test.code[2] in "12" and (test.by_itself or not by_itself)]
    return [test.code for test in tests if found(case, test.code) is not None]


def with_remedy(case: Case, finding: Finding, k: int = 0) -> tuple[float, Training]:
    """Train with a finding's remedy; give the unexplained share of the held-out rows, and the training."""
    plan = changed(case.plan, finding.remedies[k].changes)
    training = run(plan.training())
    return float(state_of(case, plan, training).scores.mean()), training
