"""The two kernels of an op share the functions that both reach, as long as nothing that they depend on changes."""

from __future__ import annotations

import numpy as np
import pytest

import backlit as bl
from backlit.engine import Training
from backlit.engine.compiled import compile as compiler
from backlit.engine.compiled.retype import Retyper
from backlit.kernels.types import Array
from backlit.ops.base import Activation
from backlit.ops.registry import REGISTRIES, register

FACTOR = 2.0


def scaled(z):
    return FACTOR * z


@pytest.fixture
def retyped(monkeypatch):
    """Register an activation whose value and slope share a function; give the names of what is retyped."""
    names: list[str] = []
    usual = Retyper._compile

    def noted(self, function, scalar):
        names.append(function.__name__)
        return usual(self, function, scalar)

    monkeypatch.setattr(Retyper, "_compile", noted)
    monkeypatch.setattr(compiler, "KEPT", {})
    usual_load = compiler.load

    def load(title, text, compiled):
        return compiler.link(compiled()) if "scaling" in title else usual_load(title, text, compiled)

    monkeypatch.setattr(compiler, "load", load)

    @register("scaling")
    class Scaling(Activation, frozen=True):
        @staticmethod
        def value(z):
            return scaled(z)

        @staticmethod
        def slope(z):
            return scaled(1.0 + 0.0 * z)

    yield names
    del REGISTRIES["activation"]["scaling"]


def parameters(compiled: bool) -> Array:
    """Give the parameters of a trained layer."""
    network = bl.Network([bl.Dense(2, "scaling")], 3, "mse", seed=1)
    X = np.linspace(-1.0, 1.0, 12).reshape(4, 3)
    Training(network, X, X[:, :2], epochs=2, compiled=compiled).run()
    return network.parameters.copy()


def test_a_function_of_both_kernels_is_compiled_once(retyped):
    parameters(compiled=True)
    assert {"value", "slope"} <= set(retyped)
    assert retyped.count("scaled") == 1


@pytest.mark.parametrize("changed", ["a global", "the code"])
def test_it_is_compiled_anew_after_a_change(changed, retyped, monkeypatch):
    first = parameters(compiled=True)
    if changed == "a global":
        monkeypatch.setitem(globals(), "FACTOR", 3.0)
    else:
        monkeypatch.setattr(scaled, "__code__", (lambda z: 3.0 * z).__code__)
    second = parameters(compiled=True)
    assert retyped.count("scaled") == 2
    assert not np.allclose(first, second)
    np.testing.assert_allclose(second, parameters(compiled=False), rtol=1e-12)


def test_after_a_failure_it_is_compiled_anew(retyped, monkeypatch):
    usual = compiler.load

    def fail(title, *given):
        usual(title, *given)
        if title.startswith("activation_scaling_forward"):  # which is compiled after the backward kernel
            raise RuntimeError("planted")
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(compiler, "load", fail)
        with pytest.raises(RuntimeError, match="planted"):
            parameters(compiled=True)
    assert retyped.count("scaled") == 1
    monkeypatch.setattr(compiler, "KEPT", {})
    parameters(compiled=True)
    assert retyped.count("scaled") == 2
