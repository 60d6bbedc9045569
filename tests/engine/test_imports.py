"""What the engine needs and does not: it works without Numba, and does not load what it does not use."""

from __future__ import annotations

import json
import re
import subprocess
import sys

BLOCKED = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {"numba", "llvmlite"}:
            raise ImportError(f"{name} is blocked")
        return None

sys.meta_path.insert(0, Blocker())
"""

TRAIN = """
import json, sys
import numpy as np
from backlit.engine.gradcheck import gradcheck
from backlit.engine.network import Network
from backlit.engine.training import Training
from backlit.ops.layers.dense import Dense

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
network = Network([Dense(4, "tanh"), Dense(1, "sigmoid")], 2, "binary_cross_entropy", seed=1)
training = Training(network, X, [0, 1, 1, 0], optimizer="adam", epochs=20, compiled=COMPILED).run()
passed = gradcheck(network, X, [0, 1, 1, 0], compiled=COMPILED).passed
outputs = network.predict(X, compiled=COMPILED).tolist()
loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"numba", "llvmlite", "sklearn", "pyarrow", "torch"})
print(json.dumps([training.compiled, passed, outputs, training.history[-1].loss, loaded]))
"""


def run(text: str) -> list:
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_numba_everything_runs_plain():
    without = run(BLOCKED + TRAIN.replace("COMPILED", "True"))
    plain = run(TRAIN.replace("COMPILED", "False"))
    assert without[:2] == [False, True]
    assert without == plain


def test_that_it_runs_plain_for_want_of_numba_is_said_once():
    text = BLOCKED + TRAIN.replace("COMPILED", "True")
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stderr.count("Warning: ") == done.stderr.count("CompilerWarning: Numba cannot be imported") == 1
    assert "pip install 'numba>=" in done.stderr
    assert re.match(r"<string>:\d+: CompilerWarning", done.stderr)  # at the program's own line
    assert "compiled=False" in done.stderr
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + "from backlit.cli import main\nraise SystemExit(main(['demo', 'two-layer']))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.count("warning: Numba cannot be imported") == 1
    assert len(done.stderr.splitlines()) == 1


def test_running_plain_on_purpose_is_not_warned_of():
    text = BLOCKED + TRAIN.replace("COMPILED", "False")
    assert subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stderr == ""


def test_a_plain_training_loads_neither_numba_nor_other_heavy_libraries():
    assert run(TRAIN.replace("COMPILED", "False"))[-1] == []
