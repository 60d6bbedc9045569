"""Gradients of every op against differences of the error and PyTorch, and the checker against planted bugs."""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec
import numpy as np
import oracles
import pytest
from cases import ACTIVATIONS, LOSSES, OTHER_LAYERS, SAMPLES, draw_rows, label, last_activation

from backlit.engine import machine
from backlit.engine.gradcheck import gradcheck
from backlit.engine.machine import passes, reduce, update
from backlit.engine.network import Network
from backlit.engine.objective import Objective, reduction
from backlit.errors import BacklitError
from backlit.ops.activations.smooth import Sigmoid, SiLU, Tanh
from backlit.ops.activations.softmax import Softmax
from backlit.ops.base import REDUCTIONS
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.gru import GRU
from backlit.ops.layers.lstm import LSTM
from backlit.ops.layers.normalization import BatchNorm, LayerNorm
from backlit.ops.layers.pooling import MaxPool
from backlit.ops.layers.recurrent import Recurrent
from backlit.ops.layers.reshaping import Flatten
from backlit.ops.losses.multiclass import CrossEntropy, SoftmaxCrossEntropy
from backlit.ops.losses.regression import MSE, HalfSquaredError, Huber
from backlit.ops.registry import activations, losses

MODES = {"plain": False, "compiled": True}

both_modes = pytest.mark.parametrize("compiled", MODES.values(), ids=list(MODES))


@both_modes
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_a_ceiling_limits_the_error_alone(loss, compiled):
    units, target = (1, [[0.0]]) if loss == "binary_cross_entropy" else (2, [1])
    network = Network(
        [Dense(units, last_activation(losses[loss]()), weights=[[2.0, 0.0][:units]], biases=[0.0] * units)], 1,
        losses[loss](ceiling=1.0),
    )  # fmt: skip
    check = gradcheck(network, [[1.0]], target, compiled=compiled)
    assert check.loss == 1.0
    assert check.passed, str(check)
    assert check.arrays[0].numeric > 0.5
    assert check.arrays[0].skipped == 0


@both_modes
@pytest.mark.parametrize("layer", [GRU, LSTM, Recurrent])
def test_slopes_that_are_cut_on_purpose_are_not_called_wrong(layer, compiled):
    rng = np.random.default_rng(0)
    network = Network([layer(2, truncate=2, returns="sequence"), layer(2, truncate=9), Dense(1)], (5, 2), "mse", seed=1)
    X, Y = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 1))
    check = gradcheck(network, X, Y, compiled=compiled)
    assert check.passed, str(check)
    assert check.uncut == ("layer 1 (truncate=2)",)  # the other one cuts nothing in five steps
    assert "Layer 1 (truncate=2) cuts slopes through time" in str(check)
    assert not gradcheck(Network([layer(2), Dense(1)], (5, 2), "mse", seed=1), X, Y, compiled=compiled).uncut


def test_a_fault_beside_a_cut_is_found(monkeypatch):
    right = GRU.backward

    def wrong(**arrays):
        right(**arrays)
        arrays["db"] *= 1.001

    wrong.__signature__ = inspect.signature(right)
    monkeypatch.setattr(GRU, "backward", staticmethod(wrong))
    network = Network([GRU(2, truncate=2), Dense(1)], (5, 2), "mse", seed=1)
    rng = np.random.default_rng(0)
    check = gradcheck(network, rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 1)))
    assert [array.name for array in check.arrays if not array.passed] == ["1.b"]


@both_modes
def test_where_the_largest_of_a_window_changes_is_a_kink(compiled):
    network = Network([MaxPool(2), Flatten(), Dense(1)], (2, 4, 1), "mse", seed=1)
    equal = np.array([[1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0]]).reshape(1, 2, 4, 1)
    near = equal.copy()
    near[0, 0, 0, 0] += 1e-7
    for X, skipped in ((equal, 5), (near, 5)):
        check = gradcheck(network, X, [[0.3]], compiled=compiled)
        assert check.passed, str(check)
        assert check.arrays[-1].skipped == skipped


@both_modes
def test_kinks_within_a_recurrent_layer_are_stepped_around(compiled):
    network = Network([Recurrent(2, "relu", biases=[0.0, 1e-7]), Dense(1)], (3, 2), "mse", seed=1)
    network["1.W"][:] = np.abs(network["1.W"])
    X = np.zeros((2, 3, 2))
    X[1] = 1.0
    check = gradcheck(network, X, [[0.3], [0.2]], compiled=compiled)
    assert check.passed, str(check)
    assert sum(array.skipped for array in check.arrays) > 0


