"""Losses against their definitions in long arithmetic, central differences and PyTorch, plain and compiled."""

import math
import re

import mpmath as mp
import numpy as np
import pytest

from backlit.engine import machine
from backlit.engine.compiled.retype import Retyper
from backlit.engine.network import Network
from backlit.engine.objective import Objective, reduction
from backlit.errors import BacklitError
from backlit.ops.activations import piecewise
from backlit.ops.base import REDUCTIONS, ElementwiseLoss, arguments
from backlit.ops.losses.counts import SMALLEST_MEAN
from backlit.ops.losses.limits import SMALLEST_PROBABILITY
from backlit.ops.registry import losses

# Every loss, with a second choice of its settings where it has any.
SETTINGS = {
    "huber": [{"delta": 0.3}],
    "poisson": [{"deviance": True}],
    "exp_poisson": [{"deviance": True}],
    "cross_entropy": [{"label_smoothing": 0.2}],
    "softmax_cross_entropy": [{"label_smoothing": 0.2}],
}
CASES = [losses[name](**settings) for name in losses for settings in [{}, *SETTINGS.get(name, [])]]

OUTPUTS = {"poisson": "positive", "binary_cross_entropy": "share", "cross_entropy": "shares"}
TARGETS = {
    "poisson": "count", "exp_poisson": "count",
    "binary_cross_entropy": "share", "sigmoid_binary_cross_entropy": "share",
    "hinge": "sign", "cross_entropy": "classes", "softmax_cross_entropy": "classes", "multiclass_hinge": "classes",
}  # fmt: skip
"""What the outputs and targets of a loss are, where not any numbers."""


def drawn(what, n, k, rng):
    """Draw outputs or targets of a kind."""
    if what == "shares":
        e = rng.uniform(0.2, 1.0, (n, k))
        return e / e.sum(axis=1, keepdims=True)
    if what == "classes":
        return rng.integers(0, k, (n, 1)).astype(float)
    return {
        "any": lambda: rng.normal(0.0, 2.0, (n, k)),
        "positive": lambda: rng.exponential(2.0, (n, k)) + 0.01,
        "share": lambda: rng.uniform(0.001, 0.999, (n, k)),
        "count": lambda: rng.poisson(2.0, (n, k)).astype(float),
        "sign": lambda: rng.choice([-1.0, 0.0, 1.0], (n, k)),
    }[what]()


def example(loss, n=12, k=3, seed=0):
    rng = np.random.default_rng(seed)
    return drawn(OUTPUTS.get(loss.name, "any"), n, k, rng), drawn(TARGETS.get(loss.name, "any"), n, k, rng)


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


def label(loss):
    plain = type(loss)()
    return "-".join(
        [loss.name, *(f"{k}={v}" for k, v in loss.to_dict().items() if k != "op" and v != getattr(plain, k))]
    )


every_loss = pytest.mark.parametrize("loss", CASES, ids=label)


# ------------------------------------------------------------------------------------- definitions in long arithmetic


def entropy(probabilities, targets):
    return -mp.fsum(t * mp.log(p) for p, t in zip(probabilities, targets, strict=True) if t)


def softmax(z):
    total = mp.fsum(mp.exp(v) for v in z)
    return [mp.exp(v) / total for v in z]


def smoothed(t, k, s):
    row = [mp.mpf(t[0] == j) for j in range(k)] if len(t) == 1 else t
    return [(1 - s) * v + s / k for v in row]


def crammer_singer(a, t):
    c = int(t[0]) if len(t) == 1 else max(range(len(t)), key=t.__getitem__)
    return max(mp.mpf(0), *(1 + a[j] - a[c] for j in range(len(a)) if j != c))


def sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def xlogx(t):
    return t * mp.log(t) - t if t else mp.mpf(0)


def summed(one):
    return lambda a, t, s: mp.fsum(one(x, y, s) for x, y in zip(a, t, strict=True))


