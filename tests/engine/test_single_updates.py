"""A training whose updates are made one at a time ends with the bits of the same training in one go."""

from __future__ import annotations

import numpy as np
import pytest

from backlit.engine import Network, SingleUpdates, Training
from backlit.errors import BacklitError
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.schedules import ReduceOnPlateau

pytestmark = pytest.mark.filterwarnings("ignore::backlit.errors.BacklitWarning")  # of batches of one row

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(23, 3)), RNG.normal(size=(23, 2))
CASES = {
    "batches": {"batch_size": 5},
    "row by row, as they are": {"batch_size": 1, "shuffle": False},
    "patience": {"batch_size": 7, "patience": 2, "tolerance": 1.0},
    "target": {"batch_size": 7, "target": 1e9},
    "plateau by validation rows": {
        "schedule": ReduceOnPlateau(patience=0), "validation": (X[:6], -Y[:6]), "batch_size": 4,
        "optimizer": "momentum",
    },
    "best weights": {"validation": (X[:6], Y[:6], np.arange(1.0, 7.0)), "batch_size": 4, "epochs": 9},
    "weights": {"sample_weight": np.arange(23.0), "penalty_per_batch": True, "l2": 0.1, "batch_size": 10},
    "norms": {"gradient_norms": True, "batch_size": 9},
}  # fmt: skip


def network(dtype="float64"):
    chain = [Dense(4, "tanh"), BatchNorm(), Dropout(0.2), Dense(2)]
    return Network(chain, 3, "half_squared_error", seed=1, dtype=dtype)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_all_updates_one_by_one_are_the_training(case):
    settings = {"epochs": 6, "compiled": False, "seed": 4} | case
    whole = Training(network(), X, Y, **settings).run()
    single = SingleUpdates(network(), X, Y, **settings)
    batches = list(single.updates())
    single._finish()
    assert single.state.differences(whole.state) == []
    assert single.stopped == whole.stopped
    assert len(batches) == whole.step == len(single.errors)
    np.testing.assert_array_equal(single.network.parameters, whole.network.parameters)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_copy_goes_on_where_the_training_is(dtype):
    training = Training(network(dtype), X, Y, batch_size=4, epochs=8, keep_best=True, compiled=False)
    for epoch in training:
        if epoch.number == 3:
            break
    before, kept = training.state, training.network.parameters.copy()
    single = SingleUpdates.of(training)
    updates = single.updates()
    first = next(updates)
    assert (first.number, first.epoch, first.batch, first.batches) == (19, 4, 1, 6)
    assert training.state.differences(before) == []
    list(updates)
    if dtype == "float64":
        twin = Training(network(), X, Y, batch_size=4, epochs=8, keep_best=True, compiled=False)
        twin.state = before
        twin.run()
        single._finish()
        assert single.state.parameters.tobytes() == twin.state.parameters.tobytes()
    np.testing.assert_array_equal(training.network.parameters, kept)


def test_given_rates_take_the_place_of_the_schedule():
    single = SingleUpdates(network(), X, Y, batch_size=12, schedule="cosine", epochs=3)
    found = [batch.rate for batch, _ in zip(single.updates((0.5, 0.25, 0.125)), range(3), strict=False)]
    assert found == [0.5, 0.25, 0.125]


def test_an_order_that_a_function_gives_is_not_asked_for():
    training = Training(network(), X, Y, order=lambda: np.arange(23), compiled=False)
    with pytest.raises(BacklitError, match="order of its rows from a function"):
        SingleUpdates.of(training)


def test_an_error_that_is_not_finite_ends_it():
    single = SingleUpdates(Network([Dense(1)], 3), X, Y[:, :1], optimizer="sgd", batch_size=5, epochs=10**6)
    single.rate_factor = 1e5
    with pytest.raises(BacklitError, match=r"the error of step \d+ is not a finite number"):
        list(single.updates())
    assert np.isfinite(single.errors).all()
    assert single.errors
