"""Every printed number equals an independent recomputation at 80 digits, to the digits shown."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import numpy as np
import oracles
import pytest
from cases import RULES
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import backlit as bl
from backlit.explain import explain_step
from backlit.explain.algebra.numerals import decimal_text, smallest_fixed
from backlit.explain.algebra.tree import evaluate
from backlit.explain.record.recording import Settings
from backlit.ops.registry import activations, optimizers

NETWORKS = int(os.environ.get("BACKLIT_NETWORKS", "40"))
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""How many random networks to check; 500 take about ten minutes."""

STEEP = 1e-5
"""Of smaller gradients float64 keeps few digits, or none: updates by their size or sign show it."""

HIDDEN = [name for name, cls in activations.items() if hasattr(cls, "value") and cls.formula]
OPTIMIZERS = [name for name in RULES if name in oracles.OPTIMIZERS]
PLAIN_LOSSES = ("half_squared_error", "mse", "mae", "huber", "log_cosh")


@st.composite
def layers(draw: Any) -> list[Any]:
    chain: list[Any] = []
    for _ in range(draw(st.integers(0, 2))):
        extra = draw(st.sampled_from(["", "", "", "dropout", "batch_norm", "layer_norm"]))
        # Batch normalization takes a bias before it out again: its gradient is 0, and in float64 a sum of roundings.
        bias = extra != "batch_norm" and draw(st.booleans())
        units, activation = draw(st.integers(1, 3)), draw(st.sampled_from(["softmax", *HIDDEN]))
        units = max(units, 2) if activation == "softmax" else units  # one unit's softmax is refused: it is always 1
        chain.append(bl.Dense(units, activation, bias=bias))
        if extra == "dropout":
            chain.append(bl.Dropout(0.5))
        elif extra:
            chain += [
                bl.BatchNorm() if extra == "batch_norm" else bl.LayerNorm(),
                draw(st.sampled_from(["tanh", "softplus"])),
            ]
    return chain


@st.composite
def endings(draw: Any, rows: int) -> tuple[Any, Any, Any]:
    """Draw the last layer, the loss and targets that go with each other."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["numbers", "numbers", "yes or no", "classes", "counts", "margin", "class margin"]))
    reduction = draw(st.sampled_from(["sum", "mean", "mean_all"]))
    outputs = draw(st.integers(1, 3))
    freeze = draw(st.sampled_from([(), (), ("b",), ("W",)]))
    dense = {"weights": "normal", "biases": "normal", "freeze": freeze}
    if kind == "numbers":
        loss = draw(st.sampled_from(PLAIN_LOSSES))
        activation = draw(st.sampled_from(["identity", "sigmoid", "tanh", "elu", "softmax"][: 5 if outputs > 1 else 4]))
        return bl.Dense(outputs, activation, **dense), made(loss, reduction), rng.normal(size=(rows, outputs))
    if kind == "yes or no":
        T = rng.integers(0, 2, (rows, outputs)) if draw(st.booleans()) else rng.random((rows, outputs))
        joined = draw(st.booleans())
        activation, loss = (
            ("sigmoid", "binary_cross_entropy") if joined else ("identity", "sigmoid_binary_cross_entropy")
        )
        return bl.Dense(outputs, activation, **dense), made(loss, reduction), T
    if kind == "classes":
        classes = max(outputs, 2)
        T = rng.integers(0, classes, rows) if draw(st.booleans()) else rng.dirichlet(np.ones(classes), rows)
        smoothing = draw(st.sampled_from([0.0, 0.25]))
        return bl.Dense(classes, "softmax", **dense), made("cross_entropy", reduction, label_smoothing=smoothing), T
    if kind == "counts":
        loss = made("poisson", reduction, deviance=draw(st.booleans()))
        return bl.Dense(outputs, "softplus", **dense), loss, rng.integers(0, 5, (rows, outputs))
    if kind == "margin":
        return bl.Dense(outputs, **dense), made("hinge", reduction), rng.choice([-1, 1], (rows, outputs))
    return (
        bl.Dense(max(outputs, 2), **dense),
        made("multiclass_hinge", reduction),
        rng.integers(0, max(outputs, 2), rows),
    )


def made(name: str, reduction: str, **settings: Any) -> Any:
    from backlit.ops.registry import losses

    return losses[name](reduction=reduction, **settings)


@st.composite
def cases(draw: Any) -> SimpleNamespace:
    rows = draw(st.integers(1, 3))
    chain = draw(layers())
    ending, loss, T = draw(endings(rows))
    network = bl.Network([*chain, ending], draw(st.integers(1, 3)), loss, seed=draw(st.integers(0, 2**32)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    network.parameters[:] = rng.normal(size=network.parameters.size).round(2)
    X = rng.normal(size=(rows, network.inputs)).round(2)
    name = draw(st.sampled_from(OPTIMIZERS))
    optimizer = optimizers[name](rate=draw(st.sampled_from([0.1, 0.5])))
    if name != "rprop" and draw(st.booleans()):
        optimizer = optimizers[name](rate=0.25, weight_decay=0.125)
    # Normalization makes slopes 0 that float64 has as a sum of roundings; a second step would not tell them apart.
    normalized = any(layer.name.endswith("_norm") for layer in network.layers)
    on = st.sampled_from([0.0, 0.0, 0.01, 0.3])
    given = Settings(
        l1=draw(on), l2=draw(on), decay_biases=draw(st.booleans()), clip_value=draw(on), clip_norm=draw(on),
        max_norm=draw(st.sampled_from([0.0, 0.0, 1.0])), seed=draw(st.integers(0, 99)),
        steps=draw(st.sampled_from([1] if normalized else [1, 1, 2])),
    )  # fmt: skip
    weights = draw(st.sampled_from([None, rng.random(rows) + 0.5]))
    return SimpleNamespace(network=network, X=X, T=T, optimizer=optimizer, settings=given, weights=weights)


def step_of(case: SimpleNamespace, digits: int = 9) -> Any:
    s = case.settings
    return explain_step(
        case.network, case.X, case.T, optimizer=case.optimizer, sample_weight=case.weights, l1=s.l1, l2=s.l2,
        decay_biases=s.decay_biases, clip_value=s.clip_value, clip_norm=s.clip_norm, max_norm=s.max_norm, seed=s.seed,
        steps=s.steps, digits=digits,
    )  # fmt: skip


def shown_within(value: float, exact: mpf, digits: int, slack: float = 1e-13) -> bool:
    """Tell whether the printed number is the exact one to the digits shown, but for float64's own rounding."""
    text = decimal_text(value, digits)
    size = abs(mpf(text))
    unit = mpf(10) ** -digits
    if size and not mpf(str(smallest_fixed(digits))) <= size < 10**9:
        unit = mpf(10) ** (mp.floor(mp.log10(size)) - (digits - 1))
    return abs(mpf(text) - exact) <= unit * mpf("0.500001") + slack * max(1, abs(exact))


