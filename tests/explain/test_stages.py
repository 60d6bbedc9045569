"""Every op of a network has a stage that explains it, found by the op's class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backlit as bl
from backlit.explain import explain_step
from backlit.explain.algebra.tree import Literal, times
from backlit.explain.stages.base import STAGES, Stage, explains
from backlit.explain.stages.chain import stage_of_op
from backlit.ops.layers.branches import Block
from backlit.ops.registry import activations, layers

OPS = [op for op in [*layers.values(), *activations.values()] if not issubclass(op, Block)]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_every_layer_and_activation_has_a_stage(op: Any) -> None:
    layer, row = op.sample()
    for one in layer.ops():
        assert stage_of_op(one, equations=one.equations(row) is not None) is not Stage
        row = one.shapes(row).buffers[one.writes]


@pytest.fixture
def doubling() -> Any:
    """A layer that doubles its inputs, with its stage, as a file of its own would hold them."""

    @bl.register("doc_double")
    class Double(bl.Layer, frozen=True):
        @staticmethod
        def forward(X: Any, Z: Any) -> None:
            Z[:] = 2.0 * X

        @staticmethod
        def backward(dZ: Any, dX: Any) -> None:
            if dX.size:
                dX[:] = 2.0 * dZ

    @explains(Double)
    class DoubleStage(Stage):
        def write(self) -> Any:
            return self.context.unit_quantity(
                self.k, "double", self.units, self.buffer("Z"),
                lambda at: times(Literal("2"), self.read.ref(at.row, at.unit)),
            )  # fmt: skip

        def backward(self, grad: Any) -> Any:
            return (), self.slope(lambda at: times(Literal("2"), grad.ref(at.row, at.unit)))

    yield Double
    del layers["doc_double"], STAGES[Double]


def test_a_new_layer_needs_its_op_and_its_stage_alone(doubling: Any) -> None:
    network = bl.Network([bl.Dense(1, "identity", weights=[[0.5]], biases=[0.0]), doubling(), bl.Dense(1)], inputs=1)
    step = explain_step(network, [[3.0]], [[1.0]])
    assert step["double(h1)"].plain_formula == "2 · out(h1)"
    assert step["double(h1)"].value == 3.0
    assert step["dE/dout(h1)"].plain_formula == "2 · dE/ddouble(h1)"
    np.testing.assert_allclose(step["dE/dout(h1)"].value, 2.0 * step["dE/ddouble(h1)"].value)


@pytest.mark.parametrize(("follows", "shown"), [
    (["tanh"], True), ([bl.Dropout(0.0)], True), ([], True), ([bl.BatchNorm()], False), ([bl.LayerNorm()], False),
])  # fmt: skip
def test_a_weighted_sum_is_an_output_where_the_next_op_takes_none(follows: list[Any], shown: bool) -> None:
    network = bl.Network([bl.Dense(2), *follows, bl.Dense(1)], inputs=1)
    step = explain_step(network, [[3.0], [1.0]], [[1.0], [0.5]])
    assert (step.find("out(h1)[1]") is not None) == shown
    assert step.find("out(o1)[1]") is not None
