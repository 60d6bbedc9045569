"""The plain and the compiled machine give the same numbers: op by op, and over random networks and trainings.

Both add up the same terms, but a compiled loop may add them in another order, fuse a multiplication with an addition,
and take exp from other arithmetic. Each such difference is a unit in the last place or two of the terms, so arrays are
held equal relative to the size of their largest element: 1e-12 is some thousands of units, room for the sums of six
layers.
"""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from cases import LOSSES, OTHER_LAYERS, RULES, SAMPLES, draw_rows, label
from hypothesis import assume, given
from hypothesis import strategies as st

from backlit.engine.input_checks import rows_of
from backlit.engine.network import Network
from backlit.engine.objective import Objective
from backlit.engine.program import sharding
from backlit.engine.training import Training
from backlit.ops.base import REDUCTIONS, Activation, tuned
from backlit.ops.layers.dense import Dense
from backlit.ops.optimizers.descent import SGD
from backlit.ops.registry import activations, losses, optimizers

TOLERANCE = 1e-12

PROPORTIONAL = [name for name in RULES if name in {"sgd", "momentum", "nesterov"}]
"""Their steps are proportional to the gradient. The others divide by its size, and so make steps of its rounding."""

CONTINUOUS = [name for name in RULES if name not in {"lion", "rprop"}]
"""The others take a whole step by the sign of a gradient, which near 0 is that of its rounding."""


def assert_agree(compiled: Any, plain: Any, what: str, tolerance: float = TOLERANCE, scale: float = 0.0) -> None:
    """Hold two arrays equal relative to the largest element, or to `scale` where that is larger."""
    compiled, plain = np.asarray(compiled), np.asarray(plain)
    size = max(np.abs(plain).max(initial=0.0), scale)
    worst = np.abs(compiled - plain).max(initial=0.0)
    assert worst <= tolerance * size, f"{what}: off by {worst:.3g} beside numbers of {size:.3g}"


def run_batch(
    network: Network, X: Any, Y: Any, compiled: bool, *, weights: Any = None, keep: bool = False
) -> tuple[float, dict[str, Any], Any]:
    """Give the error of a batch, all gradients by name, and what shows any array of the last shard."""
    rows = rows_of(network, X, Y, weights)
    objective = Objective.of(network, *rows, step=3, seed=5, compiled=compiled, keep=keep, input_gradient=True)
    error = objective.loss()
    found = {name: objective.gradient[o : o + int(np.prod(s))].copy() for name, (o, s) in network.layout.items()}
    found["X"] = objective.view("dX").copy()
    return error, found, objective.view


def assert_gradients_agree(network: Network, X: Any, Y: Any, **settings: Any) -> None:
    wanted, plain, _ = run_batch(network, X, Y, False, **settings)
    error, compiled, _ = run_batch(network, X, Y, True, **settings)
    assert_agree(error, wanted, "error", scale=1.0)
    # A small gradient that is the rest of large ones, passed down from above, keeps their rounding.
    largest = max(np.abs(values).max(initial=0.0) for values in plain.values())
    for name, values in plain.items():
        assert_agree(compiled[name], values, f"gradient of {name}", scale=0.1 * largest)


# ----------------------------------------------------------------------------------------------------------- op by op


@pytest.mark.parametrize("keep", [False, True], ids=["in place", "kept"])
@pytest.mark.parametrize("activation", activations)
def test_every_activation(activation, keep, problem):
    network, X, Y = problem("half_squared_error", [activation] * 3, output=activation, rows=9, units=5)
    assert_gradients_agree(network, X, Y, keep=keep)
    assert_agree(network.predict(X, compiled=True), network.predict(X, compiled=False), "prediction")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=label)
def test_every_loss(loss, weighted, problem):
    network, X, Y = problem(loss, ["tanh"] * 3, rows=9, units=5)
    assert_gradients_agree(network, X, Y, weights=np.linspace(0.0, 2.0, 9) if weighted else None)


