"""Trainings: exact facts about batches, weights and shards; events, stopping, divergence; L-BFGS."""

from __future__ import annotations

import copy
import gc
import itertools
import signal
import subprocess
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest

from backlit.engine.batch_loop import BatchLoop
from backlit.engine.network import Network
from backlit.engine.objective import Objective
from backlit.engine.program import sharding
from backlit.engine.stopping import DivergedWarning
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.ops.base import REDUCTIONS
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.losses.regression import HalfSquaredError
from backlit.ops.optimizers.adaptive import Adam
from backlit.ops.optimizers.descent import SGD, Momentum
from backlit.ops.optimizers.quasi_newton import LBFGS

both_modes = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])


def trained(network: Network, X: Any, Y: Any, **options: Any) -> tuple[Any, Training]:
    """Train a copy and give its parameters and the training."""
    twin = copy.deepcopy(network)
    training = Training(twin, X, Y, **options).run()
    return twin.parameters.copy(), training


# -------------------------------------------------------------------------------------------------------- exact facts


@both_modes
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_row_of_weight_two_is_a_row_given_twice(reduction, compiled, problem):
    network, X, Y = problem(HalfSquaredError(reduction=reduction), ["tanh", "sigmoid"])
    counts = np.array([1, 2, 1, 3, 1, 1, 0])
    options = {"optimizer": SGD(0.05), "batch_size": "full", "epochs": 5, "compiled": compiled, "shuffle": False}
    weighted, one = trained(network, X, Y, sample_weight=counts, **options)
    repeated, other = trained(network, np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0), **options)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose([e.loss for e in one.history], [e.loss for e in other.history], rtol=1e-13)


