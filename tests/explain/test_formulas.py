"""The formula texts beside the ops' code, evaluated with numbers, give what the code gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import RULES
from mpmath import mp

import backlit as bl
from backlit.errors import BacklitError
from backlit.explain.algebra.parsing import parse, statements
from backlit.explain.algebra.printing import latex, plain
from backlit.explain.algebra.tree import Apply, Literal, Node, Ref, Symbol, evaluate, expand, replace
from backlit.explain.context import symbol_of
from backlit.explain.derivation import derivation
from backlit.explain.record.recording import is_elementwise, op_value
from backlit.ops.base import arguments
from backlit.ops.registry import activations, layers, losses, optimizers
from backlit.ops.whole_arrays import prepared_scalars

POINTS = (-30.0, -3.5, -1.0, -0.3, 0.2, 0.9, 2.75, 30.0)
PROBABILITIES = (0.01, 0.25, 0.5, 0.875)


def value_of(node: Node, numbers: dict[str, float]) -> float:
    """Give a formula's number, every symbol put in."""
    known = {symbol: Ref(symbol, symbol, value) for symbol, value in numbers.items()}
    with mp.workdps(30):
        return float(evaluate(replace(node, lambda symbol: known.get(symbol.symbol, symbol)), mp))


def settings_of(op: Any) -> dict[str, float]:
    return {symbol_of(op, name): float(getattr(op, name)) for name in op.__struct_fields__ if name != "reduction"}