# ------------------------------------------------------------------------------------------------- every op is right


@pytest.mark.parametrize("loss", LOSSES, ids=label)
@pytest.mark.parametrize("activation", activations)
def test_every_activation_with_every_loss_in_three_hidden_layers(activation, loss, problem):
    network, X, Y = problem(loss, [activation] * 3)
    check = gradcheck(network, X, Y, directions=2)
    assert check.passed, str(check)
    assert sum(array.checked for array in check.arrays) >= 16


@both_modes
@pytest.mark.parametrize("activation", activations)
def test_every_activation_entry_by_entry(activation, compiled, problem):
    network, X, Y = problem("half_squared_error", [activation] * 3, output=activation)
    check = gradcheck(network, X, Y, compiled=compiled)
    assert check.passed, str(check)
    assert sum(array.checked for array in check.arrays) > 0.9 * (network.parameters.size + X.size)


@both_modes
@pytest.mark.parametrize("loss", LOSSES, ids=label)
def test_every_loss_entry_by_entry(loss, compiled, problem):
    network, X, Y = problem(loss, ["sigmoid", "gelu", "tanh"])
    weights = np.array([0.0, 0.5, 1.0, 2.0, 1.0, 3.0, 0.25])
    check = gradcheck(network, X, Y, compiled=compiled, sample_weight=weights)
    assert check.passed, str(check)
    assert sum(array.skipped for array in check.arrays) <= 3


@both_modes
@pytest.mark.parametrize("layer", OTHER_LAYERS, ids=label)
def test_every_other_layer_entry_by_entry(layer, compiled, problem):
    network, X, Y = problem("mse", [layer, "tanh", layer, "sigmoid", "softplus", layer], units=4)
    check = gradcheck(network, X, Y, compiled=compiled)
    assert check.passed, str(check)
    assert sum(array.checked for array in check.arrays) == network.parameters.size + X.size


@both_modes
@pytest.mark.parametrize("name", SAMPLES)
def test_every_layer_in_its_own_shapes(name, compiled):
    layer, row = SAMPLES[name]
    network, rng = Network([layer], row, "mse", seed=3), np.random.default_rng(4)
    network.parameters += rng.normal(0.0, 0.3, network.parameters.size)
    X, Y = draw_rows(network, 6, rng), rng.normal(size=(6, network.output_size))
    check = gradcheck(network, X, Y, compiled=compiled)
    assert check.passed, str(check)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_reductions_and_row_weights(reduction, weighted, problem):
    network, X, Y = problem(HalfSquaredError(reduction=reduction), ["tanh"] * 3)
    check = gradcheck(network, X, Y, sample_weight=np.arange(7.0) if weighted else None)
    assert check.passed, str(check)


@both_modes
@pytest.mark.parametrize("settings", [{"l2": 0.3}, {"l1": 0.1}, {"l1": 0.1, "l2": 0.3, "decay_biases": True}], ids=str)
def test_penalties_are_part_of_the_error_and_of_its_gradient(settings, compiled, problem):
    network, X, Y = problem("mse", ["tanh"] * 3)
    check = gradcheck(network, X, Y, compiled=compiled, **settings)
    assert check.passed, str(check)
    assert check.loss > gradcheck(network, X, Y, directions=1).loss


@both_modes
def test_the_gradient_of_a_batch_cut_into_shards(compiled, problem, small_shards):
    network, X, Y = problem("cross_entropy", ["tanh", Dropout(0.3), "gelu", "sigmoid"], rows=2 * small_shards + 1)
    check = gradcheck(network, X, Y, compiled=compiled, l2=0.1)
    assert check.passed, str(check)


def test_layers_without_bias_and_frozen_parameters_are_left_out(problem):
    network, X, Y = problem("mse", ["tanh", "sigmoid", "tanh"], bias=False, freeze=("W",))
    assert [array.name for array in gradcheck(network, X, Y).arrays] == ["X"]
    network, X, Y = problem("mse", ["tanh", "sigmoid", "tanh"], freeze=("b",))
    check = gradcheck(network, X, Y)
    assert check.passed
    assert [array.name for array in check.arrays] == ["1.W", "2.W", "3.W", "4.W", "X"]


