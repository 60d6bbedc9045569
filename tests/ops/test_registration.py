"""The registration of ops: wrong ones are refused, and a definition may be run again."""

from __future__ import annotations

import importlib
import re
import sys

import numpy as np
import pytest

import backlit as bl
from backlit import Activation, BacklitError, Dense, Network, register
from backlit.ops.registry import REGISTRIES, activations, layers


class TestOpsThatCannotWork:
    """A wrong op is refused when it is registered or when it is compiled."""

    def test_a_method_that_is_not_static(self):
        with pytest.raises(BacklitError, match="'bad': value must be a @staticmethod"):

            @register("bad")
            class Bad(Activation):
                def value(z):  # noqa: N805
                    return z

    def test_a_value_without_slope(self):
        with pytest.raises(BacklitError, match="'bad': it has no slope"):

            @register("bad")
            class Bad(Activation):
                @staticmethod
                def value(z):
                    return z

    def test_a_setting_that_is_no_field(self):
        with pytest.raises(BacklitError, match=r"'bad': value asks for 'foo', .*Add `foo: float"):

            @register("bad")
            class Bad(Activation):
                @staticmethod
                def value(z, foo):
                    return foo * z

                @staticmethod
                def slope(z, foo):
                    return foo

    def test_no_op_at_all(self):
        with pytest.raises(BacklitError, match="Bad is no op"):

            @register("bad")
            class Bad:
                pass

    @pytest.mark.parametrize("kind", [bl.Activation, bl.Layer])
    @pytest.mark.parametrize("name", ["tanh", "dense"])
    def test_a_name_that_is_taken(self, name, kind):
        registry = activations if name == "tanh" else layers
        before = registry[name]
        with pytest.raises(BacklitError, match=rf'{name!r} is taken by .*{before.__name__}; .*"my_{name}"'):

            @register(name)
            class Bad(kind):
                pass

        assert registry[name] is before

    def test_the_same_definition_again(self):
        """As a notebook's cell that is run twice does."""

        def cell():
            @register("again")
            class Again(Activation):
                pass

            return Again

        try:
            first, second = cell(), cell()
            assert activations["again"] is second is not first
        finally:
            del activations["again"]

    def test_a_module_that_is_loaded_again(self, tmp_path, monkeypatch):
        code = "import backlit as bl\n@bl.register('reloaded')\nclass Reloaded(bl.Activation): pass\n"
        (tmp_path / "module_of_reloaded.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        try:
            module = importlib.import_module("module_of_reloaded")
            first = activations["reloaded"]
            importlib.reload(module)
            assert activations["reloaded"] is module.Reloaded is not first
        finally:
            sys.modules.pop("module_of_reloaded", None)
            activations.pop("reloaded", None)

    def test_what_cannot_be_compiled(self):
        @register("uncompilable")
        class Uncompilable(Activation):
            @staticmethod
            def value(z):
                return np.linspace(z, "no", 3)

            @staticmethod
            def slope(z):
                return z

        try:
            with pytest.raises(BacklitError, match="'uncompilable': its forward cannot be compiled"):
                Network([Dense(2, "uncompilable")], 1).predict([[1.0]])
        finally:
            del activations["uncompilable"]


@pytest.mark.parametrize(
    ("slots", "result", "message"),
    [({}, "w", "update returns no tuple; write return (new w,), with"),
     ({"v": 0.0}, "w", "update returns no tuple; write return (new w, new v), with"),
     ({"v": 0.0}, "(w,)", "update returns 1 value; write return (new w, new v), with"),
     ({}, "(w, g)", "update returns 2 values; write return (new w,), with")],
)  # fmt: skip
def test_an_update_that_returns_something_else_is_refused(slots, result, message):
    update = eval(f"lambda w, g, rate, {', '.join(slots)}: {result}")
    body = {"__annotations__": {"rate": float}, "rate": 0.1, "slots": slots, "update": staticmethod(update)}
    body |= {"__module__": __name__, "__qualname__": "Faulty"}
    cls = type(bl.Optimizer)("Faulty", (bl.Optimizer,), body, frozen=True, kw_only=True)
    with pytest.raises(BacklitError, match=re.escape(message)):
        register("faulty_update")(cls)
    assert "faulty_update" not in REGISTRIES["optimizer"]