DEFINITIONS = {
    "half_squared_error": summed(lambda a, t, s: (t - a) ** 2 / 2),
    "mse": summed(lambda a, t, s: (t - a) ** 2),
    "mae": summed(lambda a, t, s: abs(t - a)),
    "huber": summed(
        lambda a, t, s: (a - t) ** 2 / 2 if abs(a - t) <= s.delta else s.delta * (abs(a - t) - s.delta / 2)
    ),
    "log_cosh": summed(lambda a, t, s: mp.log(mp.cosh(a - t))),
    "poisson": summed(lambda a, t, s: a - t * mp.log(a) + (xlogx(t) if s.deviance else 0)),
    "exp_poisson": summed(lambda z, t, s: mp.exp(z) - t * z + (xlogx(t) if s.deviance else 0)),
    "binary_cross_entropy": summed(lambda a, t, s: entropy([a, 1 - a], [t, 1 - t])),
    "sigmoid_binary_cross_entropy": summed(lambda z, t, s: entropy([sigmoid(z), sigmoid(-z)], [t, 1 - t])),
    "hinge": summed(lambda a, t, s: max(0, 1 - a if t > 0 else 1 + a)),
    "cross_entropy": lambda a, t, s: entropy(a, smoothed(t, len(a), mp.mpf(s.label_smoothing))),
    "softmax_cross_entropy": lambda z, t, s: entropy(softmax(z), smoothed(t, len(z), mp.mpf(s.label_smoothing))),
    "multiclass_hinge": lambda a, t, s: crammer_singer(a, t),
}


def defined(loss, a, t, digits=60):
    """Evaluate a loss's definition on one row in long arithmetic."""
    with mp.workdps(digits):
        return DEFINITIONS[loss.name]([mp.mpf(float(v)) for v in a], [mp.mpf(float(v)) for v in t], loss)