def test_a_large_network_is_checked_along_directions(problem):
    network, X, Y = problem("cross_entropy", ["tanh"] * 3, units=40, spread=0.1)
    check = gradcheck(network, X, Y)
    assert check.passed, str(check)
    assert {(array.checked, array.index) for array in check.arrays if array.name != "X"} == {(8, None)}
    assert check.arrays[-1].checked == X.size


# ----------------------------------------------------------------------------------------------------- what it leaves


def test_the_network_is_left_as_it_was_and_float32_is_checked_in_float64(problem):
    network, X, Y = problem("mse", [BatchNorm(), "tanh"], dtype="float32")
    parameters, state, rows = network.parameters.copy(), network.state.copy(), X.copy()
    check = gradcheck(network, X, Y)
    assert check.passed, str(check)
    assert network.dtype == np.float32
    np.testing.assert_array_equal(network.parameters, parameters)
    np.testing.assert_array_equal(network.state, state)
    np.testing.assert_array_equal(X, rows)


def test_the_same_seed_gives_the_same_check(problem):
    network, X, Y = problem("mse", ["tanh", Dropout(0.5)], units=8)
    assert gradcheck(network, X, Y, directions=2, seed=4) == gradcheck(network, X, Y, directions=2, seed=4)
    assert gradcheck(network, X, Y, directions=2, seed=4) != gradcheck(network, X, Y, directions=2, seed=5)


def test_the_check_reads_as_a_table_and_turns_into_json(problem):
    network, X, Y = problem("mse", ["tanh"])
    check = gradcheck(network, X, Y)
    lines = str(check).splitlines()
    assert lines[0].split()[:4] == ["array", "shape", "checked", "skipped"]
    assert [line.split()[0] for line in lines[1:-1]] == ["1.W", "1.b", "2.W", "2.b", "X"]
    assert all(line.endswith("right") for line in lines[1:-1])
    assert lines[-1].startswith("passed: worst relative error")
    assert json.loads(msgspec.json.encode(check))["arrays"][0]["shape"] == [3, 3]
    assert check.worst.error == max(array.error for array in check.arrays)


def test_an_infinite_error_is_refused(problem):
    network, X, Y = problem("mse", ["identity"])
    network.parameters[:] = 1e300
    with pytest.raises(BacklitError, match="expected a finite number"):
        gradcheck(network, X, Y)


# -------------------------------------------------------------------------------------------------------------- kinks


def test_entries_at_a_kink_are_skipped_and_counted():
    network = Network([Dense(1, "relu", weights=[[1.0]]), Dense(1, weights=[[2.0]])], 1, "half_squared_error")
    at_the_kink = gradcheck(network, [[0.0]], [1.0])
    found = {array.name: (array.checked, array.skipped, array.verdict) for array in at_the_kink.arrays}
    assert found["1.b"] == found["X"] == (0, 1, "all at kinks")  # moving these moves z off 0
    assert found["1.W"] == (1, 0, "right")  # its input is 0, so z stays
    assert "all at kinks" in str(at_the_kink)
    near = gradcheck(network, [[3e-4]], [1.0])  # nearer than the first step
    assert near.passed
    assert not any(array.skipped for array in near.arrays)


def test_a_kink_of_the_loss_is_skipped_too():
    network = Network([Dense(1, weights=[[1.0]])], 1, "mae")
    assert [array.skipped for array in gradcheck(network, [[2.0]], [2.0]).arrays] == [1, 1, 1]
    assert gradcheck(network, [[2.0]], [2.5]).passed


def test_nothing_checked_is_not_passed():
    network = Network([Dense(1, weights=[[1.0]])], 1, "mae")
    check = gradcheck(network, [[2.0]], [2.0])
    assert not check.passed
    assert str(check).splitlines()[-1].startswith("FAILED")


# ------------------------------------------------------------------------------------------------------- planted bugs


def sabotage(patch: Any, op: type, name: str, function: Any) -> None:
    patch.setattr(op, name, staticmethod(function), raising=False)


def dense_backward(change: Any) -> Any:
    """Give a backward of the dense layer that goes wrong in one step: `change` returns dX, dW, db; None for right."""

    def backward(X, W, dZ, dX, dW, db):
        wrong = change(X, W, dZ)
        for target, right, other in zip((dX, dW, db), (dZ @ W.T, X.T @ dZ, dZ.sum(axis=0)), wrong, strict=True):
            if target.size:
                target[:] = right if other is None else other

    return lambda patch: sabotage(patch, Dense, "backward", backward)