@pytest.mark.parametrize("layer", OTHER_LAYERS, ids=label)
def test_every_other_layer(layer, problem):
    network, X, Y = problem("mse", [layer, "tanh", layer, "sigmoid", "tanh", layer], rows=9, units=5)
    assert_gradients_agree(network, X, Y)
    assert_agree(network.predict(X, compiled=True), network.predict(X, compiled=False), "prediction")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_layer_in_its_own_shapes(name):
    layer, row = SAMPLES[name]
    network, rng = Network([layer], row, "mse", seed=3), np.random.default_rng(4)
    network.parameters += rng.normal(0.0, 0.3, network.parameters.size)
    X, Y = draw_rows(network, 9, rng), rng.normal(size=(9, network.output_size))
    assert_gradients_agree(network, X, Y)
    assert_agree(network.predict(X, compiled=True), network.predict(X, compiled=False), "prediction")


@pytest.mark.parametrize("options", [{}, {"l1": 1e-3, "l2": 1e-2}, {"clip_norm": 0.1}, {"clip_value": 0.01, "l2": 0.1},
                                     {"max_norm": 1.0}], ids=str)  # fmt: skip
@pytest.mark.parametrize("optimizer", RULES)
def test_every_optimizer(optimizer, options, problem):
    network, X, Y = problem("cross_entropy", ["tanh"] * 3, rows=11, units=5)
    assert_trainings_agree(network, X, Y, optimizer=optimizer, batch_size=4, epochs=4, **options)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("size", [1e100, 1e155, 1e300])
def test_a_gradient_whose_squares_are_beyond_float64_is_scaled_to_the_norm(size, compiled, threads):
    network = Network([Dense(1, weights=[[1.0 / size], [0.0]], bias=False)], inputs=2)
    options = {"optimizer": SGD(1.0), "threads": threads, "compiled": compiled, "clip_norm": 5.0}
    Training(network, [[size, 0.75 * size]], [[0.0]], epochs=1, **options).run()
    np.testing.assert_allclose(network.parameters, [-4.0, -3.0], rtol=1e-12)


def _off_by_little(Z, A):
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            A[i, j] = Z[i, j] * (1.0 + 1e-11)


class OffByLittle(Activation, frozen=True):
    """An activation whose tuned loop is wrong in the eleventh digit."""

    name = "off_by_little"

    @staticmethod
    @tuned(_off_by_little)
    def forward(Z: Any, A: Any) -> None:
        A[:] = Z

    @staticmethod
    def backward(dA: Any, dZ: Any) -> None:
        dZ[:] = dA


def test_a_disagreement_in_the_eleventh_digit_is_seen(problem):
    network, X, Y = problem("mse", ["tanh", OffByLittle(), "tanh"])
    with pytest.raises(AssertionError, match="off by"):
        assert_gradients_agree(network, X, Y)


def test_lbfgs(problem):
    network, X, Y = problem("cross_entropy", ["tanh"] * 3, rows=11, units=5)
    # Its line searches decide by the last digits of E, so only the first iterations go the same way.
    assert_trainings_agree(network, X, Y, optimizer="lbfgs", epochs=3, tolerance=1e-9)


# ---------------------------------------------------------------------------------------------------- random networks


def assert_trainings_agree(network: Network, X: Any, Y: Any, tolerance: float | None = None, **options: Any) -> None:
    """Train plain and compiled from the same weights and compare weights, statistics, optimizer slots and losses.

    A difference in the weights comes back in the next gradient, and with the small rates of this test grows by no more
    than about its own size with each update: the tolerance grows with their number.
    """
    runs = []
    for compiled in (False, True):
        twin = network.copy()
        runs.append(Training(twin, X, Y, compiled=compiled, **options).run())
    plain, compiled = runs
    limit = TOLERANCE * (1 + plain.step) if tolerance is None else tolerance
    assert plain.step == compiled.step > 0
    for name in network:
        assert_agree(compiled.network[name], plain.network[name], name, limit, scale=0.1)
    assert_agree(compiled.network.state, plain.network.state, "state", limit, scale=0.1)
    assert_agree(compiled.memory.slots, plain.memory.slots, "slots", limit, scale=0.1)
    assert_agree([e.loss for e in compiled.history], [e.loss for e in plain.history], "losses", limit, scale=0.1)