@both_modes
def test_shards_change_nothing_but_rounding(compiled, problem, monkeypatch):
    network, X, Y = problem("cross_entropy", ["tanh", Dropout(0.3), "relu"], rows=13)
    options = {"optimizer": Adam(0.01), "batch_size": 10, "epochs": 6, "compiled": compiled}
    whole, _ = trained(network, X, Y, **options)
    monkeypatch.setattr(sharding, "SHARD_ELEMENTS", 1)
    for rows in (1, 3, 4):
        monkeypatch.setattr(sharding, "SMALLEST_SHARD", rows)
        cut, training = trained(network, X, Y, **options)
        again, _ = trained(network, X, Y, **options)
        assert training.executable.rows == rows
        np.testing.assert_allclose(cut, whole, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(cut, again)


def test_a_network_that_couples_its_batch_is_not_cut(problem, small_shards):
    network, X, Y = problem("mse", ["tanh", BatchNorm()], rows=11)
    assert Training(network, X, Y, batch_size=9, compiled=False).executable.rows == 9
    network, X, Y = problem("mse", ["tanh"], rows=11)
    assert Training(network, X, Y, batch_size=9, compiled=False).executable.rows == small_shards


@both_modes
@pytest.mark.parametrize("batch_size", [1, 3, "full"])
def test_the_same_seed_gives_the_same_bits(batch_size, compiled, problem):
    network, X, Y = problem("cross_entropy", ["relu", Dropout(0.4), "tanh"], rows=10, dtype="float32")
    options = {"optimizer": Adam(0.01), "batch_size": batch_size, "epochs": 4, "compiled": compiled}
    one, first = trained(network, X, Y, seed=3, **options)
    two, second = trained(network, X, Y, seed=3, **options)
    other, _ = trained(network, X, Y, seed=4, **options)
    np.testing.assert_array_equal(one, two)
    assert [e.loss for e in first.history] == [e.loss for e in second.history]
    assert not np.array_equal(one, other)


@both_modes
def test_running_and_iterating_take_the_same_steps(compiled, problem):
    network, X, Y = problem("cross_entropy", ["tanh", Dropout(0.2)], rows=10)
    options = {"optimizer": Adam(0.01), "batch_size": 3, "epochs": 5, "compiled": compiled, "seed": 1}
    run, training = trained(network, X, Y, **options)
    steps = Training(network, X, Y, **options)
    epochs = list(steps)
    np.testing.assert_array_equal(run, network.parameters)
    assert [(e.number, e.loss) for e in epochs] == [(e.number, e.loss) for e in training.history]
    assert training.stopped == steps.stopped == "all 5 epochs done"


@both_modes
def test_a_batch_of_all_rows_is_gradient_descent(compiled, problem):
    network, X, Y = problem("half_squared_error", [], outputs=2)
    W, b = network["1.W"].copy(), network["1.b"].copy()
    difference = X @ W + b - Y
    trained_parameters, training = trained(
        network, X, Y, optimizer=SGD(0.5), batch_size="full", epochs=1, compiled=compiled
    )
    wanted = np.concatenate([(W - 0.5 * X.T @ difference / 7).ravel(), b - 0.5 * difference.mean(axis=0)])
    np.testing.assert_allclose(trained_parameters, wanted, rtol=1e-13)
    assert training.history[0].loss == pytest.approx(0.5 * (difference**2).sum() / 7, rel=1e-14)


@both_modes
def test_frozen_parameters_keep_their_bits(compiled, problem):
    network, X, Y = problem("mse", ["tanh", "tanh"], freeze=("W",))
    before = copy.deepcopy(network)
    Training(network, X, Y, optimizer=Adam(0.1, weight_decay=0.1), epochs=5, l2=0.1, max_norm=0.1, clip_norm=1.0,
             compiled=compiled).run()  # fmt: skip
    for name in network:
        assert np.array_equal(network[name], before[name]) == name.endswith("W")


@both_modes
def test_penalties_spare_the_biases_unless_asked(compiled, problem):
    network, X, Y = problem("mse", ["tanh"])
    options = {"optimizer": SGD(0.1), "epochs": 1, "batch_size": "full", "compiled": compiled}
    plain, _ = trained(network, X, Y, **options)
    for settings in ({"l2": 0.5}, {"l1": 0.5}, {"optimizer": SGD(0.1, weight_decay=0.5)}):
        for decay_biases in (False, True):
            moved, _ = trained(network, X, Y, **options | settings, decay_biases=decay_biases)
            for name, (offset, shape) in network.layout.items():
                place = slice(offset, offset + int(np.prod(shape)))
                assert np.array_equal(moved[place], plain[place]) == (name.endswith("b") and not decay_biases)


@both_modes
def test_limits_hold(compiled, problem):
    network, X, Y = problem("mse", ["tanh", "tanh"], spread=2.0)
    before = network.parameters.copy()
    by_value, _ = trained(network, X, 100 * Y, optimizer=SGD(1.0), epochs=1, batch_size="full", clip_value=0.01,
                          compiled=compiled)  # fmt: skip
    assert np.abs(by_value - before).max() == pytest.approx(0.01)
    by_norm, _ = trained(network, X, 100 * Y, optimizer=SGD(1.0), epochs=1, batch_size="full", clip_norm=0.5,
                         compiled=compiled)  # fmt: skip
    assert np.linalg.norm(by_norm - before) == pytest.approx(0.5)
    Training(network, X, Y, epochs=1, max_norm=0.7, compiled=compiled).run()
    assert all(np.linalg.norm(network[name], axis=0).max() <= 0.7 + 1e-12 for name in network if name.endswith("W"))


@both_modes
@pytest.mark.parametrize("decay_biases", [False, True])
def test_max_norm_holds_for_units_of_one_input_and_for_weights_alone(decay_biases, compiled):
    network = Network([Dense(2, weights=[[5.0, 0.5]]), Dense(1)], inputs=1)
    network["1.b"] = [7.0, -7.0]
    Training(network, [[1.0]], [0.0], optimizer=SGD(0.0), epochs=1, max_norm=2.0, decay_biases=decay_biases,
             compiled=compiled).run()  # fmt: skip
    assert network["1.W"].tolist() == [[2.0, 0.5]]
    assert network["1.b"].tolist() == [7.0, -7.0]


@both_modes
def test_the_loss_of_an_epoch_is_measured_before_its_updates_and_holds_the_penalties(compiled, problem):
    network, X, Y = problem("mse", ["tanh"])
    outputs = network.predict(X, compiled=False)
    squares = sum((network[name] ** 2).sum() for name in network if name.endswith("W"))
    history = Training(network, X, Y, batch_size="full", epochs=1, l2=0.3, compiled=compiled).run().history
    assert history[0].loss == pytest.approx(((outputs - Y) ** 2).mean() + 0.15 * squares, rel=1e-13)


# ------------------------------------------------------------------------------------------------------------- events


def test_epochs_come_one_by_one_and_a_break_ends_the_training(problem):
    network, X, Y = problem("mse", ["tanh"])
    training = Training(network, X, Y, epochs=10, compiled=False)
    for epoch in training:
        assert training.history[-1] == epoch
        if epoch.number == 3:
            break
    assert [epoch.number for epoch in training.history] == [1, 2, 3]
    assert [epoch.number for epoch in training] == [4, 5, 6, 7, 8, 9, 10]
    assert training.stopped == "all 10 epochs done"
    assert list(training) == []


@pytest.mark.parametrize("optimizer", [SGD(0.01), Momentum(0.01), Adam(0.01)], ids=lambda op: op.name)
def test_a_training_that_was_left_goes_on_as_if_it_had_not_been(optimizer, problem):
    network, X, Y = problem("mse", ["tanh", Dropout(0.3)], rows=10)
    whole, _ = trained(network, X, Y, optimizer=optimizer, batch_size=4, epochs=6, compiled=False)
    training = Training(network, X, Y, optimizer=optimizer, batch_size=4, epochs=6, compiled=False)
    for epoch in training:
        if epoch.number == 2:
            break
    training.run()
    np.testing.assert_array_equal(network.parameters, whole)


@both_modes
@pytest.mark.parametrize("leave_at", [3, 20])
def test_a_training_with_the_best_weights_that_was_left_goes_on_with_the_last(leave_at, compiled, problem):
    """The best epochs come early; left in between, the network has the best weights so far."""
    network, X, Y = problem("mse", ["tanh", BatchNorm()], rows=30)
    options = {"optimizer": Adam(0.1), "batch_size": 7, "epochs": 40, "validation": (X[:9], -Y[:9])}
    whole, one = trained(network, X, Y, **options, compiled=compiled)
    training = Training(network, X, Y, **options, compiled=compiled)
    for epoch in training:
        last = network.parameters.copy()
        if epoch.number == leave_at:
            break
    assert training.best.number < leave_at
    assert not np.array_equal(network.parameters, last)
    training.run()
    assert [epoch.loss for epoch in training.history] == [epoch.loss for epoch in one.history]
    np.testing.assert_array_equal(network.parameters, whole)


def test_weights_that_were_changed_meanwhile_are_where_a_training_goes_on(problem):
    network, X, Y = problem("mse", ["tanh"], rows=30)
    training = Training(network, X, Y, optimizer=SGD(0.0), epochs=5, validation=(X, Y), compiled=False)
    next(iter(training))
    network.parameters = np.zeros(network.parameters.size)
    training.run()
    assert training.history[1].loss == pytest.approx((Y**2).mean())


def test_lbfgs_counts_the_epochs_before_it_was_left(problem):
    network, X, Y = problem("mse", ["tanh"], rows=30)
    training = Training(network, X, Y, optimizer="lbfgs", epochs=5)
    for epoch in training:
        if epoch.number == 2:
            break
    training.run()
    assert [epoch.number for epoch in training.run().history] == [1, 2, 3, 4, 5]
    assert training.stopped == "all 5 epochs done"


@pytest.mark.parametrize("name", ["clip_value", "clip_norm", "max_norm"])
def test_lbfgs_refuses_limits_that_it_has_no_use_for(name, problem):
    network, X, Y = problem("mse", ["tanh"])
    with pytest.raises(BacklitError, match=f"{name} is 1; expected none beside the optimizer 'lbfgs'"):
        Training(network, X, Y, optimizer="lbfgs", **{name: 1.0})


ORDERS = {
    "too short": (np.arange(5), r"int64 of shape \(5,\); expected .* integers of shape \(7,\)"),
    "too long": (np.arange(14), r"int64 of shape \(14,\)"),
    "a matrix": (np.arange(7)[:, None], r"shape \(7, 1\)"),
    "of floats": (np.arange(7.0), "array of float64"),
    "far beyond the rows": (np.arange(7) + 10**9, "row numbers from 1000000000 to 1000000006; expected .* 0 to 6"),
    "one beyond the rows": (np.arange(1, 8), "row numbers from 1 to 7"),
    "below the rows": (np.arange(-1, 6), "row numbers from -1 to 5"),
}


@both_modes
@pytest.mark.parametrize(("order", "message"), ORDERS.values(), ids=ORDERS)
def test_an_order_of_other_rows_is_refused(order, message, compiled, problem):
    network, X, Y = problem("mse", ["tanh"], rows=7)
    with pytest.raises(BacklitError, match=message):
        Training(network, X, Y, epochs=2, order=lambda: order, compiled=compiled).run()


@both_modes
@pytest.mark.parametrize("order", [np.arange(7, dtype="int32")[::-1], [6, 5, 4, 3, 2, 1, 0]], ids=["int32", "list"])
def test_an_order_of_any_integers_will_do(order, compiled, problem):
    network, X, Y = problem("mse", ["tanh"], rows=7)
    options = {"epochs": 2, "batch_size": 2, "compiled": compiled}
    given, _ = trained(network, X, Y, order=lambda: order, **options)
    same, _ = trained(network, X[::-1], Y[::-1], shuffle=False, **options)
    np.testing.assert_array_equal(given, same)


@both_modes
def test_a_target_ends_the_training_in_the_epoch_that_meets_it(compiled, problem):
    network, X, Y = problem("mse", ["tanh"])
    _, whole = trained(network, X, Y, optimizer=SGD(0.05), epochs=30, compiled=compiled)
    target = whole.history[19].loss
    for run in (True, False):
        training = Training(copy.deepcopy(network), X, Y, optimizer=SGD(0.05), epochs=30, target=target,
                            compiled=compiled)  # fmt: skip
        epochs = training.run().history if run else list(training)
        assert len(epochs) == 20
        assert training.stopped == f"error target {target:g} reached"
        assert training.step == 20


@pytest.mark.parametrize("batches_per_call", [1, 3, 4, 7, 1000])
def test_a_target_met_at_the_end_of_a_call_is_met(batches_per_call, problem, monkeypatch):
    network, X, Y = problem("mse", ["tanh"])
    options = {"optimizer": SGD(0.05), "batch_size": 2, "epochs": 30, "compiled": False}
    wanted, whole = trained(network, X, Y, **options | {"epochs": 6})
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: batches_per_call)
    met, training = trained(network, X, Y, target=whole.history[-1].loss, **options)
    assert (len(training.history), training.step) == (6, 24)
    np.testing.assert_array_equal(met, wanted)