def defined_slope(loss, a, t, j, digits=60):
    with mp.workdps(digits):
        h = mp.mpf(10) ** (-digits // 3)
        upper, lower = ([mp.mpf(float(v)) + (h * sign if i == j else 0) for i, v in enumerate(a)] for sign in (1, -1))
        row = [mp.mpf(float(v)) for v in t]
        return (DEFINITIONS[loss.name](upper, row, loss) - DEFINITIONS[loss.name](lower, row, loss)) / (2 * h)


@every_loss
def test_a_row_costs_what_the_definition_says(loss):
    A, T = example(loss)
    rows, gradient, _ = measured(loss, A, T)
    g = machine.factor(reduction(loss, A.shape[1]), len(A))
    for i in range(len(A)):
        assert rows[i] == pytest.approx(float(defined(loss, A[i], T[i])), rel=1e-13, abs=1e-14)
        slopes = [float(defined_slope(loss, A[i], T[i], j)) * g for j in range(A.shape[1])]
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
        assert rows[i] == pytest.approx(float(defined(loss, a[i : i + 1], t[i : i + 1], LONG)), rel=1e-14, abs=0)
        slope = float(defined_slope(loss, a[i : i + 1], t[i : i + 1], 0, LONG)) / len(a)
        assert gradient[i, 0] == pytest.approx(slope, rel=1e-13, abs=0)


def test_a_confident_softmax_keeps_the_digits_of_a_small_loss():
    A = np.array([[30.0, 0.0, -1.0], [0.0, 300.0, 1.0]])
    rows, _, _ = measured(losses["softmax_cross_entropy"](), A, np.array([[0.0], [1.0]]))
    for i in range(2):
        exact = defined(losses["softmax_cross_entropy"](), A[i], [i], LONG)
        assert rows[i] == pytest.approx(float(exact), rel=1e-13, abs=0)


# ------------------------------------------------------------------------------------------------- each with the other


def off_kinks(loss, A, T, margin=1e-3):
    """Tell which outputs are away from the declared kinks."""
    if T.shape != A.shape:
        return np.ones(A.shape, bool)
    return np.all([np.abs(A - T - kink) > margin for kink in loss.kinks], axis=0) | np.zeros(A.shape, bool)


@every_loss
@pytest.mark.parametrize("seed", range(3))
def test_the_slope_is_the_derivative_of_the_value(loss, seed):
    A, T = example(loss, seed=seed)
    _, gradient, _ = measured(loss, A, T)
    far = off_kinks(loss, A, T)
    h = 1e-6
    for i, j in np.argwhere(far):
        shift = np.zeros_like(A)
        shift[i, j] = h
        difference = (measured(loss, A + shift, T)[2] - measured(loss, A - shift, T)[2]) / (2 * h)
        assert gradient[i, j] == pytest.approx(difference, rel=1e-6, abs=1e-8)


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


@pytest.mark.parametrize("loss", [c for c in CASES if c.class_targets], ids=label)
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
    A, T = drawn(OUTPUTS.get(name, "any"), 8, 4, rng), drawn("shares", 8, 4, rng)
    rows, gradient, _ = measured(loss, A, T, compiled=compiled)
    for i in range(len(A)):
        assert rows[i] == pytest.approx(float(defined(loss, A[i], T[i])), rel=1e-13)
        slopes = [float(defined_slope(loss, A[i], T[i], j)) / len(A) for j in range(4)]
        np.testing.assert_allclose(gradient[i], slopes, rtol=1e-11, atol=1e-15)


PAIRS = [(loss, last, fused) for loss in CASES for last, fused in loss.fused.items()]


@pytest.mark.parametrize(("loss", "last", "fused"), PAIRS, ids=lambda v: v if isinstance(v, str) else label(v))
def test_a_fused_loss_is_the_activation_and_the_loss(loss, last, fused):
    """By the definitions: loss(activation(z)) in long arithmetic is what the fused loss is defined to be."""
    Z, T = example(losses[fused](), n=6)
    activation = {
        "sigmoid": lambda z: [sigmoid(v) for v in z],
        "softmax": softmax,
        "exp": lambda z: [mp.exp(v) for v in z],
    }
    settings = losses.from_dict(loss.to_dict() | {"op": fused})
    for z, t in zip(Z, T, strict=True):
        with mp.workdps(60):
            a = activation[last]([mp.mpf(float(v)) for v in z])
            composed = DEFINITIONS[loss.name](a, [mp.mpf(float(v)) for v in t], loss)
            assert mp.almosteq(composed, defined(settings, z, t), 1e-30)


# -------------------------------------------------------------------------------------------------------------- PyTorch


def torch_loss(loss, A, T):
    import torch
    from torch.nn import functional

    k = A.shape[1]
    per_row = {"sum": 1.0, "mean": 1.0 / len(A), "mean_all": 1.0 / A.numel()}[loss.reduction]
    classes = T[:, 0].long() if T.shape[1] == 1 else None
    known = {
        "half_squared_error": lambda: functional.mse_loss(A, T, reduction="sum") / 2,
        "mse": lambda: functional.mse_loss(A, T, reduction="sum"),
        "mae": lambda: functional.l1_loss(A, T, reduction="sum"),
        "huber": lambda: functional.huber_loss(A, T, reduction="sum", delta=loss.delta),
        "poisson": lambda: functional.poisson_nll_loss(A, T, log_input=False, eps=0.0, reduction="sum"),
        "exp_poisson": lambda: functional.poisson_nll_loss(A, T, log_input=True, reduction="sum"),
        "binary_cross_entropy": lambda: functional.binary_cross_entropy(A, T, reduction="sum"),
        "sigmoid_binary_cross_entropy": lambda: functional.binary_cross_entropy_with_logits(A, T, reduction="sum"),
        "cross_entropy": lambda: -(torch.log(A) * smoothed_torch(classes, k, loss)).sum(),
        "softmax_cross_entropy": lambda: functional.cross_entropy(
            A, classes, reduction="sum", label_smoothing=loss.label_smoothing
        ),
        "multiclass_hinge": lambda: crammer_singer_torch(A, classes),
    }
    if loss.name not in known or getattr(loss, "deviance", False):
        pytest.skip(f"PyTorch has no {label(loss)}")
    return known[loss.name]() * per_row


def smoothed_torch(classes, k, loss):
    import torch

    return torch.nn.functional.one_hot(classes, k).double() * (1 - loss.label_smoothing) + loss.label_smoothing / k


def crammer_singer_torch(A, classes):
    import torch

    true = A.gather(1, classes[:, None])
    others = A.scatter(1, classes[:, None], -torch.inf)
    return (1 + others.max(dim=1, keepdim=True).values - true).clamp(min=0).sum()


@every_loss
def test_pytorch_agrees(loss):
    torch = pytest.importorskip("torch")
    A, T = example(loss, n=20, k=4)
    outputs = torch.tensor(A, requires_grad=True)
    expected = torch_loss(loss, outputs, torch.tensor(T))
    expected.backward()
    _, gradient, total = measured(loss, A, T)
    assert total == pytest.approx(expected.item(), rel=1e-10)
    np.testing.assert_allclose(gradient, outputs.grad.numpy(), rtol=1e-10, atol=1e-14)


# ----------------------------------------------------------------------------------------------------- extreme numbers

SIZES = [0.0, 1e-300, 1e-30, 1.0, 36.0, 88.0, 104.0, 710.0, 1e4, 1e30, 1e300, 1.7e308]


def extremes(what, dtype):
    top = float(np.finfo(dtype).max)
    sizes = [float(np.dtype(dtype).type(min(size, top))) for size in SIZES]
    return {
        "any": [s * v for v in sizes for s in (1.0, -1.0)],
        "positive": [s * v for v in sizes for s in (1.0, -1.0)],  # what comes of a linear output
        "share": [0.0, 1e-38, 1e-8, 0.5, 1.0 - float(np.finfo(dtype).eps), 1.0],
        "shares": [0.0, 1e-38, 1e-8, 0.5, 1.0 - float(np.finfo(dtype).eps), 1.0],
        "count": [0.0, 1.0, 1000.0],
        "sign": [-1.0, 0.0, 1.0],
    }[what]


@every_loss
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("compiled", [False, True])
def test_extreme_numbers_are_never_nan(loss, dtype, compiled):
    """No NaN, no warning but of an overflow, and infinity only where the loss comes near the end of the type."""
    outputs = extremes(OUTPUTS.get(loss.name, "any"), dtype)
    kind = TARGETS.get(loss.name, "any")
    if kind == "classes":
        A = np.array([(x, y) for x in outputs for y in outputs for _ in range(2)])
        T = np.tile([[0.0], [1.0]], (len(A) // 2, 1))
    else:
        A, T = (
            np.array(M, float)[:, None]
            for M in zip(*((a, t) for a in outputs for t in extremes(kind, dtype)), strict=True)
        )
    loss = losses.from_dict(loss.to_dict() | {"reduction": "sum"})
    with np.errstate(over="ignore"):
        rows, gradient, _ = measured(loss, A, T, dtype=dtype, compiled=compiled)
    assert not np.isnan(rows).any()
    assert not np.isnan(gradient).any()
    limit = float(np.finfo(dtype).max) / 10  # a difference within may overflow a little earlier
    for i in np.flatnonzero(np.isinf(rows)):
        if loss.name == "poisson" and A[i, 0] < SMALLEST_MEAN:
            continue  # on the tangent, 1e8 steep
        assert defined(loss, A[i], T[i]) > limit, (A[i], T[i])


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


@pytest.mark.parametrize("loss", [c for c in CASES if not c.kinks], ids=label)
@pytest.mark.parametrize("compiled", [False, True])
def test_nan_outputs_are_seen(loss, compiled):
    A, T = example(loss, n=3)
    A[1, 2] = np.nan
    rows, _, total = measured(loss, A, T, compiled=compiled)
    assert np.isnan(rows).tolist() == [False, True, False]
    assert np.isnan(total)


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
        ("poisson", {"deviance": "yes"}, r"deviance is 'yes'; expected"),
    ],
)  # fmt: skip
def test_settings_out_of_bounds_are_refused(name, settings, message):
    with pytest.raises(BacklitError, match=message):
        losses[name](**settings)
