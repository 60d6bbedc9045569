"""Functions collected as Numba wrote them and translated once: only ours, and only while a kernel is compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit
from numba.core.registry import cpu_target

from backlit.engine.compiled import compile as compiler
from backlit.engine.compiled import numba_collect
from backlit.engine.compiled.retype import Retyper

# An op that calls a function which its author has compiled, and who calls it as well.
FOREIGN = """
import sys
import numpy as np
from numba import njit
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense
from backlit.ops.base import Activation
from backlit.ops.registry import register
from backlit.kernels.gemm.driver import product

@njit
def third(z):
    return z / 3

@register("third")
class Third(Activation, frozen=True):
    @staticmethod
    def value(z):
        return third(z)

    @staticmethod
    def slope(a):
        return third(a) / a

X = np.eye(4)
network = Network([Dense(4, "third"), Dense(1)], 4, "mse", seed=1)
training = Training(network, X, np.ones((4, 1)), epochs=2).run()
assert training.compiled
assert "scipy.linalg" not in sys.modules

@njit
def with_product(A, B):
    C = np.empty((4, 4))
    product(A, B, C)
    return C.sum() + max(A[0, 0], third(B[0, 0])) + np.dot(A, B)[0, 0]

print(third(6.0), with_product(X, X), training.history[-1].loss)
"""

KERNEL = """
from numba import cfunc, types

@cfunc(types.float64(types.float64))
def kernel(z):
    return maths(z) + maths(2.0 * z)
"""


def maths(z: float) -> float:
    return float(np.exp(z) / (1.0 + z * z))


def test_functions_compiled_on_the_way_can_be_called_and_linked_by_others(tmp_path):
    (tmp_path / "foreign.py").write_text(FOREIGN)
    given = os.environ | {"BACKLIT_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "foreign.py"], cwd=tmp_path, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    third, total, loss = map(float, done.stdout.split())
    assert (third, total) == (2.0, 6.0)
    assert np.isfinite(loss)


def kernel_of(title: str) -> object:
    return compiler._compiled(title, KERNEL, maths=Retyper("float64")(maths, scalar=True))


def test_where_numba_is_built_otherwise_it_goes_its_own_way(monkeypatch):
    collected = kernel_of("collected")
    assert collected.outside == ()
    with monkeypatch.context() as patch:
        patch.setattr(numba_collect, "REPLACED", (*numba_collect.REPLACED, "no_such_method"))
        numba_collect._collector.cache_clear()
        assert numba_collect._collector() is None
        ordinary = kernel_of("ordinary")
    numba_collect._collector.cache_clear()
    assert ordinary.outside == ()
    assert ordinary.object_file != b""


def test_numba_compiles_as_ever_afterwards():
    ordinary = cpu_target.target_context.codegen()
    with numba_collect.collecting():
        assert cpu_target.target_context.codegen() is not ordinary
    with pytest.raises(ZeroDivisionError), numba_collect.collecting():
        raise ZeroDivisionError
    assert cpu_target.target_context.codegen() is ordinary

    @njit
    def twice(z):
        return 2 * z

    assert twice(2.5) == 5.0
