"""What ops are held to: their definitions in long arithmetic, by mpmath, and their counterparts in PyTorch.

Definitions are written as the literature has them, in the least clever form, and work at the precision of the caller's
`mp.workdps`. They take mpmath's numbers and the op, whose fields are the settings. An op that has no entry is left out
of the tests against its definition, with a reason; its value is then its own expression in long arithmetic.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from backlit.ops.base import Loss, Op, Optimizer, arguments

DIGITS = 80

# --------------------------------------------------------------------------------------------------------- activations


def selu_constants() -> tuple[Any, Any]:
    """The closed forms of the paper's appendix: the fixed point at mean 0 and variance 1."""
    with mp.workdps(DIGITS):
        root_e, e, pi = mp.sqrt(mp.e), mp.e, mp.pi
        alpha = -mp.sqrt(2 / pi) / (mp.erfc(1 / mp.sqrt(2)) * root_e - 1)
        under = 2 * mp.erfc(mp.sqrt(2)) * e**2 + pi * mp.erfc(1 / mp.sqrt(2)) ** 2 * e
        under += -2 * (2 + pi) * mp.erfc(1 / mp.sqrt(2)) * root_e + pi + 2
        return (1 - mp.erfc(1 / mp.sqrt(2)) * root_e) * mp.sqrt(2 * pi) / mp.sqrt(under), alpha


SELU = selu_constants()


def sigmoid(z: Any) -> Any:
    return 1 / (1 + mp.exp(-z))


ACTIVATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "identity": lambda z, op: z,
    "relu": lambda z, op: max(z, 0),
    "leaky_relu": lambda z, op: z if z > 0 else op.alpha * z,
    "hard_sigmoid": lambda z, op: min(max(z + 3, 0), 6) / 6,
    "exp": lambda z, op: min(mp.exp(min(z, 1000)), 10**38),
    "sigmoid": lambda z, op: sigmoid(z),
    "tanh": lambda z, op: mp.sinh(z) / mp.cosh(z),
    "softsign": lambda z, op: z / (1 + abs(z)),
    "elu": lambda z, op: z if z > 0 else op.alpha * (mp.exp(z) - 1),
    "selu": lambda z, op: SELU[0] * (z if z > 0 else SELU[1] * (mp.exp(z) - 1)),
    "softplus": lambda z, op: mp.log(1 + mp.exp(z)),
    "silu": lambda z, op: z * sigmoid(z),
    "gelu": lambda z, op: z * mp.ncdf(z),
}
"""Of one input."""


def softmax(z: Sequence[Any]) -> list[Any]:
    total = mp.fsum(mp.exp(v) for v in z)
    return [mp.exp(v) / total for v in z]


def activation(op: Op, z: Any) -> Any:
    """Give an activation's value at one input, by its definition or, where none is known, by its own expression."""
    return ACTIVATIONS[op.name](z, op) if op.name in ACTIVATIONS else exact_value(op, z)


def activation_of_row(op: Op, z: Sequence[Any]) -> list[Any]:
    """Give an activation's outputs for a row of inputs."""
    return softmax(z) if op.name == "softmax" else [activation(op, v) for v in z]


class _LongNumPy:
    """NumPy's functions in long arithmetic, so that an op's own expression can be evaluated exactly."""

    abs, maximum, minimum = staticmethod(abs), staticmethod(max), staticmethod(min)

    @staticmethod
    def where(condition: bool, value: Any, otherwise: Any) -> Any:
        return value if condition else otherwise

    def __getattr__(self, name: str) -> Any:
        return getattr(mp, name.replace("arc", "a"))


def exact(function: Any) -> Any:
    """Give the same code, evaluated in long arithmetic."""
    long = _LongNumPy()
    return types.FunctionType(function.__code__, {**function.__globals__, "np": long, "functions": long})


def _settings(op: Op, function: Any, operands: int = 1) -> dict[str, Any]:
    return {name: getattr(op, name) for name in arguments(function)[operands:]}


def exact_value(op: Any, z: Any) -> Any:
    """Evaluate an activation's own `value` exactly."""
    return exact(op.value)(mpf(z), **_settings(op, op.value))


def exact_slope(op: Any, z: Any) -> Any:
    """Evaluate an activation's own `slope` exactly."""
    return exact(op.slope)(exact_value(op, z) if op.in_place else mpf(z), **_settings(op, op.slope))


# -------------------------------------------------------------------------------------------------------------- losses


def entropy(probabilities: Iterable[Any], targets: Iterable[Any]) -> Any:
    return -mp.fsum(t * mp.log(p) for p, t in zip(probabilities, targets, strict=True) if t)


def poisson(a: Any, log_a: Any, t: Any, deviance: bool) -> Any:
    return a - t * log_a + (t * mp.log(t) - t if deviance and t else 0)