def slope(op: type, function: Any) -> Any:
    return lambda patch: sabotage(patch, op, "slope", function)


def backward(op: type, function: Any) -> Any:
    return lambda patch: sabotage(patch, op, "backward", function)


def accumulates(patch: Any) -> None:
    def stale(X, W, dZ, dX, dW, db):
        dW += X.T @ dZ
        if db.size:
            db[:] = dZ.sum(axis=0)
        if dX.size:
            dX[:] = dZ @ W.T

    sabotage(patch, Dense, "backward", stale)


def previous_activations(patch: Any) -> None:
    """Backward reads what forward left the time before."""
    seen: dict[tuple[int, tuple[int, ...]], Any] = {}

    def stale(X, W, dZ, dX, dW, db):
        place = X.ctypes.data, X.shape  # another program may have stood there before
        before = seen.get(place, X)
        seen[place] = X.copy()
        dW[:] = before.T @ dZ
        db[:] = dZ.sum(axis=0)
        if dX.size:
            dX[:] = dZ @ W.T

    sabotage(patch, Dense, "backward", stale)


def updated_before_hidden_delta(patch: Any) -> None:
    """The widely published two-layer example: the output weights change before the hidden delta reads them."""

    def backward_pass(tables, memory, dP, n, training, clock, first_row):
        start = memory.P.copy()
        machine.invoke(tables.loss, 0, passes.BACKWARD, memory, dP, n, training, clock, first_row)
        for i in range(tables.ops - 1, -1, -1):
            machine.invoke(tables.chain, i, passes.BACKWARD, memory, dP, n, training, clock, first_row)
            memory.P[:] = start - 0.5 * memory.dP
        memory.P[:] = start

    patch.setattr(passes, "backward_pass", backward_pass)


def walks_forward(patch: Any) -> None:
    def backward_pass(tables, memory, dP, n, training, clock, first_row):
        machine.invoke(tables.loss, 0, passes.BACKWARD, memory, dP, n, training, clock, first_row)
        for i in range(tables.ops):
            machine.invoke(tables.chain, i, passes.BACKWARD, memory, dP, n, training, clock, first_row)

    patch.setattr(passes, "backward_pass", backward_pass)


def off_by_one_layer(patch: Any) -> None:
    """Every array of weights gets the gradient of the same-shaped array of the layer above."""
    right = passes.backward_pass

    def backward_pass(tables, memory, *rest):
        right(tables, memory, *rest)
        memory.dP[:12] = memory.dP[12:24]

    patch.setattr(passes, "backward_pass", backward_pass)


def penalty_times(l1_factor: float, l2_factor: float) -> Any:
    def plant(patch: Any) -> None:
        right = update.invoke_update

        def invoke_update(row, memory, start, stop, rate, step, l1, l2, decay):
            right(row, memory, start, stop, rate, step, l1_factor * l1, l2_factor * l2, decay)

        patch.setattr(update, "invoke_update", invoke_update)

    return plant


def penalty_on_biases(patch: Any) -> None:
    right = update.invoke_update

    def invoke_update(row, memory, start, stop, rate, step, l1, l2, decay):
        right(row, memory, start, stop, rate, step, l1, l2 or 0.1, decay)

    patch.setattr(update, "invoke_update", invoke_update)


def shard_not_added(patch: Any) -> None:
    def first(one, other, total, start, stop):
        total[start:stop] = one[start:stop]

    patch.setattr(reduce, "add_pair", first)


def last_shard_only(patch: Any) -> None:
    def second(one, other, total, start, stop):
        total[start:stop] = other[start:stop]

    patch.setattr(reduce, "add_pair", second)


def fresh_dropout_mask(patch: Any) -> None:
    rng = np.random.default_rng(0)

    def redraw(dZ, M, dX):
        if dX.size:
            dX[:] = dZ * (rng.random(dX.shape) < 0.5) * 2.0

    sabotage(patch, Dropout, "backward", redraw)


