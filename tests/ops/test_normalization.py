"""Batch and layer normalization: what they compute, their running statistics, and exact gradients."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
from cases import OTHER_LAYERS, label

from backlit.errors import BacklitError
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.normalization import BatchNorm, LayerNorm

LAYERS = [op for op in OTHER_LAYERS if isinstance(op, BatchNorm | LayerNorm)]
SIZES = [(1, 1), (1, 5), (2, 1), (2, 3), (7, 4), (33, 18)]


def rng() -> np.random.Generator:
    return np.random.default_rng(8)


def sample(rows, columns):
    """Inputs, gradients of the outputs, and values of gamma and beta away from their first ones."""
    X, G = rng().normal(2.0, 3.0, (2, rows, columns))
    return X, G, rng().normal(1.0, 0.5, 2 * columns)


@pytest.mark.parametrize("layer", LAYERS, ids=label)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("training", [0, 1])
def test_plain_equals_compiled(layer, size, training, plain_and_compiled):
    X, G, parameters = sample(*size)
    plain, _ = plain_and_compiled([layer], X, G, parameters=parameters, training=training)
    assert np.isfinite(plain.outputs).all()
    assert np.isfinite(plain.d_inputs).all()


@pytest.mark.parametrize("layer", LAYERS, ids=label)
@pytest.mark.parametrize("training", [0, 1])
def test_backward_is_the_central_difference(layer, training, mode, run):
    layers = [Dense(4, "tanh"), layer, Dense(3, "sigmoid")]
    X, direction = rng().normal(size=(2, 9, 5))
    G = rng().normal(size=(9, 3))
    start = run(layers, X, G, training=training)
    parameters = start.network.parameters + rng().normal(0.0, 0.3, start.network.parameters.size)
    state = rng().uniform(0.5, 2.0, start.network.state.size)
    turn = rng().normal(size=parameters.size)

    def error(h):
        moved = run(layers, X + h * direction, G, mode=mode, parameters=parameters + h * turn, state=state,
                    training=training)  # fmt: skip
        return moved.error

    got = run(layers, X, G, mode=mode, parameters=parameters, state=state, training=training)
    slope = float((got.d_inputs * direction).sum() + got.gradient @ turn)
    assert slope == pytest.approx((error(1e-5) - error(-1e-5)) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("layer", LAYERS, ids=label)
@pytest.mark.parametrize("training", [0, 1])
def test_torch_agrees(layer, training, run):
    torch = oracles.torch()
    X, G, parameters = sample(9, 4)
    if isinstance(layer, BatchNorm):
        peer = torch.nn.BatchNorm1d(4, eps=layer.epsilon, momentum=layer.momentum, dtype=torch.float64)
    else:
        peer = torch.nn.LayerNorm(4, eps=layer.epsilon, dtype=torch.float64)
    peer.train(bool(training))
    with torch.no_grad():
        peer.weight[:], peer.bias[:] = torch.tensor(parameters[:4]), torch.tensor(parameters[4:])
    x = torch.tensor(X, requires_grad=True)
    z = peer(x)
    z.backward(torch.tensor(G))
    got = run([layer], X, G, parameters=parameters, training=training)
    np.testing.assert_allclose(got.outputs, z.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.d_inputs, x.grad.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.gradient[:4], peer.weight.grad.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.gradient[4:], peer.bias.grad.numpy(), rtol=1e-10, atol=1e-12)
    if isinstance(layer, BatchNorm):
        np.testing.assert_allclose(got.network["1.mean"], peer.running_mean.numpy(), rtol=1e-10)
        np.testing.assert_allclose(got.network["1.variance"], peer.running_var.numpy(), rtol=1e-10)


@pytest.mark.parametrize("layer", [BatchNorm(), LayerNorm()], ids=repr)
@pytest.mark.parametrize("which", ["forward", "backward"])
def test_compiled_float32_stays_float32(layer, which, types_inside):
    types = types_inside(layer, which)
    assert "float32" in types
    assert "float64" not in types


def test_outputs_have_mean_0_and_variance_1(run, mode, dtype):
    X = rng().normal(40.0, 9.0, (64, 48))
    for layer, axis in ((BatchNorm(), 0), (LayerNorm(), 1)):
        Z = run([layer], X, mode=mode, dtype=dtype).outputs
        np.testing.assert_allclose(Z.mean(axis=axis), 0.0, atol=1e-5)
        np.testing.assert_allclose(Z.var(axis=axis), 1.0, rtol=1e-4)


def test_running_statistics_are_unbiased_and_used_outside_training(run, mode):
    X = rng().normal(5.0, 2.0, (20, 3))
    layer = BatchNorm(momentum=1.0)
    trained = run([layer], X, mode=mode)
    mean, variance = trained.network["1.mean"], trained.network["1.variance"]
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, X.var(axis=0, ddof=1), rtol=1e-12)
    one = trained.network.predict(X[:1], compiled=mode == "compiled")
    np.testing.assert_allclose(one, (X[:1] - mean) / np.sqrt(variance + layer.epsilon), rtol=1e-12)
    np.testing.assert_array_equal(trained.network["1.mean"], mean)


def test_a_batch_of_one_row_has_no_spread(run, mode):
    got = run([BatchNorm(momentum=0.5)], [[3.0, -2.0]], [[1.0, 2.0]], mode=mode, parameters=[2.0, 2.0, 0.25, 0.5])
    assert got.outputs.tolist() == [[0.25, 0.5]]
    assert got.d_inputs.tolist() == [[0.0, 0.0]]
    assert got.gradient.tolist() == [0.0, 0.0, 1.0, 2.0]
    assert got.network["1.mean"].tolist() == [1.5, -1.0]
    assert got.network["1.variance"].tolist() == [1.0, 1.0]


def test_a_batch_normalized_network_is_never_cut_into_shards(run, mode):
    X = rng().normal(size=(1300, 4))
    got = run([Dense(300), BatchNorm(), Dense(1)], X, mode=mode)
    assert got.executable.rows == 1300
    np.testing.assert_allclose(got["2.N"].mean(axis=0), 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("cls", "settings"),
    [(BatchNorm, {"momentum": 1.5}), (BatchNorm, {"epsilon": 0.0}), (LayerNorm, {"epsilon": -1e-5}),
     (LayerNorm, {"epsilon": float("nan")})],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused(cls, settings):
    with pytest.raises(BacklitError, match=cls.name):
        cls(**settings)
