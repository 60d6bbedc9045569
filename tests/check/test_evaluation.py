"""Formulas evaluated on other numbers: the engine's own, of any network; and how they change with their numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from any_network import draw

import backlit as bl
from backlit.check.evaluation import slopes_of, value_of, values_of
from backlit.check.graph import StepGraph
from backlit.check.judging.precision import Allowance, Rounding
from backlit.check.worlds import World
from backlit.explain import explain_step
from backlit.explain.algebra.tree import Literal, Ref, call, over, plus, power, times
from backlit.explain.record.quantities import Key, Place
from backlit.ops.registry import activations, losses, optimizers

X, Y = [[0.31, -0.42], [0.17, 0.25]], [[0.3, 0.6], [0.2, 0.9]]


def one_step(activation: str = "tanh", loss: str = "mse", optimizer: str = "sgd", **given: object) -> StepGraph:
    """Give a step of a small network on two rows."""
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(2, activation)], inputs=2, loss=loss, seed=4)
    targets = [0, 1] if network.loss.class_targets else Y
    return StepGraph([explain_step(network, X, targets, optimizer=optimizer, steps=2, **given)])


def agrees_with_the_engine(graph: StepGraph) -> None:
    """Compare every number that follows from the given ones with the engine's."""
    world = World(graph, {})
    for key in graph.numbers():
        engine, follows = key.quantity.value(key.place), world.follows(key)
        same = follows == pytest.approx(engine, rel=1e-8, abs=1e-10) or (math.isnan(engine) and math.isnan(follows))
        assert same, f"{graph.name(key)}: {follows} by its formula, {engine} of the engine"


@pytest.mark.parametrize("name", [name for name, cls in activations.items() if cls.__module__.startswith("backlit.")])
def test_every_activation_follows(name: str) -> None:
    agrees_with_the_engine(one_step(activation=name))


@pytest.mark.parametrize("name", [name for name, cls in losses.items() if cls.__module__.startswith("backlit.")])
def test_every_loss_follows(name: str) -> None:
    last = "softmax" if losses[name]().class_targets else "sigmoid"
    agrees_with_the_engine(one_step(activation=last, loss=name))


@pytest.mark.parametrize(
    "name",
    [n for n, cls in optimizers.items() if cls.__module__.startswith("backlit.") and not cls().full_batch],
)
def test_every_optimizer_follows(name: str) -> None:
    agrees_with_the_engine(one_step(optimizer=name, l2=0.01, clip_norm=0.2))


@pytest.mark.parametrize("seed", [1, 8, 13, 16, 19, 25])
def test_any_network_follows(seed: int) -> None:
    drawn = draw(seed)
    agrees_with_the_engine(StepGraph([explain_step(drawn.network(), drawn.X, drawn.Y)]))


def test_slopes_are_those_of_differences() -> None:
    graph = one_step(activation="softmax", loss="cross_entropy", optimizer="momentum", l2=0.01)
    world, checked = World(graph, {}), 0
    for key in graph.numbers():
        node = graph.formula(key)
        if node is None or graph.role(key) == "penalty":
            continue
        for other, slope in slopes_of(node, world.value).items():
            reach = 1e-6 * max(1e-3, abs(world.value(other)))
            ends = [
                value_of(node, lambda k, by=by, other=other: world.value(k) + (by if k == other else 0.0))
                for by in (-reach, reach)
            ]
            assert slope == pytest.approx((ends[1] - ends[0]) / (2 * reach), rel=1e-3, abs=1e-4), graph.name(key)
            checked += 1
    assert checked > 200


