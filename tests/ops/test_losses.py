"""Losses against their definitions in long arithmetic, and fused with activations, plain and compiled."""

import math
import re

import numpy as np
import oracles
import pytest
from cases import LOSSES, draw_outputs, draw_probabilities, draw_targets, extreme_outputs, extreme_targets, label
from mpmath import mp
from oracles import loss_of_row, loss_slope

from backlit.engine import machine
from backlit.engine.compiled.retype import Retyper
from backlit.engine.network import Network
from backlit.engine.objective import Objective, reduction
from backlit.errors import BacklitError
from backlit.ops.activations import piecewise
from backlit.ops.base import REDUCTIONS, ElementwiseLoss, arguments
from backlit.ops.losses.counts import SMALLEST_MEAN
from backlit.ops.losses.limits import SMALLEST_PROBABILITY
from backlit.ops.registry import activations, losses


def example(loss, n=12, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return draw_outputs(loss, n, k, rng), draw_targets(loss, n, k, rng).reshape(n, -1).astype(float)


class Outputs(piecewise.Identity, frozen=True):
    """Outputs as they are given: nothing is declared, so that losses are tried where they are not defined too."""

    outputs = None


def measured(loss, A, T, *, dtype="float64", compiled=False, weights=None):
    """Give rows' losses, the gradient and the reduced loss as the machine computes them."""
    network = Network([Outputs()], A.shape[1], loss, dtype=dtype)
    weights = None if weights is None else np.asarray(weights, float)
    rows = np.ascontiguousarray(A, dtype), np.ascontiguousarray(T, dtype)
    objective = Objective.of(network, *rows, weights, compiled=compiled, input_gradient=True)
    total = objective.loss()
    return objective.view("l")[:, 0].copy(), objective.view("1.dA").copy(), total


every_loss = pytest.mark.parametrize("loss", LOSSES, ids=label)


# ------------------------------------------------------------------------------------- definitions in long arithmetic


@every_loss
def test_a_row_costs_what_the_definition_says(loss):
    oracles.need_definition(loss)
    A, T = example(loss)
    rows, gradient, _ = measured(loss, A, T)
    g = machine.factor(reduction(loss, A.shape[1]), len(A))
    for i in range(len(A)):
        assert rows[i] == pytest.approx(float(loss_of_row(loss, A[i], T[i])), rel=1e-13, abs=1e-14)
        slopes = [float(loss_slope(loss, A[i], T[i], j)) * g for j in range(A.shape[1])]
        np.testing.assert_allclose(gradient[i], slopes, rtol=1e-12, atol=1e-14)


LONG = 800
"""Digits enough for the difference of two logarithms of 1 + exp(-700)."""


@pytest.mark.parametrize(
    ("name", "a", "t"),
    [
        ("log_cosh", [1e-8, 1e-3, 0.999999, 1.000001, 40.0], [0.0] * 5),
        ("binary_cross_entropy", [1e-12, 1e-5, 0.4999, 0.5001, 0.99999], [0.0] * 5),
        ("sigmoid_binary_cross_entropy", [-40.0, -1e-9, 40.0, 700.0, -700.0], [0.0, 1.0, 1.0, 1.0, 1.0]),
        ("huber", [1e-9, 1.0, 1.0 + 1e-12, 1e9, -1e9], [0.0] * 5),
    ],
)
def test_hard_places_keep_their_digits(name, a, t):
    loss = losses[name]()
    rows, gradient, _ = measured(loss, np.array(a)[:, None], np.array(t)[:, None])
    for i in range(len(a)):
        assert rows[i] == pytest.approx(float(loss_of_row(loss, a[i : i + 1], t[i : i + 1], LONG)), rel=1e-14, abs=0)
        slope = float(loss_slope(loss, a[i : i + 1], t[i : i + 1], 0, LONG)) / len(a)
        assert gradient[i, 0] == pytest.approx(slope, rel=1e-13, abs=0)


def test_a_confident_softmax_keeps_the_digits_of_a_small_loss():
    A = np.array([[30.0, 0.0, -1.0], [0.0, 300.0, 1.0]])
    rows, _, _ = measured(losses["softmax_cross_entropy"](), A, np.array([[0.0], [1.0]]))
    for i in range(2):
        exact = loss_of_row(losses["softmax_cross_entropy"](), A[i], [i], LONG)
        assert rows[i] == pytest.approx(float(exact), rel=1e-13, abs=0)


# ------------------------------------------------------------------------------------------------- each with the other


@every_loss
def test_plain_and_compiled_agree(loss):
    A, T = example(loss, n=40)
    plain, compiled = (measured(loss, A, T, compiled=c) for c in (False, True))
    for one, other in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@every_loss
def test_compiled_float32_is_float64_rounded(loss):
    A, T = (np.asarray(M, np.float32).astype(float) for M in example(loss, n=40))
    exact, single = measured(loss, A, T), measured(loss, A, T, dtype="float32", compiled=True)
    for one, other in zip(exact, single, strict=True):
        np.testing.assert_allclose(one, other, rtol=5e-6, atol=2e-6)


@every_loss
def test_compiled_float32_computes_in_float32(loss):
    """No operation of a float32 loss goes through float64: the returned value alone is widened."""
    jit = Retyper("float32", from_python=True)
    if isinstance(loss, ElementwiseLoss):
        functions = [(f, True) for f in (loss.value, loss.slope)]
    else:
        functions = [(f, False) for f in (loss.forward, loss.backward)]
    for function, scalar in functions:
        twin = jit(function, scalar=scalar)
        matrix, vector = np.ones((2, 3), np.float32), np.ones(2, np.float32)
        given = {"A": matrix, "T": matrix, "l": vector, "g": vector, "dA": matrix.copy()}
        asked = arguments(getattr(function, "compiled", function))
        twin(*(given.get(name, np.float32(0.5)) for name in asked))
        (code,) = twin.inspect_llvm().values()
        assert not re.search(r"= (fmul|fadd|fsub|fdiv)\b[^\n]*\bdouble\b", code)


@every_loss
@pytest.mark.parametrize("compiled", [False, True])
def test_reductions_and_weights(loss, compiled):
    """Weights 0, 1 and 2 are rows left out, taken once and taken twice, under every reduction."""
    A, T = example(loss, n=9, k=2)
    weights = np.array([0, 1, 2] * 3)
    repeated = np.repeat(np.arange(9), weights)
    rows = measured(loss, A, T, compiled=compiled)[0]
    for kind in REDUCTIONS:
        settings = loss.to_dict() | {"reduction": kind}
        variant = losses.from_dict(settings)
        _, gradient, total = measured(variant, A, T, compiled=compiled, weights=weights)
        _, gradients, expected = measured(variant, A[repeated], T[repeated], compiled=compiled)
        divisor = {"sum": 1, "mean": len(repeated), "mean_all": len(repeated) * 2}[kind]
        assert total == pytest.approx(expected, rel=1e-13)
        assert total == pytest.approx(rows[repeated].sum() / divisor, rel=1e-13)
        collected = np.zeros_like(gradient)
        np.add.at(collected, repeated, gradients)
        np.testing.assert_allclose(gradient, collected, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("loss", [c for c in LOSSES if c.class_targets], ids=label)
@pytest.mark.parametrize("compiled", [False, True])
def test_class_numbers_are_one_hot_rows(loss, compiled):
    A, T = example(loss, n=20, k=4)
    one_hot = np.eye(4)[T[:, 0].astype(int)]
    by_number, by_row = (measured(loss, A, targets, compiled=compiled) for targets in (T, one_hot))
    for one, other in zip(by_number, by_row, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


@pytest.mark.parametrize("name", ["cross_entropy", "softmax_cross_entropy"])
@pytest.mark.parametrize("compiled", [False, True])
def test_probability_targets(name, compiled):
    loss = losses[name](label_smoothing=0.1)
    rng = np.random.default_rng(5)
    A, T = draw_outputs(loss, 8, 4, rng), draw_probabilities(8, 4, rng)
    rows, gradient, _ = measured(loss, A, T, compiled=compiled)
    for i in range(len(A)):
        assert rows[i] == pytest.approx(float(loss_of_row(loss, A[i], T[i])), rel=1e-13)
        slopes = [float(loss_slope(loss, A[i], T[i], j)) / len(A) for j in range(4)]
        np.testing.assert_allclose(gradient[i], slopes, rtol=1e-11, atol=1e-15)


PAIRS = [(loss, last, fused) for loss in LOSSES for last, fused in loss.fused.items()]


@pytest.mark.parametrize(("loss", "last", "fused"), PAIRS, ids=lambda v: v if isinstance(v, str) else label(v))
def test_a_fused_loss_is_the_activation_and_the_loss(loss, last, fused):
    """By the definitions: loss(activation(z)) in long arithmetic is what the fused loss is defined to be."""
    Z, T = example(losses[fused](), n=6)
    activation = activations[last]()
    settings = losses.from_dict(loss.to_dict() | {"op": fused})
    for z, t in zip(Z, T, strict=True):
        with mp.workdps(60):
            a = oracles.activation_of_row(activation, oracles.long_row(z))
            composed = mp.fsum(oracles.loss_parts(loss, a, oracles.long_row(t)))
            assert mp.almosteq(composed, loss_of_row(settings, z, t), 1e-30)


# ----------------------------------------------------------------------------------------------------- extreme numbers


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compiled", [False, True])
def test_extreme_numbers_are_never_nan(loss, dtype, compiled):
    """No NaN, no warning but of an overflow, and infinity only where the loss comes near the end of the type."""
    outputs = extreme_outputs(loss, dtype)
    if loss.class_targets:
        A = np.array([(x, y) for x in outputs for y in outputs for _ in range(2)])
        T = np.tile([[0.0], [1.0]], (len(A) // 2, 1))
    else:
        pairs = [(a, t) for a in outputs for t in extreme_targets(loss, dtype)]
        A, T = (np.array(M, float)[:, None] for M in zip(*pairs, strict=True))
    loss = losses.from_dict(loss.to_dict() | {"reduction": "sum"})
    with np.errstate(over="ignore"):
        rows, gradient, _ = measured(loss, A, T, dtype=dtype, compiled=compiled)
    assert not np.isnan(rows).any()
    assert not np.isnan(gradient).any()
    limit = float(np.finfo(dtype).max) / 10  # a difference within may overflow a little earlier
    if np.isinf(rows).any():
        oracles.need_definition(loss)
    for i in np.flatnonzero(np.isinf(rows)):
        if loss.name == "poisson" and A[i, 0] < SMALLEST_MEAN:
            continue  # on the tangent, 1e8 steep
        assert loss_of_row(loss, A[i], T[i]) > limit, (A[i], T[i])


@pytest.mark.parametrize("compiled", [False, True])
def test_impossible_probabilities_cost_much_and_finitely(compiled):
    A, T = np.array([[0.0], [1.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [0.0], [1.0]])
    rows, gradient, _ = measured(losses["binary_cross_entropy"](reduction="sum"), A, T, compiled=compiled)
    np.testing.assert_allclose(rows, [-math.log(SMALLEST_PROBABILITY)] * 2 + [0.0] * 2, rtol=1e-14)
    np.testing.assert_allclose(gradient[:, 0], [-1e30, 1e30, 1.0, -1.0])
    classes = measured(
        losses["cross_entropy"](reduction="sum"), np.array([[0.0, 1.0]]), np.zeros((1, 1)), compiled=compiled
    )
    np.testing.assert_allclose(classes[0], -math.log(SMALLEST_PROBABILITY), rtol=1e-14)
    np.testing.assert_allclose(classes[1], [[-1e30, 0.0]])


def test_the_poisson_loss_goes_on_below_zero():
    loss = losses["poisson"](reduction="sum")
    A, T = np.array([[0.0], [-1.0], [-1.0]]), np.array([[2.0], [2.0], [0.0]])
    rows, gradient, _ = measured(loss, A, T)
    tangent = 2.0 * (1.0 - math.log(1e-8))
    np.testing.assert_allclose(rows, [tangent, -1.0 + tangent + 2e8, -1.0])
    np.testing.assert_allclose(gradient[:, 0], [1.0 - 2e8, 1.0 - 2e8, 1.0])


@pytest.mark.parametrize("loss", [c for c in LOSSES if not c.kinks], ids=label)
@pytest.mark.parametrize("compiled", [False, True])
def test_nan_outputs_are_seen(loss, compiled):
    A, T = example(loss, n=3)
    A[1, 2] = np.nan
    rows, _, total = measured(loss, A, T, compiled=compiled)
    assert np.isnan(rows).tolist() == [False, True, False]
    assert np.isnan(total)


@pytest.mark.parametrize("at_zero", [0, 1])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_perceptron_s_slope_is_the_answer_less_the_target(at_zero, compiled):
    nets, targets = np.meshgrid([-2.0, -0.5, -0.0, 0.0, 0.5, 2.0], [0.0, 1.0])
    A, T = nets.reshape(-1, 1), targets.reshape(-1, 1)
    loss = losses["perceptron"](at_zero=at_zero, reduction="sum")
    rows, gradient, _ = measured(loss, A, T, compiled=compiled)
    answers = (A >= 0.0 if at_zero else A > 0.0).astype(float)
    assert (gradient == answers - T).all()
    assert (rows == np.where(answers[:, 0] == T[:, 0], 0.0, np.abs(A[:, 0]))).all()


# ------------------------------------------------------------------------------------------------ settings and words


@every_loss
def test_a_loss_is_plain_data_and_back(loss):
    assert losses.from_dict(loss.to_dict()) == loss


@pytest.mark.parametrize("name", list(losses))
def test_every_loss_is_described(name):
    cls = losses[name]
    assert cls.formula
    assert cls.slope_formula or name == "multiclass_hinge"
    for word in ("Factor", "Source:", ">>> "):
        assert word in cls.__doc__
    for fused in cls.fused.values():
        assert set(losses[fused].__struct_fields__) == set(cls.__struct_fields__)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        *((name, {"reduction": "average"}, "'average'; expected one of 'sum', 'mean', 'mean_all'") for name in losses),
        ("huber", {"delta": 0.0}, r"delta is 0\.0; expected"),
        ("huber", {"delta": math.nan}, r"delta is nan; expected"),
        ("huber", {"delta": math.inf}, r"delta is inf; expected a finite number"),
        ("cross_entropy", {"label_smoothing": 1.0}, r"label_smoothing is 1\.0; expected"),
        ("softmax_cross_entropy", {"label_smoothing": -0.1}, r"label_smoothing is -0\.1; expected"),
        ("perceptron", {"at_zero": 0.5}, r"at_zero is 0\.5; expected 0 or 1"),
        ("poisson", {"deviance": "yes"}, r"deviance is 'yes'; expected"),
    ],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused(name, settings, message):
    with pytest.raises(BacklitError, match=message):
        losses[name](**settings)
