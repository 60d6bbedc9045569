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
from backlit.check.judging.verdicts import judge
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
FORMULAS: Mapping[str, str] = {
    "activation-left-out": "net(h1)",
    "exponent-sign": "1 / (1 + e^net(h1))",
    "ten-for-e": "1 / (1 + 10^(-net(h1)))",
    "tan-for-tanh": "tan(net(h1) · π / 180)",
    "bipolar-sigmoid": "2 / (1 + e^(-net(h1))) - 1",
    "sigmoid-for-other": "1 / (1 + e^(-net(h1)))",
    "tanh-for-other": "tanh(net(h1))",
    "step-for-other": "[net(h1) > 0]",
    "leaky-as-relu": "max(net(h2), 0)",
    "softmax-as-sigmoid": "1 / (1 + e^(-net(o1)))",
    "softmax-not-divided": "e^net(o1)",
    "softmax-without-exp": "net(o1) / (net(o1) + net(o2) + net(o3))",
    "softmax-delta": "out(o2) · (1 - out(o1))",
    "slope-at-net": "net(h1) · (1 - net(h1))",
    "slope-at-out": "1 / (1 + e^(-out(h1))) · (1 - 1 / (1 + e^(-out(h1))))",
    "tanh-slope-as-sigmoid": "out(h1) · (1 - out(h1))",
    "sigmoid-slope-as-tanh": "1 - out(h1)²",
    "sigmoid-slope-for-other": "out(h1) · (1 - out(h1))",
    "tanh-slope-for-other": "1 - out(h1)²",
    "relu-slope-for-other": "[net(h2) > 0]",
    "relu-slope-one": "1",
    "relu-slope-turned": "0",
    "out-for-slope": "out(h1)",
    "slope-left-out": "dE/dout(h1)",
    "slope-twice": "dE/dout(h1) · dout/dnet(h1) · dout/dnet(h1)",
    "softmax-diagonal": "dE/dout(o1) · dout/dnet(o1)",
    "other-units-slope": "dE/dout(h1) · dout/dnet(o2)",
    "updated-weights": "dE/dnet(o1) · w5+ + dE/dnet(o2) · w7+",
    "one-share": "dE/dnet(o2) · w7",
    "weights-left-out": "dE/dnet(o1) + dE/dnet(o2)",
    "transposed-weights-back": "dE/dnet(o1) · w5 + dE/dnet(o2) · w6",
    "other-edge-weight-back": "dE/dnet(o1) · w5 + dE/dnet(o2) · w8",
    "other-units-weights-back": "dE/dnet(o1) · w6 + dE/dnet(o2) · w8",
    "incoming-weights-back": "dE/dnet(o1) · w1 + dE/dnet(o2) · w2",
    "output-error-for-hidden": "-(t(o2) - out(h1))",
    "other-units-error-back": "dE/dnet(o1) · w5 + dE/dnet(o1) · w7",
    "other-units-error": "dE/dnet(h2) · i1",
    "other-input": "dE/dnet(h1) · i2",
    "gradient-transposed": "dE/dnet(h2) · i1",
    "input-left-out": "dE/dnet(h1)",
    "weight-for-input": "dE/dnet(h1) · w1",
    "one-place-only": "dE/dnet(h1@t2) · i1@t2",
    "bias-slope-times-input": "dE/dnet(h1)[1] · i2[1]",
    "bias-without-slope": "0",
    "inputs-exchanged": "w1 · i2 + w2 · i1 + b(h1)",
    "half-left-out": "(t(o1) - out(o1))²",
    "half-put-in": "1/2 · (t(o1) - out(o1))²",
    "square-left-out": "1/2 · (t(o1) - out(o1))",
    "two-kept-in-slope": "-2 · (t(o1) - out(o1))",
    "half-kept-in-slope": "-1/2 · (t(y5) - out(y5))",
    "two-left-out-of-slope": "1 / k · (-(t(o1) - out(o1)))",
    "error-sign": "t(o1) - out(o1)",
    "error-for-slope": "E(o1)",
    "log-base": "-(t(o1) · log2(out(o1)) + t(o2) · log2(out(o2)) + t(o3) · log2(out(o3)))",
    "entropy-minus": "t(o1) · log(out(o1)) + t(o2) · log(out(o2)) + t(o3) · log(out(o3))",
    "squared-error-taken": "-2 · (t(o2) - out(o2))",
    "binary-entropy-taken": "(1 - t(o1)) / (1 - out(o1)) - t(o1) / out(o1)",
    "second-term-left-out": "-t(o2) · log(out(o2))",
    "absolute-error-taken": "|t(o1) - out(o1)|",
    "divided-twice": "(-t(o2) / out(o2)) / out(o2)",
    "slope-again": "(out(o1) - t(o1)) · out(o1) · (1 - out(o1))",
    "class-off-by-one": "-(t(o3) · log(out(o1)) + t(o1) · log(out(o2)) + t(o2) · log(out(o3)))",
    "bias-left-out": "w1 · i1 + w2 · i2",
    "bias-subtracted": "w1 · i1 + w2 · i2 - b(h1)",
    "bias-times-input": "w1 · i1 + w2 · i2 + b(h1) · i2",
    "bias-per-input": "w1 · i1 + w2 · i2 + 2 · b(h1)",
    "other-bias": "w5 · out(h1) + w6 · out(h2) + b(h1)",
    "other-edge-weight": "w5 · out(h1) + w8 · out(h2) + b(o1)",
    "transposed-weights": "w5 · out(h1) + w7 · out(h2) + b(o1)",
    "other-units-weights": "w3 · i1 + w4 · i2 + b(h1)",
    "weights-shifted": "w(i3,o1) · i1 + w(i1,o1) · i2 + w(i2,o1) · i3 + b(o1)",
    "kernel-flipped": "w(i1,f1@r2c2) · i1@r2c3 + w(i1,f1@r2c1) · i1@r2c4 + w(i1,f1@r1c2) · i1@r3c3 "
                      "+ w(i1,f1@r1c1) · i1@r3c4 + b(f1)",
    "layer-skipped": "w5 · i1 + w6 · i2 + b(o1)",
}  # fmt: skip
"""The last formula of each entry at its own example."""

