"""Remedies that make sense: they apply, change something and stand once; and findings hold in odd networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from planted import case_of, found, numbers, of_numbers

import backlit as bl
from backlit.diagnose import changes, diagnose, finding_tests
from backlit.diagnose.ahead import RateSearch
from backlit.diagnose.case import REFERENCE_ROWS, Case
from backlit.diagnose.plan import Plan, run
from backlit.diagnose.records import Change, Finding, Remedy
from backlit.diagnose.remedies import sensible, slower
from backlit.diagnose.start import settled
from backlit.engine import Training
from backlit.ops.initializers import Constant, Normal
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.registry import activations

RNG = np.random.default_rng(0)


def _case(hidden: list[Any] | None = None, X: Any = None, **settings: Any) -> Case:
    """Give the case of a training on numbers, without references."""
    table, y = numbers()
    X = table if X is None else X
    given = {"optimizer": bl.Adam(0.01), "epochs": 3, "batch_size": 32} | settings
    network = bl.Network([*(hidden or [bl.Dense(8, "relu")]), bl.Dense(1)], X.shape[1], "half_squared_error", seed=1)
    training = run(Training(network, X[:200], y[:200], validation=(X[200:], y[200:]), **given))
    return Case(training, Plan.of(training), compare=False)


KEPT: dict[str, tuple[Change, dict[str, Any], bool]] = {
    "another rate": (changes.set_rate(0.1, 0.01), {}, True),
    "the rate that it has": (changes.set_rate(0.01, 0.01), {}, False),
    "a rate for an optimizer without one": (changes.set_rate(0.1, 0.01), {"optimizer": "lbfgs"}, False),
    "weights drawn anew": (changes.usual_weights(), {}, False),
    "instead of large weights": (
        changes.usual_weights(), {"hidden": [bl.Dense(8, "relu", weights=Normal(9.0))]}, True),
    "instead of equal weights": (
        changes.usual_weights(), {"hidden": [bl.Dense(8, "relu", weights=Constant(0.3))]}, True),
    "biases that begin at 0": (changes.usual_biases(), {}, False),
    "another activation": (changes.set_activation("tanh", "relu"), {}, True),
    "the activation that it has": (changes.set_activation("relu", "relu"), {}, False),
    "standardized inputs": (changes.standardize(), {"X": numbers()[0] * 50.0}, True),
    "standardized already": (changes.standardize(), {}, False),
    "the epochs that it has": (changes.set_setting("epochs", 3, "3 epochs"), {}, False),
    "the units that it has": (changes.set_units([8], [8]), {}, False),
    "no dropout where there is none": (changes.set_dropout(0.0, 0.0), {}, False),
}  # fmt: skip


@pytest.mark.parametrize(("change", "given", "kept"), KEPT.values(), ids=KEPT.keys())
def test_remedies_change_something(change: Change, given: dict[str, Any], kept: bool) -> None:
    remedy = Remedy("this", (change,))
    assert sensible(_case(**given), [remedy]) == ((remedy,) if kept else ())


def test_a_remedy_stands_once() -> None:
    case = _case()
    (one,) = slower(case, 10.0)
    again = Remedy("the same in other words", one.changes)
    assert sensible(case, [one, again]) == (one,)
    assert slower(_case(optimizer="lbfgs"), 10.0) == ()


def test_a_rate_that_is_too_large_is_not_cured_by_a_larger_one() -> None:
    case = _case(optimizer=bl.SGD(1.0))
    shares = {0.01: 0.2, 0.1: 0.2, 0.3: 0.2, 1.0: 0.27, 3.0: 0.27, 10.0: 0.27, 100.0: 0.27}
    case.__dict__["rates"] = RateSearch(1.0, 3, shares)
    finding = found(case, "BL402")
    assert finding is not None
    rates = [remedy.changes[0].value for remedy in finding.remedies]
    assert len(set(rates)) == len(rates)
    assert max(rates) <= 0.3


# --------------------------------------------------------------------------------------- activations of their own layer


def _normalized(bias: float) -> list[Any]:
    return [bl.Dense(8, biases=bias), BatchNorm(), activations.make("relu")]


def test_units_behind_a_normalization_are_looked_at_behind_it() -> None:
    case = _case(_normalized(-50.0), epochs=5)
    assert found(case, "BL305") is None
    assert found(case, "BL307") is None
    (hidden,) = case.hidden
    assert (hidden.label, hidden.active) == ("1", "3")
    X = case.sample
    Z = X @ case.first_network["1.W"] + case.first_network["1.b"]
    expected = np.maximum((Z - Z.mean(0)) / np.sqrt(Z.var(0) + BatchNorm().epsilon), 0.0)
    np.testing.assert_allclose(case.hidden_outputs(hidden, first=True), expected, atol=1e-9)


def test_units_that_are_dead_behind_a_normalization_are_found() -> None:
    case = _case(_normalized(0.0), epochs=1)
    case.training.network["2.beta"] = -50.0
    finding = found(case, "BL305")
    assert finding is not None
    assert finding.measured == 1.0


def test_settled_statistics_are_those_of_the_rows() -> None:
    network = _case(_normalized(3.0)).first_network
    X = RNG.normal(2.0, 3.0, (50, 5))
    Z = X @ network["1.W"] + network["1.b"]
    after = settled(network, X)
    first, _ = after.state_layout["2.mean"]
    np.testing.assert_allclose(after.state[first : first + 8], Z.mean(axis=0))
    assert (network.state != after.state).any()


# ------------------------------------------------------------------------------------------------ equal and few weights


def test_zeros_whose_gradients_differ_are_no_finding() -> None:
    assert found(_case([bl.Dense(8, "tanh", weights="zeros")]), "BL301") is None


def test_zeros_that_no_gradient_reaches_are_found() -> None:
    finding = found(_case([bl.Dense(8, "relu", weights="zeros")]), "BL301")
    assert finding is not None
    assert finding.measured == 0.0
    assert "no gradient comes back" in finding.why


def test_the_usual_size_of_a_single_weight_is_not_one_draw() -> None:
    excess = []
    for seed in range(30):
        network = bl.Network([bl.Dense(1, "tanh"), bl.Dense(1)], 1, seed=seed)
        training = run(Training(network, RNG.normal(size=(20, 1)), RNG.normal(size=20), epochs=1, seed=seed + 100))
        excess += case_of(training).start.excess.values()
    assert max(excess) < 3.0


# --------------------------------------------------------------------------------------------------------- many rows


def test_references_of_many_rows_see_some_of_them_and_that_is_said() -> None:
    X = RNG.normal(size=(REFERENCE_ROWS + 300, 2))
    y = X[:, 0] * X[:, 1]
    network = bl.Network([bl.Dense(8, "relu"), bl.Dense(1)], 2, "half_squared_error", seed=1)
    many = X[:-200], y[:-200]
    training = run(Training(network, *many, validation=(X[-200:], y[-200:]), epochs=1, batch_size=256))
    diagnosis = diagnose(training)
    assert any(f"{REFERENCE_ROWS:,} of the {len(many[0]):,} training rows" in told for told in diagnosis.unsaid)
    case = Case(training, Plan.of(training))
    assert {len(reference.training.X) for reference in case.references} == {REFERENCE_ROWS}


def test_a_healthy_training_of_numbers_has_no_finding() -> None:
    assert diagnose(of_numbers(numbers(n=600))).findings == ()


@pytest.mark.parametrize("size", [1e100, 1e160, 1e300])
def test_layers_are_no_more_linear_where_their_numbers_are_huge(size: float) -> None:
    case = _case()
    case.training.network.parameters[:] *= size
    case.training.network["2.W"] = 0.0
    assert found(case, "BL307") is None


def test_a_measure_that_is_no_number_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding_tests, "_tests", {})
    given = Finding(
        code="BL999", name="odd", place="here", measure="a share", measured=0.5, threshold=0.1, healthy="", why=""
    )
    test = finding_tests.finding("BL999", "odd")
    assert test(lambda _: given)(_case()) is not None
    assert test(lambda _: replace(given, measured=float("nan")))(_case()) is None


@pytest.mark.parametrize(("size", "offered"), [(1.0, False), (100.0, True)])
def test_inputs_of_a_good_size_are_not_to_be_scaled_where_it_diverges(size: float, offered: bool) -> None:
    X = numbers()[0] * size
    X[:, 0] = X[:, 0] > 0.0  # a column of yes and no: another one, were it standardized
    finding = found(_case(X=X, optimizer=bl.SGD(1e30)), "BL403")
    assert finding is not None
    words = [remedy.words for remedy in finding.remedies]
    assert len(words) > 1
    assert ("standardized inputs" in words) is offered
