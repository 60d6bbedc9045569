"""Networks and rows to run them on, for any op of the registries.

Hypothesis draws few examples by default, always the same, so that the suite stays short and steady;
`BACKLIT_THOROUGH=1 pytest tests/engine` draws forty times as many, others each time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import draw_targets, last_activation
from hypothesis import HealthCheck, settings

from backlit.engine.network import Network
from backlit.engine.parallel import auto_switch, thread_team
from backlit.engine.program import sharding
from backlit.ops.base import Activation, Layer, Loss
from backlit.ops.layers.dense import Dense
from backlit.ops.registry import losses

# Compiling takes what it takes, and a failing draw is printed whole: neither deadlines nor a database on disk.
COMMON: dict[str, Any] = {
    "deadline": None, "database": None, "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
}  # fmt: skip
settings.register_profile("engine", max_examples=25, derandomize=True, **COMMON)
settings.register_profile("engine-thorough", max_examples=1000, **COMMON)
settings.load_profile("engine-thorough" if os.environ.get("BACKLIT_THOROUGH") else "engine")


def make_problem(
    loss: Loss | str, hidden: Sequence[Activation | Layer | str] = ("tanh",), *, rows: int = 7, inputs: int = 3,
    units: int = 3, outputs: int = 3, output: Activation | str | None = None, seed: int = 0, dtype: str = "float64",
    spread: float = 0.5, **dense: Any,
) -> tuple[Network, Any, Any]:  # fmt: skip
    """Make a network with random weights and biases, inputs and targets.

    `hidden` lists activations, each behind a dense layer of `units`, and other layers, which stand on their own.
    """
    loss = losses.make(loss)
    rng = np.random.default_rng(seed)
    layers: list[Any] = []
    for op in hidden:
        alone = isinstance(op, Layer) and not isinstance(op, Activation)
        layers.append(op if alone else Dense(units, op, **dense))
    layers.append(Dense(outputs, output or last_activation(loss), **dense))
    network = Network(layers, inputs, loss, dtype=dtype, seed=seed)
    network.parameters[:] += rng.normal(0.0, spread, network.parameters.size)
    return network, rng.normal(size=(rows, inputs)), draw_targets(loss, rows, outputs, rng)


@pytest.fixture(scope="session")
def problem() -> Callable[..., tuple[Network, Any, Any]]:
    """Give the function that makes a network, inputs and targets."""
    return make_problem


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> int:
    """Cut every batch into shards of 4 rows."""
    monkeypatch.setattr(sharding, "SMALLEST_SHARD", 4)
    monkeypatch.setattr(sharding, "SHARD_ELEMENTS", 1)
    return 4


@pytest.fixture
def shared_batches(monkeypatch: pytest.MonkeyPatch, small_shards: int) -> None:
    """Share the smallest batches among as many threads as given, whichever way is faster."""
    monkeypatch.setattr(sharding, "THREADED_WORK", 1)
    monkeypatch.setattr(sharding, "THREADED_ROWS", 2)
    monkeypatch.setattr(sharding, "SEVERAL_ROWS", 4)
    monkeypatch.setattr(thread_team, "processors", lambda: 64)
    monkeypatch.setattr(auto_switch.AutoSwitch, "note", lambda self, batches, seconds: None)


@pytest.fixture
def no_second_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to start a second helper thread."""
    start = threading.Thread.start

    def starts(thread: threading.Thread) -> None:
        if thread.name == "backlit-2":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starts)


FILL = """
from backlit.engine.code_cache import disk_cache

used = set()
read = disk_cache._read
disk_cache._read = lambda path: (used.add(path.name), read(path))[1]

import numpy as np
import backlit as bl
from backlit.cli import main

main(["train", "iris", "--epochs", "1", "--layers", "4", "--seed", "1", "-q"])
X, Y = np.ones((16, 9)), np.arange(16) % 2
for dtype in ("float32", "float64"):
    for last, loss in (("softmax", "cross_entropy"), ("identity", "mse")):
        network = bl.Network([bl.Dense(8, "tanh"), bl.Dense(2, last)], 9, loss, dtype=dtype, seed=1)
        T = Y if last == "softmax" else np.eye(2)[Y]
        bl.Training(network, X, T, epochs=1, batch_size=16, validation=(X, T)).run()
        network.predict(X)
print(disk_cache.cache_folder(), *used)
"""
"""Uses what most programs share, so that it lies in the cache of this session, and tells the names of its files."""


@pytest.fixture(scope="session")
def warm_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give the files of the session's cache that a small training needs: the machine, the products, some kernels."""
    done = subprocess.run(
        [sys.executable, "-c", FILL], cwd=tmp_path_factory.mktemp("fill"), capture_output=True, text=True, check=True
    )
    folder, *names = done.stdout.splitlines()[-1].split()
    return [path for path in (Path(folder, name) for name in names) if path.exists()]


@pytest.fixture
def thinned_cache(warm_files: list[Path], tmp_path: Path) -> Callable[..., Path]:
    """Give a function that makes a cache of the session's files, without those whose names begin as is said.

    Where a test needs no more than some kernels missing, this takes seconds less than an empty cache.
    """

    def make(*missing: str, name: str = "thinned") -> Path:
        cache = tmp_path / name
        for path in warm_files:
            folder = cache / "kernels" / path.parent.name
            folder.mkdir(0o700, parents=True, exist_ok=True)
            if not path.name.startswith(missing):
                shutil.copy2(path, folder)
                entry = path.name.removeprefix("machine_").rpartition("_")[0]
                (folder / f"{entry}.asked").touch(0o600)  # the claim: no helper is started for what lies there
        return cache

    return make