def norm_backward(op: type, dX_of: Any, gamma_gradient: bool = True) -> Any:
    """Give a backward of a normalization whose dX is `dX_of(N, r, gamma, dZ, dgamma, dbeta)`."""

    def batch(N, r, gamma, dZ, dX, dgamma, dbeta, training):
        layer(N, r, gamma, dZ, dX, dgamma, dbeta)

    def layer(N, r, gamma, dZ, dX, dgamma, dbeta):
        dgamma[:], dbeta[:] = (dZ * N).sum(axis=0), dZ.sum(axis=0)
        if dX.size:
            dX[:] = dX_of(N, r if op is BatchNorm else r[:, None], gamma, dZ, dgamma, dbeta)
        if not gamma_gradient:
            dgamma[:] = dZ.sum(axis=0)

    return lambda patch: sabotage(patch, op, "backward", batch if op is BatchNorm else layer)


def rows_mean(values: Any) -> Any:
    return values.mean(axis=1, keepdims=True)


def frozen_stops_the_chain(patch: Any) -> None:
    right = Dense.backward

    def broken(X, W, dZ, dX, dW, db):
        right(X, W, dZ, dX, dW, db)
        if not dW.size and dX.size:
            dX[:] = 0.0

    sabotage(patch, Dense, "backward", broken)


def softmax_of(Z: Any) -> Any:
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_hot(T: Any, k: int) -> Any:
    return np.eye(k)[T[:, 0].astype(int)]


def smoothing_ignored(A, T, g, dA, label_smoothing):
    dA[:] = g[:, None] * (softmax_of(A) - one_hot(T, A.shape[1]))


def next_class(A, T, g, dA, label_smoothing):
    dA[:] = g[:, None] * (softmax_of(A) - np.roll(one_hot(T, A.shape[1]), 1, axis=1))


def without_factor(A, T, g, dA):
    dA[:] = A - T


def without_row_weights(A, T, g, dA):
    dA[:] = g.mean() * (A - T)


def nan_of_a_row(A, T, g, dA):
    dA[:] = g[:, None] * (A - T)
    dA[0] = np.nan


def at_the_output(z):
    e = 1.0 / (1.0 + np.exp(-z))
    a = z * e
    s = 1.0 / (1.0 + np.exp(-a))
    return s * (1.0 + a * (1.0 - s))


def first_row(values: Any) -> Any:
    return values * (np.arange(len(values)) == 0)[:, None]


def shrunk(values: Any, by: float) -> Any:
    wrong = values.copy()
    wrong[0, 0] *= 1.0 - by
    return wrong


THREE = {"loss": "half_squared_error", "hidden": ["sigmoid", "tanh", "sigmoid"]}
CLASSES = {"loss": "cross_entropy", "hidden": ["tanh"] * 3}
SMOOTHED = CLASSES | {"loss": CrossEntropy(label_smoothing=0.2)}
SILU = THREE | {"hidden": ["silu"] * 3}
WITH = {name: THREE | {"hidden": ["tanh", op, "tanh", "sigmoid"]} for name, op in
        {"softmax": "softmax", "leaky": "leaky_relu", "elu": "elu", "dropout": Dropout(0.5),
         "batch": BatchNorm(), "layer": LayerNorm()}.items()}  # fmt: skip
WEIGHTED = {"sample_weight": np.arange(1.0, 8.0)}

