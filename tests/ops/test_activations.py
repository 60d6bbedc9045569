"""Every registered activation: exact, stable, differentiable, and the same in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracles
import pytest
from cases import ACTIVATIONS, ELEMENTWISE_ACTIVATIONS, label
from mpmath import mp, mpf
from oracles import exact_slope, exact_value

from backlit.errors import BacklitError
from backlit.ops.activations.piecewise import LeakyReLU
from backlit.ops.activations.smooth import ELU
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import activations

EXTREMES = [
    sign * size for size in (0.0, 1e-300, 1e-30, 1e-8, 88.0, 104.0, 710.0, 746.0, 1e4, 1e30, 1e308) for sign in (1, -1)
]
SWEEP = np.linspace(-13.1, 12.7, 181)


@pytest.fixture(autouse=True)
def sixty_digits():
    with mp.workdps(60):
        yield


def inputs(points: Any, dtype: str, op: Any = None) -> Any:
    """The points that the type can hold, away from the op's kinks, as a column."""
    with np.errstate(over="ignore"):
        Z = np.asarray(points).astype(dtype)
    Z = Z[np.isfinite(Z)]
    for kink in op.kinks if op else ():
        Z = Z[np.abs(Z - kink) > 1e-6]
    return Z[:, None]


def layers_of(op: Any, in_place: bool) -> list[Any]:
    """The op alone; or behind a dense layer that changes nothing, whose output it may overwrite."""
    return [Dense(1, op, weights=[[1.0]], bias=False)] if in_place else [op]


@pytest.mark.parametrize("op", ELEMENTWISE_ACTIVATIONS, ids=label)
@pytest.mark.parametrize("in_place", [False, True], ids=["apart", "in_place"])
def test_value_and_slope_are_exact_to_rounding_and_never_warn(op, in_place, mode, dtype, run):
    Z = inputs([*EXTREMES, *SWEEP], dtype, op)
    got = run(layers_of(op, in_place), Z, mode=mode, dtype=dtype)
    assert got.outputs.dtype == got.d_inputs.dtype == np.dtype(dtype)
    epsilon = float(np.finfo(dtype).eps)
    for z, a, slope in zip(Z[:, 0].tolist(), got.outputs[:, 0].tolist(), got.d_inputs[:, 0].tolist(), strict=True):
        for number, wanted in ((a, exact_value(op, z)), (slope, exact_slope(op, z))):
            assert abs(number - wanted) <= 8 * epsilon * max(1, abs(wanted)), (z, number, float(wanted))


@pytest.mark.parametrize("op", ELEMENTWISE_ACTIVATIONS, ids=label)
def test_value_is_the_textbooks(op):
    oracles.need_definition(op)
    for z in SWEEP.tolist():
        wanted = oracles.activation(op, mpf(z))
        assert abs(exact_value(op, z) - wanted) <= 1e-15 * max(1, abs(wanted))


@pytest.mark.parametrize("op", ELEMENTWISE_ACTIVATIONS, ids=label)
def test_slope_is_the_derivative_of_value_to_30_digits(op):
    for z in inputs(SWEEP, "float64", op)[:, 0].tolist():
        derivative = mp.diff(lambda x: exact_value(op, x), mpf(z))
        # Settings and constants are doubles in both; a derivative in `a` repeats the rounding of λα, say.
        assert abs(exact_slope(op, z) - derivative) <= 2e-16 * max(1, abs(derivative))


@pytest.mark.parametrize("op", ACTIVATIONS, ids=label)
def test_backward_is_the_central_difference(op, mode, run):
    rng = np.random.default_rng(5)
    X, G = rng.uniform(-4.0, 4.0, (7, 5)), rng.normal(size=(7, 5))
    for kink in op.kinks:
        X = np.where(np.abs(X - kink) < 0.01, X + 0.05, X)
    direction, h = rng.normal(size=X.shape), 1e-5
    ends = [run([op], X + sign * h * direction, G, mode=mode).error for sign in (1, -1)]
    slope = float((run([op], X, G, mode=mode).d_inputs * direction).sum())
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6)


@pytest.mark.parametrize("op", ACTIVATIONS, ids=label)
def test_plain_equals_compiled(op, plain_and_compiled):
    rng = np.random.default_rng(6)
    plain_and_compiled([op], rng.normal(scale=4.0, size=(23, 9)), rng.normal(size=(23, 9)))
    plain_and_compiled([Dense(5, op)], rng.normal(size=(23, 9)), rng.normal(size=(23, 5)))


@pytest.mark.parametrize("op", ACTIVATIONS, ids=label)
def test_nan_in_gives_nan_out(op, mode, dtype, run):
    X = np.array([[0.5, np.nan], [np.nan, 1.0], [1.0, 2.0]])
    got = run([op], X, mode=mode, dtype=dtype)
    for array in (got.outputs, got.d_inputs):
        assert np.isnan(array[np.isnan(X)]).all()
        assert np.isfinite(array[2]).all()


