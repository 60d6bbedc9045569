"""The mistakes of the forward pass, the error and the backward pass: their formulas, and where they can be made."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from any_network import draw, flat
from cases import OTHER_LAYERS, draw_rows, draw_targets, last_activation

import backlit as bl
from backlit.check.catalogue import Mistake, mistakes
from backlit.check.evaluation import value_of
from backlit.check.examples import TINY
from backlit.check.graph import StepGraph
from backlit.check.judging import judge
from backlit.check.sheet import Claim, Sheet
from backlit.check.site import Changed, Site
from backlit.check.written import Written
from backlit.explain import explain_step
from backlit.explain.algebra.printing import plain
from backlit.explain.record.quantities import Key, Quantity
from backlit.ops.registry import activations, losses, optimizers

FILES = ("forward", "activation", "error", "backward")
OURS = {code: entry for code, entry in mistakes().items() if entry.change.__module__.rpartition(".")[2] in FILES}
EXAMPLES = ("two-layer", "one-output", "gates", "recurrent", "convolution", *TINY)
BUILT_IN = [name for name, cls in activations.items() if cls.__module__.startswith("backlit.")]
LOSSES = [name for name, cls in losses.items() if cls.__module__.startswith("backlit.")]
RULES = [name for name, cls in optimizers.items() if cls.__module__.startswith("backlit.") and name != "lbfgs"]


def drawn_step(
    loss: str = "half_squared_error", hidden: str = "tanh", last: str | None = None, rows: int = 1, extra: Any = None,
    **settings: Any,
) -> StepGraph:  # fmt: skip
    """Record a step of a network of three inputs, three hidden units and three outputs, drawn by a fixed seed."""
    rng, made = np.random.default_rng(7), losses[loss]()
    chain = [bl.Dense(3, hidden), *([extra] if extra is not None else []), bl.Dense(3, last or last_activation(made))]
    network = bl.Network(chain, inputs=3, loss=made, seed=3)
    network.parameters[:] += rng.normal(0.0, 0.3, network.parameters.size)
    X, Y = draw_rows(network, rows, rng), draw_targets(made, rows, 3, rng)
    return StepGraph([explain_step(network, X, Y, **{"optimizer": "sgd", **settings})])


def seeded_step(seed: int) -> StepGraph:
    """Record a step of a network of any layers."""
    drawn = draw(seed, dropout=False)
    return StepGraph([explain_step(drawn.network(), flat(drawn.X)[:2], drawn.Y[:2], optimizer="sgd")])


NETWORKS: Mapping[str, Callable[[], StepGraph]] = {
    **{f"{name} of one row": functools.partial(drawn_step, name) for name in LOSSES},
    **{f"{name} of two rows": functools.partial(drawn_step, name, rows=2) for name in LOSSES},
    **{f"hidden {name}": functools.partial(drawn_step, hidden=name) for name in BUILT_IN},
    **{f"last {name}": functools.partial(drawn_step, "mse", last=name, rows=2) for name in BUILT_IN},
    **{f"trained by {name}": functools.partial(drawn_step, optimizer=name, steps=2) for name in RULES},
    **{f"with {op.name} {k}": functools.partial(drawn_step, extra=op, rows=2) for k, op in enumerate(OTHER_LAYERS)},
    **{f"drawn {seed}": functools.partial(seeded_step, seed) for seed in range(8)},
    "limits": functools.partial(drawn_step, l1=0.01, l2=0.02, clip_norm=0.04, rows=2),
    "weighted": functools.partial(drawn_step, "mse", rows=2, sample_weight=[1.0, 3.0]),
}  # fmt: skip


@functools.cache
def graph_of(name: str) -> StepGraph:
    """Record the step of an example, of a tiny network, or of the table's."""
    if name in NETWORKS:
        return NETWORKS[name]()
    return StepGraph([TINY[name]() if name in TINY else bl.explain(name).step])


def recorded(key: Key) -> float:
    return key.quantity.value(key.place)


def sites(graph: StepGraph, most: int) -> Iterator[Site]:
    """Give every number with each of its formulas; of each quantity, the first so many."""
    count: dict[Quantity, int] = {}
    every = graph.keys()
    for key in every:
        count[key.quantity] = count.get(key.quantity, 0) + 1
        if count[key.quantity] > most:
            continue
        for node in graph.formulas(key):
            yield Site(graph, key, node)


def made_at(entry: Mistake, graph: StepGraph, name: str) -> list[Changed]:
    key = graph.find(name)
    assert key is not None, f"{entry.code}: the example has no {name}"
    return [found for node in graph.formulas(key) for found in entry.at(Site(graph, key, node))]


@pytest.mark.parametrize("name", [*EXAMPLES, *NETWORKS])
def test_every_entry_gives_other_formulas_with_other_numbers(name: str) -> None:
    graph = graph_of(name)
    for site in sites(graph, 3 if name.startswith("drawn") else 12):
        right, ways = value_of(site.node, recorded), graph.formulas(site.key)
        by_formula: dict[object, str] = {}
        for code, entry in OURS.items():
            found = list(entry.at(site))
            details = [changed.detail for changed in found]
            assert len(set(details)) == len(details), f"{code} at {site.name}: {details}"
            for changed in found:
                where = f"{code} at {site.name}: {plain(changed.node)} for {plain(site.node)}"
                assert changed.node not in ways, where
                value = value_of(changed.node, recorded)
                assert not math.isclose(value, right, rel_tol=1e-12), where
                assert by_formula.setdefault(changed.node, code) == code, f"{where}: as {by_formula[changed.node]}"


@pytest.mark.parametrize("code", OURS)
def test_an_entry_is_told_in_a_learners_words(code: str) -> None:
    entry = OURS[code]
    assert entry.why.endswith(".")
    assert ". " not in entry.why, "more than one sentence"
    assert len(entry.why) < 200
    assert not entry.title.endswith(".")
    assert entry.roles


@pytest.mark.parametrize("code", OURS)
def test_an_entry_changes_the_number_of_its_example(code: str) -> None:
    entry = OURS[code]
    graph = graph_of(entry.example[0])
    found = made_at(entry, graph, entry.example[1])
    key = graph.find(entry.example[1])
    assert found
    assert key is not None
    gaps = [abs(value_of(changed.node, recorded) - recorded(key)) for changed in found]
    assert max(gaps) > 1e-3 * abs(recorded(key))


@pytest.mark.parametrize("code", OURS)
def test_a_mistake_at_its_example_is_named(code: str) -> None:
    """Plant it where the numbers before are all given and right."""
    entry = OURS[code]
    graph = graph_of(entry.example[0])
    key = graph.find(entry.example[1])
    assert key is not None
    for changed in made_at(entry, graph, entry.example[1]):
        every = graph.keys()
        before = [other for other in every if graph.order(other) < graph.order(key) and graph.formula(other)]
        claims = [Claim(graph.name(other), other, Written.of(f"{recorded(other):.9f}")) for other in before]
        wrong = Claim(graph.name(key), key, Written.of(f"{value_of(changed.node, recorded):.9f}"))
        work = judge(graph, Sheet("", (*claims, wrong)))
        assert [number.name for number in work.wrong] == [wrong.name]
        codes = {fit.code for fit in work.wrong[0].fits}
        assert codes == {code}, f"{changed.detail}: {codes}"