def right_digits(text: str, exact: mpf, slack: float = 1e-13) -> bool:
    """Tell whether every digit of a text is right, but for float64's own rounding; a single one may be off by one."""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    unit = mpf(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    units = mpf("0.500001") if len(mantissa) > 1 or mantissa == "0" else 1
    return abs(mpf(text) - exact) <= unit * units + slack * max(1, abs(exact))


@settings(max_examples=NETWORKS, deadline=None, phases=PHASES)
@given(case=cases(), digits=st.sampled_from([4, 9, 9, 12]))
def test_every_printed_number_is_that_of_a_recomputation_at_80_digits(
    case: SimpleNamespace, digits: int, reference: Any
) -> None:
    step = step_of(case, digits)
    assume(np.isfinite(step.recording.E) and np.abs(step.recording.gradients.raw).max(initial=0.0) < 1e3)
    assume(not any("at the kink" in record.note or "lost digits" in record.note for record in step.records()))
    network = step.recording.network.copy()
    network.parameters[:] = case.network.parameters
    masks = {int(label): step.recording.array(f"{label}.M")
             for label, op in zip(network.labels, network.ops, strict=True) if op.name == "dropout"}  # fmt: skip
    assume(not masks or case.settings.steps == 1)
    exact = reference(network, case.X, case.T, case.optimizer, case.settings, case.weights, masks)
    numbers = exact.run(case.settings.steps)
    raw = np.abs(step.recording.gradients.raw)
    assume(exact.smallest > STEEP and not ((raw > 0) & (raw < STEEP)).any())
    compared = 0
    for record in step.records():
        name = record.name.removeprefix("chain ")
        if record.quantity in {"input", "t", "target", "mask"} or (not record.formula and name not in numbers):
            continue
        if (
            record.name.startswith("dE/d")
            and record.row
            and record.quantity.split("/d")[1] in {"w", "b", "gamma", "beta"}
        ):
            continue  # a row's part of a weight's derivative: its sum over the rows is compared
        assert name in numbers, name
        assert shown_within(record.value, numbers[name], digits), (name, record.value, numbers[name])
        assert right_digits(record.shown, numbers[name]), (name, record.shown, numbers[name])
        compared += 1
    assert compared > 3


@settings(max_examples=NETWORKS, deadline=None, phases=PHASES)
@given(case=cases())
def test_every_formula_with_its_numbers_gives_the_number(case: SimpleNamespace) -> None:
    step = step_of(case)
    assume(np.isfinite(step.recording.E))
    assume(not any("lost digits" in record.note for record in step.records()))
    with mp.workdps(50):
        for _, key in step.keys():  # noqa: SIM118  (no mapping)
            if key.quantity.expression is None:
                continue
            value = key.quantity.value(key.place)
            exact = evaluate(key.quantity.expression(key.place), mp)
            scale = max(1.0, abs(value))
            name = key.quantity.name(key.place).text
            assert abs(exact - value) <= 1e-9 * scale, (name, value, exact)


@pytest.mark.parametrize("digits", [0, 1, 3, 9, 17, 30])
def test_a_number_that_is_off_by_one_in_the_last_digit_is_caught(digits: int) -> None:
    exact = mpf("0.123456789012345")
    assert shown_within(float(exact), exact, min(digits, 9))
    if 0 < digits <= 9:
        assert not shown_within(float(exact + mpf(10) ** -digits), exact, digits)