@pytest.mark.parametrize("op", ACTIVATIONS, ids=label)
def test_compiled_float32_stays_float32(op, types_inside):
    scalar = hasattr(op, "value")
    for which in ("value", "slope") if scalar else ("forward", "backward"):
        types = types_inside(op, which, scalar)
        assert "float32" in types
        assert "float64" not in types


@pytest.mark.parametrize("op", ACTIVATIONS, ids=label)
def test_torch_agrees(op, run):
    torch, peer = oracles.torch(), oracles.torch_activation(op)
    rng = np.random.default_rng(7)
    X, G = rng.normal(scale=3.0, size=(11, 6)), rng.normal(size=(11, 6))
    Z = torch.tensor(X, requires_grad=True)
    A = peer(Z)
    A.backward(torch.tensor(G))
    got = run([op], X, G)
    np.testing.assert_allclose(got.outputs, A.detach().numpy(), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(got.d_inputs, Z.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "silu", "elu"])
def test_small_outputs_keep_their_relative_accuracy(name, mode, run):
    op = activations[name]()
    Z = -np.array([[1e-12], [1e-5], [30.0], [100.0], [600.0]])[: 2 if name == "elu" else 5]
    got = run([op], Z, mode=mode).outputs[:, 0]
    assert got.tolist() == pytest.approx([float(exact_value(op, z)) for z in Z[:, 0].tolist()], rel=1e-14)


def test_softmax_of_extremes(mode, dtype, run):
    largest = float(np.finfo(dtype).max)
    X = np.array(
        [[largest, -largest, 0.0], [-largest, -largest, -largest], [710.0, 709.0, -1e30], [1e-30, 0.0, -1e-30]]
    )
    A = run(["softmax"], X, mode=mode, dtype=dtype).outputs
    third = 1.0 / 3.0
    q = 1.0 / (1.0 + np.exp(-1.0))
    wanted = [[1, 0, 0], [third] * 3, [q, 1 - q, 0], [third] * 3]
    np.testing.assert_allclose(A, wanted, rtol=4 * np.finfo(dtype).eps)


def test_softmax_against_its_jacobian(mode, run):
    X, G = np.array([[0.3, -1.2, 2.0]]), np.array([[0.7, -0.1, 0.4]])
    got = run(["softmax"], X, G, mode=mode)
    a = got.outputs[0]
    np.testing.assert_allclose(got.d_inputs[0], (np.diag(a) - np.outer(a, a)) @ G[0], rtol=1e-12)


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_settings_out_of_bounds_are_refused(name, alpha):
    with pytest.raises(BacklitError, match="alpha"):
        activations[name](alpha=alpha)


@pytest.mark.parametrize("op", ACTIVATIONS, ids=label)
def test_the_outputs_lie_where_it_is_declared(op, mode, dtype, run):
    """Whatever the input; and as close to both ends as its rounding, so that no end is declared too far out."""
    low, high = op.outputs
    Z = np.array([z for z in (*EXTREMES, *SWEEP) if abs(z) <= float(np.finfo(dtype).max)])
    Z = Z.reshape(-1, 1) if op in ELEMENTWISE_ACTIVATIONS else np.column_stack([Z, -Z])
    A = run([op], Z, mode=mode, dtype=dtype).outputs
    rounding = 4 * float(np.finfo(dtype).eps)
    for end, reached, sign in ((low, A.min(), -1.0), (high, A.max(), 1.0)):
        assert sign * reached <= sign * end + abs(end) * rounding
        if not op.__struct_fields__:  # else the declaration is for all settings
            assert sign * reached >= min(sign * end - 1e-3, 1e30)


@pytest.mark.parametrize("op", ACTIVATIONS, ids=label)
def test_formulas_are_written_in_known_symbols(op):
    assert op.formula, "the worked example shows it"
    assert op.slope_formula, "the worked example shows it"
    for field in op.__struct_fields__:
        assert op.symbols[field] in op.formula


@pytest.mark.parametrize("op", ELEMENTWISE_ACTIVATIONS, ids=label)
def test_the_declared_range_is_that_of_a_scan(op):
    """No output lies outside, and outputs come near both ends, however far the inputs have to go for that."""
    settings = {name: getattr(op, name) for name in op.__struct_fields__}
    far = np.geomspace(1e-3, 1e15, 4000)
    with np.errstate(over="ignore"):
        outputs = op.value(np.concatenate([-far, np.linspace(-60.0, 100.0, 400_001), far]), **settings)
    low, high = op.reach(None)
    assert low <= outputs.min()
    assert outputs.max() <= high
    assert outputs.min() < -1e11 if low == -np.inf else outputs.min() <= low + 2e-4
    assert outputs.max() > 1e11 if high == np.inf else outputs.max() >= high * (1.0 - 1e-9)


@pytest.mark.parametrize(("op", "low"), [(ELU(), -1.0), (ELU(0.5), -0.5), (ELU(0.0), 0.0), (LeakyReLU(0.0), 0.0),
                                         (LeakyReLU(0.1), -np.inf)], ids=repr)  # fmt: skip
def test_the_range_is_that_of_the_setting(op, low):
    assert op.reach(None) == (low, np.inf)
