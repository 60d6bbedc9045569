"""Findings of first weights, rate and capacity: each planted fault is found first, and its remedy cures it.

The tables and networks are small, so that each training takes milliseconds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import backlit as bl
from backlit.diagnose import diagnose
from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding_tests
from backlit.diagnose.plan import Plan
from backlit.engine import Training
from backlit.errors import BacklitWarning
from backlit.ops.initializers import Constant, Normal
from backlit.ops.registry import schedules

TRAINED = 200


class Table(NamedTuple):
    """Inputs (n, inputs), targets (n,), and the number of classes; 0 where the targets are numbers."""

    X: np.ndarray
    y: np.ndarray
    classes: int


def _moons() -> Table:
    rng = np.random.default_rng(3)
    y = rng.integers(2, size=400)
    angle = np.pi * rng.uniform(size=400)
    X = np.column_stack([np.cos(angle) + y, np.where(y, 0.5 - np.sin(angle), np.sin(angle))])
    X += 0.12 * rng.normal(size=X.shape)
    return Table((X - X.mean(axis=0)) / X.std(axis=0), y, 2)


def _product() -> Table:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(400, 4))
    y = X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + 0.1 * rng.normal(size=400)
    return Table(X, (y - y.mean()) / y.std(), 0)


TABLES = {"moons": _moons(), "product": _product()}


def trained(table: Table, hidden: list[Any], *, last: dict[str, Any] | None = None, **settings: Any) -> Training:
    """Train hidden layers with a last one that fits a table, on half of its rows, and validate on the other half."""
    output = bl.Dense(table.classes or 1, "softmax" if table.classes else "identity", **(last or {}))
    loss = "cross_entropy" if table.classes else "half_squared_error"
    network = bl.Network([*hidden, output], table.X.shape[1], loss, seed=1)
    given: dict[str, Any] = {"optimizer": bl.Adam(0.01), "epochs": 60, "keep_best": True} | settings
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", BacklitWarning)
        return Training(
            network, table.X[:TRAINED], table.y[:TRAINED], validation=(table.X[TRAINED:], table.y[TRAINED:]), **given
        ).run()


def _relu(*units: int, **given: Any) -> list[Any]:
    return [bl.Dense(count, "relu", **given) for count in units]


def _healthy(table: Table, **settings: Any) -> Training:
    return trained(table, _relu(32), **settings)


FALLING = schedules.from_dict({"op": "exponential", "factor": 0.3})

PLANTED: dict[str, tuple[tuple[str, ...], str, Callable[[Table], Training]]] = {
    "equal weights": (("BL301",), "moons", lambda table: trained(
        table, _relu(16, weights=Constant(0.3)), last={"weights": Constant(0.3)})),
    "zero weights": (("BL301",), "product", lambda table: trained(
        table, _relu(16, weights="zeros"), last={"weights": "zeros"})),
    "tanh of large weights": (("BL302", "BL306"), "moons", lambda table: trained(
        table, [bl.Dense(32, "tanh", weights=Normal(60.0)), bl.Dense(16, "tanh", weights=Normal(60.0))])),
    "relu of large weights": (("BL302", "BL304"), "product", lambda table: trained(
        table, _relu(32, 32, weights=Normal(20.0)), last={"weights": Normal(20.0)})),
    "8 sigmoid layers": (("BL303",), "moons", lambda table: trained(table, [bl.Dense(16, "sigmoid")] * 8)),
    "biases of -8": (("BL305",), "product", lambda table: trained(table, _relu(24, biases=Constant(-8.0)))),
    "no non-linearity": (("BL307",), "moons", lambda table: trained(table, [bl.Dense(32), bl.Dense(16)])),
    "rate / 1000": (("BL401",), "product", lambda table: _healthy(table, optimizer=bl.Adam(1e-5))),
    "rate / 1000, momentum": (("BL401",), "moons", lambda table: _healthy(table, optimizer=bl.Momentum(2e-5))),
    "rate * 500": (("BL402",), "moons", lambda table: _healthy(table, optimizer=bl.Adam(5.0))),
    "rate * 200, momentum": (("BL402",), "product", lambda table: _healthy(table, optimizer=bl.Momentum(5.0))),
    "a schedule that falls": (("BL401",), "moons", lambda table: _healthy(table, schedule=FALLING)),
    "clipping": (("BL406",), "moons", lambda table: _healthy(table, optimizer=bl.Momentum(0.02), clip_norm=1e-5)),
    "a batch of all rows": (("BL407",), "moons", lambda table: _healthy(
        table, batch_size="full", optimizer=bl.Momentum(0.02))),
    "a batch of one row": (("BL408", "BL402"), "product", lambda table: _healthy(
        table, batch_size=1, optimizer=bl.Momentum(0.05))),
    "3 epochs": (("BL501",), "moons", lambda table: _healthy(table, epochs=3)),
    "patience 1": (("BL501",), "product", lambda table: _healthy(table, patience=1, tolerance=0.3)),
    "one unit": (("BL503",), "product", lambda table: trained(table, [bl.Dense(1, "tanh")], epochs=150)),
    "no hidden layer": (("BL503",), "moons", lambda table: trained(table, [], epochs=150)),
    "dropout .9": (("BL504",), "moons", lambda table: trained(table, [*_relu(32), bl.Dropout(0.9)])),
    "l2 of 1": (("BL505",), "product", lambda table: _healthy(table, l2=1.0)),
    "l1 of .5": (("BL505",), "moons", lambda table: _healthy(table, l1=0.5)),
    "max_norm": (("BL505",), "product", lambda table: _healthy(table, max_norm=0.02)),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_first_and_cured(fault: str) -> None:
    codes, name, make = PLANTED[fault]
    found = diagnose(make(TABLES[name]), fix=True)
    assert found.harmed
    assert found.findings[0].code in codes, [finding.code for finding in found.findings]
    assert found.tried[0].code == found.findings[0].code
    assert found.tried[0].helped
    assert max(tried.closed or 0.0 for tried in found.tried[:2]) > 0.8


LOOK_ALIKES: dict[str, tuple[str, str, Callable[[Table], Training]]] = {
    "a last layer that begins at 0": ("BL301", "moons", lambda table: trained(
        table, _relu(32), last={"weights": "zeros"})),
    "weights of twice the usual size": ("BL302", "product", lambda table: trained(
        table, _relu(32, weights=Normal(1.4)))),
    "two sigmoid layers": ("BL303", "moons", lambda table: trained(table, [bl.Dense(16, "sigmoid")] * 2)),
    "five relu layers": ("BL304", "product", lambda table: trained(table, _relu(16, 16, 16, 16, 16))),
    "a quarter of the units are dead": ("BL305", "moons", lambda table: trained(
        table, _relu(32, biases=[-9.0] * 8 + [0.0] * 24))),
    "tanh of twice the usual weights": ("BL306", "product", lambda table: trained(
        table, [bl.Dense(32, "tanh", weights=Normal(0.6))])),
    "a leaky_relu": ("BL307", "moons", lambda table: trained(table, [bl.Dense(32, "leaky_relu")])),
    "a low rate that arrives": ("BL401", "moons", lambda table: _healthy(table, optimizer=bl.Adam(0.002), epochs=300)),
    "a high rate that converges": ("BL402", "moons", lambda table: _healthy(table, optimizer=bl.Adam(0.05))),
    "a loss that falls": ("BL404", "product", _healthy),
    "a steep start": ("BL405", "product", _healthy),
    "clipping of outliers": ("BL406", "product", lambda table: _healthy(table, clip_norm=2.0)),
    "large batches that arrive": ("BL407", "moons", lambda table: _healthy(table, batch_size="full", epochs=1500)),
    "batches of 16": ("BL408", "moons", lambda table: _healthy(table, batch_size=16)),
    "patience that has waited": ("BL501", "moons", lambda table: _healthy(table, epochs=2000, patience=40)),
    "a loss that no longer falls": ("BL501", "product", lambda table: _healthy(table, epochs=400)),
    "early stopping": ("BL502", "moons", lambda table: _healthy(table, epochs=300)),
    "enough units": ("BL503", "product", lambda table: _healthy(table, epochs=150)),
    "dropout .1": ("BL504", "moons", lambda table: trained(table, [*_relu(64), bl.Dropout(0.1)])),
    "a penalty of 1 / rows": ("BL505", "product", lambda table: _healthy(table, l2=1.0 / TRAINED)),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOOK_ALIKES)
def test_what_only_looks_like_a_fault_is_not_found(kind: str) -> None:
    code, name, make = LOOK_ALIKES[kind]
    training = make(TABLES[name])
    case = Case(training, Plan.of(training))
    with np.errstate(all="ignore"):
        assert next(test.run for test in finding_tests() if test.code == code)(case) is None


def test_overfitting_is_found_and_early_stopping_or_a_penalty_cures_it() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1040, 8))
    y = X[:, 0] - X[:, 1] + 0.7 * rng.normal(size=1040)
    network = bl.Network([bl.Dense(64, "tanh"), bl.Dense(1)], 8, "half_squared_error", seed=1)
    training = Training(network, X[:40], y[:40], validation=(X[40:], y[40:]), optimizer=bl.Adam(0.02), epochs=800,
                        keep_best=False).run()  # fmt: skip
    found = diagnose(training, fix=True)
    assert found.findings[0].code == "BL502"
    assert found.findings[0].measured is not None
    assert found.findings[0].measured > 0.1
    assert found.tried[0].helped
    assert (found.tried[0].closed or 0.0) > 0.8


def test_dead_units_of_a_layer_without_biases_are_found():
    """There is no bias to be low: what is left is the weights, or another activation."""
    network = bl.Network(
        [bl.Dense(2, "relu", bias=False, weights=[[-1.0, -1.0]]), bl.Dense(1)], 1, "half_squared_error", seed=1
    )
    X = np.linspace(0.1, 1.0, 20)[:, None]
    training = Training(network, X, X, epochs=2, signals=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BacklitWarning)
        training.run()
    found = {finding.code: finding for finding in diagnose(training).findings}
    assert not any("biases that begin" in remedy.words for remedy in found["BL305"].remedies)