# The bug, the network it shows in, and what the check is told.
BUGS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "slope dropped": (slope(Sigmoid, lambda a: 1.0 + 0.0 * a), THREE, {}),
    "slope of the wrong sign": (slope(Tanh, lambda a: a * a - 1.0), THREE, {}),
    "slope of another activation": (slope(Tanh, lambda a: a * (1.0 - a)), THREE, {}),
    "slope at the output in place of the input": (slope(SiLU, at_the_output), SILU, {}),
    "slope of sigmoid at the input in place of the output": (slope(Sigmoid, lambda z: z * (1.0 - z)), THREE, {}),
    "leaky slope of the wrong sign": (
        slope(activations["leaky_relu"], lambda a, alpha: np.where(a > 0, 1.0, -alpha)), WITH["leaky"], {}),
    "elu without its alpha": (slope(activations["elu"], lambda a, alpha: np.where(a > 0, 1.0, a)), WITH["elu"], {}),
    "weights not transposed": (dense_backward(lambda X, W, dZ: (dZ @ W, None, None)), THREE, {}),
    "gradient of the weights transposed": (dense_backward(lambda X, W, dZ: (None, dZ.T @ X, None)), THREE, {}),
    "gradient of the weights negated": (dense_backward(lambda X, W, dZ: (None, -X.T @ dZ, None)), THREE, {}),
    "rows of the inputs in reverse": (dense_backward(lambda X, W, dZ: (None, X[::-1].T @ dZ, None)), THREE, {}),
    "bias gradient dropped": (dense_backward(lambda X, W, dZ: (None, None, 0.0)), THREE, {}),
    "bias gradient a mean": (dense_backward(lambda X, W, dZ: (None, None, dZ.mean(axis=0))), THREE, {}),
    "bias gradient of the first row": (dense_backward(lambda X, W, dZ: (None, None, dZ[0])), THREE, {}),
    "gradient not passed down": (dense_backward(lambda X, W, dZ: (0.0, None, None)), THREE, {}),
    "gradient passed down without the weights": (dense_backward(lambda X, W, dZ: (dZ, None, None)), THREE, {}),
    "one weight off by a hundred-thousandth": (
        dense_backward(lambda X, W, dZ: (None, shrunk(X.T @ dZ, 1e-5), None)), THREE, {}),
    "weights' gradient in single precision": (
        dense_backward(lambda X, W, dZ: (None, (X.T.astype("f2") @ dZ.astype("f2")), None)), THREE, {}),
    "inputs' gradient of the first row only": (
        dense_backward(lambda X, W, dZ: (first_row(dZ) @ W.T, None, None)), THREE, {}),
    "gradients added to those of the batch before": (accumulates, THREE, {}),
    "activations of the batch before": (previous_activations, THREE | {"rows": 8}, {}),
    "weights updated before the hidden delta": (updated_before_hidden_delta, THREE, {}),
    "layers walked forward": (walks_forward, THREE, {}),
    "gradients one layer off": (off_by_one_layer, THREE, {}),
    "1/n missing": (backward(HalfSquaredError, without_factor), THREE, {}),
    "row weights ignored": (backward(HalfSquaredError, without_row_weights), THREE, WEIGHTED),
    "NaN": (backward(HalfSquaredError, nan_of_a_row), THREE, {}),
    "factor 2 of mse missing": (slope(MSE, lambda a, t: a - t), THREE | {"loss": "mse"}, {}),
    "mse of the wrong sign": (slope(MSE, lambda a, t: 2.0 * (t - a)), THREE | {"loss": "mse"}, {}),
    "huber not limited": (slope(Huber, lambda a, t, delta: a - t), THREE | {"loss": Huber(delta=0.3)}, {}),
    "label smoothing ignored": (backward(SoftmaxCrossEntropy, smoothing_ignored), SMOOTHED, {}),
    "class numbers one off": (backward(SoftmaxCrossEntropy, next_class), CLASSES, {}),
    "off-diagonal of softmax's Jacobian dropped": (
        backward(Softmax, lambda A, dA, dZ: np.copyto(dZ, dA * A * (1.0 - A))), WITH["softmax"], {}),
    "dropout's mask not applied": (backward(Dropout, lambda dZ, M, dX: np.copyto(dX, dZ)), WITH["dropout"], {}),
    "dropout's scale not applied": (
        backward(Dropout, lambda dZ, M, dX: np.copyto(dX, dZ * (M > 0))), WITH["dropout"], {}),
    "dropout's mask drawn anew": (fresh_dropout_mask, WITH["dropout"], {}),
    "batch norm's mean taken as constant": (
        norm_backward(BatchNorm, lambda N, r, gamma, dZ, dgamma, dbeta: gamma * r * (dZ - N * dgamma / len(N))),
        WITH["batch"], {}),
    "batch norm's variance taken as constant": (
        norm_backward(BatchNorm, lambda N, r, gamma, dZ, dgamma, dbeta: gamma * r * (dZ - dbeta / len(N))),
        WITH["batch"], {}),
    "batch norm's gamma without its input": (
        norm_backward(BatchNorm, lambda N, r, gamma, dZ, dgamma, dbeta:
                      gamma * r * (dZ - (dbeta + N * dgamma) / len(N)), gamma_gradient=False), WITH["batch"], {}),
    "layer norm's gamma missing": (
        norm_backward(LayerNorm, lambda N, r, gamma, dZ, dgamma, dbeta:
                      r * (dZ - rows_mean(dZ) - N * rows_mean(dZ * N))), WITH["layer"], {}),
    "layer norm's moments taken as constant": (
        norm_backward(LayerNorm, lambda N, r, gamma, dZ, dgamma, dbeta: r * gamma * dZ), WITH["layer"], {}),
    "shards not added": (shard_not_added, THREE | {"rows": 9}, {}),
    "only the last shard": (last_shard_only, THREE | {"rows": 9}, {}),
    "l2 missing": (penalty_times(1.0, 0.0), THREE, {"l2": 0.1}),
    "l2 doubled": (penalty_times(1.0, 2.0), THREE, {"l2": 0.1}),
    "l1 missing": (penalty_times(0.0, 1.0), THREE, {"l1": 0.1}),
    "l1 of the wrong sign": (penalty_times(-1.0, 1.0), THREE, {"l1": 0.1}),
    "l2 on biases": (penalty_on_biases, THREE, {"l2": 0.1}),
    "frozen weights stop the chain": (frozen_stops_the_chain, THREE | {"freeze": ("W",)}, {}),
}  # fmt: skip

