"""Changes of a plan: each does what it says to network, settings and rows, and leaves all else as it was."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

import backlit as bl
from backlit.diagnose import changes
from backlit.diagnose.changes import CHANGES, changed
from backlit.diagnose.plan import Plan, run
from backlit.diagnose.records import Change
from backlit.engine import Training
from backlit.errors import BacklitError

RNG = np.random.default_rng(0)
X = RNG.normal(3.0, [1.0, 50.0], (40, 2))
Y = (X[:, 0] > 3.0).astype(int)


def training(**settings: Any) -> Training:
    """Give a training of a small network that has not run."""
    network = bl.Network(
        [bl.Dense(4, "tanh"), bl.Dense(3, "sigmoid"), bl.Dense(2, "softmax")], 2, "cross_entropy", seed=3
    )
    given: dict[str, Any] = {"optimizer": bl.Adam(0.01), "epochs": 3, "seed": 5} | settings
    return bl.Training(network, X[:30], Y[:30], validation=(X[30:], Y[30:]), **given)


def test_a_plan_trains_the_same_bits_again() -> None:
    first = training().run()
    again = run(Plan.of(first).training())
    assert (again.network.parameters == first.network.parameters).all()
    assert np.array_equal(again.history["loss"], first.history["loss"])
    assert (Plan.of(first).network.parameters != first.network.parameters).any()


def test_a_plan_of_a_training_with_an_order_is_refused() -> None:
    given = training(order=lambda: np.arange(30))
    with pytest.raises(BacklitError, match="order of its rows from a function of yours"):
        Plan.of(given)


def test_settings_change_alone() -> None:
    plan = Plan.of(training())
    new = changed(plan, [changes.set_rate(0.5, 0.01), changes.set_setting("epochs", 7, "7 epochs")])
    assert (new.settings.optimizer.rate, new.settings.epochs) == (0.5, 7)
    back = msgspec.structs.replace(new.settings, optimizer=plan.settings.optimizer, epochs=3)
    assert back == plan.settings
    assert new.network is plan.network
    assert [change.name for change in new.changes] == ["rate", "setting"]


def test_a_change_that_does_not_fit_is_refused() -> None:
    plan = Plan.of(training(optimizer="lbfgs"))
    with pytest.raises(BacklitError, match="has no learning rate"):
        changed(plan, [changes.set_rate(0.5, 0.01)])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (changes.set_activation("relu", "tanh"), "2 -> 4 relu -> 3 relu -> 2 softmax"),
        (changes.set_units([8], [4, 3]), "2 -> 8 tanh -> 2 softmax"),
        (changes.add_batch_norm(), "2 -> 4 identity -> batch_norm -> tanh -> 3 identity -> batch_norm -> sigmoid -> 2"),
        (changes.set_dropout(0.5, 0.0), "2 -> 4 tanh -> dropout 0.5 -> 3 sigmoid -> dropout 0.5 -> 2 softmax"),
    ],
)
def test_layers_change(change: Change, expected: str) -> None:
    new = changed(Plan.of(training()), [change])
    assert expected in repr(new.network)
    assert run(new.training()).history


def test_dropout_is_taken_out_and_the_first_weights_stay() -> None:
    plan = changed(Plan.of(training()), [changes.set_dropout(0.5, 0.0)])
    none = changed(plan, [changes.set_dropout(0.0, 0.5)])
    assert "dropout" not in repr(none.network)
    assert (none.network.parameters == Plan.of(training()).network.parameters).all()


def test_first_weights_and_biases_are_the_usual_ones() -> None:
    network = bl.Network([bl.Dense(4, "relu", weights="zeros", biases=[1.0] * 4), bl.Dense(1)], 2, seed=3)
    plan = Plan.of(bl.Training(network, X, Y, seed=5))
    assert not plan.network["1.W"].any()
    usual = changed(plan, [changes.usual_weights()]).network
    twin = bl.Network([bl.Dense(4, "relu"), bl.Dense(1)], 2, seed=5)
    assert (usual.parameters == twin.parameters).all()
    assert not changed(plan, [changes.usual_biases()]).network["1.b"].any()
    assert plan.network["1.b"].all()


def test_standardized_rows_are_those_of_the_training_rows_alone() -> None:
    plan = changed(Plan.of(training()), [changes.standardize()])
    train, validation = plan.rows[0], plan.validation
    assert validation is not None
    np.testing.assert_allclose(train.mean(0), 0.0, atol=1e-12)
    np.testing.assert_allclose(train.std(0), 1.0)
    np.testing.assert_allclose(validation[0], (X[30:] - X[:30].mean(0)) / X[:30].std(0))
    np.testing.assert_allclose(plan.inputs_of(X[30:]), validation[0])


def test_changes_of_the_rows_add_up() -> None:
    both = changed(
        Plan.of(training()), [changes.standardize(), changes.leave_out_inputs([0], ["x"]), changes.standardize()]
    )
    assert both.network.inputs == 1
    assert both.validation is not None
    np.testing.assert_allclose(both.inputs_of(X[30:]), both.validation[0])
    assert run(both.training()).history


def test_targets_are_standardized_and_given_back_in_their_unit() -> None:
    network = bl.Network([bl.Dense(1)], 2, "mse")
    T = 1e6 + 100.0 * X[:, 0]
    plan = changed(Plan.of(bl.Training(network, X, T)), [changes.standardize_targets()])
    np.testing.assert_allclose(plan.outputs_of(plan.rows[1])[:, 0], T)
    np.testing.assert_allclose(plan.rows[1].std(), 1.0)


def test_rows_are_left_out_and_classes_weighted() -> None:
    plan = Plan.of(training())
    fewer = changed(plan, [changes.leave_out_rows([0, 7], "twice")])
    assert (fewer.rows[0] == np.delete(X[:30], [0, 7], axis=0)).all()
    weights = changed(plan, [changes.balance()]).rows[2]
    codes = Y[:30]
    assert weights[codes == 0].sum() == pytest.approx(weights[codes == 1].sum())
    assert weights.sum() == pytest.approx(30.0)


def test_the_output_and_the_loss_change_together() -> None:
    network = bl.Network([bl.Dense(4, "tanh"), bl.Dense(1)], 2, "mse", seed=3)
    plan = Plan.of(bl.Training(network, X, Y, epochs=2))
    new = changed(plan, [changes.set_output("sigmoid", "binary_cross_entropy", "identity")])
    assert "1 sigmoid; binary_cross_entropy" in repr(new.network)
    assert run(new.training()).history


def test_every_change_is_a_record() -> None:
    made = [
        changes.set_rate(0.1, 1.0), changes.set_setting("epochs", 2, "two"), changes.set_activation("relu", "tanh"),
        changes.usual_weights(), changes.usual_biases(), changes.add_batch_norm(), changes.set_dropout(0.0, 0.5),
        changes.set_units([3], [4]), changes.set_output("identity", "mse", "relu"), changes.standardize(),
        changes.standardize_targets(), changes.leave_out_inputs([1], ["x"]), changes.leave_out_rows([1], "twice"),
        changes.balance(),
    ]  # fmt: skip
    for change in made:
        assert msgspec.json.decode(msgspec.json.encode(change), type=Change).words == change.words
        assert change.words
        assert change.python
    assert {change.name for change in made} <= set(CHANGES)
