"""Functions collected as Numba wrote them and translated once: only ours, and only while a kernel is compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from backlit.engine.compiled import numba_collect
from backlit.kernels.numba_private import target_context

# An op that calls a function that its author has compiled; Python calls that function too.
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


def test_functions_compiled_on_the_way_can_be_called_and_linked_by_others(thinned_cache, tmp_path):
    (tmp_path / "foreign.py").write_text(FOREIGN)
    given = os.environ | {"BACKLIT_CACHE_DIR": str(thinned_cache("layer_", "multiply_"))}
    done = subprocess.run(
        [sys.executable, "foreign.py"], cwd=tmp_path, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    third, total, loss = map(float, done.stdout.split())
    assert (third, total) == (2.0, 6.0)
    assert np.isfinite(loss)


def test_numba_compiles_as_ever_afterwards():
    ordinary = target_context().codegen()
    with numba_collect.collecting():
        assert target_context().codegen() is not ordinary
    with pytest.raises(ZeroDivisionError), numba_collect.collecting():
        raise ZeroDivisionError
    assert target_context().codegen() is ordinary

    @njit
    def twice(z):
        return 2 * z

    assert twice(2.5) == 5.0