@pytest.mark.parametrize(("batches_per_call", "epochs", "steps"), [(10, 10, 40), (3, 2, 11)])
def test_an_interrupted_run_tells_of_the_epochs_it_finished(batches_per_call, epochs, steps, problem, monkeypatch):
    network, X, Y = problem("mse", ["tanh"])
    training = Training(network, X, Y, optimizer=SGD(0.05), batch_size=2, epochs=30, compiled=False)
    monkeypatch.setattr(BatchLoop, "batches_per_call", lambda self: batches_per_call)
    original, calls = training.loop.call, itertools.count(1)

    def interrupted(*given):
        if next(calls) == 6:
            raise KeyboardInterrupt
        return original(*given)

    monkeypatch.setattr(training.loop, "call", interrupted)
    assert len(training.run().history) == epochs
    assert (training.step, training.stopped) == (steps, "interrupted")


def test_patience_counts_epochs_without_improvement(problem):
    network, X, Y = problem("mse", ["tanh"])
    training = Training(network, X, Y, optimizer=SGD(0.0), epochs=30, patience=4, compiled=False).run()
    assert len(training.history) == 5
    assert training.stopped == "no better training loss in 4 epochs"
    training = Training(network, X, Y, optimizer=SGD(1e-9), epochs=9, patience=4, tolerance=1.0, compiled=False).run()
    assert len(training.history) == 5


