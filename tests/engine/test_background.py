"""The process that compiles ahead: what it does need not be done twice, and nobody depends on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import os
import sys
import numpy as np
from backlit.engine.compiled import background
from backlit.engine.compiled import compile as compiler
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense

{before}
compiled = []
translate = compiler._compiled
compiler._compiled = lambda title, *given, **more: (compiled.append(title), translate(title, *given, **more))[1]
network = Network([Dense(8, "tanh"), Dense(2, "softmax")], 9, "cross_entropy", seed=1)
X = np.random.default_rng(0).normal(size=(16, 9))
training = Training(network, X, np.arange(16) % 2, epochs=3, batch_size=16)
{between}
training.run()
print(training.history[-1].loss, *compiled)
"""

FAILURES = {
    "none is started": ("background.begin = lambda *given: None", ""),
    "it would have no processor": ("background.processors = lambda: 1", ""),
    "it cannot be started": ("sys.executable = '/no/such/python'", ""),
    "it is another program": ("sys.executable = '/bin/true'", ""),
    "it is killed": (
        "begin = background.begin; background.begin = lambda *given: "
        "(begin(*given), background._helpers[0].process.kill())",
        "",
    ),
    "it is killed with the matrix product in hand": (
        "begin = background.begin; background.begin = lambda *given: "
        "(begin(*given), background.claim('multiply', 'float64'), background._helpers[0].process.kill())",
        "",
    ),
}


def run(cache: Path, before: str = "", between: str = "") -> list[str]:
    code = TRAIN.format(before=before, between=between)
    given = os.environ | {"BACKLIT_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=given, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_the_second_process_compiles_what_all_networks_share(tmp_path):
    loss, *compiled = run(tmp_path)
    assert "layer_dense_forward_float64" in compiled
    assert "machine_train_batches_float64" not in compiled
    assert run(tmp_path) == [loss]


@pytest.mark.parametrize("failure", FAILURES)
def test_without_its_help_all_is_compiled_here_with_the_same_result(failure, tmp_path):
    loss, *compiled = run(tmp_path / "alone", *FAILURES[failure])
    assert {"machine_train_batches_float64", "multiply_float64", "multiply_blocks_float64"} <= {*compiled}
    assert run(tmp_path / "alone") == [loss]


def test_a_fork_waits_for_nobody(tmp_path):
    """The child of a fork does not own the process; it compiles what is not there yet."""
    fork = """
if not os.fork():
    training.run()
    os._exit(0 if training.history else 1)
assert os.wait()[1] == 0
"""
    assert run(tmp_path, between=fork)