def crammer_singer(a: Sequence[Any], t: Sequence[Any]) -> Any:
    c = max(range(len(t)), key=t.__getitem__)
    return max(mpf(0), *(1 + a[j] - a[c] for j in range(len(a)) if j != c))


def smoothed(t: Sequence[Any], loss: Any) -> list[Any]:
    s = mpf(loss.label_smoothing)
    return [(1 - s) * v + s / len(t) for v in t]


LOSSES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "half_squared_error": lambda a, t, loss: (t - a) ** 2 / 2,
    "mse": lambda a, t, loss: (t - a) ** 2,
    "mae": lambda a, t, loss: abs(t - a),
    "huber": lambda a, t, loss: (
        (a - t) ** 2 / 2 if abs(a - t) <= loss.delta else loss.delta * (abs(a - t) - mpf(loss.delta) / 2)
    ),
    "log_cosh": lambda a, t, loss: mp.log(mp.cosh(a - t)),
    "poisson": lambda a, t, loss: poisson(a, mp.log(a), t, loss.deviance),
    "exp_poisson": lambda z, t, loss: poisson(mp.exp(z), z, t, loss.deviance),
    "binary_cross_entropy": lambda a, t, loss: entropy([a, 1 - a], [t, 1 - t]),
    "sigmoid_binary_cross_entropy": lambda z, t, loss: entropy([sigmoid(z), sigmoid(-z)], [t, 1 - t]),
    "hinge": lambda a, t, loss: max(mpf(0), 1 - a if t > 0 else 1 + a),
    "perceptron": lambda a, t, loss: max(t * -a, (1 - t) * a),
}
"""Of one output."""

ROW_LOSSES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "cross_entropy": lambda a, t, loss: entropy(a, smoothed(t, loss)),
    "softmax_cross_entropy": lambda z, t, loss: entropy(softmax(z), smoothed(t, loss)),
    "multiclass_hinge": lambda a, t, loss: crammer_singer(a, t),
}
"""Of a row's outputs and its targets, one for each class."""


def need_definition(op: Op) -> None:
    """Skip a test where no definition of the op is written here."""
    if op.name not in {**ACTIVATIONS, **LOSSES, **ROW_LOSSES}:
        pytest.skip(f"tests/oracles.py has no definition of {op.name!r}")


def long_row(values: Iterable[Any]) -> list[Any]:
    return [mpf(float(v)) for v in values]


def one_hot(t: Sequence[Any], columns: int) -> list[Any]:
    """Give a row of targets, a class number in one column written out."""
    return [mpf(t[0] == j) for j in range(columns)] if len(t) == 1 else list(t)


def loss_parts(loss: Loss, a: Sequence[Any], t: Sequence[Any]) -> list[Any]:
    """Give what each output of a row costs; one number for a loss of the row as a whole."""
    if loss.name in LOSSES:
        parts = [LOSSES[loss.name](x, y, loss) for x, y in zip(a, t, strict=True)]
    else:
        parts = [ROW_LOSSES[loss.name](a, one_hot(t, len(a)), loss)]
    ceiling = mpf(getattr(loss, "ceiling", 0))
    return [min(part, ceiling) for part in parts] if ceiling else parts


def loss_of_row(loss: Loss, a: Any, t: Any, digits: int = 60) -> Any:
    """Evaluate a loss's definition on a row of floats."""
    with mp.workdps(digits):
        return mp.fsum(loss_parts(loss, long_row(a), long_row(t)))