ELSEWHERE = [
    ("activation-left-out", "two-layer", "net(o1)", "w5 · net(h1) + w6 · net(h2) + b(o1)"),
    ("activation-left-out", "two-layer", "dE/dw5", "dE/dnet(o1) · net(h1)"),
    ("activation-left-out", "recurrent", "out(h1@t1)", "net(h1@t1)"),
    ("activation-left-out", "recurrent", "out(o1@t1)", ""),
    ("bias-left-out", "one-output", "net(y3)", ""),
    ("bipolar-sigmoid", "tanh", "dout/dnet(h1)", "1/2 · (1 - out(h1)²)"),
    ("tanh-slope-as-sigmoid", "recurrent", "dE/dnet(h1@t1)", "dE/dout(h1@t1) · out(h1@t1) · (1 - out(h1@t1))"),
    ("slope-at-net", "recurrent", "dE/dnet(h1@t1)", "dE/dout(h1@t1) · (1 - net(h1@t1)²)"),
    ("slope-at-net", "relu", "dout/dnet(h1)", ""),
    ("slope-left-out", "two-layer", "dE/dout(h1)", "dE/dout(o1) · w5 + dE/dout(o2) · w7"),
    ("slope-left-out", "two-layer", "dE/dw1", "dE/dout(h1) · i1"),
    ("slope-left-out", "recurrent", "dE/dnet(h1@t1)", "dE/dout(h1@t1)"),
    ("slope-left-out", "yes or no", "dE/dnet(o1)", "dE/dout(o1)"),
    ("slope-left-out", "relu", "dE/dnet(h2)", ""),
    ("slope-left-out", "relu", "dE/dnet(o1)", ""),
    ("ten-for-e", "softmax", "out(o1)", "10^net(o1) / (10^net(o1) + 10^net(o2) + 10^net(o3))"),
    ("ten-for-e", "tanh", "out(h1)", ""),
    ("weights-shifted", "two-layer", "net(h1)", ""),
    ("relu-slope-one", "relu", "dE/dnet(h2)", "dE/dout(h2)"),
    ("relu-slope-one", "relu", "dE/dnet(h1)", ""),
    ("relu-slope-for-other", "two-layer", "dout/dnet(h1)", "[net(h1) > 0]"),
    ("relu-slope-for-other", "relu", "dout/dnet(h1)", ""),
    ("relu-slope-turned", "relu", "dout/dnet(h2)", "1"),
    ("leaky-as-relu", "leaky", "dout/dnet(h2)", "{1 if out(h2) > 0; 0 if out(h2) ≤ 0}"),
    ("leaky-as-relu", "leaky", "out(h1)", ""),
    ("updated-weights", "recurrent", "dE/dout(h1@t1)", "dE/dy(h1@t1) + u(h1,h1)+ · dE/dnet(h1@t2)"),
    ("updated-weights", "two rows", "dE/dout(h1)[2]", "dE/dnet(o1)[2] · w(h1,o1)+ + dE/dnet(o2)[2] · w(h1,o2)+"),
    ("layer-skipped", "two-layer", "dE/dw6", "dE/dnet(o1) · i2"),
    ("layer-skipped", "two-layer", "dE/dw1", ""),
    ("output-error-for-hidden", "two-layer", "dE/dw1", "dE/dnet(o2) · i1"),
    ("output-error-for-hidden", "two-layer", "dE/dw5", ""),
    ("input-left-out", "two-layer", "dE/dw5", "dE/dnet(o1)"),
    ("weight-for-input", "two-layer", "dE/dw7", "dE/dnet(o2) · w7"),
    ("gradient-transposed", "two-layer", "dE/dw1", ""),
    ("softmax-diagonal", "softmax", "dE/dnet(o3)", "dE/dout(o3) · dout/dnet(o3)"),
    ("error-sign", "softmax", "dE/dnet(o2)", "t(o2) - out(o2)"),
    ("error-sign", "softmax", "dE/dout(o2)", "t(o2) / out(o2)"),
    ("error-sign", "yes or no", "dE/dout(o2)", "t(o2) / out(o2) - (1 - t(o2)) / (1 - out(o2))"),
    ("error-sign", "two rows", "dE/dout(o2)[1]", "1 / (n · k) · 2 · (t(o2)[1] - out(o2)[1])"),
    ("error-sign", "two-layer", "dE/dnet(o1)", ""),
    ("squared-error-taken", "yes or no", "dE/dnet(o1)", "(-2 · (t(o1) - out(o1))) · dout/dnet(o1)"),
    ("squared-error-taken", "yes or no", "E(o1)", "(t(o1) - out(o1))²"),
    ("squared-error-taken", "softmax", "E", "(t(o1) - out(o1))² + (t(o2) - out(o2))² + (t(o3) - out(o3))²"),
    ("squared-error-taken", "two-layer", "dE/dout(o1)", ""),
    ("second-term-left-out", "yes or no", "dE/dout(o2)", "-t(o2) / out(o2)"),
    ("second-term-left-out", "yes or no", "E(o1)", ""),
    ("two-left-out-of-slope", "two rows", "dE/dout(o1)[2]", "1 / (n · k) · (-(t(o1)[2] - out(o1)[2]))"),
    ("divided-twice", "softmax", "dE/dnet(o1)", "(out(o1) - t(o1)) / out(o1)"),
    ("class-off-by-one", "softmax", "dE/dnet(o2)", "out(o2) - t(o1)"),
    ("log-base", "gates", "E(y)[2]", "-(t(y)[2] · log2(out(y)[2]) + (1 - t(y)[2]) · log2(1 - out(y)[2]))"),
    ("exponent-sign", "softmax", "out(o3)", "e^(-net(o3)) / (e^(-net(o1)) + e^(-net(o2)) + e^(-net(o3)))"),
    ("one-place-only", "convolution", "dE/dw(f1@r1c1,o1)", ""),
    ("other-units-error", "convolution", "dE/dw(i1,f1@r1c1)", ""),
]  # fmt: skip
"""The last formula of an entry at other numbers; empty where it cannot be made there."""

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
    every = graph.numbers()
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