ENOUGH = 4
"""The spread of fewer rows or columns may be so small a rest of their values that dividing by it magnifies rounding."""


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a network of 1 to 6 dense layers with other layers in between, its loss, and the number of rows."""
    name = draw(st.sampled_from(list(losses)))
    loss = losses.from_dict({"op": name, "reduction": draw(st.sampled_from(REDUCTIONS))})
    chain: list[Any] = []
    for _ in range(draw(st.integers(0, 5))):
        activation, bias = draw(st.sampled_from(list(activations))), draw(st.booleans())
        other = draw(st.sampled_from([None, None, None, *OTHER_LAYERS]))
        chain.append(Dense(draw(st.integers(ENOUGH if other else 1, 7)), activation, bias=bias))
        if other:
            chain.append(other)
    return {
        "loss": loss, "hidden": chain, "inputs": draw(st.integers(1, 5)),
        "rows": draw(st.integers(ENOUGH if coupled(chain) else 1, 12)),
        "outputs": draw(st.integers(2 if loss.class_targets else 1, 4)), "seed": draw(st.integers(0, 2**32 - 1)),
    }  # fmt: skip


def coupled(chain: list[Any]) -> bool:
    """Tell whether a layer makes a row's result depend on the others of its batch."""
    return any(layer.batch_coupled for layer in chain)


def moderate(network: Network, X: Any, Y: Any) -> bool:
    """Tell whether rounding stays small: no number beyond 100, as exp upon exp makes, and no more than a digit lost.

    A normalization loses digits where the values' spread, 1 / r, is small beside the values themselves.
    """
    with np.errstate(all="ignore"):
        error, found, view = run_batch(network, X, Y, False, keep=True)
    lost = [np.abs(view(f"{label}.X")).max() * view(f"{label}.r").max()
            for label, op in zip(network.labels, network.ops, strict=True) if op.name.endswith("_norm")]  # fmt: skip
    sizes = [np.abs(values).max(initial=0.0) for values in (error, *found.values())]
    return max(sizes, default=0.0) < 100.0 and max(lost, default=0.0) < 10.0


def sharded(rows: int | None) -> Any:
    """Cut batches into shards of so many rows."""
    if rows is None:
        return mock.patch.object(sharding, "SMALLEST_SHARD", sharding.SMALLEST_SHARD)
    return mock.patch.multiple(sharding, SMALLEST_SHARD=rows, SHARD_ELEMENTS=1)


SHARDS = st.sampled_from([None, 1, 3, 4])
REAL = st.floats(0.0, 0.1)
OPTIONAL = st.one_of(st.none(), st.floats(0.01, 2.0))


@given(drawn=problems(), shard=SHARDS, weighted=st.booleans(), keep=st.booleans())
def test_gradients_of_random_networks(drawn, shard, weighted, keep, problem):
    network, X, Y = problem(**drawn)
    assume(moderate(network, X, Y))
    weights = np.random.default_rng(0).uniform(0.0, 2.0, len(X)) if weighted else None
    with sharded(shard):
        assert_gradients_agree(network, X, Y, weights=weights, keep=keep)


@given(
    drawn=problems(), shard=SHARDS, weighted=st.booleans(), optimizer=st.sampled_from(CONTINUOUS),
    batch_size=st.integers(1, 12), epochs=st.integers(1, 3), seed=st.integers(0, 100), l1=REAL, l2=REAL,
    clip_value=OPTIONAL, clip_norm=OPTIONAL, max_norm=OPTIONAL, decay_biases=st.booleans(),
)  # fmt: skip
def test_trainings_of_random_networks(drawn, shard, weighted, optimizer, problem, **options):
    if coupled(drawn["hidden"]):
        # What batch normalization takes out again, a bias before it, has a gradient of nothing but rounding.
        assume(optimizer in PROPORTIONAL)
        assume(min(options["batch_size"], drawn["rows"] % options["batch_size"] or ENOUGH) >= ENOUGH)
    network, X, Y = problem(**drawn)
    assume(moderate(network, X, Y))
    weights = np.random.default_rng(0).uniform(0.1, 2.0, len(X)) if weighted else None
    rule = optimizers[optimizer](rate=1e-3)
    with sharded(shard):
        assert_trainings_agree(network, X, Y, optimizer=rule, sample_weight=weights, **options)
