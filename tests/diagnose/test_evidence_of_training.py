"""The numbers that findings of training name, against the network's own; and tests that take any legal training."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.diagnose import diagnose
from backlit.diagnose.ahead import RateSearch
from backlit.diagnose.case import Case
from backlit.diagnose.finding_tests import finding_tests
from backlit.diagnose.plan import Plan
from backlit.diagnose.records import Finding
from backlit.engine import Repetition, Training
from backlit.errors import BacklitError, BacklitWarning
from backlit.ops.initializers import Constant

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 3))
PRODUCT = X[:, 0] * X[:, 1]
CLASSES = (PRODUCT > 0.0).astype(int)


def _network(*hidden: Any, last: str = "softmax", units: int = 2, loss: str = "cross_entropy", **given: Any) -> Any:
    return bl.Network([*hidden, bl.Dense(units, last)], 3, loss, seed=1, **given)


def _numbers(*hidden: Any) -> Any:
    return _network(*hidden, last="identity", units=1, loss="half_squared_error")


def _training(network: Any, Y: Any = CLASSES, *, rows: int = 40, validated: bool = True, **settings: Any) -> Training:
    given: dict[str, Any] = {"epochs": 4} | settings
    if validated:
        given["validation"] = (X[40:], Y[40:])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", BacklitWarning)
        return Training(network, X[:rows], Y[:rows], **given).run()


def _found(code: str, training: Training, *, compare: bool = False) -> Finding | None:
    case = Case(training, Plan.of(training), compare=compare)
    with np.errstate(all="ignore"):
        return next(test.run for test in finding_tests() if test.code == code)(case)


def test_dead_units_are_counted() -> None:
    network = _network(bl.Dense(10, "relu", biases=[-50.0] * 6 + [0.0] * 4))
    found = _found("BL305", _training(network))
    assert found is not None
    assert (found.measured, found.layer) == (0.6, "1")
    assert "biases that begin at 0" in found.remedies[0].words


def test_the_vanishing_gradient_is_the_ratio_of_norms_at_the_first_weights() -> None:
    network = _network(*[bl.Dense(8, "sigmoid")] * 6)
    first = network.copy()
    found = _found("BL303", _training(network))
    gradient = first.gradient(X[:40], CLASSES[:40])
    norms = [np.sqrt(np.sum(gradient[f"{k}.W"] ** 2) + np.sum(gradient[f"{k}.b"] ** 2)) for k in (1, 7)]
    assert found is not None
    assert found.measured == pytest.approx(norms[0] / norms[1])
    assert "0.25^6" in found.why


def test_a_loss_that_begins_too_high_stands_beside_its_theory() -> None:
    network = _network(bl.Dense(8, "tanh", weights=Constant(3.0)))
    first = float(network.evaluate(X[:40], CLASSES[:40]).loss)
    found = _found("BL302", _training(network))
    assert found is not None
    assert f"{first:.4g}" in found.details[0]
    assert f"{np.log(2):.4g}, which is ln 2" in found.details[0]


def test_divergence_names_update_batch_rows_and_layer() -> None:
    rows = X[:40].copy()
    rows[17] *= 1e120
    network = _numbers(bl.Dense(6, "relu"), bl.Dense(6, "relu"))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", BacklitWarning)
        training = Training(network, rows, PRODUCT[:40], optimizer=bl.SGD(0.01), batch_size=8, epochs=5).run()
    found = _found("BL403", training)
    assert found is not None
    assert training.stopped is not None
    told = re.fullmatch(r"diverged in epoch (\d+), batch (\d+)", training.stopped)
    assert told is not None
    assert f"update {(int(told[1]) - 1) * 5 + int(told[2])}" in found.place
    assert found.epoch == int(told[1])
    again = Repetition.of(training)
    batch = again.until_it_failed(training)
    order = Plan.of(training).training().row_order
    drawn = [order.draw(1, shuffle=True) for _ in range(int(told[1]))][-1]
    assert batch.tolist() == drawn[8 * int(told[2]) - 8 : 8 * int(told[2])].tolist()
    assert "index 17 the most, " in found.details[2]
    assert all(str(row) in found.details[1] for row in batch)
    assert "layer" in found.details[0] or "gradient" in found.details[0] or "loss" in found.details[0]


def test_a_training_that_did_not_diverge_has_no_batch_that_failed() -> None:
    training = _training(_network(bl.Dense(4, "relu")))
    with pytest.raises(BacklitError, match="expected one that diverged"):
        Repetition.of(training).until_it_failed(training)


def test_a_layer_and_its_unit_are_named_where_an_output_is_not_finite() -> None:
    training = _training(_numbers(bl.Dense(6, "relu")), PRODUCT, optimizer=bl.SGD(1e200), batch_size=8)
    found = _found("BL403", training)
    assert found is not None
    assert re.search(r"layer 2|network's output", found.details[0])
    assert "unit 1" in found.details[0]


def test_good_rates_lie_around_the_best_without_a_gap() -> None:
    found = {0.01: 0.3, 0.1: 0.12, 1.0: 0.1, 10.0: 0.15, 100.0: 2.0, 1000.0: 0.11}
    rates = RateSearch(0.5, 3, found)
    assert rates.good == [0.1, 1.0, 10.0]
    assert rates.advised == 0.5
    assert RateSearch(0.5, 3, {0.1: 0.11, 1.0: 0.1, 10.0: 0.1}).good == [0.1, 1.0, 10.0]
    assert RateSearch(0.5, 3, dict.fromkeys(found, 0.99)).learns is False


@pytest.mark.parametrize(("setting", "code"), [("clip_norm", "BL406"), ("clip_value", "BL406")])
@pytest.mark.parametrize("signals", [True, False])
def test_clipping_is_measured_with_and_without_signals(setting: str, code: str, signals: bool) -> None:
    given: dict[str, Any] = {"signals": signals, setting: 1e-6}
    found = _found(code, _training(_network(bl.Dense(8, "relu")), **given))
    assert found is not None
    assert found.measured == 1.0
    assert found.remedies[0].changes[0].value == {setting: None}


def test_a_limit_of_the_norms_is_strong_where_units_are_at_it() -> None:
    found = _found("BL505", _training(_network(bl.Dense(8, "relu")), max_norm=0.01))
    assert found is not None
    assert found.measured is not None
    assert found.measured >= 0.5
    assert _found("BL505", _training(_network(bl.Dense(8, "relu")), max_norm=50.0)) is None


def test_an_oscillating_loss_turns_around() -> None:
    training = _training(_numbers(bl.Dense(16, "tanh")), PRODUCT, optimizer=bl.RMSProp(0.3), epochs=60, keep_best=False)
    found = _found("BL404", training)
    assert found is not None
    loss = training.history["loss"][30:]
    assert found.measured == pytest.approx(float(np.median(np.abs(np.diff(loss))) / np.median(np.abs(loss))))


def test_a_plateau_is_the_longest_stretch_at_the_loss_of_zeros() -> None:
    network = _network(*[bl.Dense(8, "sigmoid")] * 8)
    found = _found("BL405", _training(network, epochs=40, optimizer=bl.SGD(0.001)))
    assert found is not None
    assert found.measured is not None
    assert found.measured > 0.9


LEGAL: dict[str, Callable[[], Training]] = {
    "no hidden layer": lambda: _training(_network()),
    "l-bfgs": lambda: _training(_network(bl.Dense(6, "tanh")), optimizer="lbfgs"),
    "one row": lambda: _training(_network(bl.Dense(6, "relu")), rows=1),
    "no validation": lambda: _training(_network(bl.Dense(6, "relu")), validated=False),
    "diverged at once": lambda: _training(_numbers(bl.Dense(6, "relu")), PRODUCT, optimizer=bl.SGD(1e300)),
    "no signals": lambda: _training(_network(bl.Dense(6, "relu")), signals=False),
    "float32": lambda: _training(_network(bl.Dense(6, "relu"), dtype="float32"), l1=0.1, l2=0.1),
    "dropout and batch norm": lambda: _training(
        _network(bl.Dense(6), bl.BatchNorm(), bl.ReLU(), bl.Dropout(0.9))),
    "weights given": lambda: _training(_network(bl.Dense(2, "relu", weights=[[0.0] * 2] * 3, biases=[-1.0, -1.0]))),
    "decay": lambda: _training(_network(bl.Dense(6, "relu")), optimizer=bl.AdamW(0.01, weight_decay=3.0)),
    "rprop": lambda: _training(_network(bl.Dense(6, "relu")), optimizer="rprop"),
    "no time": lambda: _training(_network(bl.Dense(6, "relu")), time_limit=1e-9),
    "constant targets": lambda: _training(_numbers(bl.Dense(6, "relu")), np.ones(70)),
    "plain python": lambda: _training(_network(bl.Dense(4, "relu")), compiled=False, epochs=1, rows=8, validated=False),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEGAL)
def test_any_legal_training_is_looked_at(kind: str) -> None:
    training = LEGAL[kind]()
    for compare in (True, False):
        case = Case(training, Plan.of(training), compare=compare)
        with np.errstate(all="ignore"):
            for test in finding_tests():
                found = test.run(case)
                assert found is None or msgspec.json.encode(found)
    assert diagnose(training).seconds > 0.0
