"""Where our way to compile fails, Numba's ordinary way gives the same bits, with one warning."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import warnings
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from numba import njit

from backlit.engine.code_cache import object_code
from backlit.engine.code_cache.disk_cache import load
from backlit.engine.code_cache.object_code import link
from backlit.engine.compiled import CompilerWarning, numba_collect, retype
from backlit.engine.compiled import compile as compiler
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.errors import BacklitError
from backlit.ops.base import Activation
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import REGISTRIES, register


def fail(*given: Any, **named: Any) -> Any:
    raise RuntimeError("planted")


def renamed_in_numba(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(numba_collect, "REPLACED", (*numba_collect.REPLACED, "no_such_method"))


def library_without(patch: pytest.MonkeyPatch, name: str) -> None:
    """Have the collecting library fail at one of its methods."""
    collector = numba_collect._collector()
    patch.setattr(collector._library_class, name, fail)
    patch.setattr(numba_collect, "_collector", lambda: collector)


def collector_without(patch: pytest.MonkeyPatch, name: str) -> None:
    collector = numba_collect._collector()
    patch.setattr(type(collector), name, fail)
    patch.setattr(numba_collect, "_collector", lambda: collector)


def pass_renamed(patch: pytest.MonkeyPatch) -> None:
    """Have LLVM's builder of passes give a manager that lacks one of our passes, to us alone."""

    class Without:
        def __init__(self, given: Any) -> None:
            self.given = given

        def __getattr__(self, name: str) -> Any:
            if name == "add_ipsccp_pass":
                raise AttributeError(name)
            return getattr(self.given, name)

    class Builder(Without):
        def getModulePassManager(self) -> Any:
            return Without(self.given.getModulePassManager())

    usual = object_code._optimize

    def optimize(module: Any) -> None:
        with patch.context() as inner:
            make = llvm.create_pass_builder
            inner.setattr(llvm, "create_pass_builder", lambda *given: Builder(make(*given)))
            usual(module)

    patch.setattr(object_code, "_optimize", optimize)


FAULTS = {
    "our passes fail": lambda patch: patch.setattr(object_code, "_optimize", fail),
    "llvmlite lacks a pass": pass_renamed,
    "Numba's library has other methods": renamed_in_numba,
    "the library cannot end": lambda patch: library_without(patch, "_finalize_final_module"),
    "the library cannot take a function": lambda patch: library_without(patch, "_optimize_functions"),
    "the environment cannot be set": lambda patch: collector_without(patch, "set_env"),
    "Numba's lock is elsewhere": lambda patch: patch.setattr(numba_collect, "compiler_lock", fail),
    "Numba's algebra is elsewhere": lambda patch: patch.setattr(numba_collect, "linear_algebra", fail),
    "Numba's target is elsewhere": lambda patch: patch.setattr(numba_collect, "target_context", fail),
    "the text of LLVM reads otherwise": lambda patch: patch.setattr(object_code, "APART", None),
}


FRESH = ("activation_guarded", "layer_dense")
"""Kernels that are compiled in each test: a failure shows in any, and these call a user's function and the products."""


@njit
def halved(z):
    return z / 2.0


@pytest.fixture
def fresh(monkeypatch):
    """Forget all kernels in memory, and have those of the activation and of the dense layer compiled, not loaded."""

    def forget() -> None:
        monkeypatch.setattr(compiler, "KEPT", {})
        for function in (retype._numpy_for, compiler._machine_retyper, numba_collect._collector):
            getattr(function, "cache_clear", lambda: None)()

    def from_disk(title: str, *given: Any) -> int:
        return link(given[-1]()) if title.startswith(FRESH) else load(title, *given)

    @register("guarded")
    class Guarded(Activation, frozen=True):
        @staticmethod
        def value(z):
            return np.tanh(halved(z)) * np.exp(-z * z) + np.sqrt(1.0 + z * z)

        @staticmethod
        def slope(z):
            return np.cos(z) * halved(z) + 1.0

    monkeypatch.setattr(numba_collect, "_failures", [])
    monkeypatch.setattr(compiler, "load", from_disk)
    forget()
    yield forget
    del REGISTRIES["activation"]["guarded"]


@functools.cache
def collected() -> bytes:
    """Give what a training without any failure leaves."""
    return bits()