def test_the_best_weights_by_validation_are_kept(problem):
    network, X, Y = problem("mse", ["tanh"], rows=20)
    network_of_epoch = {}
    training = Training(network, X, Y, optimizer=SGD(0.3), epochs=40, batch_size=4, patience=5, compiled=False,
                        validation=(X[:5], -Y[:5]))  # fmt: skip
    for epoch in training:
        network_of_epoch[epoch.number] = network.parameters.copy()
    lowest = min(training.history, key=lambda epoch: epoch.validation_loss)
    assert training.stopped == "no better validation loss in 5 epochs"
    assert training.best == lowest
    assert lowest.number < len(training.history)
    np.testing.assert_array_equal(network.parameters, network_of_epoch[lowest.number])
    assert [e.best for e in training.history].count(True) >= 1


def test_the_last_weights_stay_where_the_best_are_not_wanted(problem):
    network, X, Y = problem("mse", ["tanh"], rows=20)
    training = Training(network, X, Y, optimizer=SGD(0.3), epochs=8, compiled=False, validation=(X[:5], -Y[:5]),
                        keep_best=False)  # fmt: skip
    for _ in training:
        last = network.parameters.copy()
    np.testing.assert_array_equal(network.parameters, last)


def test_validation_measures_without_dropout_and_without_penalties(problem):
    network, X, Y = problem("mse", ["tanh", Dropout(0.5)])
    training = Training(network, X, Y, optimizer=SGD(0.0), epochs=1, l2=1.0, compiled=False, validation=(X, Y))
    (epoch,) = training
    assert epoch.validation_loss == pytest.approx(((network.predict(X, compiled=False) - Y) ** 2).mean(), rel=1e-13)
    assert epoch.loss > epoch.validation_loss


