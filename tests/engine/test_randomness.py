"""Same seed, same bits: in another process, on another number of threads, in another order of events."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Trains networks small and large enough for every kind of matrix product, and prints a digest of every bit.
TRAIN = """
import hashlib, sys
import numpy as np
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense
from backlit.ops.layers.dropout import Dropout
from backlit.ops.layers.normalization import BatchNorm, LayerNorm

compiled = sys.argv[1] == "compiled"
digest = hashlib.sha256()
for units, rows, batch_size in ((5, 40, 7), (150, 600, 300), (300, 1300, "full")):
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(0)
        X, Y = rng.normal(size=(rows, 20)), rng.integers(0, 3, rows)
        layers = [Dense(units, "tanh"), Dropout(0.2), Dense(units, "relu"), LayerNorm(), Dense(3, "softmax")]
        if units == 150:
            layers.insert(2, BatchNorm())
        network = Network(layers, 20, "cross_entropy", dtype=dtype, seed=2)
        training = Training(network, X, Y, batch_size=batch_size, epochs=3, seed=5, compiled=compiled).run()
        digest.update(network.parameters.tobytes() + network.state.tobytes() + training.memory.slots.tobytes())
        digest.update(repr([epoch.loss for epoch in training.history]).encode())
        digest.update(network.predict(X, compiled=compiled).tobytes())
print(digest.hexdigest())
"""


def bits(mode: str, threads: int, hash_seed: int = 0) -> str:
    given = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    for library in ("OPENBLAS", "OMP", "MKL", "NUMBA", "VECLIB_MAXIMUM"):
        given[f"{library}_NUM_THREADS"] = str(threads)
    done = subprocess.run([sys.executable, "-c", TRAIN, mode], env=given, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("mode", ["plain", "compiled"])
def test_another_process_changes_no_bit(mode):
    first = bits(mode, threads=1)
    assert len(first) == 65
    assert bits(mode, threads=1, hash_seed=1) == first


@pytest.mark.parametrize("mode", ["plain", "compiled"])
def test_the_number_of_threads_changes_no_bit(mode):
    assert bits(mode, threads=2) == bits(mode, threads=1)
