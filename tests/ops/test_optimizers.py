"""Optimizers against their papers' recursions, PyTorch, optax and scikit-learn; on two valleys; plain and compiled."""

import math
from functools import partial

import numpy as np
import oracles
import pytest
from cases import RULES, label, variants

from backlit.engine.compiled import compile as compiler
from backlit.engine.compiled.retype import Retyper
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.ops.base import arguments
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import optimizers
from backlit.ops.whole_arrays import prepared_scalars

CASES = variants({name: optimizers[name] for name in RULES}, rate=0.05)
every_rule = pytest.mark.parametrize("optimizer", CASES, ids=partial(label, rate=0.05))


def one_step(optimizer, w, g, slots, step, rate=None):
    """Run the rule once on arrays, its weight decay included."""
    rate = optimizer.rate if rate is None else rate
    given = {field: getattr(optimizer, field) for field in optimizer.__struct_fields__} | {"rate": rate}
    given |= prepared_scalars(optimizer, rate, step) | slots
    names = arguments(optimizer.update)[2:]
    w, *new = optimizer.update(w * (1 - rate * optimizer.weight_decay), g, **{name: given[name] for name in names})
    return w, dict(zip(optimizer.slots, new, strict=True))


def first_slots(optimizer, w):
    return {k: np.full_like(w, getattr(optimizer, v) if isinstance(v, str) else v) for k, v in optimizer.slots.items()}


def descend(optimizer, gradient, start, steps, rates=None):
    """Give the points a rule visits."""
    w, path = np.array(start, float), []
    slots = first_slots(optimizer, w)
    for step in range(1, steps + 1):
        w, slots = one_step(optimizer, w, gradient(w), slots, step, None if rates is None else rates[step - 1])
        path.append(w)
    return np.array(path)


# ------------------------------------------------------------------------------------------------------------- valleys

PARABOLA = {
    "sgd": 0.05, "momentum": 0.02, "nesterov": 0.02, "rmsprop": 0.01, "adagrad": 1.0, "adadelta": 1.0, "lion": 0.01,
    "rprop": 0.01,
}  # fmt: skip
ROSENBROCK = {
    "sgd": 0.002, "momentum": 0.0005, "nesterov": 0.0005, "rmsprop": 0.003, "adagrad": 0.7, "adadelta": 0.1,
    "lion": 0.002, "rprop": 0.001, "amsgrad": 0.05,
}  # fmt: skip


