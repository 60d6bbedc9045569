"""The error of a batch and its gradient, against the machine's own loop, against differences, and for its users."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

from backlit.engine import lbfgs
from backlit.engine.input_checks import rows_of
from backlit.engine.objective import Objective, PlainStep, rule_of
from backlit.engine.training import Training
from backlit.ops.base import REDUCTIONS
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm
from backlit.ops.losses.regression import HalfSquaredError
from backlit.ops.optimizers.descent import SGD

both_modes = pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
WEIGHTS = np.array([0.0, 0.5, 1.0, 2.0, 1.0, 3.0, 0.25])


def objective_of(network, X, Y, weights=None, **options) -> Objective:
    return Objective.of(network, *rows_of(network, X, Y, weights), **{"compiled": False} | options)


@both_modes
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["all alike", "weighted"])
def test_the_loss_is_what_its_formula_says(reduction, weights, compiled, problem):
    network, X, Y = problem(HalfSquaredError(reduction=reduction), ["tanh"])
    w = np.ones(7) if weights is None else weights
    total = (w[:, None] * 0.5 * (network.predict(X, compiled=False) - Y) ** 2).sum()
    wanted = total / {"sum": 1.0, "mean": w.sum(), "mean_all": w.sum() * 3}[reduction]
    objective = objective_of(network, X, Y, weights, compiled=compiled)
    assert objective.loss() == pytest.approx(wanted, rel=1e-13)
    assert objective.evaluate() == pytest.approx(wanted, rel=1e-13)
    np.testing.assert_allclose(objective.outputs(), network.predict(X, compiled=False), rtol=1e-13)


@both_modes
def test_evaluating_leaves_dropout_and_batch_statistics_out(compiled, problem):
    network, X, Y = problem("mse", [Dropout(0.5), BatchNorm(), "tanh"], rows=20)
    objective = objective_of(network, X, Y, compiled=compiled)
    wanted = ((network.predict(X, compiled=False) - Y) ** 2).mean()
    assert objective.evaluate() == pytest.approx(wanted, rel=1e-12) != objective.loss()
    assert objective_of(network, X, Y, compiled=compiled, training=0).loss() == objective.evaluate()


@both_modes
def test_the_gradient_is_the_step_that_training_takes(compiled, problem):
    network, X, Y = problem("cross_entropy", [Dropout(0.4), BatchNorm(), "tanh"], rows=20)
    objective = objective_of(network.copy(), X, Y, seed=5, compiled=compiled)
    error = objective.loss()
    start = network.parameters.copy()
    training = Training(network, X, Y, optimizer=SGD(1.0), batch_size="full", epochs=1, seed=5, compiled=compiled).run()
    assert training.history[0].loss == error
    np.testing.assert_array_equal(start - objective.gradient, network.parameters)
    np.testing.assert_array_equal(objective.network.state, network.state)


@both_modes
@pytest.mark.parametrize("per_batch", [False, True])
def test_error_and_gradient_at_a_vector_agree_with_differences(per_batch, compiled, problem):
    network, X, Y = problem("mse", ["tanh", Dropout(0.3)], freeze=("b",))
    rule = rule_of(network, l1=0.1, l2=0.3, penalty_per_batch=per_batch)
    objective = objective_of(network, X, Y, WEIGHTS, rule=rule, step=2, seed=1, compiled=compiled)
    values = objective.values()
    assert values.size == sum(network[name].size for name in network if name.endswith("W"))
    error, gradient = objective(values)
    loss, penalty, _ = objective.parts(values)
    assert (error, loss) == (loss + penalty, objective.loss())
    assert penalty == pytest.approx(objective.penalty() / (WEIGHTS.sum() if per_batch else 1.0), rel=1e-13)
    for k, h in enumerate(np.full(values.size, 1e-6)):
        shift = np.eye(values.size)[k] * h
        difference = (objective(values + shift)[0] - objective(values - shift)[0]) / (2.0 * h)
        assert gradient[k] == pytest.approx(difference, rel=1e-5, abs=1e-8)


def test_penalties_are_those_of_the_vector_even_in_float32(problem):
    network, X, Y = problem("mse", ["tanh"], dtype="float32")
    objective = objective_of(network, X, Y, rule=rule_of(network, l2=1.0))
    values = objective.values() + 1e-12  # rounded off in the network
    decays = np.concatenate([np.full(array.size, array.ndim > 1) for array in (network[name] for name in network)])
    assert objective.parts(values)[1] == 0.5 * (values[decays] ** 2).sum()


def test_views_are_of_the_last_shard(problem, small_shards):
    network, X, Y = problem("mse", ["tanh"], rows=2 * small_shards + 1)
    cut, whole = objective_of(network, X, Y), objective_of(network, X, Y, rows=len(X), keep=True)
    assert cut.loss() == pytest.approx(whole.loss(), rel=1e-14)
    assert cut.view("1.A").shape == (1, 3)
    np.testing.assert_allclose(cut.view("1.A"), whole.view("1.A")[-1:], rtol=1e-14)
    assert whole.view("1.dW").shape == (3, 3)


def test_training_gives_its_own_objective(problem):
    network, X, Y = problem("mse", ["tanh"], rows=30)
    training = Training(network, X, Y, optimizer="lbfgs", l2=0.1, epochs=3, compiled=False)
    objective = training.objective()
    assert objective.memory is training.memory
    assert objective.tables is training.tables
    first = objective(objective.values())[0]
    assert training.run().history[0].loss < first
    assert objective(objective.values())[0] == pytest.approx(training.history[-1].loss)


def test_every_iteration_of_lbfgs_draws_its_own_dropout(problem, monkeypatch):
    network, X, Y = problem("mse", ["tanh", Dropout(0.2)], rows=30)
    right, steps = Objective.loss, []
    monkeypatch.setattr(Objective, "loss", lambda objective: steps.append(objective.clock.step) or right(objective))
    training = Training(network, X, Y, optimizer="lbfgs", epochs=4, compiled=False)
    for epoch in training:
        assert training.step == epoch.number
    assert list(dict.fromkeys(steps))[:4] == [0, 1, 2, 3]


# ----------------------------------------------------------------------------------------------------- a step in stages


def test_a_step_in_stages_is_the_step_of_training(problem):
    network, X, Y = problem("cross_entropy", ["tanh", Dropout(0.2), "sigmoid"], rows=9)
    limits = {"l1": 0.01, "l2": 0.1, "clip_value": 0.05, "clip_norm": 0.2, "max_norm": 1.0}
    other = copy.deepcopy(network)
    training = Training(other, X, Y, optimizer=SGD(0.5), batch_size="full", epochs=4, seed=2, compiled=False, **limits)
    for epoch in training:
        if epoch.number == 3:
            network.parameters[:] = other.parameters
    step: PlainStep = PlainStep.of(
        network, *rows_of(network, X, Y, None), rule=rule_of(network, **limits), step=3, seed=2,
        optimizer=SGD(0.5), compiled=False, keep=True, rows=9,
    )  # fmt: skip
    forward = step.forward_loss()
    assert step.loss() == forward
    np.testing.assert_allclose(step.view("4.A").sum(axis=1), 1.0)
    raw = step.gradient.copy()
    penalised = step.changed(raw, l1=0.01, l2=0.1)
    clipped = step.changed(penalised, clip_value=0.05)
    limited = step.changed(clipped, clip_norm=0.2)
    assert np.abs(clipped).max() == 0.05 < np.abs(penalised).max()
    assert step.norm(clipped) > 0.2 == pytest.approx(step.norm(limited))
    np.testing.assert_array_equal(step.gradient, raw)
    step.update(0.5, 4)
    np.testing.assert_array_equal(network.parameters, other.parameters)


# ------------------------------------------------------------------------------------------------------ SciPy's L-BFGS


OPTIONS = {"maxiter": 50, "maxcor": 10, "gtol": 1e-10}


def bowl(values):
    """Σ k (w_k - k)², with the gradient."""
    steep = np.arange(1.0, 4.0)
    return float((steep * (values - steep) ** 2).sum()), 2.0 * steep * (values - steep)


def test_both_ways_to_run_lbfgs_take_the_same_steps():
    seen: list[tuple[float, tuple[float, ...]]] = []
    minimum = lbfgs.minimize(bowl, np.zeros(3), OPTIONS, lambda value, point: seen.append((value, tuple(point))))
    search = lbfgs.Search(bowl, np.zeros(3), OPTIONS)
    assert [(value, tuple(point)) for value, point in search] == seen
    np.testing.assert_array_equal(search.minimum.point, minimum.point)
    np.testing.assert_allclose(minimum.point, [1.0, 2.0, 3.0], atol=1e-6)
    assert minimum.reason == "converged: the gradient or the decrease is below its tolerance"


def test_lbfgs_ends_where_the_caller_says_so():
    threads, seen = threading.active_count(), []
    lbfgs.minimize(bowl, np.zeros(3), OPTIONS, lambda value, point: seen.append(value) or len(seen) == 2)
    search = lbfgs.Search(bowl, np.zeros(3), OPTIONS)
    iterations = iter(search)
    assert [next(iterations)[0], next(iterations)[0]] == seen
    iterations.close()
    assert (search.minimum, threading.active_count()) == (None, threads)


@pytest.mark.parametrize(("options", "reason"), [({"maxiter": 1}, None), ({"maxfun": 1}, "L-BFGS stopped: ")])
def test_the_reason_to_stop(options, reason):
    found = lbfgs.minimize(bowl, np.zeros(3), OPTIONS | options, lambda value, point: None).reason
    assert found is None if reason is None else found.startswith(reason)


def test_an_interruption_before_the_first_iteration_leaves_the_weights_as_they_were(problem, monkeypatch):
    network, X, Y = problem("mse", ["tanh"], rows=30)
    before = network.parameters.copy()
    right, calls = Objective.loss, []

    def interrupted(objective):
        calls.append(objective)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return right(objective)

    monkeypatch.setattr(Objective, "loss", interrupted)
    training = Training(network, X, Y, optimizer="lbfgs", epochs=5, compiled=False).run()
    assert training.stopped == "interrupted"
    assert not training.history
    np.testing.assert_array_equal(network.parameters, before)