@both_modes
def test_a_time_limit_ends_a_long_training(compiled, problem):
    network, X, Y = problem("mse", ["tanh"], rows=100)
    Training(network, X, Y, batch_size=1, epochs=1, compiled=compiled).run()  # compiles
    began = time.perf_counter()
    training = Training(network, X, Y, batch_size=1, epochs=10_000_000, time_limit=0.3, compiled=compiled).run()
    assert training.stopped == "time limit of 0.3 s reached"
    assert 0.25 < time.perf_counter() - began < 30.0


def test_an_interrupt_in_the_middle_ends_the_training_with_the_model_so_far(problem, monkeypatch):
    network, X, Y = problem("mse", ["tanh"])
    training = Training(network, X, Y, epochs=10, compiled=False)
    original, calls = training.loop.call, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(training.loop, "call", interrupted)
    assert [epoch.number for epoch in training] == [1, 2, 3]
    assert training.stopped == "interrupted"
    assert [epoch.number for epoch in training] == [4, 5, 6, 7, 8, 9, 10]


def test_an_interrupt_in_the_loop_body_goes_to_the_caller_and_leaves_the_model_so_far(problem):
    network, X, Y = problem("mse", ["tanh"])
    training = Training(network, X, Y, epochs=10, compiled=False)

    def consume():
        for epoch in training:
            if epoch.number == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert len(training.history) == 3
    assert len(training.run().history) == 10


LONG = """
import signal
import sys
import numpy as np
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(2000, 8)), rng.normal(size=(2000, 1))
network = Network([Dense(32, "tanh"), Dense(1)], 8, "mse")
Training(network, X, Y, epochs=1).run()
print("running", flush=True)
training = Training(network, X, Y, batch_size=1, epochs=100_000).run()
assert np.isfinite(network.parameters).all() and training.step > 0
print(training.stopped, flush=True)
"""


def test_ctrl_c_ends_a_long_compiled_call():
    process = subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "running\n"
    time.sleep(0.5)
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert time.perf_counter() - began < 30.0
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)


@both_modes
def test_a_training_that_has_ended_leaves_nothing_behind(compiled, problem):
    def train(times):
        for _ in range(times):
            network, X, Y = problem("mse", ["tanh", "relu", Dropout(0.1), BatchNorm()])
            Training(network, X, Y, epochs=2, validation=(X, Y), compiled=compiled).run()
        gc.collect()

    train(5)  # fills the caches that stay
    before = len(gc.get_objects())
    train(50)
    assert len(gc.get_objects()) - before < 50  # 30 and more of each training where its functions were kept


# --------------------------------------------------------------------------------------------------------- divergence


@both_modes
@pytest.mark.parametrize("run", [True, False], ids=["run", "iterate"])
def test_divergence_warns_with_the_place_and_keeps_the_last_good_weights(run, compiled, problem):
    hidden = ["identity", Dropout(0.3), "identity"]
    options = {"optimizer": Momentum(2.0), "batch_size": 3, "compiled": compiled}
    network, X, Y = problem("half_squared_error", hidden, rows=12)
    training = Training(network, X, Y, epochs=1000, **options)
    with pytest.warns(DivergedWarning, match=r"diverged in epoch \d+, batch [1-4]: .* is not a finite number"):
        epochs = training.run().history if run else list(training)
    assert training.stopped.startswith(f"diverged in epoch {len(epochs) + 1}, batch ")
    assert epochs
    # All is as if the training had ended after the last whole epoch.
    again, X, Y = problem("half_squared_error", hidden, rows=12)
    with pytest.warns(DivergedWarning, match="ended with weights as large as"):
        whole = Training(again, X, Y, epochs=len(epochs), **options).run()
    assert np.isfinite(network.parameters).all()
    np.testing.assert_array_equal(network.parameters, again.parameters)
    np.testing.assert_array_equal(training.memory.slots, whole.memory.slots)
    assert training.step == whole.step