def bits(dtype: str = "float64") -> bytes:
    rng = np.random.default_rng(0)
    layers = [Dense(7, "guarded"), Dense(3, "softmax")]
    network = Network(layers, 5, "cross_entropy", seed=1, dtype=dtype)
    X, Y = rng.normal(size=(33, 5)), rng.integers(0, 3, 33)
    training = Training(network, X, Y, optimizer="adam", epochs=3, batch_size=8, seed=2, l2=0.01).run()
    assert training.compiled
    return network.parameters.tobytes() + network.predict(X).tobytes() + np.float64(training.history[-1].loss).tobytes()


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_failure_training_succeeds_with_the_same_bits_and_one_warning(fault, fresh, monkeypatch):
    expected = collected()
    assert not numba_collect._failures
    fresh()
    with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        FAULTS[fault](patch)
        assert bits() == expected
    fresh()
    assert [warning.category for warning in caught] == [CompilerWarning]
    assert "Numba's ordinary way is taken" in str(caught[0].message)
    assert len(numba_collect._failures) == 1


def test_an_op_that_cannot_be_compiled_is_no_failure_of_ours(fresh, monkeypatch):
    @register("uncompilable")
    class Uncompilable(Activation, frozen=True):
        @staticmethod
        def value(z):
            return np.linalg.inv(z)

        @staticmethod
        def slope(z):
            return z

    try:
        for _ in range(2):
            with pytest.raises(BacklitError, match="cannot be compiled"):
                Training(Network(["uncompilable"], 1, "mse"), [[1.0]], [1.0], epochs=1)
    finally:
        del REGISTRIES["activation"]["uncompilable"]
    assert not numba_collect._failures
    bits()  # and what is compiled afterwards is collected as ever
    assert not numba_collect._failures


def test_without_a_failure_nothing_is_said(fresh):
    bits()
    assert not numba_collect._failures


BOTH = """
import hashlib
import sys
import numpy as np
from backlit.engine.code_cache import background
from backlit.engine import Network, Training
from backlit.engine.compiled import compile as compiler
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm, LayerNorm

compiled = []
translate = compiler._compiled
compiler._compiled = lambda title, *given: (compiled.append(title), translate(title, *given))[1]
if sys.argv[1] == "ordinary":
    from backlit.engine.compiled import numba_collect
    numba_collect._failures.append(RuntimeError("planted"))
    background.begin = lambda *given: None
rng = np.random.default_rng(0)
for dtype in ("float32", "float64"):
    X, Y = rng.normal(size=(70, 9)), rng.integers(0, 3, 70)
    first = [Dense(12, "gelu"), Dropout(0.2), LayerNorm()], "adam"
    second = [Dense(19, "tanh"), BatchNorm(), Dense(5, "elu")], "rmsprop"
    for middle, optimizer in (first, second):
        network = Network([*middle, Dense(3, "softmax")], 9, "cross_entropy", seed=1, dtype=dtype)
        settings = dict(l2=0.01, clip_norm=1.0, validation=(X[:20], Y[:20]), compiled=True, threads=1)
        training = Training(network, X, Y, optimizer=optimizer, epochs=3, batch_size=32, seed=2, **settings).run()
        bits = network.parameters.tobytes() + network.state.tobytes() + network.predict(X).tobytes()
        print(hashlib.sha256(bits + np.array([epoch.loss for epoch in training.history]).tobytes()).hexdigest())
    network = Network([Dense(4, "softplus"), Dense(1, "sigmoid")], 9, "huber", seed=1, dtype=dtype)
    training = Training(network, X, (Y > 1) * 1.0, epochs=3, batch_size="full", compiled=True, threads=1).run()
    print(hashlib.sha256(network.parameters.tobytes() + network.predict(X).tobytes()).hexdigest())
print(len(compiled))
"""


FLOAT64 = [f"machine_{name}_float64_" for name in ("train_batches", "evaluate_rows", "predict_rows")]


def test_all_of_a_training_compiled_both_ways_gives_the_same_bits_and_starts_warm(thinned_cache):
    """Kernels of ops, updates, the machine's entry points and the matrix product, in float32 and float64.

    The entry points of float32 alone, whose code is that of float64, are collected in all three.
    """
    made = thinned_cache("activation_", "layer_", "loss_", "optimizer_", "multiply_", *FLOAT64)
    told = []
    for way, cache in (("collected", None), ("ordinary", made), ("collected", made)):
        given = os.environ | ({"BACKLIT_CACHE_DIR": str(cache)} if cache else {})
        done = subprocess.run([sys.executable, "-W", "error", "-c", BOTH, way], env=given, capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.split())
    assert told[0][:-1] == told[1][:-1] == told[2][:-1]
    assert len(set(told[0][:-1])) == 6
    compiled = [int(lines[-1]) for lines in told[1:]]
    assert compiled[0] > 20, "the first of the two on one cache compiles"
    assert compiled[1] == 0, "the second starts warm"