def in_valley(name, rates, default):
    return optimizers[name](rate=rates.get(name, default), weight_decay=0.0)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_finds_the_bottom_of_a_parabola(name):
    bottom, steepness = np.array([3.0, -2.0]), np.array([1.0, 10.0])
    path = descend(in_valley(name, PARABOLA, 0.05), lambda w: steepness * (w - bottom), [0.0, 0.0], 1000)
    np.testing.assert_allclose(path[-1], bottom, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_descends_rosenbrocks_valley(name):
    """The banana-shaped valley from its classic start (-1.2, 1), where it is 24.2 high, towards (1, 1)."""

    def gradient(w):
        x, y = w
        return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    x, y = descend(in_valley(name, ROSENBROCK, 0.02), gradient, [-1.2, 1.0], 2500)[-1]
    assert (1 - x) ** 2 + 100 * (y - x * x) ** 2 < 0.06


def test_lbfgs_solves_least_squares():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    Y = X @ [[1.0], [-2.0], [0.5]] + 0.25
    network = Network([Dense(1)], 3, "mse", seed=0)
    Training(network, X, Y, optimizer=optimizers["lbfgs"](tolerance=1e-10), epochs=50, compiled=False).run()
    np.testing.assert_allclose(network.parameters, [1.0, -2.0, 0.5, 0.25], atol=1e-6)


# -------------------------------------------------------------------------------------------------------- other sources


def sequence(steps=10, size=5, seed=3):
    """Give start and gradients, with zeros and changes of sign among them."""
    rng = np.random.default_rng(seed)
    gradients = rng.normal(size=(steps, size))
    gradients[:, 0] = np.abs(gradients[:, 0])
    gradients[3:5, 1] = 0.0
    return rng.normal(size=size), gradients


def along(optimizer, w, gradients, rates=None):
    queue = iter(gradients)
    return descend(optimizer, lambda _: next(queue), w, len(gradients), rates)


@every_rule
@pytest.mark.parametrize("seed", range(3))
def test_every_step_is_the_papers(optimizer, seed):
    w, gradients = sequence(steps=30, seed=seed)
    np.testing.assert_allclose(
        along(optimizer, w, gradients), oracles.steps(optimizer, w, gradients), rtol=1e-11, atol=1e-13
    )


def test_nesterovs_rule_is_sutskevers():
    """y takes a step by the new v, and the weights are the point that looks ahead, y + μ v."""
    optimizer = optimizers["nesterov"](rate=0.05)
    w, gradients = sequence(steps=30)
    y, v = w, 0.0
    for ours, g in zip(along(optimizer, w, gradients), gradients, strict=True):
        v = optimizer.momentum * v - optimizer.rate * g
        y = y + v
        np.testing.assert_allclose(ours, y + optimizer.momentum * v, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", [name for name in RULES if not issubclass(optimizers[name], optimizers["rprop"])])
def test_weight_decay_is_decoupled(name):
    optimizer = optimizers[name](rate=0.05, weight_decay=0.3)
    w, gradients = sequence()
    decayed, plain = along(optimizer, w, gradients), along(optimizers[name](rate=0.05, weight_decay=0.0), w, gradients)
    np.testing.assert_allclose(decayed[0], plain[0] - 0.05 * 0.3 * w, rtol=1e-13)
    np.testing.assert_allclose(decayed, oracles.steps(optimizer, w, gradients), rtol=1e-11)


@every_rule
def test_pytorch_takes_the_same_steps(optimizer):
    torch = oracles.torch()
    w, gradients = sequence()
    parameter = torch.nn.Parameter(torch.tensor(w))
    twin = oracles.torch_optimizer(optimizer, [parameter])
    for ours, g in zip(along(optimizer, w, gradients), gradients, strict=True):
        parameter.grad = torch.tensor(g)
        twin.step()
        np.testing.assert_allclose(ours, parameter.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam", "lion", "adadelta"])
def test_optax_takes_the_same_steps(name):
    optax = pytest.importorskip("optax")
    import jax

    optimizer = optimizers[name](rate=0.05)
    twin = {
        "adam": lambda: optax.adam(0.05),
        "adamw": lambda: optax.adamw(0.05, weight_decay=0.01),
        "nadam": lambda: optax.nadam(0.05),
        "lion": lambda: optax.lion(0.05, weight_decay=0.0),
        "adadelta": lambda: optax.adadelta(0.05),
    }[name]()
    w, gradients = sequence()
    with jax.enable_x64(True):
        theirs = jax.numpy.asarray(w)
        state = twin.init(theirs)
        for ours, g in zip(along(optimizer, w, gradients), gradients, strict=True):
            updates, state = twin.update(jax.numpy.asarray(g), state, theirs)
            theirs = optax.apply_updates(theirs, updates)
            np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("optimizer", "solver"),
    [
        (optimizers["momentum"](0.05, momentum=0.8), {"momentum": 0.8, "nesterov": False}),
        (optimizers["nesterov"](0.05, momentum=0.8), {"momentum": 0.8, "nesterov": True}),
        (optimizers["adam"](0.05, beta1=0.8, epsilon=1e-4, epsilon_hat=True), {"beta_1": 0.8, "epsilon": 1e-4}),
    ],
    ids=["momentum", "nesterov", "adam"],
)
def test_scikit_learn_takes_the_same_steps(optimizer, solver):
    """Under a changing rate too, where momentum's forms differ."""
    from sklearn.neural_network import _stochastic_optimizers as peers

    w, gradients = sequence(steps=20)
    theirs = w.copy()
    adam = "beta_1" in solver
    twin = (peers.AdamOptimizer if adam else peers.SGDOptimizer)([theirs], 0.05, **solver)
    rates = np.full(20, 0.05) if adam else 0.05 / np.arange(1, 21)
    for ours, g, rate in zip(along(optimizer, w, gradients, rates), gradients, rates, strict=True):
        twin.learning_rate = rate
        twin.update_params([theirs], [g])
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


# ---------------------------------------------------------------------------------------------------------- the machine


def trained(optimizer, steps, *, compiled, dtype="float64", **rule):
    """Train a small network on all its rows and give the first and the last parameters."""
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    network = Network([Dense(4, "tanh"), Dense(2)], 3, "half_squared_error", dtype=dtype, seed=1)
    network.parameters += 0.1
    before = network.parameters.copy()
    Training(network, X, Y, optimizer=optimizer, batch_size="full", epochs=steps, compiled=compiled, **rule).run()
    return before, network.parameters


@every_rule
def test_plain_and_compiled_agree(optimizer):
    plain, compiled = (trained(optimizer, 20, compiled=c)[1] for c in (False, True))
    np.testing.assert_allclose(plain, compiled, rtol=1e-12, atol=1e-14)


@every_rule
def test_compiled_float32_follows_float64(optimizer):
    exact, single = (trained(optimizer, 3, compiled=True, dtype=dtype)[1] for dtype in ("float64", "float32"))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, rtol=2e-4, atol=2e-5)


@every_rule
def test_compiled_float32_computes_in_float32(optimizer):
    """The rule itself has no float64 arithmetic in it: only what is prepared once per step has."""
    twin = Retyper("float32", from_python=True)(optimizer.update, scalar=True)
    twin(*(np.float32(0.5) for _ in arguments(optimizer.update)))
    (code,) = twin.inspect_llvm().values()
    for operation in ("fmul", "fadd", "fsub", "fdiv"):
        lines = [line for line in code.splitlines() if f"= {operation} " in line]
        assert not [line for line in lines if "double" in line]


@every_rule
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("decay_biases", [False, True])
def test_penalties_and_decay_are_of_weights(optimizer, compiled, decay_biases):
    """One step with l1, l2 and weight decay is the rule on the weights' penalized gradient; biases only if asked."""
    before, after = trained(optimizers["sgd"](1.0), 1, compiled=False)
    gradient = before - after
    applies = np.full(before.shape, True)
    if not decay_biases:
        applies[12:16] = applies[24:26] = False
    g = gradient + applies * (0.2 * before + 0.1 * np.sign(before))
    decay = 0.0 if optimizer.name == "rprop" else 0.3
    optimizer = type(optimizer)(**(optimizer_settings(optimizer) | {"weight_decay": decay}))
    slots = first_slots(optimizer, before)
    decayed, _ = one_step(optimizer, before, g, slots, 1)
    plain, _ = one_step(type(optimizer)(**(optimizer_settings(optimizer) | {"weight_decay": 0.0})), before, g, slots, 1)
    _, ours = trained(optimizer, 1, compiled=compiled, l1=0.1, l2=0.2, decay_biases=decay_biases)
    np.testing.assert_allclose(ours, np.where(applies, decayed, plain), rtol=1e-10)


def optimizer_settings(optimizer):
    return {field: getattr(optimizer, field) for field in optimizer.__struct_fields__}


@pytest.mark.parametrize("name", RULES)
def test_other_settings_do_not_compile_again(name):
    trained(optimizers[name](rate=0.05), 1, compiled=True)
    kept = len(compiler.KEPT)
    trained(optimizers[name](rate=0.01), 2, compiled=True)
    assert len(compiler.KEPT) == kept


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("epsilon_hat", [False, True])
@pytest.mark.parametrize(("dtype", "compiled"), [("float64", False), ("float64", True), ("float32", True)])
def test_without_epsilon_the_first_step_is_the_rate_and_no_slope_is_no_step(name, epsilon_hat, dtype, compiled):
    optimizer = optimizers[name](rate=0.25, epsilon=0.0, epsilon_hat=epsilon_hat, weight_decay=0.0)
    network = Network([Dense(3, weights=[[0.5, 0.5, 0.5]], bias=False)], 1, "half_squared_error", dtype=dtype)
    outputs = [[0.5 - 4.0, 0.5, 0.5 + 1e-6]]  # a slope above 0, none at all, one just below 0
    Training(network, [[1.0]], outputs, optimizer=optimizer, epochs=1, compiled=compiled).run()
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(network["1.W"][0], [0.25, 0.5, 0.75], rtol=tolerance)
    Training(network, [[0.0]], outputs, optimizer=optimizer, epochs=3, compiled=compiled).run()
    assert np.isfinite(network.parameters).all()


def test_without_epsilon_the_steps_are_pytorch_s():
    torch = oracles.torch()
    ours, w = np.array([0.5, -0.3]), torch.tensor([0.5, -0.3], dtype=torch.float64, requires_grad=True)
    theirs, optimizer = torch.optim.Adam([w], 0.01, eps=0.0), optimizers["adam"](rate=0.01, epsilon=0.0)
    slots = first_slots(optimizer, ours)
    for step, g in enumerate(np.random.default_rng(0).normal(size=(20, 2)), 1):
        w.grad = torch.tensor(g)
        theirs.step()
        ours, slots = one_step(optimizer, ours, g, slots, step)
    np.testing.assert_allclose(ours, w.detach().numpy(), rtol=1e-12)


# ------------------------------------------------------------------------------------------------- settings and words


@pytest.mark.parametrize("name", list(optimizers))
def test_an_optimizer_is_plain_data_and_back(name):
    optimizer = optimizers[name]()
    assert optimizers.from_dict(optimizer.to_dict()) == optimizer


@pytest.mark.parametrize("name", list(optimizers))
def test_every_optimizer_is_described(name):
    cls = optimizers[name]
    assert cls.formula
    for word in ("Source:", ">>> ", "Args:"):
        assert word in cls.__doc__
    if name in RULES:
        names = set(arguments(cls.update)[2:])
        assert names <= {*cls.__struct_fields__, *cls.slots, *cls.prepared}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        *((name, {"rate": -0.1}, r"rate is -0\.1; expected") for name in RULES),
        *((name, {"rate": math.nan}, "rate is nan; expected") for name in RULES),
        *((name, {"rate": "fast"}, "rate is 'fast'; expected") for name in RULES),
        *((name, {"weight_decay": -1.0}, r"weight_decay is -1\.0; expected") for name in optimizers),
        ("momentum", {"momentum": 1.1}, r"momentum is 1\.1; expected"),
        ("nesterov", {"momentum": -0.1}, r"momentum is -0\.1; expected"),
        ("adam", {"beta1": 1.0}, r"beta1 is 1\.0; expected"),
        ("adam", {"epsilon": -1e-8}, r"epsilon is -1e-08; expected"),
        ("rmsprop", {"epsilon": 0.0}, r"epsilon is 0\.0; expected"),
        ("rprop", {"grow": 1.0}, r"grow is 1\.0; expected"),
        ("rprop", {"smallest": 1.0, "largest": 0.5}, "smallest is 1.0, above largest"),
        ("rprop", {"weight_decay": 0.1}, "Rprop takes none"),
        ("lbfgs", {"weight_decay": 0.1}, "L-BFGS takes none"),
        ("lbfgs", {"history": 0}, "history is 0; expected"),
        ("lbfgs", {"history": 2.5}, r"history is 2\.5; expected"),
    ],
)
def test_settings_out_of_bounds_are_refused(name, settings, message):
    with pytest.raises(BacklitError, match=message):
        optimizers[name](**settings)