def test_a_good_training_warns_of_nothing(problem):
    network, X, Y = problem("mse", ["tanh"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Training(network, X, Y, epochs=2, compiled=False).run()


# ------------------------------------------------------------------------------------------------------------- L-BFGS


@both_modes
def test_lbfgs_finds_the_least_squares(compiled, problem):
    network, X, Y = problem("half_squared_error", [], rows=30, outputs=2)
    optimizer = LBFGS(tolerance=1e-8, relative_tolerance=0.0)
    training = Training(network, X, Y, optimizer=optimizer, epochs=200, compiled=compiled).run()
    best = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), Y, rcond=None)[0]
    np.testing.assert_allclose(network["1.W"], best[:3], atol=1e-6)
    np.testing.assert_allclose(network["1.b"], best[3], atol=1e-6)
    assert training.stopped.startswith("converged")
    assert [e.number for e in training.history] == list(range(1, len(training.history) + 1))


def test_lbfgs_counts_penalties_and_leaves_frozen_weights(problem):
    network, X, Y = problem("half_squared_error", ["identity"], rows=30, freeze=("b",))
    before = network["1.b"].copy()
    first = Training(network, X, Y, optimizer="lbfgs", epochs=1, l2=0.5, compiled=False)
    first.run()
    squares = sum((network[name] ** 2).sum() for name in network if name.endswith("W"))
    loss = 0.5 * ((network.predict(X, compiled=False) - Y) ** 2).sum() / 30
    assert first.history[0].loss == pytest.approx(loss + 0.25 * squares, rel=1e-12)
    np.testing.assert_array_equal(network["1.b"], before)


def test_leaving_lbfgs_in_the_middle_leaves_no_thread_and_the_last_iterate(problem):
    network, X, Y = problem("cross_entropy", ["tanh"], rows=30)
    threads = threading.active_count()
    training = Training(network, X, Y, optimizer="lbfgs", epochs=50, compiled=False)
    for epoch in training:
        seen = network.parameters.copy()
        if epoch.number == 4:
            break
    assert threading.active_count() == threads
    np.testing.assert_array_equal(network.parameters, seen)
    assert len(training.history) == 4


def test_an_error_inside_lbfgs_comes_out(problem, monkeypatch):
    network, X, Y = problem("cross_entropy", ["tanh"], rows=30)
    training = Training(network, X, Y, optimizer="lbfgs", epochs=50, compiled=False)
    threads = threading.active_count()
    monkeypatch.setattr(Objective, "loss", lambda self: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        training.run()
    assert threading.active_count() == threads


# ------------------------------------------------------------------------------------------------------ wrong calls


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((7, 4))}, r"X has shape \(7, 4\); the network expects rows of 3 inputs"),
        ({"Y": np.zeros((6, 3))}, r"Y has shape \(6, 3\) beside 7 rows of X"),
        ({"X": np.full((7, 3), np.nan)}, r"X\[0, 0\] is nan; expected finite numbers"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": "all"}, "batch_size is 'all'"),
        ({"epochs": -1}, "epochs is -1"),
        ({"patience": 0}, "patience is 0"),
        ({"l2": -0.1}, "l2 is -0.1"),
        ({"clip_norm": float("nan")}, "clip_norm is nan"),
        ({"sample_weight": [1.0]}, r"the weights have shape \(1,\)"),
        ({"sample_weight": [-1.0] * 7}, "negative or non-finite"),
        ({"sample_weight": [0.0] * 7}, "all 0"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"schedule": "constnt"}, "did you mean 'constant'"),
        ({"X": np.zeros((0, 3)), "Y": np.zeros((0, 3))}, "X has no rows"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_call_says_what_is_wrong(change, message, problem):
    network, X, Y = problem("mse", ["tanh"])
    given = {"X": X, "Y": Y, "compiled": False} | change
    with pytest.raises(BacklitError, match=message):
        Training(network, given.pop("X"), given.pop("Y"), **given)


def test_class_numbers_are_checked():
    network = Network([Dense(3, "softmax")], 2, "cross_entropy")
    with pytest.raises(BacklitError, match="3 outputs take whole numbers from 0 to 2"):
        Training(network, np.zeros((2, 2)), [0, 3], compiled=False)