@pytest.mark.parametrize("name", [name for name in activations if is_elementwise(activations[name]())])
def test_activations(name: str) -> None:
    op = activations[name]()
    for z in POINTS:
        a = float(op_value(op, "value", z))
        given = {"z": z, "a": a} | settings_of(op)
        assert value_of(statements(op.formula)[0].value, given) == pytest.approx(a, rel=1e-13, abs=1e-300)
        slope = float(op_value(op, "slope", a if op.in_place else z))
        assert value_of(statements(op.slope_formula)[0].value, given) == pytest.approx(slope, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("name", [name for name in losses if is_elementwise(losses[name]())])
def test_losses_of_one_output(name: str) -> None:
    op = losses[name]()
    outputs = PROBABILITIES if np.isfinite(op.outputs).any() else POINTS
    targets = (0.0, 1.0, 0.25) if np.isfinite(op.targets).all() else (1.0, 0.0, 2.0)
    for a in outputs:
        for t in targets:
            given = {"a": a, "z": a, "t": t} | settings_of(op)
            value = float(op_value(op, "value", a, t))
            assert value_of(parse(op.formula), given) == pytest.approx(value, rel=1e-12, abs=1e-13)
            slope = float(op_value(op, "slope", a, t))
            assert value_of(parse(op.slope_formula), given) == pytest.approx(slope, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(
    "name", [name for name in losses if is_elementwise(losses[name]()) and losses[name].limited_formula]
)
@pytest.mark.parametrize("a", [0.0, 1e-40, 1e-9, 0.25, 1.0, 1.0 - 2.0**-53, -1e-9])
@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_losses_of_one_output_with_their_limits(name: str, a: float, t: float) -> None:
    op = losses[name]()
    given = {"a": a, "t": t} | settings_of(op)
    value = float(op_value(op, "value", a, t))
    assert value_of(parse(op.limited_formula), given) == pytest.approx(value, rel=1e-12, abs=1e-13)
    slope = float(op_value(op, "slope", a, t))
    assert value_of(parse(op.limited_slope_formula), given) == pytest.approx(slope, rel=1e-12, abs=1e-13)


def test_cross_entropy_with_its_limits() -> None:
    op, row, dA = losses["cross_entropy"](reduction="sum"), np.zeros(1), np.zeros((1, 3))
    outputs, T = np.array([[0.0, 1e-40, 1.0]]), np.array([[0.25, 0.5, 0.25]])
    op.forward(outputs, T, row, label_smoothing=0.0)
    op.backward(outputs, T, np.ones(1), dA, label_smoothing=0.0)
    arrays = {"a": outputs[0], "t": T[0]}
    assert written_out(op.limited_formula, arrays, {}, 3) == pytest.approx(row[0], rel=1e-13)
    for j in range(3):
        assert written_out(op.limited_slope_formula, arrays, {"j": j}, 3) == pytest.approx(dA[0, j], rel=1e-13)


def written_out(formula: str, arrays: dict[str, Any], at: dict[str, int], count: int) -> float:
    """Give the number of a formula over vectors."""

    def put(base: str, *places: int) -> Node:
        return Ref(base, base, float(arrays[base][places])) if places else Ref(base, base, float(arrays[base]))

    node = expand(statements(formula)[0].value, {"i": count, "j": count, "k": count}, put, at)
    with mp.workdps(30):
        return float(evaluate(node, mp))


@pytest.mark.parametrize("name", [name for name in losses if not is_elementwise(losses[name]())])
def test_losses_of_one_row(name: str) -> None:
    op = losses[name](reduction="sum")
    outputs = np.array([[0.125, 0.625, 0.25]])
    for label in range(3):
        targets = np.eye(3)[label]
        others = [j for j in range(3) if j != label]
        at = {"c": label, "r": max(others, key=lambda j: outputs[0, j])}
        row, dA = np.zeros(1), np.zeros_like(outputs)
        extra = {key: getattr(op, key) for key in op.__struct_fields__ if key != "reduction"}
        given = {key: value for key, value in extra.items() if key in arguments(op.forward)}
        op.forward(outputs, np.array([[float(label)]]), row, **given)
        op.backward(outputs, np.array([[float(label)]]), np.ones(1), dA,
                    **{key: value for key, value in extra.items() if key in arguments(op.backward)})  # fmt: skip
        arrays = {"a": outputs[0], "z": outputs[0], "t": targets}
        assert written_out(op.formula, arrays, at, 3) == pytest.approx(row[0], rel=1e-13)
        for j in range(3):
            slope = written_out(op.slope_formula, arrays, at | {"j": j}, 3)
            assert slope == pytest.approx(dA[0, j], rel=1e-13, abs=1e-15)


def test_softmax() -> None:
    op, Z, A = activations["softmax"](), np.array([[0.5, -1.0, 2.0]]), np.empty((1, 3))
    op.forward(Z, A)
    for j in range(3):
        assert written_out(op.formula, {"z": Z[0]}, {"j": j}, 3) == pytest.approx(A[0, j], rel=1e-14)
        dZ = np.empty((1, 3))
        for k in range(3):
            op.backward(A, np.eye(3)[k : k + 1], dZ)
            jacobian = written_out(op.slope_formula, {"a": A[0]}, {"j": j, "k": k}, 3)
            assert jacobian == pytest.approx(dZ[0, j], rel=1e-13, abs=1e-16)


def test_dense() -> None:
    X, W, b, Z = np.array([[0.5, -2.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, 0.25]), np.empty((1, 2))
    op = layers["dense"](2)
    op.forward(X, W, b, Z)
    for j in range(2):
        assert written_out(op.formula, {"x": X[0], "w": W, "b": b}, {"j": j}, 2) == Z[0, j]


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm"])
def test_normalization(name: str) -> None:
    rng = np.random.default_rng(0)
    X, dZ = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    op = layers[name]()
    network = bl.Network([op], 3, "half_squared_error")
    network["1.gamma"], network["1.beta"] = rng.normal(size=3), rng.normal(size=3)
    axis = 0 if name == "batch_norm" else 1
    mean, spread = X.mean(axis=axis), X.std(axis=axis)
    N = (X - np.expand_dims(mean, axis)) / np.sqrt(np.expand_dims(spread, axis) ** 2 + op.epsilon)
    gamma, beta = network["1.gamma"], network["1.beta"]
    Z, dX = gamma * N + beta, np.empty((3, 3))
    dgamma, dbeta = (dZ * N).sum(axis=0), dZ.sum(axis=0)
    scale = 1 / np.sqrt(spread**2 + op.epsilon)
    known = {"N": N, "r": scale, "gamma": gamma, "dZ": dZ, "dX": dX, "dgamma": dgamma, "dbeta": dbeta, "training": 1}
    op.backward(**{key: known[key] for key in arguments(op.backward)})
    for r in range(3):
        arrays = {"x": X[r], r"\gamma": gamma, r"\beta": beta, r"\varepsilon": op.epsilon, r"\hat x": N[r],
                  "n": 3, "k": 3, r"\mu": mean if axis == 0 else mean[r], r"\sigma": spread if axis == 0 else spread[r],
                  r"\partial E": 1.0, r"\partial z": 1 / dZ[r], r"\partial \gamma": 1 / dgamma,
                  r"\partial \beta": 1 / dbeta}  # fmt: skip
        for j in range(3):
            assert written_out(op.formula, arrays, {"j": j}, 3) == pytest.approx(Z[r, j], rel=1e-13)
            assert written_out(op.slope_formula, arrays, {"j": j}, 3) == pytest.approx(dX[r, j], rel=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_optimizers(name: str) -> None:
    op = optimizers[name]()
    given = {slot: 0.25 + 0.5 * k for k, slot in enumerate(op.slots)}
    decay = r"w \leftarrow w (1 - \eta \lambda)"
    for g in (0.5, -0.125, 0.0):
        numbers = (
            {symbol_of(op, slot): value for slot, value in given.items()}
            | settings_of(op)
            | {"w": 1.5, "g": g, "t": 3.0}
        )
        for target, formula in statements(op.formula):
            numbers[target] = value_of(formula, numbers)
        known = given | {field: float(getattr(op, field)) for field in op.__struct_fields__}
        known |= prepared_scalars(op, float(op.rate), 3)
        w = 1.5 * (1.0 - op.rate * op.weight_decay) if decay in op.formula else 1.5
        new = op.update(w, g, **{key: known[key] for key in arguments(op.update)[2:]})
        assert numbers["w"] == pytest.approx(float(new[0]), rel=1e-13)
        for slot, value in zip(op.slots, new[1:], strict=True):
            symbol = symbol_of(op, slot)
            kept = numbers["g"] if symbol == "g_{t-1}" else numbers[symbol]
            assert kept == pytest.approx(float(value), rel=1e-13)


@pytest.mark.parametrize("name", [name for name in RULES if "epsilon_hat" in optimizers[name].__struct_fields__])
def test_optimizers_with_epsilon_hat(name: str) -> None:
    op = optimizers[name](epsilon_hat=True, epsilon=1e-3, weight_decay=0.0)
    given = {"m": 0.25, "v": 0.75}
    numbers = {symbol_of(op, slot): value for slot, value in given.items()} | settings_of(op)
    numbers |= {"w": 1.5, "g": 0.5, "t": 3.0}
    for target, formula in statements(op.formula_used()):
        numbers[target] = value_of(formula, numbers)
    known = given | {field: float(getattr(op, field)) for field in op.__struct_fields__}
    known |= prepared_scalars(op, float(op.rate), 3)
    new = op.update(1.5, 0.5, **{key: known[key] for key in arguments(op.update)[2:]})
    assert numbers["w"] == pytest.approx(float(new[0]), rel=1e-13)


def test_a_wrong_formula_is_caught() -> None:
    with pytest.raises(AssertionError):
        assert value_of(parse(r"a\,(1 + a)"), {"a": 0.25}) == pytest.approx(0.25 * 0.75)


@pytest.mark.parametrize(("text", "shown"), [
    (r"-\left(a + 1\right)", "-(a + 1)"), (r"2 \cdot 3 x", "2 · 3 · x"), (r"|z|^2", "|z|²"), (r"e^{-z}", "e^(-z)"),
    (r"\begin{cases} 1 & 0 < a < 1 \\ 0 & \text{otherwise} \end{cases}", "{1 if 0 < a < 1; 0 otherwise}"),
])  # fmt: skip
def test_formulas_as_text(text: str, shown: str) -> None:
    assert plain(parse(text)) == shown
    assert plain(parse(latex(parse(text)))) == shown, "what is printed can be read again"


@pytest.mark.parametrize("text", [r"a +", r"\frac{a}", "(a", r"a)", r"\unknown{a}{b}", ""])
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(BacklitError, match="formula"):
        parse(text)


def test_a_negative_number_is_bracketed_where_it_must_be() -> None:
    w, x = Ref("w", "w", -0.5), Ref("x", "x", 2.0)
    assert plain(Apply("+", (Apply("*", (w, x)), Apply("neg", (w,)))), 3) == "(-0.5) · 2 - (-0.5)"
    assert plain(Apply("^", (w, Literal("2"))), 3) == "(-0.5)²"
    assert plain(Symbol("z")) == "z"


def test_the_derivation_is_that_of_the_ops() -> None:
    page = Path(__file__).parents[2] / "docs" / "derivation.md"
    written = page.read_text(encoding="utf-8")
    assert written == derivation(), "write it anew: python -m backlit.explain.derivation docs/derivation.md"