def loss_slope(loss: Loss, a: Any, t: Any, j: int, digits: int = 60) -> Any:
    """Give the derivative of a row's loss with respect to its output `j`, by a difference."""
    with mp.workdps(digits):
        h = mpf(10) ** (-digits // 3)
        upper, lower = ([v + (h * sign if i == j else 0) for i, v in enumerate(long_row(a))] for sign in (1, -1))
        row = long_row(t)
        return (mp.fsum(loss_parts(loss, upper, row)) - mp.fsum(loss_parts(loss, lower, row))) / (2 * h)


# ---------------------------------------------------------------------------------------------------------- optimizers
# One weight `w` with its gradient `g`, slots `s` and settings `o` in step `t`, counted from 1: its new value and slots.


def sgd(w, g, s, o, t):
    return w - o["rate"] * g, s


def momentum(w, g, s, o, t):
    v = o["momentum"] * s["v"] - o["rate"] * g
    return w + v, {"v": v}


def nesterov(w, g, s, o, t):
    v = o["momentum"] * s["v"] - o["rate"] * g
    return w + o["momentum"] * v - o["rate"] * g, {"v": v}


def rmsprop(w, g, s, o, t):
    v = o["rho"] * s["v"] + (1 - o["rho"]) * g**2
    return w - o["rate"] * g / (mp.sqrt(v) + o["epsilon"]), {"v": v}


def adagrad(w, g, s, o, t):
    total = s["s"] + g**2
    return w - o["rate"] * g / (mp.sqrt(total) + o["epsilon"]), {"s": total}


def adadelta(w, g, s, o, t):
    v = o["rho"] * s["v"] + (1 - o["rho"]) * g**2
    d = mp.sqrt(s["u"] + o["epsilon"]) / mp.sqrt(v + o["epsilon"]) * g
    return w - o["rate"] * d, {"v": v, "u": o["rho"] * s["u"] + (1 - o["rho"]) * d**2}


def moments(g, s, o):
    return o["beta1"] * s["m"] + (1 - o["beta1"]) * g, o["beta2"] * s["v"] + (1 - o["beta2"]) * g**2


def adam(w, g, s, o, t):
    m, v = moments(g, s, o)
    step_size = o["rate"] / (1 - o["beta1"] ** t)
    if o["epsilon_hat"]:
        return w - step_size * mp.sqrt(1 - o["beta2"] ** t) * m / (mp.sqrt(v) + o["epsilon"]), {"m": m, "v": v}
    return w - step_size * m / (mp.sqrt(v / (1 - o["beta2"] ** t)) + o["epsilon"]), {"m": m, "v": v}


def amsgrad(w, g, s, o, t):
    m, v = moments(g, s, o)
    u = max(s["u"], v)
    w = w - o["rate"] * m / (1 - o["beta1"] ** t) / (mp.sqrt(u / (1 - o["beta2"] ** t)) + o["epsilon"])
    return w, {"m": m, "v": v, "u": u}


def nadam(w, g, s, o, t):
    m, v = moments(g, s, o)
    ahead = o["beta1"] * m / (1 - o["beta1"] ** (t + 1)) + (1 - o["beta1"]) * g / (1 - o["beta1"] ** t)
    return w - o["rate"] * ahead / (mp.sqrt(v / (1 - o["beta2"] ** t)) + o["epsilon"]), {"m": m, "v": v}


def lion(w, g, s, o, t):
    w = w - o["rate"] * mp.sign(o["beta1"] * s["m"] + (1 - o["beta1"]) * g)
    return w, {"m": o["beta2"] * s["m"] + (1 - o["beta2"]) * g}


def rprop(w, g, s, o, t):
    agree = mp.sign(g) * mp.sign(s["previous"])
    d = s["d"] * (o["grow"] if agree > 0 else o["shrink"] if agree < 0 else 1)
    d = min(max(d, o["smallest"]), o["largest"])
    g = mpf(0) if agree < 0 else g
    return w - mp.sign(g) * d, {"previous": g, "d": d}


OPTIMIZERS = {
    "sgd": sgd, "momentum": momentum, "nesterov": nesterov, "rmsprop": rmsprop, "adagrad": adagrad,
    "adadelta": adadelta, "adam": adam, "adamw": adam, "amsgrad": amsgrad, "nadam": nadam, "lion": lion, "rprop": rprop,
}  # fmt: skip


def optimizer_settings(optimizer: Optimizer) -> dict[str, Any]:
    return {name: mpf(float(getattr(optimizer, name))) for name in optimizer.__struct_fields__}


def first_slots(optimizer: Optimizer) -> dict[str, Any]:
    """Give what one weight's slots are before the first step."""
    return {slot: mpf(float(getattr(optimizer, first) if isinstance(first, str) else first))
            for slot, first in optimizer.slots.items()}  # fmt: skip


def steps(optimizer: Optimizer, w: Any, gradients: Any) -> Any:
    """Give the points (steps, weights) to which a rule goes along its gradients, each after the decoupled decay."""
    if optimizer.name not in OPTIMIZERS:
        pytest.skip(f"tests/oracles.py has no definition of {optimizer.name!r}")
    path, o = np.empty((len(gradients), len(w))), optimizer_settings(optimizer)
    with mp.workdps(40):
        for i, start in enumerate(w):
            x, slots = mpf(float(start)), first_slots(optimizer)
            for t, g in enumerate(gradients[:, i].tolist(), 1):
                x *= 1 - o["rate"] * o["weight_decay"]
                x, slots = OPTIMIZERS[optimizer.name](x, mpf(g), slots, o, t)
                path[t - 1, i] = x
    return path


# ------------------------------------------------------------------------------------------------------------- PyTorch


def torch() -> Any:
    """Give PyTorch, or skip the test that needs it."""
    return pytest.importorskip("torch", reason="PyTorch is not installed")


def torch_activation(op: Op) -> Callable[[Any], Any]:
    """Give PyTorch's function for an activation of ours, or skip."""
    T, F = torch(), torch().nn.functional
    known: dict[str, Callable[[Any], Any]] = {
        "identity": lambda z: z, "exp": T.exp, "leaky_relu": lambda z: F.leaky_relu(z, op.alpha),
        "elu": lambda z: F.elu(z, op.alpha), "softmax": lambda z: F.softmax(z, dim=1),
        "hard_sigmoid": lambda z: F.relu6(z + 3) / 6,  # PyTorch's own has a 1/6 of single precision
    }  # fmt: skip
    peer = known.get(op.name) or getattr(F, op.name, None)
    if peer is None:
        pytest.skip(f"PyTorch has no {op.name!r}")
    return peer


def torch_loss(loss: Any, A: Any, T: Any) -> Any:
    """Give each row's loss (n,) by PyTorch, of outputs (n, k) and targets (n, k) or (n,) class numbers, or skip."""
    torch_, F = torch(), torch().nn.functional
    classes = T.long() if loss.class_targets else None
    known = {
        "half_squared_error": lambda: F.mse_loss(A, T, reduction="none") / 2,
        "mse": lambda: F.mse_loss(A, T, reduction="none"),
        "mae": lambda: F.l1_loss(A, T, reduction="none"),
        "huber": lambda: F.huber_loss(A, T, reduction="none", delta=loss.delta),
        "log_cosh": lambda: torch_.log(torch_.cosh(A - T)),
        "poisson": lambda: F.poisson_nll_loss(A, T, log_input=False, eps=0.0, reduction="none"),
        "exp_poisson": lambda: F.poisson_nll_loss(A, T, log_input=True, reduction="none"),
        "binary_cross_entropy": lambda: F.binary_cross_entropy(A, T, reduction="none"),
        "sigmoid_binary_cross_entropy": lambda: F.binary_cross_entropy_with_logits(A, T, reduction="none"),
        "hinge": lambda: F.hinge_embedding_loss(T * A, -torch_.ones_like(A), reduction="none"),
        "perceptron": lambda: torch_.relu(A) - T * A,
        "cross_entropy": lambda: _nll(torch_.log(A), classes, loss.label_smoothing),
        "softmax_cross_entropy": lambda: F.cross_entropy(
            A, classes, reduction="none", label_smoothing=loss.label_smoothing)[:, None],
        "multiclass_hinge": lambda: _crammer_singer(A, classes),
    }  # fmt: skip
    if loss.name not in known or getattr(loss, "deviance", False):
        pytest.skip(f"PyTorch has no {loss.name!r} with these settings")
    return known[loss.name]().sum(1)


def _nll(logs: Any, classes: Any, smoothing: float) -> Any:
    shares = torch().nn.functional.one_hot(classes, logs.shape[1]).double() * (1 - smoothing)
    return -logs * (shares + smoothing / logs.shape[1])


def _crammer_singer(A: Any, classes: Any) -> Any:
    true = A.gather(1, classes[:, None])
    others = A.scatter(1, classes[:, None], -torch().inf)
    return (1 + others.max(dim=1, keepdim=True).values - true).clamp(min=0)


def torch_optimizer(o: Any, parameters: Sequence[Any]) -> Any:
    """Give PyTorch's optimizer for one of ours, or skip."""
    optim, lr = torch().optim, o.rate
    betas = (getattr(o, "beta1", 0.0), getattr(o, "beta2", 0.0))
    known = {
        "sgd": lambda: optim.SGD(parameters, lr),
        "momentum": lambda: optim.SGD(parameters, lr, momentum=o.momentum),
        "nesterov": lambda: optim.SGD(parameters, lr, momentum=o.momentum, nesterov=True),
        "rmsprop": lambda: optim.RMSprop(parameters, lr, alpha=o.rho, eps=o.epsilon),
        "adagrad": lambda: optim.Adagrad(parameters, lr, eps=o.epsilon, initial_accumulator_value=o.initial),
        "adadelta": lambda: optim.Adadelta(parameters, lr, rho=o.rho, eps=o.epsilon),
        "adam": lambda: optim.Adam(parameters, lr, betas, o.epsilon),
        "adamw": lambda: optim.AdamW(parameters, lr, betas, o.epsilon, o.weight_decay),
        "amsgrad": lambda: optim.Adam(parameters, lr, betas, o.epsilon, amsgrad=True),
        "rprop": lambda: optim.Rprop(parameters, lr, (o.shrink, o.grow), (o.smallest, o.largest)),
    }
    if o.name not in known or getattr(o, "epsilon_hat", False):
        pytest.skip(f"PyTorch has no {o.name!r} with these settings")
    return known[o.name]()