class _Numbers:
    """Numbers by their place alone."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def key(self, place: int) -> Key:
        return Key(self, Place(0, 0, place))  # type: ignore[arg-type]

    def ref(self, place: int) -> Ref:
        return Ref(f"x{place}", f"x_{place}", 0.0, self.key(place))

    def __call__(self, key: Key) -> float:
        return self.values[key.place.unit]


def test_beyond_what_has_a_value() -> None:
    x = _Numbers(0.0, -4.0, 1000.0)
    assert math.isnan(value_of(over(Literal("1"), x.ref(0)), x))
    assert math.isnan(value_of(power(x.ref(1), Literal("0.5")), x))
    assert math.isnan(value_of(call("log", x.ref(1)), x))
    assert value_of(over(Literal("1"), plus(Literal("1"), power(Literal("e"), x.ref(2)))), x) == 0.0
    assert math.isnan(value_of(call("own swish", x.ref(0)), x))
    assert slopes_of(over(Literal("1"), x.ref(0)), x) == {}


def test_beside_the_end_of_a_roots_range_a_slope_is_steep_not_missing() -> None:
    x = _Numbers(0.0)
    assert slopes_of(call("sqrt", x.ref(0)), x)[x.key(0)] > 1e3


def test_on_arrays_formulas_give_what_they_give_number_by_number() -> None:
    drawn = draw(13)
    graph, rng = (
        StepGraph([explain_step(drawn.network(), drawn.X, drawn.Y, optimizer="adam", l1=0.01)]),
        np.random.default_rng(3),
    )
    seen = set[tuple[str, str]]()
    for key in graph.numbers():
        node = graph.formula(key)
        if node is not None and (graph.role(key), key.quantity.kind) not in seen:
            seen.add((graph.role(key), key.quantity.kind))
            numbers = {need: rng.uniform(-1.5, 1.5, 4) for need in graph.needs(key)}
            one_by_one = [value_of(node, lambda need, k=k, numbers=numbers: float(numbers[need][k])) for k in range(4)]
            found = np.broadcast_to(values_of(node, numbers.__getitem__), 4)
            finite = np.isfinite(one_by_one)
            np.testing.assert_allclose(found[finite], np.array(one_by_one)[finite], rtol=1e-12)
    assert len(seen) > 8


def test_written_numbers_take_the_place_of_formulas() -> None:
    graph = one_step()
    net, out = graph.find("net(h1)[1]"), graph.find("out(h1)[1]")
    assert net is not None
    assert out is not None
    world = World(graph, {net: 0.5})
    assert world.value(out) == pytest.approx(np.tanh(0.5))
    assert world.follows(net) == pytest.approx(net.quantity.value(net.place))


def test_a_formula_that_needs_itself_has_no_value() -> None:
    graph = one_step()
    net, out = graph.find("net(h1)[1]"), graph.find("out(h1)[1]")
    assert net is not None
    assert out is not None
    world = World(graph, {}, {net: out.quantity.ref(out.place.row, out.place.unit)})
    assert math.isnan(world.value(out))


def test_numbers_in_a_row_need_no_recursion() -> None:
    network = bl.Network([bl.Dense(1, weights=[[1.1]])], inputs=1, loss="mse")
    graph = StepGraph([explain_step(network, [[0.5]], [[0.1]])])
    net = graph.find("net(o1)")
    assert net is not None
    keys = [Key(net.quantity, Place(row, 0, 0)) for row in range(1500)]  # as of a network of so many layers
    grown = {key: times(Ref("x", "x", 0.0, before), Literal("1.001")) for before, key in itertools.pairwise(keys)}
    world = World(graph, {keys[0]: 1.0}, grown)
    estimate, whole = world.estimate(keys[-1]), 1.001**1499
    assert estimate.value == world.value(keys[-1]) == pytest.approx(whole)
    slopes = dict(estimate.slopes.pairs())
    assert slopes == {key: pytest.approx(1.001 ** (1499 - row)) for row, key in enumerate(keys[:-1])}
    assert estimate.slopes.among({keys[0], keys[9], Key(net.quantity, Place(2000, 0, 0))}) == {
        keys[0],
        keys[9],
    }
    rounding = Rounding(decimals=4, figures=4)
    allowed = Allowance.of(5e-5, estimate, {keys[0]: 5e-5}, rounding, 1e-4, lambda key: 1.0)
    assert allowed.written == pytest.approx(5e-5 * whole)
    assert allowed.on_the_way == pytest.approx(5e-5 * sum(slopes[key] for key in keys[1:-1]))


def test_several_steps_hang_together() -> None:
    network = bl.Network([bl.Dense(2, "tanh"), bl.Dense(1)], inputs=2, loss="mse", seed=4)
    given = {"optimizer": "adam", "batch_size": 1, "shuffle": False}
    steps = [explain_step(network, X, [[0.3], [0.2]], steps=n, **given) for n in (1, 2)]
    graph = StepGraph(steps)
    agrees_with_the_engine(graph)
    first, later = graph.find("w(i1,h1)+", 0), graph.find("net(h1)", 1)
    assert first is not None
    assert later is not None
    moved = World(graph, {first: first.quantity.value(first.place) + 1.0})
    assert moved.value(later) - World(graph, {}).value(later) == pytest.approx(X[1][0])
