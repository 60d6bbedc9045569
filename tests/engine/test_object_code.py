"""Object code from the cache: what a kernel takes from outside is there before it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ALLOCATES = """
import sys
from typing import Any
import numpy as np
import backlit as bl

@bl.register("squarer")
class Squarer(bl.Layer, frozen=True):
    @staticmethod
    def forward(X: Any, Z: Any) -> None:
        Z[:] = X * X
    @staticmethod
    def backward(X: Any, dZ: Any, dX: Any) -> None:
        if dX.size:
            dX[:] = 2.0 * X * dZ

network = bl.Network([bl.Dense(3), Squarer(), bl.Dense(1)], 2, "mse")
training = bl.Training(network, np.ones((4, 2)), np.ones(4), epochs=3).run()
print(training.compiled, training.history[-1].loss)
"""


def test_an_op_that_allocates_runs_from_a_warm_cache(thinned_cache: Callable[..., Path]):
    """Its kernel calls Numba's allocator, which a process that compiles nothing has not initialised by itself."""
    given = os.environ | {"BACKLIT_CACHE_DIR": str(thinned_cache())}
    told = [
        subprocess.run([sys.executable, "-c", ALLOCATES], env=given, capture_output=True, text=True, check=False)
        for _ in range(2)
    ]
    assert [run.returncode for run in told] == [0, 0], told[1].stderr
    assert told[0].stdout == told[1].stdout
    assert told[0].stdout.startswith("True ")