ALIKE = ({"relu-slope-one", "relu-slope-turned"},)
"""Beliefs that are the same at some numbers: a relu's slope at a negative net."""


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
                first = by_formula.setdefault(changed.node, code)
                assert first == code or {first, code} in ALIKE, f"{where}: as {first}"


@pytest.mark.parametrize("code", OURS)
def test_the_formula_of_each_entry(code: str) -> None:
    example, name = OURS[code].example
    assert [plain(changed.node) for changed in made_at(OURS[code], graph_of(example), name)][-1] == FORMULAS[code]


@pytest.mark.parametrize(("code", "example", "name", "formula"), ELSEWHERE)
def test_formulas_elsewhere(code: str, example: str, name: str, formula: str) -> None:
    found = [plain(changed.node) for changed in made_at(OURS[code], graph_of(example), name)]
    assert found[-1:] == ([formula] if formula else [])


def test_weights_of_no_square_matrix_are_read_the_other_way() -> None:
    """Of 2 x 3 weights in a row 1 to 6, the first unit has 1 and 4; read by units, 1 and 2."""
    network = bl.Network([bl.Dense(3, "tanh", weights=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])], inputs=2)
    graph = StepGraph([explain_step(network, [[0.5, 0.25]], [[0.1, 0.2, 0.3]], optimizer="sgd")])
    entry, values = OURS["transposed-weights"], []
    for unit in ("o1", "o2", "o3"):
        (changed,) = made_at(entry, graph, f"net({unit})")
        values.append(value_of(changed.node, recorded))
    assert values == [1 * 0.5 + 2 * 0.25, 3 * 0.5 + 4 * 0.25, 5 * 0.5 + 6 * 0.25]


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
        every = graph.numbers()
        before = [
            other for other in every if graph.order(other) < graph.order(key) and graph.formula(other) is not None
            and not other.quantity.kind.startswith("chain")
        ]  # fmt: skip
        claims = [Claim(graph.name(other), other, Written.of(f"{recorded(other):.9f}")) for other in before]
        wrong = Claim(graph.name(key), key, Written.of(f"{value_of(changed.node, recorded):.9f}"))
        work = judge(graph, Sheet("", (*claims, wrong)))
        assert [number.name for number in work.wrong] == [wrong.name]
        codes = {fit.code for fit in work.wrong[0].fits if not mistakes()[fit.code].general}
        assert codes == {code}, f"{changed.detail}: {codes}"