INVISIBLE_ALONG_DIRECTIONS = {"one weight off by a hundred-thousandth"}


def test_enough_bugs_are_planted():
    assert len(BUGS) >= 20


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name, problem, monkeypatch, small_shards):
    plant, network, told = BUGS[name]
    network, X, Y = problem(**network)
    right = gradcheck(network, X, Y, **told)
    assert right.passed, str(right)
    plant(monkeypatch)
    assert not gradcheck(network, X, Y, **told).passed
    if name not in INVISIBLE_ALONG_DIRECTIONS:
        assert not gradcheck(network, X, Y, directions=8, **told).passed


# ------------------------------------------------------------------------------------------------------------ PyTorch


def torch_gradients(network: Network, X: Any, Y: Any, weights: Any) -> tuple[float, Any, Any]:
    """Give PyTorch's error, gradient of the parameters in our layout, and gradient of the inputs."""
    torch = oracles.torch()
    parameters = {name: torch.tensor(network[name], requires_grad=True) for name in network}
    A = inputs = torch.tensor(X, requires_grad=True)
    for k, op in zip(network.labels, network.ops, strict=True):
        dense = op.name == "dense"
        A = A @ parameters[f"{k}.W"] + parameters[f"{k}.b"] if dense else oracles.torch_activation(op)(A)
    rows = oracles.torch_loss(network.loss, A, torch.tensor(Y))
    factor = machine.factor(reduction(network.loss, network.output_size), weights.sum())
    error = (rows * torch.tensor(weights)).sum() * factor
    error.backward()
    return error.item(), np.concatenate([parameters[k].grad.numpy().ravel() for k in network]), inputs.grad.numpy()


CHAINS = [(op, losses["half_squared_error"]()) for op in ACTIVATIONS] + [(activations["tanh"](), op) for op in LOSSES]


@pytest.mark.parametrize(("activation", "loss"), CHAINS, ids=label)
def test_the_gradient_is_that_of_pytorch(activation, loss, problem):
    """Every activation in three hidden layers, then every loss behind three of tanh."""
    network, X, Y = problem(loss, [activation] * 3, rows=11, units=5, inputs=4)
    network.parameters[:] *= 0.25  # exp of exp of exp of larger numbers overflows
    weights = np.random.default_rng(1).uniform(0.1, 2.0, 11)
    wanted, dP, dX = torch_gradients(network, X, Y, weights)
    for compiled in (False, True):
        targets = network.check_targets(Y, 11)
        objective = Objective.of(network, X, targets, weights, compiled=compiled, input_gradient=True)
        assert objective.loss() == pytest.approx(wanted, rel=1e-10)
        np.testing.assert_allclose(objective.gradient, dP, rtol=0, atol=1e-10 * np.abs(dP).max())
        np.testing.assert_allclose(objective.view("dX"), dX, rtol=0, atol=1e-10 * np.abs(dX).max())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"directions": 0}, "directions is 0; expected a whole number of at least 1"),
        ({"directions": 1.5}, "directions is 1.5"),
        ({"tolerance": -1.0}, "tolerance is -1.0; expected a finite number of at least 0"),
        ({"tolerance": float("nan")}, "tolerance is nan; expected a finite number of at least 0"),
        ({"X": np.zeros((0, 2)), "Y": np.zeros((0, 1))}, "X has no rows"),
    ],
)
def test_settings_out_of_range_are_refused(given, message):
    options = {"X": np.ones((3, 2)), "Y": np.ones(3)} | given
    with pytest.raises(BacklitError, match=message):
        gradcheck(Network([Dense(1)], 2), **options)
